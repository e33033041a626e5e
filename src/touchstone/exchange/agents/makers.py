"""The other makers: each quotes a ladder around what it knows, as late as its own latency.

A maker knows the leader and the public trades as they were `lag_ns` ago, its own position, and an error of its own. Its
orders rest on every `spacing`-th price; when its fair price has moved by more than its tolerance it takes away what is
now too near or too far, and adds what is missing, in one amend. Where it was hit it comes back after `refill_ns`.
Several makers rest on staggered prices. What the last trades and the sizes at the touch (ours included) tell is in
`market.pressure`, in grid steps.
"""

import math

import numpy as np

from touchstone.core.conventions import NEVER_NS, NS
from touchstone.core.grid import price_of
from touchstone.core.jit import compiled, inline, record
from touchstone.exchange import orderbook
from touchstone.exchange.agents import chance, latent

MAX_MAKERS = 8
MAX_LEVELS = 32
STEPS = 64  # places in the ring of a ladder, a power of two above MAX_LEVELS
NONE = np.int64(-1)
FIRST_OWNER = np.int64(orderbook.N_ACCOUNTS)

MAKER_PARAMS = record(
    [
        ("lag_ns", "i8"),  # from what the leader and the market show to the order's block
        ("half_spread_bps", "f8"),
        ("spacing_bps", "f8"),
        ("levels", "i8"),  # per side, at most MAX_LEVELS
        ("notional", "f8"),  # mean size of an order, in price units x size units
        ("growth", "f8"),  # share by which each further level is larger
        ("tolerance_bps", "f8"),
        ("skew_bps", "f8"),  # at the position limit
        ("limit", "f8"),  # position limit, notional as above
        ("refill_ns", "i8"),
        ("error_bps", "f8"),  # sd of its error about the fair price
        ("error_memory_s", "f8"),
    ]
)

MAKER = record(
    [
        ("key", "u8"),
        ("owner", "i8"),
        ("spacing", "i8"),  # grid steps between two levels
        ("offset", "i8"),
        ("base_qty", "f8"),
        ("limit_qty", "f8"),
        ("fair", "f8"),  # that it quotes around, grid index; NaN before the first quote
        ("error", "f8"),  # in bps
        ("second", "i8"),  # of the error
        ("inner", "i8", (2,)),  # first step of its ladder; a step times the spacing is a price
        ("outer", "i8", (2,)),  # last one
        ("ref", "i8", (2, STEPS)),  # order number by step, NONE where it has none
        ("hit", "i8", (2,)),  # deepest step where it was hit
        ("back_ns", "i8", (2,)),  # until then it quotes deeper than that only
        ("due_ns", "i8"),  # something is missing: look again
        ("n_quotes", "i8"),
        ("n_crossed", "i8"),  # orders that would have met the other side, put off
    ]
)


@compiled
def reset(maker, params, number, px, per_bps):
    """Maker `number` without orders; the key is set by `market.reseed`."""
    maker.owner = FIRST_OWNER + number
    maker.spacing = max(np.int64(params.spacing_bps * per_bps + 0.5), np.int64(1))
    maker.offset = number % maker.spacing
    maker.base_qty = params.notional / px
    maker.limit_qty = params.limit / px
    maker.fair = math.nan
    maker.error = 0.0
    maker.second = 0
    for s in range(2):
        maker.inner[s] = 0
        maker.outer[s] = 0
        maker.hit[s] = 0
        maker.back_ns[s] = 0
    maker.ref[:, :] = NONE
    maker.due_ns = 0
    maker.n_quotes = 0
    maker.n_crossed = 0


@inline
def act(maker, params, book, grid, the_latent, pressure, now_ns):
    """Quote anew if the fair price has moved too far or something is missing; `pressure` as of `lag_ns` ago."""
    second = now_ns // NS
    if second != maker.second:
        _err(maker, params, second)
    held = np.float64(book.position[maker.owner]) / maker.limit_qty
    skew = params.skew_bps * min(max(held, -1.0), 1.0)
    fair = latent.seen_at(the_latent, now_ns - params.lag_ns) + pressure + (maker.error - skew) * the_latent.per_bps
    if abs(fair - maker.fair) <= params.tolerance_bps * the_latent.per_bps and now_ns < maker.due_ns:
        return
    _quote(maker, params, book, grid, fair, the_latent.per_bps, now_ns)


@inline
def _err(maker, params, second):
    """The error of this second: an autoregression, drawn once a second."""
    keep = math.exp(-1.0 / params.error_memory_s)
    maker.error *= keep
    maker.error += params.error_bps * math.sqrt(1.0 - keep * keep) * chance.normal(maker.key, second)
    maker.second = second


@compiled
def _quote(maker, params, book, grid, fair, per_bps, now_ns):
    maker.fair = fair
    maker.n_quotes += 1
    maker.due_ns = NEVER_NS
    half = params.half_spread_bps * per_bps
    spacing = np.float64(maker.spacing)
    bid = np.int64(math.floor((fair - half - np.float64(maker.offset)) / spacing))
    ask = np.int64(math.ceil((fair + half - np.float64(maker.offset)) / spacing))
    if bid >= ask:
        bid = ask - 1
    for s in range(2):
        inner = bid if s == 0 else ask
        outer = bid - params.levels + 1 if s == 0 else ask + params.levels - 1
        _withdraw(maker, book, np.int64(s), min(inner, outer), max(inner, outer))
        maker.inner[s] = inner
        maker.outer[s] = outer
    for s in range(2):
        _fill_up(maker, params, book, grid, np.int64(s), now_ns)


@inline
def _withdraw(maker, book, s, lowest, highest):
    """Cancel what lies outside these steps."""
    first, last = min(maker.inner[s], maker.outer[s]), max(maker.inner[s], maker.outer[s])
    for step in range(first, last + 1):
        k = np.int64(maker.ref[s, step & (STEPS - 1)])
        if k != NONE and (step < lowest or step > highest):
            orderbook.cancel(book, k)
            maker.ref[s, step & (STEPS - 1)] = NONE


@inline
def _fill_up(maker, params, book, grid, s, now_ns):
    """Place what is missing, best price first."""
    away = np.int64(-1) if s == 0 else np.int64(1)
    is_back = now_ns >= maker.back_ns[s]
    step = np.int64(maker.inner[s])
    for level in range(params.levels):
        if maker.ref[s, step & (STEPS - 1)] == NONE:
            if is_back or (step - maker.hit[s]) * away > 0:
                _place(maker, params, book, grid, s, step, np.int64(level), now_ns)
            else:
                maker.due_ns = min(maker.due_ns, np.int64(maker.back_ns[s]))
        step += away


@inline
def _place(maker, params, book, grid, s, step, level, now_ns):
    index = step * maker.spacing + maker.offset
    if index < 1 or orderbook.would_trade(book, s, index):
        maker.n_crossed += 1
        maker.due_ns = now_ns  # add liquidity only: try again in the next block
        return
    size = 0.5 + chance.uniform(maker.key, -(2 * step + s) - 1)  # seconds count upwards, prices downwards
    qty = max(np.int64(maker.base_qty * size * (1.0 + params.growth * np.float64(level))), np.int64(1))
    px = price_of(grid, index)
    k = orderbook.place(book, s, px, index, qty, np.int64(maker.owner), step)
    if k != orderbook.NONE:
        maker.ref[s, step & (STEPS - 1)] = k


@inline
def on_fill(maker, params, s, step, left, now_ns):
    """An order of its was hit: once gone, it comes back after a while."""
    if left > 0:
        return
    maker.ref[s, step & (STEPS - 1)] = NONE
    deeper = step < maker.hit[s] if s == 0 else step > maker.hit[s]
    if now_ns >= maker.back_ns[s] or deeper:
        maker.hit[s] = step
    maker.back_ns[s] = now_ns + params.refill_ns
    maker.due_ns = min(maker.due_ns, np.int64(maker.back_ns[s]))
