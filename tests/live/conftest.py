"""A key that tests may know, keystores that open quickly, and a quiet exchange to act on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.conftest import WIDE, Running

from touchstone.live import keys

ROOT = Path(__file__).parents[2]
TEST_KEY = "0x" + "5e" + "c0ffee7a57ed" * 5 + "01"  # of nobody
FAST_SCRYPT = 2


@pytest.fixture
def key() -> str:
    return TEST_KEY


@pytest.fixture(autouse=True)
def no_secrets_in_the_environment() -> Iterator[None]:
    """Reading a secret takes it out of the environment, so a test must not find one, nor leave one."""
    kept = {name: os.environ.pop(name) for name in keys.SECRET_VARIABLES if name in os.environ}
    yield
    for name in keys.SECRET_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(kept)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange that is out of reach is given up at once."""
    monkeypatch.setattr("touchstone.clients.backoff.Backoff.pause_s", lambda _: 0.01)


@pytest.fixture
def keystore(tmp_path: Path, key: str) -> Path:
    """Keystore of the key, for testnet; its password is `a password`."""
    path = tmp_path / "agent.json"
    keys.write_keystore(path, keys.Secret(key), keys.Secret("a password"), network="testnet", scrypt_n=FAST_SCRYPT)
    return path


@pytest.fixture(scope="session")
def child() -> dict[str, str]:
    """Environment of a process that imports this code and these tests."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory, child: dict[str, str]) -> Iterator[Any]:
    """The quiet exchange of venue.py, shared by a worker's tests; each takes demo accounts of its own."""
    folder = tmp_path_factory.mktemp("venue")
    (folder / "exchange.toml").write_text(WIDE + "\n[accounts]\nn = 40\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.venue", str(folder / "exchange.toml")],
            stdout=subprocess.PIPE, stderr=log, text=True, env=child,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        url, token = process.stdout.readline().split(), process.stdout.readline().split()
        if not token:
            pytest.fail(f"the exchange did not start: {(folder / 'log').read_text()[-2_000:]}")
        yield Running(process, url[-1], token[-1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
