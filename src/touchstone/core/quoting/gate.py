"""The gate: a side is withdrawn where the posterior says that its fills lose out to the deepest level.

For each level of a side the mean edge of a fill has a posterior: half-spread then, minus fee, minus the mean markout
loss at 10 s (models/adverse.py, with the side's toxicity), Student-t with the uncertainty of that mean. The side closes
when P(mean edge < 0) of its best level is above 0.9, after at least 30 fills of our own, and opens again under 0.6.
Each side is judged by itself. A point estimate never gates: near 0 it is negative half of the time, and a gate that
follows it flickers and burns requests.

From closing to opening, a minute at most, is an *episode*. Suppressed quotes live on as shadows, one a side, where the
first level would be: what the tape fills of them is what the gate has avoided, toxic fills and benign ones. In a small
share of episodes, drawn by hash when they begin, the side quotes anyway with the smallest size (the chance is logged
with the quote; only in the normal risk state): their fills check the shadows'. A side that reduces a position is never
withdrawn (place.py): it is priced to break even, fair value + adverse selection + fee.
"""

import math

import numpy as np

from touchstone.core import quick
from touchstone.core.conventions import NS, depth_bucket
from touchstone.core.jit import compiled, inline, record
from touchstone.core.models import adverse, capture
from touchstone.core.numerics import hash_unit
from touchstone.core.quoting.ladder import MARKOUT_10S
from touchstone.core.quoting.params import TERM_LAG

CLOSE_AT, OPEN_AT = 0.9, 0.6
FEWEST_FILLS = 30
EPISODE_NS = np.int64(60 * NS)
SALT_EPISODE = np.int64(7)
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
        ("p_loss", "f8", (2,)),  # P(mean edge < 0) at the best level
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
def judge(gate, ladder, models, params, market, may_try):
    """Look at both sides. may_try: 1 in the normal risk state, in which a new episode may quote anyway."""
    now_ns = np.int64(market.t_ns)
    for s in range(2):
        if not ladder.is_priced[s]:
            continue
        best, at = -math.inf, np.int64(0)
        for j in range(params.levels):
            if ladder.full_edge_bps[s, j] > best:
                best = ladder.full_edge_bps[s, j]
                at = np.int64(j)
        depth_bps = ladder.depth_bps[s, at] - ladder.term_bps[s, TERM_LAG]
        p_loss = _p_loss(models, market, s, best, depth_bps)
        gate.p_loss[s] = p_loss
        gate.break_even_bps[s] = ladder.half_spread_bps[s] + max(-best, 0.0)
        if gate.is_closed[s]:
            if p_loss < OPEN_AT:
                _open(gate, s, now_ns)
            elif now_ns - gate.since_ns[s] >= EPISODE_NS:
                _open(gate, s, now_ns)
                _close(gate, s, now_ns, params, may_try)
            elif gate.is_tried[s] and not may_try:
                gate.is_tried[s] = 0
        elif p_loss > CLOSE_AT and models.adverse.n_own[MARKOUT_10S] >= FEWEST_FILLS:
            _close(gate, s, now_ns, params, may_try)


@inline
def _p_loss(models, market, s, edge_bps, depth_bps):
    """P(mean edge < 0) where its expectation is edge_bps."""
    bucket = depth_bucket(depth_bps)
    _, sd = capture.predict(models.capture, bucket, depth_bps)
    spread = sd / math.sqrt(capture.VARIANCE_FILLS + models.capture.n)
    toxicity = np.float64(market.toxicity_x[s])
    scale, dof = adverse.mean_scale(models.adverse, MARKOUT_10S, bucket, s, market.sigma, toxicity)
    below, _ = quick.student_t(-edge_bps / math.sqrt(scale * scale + spread * spread), dof)
    return below


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
