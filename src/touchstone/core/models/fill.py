"""Probability that a resting order gets its first fill within tau (1, 10, 60 s) of the decision, latency included.

One Bayesian regression per horizon on the hazard, with the complementary log-log link:

    p = 1 - exp(-exp(eta)),   eta = [ln tau + ln A - k depth] + beta' x

The bracket is an offset: the intensity measured on the public tape, frozen at the decision. beta says how our orders
differ from the tape. With this link k stays the k of the tape (a logit would bias it) and ln tau is the exposure.

Prior of beta, independent Normals:

    x                                     mean            sd   why
    1                                     -0.5            1.0  latency takes part of 1 s; trades cluster, so fewer
                                                               first fills than a Poisson stream at 10 and 60 s
    depth / (sigma sqrt tau), in +-4      0               0.3  the offset has the depth; sign of the rest unknown
    ln(1 + queue ahead / mean trade)      -0.55           0.3  birth-death queue (.94 and .71 per s): rate of the first
                                                               fill ~ (n ahead)^-0.52 to -0.62 for n = 3 to 10
    imbalance toward our side, in +-1     -1, -0.6, -0.3  0.5  two-queue race, -1.7 to -2.0 until the touch moves;
                                                               halved, fading with the horizon
    ln(sigma / sigma_slow), in +-2        0.5             0.4  A follows activity, but late
    side (+1 bid, -1 ask)                 0               0.2  no asymmetry known beforehand

The posterior is Gaussian. An outcome y updates it by assumed density filtering: along x the posterior of eta times the
likelihood is matched in mean and variance (Gauss-Hermite), a rank-one update of the precision. The likelihood is
log-concave, so the precision never falls by an outcome; forgetting mixes it with the prior's and so is bounded below.
`outcome_weight` < 1 tempers the likelihood because orders of one price path are not independent (a ladder refreshed
each second has a design effect of about 13; 3 with levels only).
"""

import math

import numpy as np

from touchstone.core.conventions import FILL_HORIZONS_NS, N_FILL, NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.quick import hazard_p

N_X = 6
NAMES = ("intercept", "depth", "queue", "imbalance", "volatility", "side")

PRIOR_MEAN = np.array(
    [
        [-0.5, 0.0, -0.55, -1.0, 0.5, 0.0],
        [-0.5, 0.0, -0.55, -0.6, 0.5, 0.0],
        [-0.5, 0.0, -0.55, -0.3, 0.5, 0.0],
    ]
)
PRIOR_SD = np.array([1.0, 0.3, 0.3, 0.5, 0.4, 0.2])

OUTCOME_WEIGHT = 0.25
LOG_OUTCOME_WEIGHT = math.log(OUTCOME_WEIGHT)
MEMORY = 20_000.0  # outcomes

LN_TAU = np.array([math.log(ns / NS) for ns in FILL_HORIZONS_NS])
INV_SQRT_TAU = np.array([1.0 / math.sqrt(ns / NS) for ns in FILL_HORIZONS_NS])
DEPTH_CAP = 4.0
VOLATILITY_CAP = 2.0
QUEUE_CAP = 8.0
A_LEAST, A_MOST = 1e-4, 1e4  # trades per second
K_MOST, K_UNKNOWN = 20.0, 0.3  # per bps
QUEUE_UNKNOWN = math.log(11.0)  # ten mean trades ahead
ETA_LEAST, ETA_MOST = -12.0, 2.5  # p from 6e-6 to 1 - 5e-6
STEPS_PER_MEMORY, MOST_PER_STEP = 256.0, 64.0  # a memory of 20,000 outcomes decays every 64 of them
SHRINK_LEAST = 0.05  # one outcome takes away at most 95 % of the variance of eta

# Gauss-Hermite for the standard Normal: 5 nodes to predict, 9 to learn (upper halves; the rules are symmetric).
Z5 = np.array([-2.8569700138728056, -1.355626179974266, 0.0, 1.355626179974266, 2.8569700138728056])
W5 = np.array([0.01125741132772069, 0.22207592200561264, 8.0 / 15.0, 0.22207592200561264, 0.01125741132772069])
_Z9 = (1.0232556637891326, 2.07684797867783, 3.20542900285647, 4.512745863399783)
_W9 = (0.24409750289493953, 0.04991640676521782, 0.0027891413212317692, 2.2345844007746607e-05)
Z9 = np.array([*(-z for z in reversed(_Z9)), 0.0, *_Z9])
W9 = np.array([*reversed(_W9), 0.40634920634920635, *_W9])

FEATURES = record(
    [
        ("x", "f8", (N_X,)),  # depth here per sigma * sqrt(1 s)
        ("offset", "f8", (N_FILL,)),
        ("n_unknown", "i8"),  # inputs that were unknown and took their neutral value
    ]
)

FILL_MODEL = record(
    [
        ("precision", "f8", (N_FILL, N_X, N_X)),
        ("weighted", "f8", (N_FILL, N_X)),  # precision @ location
        ("location", "f8", (N_FILL, N_X)),  # posterior mean of beta
        ("covariance", "f8", (N_FILL, N_X, N_X)),
        ("outcome_weight", "f8"),
        ("forget_every", "i8"),  # outcomes; evidence decays in steps, each a small part of the memory
        ("keep", "f8"),  # share of the evidence kept per step
        ("n_outcomes", "i8", (N_FILL,)),
        ("n_filled", "i8", (N_FILL,)),
        ("n_clamped", "i8"),  # predictions whose mean eta lay outside [ETA_LEAST, ETA_MOST]
        ("n_skipped", "i8"),  # outcomes not learned: not 0 or 1
        ("design", "f8", (N_X,)),  # scratch
        ("direction", "f8", (N_X,)),
        ("inverse", "f8", (N_X, N_X)),
    ]
)


def reset(model, outcome_weight, memory):
    """Start from the prior. outcome_weight in (0, 1]: share of an outcome that counts; memory: outcomes, > 1."""
    model.outcome_weight = outcome_weight
    model.forget_every = np.int64(_within(memory / STEPS_PER_MEMORY, 1.0, MOST_PER_STEP))
    model.keep = 1.0 - np.float64(model.forget_every) / max(memory, 2.0)
    model.n_clamped = 0
    model.n_skipped = 0
    for h in range(N_FILL):
        model.n_outcomes[h] = 0
        model.n_filled[h] = 0
        for i in range(N_X):
            for j in range(N_X):
                model.precision[h, i, j] = 0.0
            model.precision[h, i, i] = 1.0 / (PRIOR_SD[i] * PRIOR_SD[i])
            model.weighted[h, i] = PRIOR_MEAN[h, i] * model.precision[h, i, i]
        _solve(model, h)


@inline
def _within(x, least, most):
    return min(max(x, least), most)


@compiled
def features(f, a, k, depth_bps, queue_ahead, mean_trade_qty, sigma, sigma_slow, imbalance_toward, side):
    """Fill FEATURES `f` for one order at the decision.

    a: trades per second of the aggressor side that would hit us; k: per bps; depth_bps: from mid, positive = away;
    queue_ahead and mean_trade_qty: size units; sigma, sigma_slow: bps per sqrt second; imbalance_toward: side x book
    imbalance, positive = more size on our side; side: +1 bid, -1 ask. NaN, a negative queue, or a non-positive rate,
    size or volatility mean unknown: the term takes its neutral value (queue: ten trades ahead) and is counted.
    """
    f.n_unknown = 0
    rate = np.float64(a)
    if not rate > 0.0:
        rate = A_LEAST
        f.n_unknown += 1
    decay = np.float64(k)
    if not decay >= 0.0:
        decay = K_UNKNOWN
        f.n_unknown += 1
    depth = np.float64(depth_bps)
    tape = math.log(_within(rate, A_LEAST, A_MOST)) - min(decay, K_MOST) * depth
    for h in range(N_FILL):
        f.offset[h] = LN_TAU[h] + tape
    f.x[0] = 1.0
    f.x[1] = 0.0
    f.x[4] = 0.0
    if 0.0 < sigma < math.inf:
        f.x[1] = _within(depth / sigma, -1e3, 1e3)
        if 0.0 < sigma_slow < math.inf:
            f.x[4] = _within(math.log(sigma / sigma_slow), -VOLATILITY_CAP, VOLATILITY_CAP)
        else:
            f.n_unknown += 1
    else:
        f.n_unknown += 1
    f.x[2] = QUEUE_UNKNOWN
    if queue_ahead >= 0 and mean_trade_qty > 0:
        f.x[2] = min(math.log1p(np.float64(queue_ahead) / np.float64(mean_trade_qty)), QUEUE_CAP)
    else:
        f.n_unknown += 1
    f.x[3] = 0.0
    if -math.inf < imbalance_toward < math.inf:
        f.x[3] = _within(np.float64(imbalance_toward), -1.0, 1.0)
    else:
        f.n_unknown += 1
    f.x[5] = np.float64(side)


@inline
def _project(model, f, h):
    """Posterior mean (without the offset) and variance of beta' x; leaves x and covariance @ x in the scratch."""
    for i in range(N_X):
        model.design[i] = f.x[i]
    model.design[1] = _within(f.x[1] * INV_SQRT_TAU[h], -DEPTH_CAP, DEPTH_CAP)
    a, b, c, d, e, g = _six(model.design)
    centre = 0.0
    spread = 0.0
    for i in range(N_X):
        centre += model.design[i] * model.location[h, i]
        w = model.covariance[h, i]
        row = w[0] * a + w[1] * b + w[2] * c + w[3] * d + w[4] * e + w[5] * g
        model.direction[i] = row
        spread += model.design[i] * row
    return centre, max(spread, 1e-12)


@inline
def _six(x):
    """The N_X numbers as locals: read from a record beside one that is written they would be fetched each time."""
    return x[0], x[1], x[2], x[3], x[4], x[5]


@inline
def _add_outer(matrix, factor, x):
    """matrix += factor x x'."""
    a, b, c, d, e, g = _six(x)
    for i in range(N_X):
        w, y = matrix[i], factor * x[i]
        w[0] += y * a
        w[1] += y * b
        w[2] += y * c
        w[3] += y * d
        w[4] += y * e
        w[5] += y * g


@inline
def _p(eta):
    """Probability at a linear predictor within [ETA_LEAST, ETA_MOST]."""
    return hazard_p(_within(eta, ETA_LEAST, ETA_MOST))


@inline
def _tempered(likelihood, weight):
    """likelihood^weight; the usual weight of a quarter needs no logarithm."""
    if weight == OUTCOME_WEIGHT:
        return math.sqrt(math.sqrt(likelihood))
    return math.exp(weight * math.log(likelihood))


@compiled
def predict(model, f, h):
    """Probability of the first fill within FILL_HORIZONS_NS[h] and its posterior standard deviation."""
    centre, spread = _project(model, f, h)
    eta = f.offset[h] + centre
    if not ETA_LEAST <= eta <= ETA_MOST:
        model.n_clamped += 1
    width = math.sqrt(spread)
    p = 0.0
    square = 0.0
    for i in range(5):
        q = _p(eta + width * Z5[i])
        p += W5[i] * q
        square += W5[i] * q * q
    return p, math.sqrt(max(square - p * p, 0.0))


@compiled
def learn(model, f, h, y):
    """Take in one outcome, once: y = 1 filled within the horizon, 0 alive and unfilled at its end (shadow included)."""
    if y != 0 and y != 1:
        model.n_skipped += 1
        return
    model.n_outcomes[h] += 1
    model.n_filled[h] += y
    if model.n_outcomes[h] % model.forget_every == 0:
        _forget(model, h)
    centre, spread = _project(model, f, h)
    eta = f.offset[h] + centre
    width = math.sqrt(spread)
    weight = np.float64(model.outcome_weight)
    log_weight = LOG_OUTCOME_WEIGHT if weight == OUTCOME_WEIGHT else math.log(weight)
    total = 0.0
    first = 0.0
    second = 0.0
    for i in range(9):
        node = _within(eta + width * Z9[i], ETA_LEAST, ETA_MOST)
        if y == 1:
            mass = W9[i] * _tempered(hazard_p(node), weight)
        else:  # exp(-w e^eta) = exp(-e^(eta + ln w))
            mass = W9[i] * (1.0 - hazard_p(node + log_weight))
        total += mass
        first += mass * Z9[i]
        second += mass * Z9[i] * Z9[i]
    shift = first / total  # total > 0: at the clamps the likelihood is at least 5e-6
    shrink = _within(second / total - shift * shift, SHRINK_LEAST, 1.0)
    # The new posterior of beta' x is N(centre + width * shift, spread * shrink); written as a pseudo-observation.
    gain = (1.0 / shrink - 1.0) / spread
    pull = (centre + width * shift) / (spread * shrink) - centre / spread
    for i in range(N_X):
        model.weighted[h, i] += pull * model.design[i]
    _add_outer(model.precision[h], gain, model.design)
    # The same by conditioning on it, which saves the inverse: `_solve` comes with the next step of forgetting.
    moved, lost = shift / width, (1.0 - shrink) / spread
    for i in range(N_X):
        model.location[h, i] += moved * model.direction[i]
    _add_outer(model.covariance[h], -lost, model.direction)


@compiled
def _forget(model, h):
    """Stabilised forgetting: evidence decays, the prior comes back."""
    keep = model.keep
    for i in range(N_X):
        prior = 1.0 / (PRIOR_SD[i] * PRIOR_SD[i])
        model.weighted[h, i] = keep * model.weighted[h, i] + (1.0 - keep) * prior * PRIOR_MEAN[h, i]
        for j in range(N_X):
            model.precision[h, i, j] *= keep
        model.precision[h, i, i] += (1.0 - keep) * prior
    _solve(model, h)


@compiled
def _solve(model, h):
    """Covariance and mean from the precision: Cholesky factor L, then inverse(L), then its square."""
    low = model.inverse
    for i in range(N_X):
        for j in range(i + 1):
            rest = model.precision[h, i, j]
            for m in range(j):
                rest -= low[i, m] * low[j, m]
            if i == j:
                low[i, i] = math.sqrt(max(rest, 1e-12))
            else:
                low[i, j] = rest / low[j, j]
    for i in range(N_X):  # invert L in place, column by column of the result
        low[i, i] = 1.0 / low[i, i]
        for j in range(i):
            rest = 0.0
            for m in range(j, i):
                rest -= low[i, m] * low[m, j]
            low[i, j] = rest * low[i, i]
    for i in range(N_X):
        for j in range(i + 1):
            cell = 0.0
            for m in range(i, N_X):
                cell += low[m, i] * low[m, j]
            model.covariance[h, i, j] = cell
            model.covariance[h, j, i] = cell
    for i in range(N_X):
        mean = 0.0
        for j in range(N_X):
            mean += model.covariance[h, i, j] * model.weighted[h, j]
        model.location[h, i] = mean
