"""The recent path of the mid on the exchange's clock, so that "the mid at time t" has one exact answer later on."""

import numpy as np

from touchstone.core.jit import compiled, inline, record

LENGTH = 4096
MASK = np.int64(LENGTH - 1)

MIDPATH = record(
    [
        ("block_ns", "i8", (LENGTH,)),  # exchange time from which the mid held
        ("mid2", "i8", (LENGTH,)),
        ("n_pushed", "i8"),
        ("last_event_ns", "i8"),  # exchange time of the newest market event
        ("n_too_old", "i8"),  # look-ups older than the path; answered with 0
    ]
)


@inline
def pass_time(path, block_ns):
    """A market event of block `block_ns` left the mid as it was."""
    path.last_event_ns = max(path.last_event_ns, block_ns)


@inline
def update(path, block_ns, mid2):
    """Note that the mid after block `block_ns` is mid2 (0 = a side is empty). Call after each market event."""
    pass_time(path, block_ns)
    last = (path.n_pushed - 1) & MASK
    if path.n_pushed > 0 and path.mid2[last] == mid2:
        return
    if path.n_pushed > 0 and path.block_ns[last] >= block_ns:
        path.mid2[last] = mid2  # several changes within one block: the state after it counts
        return
    i = path.n_pushed & MASK
    path.block_ns[i] = block_ns
    path.mid2[i] = mid2
    path.n_pushed += 1


@compiled
def at(path, t_ns):
    """Mid2 after the last block at or before exchange time t_ns; 0 if unknown then."""
    i = path.n_pushed - 1
    oldest = max(path.n_pushed - LENGTH, 0)
    while i >= oldest:
        if path.block_ns[i & MASK] <= t_ns:
            return np.int64(path.mid2[i & MASK])
        i -= 1
    path.n_too_old += 1
    return np.int64(0)


@inline
def before_block(path, block_ns):
    """Mid2 just before the block at exchange time block_ns; 0 if unknown."""
    return at(path, block_ns - 1)
