"""Adverse selection model: recovers mean, slope and scale, calibrated forecasts, shrinkage, forgetting."""

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


def say(model, h, bucket, s, sigma, toxicity=0.0):
    return adverse.predict(model, h, bucket, s, sigma, toxicity)


def error_of(model, h, bucket, s, sigma, toxicity=0.0):
    return adverse.mean_scale(model, h, bucket, s, sigma, toxicity)[0]


def learn(model, h, bucket, s, sigma, y, toxicity=0.0, through=0.0, weight=1.0):
    adverse.learn(model, h, bucket, s, sigma, toxicity, through, weight, float(y))


def test_prior_is_what_the_docstring_says():
    model = new_model()
    sigma = 3.0
    for h, root in zip(H, adverse.SQRT_H, strict=True):
        location, scale, dof = say(model, h, np.int64(5), BID, sigma)
        assert location == pytest.approx(0.25 * sigma)  # the same at every horizon and depth: no slope is assumed
        assert scale > sigma * root  # wider than diffusion
        assert dof == 10.0
        assert say(model, h, np.int64(7), ASK, sigma, 2.0)[0] == pytest.approx(location)
    assert error_of(model, TEN, B3, BID, sigma) < say(model, TEN, B3, BID, sigma)[1]


def test_one_cell_matches_normal_inverse_gamma_algebra():
    """NIG update k'=k+n, m'=m+n gap/k', a'=a+n/2, b'=b+SS/2+kn gap^2/2k', about the regression's forecast."""
    model, z = new_model(), np.array([0.4, -1.0, 2.2, 0.1])
    for value in z:
        learn(model, TEN, B3, BID, 1.0, value * math.sqrt(10))
    x = np.array([1.0, adverse.DEPTH_CENTRE[3] / math.sqrt(10), 0.0, 0.0])
    prior = np.array([0.25 / math.sqrt(10), 0.0, 0.0, 0.0])
    precision = np.diag(adverse.PRIOR_PRECISION) + 4 * np.outer(x, x)
    weights = prior + np.linalg.solve(precision, x * (z - x @ prior).sum())
    lever = x @ np.linalg.solve(precision, x)
    usual = x @ prior + (x @ weights - x @ prior) / (1 + lever)  # Vovk-Azoury-Warmuth
    gap = z.mean() - x @ weights
    square = (4 + 0.5 * model.pool[TEN].squares) / (3 + 2 - 1)
    k0 = 1 / (1 / 50 + lever)
    k, a = k0 + 4, 5 + 2
    m = usual + 4 * gap / k
    b = 4 * square + 0.5 * ((z - z.mean()) ** 2).sum() + 0.5 * k0 * 4 * gap**2 / k
    location, scale, dof = say(model, TEN, B3, BID, 1.0)
    assert location == pytest.approx(m * math.sqrt(10), rel=1e-8)
    assert scale == pytest.approx(math.sqrt(b * (k + 1) / (a * k)) * math.sqrt(10), rel=1e-8)
    assert dof == pytest.approx(2 * a)
    wide, wide_dof = adverse.mean_scale(model, TEN, B3, BID, 1.0, 0.0)
    assert wide == pytest.approx(math.sqrt(b / (a * k)) * math.sqrt(10))
    assert wide_dof == pytest.approx(2 * a)


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
            location, scale, dof = say(model, TEN, B2, s, sigma)
            pit.append(stats.t.cdf((y - location) / scale, dof))
            edge = float(rng.uniform(-3, 6))
            toxic_p.append(adverse.p_toxic(model, B2, s, sigma, 0.0, edge, 0.0))
            toxic_y.append(y > edge)
        learn(model, TEN, B2, s, sigma, y)
    bid, bid_scale, _ = say(model, TEN, B2, BID, 2.0)
    ask, _, _ = say(model, TEN, B2, ASK, 2.0)
    error = error_of(model, TEN, B2, BID, 2.0)
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


@pytest.mark.parametrize("slope", [-0.4, 0.0, 0.5])
def test_the_sign_of_the_slope_with_depth_is_estimated(slope):
    """Loss 1 bps + slope x depth: the regression finds it, and an unseen depth follows from it."""
    rng, model = np.random.default_rng(3), new_model()
    for _ in range(4000):
        sigma, bucket = float(rng.uniform(1.0, 3.0)), np.int64(rng.integers(3, 7))
        depth = adverse.DEPTH_CENTRE[bucket]
        y = 0.25 * sigma + slope * depth + sigma * math.sqrt(10) * rng.standard_normal()
        learn(model, TEN, bucket, np.int64(rng.integers(2)), sigma, y)
    fitted = model.slope[TEN]
    error = math.sqrt(model.prior_square[TEN] * fitted.covariance[1, 1])
    assert abs(fitted.location[1] - slope) < 4 * error
    assert error < 0.05
    deep, near = say(model, TEN, B7, BID, 2.0)[0], say(model, TEN, B2, BID, 2.0)[0]
    want = slope * (adverse.DEPTH_CENTRE[7] - adverse.DEPTH_CENTRE[2])
    assert deep - near == pytest.approx(want, abs=0.35 * abs(want) + 1.0)


def test_toxicity_and_going_through_scale_the_loss():
    """0.5 sigma sqrt h more per unit of toxicity; a shadow loses sigma sqrt h more; a forecast is of our own fill."""
    rng, model = np.random.default_rng(4), new_model()
    for _ in range(4000):
        toxicity, through = float(rng.uniform(-2, 2)), float(rng.integers(2))
        y = math.sqrt(10) * (0.5 * toxicity + through + rng.standard_normal())
        learn(model, TEN, B3, BID, 1.0, y, toxicity, through)
    calm, toxic = say(model, TEN, B3, BID, 1.0, -1.0)[0], say(model, TEN, B3, BID, 1.0, 1.0)[0]
    assert toxic - calm == pytest.approx(math.sqrt(10), rel=0.1)
    assert abs(0.5 * (toxic + calm)) < 0.4
    assert adverse.through_bps(model, TEN, 2.0) == pytest.approx(2.0 * math.sqrt(10), rel=0.1)
    assert model.n_own[TEN] < model.n_outcomes[TEN] == 4000


def test_the_toxicity_feature():
    assert adverse.toxicity_feature(0.3, 0.3) == 0.0
    assert adverse.toxicity_feature(0.5, 0.2) == pytest.approx(math.log(4))
    assert adverse.toxicity_feature(0.999, 0.1) == 2.0
    assert adverse.toxicity_feature(math.nan, 0.1) == 0.0
    assert adverse.toxicity_feature(1.0, 0.1) == 0.0


def test_fills_of_one_sweep_are_not_independent():
    """A hundred of weight 1/n^2 say no more than two."""
    model, two = new_model(), new_model()
    for n in range(1, 101):
        learn(model, TEN, B3, BID, 1.0, 20.0, weight=1.0 / n**2)
    for _ in range(2):
        learn(two, TEN, B3, BID, 1.0, 20.0)
    assert model.cell[TEN, 0, 3].n < two.cell[TEN, 0, 3].n
    assert say(model, TEN, B3, BID, 1.0)[0] < say(two, TEN, B3, BID, 1.0)[0]
    assert error_of(model, TEN, B3, BID, 1.0) > 0.9 * error_of(two, TEN, B3, BID, 1.0)


def test_a_cell_shrinks_to_what_all_say():
    """Weight n / (n + sigma^2/tau^2) with 50 pseudo-fills: half a say after about 50 fills, the rest is its depth's."""
    rng = np.random.default_rng(2)
    model = new_model()
    for i in range(6000):
        learn(model, TEN, np.int64(i % 8), np.int64(i // 8 % 2), 1.0, rng.standard_normal())
    before = say(model, TEN, B3, ASK, 1.0)[0]
    assert abs(before) < 0.3
    n = float(model.cell[TEN, 1, 3].n)
    for _ in range(400):
        learn(model, TEN, B3, ASK, 1.0, 10.0)
    after, other = say(model, TEN, B3, ASK, 1.0)[0], say(model, TEN, B2, BID, 1.0)[0]
    assert 0.6 * 400 / (n + 450) * 10 < after < 10.0 * (400 + 50) / (n + 450)
    assert other < 0.3 * after


def test_forgets_and_never_blows_up():
    model = new_model(100.0, 100.0)
    for y in (20.0, -20.0):
        for _ in range(2000):
            learn(model, TEN, B2, BID, 1.0, y)
        location, scale, dof = say(model, TEN, B2, BID, 1.0)
        assert location * y > 0
        assert 0 < scale < 100
        assert dof <= 10 + 100
    assert model.cell[TEN, 0, 2].n == pytest.approx(100.0)


def test_p_toxic_is_the_tail_beyond_the_edge():
    model = new_model()
    location, scale, dof = say(model, TEN, B3, BID, 2.0)
    tail = stats.t.sf((1.5 - location) / scale, dof)
    assert adverse.p_toxic(model, B3, BID, 2.0, 0.0, 1.5, 0.0) == pytest.approx(tail)
    assert adverse.p_toxic(model, B3, BID, 2.0, 0.0, -5.0, 0.0) > 0.5
    assert adverse.p_toxic(model, B3, BID, 2.0, 0.0, 30.0, 0.0) < 0.5


def test_volatility_guards_are_counted():
    model = new_model()
    for sigma in (1e-9, 0.0, -1.0, math.nan, math.inf):
        location, scale, _ = say(model, TEN, B3, BID, sigma)
        assert math.isfinite(location)
        assert scale > 0
    assert (model.n_sigma_floored, model.n_sigma_unknown) == (1, 4)
    learn(model, TEN, B3, BID, math.nan, 1.0)
    learn(model, TEN, B3, BID, 1.0, math.nan)
    assert model.n_skipped == 2
    assert model.n_outcomes[TEN] == 0
    learn(model, TEN, B3, BID, 0.05, 1e9)
    assert model.n_clipped == 1


def trace():
    rng = np.random.default_rng(13)
    model = new_model(50.0, 200.0)
    out = []
    for _ in range(300):
        h, b, s = H[rng.integers(6)], np.int64(rng.integers(8)), np.int64(rng.integers(2))
        sigma, toxicity = float(rng.choice([1e-3, 1.0, 2.5, math.nan])), float(rng.uniform(-2, 2))
        wide, dof = adverse.mean_scale(model, h, b, s, sigma, toxicity)
        out.append((*say(model, h, b, s, sigma, toxicity), wide, dof))
        learn(model, h, b, s, sigma, rng.normal(1, 5), toxicity, float(rng.integers(2)), float(rng.uniform(0.1, 1)))
    toxic = [adverse.p_toxic(model, B3, BID, 2.0, 0.5, float(e), 0.0) for e in range(-5, 10)]
    return model.tobytes() + np.array(out).tobytes() + np.array(toxic).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
