"""How long a request takes to the venue: constant, or lognormal given by its median and 99th percentile.

Chance is a hash of (seed, request number), so a draw does not depend on what else was drawn: two runs with one seed
meet the same delays, also when one of them runs at twice the latency.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import hash_unit

CONSTANT = np.int64(0)
LOGNORMAL = np.int64(1)

LATENCY = record(
    [
        ("kind", "i8"),
        ("median_ns", "i8"),  # CONSTANT: the delay
        ("p99_ns", "i8"),
        ("sigma", "f8"),  # of the logarithm; derived by `prepare`
    ]
)

STREAM = np.int64(0x6C61)  # keeps these draws apart from other uses of the seed
_Z99 = 2.3263478740408408  # standard normal quantile of 0.99


@compiled
def prepare(latency):
    """Derive sigma. A median of 0 or a p99 not above it leaves the constant median."""
    latency.sigma = 0.0
    if latency.kind == LOGNORMAL and latency.median_ns > 0 and latency.p99_ns > latency.median_ns:
        latency.sigma = math.log(np.float64(latency.p99_ns) / np.float64(latency.median_ns)) / _Z99


@inline
def draw_ns(latency, seed, number):
    """Delay of request `number`, ns."""
    if latency.sigma == 0.0:
        return np.int64(latency.median_ns)
    return _lognormal_ns(latency, hash_unit(seed, number, STREAM) + 2.0**-54)


@inline
def least_ns(latency):
    """No delay is shorter, ns."""
    if latency.sigma == 0.0:
        return np.int64(latency.median_ns)
    return _lognormal_ns(latency, 2.0**-54)


@inline
def _lognormal_ns(latency, p):
    return np.int64(np.float64(latency.median_ns) * math.exp(latency.sigma * normal_quantile(p)))


@compiled
def normal_quantile(p):
    """Quantile of the standard normal at 0 < p < 1; relative error below 1.2e-9 (Acklam 2003)."""
    if p < 0.02425 or p > 0.97575:
        q = math.sqrt(-2.0 * math.log(p if p < 0.5 else 1.0 - p))
        top = -7.784894002430293e-3 * q - 3.223964580411365e-1
        top = (top * q - 2.400758277161838) * q - 2.549732539343734
        top = (top * q + 4.374664141464968) * q + 2.938163982698783
        low = (7.784695709041462e-3 * q + 3.224671290700398e-1) * q + 2.445134137142996
        low = (low * q + 3.754408661907416) * q + 1.0
        return top / low if p < 0.5 else -top / low
    q = p - 0.5
    r = q * q
    top = -3.969683028665376e1 * r + 2.209460984245205e2
    top = (top * r - 2.759285104469687e2) * r + 1.383577518672690e2
    top = (top * r - 3.066479806614716e1) * r + 2.506628277459239
    low = -5.447609879822406e1 * r + 1.615858368580409e2
    low = (low * r - 1.556989798598866e2) * r + 6.680131188771972e1
    low = (low * r - 1.328068155288572e1) * r + 1.0
    return top * q / low
