"""Phase 1: take in the event. Public market data and the clock here, the exchange's word about us in account.py."""

import numpy as np

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.calibration import ledger as predictions
from touchstone.core.calibration import outcomes, shadow
from touchstone.core.conventions import BPS, NS, depth_bucket
from touchstone.core.jit import compiled, inline
from touchstone.core.market import book, flow, funding, intensity, microprice, midpath, placebo, volatility
from touchstone.core.models import adverse, edge, fair, toxicity
from touchstone.core.phases.climate import (
    is_new_second,
    observe_climate,
    observe_funding,
    observe_second,
    observe_threat,
)
from touchstone.core.phases.reference import observe_lag
from touchstone.core.phases.triggers import NO_TRIGGER, TRIGGER_CLOCK, TRIGGER_TOUCH
from touchstone.core.quoting import ladder
from touchstone.core.quoting.params import TERM_EDGE
from touchstone.core.trading import pnl, reconcile, risk

ZERO, ONE = np.int64(0), np.int64(1)
NO_ASK = np.int64(1 << 60)  # beyond every price
NO_FILL, ONE_FILL = np.int64(0), np.int64(1)
NOT_SEEN = -1.0
REFUSED_FOR_NS = np.int64(NS)  # what a refusal told of the touch is believed for so long
UNKNOWN_MONEY = np.float64("nan")
NOT_ESTIMATED = np.float64("nan")


@inline
def observe_market(state, event, kind):
    """Public market data: book, flow, intensity, and every order that we follow through the tape."""
    now_ns = np.int64(state.now_ns)
    exch_ns = np.int64(event.exch_ns)
    the_book = state.book
    tracker = state.ledger.tracker
    if kind == events.CONTEXT:
        funding.update(state.funding, now_ns, np.int64(event.px), np.int64(event.qty), np.int64(event.aux))
        return NO_TRIGGER
    shadow.activate_due(tracker, the_book, exch_ns)
    book.begin_block(the_book, exch_ns)
    if kind == events.TRADE:
        if state.params.has_models:
            _observe_trade(state, event, now_ns, exch_ns)
        midpath.update(state.path, exch_ns, np.int64(the_book.mid2))
        return NO_TRIGGER
    state.book_recv_ns = now_ns
    book.update(the_book, state.grid, event)
    if the_book.in_snapshot or np.int64(event.bits) & events.BIT_MORE:
        return NO_TRIGGER  # the message goes on: the book is between two states
    risk.on_market(state.risk, now_ns, exch_ns)
    if state.params.has_models:
        shadow.on_book(tracker, the_book, state.params.queue_kind, state.params.queue_n, now_ns, exch_ns)
        if tracker.n_through > 0:
            outcomes.follow_through(state.ledger, state.models, state.path)
    if not the_book.is_new:
        midpath.pass_time(state.path, exch_ns)
        return NO_TRIGGER
    the_book.is_new = 0
    return _follow_touch(state, now_ns, exch_ns)


@inline
def _follow_touch(state, now_ns, exch_ns):
    """Price or size of the touch may have changed with the last whole message."""
    the_book = state.book
    if state.params.has_models:
        _observe_touch(state, now_ns)
    midpath.update(state.path, exch_ns, np.int64(the_book.mid2))
    if the_book.best_px[0] == state.touch_px[0] and the_book.best_px[1] == state.touch_px[1]:
        return NO_TRIGGER
    state.touch_px[0] = the_book.best_px[0]
    state.touch_px[1] = the_book.best_px[1]
    state.refused_px[0] = 0
    state.refused_px[1] = 0
    state.is_dirty = 1
    judge_risk(state)
    return TRIGGER_TOUCH


@compiled
def _observe_trade(state, event, now_ns, exch_ns):
    side = np.int64(event.side)
    px = np.int64(event.px)
    qty = np.int64(event.qty)
    flow.on_trade(state.flow, now_ns, exch_ns, side, qty)
    mid2_before = np.int64(state.book.mid2_before_block) if is_fresh(state) else ZERO
    intensity.on_trade(state.intensity, exch_ns, side, px, qty, mid2_before)
    state.is_dirty = 1
    if not price_grid.is_valid_price(state.grid, px):
        state.n_off_grid_trades += 1
        return
    index = price_grid.index_of(state.grid, px)
    shadow.on_trade(
        state.ledger.tracker, state.book, state.params.venue_is_simulated, side, index, qty, now_ns, exch_ns
    )
    if state.ledger.tracker.n_through > 0:
        outcomes.follow_through(state.ledger, state.models, state.path)


@inline
def _observe_touch(state, now_ns):
    """Signals of the touch, when it changed."""
    the_book = state.book
    if not book.is_valid(the_book):
        if state.flow.bid_px != 0:
            lose_sight(state, now_ns)
        return
    bid_qty = book.net_qty(the_book, ZERO, np.int64(the_book.best[0]))
    ask_qty = book.net_qty(the_book, ONE, np.int64(the_book.best[1]))
    same_px = the_book.best_px[0] == state.flow.bid_px and the_book.best_px[1] == state.flow.ask_px
    if same_px and bid_qty == state.flow.bid_qty and ask_qty == state.flow.ask_qty:
        return
    bid_px, ask_px = np.int64(the_book.best_px[0]), np.int64(the_book.best_px[1])
    mid2 = np.int64(the_book.mid2)
    flow.on_touch(state.flow, now_ns, bid_px, bid_qty, ask_px, ask_qty)
    volatility.update(state.volatility, now_ns, mid2)
    tick = price_grid.tick_at(state.grid, ask_px)
    if state.params.follows_fair:
        imbalance = book.imbalance(the_book)
        spread_ticks = price_grid.whole_ticks(state.grid, ask_px - bid_px)
        microprice.update(state.microprice, now_ns, imbalance, spread_ticks, price_grid.whole_ticks(state.grid, mid2))
    if not same_px:
        half_spread_bps = np.float64(ask_px - bid_px) / np.float64(mid2) * BPS
        tick_bps = 2.0 * np.float64(tick) / np.float64(mid2) * BPS
        intensity.on_touch(state.intensity, now_ns, half_spread_bps, tick_bps)


@compiled
def lose_sight(state, now_ns):
    """There is no book to go by (one-sided, crossed, stale, feed down): no estimator continues across it."""
    state.book.is_new = 1  # the next message is a new start
    flow.on_touch(state.flow, now_ns, ZERO, ZERO, ZERO, ZERO)
    volatility.update(state.volatility, now_ns, ZERO)
    microprice.update(state.microprice, now_ns, 0.0, ZERO, ZERO)
    intensity.on_touch(state.intensity, now_ns, NOT_SEEN, 0.0)


@compiled
def observe_clock(state):
    """A timer tick: estimators that run on a clock, our time in the book, risk."""
    now_ns = np.int64(state.now_ns)
    sees = is_fresh(state) and book.is_valid(state.book)
    is_second = False
    if state.params.has_models:
        _estimate_on_clock(state, now_ns, sees)
        is_second = is_new_second(state)
        if is_second:
            observe_second(state, sees)
    _measure_quotes(state, now_ns)
    judge_risk(state)
    if sees and state.params.has_models:
        observe_params(state)
        if is_second:
            toxicity.learn_scales(state.models.toxicity)
    return TRIGGER_CLOCK


@inline
def _estimate_on_clock(state, now_ns, sees):
    if not sees and state.flow.bid_px != 0:
        lose_sight(state, now_ns)
    elif sees and state.flow.bid_px == 0:
        _observe_touch(state, now_ns)
    flow.on_clock(state.flow, now_ns)
    volatility.update(state.volatility, now_ns, np.int64(state.book.mid2) if sees else ZERO)
    intensity.on_clock(state.intensity, now_ns)


@inline
def is_fresh(state):
    """Whether the book is recent enough to act on."""
    return state.book_recv_ns > 0 and state.now_ns - state.book_recv_ns <= state.params.stale_ns


@inline
def can_see(state):
    """Whether there is a book to act on: two-sided, not crossed, fresh."""
    return is_fresh(state) and book.is_valid(state.book)


@compiled
def judge_risk(state):
    """Show every breaker the present state of affairs."""
    inputs = state.risk_inputs
    inputs.position = state.profit.position
    inputs.bid_px = state.book.best_px[0]
    inputs.ask_px = state.book.best_px[1]
    inputs.open_notional = state.orders.open_notional[0] + state.orders.open_notional[1]
    mid2 = np.int64(state.book.mid2)
    inputs.session_pnl = pnl.total2(state.profit, mid2) // 2
    inputs.sigma = volatility.sigma(state.volatility) if state.params.has_models else NOT_ESTIMATED
    inputs.free_margin = UNKNOWN_MONEY
    inputs.liquidation_bps = UNKNOWN_MONEY
    held = np.float64(abs(state.profit.position)) * np.float64(mid2) * 0.5
    if state.equity_micro > 0 and held > 0.0:
        inputs.liquidation_bps = (np.float64(state.equity_micro) / held - state.params.maintenance_share) * BPS
    risk.update(state.risk, np.int64(state.now_ns), inputs)


@compiled
def observe_params(state):
    """One MarketParams of all estimates and signals at this time, once an event. Needs a book (`can_see`)."""
    if state.params_event == state.n_events:
        return
    state.params_event = state.n_events
    market = state.market_params
    the_book = state.book
    market.t_ns = state.now_ns
    market.mid2 = the_book.mid2
    market.best_px[0] = the_book.best_px[0]
    market.best_px[1] = the_book.best_px[1]
    if state.refused_ns > 0 and state.now_ns - state.refused_ns <= REFUSED_FOR_NS:
        _heed_refusals(state, market)
    market.data_age_ns = state.now_ns - state.book_recv_ns
    px = max(np.int64(the_book.mid2) // 2, ONE)
    least = price_grid.smallest_order_qty(state.grid, px)
    size = np.int64(state.params.order_size)
    state.order_qty = max(size if size > 0 else state.params.order_notional // px, least)
    state.max_position_qty = state.params.max_position_notional // px
    market.inventory_lots = np.float64(state.profit.position) / np.float64(state.order_qty)
    market.position_share = np.float64(state.profit.position) / np.float64(max(np.int64(state.max_position_qty), ONE))
    if state.params.has_models:
        _observe_estimates(state, market, the_book)
    else:
        observe_funding(state, market)
        market.is_warm = 1  # there is nothing to wait for


@compiled
def _heed_refusals(state, market):
    """The touch as a refusal of a post-only order told it, where that is nearer than our book has it.

    Where the market has gone through our book's own touch, that touch is no more.
    """
    ask, bid = np.int64(state.refused_px[0]), np.int64(state.refused_px[1])
    if ask > 0:
        market.best_px[1] = min(np.int64(market.best_px[1]), ask)
        if market.best_px[0] >= ask:
            market.best_px[0] = price_grid.price_of(state.grid, price_grid.index_of(state.grid, ask) - ONE)
    if bid > 0:
        market.best_px[0] = max(np.int64(market.best_px[0]), bid)
        if market.best_px[1] <= bid:
            market.best_px[1] = price_grid.price_of(state.grid, price_grid.index_of(state.grid, bid) + ONE)


@inline
def _observe_estimates(state, market, the_book):
    market.sigma = volatility.sigma(state.volatility)
    market.sigma_slow = volatility.sigma_slow(state.volatility)
    observe_funding(state, market)
    market.a = intensity.a(state.intensity)
    market.k = intensity.k(state.intensity)
    market.imbalance = placebo.shown(state.placebo, placebo.IMBALANCE, book.imbalance(the_book))
    market.flow_z = placebo.shown(state.placebo, placebo.FLOW, flow.signed_flow(state.flow, flow.FAST))
    market.mean_trade_qty = flow.mean_order_qty(state.flow)
    if state.params.follows_fair:
        _observe_fair(state, market, the_book)
    else:
        market.displacement_bps = NOT_ESTIMATED
    market.trade_age_ns = state.now_ns - state.flow.run_ns if state.flow.run_ns > 0 else -1
    observe_lag(state, market)
    observe_climate(state, market)
    market.is_warm = 1 if volatility.is_warm(state.volatility) and intensity.is_warm(state.intensity) else 0
    observe_threat(state)
    for s in range(2):
        market.toxicity_x[s] = adverse.toxicity_feature(market.toxicity_p[s], market.toxicity_base)


@compiled
def observe_costs(state):
    """What fills are expected to cost, once an event: only ladders ask for it. Needs `observe_params`."""
    if state.costs_event == state.n_events:
        return
    state.costs_event = state.n_events
    market = state.market_params
    bucket = depth_bucket(reconcile.usual_half_spread(state))
    for s in range(2):
        x = np.float64(market.toxicity_x[s])
        loss, _, _ = adverse.predict(state.models.adverse, ladder.MARKOUT_10S, bucket, np.int64(s), market.sigma, x)
        market.adverse_bps[s] = loss - market.lag_announced_bps if state.params.has_adverse else 0.0
        if state.params.follows_edge:
            _observe_edge(state, market, np.int64(s))
        else:
            market.edge_bps[s] = NOT_ESTIMATED


@inline
def _observe_fair(state, market, the_book):
    """Microprice and what it says of the mid."""
    tick = price_grid.tick_at(state.grid, np.int64(the_book.best_px[1]))
    tick_bps = 2.0 * np.float64(tick) / np.float64(the_book.mid2) * BPS
    spread_ticks = price_grid.whole_ticks(state.grid, np.int64(the_book.best_px[1] - the_book.best_px[0]))
    market.displacement_bps = microprice.displacement_bps(state.microprice, market.imbalance, spread_ticks, tick_bps)
    move, _ = fair.predict(state.models.fair, ZERO, market.displacement_bps)
    market.fair_move_bps = move if state.params.has_fair else 0.0


@inline
def _observe_edge(state, market, s):
    """What fills earn in the context of a side as it stands, its edge term apart."""
    half = state.ladder.half_spread_bps[s] - state.ladder.term_bps[s, TERM_EDGE]
    bucket = depth_bucket(max(half, np.float64(state.params.min_half_spread_bps)))
    c = predictions.edge_context(market, bucket, s)
    market.edge_bps[s], _, _, _ = edge.of_context(state.models.edge, c)
    market.edge_widen_bps[s] = edge.widen_bps(state.models.edge, c) if state.params.has_edge else 0.0


@inline
def _measure_quotes(state, now_ns):
    """Integrate up to now: position, time with an order resting and at the touch, its depth, exposure of each order."""
    elapsed_ns = now_ns - np.int64(state.clock_ns)
    started = state.clock_ns > 0
    state.clock_ns = now_ns
    if not started or elapsed_ns <= 0:
        return
    seconds = np.float64(elapsed_ns) / NS
    held = np.float64(abs(state.profit.position)) * np.float64(state.profit.mid2_last) * 0.5
    state.inventory_time += held * seconds
    state.largest_inventory = max(np.float64(state.largest_inventory), held)
    mid2 = np.int64(state.book.mid2)
    to_bps = BPS / np.float64(mid2) if mid2 > 0 else 0.0
    best_bid, best_ask = ZERO, NO_ASK
    for n in range(state.orders.n_live):
        order = state.orders.slot[state.orders.live[n]]
        if not order.was_acknowledged:
            continue
        # By factors: a branch on the side would be a coin toss for the processor.
        px, is_ask = np.int64(order.px), np.int64(order.s)
        best_bid = max(best_bid, px * (1 - is_ask))
        best_ask = min(best_ask, px + NO_ASK * (1 - is_ask))
        if order.node >= 0 and mid2 > 0 and state.ledger.tracker.node[order.node].own_fill_ns == 0:
            depth = book.distance2(mid2, np.int64(order.s), np.int64(order.px)) * to_bps
            intensity.on_exposure(state.intensity, depth, seconds, NO_FILL)
    for s in range(2):
        best = best_bid if s == 0 else best_ask
        if best == 0 or best == NO_ASK:
            state.not_quoting_ns[s, state.ladder.no_quote[s]] += elapsed_ns
            continue
        state.quoting_ns[s] += elapsed_ns
        if mid2 > 0:
            state.depth_time[s] += book.depth_bps(state.book, np.int64(s), best) * seconds
        touch = np.int64(state.book.best_px[s])
        if touch > 0 and ((s == 0 and best >= touch) or (s == 1 and best <= touch)):
            state.touch_ns[s] += elapsed_ns
    if best_bid > 0 and best_ask < NO_ASK:
        state.two_sided_ns += elapsed_ns
