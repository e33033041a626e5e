"""Tables hold what the records hold: whole numbers whole, what is missing NULL."""

import sqlite3
from typing import Any

import numpy as np

from touchstone.core import records
from touchstone.session.machine import TABLES
from touchstone.session.store import Table


def kept(name: str, rows: Any) -> list[dict[str, Any]]:
    """Rows of a table after a way through SQLite."""
    table = Table(name, rows.dtype)
    with sqlite3.connect(":memory:") as database:
        database.row_factory = sqlite3.Row
        database.execute(table.create)
        database.executemany(table.insert, table.values(rows))
        return [dict(row) for row in database.execute(f"SELECT * FROM {name}")]


def test_a_time_in_a_calibration_keeps_its_last_nanosecond() -> None:
    rows = np.zeros(1, records.CALIBRATION)
    rows["summary"]["degraded_ns"] = 1_760_000_000_000_000_007
    rows["summary"]["loss"] = np.nan
    rows["made"] = 3
    found = kept("calibrations", rows)
    assert len(found) == rows["summary"].size
    assert {row["degraded_ns"] for row in found} == {1_760_000_000_000_000_007}
    assert {row["loss"] for row in found} == {None}
    assert {row["made"] for row in found} == {3}


def test_every_table_takes_the_largest_and_smallest_numbers() -> None:
    for name in TABLES:
        rows = np.zeros(2, records.OUT[name].base)
        raw = rows.view(np.int64)
        raw[:] = np.where(np.arange(len(raw)) % 2, 2**63 - 1, -(2**53) - 1)  # as floats: not numbers, and small ones
        if name == "calibrations":
            rows["summary"]["verdict"] = 0
        values = list(Table(name, rows.dtype).values(rows))
        assert [tuple(row.values()) for row in kept(name, rows)] == values
