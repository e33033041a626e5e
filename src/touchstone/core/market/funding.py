"""Funding, oracle and mark: what holding costs, how far the mid is from its oracle, whether that still moves.

Hyperliquid pays funding each hour on the oracle price: with a positive rate longs pay. A position bought now and held
for a time T costs rate x T of its notional, so the reservation price is lower by

    carry = rate per hour x T        (bps: x 10^4)

for both sides alike: with a positive rate the bid moves away and the ask closer.

Coins of builder dexs (HIP-3) may follow something that has closing hours. Their oracle then stands still while the
market goes on. Three states, by the time since the oracle last *changed*:

    live       less than `stale` seconds
    still      from there on: both sides move away by slow sigma x sqrt(time since then), within the careful cap: what
               the thing may have moved unseen
    off_hours  from `pause` seconds on: only the side that reduces is quoted

An oracle that was never heard of is in no state: nothing is concluded from it.
"""

import math

import numpy as np

from touchstone.core.conventions import BPS, NS
from touchstone.core.jit import inline, record

UNKNOWN, LIVE, STILL, OFF_HOURS = (np.int64(i) for i in range(4))
ORACLE_NAMES = ("none", "live", "still", "off_hours")
RATE_UNIT = 1e-12  # of CONTEXT.aux

FUNDING = record(
    [
        ("oracle_px", "i8"),  # price units; 0 until a context came
        ("mark_px", "i8"),
        ("rate_per_hour", "f8"),  # fraction of notional that longs pay
        ("moved_ns", "i8"),  # when the oracle last changed, receive clock
        ("n_contexts", "i8"),
        ("n_bad", "i8"),  # contexts without an oracle price: dropped
    ]
)


@inline
def update(f, recv_ns, oracle_px, mark_px, rate):
    """One context: oracle and mark in price units, the hourly rate in 1e-12."""
    if oracle_px <= 0:
        f.n_bad += 1
        return
    if oracle_px != f.oracle_px:
        f.moved_ns = recv_ns
    f.oracle_px = oracle_px
    f.mark_px = mark_px
    f.rate_per_hour = np.float64(rate) * RATE_UNIT
    f.n_contexts += 1


@inline
def gap_bps(f, mid2):
    """ln(oracle / mid), bps; NaN before the first context or without a mid. Positive: the oracle is above us."""
    if f.oracle_px <= 0 or mid2 <= 0:
        return math.nan
    return math.log(2.0 * np.float64(f.oracle_px) / np.float64(mid2)) * BPS


@inline
def mark_gap_bps(f, mid2):
    """The same of the mark price."""
    if f.mark_px <= 0 or mid2 <= 0:
        return math.nan
    return math.log(2.0 * np.float64(f.mark_px) / np.float64(mid2)) * BPS


@inline
def carry_bps(f, horizon_h):
    """What a long position held for `horizon_h` hours pays, bps; negative: it receives."""
    return f.rate_per_hour * horizon_h * BPS


@inline
def still_s(f, now_ns):
    """Seconds since the oracle last changed; NaN where it was never heard of."""
    return np.float64(now_ns - f.moved_ns) / NS if f.n_contexts > 0 else math.nan


@inline
def oracle_state(f, now_ns, stale_ns, pause_ns):
    """UNKNOWN, LIVE, STILL or OFF_HOURS; a limit of 0 is none."""
    if f.n_contexts == 0:
        return UNKNOWN
    since_ns = now_ns - f.moved_ns
    if 0 < pause_ns <= since_ns:
        return OFF_HOURS
    return STILL if 0 < stale_ns <= since_ns else LIVE


@inline
def unseen_bps(f, now_ns, stale_ns, sigma):
    """Standard deviation of what the thing may have moved since its oracle counts as still, bps; 0 while it is live."""
    late_ns = now_ns - f.moved_ns - stale_ns
    if f.n_contexts == 0 or stale_ns <= 0 or late_ns <= 0:
        return 0.0
    return sigma * math.sqrt(np.float64(late_ns) / NS)
