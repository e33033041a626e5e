"""The confidence sequence: published value, numerical mixture, coverage at all times at once."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from touchstone.insight import confidence


@pytest.mark.parametrize(("a", "x"), [(0.3, 0.2), (2.0, 5.0), (30.0, 20.0), (30.0, 60.0), (5.0, 5.0), (1.2, 40.0)])
def test_incomplete_gamma(a: float, x: float) -> None:
    assert confidence.lower_gamma(a, x) == pytest.approx(math.log(special.gammainc(a, x)), abs=1e-12)


def test_published_value() -> None:
    """comparecast on its default data (n = 1000, mean difference .0469282456): sequence and e-value share one V."""
    total = 46.9282456
    low, high = 1.0, 400.0
    for _ in range(100):
        v = 0.5 * (low + high)
        span = confidence.sequence(1000, total, v, 0.05)
        assert span is not None
        low, high = (v, high) if span[1] - span[0] < 0.0784506 - 0.0154059 else (low, v)
    assert span == pytest.approx((0.0154059, 0.0784506), abs=1e-7)
    assert math.exp(confidence.log_capital(total, v, 0.025)) == pytest.approx(4066.562184, rel=1e-4)


@pytest.mark.parametrize(("s", "v"), [(0.0, 5.0), (12.0, 20.0), (40.0, 50.0)])
def test_is_the_mixture(s: float, v: float) -> None:
    """The closed form against the integral over a gamma law of l, cut off at 1/c."""
    c, alpha = confidence.C, 0.025
    level = math.log(1 / (2 * alpha))
    rho = confidence.BEST_AT / (2 * level + math.log1p(2 * level))

    def law(x):  # density of u = 1 - c l in (0, 1) is proportional to (1 - ... ) as in Howard et al. 2021, prop. 9
        u = 1 - c * x
        return u ** (rho / c**2 - 1) * math.exp(rho * (1 - u) / c**2 - rho / c**2)

    def capital(x):
        u = 1 - c * x
        return math.exp(x * s - (-math.log(u) - c * x) / c**2 * v) * law(x)

    weight = integrate.quad(law, 0, 1 / c)[0]
    assert confidence.log_capital(s, v, alpha) == pytest.approx(
        math.log(integrate.quad(capital, 0, 1 / c)[0] / weight), abs=1e-6
    )


def test_covers_at_all_times_at_once() -> None:
    rng, missed = np.random.default_rng(1), 0
    for _ in range(60):
        d = stats.beta.rvs(3, 2, size=400, random_state=rng) - 0.5  # mean .1
        total = square = 0.0
        for n, x in enumerate(d, 1):
            square += (x - (total / (n - 1) if n > 1 else 0.0)) ** 2
            total += x
            if n % 20 == 0:
                span = confidence.sequence(n, total, square, 0.1)
                assert span is not None
                if not span[0] <= 0.1 <= span[1]:
                    missed += 1
                    break
    assert missed <= 6 + 4 * math.sqrt(6)
    assert span[1] - span[0] < 0.25


def test_without_windows_there_is_none() -> None:
    assert confidence.sequence(0, 0.0, 0.0, 0.05) is None
