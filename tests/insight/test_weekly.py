"""A folder of sessions by day, two sessions side by side: what was planted is found, nothing where nothing is."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.insight import sessions
from tests.insight.sessions import NS, Plan, make

from touchstone.cli.main import main
from touchstone.insight.page.side_by_side import compare_page
from touchstone.insight.page.weekly import weekly_page
from touchstone.insight.readings import open_session
from touchstone.insight.readings.readings import Readings
from touchstone.insight.side_by_side import side_by_side
from touchstone.insight.weekly import weekly

DAY_NS = 86_400 * NS


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six days; the bid's markout falls by 1.2 bps a day, the ask's stays, the reference's information halves."""
    folder = tmp_path_factory.mktemp("week")
    start = sessions.START_NS
    try:
        for day in range(6):
            sessions.START_NS = start + day * DAY_NS
            information = {"reference": "live", "information": {"nats": 0.6 * 0.8**day}}
            markout_bps = {1: 6.0 - 1.2 * day, -1: 6.0}
            plan = Plan(seed=day + 10, markout_bps=markout_bps, noise_bps=2.0, result={"lead_lag": information})
            make(folder / f"day{day}", plan)
    finally:
        sessions.START_NS = start
    return folder


def test_a_planted_drift_is_found_with_its_size(week: Path) -> None:
    found = weekly(week)
    assert found["days"] == [f"2025-10-{9 + day:02d}" for day in range(6)]
    trend = found["edge"]["trend"]
    assert trend["low"] < -0.6 < trend["high"]  # half of the fills lose 1.2 bps a day
    assert trend["high"] < 0.0
    assert found["information"]["decay"]["high"] < 0.0
    assert [row["n"] for row in found["edge"]["days"]] == [120] * 6
    assert found["models"]["fill_10s"]["skill_trend"]["low"] < 0.0 < found["models"]["fill_10s"]["skill_trend"]["high"]


def test_what_could_be_seen_falls_with_the_root_of_the_data(week: Path) -> None:
    edge = weekly(week)["edge"]
    ratio = edge["days"][0]["minimum_detectable"] / edge["all"]["minimum_detectable"]
    assert 1.3 < ratio < 3.0  # about the root of six, less the drift
    assert edge["all"]["fills_for_1_bp"] == pytest.approx(720 * edge["all"]["minimum_detectable"] ** 2)


def test_no_trend_before_five_days(week: Path, tmp_path: Path) -> None:
    for day in range(4):
        shutil.copytree(week / f"day{day}", tmp_path / f"day{day}")
    found = weekly(tmp_path)
    assert found["edge"]["trend"] is None
    assert found["information"]["decay"] is None
    assert "not known: 4 of 5 days" in weekly_page(found)


def test_what_changed_between_sessions_is_named(week: Path, tmp_path: Path) -> None:
    for day in range(2):
        shutil.copytree(week / f"day{day}", tmp_path / f"day{day}")
    config = tmp_path / "day1" / "config.toml"
    config.write_text(config.read_text().replace("levels = 3", "levels = 2"))
    found = weekly(tmp_path)
    assert [change["settings"] for change in found["changes"]] == [[{"setting": "[quoting] levels", "a": 3, "b": 2}]]
    assert found["sessions"][0]["settings"] != found["sessions"][1]["settings"]
    assert "[quoting] levels 3 -&gt; 2" in weekly_page(found)
    assert weekly(week)["changes"] == []


def test_a_run_that_is_there_twice_counts_once(week: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(week / "day0", tmp_path / name)
    found = weekly(tmp_path)
    assert len(found["sessions"]) == 1
    assert found["unreadable"] == [{"session": "two", "reason": "the same run as one: equal digests"}]
    assert "Left out: two" in weekly_page(found)


def test_a_session_that_cannot_be_read_is_left_out_by_name(week: Path, tmp_path: Path) -> None:
    shutil.copytree(week / "day0", tmp_path / "good")
    make(tmp_path / "silent", Plan(seconds=0, fills=0, requests=0, seed=77))
    (tmp_path / "silent" / "session.db").unlink()
    found = weekly(tmp_path)
    assert [row["session"] for row in found["sessions"]] == ["good"]
    assert [row["session"] for row in found["unreadable"]] == ["silent"]


def test_the_commands_print_and_draw_them(week: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--weekly", str(week), "--html", str(tmp_path / "week.html")]) == 0
    printed = capsys.readouterr().out
    assert "Drift of edge" in printed
    page = (tmp_path / "week.html").read_text()
    assert "Skill by day and model" in page
    assert main(["report", "--weekly", str(week), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["days"][0] == "2025-10-09"
    days = [str(week / name) for name in ("day0", "day5")]
    assert main(["report", "--compare", *days, "--html", str(tmp_path / "pair.html")]) == 0
    assert "edge per fill, bps" in capsys.readouterr().out
    assert "B against A" in (tmp_path / "pair.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--weekly", "--compare"], "one of the two"),
        (["--compare"], "takes two sessions, got 1"),
        (["--svg", "x.svg", "--weekly"], "draws the report of one session"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    week: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(week), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_sessions_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--weekly", str(tmp_path)]) == 2
    assert "holds no session folders" in capsys.readouterr().err


def both(a: Path, b: Path) -> dict[str, Any]:
    with open_session(a) as first, open_session(b) as second:
        one, two = Readings(first), Readings(second)
        document = side_by_side(one, two)
        assert "<script" not in compare_page(one, two, document)
        return document


def test_side_by_side_finds_what_was_planted_and_nothing_else(week: Path) -> None:
    found = both(week / "day0", week / "day5")
    edge = found["measures"]["edge_per_fill"]
    assert edge["difference"]["low"] < -3.0 < edge["difference"]["high"]
    assert edge["verdict"] == "lower"
    assert found["measures"]["fills"]["verdict"] == "unclear"
    assert found["differences"] == []


def test_a_session_beside_itself_differs_in_nothing(week: Path) -> None:
    found = both(week / "day0", week / "day0")
    assert {row["verdict"] for row in found["measures"].values()} <= {"unclear", "no interval", "no data"}
    assert all(row["difference"]["mean"] in (0.0, None) for row in found["measures"].values())


def test_a_session_without_fills_has_no_data_to_compare(week: Path, tmp_path: Path) -> None:
    found = both(week / "day0", make(tmp_path / "none", Plan(fills=0)))
    assert found["measures"]["edge_per_fill"]["verdict"] == "no data"
    assert found["measures"]["edge_per_fill"]["b"]["mean"] is None
