"""Vovk-Azoury-Warmuth: the published example, ridge algebra, forgetting that comes back to the prior."""

import numpy as np
import pytest

from touchstone.core.models import vaw


def new(mean=(0.0, 0.0, 0.0, 0.0), precision=(1.0, 1.0, 1.0, 1.0)):
    v = np.zeros(1, vaw.VAW)[0]
    vaw.reset(v, np.array(mean), np.array(precision))
    return v


def test_golden() -> None:
    """d = 1, x = 1, a = 1, y = 1, 1, 1 -> 0, 1/3, 1/2."""
    v, said = new(), []
    for _ in range(3):
        said.append(vaw.predict(v, 1.0, 0.0, 0.0, 0.0)[0])
        vaw.learn(v, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    assert said == pytest.approx([0.0, 1 / 3, 1 / 2], rel=1e-14)


def test_is_the_formula() -> None:
    """b' (A + x x')^-1 x with a prior mean of the weights, against numpy."""
    rng = np.random.default_rng(1)
    mean, prior = np.array([0.3, -0.2, 0.1, 0.0]), np.array([10.0, 32.0, 20.0, 8.0])
    v, a, b = new(mean, prior), np.diag(prior), np.zeros(4)
    for _ in range(50):
        x = np.array([1.0, *rng.normal(size=3)])
        want = mean @ x + b @ np.linalg.solve(a + np.outer(x, x), x)
        said, lever = vaw.predict(v, *x)
        assert said == pytest.approx(want, rel=1e-9)
        assert lever == pytest.approx(x @ np.linalg.solve(a, x), rel=1e-9)
        weight = float(rng.uniform(0.1, 1.0))
        y = float(x @ [0.5, 1.0, -2.0, 0.3] + rng.normal())
        vaw.learn(v, 1.0, weight, *x, y)
        a += weight * np.outer(x, x)
        b += weight * x * (y - mean @ x)
        assert vaw.at(v, *x) == pytest.approx(mean @ x + np.linalg.solve(a, b) @ x, rel=1e-9)


def test_regret_against_the_best_fixed_weights_is_logarithmic() -> None:
    """Vovk 2001: at most a |u|^2 + sum over d of Y^2 ln(1 + T X^2 / a), for any sequence; here an adversarial one."""
    v, xs, ys, loss = new(), [], [], 0.0
    for t in range(400):
        x = np.array([1.0, (-1.0) ** t, np.sin(t), 0.0])
        said, _ = vaw.predict(v, *x)
        y = -1.0 if said > 0 else 1.0
        loss += (y - said) ** 2
        vaw.learn(v, 1.0, 1.0, *x, y)
        xs.append(x)
        ys.append(y)
    x, y = np.array(xs), np.array(ys)
    u = np.linalg.solve(x.T @ x + np.eye(4), x.T @ y)
    best = ((y - x @ u) ** 2).sum() + u @ u
    assert loss - best <= 3 * np.log(1 + 400)


def test_what_is_forgotten_is_the_data_not_the_prior() -> None:
    v = new((0.5, 0.0, 0.0, 0.0), (10.0, 10.0, 10.0, 10.0))
    for _ in range(3000):
        vaw.learn(v, 0.99, 1.0, 1.0, 0.0, 0.0, 0.0, 3.0)
    assert v.location[0] == pytest.approx((10 * 0.5 + 100 * 3.0) / 110, rel=1e-6)  # the past is worth 1 / (1 - keep)
    assert v.precision[1, 1] == pytest.approx(10.0, rel=1e-9)
