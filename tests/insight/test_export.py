"""The export: every column documented, every value as in the database, but in units that people use."""

import csv
import json
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from tests.insight.sessions import FEE_BPS, MID2, START_NS, Plan, make

from touchstone.backtest.reactive import TRUTH
from touchstone.cli.main import main
from touchstone.core import records
from touchstone.core.actions import ACTION
from touchstone.core.market.regime import REGIME_NAMES
from touchstone.core.models.toxicity import SIGNAL_NAMES
from touchstone.core.quoting.params import TERM_NAMES
from touchstone.exchange.market import TRUTH as TRUTH_ROW
from touchstone.insight.export import columns
from touchstone.session.machine import TABLES
from touchstone.session.store import Table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    assert main(["export", str(make(folder / "session")), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_every_column_of_every_table_is_documented_once() -> None:
    kinds = {name: records.OUT[name].base for name in TABLES} | {"orders": ACTION, TRUTH: TRUTH_ROW}
    assert set(kinds) == set(columns.TABLES)
    for name, dtype in kinds.items():
        listed = columns.TABLES[name]
        assert {column.source for column in listed} == set(Table(name, dtype).columns), name
        assert len({column.source for column in listed}) == len(listed), name
        assert len({column.name for column in listed}) == len(listed), name
        assert all(column.meaning and column.unit is not None for column in listed)


def test_array_columns_are_named_as_in_the_core() -> None:
    assert columns.REGIMES == REGIME_NAMES
    assert columns.SIGNALS == SIGNAL_NAMES
    assert columns.TERMS == TERM_NAMES


def test_the_page_is_as_written_from_the_columns() -> None:
    assert (ROOT / "docs/export.md").read_text(encoding="utf-8") == columns.reference()


def test_values_are_those_of_the_database_in_units(exported: Path) -> None:
    fills = pl.read_parquet(exported / "fills.parquet")
    with sqlite3.connect(exported.parent / "session" / "session.db") as database:
        raw = database.execute("SELECT px, qty, fee_micro, exch_ns, mid2_before, pnl_total FROM fills").fetchall()
    assert fills.height == len(raw) == 120
    for row, (px, qty, fee, _, mid2, pnl) in zip(fills.iter_rows(named=True), raw, strict=True):
        assert row["price"] == pytest.approx(px / 1e4, rel=1e-15)
        assert row["size"] == pytest.approx(qty / 100, rel=1e-15)
        assert row["fee"] == pytest.approx(fee / 1e6, rel=1e-15)
        assert row["fee"] == pytest.approx(row["price"] * row["size"] * FEE_BPS / 1e4, abs=1e-6)
        assert row["mid_before"] == pytest.approx(mid2 / 2e4, rel=1e-15)
        assert row["pnl_total"] == pytest.approx(pnl / 2e6, rel=1e-15)
    assert fills["exchange_at"].dt.epoch("ns").to_list() == [time for _, _, _, time, *_ in raw]


def test_codes_are_names_and_horizons_seconds(exported: Path) -> None:
    outcomes = pl.read_parquet(exported / "outcomes.parquet")
    assert set(outcomes["model"].unique()) == {"fill_10s", "adverse_10s"}
    assert set(outcomes["decided"].unique()) == {"tape"}
    marks = pl.read_parquet(exported / "markouts.parquet")
    assert sorted(marks["horizon_s"].unique()) == [0.5, 1.0, 2.0, 5.0, 10.0, 30.0]
    quotes = pl.read_parquet(exported / "quotes.parquet")
    assert set(quotes["reference"].unique()) == {"live"}
    assert quotes["mid"][0] == pytest.approx(MID2 / 2e4, rel=1e-3)
    assert quotes["decided_at"].dt.epoch("ns")[0] == START_NS


def test_the_folder_says_what_it_holds(exported: Path) -> None:
    with (exported / "columns.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    for path in exported.glob("*.parquet"):
        names = [row["column"] for row in listed if row["table"] == path.stem]
        assert names == pl.read_parquet_schema(path).names()
    about = json.loads((exported / "session.json").read_text())
    assert about["about"]["coin"] == "hyna:HYPE"
    assert about["result"]["fills"] == 120


def test_a_table_larger_than_a_piece_is_whole_and_in_order(
    tmp_path: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from touchstone.insight.export import write

    monkeypatch.setattr(write, "CHUNK", 50)
    assert main(["export", str(exported.parent / "session"), "--out", str(tmp_path / "pieces")]) == 0
    for path in exported.glob("*.parquet"):
        assert pl.read_parquet(tmp_path / "pieces" / path.name).equals(pl.read_parquet(path))
    assert [path.name for path in (tmp_path / "pieces").iterdir() if path.is_dir()] == []


def test_a_session_of_an_older_schema_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "old", Plan(fills=1))
    with sqlite3.connect(folder / "session.db") as database:
        database.execute("PRAGMA user_version = 0")
    assert main(["export", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert "written by an older version" in capsys.readouterr().err


def test_an_export_is_never_written_over(exported: Path) -> None:
    assert main(["export", str(exported.parent / "session"), "--out", str(exported)]) == 2
