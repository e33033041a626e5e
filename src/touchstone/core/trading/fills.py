"""Each trade id once: venues repeat fills after a reconnect."""

import numpy as np

from touchstone.core.jit import compiled, record

REMEMBERED = 4096
MASK = np.int64(REMEMBERED - 1)

SEEN = record(
    [
        ("trade_id", "i8", (REMEMBERED,)),
        ("n_seen", "i8"),
        ("n_duplicates", "i8"),
        ("n_unmatched", "i8"),  # fills of a cloid that we do not know
        ("n_late", "i8"),  # fills that came after the order was reported gone
    ]
)


@compiled
def is_new(seen, trade_id):
    """Remember a trade id; False if it was among the last 4096."""
    oldest = max(seen.n_seen - REMEMBERED, 0)
    n = seen.n_seen - 1
    while n >= oldest:
        if seen.trade_id[n & MASK] == trade_id:
            seen.n_duplicates += 1
            return False
        n -= 1
    seen.trade_id[seen.n_seen & MASK] = trade_id
    seen.n_seen += 1
    return True
