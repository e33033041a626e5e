"""Replaying a session: the core, fed its journal from the state that it began with, must do and write the same again.

Compared are the journal's actions, the database's rows (as far as they go: they lag behind the journal of a session
that was killed), the state at each segment and the final one; byte for byte, up to the first difference. Memory does
not grow with the session.
"""

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from touchstone import TouchstoneError
from touchstone.core import engine, records
from touchstone.core.actions import ACTION
from touchstone.core.events import EVENT
from touchstone.core.jit import CACHE_DIR
from touchstone.core.phases.resolve import write_calibration
from touchstone.core.state import STATE, new_machine
from touchstone.insight.readings.folder import DATABASE
from touchstone.session.journal import ACTIONS, EVENTS, RECORD_BYTES, Block, JournalMeta, Reader, read
from touchstone.session.machine import TABLES
from touchstone.session.store import DESCRIBING, FINAL, START, STATES, Table

Progress = Callable[[int, int], None]
ORDERS = "orders"  # the database's copy of the actions
ACTIONS_TABLE, STATE_TABLE = "actions", "state"


class ReplayError(TouchstoneError):
    """A session cannot be replayed here; the message says why and what would help."""

    exit_code = 2


class Difference(msgspec.Struct, kw_only=True):
    """The first thing that is not the same. None for a value: there is no such row (or NULL in the database)."""

    table: str  # of the database; or `actions` of the journal, or `state`
    row: int  # from 0
    column: str
    recorded: Any
    replayed: Any
    event_ns: int  # receive time of the event that it follows from
    note: str = ""


class Replayed(msgspec.Struct, kw_only=True):
    """What came of a replay; docs/json.md."""

    session: str
    same: bool
    difference: Difference | None
    is_finished: bool  # the session ended by itself
    coin: str
    events: int
    actions: int
    rows: dict[str, int]  # compared, by table
    rows_ahead: dict[str, int]  # that the replay makes and the database of a session that was killed does not have
    actions_ahead: int  # wanted just before a crash, and not in the journal
    not_compared: list[str]  # tables that are not the core's
    checkpoints: int  # states compared, the final one included
    torn_bytes: int  # of the journal, cut off by a crash
    core: str  # that made the session
    core_here: str
    seconds: float


class Differs(Exception):  # noqa: N818
    """Carries the first difference out of the replay."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.table)
        self.difference = difference


def replay(session: Path, progress: Progress = lambda done, total: None) -> Replayed:
    """Feed a session's journal to the core of this program. Raises ReplayError, JournalError where it is damaged."""
    started = time.perf_counter()
    folder = Path(session)
    journal = read(folder)
    if journal.meta is None:
        raise ReplayError(f"{folder}: the journal ends before its first block; there is nothing to replay")
    states = folder / STATES
    core = Core(_state(states / START, journal.meta))
    is_finished = (states / FINAL).is_file()
    with contextlib.closing(Database(folder / DATABASE, is_finished=is_finished)) as database:
        comparison = Comparison(core, database, states)
        found = _first(comparison, journal, progress, is_finished=is_finished)
        return Replayed(
            session=str(folder),
            same=found is None,
            difference=found,
            is_finished=is_finished,
            coin=journal.meta.coin,
            events=core.n_events,
            actions=comparison.n_actions,
            rows=database.compared(),
            rows_ahead=database.ahead(),
            actions_ahead=comparison.n_ahead,
            not_compared=database.not_compared(),
            checkpoints=comparison.n_states,
            torn_bytes=journal.torn_bytes,
            core=journal.meta.core,
            core_here=CACHE_DIR.name,
            seconds=time.perf_counter() - started,
        )


def _first(comparison: "Comparison", journal: Reader, progress: Progress, *, is_finished: bool) -> Difference | None:
    """The first difference."""
    done, total = 0, journal.total_bytes
    try:
        for block in journal:
            comparison.take(block)
            done += len(block.payload)
            progress(done, total)
        comparison.finish(is_finished=is_finished)
    except Differs as differs:
        return differs.difference
    return None


def is_compiled() -> bool:
    """Whether the core's step is compiled already; else a first replay takes a minute more."""
    return any(CACHE_DIR.rglob("engine.step_rows-*.nbi"))


def _state(path: Path, meta: JournalMeta) -> bytes:
    """The state that the core began with."""
    other = "" if meta.core == CACHE_DIR.name else f"; it was made by core {meta.core}, this is {CACHE_DIR.name}"
    if not path.is_file():
        raise ReplayError(f"{path}: missing; without the state that the core began with nothing can be replayed{other}")
    raw = path.read_bytes()
    if len(raw) != STATE.itemsize:
        raise ReplayError(
            f"{path}: is a state of {len(raw)} bytes, the core here has {STATE.itemsize}{other}; replay the session "
            f"with the program that made it ({meta.created_by})"
        )
    return raw


class Core:
    """The core alone, one event at a time, so that all that it does has the time of its event."""

    def __init__(self, state: bytes) -> None:
        self._machine = new_machine()
        self._machine["state"].view(np.uint8)[:] = np.frombuffer(state, np.uint8)
        self._out = self._machine[0].out
        # The counters stand first in OUT, n_actions foremost: one look at their bytes tells whether anything was made.
        names = records.OUT.names[: records.OUT.names.index("overflow")]
        self._tables = names[1:]
        assert names[0] == "n_actions"
        self._counters = self._machine["out"].view(np.uint8).data[: 8 * len(names)].cast("q")
        self._event: Any = np.zeros(1, EVENT)
        self._event_bytes = self._event.view(np.uint8).data
        self._recv_ns = self._event["recv_ns"]
        self._nothing = self._counters.tobytes()
        self._before = self._nothing
        self.wanted: deque[tuple[bytes, int]] = deque()  # actions, with the time of their event; the shell takes them
        self.times: dict[str, list[int]] = {name: [] for name in TABLES}  # of the events of the rows in the buffers
        self.n_events = 0

    @property
    def state(self) -> bytes:
        """As it stands."""
        raw: bytes = self._machine["state"].tobytes()
        return raw

    @property
    def now_ns(self) -> int:
        """Receive time of the newest event."""
        return int(self._recv_ns[0])

    def feed(self, events: bytes) -> Iterator[None]:
        """Take in records; stops wherever the buffers want draining."""
        start, stop = np.int64(0), np.int64(1)
        for at in range(0, len(events), RECORD_BYTES):
            self._event_bytes[:] = events[at : at + RECORD_BYTES]
            engine.step_rows(self._machine, self._event, start, stop)
            self.n_events += 1
            if self._counters.tobytes() != self._before and self._note():
                yield

    def _note(self) -> bool:
        """Something was made: remember when. Whether a buffer is half full."""
        event_ns = self.now_ns
        if count := self._counters[0]:
            for action in self._out.actions[:count]:
                self.wanted.append((action.tobytes(), event_ns))
            self._counters[0] = 0
        is_half_full = False
        for place, name in enumerate(self._tables, 1):
            count, times = self._counters[place], self.times[name[2:]]
            times += [event_ns] * (count - len(times))
            is_half_full |= 2 * count > len(getattr(self._out, name[2:]))
        self._before = self._counters.tobytes()
        return is_half_full

    def write_last(self) -> None:
        """The calibration record that ends a session."""
        write_calibration(self._machine[0].state, self._out)
        self._note()

    def drain(self) -> Iterator[tuple[str, Any, list[int]]]:
        """(table, records, times of their events) of everything in the buffers, which are then empty."""
        for place, name in enumerate(self._tables, 1):
            table, count = name[2:], self._counters[place]
            if count:
                yield table, getattr(self._out, table)[:count], self.times[table]
            self._counters[place] = 0
            self.times[table] = []
        self._before = self._nothing


class Recorded:
    """One table of the database, read in the order of its rows beside what the replay makes."""

    def __init__(self, database: sqlite3.Connection, table: Table, *, is_finished: bool) -> None:
        self._table = table
        self._is_finished = is_finished
        listed = [row[1] for row in database.execute(f"PRAGMA table_info({table.name})")]
        if listed and listed != table.columns:
            odd = sorted(set(listed) ^ set(table.columns))
            raise ReplayError(
                f"{DATABASE}: table {table.name} has other columns than the core here writes ({', '.join(odd[:5])}); "
                "replay the session with the program that made it"
            )
        self._cursor = database.execute(f"SELECT * FROM {table.name} ORDER BY rowid") if listed else None
        self._n_rows = database.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] if listed else 0
        self.n_compared = 0
        self.n_ahead = 0

    @property
    def has_more(self) -> bool:
        """Whether there are rows that were not yet compared."""
        return self.n_compared < int(self._n_rows)

    def compare(self, made: Any, times: list[int]) -> Difference | None:
        """Records of the replay, with the times of their events, against the next rows; the first difference."""
        values = list(self._table.values(made))
        recorded = self._cursor.fetchmany(len(values)) if self._cursor else []
        per_record = len(values) // len(made)  # a calibration record has a row for each model
        for number, (theirs, ours) in enumerate(zip(recorded, values, strict=False)):
            if theirs != ours:
                column = next(i for i, (a, b) in enumerate(zip(theirs, ours, strict=True)) if a != b)
                return self._differs(column, theirs[column], ours[column], times[number // per_record])
            self.n_compared += 1
        missing = len(values) - len(recorded)
        if missing and self._is_finished:
            ours = values[len(recorded)]
            return self._differs(0, None, ours[0], times[len(recorded) // per_record], "not in the database")
        self.n_ahead += missing
        return None

    def rest(self, event_ns: int) -> Difference | None:
        """A row that the database has and the replay does not make."""
        row = self._cursor.fetchone() if self._cursor else None
        return None if row is None else self._differs(0, row[0], None, event_ns, "not made by the replay")

    def _differs(self, column: int, recorded: Any, replayed: Any, event_ns: int, note: str = "") -> Difference:
        return Difference(
            table=self._table.name, row=self.n_compared, column=self._table.columns[column], recorded=recorded,
            replayed=replayed, event_ns=event_ns, note=note,
        )  # fmt: skip


class Database:
    """The session's database, table by table."""

    def __init__(self, path: Path, *, is_finished: bool) -> None:
        if not path.is_file():
            raise ReplayError(f"{path}: missing; give the folder of a session")
        self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        dtypes = {name: records.OUT[name].base for name in TABLES} | {ORDERS: ACTION}
        self.tables = {
            name: Recorded(self._database, Table(name, dtype), is_finished=is_finished)
            for name, dtype in dtypes.items()
        }

    def compared(self) -> dict[str, int]:
        """Rows compared, by table."""
        return {name: table.n_compared for name, table in self.tables.items()}

    def ahead(self) -> dict[str, int]:
        """Rows that the replay made beyond the end of the table."""
        return {name: table.n_ahead for name, table in self.tables.items() if table.n_ahead}

    def not_compared(self) -> list[str]:
        """Tables that the core does not write."""
        names = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [name for (name,) in names if name not in self.tables and name not in DESCRIBING]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class Comparison:
    """Feeds the core the journal's blocks, and compares everything as it comes. Raises Differs where it differs.

    The journal of a backtest has its actions in blocks behind many events: which difference is the first is settled
    between such blocks.
    """

    def __init__(self, core: Core, database: Database, states: Path) -> None:
        self._core = core
        self._database = database
        self._states = states
        self._segment: Path | None = None
        self._found: list[Difference] = []
        self.n_actions = 0
        self.n_ahead = 0
        self.n_states = 0

    def take(self, block: Block) -> None:
        """The next block of the journal."""
        if block.segment != self._segment:
            self._begin_segment(block)
        if block.kind == EVENTS:
            self._let_go(may=False)
            self._settle()
            for _ in self._core.feed(block.payload):
                self._drain()
        else:
            assert block.kind == ACTIONS
            self._actions(block)
            self._settle()

    def finish(self, *, is_finished: bool) -> None:
        """The journal has ended. What a session that was killed did not get to write down is not missed."""
        self._let_go(may=not is_finished)
        self._drain()
        if is_finished or self._database.tables["calibrations"].has_more:
            self._core.write_last()  # the end's record is written a moment before the session counts as finished
            self._drain()
        self._settle()
        for table in self._database.tables.values():
            if found := table.rest(self._core.now_ns):
                raise Differs(found)
        if is_finished:
            self._state(self._states / FINAL)

    def _actions(self, block: Block) -> None:
        """What the core wanted then, against what it wants now."""
        wanted, times = [], []
        for at in range(0, len(block.payload), RECORD_BYTES):
            recorded = block.payload[at : at + RECORD_BYTES]
            if not self._core.wanted:
                column, theirs = _first_field(recorded)
                self._differ(self._action(column, theirs, None, self._core.now_ns, "not wanted by the replay"))
                break
            ours, event_ns = self._core.wanted.popleft()
            if recorded != ours:
                self._differ(self._action(*first_difference(recorded, ours, ACTION), event_ns))
                break
            wanted.append(ours)
            times.append(event_ns)
            self.n_actions += 1
        self._orders(wanted, times)

    def _let_go(self, *, may: bool) -> None:
        """What the core wants and the journal has not: a difference, unless a crash may have come between."""
        if not self._core.wanted:
            return
        wanted, times = zip(*self._core.wanted, strict=True)
        self._core.wanted.clear()
        if may:
            self.n_ahead += len(times)
            self._orders(wanted, list(times))
        else:
            column, ours = _first_field(wanted[0])
            self._differ(self._action(column, None, ours, times[0], "not in the journal"))

    def _orders(self, wanted: Sequence[bytes], times: list[int]) -> None:
        """The database's copy."""
        if wanted:
            made = np.frombuffer(b"".join(wanted), ACTION)
            self._differ(self._database.tables[ORDERS].compare(made, times))

    def _action(self, column: str, recorded: Any, replayed: Any, event_ns: int, note: str = "") -> Difference:
        return Difference(
            table=ACTIONS_TABLE, row=self.n_actions, column=column, recorded=recorded, replayed=replayed,
            event_ns=event_ns, note=note,
        )  # fmt: skip

    def _drain(self) -> None:
        """What was written down, against the database."""
        for table, made, times in self._core.drain():
            self._differ(self._database.tables[table].compare(made, times))

    def _differ(self, difference: Difference | None) -> None:
        if difference:
            self._found.append(difference)

    def _settle(self) -> None:
        """Stop at the difference of the earliest event, if there is one."""
        if self._found:
            self._drain()
            raise Differs(min(self._found, key=lambda difference: difference.event_ns))

    def _begin_segment(self, block: Block) -> None:
        self._segment = block.segment
        if block.meta.goes_on:
            self._let_go(may=True)
        checkpoint = self._states / f"{block.segment.stem}.bin"
        if checkpoint.is_file():
            self._drain()
            self._settle()
            self._state(checkpoint)

    def _state(self, path: Path) -> None:
        recorded, ours = path.read_bytes(), self._core.state
        if len(recorded) != len(ours):
            raise ReplayError(f"{path}: {len(recorded)} bytes, expected {len(ours)}; it is cut off or damaged")
        if recorded != ours:
            place, theirs, mine = first_difference(recorded, ours, STATE)
            difference = Difference(
                table=STATE_TABLE, row=self.n_states, column=place, recorded=theirs, replayed=mine,
                event_ns=self._core.now_ns, note=path.name,
            )  # fmt: skip
            raise Differs(difference)
        self.n_states += 1


def first_difference(recorded: bytes, replayed: bytes, dtype: Any) -> tuple[str, Any, Any]:
    """(path of the field, its value in either) where two records of a dtype first differ."""
    one, other = (np.frombuffer(raw, np.uint8) for raw in (recorded, replayed))
    offset = int(np.argmax(one != other))
    path, start, field = _field_at(dtype, offset)
    values = (np.frombuffer(raw, field, 1, start)[0].item() for raw in (recorded, replayed))
    return (path, *values)


def _field_at(dtype: Any, offset: int) -> tuple[str, int, Any]:
    """(path, first byte, scalar dtype) of the scalar that covers a byte of a record."""
    path, start = "", 0
    while True:
        if dtype.subdtype:
            base, shape = dtype.subdtype
            index = (offset - start) // base.itemsize
            places = np.unravel_index(index, shape)
            path += "".join(f"[{int(place)}]" for place in places)
            start += index * base.itemsize
            dtype = base
        elif dtype.names:
            within = [name for name in dtype.names if dtype.fields[name][1] <= offset - start]
            name = max(within, key=lambda name: dtype.fields[name][1])
            path += f".{name}" if path else name
            field = dtype.fields[name]
            start += field[1]
            dtype = field[0]
            if offset - start >= dtype.itemsize:  # between two fields
                return f"{path} (padding after it)", offset, np.dtype("u1")
        else:
            return path, start, dtype


def _first_field(action: bytes) -> tuple[str, Any]:
    """An action as a whole is missing: its client order id stands for it."""
    return "cloid", int(np.frombuffer(action, ACTION)["cloid"][0])
