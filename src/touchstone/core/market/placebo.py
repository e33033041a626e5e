"""A placebo: the models' signals as they were at another time of the session, so that they know nothing of this one.

Each second the signals are kept (SLOTS seconds of them). In each minute the models see those of `shift` seconds
before, drawn by hash from LEAST_SHIFT to as far back as is kept: whatever a signal is like, its level, its spread and
its memory within a minute stay, only what it says of *now* is gone. Before there are LEAST_SHIFT seconds it is unknown.

What is shuffled: returns and volume (regime, change point), imbalance (fill, microprice), trade flow, order flow, what
the leader has announced, the gaps of oracle and mark. What a quote is by itself (its depth, its queue) and what the
model-free quote is made of (volatility, A, k) is not. Off but for comparisons; `shown` then gives what it gets.
"""

import math

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import hash_unit

MOVED, VOLUME, IMBALANCE, FLOW, OFI, LEADER, ORACLE_GAP, MARK_GAP = (np.int64(i) for i in range(8))
N_SIGNALS = 8
UNKNOWN = np.array([math.nan, 1.0, 0.0, 0.0, 0.0, math.nan, math.nan, math.nan])

SLOTS = 4096
MASK = np.int64(SLOTS - 1)
LEAST_SHIFT = np.int64(60)  # seconds
BLOCK_NS = np.int64(60 * NS)  # one shift for so long
SALT_SHIFT = np.int64(12)

PLACEBO = record(
    [
        ("is_on", "i8"),
        ("latest", "f8", (N_SIGNALS,)),  # as they are now
        ("seen", "f8", (N_SIGNALS,)),  # as the models get them
        ("ring", "f8", (SLOTS, N_SIGNALS)),  # by second
        ("n", "i8"),  # seconds kept so far
    ]
)


def reset(placebo, is_on):
    """Nothing kept."""
    placebo.is_on = is_on
    placebo.latest[:] = UNKNOWN
    placebo.seen[:] = UNKNOWN
    placebo.n = 0


@inline
def shown(placebo, signal, value):
    """What the models see of a signal that is `value` now."""
    if placebo.is_on == 0:
        return value
    placebo.latest[signal] = value
    return np.float64(placebo.seen[signal])


@compiled
def on_second(placebo, seed, now_ns):
    """Keep the signals, and show those of another second."""
    if placebo.is_on == 0:
        return
    for k in range(N_SIGNALS):
        placebo.ring[placebo.n & MASK, k] = placebo.latest[k]
    placebo.n += 1
    furthest = min(np.int64(placebo.n), np.int64(SLOTS)) - 1
    if furthest < LEAST_SHIFT:
        return
    draw = hash_unit(seed, now_ns // BLOCK_NS, SALT_SHIFT)
    shift = LEAST_SHIFT + np.int64(draw * np.float64(furthest - LEAST_SHIFT + 1))
    at = (placebo.n - 1 - shift) & MASK
    for k in range(N_SIGNALS):
        placebo.seen[k] = placebo.ring[at, k]
