"""Survival of resting orders against lifelines and scikit-survival."""

import math

import lifelines
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.metrics import brier_score
from sksurv.util import Surv

from touchstone.insight.survival import censored_brier, kaplan_meier

TIMES = np.arange(1.0, 11.0)
FILLED = np.array([c == "1" for c in "1010110101"])
ALIVE = np.array([0.1, 0.5, 0.3, 0.6, 0.45, 0.7, 0.8, 0.75, 0.9, 0.85])


def test_kaplan_meier_toy():
    """T = 1..10, fills 1010110101: S = .9 .7875 .65625 .525 .35 at 1 3 5 6 8; 95 % interval at 5."""
    curve = kaplan_meier(TIMES, FILLED)
    assert [curve.at(t) for t in (1, 3, 5, 6, 8)] == pytest.approx([0.9, 0.7875, 0.65625, 0.525, 0.35])
    assert curve.at(0.5) == 1.0
    assert curve.before(1.0) == 1.0
    assert curve.at(5.9) == curve.at(5.0)
    assert (curve.lower[4], curve.upper[4]) == pytest.approx((0.26039, 0.87647), abs=5e-6)


orders = st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.floats(0.0, 1.0)), min_size=4, max_size=40)


@settings(max_examples=25, deadline=None)
@given(orders)
def test_curve_equals_lifelines(rows):
    times, filled = np.array([r[0] for r in rows], dtype=float), np.array([r[1] for r in rows])
    curve = kaplan_meier(times, filled)
    fit = lifelines.KaplanMeierFitter().fit(times, filled)
    for t in range(13):
        assert curve.at(t) == pytest.approx(fit.predict(float(t)), abs=1e-12)
    bounds = fit.confidence_interval_
    for i, t in enumerate(curve.time):
        if 0.0 < curve.survival[i] < 1.0:
            assert (curve.lower[i], curve.upper[i]) == pytest.approx(tuple(bounds.loc[t]), abs=1e-9)
        else:
            assert math.isnan(curve.lower[i])


def test_censored_brier_toy():
    """t = 5: .0672343750, t = 6.5: .1197343750; cancels as fills would give .11375, dropping them .0659375."""
    assert censored_brier(TIMES, FILLED, ALIVE, 5.0).score == pytest.approx(0.0672343750, abs=1e-10)
    assert censored_brier(TIMES, FILLED, ALIVE, 6.5).score == pytest.approx(0.1197343750, abs=1e-10)
    cancels_as_fills = censored_brier(TIMES, np.ones(10, bool), ALIVE, 5.0)
    assert cancels_as_fills.score == pytest.approx(0.11375)
    known = FILLED | (TIMES > 5.0)
    dropped = censored_brier(TIMES[known], np.ones(8, bool), ALIVE[known], 5.0)
    assert dropped.score == pytest.approx(0.0659375)


@settings(max_examples=25, deadline=None)
@given(orders, st.sampled_from([2.0, 3.5, 5.0]))
def test_score_equals_scikit_survival(rows, horizon):
    """Distinct times: in ties scikit-survival takes G(T) for a fill, Graf et al. and we G(T-)."""
    rows = [(1, False, 0.5), *rows, (12, True, 0.5), (13, False, 0.5)]  # someone is alive at the horizon
    times = np.array([r[0] for r in rows]) + np.arange(len(rows)) / 1000.0
    filled, alive = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
    outcome = Surv.from_arrays(event=filled, time=times)
    _, expected = brier_score(outcome, outcome, alive[:, None], [horizon])
    assert censored_brier(times, filled, alive, horizon).score == pytest.approx(expected[0], abs=1e-12)


def test_a_fill_precedes_the_cancels_of_its_time():
    score = censored_brier([1, 1, 1, 1, 12, 13], [0, 0, 0, 1, 1, 0], [0, 0, 0, 1.0, 0.5, 0.5], 2.0).score
    assert score == pytest.approx((1.0 + 2 * 0.25 / (2 / 5)) / 6)


def test_weights_report_what_they_cost():
    full = censored_brier(TIMES, FILLED, ALIVE, 6.5)
    capped = censored_brier(TIMES, FILLED, ALIVE, 6.5, weight_cap=1.2)
    assert full.n_known == 8
    assert 7.0 < full.n_eff < 8.0
    assert full.n_capped == 0
    assert capped.n_capped > 0
    assert capped.score < full.score


def test_bad_input_names_the_remedy():
    with pytest.raises(ValueError, match="one length"):
        kaplan_meier([1.0, 2.0], [True])
    with pytest.raises(ValueError, match="empty"):
        kaplan_meier([], [])
    with pytest.raises(ValueError, match="finite"):
        kaplan_meier([1.0, math.inf], [True, False])
    with pytest.raises(ValueError, match="one value per order"):
        censored_brier([1.0, 2.0], [True, False], [0.5], 1.0)
