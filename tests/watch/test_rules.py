"""Each rule: a session in which it finds something, and the same one sound, in which it does not."""

from pathlib import Path
from typing import Any

import pytest

from touchstone.config import Alerts
from touchstone.watch.rules import RULES, findings
from touchstone.watch.standing import Reader

from .conftest import Write, a_result, a_status

DOCS = Path(__file__).parents[2] / "docs"


def changed(document: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """The document with one value changed."""
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return document


FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("degraded", "fill_10s", {"result": changed(a_result(), "models", "fill_10s", "degraded", to=True)}),
    ("kill", "", {"result": changed(a_result(), "risk", to={"state": "killed", "reason": "drawdown"})}),
    ("stale", "market",
     {"status": changed(a_status(), "risk", to={"state": "pulled", "reason": "stale_data", "since_s": 20.0})}),
    ("stale", "reference", {"status": changed(a_status(), "reference", "state", to="stale")}),
    ("disconnect", "exchange", {"status": changed(a_status(), "connected", to=False)}),
    ("disconnect", "session", {"age_s": 30.0}),
    ("quota", "", {"status": changed(a_status(), "quota", "headroom_pct", to=9.0)}),
    ("inventory", "long", {"status": changed(a_status(), "position", to=11.0)}),
    ("inventory", "short", {"status": changed(a_status(), "position", to=-11.0)}),
    ("collateral", "margin", {"status": changed(a_status(), "account", "free_margin_share", to=0.2)}),
    ("collateral", "liquidation", {"status": changed(a_status(), "account", "liquidation_bps", to=800.0)}),
    ("fees", "", {"status": changed(a_status(), "account", "fee_mismatches", to=2)}),
    ("challenger", "",
     {"status": changed(a_status(), "challenger", to={
         "verdict": "WINS", "changed": {"fill_memory_outcomes": {"incumbent": 1.0, "challenger": 2.0}}})}),
    ("stuck", "toxic_10s", {"result": changed(a_result(), "models", "toxic_10s", "n", to=0)}),
]  # fmt: skip


def test_a_sound_session_has_no_finding(write: Write) -> None:
    assert findings(Reader(write()).read(), Alerts()) == []


@pytest.mark.parametrize(("rule", "key", "fault"), FAULTS, ids=[f"{rule}-{key}" for rule, key, _ in FAULTS])
def test_a_fault_is_found_and_nothing_else(rule: str, key: str, fault: dict[str, Any], write: Write) -> None:
    found = findings(Reader(write(**fault)).read(), Alerts())
    assert [(each.rule, each.key) for each in found] == [(rule, key)]


def test_every_rule_is_tried_and_documented() -> None:
    assert {rule for rule, _, _ in FAULTS} == set(RULES)
    text = (DOCS / "alerts.md").read_text()
    assert [rule for rule in RULES if f"| `{rule}` |" not in text] == []


def test_the_dead_are_not_short_of_collateral(write: Write) -> None:
    """What a session said last is no alert of now once it has ended."""
    status = changed(a_status(), "account", "free_margin_share", to=0.2)
    assert findings(Reader(write(status=status, final=a_result())).read(), Alerts()) == []


def test_a_model_of_what_is_filled_is_not_stuck_while_nothing_is(write: Write) -> None:
    """Its predictions end without an outcome, one after the other; those of a model that is not connected stay open."""
    voided = changed(changed(a_result(), "models", "toxic_10s", "n", to=0), "models", "toxic_10s", "voided", to=100)
    voided["models"]["toxic_10s"]["made"] = 110
    assert findings(Reader(write(result=voided)).read(), Alerts()) == []
    voided["models"]["toxic_10s"]["voided"] = 10
    assert [each.rule for each in findings(Reader(write(result=voided)).read(), Alerts())] == ["stuck"]
