"""How much the mid moves: fast and slow EWMA of squared returns on a fixed clock, and a jump-robust twin.

Returns are log moves of the mid (or microprice) between ticks of a clock of at least one second, so that trade bounce
and book flicker below it do not count. Bipower variation, pi/2 |r_t| |r_{t-1}| (Barndorff-Nielsen and Shephard 2004,
J. Fin. Econometrics 2:1-37), sees the continuous part only; what the squares hold beyond it is the jump share. On a
book that mostly stands still many products are zero and the jump share is overstated.
"""

import math

import numpy as np

from touchstone.core.conventions import BPS, NS
from touchstone.core.jit import compiled, inline, record

FAST, SLOW = np.int64(0), np.int64(1)

VOLATILITY = record(
    [
        # parameters
        ("period_ns", "i8"),
        ("keep", "f8", (2,)),  # weight that an average keeps per period [fast, slow]
        ("prior_sigma", "f8"),  # bps per sqrt second
        ("n_warm", "i8"),  # returns before the estimate replaces the prior
        ("gap_ns", "i8"),  # silence longer than this is a gap
        # clock
        ("next_ns", "i8"),  # next tick, 0 before the first update
        ("seen_ns", "i8"),
        ("seen_mid2", "i8"),  # value in force, 0 = none
        ("anchor_mid2", "i8"),  # value at the last tick, 0 = none
        ("last_abs", "f8"),  # |return| of the last tick in bps, -1 = none
        # decayed sums [fast, slow]
        ("weight", "f8", (2,)),
        ("weight2", "f8", (2,)),  # sum of squared weights
        ("square", "f8", (2,)),  # r^2
        ("fourth", "f8", (2,)),  # r^4
        ("pair_weight", "f8", (2,)),
        ("pair", "f8", (2,)),  # |r_t| |r_{t-1}|
        # counters
        ("estimate", "f8", (2,)),  # sigma as of the last return, bps per sqrt second
        ("n_returns", "i8"),
        ("n_gaps", "i8"),  # silences longer than gap_ns: no return across them
        ("n_no_mid", "i8"),  # ticks without a valid mid
        ("n_backwards", "i8"),  # updates older than the newest, dropped
    ]
)


def reset(v, period_ns, fast_half_life_s, slow_half_life_s, prior_sigma, n_warm, gap_ns):
    """Start afresh.

    `period_ns` >= 1 s (raised to it); half-lives in seconds; `prior_sigma` in bps per sqrt second; `n_warm` returns;
    `gap_ns` >= period_ns (raised to it).
    """
    v.period_ns = max(period_ns, NS)
    period_s = np.float64(v.period_ns) / NS
    v.keep[0] = math.exp(-math.log(2.0) * period_s / fast_half_life_s) if fast_half_life_s > 0.0 else 0.0
    v.keep[1] = math.exp(-math.log(2.0) * period_s / slow_half_life_s) if slow_half_life_s > 0.0 else 0.0
    v.prior_sigma = prior_sigma
    v.n_warm = n_warm
    v.gap_ns = max(gap_ns, np.int64(v.period_ns))
    v.next_ns = 0
    v.seen_ns = 0
    v.seen_mid2 = 0
    v.anchor_mid2 = 0
    v.last_abs = -1.0
    for j in range(2):
        v.weight[j] = 0.0
        v.weight2[j] = 0.0
        v.square[j] = 0.0
        v.fourth[j] = 0.0
        v.pair_weight[j] = 0.0
        v.pair[j] = 0.0
        v.estimate[j] = 0.0
    v.n_returns = 0
    v.n_gaps = 0
    v.n_no_mid = 0
    v.n_backwards = 0


@inline
def update(v, now_ns, mid2):
    """The mid is now `mid2` (half price units, 0 = no valid or no fresh mid). Call at any time and with every change.

    The value at a tick of the clock is the one in force just before it. `now_ns` is local time in ns. No return
    crosses a tick without a mid, or a silence longer than gap_ns.
    """
    if now_ns < v.seen_ns:
        v.n_backwards += 1
        return
    if v.next_ns == 0 or now_ns - v.seen_ns > v.gap_ns:
        _restart(v, now_ns, mid2)
    elif now_ns >= v.next_ns:
        _tick(v, now_ns)
    v.seen_ns = now_ns
    v.seen_mid2 = mid2


@compiled
def _restart(v, now_ns, mid2):
    """First value ever, or after a silence: nothing is known about the move in between."""
    if v.next_ns > 0:
        v.n_gaps += 1
    v.next_ns = now_ns + v.period_ns
    v.anchor_mid2 = mid2
    v.last_abs = -1.0


@compiled
def _tick(v, now_ns):
    """Take in every tick of the clock up to now; at most gap_ns / period_ns + 1 of them."""
    while v.next_ns <= now_ns:
        v.next_ns += v.period_ns
        mid2 = np.int64(v.seen_mid2)
        if mid2 <= 0:
            v.n_no_mid += 1
        if mid2 > 0 and v.anchor_mid2 > 0:
            _learn_return(v, math.log(np.float64(mid2) / np.float64(v.anchor_mid2)) * BPS)
        else:
            v.last_abs = -1.0
        v.anchor_mid2 = mid2


@compiled
def _learn_return(v, r):
    """One return of one period, in bps."""
    r2 = r * r
    size = abs(r)
    for j in range(2):
        keep = v.keep[j]
        new = 1.0 - keep
        v.weight[j] = keep * v.weight[j] + new
        v.weight2[j] = keep * keep * v.weight2[j] + new * new
        v.square[j] = keep * v.square[j] + new * r2
        v.fourth[j] = keep * v.fourth[j] + new * r2 * r2
        if v.last_abs >= 0.0:
            v.pair_weight[j] = keep * v.pair_weight[j] + new
            v.pair[j] = keep * v.pair[j] + new * size * v.last_abs
        if v.weight[j] > 0.0:
            v.estimate[j] = math.sqrt(v.square[j] / v.weight[j] / (np.float64(v.period_ns) / NS))
    v.last_abs = size
    v.n_returns += 1


@inline
def is_warm(v):
    """Whether `n_warm` returns have been seen; before that sigma is the configured prior."""
    return v.n_returns >= v.n_warm and v.n_returns > 0


@inline
def _sigma(v, j):
    if not is_warm(v) or v.weight[j] <= 0.0:
        return np.float64(v.prior_sigma)
    return np.float64(v.estimate[j])


@inline
def sigma(v):
    """Volatility over the fast half-life, bps of mid per sqrt second (the prior until `is_warm`; 0 on a dead book)."""
    return _sigma(v, FAST)


@inline
def sigma_slow(v):
    """Volatility over the slow half-life, bps of mid per sqrt second (the prior until `is_warm`; 0 on a dead book)."""
    return _sigma(v, SLOW)


@inline
def sigma_smooth(v):
    """Volatility over the slow half-life without jumps (bipower), bps per sqrt second; the prior until `is_warm`."""
    if not is_warm(v) or v.pair_weight[1] <= 0.0:
        return np.float64(v.prior_sigma)
    return math.sqrt(0.5 * math.pi * v.pair[1] / v.pair_weight[1] / (np.float64(v.period_ns) / NS))


@inline
def jump_share(v):
    """Share of the slow variance that came as jumps, in [0, 1]: 1 - bipower / squares. NaN until `is_warm`."""
    if not is_warm(v) or v.pair_weight[1] <= 0.0 or v.square[1] <= 0.0:
        return math.nan
    share = 1.0 - 0.5 * math.pi * (v.pair[1] / v.pair_weight[1]) / (v.square[1] / v.weight[1])
    return min(max(share, 0.0), 1.0)


@compiled
def sigma_error(v, j):
    """Standard error of `sigma` (j = FAST) or `sigma_slow` (SLOW), bps per sqrt second; NaN until `is_warm`.

    From the fourth moment of the returns, so fat tails count; serial dependence of their squares does not.
    """
    if not is_warm(v) or v.weight[j] <= 0.0 or v.square[j] <= 0.0:
        return math.nan
    n_eff = v.weight[j] * v.weight[j] / v.weight2[j]
    square = v.square[j] / v.weight[j]
    error_of_square = math.sqrt(max(v.fourth[j] / v.weight[j] - square * square, 0.0) / n_eff)
    return 0.5 * error_of_square / math.sqrt(square * (np.float64(v.period_ns) / NS))
