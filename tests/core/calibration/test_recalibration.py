"""Online logit recalibration against batch logistic regression."""

import math

import numpy as np
import pytest

from touchstone.core.calibration import recalibration
from touchstone.core.jit import compiled
from touchstone.core.numerics import logit, sigmoid


@compiled
def _learn_all(r, p, y):
    recalibration.reset(r)
    for i in range(len(p)):
        recalibration.learn(r, p[i], y[i], 1.0)


def _record():
    r = np.zeros(1, recalibration.RECALIBRATION)[0]
    recalibration.reset(r)
    return r


def test_starts_as_the_identity() -> None:
    assert recalibration.predict(_record(), 0.2) == pytest.approx(0.2, rel=1e-14)


def test_one_newton_step_by_hand() -> None:
    r = _record()
    recalibration.learn(r, 0.2, np.int64(1), 1.0)
    x = math.log(0.25)
    precision = np.diag([4.0, 4.0]) + 0.16 * np.array([[1, x], [x, x * x]])
    want = np.array([0.0, 1.0]) + np.linalg.solve(precision, 0.8 * np.array([1, x]))
    assert (r.a, r.b) == pytest.approx(tuple(want), rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-1.0, 1.0), (0.5, 0.5)])
def test_approaches_the_batch_posterior_mode(a: float, b: float) -> None:
    rng = np.random.default_rng(7)
    p = rng.beta(2, 5, 4000)
    x = np.log(p / (1 - p))
    y = (rng.random(4000) < 1 / (1 + np.exp(-(a + b * x)))).astype(np.int64)
    r = _record()
    _learn_all(r, p, y)
    theta = np.array([0.0, 1.0])
    design = np.stack([np.ones_like(x), x], axis=1)
    for _ in range(20):
        rate = 1 / (1 + np.exp(-design @ theta))
        hessian = (design * (rate * (1 - rate))[:, None]).T @ design + 4 * np.eye(2)
        gradient = design.T @ (y - rate) - 4 * (theta - np.array([0.0, 1.0]))
        theta = theta + np.linalg.solve(hessian, gradient)
    error = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert abs(r.a - theta[0]) < error[0]
    assert abs(r.b - theta[1]) < error[1]
    assert recalibration.predict(r, 0.3) == pytest.approx(sigmoid(a + b * logit(0.3)), abs=0.03)
