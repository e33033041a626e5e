"""The prediction ledger: what was predicted, what is due, what became of it (outcomes.py resolves).

A prediction is frozen with the decision (value, inputs, baseline, time, horizon) and resolved by a timer, not by luck.
At any moment, for every target: made = resolved + pending + voided. Nothing is evicted: an order that could not be
followed is not sent.
"""

import math

import numpy as np

from touchstone.core import records, targets
from touchstone.core.calibration import belief as belief_predictions
from touchstone.core.calibration import caution, scorecard, shadow
from touchstone.core.calibration import lag as lag_predictions
from touchstone.core.conventions import (
    FAIR_HORIZONS_NS,
    FILL_HORIZONS_NS,
    MARKOUT_HORIZONS_NS,
    N_FAIR,
    N_FILL,
    N_MARKOUT,
    NEVER_NS,
    TOXIC_HORIZON,
    depth_bucket,
)
from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import adverse, belief, capture, crowded, edge, fair, fill, lag, toxicity

FILL_HORIZONS = np.array(FILL_HORIZONS_NS)
MARKOUT_HORIZONS = np.array(MARKOUT_HORIZONS_NS)
FAIR_HORIZONS = np.array(FAIR_HORIZONS_NS)

N_PENDING_FILLS = 4096
FILL_MASK = np.int64(N_PENDING_FILLS - 1)
N_PENDING_FAIR = 64
FAIR_MASK = np.int64(N_PENDING_FAIR - 1)
TOXIC = np.int64(TOXIC_HORIZON)
ANY_DEPTH = np.int64(0)
USUAL = np.float64(0.0)  # toxicity: nothing is known of it
NO_GROUP = np.int64(-1)  # of the gate: an order for measurement only

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
        ("weight", "f8"),  # what its outcome is worth: fills of one block share its move
        ("mid2_after", "i8"),  # as the aggressing block left it; 0 unknown
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
        ("next_markout_ns", "i8"),  # no markout is due before
        ("block_ns", "i8", (2,)),  # of the newest fill, per side, and how many fills it has had
        ("n_of_block", "i8", (2,)),
        ("n_fair", "i8"),
        ("due_fair", "i8", (N_FAIR,)),
        ("lag", lag_predictions.LAG_LEDGER),
        ("belief", belief_predictions.BELIEF_LEDGER),
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
        ("capture", capture.CAPTURE),  # of our own fills
        ("capture_through", capture.CAPTURE),  # of shadows, which fill only when the mid has come all the way
        ("fair", fair.FAIR),
        ("lag", lag.LAG),
        ("toxicity", toxicity.TOXICITY),
        ("belief", belief.BELIEF),
        ("edge", edge.EDGE),
        ("crowded", crowded.CROWDED, (crowded.N_PLACES, 2)),  # by place and side
        ("cards", scorecard.CARD, (targets.N_TARGETS,)),
        ("influence", "f8", (targets.N_TARGETS,)),  # share of its own way that a model has earned, 0 to 1
        ("caution", caution.CAUTION),
    ]
)


def reset(ledger, models, fill_memory, adverse_memory):
    """Empty ledger, models at their priors, scorecards without data. Memories in outcomes; a cell has a quarter."""
    shadow.reset(ledger.tracker)
    ledger.next_id = 1
    ledger.n_fills = 0
    ledger.next_markout_ns = NEVER_NS
    ledger.block_ns[:] = 0
    ledger.n_of_block[:] = 0
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
    capture.reset(models.capture, adverse_memory)
    capture.reset(models.capture_through, adverse_memory)
    fair.reset(models.fair, fair.MEMORY, fair.SCALE_MEMORY)
    edge.reset(models.edge, 0.25 * adverse_memory, adverse_memory)
    for place in range(crowded.N_PLACES):
        for s in range(2):
            crowded.reset(models.crowded[place, s])
    caution.reset(models.caution)
    for h in range(N_FILL):
        scorecard.reset(models.cards[targets.FILL_TARGET + h], scorecard.BINARY, FILL_HORIZONS[h])
    for h in range(N_MARKOUT):
        scorecard.reset(models.cards[targets.ADVERSE_TARGET + h], scorecard.CONTINUOUS, MARKOUT_HORIZONS[h])
    scorecard.reset(models.cards[targets.TOXIC_TARGET], scorecard.BINARY, MARKOUT_HORIZONS[TOXIC])
    for h in range(N_FAIR):
        scorecard.reset(models.cards[targets.FAIR_TARGET + h], scorecard.CONTINUOUS, FAIR_HORIZONS[h])
    lag_predictions.reset(models)
    toxicity.reset(models.toxicity)
    scorecard.reset(models.cards[targets.SIGNALS_TARGET], scorecard.BINARY, MARKOUT_HORIZONS[TOXIC])
    belief_predictions.reset(models)
    scorecard.reset(models.cards[targets.EDGE_TARGET], scorecard.CONTINUOUS, MARKOUT_HORIZONS[TOXIC])


@compiled
def freeze(ledger, models, params, market, out, kind, cloid, quote_id, s, px, index, qty, depth_bps, queue_ahead, bets):
    """Freeze every prediction about an order of side index s (0 bid, 1 ask); returns its node, -1 without room.

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
    ledger.next_id += 3
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

    row = out.predictions[records.begin_prediction(out, first_id, kind, market)]
    row.quote_id = quote_id
    row.cloid = cloid
    row.side = 1 - 2 * s
    row.px = px
    row.qty = qty
    row.depth_bps = depth_bps
    row.queue_ahead = queue_ahead

    forecast = node.forecast
    bucket = depth_bucket(depth_bps)
    row.bucket = bucket
    forecast.bucket = bucket
    forecast.sigma = market.sigma
    forecast.crowd = crowded.NOWHERE
    forecast.lag_term_bps = market.lag_term_bps[s]
    forecast.toxicity = market.toxicity_x[s]
    forecast.gate_group = NO_GROUP
    forecast.gate_until_ns = 0
    fill_features(node.features, market, s, depth_bps, queue_ahead)
    for h in range(N_FILL):
        target = targets.FILL_TARGET + h
        raw, sd = fill.predict(models.fill_model, node.features, h)
        p = scorecard.forecast(models.cards[target], raw)
        node.raw_p[h] = raw
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
        loc, scale, dof = adverse.predict(models.adverse, h, bucket, s, market.sigma, forecast.toxicity)
        forecast.loc_bps[h] = loc
        forecast.through_bps[h] = adverse.through_bps(models.adverse, h, market.sigma)
        forecast.scale_bps[h] = scale
        forecast.dof[h] = dof
        forecast.as_of[h] = scorecard.baseline_sequence(models.cards[target], bucket)
        row.as_loc[h] = loc
        row.as_scale[h] = scale
        row.as_dof[h] = dof
        ledger.made[target] += 1
    forecast.depth_bps = depth_bps
    forecast.made_ns = now_ns
    forecast.pair = -1
    forecast.pair_role = 0
    _freeze_toxic(ledger, models, params, market, forecast, s)
    row.p_toxic = forecast.p_toxic
    row.p_toxic_without = forecast.p_toxic_without
    forecast.has_edge = params.follows_edge
    if params.follows_edge:
        _freeze_edge(ledger, models, market, forecast, row, s, bucket)
    else:
        forecast.edge_loc = math.nan
    return i


@inline
def _freeze_edge(ledger, models, market, forecast, row, s, bucket):
    """What the fill of this order will earn, by its context."""
    c = edge_context(market, bucket, s)
    m, k, a, b = edge.of_context(models.edge, c)
    loc, scale, dof, unit = edge.next_one(models.edge, m, k, a, b, market.sigma)
    forecast.edge_context = c
    forecast.edge_loc = loc
    forecast.edge_scale = scale
    forecast.edge_dof = dof
    forecast.edge_unit = unit
    forecast.edge_as_of = scorecard.baseline_sequence(models.cards[targets.EDGE_TARGET], ANY_DEPTH)
    ledger.made[targets.EDGE_TARGET] += 1
    row.edge_context = c
    row.edge_loc = loc
    row.edge_scale = scale
    row.edge_dof = dof
    row.p_edge = edge.p_above(m, k, a, b, 0.0)


@inline
def edge_context(market, bucket, s):
    """Number of the edge model's context of an order in a depth bucket of side index s."""
    share = market.position_share if s == 0 else -market.position_share
    return edge.context(np.int64(market.regime), edge.position_bucket(share), bucket, s)


@inline
def _freeze_toxic(ledger, models, params, market, forecast, s):
    """P(toxic) by the model without signals, and by the classifier where that is on: then it is the forecast.

    For our own fill, and for a shadow that the tape goes through.
    """
    bucket, card = np.int64(forecast.bucket), models.cards[targets.TOXIC_TARGET]
    depth_bps = np.float64(forecast.depth_bps)
    half_spread, sd = capture.predict(models.capture, bucket, depth_bps)
    left = half_spread - params.maker_fee_bps
    loc, scale, dof = adverse.predict(models.adverse, TOXIC, bucket, s, market.sigma, USUAL)
    without = adverse.p_beyond(loc, scale, dof, left, sd)
    half_spread, sd = capture.predict(models.capture_through, bucket, depth_bps)
    left = half_spread - params.maker_fee_bps - forecast.through_bps[TOXIC]
    through = adverse.p_beyond(loc, scale, dof, left, sd)
    forecast.p_toxic_without, forecast.p_through_without = without, through
    forecast.raw_p_toxic, forecast.raw_p_through = without, through
    forecast.toxic_baseline = scorecard.baseline(card, bucket)
    forecast.has_signals = params.has_toxicity
    ledger.made[targets.TOXIC_TARGET] += 1
    if params.has_toxicity:
        toxicity.features(forecast.toxic_x, market.signal, s, through)
        forecast.raw_p_through = toxicity.predict(models.toxicity, forecast.toxic_x)
        toxicity.features(forecast.toxic_x, market.signal, s, without)
        forecast.raw_p_toxic = toxicity.predict(models.toxicity, forecast.toxic_x)
        ledger.made[targets.SIGNALS_TARGET] += 1
    forecast.p_toxic = scorecard.forecast(card, forecast.raw_p_toxic)
    forecast.p_through = scorecard.forecast(card, forecast.raw_p_through)


@inline
def p_toxic(models, params, bucket, s, depth_bps, sigma):
    """P(a fill of an order at this depth earns less than its fee within 10 s)."""
    half_spread, sd = capture.predict(models.capture, bucket, depth_bps)
    return adverse.p_toxic(models.adverse, bucket, s, sigma, USUAL, half_spread - params.maker_fee_bps, sd)


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
    row = out.predictions[records.begin_prediction(out, np.int64(entry.prediction_id), records.KIND_FAIR, market)]
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


@inline
def _concerns(forecast, target):
    """Whether a forecast "if filled" has one of this target."""
    if target == targets.SIGNALS_TARGET:
        return forecast.has_signals != 0
    return target != targets.EDGE_TARGET or forecast.has_edge != 0


@compiled
def pending(ledger, target):
    """Unresolved predictions of a target, counted afresh from the rings."""
    count = np.int64(0)
    tracker = ledger.tracker
    if target < targets.ADVERSE_TARGET:
        return np.int64(tracker.n_made - ledger.due_fill[target])
    if target == targets.BELIEF_TARGET:
        return belief_predictions.pending(ledger)
    if targets.LAG_TARGET <= target < targets.SIGNALS_TARGET:
        return lag_predictions.pending(ledger, target)
    if targets.FAIR_TARGET <= target < targets.LAG_TARGET:
        return np.int64(ledger.n_fair - ledger.due_fair[target - targets.FAIR_TARGET])
    at_10s = target == targets.TOXIC_TARGET or target == targets.EDGE_TARGET or target == targets.SIGNALS_TARGET
    h = TOXIC if at_10s else target - targets.ADVERSE_TARGET
    for n in range(tracker.n_done, tracker.n_made):
        node = tracker.node[n & shadow.MASK]
        if node.as_state == shadow.AS_PENDING and _concerns(node.forecast, target):
            count += 1
    for n in range(ledger.due_markout[h], ledger.n_fills):
        entry = ledger.fills[n & FILL_MASK]
        if entry.prediction_id > 0 and _concerns(entry.forecast, target):
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
