"""Adverse selection: signed markout loss of a fill, in bps of mid, at each markout horizon; positive = against us.

The outcome y is standardised with the volatility at the decision, after a depth term that is always there:

    z = (y - 0.25 depth) / (sigma sqrt h),     z | bucket ~ N(theta, s^2),     depth = centre of the depth bucket

theta and s^2 of a cell (horizon x side x depth bucket) have a Normal-Inverse-Gamma posterior whose prior is the pooled
posterior of the horizon: 50 pseudo-fills at the pooled mean (so a cell has half a say after 50 fills, with cells that
differ by 1/7 of a standard deviation), fewer while the pooled mean itself is uncertain, 1/k = 1/50 + 1/k_pooled. The
prediction is Student-t: dof 2a, location m, scale sqrt(b (k+1) / (a k)).

Prior of the pooled cell:

    depth term  0.25 x depth, fixed    a sweep that reaches depth d leaves part of d behind; with the next line it gives
                                       2.8 and 2.3 bps at 8 and 6 bps of depth and sigma 3 (simulated: 2.4 and 2.0)
    mean        0.25 sigma sqrt(1 s)   information arrives with the fill: the same bps at every horizon
                k = 10 pseudo-fills    wide: sd of the mean 0.45 sigma sqrt h
    variance    2 sigma^2 h, a = 3     jumps: simulated sd at 10 s is 1.36 sigma sqrt h

Forgetting is stabilised: the sums decay per outcome, the prior does not. The pooled scale is learnt from residuals of
the cells' own predictions, so that differences between cells do not widen it.
"""

import math
from itertools import pairwise

import numpy as np

from touchstone.core import quick
from touchstone.core.conventions import DEPTH_EDGES_BPS, MARKOUT_HORIZONS_NS, N_DEPTH, N_MARKOUT, NS, TOXIC_HORIZON
from touchstone.core.jit import compiled, inline, record

DEPTH_SHARE = 0.25
_EDGES = (0.0, *DEPTH_EDGES_BPS, 1.5 * DEPTH_EDGES_BPS[-1])
DEPTH_TERM = np.array([DEPTH_SHARE * 0.5 * (low + high) for low, high in pairwise(_EDGES)])
SQRT_H = np.array([math.sqrt(ns / NS) for ns in MARKOUT_HORIZONS_NS])
TOXIC_H = np.int64(TOXIC_HORIZON)

POOL_MEAN = 0.25  # in sigma sqrt(1 s)
POOL_K, POOL_A, POOL_B = 10.0, 3.0, 4.0
CELL_K, CELL_A = 50.0, 5.0
CELL_MEMORY, POOL_MEMORY = 500.0, 2000.0  # outcomes

SIGMA_LEAST = 0.05  # bps per sqrt second
SIGMA_UNKNOWN = 2.0
Z_MOST = 30.0  # outcomes beyond this many sigma sqrt h are clipped, counted

CELL = record([("n", "f8"), ("average", "f8"), ("squares", "f8")])  # decayed count, mean, squared deviations of z

ADVERSE = record(
    [
        ("cell", CELL, (N_MARKOUT, 2, N_DEPTH)),
        ("pool", CELL, (N_MARKOUT,)),  # squares: of the residuals of the predictions
        # what the pool says of a cell beforehand
        ("prior_k", "f8", (N_MARKOUT,)),
        ("prior_mean", "f8", (N_MARKOUT,)),
        ("prior_square", "f8", (N_MARKOUT,)),
        ("keep_cell", "f8"),
        ("keep_pool", "f8"),
        ("n_outcomes", "i8", (N_MARKOUT,)),
        ("n_sigma_floored", "i8"),
        ("n_sigma_unknown", "i8"),  # predictions made with SIGMA_UNKNOWN
        ("n_clipped", "i8"),
        ("n_skipped", "i8"),  # outcomes without a volatility or a value
    ]
)


def reset(model, cell_memory, pool_memory):
    """Start from the prior; memories in outcomes, > 1."""
    model.keep_cell = 1.0 - 1.0 / max(cell_memory, 2.0)
    model.keep_pool = 1.0 - 1.0 / max(pool_memory, 2.0)
    model.n_sigma_floored = 0
    model.n_sigma_unknown = 0
    model.n_clipped = 0
    model.n_skipped = 0
    for h in range(N_MARKOUT):
        model.n_outcomes[h] = 0
        model.pool[h].n = 0.0
        model.pool[h].average = 0.0
        model.pool[h].squares = 0.0
        for s in range(2):
            for bucket in range(N_DEPTH):
                cell = model.cell[h, s, bucket]
                cell.n = 0.0
                cell.average = 0.0
                cell.squares = 0.0
        _pool(model, h)


@inline
def _known(x):
    return -math.inf < x < math.inf


@inline
def _guarded(model, sigma):
    """Volatility with floor and substitute, counted."""
    if not 0.0 < sigma < math.inf:
        model.n_sigma_unknown += 1
        return SIGMA_UNKNOWN
    if sigma < SIGMA_LEAST:
        model.n_sigma_floored += 1
        return SIGMA_LEAST
    return np.float64(sigma)


@inline
def _pool(model, h):
    """The pool of a horizon has changed, and with it the prior of its cells."""
    pool = model.pool[h]
    pool_k = POOL_K + pool.n
    model.prior_k[h] = 1.0 / (1.0 / CELL_K + 1.0 / pool_k)
    model.prior_mean[h] = (POOL_K * POOL_MEAN / SQRT_H[h] + pool.n * pool.average) / pool_k
    model.prior_square[h] = (POOL_B + 0.5 * pool.squares) / (POOL_A + 0.5 * pool.n - 1.0)


@inline
def _posterior(model, h, bucket, s):
    """(m, k, a, b) of the cell in units of sigma sqrt h (Normal-Inverse-Gamma, E s^2 = b / (a - 1))."""
    pool_m, pool_square, k0 = model.prior_mean[h], model.prior_square[h], model.prior_k[h]
    cell = model.cell[h, s, bucket]
    k = k0 + cell.n
    m = (k0 * pool_m + cell.n * cell.average) / k
    a = CELL_A + 0.5 * cell.n
    gap = cell.average - pool_m
    b = (CELL_A - 1.0) * pool_square + 0.5 * cell.squares + 0.5 * k0 * cell.n / k * gap * gap
    return m, k, a, b


@compiled
def predict(model, h, bucket, s, sigma):
    """(location, scale, dof) of the Student-t forecast of the markout loss in bps of a fill.

    h: index of MARKOUT_HORIZONS_NS; bucket: depth bucket; s: 0 bid, 1 ask; sigma: bps per sqrt second at the decision.
    """
    unit = _guarded(model, sigma) * SQRT_H[h]
    m, k, a, b = _posterior(model, h, bucket, s)
    return DEPTH_TERM[bucket] + m * unit, math.sqrt(b * (k + 1.0) / (a * k)) * unit, 2.0 * a


@compiled
def mean_scale(model, h, bucket, s, sigma):
    """Scale in bps of the Student-t posterior of the *mean* markout loss (same location and dof as `predict`)."""
    unit = _guarded(model, sigma) * SQRT_H[h]
    _, k, a, b = _posterior(model, h, bucket, s)
    return math.sqrt(b / (a * k)) * unit


@compiled
def p_toxic(model, bucket, s, sigma, half_spread_minus_fee_bps, half_spread_sd_bps):
    """P(half-spread - fee - markout loss at 10 s < 0) of a fill; NaN where the half-spread is NaN.

    The uncertainty of the half-spread at the fill widens the forecast of the loss.
    """
    location, scale, dof = predict(model, TOXIC_H, bucket, s, sigma)
    wide = math.sqrt(scale * scale + half_spread_sd_bps * half_spread_sd_bps)
    below, _ = quick.student_t((location - half_spread_minus_fee_bps) / wide, dof)
    return below


@inline
def _decayed(cell, keep, z):
    """Take z into the decayed count and mean; returns the count before, decayed."""
    before = keep * cell.n
    cell.n = before + 1.0
    cell.average += (z - cell.average) / cell.n
    return before


@compiled
def learn(model, h, bucket, s, sigma, as_bps):
    """Take in one markout loss (bps, signed), once; sigma as at the decision. Unknown values are skipped, counted."""
    if not _known(as_bps) or not 0.0 < sigma < math.inf:
        model.n_skipped += 1
        return
    z = (as_bps - DEPTH_TERM[bucket]) / (_guarded(model, sigma) * SQRT_H[h])
    if abs(z) > Z_MOST:
        model.n_clipped += 1
        z = Z_MOST if z > 0.0 else -Z_MOST
    model.n_outcomes[h] += 1
    m, k, _, _ = _posterior(model, h, bucket, s)
    pool = model.pool[h]
    _decayed(pool, model.keep_pool, z)
    pool.squares = model.keep_pool * pool.squares + (z - m) * (z - m) * k / (k + 1.0)
    _pool(model, h)
    cell = model.cell[h, s, bucket]
    old_average = cell.average
    before = _decayed(cell, model.keep_cell, z)
    gap = z - old_average
    cell.squares = model.keep_cell * cell.squares + gap * gap * before / cell.n
