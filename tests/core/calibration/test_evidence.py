"""E-processes: golden values, false alarms, speed of detection, run lengths."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core.calibration import evidence
from touchstone.core.jit import compiled
from touchstone.core.numerics import hash_unit, logit, sigmoid

LOG_ALPHA = math.log(20.0)


def _bets():
    bets = np.zeros(1, evidence.BETS)[0]
    evidence.reset_bets(bets)
    return bets


def _bounded():
    b = np.zeros(1, evidence.BOUNDED)[0]
    evidence.reset_bounded(b)
    return b


def _line():
    line = np.zeros(1, evidence.LINE)[0]
    evidence.reset_line(line)
    return line


@compiled
def _second_smallest(seed, i, count):
    """Beta(2, count - 1): the second smallest of `count` uniforms."""
    low, second = 1.0, 1.0
    for k in range(count):
        u = hash_unit(seed, i, np.int64(k + 1))
        if u < low:
            second = low
            low = u
        elif u < second:
            second = u
    return second


@compiled
def _first_alarm(bets, slopes, seed, count, shift, slope, n, threshold, out):
    """First outcome at which (level, sharpness, card's mean) e-process reaches the threshold, n + 1 if never.

    With x the logit of a Beta(2, count - 1) number, the true logit is x + shift and the stated one slope * x.
    """
    evidence.reset_bets(bets)
    evidence.reset_bets(slopes)
    out[:] = n + 1
    for i in range(n):
        x = logit(_second_smallest(seed, np.int64(i), count))
        y = np.int64(1) if hash_unit(seed, np.int64(i), np.int64(0)) < sigmoid(x + shift) else np.int64(0)
        stated = sigmoid(slope * x)
        evidence.bet_against_calibration(bets, stated, y)
        evidence.bet_against_sharpness(slopes, stated, y)
        level = evidence.log_e(bets)
        sharp = evidence.log_e(slopes)
        if out[0] > n and level >= threshold:
            out[0] = i + 1
        if out[1] > n and sharp >= threshold:
            out[1] = i + 1
        if out[2] > n and evidence.log_mean(level, sharp) >= threshold:
            out[2] = i + 1


def _alarms(runs: int, count: int, shift: float, slope: float, n: int) -> np.ndarray:
    out = np.zeros((runs, 3), np.int64)
    bets, slopes = _bets(), _bets()
    for run in range(runs):
        _first_alarm(
            bets, slopes, np.int64(run), np.int64(count), float(shift), float(slope), np.int64(n), LOG_ALPHA, out[run]
        )
    return out


# --- calibrated?


def test_tilt_factor() -> None:
    """Science 4.7a: q_theta / p where the event happened, (1 - q_theta) / (1 - p) where not."""
    for y in (0, 1):
        bets = _bets()
        evidence.bet_against_calibration(bets, 0.3, np.int64(y))
        x = math.log(0.3 / 0.7)
        want = []
        for theta in (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0):
            q = 1 / (1 + math.exp(-x - theta))
            want.append(q / 0.3 if y else (1 - q) / 0.7)
        assert [math.exp(bets.line[k].log_e) for k in range(6)] == pytest.approx(want, rel=1e-12)
        assert math.exp(evidence.log_e(bets)) == pytest.approx(np.mean(want), rel=1e-12)


@given(st.floats(0.0001, 0.9999))
def test_calibration_bets_are_fair(p: float) -> None:
    for bet in (evidence.bet_against_calibration, evidence.bet_against_sharpness):
        expected = np.zeros(evidence.LINES)
        for y, weight in ((1, p), (0, 1 - p)):
            bets = _bets()
            bet(bets, p, np.int64(y))
            expected += weight * np.exp([bets.line[k].log_e for k in range(evidence.LINES)])
        assert expected == pytest.approx(1.0, abs=1e-9)


def test_false_alarms_of_the_tilts() -> None:
    """Science 4.7a: Beta(2, 18), calibrated: .039 of runs alarm by n = 1500; all three kinds stay below .05."""
    alarmed = (_alarms(400, 19, 0.0, 1.0, 1500) <= 1500).mean(axis=0)
    assert alarmed[0] == pytest.approx(0.039, abs=4 * math.sqrt(0.039 * 0.961 / 400))
    assert np.all(alarmed <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400))


@pytest.mark.parametrize(("shift", "median", "tolerance"), [(0.5, 279, 45), (1.0, 61, 9)])
def test_delay_of_the_tilts(shift: float, median: int, tolerance: int) -> None:
    """Science 4.7a: median outcomes to detection where the true logit is higher by `shift`."""
    alarms = _alarms(300, 19, shift, 1.0, 3000)[:, 0]
    assert (alarms <= 3000).all()
    assert np.median(alarms) == pytest.approx(median, abs=tolerance)


def test_small_shift_is_found_in_half_of_the_runs() -> None:
    """Science 4.7a: a shift of .25 is detected by n = 1500 in 59 % of runs."""
    found = (_alarms(300, 19, 0.25, 1.0, 1500)[:, 0] <= 1500).mean()
    assert found == pytest.approx(0.59, abs=4 * math.sqrt(0.59 * 0.41 / 300))


@pytest.mark.parametrize("beta", [(2, 8), (2, 2)])
def test_twice_overconfident_is_flagged_in_time(beta: tuple[int, int]) -> None:
    """Logits doubled. Prediction: (ln 20 + ln 12) / g outcomes, g = expected log growth of the best of the 12 bets.

    Beta(2, 2) is symmetric: no bet on the level grows, only those on the slope do.
    """
    rng = np.random.default_rng(1)
    truth = np.clip(rng.beta(*beta, 200_000), 1e-9, 1 - 1e-9)
    x = 2 * np.log(truth / (1 - truth))

    def growth(other: np.ndarray) -> float:
        gain_1 = np.logaddexp(0, -x) - np.logaddexp(0, -other)
        gain_0 = np.logaddexp(0, x) - np.logaddexp(0, other)
        return float(np.mean(truth * gain_1 + (1 - truth) * gain_0))

    levels = [growth(x + tilt) for tilt in evidence.TILTS]
    slopes = [growth(x * slope) for slope in evidence.SLOPES]
    assert np.argmax(slopes) == 1  # half the stated logit is the truth
    if beta == (2, 2):
        assert max(levels) < 0 < max(slopes)
    predicted = (math.log(20) + math.log(12)) / max(levels + slopes)
    median = np.median(_alarms(200, sum(beta) - 1, 0.0, 2.0, 2000)[:, 2])
    assert 0.4 * predicted < median < 1.3 * predicted


# --- better than the baseline?


def test_henzi_ziegel_golden() -> None:  # science 4.7b
    assert evidence.henzi_ziegel(0.2, 0.4, 0.4, 1) == pytest.approx(1.3333333, abs=5e-8)
    assert evidence.henzi_ziegel(0.2, 0.4, 0.4, 0) == pytest.approx(0.8571429, abs=5e-8)
    assert evidence.henzi_ziegel(0.2, 0.4, 0.35, 1) == pytest.approx(1.1666667, abs=5e-8)
    assert evidence.henzi_ziegel(0.2, 0.4, 0.35, 0) == pytest.approx(0.9285714, abs=5e-8)
    at_boundary = 0.3 * evidence.henzi_ziegel(0.2, 0.4, 0.4, 1) + 0.7 * evidence.henzi_ziegel(0.2, 0.4, 0.4, 0)
    assert at_boundary == pytest.approx(1.0)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_bet_on_better_loses_where_the_baseline_is_better(p0: float, p1: float, truth: float) -> None:
    expected = 0.0
    for y, weight in ((1, truth), (0, 1 - truth)):
        line = _line()
        evidence.bet_on_better(line, p0, p1, np.int64(y))
        expected += weight * math.exp(line.log_e)
    p0, p1 = (min(max(p, 1e-6), 1 - 1e-6) for p in (p0, p1))
    if (p0 - truth) ** 2 <= (p1 - truth) ** 2:
        assert expected <= 1 + 1e-9
    else:
        assert expected >= 1 - 1e-9


@compiled
def _run_length(line, bets, which, seed, limit, threshold):
    """Outcomes until an e-CUSUM's false alarm, `limit` if none comes: the null is true and on its edge."""
    evidence.reset_line(line)
    evidence.reset_bets(bets)
    for i in range(limit):
        q = 0.05 + 0.5 * hash_unit(seed, np.int64(i), np.int64(1))
        u = hash_unit(seed, np.int64(i), np.int64(0))
        if which == 0:  # both forecasts equally far from the truth
            evidence.bet_on_better(line, q, q + 0.2, np.int64(1) if u < q + 0.1 else np.int64(0))
            level = np.float64(line.log_cusum)
        else:
            evidence.bet_against_calibration(bets, q, np.int64(1) if u < q else np.int64(0))
            level = evidence.log_cusum(bets)
        if level >= threshold:
            return i + 1
    return limit


@pytest.mark.parametrize("which", [0, 1])
def test_average_run_length(which: int) -> None:
    """An e-CUSUM that alarms at 100 runs at least 100 outcomes on average without a cause (truncated at 3,000)."""
    lengths = [
        _run_length(_line(), _bets(), np.int64(which), np.int64(run), np.int64(3000), math.log(100.0))
        for run in range(300)
    ]
    assert np.mean(lengths) >= 100 - 2 * np.std(lengths) / math.sqrt(300)


def test_cusum_forgets_a_good_past() -> None:
    line = _line()
    for _ in range(100):
        evidence.multiply(line, -1.0)
    for _ in range(3):
        evidence.multiply(line, 2.0)
    assert line.log_e == -94.0
    assert line.log_cusum == 6.0


# --- bounded differences


def test_first_windows_only_set_the_scale() -> None:
    b = _bounded()
    for i in range(evidence.SCALE_WINDOWS):
        evidence.bet_on_difference(b, 2.0 if i % 2 else -4.0)
    assert b.n_unscaled == evidence.SCALE_WINDOWS
    assert b.scale == pytest.approx(3.0)
    assert evidence.log_e(b.skill) == pytest.approx(0.0, abs=1e-15)
    evidence.bet_on_difference(b, 6.0)  # half of 4 x 3: scored with the old scale, then learned
    want = [1 + stake * 0.5 for stake in evidence.STAKES]
    assert math.exp(evidence.log_e(b.skill)) == pytest.approx(np.mean(want))
    assert math.exp(evidence.log_e(b.harm)) == pytest.approx(np.mean([1 - stake * 0.5 for stake in evidence.STAKES]))
    assert b.scale == pytest.approx(3.0 + 3.0 / 11)
    assert b.n_clipped == 0
    evidence.bet_on_difference(b, -1e9)
    assert b.n_clipped == 1


def test_no_spread_is_no_bet() -> None:
    b = _bounded()
    for _ in range(50):
        evidence.bet_on_difference(b, 0.0)
    assert b.n_unscaled == 50
    assert evidence.log_e(b.skill) == pytest.approx(0.0, abs=1e-15)


@compiled
def _highest(b, seed, drift, n, out):
    """Peaks of the skill and harm e-processes over n heavy-tailed symmetric differences plus a drift."""
    evidence.reset_bounded(b)
    out[:] = 0.0
    for i in range(n):
        u = hash_unit(seed, np.int64(i), np.int64(0)) - 0.5
        side = 1.0 if u > 0.0 else -1.0
        evidence.bet_on_difference(b, side * ((1.0 - 1.998 * abs(u)) ** -0.5 - 1.0) + drift)
        out[0] = max(out[0], evidence.log_e(b.skill))
        out[1] = max(out[1], evidence.log_e(b.harm))


def test_bounded_bets_keep_their_level_and_find_a_drift() -> None:
    peaks = np.zeros((300, 2))
    b = _bounded()
    for run in range(300):
        _highest(b, np.int64(run), 0.0, np.int64(1000), peaks[run])
    assert np.all((peaks >= LOG_ALPHA).mean(axis=0) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300))
    for run in range(50):
        _highest(b, np.int64(run), 0.3, np.int64(1000), peaks[run])
    assert (peaks[:50, 0] >= LOG_ALPHA).mean() > 0.9
    assert (peaks[:50, 1] >= LOG_ALPHA).mean() == 0.0


# --- distributions


@compiled
def _quantile_peak(q, seed, power, n):
    evidence.reset_quantile_bets(q)
    peak = 0.0
    for i in range(n):
        u = hash_unit(seed, np.int64(i), np.int64(0)) * 2.0 - 1.0
        side = 1.0 if u > 0.0 else -1.0
        evidence.bet_against_quantiles(q, 0.5 + 0.5 * side * abs(u) ** power)
        peak = max(peak, evidence.log_e_quantiles(q))
    return peak


def test_quantile_bets_keep_their_level_and_find_narrow_distributions() -> None:
    q = np.zeros(1, evidence.QUANTILE_BETS)[0]
    level = np.mean([_quantile_peak(q, np.int64(run), 1.0, np.int64(500)) >= LOG_ALPHA for run in range(200)])
    assert level <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)
    found = np.mean([_quantile_peak(q, np.int64(run), 0.4, np.int64(500)) >= LOG_ALPHA for run in range(50)])
    assert found > 0.95
