"""Where alerts go: any service that apprise knows. Its URLs hold secrets: they are in no configuration and no log."""

import logging
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import apprise

from touchstone import TouchstoneError
from touchstone.config import Alerts
from touchstone.watch.alerts import VARIABLE

TITLE = "touchstone"
WAITING = 100  # messages kept for a service that does not answer
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # what it logs may hold a URL; failures are said here


class AlertError(TouchstoneError):
    """Alerts cannot be sent; the message says why, without the secrets of a URL."""

    exit_code = 2


def urls(settings: Alerts, environment: Mapping[str, str] = os.environ) -> list[str]:
    """URLs of the services: those of the variable, else those of the file. Raises AlertError."""
    if given := environment.get(VARIABLE, "").split():
        return given
    if not settings.urls_file:
        return []
    path = Path(settings.urls_file)
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise AlertError(f"[alerts] urls_file {path}: others may read its secrets; chmod 600 {path}")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AlertError(f"[alerts] urls_file {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


class Services:
    """The services of some URLs. Raises AlertError for a URL that apprise does not take, by its number."""

    def __init__(self, given: Sequence[str]) -> None:
        self._services = []
        for number, url in enumerate(given, 1):
            service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
            if service is None:
                kind = url.partition("://")[0] if "://" in url else "no scheme"
                raise AlertError(f"alert URL {number} ({kind}) is none that apprise takes; see docs/alerts.md")
            self._services.append(service)

    @property
    def names(self) -> list[str]:
        """Kind of each service, and nothing of its URL: `Telegram`."""
        return [str(service.service_name) for service in self._services]

    def send(self, text: str) -> list[str]:
        """To every service, waiting for each; names of those that did not take it."""
        failed = []
        for name, service in zip(self.names, self._services, strict=True):
            try:
                is_taken = bool(service.notify(body=text, title=TITLE))
            except Exception:  # whatever a service's plugin runs into, and says: it may hold the URL
                is_taken = False
            if not is_taken:
                failed.append(name)
        return failed


class Sender:
    """Sends in a thread of its own, so that a service that hangs delays nothing; `say` hears of failures."""

    def __init__(self, services: Services, say: Callable[[str], None]) -> None:
        self._services = services
        self._say = say
        self._waiting: queue.Queue[str] = queue.Queue(WAITING)
        threading.Thread(target=self._work, name="alerts", daemon=True).start()

    def send(self, text: str) -> None:
        """Take a message; dropped, and said, where too many wait."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._say(f"alert not sent, {WAITING} wait already: {text}")

    def wait(self, seconds: float) -> None:
        """Until everything was tried, or the time is over."""
        deadline_s = time.monotonic() + seconds
        while self._waiting.unfinished_tasks and time.monotonic() < deadline_s:
            time.sleep(0.02)

    def _work(self) -> None:
        while True:
            text = self._waiting.get()
            failed = self._services.send(text)
            if failed:
                self._say(f"alert not taken by {', '.join(failed)}: {text}")
            self._waiting.task_done()

