"""The state: every component's record, nested into one. A checkpoint is its bytes."""

from typing import Any

import numpy as np

from touchstone.core import events, records
from touchstone.core import grid as price_grid
from touchstone.core.calibration import ledger
from touchstone.core.conventions import NS
from touchstone.core.jit import record
from touchstone.core.market import (
    book,
    changepoint,
    flow,
    funding,
    intensity,
    leadlag,
    microprice,
    midpath,
    placebo,
    regime,
    volatility,
)
from touchstone.core.params import PARAMS
from touchstone.core.quoting import gate, glft, ladder
from touchstone.core.quoting.params import MARKET_PARAMS
from touchstone.core.targets import N_TARGETS
from touchstone.core.trading import fills, markout, orders, pnl, quota, reconcile, refusals, risk

STATE = record(
    [
        ("params", PARAMS),
        # clocks
        ("now_ns", "i8"),  # receive clock of the newest event
        ("book_recv_ns", "i8"),  # receive time of the newest word about the book, 0 = never
        ("n_events", "i8"),
        ("n_time_back", "i8"),
        # what the market is doing
        ("grid", price_grid.GRID),
        ("book", book.BOOK),
        ("touch_px", "i8", (2,)),  # best prices after the last whole message
        ("refused_px", "i8", (2,)),  # what a post-only order of this side would have met, until the touch moves; 0 none
        ("refused_ns", "i8"),
        ("path", midpath.MIDPATH),
        ("flow", flow.FLOW),
        ("volatility", volatility.VOLATILITY),
        ("intensity", intensity.INTENSITY),
        ("microprice", microprice.MICROPRICE),
        ("leadlag", leadlag.LEADLAG),
        ("regime", regime.REGIME),
        ("changepoint", changepoint.CHANGEPOINT),
        ("next_second_ns", "i8"),  # when they look at the market again
        ("second_mid2", "i8"),  # at the last second, 0: none
        ("placebo", placebo.PLACEBO),
        ("funding", funding.FUNDING),
        ("n_off_grid_trades", "i8"),
        # what we predict, and whether we are right
        ("models", ledger.MODELS),
        ("ledger", ledger.LEDGER),
        ("sample_window", "i8"),  # evaluation sample
        ("sample_due_ns", "i8"),
        ("n_samples", "i8"),
        ("n_samples_missed", "i8"),  # windows whose moment fell into a time without data
        ("next_calibration_ns", "i8"),
        ("was_degraded", "i8", (N_TARGETS,)),  # alarms that have been reported
        # what we would like
        ("market_params", MARKET_PARAMS),
        ("params_event", "i8"),  # number of the event at which they were last observed
        ("costs_event", "i8"),  # ... and what fills cost
        # what market_params.p_toxic was last computed from
        ("toxic_half_bps", "f8"),
        ("toxic_sigma", "f8"),
        ("toxic_n", "i8"),  # outcomes that its models had learned from
        ("free", glft.GLFT),  # without adverse selection: the model-free quote
        ("impacted", glft.GLFT),
        ("ladder", ladder.LADDER),
        ("gate", gate.GATE),
        ("quote_id", "i8"),
        ("decided_ns", "i8"),
        ("decided_mid2", "i8"),
        ("decided_lag_bps", "f8"),  # lag_move_bps then
        ("decided_risk", "i8"),  # number of the risk state that the last decision saw
        ("is_dirty", "i8"),  # something that a decision depends on has changed since the last one
        ("order_qty", "i8"),  # one lot of inventory
        ("max_position_qty", "i8"),
        ("n_decisions", "i8"),
        ("n_unsound", "i8"),  # ladders that broke an invariant: not sent
        # what we do and own
        ("orders", orders.ORDERS),
        ("seen", fills.SEEN),
        ("pending_fill", events.EVENT),
        ("profit", pnl.PNL),
        ("attribution", pnl.ATTRIBUTION),  # scratch
        ("marks", markout.MARKOUT),
        ("risk", risk.RISK),
        ("risk_inputs", risk.INPUTS),
        ("quota", quota.QUOTA),
        ("reconcile", reconcile.RECONCILE),
        ("refusals", refusals.REFUSALS),
        ("equity_micro", "i8"),  # by the exchange's word; 0 = not told yet
        ("n_fee_mismatches", "i8"),
        # time at the touch etc., for the report
        ("quoting_ns", "i8", (2,)),  # time with an order resting
        ("two_sided_ns", "i8"),
        ("touch_ns", "i8", (2,)),  # ... at the touch or better
        ("depth_time", "f8", (2,)),  # integral of the best order's depth (bps x seconds)
        ("not_quoting_ns", "i8", (2, ladder.N_NO_QUOTE)),  # time without an order, by side and rule
        ("inventory_time", "f8"),  # integral of |position| x mid (micro x seconds)
        ("largest_inventory", "f8"),  # largest |position| x mid, micro
        ("clock_ns", "i8"),  # up to where those integrals go
        ("is_halted", "i8"),  # a full buffer stops everything
    ]
)

MACHINE = record([("state", STATE), ("event", events.EVENT), ("out", records.OUT)])

# Warm-up and pace of the estimators.
VOLATILITY_PERIOD_NS = np.int64(NS)
VOLATILITY_WARM = np.int64(30)  # returns
GAP_NS = np.int64(5 * NS)  # a silence after which nothing is continued
FLOW_FAST_S, FLOW_SLOW_S, FLOW_SCALE_S, FLOW_WARM = 5.0, 60.0, 1800.0, np.int64(10)
INTENSITY_SOLVE_NS = np.int64(NS)
INTENSITY_PRIOR_SWEEPS, INTENSITY_OWN_PRIOR_S, INTENSITY_BUCKET_BPS, INTENSITY_WARM = 3.0, 60.0, 1.0, 8.0
MICROPRICE_HALF_LIFE_S, MICROPRICE_SOLVE_NS = 1800.0, np.int64(10 * NS)
MICROPRICE_PRIOR_MOVES, MICROPRICE_PRIOR_SHARE, MICROPRICE_WARM = 50.0, 0.5, 100.0


def new_machine() -> Any:
    """A machine at rest: one array of length 1, to be given to `reset` and then to `step`."""
    return np.zeros(1, MACHINE)


def reset(state: Any, position: Any, mid2: Any) -> None:
    """Start a session with the parameters that stand in `state.params`: components at their priors.

    `state` must be zeroed but for its parameters; position (size units) and mid2 open the accounts (mid2 0: the first
    one seen). Not compiled, like every reset below it: it runs once, and compiling them all took seconds.
    """
    params = state.params
    price_grid.reset(state.grid, params.sz_decimals, params.min_notional)
    book.reset(state.book)
    flow.reset(state.flow, FLOW_FAST_S, FLOW_SLOW_S, FLOW_SCALE_S, FLOW_WARM)
    volatility.reset(
        state.volatility,
        VOLATILITY_PERIOD_NS,
        params.volatility_half_life_s,
        params.volatility_slow_half_life_s,
        params.volatility_prior,
        VOLATILITY_WARM,
        GAP_NS,
    )
    intensity.reset(
        state.intensity,
        params.intensity_half_life_s,
        params.min_half_spread_bps,  # nearer trades say nothing about our fills
        INTENSITY_SOLVE_NS,
        params.intensity_prior_per_s,
        params.decay_prior_per_bps,
        INTENSITY_PRIOR_SWEEPS,
        INTENSITY_OWN_PRIOR_S,
        INTENSITY_BUCKET_BPS,
        INTENSITY_WARM,
    )
    microprice.reset(
        state.microprice,
        MICROPRICE_HALF_LIFE_S,
        MICROPRICE_SOLVE_NS,
        GAP_NS,
        MICROPRICE_PRIOR_MOVES,
        MICROPRICE_PRIOR_SHARE,
        MICROPRICE_WARM,
    )
    leadlag.reset(state.leadlag)
    regime.reset(state.regime)
    changepoint.reset(
        state.changepoint,
        changepoint.HAZARD,
        changepoint.PRIOR_MEAN,
        changepoint.PRIOR_K,
        changepoint.PRIOR_A,
        changepoint.PRIOR_B,
        changepoint.NOISE,
        changepoint.LEAST_MASS,
    )
    placebo.reset(state.placebo, params.shuffles_inputs)
    ledger.reset(state.ledger, state.models, params.fill_memory, params.adverse_memory)
    glft.reset(state.free, glft.MODEL_B)
    glft.reset(state.impacted, glft.MODEL_B)
    gate.reset(state.gate)
    orders.reset(state.orders)
    pnl.reset(state.profit, position, mid2)
    markout.reset(state.marks)
    state.risk.limits = params.limits
    risk.reset(state.risk)
    quota.reset(state.quota, params.initial_requests, params.headroom_trigger, params.position_threshold, params.plan_s)
