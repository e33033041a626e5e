"""Ablation: each model off against the same whole runs; who may be ablated; how it reads."""

from typing import Any

import pytest
from rich.console import Console

from touchstone.backtest import compare
from touchstone.cli.main import main
from touchstone.config import SWITCHES, Config, ConfigError, Models
from touchstone.insight.ablation import render


def totals(edge_bps: float) -> dict[str, Any]:
    return {
        **dict.fromkeys((name for m in compare.MEASURES for name in (m.of, m.per)), 100.0),
        "pnl": edge_bps / 100,
        "edge_bps": edge_bps * 100,
        "edge": edge_bps / 100,
    }


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[compare.Run]:
    """The runs that were asked for; without `lag` they earn 1 bps less, without `edge` the same."""
    asked: list[compare.Run] = []

    def run_all(wanted: Any, progress: Any, jobs: Any) -> list[dict[str, Any]]:
        asked.extend(wanted)
        made = []
        for run in wanted:
            sums = totals(3.0 - (not run.config.models.lag) + 0.1 * (run.config.seed % 3))
            made.append({"run": run.name, "totals": sums, "blocks": [sums], "killed": False, "problems": []})
        return made

    monkeypatch.setattr(compare, "run_all", run_all)
    return asked


def ablate(*models: str) -> dict[str, Any]:
    return compare.ablate(
        Config(), models, scenario="normal", seeds=range(5, 11), minutes=3.0, progress=lambda done, total: None
    )


def test_each_model_against_the_same_whole_runs(runs: list[compare.Run]) -> None:
    made = ablate("lag", "edge")
    assert [run.name for run in runs[:3]] == ["all, seed 5", "without lag, seed 5", "without edge, seed 5"]
    assert len(runs) == 6 * 3
    lag, edge = made["models"]["lag"]["edge_per_fill"], made["models"]["edge"]["edge_per_fill"]
    assert lag["difference"] == pytest.approx(1.0)  # on minus off
    assert lag["verdict"] == "higher"
    assert edge["difference"] == pytest.approx(0.0)
    assert edge["verdict"] == "same"
    assert made["pairs"] == 6


def test_the_table_reads_in_100_columns(runs: list[compare.Run]) -> None:
    console = Console(width=100, highlight=False)
    with console.capture() as caught:
        console.print(render(ablate("lag", "edge")))
    text = caught.get()
    assert "worth it" in text
    assert "same" in text
    assert "18 runs" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_what_can_be_switched_off_is_what_models_has_a_switch_for() -> None:
    assert {"lag", "edge", "gate", "fill", "adverse", "fair"} <= set(SWITCHES)
    assert "enabled" not in SWITCHES
    whole = Config(models=Models(**dict.fromkeys(SWITCHES, True)))
    for model in SWITCHES:
        assert getattr(compare.without(whole, model).models, model) is False
    off = {model for model in SWITCHES if not getattr(Config().models, model)}
    assert off == {"toxicity"}, "experimental: docs/models.md"


def test_a_model_that_is_not_there_or_off_already_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such model; one of lag"):
        compare.without(Config(), "magic")
    off = Config(models=Models(lag=False))
    with pytest.raises(ConfigError, match="is off already"):
        compare.without(off, "lag")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ablate", "magic"], "no such model"),
        (["--ablate", "all", "--b", "b.toml"], "takes no --b"),
        ([], "give both --a and --b, or --ablate"),
    ],
)
def test_wrong_use(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
