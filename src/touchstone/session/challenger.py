"""A challenger over the journal of a session, finished or still written: what may be asked, then both cores in step."""

import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from touchstone import TouchstoneError, config
from touchstone.config import Config, Models
from touchstone.core.jit import CACHE_DIR
from touchstone.session import carry, challenge, journal
from touchstone.session.beside import NEVER_NS, Beside, challenger_of
from touchstone.session.challenge import Comparison
from touchstone.session.store import START, STATES

# Sections (and keys at the top) that say where and how a session trades, not what its core does; or, like fees, what
# the exchange tells.
NOT_OF_CORE = ("seed", "fees", "account", "live", "dashboard", "alerts")

Progress = Callable[[int, int], None]


class ChallengeError(TouchstoneError):
    """These two cannot be held against each other; the message says why and what can be done."""

    exit_code = 2


def changes(models: Models, changed: Models) -> dict[str, tuple[Any, Any]]:
    """Settings of [models] that are not the same: (incumbent's, challenger's) by name."""
    one, other = models.model_dump(), changed.model_dump()
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


def in_words(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """The changes for people."""
    return ", ".join(f"{name} = {new} (incumbent {old})" for name, (old, new) in changed.items())


def settings_of(folder: Path, file: Path) -> tuple[Config, Config]:
    """(incumbent's, challenger's) settings: those of a session, and with the [models] of a configuration file.

    Raises ChallengeError where the file says something else of the market or of quoting than the session did.
    """
    of_session, asked = config.load(folder / "config.toml"), config.load(file)
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    coin = said.get("market", {}).get("coin", of_session.market.coin)
    if coin != of_session.market.coin:
        raise ChallengeError(f"{file} is for {coin}, the session traded {of_session.market.coin}; name a session of it")
    ours, theirs = asked.model_dump(), of_session.model_dump()
    others = [
        f"[{section}] {name}"
        for section, values in said.items()
        if section not in (*NOT_OF_CORE, "models")
        for name in values
        if ours[section][name] != theirs[section][name]
    ]
    if others:
        raise ChallengeError(
            f"{file}: a challenger differs in [models] only, but {', '.join(others)} is not as in the session either; "
            "leave that out, or hold the configurations against each other with touchstone compare"
        )
    return of_session, of_session.model_copy(update={"models": asked.models})


def check(models: Models, changed: Models) -> dict[str, tuple[Any, Any]]:
    """The changes, where predictions can show what they are worth. Raises ChallengeError."""
    found = changes(models, changed)
    if not found:
        raise ChallengeError("the settings of [models] are those of the session: there is nothing to compare")
    if not (models.enabled and changed.enabled):
        raise ChallengeError("[models] enabled = false predicts nothing: there is nothing to compare")
    if not challenge.concerned(found):
        raise ChallengeError(
            f"[models] {', '.join(found)} changes how quotes are made of the predictions, not the predictions "
            "themselves, so no challenger can show what it is worth; touchstone compare can"
        )
    return found


class Challenger:
    """Both cores at the journal of one session, and the comparison that they add to."""

    def __init__(
        self, folder: Path, settings: Config, changed: Config, comparison: Comparison, evidence: bytes | None = None
    ) -> None:
        """evidence: of the challenger from earlier sessions (carry.py); without, it knows what the incumbent knew.

        Raises ChallengeError, JournalError.
        """
        self._journal = journal.read(folder)
        meta, start = self._journal.meta, folder / STATES / START
        if meta is None or not start.is_file():
            raise ChallengeError(f"{folder}: the session had not begun; there is nothing to compare")
        if meta.core != CACHE_DIR.name:
            raise ChallengeError(
                f"{folder} was made by core {meta.core}, this is core {CACHE_DIR.name}: the incumbent cannot be run "
                "again; use the program that made it, or a session of this one"
            )
        state = start.read_bytes()
        machine = challenger_of(state, settings, changed)
        self.goes_on = evidence is not None and carry.unpack(machine[0].state, evidence, NEVER_NS)
        self.comparison = comparison
        self._beside = Beside(state, machine)
        self.n_events = 0
        self.is_behind = False  # the end of the journal was not waited for

    @property
    def n_market(self) -> int:
        """Rows of the market that both have heard."""
        return self._beside.n_market

    @property
    def now_ns(self) -> int:
        """Time of the newest event."""
        return self._beside.now_ns

    def evidence(self) -> bytes:
        """What the challenger has learned and earned, for its next session."""
        return carry.pack(self._beside.challenger.state)

    def run(
        self, may_come: Callable[[], bool], progress: Progress = lambda done, total: None,
        *, stops: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Go through the journal, and on while more may come (asked at the end of what there is); or until `stops`."""
        done = 0
        for block in self._journal.follow(may_come):
            if stops():
                self.is_behind = True
                break
            if block.kind == journal.EVENTS:
                self._beside.feed(block.payload)
                self.n_events += len(block)
                self._take()
            done += len(block.payload)
            progress(done, self._journal.total_bytes)
        self.catch_up()

    def catch_up(self) -> None:
        """Everything paired so far into the comparison."""
        self._take(at_least=1)
        self.comparison.count_unpaired(self._beside.n_unpaired)
        self._beside.n_unpaired[:] = 0

    def _take(self, **least: int) -> None:
        if (pairs := self._beside.pairs(**least)) is not None:
            self.comparison.take(pairs)


def _ended() -> bool:
    """Nothing more comes of a session that others follow."""
    return False


def _waits(folder: Path, is_over: Callable[[Path], bool]) -> Callable[[], bool]:
    return lambda: not is_over(folder)


def over(
    folders: list[Path], file: Path, *, progress: Progress = lambda done, total: None, is_over: Callable[[Path], bool]
) -> dict[str, Any]:
    """Hold the [models] of a file against those of sessions, one after the other; docs/json.md.

    The challenger begins each with what its incumbent knew then. `is_over` tells of the last one whether it has ended;
    it may sleep. Raises ChallengeError.
    """
    began = time.perf_counter()
    comparison, changed, n_events = Comparison(), {}, 0
    settings = [settings_of(folder, file) for folder in folders]
    for folder, (of_session, asked) in zip(folders, settings, strict=True):
        changed = check(of_session.models, asked.models)
        if of_session.models != settings[0][0].models or of_session.market.coin != settings[0][0].market.coin:
            raise ChallengeError(f"{folder}: another coin or other [models] than {folders[0]}; name those apart")
        challenger = Challenger(folder, of_session, asked, comparison)
        challenger.run(_waits(folder, is_over) if folder is folders[-1] else _ended, progress)
        if challenger.n_market == 0:
            raise ChallengeError(f"{folder}: the journal holds no row of the market; nothing could be predicted")
        n_events += challenger.n_events
    return {
        "sessions": [str(folder) for folder in folders],
        "coin": settings[0][0].market.coin,
        "changed": {name: {"incumbent": old, "challenger": new} for name, (old, new) in changed.items()},
        **comparison.summary(challenge.concerned(changed)),
        "events": n_events,
        "seconds": time.perf_counter() - began,
    }
