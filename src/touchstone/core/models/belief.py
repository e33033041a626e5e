"""One belief about the next move of our mid: its density over 10 s, a mixture by regime, change point and volatility.

    p(x) =   w_1 sum_j P(regime j) t10(x; v_j)
           + w_2 [P(change) t10(x; v_new) + P(no change) t10(x; v_old)]
           + w_3 t10(x; sigma^2)

Each part is a Student-t with 10 degrees of freedom, mean 0 and variance v (bps^2 per second) x 10 s x c. v_j is the
mean squared return of a regime's seconds (market/regime.py), v_new and v_old are the change-point model's predictive
variances given a run of at most 10 s and a longer one (market/changepoint.py), sigma is the fast volatility. The w are
learned by Bayes' rule from how probable each source made the outcome (to the power 1/10: ten overlapping outcomes share
10 s), with a fixed share of SHARE per outcome so that a source can come back; prior 1/3 each. c is the ratio of
realised to predicted variance, prior 1 with the weight of 30 outcomes.

The mid lives on a grid of half ticks, so what is scored is the probability of the cell that it falls into, by log
score, against a slow Gaussian: variance = slow sigma^2 x 10 s. Must beat it before anything may become bolder by it.
"""

import math

import numpy as np

from touchstone.core import quick
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market.regime import N_REGIMES
from touchstone.core.numerics import normal_cdf

HORIZON_S = 10.0
DOF = 10.0
T_SHARE = math.sqrt((DOF - 2.0) / DOF)  # scale of a unit variance
N_PARTS = N_REGIMES + 3
NEW, OLD, FAST = np.int64(N_REGIMES), np.int64(N_REGIMES + 1), np.int64(N_REGIMES + 2)
SOURCE_NAMES = ("regime", "changepoint", "volatility")
N_SOURCES = len(SOURCE_NAMES)
SOURCE = np.array([0] * N_REGIMES + [1, 1, 2])  # of each part
TEMPER = 0.1
SHARE = 1e-3
PRIOR_N, MEMORY = 30.0, 3600.0  # outcomes
Z2_MOST = 25.0
VARIANCE_LEAST = 0.0025  # bps^2 per second
MOVE_MOST = 1e5  # bps
P_LEAST = 1e-9  # a cell less probable than this counts as this

BELIEF = record(
    [
        ("weight", "f8", (N_PARTS,)),  # of the density as of now
        ("variance", "f8", (N_PARTS,)),  # per second, without c
        ("w", "f8", (N_SOURCES,)),  # of the sources, together 1
        ("squares", "f8"),  # decayed sum of realised / predicted variance
        ("n", "f8"),
        ("n_outcomes", "i8"),
        ("n_skipped", "i8"),
        ("n_floored", "i8"),  # outcomes that it had held for all but impossible
    ]
)

FROZEN = record(  # a density as it was predicted
    [
        ("weight", "f8", (N_PARTS,)),
        ("scale_bps", "f8", (N_PARTS,)),
        ("raw", "f8"),  # variance without c, bps^2
        ("slow_sd_bps", "f8"),  # of the baseline
        ("cell_bps", "f8"),  # width of the grid of the mid
        ("w", "f8", (N_SOURCES,)),
        ("p", "f8", (N_SOURCES,)),  # scratch: what each source gives the outcome
    ]
)


def reset(b):
    """Nothing learned."""
    for k in range(N_SOURCES):
        b.w[k] = 1.0 / N_SOURCES
    b.squares = 0.0
    b.n = 0.0
    b.n_outcomes = 0
    b.n_skipped = 0
    b.n_floored = 0
    b.weight[:] = 0.0
    b.variance[:] = 0.0


@compiled
def update(b, regime, changepoint, sigma, sigma_slow):
    """The parts as of now, from REGIME, CHANGEPOINT, whose unit is sigma_slow, and sigma (bps per sqrt second)."""
    unit = sigma_slow * sigma_slow
    for j in range(N_REGIMES):
        b.weight[j] = b.w[0] * regime.p_next[j]
        b.variance[j] = max(np.float64(regime.square[j]), VARIANCE_LEAST)
    b.weight[NEW] = b.w[1] * changepoint.p_change
    b.weight[OLD] = b.w[1] * (1.0 - changepoint.p_change)
    b.weight[FAST] = b.w[2]
    b.variance[NEW] = max(changepoint.variance_new * unit, VARIANCE_LEAST)
    b.variance[OLD] = max(changepoint.variance_old * unit, VARIANCE_LEAST)
    b.variance[FAST] = max(sigma * sigma, VARIANCE_LEAST)


@inline
def is_known(b):
    """Whether there is a belief yet."""
    return b.weight[FAST] > 0.0


@inline
def sd_of_a_second(b):
    """Standard deviation of the next second's move, bps; 0 before there is a belief."""
    total = 0.0
    for j in range(N_PARTS):
        total += b.weight[j] * b.variance[j]
    return math.sqrt(total)


@compiled
def freeze(b, frozen, sigma_slow, cell_bps):
    """The density over HORIZON_S, and the baseline's, into FROZEN. cell_bps: half a tick of the mid."""
    c = (PRIOR_N + b.squares) / (PRIOR_N + b.n)
    total = 0.0
    for j in range(N_PARTS):
        variance = b.variance[j] * HORIZON_S
        frozen.weight[j] = b.weight[j]
        frozen.scale_bps[j] = T_SHARE * math.sqrt(variance * c)
        total += b.weight[j] * variance
    for k in range(N_SOURCES):
        frozen.w[k] = b.w[k]
    frozen.raw = total
    frozen.slow_sd_bps = math.sqrt(max(sigma_slow * sigma_slow, VARIANCE_LEAST) * HORIZON_S)
    frozen.cell_bps = cell_bps


@inline
def _below(x, scale):
    p, _ = quick.student_t(x / scale, DOF)
    return p


@compiled
def probability(frozen, x):
    """(P(cell of x), P(below the cell)) of a move of x bps; the tail is worked out on its own side.

    Leaves what each source gives it in the scratch.
    """
    far = -min(abs(x), MOVE_MOST)
    low, high = far - 0.5 * frozen.cell_bps, far + 0.5 * frozen.cell_bps
    p, below = 0.0, 0.0
    for k in range(N_SOURCES):
        frozen.p[k] = 0.0
    for j in range(N_PARTS):
        under = _below(low, np.float64(frozen.scale_bps[j]))
        cell = frozen.weight[j] * (_below(high, np.float64(frozen.scale_bps[j])) - under)
        below += frozen.weight[j] * under
        p += cell
        frozen.p[SOURCE[j]] += cell / frozen.w[SOURCE[j]]
    return p, below if x <= 0.0 else max(1.0 - below - p, 0.0)


@inline
def probability_slow(frozen, x):
    """P(cell of x) by the slow Gaussian."""
    far = -min(abs(x), MOVE_MOST)
    low, high = far - 0.5 * frozen.cell_bps, far + 0.5 * frozen.cell_bps
    return normal_cdf(high / frozen.slow_sd_bps) - normal_cdf(low / frozen.slow_sd_bps)


@inline
def log_loss(p):
    """-ln p, floored."""
    return -math.log(max(p, P_LEAST))


@compiled
def learn(b, frozen, x):
    """Take in one outcome, once, after `probability` of it: the move x (bps). One that is no number is skipped."""
    if not -math.inf < x < math.inf:
        b.n_skipped += 1
        return
    b.n_outcomes += 1
    best, total = 0.0, 0.0
    for k in range(N_SOURCES):
        best = max(best, np.float64(frozen.p[k]))
        b.w[k] *= math.exp(-TEMPER * log_loss(np.float64(frozen.p[k])))
        total += b.w[k]
    if best < P_LEAST:
        b.n_floored += 1
    for k in range(N_SOURCES):
        b.w[k] = SHARE + (1.0 - N_SOURCES * SHARE) * b.w[k] / total
    keep = 1.0 - 1.0 / MEMORY
    b.squares = keep * b.squares + min(x * x / frozen.raw, Z2_MOST)
    b.n = keep * b.n + 1.0
