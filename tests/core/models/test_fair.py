"""Fair value model: Bayesian slope of the mid's move on the microprice displacement."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from touchstone.core.models import fair

ONE, TEN = np.int64(0), np.int64(1)


def new_model(memory=1e9, scale_memory=300.0):
    model = np.zeros(1, fair.FAIR)[0]
    fair.reset(model, memory, scale_memory)
    return model


def test_prior():
    model = new_model()
    move, sd = fair.predict(model, ONE, 2.0)
    assert move == 1.0
    assert sd == pytest.approx(math.sqrt(4 + 0.25 * 4))
    assert fair.predict(model, TEN, 0.0) == (0.0, pytest.approx(math.sqrt(40)))


@pytest.mark.parametrize("beta", [0.0, 0.9, -0.4])
def test_recovers_slope_and_scale(beta):
    rng = np.random.default_rng(4)
    model = new_model()
    xs, ys = rng.normal(0, 1.0, 4000), rng.normal(0, 3.0, 4000)
    covered = 0
    for x, noise in zip(xs, ys, strict=True):
        move, sd = fair.predict(model, TEN, float(x))
        covered += abs(beta * x + noise - move) < 1.6449 * sd
        fair.learn(model, TEN, float(x), float(beta * x + noise))
    assert abs(model.beta[TEN] - beta) < 3.5 * math.sqrt(model.beta_variance[TEN])
    assert math.sqrt(model.beta_variance[TEN]) == pytest.approx(3 / math.sqrt(4000), rel=0.1)
    assert fair.predict(model, TEN, 0.0)[1] == pytest.approx(3.0, rel=0.12)
    assert abs(covered / 4000 - 0.9) < 0.02
    # The exact posterior for a known residual variance.
    precision = 4 + (xs * xs).sum() / model.square[TEN]
    exact = (4 * 0.5 + (xs * (beta * xs + ys)).sum() / model.square[TEN]) / precision
    assert model.beta[TEN] == pytest.approx(exact, abs=0.01)
    assert model.n_outcomes[ONE] == 0


def test_follows_a_change_and_shrugs_off_a_jump():
    rng = np.random.default_rng(9)
    model = new_model(500.0)
    for beta in (1.0, 0.0):
        for _ in range(3000):
            x = float(rng.normal(0, 1))
            fair.learn(model, ONE, x, beta * x + float(rng.normal(0, 1)))
        assert model.beta[ONE] == pytest.approx(beta, abs=0.2)
    before = model.beta[ONE]
    fair.learn(model, ONE, 3.0, 500.0)
    assert model.n_clipped > 0
    assert abs(model.beta[ONE] - before) < 0.05


def test_unknown_values():
    model = new_model()
    fair.learn(model, ONE, math.nan, 1.0)
    fair.learn(model, ONE, 1.0, math.nan)
    assert model.n_skipped == 2
    assert model.n_outcomes[ONE] == 0
    assert fair.predict(model, ONE, math.nan)[0] == 0.0
    assert model.n_unknown == 1
    assert fair.predict(model, ONE, 1e9)[0] == 25.0  # displacement is bounded at 50 bps


def trace():
    rng = np.random.default_rng(17)
    model = new_model(100.0, 50.0)
    out = []
    for _ in range(300):
        h, x = np.int64(rng.integers(2)), float(rng.normal(0, 2))
        out.append(fair.predict(model, h, x))
        fair.learn(model, h, x, float(rng.standard_t(2)))
    return model.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
