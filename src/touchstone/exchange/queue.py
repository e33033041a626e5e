"""Where we stand in the queue of a price level: what decreases of the shown size tell about the size ahead of us.

Only trades are certain to come off the front. When the level shrinks by more than was traded, somebody cancelled, ahead
of us or behind: each model gives the probability that it was behind. Rule and models are those of hftbacktest
(`ProbQueueModel`; Rigtorp 2013, "Estimating order queue position"). Sizes in size units, so whole numbers are lots.
"""

import math

import numpy as np

from touchstone.core.jit import inline

PESSIMISTIC = np.int64(0)  # cancels are all behind us: only trades advance the queue
POWER = np.int64(1)  # b^n / (b^n + f^n)
POWER2 = np.int64(2)  # b^n / (b + f)^n
POWER3 = np.int64(3)  # 1 - (f / (f + b))^n
LOG = np.int64(4)  # ln(1 + b) / (ln(1 + b) + ln(1 + f)): depends on the lot, prefer the power family
LOG2 = np.int64(5)  # ln(1 + b) / ln(1 + b + f): likewise
N_KINDS = 6


@inline
def _power(x, n):
    """x^n for x >= 0, n > 0."""
    if n == 1.0:
        return x
    if n == 2.0:
        return x * x
    if n == 3.0:
        return x * x * x
    if x <= 0.0:
        return 0.0
    return x**n


@inline
def _ratio(part, whole):
    return part / whole if whole > 0.0 else 0.0


@inline
def behind_probability(kind, n, front, back):
    """Probability that a cancelled unit stood behind us, given the sizes ahead and behind (>= 0); within [0, 1]."""
    if kind == POWER:
        behind = _power(back, n)
        return _ratio(behind, behind + _power(front, n))
    if kind == POWER2:
        return _power(_ratio(back, back + front), n)
    if kind == POWER3:
        return 1.0 - _power(_ratio(front, front + back), n)
    if kind == LOG:
        behind = math.log(1.0 + back)
        return _ratio(behind, behind + math.log(1.0 + front))
    if kind == LOG2:
        return _ratio(math.log(1.0 + back), math.log(1.0 + back + front))
    return 1.0


@inline
def advance_front(kind, n, front, prev, new, traded):
    """Size ahead of us after the level went from `prev` to `new`, `traded` of it by trades that `front` already counts.

    Never above `front` nor `new`. A level that grew, or shrank by less than was traded, grew behind us.
    """
    cancelled = prev - new - traded
    if kind == PESSIMISTIC or cancelled < 0.0:
        return min(front, new)
    back = max(prev - front, 0.0)
    behind = behind_probability(kind, n, max(front, 0.0), back)
    moved = front - (1.0 - behind) * cancelled + min(back - behind * cancelled, 0.0)
    return min(moved, min(front, new))


@inline
def executable(front, in_parts):
    """Whole lots that the volume past our place in the queue fills, given `front` < 0 after a trade; 0 if none.

    In parts: rounded down. Else, as hftbacktest does before it fills an order whole: to the nearest lot.
    """
    if front >= 0.0:
        return np.int64(0)
    if in_parts:
        return np.int64(math.floor(-front))
    return np.int64(math.floor(0.5 - front))
