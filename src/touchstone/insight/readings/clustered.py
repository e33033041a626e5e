"""Means of outcomes that share a price path: intervals from time blocks, not from the outcomes as if independent.

With values x_i in blocks b of at least twice the horizon, sums D_b and counts N_b, mean x = sum D / sum N,

    V = B / (B - 1) sum_b (D_b - x N_b)^2 / (sum N)^2          (docs/concepts.md, the same as for n_eff)

and the central 90 % interval is x +- t(0.95, B - 1) sqrt(V). Below ten blocks there is none.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_BLOCKS = 10
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# 95 % quantiles of Student's t by degrees of freedom (1 to 30); beyond, that of the normal with two corrections
# (Abramowitz and Stegun 1964, 26.7.5).
_T95 = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
    *(1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697),
)
Z95 = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its doubt; None where there is none. `n` outcomes in `blocks` time blocks."""

    mean: float | None
    se: float | None
    low: float | None
    high: float | None
    n: int
    blocks: int

    def times(self, factor: float) -> "Estimate":
        """The same in another unit."""
        scaled = [None if value is None else value * factor for value in (self.mean, self.low, self.high)]
        low, high = sorted(scaled[1:], key=lambda value: (value is None, value)) if factor < 0 else scaled[1:]
        return Estimate(scaled[0], None if self.se is None else self.se * abs(factor), low, high, self.n, self.blocks)


NOTHING = Estimate(None, None, None, None, 0, 0)


def t95(dof: int) -> float:
    """95 % quantile of Student's t."""
    if dof <= len(_T95):
        return _T95[dof - 1]
    first, second = (Z95**3 + Z95) / 4.0, (5.0 * Z95**5 + 16.0 * Z95**3 + 3.0 * Z95) / 96.0
    return Z95 + first / dof + second / (dof * dof)


def mean(values: ArrayLike, block: ArrayLike, weights: ArrayLike | None = None) -> Estimate:
    """(Weighted) mean of values with the number of each one's time block; NaN values are left out."""
    x, b = np.asarray(values, np.float64), np.asarray(block, np.int64)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    known = np.isfinite(x) & (w > 0.0)
    x, b, w = x[known], b[known], w[known]
    if len(x) == 0:
        return NOTHING
    _, at = np.unique(b, return_inverse=True)
    return of_blocks(sums(at, w * x), sums(at, w), n=len(x))


def sums(group: NDArray[np.intp], values: Floats, groups: int = 0) -> Floats:
    """Sum of values in each group, numbered from 0."""
    return np.bincount(group, values, groups).astype(np.float64)


def of_blocks(totals: Floats, counts: Floats, *, n: int) -> Estimate:
    """The same from sums and counts (or weights) of each block, both of shape [blocks]."""
    held = counts > 0.0
    totals, counts = totals[held], counts[held]
    blocks, total = len(totals), float(counts.sum())
    if blocks == 0:
        return NOTHING
    average = float(totals.sum()) / total
    if blocks < 2:
        return Estimate(average, None, None, None, n, blocks)
    excess = totals - average * counts
    se = math.sqrt(blocks / (blocks - 1) * float((excess * excess).sum())) / total
    if blocks < FEWEST_BLOCKS:
        return Estimate(average, se, None, None, n, blocks)
    reach = t95(blocks - 1) * se
    return Estimate(average, se, average - reach, average + reach, n, blocks)


Z80 = 0.8416212335729143  # 80 % quantile of the normal: the power of a minimum detectable effect


def minimum_detectable(se: float, blocks: int) -> float:
    """True effect that such an interval tells from zero in 80 % of cases: (t(0.95) + z(0.8)) se."""
    return (t95(max(blocks - 1, 1)) + Z80) * se


@dataclass(frozen=True, slots=True)
class Trend:
    """Slope over days with its 90 % interval."""

    per_day: float
    low: float
    high: float
    days: int


FEWEST_DAYS = 5


def trend(days: ArrayLike, values: ArrayLike) -> Trend | None:
    """Least-squares slope of daily values; None under five days with a value."""
    x, y = np.asarray(days, np.float64), np.asarray(values, np.float64)
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(np.unique(x)) < FEWEST_DAYS:
        return None
    off = x - x.mean()
    square = float((off * off).sum())
    slope = float((off * y).sum()) / square
    rest = y - y.mean() - slope * off
    reach = t95(len(x) - 2) * math.sqrt(float((rest * rest).sum()) / (len(x) - 2) / square)
    return Trend(slope, slope - reach, slope + reach, len(x))


def difference(a: Estimate, b: Estimate) -> Estimate:
    """B - A of independent estimates; the smaller number of blocks gives the degrees of freedom."""
    if a.mean is None or b.mean is None:
        return NOTHING
    made, n, blocks = b.mean - a.mean, a.n + b.n, min(a.blocks, b.blocks)
    if a.se is None or b.se is None or a.low is None or b.low is None:
        return Estimate(made, None, None, None, n, blocks)
    se = math.hypot(a.se, b.se)
    reach = t95(max(blocks - 1, 1)) * se
    return Estimate(made, se, made - reach, made + reach, n, blocks)


def share(successes: float, n: float) -> tuple[float, float] | None:
    """Central 90 % interval of a share out of n (effective) outcomes, by Wilson's score; None without any."""
    if not n > 0.0:
        return None
    p, z2 = successes / n, Z95 * Z95
    middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n)
    reach = Z95 * math.sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n)) / (1.0 + z2 / n)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
