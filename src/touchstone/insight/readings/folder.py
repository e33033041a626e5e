"""A session folder, opened for reading: its result, configuration, database, and the names of the codes in it."""

import sqlite3
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from touchstone import TouchstoneError, config

# Of session.db, kept as its user_version: a new column or table that a reading needs makes it one more.
SCHEMA = 1
DATABASE, RESULT, CONFIG = "session.db", "result.json", "config.toml"
NS = 1_000_000_000
MICRO = 1_000_000
LEDGER_PER_UNIT = 2_000_000  # ledger units (half micro) per unit of collateral

EMPTY = {  # why a table may be missing, in words
    "fills": "no order was filled",
    "quotes": "nothing was quoted",
    "orders": "no request was sent",
    "predictions": "no prediction was made",
    "outcomes": "no prediction has an outcome yet",
    "markouts": "no fill has reached a horizon",
    "calibrations": "no calibration record was written: the session was shorter than its interval",
    "alerts": "no alert came",
    "lags": "the reference venue's lag was not measured: it takes a minute with enough changes",
}

Columns = dict[str, NDArray[Any]]


class UnreadableSessionError(TouchstoneError):
    """There is no session, or none that this program can read; the message names folder, reason and remedy."""

    exit_code = 2


class NoDataError(Exception):
    """A reading that does not exist for this session; the message says why, in words for the page."""


class Session:
    """One session folder. A context manager; every reading is made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Raises UnreadableSessionError: no session folder, or one by a newer version."""
        self.folder = Path(folder)
        self.name = self.folder.resolve().name
        if not (self.folder / CONFIG).is_file():
            raise UnreadableSessionError(f"{folder}: {CONFIG} is missing (no session folder); give that of a session")
        self.config = config.load(self.folder / CONFIG)
        self._database = _connect(self.folder / DATABASE)
        self.schema = 0
        if self._database is not None:
            self.schema = int(self._database.execute("PRAGMA user_version").fetchone()[0])
        if self.schema > SCHEMA:
            self.close()
            raise UnreadableSessionError(
                f"{folder}: written by a newer version of Touchstone (schema {self.schema}, this one reads up to "
                f"{SCHEMA}); read it with that version"
            )

    @cached_property
    def result(self) -> dict[str, Any]:
        """As documented in docs/json.md; of a session that did not end, what its tables tell so far."""
        if self.is_finished:
            return load_result(self.folder)
        from touchstone.insight.readings.unfinished import result_of_tables

        return result_of_tables(self)

    @property
    def is_finished(self) -> bool:
        """Whether the session ended by itself."""
        return (self.folder / RESULT).is_file()

    @cached_property
    def about(self) -> dict[str, str]:
        """Who wrote it: `coin`, `sz_decimals`, `currency`, `core` (hash), `version`, `model_version`."""
        return dict(self.rows("about", "SELECT key, value FROM about"))

    @property
    def currency(self) -> str:
        """Of all money."""
        return self.config.market.currency

    @property
    def px_unit(self) -> float:
        """A price unit of the tables, in units of collateral per coin."""
        return float(10 ** (int(self.about["sz_decimals"]) - 6))

    @property
    def qty_unit(self) -> float:
        """A size unit of the tables, in units of the coin."""
        return float(10 ** -int(self.about["sz_decimals"]))

    @cached_property
    def _codes(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for kind, name in self.rows("codes", "SELECT kind, name FROM codes ORDER BY kind, code"):
            found.setdefault(kind, []).append(name)
        return {kind: tuple(names) for kind, names in found.items()}

    def names(self, kind: str) -> tuple[str, ...]:
        """What the codes of one kind mean (`target`, `no_quote`, `risk_reason`, ...), by code.

        Written down by the program that made the session, so that they stay right when codes change.
        """
        if kind not in self._codes:
            raise NoDataError(f"this session did not write down what its {kind.replace('_', ' ')} codes mean")
        return self._codes[kind]

    def values(self, kind: str) -> NDArray[np.float64]:
        """Codes that stand for numbers (`markout_horizon_s`, `fill_horizon_s`, `depth_edge_bps`), by code."""
        return np.array([float(name) for name in self.names(kind)])

    def has(self, table: str, *columns: str) -> bool:
        """Whether the database has this table with these columns."""
        return set(columns) <= set(self._columns_of(table)) and bool(self._columns_of(table))

    def _columns_of(self, table: str) -> list[str]:
        if self._database is None:
            return []
        return [row[1] for row in self._database.execute(f"PRAGMA table_info({table})")]

    def tables(self) -> list[str]:
        """Names of the tables that hold rows of the session."""
        if self._database is None:
            return []
        found = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [name for (name,) in found if name not in ("about", "codes")]

    def table_columns(self, table: str) -> list[tuple[str, str]]:
        """(name, SQL type) of each column of a table."""
        assert self._database is not None
        return [(row[1], row[2]) for row in self._database.execute(f"PRAGMA table_info({table})")]

    def rows(self, table: str, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query on `table`. Raises NoDataError: no such table, or one of an older version."""
        self.require(table)
        assert self._database is not None
        try:
            return self._database.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise NoDataError(f"table {table}: {error}; {self._age()}") from error
        except sqlite3.DatabaseError as error:
            raise NoDataError(f"{DATABASE} is damaged ({error}); what is shown comes from {RESULT}") from error

    def cursor(self, table: str, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """The same as a cursor, for tables that are too large for memory."""
        self.require(table)
        assert self._database is not None
        return self._database.execute(sql, parameters)

    def read(self, table: str, sql: str, parameters: Sequence[Any] = ()) -> Columns:
        """The same by column: int64, float64 where NULL (then NaN) or a fraction occurs, or objects (text)."""
        self.require(table)
        assert self._database is not None
        try:
            cursor = self._database.execute(sql, parameters)
            listed = cursor.fetchall()
        except sqlite3.DatabaseError as error:
            raise NoDataError(f"table {table}: {error}; {self._age()}") from error
        names = [column[0] for column in cursor.description]
        values: list[tuple[Any, ...]] = list(zip(*listed, strict=True)) if listed else [()] * len(names)
        return {name: _array(column) for name, column in zip(names, values, strict=True)}

    def require(self, table: str) -> None:
        """Raises NoDataError where a table has not been made: what it would hold did not happen."""
        if self._database is None:
            raise NoDataError(f"{DATABASE} is missing or cannot be opened")
        if not self._columns_of(table):  # a table is made with its first row
            if self.schema < SCHEMA:
                raise NoDataError(self._age())
            raise NoDataError(EMPTY.get(table, f"nothing was written to the table {table}"))

    def _age(self) -> str:
        if self.schema < SCHEMA:
            return (
                f"the session was written by an older version of Touchstone (schema {self.schema}, this one reads "
                f"{SCHEMA}): only what its {RESULT} holds can be shown"
            )
        return "the table is not as this version writes it"

    def close(self) -> None:
        """Close the database."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_session(folder: Path) -> Session:
    """A session folder for reading. Raises UnreadableSessionError."""
    return Session(folder)


def load_result(folder: Path) -> dict[str, Any]:
    """The result of a finished session. Raises UnreadableSessionError where there is none."""
    path = Path(folder) / RESULT
    if not path.is_file():
        raise UnreadableSessionError(f"{folder}: {RESULT} is missing; the session did not end by itself")
    result: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return result


def sessions_in(folder: Path) -> list[Path]:
    """Session folders right below a folder, by name (which begins with the time where `run` named them)."""
    return sorted(path.parent for path in Path(folder).glob(f"*/{CONFIG}"))


def _connect(path: Path) -> sqlite3.Connection | None:
    """Read-only; where the folder cannot be written, and so nobody writes there, without the log's index."""
    if not path.is_file():
        return None
    for mode in ("mode=ro", "immutable=1"):
        try:
            database = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, check_same_thread=False)
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            continue
        except sqlite3.DatabaseError:
            return None
        return database
    return None


def _array(column: Sequence[Any]) -> NDArray[Any]:
    """A column of a query as an array; None becomes NaN."""
    if any(isinstance(value, str) for value in column):
        return np.array(column, dtype=object)
    if all(isinstance(value, int) for value in column):
        return np.array(column, dtype=np.int64)
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)
