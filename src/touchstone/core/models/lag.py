"""Our mid's move over the next 1 and 10 s from the leader's move that it has not followed yet (x, bps).

Move, beyond what the microprice says: beta_h x, a Bayesian regression through the origin per horizon. Prior beta ~
N(0.5, 0.5^2): 1 if our mid follows all of it, 0 if none; both within one sd. What it learns from is the realised move
less the fair-value prediction frozen with it, so the two add up instead of counting one thing twice. The residual scale
is a decayed mean square with 5 pseudo-outcomes at 2 bps per sqrt second; residuals beyond 5 scales are clipped.

P(our mid is higher in 1 s): logistic in (1, u, |u|), u = x in residual scales of 1 s, within +-4. The intercept is the
rate of a move at all (a mid that stands still is not up); |u| lets it rise with a large x of either sign. Gaussian
posterior, one Newton step per outcome (the extended Kalman filter of a logistic regression); prior means -0.3, 1, 0
with sd 1 each. Forgetting widens the posterior by a share per outcome, never beyond the prior.

What was *announced*: the loss after a fill (models/adverse.py) is measured from our own late mid, so it holds the move
that the quote had already priced by its lag term. The mean of that term over filled orders, as of their decisions, is
what a quote with a lag term must not pay a second time. Prior: 0, worth 20 fills.
"""

import math

import numpy as np

from touchstone.core.conventions import FAIR_HORIZONS_NS, N_FAIR, NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import sigmoid

N_LAG = N_FAIR  # the horizons are those of the fair value
PRIOR_BETA, PRIOR_BETA_SD = 0.5, 0.5
PRIOR_SQUARE = np.array([4.0 * ns / NS for ns in FAIR_HORIZONS_NS])  # bps^2
PRIOR_N = 5.0
MEMORY, SCALE_MEMORY = 5000.0, 300.0  # outcomes
CLIP = 5.0
X_MOST = 50.0  # bps
U_MOST = 4.0
SQUARE_LEAST = 1e-6  # bps^2

N_UP = 3
UP_MEAN = np.array([-0.3, 1.0, 0.0])
UP_SD = 1.0
ANNOUNCED_N, ANNOUNCED_MEMORY = 20.0, 500.0  # fills

LAG = record(
    [
        ("beta", "f8", (N_LAG,)),  # posterior mean
        ("beta_variance", "f8", (N_LAG,)),
        ("square", "f8", (N_LAG,)),  # residual variance, bps^2
        ("xx", "f8", (N_LAG,)),
        ("xy", "f8", (N_LAG,)),
        ("rr", "f8", (N_LAG,)),
        ("n_scale", "f8", (N_LAG,)),
        ("keep", "f8"),
        ("keep_scale", "f8"),
        ("up_location", "f8", (N_UP,)),
        ("up_covariance", "f8", (N_UP, N_UP)),
        ("design", "f8", (N_UP,)),  # scratch
        ("direction", "f8", (N_UP,)),
        ("announced_n", "f8"),  # decayed number of fills
        ("announced_sum", "f8"),
        ("n_outcomes", "i8", (N_LAG,)),
        ("n_up", "i8"),  # outcomes that P(up) has learned from
        ("n_clipped", "i8"),
        ("n_skipped", "i8"),
    ]
)


def reset(model, memory, scale_memory):
    """Start from the prior; memories in outcomes, > 1."""
    model.keep = 1.0 - 1.0 / max(memory, 2.0)
    model.keep_scale = 1.0 - 1.0 / max(scale_memory, 2.0)
    model.n_clipped = 0
    model.n_skipped = 0
    model.n_up = 0
    model.announced_n = 0.0
    model.announced_sum = 0.0
    for h in range(N_LAG):
        model.xx[h] = 0.0
        model.xy[h] = 0.0
        model.rr[h] = 0.0
        model.n_scale[h] = 0.0
        model.n_outcomes[h] = 0
        _solve(model, h)
    for i in range(N_UP):
        model.up_location[i] = UP_MEAN[i]
        for j in range(N_UP):
            model.up_covariance[i, j] = UP_SD * UP_SD if i == j else 0.0


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
def _bounded(x_bps):
    return min(max(np.float64(x_bps), -X_MOST), X_MOST)


@inline
def predict(model, h, x_bps):
    """(move, sd) in bps of our mid over FAIR_HORIZONS_NS[h]; an unknown x (NaN) predicts no move."""
    x = _bounded(x_bps) if x_bps == x_bps else 0.0
    return model.beta[h] * x, math.sqrt(model.square[h] + model.beta_variance[h] * x * x)


@compiled
def learn(model, h, x_bps, move_bps):
    """Take in one realised move (bps, less the fair-value prediction), once, with x at its start. NaN is skipped."""
    if x_bps != x_bps or not -math.inf < move_bps < math.inf:
        model.n_skipped += 1
        return
    model.n_outcomes[h] += 1
    x = _bounded(x_bps)
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


@inline
def _project(model, u):
    """Mean and variance of the logit at u (x in scales); leaves design and covariance @ design in the scratch."""
    model.design[0] = 1.0
    model.design[1] = u
    model.design[2] = abs(u)
    centre, spread = 0.0, 0.0
    for i in range(N_UP):
        centre += model.design[i] * model.up_location[i]
        row = 0.0
        for j in range(N_UP):
            row += model.up_covariance[i, j] * model.design[j]
        model.direction[i] = row
        spread += model.design[i] * row
    return centre, max(spread, 0.0)


@inline
def scaled(model, x_bps):
    """x in residual scales of 1 s, within +-4: what P(up) is asked with, frozen with the prediction. NaN: 0."""
    u = _bounded(x_bps) / math.sqrt(model.square[0]) if x_bps == x_bps else 0.0
    return min(max(u, -U_MOST), U_MOST)


@compiled
def p_up(model, u):
    """P(our mid is higher in 1 s); the logit's uncertainty draws it to 1/2 (MacKay 1992)."""
    centre, spread = _project(model, u)
    return sigmoid(centre / math.sqrt(1.0 + math.pi / 8.0 * spread))


@compiled
def learn_up(model, u, y):
    """Take in one outcome, once: y = 1 the mid was higher after 1 s, 0 it was not; u as frozen."""
    model.n_up += 1
    widest = 0.0
    for i in range(N_UP):
        widest = max(widest, model.up_covariance[i, i])
    if widest < model.keep * UP_SD * UP_SD:
        for i in range(N_UP):
            for j in range(N_UP):
                model.up_covariance[i, j] /= model.keep
    centre, spread = _project(model, u)
    p = sigmoid(centre)
    weight = p * (1.0 - p)
    gain = weight / (1.0 + weight * spread)
    surprise = (np.float64(y) - p) / (1.0 + weight * spread)
    for i in range(N_UP):
        model.up_location[i] += surprise * model.direction[i]
        for j in range(N_UP):
            model.up_covariance[i, j] -= gain * model.direction[i] * model.direction[j]


@inline
def announced_bps(model):
    """What of the loss after a fill the lag term has on average priced already, bps."""
    return model.announced_sum / (ANNOUNCED_N + model.announced_n)


@inline
def learn_announced(model, term_bps):
    """Take in one fill: the lag term (bps, positive = away from mid) of its order's decision."""
    keep = 1.0 - 1.0 / ANNOUNCED_MEMORY
    model.announced_n = keep * model.announced_n + 1.0
    model.announced_sum = keep * model.announced_sum + term_bps
