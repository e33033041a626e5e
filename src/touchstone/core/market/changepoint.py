"""Has the market just become another one? Bayesian online change-point detection (Adams and MacKay 2007).

The observations x_t (returns of one second in units of the slow volatility) are Normal with unknown mean and variance
that start afresh at each change point; a change point comes with hazard H. Each run length r has its posterior
(Normal-Inverse-Gamma m, k, a, b) and its mass:

    R_t(r + 1) = R_{t-1}(r) pi_r(x) (1 - H),    R_t(0) = H sum R_{t-1}(r) pi_r(x)          (normalised)
    pi_r: Student-t with 2a degrees of freedom, location m, scale sqrt(b (k + 1) / (a k))

The alarm is P(r <= RECENT). P(r = 0) is no alarm: it is H at every step, whatever the data say. Bounded cost: at most
CAPACITY run lengths, the lightest goes first; masses under `least_mass` go at once. What goes is counted.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import lgamma

CAPACITY = 48
RUN_MOST = np.int64(3600)  # a run this long forgets its oldest observations
RECENT = np.int64(10)  # observations
SD_MOST = 3.0  # observations are clipped at this many predictive sds: one wild second must not end a run by itself

# As the core runs it, observations of one second.
HAZARD = 1.0 / 300.0
PRIOR_MEAN, PRIOR_K, PRIOR_A, PRIOR_B = 0.0, 4.0, 2.0, 1.0  # E variance = 1, E mean^2 = 1/4
NOISE = 0.02  # variance of the price grid in an observation: a book that stands still is no certainty
LEAST_MASS = 1e-4

CHANGEPOINT = record(
    [
        # parameters
        ("hazard", "f8"),
        ("prior_mean", "f8"),
        ("prior_k", "f8"),
        ("prior_a", "f8"),
        ("prior_b", "f8"),
        ("prior_log_c", "f8"),  # ln Gamma(a + 1/2) - ln Gamma(a) of the prior
        ("noise", "f8"),
        ("least_mass", "f8"),
        # run lengths, in no order
        ("n", "i8"),
        ("run", "i8", (CAPACITY,)),
        ("mass", "f8", (CAPACITY,)),
        ("location", "f8", (CAPACITY,)),
        ("b", "f8", (CAPACITY,)),
        ("log_c", "f8", (CAPACITY,)),
        ("log_density", "f8", (CAPACITY,)),  # scratch
        # what they say
        ("p_change", "f8"),  # P(run length <= RECENT)
        ("mean_run", "f8"),
        ("variance_new", "f8"),  # predictive variance of x, given a run length <= RECENT
        ("variance_old", "f8"),  # ... given a longer one
        ("log_evidence", "f8"),  # of all observations since the reset
        ("n_observed", "i8"),
        ("n_clipped", "i8"),  # observations beyond SD_MOST
        ("n_dropped", "i8"),  # run lengths given up for want of mass or room
        ("n_skipped", "i8"),  # observations that were no number
    ]
)


def reset(c, hazard, mean, k, a, b, noise, least_mass):
    """Run length 0 for certain. hazard in (0, 1) per observation; prior NIG(mean, k, a, b) in units of x."""
    c.hazard = hazard
    c.prior_mean = mean
    c.prior_k = k
    c.prior_a = a
    c.prior_b = b
    c.prior_log_c = lgamma(a + 0.5) - lgamma(a)
    c.noise = noise
    c.least_mass = least_mass
    c.n = 0
    c.log_evidence = 0.0
    c.n_observed = 0
    c.n_clipped = 0
    c.n_dropped = 0
    c.n_skipped = 0
    start_run(c, np.int64(0), 1.0)
    c.n = 1
    summarise(c)


@inline
def start_run(c, i, mass):
    """Slot i holds the run that begins now."""
    c.run[i] = 0
    c.mass[i] = mass
    c.location[i] = c.prior_mean
    c.b[i] = c.prior_b
    c.log_c[i] = c.prior_log_c


@compiled
def update(c, x):
    """Take in one observation, clipped; one that is no number is skipped, and counted."""
    if x != x:
        c.n_skipped += 1
        return
    most = SD_MOST * math.sqrt(c.p_change * c.variance_new + (1.0 - c.p_change) * c.variance_old)
    if abs(x) > most:
        c.n_clipped += 1
        x = most if x > 0.0 else -most
    observe(c, x)
    summarise(c)


@compiled
def observe(c, x):
    """The recursion for one observation as it is."""
    top = -math.inf
    for i in range(c.n):
        run = np.float64(c.run[i])
        k, a = c.prior_k + run, c.prior_a + 0.5 * run
        wide = 2.0 * c.b[i] * (k + 1.0) / k
        gap = x - c.location[i]
        fit = c.log_c[i] - 0.5 * math.log(math.pi * wide) - (a + 0.5) * math.log1p(gap * gap / wide)
        c.log_density[i] = fit
        top = max(top, fit)
    total = 0.0
    for i in range(c.n):
        weight = c.mass[i] * math.exp(c.log_density[i] - top)
        c.mass[i] = weight
        total += weight
        _learn(c, i, x)
    c.log_evidence += top + math.log(total)
    c.n_observed += 1
    grow = (1.0 - c.hazard) / total
    left = np.int64(0)
    lightest = np.int64(0)
    kept = c.hazard
    for i in range(c.n):
        mass = c.mass[i] * grow
        if mass < c.least_mass:
            c.n_dropped += 1
            continue
        _move(c, left, i, mass)
        if mass < c.mass[lightest]:
            lightest = left
        kept += mass
        left += 1
    if left == CAPACITY:
        c.n_dropped += 1
        kept -= c.mass[lightest]
        start_run(c, lightest, c.hazard)
    else:
        start_run(c, left, c.hazard)
        left += 1
    c.n = left
    if kept < 1.0 - 1e-15:  # what was dropped
        for i in range(left):
            c.mass[i] /= kept


@inline
def _learn(c, i, x):
    """Posterior of run i after x."""
    run = np.float64(c.run[i])
    k, a = c.prior_k + run, c.prior_a + 0.5 * run
    gap = x - c.location[i]
    c.location[i] += gap / (k + 1.0)
    c.b[i] += 0.5 * (k * gap * gap / (k + 1.0) + c.noise)
    if c.run[i] < RUN_MOST:
        c.run[i] += 1
        c.log_c[i] = math.log(a) - c.log_c[i]  # Gamma(a + 1) = a Gamma(a)
    else:
        c.b[i] *= a / (a + 0.5)


@inline
def _move(c, to, i, mass):
    c.run[to] = c.run[i]
    c.mass[to] = mass
    c.location[to] = c.location[i]
    c.b[to] = c.b[i]
    c.log_c[to] = c.log_c[i]


@compiled
def summarise(c):
    """What the run lengths say: the alarm, the mean run, the predictive variances."""
    recent, mean_run = 0.0, 0.0
    new, old = 0.0, 0.0
    for i in range(c.n):
        run, mass = np.int64(c.run[i]), np.float64(c.mass[i])
        k, a = c.prior_k + np.float64(run), c.prior_a + 0.5 * np.float64(run)
        variance = c.b[i] * (k + 1.0) / (k * max(a - 1.0, 0.5))
        mean_run += mass * np.float64(run)
        if run <= RECENT:
            recent += mass
            new += mass * variance
        else:
            old += mass * variance
    c.p_change = min(recent, 1.0)
    c.mean_run = mean_run
    c.variance_new = new / recent if recent > 0.0 else 1.0
    c.variance_old = old / (1.0 - recent) if recent < 1.0 - 1e-9 else c.variance_new
