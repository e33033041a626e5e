"""Lag model: our mid's move from the leader's, and the probability that it rises."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from touchstone.core.models import lag

ONE, TEN = np.int64(0), np.int64(1)


def new_model(memory=1e9, scale_memory=300.0):
    model = np.zeros(1, lag.LAG)[0]
    lag.reset(model, memory, scale_memory)
    return model


def test_prior():
    model = new_model()
    move, sd = lag.predict(model, ONE, 2.0)
    assert move == 1.0
    assert sd == pytest.approx(math.sqrt(4 + 0.25 * 4))
    assert lag.predict(model, TEN, math.nan) == (0.0, pytest.approx(math.sqrt(40)))
    assert lag.p_up(model, 2.0) > 0.5 > lag.p_up(model, -2.0)


@pytest.mark.parametrize("beta", [0.0, 0.9, -0.4])
def test_recovers_slope_and_scale(beta):
    rng = np.random.default_rng(4)
    model = new_model()
    xs, ys = rng.normal(0, 1.0, 4000), rng.normal(0, 3.0, 4000)
    for x, noise in zip(xs, ys, strict=True):
        lag.learn(model, TEN, float(x), float(beta * x + noise))
    precision = 4 + (xs * xs).sum() / model.square[TEN]
    exact = (4 * 0.5 + (xs * (beta * xs + ys)).sum() / model.square[TEN]) / precision
    assert model.beta[TEN] == pytest.approx(exact, abs=0.01)
    assert abs(model.beta[TEN] - beta) < 3.5 * math.sqrt(model.beta_variance[TEN])
    assert model.n_outcomes[ONE] == 0


def test_p_up_is_calibrated_where_the_mid_often_stands_still():
    """P(up) = 1 - exp(-exp(.)) shaped truth with a mid that moves in 40 % of the seconds: means within 0.02 by x."""
    rng = np.random.default_rng(8)
    model = new_model()
    told, came, us = [], [], rng.normal(0, 1.0, 12_000)
    for u in us:
        u = min(max(u, -4.0), 4.0)
        moves = rng.random() < 0.3 + 0.15 * abs(u)
        y = int(moves and rng.random() < 1 / (1 + math.exp(-2.5 * u)))
        told.append(lag.p_up(model, u))
        came.append(y)
        lag.learn_up(model, u, np.int64(y))
    told, came = np.array(told)[2000:], np.array(came)[2000:]
    assert abs(told.mean() - came.mean()) < 0.01
    for low, high in ((-4, -1), (-1, 0), (0, 1), (1, 4)):
        inside = (us[2000:] >= low) & (us[2000:] < high)
        assert abs(told[inside].mean() - came[inside].mean()) < 0.03, (low, high)
    assert ((told - came) ** 2).mean() < 0.92 * came.var()  # beats the base rate


def test_follows_a_change_and_shrugs_off_a_jump():
    rng = np.random.default_rng(9)
    model = new_model(500.0)
    for beta in (1.0, 0.0):
        for _ in range(3000):
            x = float(rng.normal(0, 1))
            lag.learn(model, ONE, x, beta * x + float(rng.normal(0, 1)))
            lag.learn_up(model, lag.scaled(model, x), np.int64(beta * x + rng.normal(0, 1) > 0))
        assert model.beta[ONE] == pytest.approx(beta, abs=0.2)
        assert (lag.p_up(model, 2.0) > 0.8) is (beta == 1.0)
    before = model.beta[ONE]
    lag.learn(model, ONE, 3.0, 500.0)
    assert model.n_clipped > 0
    assert abs(model.beta[ONE] - before) < 0.05


def test_unknown_and_extreme_values():
    model = new_model()
    for x, move in ((math.nan, 1.0), (1.0, math.nan), (1.0, math.inf)):
        lag.learn(model, ONE, x, move)
    assert model.n_skipped == 3
    assert model.n_outcomes[ONE] == 0
    assert lag.predict(model, ONE, 1e9)[0] == 25.0  # bounded at 50 bps
    assert lag.scaled(model, math.nan) == 0.0
    assert abs(lag.scaled(model, -1e9)) == lag.U_MOST
    for y in (0, 1) * 500:
        lag.learn_up(model, 4.0, np.int64(y))
        lag.learn(model, ONE, 1e9, -1e6)
    assert 0.0 < lag.p_up(model, 4.0) < 1.0
    assert np.isfinite(model.up_covariance).all()
    assert (np.linalg.eigvalsh(model.up_covariance) > 0).all()
    assert (np.diag(model.up_covariance) <= 1.0).all()


def test_forgetting_never_widens_beyond_the_prior():
    model = new_model(50.0)
    for _ in range(5000):
        lag.learn_up(model, 0.0, np.int64(1))
    assert (np.diag(model.up_covariance) <= 1.0 + 1e-9).all()
    assert lag.p_up(model, 0.0) > 0.9


def trace():
    rng = np.random.default_rng(17)
    model = new_model(100.0, 50.0)
    out = []
    for _ in range(300):
        h, x = np.int64(rng.integers(2)), float(rng.normal(0, 2))
        u = lag.scaled(model, x)
        out.append((*lag.predict(model, h, x), lag.p_up(model, u)))
        lag.learn(model, h, x, float(rng.standard_t(2)))
        lag.learn_up(model, u, np.int64(rng.integers(2)))
    return model.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
