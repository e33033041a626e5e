"""Paired comparisons over made-up markets and tapes: pairs, sums, blocks, failures, a configuration against itself."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest import compare, runner
from touchstone.backtest.replay import Replay
from touchstone.config import ConfigError
from touchstone.data.errors import DataError
from touchstone.data.generate import generate
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import coin_of
from touchstone.insight import paired
from touchstone.session import result


def quiet(done: int, total: int) -> None:
    assert 1 <= done <= total


def changed(settings: config.Config, **quoting: Any) -> config.Config:
    return settings.model_copy(update={"quoting": settings.quoting.model_copy(update=quoting)})


@pytest.fixture(scope="module")
def narrow(settings: config.Config) -> config.Config:
    """Quotes all the time: the gate would close ten minutes of this market for half of them."""
    ungated = settings.model_copy(update={"models": settings.models.model_copy(update={"gate": False})})
    return changed(ungated, rule="fixed", fixed_half_spread_bps=1.0)


@pytest.fixture(scope="module")
def wide(narrow: config.Config) -> config.Config:
    return changed(narrow, fixed_half_spread_bps=8.0)


@pytest.fixture(scope="module")
def by_seeds(narrow: config.Config, wide: config.Config) -> dict[str, Any]:
    seeds = [1, 2, 3, 4]
    return compare.compare_seeds(narrow, wide, scenario="normal", seeds=seeds, minutes=10, progress=quiet, jobs=2)


def test_a_real_effect_is_found(by_seeds: dict[str, Any]) -> None:
    measures = by_seeds["measures"]
    assert by_seeds["problems"] == []
    assert measures["fills"]["verdict"] == measures["volume"]["verdict"] == "lower"
    for row in measures.values():
        if row["low"] is not None:
            assert row["low"] <= row["difference"] <= row["high"]
            assert row["difference"] == pytest.approx(row["b"] - row["a"])


def test_informed_fills_are_known_in_a_simulated_market_only(by_seeds: dict[str, Any], by_tape: dict[str, Any]) -> None:
    known, unknown = (document["measures"]["informed_fills"] for document in (by_seeds, by_tape))
    assert 0.0 < known["a"] < 1.0
    assert known["n"] == 4
    assert (unknown["a"], unknown["difference"], unknown["n"], unknown["verdict"]) == (None, None, 0, "no data")


def test_the_document_says_what_was_compared(by_seeds: dict[str, Any]) -> None:
    assert by_seeds["differences"] == [{"setting": "[quoting] fixed_half_spread_bps", "a": 1.0, "b": 8.0}]
    assert by_seeds["pairs"] == 4
    assert by_seeds["resampled"] == {"unit": "pair", "n": 4, "block_s": None}
    assert [run["run"] for run in by_seeds["runs"]][:3] == ["A, seed 1", "B, seed 1", "A, seed 2"]
    assert any("simulated market" in words for words in by_seeds["caveats"])


def test_one_run_is_the_session_of_its_seed(by_seeds: dict[str, Any], wide: config.Config) -> None:
    """The second pair's B, run here by itself: the same digest, and measures that follow from its result."""
    alone = runner.run_scenario(wide.model_copy(update={"seed": 2}), "normal", minutes=10, seed=2)
    run = by_seeds["runs"][3]
    totals = run["totals"]
    assert run["run"] == "B, seed 2"
    assert run["digest"] == alone["digest"]
    assert totals == alone["totals"]
    assert totals["pnl"] == alone["pnl"]["total"]
    assert totals["edge_bps"] / totals["marked_fills"] == pytest.approx(alone["edge_per_fill"]["bps"], rel=1e-9)
    assert totals["requests"] == alone["quotes"]["requests"]
    assert totals["informed"] == alone["informed_fills"]["n"]
    assert totals["seconds"] == pytest.approx(600.0, abs=1.0)
    inventory = alone["inventory"]
    assert totals["inventory_time"] / totals["seconds"] == pytest.approx(inventory["mean_abs_notional"])
    assert 0 < inventory["mean_abs_notional"] < inventory["max_abs_notional"]


def test_a_run_on_a_tape_is_the_backtest_of_it(narrow: config.Config, tape: Tape) -> None:
    alone = runner.backtest(tape.path, narrow, progress=lambda done, total: None)
    run = compare.run_one(compare.Run("A", narrow, tape.path))
    assert run["digest"] == alone["digest"]
    assert run["totals"] == alone["totals"]


class Fills:
    """Markouts at 10 s and the fills that they belong to."""

    def __init__(self) -> None:
        self.fills: dict[int, tuple[int, int, int, int]] = {}
        self.rows: list[tuple[int, float, float]] = []

    def take(self, table: str, rows: Any) -> None:
        for row in rows if table in ("fills", "markouts") else ():
            if table == "fills":
                self.fills[int(row["fill_id"])] = tuple(int(row[key]) for key in ("side", "px", "qty", "mid2_before"))
            elif row["horizon"] == result.TOXIC_HORIZON and row["mid2"] > 0:
                self.rows.append((int(row["fill_id"]), float(row["mid2"]), float(row["realised_bps"])))


def test_totals_are_sums_over_fills(tape: Tape, narrow: config.Config) -> None:
    """Every sum again from the fills and markouts as written down."""
    replay, sink = Replay(narrow, tape.meta.sz_decimals), Fills()
    replay.sinks.append(sink)
    replay.run(tape)
    totals = result.totals(replay, narrow)
    fee = narrow.maker_fee_bps
    side, px, qty, before = (np.array([sink.fills[n][i] for n, _, _ in sink.rows], float) for i in range(4))
    after, realised = (np.array([row[i] for row in sink.rows]) for i in (1, 2))
    notional = px * qty / 1e6
    assert totals["marked_fills"] == len(sink.rows) > 20
    assert totals["marked_notional"] == pytest.approx(notional.sum())
    assert totals["edge_bps"] == pytest.approx((realised - fee).sum())
    assert totals["edge"] == pytest.approx((notional * (realised - fee) / 1e4).sum())
    assert totals["adverse"] == pytest.approx((-side * (after - before) * qty / 2e6).sum())
    assert totals["toxic"] == (realised < fee).sum() > 0
    assert totals["volume"] == pytest.approx(sum(p * q for _, p, q, _ in sink.fills.values()) / 1e6)
    assert result.toxic_fills(replay.state)["share"] == totals["toxic"] / totals["marked_fills"]


@pytest.fixture(scope="module")
def long_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("long") / "L.tape", coin_of("hyna:HYPE"), minutes=31, seed=8)


@pytest.fixture(scope="module")
def by_tape(narrow: config.Config, wide: config.Config, long_tape: Path) -> dict[str, Any]:
    return compare.compare_tapes(narrow, wide, [long_tape], progress=quiet, jobs=1)


def test_a_single_tape_is_one_pair_and_says_so(by_tape: dict[str, Any]) -> None:
    assert by_tape["pairs"] == 1
    assert by_tape["resampled"]["unit"] == "block"
    assert by_tape["resampled"]["n"] == 30  # of at least 60 s; the receive clock is a little short of 31 minutes
    assert by_tape["resampled"]["block_s"] >= 60.0
    assert by_tape["caveats"][0].startswith("one pair, resampled by 30 blocks of 62 s; says nothing about other days")
    assert by_tape["measures"]["fills"]["verdict"] == "lower"


def test_block_sums_add_up_to_the_run(narrow: config.Config, long_tape: Path) -> None:
    tape = open_tape(long_tape)
    outcome = compare.run_one(compare.Run("A", narrow, long_tape, 30))
    assert len(outcome["blocks"]) == 30
    for key, total in outcome["totals"].items():
        if total is not None:
            assert sum(block[key] for block in outcome["blocks"]) == pytest.approx(total, abs=1e-6)
    ends = compare.block_ends(tape, 30)
    assert ends[-1] == len(tape)
    lengths = np.diff(tape.events["recv_ns"][[0, *(end - 1 for end in ends)]]) / 1e9
    assert lengths == pytest.approx(lengths.mean(), abs=0.5)


def test_pausing_at_block_ends_changes_nothing(narrow: config.Config, long_tape: Path) -> None:
    whole, cut = (compare.run_one(compare.Run("A", narrow, long_tape, n)) for n in (1, 30))
    assert whole["digest"] == cut["digest"]
    assert whole["totals"] == cut["totals"]


def test_several_tapes_are_several_pairs(
    narrow: config.Config, wide: config.Config, tape: Tape, long_tape: Path
) -> None:
    document = compare.compare_tapes(narrow, wide, [tape.path, long_tape], progress=quiet, jobs=1)
    assert document["pairs"] == 2
    assert document["resampled"]["unit"] == "pair"
    assert document["measures"]["fills"]["n"] == 2
    assert [run["run"] for run in document["runs"]] == [f"{s}, {n}" for n in ("market.tape", "L.tape") for s in "AB"]


def test_the_same_configuration_differs_by_exactly_nothing(narrow: config.Config) -> None:
    document = compare.compare_seeds(narrow, narrow, scenario="normal", seeds=[1, 2], minutes=8, progress=quiet, jobs=1)
    assert document["differences"] == []
    assert document["caveats"][0] == "A and B are the same configuration"
    assert {row["verdict"] for row in document["measures"].values()} == {"same"}
    assert {row["difference"] for row in document["measures"].values()} == {0.0}


def test_a_run_that_fails_is_named(narrow: config.Config, tape: Tape, tmp_path: Path) -> None:
    torn = tmp_path / "torn.tape"
    torn.write_bytes(tape.path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"torn\.tape"):
        compare.compare_tapes(narrow, narrow, [torn], progress=quiet)
    runs = [compare.Run("A", narrow, tape.path), compare.Run("B", narrow, torn)]
    with pytest.raises(compare.CompareError, match=r"^run B, torn\.tape: .*cut off"):
        compare.run_all(runs, quiet, jobs=1)


class Dying:
    """A pool whose processes die after the first run."""

    def __init__(self, *_: Any) -> None:
        self.submitted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Any, run: compare.Run) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        self.submitted += 1
        if self.submitted == 1:
            future.set_result({"run": run.name})
        else:
            future.set_exception(BrokenProcessPool())
        return future


def test_a_process_that_dies_is_told_with_its_run(settings: config.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ProcessPoolExecutor", Dying)
    runs = compare.seed_runs(settings, settings, "normal", [(1, 1), (2, 2)], minutes=1)
    with pytest.raises(compare.CompareError, match=r"^run B, seed 1 or A, seed 2: its process died; .*--jobs 1"):
        compare.run_all(runs, quiet, jobs=2)


def test_what_cannot_be_paired_is_refused(settings: config.Config, tape: Tape, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A quotes hyna:HYPE, B SOL"):
        compare.check(settings, settings.with_coin("SOL"))
    with pytest.raises(ConfigError, match="A has seed 1, B seed 2"):
        compare.check(settings, settings.model_copy(update={"seed": 2}))
    fast = settings.model_copy(update={"risk": settings.risk.model_copy(update={"max_order_rate_per_s": 1000.0})})
    with pytest.raises(ConfigError, match=r"^B: \[risk\] max_order_rate_per_s"):
        compare.check(settings, fast)
    other = generate(tmp_path / "sol.tape", coin_of("SOL"), minutes=1, seed=1)
    with pytest.raises(ConfigError, match="give one market"):
        compare.compare_tapes(settings, settings, [tape.path, other], progress=quiet)


def test_short_tapes_have_no_interval(narrow: config.Config, wide: config.Config, tape: Tape) -> None:
    document = compare.compare_tapes(narrow, wide, [tape.path], progress=quiet, jobs=1)
    assert {row["verdict"] for row in document["measures"].values()} <= {"no interval", "no data"}
    assert "fewer than 30 blocks" in document["caveats"][1]


@pytest.mark.slow
def test_a_configuration_against_itself_is_rejected_at_most_at_the_nominal_rate(settings: config.Config) -> None:
    """100 comparisons, all 800 seeds different. At a rate of 10 % more than 15 of 100 has probability 4 %, more than 20
    (the bound of ten measures together) 0.1 %."""
    seeds = [(2 * i, 2 * i + 1) for i in range(400)]
    outcomes = compare.run_all(compare.seed_runs(settings, settings, "normal", seeds, minutes=10), quiet)
    rejected = dict.fromkeys((m.name for m in compare.MEASURES), 0)
    for first in range(0, len(outcomes), 8):
        for name, row in compare.measures(outcomes[first : first + 8], "pair").items():
            rejected[name] += row["verdict"] in ("higher", "lower")
            assert row["low"] is None or row["low"] < row["high"]
    assert paired.LEVEL == 0.9
    assert rejected["edge_per_fill"] <= 15
    assert max(rejected.values()) <= 20
    assert sum(rejected.values()) > 0, "an interval that never leaves out zero is too wide"
