"""What fills earn where informed takers crowd: the posterior against SciPy, its prior, what it forgets and refuses."""

import math

import numpy as np
import pytest
from scipy import stats

from touchstone.core.models import crowded


@pytest.fixture
def model():
    made = np.zeros(1, crowded.CROWDED)[0]
    crowded.reset(made)
    return made


def test_the_prior_says_that_such_fills_lose(model) -> None:
    scale = math.sqrt(4.0 * 1.85 / (5.0 * 20.0))
    assert crowded.p_loss(model) == pytest.approx(stats.t(10).cdf(0.4 / scale), abs=1e-6)
    assert 0.9 < crowded.p_loss(model) < 0.93


def test_the_posterior_is_normal_inverse_gamma(model) -> None:
    """Prior (-0.4, 20, 5, 7.4) and two outcomes, the first of which fades by 1/500: Murphy 2007, equations 86 to 89."""
    for z in (1.5, -0.5):
        crowded.learn(model, 2.0, 1.0, z * 2.0 * math.sqrt(10.0))
    weights = np.array([1.0 - 1.0 / crowded.MEMORY, 1.0])
    n = weights.sum()
    average = weights @ [1.5, -0.5] / n
    squares = weights @ (np.array([1.5, -0.5]) - average) ** 2
    k, a = 20.0 + n, 5.0 + 0.5 * n
    m = (20.0 * -0.4 + n * average) / k
    b = 7.4 + 0.5 * squares + 0.5 * 20.0 * n / k * (average + 0.4) ** 2
    assert crowded.mean(model) == pytest.approx(m, rel=1e-9)
    assert crowded.p_loss(model) == pytest.approx(stats.t(2 * a, m, math.sqrt(b / (a * k))).cdf(0.0), abs=1e-6)


@pytest.mark.parametrize(("edge_bps", "low", "high"), [(-3.0, 0.99, 1.0), (3.0, 0.0, 0.05)])
def test_fills_decide(model, edge_bps, low, high) -> None:
    """A hundred fills that lose, or that earn, half a sigma sqrt 10 s with noise."""
    rng = np.random.default_rng(4)
    for noise in rng.normal(0.0, 8.0, 100):
        crowded.learn(model, 2.0, 1.0, edge_bps + noise)
    assert low <= crowded.p_loss(model) <= high


def test_it_forgets(model) -> None:
    for _ in range(5_000):
        crowded.learn(model, 2.0, 1.0, 1.0)
    assert model.n == pytest.approx(crowded.MEMORY, rel=0.01)


@pytest.mark.parametrize(("sigma", "edge_bps"), [(0.0, 1.0), (math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan)])
def test_what_is_not_known_is_skipped_and_counted(model, sigma, edge_bps) -> None:
    before = crowded.p_loss(model)
    crowded.learn(model, sigma, 1.0, edge_bps)
    assert (model.n_skipped, model.n_outcomes) == (1, 0)
    assert crowded.p_loss(model) == before


def test_wild_outcomes_are_clipped_and_counted(model) -> None:
    crowded.learn(model, 0.01, 1.0, -1e9)
    assert model.n_clipped == 1
    assert model.average == -crowded.Z_MOST


def test_heat() -> None:
    assert crowded.heat(3.0, 2.0) == 1.5
    assert crowded.heat(3.0, 0.0) == crowded.heat(math.nan, 2.0) == crowded.heat(0.0, 2.0) == 0.0
