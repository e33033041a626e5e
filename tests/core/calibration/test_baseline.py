"""Baselines know the past only, exactly."""

import math

import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.calibration import baseline
from touchstone.core.conventions import N_DEPTH

B0, B1 = np.int64(0), np.int64(1)


def _rate():
    rate = np.zeros(1, baseline.RATE)[0]
    baseline.reset_rate(rate)
    return rate


def _empirical():
    empirical = np.zeros(1, baseline.EMPIRICAL)[0]
    baseline.reset_empirical(empirical)
    return empirical


def test_rate_of_each_bucket() -> None:
    rate = _rate()
    assert [baseline.predict_rate(rate, np.int64(b)) for b in range(N_DEPTH)] == [0.5] * N_DEPTH
    for y in (1, 0, 0):
        baseline.learn_rate(rate, B1, np.int64(y))
    assert baseline.predict_rate(rate, B1) == 1.5 / 4.0
    assert baseline.predict_rate(rate, B0) == 0.5


def test_too_few_outcomes_are_no_distribution() -> None:
    empirical = _empirical()
    for x in range(5):
        assert math.isnan(baseline.crps(empirical, B0, baseline.sequence(empirical, B0), 1.0))
        baseline.learn_empirical(empirical, B0, float(x))
    assert not math.isnan(baseline.crps(empirical, B0, baseline.sequence(empirical, B0), 1.0))
    assert math.isnan(baseline.crps(empirical, B1, baseline.sequence(empirical, B1), 1.0))


@given(st.lists(st.floats(-50.0, 50.0), min_size=5, max_size=190), st.integers(0, 190), st.floats(-60.0, 60.0))
@settings(max_examples=60, deadline=None)
def test_crps_is_that_of_the_outcomes_before_the_prediction(values: list[float], as_of: int, y: float) -> None:
    empirical = _empirical()
    for x in values:
        baseline.learn_empirical(empirical, B1, x)
    as_of = min(as_of, len(values))
    known = values[max(0, as_of - 64, len(values) - 128) : as_of]
    got = baseline.crps(empirical, B1, np.int64(as_of), y)
    if len(known) < 5:
        assert math.isnan(got)
    else:
        assert got == pytest.approx(float(scoringrules.crps_ensemble(y, np.array(known))), rel=1e-9, abs=1e-9)


def test_later_outcomes_change_nothing() -> None:
    empirical = _empirical()
    for x in range(64):
        baseline.learn_empirical(empirical, B0, float(x % 7))
    frozen = baseline.sequence(empirical, B0)
    before = baseline.crps(empirical, B0, frozen, 2.5)
    for _ in range(64):
        baseline.learn_empirical(empirical, B0, 1e6)
    assert baseline.crps(empirical, B0, frozen, 2.5) == before
