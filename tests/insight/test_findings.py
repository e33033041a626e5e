"""A fault planted for every rule: the report names it first. A healthy session has none."""

import re
from pathlib import Path

import pytest
from tests.insight.sessions import LEADER, Plan, make

from touchstone.config import Config
from touchstone.core.targets import TARGET_NAMES
from touchstone.insight.findings import RULES, Finding, Severity, find
from touchstone.insight.page.page import report_page
from touchstone.insight.readings import open_session
from touchstone.insight.readings.readings import Readings

FILL_MODELS = ("fill_1s", "fill_10s", "fill_60s")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "report.md"

PLANTED: dict[str, Plan] = {
    "broken invariant": Plan(result={"problems": ["the attribution of PnL does not add up"]}),
    "killed by risk": Plan(
        result={"risk": {"state": "killed", "reason": "session_loss", "since_s": 3000.0, "trips": {"session_loss": 1}}}
    ),
    "disconnected model": Plan(silent=FILL_MODELS),
    "over-confident interval": Plan(scale_factor=0.1),
    "harmful model": Plan(verdicts={"adverse_10s": "HARMFUL"}),
    "toxic side": Plan(markout_bps={1: -8.0, -1: 6.0}),
    "stale feed": Plan(stale_reference=(0.2, 0.6)),
    "inventory-bound": Plan(position=12.0, result={"not_quoting_s": {"position_limit": 1200.0}}),
    "quota-bound": Plan(requests=15_000),
    "fee-bound": Plan(markout_bps={1: 1.5, -1: 1.5}, noise_bps=2.0),
    "too little data to say": Plan(fills=4),
}


def found_in(folder: Path, plan: Plan) -> list[Finding]:
    with open_session(make(folder / "session", plan)) as session:
        return find(Readings(session))


def test_a_healthy_session_has_no_finding(tmp_path: Path) -> None:
    assert found_in(tmp_path, Plan()) == []


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_fault_is_named_first(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, PLANTED[name])
    assert [finding.rule for finding in found][:1] == [name]
    assert found[0].title
    assert found[0].evidence
    assert found[0].action


def test_every_rule_has_its_planted_fault_and_is_documented() -> None:
    assert set(PLANTED) == {rule.name for rule in RULES}
    text = " ".join(DOCS.read_text(encoding="utf-8").split())
    for rule in RULES:
        assert f"**{rule.name}**" in text
        assert " ".join(rule.fires.split()) in text


@pytest.mark.parametrize("name", [name for name in PLANTED if name != "broken invariant"])
def test_a_finding_has_a_size_in_bps_and_in_money(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, PLANTED[name])[0]
    assert found.bps.mean is not None or name in ("too little data to say",)
    if name != "too little data to say":
        assert found.money.mean is not None
        assert found.bps.low is not None
        assert found.bps.low <= found.bps.mean <= found.bps.high  # type: ignore[operator]


def test_a_model_whose_outcomes_never_arrive_is_disconnected_too(tmp_path: Path) -> None:
    found = found_in(tmp_path, Plan(unresolved=("adverse_10s",)))
    assert found[0].rule == "disconnected model"
    assert "not one resolved" in " ".join(found[0].evidence)


def test_fills_without_the_ids_of_their_predictions_are_a_disconnected_model(tmp_path: Path) -> None:
    found = found_in(tmp_path, Plan(without_ids=True))
    assert found[0].rule == "disconnected model"
    assert "120 of 120 fills carry no id" in " ".join(found[0].evidence)


def test_a_leader_that_was_never_heard_is_not_a_disconnected_model(tmp_path: Path) -> None:
    plan = Plan(silent=LEADER, result={"lead_lag": {"reference": "none"}})
    assert found_in(tmp_path, plan) == []
    heard = Plan(silent=LEADER)
    assert found_in(tmp_path / "heard", heard)[0].rule == "disconnected model"


def test_an_interval_ten_times_too_tight_is_measured_as_that(tmp_path: Path) -> None:
    found = found_in(tmp_path, PLANTED["over-confident interval"])[0]
    assert found.severity == Severity.CRITICAL
    factor = re.search(r"about ([\d.]+) times surer", found.title)
    assert factor is not None
    assert 7.0 < float(factor[1]) < 14.0  # 360 outcomes: the share inside is 13 % give or take 2


def test_the_market_s_own_feed_is_found_stale_by_its_breakers(tmp_path: Path) -> None:
    trips = {"state": "normal", "reason": None, "since_s": None, "trips": {"stale_data": 4}}
    found = found_in(tmp_path, Plan(result={"risk": trips, "not_quoting_s": {"pulled": 400.0}}))
    assert found[0].rule == "stale feed"
    assert "400 s" in found[0].title


def test_the_size_of_a_toxic_side_is_what_its_fills_lost(tmp_path: Path) -> None:
    """Mean -8 bps with noise 3 over 60 fills, 3 bps of fee, on 60 x 1.25 coins at 40."""
    found = found_in(tmp_path, PLANTED["toxic side"])[0]
    assert found.bps.mean == pytest.approx(-11.0, abs=1.0)
    assert found.money.mean == pytest.approx(-11.0 / 1e4 * 60 * 1.25 * 40.0, rel=0.12)
    assert "bid" in found.title
    assert "ask" not in found.title


def test_the_page_begins_with_the_findings_in_their_order(tmp_path: Path) -> None:
    plan = Plan(scale_factor=0.1, requests=15_000)
    with open_session(make(tmp_path / "session", plan)) as session:
        page = report_page(Readings(session))
    rules = re.findall(r"rule: ([\w -]+)<", page)
    assert rules[:2] == ["over-confident interval", "quota-bound"]
    assert page.index("over-confident interval") < page.index("Where the money went")


def test_all_models_of_the_core_are_watched(tmp_path: Path) -> None:
    all_on = Config.model_validate({"models": {"toxicity": True}})
    for name in TARGET_NAMES:
        assert found_in(tmp_path / name, Plan(silent=(name,), config=all_on))[0].rule == "disconnected model"
