"""MarketParams: every estimate and signal that a decision uses, taken at one time."""

import numpy as np

from touchstone.core.jit import record

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
        ("inventory_lots", "f8"),  # position in lots of the order size
        ("is_warm", "i8"),  # volatility and intensity come from data, not from priors
    ]
)

# Terms of a half-spread, bps, additive per side, positive = away from mid.
TERM_NAMES = ("base", "inventory", "fee", "adverse", "fair", "lag", "staleness", "clamp")
N_TERMS = len(TERM_NAMES)
TERM_BASE, TERM_INVENTORY, TERM_FEE, TERM_ADVERSE, TERM_FAIR, TERM_LAG, TERM_STALENESS, TERM_CLAMP = (
    np.int64(i) for i in range(N_TERMS)
)
