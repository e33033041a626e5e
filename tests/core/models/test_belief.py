"""The belief about the next move: density against scipy, calibration, the weight of its halves, plain mode."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from touchstone.core.market import changepoint, regime
from touchstone.core.models import belief

S = regime.N_REGIMES


def new_model():
    model = np.zeros(1, belief.BELIEF)[0]
    belief.reset(model)
    return model


def climate(p=(0.1, 0.6, 0.2, 0.1), square=(0.25, 1.0, 4.0, 36.0), p_change=0.2, new=4.0, old=1.0):
    h, c = np.zeros(1, regime.REGIME)[0], np.zeros(1, changepoint.CHANGEPOINT)[0]
    h.p_next[:] = p
    h.square[:] = square
    c.p_change, c.variance_new, c.variance_old = p_change, new, old
    return h, c


def frozen(model, h, c, slow=1.0, cell=0.25):
    belief.update(model, h, c, slow, slow)
    out = np.zeros(1, belief.FROZEN)[0]
    belief.freeze(model, out, slow, cell)
    return out


def test_density_is_the_stated_mixture():
    h, c = climate()
    made = frozen(new_model(), h, c)
    weights = np.array([0.1, 0.6, 0.2, 0.1, 0.2, 0.8, 1.0]) / 3
    variances = np.array([0.25, 1.0, 4.0, 36.0, 4.0, 1.0, 1.0]) * 10
    scale = np.sqrt(variances * 0.8)  # a t with 10 degrees of freedom has variance 1.25 scale^2
    for x in (0.0, 0.4, -3.0, 11.0, -60.0):
        exact = sum(
            w * (stats.t.cdf((x + 0.125) / s, 10) - stats.t.cdf((x - 0.125) / s, 10))
            for w, s in zip(weights, scale, strict=True)
        )
        below = sum(w * stats.t.cdf((x - 0.125) / s, 10) for w, s in zip(weights, scale, strict=True))
        p, under = belief.probability(made, x)
        assert p == pytest.approx(exact, rel=1e-5)
        assert under == pytest.approx(below, rel=1e-6, abs=1e-9)
        slow = stats.norm.cdf((x + 0.125) / math.sqrt(10)) - stats.norm.cdf((x - 0.125) / math.sqrt(10))
        assert belief.probability_slow(made, x) == pytest.approx(slow, abs=1e-12)
    cells = np.arange(-4000, 4001) * 0.25
    assert sum(belief.probability(made, float(x))[0] for x in cells) == pytest.approx(1.0, abs=1e-5)


def test_weight_goes_to_the_source_that_knows_better_and_comes_back():
    """Regimes say sd 1 a second, the change point 6, the volatility 2.5."""
    rng = np.random.default_rng(3)
    model = new_model()
    for true_sd, best in ((1.0, 0), (6.0, 1), (2.5, 2), (1.0, 0)):
        h, c = climate(p=(0, 1, 0, 0), square=(1, 1, 1, 1), p_change=1.0, new=36.0, old=36.0)
        for _ in range(1500):
            made = np.zeros(1, belief.FROZEN)[0]
            belief.update(model, h, c, 2.5, 1.0)
            model.squares, model.n = 0.0, 0.0  # the ratio of variances is not what this is about
            belief.freeze(model, made, 1.0, 0.25)
            x = float(rng.normal(0, true_sd * math.sqrt(10)))
            belief.probability(made, x)
            belief.learn(model, made, x)
        assert model.w[best] > 0.9
        assert model.w.sum() == pytest.approx(1.0)
        assert (model.w >= belief.SHARE).all()


def test_learns_the_ratio_of_variances():
    """Moves that mean-revert: the variance of 10 s is a quarter of ten times that of 1 s."""
    rng = np.random.default_rng(5)
    model = new_model()
    h, c = climate(p=(0, 1, 0, 0), p_change=0.0)
    inside = 0
    for i in range(4000):
        made = frozen(model, h, c)
        x = float(rng.normal(0, 0.5 * math.sqrt(10)))
        p, below = belief.probability(made, x)
        inside += i >= 1000 and 0.05 < below + 0.5 * p < 0.95
        belief.learn(model, made, x)
    ratio = (belief.PRIOR_N + model.squares) / (belief.PRIOR_N + model.n)
    assert ratio == pytest.approx(0.25, rel=0.08)
    assert inside / 3000 == pytest.approx(0.9, abs=0.03)


def test_an_impossible_outcome_is_floored_and_counted():
    model = new_model()
    h, c = climate(p=(1, 0, 0, 0), p_change=0.0)
    made = frozen(model, h, c, slow=0.1)
    p, _ = belief.probability(made, 1e6)
    assert belief.log_loss(p) == pytest.approx(-math.log(belief.P_LEAST))
    belief.learn(model, made, 1e6)
    assert model.n_floored == 1
    assert model.squares == belief.Z2_MOST


def trace():
    rng = np.random.default_rng(17)
    model = new_model()
    out = []
    for _ in range(200):
        h, c = climate(p=rng.dirichlet(np.ones(S)), p_change=float(rng.random()))
        made = frozen(model, h, c)
        x = float(rng.standard_t(3))
        out.append((*belief.probability(made, x), belief.sd_of_a_second(model)))
        belief.learn(model, made, x)
    return model.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
