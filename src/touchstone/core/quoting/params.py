"""MarketParams: every estimate and signal that a decision uses, taken at one time."""

import numpy as np

from touchstone.core.conventions import TOXIC_HORIZON
from touchstone.core.jit import record
from touchstone.core.market.regime import N_REGIMES
from touchstone.core.models.toxicity import N_SIGNALS
from touchstone.core.targets import ADVERSE_TARGET, BELIEF_TARGET, EDGE_TARGET, FAIR_TARGET, LAG_MOVE_TARGET

MAX_LEVELS = 8  # per side

MARKET_PARAMS = record(
    [
        ("t_ns", "i8"),
        ("mid2", "i8"),
        ("best_px", "i8", (2,)),
        ("data_age_ns", "i8"),  # since the last market event, receive clock
        ("sigma", "f8"),  # bps per sqrt second
        ("sigma_slow", "f8"),
        ("a", "f8"),  # sweeps per second and side at the touch of mid
        ("k", "f8"),  # per bps
        ("gamma", "f8"),  # per (bps x lot), solved from the skew at the limit
        ("imbalance", "f8"),
        ("flow_z", "f8"),
        ("mean_trade_qty", "f8"),
        ("displacement_bps", "f8"),  # microprice - mid
        ("fair_move_bps", "f8"),  # predicted move of the mid over the shorter fair-value horizon
        ("lag_gap_bps", "f8"),  # the reference's move that our mid has not followed; NaN: not known
        ("lag_move_bps", "f8"),  # predicted move of the mid from it, besides fair_move_bps; 0 while it is not known
        ("lag_term_bps", "f8", (2,)),  # the term that the last ladder made of it, per side
        ("lag_announced_bps", "f8"),  # what of adverse_bps such terms pay on average; already taken off there
        ("reference", "i8"),  # market.leadlag NEVER_HEARD, LIVE or STALE: its terms are off but when LIVE
        ("adverse_bps", "f8", (2,)),  # predicted loss at 10 s of a fill at the base half-spread, per side
        ("p_toxic", "f8", (2,)),
        ("toxicity_x", "f8", (2,)),  # logit of a side's P(toxic) over the usual one
        ("edge_bps", "f8", (2,)),  # posterior mean of what a fill at the half-spread earns, in its context, per side
        ("edge_widen_bps", "f8", (2,)),  # what the edge model would widen a side by (0: it would not)
        ("position_share", "f8"),  # signed, of the limit
        ("trade_age_ns", "i8"),  # since the block of the last public trade; -1: none yet
        ("reference_age_ns", "i8"),  # since the reference's last word; -1: none yet
        ("inventory_lots", "f8"),  # position in lots of the order size
        ("ofi", "f8"),  # order flow imbalance over 5 s, in mean touch sizes, positive = upwards
        ("regime", "i8"),  # the most likely one, index of market.regime.REGIME_NAMES
        ("regime_p", "f8", (N_REGIMES,)),
        ("p_change", "f8"),  # P(the market became another one within the last 10 s)
        ("belief_sd_bps", "f8"),  # of the next second's move; 0: there is no belief yet
        ("regime_term_bps", "f8"),  # what belief_sd_bps adds to sigma, for each side
        ("funding_per_hour", "f8"),
        ("funding_carry_bps", "f8"),  # what a long position pays over the horizon
        ("oracle_gap_bps", "f8"),  # oracle above mid; NaN: no context yet
        ("mark_gap_bps", "f8"),
        ("oracle", "i8"),  # market.funding UNKNOWN, LIVE, STILL or OFF_HOURS
        ("oracle_still_s", "f8"),  # since it last changed; NaN: no context yet
        ("oracle_term_bps", "f8"),  # what it may have moved unseen, for each side
        ("signal", "f8", (N_SIGNALS,)),  # as the toxicity classifier gets them; those with a sign: + = upwards
        ("toxicity_p", "f8", (2,)),  # P(toxic) given the signals of a fill whose rate without them is toxicity_base
        ("toxicity_base", "f8"),  # rate of toxic fills so far in the depth bucket of the usual half-spread
        ("is_warm", "i8"),  # volatility and intensity come from data, not from priors
    ]
)

# Terms of a half-spread, bps, additive per side, positive = away from mid.
TERM_NAMES = (
    *("base", "inventory", "fee", "adverse", "fair", "lag", "staleness", "regime", "funding", "oracle", "edge"),
    "clamp",  # the last one: what the sum of the others was moved by
)
N_TERMS = len(TERM_NAMES)
(
    TERM_BASE,
    TERM_INVENTORY,
    TERM_FEE,
    TERM_ADVERSE,
    TERM_FAIR,
    TERM_LAG,
    TERM_STALENESS,
    TERM_REGIME,
    TERM_FUNDING,
    TERM_ORACLE,
    TERM_EDGE,
    TERM_CLAMP,
) = (np.int64(i) for i in range(N_TERMS))

# The terms that models ask for, and the target whose record decides how far each may have its way.
MODEL_TERMS = np.array([TERM_ADVERSE, TERM_FAIR, TERM_LAG, TERM_REGIME, TERM_EDGE])
N_MODEL_TERMS = len(MODEL_TERMS)
TERM_TARGETS = np.array([ADVERSE_TARGET + TOXIC_HORIZON, FAIR_TARGET, LAG_MOVE_TARGET, BELIEF_TARGET, EDGE_TARGET])
