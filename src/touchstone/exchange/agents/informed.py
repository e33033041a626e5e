"""Informed takers: they see the leader sooner than the makers do, and hit quotes that it has left behind.

A sniper compares the leader with the touch as both were `lag_ns` ago. Is the leader beyond the quote by more than the
taker fee and a margin, it takes everything up to that distance, in the block that its order reaches. It looks away in
some blocks (`attention`), by lot.
"""

import math

import numpy as np

from touchstone.core.jit import inline, record
from touchstone.exchange import orderbook
from touchstone.exchange.agents import chance

MAX_INFORMED = 4
FIRST_OWNER = np.int64(orderbook.N_ACCOUNTS + 20)
NO_TRADE = np.int64(0)

INFORMED_PARAMS = record(
    [
        ("lag_ns", "i8"),  # from what leader and market show to the order's block
        ("cost_bps", "f8"),  # taker fee and margin
        ("attention", "f8"),  # chance to look, per block
        ("notional", "f8"),  # most that it takes at once, price units x size units
    ]
)

INFORMED = record([("key", "u8"), ("owner", "i8"), ("limit", "i8"), ("n_sent", "i8")])


@inline
def reset(sniper, number):
    """Sniper `number`; the key is set by `market.reseed`."""
    sniper.owner = FIRST_OWNER + number
    sniper.limit = 0
    sniper.n_sent = 0


@inline
def decide(sniper, params, leader_then, bid_then, ask_then, per_bps, number):
    """Side of the order that reaches block `number`: +1, -1 or NO_TRADE; its price goes to sniper.limit.

    Leader (with fraction) and touch (NONE: empty) as grid indexes, as they were when it looked.
    """
    cost = params.cost_bps * per_bps
    side = NO_TRADE
    if ask_then != orderbook.NONE and leader_then - cost > np.float64(ask_then):
        side = np.int64(1)
    elif bid_then != orderbook.NONE and leader_then + cost < np.float64(bid_then):
        side = np.int64(-1)
    if side == NO_TRADE or chance.uniform(sniper.key, number) >= params.attention:
        return NO_TRADE
    sniper.limit = np.int64(math.floor(leader_then - cost)) if side > 0 else np.int64(math.ceil(leader_then + cost))
    sniper.n_sent += 1
    return side
