"""Where the money goes: exact PnL attribution in whole ledger units (half a micro-unit of collateral).

For every markout horizon h and at any time T, with s q the signed size of a fill, p its price, m the mid before it:

    total = spread_capture - adverse_selection + post_horizon + opening_inventory - fees + funding

    spread_capture     sum s q (m - p)             adverse_selection  -sum s q (m_h - m)
    post_horizon       sum s q (m_T - m_h)         opening_inventory  Q_0 (m_T - m_0)

m_h is the mid h after the fill; the current mid while it is not due; m itself (so that the whole move is post-horizon,
counted) where it is missing. Only sums over fills are kept, so attributing costs the same after any number of fills.

Units: price x size = micro, mid2 x size = ledger units. int64 holds 4.6e12 units of collateral in ledger units; the
largest sum is the one-sided volume of a session. (The identity holds modulo 2^64 even beyond.)
"""

import numpy as np

from touchstone.core.conventions import N_MARKOUT
from touchstone.core.jit import compiled, inline, record

PNL = record(
    [
        ("cash2", "i8"),  # change since reset, fees and funding included; ledger units
        ("position", "i8"),  # size units, signed
        ("fees2", "i8"),  # paid, ledger units
        ("funding2", "i8"),  # received, ledger units
        ("position_open", "i8"),
        ("mid2_open", "i8"),  # 0 until a mid is known
        ("mid2_last", "i8"),  # used where no current mid is known
        ("spread2", "i8"),
        ("fill_qty", "i8"),  # sum s q
        ("fill_value2", "i8"),  # sum s q m, ledger units
        ("due_qty", "i8", (N_MARKOUT,)),  # the same over fills whose horizon is resolved
        ("due_value2", "i8", (N_MARKOUT,)),
        ("due_markout2", "i8", (N_MARKOUT,)),  # sum s q m_h over them
        ("volume", "i8"),  # traded notional, micro
        ("n_fills", "i8"),
        ("n_no_mid", "i8"),  # fills without a mid: valued at their own price, so zero spread capture
        ("n_due", "i8", (N_MARKOUT,)),
        ("n_missing", "i8", (N_MARKOUT,)),  # horizons without a mid
    ]
)

ATTRIBUTION = record(
    [
        ("spread_capture", "i8"),  # all in ledger units (half micro)
        ("adverse_selection", "i8"),
        ("post_horizon", "i8"),
        ("opening_inventory", "i8"),
        ("fees", "i8"),
        ("funding", "i8"),
        ("total", "i8"),  # change of cash + position x mid, computed by itself
        ("n_pending", "i8"),  # fills whose horizon is not resolved yet
    ]
)


def reset(pnl, position, mid2):
    """Open a window with a position (size units) at a mid; mid2 = 0: the first mid seen is taken as the opening mid."""
    pnl.cash2 = 0
    pnl.position = position
    pnl.fees2 = 0
    pnl.funding2 = 0
    pnl.position_open = position
    pnl.mid2_open = max(mid2, 0)
    pnl.mid2_last = pnl.mid2_open
    pnl.spread2 = 0
    pnl.fill_qty = 0
    pnl.fill_value2 = 0
    pnl.volume = 0
    pnl.n_fills = 0
    pnl.n_no_mid = 0
    for h in range(N_MARKOUT):
        pnl.due_qty[h] = 0
        pnl.due_value2[h] = 0
        pnl.due_markout2[h] = 0
        pnl.n_due[h] = 0
        pnl.n_missing[h] = 0


@inline
def _mark(pnl, mid2):
    """Mid to value at: the given one, or the last known one where it is 0. Remembers it."""
    if mid2 > 0:
        pnl.mid2_last = mid2
        if pnl.mid2_open == 0:
            pnl.mid2_open = mid2
    return np.int64(pnl.mid2_last)


@compiled
def on_fill(pnl, side, px, qty, fee_micro, mid2_before):
    """Take in a fill: px, qty in venue units, fee in micro (positive = paid), mid2 just before the aggressing block.

    Returns the mid2 that the fill is valued at (twice its price where mid2_before is 0): keep it for `on_markout`.
    """
    mid2 = np.int64(mid2_before)
    if mid2 <= 0:
        mid2 = np.int64(2 * px)
        pnl.n_no_mid += 1
    _mark(pnl, mid2)
    signed = np.int64(side) * np.int64(qty)
    pnl.cash2 -= 2 * signed * px + 2 * fee_micro
    pnl.position += signed
    pnl.fees2 += 2 * fee_micro
    pnl.spread2 += signed * (mid2 - 2 * px)
    pnl.fill_qty += signed
    pnl.fill_value2 += signed * mid2
    pnl.volume += px * qty
    pnl.n_fills += 1
    return mid2


@compiled
def on_funding(pnl, micro):
    """Funding received (+) or paid (-), micro."""
    pnl.cash2 += 2 * micro
    pnl.funding2 += 2 * micro


@compiled
def on_markout(pnl, h, side, qty, mid2_at_fill, mid2_at_h):
    """Resolve horizon h of one fill, once; mid2_at_fill as `on_fill` returned it; mid2_at_h = 0: missing."""
    mid2 = np.int64(mid2_at_h)
    if mid2 <= 0:
        mid2 = np.int64(mid2_at_fill)
        pnl.n_missing[h] += 1
    signed = np.int64(side) * np.int64(qty)
    pnl.due_qty[h] += signed
    pnl.due_value2[h] += signed * mid2_at_fill
    pnl.due_markout2[h] += signed * mid2
    pnl.n_due[h] += 1


@inline
def on_markout_missing(pnl, h, side, qty, mid2_at_fill):
    """Resolve horizon h of one fill without a mid: its whole move goes to post-horizon, counted."""
    on_markout(pnl, h, side, qty, mid2_at_fill, np.int64(0))


@compiled
def attribute(pnl, h, mid2_now, out):
    """Fill ATTRIBUTION `out` for horizon h; mid2_now = 0: the last known mid."""
    mid2 = _mark(pnl, mid2_now)
    pending_qty = pnl.fill_qty - pnl.due_qty[h]
    pending_value2 = pnl.fill_value2 - pnl.due_value2[h]
    out.spread_capture = pnl.spread2
    out.adverse_selection = pnl.due_value2[h] - pnl.due_markout2[h] + pending_value2 - pending_qty * mid2
    out.post_horizon = pnl.due_qty[h] * mid2 - pnl.due_markout2[h]
    out.opening_inventory = pnl.position_open * (mid2 - pnl.mid2_open)
    out.fees = pnl.fees2
    out.funding = pnl.funding2
    out.total = total2(pnl, mid2)
    out.n_pending = pnl.n_fills - pnl.n_due[h]


@inline
def total2(pnl, mid2_now):
    """PnL since reset in ledger units: change of cash + position x mid. mid2_now = 0: the last known mid."""
    mid2 = _mark(pnl, mid2_now)
    return pnl.cash2 + pnl.position * mid2 - pnl.position_open * pnl.mid2_open


@inline
def is_sum(a):
    """Whether the terms of an ATTRIBUTION add up to its total, to the unit."""
    terms = a.spread_capture - a.adverse_selection + a.post_horizon + a.opening_inventory - a.fees + a.funding
    return terms == a.total


@compiled
def is_exact(pnl, mid2_now, out):
    """Whether the identity holds for every horizon and the fills explain the position; `out`: ATTRIBUTION scratch."""
    if pnl.position != pnl.position_open + pnl.fill_qty:
        return False
    for h in range(N_MARKOUT):
        attribute(pnl, h, mid2_now, out)
        if not is_sum(out):
            return False
    return True
