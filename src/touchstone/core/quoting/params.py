"""MarketParams: every estimate and signal that a decision uses, taken at one time."""

import numpy as np

from touchstone.core.conventions import TOXIC_HORIZON
from touchstone.core.jit import record
from touchstone.core.targets import ADVERSE_TARGET, EDGE_TARGET, FAIR_TARGET, LAG_MOVE_TARGET

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
        ("regime", "i8"),  # 0 to 3, quiet to cascade
        ("position_share", "f8"),  # signed, of the limit
        ("trade_age_ns", "i8"),  # since the block of the last public trade; -1: none yet
        ("reference_age_ns", "i8"),  # since the reference's last word; -1: none yet
        ("inventory_lots", "f8"),  # position in lots of the order size
        ("is_warm", "i8"),  # volatility and intensity come from data, not from priors
    ]
)

# Terms of a half-spread, bps, additive per side, positive = away from mid.
TERM_NAMES = ("base", "inventory", "fee", "adverse", "fair", "lag", "staleness", "clamp", "edge")
N_TERMS = len(TERM_NAMES)
(
    TERM_BASE,
    TERM_INVENTORY,
    TERM_FEE,
    TERM_ADVERSE,
    TERM_FAIR,
    TERM_LAG,
    TERM_STALENESS,
    TERM_CLAMP,
    TERM_EDGE,
) = (np.int64(i) for i in range(N_TERMS))

# The terms that models ask for, and the target whose record decides how far each may have its way.
MODEL_TERMS = np.array([TERM_ADVERSE, TERM_FAIR, TERM_LAG, TERM_EDGE])
N_MODEL_TERMS = len(MODEL_TERMS)
TERM_TARGETS = np.array([ADVERSE_TARGET + TOXIC_HORIZON, FAIR_TARGET, LAG_MOVE_TARGET, EDGE_TARGET])
