"""The duel's judge: it must see a difference of one fill, one micro-unit, one step."""

from typing import Any

import numpy as np
import pytest

from benchmarks import duel
from touchstone import config
from touchstone.core.records import FILL_ROW

STEP_NS = 100_000_000


def fills() -> Any:
    """A buy of 1.0 at 3500.0 in the second step, a sale of it at 3500.1 in the fourth; fees of 1.5 bps."""
    rows = np.zeros(2, FILL_ROW)
    rows["recv_ns"] = [150_000_000, 350_000_000]
    rows["side"] = [1, -1]
    rows["px"] = [3_500_000, 3_500_100]
    rows["qty"] = 1_000
    rows["fee_micro"] = [525_000, 525_015]
    return rows


def theirs() -> Any:
    """The same as hftbacktest's recorder tells it."""
    names = ("position", "balance", "fee")
    rows = np.zeros(4, [("timestamp", "i8"), *((name, "f8") for name in names), ("num_trades", "i8")])
    rows["timestamp"] = STEP_NS * np.arange(1, 5)
    rows["position"] = [0.0, 1.0, 1.0, 0.0]
    rows["balance"] = [0.0, -3500.0, -3500.0, 0.1]
    rows["fee"] = [0.0, 0.525, 0.525, 1.050015]
    rows["num_trades"] = [0, 1, 1, 2]
    return rows


def test_equal_runs_differ_nowhere() -> None:
    assert duel.differences(fills(), theirs()) == (0, None)


@pytest.mark.parametrize(
    ("name", "change"),
    [("position", 1e-3), ("balance", 1e-6), ("fee", 1e-6), ("num_trades", 1), ("timestamp", -60_000_000)],
)
def test_the_smallest_difference_is_seen(name: str, change: float) -> None:
    other = theirs()
    other[name][3] += change
    assert duel.differences(fills(), other) == (1, 3)


@pytest.mark.parametrize("name", ["plain", "ladder", "full"])
def test_every_configuration_of_the_duel_is_valid(name: str) -> None:
    made = config.load(duel.CONFIGS / f"{name}.toml")
    assert made.quoting.rule == "ticks"
    assert made.models.enabled == (name == "full")


def test_without_the_shared_benchmark_the_duel_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_DIR", str(tmp_path))
    duel.report()
    assert "skipped; set BENCH_DIR" in capsys.readouterr().out
