"""The functions of the hot path against SciPy, to the accuracy that they state."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from touchstone.core import numerics, quick
from touchstone.core.calibration import scores


@given(st.floats(-25.0, 5.0))
@settings(max_examples=300, deadline=None)
def test_hazard(eta: float) -> None:
    within = min(max(eta, quick.HAZARD_LEAST), quick.HAZARD_MOST)
    assert quick.hazard_p(eta) == pytest.approx(-math.expm1(-math.exp(within)), rel=4e-9)


def test_hazard_rises_across_its_knots() -> None:
    eta = np.linspace(quick.HAZARD_LEAST, quick.HAZARD_MOST, 20_001)
    assert (np.diff([quick.hazard_p(x) for x in eta]) > 0.0).all()
    assert quick.hazard_p(math.inf) == quick.hazard_p(quick.HAZARD_MOST) < 1.0


@given(st.floats(-60.0, 60.0), st.floats(10.0, 1e6))
@settings(max_examples=300, deadline=None)
def test_student_t(x: float, dof: float) -> None:
    below, density = quick.student_t(x, dof)
    assert below == pytest.approx(special.stdtr(dof, x), abs=1e-9)
    assert density == pytest.approx(stats.t.pdf(x, dof), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(("x", "dof"), [(1.3, 4.0), (-2.0, 9.9), (math.inf, 20.0), (1e7, 20.0)])
def test_student_t_elsewhere_is_that_of_numerics(x: float, dof: float) -> None:
    assert quick.student_t(x, dof) == (numerics.student_t_cdf(x, dof), numerics.student_t_pdf(x, dof))


@given(st.floats(-40.0, 40.0), st.floats(1.2, 2000.0), st.floats(0.01, 50.0))
@settings(max_examples=300, deadline=None)
def test_crps(z: float, dof: float, scale: float) -> None:
    want = scores.crps_student_t(z * scale, dof, 0.0, scale)
    assert quick.crps_student_t(z, *quick.student_t(z, dof), dof, scale) == pytest.approx(want, abs=1e-8 * scale)
