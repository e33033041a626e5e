"""The event record and its kinds without the compiler: same bytes and numbers as `core.events`, which imports numba.

Commands that only read or convert data must start fast, so they use this copy; a test asserts that both are equal.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Events = NDArray[np.void]
Ints = NDArray[np.int64]
Row = tuple[int, int, int, int, int, int, int, int, int]  # the fields of a record in their order
MS = 1_000_000
EARLIEST_MS, LATEST_MS = 1_577_836_800_000, 4_102_444_800_000  # 2020, 2100: other times are damaged

EVENT_DTYPE: np.dtype[np.void] = np.dtype(
    [
        ("exch_ns", "i8"),
        ("recv_ns", "i8"),
        ("px", "i8"),
        ("qty", "i8"),
        ("aux", "i8"),
        ("code", "i4"),
        ("kind", "u1"),
        ("side", "i1"),
        ("bits", "u2"),
    ],
    align=True,
)

BOOK_LEVEL = 1
SNAPSHOT_BEGIN = 2
SNAPSHOT_END = 3
BBO = 4
TRADE = 5
CONTEXT = 6
REFERENCE_BBO = 8
REFERENCE_TRADE = 9
ORDER_RESTING = 16
ORDER_REJECTED = 17
ORDER_CANCELLED = 18
CANCEL_REJECTED = 19
FILL = 20
FILL_DETAIL = 21
POSITION = 24
EQUITY = 25
QUOTA = 26
FUNDING_PAYMENT = 27
REQUESTS = 28
FEES = 29
TIMER = 32
FEED_UP = 33
FEED_DOWN = 34
OPERATOR = 40
FEED_MARKET = 0
FEED_REFERENCE = 2

BIT_TAKER = 1
BIT_LIQUIDATION = 4
BIT_MORE = 8

REJECT_BAD_ALO_PX = 1
REJECT_TICK = 2
REJECT_MIN_NOTIONAL = 3
REJECT_MARGIN = 4
REJECT_REDUCE_ONLY = 5
REJECT_IOC_NO_MATCH = 6
REJECT_ORACLE = 7
REJECT_TOO_MANY_ORDERS = 8
REJECT_INVALID_SIZE = 9
REJECT_AMEND_TARGET_GONE = 10
REJECT_RATE_LIMIT = 11
REJECT_OTHER = 15

CANCELLED_BY_US = 0
CANCELLED_BY_VENUE = 2
CANCELLED_REDUCE_ONLY = 3
CANCELLED_MARGIN = 4
CANCELLED_SCHEDULED = 5
CANCELLED_SELF_TRADE = 6

KIND_NAMES = {
    BOOK_LEVEL: "book_level",
    SNAPSHOT_BEGIN: "snapshot_begin",
    SNAPSHOT_END: "snapshot_end",
    BBO: "bbo",
    TRADE: "trade",
    CONTEXT: "context",
    REFERENCE_BBO: "reference_bbo",
    REFERENCE_TRADE: "reference_trade",
    ORDER_RESTING: "order_resting",
    ORDER_REJECTED: "order_rejected",
    ORDER_CANCELLED: "order_cancelled",
    CANCEL_REJECTED: "cancel_rejected",
    FILL: "fill",
    FILL_DETAIL: "fill_detail",
    POSITION: "position",
    EQUITY: "equity",
    QUOTA: "quota",
    FUNDING_PAYMENT: "funding_payment",
    TIMER: "timer",
    OPERATOR: "operator",
    FEED_UP: "feed_up",
    FEED_DOWN: "feed_down",
}


def same_layout(dtype: "np.dtype[Any]") -> bool:
    """Whether a dtype has the fields, types and offsets of the event record (np.record flavour or not)."""
    if dtype.names != EVENT_DTYPE.names or dtype.itemsize != EVENT_DTYPE.itemsize or dtype.fields is None:
        return False
    ours = EVENT_DTYPE.fields
    assert ours is not None
    return all(dtype.fields[name][:2] == ours[name][:2] for name in ours)


def count_kinds(events: Events) -> dict[str, int]:
    """Number of events by kind name."""
    counts = np.bincount(events["kind"], minlength=1)
    return {KIND_NAMES.get(int(k), f"kind_{k}"): int(counts[k]) for k in np.flatnonzero(counts)}
