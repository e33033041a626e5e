"""Everything that a user can set, in the core's own units. Part of the state, so a checkpoint carries it."""

import numpy as np

from touchstone.core.jit import record

RULE_GLFT = np.int64(0)
RULE_FIXED = np.int64(1)
RULE_AVELLANEDA = np.int64(2)

PARAMS = record(
    [
        ("seed", "i8"),
        ("sz_decimals", "i8"),
        ("min_notional", "i8"),  # micro-units of collateral
        ("maker_fee_bps", "f8"),
        ("taker_fee_bps", "f8"),
        # quoting
        ("rule", "i8"),  # RULE_*
        ("levels", "i8"),  # per side, at most ladder.MAX_LEVELS
        ("level_spacing_bps", "f8"),
        ("order_notional", "i8"),  # micro: size of one lot of inventory and of one level before allocation
        ("max_position_notional", "i8"),  # micro
        ("skew_bps_at_limit", "f8"),
        ("min_half_spread_bps", "f8"),
        ("max_half_spread_bps", "f8"),
        ("fixed_half_spread_bps", "f8"),
        ("avellaneda_horizon_s", "f8"),
        ("requote_ns", "i8"),  # least time between decisions that nothing but the clock or the touch asked for
        ("keep_tolerance_bps", "f8"),
        ("temperature_bps", "f8"),  # entropy temperature of the size allocation
        ("careful_cap_bps", "f8"),  # each careful term at most this wide
        # measurement
        ("latency_ns", "i8"),  # expected time from decision to resting, for orders that are never sent
        ("markout_grace_ns", "i8"),  # a quiet feed resolves a markout this long after it was due
        ("stale_ns", "i8"),  # a mid older than this is no mid
        ("evaluation_window_ns", "i8"),
        ("calibration_ns", "i8"),
        ("queue_kind", "i8"),
        ("queue_n", "f8"),
        # the venue
        ("venue_is_simulated", "i8"),  # 1: only trade-through and never-touched count as decided by the tape
        ("feed_includes_own", "i8"),  # 1: the book shows our orders
    ]
)
