"""Evidence that may be looked at all the time: e-processes in log space.

An e-process starts at 1 and, if its null hypothesis is true, exceeds 1/alpha ever with probability at most alpha. Each
also runs as an e-CUSUM, max(M, 1) x e, which raises a false alarm at 10^4 on average no sooner than every 10^4 windows
(Shin-Ramdas-Rinaldo 2024). All of it holds for windows that do not overlap: the forecast of one is frozen
after the outcome of the one before is known. The caller guarantees that, and gives one forecast per price path.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import log_add_exp, logit, softplus

LOG_2 = math.log(2.0)
LOG_20 = math.log(20.0)
LOG_ALARM = math.log(1e4)
P_CLIP = 1e-6

TILTS = np.array([-1.0, -0.5, -0.25, 0.25, 0.5, 1.0])  # added to the logit
SLOPES = np.array([0.25, 0.5, 0.75, 1.25, 1.5, 2.0])  # times the logit
STAKES = np.array([0.015625, 0.03125, 0.0625, 0.125, 0.25, 0.5])  # share of the capital, below 1
LINES = 6
QUANTILES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
N_QUANTILES = 5


def _log_likelihood_ratio(p: float, tilt: float, y: int) -> float:
    """ln of the likelihood of y with the logit of p tilted, over that with p."""
    tilted = 1.0 / (1.0 + (1.0 - p) / p * math.exp(-tilt))
    return math.log(tilted / p) if y else math.log((1.0 - tilted) / (1.0 - p))


# What a bet on each quantile (with each tilt) wins where the outcome lies above it, and at or below it.
_QUANTILE_WIN = np.array([[[_log_likelihood_ratio(p, t, y) for t in TILTS] for y in (0, 1)] for p in QUANTILES])

CLIP_SCALES = 4.0  # a score difference is clipped at 4 x the mean |d| of past windows
SCALE_WINDOWS = 10  # the first windows only set the scale
SCALE_WEIGHT = 0.02

LINE = record(
    [
        ("log_e", "f8"),
        ("log_cusum", "f8"),
    ]
)

BETS = record([("line", LINE, (LINES,))])  # several strategies; their mean is an e-process again

GAIN = record(  # one-sided: is the mean of a score gain positive?
    [
        ("n", "i8"),
        ("n_clipped", "i8"),
        ("scale", "f8"),
        ("bets", BETS),
    ]
)

QUANTILE_BETS = record([("bets", BETS, (N_QUANTILES,))])

BOUNDED = record(
    [
        ("n", "i8"),  # windows taken in
        ("n_clipped", "i8"),
        ("n_unscaled", "i8"),  # windows that could not be bet on: no scale yet
        ("scale", "f8"),  # mean |d| of past windows
        ("skill", BETS),
        ("harm", BETS),
    ]
)


@inline
def reset_line(line):
    """Capital 1."""
    line.log_e = 0.0
    line.log_cusum = 0.0


@inline
def reset_bets(bets):
    """Capital 1 in every strategy."""
    for k in range(LINES):
        reset_line(bets.line[k])


@inline
def multiply(line, log_factor):
    """Take in one e-value (its logarithm)."""
    line.log_e += log_factor
    if line.log_cusum < 0.0:
        line.log_cusum = log_factor
    else:
        line.log_cusum += log_factor


@compiled
def log_e(bets):
    """Logarithm of the mean capital of the strategies."""
    total = -math.inf
    for k in range(LINES):
        total = log_add_exp(total, bets.line[k].log_e)
    return total - math.log(np.float64(LINES))


@compiled
def log_cusum(bets):
    """Logarithm of the mean e-CUSUM of the strategies."""
    total = -math.inf
    for k in range(LINES):
        total = log_add_exp(total, bets.line[k].log_cusum)
    return total - math.log(np.float64(LINES))


# --- (a) null: the probabilities are calibrated


@compiled
def bet_against_calibration(bets, p, y):
    """One window: bet that the true logit differs from that of p by each of six tilts. y in {0, 1}."""
    x = logit(p)
    sign = 1.0 if y else -1.0
    stated = softplus(-sign * x)  # - ln probability of what happened
    for k in range(LINES):
        multiply(bets.line[k], stated - softplus(-sign * (x + TILTS[k])))


@compiled
def bet_against_sharpness(bets, p, y):
    """One window: bet that the true logit is that of p times each of six slopes (over- or underconfidence).

    Tilts alone cannot see overconfidence that is symmetric about 1/2.
    """
    x = logit(p)
    sign = 1.0 if y else -1.0
    stated = softplus(-sign * x)
    for k in range(LINES):
        multiply(bets.line[k], stated - softplus(-sign * (x * SLOPES[k])))


@inline
def log_mean(x, y):
    """ln((exp(x) + exp(y)) / 2): two e-processes as one."""
    return log_add_exp(x, y) - LOG_2


# --- (b) null: forecast p0 is at least as good as forecast p1, in the Brier score


@inline
def henzi_ziegel(p0, p1, alternative, y):
    """E-value against "p0 scores at least as well as p1" (Henzi-Ziegel 2022), probabilities inside (0, 1).

    `alternative`: the event probability one bets on, on p1's side of (p0 + p1) / 2.
    """
    boundary = 0.5 * (p0 + p1)
    if y:
        return alternative / boundary
    return (1.0 - alternative) / (1.0 - boundary)


@inline
def clip_probability(p):
    """p within [1e-6, 1 - 1e-6]."""
    if p < P_CLIP:
        return P_CLIP
    if p > 1.0 - P_CLIP:
        return 1.0 - P_CLIP
    return p


@inline
def bet_on_better(line, p0, p1, y):
    """One window: bet that p1 beats p0. Equal forecasts leave the capital as it is."""
    p0 = clip_probability(p0)
    p1 = clip_probability(p1)
    multiply(line, math.log(henzi_ziegel(p0, p1, 0.75 * p1 + 0.25 * p0, y)))


# --- (d) null: the mean of a score difference, clipped at a scale fixed beforehand, is not positive


@inline
def reset_bounded(b):
    """No scale, capital 1."""
    b.n = 0
    b.n_clipped = 0
    b.n_unscaled = 0
    b.scale = 0.0
    reset_bets(b.skill)
    reset_bets(b.harm)


@inline
def reset_gain(g):
    """No scale, capital 1."""
    g.n = 0
    g.n_clipped = 0
    g.scale = 0.0
    reset_bets(g.bets)


@compiled
def bet_on_gain(g, d):
    """One window's gain d, any unit: bet on a positive mean, scored with the scale of past windows as below."""
    limit = CLIP_SCALES * g.scale
    if g.n >= SCALE_WINDOWS and limit > 0.0:
        share = d / limit
        if share > 1.0 or share < -1.0:
            g.n_clipped += 1
            share = 1.0 if share > 0.0 else -1.0
        for k in range(LINES):
            multiply(g.bets.line[k], math.log1p(STAKES[k] * share))
    g.n += 1
    weight = max(SCALE_WEIGHT, 1.0 / np.float64(g.n))
    g.scale += weight * (abs(d) - g.scale)


@compiled
def bet_on_difference(b, d):
    """One window's d = baseline loss - model loss, any unit: bet on d > 0 (skill) and on d < 0 (harm).

    Scored with the scale of past windows, which then takes in |d|. What is tested is the mean of the clipped d.
    """
    limit = CLIP_SCALES * b.scale
    if b.n < SCALE_WINDOWS or not limit > 0.0:
        b.n_unscaled += 1
    else:
        share = d / limit
        if share > 1.0 or share < -1.0:
            b.n_clipped += 1
            share = 1.0 if share > 0.0 else -1.0
        for k in range(LINES):
            multiply(b.skill.line[k], math.log1p(STAKES[k] * share))
            multiply(b.harm.line[k], math.log1p(-STAKES[k] * share))
    b.n += 1
    weight = max(SCALE_WEIGHT, 1.0 / np.float64(b.n))
    b.scale += weight * (abs(d) - b.scale)


# --- (e) null: the distributions are calibrated


@compiled
def reset_quantile_bets(q):
    """Capital 1 in every strategy of every quantile."""
    for i in range(N_QUANTILES):
        reset_bets(q.bets[i])


@compiled
def bet_against_quantiles(q, pit):
    """One window: the outcome lay at quantile `pit` of its forecast; bet against each of five quantiles being right."""
    for i in range(N_QUANTILES):
        below = np.int64(1) if pit <= QUANTILES[i] else np.int64(0)
        for k in range(LINES):
            multiply(q.bets[i].line[k], _QUANTILE_WIN[i, below, k])


@compiled
def log_e_quantiles(q):
    """Logarithm of the mean capital over the quantiles."""
    total = -math.inf
    for i in range(N_QUANTILES):
        total = log_add_exp(total, log_e(q.bets[i]))
    return total - math.log(np.float64(N_QUANTILES))


@compiled
def log_cusum_quantiles(q):
    """Logarithm of the mean e-CUSUM over the quantiles."""
    total = -math.inf
    for i in range(N_QUANTILES):
        total = log_add_exp(total, log_cusum(q.bets[i]))
    return total - math.log(np.float64(N_QUANTILES))


# --- Many at once: which of N e-values are discoveries


@compiled
def e_bh(log_values, n, log_alpha, is_found):
    """The e-Benjamini-Hochberg procedure (Wang-Ramdas 2022): marks the discoveries among the first n, returns how many.

    log_values f8[n]: logarithms of e-values, NaN = none (no hypothesis); is_found i8[n]: 1 discovery, 0 not. With
    N hypotheses the k largest are found for the largest k such that the k-th is at least N / (alpha k): the expected
    share of false ones among them is at most alpha, whatever depends on what.
    """
    count = np.int64(0)
    for i in range(n):
        is_found[i] = 0
        if log_values[i] == log_values[i]:
            count += 1
    found = np.int64(0)
    least = math.inf
    for i in range(n):
        if log_values[i] != log_values[i]:
            continue
        rank = np.int64(0)
        for j in range(n):
            if log_values[j] >= log_values[i]:
                rank += 1
        if rank > found and log_values[i] >= math.log(np.float64(count) / np.float64(rank)) - log_alpha:
            found = rank
            least = log_values[i]
    for i in range(n):
        if found > 0 and log_values[i] >= least:
            is_found[i] = 1
    return found
