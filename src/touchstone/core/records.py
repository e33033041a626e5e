"""What is written down: quote decisions, predictions, outcomes, fills, calibration, alerts.

The engine appends to these buffers; the shell drains them. A full buffer stops trading (`overflow`), it never drops.
"""

import numpy as np

from touchstone.core.actions import ACTION
from touchstone.core.calibration.scorecard import SUMMARY
from touchstone.core.conventions import N_FAIR, N_FILL, N_MARKOUT
from touchstone.core.jit import inline, record
from touchstone.core.market.leadlag import LAG_ROW, PAIR
from touchstone.core.models.belief import N_PARTS
from touchstone.core.quoting.params import MARKET_PARAMS, MAX_LEVELS, N_TERMS
from touchstone.core.targets import N_TARGETS

QUOTE = record(
    [
        ("quote_id", "i8"),
        ("decided_ns", "i8"),
        ("trigger", "i8"),  # TRIGGER_*
        ("risk_state", "i8"),
        ("risk_reason", "i8"),
        ("position", "i8"),
        ("market", MARKET_PARAMS),
        ("term_bps", "f8", (2, N_TERMS)),  # additive, per side; positive = away from mid
        ("half_spread_bps", "f8", (2,)),  # their sum after clamps
        ("px", "i8", (2, MAX_LEVELS)),
        ("qty", "i8", (2, MAX_LEVELS)),
        ("asked_bps", "f8", (2, N_TERMS)),  # what each model would have had, before its leash
        ("model_free_bps", "f8", (2,)),  # half-spread without any model
        ("influence", "f8", (N_TARGETS,)),  # share of its own way that each model had
        ("careful_share", "f8", (N_TERMS,)),  # of each careful part that counted: 0 once its cost is shown
        ("gate_closed", "i8", (2,)),
        ("gate_p_loss", "f8", (2,)),  # P(fills lose in the mean in a hot market)
        ("gate_propensity", "f8", (2,)),  # chance with which a closed side quotes all the same; 0: it does not
        ("value_bps", "f8", (2, MAX_LEVELS)),  # of a level: P(fill in 10 s) x (expected edge - inventory term)
        ("no_quote_reason", "i8", (2,)),  # NO_QUOTE_* of a side without an order
    ]
)

PREDICTION = record(
    [
        (
            "prediction_id",
            "i8",
        ),  # the order's first id: fill; +1: adverse selection (with P(toxic)); +2: edge; fair value has its own
        ("quote_id", "i8"),
        ("made_ns", "i8"),
        ("cloid", "i8"),  # 0: an order that is never sent
        ("kind", "i8"),  # KIND_*
        ("side", "i8"),
        ("px", "i8"),
        ("qty", "i8"),
        ("mid2", "i8"),
        ("bucket", "i8"),
        ("depth_bps", "f8"),
        ("queue_ahead", "f8"),
        ("sigma", "f8"),
        ("fill_p", "f8", (N_FILL,)),
        ("fill_sd", "f8", (N_FILL,)),
        ("fill_baseline", "f8", (N_FILL,)),
        ("as_loc", "f8", (N_MARKOUT,)),
        ("as_scale", "f8", (N_MARKOUT,)),
        ("as_dof", "f8", (N_MARKOUT,)),
        ("p_toxic", "f8"),
        ("p_toxic_without", "f8"),  # by the model without signals
        ("fair_bps", "f8", (N_FAIR,)),  # fair value: predicted move of the mid at 1 and 10 s
        ("fair_sd_bps", "f8", (N_FAIR,)),
        ("lag_gap_bps", "f8"),  # lead-lag: the leader's move that our mid had not followed
        ("lag_bps", "f8", (N_FAIR,)),  # predicted move of the mid from it
        ("lag_sd_bps", "f8", (N_FAIR,)),
        ("p_up", "f8"),
        ("p_up_baseline", "f8"),
        ("edge_context", "i8"),  # of models.edge
        ("edge_loc", "f8"),  # what the fill earns at 10 s after its fee, bps: Student-t
        ("edge_scale", "f8"),
        ("edge_dof", "f8"),
        ("p_edge", "f8"),  # P(the context's mean edge > 0)
        ("belief_weight", "f8", (N_PARTS,)),  # density of the mid's move: models.belief
        ("belief_scale_bps", "f8", (N_PARTS,)),
        ("model_version", "i8"),
        ("is_window", "i8", (N_FILL,)),
    ]
)
KIND_NAMES = (
    *("place", "amend", "renew", "sample", "fair", "lag", "belief"),
    *("model_free", "without_one", "gated"),
)
(
    KIND_PLACE,
    KIND_AMEND,
    KIND_RENEW,
    KIND_SAMPLE,
    KIND_FAIR,
    KIND_LAG,
    KIND_BELIEF,
    KIND_MODEL_FREE,
    KIND_WITHOUT,
    KIND_GATED,
) = (np.int64(i) for i in range(len(KIND_NAMES)))
MODEL_VERSION = np.int64(3)

OUTCOME = record(
    [
        ("prediction_id", "i8"),
        ("target", "i8"),  # index of targets.TARGET_NAMES
        ("resolved_ns", "i8"),
        ("decided", "i8"),  # DECIDED_* or VOID_*
        ("bucket", "i8"),  # depth bucket
        ("forecast", "f8"),  # probability, or mean in bps
        ("baseline", "f8"),  # probability; NaN for continuous targets
        ("outcome", "f8"),  # 0/1, or bps
        ("loss", "f8"),
        ("loss_baseline", "f8"),
    ]
)

SNAPSHOT = record(  # every signal at one time
    [
        ("t_ns", "i8"),
        ("mid2", "i8"),
        ("displacement_bps", "f8"),
        ("sigma", "f8"),
        ("imbalance", "f8"),
        ("flow_z", "f8"),
        ("lag_gap_bps", "f8"),
        ("lag_move_bps", "f8"),
        ("depth_bps", "f8"),
        ("queue_ahead", "f8"),
        ("p_toxic", "f8", (2,)),  # per side
        ("ofi", "f8"),
        ("regime", "i8"),  # index of market.regime.REGIME_NAMES
        ("p_change", "f8"),
        ("oracle_gap_bps", "f8"),
        ("toxicity_p", "f8", (2,)),  # given the signals, at the rate of the usual half-spread
    ]
)

FILL_ROW = record(
    [
        ("fill_id", "i8"),
        ("trade_id", "i8"),
        ("cloid", "i8"),
        ("exch_ns", "i8"),
        ("recv_ns", "i8"),
        ("side", "i8"),
        ("px", "i8"),
        ("qty", "i8"),
        ("fee_micro", "i8"),
        ("bits", "i8"),
        ("mid2_before", "i8"),  # just before the aggressing block
        ("position_after", "i8"),
        ("fill_prediction_id", "i8"),
        ("as_prediction_id", "i8"),
        ("edge_prediction_id", "i8"),
        ("lag_prediction_id", "i8"),
        ("prediction_ns", "i8"),
        ("predicted_fill_prob", "f8"),
        ("predicted_as_bps", "f8"),
        ("predicted_edge_bps", "f8"),
        ("at_decision", SNAPSHOT),  # FillSignalSnapshot
        ("at_fill", SNAPSHOT),
        ("spread_capture", "i8"),  # ledger units (half micro)
        ("pnl_total", "i8"),
    ]
)

MARKOUT_ROW = record(
    [
        ("fill_id", "i8"),
        ("horizon", "i8"),
        ("mid2", "i8"),  # 0: missing
        ("realised_bps", "f8"),
        ("adverse_bps", "f8"),
    ]
)

EDGE_ROW = record(  # EdgeScatter: what a fill was expected to earn and what it earned, at 10 s after its fee
    [
        ("prediction_id", "i8"),
        ("fill_id", "i8"),
        ("made_ns", "i8"),
        ("block_ns", "i8"),
        ("context", "i8"),
        ("depth_bps", "f8"),
        ("predicted_bps", "f8"),
        ("sd_bps", "f8"),
        ("realised_bps", "f8"),
        ("z", "f8"),
    ]
)

CALIBRATION = record(
    [
        ("t_ns", "i8"),
        ("n_fills", "i8"),
        ("quoting", "i8"),  # 1: at least one order resting
        ("no_quote_reason", "i8", (2,)),
        ("no_quote_since_ns", "i8", (2,)),
        ("risk_state", "i8"),
        ("risk_reason", "i8"),
        ("made", "i8", (N_TARGETS,)),
        ("resolved", "i8", (N_TARGETS,)),
        ("voided", "i8", (N_TARGETS,)),
        ("summary", SUMMARY, (N_TARGETS,)),
        ("influence", "f8", (N_TARGETS,)),
        ("log_values", "f8", (N_TARGETS,)),  # scratch
        ("is_found", "i8", (N_TARGETS,)),
    ]
)

ALERT = record([("t_ns", "i8"), ("code", "i8"), ("value", "f8"), ("cloid", "i8")])

# Twice what one event can cause at the very most, so that a shell may drain at half full. A backtest drains some 80 us
# a time, yet what it drains should not have left the cache: quotes and predictions have room for some hundreds.
N_ACTIONS, N_QUOTES, N_PREDICTIONS, N_OUTCOMES = 256, 1024, 2048, 32768
N_FILLS, N_MARKOUTS, N_CALIBRATIONS, N_ALERTS = 512, 4096, 8, 128
N_PAIRS, N_LAGS, N_EDGES = 4096, 8, 4096

OUT = record(
    [
        ("n_actions", "i8"),
        ("n_quotes", "i8"),
        ("n_predictions", "i8"),
        ("n_outcomes", "i8"),
        ("n_fills", "i8"),
        ("n_markouts", "i8"),
        ("n_calibrations", "i8"),
        ("n_alerts", "i8"),
        ("n_pairs", "i8"),
        ("n_lags", "i8"),
        ("n_edges", "i8"),
        ("overflow", "i8"),  # 1: a buffer was full; the engine stops trading
        ("actions", ACTION, (N_ACTIONS,)),
        ("quotes", QUOTE, (N_QUOTES,)),
        ("predictions", PREDICTION, (N_PREDICTIONS,)),
        ("outcomes", OUTCOME, (N_OUTCOMES,)),
        ("fills", FILL_ROW, (N_FILLS,)),
        ("markouts", MARKOUT_ROW, (N_MARKOUTS,)),
        ("calibrations", CALIBRATION, (N_CALIBRATIONS,)),
        ("alerts", ALERT, (N_ALERTS,)),
        ("pairs", PAIR, (N_PAIRS,)),
        ("lags", LAG_ROW, (N_LAGS,)),
        ("edges", EDGE_ROW, (N_EDGES,)),
    ]
)

ALERT_NAMES = (
    "none",
    "ledger_full",
    "unmatched_own_event",
    "model_degraded",
    "risk_state_changed",
    "pnl_identity_broken",
    "ladder_invariant",
    "position_mismatch",
    "fee_mismatch",
    "ledger_not_conserved",
    "time_went_back",
    "recalibrated",  # a model's challenger, itself recalibrated, has taken over
)
(
    ALERT_NONE,
    ALERT_LEDGER_FULL,
    ALERT_UNMATCHED,
    ALERT_DEGRADED,
    ALERT_RISK,
    ALERT_PNL,
    ALERT_LADDER,
    ALERT_POSITION,
    ALERT_FEE,
    ALERT_CONSERVATION,
    ALERT_TIME,
    ALERT_RECALIBRATED,
) = (np.int64(i) for i in range(len(ALERT_NAMES)))


@inline
def clear(out):
    """Empty all buffers (the shell has drained them)."""
    out.n_actions = 0
    out.n_quotes = 0
    out.n_predictions = 0
    out.n_outcomes = 0
    out.n_fills = 0
    out.n_markouts = 0
    out.n_calibrations = 0
    out.n_alerts = 0
    out.n_pairs = 0
    out.n_lags = 0
    out.n_edges = 0


@inline
def begin_prediction(out, prediction_id, kind, market):
    """A new row, for the caller to go on with: when and in which market it was made, all else blank; its number.

    The caller has made sure that there is room (N_PREDICTIONS).
    """
    n = np.int64(out.n_predictions)
    row = out.predictions[n]
    out.n_predictions += 1
    _blank(row)
    row.prediction_id = prediction_id
    row.made_ns = market.t_ns
    row.kind = kind
    row.mid2 = market.mid2
    row.sigma = market.sigma
    row.model_version = MODEL_VERSION
    return n


@inline
def _blank(row):
    """Every field that a kind of prediction may leave out, so that no byte is left from a row before."""
    row.quote_id = 0
    row.cloid = 0
    row.side = 0
    row.px = 0
    row.qty = 0
    for h in range(N_FILL):
        row.fill_p[h] = 0.0
        row.fill_sd[h] = 0.0
        row.fill_baseline[h] = 0.0
        row.is_window[h] = 0
    for h in range(N_MARKOUT):
        row.as_loc[h] = 0.0
        row.as_scale[h] = 0.0
        row.as_dof[h] = 0.0
    for h in range(N_FAIR):
        row.fair_bps[h] = 0.0
        row.fair_sd_bps[h] = 0.0
        row.lag_bps[h] = 0.0
        row.lag_sd_bps[h] = 0.0
    row.lag_gap_bps = 0.0
    row.edge_context = 0
    row.edge_loc = 0.0
    row.edge_scale = 0.0
    row.edge_dof = 0.0
    row.p_edge = 0.0
    row.p_up = 0.0
    row.p_up_baseline = 0.0
    for j in range(N_PARTS):
        row.belief_weight[j] = 0.0
        row.belief_scale_bps[j] = 0.0
    row.p_toxic = 0.0
    row.p_toxic_without = 0.0
    row.depth_bps = 0.0
    row.queue_ahead = 0.0
    row.bucket = 0


@inline
def outcome(out, prediction_id, target, now_ns, decided, bucket, forecast, baseline, actual, loss, loss_baseline):
    """Write an outcome; the buffer being full is an overflow."""
    if out.n_outcomes >= N_OUTCOMES:
        out.overflow = 1
        return
    row = out.outcomes[out.n_outcomes]
    out.n_outcomes += 1
    row.prediction_id = prediction_id
    row.target = target
    row.resolved_ns = now_ns
    row.decided = decided
    row.bucket = bucket
    row.forecast = forecast
    row.baseline = baseline
    row.outcome = actual
    row.loss = loss
    row.loss_baseline = loss_baseline


@inline
def alert(out, t_ns, code, value, cloid):
    """Write an alert; the buffer being full is an overflow."""
    if out.n_alerts >= N_ALERTS:
        out.overflow = 1
        return
    row = out.alerts[out.n_alerts]
    row.t_ns = t_ns
    row.code = code
    row.value = value
    row.cloid = cloid
    out.n_alerts += 1


@inline
def is_half_full(out):
    """Whether the buffers want draining."""
    return (
        2 * out.n_outcomes > N_OUTCOMES
        or 2 * out.n_predictions > N_PREDICTIONS
        or 2 * out.n_quotes > N_QUOTES
        or 2 * out.n_fills > N_FILLS
        or 2 * out.n_markouts > N_MARKOUTS
        or 2 * out.n_alerts > N_ALERTS
        or 2 * out.n_calibrations > N_CALIBRATIONS
        or 2 * out.n_pairs > N_PAIRS
        or 2 * out.n_lags > N_LAGS
        or 2 * out.n_edges > N_EDGES
    )
