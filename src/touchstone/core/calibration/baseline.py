"""What each model has to beat: what the past of the same depth bucket says, known at prediction time.

For an event: the running rate. For a number: the empirical distribution of past outcomes. Both are prequential: the
caller freezes the rate, or the sequence number, when the prediction is made.
"""

import math

import numpy as np

from touchstone.core import quick
from touchstone.core.conventions import N_DEPTH
from touchstone.core.jit import compiled, inline, record

RATE = record(
    [
        ("n", "i8", (N_DEPTH,)),
        ("events", "i8", (N_DEPTH,)),
    ]
)

WINDOW = 64  # the distribution is that of the last 64 outcomes before the prediction
RING_MASK = np.int64(127)
RING = 128  # kept twice as long, for outcomes that arrive between a prediction and its resolution
AFRESH = 16 * WINDOW
FEWEST = 5  # with fewer past outcomes there is no distribution

EMPIRICAL = record(
    [
        ("value", "f8", (N_DEPTH, 2 * RING)),  # the ring twice, so that any window is one stretch
        ("learned", "i8", (N_DEPTH,)),  # outcomes ever learned: the sequence number of the next one
        ("among", "f8", (N_DEPTH, RING)),  # by sequence number: sum of |x - x'| over the pairs of its distribution
    ]
)


def reset_rate(rate):
    """Forget everything."""
    rate.n[:] = 0
    rate.events[:] = 0


@inline
def predict_rate(rate, bucket):
    """Base rate (s + 1/2) / (n + 1) of a depth bucket, in (0, 1)."""
    return (np.float64(rate.events[bucket]) + 0.5) / (np.float64(rate.n[bucket]) + 1.0)


@inline
def learn_rate(rate, bucket, y):
    """Take in one outcome y in {0, 1}."""
    rate.n[bucket] += 1
    rate.events[bucket] += y


def reset_empirical(empirical):
    """Forget everything."""
    empirical.value[:, :] = math.nan
    empirical.learned[:] = 0
    empirical.among[:, :] = 0.0


@inline
def sequence(empirical, bucket):
    """Sequence number to freeze with a prediction: outcomes learned from now on have this one or a later one."""
    return np.int64(empirical.learned[bucket])


@compiled
def crps(empirical, bucket, as_of, y):
    """CRPS at y of the distribution of the last (at most 64) outcomes before sequence number `as_of`.

    NaN if fewer than 5 of them are there (too early, or more than 128 came in since). In y's unit. The forecast is the
    empirical distribution function itself: mean |x - y| - mean |x - x'| / 2 (Gneiting-Raftery 2007 eq 22).
    """
    first = _first(empirical, bucket, as_of)
    n = as_of - first
    if n < FEWEST:
        return math.nan
    among = _among_known(empirical, bucket, first, as_of)
    to_y = _distance(empirical, bucket, first, as_of, y)
    count = np.float64(n)
    return to_y / count - among / (count * count)


@compiled
def divergence(empirical, bucket, as_of, dof, loc, scale):
    """Integral of (F - F0)^2 of a Student-t F (dof > 1, scale > 0) and the distribution F0 of `crps`; 0 without one.

    E|X - X0| - E|X - X'|/2 - E|X0 - X0'|/2, the energy distance halved (Gneiting-Raftery 2007). Costs a Student-t per
    past outcome: for evidence windows only.
    """
    first = _first(empirical, bucket, as_of)
    n = as_of - first
    if n < FEWEST or not scale > 0.0:
        return 0.0
    across, own = 0.0, 0.0
    for i in range(first, as_of):
        z = (empirical.value[bucket, i & RING_MASK] - loc) / scale
        below, density = quick.student_t(z, dof)
        distance = scale * (z * (2.0 * below - 1.0) + 2.0 * density * (dof + z * z) / (dof - 1.0))
        across += distance
        own = distance - quick.crps_student_t(z, below, density, dof, scale)  # the same for every z
    count = np.float64(n)
    return max(across / count - own - _among_known(empirical, bucket, first, as_of) / (count * count), 0.0)


@inline
def _first(empirical, bucket, as_of):
    """The oldest outcome of the distribution before sequence number `as_of` that is still there."""
    return max(as_of - WINDOW, empirical.learned[bucket] - RING, np.int64(0))


@inline
def _among_known(empirical, bucket, first, as_of):
    """`_among` of that distribution: as it was counted with its newest outcome, while none of it is lost."""
    if first == max(as_of - WINDOW, np.int64(0)):
        return empirical.among[bucket, as_of & RING_MASK]
    return _among(empirical, bucket, first, as_of)


@inline
def _distance(empirical, bucket, first, end, y):
    """Sum of |x - y| over the outcomes first..end-1: four sums at once, so that none waits for the other."""
    values = empirical.value[bucket]
    at = first & RING_MASK
    stop = at + end - first
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    while at + 4 <= stop:
        a += abs(values[at] - y)
        b += abs(values[at + 1] - y)
        c += abs(values[at + 2] - y)
        d += abs(values[at + 3] - y)
        at += 4
    while at < stop:
        a += abs(values[at] - y)
        at += 1
    return (a + b) + (c + d)


@compiled
def _among(empirical, bucket, first, end):
    """Sum of |x - x'| over all pairs of the outcomes first..end-1."""
    total = 0.0
    for i in range(first, end):
        total += _distance(empirical, bucket, first, np.int64(i), empirical.value[bucket, i & RING_MASK])
    return total


@compiled
def learn_empirical(empirical, bucket, y):
    """Take in one outcome; the pairs of the next distribution follow from those of the last."""
    n = np.int64(empirical.learned[bucket])
    first = max(n - WINDOW, np.int64(0))
    empirical.value[bucket, n & RING_MASK] = y
    empirical.value[bucket, (n & RING_MASK) + RING] = y
    empirical.learned[bucket] = n + 1
    if (n + 1) % AFRESH == 0:  # counted afresh, so that rounding does not add up
        after = _among(empirical, bucket, max(n + 1 - WINDOW, np.int64(0)), n + 1)
    else:
        after = empirical.among[bucket, n & RING_MASK] + _distance(empirical, bucket, first, n, y)
        if n >= WINDOW:
            oldest = empirical.value[bucket, first & RING_MASK]
            after -= _distance(empirical, bucket, first + 1, n + 1, oldest)
    empirical.among[bucket, (n + 1) & RING_MASK] = after
