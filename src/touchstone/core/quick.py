"""Functions of the hot path to a stated accuracy, far below the noise of what they are used for.

`numerics` has the same to full accuracy, at ten times the cost. Nothing here calls the C library where a polynomial does,
so the same bits come out compiled and in plain Python.
"""

import math

import numpy as np

from touchstone.core.jit import inline
from touchstone.core.numerics import INV_SQRT_2PI, SQRT_2, log_beta, student_t_cdf, student_t_pdf

EXP_LEAST, EXP_MOST = -700.0, 700.0  # exp_quick takes its argument as within
DOF_LEAST, X_MOST = 10.0, 1e6  # outside, the Student-t functions are those of numerics

_POWERS = np.array([2.0**k for k in range(-1022, 1024)])
_POWER_0 = np.int64(1022)
_INV_LN_2 = 1.4426950408889634
_LN_2_HIGH, _LN_2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # k * high is exact for |k| < 2^20
_SPREAD = math.sqrt(math.pi) / (2.0 * math.pi)


@inline
def exp_quick(x):
    """exp(x) to 3e-13 (relative): a power of two and ten terms of Taylor's series."""
    x = min(max(x, EXP_LEAST), EXP_MOST)
    k = math.floor(x * _INV_LN_2 + 0.5)
    r = (x - k * _LN_2_HIGH) - k * _LN_2_LOW
    s = 1.0 / 362880.0 + r * (1.0 / 3628800.0)
    s = 1.0 / 40320.0 + r * s
    s = 1.0 / 5040.0 + r * s
    s = 1.0 / 720.0 + r * s
    s = 1.0 / 120.0 + r * s
    s = 1.0 / 24.0 + r * s
    s = 1.0 / 6.0 + r * s
    s = 0.5 + r * s
    s = 1.0 + r * s
    return (1.0 + r * s) * _POWERS[np.int64(k) + _POWER_0]


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
