"""Influence: never more than the evidence allows, at most a quarter an hour, gone with the alarm; graded mixtures."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from touchstone.core.calibration import baseline, evidence, influence, scorecard
from touchstone.core.conventions import NS
from touchstone.core.jit import compiled
from touchstone.core.numerics import hash_unit

HOUR = 3600 * NS


def _leash():
    leash = np.zeros(1, influence.LEASH)[0]
    influence.reset(leash)
    return leash


def _with_evidence(leash, log_values):
    for k, value in enumerate(log_values):
        leash.line[k].log_e = value


@given(
    st.lists(
        st.tuples(st.lists(st.floats(-5, 12), min_size=4, max_size=4), st.integers(0, HOUR), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
@settings(deadline=None, max_examples=150)
def test_never_above_the_evidence_and_at_most_a_quarter_an_hour(steps) -> None:
    leash, share, now = _leash(), 0.0, 0
    history = [(0, 0.0)]
    for log_values, wait, is_degraded in steps:
        now += wait
        _with_evidence(leash, log_values)
        degraded = np.int64(is_degraded and not leash.on_probation)
        fresh = influence.follow(leash, share, np.int64(bool(degraded) or bool(leash.on_probation)), np.int64(now))
        if degraded:
            assert fresh == 0.0  # the alarm voids all evidence
        else:
            most = max([s for s, v in zip(influence.STEPS, log_values, strict=True) if v >= math.log(80)], default=0.0)
            assert fresh <= most
        assert fresh in (0.0, 0.25, 0.5, 0.75, 1.0)
        share = fresh
        history.append((now, share))
        for then, before in history:
            if now - then < HOUR:
                lowest = min(s for t, s in history if t >= then)
                assert share - lowest <= 0.25 + 1e-12
                del before


def test_rises_step_by_step_and_falls_at_once() -> None:
    leash, share = _leash(), 0.0
    _with_evidence(leash, [10.0] * 4)
    for hour in range(5):
        share = influence.follow(leash, share, np.int64(0), np.int64(hour * HOUR))
        assert share == min(0.25 * (hour + 1), 1.0)
        assert influence.follow(leash, share, np.int64(0), np.int64(hour * HOUR + HOUR - 1)) == share
    _with_evidence(leash, [10.0, 4.3, 5.0, 1.0])
    assert influence.follow(leash, share, np.int64(0), np.int64(5 * HOUR)) == 0.75  # the largest, not the first


def test_after_the_alarm_it_is_earned_afresh() -> None:
    leash = _leash()
    _with_evidence(leash, [100.0] * 4)
    share = influence.follow(leash, 0.0, np.int64(0), np.int64(0))
    assert influence.follow(leash, share, np.int64(1), np.int64(2 * HOUR)) == 0.0
    assert leash.on_probation
    assert influence.follow(leash, 0.0, np.int64(1), np.int64(9 * HOUR)) == 0.0  # nothing new: nothing back
    _with_evidence(leash, [5.0, 0.0, 0.0, 0.0])
    assert influence.follow(leash, 0.0, np.int64(1), np.int64(9 * HOUR)) == 0.25
    assert not leash.on_probation


@compiled
def _ever_earned(leash, seed, n, p, q, truth):
    """Whether a forecast p of events of probability `truth` ever earns anything against the baseline q."""
    influence.restart(leash)
    for i in range(n):
        y = np.int64(1) if hash_unit(seed, np.int64(i), np.int64(3)) < truth else np.int64(0)
        influence.on_probability(leash, q, p, y)
        if influence.allowed(leash) > 0.0:
            return i + 1
    return 0


def test_a_model_that_does_not_beat_its_baseline_hardly_ever_earns() -> None:
    leash = _leash()
    earned = sum(_ever_earned(leash, np.int64(s), 600, 0.4, 0.2, 0.225) > 0 for s in range(400))  # lambda 1/4: as good
    assert earned <= 400 / 80 + 4 * math.sqrt(400 / 80)


def test_a_better_model_earns_soon() -> None:
    leash = _leash()
    waits = [_ever_earned(leash, np.int64(s), 3000, 0.5, 0.2, 0.5) for s in range(50)]
    assert min(waits) > 0
    assert np.median(waits) < 150


@compiled
def _feed(leash, seed, n, p_up, p_down, base):
    """Two kinds of windows, events of probability .3 and .1, forecast p_up and p_down, baseline .2."""
    for i in range(n):
        high = hash_unit(seed, np.int64(i), np.int64(1)) < 0.5
        truth = 0.3 if high else 0.1
        y = np.int64(1) if hash_unit(seed, np.int64(i), np.int64(2)) < truth else np.int64(0)
        influence.on_probability(leash, base, p_up if high else p_down, y)


def test_an_overstated_model_earns_a_part() -> None:
    """Right direction, three times too sure: whole it loses to the base rate, a quarter of it wins."""
    leash = _leash()
    _feed(leash, np.int64(1), 4000, 0.5, 0.001, 0.2)
    assert influence.log_e(leash, np.int64(3)) < 0
    assert influence.allowed(leash) in (0.25, 0.5)


def test_the_gain_of_a_mixture_of_points() -> None:
    """(y - y0)^2 - (y - lambda x - (1 - lambda) y0)^2 = lambda d + lambda (1 - lambda) D."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        y, x, x0 = rng.normal(size=3)
        d, apart = (y - x0) ** 2 - (y - x) ** 2, (x - x0) ** 2
        for lam in influence.STEPS:
            direct = (y - x0) ** 2 - (y - lam * x - (1 - lam) * x0) ** 2
            assert lam * d + lam * (1 - lam) * apart == pytest.approx(direct, rel=1e-9, abs=1e-12)


def test_the_divergence_of_distributions() -> None:
    """Integral of (F - F0)^2, numerically, for a Student-t against an empirical distribution."""
    past = np.zeros(1, baseline.EMPIRICAL)[0]
    baseline.reset_empirical(past)
    values = np.random.default_rng(2).normal(1.0, 3.0, 30)
    for value in values:
        baseline.learn_empirical(past, np.int64(2), float(value))
    steps = np.sort(values)

    def squared(x):
        return (stats.t.cdf((x - 0.5) / 2.0, 12.0) - np.searchsorted(steps, x, side="right") / 30) ** 2

    edges = [-60.0, *steps, 60.0]
    direct = sum(integrate.quad(squared, a, b)[0] for a, b in pairwise(edges))
    found = baseline.divergence(past, np.int64(2), np.int64(30), 12.0, 0.5, 2.0)
    assert found == pytest.approx(direct, rel=1e-6)
    assert baseline.divergence(past, np.int64(2), np.int64(3), 12.0, 0.5, 2.0) == 0.0  # no baseline yet


@given(st.lists(st.one_of(st.floats(-3, 12), st.just(math.nan)), min_size=1, max_size=12))
@settings(deadline=None, max_examples=100)
def test_e_bh_is_the_procedure_of_the_paper(logs) -> None:
    """Wang-Ramdas 2022: reject the k largest, k the largest with e_(k) >= N / (alpha k)."""
    found = np.zeros(len(logs), np.int64)
    count = evidence.e_bh(np.array(logs), np.int64(len(logs)), math.log(0.05), found)
    known = sorted((v for v in logs if not math.isnan(v)), reverse=True)
    k = max([i for i, v in enumerate(known, 1) if v >= math.log(len(known) / 0.05 / i)], default=0)
    assert count == k
    assert [bool(f) for f in found] == [not math.isnan(v) and k > 0 and v >= known[k - 1] for v in logs]


def test_a_challenger_takes_over_with_its_own_record() -> None:
    """The recalibrated forecast of a model that is too high by a logit of 1.5 becomes the model's, and earns."""
    card = np.zeros(1, scorecard.CARD)[0]
    scorecard.reset(card, scorecard.BINARY, np.int64(NS))
    rng = np.random.default_rng(3)
    for i in range(2500):
        truth = float(rng.beta(2, 6))
        x = math.log(truth / (1 - truth)) + 1.5
        raw = 1 / (1 + math.exp(-x))
        p = scorecard.forecast(card, raw)
        q = scorecard.baseline(card, np.int64(0))
        y = np.int64(rng.random() < truth)
        scorecard.learn_recalibrated(card, np.int64(i * 60 * NS), np.int64(0), raw, p, q, y, np.int64(1), np.int64(1))
        if i == 1500:
            assert influence.allowed(card.leash) == 0.0
            before = [float(card.challenger.line[k].log_e) for k in range(4)]
            scorecard.take_over(card, np.int64(i * 60 * NS))
            assert [float(card.leash.line[k].log_e) for k in range(4)] == before
            assert scorecard.forecast(card, 0.5) < 0.35
    assert influence.allowed(card.leash) == 1.0
