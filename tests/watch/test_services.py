"""Messages arrive at a service, and its secrets nowhere else."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from touchstone.cli.main import main
from touchstone.config import Alerts, ConfigError, parse
from touchstone.watch.services import VARIABLE, AlertError, Sender, Services, urls

SECRET = "hunter2hunter2"


@pytest.fixture
def service() -> Iterator[tuple[str, list[Any]]]:
    """URL of a service on loopback that takes everything, and what it was sent."""
    taken: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://desk:{SECRET}@127.0.0.1:{server.server_port}/", taken
    server.shutdown()


def test_a_message_arrives(service: tuple[str, list[Any]]) -> None:
    url, taken = service
    said: list[str] = []
    sender = Sender(Services([url]), said.append)
    sender.send("critical: trading is killed")
    sender.wait(20.0)
    assert [message["message"] for message in taken] == ["critical: trading is killed"]
    assert said == []


def test_a_service_that_is_away_is_said_without_its_secret(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    sender = Sender(Services([f"json://desk:{SECRET}@127.0.0.1:9/"]), said.append)
    sender.send("warning: quota")
    sender.wait(20.0)
    assert len(said) == 1
    captured = capfd.readouterr()
    assert SECRET not in said[0] + captured.out + captured.err


def test_a_url_of_no_service_is_refused_by_its_number() -> None:
    with pytest.raises(AlertError, match="alert URL 2") as error:
        Services(["json://127.0.0.1:9/", f"bogus://{SECRET}"])
    assert SECRET not in str(error.value)


def test_urls_come_from_the_variable_or_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    path = tmp_path / "urls"
    path.write_text("# my phone\njson://127.0.0.1:9/\n\n")
    settings = Alerts(urls_file=str(path))
    path.chmod(0o644)
    with pytest.raises(AlertError, match="chmod 600"):
        urls(settings, {})
    path.chmod(0o600)
    assert urls(settings, {}) == ["json://127.0.0.1:9/"]
    assert urls(settings, {VARIABLE: "json://a/ json://b/"}) == ["json://a/", "json://b/"]
    assert urls(Alerts(), {}) == []
    with pytest.raises(AlertError, match="No such file"):
        urls(Alerts(urls_file=str(tmp_path / "none")), {})


def test_a_url_in_the_configuration_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="urls_file") as error:
        parse(f'[alerts]\nurls_file = "json://desk:{SECRET}@host/"')
    assert SECRET not in str(error.value)


def test_the_command_says_which_service_took_it(
    service: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url, taken = service
    monkeypatch.setenv(VARIABLE, url)
    assert main(["alerts", "test"]) == 0
    assert len(taken) == 1
    monkeypatch.setenv(VARIABLE, f"{url} json://127.0.0.1:9/")
    assert main(["alerts", "test"]) == 1
    assert "FAILED" in capsys.readouterr().out
    monkeypatch.delenv(VARIABLE)
    assert main(["alerts", "test"]) == 2
