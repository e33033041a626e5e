"""Microprice: where the mid goes from here, given touch imbalance and spread (Stoikov 2018, Quant. Finance 18:1959).

States are imbalance bucket x spread bucket, transitions are changes of the touch. Q: the mid stayed, R1: size of a mid
move, R2: where a mid move led. G1 = (I - Q)^-1 R1 k is the expected first move, B = (I - Q)^-1 R2, and the adjustment
G* = sum_j B^j G1. Up and down are taken as mirror images (else the sum diverges), so only states with more on the bid
than on the ask are kept: a step into a mirrored state counts with the sign turned. Few data: each state holds
`prior_moves` pseudo mid moves of the weighted mid (imbalance x half spread), shrunk, so without data G* is just that.
"""

import math

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record

N_IMBALANCE = 4  # buckets of |imbalance|
N_SPREAD = 5  # spreads of 1, 2, 3-4, 5-8, 9 and more ticks
SPREAD_TICKS = np.array([1.0, 2.0, 3.5, 6.5, 12.0])  # typical spread of the bucket, for the prior
N_STATES = N_IMBALANCE * N_SPREAD
_N = np.int64(N_STATES)
LARGEST_MOVE = np.int64(40)  # half ticks; a larger one is a gap or a change of tick
TERMS = np.int64(64)
TOLERANCE = 1e-9  # ticks
ZERO = np.int64(0)

MICROPRICE = record(
    [
        # parameters
        ("decay", "f8"),  # per second
        ("solve_ns", "i8"),
        ("gap_ns", "i8"),
        ("prior_moves", "f8"),
        ("prior_share", "f8"),
        ("n_warm", "f8"),
        # the chain
        ("seen_ns", "i8"),
        ("solved_ns", "i8"),
        ("state", "i8"),  # of |imbalance| and spread, -1 = none
        ("lean", "i8"),  # sign of the imbalance
        ("mid", "i8"),  # half ticks
        # decayed counts
        ("seen", "f8", (N_STATES,)),  # transitions out of the state
        ("moved", "f8", (N_STATES,)),  # of these with a mid move
        ("stay", "f8", (N_STATES, N_STATES)),  # signed: where it led without a mid move
        ("move", "f8", (N_STATES,)),  # signed sum of moves, half ticks
        ("after", "f8", (N_STATES, N_STATES)),  # signed: where a mid move led
        ("n_moves", "f8"),  # mid moves, decayed
        # solution and its scratch
        ("adjustment", "f8", (N_STATES,)),  # G* in ticks where the bid is the larger
        ("q", "f8", (N_STATES, N_STATES)),
        ("r2", "f8", (N_STATES, N_STATES)),
        ("drift", "f8", (N_STATES,)),
        ("lu", "f8", (N_STATES, N_STATES)),
        ("first", "f8", (N_STATES,)),
        ("work", "f8", (N_STATES,)),
        # counters
        ("n_transitions", "i8"),
        ("n_breaks", "i8"),  # chain broken: no book, or silence longer than gap_ns
        ("n_jumps", "i8"),  # moves beyond LARGEST_MOVE, not counted as transitions
        ("n_solved", "i8"),
    ]
)


def reset(m, half_life_s, solve_ns, gap_ns, prior_moves, prior_share, n_warm):
    """Start afresh at the prior.

    `half_life_s` of the counts; `solve_ns` between solutions; a silence beyond `gap_ns` breaks the chain; `prior_moves`
    > 0 pseudo moves per state; `prior_share` of the weighted mid's displacement in the prior (0..1); `n_warm` mid moves
    (a float, as the count decays).
    """
    m.decay = math.log(2.0) / half_life_s if half_life_s > 0.0 else 0.0
    m.solve_ns = solve_ns
    m.gap_ns = gap_ns
    m.prior_moves = prior_moves
    m.prior_share = prior_share
    m.n_warm = n_warm
    m.seen_ns = 0
    m.solved_ns = 0
    m.state = -1
    m.lean = 0
    m.mid = 0
    for x in range(N_STATES):
        m.seen[x] = 0.0
        m.moved[x] = 0.0
        m.move[x] = 0.0
        for y in range(N_STATES):
            m.stay[x, y] = 0.0
            m.after[x, y] = 0.0
    m.n_moves = 0.0
    m.n_transitions = 0
    m.n_breaks = 0
    m.n_jumps = 0
    m.n_solved = 0
    _solve_record(m)


@inline
def _spread_bucket(spread_ticks):
    bucket = np.int64(0)
    edge = np.int64(1)
    while bucket < N_SPREAD - 1 and spread_ticks > edge:
        bucket += 1
        edge *= 2
    return bucket


@inline
def _state_of(imbalance, spread_ticks):
    level = min(np.int64(abs(imbalance) * N_IMBALANCE), np.int64(N_IMBALANCE - 1))
    return level * N_SPREAD + _spread_bucket(spread_ticks)


@compiled
def update(m, now_ns, imbalance, spread_ticks, mid_half_ticks):
    """The touch is now this: `imbalance` in [-1, 1] (positive = more on the bid), spread in ticks, mid in half ticks.

    Call when price or size of the touch changed, local time in ns. `spread_ticks` <= 0 = no valid or no fresh book: the
    chain breaks there.
    """
    if spread_ticks <= 0 or not (abs(imbalance) <= 1.0):
        if m.state >= 0:
            m.n_breaks += 1
        m.state = -1
        return
    state = _state_of(imbalance, spread_ticks)
    lean = np.int64(1) if imbalance > 0.0 else (np.int64(-1) if imbalance < 0.0 else np.int64(0))
    move = mid_half_ticks - np.int64(m.mid)
    if m.state >= 0 and now_ns - m.seen_ns > m.gap_ns:
        m.n_breaks += 1
    elif m.state >= 0 and abs(move) > LARGEST_MOVE:
        m.n_jumps += 1
    elif m.state >= 0 and m.lean != 0 and not (move == 0 and state == m.state and lean == m.lean):
        _count(m, state, np.float64(m.lean * lean), np.float64(m.lean * move))
    m.seen_ns = now_ns
    m.state = state
    m.lean = lean
    m.mid = mid_half_ticks
    if m.solved_ns == 0:
        m.solved_ns = now_ns
    elif now_ns - m.solved_ns >= m.solve_ns:
        _decay(m, np.float64(now_ns - m.solved_ns) / NS)
        m.solved_ns = now_ns
        _solve_record(m)


@inline
def _count(m, state, turn, move):
    """One transition out of the present state; turn = -1 into a mirrored state, 0 into balance (where G = 0)."""
    m.seen[m.state] += 1.0
    m.n_transitions += 1
    if move == 0.0:
        m.stay[m.state, state] += turn
    else:
        m.after[m.state, state] += turn
        m.move[m.state] += move
        m.moved[m.state] += 1.0
        m.n_moves += 1.0


@compiled
def _decay(m, seconds):
    keep = math.exp(-m.decay * max(seconds, 0.0))
    m.n_moves *= keep
    for x in range(N_STATES):
        m.seen[x] *= keep
        m.moved[x] *= keep
        m.move[x] *= keep
        for y in range(N_STATES):
            m.stay[x, y] *= keep
            m.after[x, y] *= keep


@inline
def _prior(m, x):
    """Prior adjustment of a state in ticks: shrunk weighted mid, imbalance x half spread."""
    imbalance = (np.float64(x // N_SPREAD) + 0.5) / N_IMBALANCE
    return m.prior_share * imbalance * 0.5 * SPREAD_TICKS[x % N_SPREAD]


@compiled
def _solve_record(m):
    for x in range(N_STATES):
        n = m.seen[x] + m.prior_moves
        share = 1.0 / n if n > 0.0 else 0.0
        m.drift[x] = share * (0.5 * m.move[x] + m.prior_moves * _prior(m, x))
        for y in range(N_STATES):
            m.q[x, y] = share * m.stay[x, y]
            m.r2[x, y] = share * m.after[x, y]
    solve(m.q, m.drift, m.r2, _N, TERMS, m.lu, m.work, m.first, m.adjustment)
    m.n_solved += 1


@compiled
def solve(q, drift, r2, n, terms, lu, work, first, g):
    """G = sum of the first `terms` terms B^j G1, G1 = (I - Q)^-1 drift, B = (I - Q)^-1 R2 (Stoikov 2018, sec. 3).

    q, r2 (n, n) transition probabilities without / with a mid move; drift (n,) = R1 k expected move per transition.
    lu (n, n) and work (n,) are scratch; first (n,) receives G1, g (n,) receives G, in the unit of drift. Stops early
    once a term is below 1e-9. Gauss without pivoting: rows of |Q| sum to less than one, so the diagonal dominates.
    """
    for x in range(n):
        for y in range(n):
            lu[x, y] = (1.0 if x == y else 0.0) - q[x, y]
    for z in range(n):
        pivot = lu[z, z]
        inverse = 1.0 / pivot if pivot != 0.0 else 0.0
        for x in range(z + 1, n):
            factor = lu[x, z] * inverse
            lu[x, z] = factor
            if factor != 0.0:
                for y in range(z + 1, n):
                    lu[x, y] -= factor * lu[z, y]
    for x in range(n):
        first[x] = drift[x]
    _substitute(lu, first, n)
    for x in range(n):
        g[x] = first[x]
    for _ in range(1, terms):
        for x in range(n):
            work[x] = _dot(r2, np.int64(x), g, ZERO, n)
        _substitute(lu, work, n)
        largest = 0.0
        for x in range(n):
            following = first[x] + work[x]
            largest = max(largest, abs(following - g[x]))
            g[x] = following
        if largest < TOLERANCE:
            break


@compiled
def _substitute(lu, b, n):
    """b <- (L U)^-1 b."""
    for x in range(1, n):
        b[x] -= _dot(lu, np.int64(x), b, ZERO, np.int64(x))
    for x in range(n - 1, -1, -1):
        total = b[x] - _dot(lu, np.int64(x), b, np.int64(x + 1), n)
        b[x] = total / lu[x, x] if lu[x, x] != 0.0 else 0.0


@inline
def _dot(matrix, x, b, start, end):
    """Row x of a matrix times b, from start to end: four sums at once, so that none waits for the other."""
    at = start
    p, q, r, s = 0.0, 0.0, 0.0, 0.0
    while at + 4 <= end:
        p += matrix[x, at] * b[at]
        q += matrix[x, at + 1] * b[at + 1]
        r += matrix[x, at + 2] * b[at + 2]
        s += matrix[x, at + 3] * b[at + 3]
        at += 4
    while at < end:
        p += matrix[x, at] * b[at]
        at += 1
    return (p + q) + (r + s)


@inline
def is_warm(m):
    """Whether the (decayed) counts hold `n_warm` mid moves; before that the prior dominates."""
    return m.n_moves >= m.n_warm


@compiled
def displacement_bps(m, imbalance, spread_ticks, tick_bps):
    """Microprice - mid in bps of mid (positive = above): the move of the mid in the long run; 0 without a valid book.

    `imbalance` in [-1, 1], `spread_ticks` > 0, `tick_bps` = tick in bps of mid. Linear between bucket centres, so that
    a quote does not jump at their edges; 0 at balance. It may lie beyond the touch: on recorded BTC and SOL the mid had
    gone 1.2 and 1.0 of it after 10 s, but 0.3 and 0.4 after 1 s, so scale it to the horizon.
    """
    if spread_ticks <= 0 or not (abs(imbalance) <= 1.0):
        return 0.0
    column = _spread_bucket(spread_ticks)
    place = abs(imbalance) * N_IMBALANCE - 0.5  # in bucket centres
    lower = np.int64(math.floor(place))
    part = place - np.float64(lower)
    below = m.adjustment[lower * N_SPREAD + column] if lower >= 0 else -m.adjustment[column]
    above = m.adjustment[min(lower + 1, np.int64(N_IMBALANCE - 1)) * N_SPREAD + column]
    ticks = below + part * (above - below)
    return ticks * tick_bps if imbalance > 0.0 else -ticks * tick_bps
