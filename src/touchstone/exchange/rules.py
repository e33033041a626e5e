"""The venue's rules: its parameters, and which order it refuses and why."""

from typing import Any

import numpy as np

from touchstone.core import actions, events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import MS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import queue
from touchstone.exchange import accounts, latency

VENUE_PARAMS = record(
    [
        ("sz_decimals", "i8"),
        ("min_notional", "i8"),  # micro
        ("maker_fee", "i8"),  # 1e-9 of notional: 150_000 = 1.5 bp; negative = rebate
        ("taker_fee", "i8"),
        ("block_ns", "i8"),  # requests execute at the next multiple of it; 0 = on arrival, in order of arrival
        ("order_latency", latency.LATENCY),  # place, amend: until arrival at the venue
        ("cancel_latency", latency.LATENCY),
        ("response_ns", "i8"),  # from execution until we hear of it
        ("queue_kind", "i8"),  # queue.PESSIMISTIC ...
        ("queue_n", "f8"),  # exponent of the power family
        ("partial_fills", "i8"),  # 1: fills as large as the volume; 0: whole orders, as hftbacktest's default
        ("seed", "i8"),
        ("cash", "i8"),  # collateral at the start, micro
        ("max_leverage", "i8"),  # 0: no margin check
    ]
)

_NOT_NEGATIVE = ("min_notional", "block_ns", "response_ns", "cash", "max_leverage")
_LARGEST_FEE = 10_000_000  # 100 bp


def hyperliquid_params(sz_decimals: int, **changes: Any) -> Any:
    """One VENUE_PARAMS record with Hyperliquid's rules, tier 0 fees and latencies; keywords replace fields.

    70 ms blocks; orders 0.2 s median, 0.9 s p99; cancels 0.38 s; answers 0.14 s (two blocks). The whole published
    end-to-end delay lies before the execution, so a stale quote stays open for longer than it does there. A latency is
    given as ns (constant) or as (median ns, p99 ns), lognormal. Raises ValueError naming the field and the remedy.
    """
    values: dict[str, Any] = {
        "sz_decimals": sz_decimals,
        "min_notional": 10_000_000,
        "maker_fee": 150_000,
        "taker_fee": 450_000,
        "block_ns": 70 * MS,
        "order_latency": (200 * MS, 900 * MS),
        "cancel_latency": 380 * MS,
        "response_ns": 140 * MS,
        "queue_kind": int(queue.PESSIMISTIC),
        "queue_n": 2.0,
        "partial_fills": 1,
        "seed": 1,
        "cash": 10_000_000_000,
        "max_leverage": 0,
    }
    for name, value in changes.items():
        if name not in values:
            raise ValueError(f"unknown venue parameter {name!r}; choose one of {', '.join(values)}")
        values[name] = value
    _check(values)
    params = np.zeros(1, VENUE_PARAMS)[0]
    for name, value in values.items():
        if not name.endswith("_latency"):
            setattr(params, name, value)
            continue
        into = getattr(params, name)
        sampled = isinstance(value, tuple)
        into.kind = latency.LOGNORMAL if sampled else latency.CONSTANT
        into.median_ns, into.p99_ns = value if sampled else (value, value)
    return params


def with_latency_factor(params: Any, factor: float) -> Any:
    """A copy of a VENUE_PARAMS record with every latency times `factor` (>= 0); at 0 there are no blocks either."""
    if not 0.0 <= factor < float("inf"):
        raise ValueError(f"latency factor is {factor}; give a number of 0 or more")
    scaled = np.array([params], VENUE_PARAMS)[0]
    for way in (scaled.order_latency, scaled.cancel_latency):
        way.median_ns = round(int(way.median_ns) * factor)
        way.p99_ns = round(int(way.p99_ns) * factor)
    scaled.response_ns = round(int(params.response_ns) * factor)
    if factor == 0.0:
        scaled.block_ns = 0
    return scaled


def _check(values: dict[str, Any]) -> None:
    if not 0 <= values["sz_decimals"] <= 6:
        raise ValueError(f"sz_decimals is {values['sz_decimals']}; a perp of the venue has 0 to 6")
    for name in _NOT_NEGATIVE:
        if values[name] < 0:
            raise ValueError(f"{name} is {values[name]}; give 0 or more")
    for name in ("maker_fee", "taker_fee"):
        if abs(values[name]) > _LARGEST_FEE:
            raise ValueError(f"{name} is {values[name]}; it is in 1e-9 of notional, so 1.5 bp is 150_000")
    for name in ("order_latency", "cancel_latency"):
        given = values[name]
        median, p99 = given if isinstance(given, tuple) else (given, given)
        if median < 0 or p99 < median:
            raise ValueError(f"{name} is {given}; give ns >= 0, or (median, p99) with p99 >= median")
    if not 0 <= values["queue_kind"] < queue.N_KINDS:
        raise ValueError(
            f"queue_kind is {values['queue_kind']}; choose one of 0 to {queue.N_KINDS - 1} (queue.PESSIMISTIC ...)"
        )
    if values["queue_n"] <= 0:
        raise ValueError(f"queue_n is {values['queue_n']}; the exponent must be above 0")


@compiled
def copy_params(to, params):
    """Take over a parameter record and derive what follows from it."""
    to.sz_decimals = params.sz_decimals
    to.min_notional = params.min_notional
    to.maker_fee = params.maker_fee
    to.taker_fee = params.taker_fee
    to.block_ns = params.block_ns
    _copy_latency(to.order_latency, params.order_latency)
    _copy_latency(to.cancel_latency, params.cancel_latency)
    to.response_ns = params.response_ns
    to.queue_kind = params.queue_kind
    to.queue_n = params.queue_n
    to.partial_fills = params.partial_fills
    to.seed = params.seed
    to.cash = params.cash
    to.max_leverage = params.max_leverage


@inline
def _copy_latency(to, given):
    to.kind = given.kind
    to.median_ns = given.median_ns
    to.p99_ns = given.p99_ns
    latency.prepare(to)


@inline
def block_of(params, ns):
    """Time of the first block at or after `ns`."""
    if params.block_ns == 0:
        return ns
    return (ns + params.block_ns - 1) // params.block_ns * params.block_ns


# Hyperliquid executes a block's actions by class: those that only add liquidity, cancels, those that may take.
RANK_ADD = np.int64(0)
RANK_CANCEL = np.int64(1)
RANK_TAKE = np.int64(2)


@inline
def rank_of(params, action):
    """Class of an action within its block; without blocks arrival alone decides."""
    kind = np.int64(action.kind)
    if params.block_ns == 0:
        return RANK_ADD
    if kind == actions.CANCEL or kind == actions.CANCEL_ALL:
        return RANK_CANCEL
    if np.int64(action.bits) & (actions.BIT_IOC | actions.BIT_GTC):
        return RANK_TAKE
    return RANK_ADD


@inline
def crosses(best_px, side, px):
    """Whether an order of this side (+1 bid) at `px` would match the opposite touch; best_px: bid, ask, 0 = none."""
    if side > 0:
        return best_px[1] > 0 and px >= best_px[1]
    return px <= best_px[0]


@inline
def reducible(account, side):
    """Size that an order of this side can take off the position."""
    return max(-side * account.position, np.int64(0))


@inline
def _is_one_kind(bits):
    """Whether an order says exactly once how long it lives."""
    kind = bits & (actions.BIT_ALO | actions.BIT_IOC | actions.BIT_GTC)
    return kind != 0 and kind & (kind - 1) == 0


@compiled
def refusal(params, grid, best_px, account, mid2, oracle_px, open_qty, side, px, qty, bits):
    """Why the venue refuses the order (events.REJECT_*), 0 if it does not; `open_qty` rests on its side already.

    mid2 values the position for the margin; oracle_px 0 = not known, then any price goes."""
    alo = (bits & actions.BIT_ALO) != 0
    if not _is_one_kind(bits) or side * side != 1:
        return events.REJECT_OTHER
    if qty <= 0:
        return events.REJECT_INVALID_SIZE
    if not price_grid.is_valid_price(grid, px):
        return events.REJECT_TICK
    if oracle_px > 0 and abs(px - oracle_px) > oracle_px // 20 * 19:  # 95 % away from the reference price
        return events.REJECT_ORACLE
    reducing = reducible(account, side)
    if bits & actions.BIT_REDUCE_ONLY:
        if reducing == 0:
            return events.REJECT_REDUCE_ONLY
        if qty < reducing and px * qty < grid.min_notional:  # one that closes the whole position may be small
            return events.REJECT_MIN_NOTIONAL
    else:
        if px * qty < grid.min_notional:
            return events.REJECT_MIN_NOTIONAL
        exposure = abs(account.position + side * (open_qty + qty))
        if params.max_leverage > 0 and exposure > abs(account.position):
            if 2 * exposure * px > accounts.equity(account, mid2) * params.max_leverage:
                return events.REJECT_MARGIN
    if alo and crosses(best_px, side, px):
        return events.REJECT_BAD_ALO_PX
    return np.int64(0)
