"""What every breaker has: a name, a severity, a latch with hysteresis. The causes are in risk.py."""

import numpy as np

from touchstone.core.jit import compiled, inline, record

NORMAL, REDUCE_ONLY, PULLED, KILLED = (np.int64(i) for i in range(4))
STATE_NAMES = ("normal", "reduce_only", "pulled", "killed")

_TABLE = (  # reason, severity
    ("none", NORMAL),
    ("position_limit", REDUCE_ONLY),
    ("open_notional", REDUCE_ONLY),
    ("liquidation_distance", REDUCE_ONLY),
    ("free_margin", REDUCE_ONLY),
    ("order_rate", REDUCE_ONLY),
    ("fill_burst", REDUCE_ONLY),
    ("operator_reduce_only", REDUCE_ONLY),
    ("waiting_for_data", PULLED),
    ("stale_data", PULLED),
    ("feed_lag", PULLED),
    ("feed_down", PULLED),
    ("blind_book", PULLED),
    ("price_jump", PULLED),
    ("operator_halt", PULLED),
    ("session_loss", KILLED),
    ("drawdown", KILLED),
    ("internal_error", KILLED),
    ("operator_kill", KILLED),
)
REASON_NAMES = tuple(name for name, _ in _TABLE)
SEVERITY = np.array([severity for _, severity in _TABLE])
N_REASONS = len(_TABLE)
(
    NONE,
    POSITION_LIMIT,
    OPEN_NOTIONAL,
    LIQUIDATION_DISTANCE,
    FREE_MARGIN,
    ORDER_RATE,
    FILL_BURST,
    OPERATOR_REDUCE_ONLY,
    WAITING_FOR_DATA,
    STALE_DATA,
    FEED_LAG,
    FEED_DOWN,
    BLIND_BOOK,
    PRICE_JUMP,
    OPERATOR_HALT,
    SESSION_LOSS,
    DRAWDOWN,
    INTERNAL_ERROR,
    OPERATOR_KILL,
) = (np.int64(i) for i in range(N_REASONS))

UNKNOWN = np.int64(-(1 << 62))  # money that nobody has told us
NO_HOLD = np.int64(0)
YES, NO = np.bool_(True), np.bool_(False)
N_BURST = 64  # fills remembered; burst_fills must not exceed it
N_SLICES = 8  # of the price jump window, which so covers 7/8 to all of jump_ns

LIMITS = record(
    [
        ("position_notional", "i8"),  # micro
        ("open_notional", "i8"),  # micro, all resting orders
        ("session_loss", "i8"),  # micro, positive
        ("drawdown", "f8"),  # share of the peak account value
        ("liquidation_bps", "f8"),  # of mid
        ("free_margin", "f8"),  # share
        ("orders_per_s", "f8"),  # refill of the token bucket
        ("orders_burst", "f8"),  # its size
        ("jump_bps", "f8"),
        ("jump_sigmas", "f8"),  # of sigma sqrt(jump window)
        ("jump_least_bps", "f8"),  # a jump in sigmas must be at least this
        ("jump_ns", "i8"),
        ("jump_hold_ns", "i8"),
        ("stale_ns", "i8"),
        ("lag_ns", "i8"),
        ("blind_ns", "i8"),
        ("health_hold_ns", "i8"),
        ("burst_fills", "i8"),
        ("burst_notional", "i8"),  # micro
        ("burst_ns", "i8"),
        ("burst_hold_ns", "i8"),
    ]
)

INPUTS = record(
    [
        ("position", "i8"),  # size units, signed
        ("bid_px", "i8"),  # price units, 0 = side empty
        ("ask_px", "i8"),
        ("open_notional", "i8"),  # micro
        ("session_pnl", "i8"),  # micro or UNKNOWN
        ("sigma", "f8"),  # bps per sqrt second or NaN
        ("liquidation_bps", "f8"),  # distance of mid to the liquidation price in bps of mid, or NaN
        ("free_margin", "f8"),  # free share of the (isolated) margin, or NaN: withdrawable / equity is used
    ]
)

RISK = record(
    [
        ("limits", LIMITS),
        ("state", "i8"),
        ("reason", "i8"),  # the first active breaker of that severity
        ("state_since_ns", "i8"),
        ("n_changes", "i8"),
        ("is_unresolved", "i8"),  # `active` has changed since the state was last derived from it
        ("active", "i8", (N_REASONS,)),
        ("since_ns", "i8", (N_REASONS,)),  # when it last tripped
        ("last_true_ns", "i8", (N_REASONS,)),
        ("n_trips", "i8", (N_REASONS,)),
        ("mid2", "i8"),  # last valid
        ("session_pnl", "i8"),
        ("loss_from", "i8"),  # session PnL at the last COMMAND_CLEAR
        ("equity", "i8"),
        ("equity_peak", "i8"),
        ("withdrawable", "i8"),  # micro; negative: unknown
        ("tokens", "f8"),
        ("tokens_ns", "i8"),
        ("n_refused", "i8"),
        ("n_market", "i8"),
        ("market_ns", "i8"),  # receive time of the last market event
        ("block_ns", "i8"),  # newest exchange time
        ("lag_ns", "i8"),
        ("feed_down", "i8", (3,)),
        ("blind_since_ns", "i8"),  # 0: the book is valid
        ("slice_number", "i8"),  # of the present slice
        ("slice_until_ns", "i8"),  # when it ends
        ("window_low", "i8"),  # mid2, over the window
        ("window_high", "i8"),
        ("slice_id", "i8", (N_SLICES,)),
        ("slice_low", "i8", (N_SLICES,)),  # mid2
        ("slice_high", "i8", (N_SLICES,)),
        ("burst_t", "i8", (N_BURST,)),
        ("burst_s", "i8", (N_BURST,)),
        ("burst_notional", "i8", (N_BURST,)),
        ("burst_n", "i8"),
    ]
)


@inline
def judge(risk, now_ns, code, trips, clears, hold_ns):
    """Trip a breaker, or release it once `clears` is true and `trips` has been false for hold_ns."""
    if trips:
        if risk.active[code] == 0:
            risk.active[code] = 1
            risk.since_ns[code] = now_ns
            risk.n_trips[code] += 1
            risk.is_unresolved = 1
        risk.last_true_ns[code] = now_ns
    elif risk.active[code] == 1 and clears and now_ns - risk.last_true_ns[code] >= hold_ns:
        risk.active[code] = 0
        risk.is_unresolved = 1


@inline
def resolve(risk, now_ns):
    """The state follows what has tripped or been released since the last call."""
    if risk.is_unresolved:
        _resolve(risk, now_ns)


@compiled
def _resolve(risk, now_ns):
    """The most severe active breaker decides the state; among equals the first in the table gives the reason."""
    risk.is_unresolved = 0
    state = NORMAL
    reason = NONE
    for code in range(N_REASONS):
        if risk.active[code] == 1 and SEVERITY[code] > state:
            state = np.int64(SEVERITY[code])
            reason = np.int64(code)
    if state != risk.state:
        risk.state_since_ns = now_ns
        risk.n_changes += 1
    risk.state = state
    risk.reason = reason
