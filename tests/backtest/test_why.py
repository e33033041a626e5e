"""Why an order was quoted: every term adds up, every input has its age, and the outcome is told; or which is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from touchstone import config
from touchstone.backtest import runner
from touchstone.cli.main import main
from touchstone.core.quoting.params import TERM_NAMES
from touchstone.insight.why import render
from touchstone.session.store import SessionError
from touchstone.session.why import explain


@pytest.fixture(scope="module")
def session(settings: config.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why") / "session"
    made = runner.run_scenario(settings, "volatile", minutes=6.0, seed=4, folder=folder)
    assert made["fills"] > 0
    assert made["problems"] == []
    return folder


@pytest.fixture(scope="module")
def filled(session: Path) -> dict[str, Any]:
    """The first order that was filled."""
    for cloid in range(1, 400):
        found = explain(session, cloid)
        if found["outcome"]["fills"]:
            return found
    raise AssertionError("no order was filled")


def test_the_terms_are_the_half_spread(filled: dict[str, Any]) -> None:
    decision = filled["decision"]
    assert [row["term"] for row in decision["terms"]] == list(TERM_NAMES)
    assert sum(row["bps"] for row in decision["terms"]) == pytest.approx(decision["half_spread_bps"], abs=1e-9)
    own = {row["term"]: row for row in decision["terms"]}
    for name in ("adverse", "fair", "lag", "edge"):
        assert own[name]["model"]
        assert 0.0 <= own[name]["influence"] <= 1.0
        assert own[name]["careful_share"] in (0.0, 1.0)
        assert own[name]["bps"] <= max(own[name]["asked_bps"], 0.0) + 1e-9
    assert own["base"]["model"] is None
    assert decision["gate"]["state"] in ("open", "closed")


def test_the_price_follows_from_it(filled: dict[str, Any]) -> None:
    order, decision = filled["order"], filled["decision"]
    away = (order["px"] / decision["mid"] - 1.0) * 1e4 * (-1 if order["side"] == "bid" else 1)
    spacing = 2.0 * decision["level"]
    assert away == pytest.approx(decision["half_spread_bps"] + spacing, abs=1.0)


def test_inputs_have_an_age(filled: dict[str, Any]) -> None:
    inputs = {row["name"]: row for row in filled["decision"]["inputs"]}
    assert inputs["sigma"]["value"] > 0
    assert 0 <= inputs["sigma"]["age_s"] < 5
    assert inputs["lag_gap_bps"]["news"] == "reference"
    assert inputs["adverse_bps"]["age_s"] is None


def test_predictions_and_what_became_of_them(filled: dict[str, Any]) -> None:
    made = filled["predictions"][0]
    outcomes = {row["target"]: row for row in made["outcomes"]}
    assert made["model_version"] == 3
    assert {"fill_10s", "adverse_10s", "toxic_10s", "edge_10s"} <= set(outcomes)
    assert outcomes["edge_10s"]["decided"] == "tape"
    assert outcomes["edge_10s"]["after_s"] >= 10.0
    fill = filled["outcome"]["fills"][0]
    ten = next(row for row in fill["markouts"] if row["horizon_s"] == 10)
    assert ten["realised_bps"] - 3.0 == pytest.approx(outcomes["edge_10s"]["outcome"], abs=1e-6)  # 3 bps of fee
    assert filled["outcome"]["ended"]


def test_every_order_can_be_explained(session: Path) -> None:
    ends = {explain(session, cloid)["outcome"]["ended"].split(" ")[0] for cloid in range(1, 120)}
    assert {"replaced", "cancelled"} & ends


def test_the_words(filled: dict[str, Any]) -> None:
    console = Console(width=100, record=True, file=None, highlight=False)
    with console.capture() as caught:
        console.print(render({"session": "s", **filled}))
    text = caught.get()
    assert f"Order {filled['order']['cloid']}: " in text
    for word in ("Terms of the half-spread", "without models", "Inputs", "edge_10s", "model version 3", "Gate: "):
        assert word in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_command(session: Path, filled: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    cloid = str(filled["order"]["cloid"])
    assert main(["report", str(session), "--why", cloid, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["order"]["cloid"] == filled["order"]["cloid"]
    assert main(["report", str(session), "--why", "99999999"]) == 2
    assert "is not one of this session" in capsys.readouterr().err
    assert main(["report", str(session), "--why", cloid, "--weekly"]) == 2


def test_where_there_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="give the folder of a session"):
        explain(tmp_path, 1)
