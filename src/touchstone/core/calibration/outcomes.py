"""Predictions get their outcomes: fills, markouts, moves of the mid; scored against what was frozen, then learned from.

Fill horizons run on the receive clock (a fill counts when we hear of it), markouts on the exchange's.
"""

import math

import numpy as np

from touchstone.core import quick, records, targets
from touchstone.core.calibration import baseline as base_rate
from touchstone.core.calibration import caution, scorecard, shadow
from touchstone.core.calibration.ledger import (
    FAIR_HORIZONS,
    FAIR_MASK,
    FILL_HORIZONS,
    FILL_MASK,
    MARKOUT_HORIZONS,
    N_PENDING_FILLS,
)
from touchstone.core.conventions import BPS, N_FAIR, N_FILL, N_MARKOUT, NEVER_NS, TOXIC_HORIZON
from touchstone.core.jit import compiled, inline
from touchstone.core.market import midpath
from touchstone.core.market.book import depth_from
from touchstone.core.models import adverse, capture, crowded, edge, fair, fill, lag, toxicity
from touchstone.core.quoting import gate
from touchstone.core.trading import markout, pnl

NAN = np.float64("nan")
TOXIC = np.int64(TOXIC_HORIZON)
FILL_10S = 1  # index into FILL_HORIZONS_NS
ANY_DEPTH, NO_SEQUENCE, BY_TAPE = np.int64(0), np.int64(0), np.int64(1)


@inline
def _write_void(out, prediction_id, target, now_ns, reason, bucket, forecast, baseline):
    records.outcome(out, prediction_id, target, now_ns, reason, bucket, forecast, baseline, NAN, NAN, NAN)


@compiled
def _resolve_fill(ledger, models, params, out, i, h, now_ns):
    """Outcome of "first fill within horizon h" for node i."""
    node = ledger.tracker.node[i]
    target = targets.FILL_TARGET + h
    deadline = node.made_ns + FILL_HORIZONS[h]
    if h == FILL_10S:
        by_then = 0 < node.tape_fill_ns <= deadline
        pair, role = np.int64(node.forecast.pair), np.int64(node.forecast.pair_role)
        caution.at_deadline(models.caution, pair, node.made_ns, role, by_then, node.void != 0)
    if node.void != 0:
        decided = np.int64(node.void)
        ledger.resolved[target, decided] += 1
        _write_void(out, node.prediction_id, target, now_ns, decided, node.forecast.bucket, node.p[h], node.baseline[h])
        return
    decided = targets.DECIDED_TAPE
    y = np.int64(0)
    if 0 < node.tape_fill_ns <= deadline or (0 < node.own_fill_ns <= deadline and not node.own_fill_by_model):
        y = np.int64(1)
    elif 0 < node.own_fill_ns <= deadline or (0 < node.model_fill_ns <= deadline and not node.is_live):
        y = np.int64(1)
        decided = targets.DECIDED_MODEL
    elif 0 < node.unsure_ns <= deadline:
        decided = targets.DECIDED_MODEL
    by_tape = np.int64(1) if decided == targets.DECIDED_TAPE else np.int64(0)
    p = np.float64(node.p[h])
    q = np.float64(node.baseline[h])
    card = models.cards[target]
    raw, made_ns = np.float64(node.raw_p[h]), np.int64(node.made_ns)
    scorecard.learn_recalibrated(card, made_ns, node.forecast.bucket, raw, p, q, y, node.is_window[h], by_tape)
    if by_tape:
        fill.learn(models.fill_model, node.features, h, y)
    ledger.resolved[target, decided] += 1
    bucket = node.forecast.bucket
    records.outcome(
        out,
        node.prediction_id,
        target,
        now_ns,
        decided,
        bucket,
        p,
        q,
        np.float64(y),
        (p - y) * (p - y),
        (q - y) * (q - y),
    )


@compiled
def void(ledger, i, reason):
    """The order never was: its predictions have no outcome, for a reason (VOID_*)."""
    node = ledger.tracker.node[i]
    if node.void == 0:
        node.void = reason


@compiled
def _void_adverse(ledger, out, prediction_id, forecast, reason, now_ns):
    """Every forecast "if filled" of a prediction that has no outcome."""
    for h in range(N_MARKOUT):
        _void_horizon(ledger, out, prediction_id, forecast, np.int64(h), reason, now_ns)


@inline
def _void_horizon(ledger, out, prediction_id, forecast, h, reason, now_ns):
    target = targets.ADVERSE_TARGET + h
    ledger.resolved[target, reason] += 1
    _write_void(out, prediction_id, target, now_ns, reason, forecast.bucket, forecast.loc_bps[h], NAN)
    if h == TOXIC:
        target = targets.TOXIC_TARGET
        ledger.resolved[target, reason] += 1
        p, q = forecast.p_toxic, forecast.toxic_baseline
        _write_void(out, prediction_id, target, now_ns, reason, forecast.bucket, p, q)
        if forecast.has_signals:
            target, without = targets.SIGNALS_TARGET, forecast.p_toxic_without
            ledger.resolved[target, reason] += 1
            _write_void(out, prediction_id, target, now_ns, reason, forecast.bucket, p, without)
        if forecast.has_edge:
            _void_edge(ledger, out, prediction_id, forecast, reason, now_ns)


@inline
def _void_edge(ledger, out, prediction_id, forecast, reason, now_ns):
    target = targets.EDGE_TARGET
    ledger.resolved[target, reason] += 1
    _write_void(out, prediction_id + 1, target, now_ns, reason, forecast.bucket, forecast.edge_loc, NAN)


@inline
def _worth(ledger, block_ns, s):
    """What a fill is worth to the learners: the n-th of one block and side 1/n^2."""
    if block_ns != ledger.block_ns[s]:
        ledger.block_ns[s] = block_ns
        ledger.n_of_block[s] = 0
    ledger.n_of_block[s] += 1
    n = np.float64(ledger.n_of_block[s])
    return 1.0 / (n * n)


@compiled
def hand_over(ledger, models, i, fill_id, decided, block_ns, s, px, qty, mid2_before, has_mid):
    """Schedule the markouts of a fill (fill_id 0: a shadow's); the first of node i (-1: none) carries its forecast."""
    if ledger.n_fills - ledger.due_markout[N_MARKOUT - 1] >= N_PENDING_FILLS:
        ledger.n_evicted += 1
        return
    entry = ledger.fills[ledger.n_fills & FILL_MASK]
    ledger.n_fills += 1
    ledger.next_markout_ns = min(np.int64(ledger.next_markout_ns), block_ns + MARKOUT_HORIZONS[0])
    entry.fill_id = fill_id
    entry.decided = decided
    entry.block_ns = block_ns
    entry.px = px
    entry.qty = qty
    entry.s = s
    entry.mid2_before = mid2_before
    entry.has_mid = has_mid
    entry.weight = _worth(ledger, block_ns, s)
    entry.prediction_id = 0
    if i >= 0:
        node = ledger.tracker.node[i]
        if node.as_state == shadow.AS_PENDING:
            node.as_state = shadow.AS_HANDED
            entry.prediction_id = node.prediction_id + 1
            entry.forecast = node.forecast
            if decided == targets.DECIDED_TAPE and has_mid:
                bucket, depth = np.int64(node.forecast.bucket), np.float64(node.forecast.depth_bps)
                half_spread = depth_from(mid2_before, s, px)
                lag.learn_announced(models.lag, node.forecast.lag_term_bps)
                if fill_id > 0:
                    capture.learn(models.capture, bucket, depth, half_spread)
                else:
                    capture.learn(models.capture_through, bucket, depth, half_spread)
            for h in range(N_MARKOUT):
                target = targets.ADVERSE_TARGET + h
                entry.is_window[h] = 0
                if decided == targets.DECIDED_TAPE and block_ns >= ledger.window_end_ns[target]:
                    entry.is_window[h] = 1
                    ledger.window_end_ns[target] = block_ns + MARKOUT_HORIZONS[h]


@compiled
def follow_through(ledger, models, path):
    """Shadows that the tape has just gone through get their fill; live orders wait for the exchange's word."""
    tracker = ledger.tracker
    for n in range(tracker.n_through):
        i = np.int64(tracker.through[n])
        node = tracker.node[i]
        if not node.is_live and node.as_state == shadow.AS_PENDING and node.void == 0:
            _hand_over_shadow(ledger, models, path, i)
    tracker.n_through = 0


@compiled
def _hand_over_shadow(ledger, models, path, i):
    node = ledger.tracker.node[i]
    mid2 = midpath.before_block(path, np.int64(node.tape_block_ns))
    has_mid = np.int64(1) if mid2 > 0 else np.int64(0)
    hand_over(
        ledger,
        models,
        i,
        np.int64(0),
        targets.DECIDED_TAPE,
        np.int64(node.tape_block_ns),
        np.int64(node.s),
        np.int64(node.px),
        np.int64(node.qty),
        mid2,
        has_mid,
    )


@compiled
def on_order_gone(ledger, models, path, i):
    """The real order of node i is gone (cancelled): its shadow goes on; a trade through it in between counts."""
    node = ledger.tracker.node[i]
    node.is_live = 0
    if node.tape_fill_ns > 0 and node.as_state == shadow.AS_PENDING and node.void == 0:
        _hand_over_shadow(ledger, models, path, i)


@compiled
def resolve_fills(ledger, models, params, book, out, now_ns):
    """Resolve every fill prediction that is due at now_ns; at the longest horizon the node ends (or is renewed)."""
    tracker = ledger.tracker
    for h in range(N_FILL):
        while ledger.due_fill[h] < tracker.n_made:
            i = ledger.due_fill[h] & shadow.MASK
            node = tracker.node[i]
            if node.made_ns + FILL_HORIZONS[h] > now_ns:
                break
            ledger.due_fill[h] += 1
            _resolve_fill(ledger, models, params, out, i, np.int64(h), now_ns)
            if h == N_FILL - 1:
                shadow.unlink(tracker, book, i)
                if node.as_state == shadow.AS_PENDING:
                    reason = np.int64(node.void) if node.void != 0 else targets.VOID_NOT_FILLED
                    node.as_state = shadow.AS_VOID
                    _void_adverse(ledger, out, node.prediction_id + 1, node.forecast, reason, now_ns)
                if node.is_live and node.void == 0:
                    ledger.renewals[ledger.n_renewals] = node.cloid
                    ledger.n_renewals += 1
    tracker.n_done = ledger.due_fill[N_FILL - 1]


@compiled
def _score_adverse(ledger, models, the_gate, params, out, entry, h, mid2, mid2_after, now_ns):
    """Loss of a fill at horizon h against its frozen forecast: score, then learn; at 10 s also whether it was toxic."""
    forecast = entry.forecast
    if mid2 <= 0 or not entry.has_mid:
        _void_horizon(ledger, out, entry.prediction_id, forecast, h, targets.VOID_NO_MID, now_ns)
        if h == TOXIC:
            caution.at_markout(models.caution, forecast.pair, forecast.made_ns, forecast.pair_role, NAN)
        return
    target = targets.ADVERSE_TARGET + h
    side = np.float64(1 - 2 * entry.s)
    before = np.float64(entry.mid2_before)
    loss_bps = -side * (np.float64(mid2) - before) / before * BPS
    decided = np.int64(entry.decided)
    by_tape = np.int64(1) if decided == targets.DECIDED_TAPE else np.int64(0)
    is_own = entry.fill_id > 0
    loc = np.float64(forecast.loc_bps[h]) if is_own else np.float64(forecast.loc_bps[h] + forecast.through_bps[h])
    scale = np.float64(forecast.scale_bps[h])
    dof = np.float64(forecast.dof[h])
    z = (loss_bps - loc) / scale
    pit, density = quick.student_t(z, dof)
    crps = quick.crps_student_t(z, pit, density, dof, scale)
    bucket = np.int64(forecast.bucket)
    card = models.cards[target]
    as_of = np.int64(forecast.as_of[h])
    block_ns = np.int64(entry.block_ns)
    crps_baseline = base_rate.crps(card.empirical, bucket, as_of, loss_bps)
    apart = 0.0
    if h == TOXIC and entry.is_window[h] and by_tape:  # as dear as 64 scores: for the influence that moves quotes
        apart = base_rate.divergence(card.empirical, bucket, as_of, dof, loc, scale)
    is_window = np.int64(entry.is_window[h])
    scorecard.learn_apart(
        card, block_ns, bucket, crps, crps_baseline, apart, pit, loss_bps, as_of, is_window, by_tape
    )
    ledger.resolved[target, decided] += 1
    records.outcome(out, entry.prediction_id, target, now_ns, decided, bucket, loc, NAN, loss_bps, crps, crps_baseline)
    if by_tape:
        sigma, depth = np.float64(forecast.sigma), np.float64(forecast.depth_bps)
        toxicity, weight, through = np.float64(forecast.toxicity), np.float64(entry.weight), 0.0 if is_own else 1.0
        adverse.learn(models.adverse, h, bucket, np.int64(entry.s), sigma, toxicity, through, weight, loss_bps)
        adverse.draw(models.adverse, adverse.PRE_BLOCK, h, bucket, depth, sigma, weight, loss_bps)
        if mid2_after > 0:
            after = np.float64(mid2_after)
            loss_after_bps = -side * (np.float64(mid2) - after) / after * BPS
            adverse.draw(models.adverse, adverse.POST_BLOCK, h, bucket, depth, sigma, weight, loss_after_bps)
    if h == TOXIC:
        realised = side * (np.float64(mid2) - 2.0 * np.float64(entry.px)) / before * BPS - params.maker_fee_bps
        y = np.int64(1) if realised < 0.0 else np.int64(0)
        _score_toxic(ledger, models, out, entry, y, decided, by_tape, now_ns)
        if forecast.has_signals:
            _score_signals(ledger, models, out, entry, y, loss_bps, decided, by_tape, now_ns)
        if is_own:
            if forecast.has_edge:
                _score_edge(ledger, models, out, entry, realised, decided, by_tape, now_ns)
            if by_tape and forecast.crowd >= 0:
                crowded.learn(models.crowded[forecast.crowd, entry.s], forecast.sigma, entry.weight, realised)
        elif forecast.has_edge:
            _void_edge(ledger, out, entry.prediction_id, forecast, targets.VOID_NOT_FILLED, now_ns)
        group = np.int64(forecast.gate_group)
        is_avoided = group == gate.AVOIDED and entry.block_ns <= forecast.gate_until_ns
        if by_tape and (is_avoided if not is_own else group >= 0):
            gate.count(the_gate, group, realised)
        caution.at_markout(models.caution, forecast.pair, forecast.made_ns, forecast.pair_role, realised)


@compiled
def _score_toxic(ledger, models, out, entry, y, decided, by_tape, now_ns):
    forecast = entry.forecast
    bucket = np.int64(forecast.bucket)
    is_own = entry.fill_id > 0
    p = np.float64(forecast.p_toxic) if is_own else np.float64(forecast.p_through)
    raw = np.float64(forecast.raw_p_toxic) if is_own else np.float64(forecast.raw_p_through)
    q = np.float64(forecast.toxic_baseline)
    target = targets.TOXIC_TARGET
    card = models.cards[target]
    block_ns = np.int64(entry.block_ns)
    scorecard.learn_recalibrated(card, block_ns, bucket, raw, p, q, y, entry.is_window[TOXIC], by_tape)
    ledger.resolved[target, decided] += 1
    loss, loss_baseline = (p - y) * (p - y), (q - y) * (q - y)
    records.outcome(out, entry.prediction_id, target, now_ns, decided, bucket, p, q, np.float64(y), loss, loss_baseline)


@compiled
def _score_signals(ledger, models, out, entry, y, loss_bps, decided, by_tape, now_ns):
    """The classifier against the model without its signals; then it learns."""
    forecast = entry.forecast
    bucket = np.int64(forecast.bucket)
    p, q = np.float64(forecast.raw_p_toxic), np.float64(forecast.p_toxic_without)
    if entry.fill_id == 0:
        p, q = np.float64(forecast.raw_p_through), np.float64(forecast.p_through_without)
        toxicity.start_from(forecast.toxic_x, q)
    target = targets.SIGNALS_TARGET
    card = models.cards[target]
    scorecard.learn_binary(card, np.int64(entry.block_ns), bucket, p, q, y, entry.is_window[TOXIC], by_tape)
    ledger.resolved[target, decided] += 1
    loss, loss_baseline = (p - y) * (p - y), (q - y) * (q - y)
    records.outcome(out, entry.prediction_id, target, now_ns, decided, bucket, p, q, np.float64(y), loss, loss_baseline)
    if by_tape:
        s = np.int64(entry.s)
        toxicity.learn(models.toxicity, forecast.toxic_x, p, s, np.int64(entry.block_ns), y, loss_bps)


@compiled
def _score_edge(ledger, models, out, entry, realised_bps, decided, by_tape, now_ns):
    """What our fill earned against what its context said: score against the pool of all fills, write down, learn.

    Ours only: a shadow has no fill but by the tape going through it, which is worse than what we get.
    """
    forecast = entry.forecast
    loc, scale, dof = np.float64(forecast.edge_loc), np.float64(forecast.edge_scale), np.float64(forecast.edge_dof)
    z = (realised_bps - loc) / scale
    pit, density = quick.student_t(z, dof)
    crps = quick.crps_student_t(z, pit, density, dof, scale)
    target = targets.EDGE_TARGET
    card = models.cards[target]
    as_of, block_ns = np.int64(forecast.edge_as_of), np.int64(entry.block_ns)
    pooled = base_rate.crps(card.empirical, ANY_DEPTH, as_of, realised_bps)
    apart = 0.0
    if entry.is_window[TOXIC] and by_tape:
        apart = base_rate.divergence(card.empirical, ANY_DEPTH, as_of, dof, loc, scale)
    is_window = np.int64(entry.is_window[TOXIC])
    scorecard.learn_apart(
        card, block_ns, ANY_DEPTH, crps, pooled, apart, pit, realised_bps, as_of, is_window, by_tape
    )
    ledger.resolved[target, decided] += 1
    made = np.int64(entry.prediction_id + 1)
    records.outcome(out, made, target, now_ns, decided, forecast.bucket, loc, NAN, realised_bps, crps, pooled)
    if by_tape:
        edge.learn(models.edge, forecast.edge_context, forecast.sigma, realised_bps, loc, forecast.edge_unit)
    if out.n_edges >= records.N_EDGES:
        out.overflow = 1
        return
    row = out.edges[out.n_edges]
    out.n_edges += 1
    row.prediction_id = made
    row.fill_id = entry.fill_id
    row.made_ns = forecast.made_ns
    row.block_ns = block_ns
    row.context = forecast.edge_context
    row.depth_bps = forecast.depth_bps
    row.predicted_bps = loc
    row.sd_bps = scale * math.sqrt(dof / (dof - 2.0))
    row.realised_bps = realised_bps
    row.z = (realised_bps - loc) / row.sd_bps


@inline
def resolve_markouts(ledger, models, the_gate, params, path, profit, marks, out, exch_now_ns):
    """Resolve every markout whose horizon lies before exch_now_ns on the exchange's clock."""
    if ledger.next_markout_ns < exch_now_ns:
        _resolve_markouts(ledger, models, the_gate, params, path, profit, marks, out, exch_now_ns)


@compiled
def _resolve_markouts(ledger, models, the_gate, params, path, profit, marks, out, exch_now_ns):
    next_ns = NEVER_NS
    for h in range(N_MARKOUT):
        while ledger.due_markout[h] < ledger.n_fills:
            entry = ledger.fills[ledger.due_markout[h] & FILL_MASK]
            due_ns = entry.block_ns + MARKOUT_HORIZONS[h]
            if due_ns >= exch_now_ns:
                next_ns = min(next_ns, due_ns)
                break
            ledger.due_markout[h] += 1
            mid2 = midpath.at(path, due_ns)
            if path.last_event_ns < due_ns - params.stale_ns:
                mid2 = np.int64(0)  # the feed had stopped
            horizon = np.int64(h)
            if entry.prediction_id > 0:
                if h == 0:
                    entry.mid2_after = midpath.at(path, np.int64(entry.block_ns))
                after = np.int64(entry.mid2_after)
                _score_adverse(ledger, models, the_gate, params, out, entry, horizon, mid2, after, exch_now_ns)
            if entry.fill_id > 0:
                _mark_own_fill(profit, marks, out, entry, horizon, mid2, np.float64(params.maker_fee_bps))
    ledger.next_markout_ns = next_ns


@inline
def _mark_own_fill(profit, marks, out, entry, h, mid2, fee_bps):
    """Markout of one of our own fills: attribution, curve, record."""
    side = np.int64(1 - 2 * entry.s)
    if out.n_markouts >= records.N_MARKOUTS:
        out.overflow = 1
        return
    row = out.markouts[out.n_markouts]
    out.n_markouts += 1
    row.fill_id = entry.fill_id
    row.horizon = h
    row.mid2 = mid2
    row.realised_bps = NAN
    row.adverse_bps = NAN
    if mid2 <= 0:
        pnl.on_markout_missing(profit, h, side, entry.qty, entry.mid2_before)
        return
    pnl.on_markout(profit, h, side, entry.qty, entry.mid2_before, mid2)
    if entry.has_mid:
        before = np.float64(entry.mid2_before)
        sign = np.float64(side)
        row.realised_bps = sign * (np.float64(mid2) - 2.0 * np.float64(entry.px)) / before * BPS
        row.adverse_bps = -sign * (np.float64(mid2) - before) / before * BPS
        notional = np.float64(entry.px) * np.float64(entry.qty)
        markout.learn(marks, np.int64(entry.s), h, row.realised_bps, notional, fee_bps)


@compiled
def resolve_fair(ledger, models, out, mid2, is_fresh, now_ns):
    """Resolve the fair-value predictions that are due: mid2 is the mid as we know it at now_ns."""
    for h in range(N_FAIR):
        target = targets.FAIR_TARGET + h
        while ledger.due_fair[h] < ledger.n_fair:
            entry = ledger.fair[ledger.due_fair[h] & FAIR_MASK]
            if entry.made_ns + FAIR_HORIZONS[h] > now_ns:
                break
            ledger.due_fair[h] += 1
            move = np.float64(entry.move_bps[h])
            if mid2 <= 0 or not is_fresh:
                ledger.resolved[target, targets.VOID_NO_MID] += 1
                _write_void(out, entry.prediction_id, target, now_ns, targets.VOID_NO_MID, ANY_DEPTH, move, 0.0)
                continue
            actual = (np.float64(mid2) / np.float64(entry.mid2) - 1.0) * BPS
            loss = (actual - move) * (actual - move)
            loss_baseline = actual * actual
            scorecard.learn_apart(
                models.cards[target],
                entry.made_ns,
                ANY_DEPTH,
                loss,
                loss_baseline,
                move * move,
                NAN,
                NAN,
                NO_SEQUENCE,
                entry.is_window[h],
                BY_TAPE,
            )
            fair.learn(models.fair, np.int64(h), entry.displacement_bps, actual)
            ledger.resolved[target, targets.DECIDED_TAPE] += 1
            decided, made = targets.DECIDED_TAPE, entry.prediction_id
            records.outcome(out, made, target, now_ns, decided, ANY_DEPTH, move, 0.0, actual, loss, loss_baseline)
