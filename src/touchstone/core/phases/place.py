"""Phase 4: what of the wanted ladder may be sent, and the way there from the orders that rest."""

import numpy as np

from touchstone.core import actions, records
from touchstone.core import grid as price_grid
from touchstone.core.calibration import caution, shadow
from touchstone.core.calibration import ledger as predictions
from touchstone.core.jit import compiled, inline
from touchstone.core.market import flow, funding
from touchstone.core.models import crowded
from touchstone.core.params import RULE_TICKS
from touchstone.core.quoting import gate
from touchstone.core.quoting import ladder as quoting
from touchstone.core.quoting.params import MAX_LEVELS, N_TERMS
from touchstone.core.targets import N_TARGETS
from touchstone.core.trading import quota, reconcile, refusals, risk

REDUCE_SHARE = 0.1  # beyond this share of the limit the reducing side is never withdrawn
ZERO = np.int64(0)
YES, NO = np.int64(1), np.int64(0)


@compiled
def place(state, is_formed, trigger, out):
    """Bring the resting orders to the wanted ladder as far as risk, quota and the limits allow."""
    now_ns = np.int64(state.now_ns)
    state.market_params.t_ns = now_ns
    state.decided_ns = now_ns
    state.decided_mid2 = state.book.mid2
    state.decided_lag_bps = state.market_params.lag_move_bps
    state.decided_risk = state.risk.n_changes
    state.is_dirty = 0
    state.n_decisions += 1
    state.quote_id += 1
    before = np.int64(out.n_actions)
    if state.risk.state >= risk.PULLED:
        reason = quoting.NO_KILLED if state.risk.state == risk.KILLED else quoting.NO_PULLED
        _withdraw_all(state, out, reason, actions.REASON_RISK)
    elif is_formed:
        _serve_sides(state, out)
    elif not state.market_params.is_warm:
        _note(state, ZERO, quoting.NO_WARMING)
        _note(state, np.int64(1), quoting.NO_WARMING)
    # Else there is no book for a moment: orders stay until that becomes a breaker's matter.
    if _is_waiting(state, 0) or _is_waiting(state, 1):
        state.is_dirty = 1  # to be looked at again when the wait is over
    if out.n_actions > before:
        _write_quote(state, trigger, out)


@compiled
def _serve_sides(state, out):
    """Size both sides within what is allowed, check the invariants, then move orders."""
    position = np.int64(state.profit.position)
    forcing = quota.is_forcing(state.quota, np.int64(state.now_ns), position, np.int64(state.max_position_qty))
    is_reduce_only = state.risk.state == risk.REDUCE_ONLY or forcing
    if state.params.has_gate and state.params.has_models and state.params.rule != RULE_TICKS:
        calm = YES if state.risk.state == risk.NORMAL and not forcing else NO
        rate = flow.order_rate(state.flow)
        gate.judge(state.gate, state.ladder, state.models, state.params, state.market_params, rate, calm)
    # Reduce-only orders cannot cross zero, so the worst case of a side counts every order that rests on it.
    for s in range(2):
        state.ladder.is_reduce[s] = 0
        reason = _size(state, np.int64(s), position, is_reduce_only, forcing)
        if state.gate.is_closed[s]:
            reason = _heed_gate(state, out, np.int64(s), position, reason)
        else:
            if state.gate.node[s] >= 0:
                _drop_shadow(state, np.int64(s))
            if reason == quoting.QUOTING and not _is_kept(state, np.int64(s), position):
                reason = _leave_out_deep(state, np.int64(s))
        _note(state, np.int64(s), reason)
        if reason != quoting.QUOTING:
            for j in range(MAX_LEVELS):
                state.ladder.qty[s, j] = 0
    if not quoting.is_sound(state.ladder, state.params, state.market_params, state.grid):
        state.n_unsound += 1
        records.alert(out, np.int64(state.now_ns), records.ALERT_LADDER, 0.0, ZERO)
        _withdraw_all(state, out, quoting.NO_BOOK, actions.REASON_RISK)
        return
    for s in range(2):
        if state.ladder.no_quote[s] != quoting.QUOTING:
            if state.ladder.no_quote[s] >= quoting.NO_BID_GATE:
                reconcile.withdraw(state, out, np.int64(s), actions.REASON_GATE)
                continue
            by_risk = is_reduce_only and state.ladder.no_quote[s] != quoting.NO_NEGATIVE_VALUE
            reconcile.withdraw(state, out, np.int64(s), actions.REASON_RISK if by_risk else actions.REASON_UNWANTED)
            continue
        reconcile.match(state, np.int64(s), _least(state, s))
        if state.params.amends and not _is_waiting(state, s):
            _serve(state, out, np.int64(s))
        else:
            reconcile.clear(state, out, np.int64(s), actions.REASON_UNWANTED)
    if not state.params.amends:  # every cancel goes out before the first new order
        for s in range(2):
            if state.ladder.no_quote[s] == quoting.QUOTING and not _is_waiting(state, s):
                _serve(state, out, np.int64(s))


@inline
def _is_waiting(state, s):
    """Whether the exchange refused what this side sent last: for now nothing new is sent, what rests is kept."""
    return refusals.is_waiting(state.refusals, s, np.int64(state.now_ns))


@compiled
def _heed_gate(state, out, s, position, reason):
    """A closed side: its NO_QUOTE reason. What it would have quoted lives on as a shadow."""
    ladder = state.ladder
    if reason != quoting.QUOTING:
        return reason
    if _is_kept(state, s, position):  # never withdrawn: at the price at which a fill does not lose
        ladder.half_spread_bps[s] = max(
            min(np.float64(state.gate.break_even_bps[s]), np.float64(state.params.max_half_spread_bps)),
            np.float64(ladder.half_spread_bps[s]),
        )
        quoting.place_side(ladder, state.params, state.market_params, state.book, state.grid, s)
        quoting.value_side(ladder, state.models, state.params, state.market_params, s)
        return quoting.QUOTING
    least = price_grid.smallest_order_qty(state.grid, np.int64(ladder.px[s, 0]))
    if not gate.is_shut(state.gate, s):
        for j in range(state.params.levels):
            ladder.qty[s, j] = least if j == 0 else 0
        return quoting.QUOTING
    now_ns = np.int64(state.now_ns)
    if gate.wants_shadow(state.gate, s, np.int64(ladder.px[s, 0]), now_ns):
        _drop_shadow(state, s)
        _leave_shadow(state, out, s, least, now_ns)
    return _gate_reason(s)


@inline
def _leave_out_deep(state, s):
    """Deep levels are not quoted in a quiet market while their fills lose; the NO_QUOTE reason where none is left."""
    if not gate.leaves_out_deep(state.gate, state.params, s, np.int64(state.now_ns)):
        return quoting.QUOTING
    left = np.int64(0)
    for j in range(state.params.levels):
        if j < crowded.DEEP_LEVELS:
            left += state.ladder.qty[s, j]
        elif state.ladder.qty[s, j] > 0:
            state.ladder.qty[s, j] = 0
            state.gate.n_deep += 1
    return quoting.QUOTING if left > 0 else _gate_reason(s)


@inline
def _gate_reason(s):
    return quoting.NO_BID_GATE if s == 0 else quoting.NO_ASK_GATE


@compiled
def _leave_shadow(state, out, s, qty, now_ns):
    ladder, tracker = state.ladder, state.ledger.tracker
    i = predictions.freeze(
        state.ledger,
        state.models,
        state.params,
        state.market_params,
        out,
        records.KIND_GATED,
        ZERO,
        np.int64(state.quote_id),
        s,
        np.int64(ladder.px[s, 0]),
        np.int64(ladder.index[s, 0]),
        qty,
        ladder.depth_bps[s, 0],
        ladder.queue_ahead[s, 0],
        NO,
    )
    if i < 0:
        return  # counted by the ledger
    shadow.wait(tracker, i, np.int64(tracker.node[i].active_ns))
    tracker.node[i].forecast.gate_group = gate.AVOIDED
    tracker.node[i].forecast.gate_until_ns = gate.OPEN_END
    state.gate.node[s] = i
    state.gate.prediction_id[s] = tracker.node[i].prediction_id
    state.gate.px[s] = ladder.px[s, 0]
    state.gate.node_ns[s] = now_ns


@inline
def _drop_shadow(state, s):
    """The suppressed quote would have been cancelled now, and gone a latency later."""
    i = np.int64(state.gate.node[s])
    if i >= 0 and state.ledger.tracker.node[i].prediction_id == state.gate.prediction_id[s]:
        gone_ns = np.int64(state.now_ns + state.params.latency_ns)
        state.ledger.tracker.node[i].forecast.gate_until_ns = gone_ns
    state.gate.node[s] = -1


@inline
def _is_kept(state, s, position):
    """Whether a side reduces a position that is large enough for it never to be withdrawn."""
    notional = np.float64(abs(position)) * np.float64(state.market_params.mid2) * 0.5
    worth_keeping = max(np.float64(state.params.min_notional), REDUCE_SHARE * state.params.max_position_notional)
    return position * (1 - 2 * s) < 0 and notional > worth_keeping


@compiled
def _serve(state, out, s):
    refused = reconcile.serve(state, out, s, _least(state, s), actions.REASON_UNWANTED)
    if refused != quoting.QUOTING and state.orders.open_qty[s] == 0:
        _note(state, s, refused)


@inline
def _least(state, s):
    """Smallest size that a side's orders may have."""
    return price_grid.smallest_order_qty(state.grid, np.int64(state.ladder.px[s, 0]))


@inline
def _size(state, s, position, is_reduce_only, forcing):
    """Sizes of one side into the ladder; the NO_QUOTE reason."""
    side = 1 - 2 * s
    is_reducing = position * side < 0
    if is_reduce_only and not is_reducing:
        return quoting.NO_QUOTA if forcing and state.risk.state != risk.REDUCE_ONLY else quoting.NO_REDUCE_ONLY
    if quota.headroom(state.quota) <= 0 and not is_reducing:
        return quoting.NO_QUOTA
    if state.orders.open_qty[s] == 0 and _is_waiting(state, s):
        return quoting.NO_REFUSED
    if state.market_params.oracle == funding.OFF_HOURS and not is_reducing:
        return quoting.NO_OFF_HOURS
    room = np.int64(state.max_position_qty - side * position)
    return quoting.size_side(
        state.ladder,
        state.params,
        state.grid,
        s,
        room,
        YES if _is_kept(state, s, position) else NO,
        YES if is_reduce_only else NO,
        position,
        np.int64(state.order_qty),
    )


@compiled
def _withdraw_all(state, out, no_quote, reason):
    for s in range(2):
        _note(state, np.int64(s), no_quote)
        for j in range(MAX_LEVELS):
            state.ladder.qty[s, j] = 0
        reconcile.withdraw(state, out, np.int64(s), reason)


@inline
def _note(state, s, reason):
    """Which rule keeps a side out of the book, and since when."""
    if state.ladder.no_quote[s] != reason:
        state.ladder.no_quote[s] = reason
        state.ladder.no_quote_since_ns[s] = state.now_ns


@compiled
def _write_quote(state, trigger, out):
    """The record of a decision that sent something: every estimate, term, level and value behind it."""
    if out.n_quotes >= records.N_QUOTES:
        out.overflow = 1
        return
    reconcile.observe_toxicity(state)
    row = out.quotes[out.n_quotes]
    out.n_quotes += 1
    row.quote_id = state.quote_id
    row.decided_ns = state.now_ns
    row.trigger = trigger
    row.risk_state = state.risk.state
    row.risk_reason = state.risk.reason
    row.position = state.profit.position
    row.market = state.market_params
    for target in range(N_TARGETS):
        row.influence[target] = state.models.influence[target]
    for term in range(N_TERMS):
        row.careful_share[term] = caution.share(state.models.caution, np.int64(term))
    for s in range(2):
        for term in range(N_TERMS):
            row.term_bps[s, term] = state.ladder.term_bps[s, term]
            row.asked_bps[s, term] = state.ladder.asked_bps[s, term]
        row.model_free_bps[s] = state.ladder.model_free_bps[s]
        row.gate_closed[s] = state.gate.is_closed[s]
        row.gate_p_loss[s] = state.gate.p_loss[s]
        row.gate_propensity[s] = gate.propensity(state.gate, state.params, s)
        row.half_spread_bps[s] = state.ladder.half_spread_bps[s]
        row.no_quote_reason[s] = state.ladder.no_quote[s]
        for j in range(MAX_LEVELS):
            row.px[s, j] = state.ladder.px[s, j]
            row.qty[s, j] = state.ladder.qty[s, j]
            row.value_bps[s, j] = state.ladder.value_bps[s, j]
