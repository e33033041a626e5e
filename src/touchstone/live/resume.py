"""Going on with a session that did not end by itself: its journal brings the core to where it was, byte for byte."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from touchstone.core import events
from touchstone.core.jit import source_hash
from touchstone.live.desk import Desk
from touchstone.live.recovery import Recovery
from touchstone.live.trader import Trader
from touchstone.session import journal
from touchstone.session.store import RESULT

ABOUT = "live.json"
MS = 1_000_000


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder of a live session says of it: enough to go on with it after a crash."""

    network: str
    url: str
    account: str
    coin: str
    cloid_tag: int
    position: int  # size units, before the first event
    time_ms: int  # fills of blocks up to here are in it

    def write(self, folder: Path) -> None:
        """Into the session's folder."""
        (folder / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))


def read_about(folder: Path) -> About:
    """Of a live session's folder. Raises OSError, msgspec.DecodeError."""
    return msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)


def unfinished(desk: Desk, *, network: str, url: str, coin: str, config_toml: str) -> tuple[Path, About] | None:
    """The coin's last session, if it did not end by itself and this program would go on with it unchanged."""
    folder = desk.last_session(coin)
    if folder is None or (folder / RESULT).exists():
        return None
    try:
        about = read_about(folder)
        meta = journal.read(folder).meta
        same_config = (folder / "config.toml").read_text(encoding="utf-8") == config_toml
    except (OSError, msgspec.DecodeError, journal.JournalError):
        return None
    is_same = (about.network, about.url, about.coin) == (network, url, coin) and same_config
    return (folder, about) if is_same and meta is not None and meta.core == source_hash() else None


@dataclass(frozen=True)
class Retraced:
    """What the journal of a session that goes on says; `again`: commands that undo the halt of an end cut off."""

    n_events: int
    again: list[Any]
    n_cleared: int  # kills that the operator has cleared, as far as the core was told


def retrace(trader: Trader, folder: Path, recovery: Recovery) -> Retraced:
    """Feed the journal of `folder` to a trader that stands at its start."""
    count = 0
    known, commands = Known(recovery), Commands()
    for block in journal.read(folder):
        if block.kind != journal.EVENTS:
            continue
        rows = block.rows()
        trader.retrace(rows)
        count += len(rows)
        known.take(rows)
        commands.take(rows)
    trader.drain()
    return Retraced(count, commands.again(), commands.n_cleared)


class Commands:
    """What the operator wanted last, and whether the session was ending: its own halt is not the operator's."""

    def __init__(self) -> None:
        self._is_ending = False
        self._halted = False
        self._reduces = False
        self.n_cleared = 0

    def take(self, rows: Any) -> None:
        """Journaled events, in their order."""
        given = rows[rows["kind"] == events.OPERATOR]
        for code, of_end in given[["code", "aux"]].tolist():
            self._is_ending = bool(of_end)
            if not of_end:
                self.n_cleared += code == events.COMMAND_CLEAR
                self._halted |= code == events.COMMAND_HALT
                self._reduces |= code == events.COMMAND_REDUCE_ONLY
                if code == events.COMMAND_RESUME:
                    self._halted = self._reduces = False

    def again(self) -> list[Any]:
        """Commands after which only what the operator wanted holds."""
        if not self._is_ending or self._halted:
            return []
        return [events.COMMAND_RESUME, *([events.COMMAND_REDUCE_ONLY] if self._reduces else [])]


class Known:
    """Up to when all fills and funding payments are known, by the journal: what came in a gap may not be all of it."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery
        self._newest_fill_ms = 0
        self._sees_all = False

    def take(self, rows: Any) -> None:
        """Journaled events, in their order."""
        telling = rows[np.isin(rows["kind"], (events.FILL, events.FUNDING_PAYMENT, events.FEED_UP, events.FEED_DOWN))]
        for kind, code, exch_ns in telling[["kind", "code", "exch_ns"]].tolist():
            if kind == events.FUNDING_PAYMENT:
                self._recovery.newest_funding_ms = max(self._recovery.newest_funding_ms, exch_ns // MS)
            elif kind == events.FILL:
                self._newest_fill_ms = max(self._newest_fill_ms, exch_ns // MS)
            elif code == events.FEED_ACCOUNT:
                self._sees_all = kind == events.FEED_UP
            if self._sees_all:
                self._recovery.newest_fill_ms = self._newest_fill_ms


def load_start(trader: Trader, content: bytes) -> None:
    """The core's state before the first event. Raises ValueError for one of another version."""
    state = trader.machine["state"].view(np.uint8)
    if len(content) != state.nbytes:
        raise ValueError(f"a state of {len(content)} bytes, this version has {state.nbytes}")
    state[:] = np.frombuffer(content, np.uint8)
