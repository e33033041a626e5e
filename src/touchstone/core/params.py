"""Everything that a user can set, in the core's own units. Part of the state, so a checkpoint carries it."""

import numpy as np

from touchstone.core.jit import record
from touchstone.core.trading.breakers import LIMITS

RULE_GLFT = np.int64(0)
RULE_FIXED = np.int64(1)
RULE_AVELLANEDA = np.int64(2)
RULE_TICKS = np.int64(3)

PARAMS = record(
    [
        ("seed", "i8"),
        ("sz_decimals", "i8"),
        ("min_notional", "i8"),  # micro-units of collateral
        ("maker_fee_bps", "f8"),
        ("taker_fee_bps", "f8"),
        ("capital", "i8"),  # micro
        ("maintenance_share", "f8"),  # maintenance margin as a share of notional, for the distance to liquidation
        # quoting
        ("rule", "i8"),  # RULE_*
        ("levels", "i8"),  # per side, at most quoting.params.MAX_LEVELS
        ("level_spacing_bps", "f8"),
        ("order_notional", "i8"),  # micro: size of one lot of inventory and of one level before allocation
        ("order_size", "i8"),  # size units: the same where not 0
        ("max_position_notional", "i8"),  # micro
        ("skew_bps_at_limit", "f8"),
        ("min_half_spread_bps", "f8"),
        ("max_half_spread_bps", "f8"),
        ("fixed_half_spread_bps", "f8"),
        ("half_spread_ticks", "f8"),  # RULE_TICKS
        ("skew_ticks_per_lot", "f8"),
        ("level_spacing_ticks", "i8"),
        ("avellaneda_horizon_s", "f8"),
        ("requote_ns", "i8"),  # least time between decisions that nothing but the clock or the touch asked for
        ("decides_on_clock", "i8"),  # 1: nothing but the clock, the operator and a worse risk state asks for one
        ("amends", "i8"),  # 1: an order moves by one request; 0: by a cancel and a new order
        ("keep_tolerance_bps", "f8"),
        ("temperature_bps", "f8"),  # entropy temperature of the size allocation
        ("has_lag", "i8"),  # 0: the reference venue is not listened to
        ("has_fill", "i8"),  # 0: this model moves no quote; likewise the next
        ("has_adverse", "i8"),
        ("has_fair", "i8"),
        ("shuffles_inputs", "i8"),  # 1: the models see signals of another time
        ("follows_fair", "i8"),  # 0: nor is it predicted
        ("has_gate", "i8"),  # 0: no side is withdrawn for what its fills are expected to lose
        ("heeds_threat", "i8"),  # 1: a side that the leader's move threatens is repriced in full at once
        ("gate_heat", "f8"),  # fast volatility over slow from which a market is hot
        ("gate_lot_share", "f8"),  # above 0: both sides are withdrawn in this share of minutes by lot, not by the gate
        ("gate_try_share", "f8"),  # of gating episodes, quoted all the same at the smallest size
        ("has_edge", "i8"),  # 0: what fills earned by context widens no quote
        ("follows_edge", "i8"),  # 0: nor is it predicted
        ("has_regime", "i8"),  # 0: neither regime nor change point nor belief
        ("has_toxicity", "i8"),  # 0: P(toxic) is that of the model without signals
        ("has_funding", "i8"),  # 0: no carry in the reservation price
        ("funding_horizon_h", "f8"),  # how long a position is held
        ("oracle_still_ns", "i8"),  # an oracle that has not moved for this long widens; 0: never
        ("oracle_pause_ns", "i8"),  # ... leaves only the reducing side; 0: never
        ("reference_stale_ns", "i8"),  # a reference silent for this long is stale
        ("careful_cap_bps", "f8"),  # each careful term at most this wide
        # estimators and models: where they start, how they forget
        ("has_models", "i8"),  # 0: neither estimators nor predictions; RULE_TICKS needs none
        ("volatility_half_life_s", "f8"),
        ("volatility_slow_half_life_s", "f8"),
        ("volatility_prior", "f8"),  # bps per sqrt second
        ("intensity_half_life_s", "f8"),
        ("intensity_prior_per_s", "f8"),
        ("decay_prior_per_bps", "f8"),
        ("fill_memory", "f8"),  # outcomes
        ("adverse_memory", "f8"),  # fills
        # limits
        ("limits", LIMITS),
        ("initial_requests", "i8"),
        ("headroom_trigger", "f8"),
        ("position_threshold", "f8"),
        ("plan_s", "f8"),
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
