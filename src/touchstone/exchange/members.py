"""Accounts that trade on the order book: their requests, the venue's rules, the fills of their orders.

The same venue record and rules as on a recording (venue.py, rules.py, resting.py, accounts.py), one record per
account; but here orders rest in the order book, and what fills is decided by real matching.
"""

import numpy as np

from touchstone.core import actions, events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import side_index
from touchstone.core.jit import compiled, inline
from touchstone.exchange import orderbook, resting, rules, transit
from touchstone.exchange.venue import answer, book_fill, cancel, fit_reduce_only, refuse

ZERO = np.int64(0)


@inline
def is_due(venue, now_ns, last_rank):
    """Whether a request of this account executes in the block at now_ns, as far as the classes up to `last_rank`."""
    if venue.requests.n == 0:
        return False
    request = transit.first_request(venue.requests)
    return request.exec_ns < now_ns or (request.exec_ns == now_ns and request.rank <= last_rank)


@compiled
def execute(venue, book, action, account, now_ns):
    """Place, amend or cancel. Returns the size that the order may take at once: 0 unless it is one that takes."""
    kind = np.int64(action.kind)
    if kind == actions.CANCEL or kind == actions.AMEND:
        is_amend = kind == actions.AMEND
        k = resting.find(venue.orders, np.int64(action.target) if is_amend else np.int64(action.cloid))
        if k == resting.NONE:
            _miss(venue, action, is_amend, now_ns)
            return ZERO
        cancel(venue, k, events.CANCELLED_BY_AMEND if is_amend else events.CANCELLED_BY_US, now_ns)
    elif kind == actions.CANCEL_ALL:
        for s in range(2):
            while venue.orders.n[s] > 0:
                cancel(venue, np.int64(venue.orders.live[s, 0]), events.CANCELLED_BY_US, now_ns)
    follow(venue, book)
    if kind == actions.PLACE or kind == actions.AMEND:
        return _place(venue, book, action, account, now_ns)
    return ZERO


@inline
def _miss(venue, action, is_amend, now_ns):
    """The order that a cancel or an amend names rests no more."""
    cloid = np.int64(action.cloid)
    if is_amend:
        refuse(venue, cloid, np.int64(action.side), events.REJECT_AMEND_TARGET_GONE, now_ns)
    else:
        venue.n_cancels_rejected += 1
        answer(venue, now_ns, events.CANCEL_REJECTED, ZERO, ZERO, ZERO, cloid, ZERO, ZERO)


@compiled
def _place(venue, book, action, account, now_ns):
    """A new order: refused, rested, or let through to take (then the size that it may trade is returned)."""
    cloid, px, qty = np.int64(action.cloid), np.int64(action.px), np.int64(action.qty)
    side, bits = np.int64(action.side), np.int64(action.bits)
    s = side_index(side)
    orders = venue.orders
    reason = rules.refusal(
        venue.params,
        venue.grid,
        book.best_px,
        venue.account,
        np.int64(venue.mid2),
        np.int64(venue.oracle_px),
        np.int64(orders.open_qty[s & 1]),
        side,
        px,
        qty,
        bits,
    )
    if reason == 0 and not bits & actions.BIT_IOC and (orders.n_free == 0 or book.free == orderbook.NONE):
        reason = events.REJECT_TOO_MANY_ORDERS
    if reason != 0:
        refuse(venue, cloid, side, reason, now_ns)
        return ZERO
    is_reduce = np.int64(1) if bits & actions.BIT_REDUCE_ONLY else ZERO
    if bits & actions.BIT_ALO:
        _rest(venue, book, action, qty, account, now_ns)
        return ZERO
    return min(qty, rules.reducible(venue.account, side)) if is_reduce else qty


@compiled
def _rest(venue, book, action, qty, account, now_ns):
    """`qty` of an order goes to the book."""
    cloid, px, side = np.int64(action.cloid), np.int64(action.px), np.int64(action.side)
    s = side_index(side)
    orders = venue.orders
    is_reduce = np.int64(1) if np.int64(action.bits) & actions.BIT_REDUCE_ONLY else ZERO
    index = price_grid.index_of(venue.grid, px)
    k = resting.add(orders, s, cloid, px, index, qty, is_reduce, now_ns)
    orders.slot[k].ticket = orderbook.place(book, s, px, index, qty, account, k)
    fit_reduce_only(venue, now_ns)
    follow(venue, book)
    answer(venue, now_ns, events.ORDER_RESTING, side, px, np.int64(orders.slot[k].qty_left), cloid, ZERO, ZERO)


@compiled
def follow(venue, book):
    """The order book follows the account's list: orders that are gone, reduce-only orders that have shrunk."""
    orders = venue.orders
    for i in range(orders.n_dropped):
        orderbook.cancel(book, np.int64(orders.dropped[i]))
    orders.n_dropped = 0
    if orders.n_reduce_only == 0:
        return
    for s in range(2):
        for i in range(orders.n[s]):
            order = orders.slot[orders.live[s, i]]
            excess = np.int64(book.order[order.ticket].qty - order.qty_left)
            if order.reduce_only == 1 and excess > 0:
                orderbook.shrink(book, np.int64(order.ticket), excess)


@compiled
def on_fill(venue, book, k, qty, left, now_ns):
    """A resting order of the account has traded. One that had been shrunk ends as cancelled."""
    order = venue.orders.slot[k]
    cloid, side, px, shrunk = np.int64(order.cloid), np.int64(order.side), np.int64(order.px), np.int64(order.shrunk)
    if left == 0:
        order.ticket = resting.NONE  # the order book has let go of it
        resting.remove(venue.orders, k)
    else:
        resting.take_off(venue.orders, k, qty)
    book_fill(venue, cloid, side, px, qty, ZERO, now_ns)
    if left == 0 and shrunk > 0:
        venue.n_reduce_only_cancelled += 1
        code = events.CANCELLED_REDUCE_ONLY
        answer(venue, now_ns, events.ORDER_CANCELLED, side, px, shrunk, cloid, code, ZERO)
    fit_reduce_only(venue, now_ns)
    follow(venue, book)


@inline
def on_own(venue, k, now_ns):
    """A taking order of the account has met order k of its own, which the order book has cancelled."""
    venue.n_self_trades += 1
    venue.orders.slot[k].ticket = resting.NONE
    cancel(venue, k, events.CANCELLED_SELF_TRADE, now_ns)


@compiled
def on_taken(venue, book, action, may_trade, traded, account, now_ns):
    """A taking order is over: what did not trade rests (GTC) or is cancelled; refused if nothing did."""
    qty, side, px, cloid = np.int64(action.qty), np.int64(action.side), np.int64(action.px), np.int64(action.cloid)
    if np.int64(action.bits) & actions.BIT_GTC and traded < may_trade:
        _rest(venue, book, action, qty - traded, account, now_ns)
    elif traded == 0:
        refuse(venue, cloid, side, events.REJECT_IOC_NO_MATCH, now_ns)
    elif traded < qty:
        code = events.CANCELLED_IOC_REMAINDER if traded < may_trade else events.CANCELLED_REDUCE_ONLY
        answer(venue, now_ns, events.ORDER_CANCELLED, side, px, qty - traded, cloid, code, ZERO)
    fit_reduce_only(venue, now_ns)
    follow(venue, book)
