"""The venue's record, and what each part of it may do to it: answer, cancel, refuse, book a fill, pay funding."""

import numpy as np

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import NS
from touchstone.core.events import EVENT
from touchstone.core.jit import apart, compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.exchange import accounts, resting, rules, transit

HOUR_NS = np.int64(3600 * NS)
NO_LIMIT = np.int64(1 << 60)
ZERO = np.int64(0)

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
        ("mid2", "i8"),  # of the book when it was last two-sided, 0 if it never was
        ("next_hour_ns", "i8"),  # next full hour of the tape, 0 before the first event
        ("trade_id", "i8"),  # of our last fill
        ("trade_number", "i8"),  # of the last public trade that found orders of ours
        ("has_met", "i8"),  # 1: no order of ours rests that the present touch would meet
        ("most_position", "i8", (2,)),  # long, short, that margin lets a resting order make; NO_LIMIT: nobody asks
        ("taken", EVENT),  # scratch: the level that an order of ours has just taken from
        # counters
        ("n_requests", "i8"),
        ("n_executed", "i8"),
        ("n_rejected", "i8", (16,)),  # by events.REJECT_*
        ("n_cancels_rejected", "i8"),
        ("n_fills", "i8"),
        ("n_fills_by_model", "i8"),
        ("n_fills_taken", "i8"),  # from a recorded book, which never knew of them
        ("n_fills_beyond_book", "i8"),  # their level was not in the visible book
        ("n_reduce_only_cancelled", "i8"),
        ("n_reduce_only_shrunk", "i8"),
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
    venue.mid2 = 0
    venue.next_hour_ns = 0
    venue.trade_id = 0
    venue.trade_number = 0
    venue.has_met = 0
    venue.most_position[:] = NO_LIMIT
    venue.n_requests = 0
    venue.n_executed = 0
    venue.n_rejected[:] = 0
    venue.n_cancels_rejected = 0
    venue.n_fills = 0
    venue.n_fills_by_model = 0
    venue.n_fills_taken = 0
    venue.n_fills_beyond_book = 0
    venue.n_reduce_only_cancelled = 0
    venue.n_reduce_only_shrunk = 0
    venue.n_self_trades = 0
    venue.n_overflow = 0


@inline
def answer(venue, now_ns, kind, side, px, qty, aux, code, bits):
    """Tell us of something that happened in the block at now_ns."""
    recv_ns = now_ns + np.int64(venue.params.response_ns)
    if not transit.add_response(venue.responses, now_ns, recv_ns, kind, side, px, qty, aux, code, bits):
        venue.n_overflow += 1


@compiled
def refuse(venue, cloid, side, reason, now_ns):
    """The order never came to be."""
    venue.n_rejected[reason] += 1
    answer(venue, now_ns, events.ORDER_REJECTED, side, ZERO, ZERO, cloid, reason, ZERO)


@compiled
def cancel(venue, k, code, now_ns):
    """Slot k rests no more; what it was shrunk by counts as left, for we were never told."""
    order = venue.orders.slot[k]
    cloid, side, px = np.int64(order.cloid), np.int64(order.side), np.int64(order.px)
    left = np.int64(order.qty_left + order.shrunk)
    resting.remove(venue.orders, k)
    answer(venue, now_ns, events.ORDER_CANCELLED, side, px, left, cloid, code, ZERO)


@compiled
def book_fill(venue, cloid, side, px, qty, bits, now_ns):
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
    if bits & events.BIT_TAKER:
        venue.n_fills_taken += 1
    answer(venue, now_ns, events.FILL, side, px, qty, cloid, ZERO, bits)
    answer(venue, now_ns, events.FILL_DETAIL, side, fee, before, np.int64(venue.trade_id), ZERO, bits)
    tell_account(venue, now_ns)


@compiled
def tell_account(venue, now_ns):
    """Position and account value by the venue's word, at mid; what is not needed as margin may be withdrawn."""
    account = venue.account
    mid2 = np.int64(venue.mid2)
    equity = accounts.equity(account, mid2) // 2
    margin = ZERO
    if venue.params.max_leverage > 0:
        margin = abs(np.int64(account.position)) * mid2 // (2 * np.int64(venue.params.max_leverage))
    answer(venue, now_ns, events.POSITION, ZERO, ZERO, np.int64(account.position), ZERO, ZERO, ZERO)
    answer(venue, now_ns, events.EQUITY, ZERO, equity, ZERO, max(equity - margin, ZERO), ZERO, ZERO)


@compiled
def fit_reduce_only(venue, now_ns):
    """After the position changed: of several reduce-only orders that exceed it the oldest go, a single one shrinks."""
    orders = venue.orders
    if orders.n_reduce_only == 0:
        return
    for s in range(2):
        side = np.int64(1 - 2 * s)
        while True:
            covered = rules.reducible(venue.account, side)
            excess = resting.reduce_only_qty(orders, np.int64(s)) - covered
            if excess <= 0:
                break
            k = resting.oldest_reduce_only(orders, np.int64(s))
            order = orders.slot[k]
            if excess < order.qty_left and order.qty_left - excess == covered:  # it is the only one
                resting.take_off(orders, k, excess)
                order.shrunk += excess
                venue.n_reduce_only_shrunk += 1
            else:
                venue.n_reduce_only_cancelled += 1
                cancel(venue, k, events.CANCELLED_REDUCE_ONLY, now_ns)


@apart
def turn_hour(venue, now_ns):
    """Funding for every full hour up to now, at the rate and oracle price last told; the account is told once."""
    this_hour = now_ns // HOUR_NS
    due = np.int64(venue.next_hour_ns) // HOUR_NS if venue.next_hour_ns > 0 else this_hour + 1
    venue.next_hour_ns = (this_hour + 1) * HOUR_NS
    position, oracle_px = np.int64(venue.account.position), np.int64(venue.oracle_px)
    if oracle_px > 0 and position != 0:
        received = accounts.funding_of(position, oracle_px, np.int64(venue.funding_rate))
        for hour in range(due, this_hour + 1):
            accounts.apply_funding(venue.account, received)
            answer(venue, now_ns, events.FUNDING_PAYMENT, ZERO, received, ZERO, np.int64(hour), ZERO, ZERO)
    tell_account(venue, now_ns)
