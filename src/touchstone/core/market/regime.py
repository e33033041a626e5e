"""What kind of market it is: quiet, normal, volatile or cascade. A hidden Markov model, learned as it goes.

A step is PERIOD seconds. Its observation: v = ln of the realised volatility (root of the mean squared return of one
second, bps), and f = ln of the traded volume against its half-hourly average. Both Normal given the state. The forward
filter gives the probabilities as of now (never smoothed: that would look ahead). Parameters by online EM (Cappe 2011,
J. Comp. Graph. Stat. 20:728, algorithm 1): with phi the filter and r(i | k) the probability of state i before k,

    rho_n(k) = gamma_n s(y_n, k) + (1 - gamma_n) sum_i rho_{n-1}(i) r(i | k),    S_n = sum_k rho_n(k) phi_n(k)

for the counts of transitions and the moments of each state; parameters are S_n with priors: PRIOR_STEPS steps' worth of
each state's prior location and variance, and of transitions. The states are ordered by their location of v; two that
pass each other change places, so a label always means the same. gamma_n = max(n^-0.7, 1 / MEMORY).

Priors: normal is the volatility when the model starts; quiet, volatile and cascade are e^-0.8, e^0.8, e^1.8 times that.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record

REGIME_NAMES = ("quiet", "normal", "volatile", "cascade")
N_REGIMES = len(REGIME_NAMES)
QUIET, NORMAL, VOLATILE, CASCADE = (np.int64(i) for i in range(N_REGIMES))

PERIOD = np.int64(5)  # seconds of a step
VARIANCE_OF_NOTHING = 0.01  # bps^2, added to the realised variance: a book may stand still
SHARE_OF_NOTHING = 0.1  # added to the relative volume
RETURN_MOST, VOLUME_MOST = 1e3, 1e4  # bps of a second, times the average: beyond, a number counts as this

VOLATILITY_STEPS = np.array([-0.8, 0.0, 0.8, 1.8])
ACTIVITY_STEPS = np.array([-0.5, 0.0, 0.5, 1.0])
PRIOR_VARIANCE = np.array([0.25, 0.64])  # of v and f within a state
VARIANCE_LEAST = 0.04
PRIOR_STEPS = 30.0
START = np.array([0.2, 0.5, 0.2, 0.1])
STAY, NEXT = 0.94, 0.02  # prior of transitions: dwelling 80 s, then mostly to a neighbour
TRANSITION_LEAST = 1e-3
MEMORY = 2880.0  # steps: four hours
FIRST_LEARNED = np.int64(10)  # steps before the parameters move

N_MOMENTS = 6  # 1, v, v^2, f, f^2, mean squared return

REGIME = record(
    [
        # parameters
        ("is_placed", "i8"),  # 0: the priors do not know yet what is normal here
        ("centre", "f8"),  # prior of the normal state's v
        ("location", "f8", (N_REGIMES, 2)),  # of v and f
        ("variance", "f8", (N_REGIMES, 2)),
        ("square", "f8", (N_REGIMES,)),  # mean squared return of one second, bps^2
        ("transition", "f8", (N_REGIMES, N_REGIMES)),  # from, to
        # filter
        ("p", "f8", (N_REGIMES,)),  # as of the last step
        ("p_next", "f8", (N_REGIMES,)),  # of the step to come
        ("log_density", "f8"),  # of the last observation, predicted before it
        ("n_steps", "i8"),
        # online EM
        ("pairs", "f8", (N_REGIMES, N_REGIMES, N_REGIMES)),  # from, to, given the state now
        ("moments", "f8", (N_REGIMES, N_MOMENTS, N_REGIMES)),
        ("mean_weight2", "f8"),  # sum of squared weights: 1 / effective steps
        # the step in work
        ("squares", "f8"),
        ("seconds", "i8"),
        # scratch
        ("fit", "f8", (N_REGIMES,)),
        ("before", "f8", (N_REGIMES, N_REGIMES)),
        ("moved", "f8", (N_REGIMES,)),
        ("now", "f8", (N_MOMENTS,)),
        # counters
        ("seconds_in", "i8", (N_REGIMES,)),
        ("n_swaps", "i8"),  # states that passed each other
        ("n_skipped", "i8"),  # steps with a second without a return
    ]
)


def reset(h):
    """Not started: the first second with a volatility gives the priors their place."""
    h.is_placed = 0
    h.n_steps = 0
    h.squares = 0.0
    h.seconds = 0
    h.n_swaps = 0
    h.n_skipped = 0
    h.mean_weight2 = 0.0
    h.log_density = 0.0
    h.seconds_in[:] = 0
    h.pairs[:, :, :] = 0.0
    h.moments[:, :, :] = 0.0
    for i in range(N_REGIMES):
        h.p[i] = START[i]
        h.p_next[i] = h.p[i]
    place_priors(h, 0.0)


@inline
def prior_transition(i, j):
    """Prior of a transition: mostly to stay, rather a neighbour than beyond."""
    rest = 1.0 - STAY
    near = 2 if 0 < i < N_REGIMES - 1 else 1
    if i == j:
        return STAY
    if abs(i - j) == 1:
        return (rest - (N_REGIMES - 1 - near) * 0.25 * NEXT) / near
    return 0.25 * NEXT


@compiled
def place_priors(h, centre):
    """Parameters at their priors; `centre`: ln of a volatility that counts as normal."""
    h.centre = centre
    for i in range(N_REGIMES):
        h.location[i, 0] = centre + VOLATILITY_STEPS[i]
        h.location[i, 1] = ACTIVITY_STEPS[i]
        for d in range(2):
            h.variance[i, d] = PRIOR_VARIANCE[d]
        h.square[i] = math.exp(2.0 * h.location[i, 0])
        for j in range(N_REGIMES):
            h.transition[i, j] = prior_transition(i, j)


@inline
def volatility_feature(squares, seconds):
    """v of a sum of squared returns (bps^2) over a number of seconds."""
    return 0.5 * math.log(squares / np.float64(seconds) + VARIANCE_OF_NOTHING)


@compiled
def on_second(h, return_bps, relative_volume, sigma):
    """One second: its return (NaN: none), the volume against its average as of now, the volatility (bps/sqrt s).

    Returns whether a step was made. The first second with a volatility places the priors.
    """
    if not h.is_placed:
        h.is_placed = 1
        place_priors(h, 0.5 * math.log(sigma * sigma + VARIANCE_OF_NOTHING))
    h.seconds_in[most_likely(h)] += 1
    if return_bps != return_bps:
        if h.seconds > 0:
            h.n_skipped += 1
        h.seconds = 0
        h.squares = 0.0
        return False
    moved = min(max(return_bps, -RETURN_MOST), RETURN_MOST)
    h.squares += moved * moved
    h.seconds += 1
    if h.seconds < PERIOD:
        return False
    mean_square = h.squares / np.float64(h.seconds)
    v = volatility_feature(h.squares, np.int64(h.seconds))
    volume = min(max(relative_volume, 0.0), VOLUME_MOST) if relative_volume == relative_volume else 1.0
    h.seconds = 0
    h.squares = 0.0
    step(h, v, math.log(volume + SHARE_OF_NOTHING), mean_square)
    return True


@compiled
def step(h, v, f, mean_square):
    """Filter one observation, then learn from it."""
    _filter(h, v, f)
    h.now[0] = 1.0
    h.now[1] = v
    h.now[2] = v * v
    h.now[3] = f
    h.now[4] = f * f
    h.now[5] = mean_square
    _learn(h)
    _predict(h)


@compiled
def filter_only(h, v, f):
    """Filter one observation with the parameters as they are."""
    _filter(h, v, f)
    h.n_steps += 1
    _predict(h)


@compiled
def _filter(h, v, f):
    """alpha_t proportional to (alpha_{t-1} P) b(y_t); leaves r(i | k) in `before` for the learning."""
    top = -math.inf
    for k in range(N_REGIMES):
        a = v - h.location[k, 0]
        b = f - h.location[k, 1]
        spread = 4.0 * math.pi * math.pi * h.variance[k, 0] * h.variance[k, 1]
        fit = -0.5 * (a * a / h.variance[k, 0] + b * b / h.variance[k, 1] + math.log(spread))
        h.fit[k] = fit
        top = max(top, fit)
        for i in range(N_REGIMES):
            expected = h.p_next[k]
            h.before[i, k] = h.p[i] * h.transition[i, k] / expected if expected > 0.0 else 0.0
    total = 0.0
    for k in range(N_REGIMES):
        h.fit[k] = h.p_next[k] * math.exp(h.fit[k] - top)
        total += h.fit[k]
    h.log_density = top + math.log(total)
    for k in range(N_REGIMES):
        h.p[k] = h.fit[k] / total


@inline
def _predict(h):
    for k in range(N_REGIMES):
        expected = 0.0
        for i in range(N_REGIMES):
            expected += h.p[i] * h.transition[i, k]
        h.p_next[k] = expected


@compiled
def _learn(h):
    """Online EM with the observation in `now`."""
    n = np.float64(h.n_steps + 1)
    gain = max(math.exp(-0.7 * math.log(n)), 1.0 / MEMORY) if h.n_steps > 0 else 1.0
    h.n_steps += 1
    h.mean_weight2 = (1.0 - gain) * (1.0 - gain) * h.mean_weight2 + gain * gain
    keep = 1.0 - gain
    for i in range(N_REGIMES):
        for j in range(N_REGIMES):
            _carry(h, h.pairs[i, j], keep)
            if h.n_steps > 1:  # nothing came before the first
                h.pairs[i, j, j] += gain * h.before[i, j]
        for m in range(N_MOMENTS):
            _carry(h, h.moments[i, m], keep)
            h.moments[i, m, i] += gain * h.now[m]
    if h.n_steps >= FIRST_LEARNED:
        _solve(h)
        _keep_order(h)


@inline
def _carry(h, rho, keep):
    """rho(k) <- keep * sum_i rho(i) r(i | k)."""
    for k in range(N_REGIMES):
        total = 0.0
        for i in range(N_REGIMES):
            total += rho[i] * h.before[i, k]
        h.moved[k] = keep * total
    for k in range(N_REGIMES):
        rho[k] = h.moved[k]


@inline
def _expected(h, rho):
    total = 0.0
    for k in range(N_REGIMES):
        total += rho[k] * h.p[k]
    return total


@compiled
def _solve(h):
    """Parameters from the expected statistics and the priors."""
    steps = 1.0 / h.mean_weight2
    for i in range(N_REGIMES):
        weight = steps * _expected(h, h.moments[i, 0])
        whole = weight + PRIOR_STEPS
        for d in range(2):
            first = steps * _expected(h, h.moments[i, 2 * d + 1])
            second = steps * _expected(h, h.moments[i, 2 * d + 2])
            prior = h.centre + VOLATILITY_STEPS[i] if d == 0 else np.float64(ACTIVITY_STEPS[i])
            location = (first + PRIOR_STEPS * prior) / whole
            about = max(second - 2.0 * location * first + location * location * weight, 0.0)
            h.location[i, d] = location
            h.variance[i, d] = max((about + PRIOR_STEPS * PRIOR_VARIANCE[d]) / whole, VARIANCE_LEAST)
        squares = steps * _expected(h, h.moments[i, 5])
        prior_square = math.exp(2.0 * h.location[i, 0])
        h.square[i] = (squares + PRIOR_STEPS * prior_square) / whole
        left = 0.0
        for j in range(N_REGIMES):
            left += steps * _expected(h, h.pairs[i, j])
        floored = 0.0
        for j in range(N_REGIMES):
            share = steps * _expected(h, h.pairs[i, j]) + PRIOR_STEPS * prior_transition(i, j)
            h.transition[i, j] = max(share / (left + PRIOR_STEPS), TRANSITION_LEAST)
            floored += h.transition[i, j]
        for j in range(N_REGIMES):
            h.transition[i, j] /= floored


@compiled
def _keep_order(h):
    """Neighbours whose locations of v have passed each other change places, wherever they stand."""
    for last in range(N_REGIMES - 1, 0, -1):
        for i in range(last):
            if h.location[i, 0] > h.location[i + 1, 0]:
                _swap(h, np.int64(i), np.int64(i + 1))


@inline
def _exchange(vector, a, b):
    vector[a], vector[b] = vector[b], vector[a]


@compiled
def _swap(h, a, b):
    h.n_swaps += 1
    _exchange(h.p, a, b)
    _exchange(h.square, a, b)
    for d in range(2):
        h.location[a, d], h.location[b, d] = h.location[b, d], h.location[a, d]
        h.variance[a, d], h.variance[b, d] = h.variance[b, d], h.variance[a, d]
    for k in range(N_REGIMES):
        h.transition[a, k], h.transition[b, k] = h.transition[b, k], h.transition[a, k]
    for i in range(N_REGIMES):
        _exchange(h.transition[i], a, b)
        for k in range(N_REGIMES):
            h.pairs[a, i, k], h.pairs[b, i, k] = h.pairs[b, i, k], h.pairs[a, i, k]
    for m in range(N_MOMENTS):
        for k in range(N_REGIMES):
            h.moments[a, m, k], h.moments[b, m, k] = h.moments[b, m, k], h.moments[a, m, k]
    for i in range(N_REGIMES):
        for k in range(N_REGIMES):
            h.pairs[i, a, k], h.pairs[i, b, k] = h.pairs[i, b, k], h.pairs[i, a, k]
    for i in range(N_REGIMES):
        for j in range(N_REGIMES):
            _exchange(h.pairs[i, j], a, b)
        for m in range(N_MOMENTS):
            _exchange(h.moments[i, m], a, b)


@inline
def most_likely(h):
    """The state with the largest filtered probability."""
    best = np.int64(0)
    for k in range(1, N_REGIMES):
        if h.p[k] > h.p[best]:
            best = np.int64(k)
    return best
