"""The exchange: our requests on their way, the venue's rules, queue and matching of our orders, fees, funding.

The market comes from outside through `on_market`: a recording now, where our orders are guests who move nothing.

* A request takes its latency, then waits for the next block; in a block what adds or cancels comes before what takes.
* An order rests from its block on, so it meets everything that the tape shows at or after that time.
* A trade *through* our price, or a later opposite touch at or beyond it, fills the whole order: the tape decides.
  A trade *at* our price fills what passes our place in the queue: a model decides (BIT_MODEL_FILL). Several orders of
  ours at one price share that volume by age, none of it twice.
* Beyond the visible book the queue is unknown: there only a trade through the price fills, and is counted.
* Reduce-only orders that the position no longer covers are cancelled, oldest first.
* A taking order (IOC) meets what the book shows, level by level; it leaves no trace in a recorded book.

Answers arrive `response_ns` after their block. After every fill the venue also tells position and account value.
"""

import numpy as np

from touchstone.core import actions, events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import NEVER_NS, NS, side_index
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.core.market.queue import advance_front, executable
from touchstone.exchange import accounts, latency, resting, rules, transit

HOUR_NS = np.int64(3600 * NS)
NONE = np.int64(-1)
ZERO = np.int64(0)
BY_TAPE, BY_MODEL = np.int64(0), events.BIT_MODEL_FILL

VENUE = record(
    [
        ("params", rules.VENUE_PARAMS),
        ("grid", price_grid.GRID),
        ("book", order_book.BOOK),
        ("account", accounts.ACCOUNT),
        ("orders", resting.ORDERS),
        ("requests", transit.REQUESTS),
        ("responses", transit.RESPONSES),
        ("oracle_px", "i8"),  # 0 until a context event came
        ("mark_px", "i8"),
        ("funding_rate", "i8"),  # per hour, 1e-12
        ("hour", "i8"),  # number of the hour that the tape is in, 0 before the first event
        ("trade_id", "i8"),  # of our last fill
        # counters
        ("n_requests", "i8"),
        ("n_executed", "i8"),
        ("n_rejected", "i8", (16,)),  # by events.REJECT_*
        ("n_cancels_rejected", "i8"),
        ("n_fills", "i8"),
        ("n_fills_by_model", "i8"),
        ("n_fills_beyond_book", "i8"),
        ("n_reduce_only_cancelled", "i8"),
        ("n_self_trades", "i8"),
        ("n_overflow", "i8"),  # requests or answers that found no room: the run is not valid
    ]
)


@compiled
def reset(venue, params):
    """An empty exchange with an account that holds params.cash."""
    rules.copy_params(venue.params, params)
    price_grid.reset(venue.grid, np.int64(params.sz_decimals), np.int64(params.min_notional))
    order_book.reset(venue.book)
    accounts.reset(venue.account, np.int64(params.cash))
    resting.reset(venue.orders)
    venue.requests.n = 0
    venue.requests.head = 0
    venue.responses.n = 0
    venue.responses.head = 0
    venue.oracle_px = 0
    venue.mark_px = 0
    venue.funding_rate = 0
    venue.hour = 0
    venue.trade_id = 0
    venue.n_requests = 0
    venue.n_executed = 0
    venue.n_rejected[:] = 0
    venue.n_cancels_rejected = 0
    venue.n_fills = 0
    venue.n_fills_by_model = 0
    venue.n_fills_beyond_book = 0
    venue.n_reduce_only_cancelled = 0
    venue.n_self_trades = 0
    venue.n_overflow = 0


# ---------------------------------------------------------------- requests


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
        _refuse(venue, np.int64(action.cloid), np.int64(action.side), events.REJECT_RATE_LIMIT, arrival_ns)


@inline
def next_due_ns(venue):
    """When the next request executes; NEVER_NS if none is on its way."""
    if venue.requests.n == 0:
        return NEVER_NS
    return np.int64(transit.first_request(venue.requests).exec_ns)


@compiled
def advance(venue, until_ns):
    """Execute every request whose block is at or before until_ns."""
    while venue.requests.n > 0:
        request = transit.first_request(venue.requests)
        if request.exec_ns > until_ns:
            return
        venue.n_executed += 1
        _execute(venue, request.action, np.int64(request.exec_ns))
        transit.drop_request(venue.requests)


@compiled
def _execute(venue, action, now_ns):
    kind = np.int64(action.kind)
    if kind == actions.PLACE:
        _place(venue, action, now_ns)
    elif kind == actions.CANCEL:
        k = resting.find(venue.orders, np.int64(action.cloid))
        if k == NONE:
            venue.n_cancels_rejected += 1
            _answer(venue, now_ns, events.CANCEL_REJECTED, ZERO, ZERO, ZERO, np.int64(action.cloid), ZERO, ZERO)
        else:
            _cancel(venue, k, events.CANCELLED_BY_US, now_ns)
    elif kind == actions.AMEND:
        k = resting.find(venue.orders, np.int64(action.target))
        if k == NONE:
            reason = events.REJECT_AMEND_TARGET_GONE
            _refuse(venue, np.int64(action.cloid), np.int64(action.side), reason, now_ns)
        else:
            _cancel(venue, k, events.CANCELLED_BY_AMEND, now_ns)
            _place(venue, action, now_ns)
    elif kind == actions.CANCEL_ALL:
        for s in range(2):
            while venue.orders.n[s] > 0:
                _cancel(venue, np.int64(venue.orders.live[s, 0]), events.CANCELLED_BY_US, now_ns)


@compiled
def _place(venue, action, now_ns):
    """A new order: refused, taken to the book, or rested behind what its level shows."""
    cloid, px, qty = np.int64(action.cloid), np.int64(action.px), np.int64(action.qty)
    side, bits = np.int64(action.side), np.int64(action.bits)
    s = side_index(side)
    orders, account, book = venue.orders, venue.account, venue.book
    open_qty = np.int64(orders.open_qty[s])
    mid2 = np.int64(book.mid2)
    reason = rules.refusal(venue.params, venue.grid, book, account, mid2, open_qty, side, px, qty, bits)
    if reason == 0 and bits & actions.BIT_ALO and _meets_own(orders, s, px):
        reason = events.REJECT_BAD_ALO_PX
    if reason == 0 and orders.n_free == 0:
        reason = events.REJECT_TOO_MANY_ORDERS
    if reason != 0:
        _refuse(venue, cloid, side, reason, now_ns)
        return
    if bits & actions.BIT_IOC:
        _take(venue, cloid, s, px, qty, now_ns)
        return
    index = price_grid.index_of(venue.grid, px)
    is_reduce = np.int64(1) if bits & actions.BIT_REDUCE_ONLY else ZERO
    k = resting.add(orders, s, cloid, px, index, qty, is_reduce)
    _join_queue(book, orders.slot[k], s)
    _answer(venue, now_ns, events.ORDER_RESTING, side, px, qty, cloid, ZERO, ZERO)
    _shed_reduce_only(venue, now_ns)


@inline
def _meets_own(orders, s, px):
    """Whether an order of side s at px would match one of our own."""
    if orders.n[1 - s] == 0:
        return False
    best = np.int64(orders.slot[orders.live[1 - s, 0]].px)
    return px >= best if s == 0 else px <= best


@compiled
def _take(venue, cloid, s, limit_px, qty, now_ns):
    """Immediate or cancel: what the book shows up to the limit; our own orders in the way are cancelled."""
    side = np.int64(1 - 2 * s)
    while _meets_own(venue.orders, s, limit_px):
        venue.n_self_trades += 1
        _cancel(venue, np.int64(venue.orders.live[1 - s, 0]), events.CANCELLED_SELF_TRADE, now_ns)
    book = venue.book
    other = np.int64(1 - s)
    slot = np.int64(book.best[other])
    left = qty
    while left > 0 and 0 <= slot < order_book.WIDTH and order_book.is_known(book, other, slot):
        px = order_book.price_of_slot(book, venue.grid, slot)
        if (s == 0 and px > limit_px) or (s == 1 and px < limit_px):
            break
        part = min(left, order_book.net_qty(book, other, slot))
        if part > 0:
            _book_fill(venue, cloid, side, px, part, events.BIT_TAKER, now_ns)
            left -= part
        slot += side
    if left == qty:
        _refuse(venue, cloid, side, events.REJECT_IOC_NO_MATCH, now_ns)
    elif left > 0:
        code = events.CANCELLED_IOC_REMAINDER
        _answer(venue, now_ns, events.ORDER_CANCELLED, side, limit_px, left, cloid, code, ZERO)
    _shed_reduce_only(venue, now_ns)


@compiled
def _cancel(venue, k, code, now_ns):
    order = venue.orders.slot[k]
    cloid, side, px, left = np.int64(order.cloid), np.int64(order.side), np.int64(order.px), np.int64(order.qty_left)
    resting.remove(venue.orders, k)
    _answer(venue, now_ns, events.ORDER_CANCELLED, side, px, left, cloid, code, ZERO)


@compiled
def _refuse(venue, cloid, side, reason, now_ns):
    venue.n_rejected[reason] += 1
    _answer(venue, now_ns, events.ORDER_REJECTED, side, ZERO, ZERO, cloid, reason, ZERO)


# ---------------------------------------------------------------- the market


@compiled
def on_market(venue, event):
    """One row of the market's tape, at its exchange time."""
    kind = np.int64(event.kind)
    if kind > events.MARKET_KIND_LAST:
        return
    now_ns = np.int64(event.exch_ns)
    if now_ns // HOUR_NS != venue.hour:
        _turn_hour(venue, now_ns)
    if kind == events.TRADE:
        order_book.begin_block(venue.book, now_ns)
        if venue.orders.n[0] + venue.orders.n[1] > 0:
            _on_trade(venue, np.int64(event.side), np.int64(event.px), np.int64(event.qty), now_ns)
    elif kind == events.CONTEXT:
        venue.oracle_px = event.px
        venue.mark_px = event.qty
        venue.funding_rate = event.aux
    else:
        order_book.begin_block(venue.book, now_ns)
        order_book.update(venue.book, venue.grid, event)
        is_complete = not venue.book.in_snapshot and not np.int64(event.bits) & events.BIT_MORE
        if is_complete and venue.orders.n[0] + venue.orders.n[1] > 0:
            _on_book(venue, now_ns)


@compiled
def _on_trade(venue, side, px, qty, now_ns):
    """A public trade: orders that it went through fill whole, those at its price as far as it passes their place."""
    s = np.int64(1) if side > 0 else ZERO
    orders = venue.orders
    used = ZERO  # of this trade's volume, by our older orders at this price
    at = ZERO
    while at < orders.n[s]:
        k = np.int64(orders.live[s, at])
        order = orders.slot[k]
        beyond = (order.px - px) * order.side  # > 0: better than the trade's price
        if beyond < 0:
            return
        if beyond > 0:
            if not order.queue_known:
                venue.n_fills_beyond_book += 1
            _fill(venue, k, np.int64(order.qty_left), BY_TAPE, now_ns)
            continue  # the list has moved up
        if order.queue_known:
            order.traded += qty
            order.queue_ahead -= np.float64(qty)
            part = _executable(venue, order) - used
            if order.queue_ahead < 0.0:
                order.queue_ahead = 0.0
            if part > 0:
                if not venue.params.partial_fills:
                    part = np.int64(order.qty_left)
                part = min(part, np.int64(order.qty_left))
                used += part
                is_done = part == order.qty_left
                _fill(venue, k, part, BY_MODEL, now_ns)
                if is_done:
                    continue
        at += 1


@inline
def _executable(venue, order):
    """Volume past our place in the queue after a trade."""
    return executable(order.queue_ahead, venue.params.partial_fills)


@compiled
def _on_book(venue, now_ns):
    """The book has changed: follow our queues; an opposite touch at or beyond our price has met us."""
    book, orders = venue.book, venue.orders
    for s in range(2):
        if book.change == order_book.UNCHANGED:
            break
        if book.change == order_book.ONE_LEVEL and book.change_side != s:
            continue
        for at in range(orders.n[s]):
            _follow_queue(venue, orders.slot[orders.live[s, at]], np.int64(s))
    for s in range(2):
        while orders.n[s] > 0:
            k = np.int64(orders.live[s, 0])
            order = orders.slot[k]
            if not rules.crosses(book, np.int64(order.side), np.int64(order.px)):
                break
            _fill(venue, k, np.int64(order.qty_left), BY_TAPE, now_ns)


@inline
def _follow_queue(venue, order, s):
    book = venue.book
    slot = order_book.slot_of(book, np.int64(order.index))
    if slot < 0 or (book.change == order_book.ONE_LEVEL and slot != book.change_slot):
        return
    if not order.queue_known:
        _join_queue(book, order, s)
        return
    shown = order_book.net_qty(book, s, slot)
    if shown != order.shown or order.traded != 0:
        order.queue_ahead = advance_front(
            venue.params.queue_kind,
            venue.params.queue_n,
            order.queue_ahead,
            np.float64(order.shown),
            np.float64(shown),
            np.float64(order.traded),
        )
        order.shown = shown
        order.traded = 0


@inline
def _join_queue(book, order, s):
    """Behind everything that the level shows; unknown while the level lies beyond the visible book."""
    slot = order_book.slot_of(book, np.int64(order.index))
    if slot >= 0 and order_book.is_known(book, s, slot):
        order.queue_known = 1
        order.shown = order_book.net_qty(book, s, slot)
        order.queue_ahead = np.float64(order.shown)
        order.traded = 0


# ---------------------------------------------------------------- fills and money


@compiled
def _fill(venue, k, qty, bits, now_ns):
    """A resting order of ours trades at its own price."""
    order = venue.orders.slot[k]
    cloid, side, px = np.int64(order.cloid), np.int64(order.side), np.int64(order.px)
    if qty >= order.qty_left:
        resting.remove(venue.orders, k)
    else:
        resting.take_off(venue.orders, k, qty)
    _book_fill(venue, cloid, side, px, qty, bits, now_ns)
    _shed_reduce_only(venue, now_ns)


@compiled
def _book_fill(venue, cloid, side, px, qty, bits, now_ns):
    """Account, fee and answers of one fill."""
    account = venue.account
    rate = venue.params.taker_fee if bits & events.BIT_TAKER else venue.params.maker_fee
    fee = accounts.fee_of(px * qty, np.int64(rate))
    before = np.int64(account.position)
    accounts.apply_fill(account, side, px, qty, fee)
    venue.trade_id += 1
    venue.n_fills += 1
    if bits & events.BIT_MODEL_FILL:
        venue.n_fills_by_model += 1
    _answer(venue, now_ns, events.FILL, side, px, qty, cloid, ZERO, bits)
    _answer(venue, now_ns, events.FILL_DETAIL, side, fee, before, np.int64(venue.trade_id), ZERO, bits)
    _tell_account(venue, now_ns)


@compiled
def _tell_account(venue, now_ns):
    """Position and account value by the venue's word; what is not needed as margin may be withdrawn."""
    account = venue.account
    mid2 = np.int64(venue.book.mid2)
    equity = accounts.equity(account, mid2) // 2
    margin = ZERO
    if venue.params.max_leverage > 0:
        margin = abs(np.int64(account.position)) * mid2 // (2 * np.int64(venue.params.max_leverage))
    _answer(venue, now_ns, events.POSITION, ZERO, ZERO, np.int64(account.position), ZERO, ZERO, ZERO)
    _answer(venue, now_ns, events.EQUITY, ZERO, equity, ZERO, max(equity - margin, ZERO), ZERO, ZERO)


@compiled
def _shed_reduce_only(venue, now_ns):
    """Cancel reduce-only orders, oldest first, until the position covers those that are left."""
    if venue.orders.n_reduce_only == 0:
        return
    for s in range(2):
        side = np.int64(1 - 2 * s)
        while resting.reduce_only_qty(venue.orders, np.int64(s)) > rules.reducible(venue.account, side):
            venue.n_reduce_only_cancelled += 1
            k = resting.oldest_reduce_only(venue.orders, np.int64(s))
            _cancel(venue, k, events.CANCELLED_REDUCE_ONLY, now_ns)


@compiled
def _turn_hour(venue, now_ns):
    """Funding is paid at the full hour on the position and oracle price of then; the account is told each hour."""
    is_first = venue.hour == 0
    venue.hour = now_ns // HOUR_NS
    if not is_first and venue.oracle_px > 0 and venue.account.position != 0:
        position, oracle_px = np.int64(venue.account.position), np.int64(venue.oracle_px)
        received = accounts.funding_of(position, oracle_px, np.int64(venue.funding_rate))
        accounts.apply_funding(venue.account, received)
        hour = np.int64(venue.hour)
        _answer(venue, now_ns, events.FUNDING_PAYMENT, ZERO, received, ZERO, hour, ZERO, ZERO)
    _tell_account(venue, now_ns)


# ---------------------------------------------------------------- answers


@inline
def _answer(venue, now_ns, kind, side, px, qty, aux, code, bits):
    recv_ns = now_ns + np.int64(venue.params.response_ns)
    if not transit.add_response(venue.responses, now_ns, recv_ns, kind, side, px, qty, aux, code, bits):
        venue.n_overflow += 1


@inline
def peek_response_ns(venue):
    """When the next answer reaches us; NEVER_NS if none is on its way."""
    return transit.first_response_ns(venue.responses)


@compiled
def pop_response(venue, event):
    """Move the next answer into an EVENT record; False if there is none."""
    return transit.take_response(venue.responses, event)
