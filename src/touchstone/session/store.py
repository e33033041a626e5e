"""The folder of a session: configuration, journal, database, final state, result.

    config.toml       as resolved               session.db    SQLite (WAL): quotes, orders, predictions, outcomes,
    events/NNNN.tape  what the core was fed                    fills, markouts, calibration, alerts, truth
    state/final.bin   the core's last state     session.log   calibration lines and alerts, for people
    result.json       what `report` shows

Money and quantities are integers in the database; columns carry the units of `core.records`.
"""

import sqlite3
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from touchstone import TouchstoneError, config
from touchstone.data.layout import EVENT_DTYPE
from touchstone.data.tape import TapeWriter
from touchstone.data.units import Coin

SEGMENT_EVENTS = 1_000_000
RESULT = "result.json"
LOG = "session.log"


class SessionError(TouchstoneError):
    """A session folder cannot be used; the message names what is missing."""

    exit_code = 2


def load_result(folder: Path) -> dict[str, Any]:
    """The result of a finished session. Raises SessionError where there is none."""
    path = Path(folder) / RESULT
    if not path.is_file():
        hint = "the session did not end by itself" if (Path(folder) / "config.toml").exists() else "no session folder"
        raise SessionError(f"{folder}: {RESULT} is missing ({hint}); give the folder of a finished session")
    result: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return result


class SessionStore:
    """Writes a session folder while a replay goes on; a sink for `Replay`, and a context manager."""

    keeps_market = True  # the journal is all that the core was fed

    def __init__(self, folder: Path, settings: config.Config, coin: Coin) -> None:
        self.folder = Path(folder)
        self.coin = coin
        for name in ("events", "state"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        config.save(settings, self.folder / "config.toml")
        self._database = sqlite3.connect(self.folder / "session.db")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._columns: dict[str, list[Column]] = {}
        self._segment: TapeWriter | None = None
        self._segments = 0

    def take(self, table: str, rows: Any) -> None:
        """Journal events, everything else into the database; one transaction a batch."""
        if table == "events":
            self._journal(rows)
        elif table == "calibrations":
            self._calibrations(rows)
        else:
            self._insert(table, rows)

    def _journal(self, rows: Any) -> None:
        at = 0
        while at < len(rows):
            if self._segment is None:
                path = self.folder / "events" / f"{self._segments:04d}.tape"
                self._segment = TapeWriter(path, self.coin, "journal")
                self._segments += 1
            take = min(SEGMENT_EVENTS - self._segment.count, len(rows) - at)
            self._segment.append(rows[at : at + take].view(EVENT_DTYPE))
            at += take
            if self._segment.count >= SEGMENT_EVENTS:
                self._segment.close()
                self._segment = None

    def _insert(self, table: str, rows: Any) -> None:
        columns = self._columns.get(table)
        if columns is None:
            columns = flatten(rows.dtype)
            self._columns[table] = columns
            self._create(table, [(c.name, c.sql_type) for c in columns])
        values = [column.of(rows) for column in columns]
        marks = ",".join("?" * len(columns))
        with self._database:
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", zip(*values, strict=True))

    def _create(self, table: str, columns: list[tuple[str, str]]) -> None:
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        with self._database:
            self._database.execute(f"CREATE TABLE {table} ({listed})")

    def _calibrations(self, rows: Any) -> None:
        """One row per time and model."""
        from touchstone.core.calibration.scorecard import VERDICT_NAMES
        from touchstone.core.targets import TARGET_NAMES

        names = [name for name in rows.dtype["summary"].base.names if name not in ("events", "verdict")]
        head = ["t_ns", "model", "made", "resolved", "voided", "verdict"]
        if "calibrations" not in self._columns:
            self._columns["calibrations"] = []
            kinds = ["INTEGER", "TEXT", "INTEGER", "INTEGER", "INTEGER", "TEXT"]
            self._create("calibrations", [*zip(head, kinds, strict=True), *((name, "REAL") for name in names)])
        values = []
        for row in rows:
            for target, model in enumerate(TARGET_NAMES):
                summary = row["summary"][target]
                counts = [int(row[key][target]) for key in ("made", "resolved", "voided")]
                verdict = VERDICT_NAMES[int(summary["verdict"])]
                values.append([int(row["t_ns"]), model, *counts, verdict, *(_plain(summary[name]) for name in names)])
        marks = ",".join("?" * (len(head) + len(names)))
        with self._database:
            self._database.executemany(f"INSERT INTO calibrations VALUES ({marks})", values)

    def finish(self, state: bytes, result: dict[str, Any]) -> None:
        """Close the journal, write the final state and the result."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        (self.folder / "state" / "final.bin").write_bytes(state)
        (self.folder / RESULT).write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))

    def close(self) -> None:
        """Close the files; an unfinished journal segment is kept as far as it goes."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
