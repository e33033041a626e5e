"""Edge: what a fill earns, realised half-spread at 10 s minus fee, in bps, by context; positive = good for us.

A context is regime x position x depth x side. Its mean edge theta and variance have a Normal-Inverse-Gamma posterior

    k' = k + n,  m' = (k m + n xbar) / k',  a' = a + n/2,  b' = b + SS/2 + k n (xbar - m)^2 / (2 k')
    theta ~ t_2a(m, sqrt(b / (a k))),  next edge ~ t_2a(m, sqrt(b (v + 1/k) / a))

(Murphy 2007), an outcome of volatility sigma weighing 1/v, v = sigma^2 against its average. The prior of a context is
what all contexts say of it: m = grand mean + one effect for its regime, position, depth and side each (shrunk, by
backfitting as outcomes come), k = sigma^2 / tau^2 by empirical Bayes: with B the positive-part James-Stein factor of
the contexts' deviations from m and nbar their mean weight, k = nbar B / (1 - B) (Efron-Morris 1975); less while m is
itself uncertain. Old outcomes fade, priors do not.

P(edge > 0) is the right tail, 1 - CDF(0). It is asked of theta, "is this context worth quoting"; the predictive is the
risk of one fill.

Scale and tails of the predictive are learnt from its own residuals: the 50 % and 90 % quantiles of |y - m| in scales,
by stochastic approximation, give the scale and the degrees of freedom of the Student-t that has them.

`should_widen`: a context whose theta is below -LOSS_LEAST with more than 90 %, over at least 20 fills, asks to be
widened by its expected loss, until that probability is under 60 %. A point estimate never does: with sd 15 a third of
all contexts without any edge show -2 bps after ten fills.
"""

import math
from typing import Any

import numpy as np

from touchstone.core import quick
from touchstone.core.conventions import N_DEPTH
from touchstone.core.jit import compiled, inline, record

N_REGIME, N_POSITION, N_SIDE = 4, 5, 2
N_CONTEXT = N_REGIME * N_POSITION * N_DEPTH * N_SIDE
POSITION_EDGES = np.array([-0.5, -0.1, 0.1, 0.5])  # position toward the side's direction, share of the limit
POSITION_NAMES = ("reduces much", "reduces", "flat", "adds", "adds much")
N_FACTOR = 4
FACTOR_NAMES = ("regime", "position", "depth", "side")
WIDEST = 8  # levels of a factor at most

GRAND_K = 10.0  # the grand mean is 0, worth so many fills
EFFECT_K = 20.0  # so is each effect
CELL_A = 5.0
PRIOR_SQUARE, SQUARE_K = 100.0, 10.0  # bps^2: a fill's sd is 10 bps, worth ten fills
K_FIRST, K_LEAST, K_MOST = 56.0, 10.0, 2000.0  # 56: sd 15 bps, contexts that differ by 2
V_LEAST, V_MOST = 0.1, 10.0
Z_MOST = 6.0  # residuals beyond this many scales are clipped where the mean learns, counted

LOSS_LEAST_BPS = 1.0
WIDEN_AT, RELEASE_AT = 0.9, 0.6
FEWEST = 20.0

QUANTILE_STEP = 0.02
QUANTILE_N = 20.0  # the first steps are 1/n of this many
HALF, MOST = 0.5, 0.9
_T_TABLE = (  # degrees of freedom, central 50 % half-width, ratio of the central 90 % to it
    (2.2, 0.80199, 3.424943),
    (2.5, 0.785014, 3.25882),
    (3.0, 0.764892, 3.076725),
    (3.5, 0.750937, 2.959547),
    (4.0, 0.740697, 2.878163),
    (5.0, 0.726687, 2.772925),
    (6.0, 0.717558, 2.708046),
    (8.0, 0.706387, 2.632479),
    (10.0, 0.699812, 2.589926),
    (15.0, 0.691197, 2.536253),
    (30.0, 0.682756, 2.485898),
    (100.0, 0.676951, 2.452518),
)
T_DOF, T_HALF, T_RATIO = (np.array(column) for column in zip(*_T_TABLE, strict=True))
FIRST_LOG_HALF, FIRST_LOG_MOST = math.log(0.7), math.log(1.8)

CELL = record(
    [
        ("n", "f8"),  # decayed weight of outcomes
        ("average", "f8"),
        ("squares", "f8"),  # of deviations from it
        ("is_wide", "i8"),  # should_widen, with hysteresis
    ]
)

LEVEL = record([("n", "f8"), ("average", "f8")])

EDGE = record(
    [
        ("cell", CELL, (N_CONTEXT,)),
        ("grand", LEVEL),
        ("effect", LEVEL, (N_FACTOR, WIDEST)),
        ("square", "f8"),  # decayed sum of squared residuals of predictions, in v's unit
        ("n_square", "f8"),
        ("variance", "f8"),  # average of sigma^2 over outcomes, bps^2 per s
        ("n_variance", "f8"),
        ("cell_k", "f8"),  # weight of a context's prior, in fills
        ("log_half", "f8"),  # log of the 50 % and 90 % quantiles of |residual| / scale
        ("log_most", "f8"),
        ("widening", "f8"),  # scale and dof that follow from them
        ("dof", "f8"),
        ("keep_cell", "f8"),
        ("keep_pool", "f8"),
        ("n_outcomes", "i8"),
        ("n_clipped", "i8"),
        ("n_skipped", "i8"),
        ("level", "i8", (N_FACTOR,)),  # scratch
    ]
)


def reset(model, cell_memory, pool_memory):
    """Start from the prior; memories in fills, > 1."""
    model.keep_cell = 1.0 - 1.0 / max(cell_memory, 2.0)
    model.keep_pool = 1.0 - 1.0 / max(pool_memory, 2.0)
    model.grand.n = 0.0
    model.grand.average = 0.0
    for factor in range(N_FACTOR):
        for level in range(WIDEST):
            model.effect[factor, level].n = 0.0
            model.effect[factor, level].average = 0.0
    for c in range(N_CONTEXT):
        model.cell[c].n = 0.0
        model.cell[c].average = 0.0
        model.cell[c].squares = 0.0
        model.cell[c].is_wide = 0
    model.square = 0.0
    model.n_square = 0.0
    model.variance = 0.0
    model.n_variance = 0.0
    model.cell_k = K_FIRST
    model.log_half = FIRST_LOG_HALF
    model.log_most = FIRST_LOG_MOST
    _shape(model)
    model.n_outcomes = 0
    model.n_clipped = 0
    model.n_skipped = 0


# --- Normal-Inverse-Gamma and shrinkage, as in the books


@inline
def posterior(m, k, a, b, n, average, squares):
    """(m, k, a, b) after n outcomes with this average and sum of squared deviations from it."""
    after = k + n
    gap = average - m
    return (k * m + n * average) / after, after, a + 0.5 * n, b + 0.5 * squares + 0.5 * k * n * gap * gap / after


@inline
def p_above(m, k, a, b, least):
    """P(theta > least): the right tail of t_2a(m, sqrt(b / (a k)))."""
    below, _ = quick.student_t((m - least) / math.sqrt(b / (a * k)), 2.0 * a)
    return below


@inline
def p_next_above(m, k, a, b, least):
    """P(next outcome > least)."""
    below, _ = quick.student_t((m - least) / math.sqrt(b * (k + 1.0) / (a * k)), 2.0 * a)
    return below


@inline
def shrink_factor(count, squares, variance):
    """Positive-part James-Stein: how far `count` means of this variance go to their centre, in [0, 1].

    squares: sum of squared deviations from the centre. 1 = all the way. (Efron-Morris 1975, k - 3 for a mean fitted.)
    """
    if count <= 3.0 or not squares > 0.0:
        return 1.0
    return min((count - 3.0) * variance / squares, 1.0)


# --- Contexts


@inline
def position_bucket(toward):
    """Bucket of the position in the direction of a side, as a share of the limit: 0 reduces much .. 4 adds much."""
    bucket = np.int64(0)
    while bucket < N_POSITION - 1 and toward >= POSITION_EDGES[bucket]:
        bucket += 1
    return bucket


@inline
def context(regime, position, depth, s):
    """Number of a context from its four buckets."""
    return ((regime * N_POSITION + position) * np.int64(N_DEPTH) + depth) * N_SIDE + s


def name_of(c: int) -> dict[str, Any]:
    """The buckets of a context, for people."""
    rest, s = divmod(c, N_SIDE)
    rest, depth = divmod(rest, N_DEPTH)
    regime, position = divmod(rest, N_POSITION)
    return {"regime": regime, "position": POSITION_NAMES[position], "depth_bucket": depth, "side": ("bid", "ask")[s]}


@inline
def _split(model, c):
    model.level[3] = c % N_SIDE
    rest = c // N_SIDE
    model.level[2] = rest % N_DEPTH
    rest //= N_DEPTH
    model.level[1] = rest % N_POSITION
    model.level[0] = rest // N_POSITION


@inline
def _mean(level, k, own):
    """A level's mean, shrunk; `own` of its fills left out, as if they were like the rest."""
    n = max(level.n - own, 0.0)
    return n * level.average / (n + k)


@inline
def prior_mean(model, c):
    """What the other contexts say of this one, bps: its own fills speak for themselves."""
    return _prior_mean(model, c, model.cell[c].n)


@inline
def _prior_mean(model, c, own):
    _split(model, c)
    total = _mean(model.grand, GRAND_K, own)
    for factor in range(N_FACTOR):
        total += _mean(model.effect[factor, model.level[factor]], EFFECT_K, own)
    return total


@inline
def _square(model):
    return (SQUARE_K * PRIOR_SQUARE + model.square) / (SQUARE_K + model.n_square)


@inline
def _prior_k(model, c):
    """Weight of a context's prior: less while what all contexts say is itself uncertain, its own fills left out."""
    own = model.cell[c].n
    unsure = 1.0 / model.cell_k + 1.0 / (GRAND_K + max(model.grand.n - own, 0.0))
    for factor in range(N_FACTOR):
        unsure += 1.0 / (EFFECT_K + max(model.effect[factor, model.level[factor]].n - own, 0.0))
    return 1.0 / unsure


@inline
def of_context(model, c):
    """(m, k, a, b) of a context's mean edge."""
    cell = model.cell[c]
    m = prior_mean(model, c)
    b = (CELL_A - 1.0) * _square(model)
    return posterior(m, _prior_k(model, c), CELL_A, b, cell.n, cell.average, cell.squares)


@inline
def relative_variance(model, sigma):
    """v of a fill at this volatility (bps per sqrt second); 1 where there is nothing to compare with."""
    if not (0.0 < sigma < math.inf and model.variance > 0.0):
        return 1.0
    return min(max(sigma * sigma / model.variance, V_LEAST), V_MOST)


@inline
def next_one(model, m, k, a, b, sigma):
    """`predict` where the posterior (m, k, a, b) of the context is known."""
    unit = math.sqrt(b / a * (relative_variance(model, sigma) + 1.0 / k))  # by the posterior alone, its tails unlearnt
    return m, unit * model.widening, model.dof, unit


@compiled
def predict(model, c, sigma):
    """(location, scale, dof) of the Student-t forecast of a fill's edge in bps, and the scale that residuals count in.

    c: context; sigma: bps per sqrt second at the decision.
    """
    m, k, a, b = of_context(model, c)
    return next_one(model, m, k, a, b, sigma)


@compiled
def learn(model, c, sigma, edge_bps, location, scale):
    """Take in one fill's edge, once; sigma, location and scale (the plain one) as frozen with its forecast."""
    if not (-math.inf < edge_bps < math.inf and scale > 0.0 and 0.0 < sigma < math.inf):
        model.n_skipped += 1
        return
    model.n_outcomes += 1
    residual = abs(edge_bps - location) / scale
    _learn_shape(model, residual)
    v = relative_variance(model, sigma)
    weight = 1.0 / v
    model.n_variance = model.keep_pool * model.n_variance + 1.0
    model.variance += (sigma * sigma - model.variance) / model.n_variance
    y = edge_bps
    if residual > Z_MOST:
        model.n_clipped += 1
        y = location + (Z_MOST if edge_bps > location else -Z_MOST) * scale
    model.square = model.keep_pool * model.square + weight * (y - location) * (y - location)
    model.n_square = model.keep_pool * model.n_square + 1.0
    rest = y - _prior_mean(model, c, 0.0)
    _learn_level(model.grand, model.keep_pool, weight, rest + _mean(model.grand, GRAND_K, 0.0))
    for factor in range(N_FACTOR):
        level = model.effect[factor, model.level[factor]]
        _learn_level(level, model.keep_pool, weight, rest + _mean(level, EFFECT_K, 0.0))
    cell = model.cell[c]
    cell.n = model.keep_cell * cell.n + weight
    gap = y - cell.average
    cell.average += weight * gap / cell.n
    cell.squares = model.keep_cell * cell.squares + weight * gap * (y - cell.average)
    _judge(model, c)


@inline
def _learn_level(level, keep, weight, y):
    level.n = keep * level.n + weight
    level.average += weight * (y - level.average) / level.n


@inline
def _learn_shape(model, residual):
    """One step of both quantiles of |residual|, in logarithms; then the Student-t that has them."""
    step = max(QUANTILE_STEP, 1.0 / (QUANTILE_N + np.float64(model.n_outcomes)))
    above = residual > math.exp(model.log_half)
    model.log_half += 2.0 * step * (HALF if above else HALF - 1.0)
    above = residual > math.exp(model.log_most)
    model.log_most += 2.0 * step * (MOST if above else MOST - 1.0)
    _shape(model)


@inline
def _shape(model):
    """Scale and dof of the Student-t with these quantiles: straight lines between the rows of the table."""
    ratio = math.exp(model.log_most - model.log_half)
    last = len(T_DOF) - 1
    i = 0
    while i < last and ratio < T_RATIO[i + 1]:
        i += 1
    share = 0.0
    if i < last and ratio < T_RATIO[i]:
        share = (T_RATIO[i] - ratio) / (T_RATIO[i] - T_RATIO[i + 1])
    here, there = i, min(i + 1, last)
    model.dof = T_DOF[here] + share * (T_DOF[there] - T_DOF[here])
    half = T_HALF[here] + share * (T_HALF[there] - T_HALF[here])
    # Beyond the table's ends both quantiles cannot be had: the wider is kept.
    model.widening = math.exp(model.log_half) / half
    if ratio > T_RATIO[0] or ratio < T_RATIO[last]:
        model.widening = math.exp(model.log_most) / (T_RATIO[here] * half)


@inline
def _judge(model, c):
    """should_widen of a context, with hysteresis."""
    cell = model.cell[c]
    m, k, a, b = of_context(model, c)
    p_loss = 1.0 - p_above(m, k, a, b, -LOSS_LEAST_BPS)
    if cell.is_wide:
        cell.is_wide = 1 if p_loss >= RELEASE_AT else 0
    elif cell.n >= FEWEST and p_loss > WIDEN_AT:
        cell.is_wide = 1


@compiled
def widen_bps(model, c):
    """By how much a context asks to be widened: its expected loss if `should_widen`, else 0."""
    if not model.cell[c].is_wide:
        return 0.0
    m, _, _, _ = of_context(model, c)
    return max(-m, 0.0)


@compiled
def rethink(model):
    """How far contexts differ (empirical Bayes), and whether each should be widened; every few minutes."""
    count, weight, squares = 0.0, 0.0, 0.0
    for c in range(N_CONTEXT):
        cell = model.cell[c]
        if cell.n >= 2.0:
            gap = cell.average - prior_mean(model, np.int64(c))
            count += 1.0
            weight += cell.n
            squares += cell.n * gap * gap
    if count > 3.0:
        factor = shrink_factor(count, squares, _square(model))
        if factor < 1.0:
            model.cell_k = min(max(weight / count * factor / (1.0 - factor), K_LEAST), K_MOST)
        else:
            model.cell_k = K_MOST
    for c in range(N_CONTEXT):
        if model.cell[c].n > 0.0:
            _judge(model, np.int64(c))
