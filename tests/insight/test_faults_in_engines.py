"""A fault planted for every rule in an engine that runs: the report of its session names it first."""

from pathlib import Path

import pytest
from tests.insight.engines import FAULTS, Fault, run

from touchstone.insight.findings import RULES, Finding, find
from touchstone.insight.readings import open_session
from touchstone.insight.readings.readings import Readings

LITTLE = "too little data to say"


def found_in(folder: Path) -> list[Finding]:
    with open_session(folder) as session:
        return find(Readings(session))


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_of_a_running_engine_is_named_first(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = found_in(run(FAULTS[name], tmp_path / "session", monkeypatch))
    assert [finding.rule for finding in found][:1] == [name]
    assert "rule: " + name in (tmp_path / "session" / "report.html").read_text(encoding="utf-8")


def test_every_rule_is_tried() -> None:
    assert set(FAULTS) == {rule.name for rule in RULES}


@pytest.mark.parametrize("seed", [1, 2])
def test_an_engine_that_is_left_alone_is_only_short_of_data(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = found_in(run(Fault(12, seed=seed), tmp_path / "session", monkeypatch))
    assert [finding.rule for finding in found] == [LITTLE]


@pytest.mark.parametrize("switch", ["lag", "toxicity", "regime", "edge"])
def test_a_model_that_is_switched_off_is_not_disconnected(
    switch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = Fault(3, {"models": {switch: False}})
    assert [finding.rule for finding in found_in(run(off, tmp_path / "session", monkeypatch))] == [LITTLE]
