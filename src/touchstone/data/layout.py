"""The event record and its kinds without the compiler: same bytes and numbers as `core.events`, which imports numba.

Commands that only read or convert data must start fast, so they use this copy; a test asserts that both are equal.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Events = NDArray[np.void]
Ints = NDArray[np.int64]

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
FEED_UP = 33
FEED_DOWN = 34
FEED_MARKET = 0
FEED_REFERENCE = 2

BIT_MORE = 8

KIND_NAMES = {
    BOOK_LEVEL: "book_level",
    SNAPSHOT_BEGIN: "snapshot_begin",
    SNAPSHOT_END: "snapshot_end",
    BBO: "bbo",
    TRADE: "trade",
    CONTEXT: "context",
    REFERENCE_BBO: "reference_bbo",
    REFERENCE_TRADE: "reference_trade",
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
