"""Scores against published values and scoringrules."""

import math

import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.calibration import scores

# Science 4.3 toy
P = (0.1, 0.1, 0.2, 0.3, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
Y = (0, 0, 1, 0, 1, 0, 1, 1, 1, 1)


def test_brier_and_log_score_of_the_toy() -> None:
    assert np.mean([scores.brier(p, y) for p, y in zip(P, Y, strict=True)]) == pytest.approx(0.179, abs=1e-12)
    assert np.mean([scores.log_score(p, y)[0] for p, y in zip(P, Y, strict=True)]) == pytest.approx(0.526996, abs=5e-7)


def test_log_score_clips_and_says_so() -> None:
    loss, clipped = scores.log_score(0.0, 1)
    assert clipped
    assert loss == pytest.approx(-math.log(1e-6))
    loss, clipped = scores.log_score(1.0, 0)
    assert clipped
    assert loss == pytest.approx(-math.log(1e-6))
    loss, clipped = scores.log_score(0.25, 0)
    assert not clipped
    assert loss == pytest.approx(-math.log(0.75))


@pytest.mark.parametrize(("y", "want"), [(0.0, 0.2336949773), (1.0, 0.6024413576), (-2.0, 1.4527918217)])
def test_crps_normal_golden(y: float, want: float) -> None:  # science 4.6
    assert scores.crps_normal(y, 0.0, 1.0) == pytest.approx(want, abs=5e-11)


@pytest.mark.parametrize(("y", "want"), [(0.0, 0.2570253629), (1.0, 0.6038305627), (3.0, 2.3387589463)])
def test_crps_student_t_golden(y: float, want: float) -> None:  # science 4.6
    assert scores.crps_student_t(y, 5.0, 0.0, 1.0) == pytest.approx(want, abs=5e-11)


@pytest.mark.parametrize(
    ("sigma", "want"), [(4.0, 8.7931), (10.0, 7.1008), (11.75, 6.951), (15.0, 6.933), (40.0, 10.712), (50.0, 12.780)]
)
def test_crps_of_the_four_edges(sigma: float, want: float) -> None:  # science 4.6
    predicted = (0.11, 0.21, 0.07, 0.09)
    realised = (-14.88, -15.14, -7.21, 6.36)
    mean = np.mean([scores.crps_normal(y, mu, sigma) for y, mu in zip(realised, predicted, strict=True)])
    assert mean == pytest.approx(want, abs=6e-4)


@given(st.floats(-50.0, 50.0), st.floats(1.2, 2000.0), st.floats(-20.0, 20.0), st.floats(0.01, 50.0))
@settings(max_examples=150, deadline=None)
def test_crps_equals_scoringrules(y: float, dof: float, loc: float, scale: float) -> None:
    assert scores.crps_student_t(y, dof, loc, scale) == pytest.approx(
        float(scoringrules.crps_t(y, dof, loc, scale)), rel=1e-9, abs=1e-9 * scale
    )
    assert scores.crps_normal(y, loc, scale) == pytest.approx(
        float(scoringrules.crps_normal(y, loc, scale)), rel=1e-9, abs=1e-9 * scale
    )


def test_crps_limits() -> None:
    assert scores.crps_normal(3.0, 1.0, 0.0) == 2.0
    assert scores.crps_student_t(3.0, 5.0, 1.0, 0.0) == 2.0
    assert math.isnan(scores.crps_student_t(3.0, 1.0, 0.0, 1.0))
    assert scores.crps_student_t(1.0, 1e9, 0.0, 2.0) == pytest.approx(scores.crps_normal(1.0, 0.0, 2.0), rel=1e-8)
