"""Each trade id once: venues repeat fills after a reconnect."""

import numpy as np

from touchstone.core.jit import compiled, record

REMEMBERED = 4096
MASK = np.int64(REMEMBERED - 1)

SEEN = record(
    [
        ("trade_id", "i8", (REMEMBERED,)),
        ("before", "i8", (REMEMBERED,)),  # number + 1 of the fill before it with the same low bits, 0 = none
        ("newest", "i8", (REMEMBERED,)),  # number + 1 of the newest fill with these low bits, 0 = none
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
    chain = trade_id & MASK
    n = seen.newest[chain] - 1
    while n >= oldest:
        if seen.trade_id[n & MASK] == trade_id:
            seen.n_duplicates += 1
            return False
        n = seen.before[n & MASK] - 1
    i = seen.n_seen & MASK
    seen.trade_id[i] = trade_id
    seen.before[i] = seen.newest[chain]
    seen.n_seen += 1
    seen.newest[chain] = seen.n_seen
    return True
