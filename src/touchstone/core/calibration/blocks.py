"""How many independent outcomes are there really? Sums over time blocks, in flat memory.

Forecasts for several levels and overlapping horizons share one price path, so the variance of a mean score is taken
between time blocks of max(2 tau, 30 s). When the store is full, neighbouring blocks merge and the length doubles.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record

CAPACITY = 1024
SHORTEST_NS = 30_000_000_000
FEWEST = 30  # below this many blocks there is no interval and no verdict

BLOCKS = record(
    [
        ("length_ns", "i8"),
        ("newest_ns", "i8"),  # where the newest block starts
        ("n_blocks", "i8"),  # blocks that hold an outcome; an empty stretch of time is no block
        ("index", "i8", (CAPACITY,)),  # time // length, rising
        ("n", "i8", (CAPACITY,)),
        ("model", "f8", (CAPACITY,)),  # sum of the model's losses
        ("baseline", "f8", (CAPACITY,)),  # sum of the baseline's losses
        # over everything; d = baseline loss - model loss, positive = the model is better
        ("n_total", "i8"),
        ("d", "f8"),
        ("dd", "f8"),  # sum of d^2
    ]
)


def reset(blocks, horizon_ns):
    """Empty store for forecasts of a horizon (ns)."""
    blocks.length_ns = max(2 * horizon_ns, np.int64(SHORTEST_NS))
    blocks.newest_ns = 0
    blocks.n_blocks = 0
    blocks.index[:] = 0
    blocks.n[:] = 0
    blocks.model[:] = 0.0
    blocks.baseline[:] = 0.0
    blocks.n_total = 0
    blocks.d = 0.0
    blocks.dd = 0.0


@compiled
def _halve(blocks):
    """Double the block length: blocks whose new index is equal become one."""
    kept = np.int64(0)
    for i in range(blocks.n_blocks):
        index = blocks.index[i] >> 1
        if kept > 0 and blocks.index[kept - 1] == index:
            blocks.n[kept - 1] += blocks.n[i]
            blocks.model[kept - 1] += blocks.model[i]
            blocks.baseline[kept - 1] += blocks.baseline[i]
        else:
            blocks.index[kept] = index
            blocks.n[kept] = blocks.n[i]
            blocks.model[kept] = blocks.model[i]
            blocks.baseline[kept] = blocks.baseline[i]
            kept += 1
    blocks.n_blocks = kept
    blocks.length_ns *= 2


@compiled
def _open(blocks, index, at):
    """Put an empty block before position `at`; the store has room."""
    for i in range(blocks.n_blocks, at, -1):
        blocks.index[i] = blocks.index[i - 1]
        blocks.n[i] = blocks.n[i - 1]
        blocks.model[i] = blocks.model[i - 1]
        blocks.baseline[i] = blocks.baseline[i - 1]
    blocks.index[at] = index
    blocks.n[at] = 0
    blocks.model[at] = 0.0
    blocks.baseline[at] = 0.0
    blocks.n_blocks += 1


@compiled
def _place(blocks, made_ns):
    """Position of the block of `made_ns`, opened where there is none."""
    while blocks.n_blocks == CAPACITY and made_ns // blocks.length_ns > blocks.index[CAPACITY - 1]:
        _halve(blocks)  # sparse blocks may need more than one doubling
    index = made_ns // blocks.length_ns
    at = np.int64(blocks.n_blocks)  # outcomes resolve almost in order: look from the newest back
    while at > 0 and blocks.index[at - 1] > index:
        at -= 1
    if at > 0 and blocks.index[at - 1] == index:
        at -= 1
    elif blocks.n_blocks == CAPACITY:
        at = max(at - 1, np.int64(0))  # a late outcome in a gap of a full store joins its neighbour
    else:
        _open(blocks, index, at)
    blocks.newest_ns = blocks.index[blocks.n_blocks - 1] * blocks.length_ns
    return at


@inline
def update(blocks, made_ns, loss_model, loss_baseline):
    """Take in the losses of one outcome whose forecast was made at `made_ns`; order of arrival does not matter."""
    at = np.int64(blocks.n_blocks) - 1
    into_ns = made_ns - blocks.newest_ns
    if at < 0 or into_ns < 0 or into_ns >= blocks.length_ns:
        at = _place(blocks, made_ns)
    blocks.n[at] += 1
    blocks.model[at] += loss_model
    blocks.baseline[at] += loss_baseline
    d = loss_baseline - loss_model
    blocks.n_total += 1
    blocks.d += d
    blocks.dd += d * d


@compiled
def effective_size(blocks):
    """(dbar, V, n_eff, n_blocks): mean gain over the baseline, its variance, outcomes it is worth.

    dbar = sum D / sum N, V = B/(B-1) sum (D_b - dbar N_b)^2 / (sum N)^2, n_eff = min(n, s^2(d) / V) with the sample
    variance s^2. NaN where undefined: no outcome (dbar), one block (V, n_eff). If d never differs, n_eff = B.
    """
    count = np.int64(blocks.n_blocks)
    n = np.float64(blocks.n_total)
    if blocks.n_total == 0:
        return math.nan, math.nan, math.nan, count
    dbar = blocks.d / n
    if count < 2:
        return dbar, math.nan, math.nan, count
    squares = 0.0
    for i in range(count):
        excess = blocks.baseline[i] - blocks.model[i] - dbar * np.float64(blocks.n[i])
        squares += excess * excess
    b = np.float64(count)
    v = b / (b - 1.0) * squares / (n * n)
    spread = (blocks.dd - n * dbar * dbar) / (n - 1.0)
    if not (v > 0.0 and spread * n > 1e-12 * blocks.dd):  # less is rounding
        return dbar, v, b, count
    return dbar, v, min(n, spread / v), count
