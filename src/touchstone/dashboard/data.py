"""What the pages show: the standing of a session, read at once, and its tables, read beside the pages.

A page never waits for a table: reading happens in a thread, and the pause to the next reading is ten times as long as
the last one took, so that a large session costs no more than a small one. Readings are those of the report.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from touchstone.insight.intervals import Interval
from touchstone.insight.readings import NoDataError, Session, UnreadableSessionError
from touchstone.insight.readings.fills import Fills, read_fills
from touchstone.insight.readings.outcomes import Scores, read_scores, skill_intervals
from touchstone.insight.readings.path import Money, Quotes, read_money, read_quotes
from touchstone.insight.readings.requests import Requests, read_requests
from touchstone.watch.standing import Reader, Standing

T = TypeVar("T")
LEAST_PAUSE_S = 1.0
PAUSE_FACTOR = 10.0
LONGEST_PAUSE_S = 30.0  # on a machine that is so busy that a reading takes long


@dataclass(frozen=True)
class Tables:
    """Readings of `session.db` at one time; None where there is no data, `reasons` says why."""

    fills: Fills | None = None
    quotes: Quotes | None = None
    money: Money | None = None
    requests: Requests | None = None
    scores: dict[str, Scores] | None = None
    skills: dict[str, Interval] | None = None  # of a session that goes on: the result's are told at its end
    result: dict[str, Any] = field(default_factory=dict)  # of a session without result.json and status.json
    reasons: dict[str, str] = field(default_factory=dict)
    number: int = 0  # of the reading


class Shown:
    """One session as the pages see it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables = Tables()
        self._reader = Reader(folder)
        self._reading: asyncio.Task[None] | None = None
        self._due_s = 0.0

    @property
    def name(self) -> str:
        """What the session is called."""
        return self.folder.resolve().name

    @property
    def standing(self) -> Standing:
        """How it stands now. Raises NoSessionError."""
        standing = self._reader.read()
        if not standing.result and self.tables.result:
            return Standing(standing.folder, standing.phase, standing.silent_s, self.tables.result, standing.told)
        return standing

    @property
    def wrote_ns(self) -> int:
        """When the session last wrote how it stands, by the wall; 0 where it never did."""
        return int(self.standing.told.get("wall_ns") or 0)

    def refresh_soon(self) -> None:
        """Read the tables again in the background, if it is time to; those of an ended session once."""
        if self._reading is not None and not self._reading.done():
            return
        is_over = self.tables.number > 0 and self.standing.phase == "ended"
        if time.monotonic() >= self._due_s and not is_over:
            self._reading = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        began_s = time.monotonic()
        standing = self._reader.read()
        before = self.tables
        made = await asyncio.to_thread(read_tables, self.folder, before.number + 1, bool(standing.result))
        if standing.phase != "ended" and _records(made) > 0:
            # The largest table is summed up once a calibration record, and not again each second.
            skills = before.skills
            if _records(made) != _records(before) or skills is None:
                skills = await asyncio.to_thread(read_skills, self.folder)
            made = replace(made, skills=skills)
        self.tables = made
        now_s = time.monotonic()
        self._due_s = now_s + min(max(LEAST_PAUSE_S, PAUSE_FACTOR * (now_s - began_s)), LONGEST_PAUSE_S)


def _records(tables: Tables) -> int:
    """How many calibration records were written."""
    return max((len(along.t_ns) for along in (tables.scores or {}).values()), default=0)


def read_skills(folder: Path) -> dict[str, Interval]:
    """Interval of each model's skill so far, from the outcomes in the database; {} where they cannot be read."""
    try:
        with Session(folder) as session:
            return skill_intervals(session)
    except (NoDataError, UnreadableSessionError):
        return {}


def read_tables(folder: Path, number: int, is_told: bool) -> Tables:
    """Every reading by itself: one that has no data leaves its reason. is_told: a result is known already."""
    reasons: dict[str, str] = {}
    try:
        session = Session(folder)
    except UnreadableSessionError as error:
        return Tables(
            reasons=dict.fromkeys(("fills", "quotes", "money", "requests", "scores"), str(error)), number=number
        )

    def reading(name: str, read: Callable[[Session], T]) -> T | None:
        try:
            return read(session)
        except NoDataError as error:
            reasons[name] = str(error)
            return None

    with session:
        return Tables(
            fills=reading("fills", read_fills),
            quotes=reading("quotes", read_quotes),
            money=reading("money", read_money),
            requests=reading("requests", read_requests),
            scores=reading("scores", read_scores),
            result={} if is_told else session.result,
            reasons=reasons,
            number=number,
        )


class Library:
    """The sessions that can be looked at: the one that was named, and those beside it."""

    def __init__(self, folder: Path, sessions: Callable[[], list[Path]]) -> None:
        self._first = Shown(folder)
        self._sessions = sessions
        self._shown = {self._first.name: self._first}

    def names(self) -> list[str]:
        """The named one first, then by when they wrote last."""
        others = [path.resolve().name for path in self._sessions()]
        return [self._first.name, *(name for name in others if name != self._first.name)]

    def get(self, name: str | None) -> Shown:
        """A session by its name; the named one where it is not known."""
        if name and name not in self._shown:
            for path in self._sessions():
                if path.resolve().name == name:
                    self._shown[name] = Shown(path)
        return self._shown.get(name or "", self._first)
