"""Regime model: filter against reference values and hmmlearn, online EM recovers, labels stay in order."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM

from touchstone.core.market import regime

S = regime.N_REGIMES


def new_model(centre=0.0):
    model = np.zeros(1, regime.REGIME)[0]
    regime.reset(model)
    model.is_placed = 1
    regime.place_priors(model, centre)
    return model


def with_parameters(start, transition, location, variance):
    """A model with fewer states than it has room for: the others have no probability."""
    model = new_model()
    n = len(start)
    model.p_next[:] = 0.0
    model.p_next[:n] = start
    model.p[:] = 0.0
    model.transition[:, :] = np.eye(S)
    model.transition[:n, :n] = transition
    model.location[:, :] = 0.0
    model.location[:n] = location
    model.variance[:, :] = 1.0
    model.variance[:n] = variance
    return model


def test_filter_reference_values():
    """Two states, sd 1 and 3 (a second feature that says nothing): filtered P(state 2) and log likelihood."""
    model = with_parameters([0.6, 0.4], [[0.95, 0.05], [0.1, 0.9]], [[0, 0], [0, 0]], [[1, 1], [9, 1]])
    found, total = [], 0.0
    for x in (0.5, -0.3, 0.1, 4.0, -3.5, 5.0, 0.2, -0.1):
        regime.filter_only(model, x, 0.0)
        found.append(float(model.p[1]))
        total += model.log_density + 0.5 * math.log(2 * math.pi)
    expected = [0.198935, 0.088704, 0.045806, 0.975536, 0.998222, 0.999995, 0.753310, 0.427371]
    assert found == pytest.approx(expected, abs=6e-7)
    assert total == pytest.approx(-18.48286828, abs=5e-9)


def test_filter_equals_hmmlearn():
    """hmmlearn smooths: the last posterior of each prefix is the filter. Four states, two features."""
    rng = np.random.default_rng(5)
    model = new_model()
    start = rng.dirichlet(np.ones(S))
    transition = rng.dirichlet(np.ones(S), S)
    location = rng.normal(0, 1.5, (S, 2))
    variance = rng.uniform(0.3, 2.0, (S, 2))
    oracle = GaussianHMM(S, covariance_type="diag")
    oracle.startprob_, oracle.transmat_, oracle.means_, oracle.covars_ = start, transition, location, variance
    ours = with_parameters(start, transition, location, variance)
    ys = rng.normal(0, 2, (60, 2))
    total = 0.0
    for t in range(len(ys)):
        regime.filter_only(ours, float(ys[t, 0]), float(ys[t, 1]))
        total += ours.log_density
        score, posterior = oracle.score_samples(ys[: t + 1])
        assert ours.p == pytest.approx(posterior[-1], abs=1e-10)
        assert total == pytest.approx(score, abs=1e-9)
    assert model.n_steps == 0


def simulate(n, seed, location, deviation, transition):
    rng = np.random.default_rng(seed)
    state, states, ys = 1, [], []
    for _ in range(n):
        state = rng.choice(S, p=transition[state])
        states.append(state)
        ys.append(rng.normal(location[state], deviation[state]))
    return np.array(states), np.array(ys)


LOCATION = np.array([[-1.2, -1.0], [0.1, 0.0], [1.0, 0.8], [2.2, 1.5]])
DEVIATION = np.full((S, 2), 0.4)
TRANSITION = np.array([[0.96, 0.03, 0.005, 0.005], [0.02, 0.95, 0.025, 0.005], [0.01, 0.03, 0.95, 0.01], [0.02] * 4])
TRANSITION[3, 3] = 0.94


def test_online_em_recovers_the_market_and_beats_its_prior():
    states, ys = simulate(6000, 2, LOCATION, DEVIATION, TRANSITION)
    model, fixed = new_model(), new_model()
    right = np.zeros(2)
    fits = np.zeros(2)
    for t, (v, f) in enumerate(ys):
        regime.step(model, float(v), float(f), math.exp(2 * v))
        regime.filter_only(fixed, float(v), float(f))
        if t >= 3000:
            right += (regime.most_likely(model) == states[t], regime.most_likely(fixed) == states[t])
            fits += (model.log_density, fixed.log_density)
    assert right[0] / 3000 > 0.93
    assert fits[0] > fits[1] + 0.1 * 3000
    assert model.location == pytest.approx(LOCATION, abs=0.2)
    assert np.sqrt(model.variance) == pytest.approx(DEVIATION, abs=0.12)
    assert np.diag(model.transition) == pytest.approx(np.diag(TRANSITION), abs=0.04)
    assert model.transition.sum(axis=1) == pytest.approx(np.ones(S), abs=1e-12)
    assert (model.transition > 0).all()


def test_the_recursion_is_cappes():
    """With parameters held, S_n = sum of w_t E[s(y_t, x_t) | y_1..y_n]: the smoothing is done directly here."""
    rng = np.random.default_rng(9)
    n = 6
    ys = rng.normal(0, 1, (n, 2))
    model = new_model()
    start, trans = model.p_next.copy(), model.transition.copy()
    location, variance = model.location.copy(), model.variance.copy()
    for t in range(n):
        regime.step(model, float(ys[t, 0]), float(ys[t, 1]), 0.0)
    gains = [1.0] + [max((t + 1) ** -0.7, 1 / regime.MEMORY) for t in range(1, n)]
    weights = [gains[t] * np.prod([1 - g for g in gains[t + 1 :]]) for t in range(n)]
    fit = np.exp(
        -0.5 * ((ys[:, None, :] - location) ** 2 / variance + np.log(2 * math.pi * variance)).sum(axis=2)
    )
    forward = [start * fit[0]]
    for t in range(1, n):
        forward.append((forward[-1] @ trans) * fit[t])
    backward = [np.ones(S)]
    for t in range(n - 1, 0, -1):
        backward.insert(0, trans @ (fit[t] * backward[0]))
    likelihood = forward[-1].sum()
    expected = np.zeros(S)
    pairs = np.zeros((S, S))
    for t in range(n):
        smooth = forward[t] * backward[t] / likelihood
        expected += weights[t] * smooth * ys[t, 0]
        if t > 0:
            pairs += weights[t] * forward[t - 1][:, None] * trans * (fit[t] * backward[t])[None, :] / likelihood
    assert n < regime.FIRST_LEARNED, "parameters did not move"
    assert model.moments[:, 1, :] @ model.p == pytest.approx(expected, abs=1e-12)
    assert model.pairs @ model.p == pytest.approx(pairs, abs=1e-12)


def test_labels_are_in_order_of_volatility_whatever_comes():
    rng = np.random.default_rng(1)
    model = new_model()
    for _ in range(4000):
        regime.step(model, float(rng.normal(0, 3)), float(rng.normal(0, 3)), 1.0)
        assert (np.diff(model.location[:, 0]) >= 0).all()
    regime._swap(model, np.int64(1), np.int64(2))
    before = model.copy()
    regime._swap(model, np.int64(1), np.int64(2))
    regime._swap(model, np.int64(1), np.int64(2))
    before["n_swaps"] += 2
    assert model.tobytes() == before.tobytes(), "a swap undoes itself, so it forgets nothing"


def test_a_swap_only_renames():
    """The filter and the learning after a swap are those before it under other names."""
    rng = np.random.default_rng(4)
    model = new_model()
    for v, f in rng.normal(0, 1, (9, 2)):
        regime.step(model, float(v), float(f), 1.0)
    others = np.zeros(1, regime.REGIME)
    others[0] = model
    other = others[0]
    regime._swap(other, np.int64(0), np.int64(2))
    regime._predict(other)
    order = [2, 1, 0, 3]
    regime.filter_only(model, 0.3, -0.2)
    regime.filter_only(other, 0.3, -0.2)
    assert other.p[order] == pytest.approx(model.p, abs=1e-14)
    assert other.log_density == pytest.approx(model.log_density, abs=1e-12)
    assert other.pairs[np.ix_(order, order, order)] == pytest.approx(model.pairs, abs=1e-14)
    assert other.moments[np.ix_(order, range(6), order)] == pytest.approx(model.moments, abs=1e-14)


def test_seconds_make_steps_and_a_gap_spoils_one():
    model = np.zeros(1, regime.REGIME)[0]
    regime.reset(model)
    for second in range(10):
        made = regime.on_second(model, 1.0, 1.0, 2.0)
        assert made == (second % 5 == 4)
    assert model.centre == pytest.approx(math.log(math.sqrt(4.01)))
    regime.on_second(model, 1.0, 1.0, 2.0)
    regime.on_second(model, math.nan, 1.0, 2.0)
    assert (model.n_steps, model.n_skipped, model.seconds) == (2, 1, 0)
    assert model.seconds_in.sum() == 12


def test_a_burst_is_a_cascade_and_calm_is_quiet():
    rng = np.random.default_rng(6)
    model = np.zeros(1, regime.REGIME)[0]
    regime.reset(model)
    for sigma, volume, seconds, labels in (
        (1.0, 1.0, 900, {regime.QUIET, regime.NORMAL}),
        (8.0, 5.0, 40, {regime.CASCADE}),
        (0.2, 0.3, 300, {regime.QUIET}),
    ):
        for _ in range(seconds):
            regime.on_second(model, float(rng.normal(0, sigma)), volume, 1.0)
        assert regime.most_likely(model) in labels


def trace():
    rng = np.random.default_rng(17)
    model = new_model()
    out = []
    for v, f in rng.normal(0, 1.5, (120, 2)):
        regime.step(model, float(v), float(f), math.exp(2 * v))
        out.append((*model.p, model.log_density))
    return model.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
