"""Bayesian online change-point detection: reference values, an independent recursion, the alarm, bounded cost."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import special, stats

from touchstone.core.market import changepoint

SERIES = (0.1, -0.2, 0.3, 0.0, 5.1, 4.9, 5.2, 5.0)


def new_model(hazard=1 / 100, prior=(0.0, 1.0, 1.0, 1.0), noise=0.0, least_mass=0.0):
    model = np.zeros(1, changepoint.CHANGEPOINT)[0]
    changepoint.reset(model, hazard, *prior, noise, least_mass)
    return model


def as_the_core_runs_it():
    m, k, a, b = changepoint.PRIOR_MEAN, changepoint.PRIOR_K, changepoint.PRIOR_A, changepoint.PRIOR_B
    return new_model(changepoint.HAZARD, (m, k, a, b), changepoint.NOISE, changepoint.LEAST_MASS)


def masses(model):
    """Mass by run length."""
    n = int(model.n)
    return {int(r): float(p) for r, p in zip(model.run[:n], model.mass[:n], strict=True)}


def test_reference_values():
    """Prior NIG(0, 1, 1, 1), H = 1/100: evidence, mean run, most likely run, final run lengths, P(r = 0) = H."""
    model = new_model()
    means, most_likely = [], []
    for x in SERIES:
        changepoint.observe(model, x)
        changepoint.summarise(model)
        found = masses(model)
        assert found[0] == pytest.approx(0.01, abs=1e-15), "the hazard at every step: no alarm can be made of it"
        means.append(model.mean_run)
        most_likely.append(max(found, key=found.__getitem__))
    assert model.log_evidence == pytest.approx(-19.51938844, abs=5e-9)
    assert means == pytest.approx([0.99, 1.973058, 2.952735, 3.932753, 2.96453, 3.073544, 3.570241, 4.312578], abs=6e-7)
    assert most_likely[4:] == [5, 2, 3, 4]
    expected = [0.01, 0.000995, 0.000845, 0.001746, 0.849254, 0.056228, 0.009545, 0.001865, 0.069522]
    assert [masses(model)[r] for r in range(9)] == pytest.approx(expected, abs=6e-7)


def exact(xs, hazard, m0, k0, a0, b0):
    """The recursion without truncation in log space, run lengths 0..t; returns masses and log evidence by step."""
    log_mass, m, k, a, b = np.zeros(1), np.array([m0]), np.array([k0]), np.array([a0]), np.array([b0])
    evidence = []
    for x in xs:
        fit = stats.t.logpdf(x, 2 * a, m, np.sqrt(b * (k + 1) / (a * k)))
        joint = log_mass + fit
        total = special.logsumexp(joint)
        evidence.append(total)
        log_mass = np.concatenate([[math.log(hazard)], joint - total + math.log1p(-hazard)])
        gap = x - m
        b = np.concatenate([[b0], b + k * gap**2 / (2 * (k + 1))])
        m = np.concatenate([[m0], m + gap / (k + 1)])
        k, a = np.concatenate([[k0], k + 1]), np.concatenate([[a0], a + 0.5])
    return np.exp(log_mass), np.cumsum(evidence)


@pytest.mark.parametrize("least_mass", [0.0, changepoint.LEAST_MASS])
def test_truncated_against_the_whole_recursion(least_mass):
    """300 observations with two breaks: bounded run lengths lose little evidence and keep the alarm."""
    rng = np.random.default_rng(3)
    xs = np.concatenate([rng.normal(0, 1, 120), rng.normal(1.5, 1, 80), rng.normal(0, 2.5, 100)])
    prior = (0.0, 4.0, 2.0, 1.0)
    model = new_model(1 / 100, prior, least_mass=least_mass)
    alarms = []
    for x in xs:
        changepoint.observe(model, float(x))
        changepoint.summarise(model)
        alarms.append(model.p_change)
    for t in (50, 125, 130, 205, 300):
        whole, evidence = exact(xs[:t], 1 / 100, *prior)
        assert alarms[t - 1] == pytest.approx(whole[: int(changepoint.RECENT) + 1].sum(), abs=0.02)
    assert model.log_evidence == pytest.approx(evidence[-1], abs=0.15)
    assert model.n <= changepoint.CAPACITY
    assert sum(masses(model).values()) == pytest.approx(1.0, abs=1e-12)


def test_while_all_fits_it_is_the_whole_recursion():
    rng = np.random.default_rng(8)
    xs = rng.normal(0, 1, changepoint.CAPACITY - 1)
    model = new_model(1 / 50, (0.0, 4.0, 2.0, 1.0))
    for x in xs:
        changepoint.observe(model, float(x))
    whole, evidence = exact(xs, 1 / 50, 0.0, 4.0, 2.0, 1.0)
    assert model.log_evidence == pytest.approx(evidence[-1], rel=1e-12)
    found = masses(model)
    assert [found[r] for r in range(len(whole))] == pytest.approx(whole, rel=1e-9)


def test_alarm_rises_at_a_change_and_not_at_an_outlier():
    rng = np.random.default_rng(11)
    model = as_the_core_runs_it()
    quiet = []
    for x in rng.normal(0, 0.7, 400):
        changepoint.update(model, float(x))
        quiet.append(model.p_change)
    assert np.median(quiet[50:]) < 0.15
    before = int(model.n_clipped)
    changepoint.update(model, 40.0)
    assert model.n_clipped == before + 1
    assert model.p_change < 0.5, "one wild second is not another market"
    for x in rng.normal(0, 0.7, 60):
        changepoint.update(model, float(x))
    assert model.p_change < 0.3
    delays = 0
    while model.p_change < 0.9 and delays < 20:
        delays += 1
        changepoint.update(model, float(rng.normal(0, 3)))
    assert delays <= 8
    for x in rng.normal(0, 3, 40):
        changepoint.update(model, float(x))
    assert model.p_change < 0.3, "a run of 40 s is old again"
    assert model.variance_old > 4 * 0.7 * 0.7


def test_a_book_that_stands_still_is_no_certainty():
    model = as_the_core_runs_it()
    for _ in range(3000):
        changepoint.update(model, 0.0)
    assert model.variance_old > 0.015, "the price grid remains"
    changepoint.update(model, 0.3)
    assert model.p_change < 0.5, "half a tick is no change"


def test_unknown_extreme_and_long():
    model = as_the_core_runs_it()
    before = model.copy()
    changepoint.update(model, math.nan)
    before["n_skipped"] = 1
    assert model.tobytes() == before.tobytes()
    for x in (math.inf, -math.inf, 1e300, -1e300, 0.0) * 20:
        changepoint.update(model, x)
    for _ in range(9000):
        changepoint.update(model, 0.1)
    for name in ("p_change", "mean_run", "variance_new", "variance_old", "log_evidence"):
        assert math.isfinite(model[name])
    assert model.run[: model.n].max() <= changepoint.RUN_MOST
    assert 0 <= model.p_change <= 1


def trace():
    rng = np.random.default_rng(17)
    model = as_the_core_runs_it()
    out = []
    for x in np.concatenate([rng.normal(0, 1, 150), rng.normal(0, 3, 100)]):
        changepoint.update(model, float(x))
        out.append((model.p_change, model.variance_new, model.variance_old))
    return model.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
