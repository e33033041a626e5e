"""Special functions against SciPy; the counter hash against its mathematics."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from touchstone.core import numerics

MASK = (1 << 64) - 1


def test_normal() -> None:
    assert numerics.normal_cdf(0.0) == 0.5
    assert numerics.normal_cdf(-10.0) == pytest.approx(stats.norm.cdf(-10.0), rel=1e-12)
    assert numerics.normal_pdf(1.3) == pytest.approx(stats.norm.pdf(1.3), rel=1e-14)


@given(st.floats(1e-8, 1e9))
@settings(max_examples=200, deadline=None)
def test_lgamma(x: float) -> None:
    want = special.gammaln(x)
    assert numerics.lgamma(x) == pytest.approx(want, rel=1e-12, abs=1e-12)


def test_lgamma_outside_its_domain() -> None:
    assert math.isnan(numerics.lgamma(0.0))
    assert math.isnan(numerics.lgamma(-1.5))


def test_log_beta_keeps_its_digits_for_large_arguments() -> None:
    # Gamma(x + 1/2) / Gamma(x) = sqrt(x) (1 - 1/(8x) + ...)
    assert numerics.log_gamma_ratio(1e10, 0.5) == pytest.approx(0.5 * math.log(1e10) - 1 / 8e10, rel=1e-14)
    assert numerics.log_beta(2.5, 40.0) == pytest.approx(special.betaln(2.5, 40.0), rel=1e-13)


@given(st.floats(0.05, 500.0), st.floats(0.05, 500.0), st.floats(0.0, 1.0))
@settings(max_examples=200, deadline=None)
def test_beta_cdf(a: float, b: float, x: float) -> None:
    assert numerics.beta_cdf(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-12)


@given(st.floats(-60.0, 60.0), st.floats(0.4, 1e6))
@settings(max_examples=200, deadline=None)
def test_student_t(x: float, dof: float) -> None:
    assert numerics.student_t_cdf(x, dof) == pytest.approx(special.stdtr(dof, x), abs=1e-12)
    assert numerics.student_t_cdf(-x, dof) == pytest.approx(1.0 - numerics.student_t_cdf(x, dof), abs=1e-14)
    assert numerics.student_t_pdf(x, dof) == pytest.approx(stats.t.pdf(x, dof), rel=1e-8, abs=1e-300)


def test_student_t_limits() -> None:
    assert numerics.student_t_cdf(0.0, 3.0) == 0.5
    assert numerics.student_t_cdf(1.0, 1.0) == pytest.approx(0.75, rel=1e-14)  # Cauchy
    assert numerics.student_t_cdf(-40.0, 6.0) == pytest.approx(stats.t.cdf(-40.0, 6.0), rel=1e-10)
    assert numerics.student_t_cdf(1.7, 1e9) == numerics.normal_cdf(1.7)
    assert numerics.student_t_cdf(math.inf, 4.0) == 1.0
    assert math.isnan(numerics.student_t_cdf(1.0, 0.0))
    assert math.isnan(numerics.student_t_cdf(math.nan, 4.0))


@given(st.floats(-25.0, 25.0))
def test_sigmoid_and_logit_are_inverse(x: float) -> None:
    assert numerics.logit(numerics.sigmoid(x)) == pytest.approx(x, abs=1e-4)
    assert numerics.softplus(x) == pytest.approx(np.logaddexp(0.0, x), rel=1e-13)
    assert numerics.softplus(x) == pytest.approx(-math.log(numerics.sigmoid(-x)), rel=1e-12)


def test_extremes_stay_finite() -> None:
    assert numerics.sigmoid(-1e4) == 0.0
    assert numerics.sigmoid(1e4) == 1.0
    assert numerics.logit(0.0) == pytest.approx(math.log(1e-12), rel=1e-4)
    assert numerics.logit(1.0) == pytest.approx(-math.log(1e-12), rel=1e-4)
    assert numerics.softplus(1e4) == 1e4
    assert numerics.exp_bounded(1e9) == math.exp(700.0)
    assert numerics.log_add_exp(-math.inf, -math.inf) == -math.inf
    assert numerics.log_add_exp(1e5, 1e5) == pytest.approx(1e5 + math.log(2.0))


def _mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


@given(*(st.integers(-(2**63), 2**63 - 1) for _ in range(3)))
def test_hash_is_the_chained_finaliser(seed: int, a: int, b: int) -> None:
    want = _mix((seed & MASK) ^ 0x9E3779B97F4A7C15)
    want = _mix(want ^ _mix((a & MASK) ^ 0xD1B54A32D192ED03))
    want = _mix(want ^ _mix((b & MASK) ^ 0x8CB92BA72F3D8DD7))
    assert int(numerics.hash_u64(np.int64(seed), np.int64(a), np.int64(b))) == want
    assert numerics.hash_unit(np.int64(seed), np.int64(a), np.int64(b)) == (want >> 11) / 2**53


def test_hash_unit_is_uniform_in_every_counter() -> None:
    for counters in ((0, 1), (1, 0)):
        u = np.array([numerics.hash_unit(7, i * counters[0], i * counters[1]) for i in range(4000)])
        assert stats.kstest(u, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 4 / math.sqrt(4000)
