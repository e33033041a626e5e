"""The state: every component's record, nested into one. A checkpoint is its bytes."""

import numpy as np

from touchstone.core import events, records
from touchstone.core import grid as price_grid
from touchstone.core.calibration import ledger
from touchstone.core.jit import compiled, record
from touchstone.core.market import book, flow, intensity, microprice, midpath, volatility
from touchstone.core.params import PARAMS
from touchstone.core.quoting import glft, ladder
from touchstone.core.quoting.params import MARKET_PARAMS
from touchstone.core.trading import fills, markout, orders, pnl, quota, reconcile, risk

MAX_SAMPLES = 8

STATE = record(
    [
        ("params", PARAMS),
        # clocks
        ("now_ns", "i8"),  # receive clock of the newest event
        ("market_recv_ns", "i8"),  # receive time of the newest market event, 0 = never
        ("n_events", "i8"),
        ("n_time_back", "i8"),
        # what the market is doing
        ("grid", price_grid.GRID),
        ("book", book.BOOK),
        ("path", midpath.MIDPATH),
        ("flow", flow.FLOW),
        ("volatility", volatility.VOLATILITY),
        ("intensity", intensity.INTENSITY),
        ("microprice", microprice.MICROPRICE),
        ("oracle_px", "i8"),  # 0 until a context event came
        ("mark_px", "i8"),
        ("funding_per_hour", "f8"),
        ("n_off_grid_trades", "i8"),
        # what we predict, and whether we are right
        ("models", ledger.MODELS),
        ("ledger", ledger.LEDGER),
        # what we would like
        ("market_params", MARKET_PARAMS),
        ("free", glft.GLFT),  # without adverse selection: the model-free quote
        ("impacted", glft.GLFT),
        ("ladder", ladder.LADDER),
        ("quote_id", "i8"),
        ("decided_ns", "i8"),
        ("decided_mid2", "i8"),
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
        ("quota", quota.QUOTA),
        ("reconcile", reconcile.RECONCILE),
        ("equity_micro", "i8"),  # by the exchange's word; 0 = not told yet
        ("reduce_side_only", "i8"),  # inventory forcing
        # evaluation sample
        ("sample_window", "i8"),
        ("sample_due_ns", "i8"),
        ("samples", "i8", (MAX_SAMPLES,)),  # nodes that wait for their latency to pass
        ("n_samples", "i8"),
        ("next_calibration_ns", "i8"),
        # time at the touch etc., for the report
        ("quoting_ns", "i8", (2,)),  # time with an order resting
        ("touch_ns", "i8", (2,)),  # ... at the touch or better
        ("depth_time", "f8", (2,)),  # integral of the best order's depth (bps x seconds)
        ("clock_ns", "i8"),  # up to where those integrals go
        ("is_halted", "i8"),  # a broken invariant of ours stops everything
    ]
)

MACHINE = record([("state", STATE), ("event", events.EVENT), ("out", records.OUT)])


def new_machine():
    """A machine at rest: one array of length 1, to be given to `reset` and then to `step`."""
    return np.zeros(1, MACHINE)


@compiled
def reset(state, params, risk_limits, quota_settings, volatility_settings, flow_settings):
    """Start a session: components at their priors, parameters copied in."""
    state.params = params
