"""What the market shows to the public, on its way to us: rows by receive time, our venue's and the leader's.

After each block: its trades, the touch where it changed, the whole book about each half second, the context each three
seconds. The venue's rows of a block arrive together, never before those of an earlier block; the leader's ticks have a
constant delay. Two rings, so that each is in order of arrival without sorting.
"""

import math

import numpy as np

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import NEVER_NS
from touchstone.core.events import EVENT
from touchstone.core.jit import compiled, inline, record
from touchstone.exchange import orderbook
from touchstone.exchange.agents import chance

MAX_ROWS = 4096
MAX_LEADER_ROWS = 1024
LEVELS = 20
SNAPSHOT_BLOCKS = np.int64(7)  # 0.49 s
CONTEXT_BLOCKS = np.int64(43)  # 3 s
LEADER_QTY = np.int64(100_000)  # at the leader's touch, size units: it never runs dry
ZERO = np.int64(0)

FEED_PARAMS = record(
    [
        ("least_ns", "i8"),  # delay of the venue's rows: this, and a log-normal part
        ("median_ns", "f8"),
        ("spread", "f8"),  # sd of its logarithm
        ("leader_ns", "i8"),  # delay of the leader's rows, at least a block: they are written with the block
        ("leader_half_spread_bps", "f8"),
        ("funding_rate", "i8"),  # per hour, 1e-12
    ]
)

VENUE_ROWS = record([("ring", EVENT, (MAX_ROWS,)), ("head", "i8"), ("n", "i8")])
LEADER_ROWS = record([("ring", EVENT, (MAX_LEADER_ROWS,)), ("head", "i8"), ("n", "i8")])

FEED = record(
    [
        ("key", "u8"),
        ("is_on", "i8"),  # 0: nobody listens, nothing is written
        ("rows", VENUE_ROWS),
        ("leader", LEADER_ROWS),
        ("exch_ns", "i8"),  # of the block that is written
        ("recv_ns", "i8"),
        ("touch_index", "i8", (2,)),  # as last shown
        ("touch_qty", "i8", (2,)),
        ("leader_bid_px", "i8"),
        ("trade_id", "i8"),
        ("n_overflow", "i8"),  # rows that found no room: the run is not valid
    ]
)


@compiled
def reset(feed):
    """Nothing shown yet, on; the key is set by `market.reseed`."""
    feed.is_on = 1
    feed.rows.head = 0
    feed.rows.n = 0
    feed.leader.head = 0
    feed.leader.n = 0
    feed.exch_ns = 0
    feed.recv_ns = 0
    for s in range(2):
        feed.touch_index[s] = orderbook.NONE
        feed.touch_qty[s] = 0
    feed.leader_bid_px = 0
    feed.trade_id = 0
    feed.n_overflow = 0


@inline
def next_ns(feed):
    """When the next row reaches us; NEVER_NS if none is on its way."""
    soonest = NEVER_NS
    if feed.rows.n > 0:
        soonest = np.int64(feed.rows.ring[feed.rows.head & (MAX_ROWS - 1)].recv_ns)
    if feed.leader.n > 0:
        soonest = min(soonest, np.int64(feed.leader.ring[feed.leader.head & (MAX_LEADER_ROWS - 1)].recv_ns))
    return soonest


@inline
def next_row(feed):
    """The row that reaches us next, removed; only while there is one, and only until the next block."""
    rows, leader = feed.rows, feed.leader
    row = rows.ring[rows.head & (MAX_ROWS - 1)]
    other = leader.ring[leader.head & (MAX_LEADER_ROWS - 1)]
    if rows.n == 0 or (leader.n > 0 and other.recv_ns < row.recv_ns):
        leader.head += 1
        leader.n -= 1
        return other
    rows.head += 1
    rows.n -= 1
    return row


@inline
def _fill_in(row, exch_ns, recv_ns, kind, px, qty, side, aux, bits):
    row.exch_ns = exch_ns
    row.recv_ns = recv_ns
    row.px = px
    row.qty = qty
    row.aux = aux
    row.code = 0
    row.kind = kind
    row.side = side
    row.bits = bits


@compiled
def _show(feed, kind, px, qty, side, aux, bits):
    """One row of the block."""
    rows = feed.rows
    if rows.n >= MAX_ROWS:
        feed.n_overflow += 1
        return
    row = rows.ring[(rows.head + rows.n) & (MAX_ROWS - 1)]
    rows.n += 1
    _fill_in(row, feed.exch_ns, feed.recv_ns, kind, px, qty, side, aux, bits)


@inline
def begin_block(feed, params, number, now_ns):
    """Rows that follow belong to block `number`; its delay is drawn by its number."""
    feed.exch_ns = now_ns
    if feed.is_on:
        delay = params.median_ns * math.exp(params.spread * chance.normal(feed.key, number))
        feed.recv_ns = max(np.int64(feed.recv_ns), now_ns + params.least_ns + np.int64(delay))


@inline
def show_trade(feed, side, px, qty):
    """A public trade, side = the taker's."""
    feed.trade_id += 1
    if feed.is_on:
        _show(feed, events.TRADE, px, qty, side, np.int64(feed.trade_id), ZERO)


@inline
def show_leader(feed, params, latent, tick_ns):
    """The leader's touch, where it changed."""
    if not feed.is_on:
        return
    half = params.leader_half_spread_bps * 1e-4 * latent.px
    bid, ask = np.int64(latent.px - half), np.int64(latent.px + half) + 1
    if bid == feed.leader_bid_px:
        return
    feed.leader_bid_px = bid
    _show_leader(feed, bid, np.int64(1), tick_ns, tick_ns + params.leader_ns, events.BIT_MORE)
    _show_leader(feed, ask, np.int64(-1), tick_ns, tick_ns + params.leader_ns, ZERO)


@compiled
def _show_leader(feed, px, side, exch_ns, recv_ns, bits):
    leader = feed.leader
    if leader.n >= MAX_LEADER_ROWS:
        feed.n_overflow += 1
        return
    row = leader.ring[(leader.head + leader.n) & (MAX_LEADER_ROWS - 1)]
    leader.n += 1
    _fill_in(row, exch_ns, recv_ns, events.REFERENCE_BBO, px, LEADER_QTY, side, ZERO, bits)


@inline
def end_block(feed, params, book, grid, number, oracle_px, mark_px):
    """Touch, book and context as the block leaves them."""
    if not feed.is_on:
        return
    if _touch_changed(feed, book):
        if orderbook.mid2(book) > 0:
            _show_touch(feed, book)
        else:
            _show_book(feed, book, grid)
        _note_touch(feed, book)
    if number % SNAPSHOT_BLOCKS == 0:
        _show_book(feed, book, grid)
    if number % CONTEXT_BLOCKS == 1:
        _show(feed, events.CONTEXT, oracle_px, mark_px, ZERO, np.int64(params.funding_rate), ZERO)


@inline
def _touch_changed(feed, book):
    for s in range(2):
        index = np.int64(book.best[s])
        if index != feed.touch_index[s]:
            return True
        if index != orderbook.NONE and orderbook.qty_at(book, np.int64(s), index) != feed.touch_qty[s]:
            return True
    return False


@inline
def _note_touch(feed, book):
    for s in range(2):
        feed.touch_index[s] = book.best[s]
        feed.touch_qty[s] = 0
        if book.best[s] != orderbook.NONE:
            feed.touch_qty[s] = orderbook.qty_at(book, np.int64(s), np.int64(book.best[s]))


@compiled
def _show_touch(feed, book):
    """A BBO pair, in the order that never crosses."""
    rises = feed.touch_index[1] != orderbook.NONE and book.best[0] >= feed.touch_index[1]
    for turn in range(2):
        s = np.int64(1 - turn) if rises else np.int64(turn)
        qty = orderbook.qty_at(book, s, np.int64(book.best[s]))
        bits = events.BIT_MORE if turn == 0 else ZERO
        _show(feed, events.BBO, np.int64(book.best_px[s]), qty, np.int64(1 - 2 * s), ZERO, bits)


@compiled
def _show_book(feed, book, grid):
    """A snapshot of the best levels of each side."""
    _show(feed, events.SNAPSHOT_BEGIN, ZERO, ZERO, ZERO, ZERO, ZERO)
    for s in range(2):
        index = np.int64(book.best[s])
        n = ZERO
        while index != orderbook.NONE and n < LEVELS:
            px = price_grid.price_of(grid, index)
            qty = orderbook.qty_at(book, np.int64(s), index)
            _show(feed, events.BOOK_LEVEL, px, qty, np.int64(1 - 2 * s), ZERO, ZERO)
            n += 1
            index = orderbook.next_level(book, np.int64(s), orderbook.worse_than(s, index))
    _show(feed, events.SNAPSHOT_END, ZERO, ZERO, ZERO, ZERO, ZERO)
