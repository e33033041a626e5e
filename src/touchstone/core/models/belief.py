"""One belief about the next move of our mid: its predictive density over 10 s, a mixture by regime and change point.

    p(x) = w sum_j P(regime j) t10(x; v_j) + (1 - w) [P(change) t10(x; v_new) + P(no change) t10(x; v_old)]

Each part is a Student-t with 10 degrees of freedom, mean 0 and variance v (bps^2 per second) x 10 s x c. v_j is the
mean squared return of a regime's seconds (market/regime.py), v_new and v_old are the change-point model's predictive
variances given a run of at most 10 s and a longer one (market/changepoint.py). w is learned by Bayes' rule from how
probable either half made each outcome (to the power 1/10: ten overlapping outcomes share 10 s), with a fixed share of
SHARE per outcome so that it can come back; prior 1/2. c is the ratio of realised to predicted variance, prior 1 with
the weight of 30 outcomes.

The mid lives on a grid of half ticks, so what is scored is the probability of the cell that it falls into, by log
score, against a slow Gaussian: variance = slow sigma^2 x 10 s. Must beat it before anything may become bolder by it.
"""

import math

import numpy as np

from touchstone.core import quick
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market.regime import N_REGIMES
from touchstone.core.numerics import normal_cdf, sigmoid

HORIZON_S = 10.0
DOF = 10.0
T_SHARE = math.sqrt((DOF - 2.0) / DOF)  # scale of a unit variance
N_PARTS = N_REGIMES + 2
NEW, OLD = np.int64(N_REGIMES), np.int64(N_REGIMES + 1)
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
        ("w", "f8"),  # share of the regimes
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
        ("w", "f8"),
        ("raw", "f8"),  # variance without c, bps^2
        ("slow_sd_bps", "f8"),  # of the baseline
        ("cell_bps", "f8"),  # width of the grid of the mid
        ("p_regime", "f8"),  # scratch: what either half gives the outcome
        ("p_change", "f8"),
    ]
)


def reset(b):
    """Nothing learned."""
    b.w = 0.5
    b.squares = 0.0
    b.n = 0.0
    b.n_outcomes = 0
    b.n_skipped = 0
    b.n_floored = 0
    b.weight[:] = 0.0
    b.variance[:] = 0.0


@compiled
def update(b, regime, changepoint, sigma_slow):
    """The parts as of now, from REGIME and CHANGEPOINT; sigma_slow (bps per sqrt second) is the unit of the latter."""
    unit = sigma_slow * sigma_slow
    for j in range(N_REGIMES):
        b.weight[j] = b.w * regime.p_next[j]
        b.variance[j] = max(np.float64(regime.square[j]), VARIANCE_LEAST)
    b.weight[NEW] = (1.0 - b.w) * changepoint.p_change
    b.weight[OLD] = (1.0 - b.w) * (1.0 - changepoint.p_change)
    b.variance[NEW] = max(changepoint.variance_new * unit, VARIANCE_LEAST)
    b.variance[OLD] = max(changepoint.variance_old * unit, VARIANCE_LEAST)


@inline
def is_known(b):
    """Whether there is a belief yet."""
    return b.weight[OLD] > 0.0


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
    frozen.w = b.w
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

    Leaves what the regimes and what the change-point model give it in the scratch.
    """
    far = -min(abs(x), MOVE_MOST)
    low, high = far - 0.5 * frozen.cell_bps, far + 0.5 * frozen.cell_bps
    regimes, change, below = 0.0, 0.0, 0.0
    for j in range(N_PARTS):
        under = _below(low, np.float64(frozen.scale_bps[j]))
        cell = frozen.weight[j] * (_below(high, np.float64(frozen.scale_bps[j])) - under)
        below += frozen.weight[j] * under
        if j < N_REGIMES:
            regimes += cell
        else:
            change += cell
    frozen.p_regime = regimes / frozen.w
    frozen.p_change = change / (1.0 - frozen.w)
    p = regimes + change
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
    if frozen.p_regime + frozen.p_change < P_LEAST:
        b.n_floored += 1
    odds = math.log(b.w / (1.0 - b.w)) + TEMPER * (log_loss(frozen.p_change) - log_loss(frozen.p_regime))
    b.w = SHARE + (1.0 - 2.0 * SHARE) * sigmoid(odds)
    keep = 1.0 - 1.0 / MEMORY
    b.squares = keep * b.squares + min(x * x / frozen.raw, Z2_MOST)
    b.n = keep * b.n + 1.0
