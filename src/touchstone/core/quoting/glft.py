"""Half-spreads of a bounded market maker: Gueant-Lehalle-Fernandez-Tapia, solved exactly for an infinite horizon.

The maker holds q in [-Q, Q] lots; fills come at rate A e^{-k delta}. Its value f_q = e^{k theta_q} > 0 solves
    (w q^2 - tilt q - L) f_q = f_{q-1} + f_{q+1},       w = k gamma sigma^2 / (2 eta),   tilt = k mu / eta,
    eta = A (1 + xi/k)^{-(1 + k/xi)} e^{-k impact/2},   eta L = lam0, the smallest eigenvalue,
and delta_bid(q) = offset + ln(f_q / f_{q+1}) / k, delta_ask(q) = offset + ln(f_q / f_{q-1}) / k with
offset = ln(1 + xi/k)/xi + impact/2: half the jump at a fill goes into each quote, the inventory value takes the rest.
The ratios come from continued fractions run from both limits inwards (stable; logs of an eigenvector are not), L from
Newton's method on the place where they meet, inside a bracket kept by the signs of the pivots (Sturm's count).

xi = fill_risk x gamma is the aversion to *whether* a quote fills, gamma the aversion to inventory. MODEL_A (xi = gamma)
is the paper's CARA maker: its offset falls as gamma rises. MODEL_B (xi = 0) keeps it at 1/k: use it where gamma follows
from a skew target, else asking for more skew narrows the spread.

Sources: GLFT 2013 (Math Finan Econ 7:477-507); Gueant 2017 (arXiv 1605.01862, eq. 4.6-4.7, general xi and size).
"""

import math

import numpy as np

from touchstone.core.conventions import BUY, SELL
from touchstone.core.jit import compiled, inline, record
from touchstone.core.quoting.closed_form import TINY, closed_form, fill_terms

MAX_Q = np.int64(64)
N_Q = 2 * 64 + 1

MODEL_A = np.float64(1.0)
MODEL_B = np.float64(0.0)
ONE_LOT = np.float64(1.0)

# gamma_for_skew searches between these multiples of k.
GAMMA_MIN = np.float64(1e-9)
GAMMA_MAX = np.float64(1e6)

NO_DRIFT = np.float64(0.0)
NO_RISK = np.float64(0.0)
_HUGE = 1e12  # inputs, and w, beyond this are refused
_MAX_EXPONENT = 600.0
_TOLERANCE = 1e-15
_MAX_STEPS = 200

GLFT = record(
    [
        ("fill_risk", "f8"),  # xi / gamma: MODEL_A, MODEL_B, or between
        # inputs of the last solution
        ("a", "f8"),  # per second
        ("k", "f8"),  # per bps
        ("sigma", "f8"),  # bps per sqrt second
        ("gamma", "f8"),  # per (bps x lot)
        ("impact", "f8"),  # bps that mid moves against us at our fill
        ("drift", "f8"),  # bps per second
        ("q_max", "i8"),  # Q in lots of the order size
        # solution
        ("is_solved", "i8"),  # 0: inputs missing or absurd, every half-spread NaN
        ("lam0", "f8"),  # smallest eigenvalue, per second
        ("offset", "f8"),  # bps: the part of the half-spread that does not depend on q
        ("half_spread", "f8", (2, N_Q)),  # bps, [bid, ask][q + MAX_Q]; NaN where we do not quote
        ("skew_at_limit", "f8"),  # bps, see gamma_for_skew()
        # closed form (ignores the limit): half + skew q - shift for a bid, half - skew q + shift for an ask
        ("closed_half", "f8"),
        ("closed_skew", "f8"),  # bps per lot
        ("closed_shift", "f8"),
        ("ratio", "f8", (N_Q,)),  # scratch: f_q / (its neighbour towards the meeting point)
        # last gamma search
        ("skew_target", "f8"),  # bps
        ("gamma_clamp", "i8"),  # -1: least gamma skews more than asked; +1: greatest gamma less; 0: met
        # counters
        ("n_solved", "i8"),
        ("n_invalid", "i8"),
        ("n_clamped", "i8"),
        ("n_unconverged", "i8"),
    ]
)


def reset(table, fill_risk):
    """Unsolved table; `fill_risk` = MODEL_A (1) or MODEL_B (0). Counters start at zero."""
    table.fill_risk = fill_risk
    table.n_solved = 0
    table.n_invalid = 0
    table.n_clamped = 0
    table.n_unconverged = 0
    table.gamma_clamp = 0
    table.skew_target = math.nan
    _clear(table)


@inline
def _clear(table):
    table.is_solved = 0
    table.lam0 = math.nan
    table.offset = math.nan
    table.skew_at_limit = math.nan
    table.closed_half = math.nan
    table.closed_skew = math.nan
    table.closed_shift = math.nan
    for i in range(N_Q):
        table.half_spread[0, i] = math.nan
        table.half_spread[1, i] = math.nan


@inline
def _is_valid(a, k, sigma, gamma, q_max, impact, drift):
    """All inputs finite and in their range (a NaN fails every comparison)."""
    if not (TINY < a < _HUGE and TINY < k < _HUGE and 0.0 <= sigma < _HUGE and 0.0 <= gamma < _HUGE):
        return False
    return -_HUGE < drift < _HUGE and 1 <= q_max <= MAX_Q and abs(k * impact) < _MAX_EXPONENT


@inline
def _sweep(ratio, sign, w, tilt, level, q_max, stop):
    """Ratios from the limit sign x q_max inwards to `stop` (not included), at eigenvalue guess `level`.

    Returns the last ratio and sum of f_q^2 / f_stop^2 over the q passed; a negative ratio: `level` is too high.
    """
    r = 0.0
    weight = 0.0
    q = sign * q_max
    while q != stop:
        x = np.float64(q)
        pivot = w * x * x - tilt * x - level - r
        if pivot <= 0.0:
            return -1.0, 0.0
        r = 1.0 / pivot
        weight = r * r * (1.0 + weight)
        ratio[MAX_Q + q] = r
        q -= sign
    return r, weight


@inline
def _meeting_point(w, tilt, q_max):
    """The inventory with the lowest potential w q^2 - tilt q: near the top of f."""
    if abs(tilt) >= 2.0 * w * np.float64(q_max):
        if tilt > 0.0:
            return np.int64(q_max)
        if tilt < 0.0:
            return np.int64(-q_max)
        return np.int64(0)
    return np.int64(math.floor(tilt / (2.0 * w) + 0.5))


@compiled
def _ground_state(table, w, tilt, q_max):
    """Smallest eigenvalue L (in units of eta); leaves the ratios in table.ratio (for tilt = 0 only those of q > 0)."""
    meet = _meeting_point(w, tilt, q_max)
    x = np.float64(meet)
    potential = w * x * x - tilt * x
    low = potential - 2.0
    high = potential
    confined = math.pi / np.float64(2 * q_max + 2)
    level = low + math.sqrt(w + confined * confined * confined * confined)  # harmonic well; free particle for w = 0
    for _ in range(_MAX_STEPS):
        if not low < level < high:
            level = 0.5 * (low + high)
        up, weight_up = _sweep(table.ratio, BUY, w, tilt, level, q_max, meet)
        down, weight_down = up, weight_up
        if tilt != 0.0:
            down, weight_down = _sweep(table.ratio, SELL, w, tilt, level, q_max, meet)
        if up < 0.0 or down < 0.0:
            high = level
            level = low  # out of the bracket: bisect
            continue
        step = (potential - level - up - down) / (1.0 + weight_up + weight_down)
        if abs(step) <= _TOLERANCE * (2.0 + abs(level)):
            return level
        if step > 0.0:
            low = level
        else:
            high = level
        level += step
    table.n_unconverged += 1
    return level


@compiled
def solve(table, a, k, sigma, gamma, q_max, impact, drift):
    """Fill the table of half-spreads; returns 1, or 0 for inputs that are missing (NaN) or absurd (counted, all NaN).

    a > 0 per second, k > 0 per bps, sigma >= 0 bps per sqrt second, gamma >= 0 per (bps x lot), q_max 1..MAX_Q lots,
    impact bps against us at a fill (half of it enters each quote), drift bps per second (positive = price rises).
    Source: GLFT 2013, the solution by linear equations and its infinite-horizon limit.
    """
    _clear(table)
    table.a = a
    table.k = k
    table.sigma = sigma
    table.gamma = gamma
    table.q_max = q_max
    table.impact = impact
    table.drift = drift
    if not _is_valid(a, k, sigma, gamma, q_max, impact, drift):
        table.n_invalid += 1
        return np.int64(0)
    xi = table.fill_risk * gamma
    at_touch, log_power = fill_terms(k, xi)
    eta = a * math.exp(-log_power - 0.5 * k * impact)
    w = 0.5 * k * gamma * sigma * sigma / eta
    tilt = k * drift / eta
    if not (w < _HUGE and abs(tilt) < _HUGE):
        table.n_invalid += 1
        return np.int64(0)
    table.lam0 = eta * _ground_state(table, w, tilt, q_max)
    table.offset = at_touch + 0.5 * impact
    meet = _meeting_point(w, tilt, q_max)
    above = 0.0
    below = 0.0
    for q in range(-q_max, q_max):  # the step from q to q + 1: our bid at q, our ask at q + 1
        i = MAX_Q + q
        if q >= meet:
            log_step = -math.log(table.ratio[i + 1])
        else:
            log_step = math.log(table.ratio[i] if tilt != 0.0 else table.ratio[MAX_Q - q])
        table.half_spread[0, i] = table.offset + log_step / k
        table.half_spread[1, i + 1] = table.offset - log_step / k
        if q >= 0:
            above += log_step
        else:
            below += log_step
    table.skew_at_limit = (above - below) / (k * np.float64(q_max))
    half, skew, shift = closed_form(a, k, sigma, gamma, xi, ONE_LOT, impact, drift)
    table.closed_half = half
    table.closed_skew = skew
    table.closed_shift = shift
    table.is_solved = 1
    table.n_solved += 1
    return np.int64(1)


@inline
def _gamma_of(table, a, k, sigma, impact, log_w):
    """gamma with w = k gamma sigma^2 / (2 eta(gamma)); Newton in ln gamma, monotone (convex, from the right)."""
    target = log_w + math.log(2.0 * a / (k * k * sigma * sigma)) - 0.5 * k * impact
    u = target - 1.0  # ln(gamma / k) for xi = 0
    for _ in range(_MAX_STEPS):
        z = table.fill_risk * math.exp(u)
        if z < TINY:
            break
        mean_log = math.log1p(z) / z
        step = (u + (1.0 + z) * mean_log - target) / (2.0 - mean_log)
        u -= step
        if abs(step) < 1e-14 * (1.0 + abs(u)):
            break
    return k * math.exp(u)


@inline
def _log_w_of(table, a, k, sigma, impact, gamma):
    """ln w of a gamma; the inverse of _gamma_of."""
    _, log_power = fill_terms(k, table.fill_risk * gamma)
    return math.log(0.5 * k * gamma * sigma * sigma / a) + log_power + 0.5 * k * impact


@inline
def _log_drop(table, log_w, q_max):
    """ln of ln(f_0 / f_Q) without drift: increases with w."""
    _ground_state(table, math.exp(log_w), NO_DRIFT, q_max)
    drop = 0.0
    for q in range(1, q_max + 1):
        drop -= math.log(table.ratio[MAX_Q + q])
    return math.log(drop)


@compiled
def gamma_for_skew(table, a, k, sigma, q_max, impact, skew_bps):
    """Risk aversion per (bps x lot) whose inventory skew at the limit is `skew_bps` > 0; NaN if invalid (counted).

    The skew at the limit is S = 2 ln(f_0 / f_Q) / (k Q): the linear skew with the same average over 0..Q as the exact
    one. S/2 is the mean concession per lot, in bps, of asks that work a position from the limit down to flat; the
    closed form has S = Q x slope. S increases with gamma, from -2 ln sin(pi/(2Q+2)) / (k Q) at gamma = 0, where the
    limit alone skews.
    gamma stays in k x [GAMMA_MIN, GAMMA_MAX]; table.gamma_clamp says where that stopped it (counted). Units as solve();
    sigma = 0 is invalid here (no risk to be averse to). Drift plays no part.
    """
    table.skew_target = skew_bps
    table.gamma_clamp = 0
    is_valid = _is_valid(a, k, sigma, NO_RISK, q_max, impact, NO_DRIFT)
    if not (is_valid and sigma * k > TINY and 0.0 < skew_bps < _HUGE):
        table.n_invalid += 1
        return math.nan
    lots = np.float64(q_max)
    wanted = math.log(0.5 * skew_bps * k * lots)
    limit = math.log(_HUGE) - 1.0
    low = min(_log_w_of(table, a, k, sigma, impact, k * GAMMA_MIN), limit)
    high = min(_log_w_of(table, a, k, sigma, impact, k * GAMMA_MAX), limit)
    miss_low = _log_drop(table, low, q_max) - wanted
    miss_high = _log_drop(table, high, q_max) - wanted
    if miss_low >= 0.0 or miss_high <= 0.0:
        table.gamma_clamp = -1 if miss_low >= 0.0 else 1
        table.n_clamped += 1
        return _gamma_of(table, a, k, sigma, impact, low if miss_low >= 0.0 else high)
    log_w = 2.0 * (wanted - math.log(0.5 * lots * lots))  # the closed form's
    last = 0
    for _ in range(_MAX_STEPS):
        if not low < log_w < high:
            log_w = 0.5 * (low + high)
        miss = _log_drop(table, log_w, q_max) - wanted
        if abs(miss) < 1e-13 or high - low < 1e-14 * (1.0 + abs(log_w)):
            break
        if miss < 0.0:
            low, miss_low = log_w, miss
            if last < 0:
                miss_high *= 0.5  # Illinois: never stick to one end
            last = -1
        else:
            high, miss_high = log_w, miss
            if last > 0:
                miss_low *= 0.5
            last = 1
        log_w = (low * miss_high - high * miss_low) / (miss_high - miss_low)
    return _gamma_of(table, a, k, sigma, impact, log_w)


@compiled
def solve_for_skew(table, a, k, sigma, q_max, impact, drift, skew_bps):
    """gamma_for_skew, then solve with that gamma; returns as solve()."""
    gamma = gamma_for_skew(table, a, k, sigma, q_max, impact, skew_bps)
    if not gamma > 0.0:
        _clear(table)
        table.gamma = math.nan
        return np.int64(0)
    return solve(table, a, k, sigma, gamma, q_max, impact, drift)


@inline
def _at(row, q, first, last):
    """Half-spread at a fractional q: linear between the integers first..last, end segments carried outwards."""
    left = min(max(np.int64(math.floor(q)), first), last - 1)
    here = row[MAX_Q + left]
    return here + (q - np.float64(left)) * (row[MAX_Q + left + 1] - here)


@inline
def quote(table, q):
    """(delta_bid, delta_ask) in bps from the fair price at an inventory of `q` lots (any fraction; long > 0).

    Linear between integers; in the last lot before a limit the adding side carries on along its last segment (cap the
    order to the room left); at or beyond the limit it is NaN: no quote. The reducing side is held at the limit's value.
    NaN for both while the table is not solved or q is NaN.
    """
    if table.is_solved == 0 or not (q > -_HUGE and q < _HUGE):
        return math.nan, math.nan
    q_max = np.int64(table.q_max)
    limit = np.float64(q_max)
    inside = min(max(q, -limit), limit)
    bid = math.nan
    ask = math.nan
    if q < limit:
        bid = _at(table.half_spread[0], inside, -q_max, q_max - 1)
    if q > -limit:
        ask = _at(table.half_spread[1], inside, 1 - q_max, q_max)
    return bid, ask


@inline
def quote_closed_form(table, q):
    """(delta_bid, delta_ask) in bps of the closed form at `q` lots, limit ignored; NaN while not solved."""
    tilt = table.closed_skew * q - table.closed_shift
    return table.closed_half + tilt, table.closed_half - tilt
