"""step(): the whole market maker. One event in; orders and records out. No clock, no I/O, no allocation.

The life of a quote has six phases, and the functions below follow them:

    1 observe   take in the event            4 place     orders, predictions frozen on them
    2 decide    whether to quote now         5 fill      match by cloid, snapshot, position, PnL
    3 form      the ladder that we want      6 resolve   outcomes, scores, evidence

Chance is a counter hash of the journalled seed; time is what the event says.
"""

import math

import numpy as np

from touchstone.core import actions, events, records, targets
from touchstone.core import grid as price_grid
from touchstone.core.calibration import ledger, scorecard, shadow
from touchstone.core.conventions import BPS, N_MARKOUT, NS, depth_bucket, side_index
from touchstone.core.jit import compiled, inline
from touchstone.core.market import book, flow, intensity, microprice, midpath, volatility
from touchstone.core.models import adverse, fair
from touchstone.core.numerics import hash_unit
from touchstone.core.params import RULE_GLFT
from touchstone.core.quoting import glft, ladder
from touchstone.core.trading import fills, orders, pnl, quota, reconcile, risk

# What asks for a decision.
TRIGGER_NAMES = ("none", "clock", "touch", "fill", "order", "operator")
NO_TRIGGER, TRIGGER_CLOCK, TRIGGER_TOUCH, TRIGGER_FILL, TRIGGER_ORDER, TRIGGER_OPERATOR = (
    np.int64(i) for i in range(len(TRIGGER_NAMES))
)

AGAINST_SHARE = 0.25  # a mid that moved by this share of the half-spread asks for a decision at once
RESOLVE_CHANGE = 0.02  # relative change of an input that solves the GLFT tables again
NO_DRIFT, NO_IMPACT = np.float64(0.0), np.float64(0.0)
ONE, ZERO = np.int64(1), np.int64(0)
SALT_TIME, SALT_LEVEL, SALT_SIDE = np.int64(1), np.int64(2), np.int64(3)


@compiled
def step(machine):
    """Take in machine.event; machine.out receives what follows from it. `machine`: MACHINE array of length 1."""
    advance(machine[0].state, machine[0].event, machine[0].out)


@compiled
def advance(state, event, out):
    """As `step`, for callers that hold the records."""
    if state.is_halted or out.overflow:
        return
    _tell_time(state, event, out)
    kind = np.int64(event.kind)
    trigger = NO_TRIGGER
    if kind <= events.MARKET_KIND_LAST:
        trigger = observe_market(state, event, kind)  # phase 1
    elif kind == events.TIMER:
        resolve(state, out)  # phase 6
        trigger = observe_clock(state, out)
    elif kind == events.FILL:
        state.pending_fill = event
    elif kind == events.FILL_DETAIL:
        trigger = take_fill(state, event, out)  # phase 5
    else:
        trigger = observe_own(state, event, kind, out)
    if decide(state, trigger, out):  # phase 2
        form(state)  # phase 3
        place(state, trigger, out)  # phase 4
    if out.overflow:
        state.is_halted = 1


@inline
def _tell_time(state, event, out):
    state.n_events += 1
    if event.recv_ns < state.now_ns:
        state.n_time_back += 1
        if state.n_time_back == 1:
            records.alert(out, np.int64(state.now_ns), records.ALERT_TIME, 0.0, ZERO)
    else:
        state.now_ns = event.recv_ns


# ---------------------------------------------------------------- 1 observe


@inline
def observe_market(state, event, kind):
    """Public market data: book, flow, intensity, and every order that we follow through the tape."""
    now_ns = np.int64(state.now_ns)
    exch_ns = np.int64(event.exch_ns)
    the_book = state.book
    state.market_recv_ns = now_ns
    book.begin_block(the_book, exch_ns)
    if kind == events.TRADE:
        _observe_trade(state, event, now_ns, exch_ns)
        midpath.update(state.path, exch_ns, np.int64(the_book.mid2))
        return NO_TRIGGER
    if kind == events.CONTEXT:
        state.oracle_px = event.px
        state.mark_px = event.qty
        state.funding_per_hour = np.float64(event.aux) * 1e-12
        return NO_TRIGGER
    bid_px, ask_px = np.int64(the_book.best_px[0]), np.int64(the_book.best_px[1])
    book.update(the_book, state.grid, event)
    if the_book.in_snapshot or event.bits & events.BIT_MORE:
        return NO_TRIGGER  # the message goes on: the book is between two states
    shadow.on_book(
        state.ledger.tracker, the_book, state.params.queue_kind, state.params.queue_n, now_ns, exch_ns
    )
    if state.ledger.tracker.n_through > 0:
        ledger.follow_through(state.ledger, state.path)
    midpath.update(state.path, exch_ns, np.int64(the_book.mid2))
    _observe_touch(state, now_ns)
    if the_book.best_px[0] == bid_px and the_book.best_px[1] == ask_px and kind == events.BOOK_LEVEL:
        return NO_TRIGGER
    state.is_dirty = 1
    return TRIGGER_TOUCH


@compiled
def _observe_trade(state, event, now_ns, exch_ns):
    side = np.int64(event.side)
    px = np.int64(event.px)
    qty = np.int64(event.qty)
    flow.on_trade(state.flow, now_ns, exch_ns, side, qty)
    intensity.on_trade(state.intensity, exch_ns, side, px, qty, np.int64(state.book.mid2_before_block))
    state.is_dirty = 1
    if not price_grid.is_valid_price(state.grid, px):
        state.n_off_grid_trades += 1
        return
    index = price_grid.index_of(state.grid, px)
    shadow.on_trade(
        state.ledger.tracker,
        state.book,
        state.params.venue_is_simulated,
        side,
        index,
        qty,
        now_ns,
        exch_ns,
    )
    if state.ledger.tracker.n_through > 0:
        ledger.follow_through(state.ledger, state.path)


@inline
def _observe_touch(state, now_ns):
    """Signals of the touch; the components ignore what did not change."""
    the_book = state.book
    bid_qty, ask_qty = ZERO, ZERO
    if the_book.best[0] >= 0:
        bid_qty = book.net_qty(the_book, ZERO, np.int64(the_book.best[0]))
    if the_book.best[1] >= 0:
        ask_qty = book.net_qty(the_book, ONE, np.int64(the_book.best[1]))
    same_px = the_book.best_px[0] == state.flow.bid_px and the_book.best_px[1] == state.flow.ask_px
    if same_px and bid_qty == state.flow.bid_qty and ask_qty == state.flow.ask_qty:
        return
    flow.on_touch(
        state.flow, now_ns, np.int64(the_book.best_px[0]), bid_qty, np.int64(the_book.best_px[1]), ask_qty
    )
    volatility.update(state.volatility, now_ns, np.int64(the_book.mid2))
    if the_book.mid2 > 0:
        tick = price_grid.tick_at(state.grid, np.int64(the_book.best_px[1]))
        microprice.update(
            state.microprice,
            now_ns,
            book.imbalance(the_book),
            np.int64(the_book.best_px[1] - the_book.best_px[0]) // tick,
            np.int64(the_book.mid2) // tick,
        )


@compiled
def observe_clock(state, out):
    """A timer tick: estimators that run on a clock, risk, the evaluation sample, the calibration line."""
    now_ns = np.int64(state.now_ns)
    mid2 = np.int64(state.book.mid2)
    flow.on_clock(state.flow, now_ns)
    volatility.update(state.volatility, now_ns, mid2)
    intensity.on_clock(state.intensity, now_ns)
    _measure_quotes(state, now_ns)
    if is_fresh(state) and book.is_valid(state.book):
        observe_params(state)
        if now_ns >= state.ledger.next_fair_ns:
            state.ledger.next_fair_ns = (now_ns // NS + 1) * NS
            ledger.freeze_fair(state.ledger, state.models, state.market_params, out)
    return TRIGGER_CLOCK


@inline
def is_fresh(state):
    """Whether the market data are recent enough to act on."""
    return state.market_recv_ns > 0 and state.now_ns - state.market_recv_ns <= state.params.stale_ns


@compiled
def observe_params(state):
    """One MarketParams of all estimates and signals at this time."""
    market = state.market_params
    the_book = state.book
    market.t_ns = state.now_ns
    market.mid2 = the_book.mid2
    market.best_px[0] = the_book.best_px[0]
    market.best_px[1] = the_book.best_px[1]
    market.data_age_ns = state.now_ns - state.market_recv_ns
    market.sigma = volatility.sigma(state.volatility)
    market.sigma_slow = volatility.sigma_slow(state.volatility)
    market.a = intensity.a(state.intensity)
    market.k = intensity.k(state.intensity)
    market.imbalance = book.imbalance(the_book)
    market.flow_z = flow.signed_flow(state.flow, flow.FAST)
    market.mean_trade_qty = flow.mean_order_qty(state.flow)
    tick = price_grid.tick_at(state.grid, np.int64(the_book.best_px[1]))
    tick_bps = 2.0 * np.float64(tick) / np.float64(the_book.mid2) * BPS
    spread_ticks = np.int64(the_book.best_px[1] - the_book.best_px[0]) // tick
    market.displacement_bps = microprice.displacement_bps(state.microprice, market.imbalance, spread_ticks, tick_bps)
    move, _ = fair.predict(state.models.fair, ZERO, market.displacement_bps)
    market.fair_move_bps = move
    market.is_warm = 1 if volatility.is_warm(state.volatility) and intensity.is_warm(state.intensity) else 0
    _set_sizes(state)
    market.inventory_lots = np.float64(state.profit.position) / np.float64(state.order_qty)
    half = max(np.float64(state.ladder.half_spread_bps[0]), np.float64(state.params.min_half_spread_bps))
    bucket = depth_bucket(half)
    for s in range(2):
        loss, _, _ = adverse.predict(state.models.adverse, ladder.MARKOUT_10S, bucket, np.int64(s), market.sigma)
        market.adverse_bps[s] = loss
        market.p_toxic[s] = adverse.p_toxic(
            state.models.adverse, bucket, np.int64(s), market.sigma, half - state.params.maker_fee_bps
        )


@inline
def _set_sizes(state):
    """Order size and position limit in size units at the present mid."""
    px = max(np.int64(state.book.mid2) // 2, ONE)
    state.order_qty = max(state.params.order_notional // px, price_grid.smallest_order_qty(state.grid, px))
    state.max_position_qty = state.params.max_position_notional // px


@inline
def _measure_quotes(state, now_ns):
    """Integrate the time with an order resting, at the touch, and its depth, up to now."""
    seconds_ns = now_ns - np.int64(state.clock_ns)
    if state.clock_ns > 0 and seconds_ns > 0 and state.book.mid2 > 0:
        for s in range(2):
            best = ZERO
            for n in range(state.orders.n_live):
                order = state.orders.slot[state.orders.live[n]]
                if order.s == s and order.was_acknowledged:
                    if best == 0 or (s == 0 and order.px > best) or (s == 1 and order.px < best):
                        best = np.int64(order.px)
            if best > 0:
                state.quoting_ns[s] += seconds_ns
                state.depth_time[s] += book.depth_bps(state.book, np.int64(s), best) * np.float64(seconds_ns) / NS
                touch = np.int64(state.book.best_px[s])
                if (s == 0 and best >= touch) or (s == 1 and best <= touch):
                    state.touch_ns[s] += seconds_ns
    state.clock_ns = now_ns


@compiled
def observe_own(state, event, kind, out):
    """Acknowledgements, cancels, rejections, account snapshots, health, operator."""
    now_ns = np.int64(state.now_ns)
    if kind == events.POSITION:
        if event.qty != state.profit.position:
            difference = np.float64(event.qty - state.profit.position)
            records.alert(out, now_ns, records.ALERT_POSITION, difference, ZERO)
        return NO_TRIGGER
    if kind == events.EQUITY:
        state.equity_micro = event.px
        risk.on_equity(state.risk, np.int64(event.px), np.int64(event.aux))
        return TRIGGER_ORDER
    if kind == events.QUOTA:
        quota.update(state.quota, np.int64(event.qty), np.int64(event.aux))
        return NO_TRIGGER
    if kind == events.FUNDING_PAYMENT:
        pnl.on_funding(state.profit, np.int64(event.px))
        return NO_TRIGGER
    if kind == events.FEED_UP or kind == events.FEED_DOWN:
        if event.code == events.FEED_MARKET and kind == events.FEED_DOWN:
            state.market_recv_ns = 0  # nothing that we know is recent any more
        return TRIGGER_OPERATOR
    if kind == events.OPERATOR:
        risk.on_command(state.risk, now_ns, np.int64(event.code))
        return TRIGGER_OPERATOR
    if kind < events.ORDER_RESTING or kind > events.CANCEL_REJECTED:
        return NO_TRIGGER
    i = orders.find(state.orders, np.int64(event.aux))
    if i < 0:
        state.seen.n_unmatched += 1
        records.alert(out, now_ns, records.ALERT_UNMATCHED, np.float64(kind), np.int64(event.aux))
        return NO_TRIGGER
    order = state.orders.slot[i]
    state.is_dirty = 1
    if kind == events.ORDER_RESTING:
        _on_resting(state, order, np.int64(event.px), now_ns)
    elif kind == events.ORDER_REJECTED:
        _on_rejected(state, i, now_ns)
    elif kind == events.ORDER_CANCELLED:
        _on_cancelled(state, i, now_ns)
    elif kind == events.CANCEL_REJECTED:
        if order.state == orders.CANCEL_SENT and not order.was_acknowledged:
            order.state = orders.SENT  # the cancel overtook its order
    return TRIGGER_ORDER


@inline
def _on_resting(state, order, px, now_ns):
    order.was_acknowledged = 1
    if order.state == orders.SENT:
        order.state = orders.RESTING
    order.changed_ns = now_ns
    if state.params.feed_includes_own:
        book.add_own(state.book, state.grid, np.int64(order.s), px, np.int64(order.left))
    if order.node >= 0:
        node = state.ledger.tracker.node[order.node]
        node.is_live = 1
        if not node.is_active and node.void == 0:
            shadow.activate(state.ledger.tracker, state.book, np.int64(order.node), now_ns)


@compiled
def _on_rejected(state, i, now_ns):
    """The venue refused an order: its predictions are void; the order that an amend should have replaced is gone too."""
    order = state.orders.slot[i]
    if not orders.is_live(order):
        return
    state.orders.n_rejected += 1
    if order.node >= 0:
        ledger.void(state.ledger, np.int64(order.node), targets.VOID_REJECTED)
        state.ledger.tracker.node[order.node].is_live = 0
    orders.finish(state.orders, i, now_ns)


@compiled
def _on_cancelled(state, i, now_ns):
    order = state.orders.slot[i]
    if not orders.is_live(order):
        return
    if state.params.feed_includes_own and order.was_acknowledged:
        book.add_own(state.book, state.grid, np.int64(order.s), np.int64(order.px), -np.int64(order.left))
    if order.node >= 0:
        ledger.on_order_gone(state.ledger, state.path, np.int64(order.node))
    orders.finish(state.orders, i, now_ns)


# ---------------------------------------------------------------- 2 decide


@inline
def decide(state, trigger, out):
    """Whether this event calls for a look at our quotes. The clock always does when something changed."""
    if trigger == NO_TRIGGER:
        return False
    now_ns = np.int64(state.now_ns)
    if trigger == TRIGGER_TOUCH:
        return _moved_against(state)
    if trigger == TRIGGER_CLOCK:
        if now_ns - state.decided_ns < state.params.requote_ns:
            return False
        return state.is_dirty or not is_fresh(state) or state.risk.state != risk.NORMAL
    return trigger == TRIGGER_FILL or trigger == TRIGGER_OPERATOR or now_ns - state.decided_ns >= state.params.requote_ns


@inline
def _moved_against(state):
    """The mid has moved by a good part of the half-spread since the last decision: somebody's resting quote is wrong."""
    if state.orders.n_live == 0 or state.decided_mid2 <= 0 or state.book.mid2 <= 0:
        return False
    moved_bps = abs(np.float64(state.book.mid2 - state.decided_mid2)) / np.float64(state.decided_mid2) * BPS
    half = min(np.float64(state.ladder.half_spread_bps[0]), np.float64(state.ladder.half_spread_bps[1]))
    return moved_bps > AGAINST_SHARE * half


# ---------------------------------------------------------------- 3 form


@compiled
def form(state):
    """The ladder that we would like, whatever the risk state: what we may not send lives on as evaluation sample."""
    if not (is_fresh(state) and book.is_valid(state.book)):
        return
    observe_params(state)
    market = state.market_params
    _solve_tables(state)
    proven = state.models.cards[targets.FAIR_TARGET].kind  # placeholder replaced below
    ladder.form_terms(state.ladder, state.params, market, state.free, state.impacted, _influence(state))
    ladder.place_levels(state.ladder, state.params, market, state.book, state.grid)
    ladder.value_levels(state.ladder, state.models, state.params, market)


@inline
def _influence(state):
    """How far fair value may pull a quote closer: all the way once it has earned ADDS VALUE, else not at all."""
    return np.float64(state.fair_influence)


@inline
def _changed(new, old):
    return abs(new - old) > RESOLVE_CHANGE * abs(old)


@compiled
def _solve_tables(state):
    """Solve the two GLFT tables again when an input has moved by more than 2 %."""
    if state.params.rule != RULE_GLFT:
        return
    market = state.market_params
    impact = max(0.5 * (market.adverse_bps[0] + market.adverse_bps[1]), 0.0)
    q_max = min(max(np.int64(state.max_position_qty // state.order_qty), ONE), glft.MAX_Q)
    free = state.free
    if (
        free.is_solved
        and state.impacted.is_solved
        and free.q_max == q_max
        and not _changed(market.a, free.a)
        and not _changed(market.k, free.k)
        and not _changed(market.sigma, free.sigma)
        and abs(impact - state.impacted.impact) <= 0.05
    ):
        return
    glft.solve_for_skew(
        free, market.a, market.k, market.sigma, q_max, NO_IMPACT, NO_DRIFT, np.float64(state.params.skew_bps_at_limit)
    )
    market.gamma = free.gamma
    glft.solve(state.impacted, market.a, market.k, market.sigma, np.float64(free.gamma), q_max, impact, NO_DRIFT)
