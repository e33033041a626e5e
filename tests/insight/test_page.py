"""The report as a page: whole, self-contained, with the numbers of the terminal, and saying why where it has none."""

import io
import json
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.insight.sessions import Plan, make

from touchstone.cli.main import main
from touchstone.insight import report
from touchstone.insight.page.page import SECTIONS, report_page, write_report
from touchstone.insight.readings import UnreadableSessionError, open_session
from touchstone.insight.readings.readings import Readings

VOID = {"meta", "line", "rect", "circle", "path", "br"}


class Outline(HTMLParser):
    """Text of the page without its pictures, and whether every tag is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID or tag in ("rect", "circle", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        """Closed at once."""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if "svg" not in self.open and "style" not in self.open:
            self.text.append(data)


def page_of(folder: Path) -> str:
    with open_session(folder) as session:
        return report_page(Readings(session))


def words_of(page: str) -> str:
    outline = Outline()
    outline.feed(page)
    assert outline.wrong == []
    assert outline.open == []
    return " ".join(" ".join(outline.text).split())


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("page") / "healthy")


def panels_of(folder: Path) -> list[Any]:
    with open_session(folder) as session:
        readings = Readings(session)
        return [panel for _, make_panels in SECTIONS for panel in make_panels(readings)]


def test_the_page_needs_nothing_from_anywhere(healthy: Path) -> None:
    page = page_of(healthy)
    words_of(page)  # well-formed
    assert "<script" not in page
    assert re.findall(r"(?:https?:)?//[a-z]", page) == []
    assert re.findall(r"@import|url\(", page) == []


def test_every_panel_has_a_picture_a_table_or_a_reason(healthy: Path) -> None:
    panels = panels_of(healthy)
    assert len(panels) > 20
    assert all(bool(panel.body) != bool(panel.why_empty) for panel in panels)
    empty = {panel.title: panel.why_empty for panel in panels if panel.why_empty}
    assert set(empty) == {
        "Under other assumptions", "Edge: predicted against realised", "Reliability", "Gate scorecard", "Data quality",
        "Kind of market", "Toxicity: predicted against realised", "Cost of caution", "Edge by context",
    }  # fmt: skip


def test_pictures_have_axes_with_units_and_no_number_that_is_not_one(healthy: Path) -> None:
    page = page_of(healthy)
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page).lower().replace("finance", "")
    assert page.count('<svg class="chart" viewBox') > 10
    for unit in ("USDE", "bps", "minutes since the start", "requests", "share filled in 10 s"):
        assert f">{unit}</text>" in page


def test_terminal_json_and_page_show_the_same_numbers(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(healthy), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    out = io.StringIO()
    report.print_report(result, Console(file=out, width=200, highlight=False, no_color=True))
    terminal, page = " ".join(out.getvalue().split()), words_of(page_of(healthy))
    edge = result["edge_per_fill"]
    shared = [
        f"{result['pnl'][key] * sign:+,.6f}"
        for key, sign in (("total", 1), ("spread_capture", 1), ("adverse_selection", -1), ("fees", -1), ("funding", 1))
    ]
    shared += [f"{edge['bps']:+.2f}", f"{edge['low']:+.2f} to {edge['high']:+.2f}", f"{result['fills']} fills"]
    for name, card in result["models"].items():
        shared += [name, f"{card['n']:,}", f"{card['bss']:+.3f}", card["verdict"]]
    for number in shared:
        assert number in terminal, number
        assert number in page, number


def test_terminal_json_and_page_name_the_same_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "toxic", Plan(markout_bps={1: -8.0, -1: 6.0}, requests=15_000))
    assert main(["report", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [each["rule"] for each in found] == ["quota-bound", "toxic side", "too little data to say"][: len(found)]
    assert main(["report", str(folder)]) == 0
    terminal, page = (re.sub(r"[\s`]", "", text) for text in (capsys.readouterr().out, words_of(page_of(folder))))
    for each in found:
        money = "" if each["money"]["mean"] is None else f"{each['money']['mean']:+,.4f}"
        for shown in (each["title"], money, each["action"]):
            assert re.sub(r"[\s`]", "", shown) in terminal
            assert re.sub(r"[\s`]", "", shown) in page
    places = [page.index(each["title"].replace(" ", "")) for each in found]
    assert places == sorted(places)


def test_an_empty_session_says_so_in_every_panel(tmp_path: Path) -> None:
    folder = make(tmp_path / "empty", Plan(seconds=0, fills=0, requests=0))
    page = words_of(page_of(folder))
    assert "Nothing can be said about edge: no order was filled" in page
    assert "No data: nothing was quoted" in page
    assert "No data: no request was sent" in page


def test_a_session_with_one_fill(tmp_path: Path) -> None:
    page = words_of(page_of(make(tmp_path / "one", Plan(fills=1))))
    assert "1 fills in 1 time blocks of 30 s" in page
    assert "too few for an interval" in page


def test_a_crashed_session_shows_what_its_tables_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "crashed", Plan(finished=False))
    page = words_of(page_of(folder))
    assert "The session did not end by itself, or goes on" in page
    assert "120 fills" in page
    assert main(["report", str(folder)]) == 1
    assert "PROBLEM: the session did not end by itself" in capsys.readouterr().out


def test_a_result_from_tables_is_that_of_the_core(tmp_path: Path) -> None:
    """The same session with its result and without: money, fills and models are equal."""
    with open_session(make(tmp_path / "with")) as session:
        whole = session.result
    with open_session(make(tmp_path / "without", Plan(finished=False))) as session:
        part = session.result
    for key in ("pnl", "fills", "volume", "markouts", "models", "edge_per_fill"):
        assert part[key] == whole[key]


def test_a_session_of_an_older_schema_says_so_where_its_tables_are_needed(tmp_path: Path) -> None:
    folder = make(tmp_path / "old")
    with sqlite3.connect(folder / "session.db") as database:
        database.execute("PRAGMA user_version = 0")
        database.execute("DROP TABLE about")
        database.execute("DROP TABLE codes")
    page = words_of(page_of(folder))
    assert "written by an older version of Touchstone (schema 0, this one reads 1)" in page
    assert "120 fills" in page  # from its result


def test_a_session_of_a_newer_schema_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "new")
    with sqlite3.connect(folder / "session.db") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UnreadableSessionError, match="newer version of Touchstone"):
        open_session(folder)
    assert main(["report", str(folder), "--html", str(tmp_path / "x.html")]) == 2
    assert "read it with that version" in capsys.readouterr().err


def test_a_folder_that_is_no_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSessionError, match=r"config\.toml is missing"):
        open_session(tmp_path)


def test_a_damaged_database_leaves_what_the_result_holds(tmp_path: Path) -> None:
    folder = make(tmp_path / "damaged")
    (folder / "session.db").write_bytes(b"no database" * 1000)
    page = words_of(page_of(folder))
    assert "session.db is missing or cannot be opened" in page
    assert "120 fills" in page


def test_the_page_of_several_sessions_holds_each(tmp_path: Path) -> None:
    folders = [make(tmp_path / name, Plan(seed=seed)) for seed, name in enumerate(("first", "second"))]
    assert main(["report", *map(str, folders), "--html", str(tmp_path / "both.html")]) == 0
    page = words_of((tmp_path / "both.html").read_text())
    assert page.count("Where the money went") == 2
    assert "session first" in page
    assert "session second" in page


def test_text_from_a_session_cannot_become_markup(tmp_path: Path) -> None:
    folder = make(tmp_path / "evil", Plan(result={"problems": ["<script>alert(1)</script>"], "coin": "<b>&"}))
    page = write_report(folder).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>&" not in page


def test_the_gate_s_scorecard_is_told_with_its_interval(tmp_path: Path) -> None:
    group = {"n": 40, "benign": 30, "toxic": 10, "bps": 1.25, "se": 0.5, "low": 0.4, "high": 2.1}
    gate = {
        "is_on": True, "episodes": [3, 2], "tried": [1, 0], "propensity": 0.05, "closed_share": 0.12,
        "groups": {"kept": group, "avoided": group}, "toxic_avoided": 0.4, "benign_lost": 0.1, "random_gate": 0.2,
        "difference": 0.3, "difference_low": 0.15, "difference_high": 0.45, "saved_bps": 2.5, "saved_low": 1.0,
        "saved_high": 4.0,
    }  # fmt: skip
    page = words_of(page_of(make(tmp_path / "gated", Plan(result={"gate": gate}))))
    assert "toxic fills avoided 40.0%" in page
    assert "difference +0.300 [+0.150, +0.450]" in page
    off = words_of(page_of(make(tmp_path / "off", Plan(result={"gate": gate | {"is_on": False}}))))
    assert "the gate is switched off" in off


def test_edges_are_drawn_with_the_band_that_was_forecast(tmp_path: Path) -> None:
    folder = make(tmp_path / "edges")
    with sqlite3.connect(folder / "session.db") as database:
        database.execute("CREATE TABLE edges (fill_id INTEGER, predicted_bps REAL, sd_bps REAL, realised_bps REAL)")
        rows = [(1, 0.1, 4.0, -14.88), (2, 0.2, 4.0, 6.0), (3, 0.3, 4.0, 1.0), (0, 0.1, 4.0, 50.0)]
        database.executemany("INSERT INTO edges VALUES (?, ?, ?, ?)", rows)
    assert "2 of 3 inside the 90 % band that was forecast" in words_of(page_of(folder))


def test_influence_caution_and_contexts_are_told(tmp_path: Path) -> None:
    context = {
        "regime": 1, "side": "bid", "position": "flat", "depth_bucket": 4, "n": 30.5, "bps": 1.5, "sd": 0.7,
        "p_above_0": 0.98, "p_next_above_0": 0.6, "should_widen": True,
    }  # fmt: skip
    caution = {"lag": {"windows": 50, "apart": 20, "bps": -0.125, "low": -0.3, "high": 0.05}}
    with open_session(make(tmp_path / "before")) as session:
        models = session.result["models"]
    models["lag_1s"] |= {"influence": 0.5, "recalibrated": True}
    plan = Plan(result={"edge": [context] * 11, "caution": caution, "models": models})
    page = words_of(page_of(make(tmp_path / "leash", plan)))
    assert "lag_1s 50% recalibrated" in page
    assert "normal, bid, flat, 2 to 4 bps 30.5 +1.50 0.70 0.98 widened" in page
    assert "and 1 contexts more" in page
