"""Functions of the hot path to a stated accuracy, far below the noise of what they are used for.

`numerics` has the Student-t functions to full accuracy, at ten times the cost.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from touchstone.core.jit import inline
from touchstone.core.numerics import INV_SQRT_2PI, SQRT_2, log_beta, student_t_cdf, student_t_pdf

DOF_LEAST, X_MOST = 10.0, 1e6  # outside, the Student-t functions are those of numerics

HAZARD_LEAST, HAZARD_MOST, KNOTS_PER_ONE = -20.0, 2.5, 32.0


def _hermite(value: Callable[[float], float], slope: Callable[[float], float]) -> Any:
    """Coefficients of the cubic of each cell that meets value and slope at both ends."""
    cells = round((HAZARD_MOST - HAZARD_LEAST) * KNOTS_PER_ONE) + 1
    table = np.zeros((cells, 4))
    for i in range(cells):
        ends = [HAZARD_LEAST + j / KNOTS_PER_ONE for j in (i, i + 1)]
        (v, w), (dv, dw) = [value(x) for x in ends], [slope(x) / KNOTS_PER_ONE for x in ends]
        table[i] = v, dv, 3.0 * (w - v) - 2.0 * dv - dw, 2.0 * (v - w) + dv + dw
    return table


_HAZARD = _hermite(lambda x: -math.expm1(-math.exp(x)), lambda x: math.exp(x - math.exp(x)))
_SPREAD = math.sqrt(math.pi) / (2.0 * math.pi)


@inline
def hazard_p(eta):
    """1 - exp(-exp(eta)) to 3e-9 (relative), eta clamped to [HAZARD_LEAST, HAZARD_MOST]: cubics between knots."""
    place = (min(max(eta, HAZARD_LEAST), HAZARD_MOST) - HAZARD_LEAST) * KNOTS_PER_ONE
    cell = np.int64(place)
    t = place - np.float64(cell)
    return _HAZARD[cell, 0] + t * (_HAZARD[cell, 1] + t * (_HAZARD[cell, 2] + t * _HAZARD[cell, 3]))


@inline
def _gamma_ratio(n):
    """Gamma((n+1)/2) / Gamma(n/2) / sqrt(n/2), asymptotic series, to 1.3e-9 for n >= 10 (DLMF 5.11.13)."""
    r = 1.0 / n
    s = 869.0 / 65536.0 + r * (39325.0 / 262144.0)
    s = -399.0 / 8192.0 + r * s
    s = -21.0 / 2048.0 + r * s
    s = 5.0 / 128.0 + r * s
    s = 1.0 / 32.0 + r * s
    s = -0.25 + r * s
    return 1.0 + r * s


@inline
def student_t(x, dof):
    """(distribution function, density) of the standard Student-t, to 1e-9 and 3e-9 (relative) for dof >= 10.

    Hill's normalising transformation (Hill 1970, CACM Algorithm 395).
    """
    if not (dof >= DOF_LEAST and abs(x) < X_MOST):
        return student_t_cdf(x, dof), student_t_pdf(x, dof)
    log = math.log1p(x * x / dof)
    a = dof - 0.5
    b = 48.0 * a * a
    w2 = a * log
    w = math.sqrt(w2)
    third = (((4.0 * w2 + 33.0) * w2 + 240.0) * w2 + 855.0) / (10.0 * b * (b + 0.8 * w2 * w2 + 100.0))
    z = w + w * ((w2 + 3.0) / b - third)
    tail = 0.5 * math.erfc(z / SQRT_2)
    density = INV_SQRT_2PI * _gamma_ratio(dof) * math.exp(-0.5 * (dof + 1.0) * log)
    return (tail if x < 0.0 else 1.0 - tail), density


@inline
def crps_student_t(z, below, density, dof, scale):
    """CRPS of a Student-t forecast (Jordan-Kruger-Lerch 2019, appendix A), in the unit of scale > 0; dof > 1.

    z = (y - loc) / scale with its distribution function and density, as `student_t` gives them.
    """
    if dof >= DOF_LEAST:
        ratio = _gamma_ratio(dof)
        spread = _SPREAD * ratio * ratio * dof / (_gamma_ratio(2.0 * dof - 1.0) * math.sqrt(dof - 0.5))
    else:
        spread = math.exp(log_beta(0.5, dof - 0.5) - 2.0 * log_beta(0.5, 0.5 * dof))
    inner = 2.0 * density * (dof + z * z) - 2.0 * math.sqrt(dof) * spread
    return scale * (z * (2.0 * below - 1.0) + inner / (dof - 1.0))
