"""What Prometheus is told: the numbers of the result, under names that docs and Grafana panels use."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from touchstone.watch.metrics import METRICS, PREFIX, exposition, reference
from touchstone.watch.standing import Reader

from .conftest import Write, a_result

ROOT = Path(__file__).parents[2]


def scraped(folder: Path) -> dict[tuple[str, ...], float]:
    """(name, label values but the coin's, in the order of the labels' names) to value."""
    text = exposition(Reader(folder).read).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {sample.labels["coin"] for sample in samples} == {"hyna:HYPE"}
    return {(s.name, *(v for k, v in s.labels.items() if k != "coin")): s.value for s in samples}


def test_values_are_those_of_the_result(write: Write) -> None:
    found = scraped(write())
    assert found["touchstone_up",] == 1.0
    assert found["touchstone_pnl", "total"] == 0.75
    assert found["touchstone_pnl", "adverse_selection"] == 0.5
    assert found["touchstone_fills_total",] == 21
    assert found["touchstone_markout_bps", "10", "both"] == 3.25
    assert found["touchstone_model_score", "fill_10s"] == 0.123
    assert found["touchstone_model_verdict", "toxic_10s", "WARMING"] == 1.0
    assert found["touchstone_quoting", "ask"] == 0.0
    assert found["touchstone_step_seconds", "0.99"] == pytest.approx(900e-6)


def test_what_is_not_known_is_left_out(write: Write) -> None:
    result = a_result()
    result["edge_per_fill"]["bps"] = None
    names = {name for name, *_ in scraped(write(result=result))}
    assert "touchstone_edge_per_fill_bps" not in names
    assert "touchstone_position" in names


def test_a_silent_session_is_not_up(write: Write) -> None:
    assert scraped(write(age_s=30.0))["touchstone_up",] == 0.0
    assert scraped(write(final=a_result()))["touchstone_up",] == 0.0


def test_the_reference_is_as_written() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == reference()


def test_every_panel_of_the_grafana_dashboard_shows_a_metric_that_exists() -> None:
    board = json.loads((ROOT / "examples" / "grafana.json").read_text())
    labels = {PREFIX + metric.name: {"coin", *metric.labels} for metric in METRICS}
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len(panels) > 10
    for panel in panels:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            names = re.findall(rf"{PREFIX}\w+", target["expr"])
            assert names, target["expr"]
            for name in names:
                assert name in labels, f"{panel['title']}: {name}"
            used = re.findall(r"(\w+)\s*=~?\s*\"", target["expr"])
            used += re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            known = set.union(*(labels[name] for name in names))
            assert set(used) <= known, f"{panel['title']}: {used}"
        assert panel["fieldConfig"]["defaults"].get("unit"), panel["title"]
