"""Whether a challenger is said to win, and how often when it should not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.config import Models
from touchstone.core.calibration import evidence
from touchstone.core.targets import TARGET_NAMES
from touchstone.session.challenge import BLOCK_NS, BOLDNESS, CONCERNS, HORIZON_NS, Comparison, concerned, e_values

from .forecasts import PER_BLOCK, chances, paired, winning

NS = 1_000_000_000
PROBABILITIES = st.floats(0.001, 0.999)


def verdict(comparison: Comparison, name: str) -> str:
    found: str = comparison.summary([TARGET_NAMES.index(name)])["verdict"]
    return found


# --- The e-values of probabilities


@given(p=PROBABILITIES, q=PROBABILITIES, y=st.sampled_from([0, 1]))
def test_the_least_bold_bet_is_that_of_the_scorecards(p: float, q: float, y: int) -> None:
    """Henzi and Ziegel 2022, as `evidence.henzi_ziegel` has it; nothing is clipped at that boldness but extremes."""
    made = e_values(np.array([p]), np.array([q]), np.array([float(y)]))[0, 0]
    theirs = evidence.henzi_ziegel(p, q, 0.75 * q + 0.25 * p, np.int64(y))
    assert made == pytest.approx(max(theirs, 0.5), rel=1e-9) or made >= 0.5 > theirs


@given(p=PROBABILITIES, q=PROBABILITIES, share=st.floats(0.0, 1.0))
def test_no_bet_gains_where_the_incumbent_is_at_least_as_good(p: float, q: float, share: float) -> None:
    """With the true chance on p's side of (p + q) / 2 the Brier score of p is the better one: expectation at most 1."""
    truth = p * share + 0.5 * (p + q) * (1.0 - share)
    of_event, of_none = (e_values(np.array([p]), np.array([q]), np.array([y]))[0] for y in (1.0, 0.0))
    assert np.all(truth * of_event + (1.0 - truth) * of_none <= 1.0 + 1e-12)
    assert np.all(np.minimum(of_event, of_none) >= 0.5 - 1e-12)
    assert len(of_event) == len(BOLDNESS)


def test_equal_forecasts_win_and_lose_nothing() -> None:
    p = np.array([1e-6, 0.3, 0.999])
    assert np.all(e_values(p, p, np.array([1.0, 0.0, 1.0])) == 1.0)


# --- Blocks


def test_blocks_are_those_of_the_scorecards() -> None:
    lengths = dict(zip(TARGET_NAMES, zip(HORIZON_NS, BLOCK_NS, strict=True), strict=True))
    assert lengths["fill_1s"] == (NS, 30 * NS)
    assert lengths["adverse_0.5s"] == (NS // 2, 30 * NS)
    assert lengths["toxic_signals_10s"] == (10 * NS, 30 * NS)
    assert lengths["fill_60s"] == (60 * NS, 120 * NS)


def test_the_mean_of_blocks_has_the_interval_of_student() -> None:
    """d_b = mean loss of the incumbent - mean loss of the challenger; t(0.95, 59) = 1.67109 (tables)."""
    truth, outcome, chance = chances("fair_1s", 61, 5)
    forecast, other = truth + chance.normal(size=len(truth)), truth + 0.5 * chance.normal(size=len(truth))
    comparison = Comparison()
    comparison.take(paired("fair_1s", 61, forecast, other, outcome))
    found = comparison.summary([TARGET_NAMES.index("fair_1s")])["targets"]["fair_1s"]
    d = ((forecast - outcome) ** 2 - (other - outcome) ** 2).reshape(61, PER_BLOCK).mean(axis=1)[:60]
    se = d.std(ddof=1) / math.sqrt(60)
    assert (found["n"], found["blocks"]) == (610, 60)  # the last is still open
    assert found["gain"] == pytest.approx(d.mean(), rel=1e-9)
    assert found["high"] - found["gain"] == pytest.approx(1.67109 * se, rel=1e-4)
    assert found["minimum_detectable"] == pytest.approx((1.67109 + 0.84796) * se, rel=1e-3)


def test_a_window_that_began_in_the_block_before_is_left_out() -> None:
    """Its forecast was made while the outcomes of that block were still open."""
    truth, outcome, _ = chances("fair_10s", 40, 1)
    pairs = paired("fair_10s", 40, truth * 0.0, truth, outcome)
    pairs.resolved_ns[3] -= pairs.resolved_ns[3] % (30 * NS) - 9 * NS  # 9 s into its block: seen at 1 s before it
    comparison = Comparison()
    comparison.take(pairs)
    found = comparison.summary([TARGET_NAMES.index("fair_10s")])["targets"]["fair_10s"]
    assert (found["left_out"], found["n"]) == (1, 399)


@pytest.mark.parametrize("name", ["fill_10s", "fair_1s"])
def test_pieces_and_restarts_change_nothing(name: str) -> None:
    truth, outcome, chance = chances(name, 50, 2)
    other = np.clip(truth + 0.05 * chance.normal(size=len(truth)), 0.01, 0.99)
    whole, pieces = Comparison(), Comparison()
    pairs = paired(name, 50, truth, other, outcome)
    whole.take(pairs)
    for start in range(0, len(truth), 37):
        part = type(pairs)(**{key: value[start : start + 37] for key, value in vars(pairs).items()})
        pieces = Comparison(pieces.pack())
        pieces.take(part)
    one, other_one = (each.summary([TARGET_NAMES.index(name)])["targets"][name] for each in (whole, pieces))
    assert {key: value for key, value in one.items() if key != "verdict"} == pytest.approx(
        {key: value for key, value in other_one.items() if key != "verdict"}
    )
    with pytest.raises(ValueError, match="expected"):
        Comparison(b"something else")


# --- Verdicts


@pytest.mark.parametrize("name", ["fill_10s", "fair_10s", "toxic_10s", "adverse_10s"])
def test_who_knows_more_wins_and_who_knows_less_loses(name: str) -> None:
    truth, outcome, _ = chances(name, 400, 3)
    nothing = np.full(len(truth), truth.mean())
    better, worse = Comparison(), Comparison()
    better.take(paired(name, 400, nothing, truth, outcome))
    worse.take(paired(name, 400, truth, nothing, outcome))
    assert (verdict(better, name), verdict(worse, name)) == ("WINS", "LOSES")


def test_a_rare_event_is_not_clipped_away() -> None:
    """Who always says less wins nearly every block and loses where it counts: clipped gains would not see that."""
    blocks, chance = 600, np.random.default_rng(4)
    outcome = (chance.uniform(size=blocks * PER_BLOCK) < 0.01).astype(np.float64)
    honest, too_low = np.full(len(outcome), 0.01), np.full(len(outcome), 1e-4)
    comparison = Comparison()
    comparison.take(paired("fill_1s", blocks, honest, too_low, outcome))
    found = comparison.summary([TARGET_NAMES.index("fill_1s")])["targets"]["fill_1s"]
    assert found["gain"] < 0.0
    assert found["e_better"] < 1.0


def test_verdicts_before_there_is_enough() -> None:
    truth, outcome, _ = chances("fill_10s", 20, 1)
    comparison = Comparison()
    assert verdict(comparison, "fill_10s") == "NO DATA"
    comparison.take(paired("fill_10s", 20, np.full(len(truth), 0.3), truth, outcome))
    assert verdict(comparison, "fill_10s") == "WARMING"


def test_one_loss_is_enough_to_lose() -> None:
    comparison = winning("fill_10s")
    targets = [TARGET_NAMES.index("fill_10s"), TARGET_NAMES.index("fair_1s")]
    assert comparison.summary(targets)["verdict"] == "WINS"
    truth, outcome, _ = chances("fair_1s", 400, 1)
    comparison.take(paired("fair_1s", 400, truth, truth * 0.0, outcome))
    found = comparison.summary(targets)
    assert [each["verdict"] for each in found["targets"].values()] == ["WINS", "LOSES"]
    assert found["verdict"] == "LOSES"


def false_wins(seeds: range) -> int:
    """Runs in which one of four targets wins, where both know equally much; looked at after each fifth of it."""
    count, names = 0, ("fill_10s", "toxic_10s", "fair_1s", "adverse_10s")
    targets = [TARGET_NAMES.index(name) for name in names]
    for seed in seeds:
        comparison, has_won = Comparison(), False
        rounds = {}
        for number, name in enumerate(names):
            truth, outcome, chance = chances(name, 150, 10 * seed + number)
            noise = 0.05 * chance.normal(size=(2, len(truth)))
            forecast, other = (np.clip(truth + each, 0.01, 0.99) for each in noise)
            rounds[name] = paired(name, 150, forecast, other, outcome)
        for look in range(5):
            for pairs in rounds.values():
                part = slice(look * 300, (look + 1) * 300)
                comparison.take(type(pairs)(**{key: value[part] for key, value in vars(pairs).items()}))
            has_won |= "WINS" in [each["verdict"] for each in comparison.summary(targets)["targets"].values()]
        count += has_won
    return count


def test_equals_hardly_ever_win() -> None:
    """At most 5 % of runs, however often one looks: more than 5 of 40 has a chance under 1.4 %."""
    assert false_wins(range(40)) <= 5


@pytest.mark.slow
def test_equals_hardly_ever_win_in_many_runs() -> None:
    assert false_wins(range(1000, 1400)) <= 0.05 * 400


# --- What a setting concerns


def test_settings_are_those_of_the_models() -> None:
    assert set(CONCERNS) <= set(Models.model_fields)
    assert concerned(["careful_cap_bps", "lag"]) == []
    of_fill = [TARGET_NAMES[target] for target in concerned(["intensity_half_life_s"])]
    assert of_fill == ["fill_1s", "fill_10s", "fill_60s"]
