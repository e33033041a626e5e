"""Champion and challenger of a session: whose [models] trade, and the process that holds the others against them.

The models of a market that have a record are the *incumbent*. A run with other [models] goes on trading with the
incumbent's; the others run beside as a challenger (challenging.py) that sends nothing, and their comparison is kept
from session to session. Once it has won, the next start trades with its settings and with what it has learned.

None of this is on the trader's path: the challenger is a process of its own at low priority that reads the journal. If
it dies, trading goes on, and the session adds nothing to its record.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from touchstone import config as configuration
from touchstone.config import Config, Models
from touchstone.live import challenging
from touchstone.live.challenging import (
    COMPARISON,
    EVIDENCE,
    FOLDER,
    GIVEN_COMPARISON,
    GIVEN_EVIDENCE,
    SETTINGS,
    STANDING,
)
from touchstone.live.desk import Desk, write_whole
from touchstone.live.keys import child_environment
from touchstone.session import carry
from touchstone.session.challenge import WINS, Comparison, concerned, key
from touchstone.session.challenger import changes, in_words

ENDS_S = challenging.ENDS_S + 20.0  # of the wall: how long it may take to its end
LOG = "challenger.log"

Say = Callable[[str], None]
Changes = Mapping[str, tuple[Any, Any]]


class Incumbent(msgspec.Struct, frozen=True):
    """The models that have a market's record, as the last session that ended there left them."""

    version: str  # carry.version()
    models: dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """Whose models trade (`config`), and those held against them, if any."""

    config: Config
    changed: Config | None = None
    changes: Changes | None = None
    took_over: bool = False
    words: str = ""


class Places:
    """Where a market's incumbent, evidence and comparisons are kept."""

    def __init__(self, desk: Desk, coin: str, source: str) -> None:
        self._desk, self._coin, self._source = desk, coin, source

    def evidence(self, config: Config) -> Path:
        """What models of these settings have learned and earned."""
        return self._desk.evidence(self._coin, carry.key(config, self._source))

    def comparison(self, config: Config, changed: Config) -> Path:
        """How these two have done against each other."""
        of_both = key(*(carry.key(each, self._source) for each in (config, changed)))
        return self._desk.evidence(self._coin, of_both).with_suffix(".comparison")

    @property
    def _incumbent(self) -> Path:
        return self._desk.evidence(self._coin, carry.market(self._source)).with_suffix(".json")

    def incumbent(self) -> Models | None:
        """Its settings; None where there is none, or one of another version of the models."""
        with contextlib.suppress(OSError, msgspec.DecodeError, ValidationError):
            found = msgspec.json.decode(self._incumbent.read_bytes(), type=Incumbent)
            if found.version == carry.version():
                return Models.model_validate(found.models)
        return None

    def set_incumbent(self, models: Models) -> None:
        """From now on these are."""
        content = msgspec.json.encode(Incumbent(carry.version(), models.model_dump()))
        write_whole(self._incumbent, msgspec.json.format(content, indent=2))


def choose(places: Places | None, config: Config, *, replaces: bool) -> Chosen:
    """Whose models trade. places: None where nothing is kept; replaces: those of the configuration in any case."""
    incumbent = places.incumbent() if places else None
    changed = changes(incumbent, config.models) if incumbent else {}
    if places is None or incumbent is None or not changed:
        return Chosen(config)
    words = f"[models] {in_words(changed)}"
    if replaces:
        return Chosen(config, words=f"{words}: taken at once, with the evidence of their own")
    if not concerned(changed) or not (incumbent.enabled and config.models.enabled):
        return Chosen(config, words=f"{words}: no prediction can show what that is worth, so it holds at once")
    trades = config.model_copy(update={"models": incumbent})
    verdict = _comparison(places.comparison(trades, config)).summary(concerned(changed))["verdict"]
    if verdict == WINS:
        return Chosen(config, changes=changed, took_over=True, words=f"{words}: the challenger has won and takes over")
    return Chosen(
        trades, config, changed,
        words=f"{words}: the incumbent's go on trading, the others run beside as a challenger that sends nothing and "
        f"take over at the start after they have won (so far: {verdict}); --replace-models takes them at once",
    )  # fmt: skip


def _comparison(path: Path) -> Comparison:
    """As it was kept; a new one where there is none, or one that is damaged."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return Comparison(path.read_bytes())
    return Comparison()


class Beside:
    """The challenger's process beside a session, and what it says."""

    def __init__(self, places: Places, chosen: Chosen, folder: Path, say: Say) -> None:
        assert chosen.changed is not None
        assert chosen.changes is not None
        self._evidence = places.evidence(chosen.changed)
        self._comparison = places.comparison(chosen.config, chosen.changed)
        self._changed = chosen.changed
        self._changes = {name: {"incumbent": old, "challenger": new} for name, (old, new) in chosen.changes.items()}
        self._session, self._folder = folder, folder / FOLDER
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._problem: str | None = None
        self._told: dict[str, Any] = {}
        self._read_ns = 0  # time of the file that was read last

    async def start(self, now_ns: int) -> None:
        """Start it. It never raises: trading does not need it. now_ns: of the session; evidence is never of later."""
        try:
            self._folder.mkdir(exist_ok=True)
            configuration.save(self._changed, self._folder / SETTINGS)
            for name, kept in ((GIVEN_EVIDENCE, self._evidence), (GIVEN_COMPARISON, self._comparison)):
                (self._folder / name).unlink(missing_ok=True)
                content = kept.read_bytes() if kept.exists() else b""
                if content and (name == GIVEN_COMPARISON or carry.left_ns(content) <= now_ns):
                    (self._folder / name).write_bytes(content)
            with (self._session / LOG).open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", challenging.__name__, str(self._session),
                    stdin=subprocess.PIPE, stdout=log, stderr=log, env=child_environment(), start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            self._fail(f"the challenger cannot be started: {error}")

    def look(self) -> dict[str, Any]:
        """How it stands (docs/json.md), by what it wrote last."""
        told = self._read()
        if self._process is not None and self._process.returncode is not None and not told.get("finished"):
            self._fail(f"the challenger ended by itself ({LOG}); trading goes on without it")
        return {
            "changed": self._changes,
            "verdict": told.get("verdict", "NO DATA"),
            "targets": told.get("targets", {}),
            "events": told.get("events", 0),
            "time_ns": told.get("time_ns"),
            "goes_on": told.get("goes_on"),
            "kept": False,
            "note": self._problem,
        }

    async def stop(self) -> dict[str, Any]:
        """Let it come to the end of the journal, and keep what it found; how it stands then."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                await asyncio.wait_for(self._process.wait(), ENDS_S)
            except TimeoutError:
                self._fail(f"the challenger did not come to its end within {ENDS_S:g} s")
        standing = self.look()
        if self._problem is None:
            try:
                write_whole(self._evidence, (self._folder / EVIDENCE).read_bytes())
                write_whole(self._comparison, (self._folder / COMPARISON).read_bytes())
            except OSError as error:
                self._fail(f"what the challenger found cannot be kept: {error}")
        if self._problem is not None:
            return standing | {"note": f"{self._problem}; this session adds nothing to its record"}
        behind = "it had not heard the end of the session when that was over" if self._told.get("behind") else None
        return standing | {"kept": True, "note": behind}

    async def kill(self) -> None:
        """Whatever it does."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _read(self) -> dict[str, Any]:
        """What it wrote last; the file is only read where it is another than the last time."""
        path = self._folder / STANDING
        with contextlib.suppress(OSError, msgspec.DecodeError):
            if (written_ns := path.stat().st_mtime_ns) != self._read_ns:
                told = msgspec.json.decode(path.read_bytes())
                self._read_ns = written_ns
                if self._process is not None and told["pid"] == self._process.pid:  # not one of before a crash
                    self._told = told
        return self._told

    def _fail(self, problem: str) -> None:
        if self._problem is None:
            self._problem = problem
            self._say(problem)
