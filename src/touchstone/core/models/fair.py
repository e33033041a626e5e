"""Our mid 1 and 10 s ahead from the displacement of the microprice: predicted move = beta_h x displacement (bps).

Bayesian linear regression through the origin, one per horizon. Prior beta ~ N(0.5, 0.5^2): 1 if the microprice is what
it should be, the expected future mid; 0 if the book says nothing; both within one sd. The residual scale is a decayed
mean square with 5 pseudo-outcomes at 2 bps per sqrt second; residuals beyond 5 scales are clipped, counted, so that
one jump moves neither beta nor the scale far. Forgetting is stabilised: sums decay, the prior does not.
"""

import math

import numpy as np

from touchstone.core.conventions import FAIR_HORIZONS_NS, N_FAIR, NS
from touchstone.core.jit import compiled, inline, record

PRIOR_BETA, PRIOR_BETA_SD = 0.5, 0.5
PRIOR_SQUARE = np.array([4.0 * ns / NS for ns in FAIR_HORIZONS_NS])  # bps^2
PRIOR_N = 5.0
MEMORY, SCALE_MEMORY = 5000.0, 300.0  # outcomes
CLIP = 5.0
DISPLACEMENT_MOST = 50.0  # bps
SQUARE_LEAST = 1e-6  # bps^2

FAIR = record(
    [
        ("beta", "f8", (N_FAIR,)),  # posterior mean
        ("beta_variance", "f8", (N_FAIR,)),
        ("square", "f8", (N_FAIR,)),  # residual variance, bps^2
        ("xx", "f8", (N_FAIR,)),
        ("xy", "f8", (N_FAIR,)),
        ("rr", "f8", (N_FAIR,)),
        ("n_scale", "f8", (N_FAIR,)),
        ("keep", "f8"),
        ("keep_scale", "f8"),
        ("n_outcomes", "i8", (N_FAIR,)),
        ("n_clipped", "i8"),
        ("n_skipped", "i8"),
        ("n_unknown", "i8"),  # predictions without a displacement: no move
    ]
)


def reset(model, memory, scale_memory):
    """Start from the prior; memories in outcomes, > 1."""
    model.keep = 1.0 - 1.0 / max(memory, 2.0)
    model.keep_scale = 1.0 - 1.0 / max(scale_memory, 2.0)
    model.n_clipped = 0
    model.n_skipped = 0
    model.n_unknown = 0
    for h in range(N_FAIR):
        model.xx[h] = 0.0
        model.xy[h] = 0.0
        model.rr[h] = 0.0
        model.n_scale[h] = 0.0
        model.n_outcomes[h] = 0
        _solve(model, h)


@inline
def _solve(model, h):
    prior = 1.0 / (PRIOR_BETA_SD * PRIOR_BETA_SD)
    square = (PRIOR_N * PRIOR_SQUARE[h] + model.rr[h]) / (PRIOR_N + model.n_scale[h])
    square = max(square, SQUARE_LEAST)
    precision = prior + model.xx[h] / square
    model.square[h] = square
    model.beta_variance[h] = 1.0 / precision
    model.beta[h] = (prior * PRIOR_BETA + model.xy[h] / square) / precision


@inline
def _bounded(displacement_bps):
    return min(max(np.float64(displacement_bps), -DISPLACEMENT_MOST), DISPLACEMENT_MOST)


@inline
def predict(model, h, displacement_bps):
    """(move, sd) in bps of our mid over FAIR_HORIZONS_NS[h]; an unknown displacement (NaN) predicts no move."""
    x = 0.0
    if displacement_bps == displacement_bps:
        x = _bounded(displacement_bps)
    else:
        model.n_unknown += 1
    return model.beta[h] * x, math.sqrt(model.square[h] + model.beta_variance[h] * x * x)


@compiled
def learn(model, h, displacement_bps, move_bps):
    """Take in one realised move (bps), once, with the displacement at its start. NaN is skipped, counted."""
    if displacement_bps != displacement_bps or not -math.inf < move_bps < math.inf:
        model.n_skipped += 1
        return
    model.n_outcomes[h] += 1
    x = _bounded(displacement_bps)
    move, scale = predict(model, h, x)
    residual = move_bps - move
    if abs(residual) > CLIP * scale:
        model.n_clipped += 1
        residual = CLIP * scale if residual > 0.0 else -CLIP * scale
    model.xx[h] = model.keep * model.xx[h] + x * x
    model.xy[h] = model.keep * model.xy[h] + x * (move + residual)
    model.rr[h] = model.keep_scale * model.rr[h] + residual * residual
    model.n_scale[h] = model.keep_scale * model.n_scale[h] + 1.0
    _solve(model, h)
