"""Who trades: our resting orders against the tape, our taking orders against the book.

* An order rests behind all that its level shows *after* its block, so it meets trades of later blocks only.
* A trade *through* our price, or a later opposite touch at or beyond it, fills the whole order: whoever went through
  has taken everything at our price, so the tape decides. A trade *at* our price fills what passes our place in the
  queue: a model decides (BIT_MODEL_FILL). Several orders of ours at one price share that volume by age, none twice.
* Beyond the visible book the queue is unknown: there only a trade through the price fills, and is counted. A place once
  known stays an upper bound when the level comes back into view.
* A taking order (IOC) meets what the book shows, level by level. What it took is gone until the feed shows the level
  anew. Orders of ours that it would meet are cancelled.
"""

import numpy as np

from touchstone.core import events
from touchstone.core.jit import apart, compiled, inline
from touchstone.core.market import book as order_book
from touchstone.core.market.queue import advance_front, executable
from touchstone.exchange import resting, rules
from touchstone.exchange.venue import answer, book_fill, cancel, fit_reduce_only, refuse

ZERO = np.int64(0)
BY_TAPE, BY_MODEL = np.int64(0), events.BIT_MODEL_FILL


@inline
def join_queue(book, orders, order, s):
    """Behind everything that the level shows, and never further back than before; unknown where nothing is shown."""
    slot = order_book.slot_of(book, np.int64(order.index))
    order.traded = 0
    is_known = order_book.is_known(book, s, slot)
    resting.know_queue(orders, order, np.int64(1) if is_known else ZERO)
    if is_known:
        order.shown = order_book.net_qty(book, s, slot)
        order.queue_ahead = min(np.float64(order.queue_ahead), np.float64(order.shown))


@inline
def on_trade(venue, side, px, qty, now_ns):
    """A public trade: orders that it went through fill whole, those at its price as far as it passes their place."""
    s = np.int64(1) if side > 0 else ZERO
    if (venue.orders.best_px[s] - px) * (1 - 2 * s) >= 0:
        _meet_trade(venue, s, px, qty, now_ns)


@apart
def _meet_trade(venue, s, px, qty, now_ns):
    orders = venue.orders
    venue.trade_number += 1
    used = ZERO  # of this trade's volume, by our older orders at this price
    at = ZERO
    while at < orders.n[s]:
        k = np.int64(orders.live[s, at])
        order = orders.slot[k]
        beyond = (order.px - px) * order.side  # > 0: better than the trade's price
        if beyond < 0:
            return
        if order.met == venue.trade_number or order.since_ns >= now_ns:
            at += 1
            continue
        order.met = venue.trade_number
        if beyond > 0:
            _fill(venue, k, np.int64(order.qty_left), BY_TAPE, now_ns)
            at = ZERO  # a fill may take other orders with it: look through the list again
        elif order.queue_known:
            part = _past_us(venue, order, qty) - used
            if part > 0:
                if not venue.params.partial_fills:
                    part = np.int64(order.qty_left)
                part = min(part, np.int64(order.qty_left))
                used += part
                _fill(venue, k, part, BY_MODEL, now_ns)
                at = ZERO


@inline
def _past_us(venue, order, qty):
    """Volume of a trade of `qty` at our price that passes our place, before what older orders of ours take of it."""
    order.traded += qty
    order.queue_ahead -= np.float64(qty)
    past = executable(np.float64(order.queue_ahead), np.int64(venue.params.partial_fills))
    order.queue_ahead = max(np.float64(order.queue_ahead), 0.0)
    return past


@inline
def follow_queues(venue, now_ns):
    """The book has changed: advance our places."""
    book, orders = venue.book, venue.orders
    if book.change == order_book.ONE_LEVEL:
        s = np.int64(book.change_side)
        changed = book.origin + book.change_slot
        is_among_ours = (orders.low[s] <= changed) & (changed <= orders.high[s])
        if is_among_ours | (orders.n_unknown > 0) | (orders.newest_ns >= now_ns):
            follow_level(venue, s, changed, now_ns)
    elif book.change == order_book.MANY_LEVELS:
        for s in range(2):
            for at in range(orders.n[s]):
                _follow_queue(venue, orders.slot[orders.live[s, at]], np.int64(s), now_ns)


@apart
def follow_level(venue, s, changed, now_ns):
    """The level at grid index `changed` has a new size: advance our places in its queue."""
    orders = venue.orders
    looks_at_all = orders.n_unknown > 0 or orders.newest_ns >= now_ns
    for at in range(orders.n[s]):
        if not looks_at_all and orders.live_index[s, at] != changed:
            continue
        order = orders.slot[orders.live[s, at]]
        if order.index == changed or not order.queue_known or order.since_ns >= now_ns:
            _follow_queue(venue, order, s, now_ns)


@inline
def _follow_queue(venue, order, s, now_ns):
    book = venue.book
    slot = order_book.slot_of(book, np.int64(order.index))
    if order.since_ns >= now_ns:  # it came with this block: behind all that the block leaves
        order.queue_ahead = resting.UNKNOWN_QUEUE
        join_queue(book, venue.orders, order, s)
    elif not order.queue_known or not order_book.is_known(book, s, slot):
        join_queue(book, venue.orders, order, s)
    elif book.change == order_book.MANY_LEVELS or slot == book.change_slot:
        shown = order_book.net_qty(book, s, slot)
        if shown != order.shown or order.traded != 0:
            ahead = advance_front(
                np.int64(venue.params.queue_kind),
                np.float64(venue.params.queue_n),
                np.float64(order.queue_ahead),
                np.float64(order.shown),
                np.float64(shown),
                np.float64(order.traded),
            )
            order.queue_ahead = max(ahead, 0.0)  # else the next trade would fill more than it traded
            order.shown = shown
            order.traded = 0


@inline
def meet_touch(venue, now_ns):
    """An opposite touch at or beyond the price of an order that rests since an earlier block has met it."""
    book, orders = venue.book, venue.orders
    venue.has_met = 1
    if (book.best_px[1] > 0 and orders.best_px[0] >= book.best_px[1]) or orders.best_px[1] <= book.best_px[0]:
        _meet_touch(venue, now_ns)


@apart
def _meet_touch(venue, now_ns):
    book, orders = venue.book, venue.orders
    for s in range(2):
        at = ZERO
        while at < orders.n[s]:
            k = np.int64(orders.live[s, at])
            order = orders.slot[k]
            if not rules.crosses(book.best_px, np.int64(order.side), np.int64(order.px)):
                break
            if order.since_ns >= now_ns:
                venue.has_met = 0  # the next block will meet it
                at += 1
                continue
            _fill(venue, k, np.int64(order.qty_left), BY_TAPE, now_ns)
            at = ZERO


@inline
def _margin_allows(venue, side, qty):
    """Whether a fill reduces the position, or leaves it within what the host's margin rules allow."""
    after = venue.account.position + side * qty
    most = venue.most_position[0] if after > 0 else venue.most_position[1]
    return abs(after) <= abs(venue.account.position) or abs(after) <= most


@compiled
def _fill(venue, k, qty, bits, now_ns):
    """A resting order of ours trades at its own price. One that had been shrunk ends as cancelled."""
    order = venue.orders.slot[k]
    if not _margin_allows(venue, np.int64(order.side), qty):
        cancel(venue, k, events.CANCELLED_MARGIN, now_ns)
        return
    cloid, side, px, shrunk = np.int64(order.cloid), np.int64(order.side), np.int64(order.px), np.int64(order.shrunk)
    if not order.queue_known:
        venue.n_fills_beyond_book += 1
    is_done = qty >= order.qty_left
    if is_done:
        resting.remove(venue.orders, k)
    else:
        resting.take_off(venue.orders, k, qty)
    book_fill(venue, cloid, side, px, qty, bits, now_ns)
    if is_done and shrunk > 0:
        venue.n_reduce_only_cancelled += 1
        code = events.CANCELLED_REDUCE_ONLY
        answer(venue, now_ns, events.ORDER_CANCELLED, side, px, shrunk, cloid, code, ZERO)
    fit_reduce_only(venue, now_ns)


# ---------------------------------------------------------------- taking


@inline
def best_own(orders, s):
    """Slot of our best order of side s, resting.NONE if there is none."""
    return np.int64(orders.live[s, 0]) if orders.n[s] > 0 else resting.NONE


@inline
def reaches(s, px, other_px):
    """Whether an order of side s at px trades with one of the other side at other_px."""
    return px >= other_px if s == 0 else px <= other_px


@compiled
def take(venue, cloid, s, limit_px, may_trade, now_ns):
    """Trade with what the book shows up to the limit, at most `may_trade`; returns the size traded."""
    book = venue.book
    side = np.int64(1 - 2 * s)
    other = np.int64(1 - s)
    slot = np.int64(book.best[other])
    left = may_trade
    while left > 0:
        while order_book.is_known(book, other, slot) and slot < order_book.WIDTH:
            if order_book.net_qty(book, other, slot) > 0:
                break
            slot += side
        is_shown = order_book.is_known(book, other, slot) and slot < order_book.WIDTH
        px = order_book.price_of_slot(book, venue.grid, slot) if is_shown else limit_px
        is_shown = is_shown and reaches(s, limit_px, px)
        _clear_own(venue, s, px if is_shown else limit_px, left, is_shown, now_ns)
        if not is_shown:
            break
        part = min(left, order_book.net_qty(book, other, slot))
        _thin(venue, other, px, order_book.net_qty(book, other, slot) - part)
        book_fill(venue, cloid, side, px, part, events.BIT_TAKER, now_ns)
        left -= part
        slot += side
    return may_trade - left


@compiled
def end_take(venue, cloid, s, px, qty, may_trade, traded, now_ns):
    """A taking order is over: what did not trade is cancelled, or the order was refused if nothing did."""
    side = np.int64(1 - 2 * s)
    if traded == 0:
        refuse(venue, cloid, side, events.REJECT_IOC_NO_MATCH, now_ns)
    elif traded < qty:
        code = events.CANCELLED_IOC_REMAINDER if traded < may_trade else events.CANCELLED_REDUCE_ONLY
        answer(venue, now_ns, events.ORDER_CANCELLED, side, px, qty - traded, cloid, code, ZERO)
    fit_reduce_only(venue, now_ns)


@compiled
def _clear_own(venue, s, px, left, is_shown, now_ns):
    """Cancel our orders that a taking order meets on its way: better than px, and at px those within reach."""
    orders = venue.orders
    other = np.int64(1 - s)
    while True:
        k = best_own(orders, other)
        if k == resting.NONE or not reaches(s, px, np.int64(orders.slot[k].px)):
            return
        if is_shown and orders.slot[k].px == px and orders.slot[k].queue_ahead >= np.float64(left):
            return
        venue.n_self_trades += 1
        cancel(venue, k, events.CANCELLED_SELF_TRADE, now_ns)


@compiled
def _thin(venue, s, px, qty):
    """The level keeps `qty` until the feed shows it anew."""
    book = venue.book
    if book.in_snapshot:
        return
    event = venue.taken
    event.kind = events.BOOK_LEVEL
    event.side = 1 - 2 * s
    event.px = px
    event.qty = qty
    event.exch_ns = book.block_ns
    order_book.update(book, venue.grid, event)
    venue.has_met = 0
