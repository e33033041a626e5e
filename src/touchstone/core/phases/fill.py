"""Phase 5: a fill. Match it by cloid before anything changes, remember every signal, then position, PnL, markouts."""

import math

import numpy as np

from touchstone.core import events, records, targets
from touchstone.core.calibration import outcomes, shadow
from touchstone.core.conventions import BPS, side_index
from touchstone.core.jit import compiled, inline
from touchstone.core.market import book, intensity, midpath
from touchstone.core.phases.account import node_of
from touchstone.core.phases.observe import ONE_FILL, judge_risk
from touchstone.core.phases.triggers import NO_TRIGGER, TRIGGER_FILL
from touchstone.core.trading import fills, orders, pnl, quota, reconcile, risk

ZERO = np.int64(0)
AT_FILL_S = 0.0


@compiled
def take_fill(state, detail, out):
    """A FILL_DETAIL completes the FILL before it: the fill counts once, whatever is repeated or comes late."""
    came = state.pending_fill
    if came.kind != events.FILL or came.recv_ns != detail.recv_ns:
        state.seen.n_unmatched += 1
        records.alert(out, np.int64(state.now_ns), records.ALERT_UNMATCHED, np.float64(events.FILL_DETAIL), ZERO)
        return NO_TRIGGER
    came.kind = 0
    trade_id = np.int64(detail.aux)
    if not fills.is_new(state.seen, trade_id):
        return NO_TRIGGER
    now_ns = np.int64(state.now_ns)
    cloid = np.int64(came.aux)
    side = np.int64(came.side)
    px, qty, fee = np.int64(came.px), np.int64(came.qty), np.int64(detail.px)
    block_ns = np.int64(came.exch_ns)
    i = orders.find(state.orders, cloid)
    n = np.int64(-1)
    if i >= 0:
        n = node_of(state, state.orders.slot[i])
        if not orders.is_live(state.orders.slot[i]):
            state.seen.n_late += 1
    elif cloid != events.NOT_OF_CORE:
        state.seen.n_unmatched += 1
        records.alert(out, now_ns, records.ALERT_UNMATCHED, np.float64(events.FILL), cloid)
    mid2_seen = midpath.before_block(state.path, block_ns)
    if state.path.last_event_ns < block_ns - state.params.stale_ns:
        mid2_seen = ZERO
    row = _new_row(state, out)
    row.trade_id = trade_id
    row.cloid = cloid
    row.exch_ns = block_ns
    row.recv_ns = came.recv_ns
    row.side = side
    row.px = px
    row.qty = qty
    row.fee_micro = fee
    row.bits = came.bits
    row.mid2_before = mid2_seen
    reconcile.observe_toxicity(state)
    _remember_signals(state, row, i, n, side, px, mid2_seen)
    mid2 = pnl.on_fill(state.profit, side, px, qty, fee, mid2_seen)
    fill_id = np.int64(state.profit.n_fills)
    row.fill_id = fill_id
    row.position_after = state.profit.position
    row.spread_capture = side * qty * (mid2 - 2 * px)
    row.pnl_total = pnl.total2(state.profit, np.int64(state.book.mid2))
    by_model = (np.int64(came.bits) & events.BIT_MODEL_FILL) != 0
    decided = targets.DECIDED_MODEL if by_model else targets.DECIDED_TAPE
    has_mid = np.int64(1) if mid2_seen > 0 else ZERO
    outcomes.hand_over(
        state.ledger, state.models, n, fill_id, decided, block_ns, side_index(side), px, qty, mid2, has_mid
    )
    if n >= 0:
        _note_own_fill(state, n, by_model, px)
    if i >= 0:
        _take_off_order(state, i, n, qty)
    notional = px * qty
    risk.on_fill(state.risk, now_ns, side, notional)
    quota.on_volume(state.quota, now_ns, notional)
    _check_fee(state, out, np.int64(came.bits), notional, fee, cloid)
    if not pnl.is_exact(state.profit, np.int64(state.book.mid2), state.attribution):
        records.alert(out, now_ns, records.ALERT_PNL, np.float64(state.attribution.total), cloid)
        risk.kill(state.risk, now_ns, risk.INTERNAL_ERROR)
    judge_risk(state)
    state.is_dirty = 1
    return TRIGGER_FILL


@inline
def _new_row(state, out):
    """The next fill record; with a full buffer trading stops."""
    if out.n_fills >= records.N_FILLS:
        out.overflow = 1
        return out.fills[records.N_FILLS - 1]
    out.n_fills += 1
    return out.fills[out.n_fills - 1]


@compiled
def _remember_signals(state, row, i, n, side, px, mid2):
    """FillSignalSnapshot: every signal as of the decision and as of the fill, with the predictions by id and value."""
    s = side_index(side)
    depth_bps = book.depth_from(mid2, s, px) if mid2 > 0 else math.nan
    ahead = math.nan
    if n >= 0:
        ahead = np.float64(state.ledger.tracker.node[n].queue_ahead)
    reconcile.snapshot(row.at_fill, state, np.int64(state.now_ns), depth_bps, ahead)
    row.fill_prediction_id = 0
    row.as_prediction_id = 0
    row.edge_prediction_id = 0
    row.lag_prediction_id = 0
    row.prediction_ns = 0
    row.predicted_fill_prob = math.nan
    row.predicted_as_bps = math.nan
    row.predicted_edge_bps = math.nan
    reconcile.snapshot(row.at_decision, state, ZERO, math.nan, math.nan)
    if i < 0:
        return
    order = state.orders.slot[i]
    row.fill_prediction_id = order.fill_prediction_id
    row.as_prediction_id = order.as_prediction_id
    row.edge_prediction_id = order.edge_prediction_id
    row.lag_prediction_id = order.lag_prediction_id
    row.prediction_ns = order.prediction_ns
    row.predicted_fill_prob = order.predicted_fill_prob
    row.predicted_as_bps = order.predicted_as_bps
    row.predicted_edge_bps = order.predicted_edge_bps
    row.at_decision = order.at_decision


@inline
def _note_own_fill(state, n, by_model, px):
    """The first fill makes the prediction of node n true. The intensity learns from what the tape decides."""
    node = state.ledger.tracker.node[n]
    if node.own_fill_ns > 0:
        return
    node.own_fill_ns = state.now_ns
    node.own_fill_by_model = 1 if by_model else 0
    if not by_model and state.book.mid2 > 0:
        depth = book.depth_bps(state.book, np.int64(node.s), px)
        intensity.on_exposure(state.intensity, depth, AT_FILL_S, ONE_FILL)


@inline
def _take_off_order(state, i, n, qty):
    """The filled size rests no more; an order without rest is done, and so is following it through the book."""
    order = state.orders.slot[i]
    if not orders.is_live(order):
        return
    taken = min(qty, np.int64(order.left))
    if state.params.feed_includes_own and order.was_acknowledged:
        book.add_own(state.book, state.grid, np.int64(order.s), np.int64(order.px), -taken)
    orders.take_off(state.orders, i, taken)
    if order.left == 0:
        if n >= 0:
            state.ledger.tracker.node[n].is_live = 0
            shadow.unlink(state.ledger.tracker, state.book, n)
        orders.finish(state.orders, i, np.int64(state.now_ns))


@compiled
def _check_fee(state, out, bits, notional, fee, cloid):
    """The fee of every fill against the schedule; venues round to whole micro-units."""
    rate_bps = state.params.taker_fee_bps if bits & events.BIT_TAKER else state.params.maker_fee_bps
    expected = np.float64(notional) * rate_bps / BPS
    if abs(np.float64(fee) - expected) > 1.0 + 1e-9 * np.float64(notional):
        state.n_fee_mismatches += 1
        records.alert(out, np.int64(state.now_ns), records.ALERT_FEE, np.float64(fee) - expected, cloid)
