"""What the pages say of sessions of every kind, without a browser: each function over a session's folder."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.traders import SOURCE
from tests.insight.sessions import Plan, make

from touchstone.dashboard import charts
from touchstone.dashboard.data import Library, Shown, read_tables
from touchstone.dashboard.explain import explain_fill, explain_quote, quote_at
from touchstone.dashboard.page import Page
from touchstone.dashboard.pages import book, calibration, fills, health, money, overview, risk, why
from touchstone.dashboard.words import duration, number, odds, percent, table
from touchstone.insight.readings import NoDataError, open_session
from touchstone.watch.standing import CONFIG

NS = 1_000_000_000
Render = Callable[[Shown], Any]


def shown(folder: Path) -> Shown:
    """A session as the pages see it, its tables read."""
    made = Shown(folder)
    made.tables = read_tables(folder, 1, bool(made.standing.result))
    return made


def page_of(of: Shown) -> Page:
    """A page that has only its addresses."""
    return Page(Library(of.folder, list), of, "/", list)


def panels(of: Shown) -> dict[str, Render]:
    """Every panel and chart."""
    page = page_of(of)
    return {
        "safe": overview.safe, "earning": overview.earning, "models": lambda s: overview.model_strip(page, s),
        "profit": overview.profit, "parts": overview.parts, "ladder": book.ladder,
        "orders": lambda s: book.our_orders(page, s), "prices": book.prices, "quoted": book.quoted,
        "kept out": book.kept_out, "scorecards": lambda s: calibration.scorecards(page, s),
        "skill": lambda s: calibration.skill(s, ""), "evidence": lambda s: calibration.evidence(s, ""),
        "reliability": lambda s: calibration.reliability(s, "fill_10s"), "markouts": fills.markouts,
        "by depth": fills.by_depth, "predicted": fills.predicted, "position": fills.position,
        "fills": lambda s: fills.listed(page, s), "waterfall": money.waterfall, "lines": money.lines,
        "over time": money.over_time, "limits": risk.limits, "trips": risk.trips, "budget": risk.budget,
        "inventory": risk.position, "speed": health.speed, "wrong": lambda s: health.wrong(page, s),
        "problems": health.problems, "told": health.told, "counters": health.counters, "exchange": health.exchange,
        "log": health.log,
    }  # fmt: skip


PLANS = {
    "healthy": Plan(seconds=1_800, fills=60),
    "no fill": Plan(seconds=900, fills=0),
    "one fill": Plan(seconds=900, fills=1),
    "crashed": Plan(seconds=900, fills=20, finished=False),
    "short": Plan(seconds=60, fills=0),
}


@pytest.mark.parametrize("kind", PLANS)
def test_every_panel_shows_something_or_says_why_not(kind: str, tmp_path: Path) -> None:
    of = shown(make(tmp_path / "session", PLANS[kind]))
    for name, render in panels(of).items():
        made = render(of)
        assert made, name
        if isinstance(made, str):
            assert "None" not in made, f"{name}: {made[:300]}"
            assert "nan" not in made.lower().split(), name
        else:
            assert made["series"], name
            assert {"xAxis", "yAxis"} <= set(made), name


def test_a_folder_with_only_a_configuration_is_a_session_that_starts(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text("")
    of = shown(tmp_path)
    assert of.standing.phase == "starting"
    for name, render in panels(of).items():
        assert render(of), name


def test_a_crashed_session_is_silent_and_shows_what_its_tables_hold(tmp_path: Path) -> None:
    of = shown(make(tmp_path / "session", PLANS["crashed"]))
    assert of.standing.phase in ("starting", "silent")
    assert of.standing.result["fills"] == 20
    assert "20" in overview.earning(of)


def test_a_quote_and_a_fill_are_explained_by_their_numbers(tmp_path: Path) -> None:
    """Found by halving: the rows that a plain search of the table finds."""
    folder = make(tmp_path / "session", PLANS["healthy"])
    with open_session(folder) as session:
        for quote_id, decided_ns in session.rows("quotes", "SELECT quote_id, decided_ns FROM quotes")[::37]:
            found = explain_quote(folder, quote_id)
            assert found.quote is not None
            assert found.quote["decided_ns"] == decided_ns
            assert quote_at(folder, decided_ns) == quote_at(folder, decided_ns + 1) == quote_id
    found = explain_fill(folder, 7)
    assert found.fill is not None
    assert found.fill["fill_id"] == 7
    assert len(found.markouts) == 6
    assert "markout" in why.fill(found)
    with pytest.raises(NoDataError, match="no fill 999999"):
        explain_fill(folder, 999_999)
    with pytest.raises(NoDataError, match="no quote 0"):
        explain_quote(folder, 0)


def test_names_in_a_page_cannot_become_markup() -> None:
    made = table(("a", "b"), [("x & <b>", "1 < 2")])
    assert "x &amp; &lt;b&gt;" in made
    assert "1 &lt; 2" in made


def test_what_does_not_exist_is_never_a_zero() -> None:
    missing: list[Any] = [None, float("nan"), float("inf"), "", True]
    for value in missing:
        assert number(value) == percent(value) == odds(value) == "n/a"
    assert duration(None) == "n/a"
    assert odds(1e9) == "> 1,000,000"


def test_a_waterfall_ends_at_its_total() -> None:
    made = charts.waterfall(["a", "b"], [2.0, -3.0], -1.0, "USDE")
    spans = [bar["value"][:2] for bar in made["series"][0]["data"]]
    assert spans == [[0.0, 2.0], [-1.0, 2.0], [-1.0, 0.0]]


@pytest.mark.parametrize(("least", "end"), [(0.0, 1.0), (0.019, 0.02), (11.2, 20.0), (4.0, 4.0), (97.0, 100.0)])
def test_axes_end_at_round_numbers(least: float, end: float) -> None:
    assert charts.nice_end(least) == pytest.approx(end)


def test_long_series_are_thinned_and_gaps_stay_gaps() -> None:
    made = charts.points(range(0, 10_000 * NS, NS), [float("nan"), *range(9_999)])
    assert len(made) <= charts.MOST_POINTS
    assert made[0] == [0, None]
    assert made[-1] == [9_999_000, 9_998.0]


def test_the_pages_load_no_compiler() -> None:
    heavy = ("numba", "llvmlite", "apprise")
    code = f"import sys, touchstone.dashboard.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": SOURCE, "PATH": ""}
    )
    assert done.stdout.strip() == "[]"
