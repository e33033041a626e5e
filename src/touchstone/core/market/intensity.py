"""How often trades reach a depth: lambda(d) = A e^{-k d} per second and side, d in bps from the mid before the block.

Two sources. The public tape: all prints of one (block, aggressor side) are one sweep. That it reached its first level
is given; how far it went beyond is exponential: k = 1 / mean extent, on a price grid ln(1 + tick / mean extent) / tick;
A = sweeps / integral of e^{-k depth of the first level} dt. Our own orders: fills and seconds of exposure per depth
bucket, right censored, with the tape as pseudo-exposure; a Poisson likelihood in (ln A, k). The tape says how the
market trades; own fills differ by queue place, latency and selection, and take over as they come.

Real tails are heavier than exponential, so k depends on where one looks: set `floor_bps` near the least depth at which
we quote (recorded BTC: k = 5.7 per bps seen from the touch, 0.75 seen from 1 bps).
"""

import math

import numpy as np

from touchstone.core.conventions import BPS, NS, side_index
from touchstone.core.jit import compiled, inline, record
from touchstone.core.quick import decay

N_TOUCH = 48  # buckets of the touch's depth, four an octave from TOUCH_LOW bps
TOUCH_LOW = 0.02
N_OWN = 32  # own depth buckets of `bucket_bps` each; the last takes the rest
_N = np.int64(N_OWN)
K_LOW, K_HIGH = 1e-3, 100.0
CLOSE_NS = 2 * NS  # a sweep whose block is this old has all its prints

INTENSITY = record(
    [
        # parameters
        ("decay", "f8"),  # per second
        ("floor_bps", "f8"),  # depths below it are not looked at (where we never quote)
        ("solve_ns", "i8"),  # period of decay and solution
        ("prior_a", "f8"),
        ("prior_k", "f8"),
        ("prior_sweeps", "f8"),  # weight of the prior, in sweeps
        ("own_prior_s", "f8"),  # weight of the tape against own exposure, in seconds per bucket
        ("bucket_bps", "f8"),
        ("buckets_per_bps", "f8"),
        ("n_warm", "f8"),
        # clock
        ("now_ns", "i8"),
        ("solved_ns", "i8"),
        ("half_spread", "f8"),  # in force, bps; negative = no valid book
        ("tick_bps", "f8"),  # in force; 0 = prices are continuous
        ("first_depth", "f8"),  # of the first level of the touch in force, bps, and its bucket
        ("first_bucket", "i8"),
        # the sweep in progress, by side of ours that it hits
        ("sweep_ns", "i8", (2,)),
        ("sweep_open", "i8", (2,)),
        ("sweep_first", "i8", (2,)),  # price units
        ("sweep_worst", "i8", (2,)),
        ("sweep_mid2", "i8", (2,)),
        # tape, decayed: [bid, ask]
        ("sweeps", "f8", (2,)),
        ("sweeps2", "f8", (2,)),  # sum of squared weights
        ("extent", "f8", (2,)),  # bps beyond the first level
        ("ticks", "f8", (2,)),  # tick sizes in bps
        ("touch_s", "f8", (N_TOUCH,)),  # seconds by depth of the first level
        ("touch_depth", "f8", (N_TOUCH,)),  # depth x seconds
        # own orders, decayed
        ("own_fills", "f8", (N_OWN,)),
        ("own_s", "f8", (N_OWN,)),
        ("own_depth", "f8", (N_OWN,)),  # depth x seconds
        # scratch of the solution
        ("work_depth", "f8", (N_OWN,)),
        ("work_events", "f8", (N_OWN,)),
        ("work_s", "f8", (N_OWN,)),
        # solution
        ("tape_a", "f8", (3,)),  # [our bids (hit by sellers), our asks, both], per second per side
        ("tape_k", "f8", (3,)),  # per bps
        ("own_a", "f8"),  # tape and own together, both sides
        ("own_k", "f8"),
        ("se_ln_a", "f8"),
        ("se_k", "f8"),
        # counters
        ("n_sweeps", "i8"),
        ("n_own_fills", "i8"),
        ("n_late", "i8"),  # prints of a block already closed, dropped
        ("n_no_mid", "i8"),  # sweeps without a mid before the block, dropped
        ("n_shallow", "i8"),  # sweeps that stayed above floor_bps
        ("n_bad_exposure", "i8"),
        ("n_at_bound", "i8"),  # solutions where k stuck at K_LOW or K_HIGH
    ]
)


def reset(i, half_life_s, floor_bps, solve_ns, prior_a, prior_k, prior_sweeps, own_prior_s, bucket_bps, n_warm):
    """Start afresh at the prior.

    `half_life_s` of all evidence; `floor_bps` >= 0; `solve_ns` between solutions; `prior_a` per second per side;
    `prior_k` per bps; `prior_sweeps` > 0 their weight; `own_prior_s` > 0 seconds of pseudo-exposure per own bucket of
    `bucket_bps`; `n_warm` sweeps (a float, as the count decays).
    """
    i.decay = math.log(2.0) / half_life_s if half_life_s > 0.0 else 0.0
    i.floor_bps = floor_bps
    i.solve_ns = solve_ns
    i.prior_a = prior_a
    i.prior_k = min(max(prior_k, K_LOW), K_HIGH)
    i.prior_sweeps = prior_sweeps
    i.own_prior_s = own_prior_s
    i.bucket_bps = bucket_bps
    i.buckets_per_bps = 1.0 / bucket_bps if bucket_bps > 0.0 else 0.0
    i.n_warm = n_warm
    i.now_ns = 0
    i.solved_ns = 0
    i.half_spread = -1.0
    i.tick_bps = 0.0
    i.first_depth = 0.0
    i.first_bucket = 0
    for s in range(2):
        i.sweep_ns[s] = 0
        i.sweep_open[s] = 0
        i.sweeps[s] = 0.0
        i.sweeps2[s] = 0.0
        i.extent[s] = 0.0
        i.ticks[s] = 0.0
    for j in range(N_TOUCH):
        i.touch_s[j] = 0.0
        i.touch_depth[j] = 0.0
    for j in range(N_OWN):
        i.own_fills[j] = 0.0
        i.own_s[j] = 0.0
        i.own_depth[j] = 0.0
    i.n_sweeps = 0
    i.n_own_fills = 0
    i.n_late = 0
    i.n_no_mid = 0
    i.n_shallow = 0
    i.n_bad_exposure = 0
    i.n_at_bound = 0
    _solve(i)


@inline
def _first_depth(depth, floor_bps, tick_bps):
    """Depth of the first price level at or beyond the floor, given that of the touch; bps."""
    if depth >= floor_bps:
        return depth
    if tick_bps <= 0.0:
        return floor_bps
    return depth + math.ceil((floor_bps - depth) / tick_bps - 1e-9) * tick_bps


@compiled
def on_trade(i, exch_ns, side, px, qty, mid2_before_block):
    """A public print: `side` of the aggressor; `px` and `mid2_before_block` (bid + ask, 0 = none) in price units.

    Prints of a block that is already closed are dropped and counted.
    """
    s = np.int64(1) - side_index(side)  # buyers hit our asks
    if exch_ns < i.sweep_ns[s] or (exch_ns == i.sweep_ns[s] and i.sweep_open[s] == 0):
        i.n_late += 1
        return
    if qty <= 0:
        return
    if exch_ns > i.sweep_ns[s]:
        _close_sweep(i, s)
        i.sweep_ns[s] = exch_ns
        i.sweep_open[s] = 1
        i.sweep_first[s] = px
        i.sweep_worst[s] = px
        i.sweep_mid2[s] = mid2_before_block
    elif s == 1:
        i.sweep_first[1] = min(i.sweep_first[1], px)
        i.sweep_worst[1] = max(i.sweep_worst[1], px)
    else:
        i.sweep_first[0] = max(i.sweep_first[0], px)
        i.sweep_worst[0] = min(i.sweep_worst[0], px)


@compiled
def _close_sweep(i, s):
    if i.sweep_open[s] == 0:
        return
    i.sweep_open[s] = 0
    mid2 = np.int64(i.sweep_mid2[s])
    if mid2 <= 0:
        i.n_no_mid += 1
        return
    away = np.float64(2 * s - 1) * BPS / np.float64(mid2)  # bps of mid per half price unit, away from mid
    first = away * np.float64(2 * i.sweep_first[s] - mid2)
    reach = away * np.float64(2 * i.sweep_worst[s] - mid2)
    start = _first_depth(first, i.floor_bps, i.tick_bps)
    if reach < start - 1e-9:
        i.n_shallow += 1
        return
    i.sweeps[s] += 1.0
    i.sweeps2[s] += 1.0
    i.extent[s] += max(reach - start, 0.0)
    i.ticks[s] += i.tick_bps
    i.n_sweeps += 1


@inline
def _stand(i, now_ns):
    """The touch in force stood until now: exposure of the depth of its first level."""
    if now_ns <= i.now_ns:
        return
    if i.now_ns == 0:
        i.solved_ns = now_ns
    elif i.half_spread >= 0.0:
        seconds = np.float64(now_ns - i.now_ns) / NS
        i.touch_s[i.first_bucket] += seconds
        i.touch_depth[i.first_bucket] += i.first_depth * seconds
    i.now_ns = now_ns


@compiled
def on_touch(i, now_ns, half_spread_bps, tick_bps):
    """From local time `now_ns` on the book's half-spread and tick are these, in bps of mid.

    A negative half-spread = no valid or no fresh book: that time is no exposure. A tick of 0 = continuous prices.
    """
    _stand(i, now_ns)
    if half_spread_bps != i.half_spread or tick_bps != i.tick_bps:
        i.half_spread = half_spread_bps
        i.tick_bps = tick_bps
        depth = _first_depth(half_spread_bps, i.floor_bps, tick_bps)
        i.first_depth = depth
        i.first_bucket = 0
        if depth > TOUCH_LOW:
            i.first_bucket = np.int64(min(4.0 * math.log(depth / TOUCH_LOW) / math.log(2.0), N_TOUCH - 1.0))


@compiled
def on_clock(i, now_ns):
    """Local time is `now_ns`: every `solve_ns` decay the evidence, close finished sweeps, solve."""
    _stand(i, now_ns)
    if now_ns - i.solved_ns < i.solve_ns:
        return
    for s in range(2):
        if now_ns - i.sweep_ns[s] > CLOSE_NS:
            _close_sweep(i, np.int64(s))
    _decay(i, np.float64(now_ns - i.solved_ns) / NS)
    i.solved_ns = now_ns
    _solve(i)


@compiled
def _decay(i, seconds):
    keep = math.exp(-i.decay * seconds)
    for s in range(2):
        i.sweeps[s] *= keep
        i.sweeps2[s] *= keep * keep
        i.extent[s] *= keep
        i.ticks[s] *= keep
    for j in range(N_TOUCH):
        i.touch_s[j] *= keep
        i.touch_depth[j] *= keep
    for j in range(N_OWN):
        i.own_fills[j] *= keep
        i.own_s[j] *= keep
        i.own_depth[j] *= keep


@compiled
def on_exposure(i, depth_bps, seconds, n_fills):
    """An own order stood `seconds` at `depth_bps` (bps of mid) and got `n_fills` (int; first fill counts: 0 or 1).

    Report the life of an order in pieces while its depth moves. Only tape-decided outcomes belong here.
    """
    if not (seconds >= 0.0) or not (abs(depth_bps) < 1e6):
        i.n_bad_exposure += 1
        return
    bucket = np.int64(max(depth_bps, 0.0) * i.buckets_per_bps)
    bucket = min(bucket, np.int64(N_OWN - 1))
    i.own_fills[bucket] += np.float64(n_fills)
    i.own_s[bucket] += seconds
    i.own_depth[bucket] += depth_bps * seconds
    i.n_own_fills += n_fills


@compiled
def _solve(i):
    _solve_tape(i)
    _solve_own(i)


@compiled
def _solve_tape(i):
    """Both sides together shrunk to the prior, then each side shrunk to both; by `prior_sweeps` sweeps each time."""
    prior_a, prior_k = i.prior_a, i.prior_k
    for s in range(2, -1, -1):
        if s == 2:
            n, n_sides = i.sweeps[0] + i.sweeps[1], 2.0
            extent, ticks = i.extent[0] + i.extent[1], i.ticks[0] + i.ticks[1]
        else:
            n, extent, ticks, n_sides = i.sweeps[s], i.extent[s], i.ticks[s], 1.0
        tick = ticks / n if n > 0.0 else 0.0
        prior_extent = 1.0 / prior_k
        if tick > 0.0:
            prior_extent = tick / math.expm1(min(prior_k * tick, 700.0))
        k = prior_k
        if n + i.prior_sweeps > 0.0:
            mean_extent = (extent + i.prior_sweeps * prior_extent) / (n + i.prior_sweeps)
            k = K_HIGH
            if mean_extent > 0.0:
                k = math.log1p(tick / mean_extent) / tick if tick > 0.0 else 1.0 / mean_extent
        k = min(max(k, K_LOW), K_HIGH)
        reached = 0.0  # integral of e^{-k first depth} dt
        for j in range(N_TOUCH):
            if i.touch_s[j] > 0.0:
                reached += i.touch_s[j] * decay(k * i.touch_depth[j] / i.touch_s[j])
        exposure = n_sides * reached + (i.prior_sweeps / prior_a if prior_a > 0.0 else 0.0)
        i.tape_k[s] = k
        i.tape_a[s] = (n + i.prior_sweeps) / exposure if exposure > 0.0 else prior_a
        if s == 2:
            prior_a, prior_k = i.tape_a[2], i.tape_k[2]


@compiled
def _solve_own(i):
    """Own fills and exposure plus `own_prior_s` seconds of tape-like life per bucket."""
    tape_a, tape_k = i.tape_a[2], i.tape_k[2]
    for j in range(N_OWN):
        depth = i.own_depth[j] / i.own_s[j] if i.own_s[j] > 0.0 else (np.float64(j) + 0.5) * i.bucket_bps
        i.work_depth[j] = depth
        i.work_events[j] = i.own_fills[j] + i.own_prior_s * tape_a * decay(tape_k * max(depth, 0.0))
        i.work_s[j] = i.own_s[j] + i.own_prior_s
    a, k, se_ln_a, se_k, is_inside = solve_mle(i.work_depth, i.work_events, i.work_s, _N, np.float64(i.own_k))
    if not is_inside:
        i.n_at_bound += 1
    i.own_a = a
    i.own_k = k
    i.se_ln_a = se_ln_a
    i.se_k = se_k


@compiled
def solve_mle(depths, events, exposure, n, guess):
    """Maximum likelihood of events_j ~ Poisson(exposure_j A e^{-k depth_j}), j < n: a Poisson GLM.

    depths (n,) in bps, events (n,) counts, exposure (n,) seconds, float64; guess: a k to start from, 0 none.
    Returns (A per second, k per bps, standard error of ln A, standard error of k, whether K_LOW < k < K_HIGH). Without
    events: (0, K_LOW, NaN, NaN, False).
    k solves sum(e d)/sum(e) = sum(d T e^{-kd})/sum(T e^{-kd}); the right side falls in k: Newton within a bracket.
    """
    n_events = 0.0
    moment = 0.0
    nearest = math.inf
    for j in range(n):
        n_events += events[j]
        moment += events[j] * depths[j]
        if exposure[j] > 0.0:
            nearest = min(nearest, depths[j])
    if n_events <= 0.0 or not (nearest < math.inf):
        return 0.0, K_LOW, math.nan, math.nan, False
    target = moment / n_events - nearest
    low, high = K_LOW, K_HIGH
    k = guess
    if not low < k < high:
        k = min(max(1.0 / target, low), high) if target > 0.0 else high
    total = 0.0
    spread = 0.0
    for _ in range(100):
        total, first, second = 0.0, 0.0, 0.0
        for j in range(n):
            if exposure[j] > 0.0:
                x = depths[j] - nearest  # keeps the exponentials in range
                w = exposure[j] * decay(k * x)
                total += w
                first += w * x
                second += w * x * x
        excess = first / total - target
        spread = second / total - (first / total) * (first / total)
        if excess > 0.0:
            low = k
        else:
            high = k
        step = excess / spread if spread > 0.0 else math.inf
        following = k + step
        if not (low <= following <= high):
            following = 0.5 * (low + high)
        if abs(following - k) <= 1e-13 * k:
            break
        k = following
    a = n_events / total * math.exp(min(k * nearest, 700.0))
    # Information of (ln A, k): n_events [[1, -m], [-m, m^2 + spread]], m the mean depth of expected events.
    mean_depth = moment / n_events
    is_inside = K_LOW * (1.0 + 1e-9) < k < K_HIGH * (1.0 - 1e-9)
    if not is_inside or spread <= 0.0:
        return a, k, math.nan, math.nan, False
    se_k = math.sqrt(1.0 / (n_events * spread))
    se_ln_a = math.sqrt((mean_depth * mean_depth + spread) / (n_events * spread))
    return a, k, se_ln_a, se_k, True


@inline
def is_warm(i):
    """Whether the (decayed) tape holds at least `n_warm` sweeps; before that the configured prior dominates."""
    return i.sweeps[0] + i.sweeps[1] >= i.n_warm


@inline
def a(i):
    """A: arrivals per second per side at depth 0, both sides pooled, tape and own fills together."""
    return np.float64(i.own_a)


@inline
def k(i):
    """k: decay of arrivals per bps of depth, both sides pooled, tape and own fills together."""
    return np.float64(i.own_k)


@inline
def rate(i, depth_bps):
    """Arrivals per second that fill an order at `depth_bps` (bps of mid, below 0 taken as 0), either side."""
    return i.own_a * math.exp(-i.own_k * max(depth_bps, 0.0))


@inline
def side_k(i, s):
    """k of one side (0 bid, 1 ask) per bps: the pooled k shifted by half the difference of the sides on the tape."""
    return min(max(i.own_k + 0.5 * (i.tape_k[s] - i.tape_k[1 - s]), K_LOW), K_HIGH)


@inline
def side_a(i, s):
    """A of one side (0 bid, 1 ask) per second: the pooled A shared out as on the tape."""
    total = i.tape_a[0] + i.tape_a[1]
    if total <= 0.0:
        return np.float64(i.own_a)
    return i.own_a * 2.0 * i.tape_a[s] / total


@inline
def side_rate(i, s, depth_bps):
    """Arrivals per second that fill an order of one side (0 bid, 1 ask) at `depth_bps` (bps, below 0 taken as 0)."""
    return side_a(i, s) * math.exp(-side_k(i, s) * max(depth_bps, 0.0))


@inline
def tape_k_error(i):
    """Standard error of the tape's pooled k, per bps: k / sqrt(n_eff); NaN before any sweep."""
    n = i.sweeps[0] + i.sweeps[1]
    n2 = i.sweeps2[0] + i.sweeps2[1]
    if n2 <= 0.0:
        return math.nan
    return i.tape_k[2] / math.sqrt(n * n / n2)


@inline
def fill_probability(shape, exposure_s, tau_s):
    """P(at least one event within `tau_s` seconds) where the rate is Gamma(shape, exposure_s): 1 - (b / (b + tau))^a.

    Gamma-Poisson predictive: `shape` = prior + events, `exposure_s` = prior + exposure in seconds; NaN unless > 0.
    """
    if not (exposure_s > 0.0):
        return math.nan
    return -math.expm1(-shape * math.log1p(tau_s / exposure_s))
