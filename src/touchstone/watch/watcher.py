"""The process beside a session: looks once a second, tells what is wrong, answers Prometheus. It only reads."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from touchstone.config import Alerts
from touchstone.watch.alerts import VARIABLE, Alerter, AlertLog, Line
from touchstone.watch.rules import Finding, findings
from touchstone.watch.standing import Reader, Standing

LOOK_S = 1.0

Say = Callable[[str], None]


LAST_S = 10.0  # for the last messages to be taken, when the session has ended
DIED = Finding("disconnect", "critical", "the session died without an end: orders may be open", "session")


class Sends(Protocol):
    """Takes a message and returns at once; `wait` gives it time to be sent."""

    def send(self, text: str) -> None: ...

    def wait(self, seconds: float) -> None: ...


class Watcher:
    """Watches one session. Raises AlertError where its alerts could not be sent."""

    def __init__(self, folder: Path, settings: Alerts, say: Say) -> None:
        self.reader = Reader(folder)
        self._settings = settings
        self._log = AlertLog(folder, say)
        self._say = say
        self._sender = _sender(settings, say)
        self._alerter = Alerter(settings, self._send, self._note)

    @property
    def active(self) -> list[Finding]:
        """What is wrong now and has lasted long enough."""
        return self._alerter.active

    def read(self) -> Standing:
        """How the session stands."""
        return self.reader.read()

    def look(self) -> Standing:
        """One look. A session that has ended is only read: nobody is told of the past."""
        standing = self.read()
        if standing.is_live:
            self._alerter.take(findings(standing, self._settings), time.monotonic(), datetime.now().astimezone())
        return standing

    async def watch(self) -> None:
        """Until the session ends or this is cancelled."""
        while self.look().phase != "ended":
            await asyncio.sleep(LOOK_S)

    def end(self) -> None:
        """The session's process has ended: tell of a kill, or of a death; then no more."""
        standing = self.read()
        last = findings(standing, self._settings) if standing.phase == "ended" else [DIED]
        now_s, wall = time.monotonic(), datetime.now().astimezone()
        self._alerter.take([*self._alerter.active, *last], now_s, wall)
        if self._sender is not None:
            self._sender.wait(LAST_S)

    def _send(self, text: str) -> None:
        if self._sender is not None:
            self._sender.send(text)

    def _note(self, line: Line) -> None:
        self._log.note(line)
        self._say(f"alert {line.what}: {line.text}")


def _sender(settings: Alerts, say: Say) -> Sends | None:
    """What sends to the services, if there are any: their library takes a while to load."""
    if not settings.urls_file and not os.environ.get(VARIABLE):
        return None
    from touchstone.watch.services import Sender, Services, urls

    given = urls(settings)
    return Sender(Services(given), say) if given else None
