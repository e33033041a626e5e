"""From what is wrong to what is told: each thing once, not too often, at night only what cannot wait.

    begins     told when it has lasted as long as its rule says
    lasts      told again each `repeat_min`
    ends       noted in the log; told if its beginning was
    flaps      what comes back within `repeat_min` is not told again
    too many   beyond `most_per_hour` the rest is held back and its number told; critical ones never wait
    quiet      in quiet hours only critical ones are told, the others when they are over, if they still last

No clock is read here: times are handed in. `alerts.log` in the session's folder holds every event, told or not.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

import msgspec

from touchstone.config import Alerts
from touchstone.watch.rules import Finding

VARIABLE = "TOUCHSTONE_ALERT_URLS"  # of the services; alerts.log is written in any case
LOG = "alerts.log"
HOUR_S = 3600.0
NEVER_S = float("-inf")


class Line(msgspec.Struct, frozen=True):
    """One line of alerts.log. what: `began`, `lasts` or `ended`; told: whether it was sent."""

    wall_ns: int
    what: str
    rule: str
    key: str
    severity: str
    text: str
    told: bool


@dataclass
class Active:
    """Something that is wrong, since when, and when it was last told (s of the caller's clock)."""

    finding: Finding
    since_s: float
    began: bool = False  # it has lasted long enough to count


class Alerter:
    """Takes what is wrong as often as someone looks, and tells what is worth telling (`send` gets one text)."""

    def __init__(self, settings: Alerts, send: Callable[[str], None], note: Callable[[Line], None]) -> None:
        self._settings = settings
        self._send = send
        self._note = note
        self._active: dict[tuple[str, str], Active] = {}
        self._told_s: dict[tuple[str, str], float] = {}
        self._sent_s: deque[float] = deque()
        self._held_back: set[str] = set()  # texts

    @property
    def active(self) -> list[Finding]:
        """What is wrong now and has lasted long enough."""
        return [each.finding for each in self._active.values() if each.began]

    def take(self, found: Iterable[Finding], now_s: float, wall: datetime) -> None:
        """What is wrong at `now_s` (monotonic); `wall` is local time, for quiet hours and the log."""
        present = {(each.rule, each.key): each for each in found}
        for at in [at for at in self._active if at not in present]:
            self._end(at, now_s, wall)
        for at, finding in present.items():
            active = self._active.setdefault(at, Active(finding, now_s))
            active.finding = finding
            if now_s - active.since_s >= finding.after_s:
                self._begin(at, active, now_s, wall)
        self._tell_held_back(now_s, wall)

    def _begin(self, at: tuple[str, str], active: Active, now_s: float, wall: datetime) -> None:
        is_due = now_s - self._told_s.get(at, NEVER_S) >= 60.0 * self._settings.repeat_min
        if active.began and not is_due:
            return
        told = is_due and self._tell(active.finding, at, now_s, wall)
        if told or not active.began:
            self._log("lasts" if active.began else "began", active.finding, wall, told)
        active.began = True

    def _end(self, at: tuple[str, str], now_s: float, wall: datetime) -> None:
        active = self._active.pop(at)
        if not active.began:
            return
        was_told = self._told_s.get(at, NEVER_S) >= active.since_s
        told = was_told and self._may_send(active.finding, now_s, wall)
        if told:
            self._dispatch(f"over: {active.finding.text}", now_s)
        self._log("ended", active.finding, wall, told)

    def _tell(self, finding: Finding, at: tuple[str, str], now_s: float, wall: datetime) -> bool:
        if not self._may_send(finding, now_s, wall):
            return False
        self._told_s[at] = now_s
        self._held_back.discard(finding.text)
        self._dispatch(f"{finding.severity}: {finding.text}", now_s)
        return True

    def _may_send(self, finding: Finding, now_s: float, wall: datetime) -> bool:
        if finding.severity == "critical":
            return True
        if is_quiet(self._settings.quiet_hours, wall.time()):
            return False
        if self._n_in_hour(now_s) >= self._settings.most_per_hour:
            self._held_back.add(finding.text)
            return False
        return True

    def _n_in_hour(self, now_s: float) -> int:
        while self._sent_s and now_s - self._sent_s[0] >= HOUR_S:
            self._sent_s.popleft()
        return len(self._sent_s)

    def _tell_held_back(self, now_s: float, wall: datetime) -> None:
        if not self._held_back or is_quiet(self._settings.quiet_hours, wall.time()):
            return
        if self._n_in_hour(now_s) < self._settings.most_per_hour:
            self._dispatch(f"{len(self._held_back)} messages were held back; see {LOG}", now_s)
            self._held_back.clear()

    def _dispatch(self, text: str, now_s: float) -> None:
        self._sent_s.append(now_s)
        self._send(text)

    def _log(self, what: str, finding: Finding, wall: datetime, told: bool) -> None:
        wall_ns = round(wall.timestamp() * 1e9)
        self._note(Line(wall_ns, what, finding.rule, finding.key, finding.severity, finding.text, told))


def is_quiet(hours: str, at: time) -> bool:
    """Whether a time of the day lies in hours like `22:00-07:00`; never in empty ones."""
    if not hours:
        return False
    begins, ends = (time.fromisoformat(part) for part in hours.split("-"))
    return begins <= at < ends if begins <= ends else at >= begins or at < ends


class AlertLog:
    """`alerts.log` of a session: one JSON object a line, for dashboard and grep."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path = folder / LOG
        self._say = say

    def note(self, line: Line) -> None:
        """One line more; where it cannot be written that is said."""
        try:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            self._say(f"{self._path} cannot be written ({error.strerror}): {line.what}: {line.text}")


def read_log(folder: Path, newest: int = 200) -> list[Line]:
    """The newest lines of a session's alerts.log, newest first; half a line at its end is left out."""
    try:
        lines = (folder / LOG).read_bytes().splitlines()[-newest:]
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Line))
        except msgspec.DecodeError:
            continue
    return found[::-1]

