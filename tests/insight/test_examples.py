"""The worked examples run on an exported session and say what the report says."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from tests.insight.sessions import Plan, make

from touchstone.insight.export.write import export
from touchstone.insight.readings import fills, open_session, outcomes
from touchstone.insight.readings.readings import Readings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("examples") / "session", Plan(seconds=7200, fills=200))


@pytest.fixture(scope="module")
def exported(session: Path) -> Path:
    with open_session(session) as opened:
        export(opened, session.parent / "out")
    return session.parent / "out"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def output_of(name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_calibration_in_polars_is_that_in_duckdb_and_the_skill_that_of_the_report(
    session: Path, exported: Path
) -> None:
    printed = output_of("calibration", str(exported))
    assert "DuckDB says the same: True" in printed
    module = example("calibration")
    rows = module.scored(exported, "fill_10s")
    with open_session(session) as opened:
        sums = Readings(opened).outcomes
    assert module.skill(rows) == pytest.approx(outcomes.skill(sums, sums.of("fill_10s")).mean, rel=1e-9)
    table = module.reliability(rows)
    assert int(table["n"].sum()) == rows.height == 720
    assert not module.same(table, table.with_columns(pl.col("observed") + 0.01))


def test_markouts_are_those_of_the_report(session: Path, exported: Path) -> None:
    assert "shape" in output_of("markouts", str(exported))
    module = example("markouts")
    found = module.curve(module.marked(exported), "side").filter(pl.col("horizon_s") == 10.0)
    with open_session(session) as opened:
        curves = {curve.name: curve for curve in fills.curves_by_side(Readings(opened).fills)}
    for row in found.iter_rows(named=True):
        point = curves[row["side"]].points[4]
        assert row["bps"] == pytest.approx(point.mean)
        assert row["n"] == point.n


def test_a_model_of_one_s_own_is_judged_on_what_it_has_not_seen(exported: Path) -> None:
    printed = output_of("own_model", str(exported))
    assert "Brier scores over 360 outcomes" in printed
    module = example("own_model")
    rows = module.table(exported)
    found = module.judge(rows)
    assert found["ours"] < found["baseline"] * 1.1  # the depth is all there is to know in these data
    for place, same in ((rows.height // 2, True), (rows.height // 4, False)):  # what comes later changes nothing
        kept = np.arange(rows.height) < place
        scrambled = rows.with_columns(outcome=pl.Series(np.where(kept, rows["outcome"], 1.0)))
        assert np.array_equal(module.learn(rows), module.learn(scrambled)) is same
