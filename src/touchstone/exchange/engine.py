"""The exchange: our requests on their way, the venue's rules, queue and matching of our orders, fees, funding.

The market comes from outside through `on_market`: a recording now, where our orders are guests who move nothing.

* A request takes its latency, then waits for the next block; in a block orders that add come first, then cancels, then
  orders that take.
* The tape's rows of a block carry one exchange time: trades first, then the book as the block leaves it. An order that
  executes at time t rests behind what block t leaves and meets trades after t; a cancel at t comes before the trades of
  block t if it is executed before them (`advance`), and after every earlier block.
* How orders trade: matching.py. What is refused: rules.py. Money: accounts.py and venue.py.

Answers arrive `response_ns` after their block. After every fill, and each hour, the venue also tells position and
account value.
"""

import numpy as np

from touchstone.core import actions, events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import NEVER_NS, side_index
from touchstone.core.jit import apart, compiled, inline
from touchstone.core.market import book as order_book
from touchstone.exchange import latency, matching, resting, rules, transit
from touchstone.exchange.venue import VENUE, answer, cancel, fit_reduce_only, refuse, reset, turn_hour

__all__ = [
    "VENUE",
    "advance",
    "least_delay_ns",
    "next_due_ns",
    "next_response",
    "on_market",
    "peek_response_ns",
    "pop_response",
    "reset",
    "send",
    "skim",
]

ZERO = np.int64(0)
ONE_ROW = np.uint64(1)


@compiled
def send(venue, action, now_ns):
    """A request (ACTION record) leaves us at now_ns."""
    venue.n_requests += 1
    params = venue.params
    kind = np.int64(action.kind)
    number = np.int64(venue.n_requests)
    if kind == actions.CANCEL or kind == actions.CANCEL_ALL:
        delay_ns = latency.draw_ns(params.cancel_latency, np.int64(params.seed), number)
    else:
        delay_ns = latency.draw_ns(params.order_latency, np.int64(params.seed), number)
    arrival_ns = now_ns + delay_ns
    exec_ns = rules.block_of(params, arrival_ns)
    if not transit.add_request(venue.requests, action, exec_ns, rules.rank_of(params, action), arrival_ns):
        venue.n_overflow += 1
        if kind == actions.PLACE or kind == actions.AMEND:
            refuse(venue, np.int64(action.cloid), np.int64(action.side), events.REJECT_RATE_LIMIT, arrival_ns)


@inline
def next_due_ns(venue):
    """When the next request executes; NEVER_NS if none is on its way."""
    if venue.requests.n == 0:
        return NEVER_NS
    return np.int64(transit.first_request(venue.requests).exec_ns)


@compiled
def advance(venue, until_ns):
    """Execute every request whose block is at or before until_ns, by block, class and arrival."""
    while venue.requests.n > 0:
        request = transit.first_request(venue.requests)
        now_ns = np.int64(request.exec_ns)
        if now_ns > until_ns:
            return
        if now_ns >= venue.next_hour_ns:
            turn_hour(venue, now_ns)
        venue.n_executed += 1
        _execute(venue, request.action, now_ns)
        transit.drop_request(venue.requests)


@compiled
def _execute(venue, action, now_ns):
    kind = np.int64(action.kind)
    if kind == actions.PLACE:
        _place(venue, action, now_ns)
    elif kind == actions.CANCEL:
        k = resting.find(venue.orders, np.int64(action.cloid))
        if k == resting.NONE:
            venue.n_cancels_rejected += 1
            answer(venue, now_ns, events.CANCEL_REJECTED, ZERO, ZERO, ZERO, np.int64(action.cloid), ZERO, ZERO)
        else:
            cancel(venue, k, events.CANCELLED_BY_US, now_ns)
    elif kind == actions.AMEND:
        k = resting.find(venue.orders, np.int64(action.target))
        if k == resting.NONE:
            reason = events.REJECT_AMEND_TARGET_GONE
            refuse(venue, np.int64(action.cloid), np.int64(action.side), reason, now_ns)
        else:
            cancel(venue, k, events.CANCELLED_BY_AMEND, now_ns)
            _place(venue, action, now_ns)
    elif kind == actions.CANCEL_ALL:
        for s in range(2):
            while venue.orders.n[s] > 0:
                cancel(venue, np.int64(venue.orders.live[s, 0]), events.CANCELLED_BY_US, now_ns)


@compiled
def _place(venue, action, now_ns):
    """A new order: refused, taken to the book, or rested behind what its level shows; GTC does both."""
    cloid, px, qty = np.int64(action.cloid), np.int64(action.px), np.int64(action.qty)
    side, bits = np.int64(action.side), np.int64(action.bits)
    reason = _refusal(venue, side, px, qty, bits)
    if reason != 0:
        refuse(venue, cloid, side, reason, now_ns)
        return
    s = side_index(side)
    is_reduce = np.int64(1) if bits & actions.BIT_REDUCE_ONLY else ZERO
    if not bits & actions.BIT_ALO:
        may_trade = min(qty, rules.reducible(venue.account, side)) if is_reduce else qty
        traded = matching.take(venue, cloid, s, px, may_trade, now_ns)
        if bits & actions.BIT_IOC or traded == may_trade:
            matching.end_take(venue, cloid, s, px, qty, may_trade, traded, now_ns)
            return
        qty -= traded
    orders = venue.orders
    index = price_grid.index_of(venue.grid, px)
    k = resting.add(orders, s, cloid, px, index, qty, is_reduce, now_ns)
    matching.join_queue(venue.book, orders, orders.slot[k], s)
    venue.has_met = 0
    fit_reduce_only(venue, now_ns)
    answer(venue, now_ns, events.ORDER_RESTING, side, px, np.int64(orders.slot[k].qty_left), cloid, ZERO, ZERO)


@inline
def _refusal(venue, side, px, qty, bits):
    """Why an order is refused (events.REJECT_*), 0 if it is not."""
    orders, s = venue.orders, side_index(side)
    reason = rules.refusal(
        venue.params,
        venue.grid,
        venue.book.best_px,
        venue.account,
        np.int64(venue.mid2),
        np.int64(venue.oracle_px),
        np.int64(orders.open_qty[s & 1]),
        side,
        px,
        qty,
        bits,
    )
    if reason == 0 and bits & actions.BIT_ALO:
        own = matching.best_own(orders, 1 - s)
        if own != resting.NONE and matching.reaches(s, px, np.int64(orders.slot[own].px)):
            return events.REJECT_BAD_ALO_PX
    if reason == 0 and not bits & actions.BIT_IOC and orders.n_free == 0:
        return events.REJECT_TOO_MANY_ORDERS
    return reason


@inline
def on_market(venue, event):
    """One row of the market's tape, at its exchange time; rows that are not public market data are passed over."""
    kind = np.int64(event.kind)
    if kind > events.MARKET_KIND_LAST:
        return
    now_ns = np.int64(event.exch_ns)
    if now_ns >= venue.next_hour_ns:
        turn_hour(venue, now_ns)
    book = venue.book
    if kind == events.CONTEXT:
        venue.oracle_px = event.px
        venue.mark_px = event.qty
        venue.funding_rate = event.aux
        return
    order_book.begin_block(book, now_ns)
    if kind == events.TRADE:
        matching.on_trade(venue, np.int64(event.side), np.int64(event.px), np.int64(event.qty), now_ns)
        return
    if order_book.update(book, venue.grid, event):
        if book.in_snapshot:
            return
        if book.mid2 > 0:
            venue.mid2 = book.mid2
        venue.has_met = 0
    matching.follow_queues(venue, now_ns)
    if not venue.has_met and not np.int64(event.bits) & events.BIT_MORE:  # else the book is between two states
        matching.meet_touch(venue, now_ns)


@apart
def skim(venue, rows, start, end, until_ns, stops_at_touch):
    """Take in rows start..end up to until_ns while they move nothing; returns where it stopped.

    Such rows are sizes at or behind the touch, which change one size and perhaps places in the queue, and trades that
    reach no order of ours. With stops_at_touch it also stops before the block after one that changed the size of the
    touch. What it stops at goes through `on_market`.
    """
    book, orders = venue.book, venue.orders
    first_ns = np.int64(rows[start].exch_ns)
    is_between = (venue.has_met == 0) | (orders.n_unknown > 0) | (orders.newest_ns >= first_ns)
    if is_between | (first_ns < book.block_ns):
        return start
    until_ns = min(until_ns, np.int64(venue.next_hour_ns) - 1)
    origin, is_new = np.int64(book.origin), np.int64(book.is_new)
    if is_new and stops_at_touch:
        until_ns = min(until_ns, first_ns)
    last_ns = first_ns
    at, stop = np.uint64(start), np.uint64(end)  # unsigned: no row is counted from the end
    while at < stop:
        row = rows[at]
        row_ns = np.int64(row.exch_ns)
        if row_ns > until_ns:  # how most stretches end: sooner known by itself than with the rest
            break
        # Reads by side, one branch a kind: choices between locals become branches, each a coin toss for the processor.
        px, kind = np.int64(row.px), np.int64(row.kind)
        s = side_index(np.int64(row.side)) & 1
        if kind == events.BOOK_LEVEL:
            qty = np.int64(row.qty)
            slot, is_calm = order_book.calm_slot(book, s, px)
            is_touch = px == book.best_px[s]
            if not (is_calm & ((qty > 0) | (not is_touch)) & (row_ns >= last_ns)):
                break
            book.qty[s, slot] = qty
            is_new |= is_touch
            if is_touch & stops_at_touch:
                until_ns = row_ns
            if (slot + origin >= orders.low[s]) & (slot + origin <= orders.high[s]):
                book.change = order_book.ONE_LEVEL
                book.change_slot = slot
                matching.follow_level(venue, s, slot + origin, row_ns)
        elif kind != events.TRADE or row_ns < last_ns or (px - orders.best_px[1 - s]) * (1 - 2 * s) >= 0:
            break
        last_ns = row_ns
        at += ONE_ROW
    reached = np.int64(at)
    if reached > start:
        order_book.begin_block(book, last_ns)
        book.change = order_book.UNCHANGED
        book.is_new = is_new
    return reached


@inline
def least_delay_ns(venue):
    """No request that leaves us executes sooner after."""
    return min(latency.least_ns(venue.params.order_latency), latency.least_ns(venue.params.cancel_latency))


@inline
def peek_response_ns(venue):
    """When the next answer reaches us; NEVER_NS if none is on its way."""
    return transit.first_response_ns(venue.responses)


@inline
def next_response(venue):
    """The next answer (EVENT record), valid until the venue is advanced; only while one is on its way."""
    return transit.next_response(venue.responses)


@compiled
def pop_response(venue, event):
    """Move the next answer into an EVENT record; False if there is none."""
    return transit.take_response(venue.responses, event)
