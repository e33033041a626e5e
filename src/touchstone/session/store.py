"""The folder of a session: configuration, journal, database, final state, result.

    config.toml       as resolved               session.db    SQLite (WAL): quotes, orders, predictions, outcomes,
    events/NNNN.log   the journal                              fills, markouts, calibration, alerts, truth,
                                               and what its codes mean
    state/start.bin   the core before it        session.log   calibration lines and alerts, for people
    state/NNNN.bin    ... before a segment      result.json   what `report` shows
    state/final.bin   ... at the end            report.html   findings and pictures

The journal is ahead of the database: after a crash the tables end earlier than the journal, never later. Money and
quantities are integers in the database; columns carry the units of `core.records`.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from touchstone import TouchstoneError, config
from touchstone.data.units import Coin
from touchstone.insight.readings.folder import DATABASE as DATABASE
from touchstone.insight.readings.folder import RESULT as RESULT
from touchstone.insight.readings.folder import SCHEMA
from touchstone.session.journal import Journal

STATES, START, FINAL = "state", "start.bin", "final.bin"
LOG = "session.log"


class SessionError(TouchstoneError):
    """A session folder cannot be used; the message names what is missing."""

    exit_code = 2


class SessionStore:
    """Writes a session folder while a session goes on; a sink for its tables, and a context manager.

    `journal` is written by who feeds the core: a live session itself, a backtest by `Journaling`.
    """

    def __init__(self, folder: Path, settings: config.Config, coin: Coin, *, goes_on: bool = False) -> None:
        """`goes_on`: with the session of this folder, which did not end by itself.

        Its tables are then filled from the start again: rows that are there already are passed over.
        """
        from touchstone.core.jit import CACHE_DIR

        self.folder = Path(folder)
        self._states = self.folder / STATES
        self._states.mkdir(parents=True, exist_ok=True)
        config.save(settings, self.folder / "config.toml")
        self.journal = Journal(self.folder, coin, CACHE_DIR.name, goes_on=goes_on)
        self._database = sqlite3.connect(self.folder / DATABASE)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._tables: dict[str, Table] = {}
        _describe(self._database, coin)
        self._present = _rows_of_tables(self._database)
        (self._states / FINAL).unlink(missing_ok=True)  # of a session that did not get to its result

    def begin(self, state: bytes) -> None:
        """Keep the state that the core starts from; before it is fed anything."""
        _write_whole(self._states / START, state)

    @property
    def start(self) -> bytes:
        """The state that the core started from."""
        return (self._states / START).read_bytes()

    def checkpoint(self, state: bytes) -> None:
        """Begin the next segment of the journal, and keep the state it starts from: that behind the last record."""
        number = self.journal.new_segment()
        _write_whole(self._states / f"{number:04d}.bin", state)

    def drop_ahead(self) -> None:
        """Going on, when all of the journal was taken in again: rows that do not follow from it go.

        A crash at the very end leaves the last calibration record; one of the machine may leave more.
        """
        for table, ahead in self._present.items():
            if ahead:
                with self._writing():
                    newest = f"SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT {ahead}"
                    self._database.execute(f"DELETE FROM {table} WHERE rowid IN ({newest})")
        self._present = dict.fromkeys(self._present, 0)

    def take(self, table: str, rows: Any) -> None:
        """Rows into the database, one transaction a batch; events are the journal's."""
        if table == "events":
            return
        made = self._tables.get(table)
        if made is None:
            made = self._tables[table] = Table(table, rows.dtype)
            if table not in self._present:
                with self._writing():
                    self._database.execute(made.create)
        values: Iterable[tuple[Any, ...]] = made.values(rows)
        if present := self._present.get(table, 0):
            listed = list(values)
            self._present[table] = max(present - len(listed), 0)
            values = listed[present:]
        with self._writing():
            self._database.executemany(made.insert, values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction. Raises SessionError where the disk does not take it."""
        try:
            with self._database:
                yield
        except sqlite3.Error as error:
            raise SessionError(
                f"{self.folder / DATABASE}: cannot be written ({error}); free space or mend the disk"
            ) from error

    def finish(self, state: bytes, result: dict[str, Any]) -> None:
        """Close the journal, write the final state and the result."""
        self.journal.close()
        _write_whole(self._states / FINAL, state)
        _write_whole(self.folder / RESULT, msgspec.json.format(msgspec.json.encode(result), indent=2))

    def close(self) -> None:
        """Close the files; the journal of an unfinished session is kept as far as it goes."""
        with suppress(sqlite3.Error):  # of a full disk: what is not in the database is in the journal
            self._database.close()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write_whole(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all, also after a crash. Raises SessionError."""
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise SessionError(f"{path}: cannot be written ({error.strerror}); free space or mend the disk") from error


DESCRIBING = ("about", "codes")  # tables that say what the others mean


def _describe(database: sqlite3.Connection, coin: Coin) -> None:
    """Write down who writes the session and what its codes mean; once, for a session that goes on has it already."""
    if database.execute("PRAGMA user_version").fetchone()[0]:
        return
    from touchstone.session.codes import about, codes

    with database:
        database.execute("CREATE TABLE about (key TEXT, value TEXT)")
        database.executemany("INSERT INTO about VALUES (?, ?)", about(coin).items())
        database.execute("CREATE TABLE codes (kind TEXT, code INTEGER, name TEXT)")
        database.executemany("INSERT INTO codes VALUES (?, ?, ?)", codes())
        database.execute(f"PRAGMA user_version = {SCHEMA}")


def _rows_of_tables(database: sqlite3.Connection) -> dict[str, int]:
    """Tables that are there, with their numbers of rows."""
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    names = [name for name in names if name not in DESCRIBING]
    return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


class Journaling:
    """A sink for backtests that journals what the core was fed and what it sent; goes before the store among sinks."""

    keeps_market = True

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def take(self, table: str, rows: Any) -> None:
        """Journal events and orders."""
        if table == "events":
            self._store.journal.append(rows)
        elif table == "orders":
            self._store.journal.append_actions(rows)

    def at_rest(self, state: Any) -> None:
        """All that the core took in and sent was handed over; `state` (its array) stands behind it."""
        self._store.journal.flush()
        if self._store.journal.is_full:
            self._store.checkpoint(state.tobytes())


class Table:
    """A table of the database, out of records: how it is made, filled, and what a batch of records becomes in it."""

    def __init__(self, name: str, dtype: Any) -> None:
        self.name = name
        if name == "calibrations":
            self._values = calibrations
            columns = _calibration_columns(dtype)
        else:
            flat = flatten(dtype)
            self._values = lambda rows: zip(*(column.of(rows) for column in flat), strict=True)
            columns = [(column.name, column.sql_type) for column in flat]
        self.columns = [column for column, _ in columns]
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns)
        self.create = f"CREATE TABLE {name} ({listed})"
        self.insert = f"INSERT INTO {name} VALUES ({','.join('?' * len(columns))})"

    def values(self, rows: Any) -> Iterable[tuple[Any, ...]]:
        """The rows of the table that these records become."""
        return self._values(rows)


def _calibration_columns(dtype: Any) -> list[tuple[str, str]]:
    head = [("t_ns", "INTEGER"), ("model", "TEXT")]
    counts = [(name, "INTEGER") for name in _CALIBRATION_COUNTS]
    summary = dtype["summary"].base
    kinds = [(name, "REAL" if summary[name].kind == "f" else "INTEGER") for name in _summary_names(dtype)]
    return [*head, *counts, ("verdict", "TEXT"), *kinds]


_CALIBRATION_COUNTS = ("made", "resolved", "voided")


def _summary_names(dtype: Any) -> list[str]:
    return [name for name in dtype["summary"].base.names if name not in ("events", "verdict")]


def calibrations(rows: Any) -> Iterator[tuple[Any, ...]]:
    """One row per time and model."""
    from touchstone.core.calibration.scorecard import VERDICT_NAMES
    from touchstone.core.targets import TARGET_NAMES

    names = _summary_names(rows.dtype)
    for row in rows:
        for target, model in enumerate(TARGET_NAMES):
            summary = row["summary"][target]
            counts = [int(row[key][target]) for key in _CALIBRATION_COUNTS]
            verdict = VERDICT_NAMES[int(summary["verdict"])]
            yield (int(row["t_ns"]), model, *counts, verdict, *(_plain(summary[name]) for name in names))


class Column:
    """One database column out of a record array: a field, or one place of an array field."""

    def __init__(self, name: str, path: tuple[str | tuple[int, ...], ...], is_real: bool) -> None:
        self.name = name
        self.sql_type = "REAL" if is_real else "INTEGER"
        self._path = path

    def of(self, rows: Any) -> list[Any]:
        """The column's values; NaN becomes NULL."""
        values: Any = np.asarray(rows).view(np.ndarray)
        for part in self._path:
            values = values[part] if isinstance(part, str) else values[(slice(None), *part)]
        if self.sql_type == "REAL":
            return [None if value != value else value for value in values.tolist()]
        return list(values.tolist())


def flatten(dtype: Any, prefix: str = "", path: tuple[Any, ...] = ()) -> list[Column]:
    """Columns of a structured dtype, nested records by prefix, array fields by number."""
    columns = []
    for name in dtype.names:
        field = dtype[name]
        here = (*path, name)
        if field.names:
            columns += flatten(field, f"{prefix}{name}_", here)
        elif field.shape:
            for at in np.ndindex(field.shape):
                label = "_".join(str(i) for i in at)
                columns.append(Column(f"{prefix}{name}_{label}", (*here, at), field.base.kind == "f"))
        else:
            columns.append(Column(f"{prefix}{name}", here, field.kind == "f"))
    return columns


def _plain(value: Any) -> float | int | None:
    number = value.item()
    return None if number != number else number
