"""How much to rest at each level: entropy-regularised expected value with the outside option of not quoting.

    maximise  sum_i s_i v_i - T sum_i s_i ln s_i   over   sum_i s_i = total,  s_i = 0 or lower <= s_i <= upper

Without bounds s_i = total x softmax(v / T). "No quote" takes part as one more choice, of value 0 (`outside`) and
without bounds: what it takes is not quoted. A level whose value is not above that gets nothing, one barely above it as
much as "no quote" does. T is the uncertainty of the values (temperature_from_sd): the less we know, the flatter the
sizes and the more stays unquoted. Deterministic; T -> 0 is winner takes all, up to its cap, then the next.

"0 or at least lower": every support made of the k best values is solved exactly and the best objective taken; with
bounds common to all levels that is the optimum. So a side whose best value is positive quotes at least the minimum, if
that fits the total and the cap.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record

MAX_LEVELS = np.int64(16)
N_ENTRIES = 16 + 1
NO_OUTSIDE = np.float64(-math.inf)  # as `outside`: the whole total is handed out, losing levels included
WORTHLESS = np.float64(0.0)  # not quoting neither gains nor loses
NOTHING = np.int64(0)

MIN_TEMPERATURE = 1e-9  # in units of value

SCRATCH = record(
    [
        # entry 0 is the outside option, then the levels, best value first
        ("level", "i8", (N_ENTRIES,)),  # index of the caller's level
        ("worth", "f8", (N_ENTRIES,)),
        ("lower", "f8", (N_ENTRIES,)),
        ("upper", "f8", (N_ENTRIES,)),
        ("log_lower", "f8", (N_ENTRIES,)),
        ("log_upper", "f8", (N_ENTRIES,)),
        ("trial", "f8", (N_ENTRIES,)),
        ("best", "f8", (N_ENTRIES,)),
        ("whole", "i8", (N_ENTRIES,)),
        # what the last allocation found
        ("objective", "f8"),  # of the real-valued optimum, -inf if no support is feasible
        ("n_support", "i8"),  # levels with a size
        ("unquoted", "i8"),  # size units that the outside option took, or that no cap had room for
        # counters
        ("n_unknown", "i8"),  # values NaN or infinite
        ("n_beyond", "i8"),  # levels beyond MAX_LEVELS
        ("n_infeasible", "i8"),  # allocations where nothing fits the bounds
    ]
)


@inline
def temperature_from_sd(sd):
    """Temperature for values known to within a standard deviation `sd`, same unit: the scale of that Gumbel noise."""
    return sd * math.sqrt(6.0) / math.pi


@inline
def _collect(values, n, outside, scratch):
    """Entries 1.. = levels worth more than `outside`, best first, ties in the caller's order; returns how many."""
    m = np.int64(0)
    for i in range(min(n, MAX_LEVELS)):
        if not math.isfinite(values[i]):
            scratch.n_unknown += 1
            continue
        if values[i] <= outside:
            continue
        e = m + 1
        while e > 1 and scratch.worth[e - 1] < values[i]:
            scratch.level[e] = scratch.level[e - 1]
            scratch.worth[e] = scratch.worth[e - 1]
            e -= 1
        scratch.level[e] = i
        scratch.worth[e] = values[i]
        m += 1
    return m


@inline
def _bound(scratch, e, lower, upper):
    scratch.lower[e] = np.float64(lower)
    scratch.upper[e] = np.float64(upper)
    scratch.log_lower[e] = math.log(np.float64(lower)) if lower > 0 else -math.inf
    scratch.log_upper[e] = math.log(np.float64(upper))


@inline
def _sum_at(scratch, first, last, temperature, nu):
    """Sum over entries of exp((worth - nu) / temperature), each held within its bounds."""
    s = 0.0
    for e in range(first, last):
        x = (scratch.worth[e] - nu) / temperature
        if x >= scratch.log_upper[e]:
            s += scratch.upper[e]
        elif x <= scratch.log_lower[e]:
            s += scratch.lower[e]
        else:
            s += math.exp(x)
    return s


@inline
def _price(scratch, first, last, temperature, total):
    """Bracket (low, high) of the multiplier nu, with no bound becoming active inside it."""
    low = -math.inf
    high = math.inf
    for e in range(first, last):
        for bound in range(2):
            log_bound = scratch.log_upper[e] if bound == 0 else scratch.log_lower[e]
            nu = scratch.worth[e] - temperature * log_bound
            if low < nu < high:
                if _sum_at(scratch, first, last, temperature, nu) >= total:
                    low = nu
                else:
                    high = nu
    return low, high


@compiled
def _solve_support(scratch, first, last, temperature, total):
    """Optimum over entries first..last-1, all of them within their bounds, into scratch.trial; returns its objective.

    -inf where the bounds cannot hold the total.
    """
    least = 0.0
    most = 0.0
    for e in range(first, last):
        least += scratch.lower[e]
        most += scratch.upper[e]
    if least > total or most < total:
        return -math.inf
    low, high = _price(scratch, first, last, temperature, total)
    rest = total
    weights = 0.0
    top = -math.inf
    for e in range(first, last):  # the bounded ones first
        scratch.trial[e] = -1.0
        if scratch.worth[e] - temperature * scratch.log_upper[e] >= high:
            scratch.trial[e] = scratch.upper[e]
        elif scratch.worth[e] - temperature * scratch.log_lower[e] <= low:
            scratch.trial[e] = scratch.lower[e]
        else:
            top = max(top, scratch.worth[e])
            continue
        rest -= scratch.trial[e]
    for e in range(first, last):
        if scratch.trial[e] < 0.0:
            weights += math.exp((scratch.worth[e] - top) / temperature)
    objective = 0.0
    for e in range(first, last):
        if scratch.trial[e] < 0.0:
            share = rest * math.exp((scratch.worth[e] - top) / temperature) / weights
            scratch.trial[e] = min(max(share, scratch.lower[e]), scratch.upper[e])
        s = scratch.trial[e]
        if s > 0.0:
            objective += s * scratch.worth[e] - temperature * s * math.log(s)
    return objective


@inline
def _round(scratch, first, last, total):
    """scratch.best to whole units by largest remainder, caps kept; ties to no quote, then to the better value."""
    left = total
    for e in range(first, last):
        scratch.whole[e] = np.int64(math.floor(scratch.best[e]))
        left -= scratch.whole[e]
    while left > 0:
        pick = np.int64(-1)
        most = -math.inf
        for e in range(first, last):
            remainder = scratch.best[e] - np.float64(scratch.whole[e])
            if remainder > most and scratch.best[e] > 0.0 and np.float64(scratch.whole[e] + 1) <= scratch.upper[e]:
                most = remainder
                pick = np.int64(e)
        if pick < 0:
            return
        scratch.whole[pick] += 1
        left -= 1


@compiled
def allocate_against(values, n, total, temperature, outside, lower, upper, out_sizes, scratch):
    """allocate() with the value of not quoting as an argument; NO_OUTSIDE hands out the total whatever the values.

    Without an outside option a total beyond all caps together is cut to them.
    """
    for i in range(n):
        out_sizes[i] = 0
    scratch.objective = -math.inf
    scratch.n_support = 0
    scratch.unquoted = max(total, np.int64(0))
    if n > MAX_LEVELS:
        scratch.n_beyond += n - MAX_LEVELS
    cap = np.int64(min(upper, total))
    least = np.int64(max(lower, np.int64(0)))
    if cap <= 0 or cap < least or not temperature >= 0.0:
        scratch.n_infeasible += 1
        return np.int64(0)
    heat = max(np.float64(temperature), MIN_TEMPERATURE)
    m = _collect(values, n, outside, scratch)
    for e in range(1, m + 1):
        _bound(scratch, e, least, cap)
    first = np.int64(1)
    whole = np.int64(total)
    if outside > NO_OUTSIDE:
        first = np.int64(0)
        scratch.worth[0] = outside
        _bound(scratch, first, NOTHING, whole)
    else:
        whole = min(whole, m * cap)
    end = np.int64(-1)
    for last in range(1, m + 2):  # the k = last - 1 best
        objective = _solve_support(scratch, first, np.int64(last), heat, np.float64(whole))
        if objective > scratch.objective:
            scratch.objective = objective
            end = np.int64(last)
            for e in range(first, last):
                scratch.best[e] = scratch.trial[e]
    if end < 0 or whole <= 0:
        scratch.n_infeasible += 1
        return np.int64(0)
    _round(scratch, first, end, whole)
    placed = np.int64(0)
    for e in range(1, end):
        out_sizes[scratch.level[e]] = scratch.whole[e]
        placed += scratch.whole[e]
        if scratch.whole[e] > 0:
            scratch.n_support += 1
    scratch.unquoted = total - placed
    return placed


@inline
def allocate(values, n, total, temperature, lower, upper, out_sizes, scratch):
    """Sizes (size units) of the first n levels into out_sizes; returns their sum, at most `total`.

    values f8[n]: expected value per unit of size if quoted, any unit (bps); at or below 0, or NaN (counted): no size.
    temperature: same unit; 0 = winner takes all. lower, upper: size units; a size is 0 or in [lower, upper].
    """
    return allocate_against(values, n, total, temperature, WORTHLESS, lower, upper, out_sizes, scratch)


@compiled
def diversity(sizes, n):
    """(N1, N2): effective number of levels, exp(entropy) and 1 / sum p^2 of the shares p; (0, 0) for no size."""
    total = 0.0
    for i in range(n):
        total += np.float64(sizes[i])
    if total <= 0.0:
        return 0.0, 0.0
    entropy = 0.0
    squares = 0.0
    for i in range(n):
        p = np.float64(sizes[i]) / total
        squares += p * p
        if p > 0.0:
            entropy -= p * math.log(p)
    return math.exp(entropy), 1.0 / squares
