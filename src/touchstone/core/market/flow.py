"""Who is in a hurry: decayed aggressive volumes, and the order flow imbalance of the touch.

Signed flow keeps its magnitude: z = (B - S) / sqrt(E[order size^2]) counts aggressive orders of typical size and grows
with activity, where (B - S) / (B + S) would only say which side leads. Prints of one block and side are one order.
Order flow imbalance: Cont, Kukanov and Stoikov 2014, J. Fin. Econometrics 12:47-88; every change of the touch counts.
"""

import math

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.quick import decay

N_DECAYS = 2
FAST, SLOW = np.int64(0), np.int64(1)

FLOW = record(
    [
        # parameters: decay rates per second
        ("decay", "f8", (N_DECAYS,)),  # of the flows
        ("scale_decay", "f8"),  # of the sizes that the flows are measured in
        ("n_warm", "i8"),
        ("now_ns", "i8"),  # time to which everything below is decayed, 0 before the first event
        ("start_ns", "i8"),
        # aggressive volume, size units
        ("buys", "f8", (N_DECAYS,)),
        ("sells", "f8", (N_DECAYS,)),
        # aggressive orders, decayed at scale_decay
        ("orders", "f8"),
        ("volume", "f8"),
        ("volume2", "f8"),
        ("run_ns", "i8"),  # block of the order that is printing
        ("run_side", "i8"),
        ("run_qty", "i8"),
        # touch
        ("ofi", "f8", (N_DECAYS,)),  # size units
        ("last_ofi", "i8"),  # contribution of the newest touch change
        ("depth", "f8"),  # time average of the mean touch size, size units; 0 before the first touch
        ("bid_px", "i8"),  # the touch in force; 0 = none
        ("bid_qty", "i8"),
        ("ask_px", "i8"),
        ("ask_qty", "i8"),
        # counters
        ("n_orders", "i8"),
        ("n_touches", "i8"),
        ("n_breaks", "i8"),  # times the touch went away: no imbalance across them
        ("n_backwards", "i8"),  # events older than the newest, counted as of the newest
    ]
)


@inline
def _decay_of(half_life_s):
    return math.log(2.0) / half_life_s if half_life_s > 0.0 else 0.0


def reset(f, fast_half_life_s, slow_half_life_s, scale_half_life_s, n_warm):
    """Start afresh. Half-lives in seconds (flows fast and slow; sizes, rates and depth); `n_warm` aggressive orders."""
    f.decay[0] = _decay_of(fast_half_life_s)
    f.decay[1] = _decay_of(slow_half_life_s)
    f.scale_decay = _decay_of(scale_half_life_s)
    f.n_warm = n_warm
    f.now_ns = 0
    f.start_ns = 0
    for j in range(N_DECAYS):
        f.buys[j] = 0.0
        f.sells[j] = 0.0
        f.ofi[j] = 0.0
    f.orders = 0.0
    f.volume = 0.0
    f.volume2 = 0.0
    f.run_ns = 0
    f.run_side = 0
    f.run_qty = 0
    f.last_ofi = 0
    f.depth = 0.0
    f.bid_px = 0
    f.bid_qty = 0
    f.ask_px = 0
    f.ask_qty = 0
    f.n_orders = 0
    f.n_touches = 0
    f.n_breaks = 0
    f.n_backwards = 0


@compiled
def on_clock(f, now_ns):
    """Decay everything to local time `now_ns`; readings are as of the last call of this, `on_trade` or `on_touch`."""
    if f.now_ns == 0:
        f.now_ns = now_ns
        f.start_ns = now_ns
        return
    if now_ns < f.now_ns:
        f.n_backwards += 1
        return
    if now_ns == f.now_ns:
        return
    seconds = np.float64(now_ns - f.now_ns) / NS
    f.now_ns = now_ns
    for j in range(N_DECAYS):
        keep = decay(f.decay[j] * seconds)
        f.buys[j] *= keep
        f.sells[j] *= keep
        f.ofi[j] *= keep
    keep = decay(f.scale_decay * seconds)
    f.orders *= keep
    f.volume *= keep
    f.volume2 *= keep
    if f.bid_px > 0:  # the touch that stood all this time
        f.depth = keep * f.depth + (1.0 - keep) * 0.5 * np.float64(f.bid_qty + f.ask_qty)


@compiled
def on_trade(f, now_ns, exch_ns, side, qty):
    """A public print: `side` of the aggressor, `qty` in size units. Prints of one (`exch_ns`, side) are one order."""
    on_clock(f, now_ns)
    size = np.float64(qty)
    for j in range(N_DECAYS):
        if side > 0:
            f.buys[j] += size
        else:
            f.sells[j] += size
    if exch_ns != f.run_ns or side != f.run_side:
        f.run_ns = exch_ns
        f.run_side = side
        f.run_qty = 0
        f.orders += 1.0
        f.n_orders += 1
    printed = np.float64(f.run_qty)
    f.volume += size
    f.volume2 += (printed + size) * (printed + size) - printed * printed
    f.run_qty += qty


@compiled
def on_touch(f, now_ns, bid_px, bid_qty, ask_px, ask_qty):
    """The touch is now this (price units, size units, net of ours); a price of 0 = that side is empty.

    Call with every book event that may have changed it. Positive imbalance = pressure upwards.
    """
    on_clock(f, now_ns)
    if bid_px <= 0 or ask_px <= 0:
        if f.bid_px > 0:
            f.n_breaks += 1
        f.bid_px = 0
        return
    if f.bid_px > 0:
        change = np.int64(0)
        if bid_px >= f.bid_px:
            change += bid_qty
        if bid_px <= f.bid_px:
            change -= f.bid_qty
        if ask_px <= f.ask_px:
            change -= ask_qty
        if ask_px >= f.ask_px:
            change += f.ask_qty
        f.last_ofi = change
        for j in range(N_DECAYS):
            f.ofi[j] += np.float64(change)
    elif f.depth <= 0.0:
        f.depth = 0.5 * np.float64(bid_qty + ask_qty)
    f.bid_px = bid_px
    f.bid_qty = bid_qty
    f.ask_px = ask_px
    f.ask_qty = ask_qty
    f.n_touches += 1


@inline
def is_warm(f):
    """Whether `n_warm` aggressive orders have been seen."""
    return f.n_orders >= f.n_warm and f.n_orders > 0


@inline
def signed_flow(f, j):
    """z = (buys - sells) / root mean square order size, decayed with half-life j (FAST or SLOW); dimensionless.

    Positive = buyers. Its size counts net aggressive orders of typical size; without a signal its standard deviation is
    the root of half their decayed number. 0 before any trade (see `is_warm`).
    """
    if f.n_orders == 0 or f.orders <= 0.0 or f.volume2 <= 0.0:
        return 0.0
    return (f.buys[j] - f.sells[j]) / math.sqrt(f.volume2 / f.orders)


@inline
def touch_flow(f, j):
    """Order flow imbalance over half-life j in units of the mean touch size; positive = upwards. 0 before any touch."""
    if f.depth <= 0.0:
        return 0.0
    return f.ofi[j] / f.depth


@inline
def mean_order_qty(f):
    """Mean size of an aggressive order over the scale half-life, size units; NaN before any."""
    if f.n_orders == 0 or f.orders <= 0.0:
        return math.nan
    return f.volume / f.orders


@inline
def order_rate(f):
    """Aggressive orders per second, both sides, over the scale half-life, start-up corrected; NaN at the start."""
    seen_s = np.float64(f.now_ns - f.start_ns) / NS
    weight = -math.expm1(-f.scale_decay * seen_s) if f.scale_decay > 0.0 else 0.0
    if weight <= 0.0:
        return math.nan
    return f.orders * f.scale_decay / weight


@inline
def relative_volume(f):
    """Volume per second over the fast half-life against that over the scale half-life; 1 before any trade."""
    seen_s = np.float64(f.now_ns - f.start_ns) / NS
    weight = -math.expm1(-f.scale_decay * seen_s) if f.scale_decay > 0.0 else 0.0
    if weight <= 0.0 or f.volume <= 0.0:
        return 1.0
    return (f.buys[0] + f.sells[0]) * f.decay[0] * weight / (f.volume * f.scale_decay)
