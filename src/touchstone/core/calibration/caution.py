"""What caution costs: the careful parts of our quotes, judged by orders that rest where the quotes would be without.

Each evaluation window has, per side, an order that is never sent at the price that we quote, one at the model-free
price, and, in turn by hash, one at the price without the careful part of a single model. An order is worth its realised
half-spread at 10 s minus fee if the tape goes through it within 10 s, else nothing. With

    d = worth as quoted - worth without       (bps per window and side; positive = caution pays)

the mean of d is what a careful part earns, its negative what it costs. E-processes bet on either; where cost is shown
(e >= 20) the careful part counts no more. Where both prices are one, d = 0 without an order.
"""

import math

import numpy as np

from touchstone.core.calibration import evidence
from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.quoting.params import N_TERMS, TERM_BASE

ALL = TERM_BASE  # number of the judgement on all careful parts together; the others are numbered by their term
LIFE_NS = np.int64(10 * NS)
SETTLED_NS = np.int64(21 * NS)  # a window's bet is known by then: fill within 10 s, markout after another 10

AS_QUOTED, MODEL_FREE, WITHOUT_ONE = np.int64(0), np.int64(1), np.int64(2)
N_ROLES = 3
NONE = np.int64(-1)
ABSENT, RESTING, FILLED, KNOWN, UNKNOWN = (np.int64(i) for i in range(5))

N_OPEN = 64
OPEN_MASK = np.int64(N_OPEN - 1)

OPEN = record(  # a side of a window, until its orders are known
    [
        ("made_ns", "i8"),
        ("term", "i8"),  # of WITHOUT_ONE
        ("state", "i8", (N_ROLES,)),
        ("bps", "f8", (N_ROLES,)),
        ("is_bet", "i8"),
    ]
)

JUDGEMENT = record(
    [
        ("n", "i8"),  # windows and sides
        ("n_apart", "i8"),  # of them with two prices
        ("total", "f8"),  # sum of d, bps
        ("squares", "f8"),
        ("bounded", evidence.BOUNDED),
        ("share", "f8"),  # of the careful part that counts: 1, or 0 once its cost is shown
    ]
)

CAUTION = record(
    [
        ("open", OPEN, (N_OPEN,)),
        ("n_opened", "i8"),
        ("bet_free_ns", "i8"),  # the next window may be bet on from here
        ("of", JUDGEMENT, (N_TERMS,)),
        ("n_lost", "i8"),  # pairs given up: an order would have crossed, or its mid was missing
    ]
)


def reset(caution):
    """Every careful part counts in full."""
    caution.n_opened = 0
    caution.bet_free_ns = 0
    caution.n_lost = 0
    for i in range(N_OPEN):
        for role in range(N_ROLES):
            caution.open[i].state[role] = ABSENT
    for term in range(N_TERMS):
        one = caution.of[term]
        one.n = 0
        one.n_apart = 0
        one.total = 0.0
        one.squares = 0.0
        one.share = 1.0
        evidence.reset_bounded(one.bounded)


@inline
def begin(caution, now_ns, may_bet):
    """A new side of a window; returns its place. may_bet: 1 for the side of this window that is bet on."""
    i = caution.n_opened & OPEN_MASK
    caution.n_opened += 1
    it = caution.open[i]
    it.made_ns = now_ns
    it.term = NONE
    it.is_bet = 0
    if may_bet and now_ns >= caution.bet_free_ns:
        it.is_bet = 1
        caution.bet_free_ns = now_ns + SETTLED_NS
    for role in range(N_ROLES):
        it.state[role] = ABSENT
        it.bps[role] = 0.0
    return np.int64(i)


@inline
def same_price(caution, i, term):
    """Without this careful part the price would have been the same: nothing gained, nothing lost."""
    _settle(caution, term, 0.0, caution.open[i].is_bet, np.int64(0))


@inline
def rests(caution, i, role, term):
    """An order of this role is followed; term: of WITHOUT_ONE."""
    caution.open[i].state[role] = RESTING
    if role == WITHOUT_ONE:
        caution.open[i].term = term


@inline
def at_deadline(caution, place, made_ns, role, is_filled, is_void):
    """10 s after the decision: filled by the tape (its worth comes with the markout), not filled, or void."""
    if place >= 0 and caution.open[place].made_ns == made_ns and caution.open[place].state[role] == RESTING:
        if is_void:
            _know(caution, place, role, UNKNOWN, 0.0)
        elif is_filled:
            caution.open[place].state[role] = FILLED
        else:
            _know(caution, place, role, KNOWN, 0.0)


@inline
def at_markout(caution, place, made_ns, role, edge_bps):
    """10 s after a fill: what it earned after its fee; NaN = the mid is missing. Fills after the deadline are over."""
    if place >= 0 and caution.open[place].made_ns == made_ns and caution.open[place].state[role] == FILLED:
        if edge_bps == edge_bps:
            _know(caution, place, role, KNOWN, edge_bps)
        else:
            _know(caution, place, role, UNKNOWN, 0.0)


@compiled
def _know(caution, i, role, state, bps):
    """An order of a window has come to its end; with the last one of a pair the pair is judged."""
    it = caution.open[i]
    it.state[role] = state
    it.bps[role] = bps
    for other in range(1, N_ROLES):
        if role == AS_QUOTED or role == other:
            here, there = it.state[AS_QUOTED], it.state[other]
            if here < KNOWN or there < KNOWN:
                continue
            term = ALL if other == MODEL_FREE else np.int64(it.term)
            if here == UNKNOWN or there == UNKNOWN:
                caution.n_lost += 1
            else:
                _settle(caution, term, it.bps[AS_QUOTED] - it.bps[other], np.int64(it.is_bet), np.int64(1))


@compiled
def _settle(caution, term, d, is_bet, is_apart):
    one = caution.of[term]
    one.n += 1
    one.n_apart += is_apart
    one.total += d
    one.squares += d * d
    if is_bet and is_apart:
        evidence.bet_on_difference(one.bounded, d)
    one.share = 0.0 if evidence.log_e(one.bounded.harm) >= evidence.LOG_20 else 1.0


@inline
def share(caution, term):
    """How much of the careful part of a term counts."""
    return caution.of[term].share * caution.of[ALL].share


@compiled
def cost(one):
    """(mean d, its standard error) in bps per window and side; NaN where undefined."""
    n = np.float64(one.n)
    if one.n < 2:
        return one.total / n if one.n > 0 else math.nan, math.nan
    mean = one.total / n
    return mean, math.sqrt(max(one.squares - n * mean * mean, 0.0) / (n - 1.0) / n)
