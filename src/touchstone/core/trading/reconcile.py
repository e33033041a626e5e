"""From the ladder that rests to the ladder that we want, where a move is worth its price.

A resting order has a place in the queue and a replacement costs a request, so an order stays where it is unless the
expected value of the wanted level exceeds its own by more than the price of the request. An order whose level is gone
is moved to a level that lacks one (one request instead of two) or cancelled.
"""

import math

import numpy as np

from touchstone.core import actions, records
from touchstone.core.calibration import ledger as predictions
from touchstone.core.calibration import scorecard
from touchstone.core.conventions import BPS, depth_bucket
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.core.market import leadlag
from touchstone.core.params import RULE_TICKS
from touchstone.core.quoting import gate
from touchstone.core.quoting import ladder as quoting
from touchstone.core.quoting.params import MAX_LEVELS, TERM_INVENTORY
from touchstone.core.targets import TOXIC_TARGET
from touchstone.core.trading import orders as order_table
from touchstone.core.trading import quota, risk

NO_BETS = np.int64(0)
LIFE = quoting.HORIZON_60S  # an order that is not moved now rests for about a minute
ONE = np.int64(1)
TAKEN_PX = np.int64(1 << 56)  # farther than every price from every other
NONE_LEFT = np.int64(1 << 61)  # less than the distance of what is taken in units of 1 / MAX_LIVE

RECONCILE = record(
    [
        ("order_of_level", "i8", (2, MAX_LEVELS)),  # scratch: slot of the order that serves the level, -1 none
        ("is_matched", "i1", (order_table.CAPACITY,)),  # scratch
        ("candidate", "i8", (order_table.MAX_LIVE,)),  # scratch: slots of the orders that may serve a level
        ("candidate_px", "i8", (order_table.MAX_LIVE,)),  # TAKEN_PX: it serves one
        ("n_idle", "i8", (2,)),  # scratch: resting orders that serve no level
        ("n_lacking", "i8", (2,)),  # scratch: wanted levels without an order
        ("n_kept", "i8"),
        ("n_kept_for_price", "i8"),  # moves that were not worth their request
        ("n_rate_limited", "i8"),
        ("n_no_room", "i8"),  # orders left out because all resting orders together would exceed the position limit
        ("n_price_taken", "i8"),  # orders left out because one of our other side, on its way out, stands at their price
        ("n_not_tracked", "i8"),  # orders left out because their predictions had no room
    ]
)


@inline
def _fits(order, wanted_qty, least):
    """Whether the size that is left can serve a level that wants `wanted_qty`."""
    return order.left >= least and 2 * order.left <= 3 * wanted_qty


@compiled
def _is_worth_moving(state, s, i, j):
    """Whether level j is worth more than order i where it stands, by more than a request costs."""
    market = state.market_params
    ladder = state.ladder
    order = state.orders.slot[i]
    depth = order_book.depth_bps(state.book, s, np.int64(order.px))
    ahead = ladder.queue_ahead[s, j]
    if order.node >= 0:
        ahead = max(np.float64(state.ledger.tracker.node[order.node].queue_ahead), 0.0)
    here, edge_here, _ = quoting.value_at(ladder, state.models, state.params, market, s, depth, ahead, LIFE)
    depth, ahead = ladder.depth_bps[s, j], ladder.queue_ahead[s, j]
    there, edge_there, _ = quoting.value_at(ladder, state.models, state.params, market, s, depth, ahead, LIFE)
    inventory = ladder.term_bps[s, TERM_INVENTORY]
    gain_bps = there * (edge_there - inventory) - here * (edge_here - inventory)
    gain_micro = gain_bps / BPS * np.float64(order.left) * np.float64(order.px)
    return gain_micro > quota.price(state.quota, np.int64(market.t_ns))


@inline
def _must_move(state, s, i, j):
    """Whether order i has to go to level j: worth its request, or nearer to a threat than the level is."""
    is_nearer = (state.orders.slot[i].px - state.ladder.px[s, j]) * (1 - 2 * s) > 0
    return (state.ladder.is_threatened[s] == 1 and is_nearer) or _is_worth_moving(state, s, i, j)


@compiled
def match(state, s, least):
    """Give each wanted level the resting order that serves it, nearest first; the rest stays unmatched."""
    work = state.reconcile
    ladder = state.ladder
    n_candidates = _candidates(state, s)
    for j in range(state.params.levels):
        work.order_of_level[s, j] = -1
        if ladder.qty[s, j] == 0:
            continue
        work.n_lacking[s] += 1
        px = np.int64(ladder.px[s, j])
        best = NONE_LEFT  # distance and place in one number: the nearest is found without a branch
        for n in range(n_candidates):
            best = min(best, abs(work.candidate_px[n] - px) * order_table.MAX_LIVE + n)
        if best >= NONE_LEFT:
            continue
        place, nearest_distance = best % order_table.MAX_LIVE, best // order_table.MAX_LIVE
        nearest = np.int64(work.candidate[place])
        order = state.orders.slot[nearest]
        keep = order.state == order_table.SENT or nearest_distance == 0
        if not keep:
            distance_bps = 2.0 * np.float64(nearest_distance) / np.float64(state.market_params.mid2) * BPS
            if distance_bps <= state.params.keep_tolerance_bps:
                keep = True
            elif state.params.rule != RULE_TICKS and not _must_move(state, s, nearest, np.int64(j)):
                keep = True
                work.n_kept_for_price += 1
        if keep and (order.state == order_table.SENT or _fits(order, ladder.qty[s, j], least)):
            work.order_of_level[s, j] = nearest
            work.is_matched[nearest] = 1
            work.candidate_px[place] = TAKEN_PX
            work.n_kept += 1
            work.n_lacking[s] -= 1
            if order.state == order_table.RESTING:
                work.n_idle[s] -= 1


@inline
def _candidates(state, s):
    """List the orders of a side that may serve a level, none of them matched; returns how many."""
    work = state.reconcile
    work.n_idle[s] = 0
    work.n_lacking[s] = 0
    count = np.int64(0)
    for n in range(state.orders.n_live):
        i = np.int64(state.orders.live[n])
        order = state.orders.slot[i]
        if order.s != s:
            continue
        work.is_matched[i] = 0
        if order.state == order_table.RESTING:
            work.n_idle[s] += 1
        is_there = order.state == order_table.SENT or order.state == order_table.RESTING
        if is_there and order.is_reduce == state.ladder.is_reduce[s]:
            work.candidate[count] = i
            work.candidate_px[count] = order.px
            count += 1
    return count


@compiled
def _place(state, out, s, j, replaces, reason):
    """Send an order for level j (replaces: cloid of the order that it amends, 0 = none); predictions frozen first.

    Returns NO_QUOTE reason (QUOTING if sent)."""
    market = state.market_params
    ladder = state.ladder
    orders = state.orders
    now_ns = np.int64(market.t_ns)
    qty = np.int64(ladder.qty[s, j])
    px = np.int64(ladder.px[s, j])
    observe_toxicity(state)
    if not order_table.has_room(orders):
        orders.n_table_full += 1
        return quoting.NO_LEDGER_FULL
    if not risk.may_send(state.risk, now_ns, ONE):
        state.reconcile.n_rate_limited += 1
        return quoting.NO_ORDER_RATE
    kind = records.KIND_AMEND if replaces > 0 else records.KIND_PLACE
    cloid = order_table.next_cloid(orders)
    node = order_table.NONE
    if state.params.has_models:
        node = predictions.freeze(
            state.ledger,
            state.models,
            state.params,
            market,
            out,
            kind,
            cloid,
            np.int64(state.quote_id),
            s,
            px,
            np.int64(ladder.index[s, j]),
            qty,
            ladder.depth_bps[s, j],
            ladder.queue_ahead[s, j],
            NO_BETS,
        )
        if node < 0:
            state.reconcile.n_not_tracked += 1
            return quoting.NO_LEDGER_FULL
    i = order_table.add(orders, s, px, qty, now_ns, np.int64(ladder.is_reduce[s]), replaces)
    order = orders.slot[i]
    order.node = node
    order.quote_id = state.quote_id
    if node >= 0:
        state.ledger.tracker.node[node].forecast.gate_group = gate.TRIED if state.gate.is_tried[s] else gate.KEPT
        state.ledger.tracker.node[node].forecast.crowd = gate.crowd_of(state.gate, state.params, market, j)
    if node >= 0:
        stamp(order, state.ledger.tracker.node[node], now_ns)
        if leadlag.is_known(market):
            order.lag_prediction_id = state.ledger.lag.newest_id  # of the second that the order was decided in
    else:
        stamp_nothing(order)
    snapshot(order.at_decision, state, now_ns, ladder.depth_bps[s, j], ladder.queue_ahead[s, j])
    bits = actions.BIT_ALO | actions.BIT_REDUCE_ONLY if ladder.is_reduce[s] else actions.BIT_ALO
    quota.spend(state.quota, now_ns, ONE)
    if replaces > 0:
        orders.n_amended += 1
        order_table.send(out, actions.AMEND, now_ns, np.int64(order.cloid), replaces, s, px, qty, reason, bits)
    else:
        orders.n_placed += 1
        zero = np.int64(0)
        order_table.send(out, actions.PLACE, now_ns, np.int64(order.cloid), zero, s, px, qty, reason, bits)
    return quoting.QUOTING


@inline
def stamp(order, tracked, now_ns):
    """Copy the ids and headline values of a node's predictions onto its order."""
    order.fill_prediction_id = tracked.prediction_id
    order.as_prediction_id = tracked.prediction_id + 1
    order.prediction_ns = now_ns
    order.predicted_fill_prob = tracked.p[quoting.HORIZON_10S]
    order.predicted_as_bps = tracked.forecast.loc_bps[quoting.MARKOUT_10S]
    order.edge_prediction_id = tracked.prediction_id + 2 if tracked.forecast.has_edge else 0
    order.predicted_edge_bps = tracked.forecast.edge_loc


@inline
def stamp_nothing(order):
    """The order carries no prediction."""
    order.fill_prediction_id = 0
    order.as_prediction_id = 0
    order.prediction_ns = 0
    order.predicted_fill_prob = math.nan
    order.predicted_as_bps = math.nan
    order.edge_prediction_id = 0
    order.predicted_edge_bps = math.nan


@inline
def usual_half_spread(state):
    """Depth in bps for which adverse selection and P(toxic) stand in MarketParams."""
    return max(np.float64(state.ladder.half_spread_bps[0]), np.float64(state.params.min_half_spread_bps))


@compiled
def observe_toxicity(state):
    """P(toxic) of both sides into MarketParams; only records ask for it, so only before one is written."""
    if not state.params.has_models:
        return
    market, models = state.market_params, state.models
    half = usual_half_spread(state)
    n = np.int64(models.adverse.n_outcomes[quoting.MARKOUT_10S] + models.capture.n_outcomes)
    if n == state.toxic_n and half == state.toxic_half_bps and market.sigma == state.toxic_sigma:
        return
    state.toxic_n, state.toxic_half_bps, state.toxic_sigma = n, half, market.sigma
    bucket = depth_bucket(half)
    for s in range(2):
        p = predictions.p_toxic(models, state.params, bucket, np.int64(s), half, market.sigma)
        market.p_toxic[s] = scorecard.forecast(models.cards[TOXIC_TARGET], p)


@inline
def snapshot(row, state, t_ns, depth_bps, queue_ahead):
    """Every signal as it is now (FillSignalSnapshot)."""
    market = state.market_params
    row.t_ns = t_ns
    row.mid2 = state.book.mid2
    row.displacement_bps = market.displacement_bps
    row.sigma = market.sigma
    row.imbalance = market.imbalance
    row.flow_z = market.flow_z
    row.lag_gap_bps = market.lag_gap_bps
    row.lag_move_bps = market.lag_move_bps
    row.depth_bps = depth_bps
    row.queue_ahead = queue_ahead
    row.p_toxic[0] = market.p_toxic[0]
    row.p_toxic[1] = market.p_toxic[1]
    row.ofi = market.ofi
    row.regime = market.regime
    row.p_change = market.p_change
    row.oracle_gap_bps = market.oracle_gap_bps
    row.toxicity_p[0] = market.toxicity_p[0]
    row.toxicity_p[1] = market.toxicity_p[1]


@inline
def _room(state, s, px):
    """How much more may be ordered on a side: position in its limit if all fill, each side in half of theirs."""
    held = np.int64(state.profit.position) if s == 0 else -np.int64(state.profit.position)
    by_position = state.max_position_qty - held - np.int64(state.orders.open_qty[s])
    left = (np.int64(state.risk.limits.open_notional) - 1) // 2 - np.int64(state.orders.open_notional[s])
    if by_position * px <= left and px > 0:  # the notional allows it, which needs no division
        return by_position
    return min(by_position, left // max(px, ONE))


@compiled
def clear(state, out, s, reason):
    """Cancel the resting orders of a side that serve no level; where orders move by an amend, `serve` does that."""
    work = state.reconcile
    if work.n_idle[s] == 0:
        return
    orders = state.orders
    now_ns = np.int64(state.market_params.t_ns)
    for n in range(orders.n_live):
        i = np.int64(orders.live[n])
        order = orders.slot[i]
        if order.s == s and order.state == order_table.RESTING and not work.is_matched[i]:
            quota.spend(state.quota, now_ns, ONE)
            order_table.cancel(orders, out, i, now_ns, reason)
    work.n_idle[s] = 0


@inline
def _would_meet_itself(orders, s, px):
    """Whether an order of ours on the other side, perhaps on its way out, still stands at this price."""
    for n in range(orders.n_live):
        order = orders.slot[orders.live[n]]
        if order.px == px and order.s != s:
            return True
    return False


@compiled
def serve(state, out, s, least, reason):
    """Move, cancel and place until a side has its wanted levels. Returns the NO_QUOTE reason of the last refusal."""
    work = state.reconcile
    ladder = state.ladder
    orders = state.orders
    now_ns = np.int64(state.market_params.t_ns)
    refused = quoting.QUOTING
    if work.n_idle[s] == 0 and work.n_lacking[s] == 0:
        return refused
    level = np.int64(0)
    n = np.int64(0) if work.n_idle[s] > 0 else np.int64(orders.n_live)
    # Unmatched resting orders go to levels that lack one; those left over are cancelled.
    while n < orders.n_live:
        i = np.int64(orders.live[n])
        n += 1
        order = orders.slot[i]
        if order.s != s or order.state != order_table.RESTING or work.is_matched[i]:
            continue
        work.is_matched[i] = 1
        while level < state.params.levels and (ladder.qty[s, level] == 0 or work.order_of_level[s, level] >= 0):
            level += 1
        can_amend = level < state.params.levels and order.is_reduce == ladder.is_reduce[s]
        if can_amend:
            more = np.int64(ladder.qty[s, level] - order.left)
            can_amend = more <= _room(state, s, np.int64(ladder.px[s, level]))
        if can_amend:
            answer = _place(state, out, s, level, np.int64(order.cloid), actions.REASON_REPRICE)
            if answer == quoting.QUOTING:
                order.state = order_table.AMEND_SENT
                order.changed_ns = now_ns
                level += 1
                continue
            refused = answer
        quota.spend(state.quota, now_ns, ONE)
        order_table.cancel(orders, out, i, now_ns, reason)
    while level < state.params.levels:
        if ladder.qty[s, level] > 0 and work.order_of_level[s, level] < 0:
            if _would_meet_itself(orders, s, np.int64(ladder.px[s, level])):
                work.n_price_taken += 1
                level += 1
                continue
            room = _room(state, s, np.int64(ladder.px[s, level]))
            if ladder.is_reduce[s]:
                held = abs(np.int64(state.profit.position))
                room = min(room, held - np.int64(orders.open_qty[s]))
            if room < ladder.qty[s, level]:
                if room < least:
                    work.n_no_room += 1
                    level += 1
                    continue
                ladder.qty[s, level] = room
            answer = _place(state, out, s, level, np.int64(0), actions.REASON_QUOTE)
            if answer != quoting.QUOTING:
                refused = answer
        level += 1
    return refused


@compiled
def withdraw(state, out, s, reason):
    """Cancel every order of a side."""
    orders = state.orders
    now_ns = np.int64(state.now_ns)
    for n in range(orders.n_live):
        i = np.int64(orders.live[n])
        order = orders.slot[i]
        if order.s == s and order_table.may_cancel(order, now_ns):
            quota.spend(state.quota, now_ns, ONE)
            order_table.cancel(orders, out, i, now_ns, reason)
