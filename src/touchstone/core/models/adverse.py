"""Adverse selection: signed markout loss of a fill, in bps of mid, at each markout horizon; positive = against us.

The outcome y is standardised with the volatility at the decision, u = sigma sqrt h:

    z = y / u,    z ~ N(w' x + theta, s^2),    x = (1, depth / u, toxicity, through)

depth: centre of the depth bucket, so its weight is the *slope* in bps of loss per bps of depth. Its sign is estimated,
not assumed: its prior is centred at 0. toxicity: by how much the logit of the side's P(toxic) exceeds the usual one.
through: 1 for a shadow, which the tape fills only by going through it, 0 for a fill of our own: going through is worse.
w is a Vovk-Azoury-Warmuth regression per horizon (models/vaw.py); theta, what a cell (horizon x side x depth bucket)
adds to it, and s^2 have a Normal-Inverse-Gamma posterior whose prior is 0, worth 50 fills (half a say after 50, with
cells that differ by 1/7 of a standard deviation), fewer while the regression itself is uncertain: 1/k = 1/50 + x' P x.
The prediction is Student-t: dof 2a, location m, scale sqrt(b (k+1) / (a k)).

Priors of the regression, as multiples of s^2 = 2:

    1           0.25 / sqrt h, worth 10 fills   information arrives with the fill: the same bps at every horizon;
                                                wide, sd of the mean 0.45 sigma sqrt h
    depth       0, sd 0.25                      measured from the mid before the block a deeper fill loses more, for its
                                                sweep came that far; noise traders' deeper fills lose less
    toxicity    0, sd 0.3
    through     0, sd 0.5

and of the scale: 2 sigma^2 h, a = 3: jumps; simulated sd at 10 s is 1.36 sigma sqrt h. Forgetting is stabilised: the
sums decay per outcome, the prior does not. Fills of one block and side share its move: the n-th of them weighs 1/n^2.
The pooled scale is learnt from residuals of the cells' own predictions, so
that differences between cells do not widen it.

The *curves* are for people: sums of the loss by depth, horizon and reference, from the mid before the aggressing block
and from the mid that the block left (session/adverse.py fits AS(depth) = AS0 exp(-depth / d_char) to them).
"""

import math
from itertools import pairwise

import numpy as np

from touchstone.core import quick
from touchstone.core.conventions import DEPTH_EDGES_BPS, MARKOUT_HORIZONS_NS, N_DEPTH, N_MARKOUT, NS, TOXIC_HORIZON
from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import vaw

_EDGES = (0.0, *DEPTH_EDGES_BPS, 1.5 * DEPTH_EDGES_BPS[-1])
DEPTH_CENTRE = np.array([0.5 * (low + high) for low, high in pairwise(_EDGES)])  # bps
SQRT_H = np.array([math.sqrt(ns / NS) for ns in MARKOUT_HORIZONS_NS])
TOXIC_H = np.int64(TOXIC_HORIZON)

POOL_MEAN = 0.25  # in sigma sqrt(1 s)
POOL_K, POOL_A, POOL_B = 10.0, 3.0, 4.0
SLOPE_SD, TOXICITY_SD, THROUGH_SD = 0.25, 0.3, 0.5
CELL_K, CELL_A = 50.0, 5.0
CELL_MEMORY, POOL_MEMORY = 500.0, 2000.0  # outcomes
_SQUARE = POOL_B / (POOL_A - 1.0)
PRIOR_PRECISION = np.array([POOL_K, _SQUARE / SLOPE_SD**2, _SQUARE / TOXICITY_SD**2, _SQUARE / THROUGH_SD**2])
THROUGH = 3  # number of that weight

SIGMA_LEAST = 0.05  # bps per sqrt second
SIGMA_UNKNOWN = 2.0
Z_MOST = 30.0  # outcomes beyond this many sigma sqrt h are clipped, counted
X_MOST = 20.0  # depths beyond this many sigma sqrt h count as so many
TOXICITY_MOST = 2.0
PRE_BLOCK, POST_BLOCK = 0, 1
N_REFERENCE = 2

CELL = record(  # decayed count, means, squared deviations of z
    [
        ("n", "f8"),
        ("average", "f8"),
        ("depth", "f8"),  # of the depth feature
        ("toxicity", "f8"),
        ("through", "f8"),
        ("squares", "f8"),
    ]
)
POOL = record([("n", "f8"), ("squares", "f8")])  # decayed, of the residuals of the predictions
SUMS = record([("n", "f8"), ("depth", "f8"), ("loss", "f8"), ("square", "f8")])

ADVERSE = record(
    [
        ("cell", CELL, (N_MARKOUT, 2, N_DEPTH)),
        ("slope", vaw.VAW, (N_MARKOUT,)),
        ("pool", POOL, (N_MARKOUT,)),
        ("prior_square", "f8", (N_MARKOUT,)),  # s^2 as the pool has it
        ("curve", SUMS, (N_REFERENCE, N_MARKOUT, N_DEPTH)),
        ("noise", "f8", (N_MARKOUT,)),  # sum of (sigma sqrt h)^2 over the outcomes of the curve
        ("keep_cell", "f8"),
        ("keep_pool", "f8"),
        ("n_outcomes", "i8", (N_MARKOUT,)),
        ("n_own", "i8", (N_MARKOUT,)),  # of our own fills
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
        model.n_own[h] = 0
        model.noise[h] = 0.0
        vaw.reset(model.slope[h], np.array([POOL_MEAN / SQRT_H[h], 0.0, 0.0, 0.0]), PRIOR_PRECISION)
        model.pool[h].n = 0.0
        model.pool[h].squares = 0.0
        model.prior_square[h] = _SQUARE
        for bucket in range(N_DEPTH):
            for s in range(2):
                cell = model.cell[h, s, bucket]
                cell.n = 0.0
                cell.average = 0.0
                cell.depth = 0.0
                cell.toxicity = 0.0
                cell.through = 0.0
                cell.squares = 0.0
            for reference in range(N_REFERENCE):
                sums = model.curve[reference, h, bucket]
                sums.n = 0.0
                sums.depth = 0.0
                sums.loss = 0.0
                sums.square = 0.0


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
def toxicity_feature(p, usual):
    """The feature of a side: logit of its P(toxic) over the usual one, within +-2; 0 where either is unknown."""
    if not (0.0 < p < 1.0 and 0.0 < usual < 1.0):
        return 0.0
    if p == usual:
        return 0.0
    x = math.log(p / (1.0 - p)) - math.log(usual / (1.0 - usual))
    return min(max(x, -TOXICITY_MOST), TOXICITY_MOST)


@inline
def _posterior(model, h, bucket, s, unit, toxicity):
    """(m, k, a, b) of an outcome's mean in units of sigma sqrt h (Normal-Inverse-Gamma, E s^2 = b / (a - 1))."""
    x = min(DEPTH_CENTRE[bucket] / unit, X_MOST)
    usual, lever = vaw.predict(model.slope[h], 1.0, x, toxicity, 0.0)
    k0 = 1.0 / (1.0 / CELL_K + lever)
    cell = model.cell[h, s, bucket]
    k = k0 + cell.n
    gap = cell.average - vaw.at(model.slope[h], 1.0, cell.depth, cell.toxicity, cell.through)
    if not cell.n > 0.0:
        gap = 0.0
    a = CELL_A + 0.5 * cell.n
    b = (CELL_A - 1.0) * model.prior_square[h] + 0.5 * cell.squares + 0.5 * k0 * cell.n / k * gap * gap
    return usual + cell.n * gap / k, k, a, b


@compiled
def predict(model, h, bucket, s, sigma, toxicity):
    """(location, scale, dof) of the Student-t forecast of the markout loss in bps of a fill.

    h: index of MARKOUT_HORIZONS_NS; bucket: depth bucket; s: 0 bid, 1 ask; sigma: bps per sqrt second at the decision;
    toxicity: `toxicity_feature` of the side then. Of our own fill: a shadow's loses `through_bps` more.
    """
    unit = _guarded(model, sigma) * SQRT_H[h]
    m, k, a, b = _posterior(model, h, bucket, s, unit, toxicity)
    return m * unit, math.sqrt(b * (k + 1.0) / (a * k)) * unit, 2.0 * a


@inline
def through_bps(model, h, sigma):
    """How much more a shadow loses that the tape goes through, bps."""
    return model.slope[h].location[THROUGH] * _guarded(model, sigma) * SQRT_H[h]


@compiled
def mean_scale(model, h, bucket, s, sigma, toxicity):
    """(scale, dof) in bps of the Student-t posterior of the *mean* markout loss, at the location of `predict`."""
    unit = _guarded(model, sigma) * SQRT_H[h]
    _, k, a, b = _posterior(model, h, bucket, s, unit, toxicity)
    return math.sqrt(b / (a * k)) * unit, 2.0 * a


@compiled
def p_toxic(model, bucket, s, sigma, toxicity, half_spread_minus_fee_bps, half_spread_sd_bps):
    """P(half-spread - fee - markout loss at 10 s < 0) of a fill; NaN where the half-spread is NaN.

    The uncertainty of the half-spread at the fill widens the forecast of the loss.
    """
    location, scale, dof = predict(model, TOXIC_H, bucket, s, sigma, toxicity)
    return p_beyond(location, scale, dof, half_spread_minus_fee_bps, half_spread_sd_bps)


@inline
def p_beyond(location, scale, dof, half_spread_minus_fee_bps, half_spread_sd_bps):
    """`p_toxic` where the forecast of the loss at 10 s is known."""
    wide = math.sqrt(scale * scale + half_spread_sd_bps * half_spread_sd_bps)
    below, _ = quick.student_t((location - half_spread_minus_fee_bps) / wide, dof)
    return below


@compiled
def learn(model, h, bucket, s, sigma, toxicity, through, weight, as_bps):
    """Take in one markout loss (bps, signed), once; inputs as at the decision. Unknown values are skipped, counted.

    through: 1.0 for a shadow's fill, 0.0 for our own; weight in (0, 1]: what the outcome is worth.
    """
    if not _known(as_bps) or not 0.0 < sigma < math.inf:
        model.n_skipped += 1
        return
    unit = _guarded(model, sigma) * SQRT_H[h]
    z = as_bps / unit
    if abs(z) > Z_MOST:
        model.n_clipped += 1
        z = Z_MOST if z > 0.0 else -Z_MOST
    model.n_outcomes[h] += 1
    if through == 0.0:
        model.n_own[h] += 1
    m, k, _, _ = _posterior(model, h, bucket, s, unit, toxicity)
    gap = z - m - through * model.slope[h].location[THROUGH]
    pool = model.pool[h]
    keep = 1.0 - weight * (1.0 - model.keep_pool)  # what is worth little also makes little be forgotten
    pool.n = keep * pool.n + weight
    pool.squares = keep * pool.squares + weight * gap * gap * k / (k + 1.0)
    model.prior_square[h] = (POOL_B + 0.5 * pool.squares) / (POOL_A + 0.5 * pool.n - 1.0)
    x = min(DEPTH_CENTRE[bucket] / unit, X_MOST)
    vaw.learn(model.slope[h], keep, weight, 1.0, x, toxicity, through, z)
    cell = model.cell[h, s, bucket]
    keep = 1.0 - weight * (1.0 - model.keep_cell)
    before = keep * cell.n
    cell.n = before + weight
    share = weight / cell.n
    gap = z - cell.average
    cell.average += share * gap
    cell.depth += share * (x - cell.depth)
    cell.toxicity += share * (toxicity - cell.toxicity)
    cell.through += share * (through - cell.through)
    cell.squares = keep * cell.squares + weight * gap * gap * before / cell.n


@inline
def draw(model, reference, h, bucket, depth_bps, sigma, weight, loss_bps):
    """A point of a curve: a fill's loss from one of the two mids, at its depth at the decision."""
    sums = model.curve[reference, h, bucket]
    sums.n += weight
    sums.depth += weight * depth_bps
    sums.loss += weight * loss_bps
    sums.square += weight * loss_bps * loss_bps
    if reference == PRE_BLOCK:
        model.noise[h] += weight * sigma * sigma * SQRT_H[h] * SQRT_H[h]
