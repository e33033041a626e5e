"""The prediction ledger: freeze, resolve, score, then learn.

A prediction is frozen with the decision (value, inputs, baseline, time, horizon) and resolved by a timer, not by luck.
At any moment, for every target: made = resolved + pending + voided. Nothing is evicted: an order that could not be
followed is not sent.
"""

import numpy as np

from touchstone.core import records, targets
from touchstone.core.calibration import baseline as base_rate
from touchstone.core.calibration import scorecard, scores, shadow
from touchstone.core.conventions import (
    BPS,
    FAIR_HORIZONS_NS,
    FILL_HORIZONS_NS,
    MARKOUT_HORIZONS_NS,
    N_FAIR,
    N_FILL,
    N_MARKOUT,
    TOXIC_HORIZON,
    depth_bucket,
)
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import midpath
from touchstone.core.models import adverse, fair, fill
from touchstone.core.numerics import student_t_cdf
from touchstone.core.trading import markout, pnl

FILL_HORIZONS = np.array(FILL_HORIZONS_NS)
MARKOUT_HORIZONS = np.array(MARKOUT_HORIZONS_NS)
FAIR_HORIZONS = np.array(FAIR_HORIZONS_NS)

N_PENDING_FILLS = 4096
FILL_MASK = np.int64(N_PENDING_FILLS - 1)
N_PENDING_FAIR = 64
FAIR_MASK = np.int64(N_PENDING_FAIR - 1)
MODEL_VERSION = np.int64(1)
NAN = np.float64("nan")
TOXIC = np.int64(TOXIC_HORIZON)
ANY_DEPTH, NO_SEQUENCE, BY_TAPE = np.int64(0), np.int64(0), np.int64(1)

PENDING_FILL = record(  # a fill, real or of a shadow, whose markouts are due one after the other
    [
        ("fill_id", "i8"),  # 0: a shadow's
        ("prediction_id", "i8"),  # 0: not the first fill of its prediction
        ("decided", "i8"),  # DECIDED_TAPE | DECIDED_MODEL
        ("block_ns", "i8"),  # exchange time of the aggressing block
        ("s", "i8"),
        ("px", "i8"),
        ("qty", "i8"),
        ("mid2_before", "i8"),  # as the accounts value the fill
        ("has_mid", "i8"),  # 0: that is only its own price, the mid was missing
        ("is_window", "i8", (N_MARKOUT,)),
        ("forecast", shadow.FORECAST),
    ]
)

PENDING_FAIR = record(
    [
        ("prediction_id", "i8"),
        ("made_ns", "i8"),
        ("mid2", "i8"),
        ("displacement_bps", "f8"),
        ("move_bps", "f8", (N_FAIR,)),
        ("is_window", "i8", (N_FAIR,)),
    ]
)

LEDGER = record(
    [
        ("tracker", shadow.TRACKER),
        ("fills", PENDING_FILL, (N_PENDING_FILLS,)),
        ("fair", PENDING_FAIR, (N_PENDING_FAIR,)),
        ("next_id", "i8"),
        ("due_fill", "i8", (N_FILL,)),  # cursors: next node to resolve at each horizon
        ("n_fills", "i8"),
        ("due_markout", "i8", (N_MARKOUT,)),
        ("n_fair", "i8"),
        ("due_fair", "i8", (N_FAIR,)),
        ("window_end_ns", "i8", (targets.N_TARGETS,)),  # no overlap between outcomes that enter an e-process
        ("next_fair_ns", "i8"),
        ("made", "i8", (targets.N_TARGETS,)),
        ("resolved", "i8", (targets.N_TARGETS, targets.N_DECIDED)),  # by how it was decided, voids included
        ("renewals", "i8", (shadow.CAPACITY,)),  # cloids whose prediction ran out while they rest
        ("n_renewals", "i8"),
        ("n_evicted", "i8"),  # must stay 0
    ]
)

MODELS = record(
    [
        ("fill_model", fill.FILL_MODEL),
        ("adverse", adverse.ADVERSE),
        ("fair", fair.FAIR),
        ("cards", scorecard.CARD, (targets.N_TARGETS,)),
        ("influence", "f8", (targets.N_TARGETS,)),  # share of its bold part that a model has earned, 0 to 1
    ]
)


@compiled
def reset(ledger, models, fill_memory, adverse_memory):
    """Empty ledger, models at their priors, scorecards without data. Memories in outcomes; a cell has a quarter."""
    shadow.reset(ledger.tracker)
    ledger.next_id = 1
    ledger.n_fills = 0
    ledger.n_fair = 0
    ledger.n_renewals = 0
    ledger.n_evicted = 0
    ledger.next_fair_ns = 0
    ledger.due_fill[:] = 0
    ledger.due_markout[:] = 0
    ledger.due_fair[:] = 0
    ledger.window_end_ns[:] = 0
    ledger.made[:] = 0
    ledger.resolved[:, :] = 0
    models.influence[:] = 0.0
    fill.reset(models.fill_model, fill.OUTCOME_WEIGHT, fill_memory)
    adverse.reset(models.adverse, 0.25 * adverse_memory, adverse_memory)
    fair.reset(models.fair, fair.MEMORY, fair.SCALE_MEMORY)
    for h in range(N_FILL):
        scorecard.reset(models.cards[targets.FILL_TARGET + h], scorecard.BINARY, FILL_HORIZONS[h])
    for h in range(N_MARKOUT):
        scorecard.reset(models.cards[targets.ADVERSE_TARGET + h], scorecard.CONTINUOUS, MARKOUT_HORIZONS[h])
    scorecard.reset(models.cards[targets.TOXIC_TARGET], scorecard.BINARY, MARKOUT_HORIZONS[TOXIC])
    for h in range(N_FAIR):
        scorecard.reset(models.cards[targets.FAIR_TARGET + h], scorecard.CONTINUOUS, FAIR_HORIZONS[h])


# ---------------------------------------------------------------- freeze


@compiled
def freeze(ledger, models, params, market, out, kind, cloid, quote_id, s, px, index, qty, depth_bps, queue_ahead, bets):
    """Freeze every prediction about an order of side index s (0 bid, 1 ask); returns its node, or -1 if there is no room.

    `bets`: whether the e-processes may use it (evaluation samples, one side per window).
    """
    tracker = ledger.tracker
    if shadow.is_full(tracker) or out.n_predictions >= records.N_PREDICTIONS:
        tracker.n_full += 1
        return np.int64(-1)
    now_ns = np.int64(market.t_ns)
    i = tracker.n_made & shadow.MASK
    node = tracker.node[i]
    tracker.n_made += 1
    first_id = np.int64(ledger.next_id)
    ledger.next_id += 2
    node.prediction_id = first_id
    node.cloid = cloid
    node.made_ns = now_ns
    node.active_ns = now_ns + params.latency_ns
    node.is_waiting = 0
    node.s = s
    node.px = px
    node.index = index
    node.qty = qty
    node.is_live = 0
    node.is_active = 0
    node.is_linked = 0
    node.next = -1
    node.prev = -1
    node.is_known = 0
    node.queue_ahead = queue_ahead
    node.level_qty = 0
    node.traded = 0
    node.unsure_ns = 0
    node.model_fill_ns = 0
    node.tape_fill_ns = 0
    node.tape_block_ns = 0
    node.own_fill_ns = 0
    node.own_fill_by_model = 0
    node.void = 0
    node.as_state = shadow.AS_PENDING

    row = out.predictions[out.n_predictions]
    out.n_predictions += 1
    row.prediction_id = first_id
    row.quote_id = quote_id
    row.made_ns = now_ns
    row.cloid = cloid
    row.kind = kind
    row.side = 1 - 2 * s
    row.px = px
    row.qty = qty
    row.mid2 = market.mid2
    row.depth_bps = depth_bps
    row.queue_ahead = queue_ahead
    row.sigma = market.sigma
    row.model_version = MODEL_VERSION

    forecast = node.forecast
    bucket = depth_bucket(depth_bps)
    row.bucket = bucket
    forecast.bucket = bucket
    forecast.sigma = market.sigma
    fill_features(node.features, market, s, depth_bps, queue_ahead)
    for h in range(N_FILL):
        target = targets.FILL_TARGET + h
        p, sd = fill.predict(models.fill_model, node.features, h)
        node.p[h] = p
        node.baseline[h] = scorecard.baseline(models.cards[target], bucket)
        node.is_window[h] = 0
        if bets and now_ns >= ledger.window_end_ns[target]:
            node.is_window[h] = 1
            ledger.window_end_ns[target] = now_ns + FILL_HORIZONS[h]
        row.fill_p[h] = p
        row.fill_sd[h] = sd
        row.fill_baseline[h] = node.baseline[h]
        row.is_window[h] = node.is_window[h]
        ledger.made[target] += 1
    for h in range(N_MARKOUT):
        target = targets.ADVERSE_TARGET + h
        loc, scale, dof = adverse.predict(models.adverse, h, bucket, s, market.sigma)
        forecast.loc_bps[h] = loc
        forecast.scale_bps[h] = scale
        forecast.dof[h] = dof
        forecast.as_of[h] = scorecard.baseline_sequence(models.cards[target], bucket)
        row.as_loc[h] = loc
        row.as_scale[h] = scale
        row.as_dof[h] = dof
        ledger.made[target] += 1
    forecast.p_toxic = adverse.p_toxic(models.adverse, bucket, s, market.sigma, depth_bps - params.maker_fee_bps)
    forecast.toxic_baseline = scorecard.baseline(models.cards[targets.TOXIC_TARGET], bucket)
    row.p_toxic = forecast.p_toxic
    ledger.made[targets.TOXIC_TARGET] += 1
    return i


@inline
def fill_features(features, market, s, depth_bps, queue_ahead):
    """Inputs of the fill model for an order of side index s, all taken from one MarketParams."""
    toward = market.imbalance if s == 0 else -market.imbalance  # more size on our side
    fill.features(
        features,
        market.a,
        market.k,
        depth_bps,
        queue_ahead,
        market.mean_trade_qty,
        market.sigma,
        market.sigma_slow,
        toward,
        np.float64(1 - 2 * s),
    )


@compiled
def freeze_fair(ledger, models, market, out):
    """Freeze the fair-value predictions of this second."""
    if out.n_predictions >= records.N_PREDICTIONS or ledger.n_fair - ledger.due_fair[N_FAIR - 1] >= N_PENDING_FAIR:
        ledger.n_evicted += 1
        return
    now_ns = np.int64(market.t_ns)
    entry = ledger.fair[ledger.n_fair & FAIR_MASK]
    ledger.n_fair += 1
    entry.prediction_id = ledger.next_id
    ledger.next_id += 1
    entry.made_ns = now_ns
    entry.mid2 = market.mid2
    entry.displacement_bps = market.displacement_bps
    row = out.predictions[out.n_predictions]
    out.n_predictions += 1
    row.prediction_id = entry.prediction_id
    row.quote_id = 0
    row.made_ns = now_ns
    row.cloid = 0
    row.kind = records.KIND_FAIR
    row.side = 0
    row.px = 0
    row.qty = 0
    row.mid2 = market.mid2
    row.sigma = market.sigma
    row.model_version = MODEL_VERSION
    for h in range(N_FAIR):
        target = targets.FAIR_TARGET + h
        move, sd = fair.predict(models.fair, h, market.displacement_bps)
        entry.move_bps[h] = move
        entry.is_window[h] = 0
        if now_ns >= ledger.window_end_ns[target]:
            entry.is_window[h] = 1
            ledger.window_end_ns[target] = now_ns + FAIR_HORIZONS[h]
        row.fair_bps[h] = move
        row.fair_sd_bps[h] = sd
        ledger.made[target] += 1


# ---------------------------------------------------------------- resolve


@inline
def _write(out, prediction_id, target, now_ns, decided, forecast, baseline, outcome, loss, loss_baseline):
    if out.n_outcomes >= records.N_OUTCOMES:
        out.overflow = 1
        return
    row = out.outcomes[out.n_outcomes]
    out.n_outcomes += 1
    row.prediction_id = prediction_id
    row.target = target
    row.resolved_ns = now_ns
    row.decided = decided
    row.forecast = forecast
    row.baseline = baseline
    row.outcome = outcome
    row.loss = loss
    row.loss_baseline = loss_baseline


@compiled
def _resolve_fill(ledger, models, params, out, i, h, now_ns):
    """Outcome of "first fill within horizon h" for node i."""
    node = ledger.tracker.node[i]
    target = targets.FILL_TARGET + h
    deadline = node.made_ns + FILL_HORIZONS[h]
    if node.void != 0:
        decided = np.int64(node.void)
        ledger.resolved[target, decided] += 1
        _write(out, node.prediction_id, target, now_ns, decided, node.p[h], node.baseline[h], NAN, NAN, NAN)
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
    scorecard.learn_binary(card, node.made_ns, node.forecast.bucket, p, q, y, node.is_window[h], by_tape)
    if by_tape:
        fill.learn(models.fill_model, node.features, h, y)
    ledger.resolved[target, decided] += 1
    _write(out, node.prediction_id, target, now_ns, decided, p, q, y, (p - y) * (p - y), (q - y) * (q - y))


@compiled
def void(ledger, i, reason):
    """The order never was: its predictions have no outcome, for a reason (VOID_*)."""
    node = ledger.tracker.node[i]
    if node.void == 0:
        node.void = reason


@compiled
def _void_adverse(ledger, out, i, reason, now_ns):
    """The forecast "if filled" of node i has no outcome."""
    node = ledger.tracker.node[i]
    node.as_state = shadow.AS_VOID
    for h in range(N_MARKOUT):
        target = targets.ADVERSE_TARGET + h
        ledger.resolved[target, reason] += 1
        _write(out, node.prediction_id + 1, target, now_ns, reason, node.forecast.loc_bps[h], NAN, NAN, NAN, NAN)
    ledger.resolved[targets.TOXIC_TARGET, reason] += 1
    _write(
        out,
        node.prediction_id + 1,
        targets.TOXIC_TARGET,
        now_ns,
        reason,
        node.forecast.p_toxic,
        node.forecast.toxic_baseline,
        NAN,
        NAN,
        NAN,
    )


@compiled
def hand_over(ledger, i, fill_id, decided, block_ns, s, px, qty, mid2_before, has_mid):
    """A fill (fill_id 0: of a shadow): schedule its markouts; the first fill of node i carries its forecast (i -1: none)."""
    if ledger.n_fills - ledger.due_markout[N_MARKOUT - 1] >= N_PENDING_FILLS:
        ledger.n_evicted += 1
        return
    entry = ledger.fills[ledger.n_fills & FILL_MASK]
    ledger.n_fills += 1
    entry.fill_id = fill_id
    entry.decided = decided
    entry.block_ns = block_ns
    entry.px = px
    entry.qty = qty
    entry.s = s
    entry.mid2_before = mid2_before
    entry.has_mid = has_mid
    entry.prediction_id = 0
    if i >= 0:
        node = ledger.tracker.node[i]
        if node.as_state == shadow.AS_PENDING:
            node.as_state = shadow.AS_HANDED
            entry.prediction_id = node.prediction_id + 1
            entry.forecast = node.forecast
            for h in range(N_MARKOUT):
                target = targets.ADVERSE_TARGET + h
                entry.is_window[h] = 0
                if decided == targets.DECIDED_TAPE and block_ns >= ledger.window_end_ns[target]:
                    entry.is_window[h] = 1
                    ledger.window_end_ns[target] = block_ns + MARKOUT_HORIZONS[h]


@compiled
def follow_through(ledger, path):
    """Shadows that the tape has just gone through get their fill; live orders wait for the exchange's word."""
    tracker = ledger.tracker
    for n in range(tracker.n_through):
        i = np.int64(tracker.through[n])
        node = tracker.node[i]
        if not node.is_live and node.as_state == shadow.AS_PENDING and node.void == 0:
            _hand_over_shadow(ledger, path, i)
    tracker.n_through = 0


@compiled
def _hand_over_shadow(ledger, path, i):
    node = ledger.tracker.node[i]
    mid2 = midpath.before_block(path, np.int64(node.tape_block_ns))
    has_mid = np.int64(1) if mid2 > 0 else np.int64(0)
    hand_over(
        ledger,
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
def on_order_gone(ledger, path, i):
    """The real order of node i is gone (cancelled): its shadow goes on; a trade through it in between counts."""
    node = ledger.tracker.node[i]
    node.is_live = 0
    if node.tape_fill_ns > 0 and node.as_state == shadow.AS_PENDING and node.void == 0:
        _hand_over_shadow(ledger, path, i)


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
                    _void_adverse(ledger, out, i, reason, now_ns)
                if node.is_live and node.void == 0:
                    ledger.renewals[ledger.n_renewals] = node.cloid
                    ledger.n_renewals += 1
    tracker.n_done = ledger.due_fill[N_FILL - 1]


@compiled
def _score_adverse(ledger, models, params, out, entry, h, mid2, now_ns):
    target = targets.ADVERSE_TARGET + h
    forecast = entry.forecast
    side = np.float64(1 - 2 * entry.s)
    if mid2 <= 0 or not entry.has_mid:
        ledger.resolved[target, targets.VOID_NO_MID] += 1
        _write(out, entry.prediction_id, target, now_ns, targets.VOID_NO_MID, forecast.loc_bps[h], NAN, NAN, NAN, NAN)
        if h == TOXIC:
            ledger.resolved[targets.TOXIC_TARGET, targets.VOID_NO_MID] += 1
            _write(
                out,
                entry.prediction_id,
                targets.TOXIC_TARGET,
                now_ns,
                targets.VOID_NO_MID,
                forecast.p_toxic,
                forecast.toxic_baseline,
                NAN,
                NAN,
                NAN,
            )
        return
    before = np.float64(entry.mid2_before)
    loss_bps = -side * (np.float64(mid2) - before) / before * BPS
    decided = np.int64(entry.decided)
    by_tape = np.int64(1) if decided == targets.DECIDED_TAPE else np.int64(0)
    loc = np.float64(forecast.loc_bps[h])
    scale = np.float64(forecast.scale_bps[h])
    dof = np.float64(forecast.dof[h])
    crps = scores.crps_student_t(loss_bps, dof, loc, scale)
    pit = student_t_cdf((loss_bps - loc) / scale, dof)
    bucket = np.int64(forecast.bucket)
    card = models.cards[target]
    as_of = np.int64(forecast.as_of[h])
    crps_baseline = base_rate.crps(card.empirical, bucket, as_of, loss_bps)
    scorecard.learn_continuous(
        card, entry.block_ns, bucket, crps, crps_baseline, pit, loss_bps, as_of, entry.is_window[h], by_tape
    )
    ledger.resolved[target, decided] += 1
    _write(out, entry.prediction_id, target, now_ns, decided, loc, NAN, loss_bps, crps, crps_baseline)
    if by_tape:
        adverse.learn(models.adverse, h, bucket, np.int64(entry.s), np.float64(forecast.sigma), loss_bps)
    if h == TOXIC:
        realised = side * (np.float64(mid2) - 2.0 * np.float64(entry.px)) / before * BPS - params.maker_fee_bps
        y = np.int64(1) if realised < 0.0 else np.int64(0)
        p = np.float64(forecast.p_toxic)
        q = np.float64(forecast.toxic_baseline)
        scorecard.learn_binary(
            models.cards[targets.TOXIC_TARGET], entry.block_ns, bucket, p, q, y, entry.is_window[h], by_tape
        )
        ledger.resolved[targets.TOXIC_TARGET, decided] += 1
        _write(
            out,
            entry.prediction_id,
            targets.TOXIC_TARGET,
            now_ns,
            decided,
            p,
            q,
            y,
            (p - y) * (p - y),
            (q - y) * (q - y),
        )


@compiled
def resolve_markouts(ledger, models, params, path, profit, marks, out, exch_now_ns):
    """Resolve every markout whose horizon lies before exch_now_ns on the exchange's clock."""
    for h in range(N_MARKOUT):
        while ledger.due_markout[h] < ledger.n_fills:
            entry = ledger.fills[ledger.due_markout[h] & FILL_MASK]
            due_ns = entry.block_ns + MARKOUT_HORIZONS[h]
            if due_ns >= exch_now_ns:
                break
            ledger.due_markout[h] += 1
            mid2 = midpath.at(path, due_ns)
            if path.last_event_ns < due_ns - params.stale_ns:
                mid2 = np.int64(0)  # the feed had stopped
            horizon = np.int64(h)
            if entry.prediction_id > 0:
                _score_adverse(ledger, models, params, out, entry, horizon, mid2, exch_now_ns)
            if entry.fill_id > 0:
                _mark_own_fill(profit, marks, out, entry, horizon, mid2)


@inline
def _mark_own_fill(profit, marks, out, entry, h, mid2):
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
        markout.learn(marks, np.int64(entry.s), h, row.realised_bps, notional)


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
                _write(out, entry.prediction_id, target, now_ns, targets.VOID_NO_MID, move, 0.0, NAN, NAN, NAN)
                continue
            actual = (np.float64(mid2) / np.float64(entry.mid2) - 1.0) * BPS
            loss = (actual - move) * (actual - move)
            loss_baseline = actual * actual
            scorecard.learn_continuous(
                models.cards[target],
                entry.made_ns,
                ANY_DEPTH,
                loss,
                loss_baseline,
                NAN,
                NAN,
                NO_SEQUENCE,
                entry.is_window[h],
                BY_TAPE,
            )
            fair.learn(models.fair, np.int64(h), entry.displacement_bps, actual)
            ledger.resolved[target, targets.DECIDED_TAPE] += 1
            _write(out, entry.prediction_id, target, now_ns, targets.DECIDED_TAPE, move, 0.0, actual, loss, loss_baseline)


# ---------------------------------------------------------------- account for it


@compiled
def pending(ledger, target):
    """Unresolved predictions of a target, counted afresh from the rings."""
    count = np.int64(0)
    tracker = ledger.tracker
    if target < targets.ADVERSE_TARGET:
        return np.int64(tracker.n_made - ledger.due_fill[target])
    if target >= targets.FAIR_TARGET:
        return np.int64(ledger.n_fair - ledger.due_fair[target - targets.FAIR_TARGET])
    h = TOXIC if target == targets.TOXIC_TARGET else target - targets.ADVERSE_TARGET
    for n in range(tracker.n_done, tracker.n_made):
        if tracker.node[n & shadow.MASK].as_state == shadow.AS_PENDING:
            count += 1
    for n in range(ledger.due_markout[h], ledger.n_fills):
        if ledger.fills[n & FILL_MASK].prediction_id > 0:
            count += 1
    return count


@inline
def n_resolved(ledger, target):
    """Predictions of a target with an outcome."""
    return np.int64(ledger.resolved[target, targets.DECIDED_TAPE] + ledger.resolved[target, targets.DECIDED_MODEL])


@inline
def n_voided(ledger, target):
    """Predictions of a target without an outcome, for any of the VOID_* reasons."""
    total = np.int64(0)
    for reason in range(targets.VOID_REJECTED, targets.N_DECIDED):
        total += ledger.resolved[target, reason]
    return total


@compiled
def is_conserved(ledger):
    """made = resolved + pending + voided for every target, and nothing evicted."""
    for target in range(targets.N_TARGETS):
        accounted = n_resolved(ledger, target) + n_voided(ledger, target) + pending(ledger, np.int64(target))
        if ledger.made[target] != accounted:
            return False
    return ledger.n_evicted == 0
