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


def _hermite(
    value: Callable[[float], float], slope: Callable[[float], float], knots: tuple[float, float, float]
) -> Any:
    """Coefficients of the cubic of each cell that meets value and slope at both ends; knots: first, last, per one."""
    least, most, per_one = knots
    cells = round((most - least) * per_one) + 1
    table = np.zeros((cells, 4))
    for i in range(cells):
        ends = [least + j / per_one for j in (i, i + 1)]
        (v, w), (dv, dw) = [value(x) for x in ends], [slope(x) / per_one for x in ends]
        table[i] = v, dv, 3.0 * (w - v) - 2.0 * dv - dw, 2.0 * (v - w) + dv + dw
    return table


_HAZARD = _hermite(
    lambda x: -math.expm1(-math.exp(x)),
    lambda x: math.exp(x - math.exp(x)),
    (HAZARD_LEAST, HAZARD_MOST, KNOTS_PER_ONE),
)

NORMAL_MOST, NORMAL_KNOTS = 8.0, 64.0
_NORMAL = _hermite(
    lambda x: 0.5 * math.erfc(x / SQRT_2),
    lambda x: -INV_SQRT_2PI * math.exp(-0.5 * x * x),
    (0.0, NORMAL_MOST, NORMAL_KNOTS),
)
LOG_SMALL = 0.1

# exp(-x) by x = coarse + fine + rest, the rest at most half a fine step.
DECAY_MOST, FINE_PER_COARSE, COARSE_PER_ONE = 128.0, 32, 4.0
_FINE_PER_ONE = FINE_PER_COARSE * COARSE_PER_ONE
_COARSE = np.array([math.exp(-i / COARSE_PER_ONE) for i in range(int(DECAY_MOST * COARSE_PER_ONE) + 2)])
_FINE = np.array([math.exp(-i / _FINE_PER_ONE) for i in range(FINE_PER_COARSE)])


@inline
def decay(x):
    """exp(-x) for x >= 0, to 4e-16 (relative)."""
    if not x < DECAY_MOST:
        return math.exp(-x)
    step = np.int64(x * _FINE_PER_ONE + 0.5)
    r = np.float64(step) / _FINE_PER_ONE - x
    w = r * r
    rest = (1.0 + r) + w * ((0.5 + r * (1.0 / 6.0)) + w * (1.0 / 24.0 + r * (1.0 / 120.0)))
    return _COARSE[step >> 5] * _FINE[step & 31] * rest


@inline
def _log1p(u):
    """ln(1 + u) for u >= 0, to 1e-14 (relative)."""
    if u > LOG_SMALL:
        return math.log1p(u)
    t = u / (2.0 + u)  # at most 1/21
    w = t * t
    v = w * w
    return 2.0 * t * ((1.0 + w * (1.0 / 3.0)) + v * ((0.2 + w * (1.0 / 7.0)) + v * (1.0 / 9.0 + w * (1.0 / 11.0))))


@inline
def _upper_normal(z):
    """P(a standard Normal > z) for z >= 0, to 3e-10: cubics between knots, 0 beyond them."""
    place = min(z, NORMAL_MOST) * NORMAL_KNOTS
    cell = np.int64(place)
    t = place - np.float64(cell)
    return _NORMAL[cell, 0] + t * (_NORMAL[cell, 1] + t * (_NORMAL[cell, 2] + t * _NORMAL[cell, 3]))


@inline
def hazard_p(eta):
    """1 - exp(-exp(eta)) to 3e-9 (relative), eta clamped to [HAZARD_LEAST, HAZARD_MOST]: cubics between knots."""
    place = (min(max(eta, HAZARD_LEAST), HAZARD_MOST) - HAZARD_LEAST) * KNOTS_PER_ONE
    cell = np.int64(place)
    t = place - np.float64(cell)
    return _HAZARD[cell, 0] + t * (_HAZARD[cell, 1] + t * (_HAZARD[cell, 2] + t * _HAZARD[cell, 3]))


def _fitted(value: Callable[[float], float]) -> tuple[float, ...]:
    """Polynomial in 1 / dof through the Chebyshev points of dof >= DOF_LEAST, for a smooth function of dof."""
    fit = np.polynomial.Chebyshev.interpolate(np.vectorize(lambda r: value(1.0 / r)), 5, [0.0, 1.0 / DOF_LEAST])
    return tuple(float(c) for c in fit.convert(kind=np.polynomial.Polynomial).coef)


def _log_half_beta(b: float) -> float:
    return math.lgamma(0.5) + math.lgamma(b) - math.lgamma(b + 0.5)


# Density of the Student-t at 0, and what its CRPS takes off: 2 sqrt(n) B(1/2, n-1/2) / B(1/2, n/2)^2 / n.
_CREST = _fitted(lambda n: math.exp(-_log_half_beta(0.5 * n)) / math.sqrt(n))
_TAKEN = _fitted(lambda n: 2.0 / math.sqrt(n) * math.exp(_log_half_beta(n - 0.5) - 2.0 * _log_half_beta(0.5 * n)))


@inline
def _polynomial(c, x):
    """Of six coefficients, lowest first, in three parts that do not wait for each other."""
    y = x * x
    return (c[0] + c[1] * x) + y * ((c[2] + c[3] * x) + y * (c[4] + c[5] * x))


@inline
def student_t(x, dof):
    """(distribution function, density) of the standard Student-t, to 1e-9 and 3e-9 (relative) for dof >= 10.

    Hill's normalising transformation (Hill 1970, CACM Algorithm 395).
    """
    if not (dof >= DOF_LEAST and abs(x) < X_MOST):
        return student_t_cdf(x, dof), student_t_pdf(x, dof)
    log = _log1p(x * x / dof)
    a = dof - 0.5
    b = 48.0 * a * a
    w2 = a * log
    w = math.sqrt(w2)
    third = (((4.0 * w2 + 33.0) * w2 + 240.0) * w2 + 855.0) / (10.0 * b * (b + 0.8 * w2 * w2 + 100.0))
    z = w + w * ((w2 + 3.0) / b - third)
    tail = _upper_normal(z)
    density = _polynomial(_CREST, 1.0 / dof) * decay(0.5 * (dof + 1.0) * log)
    return (tail if x < 0.0 else 1.0 - tail), density


@inline
def crps_student_t(z, below, density, dof, scale):
    """CRPS of a Student-t forecast (Jordan-Kruger-Lerch 2019, appendix A), in the unit of scale > 0; dof > 1.

    z = (y - loc) / scale with its distribution function and density, as `student_t` gives them.
    """
    if dof >= DOF_LEAST:
        taken = dof * _polynomial(_TAKEN, 1.0 / dof)
    else:
        taken = 2.0 * math.sqrt(dof) * math.exp(log_beta(0.5, dof - 0.5) - 2.0 * log_beta(0.5, 0.5 * dof))
    inner = 2.0 * density * (dof + z * z) - taken
    return scale * (z * (2.0 * below - 1.0) + inner / (dof - 1.0))
