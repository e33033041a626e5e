"""A local exchange in a process of its own, started as a user starts it, for clients that others wrote."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from touchstone.local.server.demo import demo_address, demo_key

START_S = 180.0  # compiling included

# All clients of the tests have one address, so the limits of an address are wide; tests of limits set their own.
WIDE = """
[limits]
ip_weight_per_minute = 1000000
connections = 200
new_connections_per_minute = 100000
users = 100
messages_per_minute = 1000000
"""


class Running:
    """A server process: its URL, its operator's endpoint."""

    def __init__(self, process: subprocess.Popen[str], url: str, token: str) -> None:
        self.process = process
        self.url = url
        self.token = token
        self.ws_url = "ws" + url.removeprefix("http")

    def admin(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Answer of the operator's endpoint."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/admin/{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    @contextmanager
    def faults(self, **plan: Any) -> Iterator[None]:
        """Faults that are on inside the block."""
        self.admin("faults", plan)
        try:
            yield
        finally:
            self.admin("faults", method="DELETE")

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and body of a plain request; text where it is not JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status, raw = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw.decode(errors="replace")

    def info(self, kind: str, **parameters: Any) -> Any:
        """Answer to an info request."""
        status, body = self.post("info", {"type": kind, **parameters})
        assert status == 200, body
        return body


Start = Callable[..., Running]


@contextmanager
def running(folder: Path, *arguments: str, config: str = WIDE) -> Iterator[Running]:
    """A server with these arguments and this configuration, ended in order."""
    file = folder / "exchange.toml"
    file.write_text(config)
    command = [sys.executable, "-m", "touchstone", "exchange", "--config", str(file), *arguments]
    source = str(Path(__file__).parents[2] / "src")
    log = (folder / "log").open("w+")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | {"PYTHONPATH": source}
    )
    try:
        assert process.stdout is not None
        url, token = process.stdout.readline().split(), process.stdout.readline().split()
        if not token:
            log.seek(0)
            pytest.fail(f"the exchange did not start: {log.read()[-2_000:]}")
        yield Running(process, url[-1], token[-1])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise
        finally:
            process.stdout and process.stdout.close()
            log.close()
        assert code == 0, (folder / "log").read_text()[-2_000:]


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The usual exchange, shared by the tests of clients."""
    with running(tmp_path_factory.mktemp("venue"), "--market", "normal") as found:
        yield found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start further exchanges; they end with the test."""
    with ExitStack() as stack:
        number = iter(range(100))

        def make(*arguments: str, config: str = WIDE) -> Running:
            folder = tmp_path / str(next(number))
            folder.mkdir()
            return stack.enter_context(running(folder, *arguments, config=config))

        yield make


@pytest.fixture(scope="session")
def account() -> Callable[[int], tuple[str, str]]:
    """(address, key) of a demo account."""
    return lambda number: (demo_address(number), demo_key(number))
