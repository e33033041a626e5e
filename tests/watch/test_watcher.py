"""What is told when a session ends: a kill, a death; nothing of an end in order."""

import json
from pathlib import Path

import pytest

from touchstone.config import Alerts
from touchstone.watch.alerts import VARIABLE, read_log
from touchstone.watch.watcher import Watcher

from .conftest import Write, a_result, a_status


@pytest.fixture(autouse=True)
def nobody_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def told(folder: Path) -> list[str]:
    """Texts of the log, newest first."""
    return [line.text for line in read_log(folder)]


def test_an_end_in_order_is_no_alert(write: Write) -> None:
    watcher = Watcher(write(), Alerts(), lambda _: None)
    watcher.look()
    write(final=a_result())
    watcher.end()
    assert told(watcher.reader.folder) == []


def test_a_kill_is_told_though_the_session_has_ended_by_then(write: Write) -> None:
    watcher = Watcher(write(), Alerts(), lambda _: None)
    watcher.look()
    write(final=a_result() | {"risk": {"state": "killed", "reason": "drawdown"}})
    watcher.end()
    assert told(watcher.reader.folder) == ["trading is killed by drawdown; orders are pulled"]


def test_a_death_is_told(write: Write) -> None:
    watcher = Watcher(write(), Alerts(), lambda _: None)
    watcher.look()
    watcher.end()
    assert "the session died without an end" in told(watcher.reader.folder)[0]


def test_what_is_wrong_is_said_logged_and_shown(write: Write) -> None:
    status = a_status()
    status["connected"] = False
    said: list[str] = []
    watcher = Watcher(write(status=status), Alerts(disconnect_s=0.0), said.append)
    watcher.look()
    watcher.look()
    assert [each.rule for each in watcher.active] == ["disconnect"]
    assert said == ["alert began: no connection to the exchange"]
    lines = (watcher.reader.folder / "alerts.log").read_text().splitlines()
    assert [json.loads(line)["severity"] for line in lines] == ["critical"]
