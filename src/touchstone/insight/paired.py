"""Effect of B over A on ratios of sums, from paired runs or from time blocks of one pair, with its interval.

A measure is sum(numerator) / sum(denominator), so that a run with many fills weighs more than one with few, and a run
without fills adds nothing rather than a zero. The difference d = R_B - R_A is of the sums over all pairs:

    pairs    delete-one jackknife: se^2 = (n - 1) / n sum_i (d_(-i) - mean d_(-i))^2; with equal denominators this is
             the paired t-test. Efron, Tibshirani 1993, An Introduction to the Bootstrap, equation 11.5.
    blocks   whole time blocks drawn with replacement, A and B together (Carlstein 1986): the standard deviation over
             draws, times sqrt(n / (n - 1)).

Interval d +- t(0.95, m - 1) se, central 90 %. Minimum detectable effect (t(0.95, m - 1) + t(0.8, m - 1)) se: a true
effect of that size is told from zero by this interval in 80 % of such comparisons. m = (sum w)^2 / sum w^2 with the
denominators as weights w (Kish 1965) is n where all pairs weigh the same, less where few hold most of the data.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from touchstone.core.numerics import student_t_cdf

LEVEL = 0.9
POWER = 0.8
FEWEST_PAIRS = 2
FEWEST_BLOCKS = 30
FEWEST_BLOCKS_WITH_DATA = 10
DRAWS = 2000
DEFINED_DRAWS = 0.99  # share of draws in which both ratios must exist
FEWEST_DOF = 0.5  # below, one pair holds nearly all that is known

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure under A and B; None where there is no number. `n`: pairs or blocks that hold data of it."""

    a: float | None
    b: float | None
    difference: float | None
    se: float | None
    low: float | None
    high: float | None
    n: int
    p: float | None  # two-sided, of "no difference"
    minimum_detectable: float | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Numerators and denominators of one measure under A and B, each of shape [pairs] or [blocks]."""

    a: Floats
    a_of: Floats
    b: Floats
    b_of: Floats


def sums(a: ArrayLike, a_of: ArrayLike, b: ArrayLike, b_of: ArrayLike) -> Sums:
    """Sums from anything like arrays; denominators >= 0. Raises ValueError for unequal lengths."""
    made = [np.asarray(values, np.float64) for values in (a, a_of, b, b_of)]
    if len({array.shape for array in made}) > 1 or made[0].ndim != 1:
        raise ValueError(f"a pair has one number of each sum, got shapes {[array.shape for array in made]}")
    return Sums(*made)


def over_pairs(s: Sums) -> Effect:
    """Effect over independent pairs of runs; no interval below two pairs with data of A or B."""
    has_data = (s.a_of > 0.0) | (s.b_of > 0.0)
    s = Sums(s.a[has_data], s.a_of[has_data], s.b[has_data], s.b_of[has_data])
    n = int(has_data.sum())
    se = None
    if n >= FEWEST_PAIRS:
        left_a, left_b = s.a_of.sum() - s.a_of, s.b_of.sum() - s.b_of
        if np.all(left_a > 0.0) and np.all(left_b > 0.0):  # else one run holds all that is known of A or B
            left_out = (s.b.sum() - s.b) / left_b - (s.a.sum() - s.a) / left_a
            se = math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    return _effect(s, n, se)


def over_blocks(s: Sums, *, draws: int = DRAWS, seed: int = 0) -> Effect:
    """Effect over the time blocks of one pair; no interval below 30 blocks, or 10 with data of A or B."""
    blocks = len(s.a)
    n = int(((s.a_of > 0.0) | (s.b_of > 0.0)).sum())
    se = None
    if blocks >= FEWEST_BLOCKS and n >= FEWEST_BLOCKS_WITH_DATA:
        chance = np.random.default_rng(seed)
        weights = chance.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=draws).astype(np.float64)
        of_a, of_b = weights @ s.a_of, weights @ s.b_of
        defined = (of_a > 0.0) & (of_b > 0.0)
        if defined.mean() >= DEFINED_DRAWS:
            drawn = (weights @ s.b)[defined] / of_b[defined] - (weights @ s.a)[defined] / of_a[defined]
            se = float(drawn.std()) * math.sqrt(n / (n - 1))
    return _effect(s, n, se)


def neighbours_alike(s: Sums) -> bool:
    """Whether a block's share in the difference goes on in the next one: lag-1 correlation above 2 / sqrt(blocks).

    Then blocks are too short to be drawn by themselves, and the interval of `over_blocks` is too narrow.
    """
    a, b = _ratio(s.a, s.a_of), _ratio(s.b, s.b_of)
    if a is None or b is None or len(s.a) < FEWEST_BLOCKS:
        return False
    share = (s.b - b * s.b_of) / s.b_of.mean() - (s.a - a * s.a_of) / s.a_of.mean()
    return float((share[1:] * share[:-1]).sum()) > 2.0 / math.sqrt(len(share)) * float((share * share).sum())


def _effect(s: Sums, n: int, se: float | None) -> Effect:
    a, b = _ratio(s.a, s.a_of), _ratio(s.b, s.b_of)
    if a is None or b is None:
        return Effect(a, b, None, None, None, None, n, None, None)
    difference = b - a
    dof = _weighing(s.a_of + s.b_of) - 1.0
    if se is None or dof < FEWEST_DOF:
        return Effect(a, b, difference, None, None, None, n, None, None)
    if se <= 1e-12 * max(abs(a), abs(b)):  # rounding: A and B differ by the same in every pair
        se = 0.0
        difference = 0.0 if abs(difference) <= 1e-12 * max(abs(a), abs(b)) else difference
    reach = t_quantile((1.0 + LEVEL) / 2.0, dof)
    return Effect(
        a=a,
        b=b,
        difference=difference,
        se=se,
        low=difference - reach * se,
        high=difference + reach * se,
        n=n,
        p=2.0 * float(student_t_cdf(-abs(difference) / se, dof)) if se > 0.0 else None,
        minimum_detectable=(reach + t_quantile(POWER, dof)) * se,
    )


def _ratio(numerator: Floats, denominator: Floats) -> float | None:
    total = float(denominator.sum())
    return float(numerator.sum()) / total if total > 0.0 else None


def _weighing(weights: Floats) -> float:
    """How many equal pairs pairs of these weights are worth."""
    return float(weights.sum()) ** 2 / float((weights * weights).sum())


def t_quantile(probability: float, dof: float) -> float:
    """Quantile of the standard Student-t for 0.5 <= probability < 1, dof > 0, by bisection of its distribution."""
    low, high = 0.0, 1.0
    while student_t_cdf(high, dof) < probability:
        high *= 2.0
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        if student_t_cdf(middle, dof) < probability:
            low = middle
        else:
            high = middle
    return high
