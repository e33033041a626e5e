"""Phase 1, the exchange's word about us: acknowledgements, cancels, rejections, account, health; and the operator's."""

import numpy as np

from touchstone.core import events, records, targets
from touchstone.core.calibration import outcomes, shadow
from touchstone.core.jit import compiled, inline
from touchstone.core.market import book, leadlag
from touchstone.core.phases.observe import judge_risk, lose_sight
from touchstone.core.phases.triggers import NO_TRIGGER, TRIGGER_OPERATOR, TRIGGER_ORDER
from touchstone.core.trading import orders, pnl, quota, refusals, risk

ZERO = np.int64(0)


@compiled
def observe_account(state, event, kind, out):
    """Everything that is neither market data, clock nor fill."""
    now_ns = np.int64(state.now_ns)
    if kind == events.POSITION:
        if event.qty != state.profit.position:
            difference = np.float64(event.qty - state.profit.position)
            records.alert(out, now_ns, records.ALERT_POSITION, difference, ZERO)
        return NO_TRIGGER
    if kind == events.QUOTA:
        quota.update(state.quota, np.int64(event.qty), np.int64(event.aux))
        return NO_TRIGGER
    if kind == events.FUNDING_PAYMENT:
        pnl.on_funding(state.profit, np.int64(event.px))
        return NO_TRIGGER
    if kind == events.REQUESTS:
        quota.spend(state.quota, now_ns, np.int64(event.qty))
        return NO_TRIGGER
    if kind == events.FEES:
        state.params.maker_fee_bps = np.float64(event.px) / events.FEE_UNITS_PER_BPS
        state.params.taker_fee_bps = np.float64(event.qty) / events.FEE_UNITS_PER_BPS
        state.is_dirty = 1
        return NO_TRIGGER
    if events.ORDER_RESTING <= kind <= events.CANCEL_REJECTED:
        return _observe_order(state, event, kind, out)
    risk.on_event(state.risk, event)
    if kind == events.EQUITY:
        state.equity_micro = event.px
    elif kind == events.FEED_DOWN and event.code == events.FEED_MARKET:
        state.book_recv_ns = 0  # nothing that we know is recent any more
        lose_sight(state, now_ns)
    if (kind == events.FEED_DOWN or kind == events.FEED_UP) and event.code == events.FEED_REFERENCE:
        leadlag.on_feed(state.leadlag, kind == events.FEED_DOWN)
    judge_risk(state)
    return NO_TRIGGER if kind == events.EQUITY else TRIGGER_OPERATOR


@compiled
def _observe_order(state, event, kind, out):
    now_ns = np.int64(state.now_ns)
    i = orders.find(state.orders, np.int64(event.aux))
    if i < 0:
        state.seen.n_unmatched += 1
        records.alert(out, now_ns, records.ALERT_UNMATCHED, np.float64(kind), np.int64(event.aux))
        return NO_TRIGGER
    order = state.orders.slot[i]
    state.is_dirty = 1
    if kind == events.ORDER_RESTING:
        _on_resting(state, order, np.int64(event.px), np.int64(event.exch_ns))
    elif kind == events.ORDER_REJECTED:
        if event.px > 0 and event.code == events.REJECT_BAD_ALO_PX:  # the touch is there, and our book is behind
            _note_touch(state, np.int64(order.s), np.int64(event.px), now_ns)
        _on_rejected(state, i, np.int64(event.code), now_ns)
    elif kind == events.ORDER_CANCELLED:
        on_gone(state, i, now_ns)
    elif order.state == orders.CANCEL_SENT and not order.was_acknowledged:
        order.state = orders.SENT  # the cancel overtook its order, or that is lost
        order.n_overtaken += 1
        order.changed_ns = now_ns
    elif event.code != 0 and (order.state == orders.CANCEL_SENT or order.state == orders.AMEND_SENT):
        order.state = orders.RESTING  # the request was not carried out at all: it may be sent again
    return TRIGGER_ORDER


@inline
def _note_touch(state, s, px, now_ns):
    """A post-only order of side s would have met `px`; what the other side was refused for is older."""
    state.refused_px[s] = px
    state.refused_ns = now_ns
    if state.refused_px[1 - s] > 0 and state.refused_px[1] >= state.refused_px[0]:
        state.refused_px[1 - s] = 0


@inline
def node_of(state, order):
    """The tracked order that carries this order's predictions, -1 if that is over (its place was reused)."""
    if order.node >= 0 and state.ledger.tracker.node[order.node].prediction_id == order.fill_prediction_id:
        return np.int64(order.node)
    return np.int64(-1)


@inline
def _on_resting(state, order, px, exch_ns):
    """Acknowledged, once; a repeated acknowledgement or one after the end changes nothing."""
    if order.was_acknowledged or not orders.is_live(order):
        return
    order.was_acknowledged = 1
    refusals.on_accepted(state.refusals, np.int64(order.s))
    if order.state == orders.SENT:
        order.state = orders.RESTING
    order.changed_ns = state.now_ns
    if state.params.feed_includes_own:
        book.add_own(state.book, state.grid, np.int64(order.s), px, np.int64(order.left))
    i = node_of(state, order)
    if i >= 0:
        state.ledger.tracker.node[i].is_live = 1
        shadow.wait(state.ledger.tracker, i, exch_ns)


@compiled
def _on_rejected(state, i, code, now_ns):
    """The venue refused an order, or it never got there: its predictions are void."""
    order = state.orders.slot[i]
    if not orders.is_live(order):
        return
    state.orders.n_rejected += 1
    # The venue's stream says of an amend whose order is gone only that it was rejected.
    target = orders.find(state.orders, np.int64(order.amends))
    is_gone = target >= 0 and not orders.is_live(state.orders.slot[target])
    if not is_gone and not refusals.is_explained(code):
        refusals.on_refused(state.refusals, np.int64(order.s), now_ns)
    n = node_of(state, order)
    if n >= 0:
        never_came = code == events.REJECT_NOT_SENT
        outcomes.void(state.ledger, n, targets.VOID_LOST if never_came else targets.VOID_REJECTED)
        state.ledger.tracker.node[n].is_live = 0
    orders.finish(state.orders, i, now_ns)


@compiled
def on_gone(state, i, now_ns):
    """An order rests no more: its shadow keeps its place in the queue."""
    order = state.orders.slot[i]
    if not orders.is_live(order):
        return
    if state.params.feed_includes_own and order.was_acknowledged:
        book.add_own(state.book, state.grid, np.int64(order.s), np.int64(order.px), -np.int64(order.left))
    n = node_of(state, order)
    if n >= 0:
        if not order.was_acknowledged:
            shadow.wait(state.ledger.tracker, n, np.int64(state.ledger.tracker.node[n].active_ns))
        outcomes.on_order_gone(state.ledger, state.models, state.path, n)
    orders.finish(state.orders, i, now_ns)
