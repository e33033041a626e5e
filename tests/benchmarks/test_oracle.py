"""The oracle's figures on made-up truths whose skill, calibration and alarms are known beforehand."""

from typing import Any

import numpy as np
import pytest
from benchmarks.oracle import evidence, scores, study
from benchmarks.oracle.page import page
from benchmarks.oracle.study import Sizes, evaluate

from touchstone.backtest.oracle import DECIDED, HALVES, TRUTH
from touchstone.core.conventions import FILL_HORIZONS_NS, N_FILL, NEVER_NS, NS

PER_HALF = 2_000
GAP_NS = 61 * NS


def truths(p: Any, model: Any, seed: int = 1) -> Any:
    """States of two depth buckets, one after the other, whose true probability is p at each horizon."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(len(p), TRUTH)
    rows["made_ns"] = np.arange(len(p)) * GAP_NS
    rows["bucket"] = 4 + np.arange(len(p)) % 2
    rows["depth_bps"] = 6.0
    rows["p"], rows["baseline"] = model[:, None], 0.5
    rows["n"] = PER_HALF
    for half in range(HALVES):
        rows["filled"][:, half] = rng.binomial(PER_HALF, p)[:, None]
    filled = rng.random(len(p)) < p
    rows["real_ns"] = np.where(filled, FILL_HORIZONS_NS[0] // 2, NEVER_NS)
    rows["decided"], rows["outcome"] = DECIDED[0], filled[:, None]
    return rows


def spread(n: int, seed: int = 2) -> Any:
    return np.random.default_rng(seed).uniform(0.05, 0.95, n)


def test_a_model_that_knows_the_truth_has_all_the_attainable_skill() -> None:
    p = spread(400)
    of = scores.skill(truths(p, p), 0)
    exact = 1.0 - (p * (1.0 - p)).mean() / (0.25 + ((p - 0.5) ** 2 - (p - 0.5) ** 2).mean())
    assert of.truth_skill == pytest.approx(exact, abs=0.01)
    assert of.share == pytest.approx(1.0, abs=0.01)
    assert of.depth_skill == pytest.approx(0.0, abs=0.02)


def test_half_way_to_the_truth_is_three_quarters_of_the_skill() -> None:
    p = spread(400)
    of = scores.skill(truths(p, 0.5 + (p - 0.5) / 2), 0)  # what is lost is the square of the distance
    assert of.share == pytest.approx(0.75, abs=0.01)
    low, high = of.share_interval
    assert low < of.share < high


def test_calibration_takes_the_counting_noise_out() -> None:
    p = spread(4_000)
    exact, shifted = scores.calibration(truths(p, p), 0), scores.calibration(truths(p, p + 0.02), 0)
    assert exact.rms < 0.002  # the noise alone would be 0.007
    assert shifted.bias == pytest.approx(0.02, abs=0.001)
    assert shifted.rms == pytest.approx(0.02, abs=0.001)
    shrunk = scores.calibration(truths(p, 0.5 + (p - 0.5) / 2), 0)
    assert shrunk.model_spread == pytest.approx(shrunk.truth_spread / 2, rel=0.02)
    assert shrunk.correlation == pytest.approx(1.0, abs=0.01)
    assert set(scores.by_bucket(truths(p, p), 0)) == {4, 5}


def test_the_truth_earns_its_verdict_and_shuffled_outcomes_do_not() -> None:
    found = evidence.discovery(truths(spread(400), spread(400)), 0, repeats=5)
    assert found.found == 5
    assert found.windows is not None
    assert 300 <= found.windows[0] <= 400
    assert found.shuffled_found == 0


@pytest.mark.slow
def test_the_truth_of_the_market_earns_its_verdict_too() -> None:
    rows = np.concatenate([study.session(seed, "normal", 60, 400, N_FILL - 1) for seed in range(3)])
    found = evidence.discovery(scores.usable(rows), 1, repeats=10)
    assert found.found >= 9
    assert found.windows is not None
    assert found.shuffled_found == 0


def test_alarms_stay_silent_for_the_truth_and_hear_the_overconfident() -> None:
    sessions = [truths(spread(100, s), spread(100, s), s) for s in range(40)]
    true_p = [evidence.stated_probability(rows, 0, study.ALL_FUTURES) for rows in sessions]
    real = [evidence.real_outcomes(rows, 0) for rows in sessions]
    calm = evidence.alarms(sessions, true_p, real, 0)
    bold = evidence.alarms(sessions, [1.0 / (1.0 + (1.0 / p - 1.0) ** 3) for p in true_p], real, 0)
    assert calm.holds
    assert calm.windows == 4_000
    assert calm.degraded == calm.miscalibrated_cusum == 0
    assert bold.miscalibrated > 30
    assert not bold.holds


def test_the_bucket_rate_is_that_of_the_other_sessions() -> None:
    sessions = [truths(np.full(40, level), np.full(40, 0.5)) for level in (0.0, 0.0, 1.0)]
    stated = evidence.rates_of_others(sessions, 0)
    assert stated[0][0] == pytest.approx(20.5 / 41.0)  # one of the two others always fills: 20 of 40 in each bucket
    assert stated[2][0] == pytest.approx(0.5 / 41.0)


def test_the_check_sees_frequencies_that_are_off() -> None:
    p = 0.9 * spread(2_000)
    rows = truths(p, p)
    assert abs(evidence.check(rows, 0).z) < 3.0
    rows["filled"] += PER_HALF // 20  # five points too many: some five standard errors
    assert evidence.check(rows, 0).z < -3.0


def test_the_page_says_how_it_was_written() -> None:
    p = spread(60)
    main = [truths(p, p), truths(p, p, 3)]
    watched = [[truths(spread(20, s), spread(20, s), s) for s in range(5)] for _ in range(2)]
    made = evaluate("normal", Sizes(states=120, repeats=2, alarm_sessions=5), 2, main, watched, 0.0)
    text = page(made)
    assert "--states 120 --continuations 2000 --scenario normal --alarm-sessions 5 --repeats 2 --out docs/" in text
    assert text.count("| the truth |") == N_FILL
    assert "nan" not in text
