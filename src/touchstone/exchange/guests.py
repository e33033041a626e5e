"""Guests in a book that comes from outside, for a host with several of them: one VENUE each, and one without orders.

What a guest does is engine.py, unchanged; here is what a host needs besides: many rows in one call, and the book as the
public sees it. Arrays of length 1 cross the boundary.
"""

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core.conventions import NEVER_NS
from touchstone.core.jit import compiled, inline
from touchstone.core.market import book as order_book
from touchstone.exchange import engine, hosted, resting

ZERO = np.int64(0)


@compiled
def reset(venues, params):
    """An empty exchange; params: VENUE_PARAMS array of length 1."""
    engine.reset(venues[0], params[0])


@compiled
def feed(venues, rows, start, stop):
    """Rows start..stop of the market, until something was answered; returns how far it came."""
    venue = venues[0]
    for i in range(start, stop):
        engine.on_market(venue, rows[i])
        if venue.responses.n > 0:
            return np.int64(i + 1)
    return np.int64(stop)


@compiled
def execute(venues, requests, now_ns):
    """One request (ACTION array of length 1) in the block at now_ns, without delay."""
    engine.send(venues[0], requests[0], now_ns)
    engine.advance(venues[0], now_ns)


@compiled
def next_answer(venues, answers):
    """Move the next answer into an EVENT array of length 1; False if there is none."""
    if engine.peek_response_ns(venues[0]) == NEVER_NS:
        return False
    return engine.pop_response(venues[0], answers[0])


@compiled
def size_left(venues, cloid):
    """(size left, size that was taken off a reduce-only order), -1 where no such order rests."""
    orders = venues[0].orders
    k = resting.find(orders, cloid)
    if k == resting.NONE:
        return np.int64(-1), ZERO
    return np.int64(orders.slot[k].qty_left), np.int64(orders.slot[k].shrunk)


@compiled
def best_own(venues):
    """Best prices of the guest's own bids and asks, 0 where there are none."""
    return _best_own(venues[0].orders, ZERO), _best_own(venues[0].orders, np.int64(1))


@inline
def _best_own(orders, s):
    return np.int64(orders.slot[orders.live[s, 0]].px) if orders.n[s] > 0 else ZERO


@compiled
def depth(venues, depths):
    """Write the best levels of both sides into a DEPTH array of length 1; numbers of orders are not known: 1."""
    book, grid, out = venues[0].book, venues[0].grid, depths[0]
    for s in range(2):
        step = np.int64(-1) if s == 0 else np.int64(1)
        slot = np.int64(book.best[s])
        n = ZERO
        while slot != order_book.NONE and order_book.is_known(book, np.int64(s), slot) and slot < order_book.WIDTH:
            qty = order_book.net_qty(book, np.int64(s), slot)
            if qty > 0:
                level = out.level[s, n]
                level.px = price_grid.price_of(grid, book.origin + slot)
                level.qty = qty
                level.n_orders = 1
                n += 1
                if n == hosted.LEVELS:
                    break
            slot += step
        out.n[s] = n


@compiled
def touch(venues):
    """(bid, its size, ask, its size), 0 where a side is empty."""
    book = venues[0].book
    return np.int64(book.best_px[0]), _touch_qty(book, ZERO), np.int64(book.best_px[1]), _touch_qty(book, np.int64(1))


@inline
def _touch_qty(book, s):
    slot = np.int64(book.best[s])
    return order_book.net_qty(book, s, slot) if slot >= 0 and book.best_px[s] > 0 else ZERO
