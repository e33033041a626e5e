"""How much of the quoted distance is left when the fill comes.

A fill that adverse selection is measured from the mid before its block does not happen at the distance that was quoted:
mostly the mid has come towards the order first. The expected half-spread at the fill is a share of the depth at the
decision, learnt per depth bucket from tape-decided fills and shrunk to the pooled share. Our own fills and shadows
have one each: a shadow fills only when the tape goes through its price, so that next to nothing is left.

    capture = share x depth,    share = (K s_pool + sum w c d) / (K + sum w d^2), weights by d^2 (least squares)

The residual's variance is pooled. Its part in P(toxic) is scored with that target.
"""

import math

from touchstone.core.conventions import N_DEPTH
from touchstone.core.jit import compiled, inline, record

PRIOR_SHARE = 0.7
PRIOR_FILLS = 10.0  # weight of the prior share in the pool, in fills at DEPTH_UNIT
CELL_FILLS = 20.0  # weight of the pooled share in a bucket
DEPTH_UNIT = 4.0  # bps
PRIOR_VARIANCE, VARIANCE_FILLS = 1.0, 5.0  # bps^2
CAPTURE_MOST = 1e4  # bps
DEPTH_LEAST = 0.1  # bps: below this there is no share to speak of

CAPTURE = record(
    [
        ("xy", "f8", (N_DEPTH,)),  # decayed sums of capture x depth
        ("xx", "f8", (N_DEPTH,)),
        ("squares", "f8"),  # of residuals, all buckets
        ("n", "f8"),
        ("keep", "f8"),
        ("n_outcomes", "i8"),
        ("n_shallow", "i8"),  # fills quoted nearer than DEPTH_LEAST: not learned
        ("n_skipped", "i8"),  # a half-spread that is no number, or beyond CAPTURE_MOST
    ]
)


def reset(model, memory):
    """Start from the prior; memory in fills, > 1."""
    model.xy[:] = 0.0
    model.xx[:] = 0.0
    model.squares = 0.0
    model.n = 0.0
    model.keep = 1.0 - 1.0 / max(memory, 2.0)
    model.n_outcomes = 0
    model.n_shallow = 0
    model.n_skipped = 0


@compiled
def predict(model, bucket, depth_bps):
    """(half-spread at the fill, its standard deviation) in bps, of an order decided at depth_bps from mid."""
    variance = (PRIOR_VARIANCE * VARIANCE_FILLS + model.squares) / (VARIANCE_FILLS + model.n)
    return _share(model, bucket) * depth_bps, math.sqrt(variance)


@inline
def _share(model, bucket):
    pool_xy = PRIOR_SHARE * PRIOR_FILLS * DEPTH_UNIT * DEPTH_UNIT
    pool_xx = PRIOR_FILLS * DEPTH_UNIT * DEPTH_UNIT
    for b in range(N_DEPTH):
        pool_xy += model.xy[b]
        pool_xx += model.xx[b]
    weight = CELL_FILLS * DEPTH_UNIT * DEPTH_UNIT
    return (weight * pool_xy / pool_xx + model.xy[bucket]) / (weight + model.xx[bucket])


@compiled
def learn(model, bucket, depth_bps, capture_bps):
    """Take in one fill, once: depth at the decision, half-spread against the mid before its block, both in bps."""
    if not depth_bps >= DEPTH_LEAST:
        model.n_shallow += 1
        return
    if not abs(capture_bps) <= CAPTURE_MOST:
        model.n_skipped += 1
        return
    gap = capture_bps - _share(model, bucket) * depth_bps
    model.squares = model.keep * model.squares + gap * gap
    model.n = model.keep * model.n + 1.0
    for b in range(N_DEPTH):
        model.xy[b] *= model.keep
        model.xx[b] *= model.keep
    model.xy[bucket] += capture_bps * depth_bps
    model.xx[bucket] += depth_bps * depth_bps
    model.n_outcomes += 1
