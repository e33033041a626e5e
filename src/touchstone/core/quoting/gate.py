"""The gate: where informed takers crowd, a side or its deep levels are withdrawn, and a threatened side is repriced.

HOT     the market is hot: fast volatility `gate_heat` times the slow one or more, until it has fallen to OPEN_SHARE of
        that. The side is withdrawn
DEEP    nobody has traded for QUIET times as long as usual: levels behind the second are withdrawn, the side stays
threat  the leader's move takes more than THREAT_SHARE of a side's distance: its term counts in full at once, whatever
        the leash (ladder.py), and an order that is too near moves whatever its request costs (trading/reconcile.py);
        an amend is there sooner than a cancel

The first two only while the posterior says that such fills of the side lose in the mean: from P(mean edge < 0) > 0.9 on
until it is under 0.6 (models/crowded.py). Each side is judged by itself. A point estimate never gates: near 0 it is
negative half of the time, and a gate that follows it flickers and burns requests. Nor does the expected loss of all
fills: where most of them lose that would end all trading. That is what widths and values of levels are for.

From closing to opening, a minute at most, is an *episode*. Suppressed quotes live on as shadows, one a side, where the
first level would be: what the tape fills of them is what the gate has avoided, toxic fills and benign ones. In a small
share of episodes, drawn by hash when they begin, the side quotes anyway with the smallest size (the chance is logged
with the quote; only in the normal risk state): their fills check the shadows'. Deep levels are quoted in the same share
of the minutes. A side that reduces a position is never withdrawn (place.py): it is priced to break even, fair value +
adverse selection + fee.

For comparison there is a gate by lot: both sides closed in a share of the minutes, by hash, whatever the market does.
"""

import math

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import crowded
from touchstone.core.numerics import hash_unit

LOSES_AT, EARNS_AT = 0.9, 0.6  # P(mean edge of a fill < 0) where informed takers crowd
OPEN_SHARE = 0.93  # of the heat that closes
EPISODE_NS = np.int64(60 * NS)
SALT_EPISODE, SALT_LOT, SALT_DEEP = np.int64(7), np.int64(8), np.int64(9)
SHADOW_LIFE_NS, SHADOW_LEAST_NS = np.int64(10 * NS), np.int64(NS)
OPEN_END = np.int64(2**62)  # a shadow that still stands

KEPT, AVOIDED, TRIED = np.int64(0), np.int64(1), np.int64(2)
GROUP_NAMES = ("kept", "avoided", "tried")
N_GROUPS = 3
BENIGN, TOXIC = 0, 1

TALLY = record(
    [
        ("n", "i8", (2,)),  # fills, benign and toxic (earned less than their fee at 10 s)
        ("total", "f8"),  # sum of what they earned after their fee, bps
        ("squares", "f8"),
    ]
)

GATE = record(
    [
        ("is_closed", "i8", (2,)),
        ("since_ns", "i8", (2,)),  # of the last closing or opening
        ("is_tried", "i8", (2,)),  # this episode quotes anyway
        ("p_loss", "f8", (2,)),  # P(mean edge of a fill in a hot market < 0)
        ("is_losing", "i8", (crowded.N_PLACES, 2)),  # by place: its fills lose in the mean, with hysteresis
        ("is_quiet", "i8"),  # nobody has traded for longer than usual
        ("n_deep", "i8"),  # levels left out of a ladder
        ("break_even_bps", "f8", (2,)),  # half-spread at which a fill at the best level would earn its fee
        # the shadow of a closed side
        ("node", "i8", (2,)),  # -1: none
        ("prediction_id", "i8", (2,)),
        ("px", "i8", (2,)),
        ("node_ns", "i8", (2,)),
        # what came of it
        ("n_episodes", "i8", (2,)),
        ("n_tried", "i8", (2,)),
        ("closed_ns", "i8", (2,)),  # time in episodes that are over
        ("tally", TALLY, (N_GROUPS,)),  # our fills with the gate open, shadows' while closed, fills of tried episodes
    ]
)


def reset(gate):
    """Both sides open, nothing counted."""
    gate.is_losing[:, :] = 0
    gate.is_quiet = 0
    gate.n_deep = 0
    for s in range(2):
        gate.is_closed[s] = 0
        gate.since_ns[s] = 0
        gate.is_tried[s] = 0
        gate.p_loss[s] = math.nan
        gate.break_even_bps[s] = math.nan
        gate.node[s] = -1
        gate.n_episodes[s] = 0
        gate.n_tried[s] = 0
        gate.closed_ns[s] = 0
    for group in range(N_GROUPS):
        tally = gate.tally[group]
        tally.n[BENIGN] = 0
        tally.n[TOXIC] = 0
        tally.total = 0.0
        tally.squares = 0.0


@inline
def is_shut(gate, s):
    """Whether a side is withdrawn now: closed, and not an episode that quotes anyway."""
    return gate.is_closed[s] == 1 and gate.is_tried[s] == 0


@compiled
def judge(gate, ladder, models, params, market, order_rate, may_try):
    """Look at both sides. order_rate: aggressive orders per second, NaN: not known.

    may_try: 1 in the normal risk state, in which a new episode may quote anyway.
    """
    now_ns = np.int64(market.t_ns)
    heat = crowded.heat(market.sigma, market.sigma_slow)
    usual_ns = NS / order_rate if order_rate > 0.0 else math.inf
    gate.is_quiet = 1 if np.float64(market.trade_age_ns) > crowded.QUIET * usual_ns else 0
    for s in range(2):
        if not ladder.is_priced[s]:
            continue
        best = -math.inf
        for j in range(params.levels):
            best = max(best, np.float64(ladder.full_edge_bps[s, j]))
        gate.break_even_bps[s] = ladder.half_spread_bps[s] + max(-best, 0.0)
        for place in range(crowded.N_PLACES):
            p_loss = crowded.p_loss(models.crowded[place, s])
            if place == crowded.HOT:
                gate.p_loss[s] = p_loss
            if p_loss > LOSES_AT:
                gate.is_losing[place, s] = 1
            elif p_loss < EARNS_AT:
                gate.is_losing[place, s] = 0
        is_closed = gate.is_closed[s] == 1
        if not _wants_closed(gate, params, s, heat, is_closed, now_ns):
            if is_closed:
                _open(gate, s, now_ns)
        elif not is_closed:
            _close(gate, s, now_ns, params, may_try)
        elif now_ns - gate.since_ns[s] >= EPISODE_NS:
            _open(gate, s, now_ns)
            _close(gate, s, now_ns, params, may_try)
        elif gate.is_tried[s] and not may_try:
            gate.is_tried[s] = 0


@inline
def _wants_closed(gate, params, s, heat, is_closed, now_ns):
    """Whether a side is to be closed: hot and losing there, or by lot."""
    if params.gate_lot_share > 0.0:
        return hash_unit(np.int64(params.seed), now_ns // EPISODE_NS, SALT_LOT) < params.gate_lot_share
    least = params.gate_heat * OPEN_SHARE if is_closed else np.float64(params.gate_heat)
    return gate.is_losing[crowded.HOT, s] == 1 and heat >= least


@inline
def leaves_out_deep(gate, params, s, now_ns):
    """Whether the deep levels of a side stay out of the book now."""
    if not params.has_gate or params.gate_lot_share > 0.0 or not gate.is_quiet or not gate.is_losing[crowded.DEEP, s]:
        return False
    return hash_unit(np.int64(params.seed), now_ns // EPISODE_NS, SALT_DEEP) >= params.gate_try_share


@inline
def crowd_of(gate, params, market, j):
    """Place of models.crowded that an order of level j goes to now, or NOWHERE."""
    if crowded.heat(market.sigma, market.sigma_slow) >= params.gate_heat:
        return crowded.HOT
    return crowded.DEEP if gate.is_quiet and j >= crowded.DEEP_LEVELS else crowded.NOWHERE


@inline
def _close(gate, s, now_ns, params, may_try):
    gate.is_closed[s] = 1
    gate.since_ns[s] = now_ns
    gate.n_episodes[s] += 1
    gate.is_tried[s] = 0
    draw = hash_unit(np.int64(params.seed), 2 * np.int64(gate.n_episodes[s]) + s, SALT_EPISODE)
    if may_try and draw < params.gate_try_share:
        gate.is_tried[s] = 1
        gate.n_tried[s] += 1


@inline
def _open(gate, s, now_ns):
    gate.is_closed[s] = 0
    gate.is_tried[s] = 0
    gate.closed_ns[s] += now_ns - gate.since_ns[s]
    gate.since_ns[s] = now_ns


@inline
def propensity(gate, params, s):
    """Chance with which this side quotes though it is closed; 0 where it does not."""
    return np.float64(params.gate_try_share) if gate.is_tried[s] else 0.0


@inline
def wants_shadow(gate, s, px, now_ns):
    """Whether the shadow of a closed side is missing, old, or (for a second at least) not where we would quote."""
    age_ns = now_ns - gate.node_ns[s]
    return gate.node[s] < 0 or age_ns >= SHADOW_LIFE_NS or (gate.px[s] != px and age_ns >= SHADOW_LEAST_NS)


@inline
def count(gate, group, edge_bps):
    """A fill of a group with what it earned after its fee at 10 s, bps."""
    tally = gate.tally[group]
    tally.n[TOXIC if edge_bps < 0.0 else BENIGN] += 1
    tally.total += edge_bps
    tally.squares += edge_bps * edge_bps
