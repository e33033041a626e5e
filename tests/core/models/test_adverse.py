"""Adverse selection model: recovers mean and scale, calibrated forecasts, shrinkage, forgetting."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from touchstone.core.conventions import TOXIC_HORIZON
from touchstone.core.models import adverse

H = [np.int64(h) for h in range(adverse.N_MARKOUT)]
TEN = np.int64(TOXIC_HORIZON)
BID, ASK = np.int64(0), np.int64(1)
B2, B3, B7 = np.int64(2), np.int64(3), np.int64(7)


def new_model(cell_memory=1e9, pool_memory=1e9):
    model = np.zeros(1, adverse.ADVERSE)[0]
    adverse.reset(model, cell_memory, pool_memory)
    return model


def test_prior_is_what_the_docstring_says():
    model = new_model()
    sigma = 3.0
    for h, root in zip(H, adverse.SQRT_H, strict=True):
        location, scale, dof = adverse.predict(model, h, np.int64(5), BID, sigma)
        assert location == pytest.approx(0.25 * 6.0 + 0.25 * sigma)  # depth bucket 4..8
        assert scale > sigma * root  # wider than diffusion
        assert dof == 10.0
    assert adverse.mean_scale(model, TEN, B3, BID, sigma) < adverse.predict(model, TEN, B3, BID, sigma)[1]


def test_one_cell_matches_normal_inverse_gamma_algebra():
    """NIG update k'=k+n, m'=(km+n xbar)/k', a'=a+n/2, b'=b+SS/2+kn(xbar-m)^2/2k'."""
    model, z = new_model(), np.array([0.4, -1.0, 2.2, 0.1])
    for value in z:
        adverse.learn(model, TEN, B3, BID, 1.0, float(adverse.DEPTH_TERM[3] + value * math.sqrt(10)))
    prior = 0.25 / math.sqrt(10)
    pool_k = 10 + 4
    pool_m = (10 * prior + z.sum()) / pool_k
    square = (4 + 0.5 * model.pool[TEN].squares) / (3 + 2 - 1)
    k0 = 1 / (1 / 50 + 1 / pool_k)
    k, a = k0 + 4, 5 + 2
    m = (k0 * pool_m + z.sum()) / k
    b = 4 * square + 0.5 * ((z - z.mean()) ** 2).sum() + 0.5 * k0 * 4 * (z.mean() - pool_m) ** 2 / k
    location, scale, dof = adverse.predict(model, TEN, B3, BID, 1.0)
    assert location == pytest.approx(adverse.DEPTH_TERM[3] + m * math.sqrt(10), rel=1e-8)
    assert scale == pytest.approx(math.sqrt(b * (k + 1) / (a * k)) * math.sqrt(10), rel=1e-8)
    assert dof == pytest.approx(2 * a)
    assert adverse.mean_scale(model, TEN, B3, BID, 1.0) == pytest.approx(math.sqrt(b / (a * k)) * math.sqrt(10))


def test_recovers_mean_and_scale_and_is_calibrated():
    rng = np.random.default_rng(5)
    model = new_model()
    n = 3000
    pit, toxic_p, toxic_y = [], [], []
    for i in range(n):
        sigma = float(rng.uniform(1.0, 4.0))
        s = np.int64(rng.integers(2))
        y = sigma * math.sqrt(10) * (0.3 * (s == 0) + 1.4 * rng.standard_normal())
        if i >= 500:
            location, scale, dof = adverse.predict(model, TEN, B2, s, sigma)
            pit.append(stats.t.cdf((y - location) / scale, dof))
            edge = float(rng.uniform(-3, 6))
            toxic_p.append(adverse.p_toxic(model, B2, s, sigma, edge, 0.0))
            toxic_y.append(y > edge)
        adverse.learn(model, TEN, B2, s, sigma, y)
    bid, bid_scale, _ = adverse.predict(model, TEN, B2, BID, 2.0)
    ask, _, _ = adverse.predict(model, TEN, B2, ASK, 2.0)
    error = adverse.mean_scale(model, TEN, B2, BID, 2.0)
    unit = 2.0 * math.sqrt(10)
    assert abs(bid - 0.3 * unit) < 4 * error
    assert abs(ask) < 4 * error
    assert bid_scale == pytest.approx(1.4 * unit, rel=0.06)
    pit = np.array(pit)
    assert stats.kstest(pit, "uniform").pvalue > 1e-3
    for level in (0.5, 0.9):
        covered = np.mean(np.abs(pit - 0.5) < level / 2)
        assert abs(covered - level) < 4 * math.sqrt(level * (1 - level) / len(pit))
    p, hit = np.array(toxic_p), np.array(toxic_y)
    order = np.argsort(p)
    for part in np.array_split(order, 5):
        assert abs(p[part].mean() - hit[part].mean()) < 4 * 0.5 / math.sqrt(len(part))


def test_a_cell_shrinks_to_the_pooled_mean():
    """Weight n / (n + sigma^2/tau^2) with 50 pseudo-fills: half a say after about 50 fills."""
    rng = np.random.default_rng(2)
    model = new_model()
    for _ in range(5000):
        adverse.learn(model, TEN, B2, BID, 1.0, float(adverse.DEPTH_TERM[2] + rng.standard_normal()))
    fresh = adverse.predict(model, TEN, B7, ASK, 1.0)[0] - adverse.DEPTH_TERM[7]
    assert abs(fresh) < 0.1  # pooled mean, not its own prior
    for _ in range(50):
        adverse.learn(model, TEN, B7, ASK, 1.0, float(adverse.DEPTH_TERM[7] + 10.0))
    half = adverse.predict(model, TEN, B7, ASK, 1.0)[0] - adverse.DEPTH_TERM[7]
    assert 4.0 < half < 6.0
    wide = adverse.mean_scale(model, TEN, B7, BID, 1.0)
    assert wide > adverse.mean_scale(model, TEN, B2, BID, 1.0)


def test_forgets_and_never_blows_up():
    model = new_model(100.0, 100.0)
    for y in (20.0, -20.0):
        for _ in range(2000):
            adverse.learn(model, TEN, B2, BID, 1.0, y)
        location, scale, dof = adverse.predict(model, TEN, B2, BID, 1.0)
        assert location * y > 0
        assert 0 < scale < 100
        assert dof <= 10 + 100
    assert model.cell[TEN, 0, 2].n == pytest.approx(100.0)


def test_p_toxic_is_the_tail_beyond_the_edge():
    model = new_model()
    location, scale, dof = adverse.predict(model, TEN, B3, BID, 2.0)
    assert adverse.p_toxic(model, B3, BID, 2.0, 1.5, 0.0) == pytest.approx(stats.t.sf((1.5 - location) / scale, dof))
    assert adverse.p_toxic(model, B3, BID, 2.0, -5.0, 0.0) > 0.5 > adverse.p_toxic(model, B3, BID, 2.0, 30.0, 0.0)


def test_volatility_guards_are_counted():
    model = new_model()
    for sigma in (1e-9, 0.0, -1.0, math.nan, math.inf):
        location, scale, _ = adverse.predict(model, TEN, B3, BID, sigma)
        assert math.isfinite(location)
        assert scale > 0
    assert (model.n_sigma_floored, model.n_sigma_unknown) == (1, 4)
    adverse.learn(model, TEN, B3, BID, math.nan, 1.0)
    adverse.learn(model, TEN, B3, BID, 1.0, math.nan)
    assert model.n_skipped == 2
    assert model.n_outcomes[TEN] == 0
    adverse.learn(model, TEN, B3, BID, 0.05, 1e9)
    assert model.n_clipped == 1


def trace():
    rng = np.random.default_rng(13)
    model = new_model(50.0, 200.0)
    out = []
    for _ in range(300):
        h, b, s = H[rng.integers(6)], np.int64(rng.integers(8)), np.int64(rng.integers(2))
        sigma = float(rng.choice([1e-3, 1.0, 2.5, math.nan]))
        out.append((*adverse.predict(model, h, b, s, sigma), adverse.mean_scale(model, h, b, s, sigma)))
        adverse.learn(model, h, b, s, sigma, float(rng.normal(1, 5)))
    toxic = [adverse.p_toxic(model, B3, BID, 2.0, float(e), 0.0) for e in range(-5, 10)]
    return model.tobytes() + np.array(out).tobytes() + np.array(toxic).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
