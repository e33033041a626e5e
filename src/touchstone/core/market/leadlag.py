"""The reference venue's price beside ours: its touch, its path, the gap between the two, and by how much it leads.

One sign: a positive lag means that the reference leads us.

The *gap* is ln(leader's mid / our mid) in bps. Its slow average is the basis (another collateral, funding, another
index); what is left, gap - basis, is the leader's move that our mid has not followed yet.

The *lag* is that of Hoffmann, Rosenbaum and Yoshida (2013), per minute, on exchange clocks. With the contrast

    U(theta) = sum over i, j of dX_i dY_j 1{I_i and J_j - theta overlap}        (Hayashi-Yoshida 2005 at theta = 0)

over the leader's increments dX on I_i and ours dY on J_j, the lag is where |U| is largest on a grid. The dY whose
interval overlaps I_i add up to one difference of our mid, so a lag costs one pass with two pointers. One lag of the
grid is done with each timer: no event waits for a whole minute's work. Rho is U over the root of both energies, and
LLR = sum of rho^2 over positive lags / the same over negative ones.
"""

import math

import numpy as np

from touchstone.core.conventions import BPS, MS, NS
from touchstone.core.jit import compiled, inline, record
from touchstone.core.market import midpath

NEVER_HEARD, LIVE, STALE = np.int64(0), np.int64(1), np.int64(2)
REFERENCE_NAMES = ("none", "live", "stale")

LENGTH = 4096  # of the leader's path: 81 s at one change each MERGE_NS
MASK = np.int64(LENGTH - 1)
MERGE_NS = np.int64(20 * MS)  # changes within this time are one: the last counts

STEP_NS = np.int64(50 * MS)
N_SIDE = 20
N_LAGS = 2 * N_SIDE + 1  # -1 to 1 s
WINDOW_NS = np.int64(60 * NS)
SETTLE_NS = np.int64(3 * NS)  # a minute is looked at this long after it ended: the longest lag, and late news
FEWEST_LEADER, FEWEST_OURS = 30, 10  # changes in a minute below which it says nothing
MINUTE_KEEP = 0.95  # memory of the lag over minutes: 20 of them

BASIS_HALF_LIFE_S = 15.0
BASIS_WARM_S = 10.0  # a basis younger than this is not known
DELAY_WEIGHT = 0.01

LEADLAG = record(
    [
        # the leader's touch
        ("px", "i8", (2,)),  # price units of our coin
        ("mid2", "i8"),  # 0: not known
        ("recv_ns", "i8"),  # of its newest event, 0 = never
        ("is_down", "i8"),  # its feed says so
        ("n_events", "i8"),
        ("n_bad", "i8"),  # touches without a price, or crossed: dropped
        # its path on its exchange's clock
        ("at_ns", "i8", (LENGTH,)),
        ("at_mid2", "i8", (LENGTH,)),
        ("n_pushed", "i8"),
        # the gap
        ("basis_bps", "f8"),
        ("basis_since_ns", "i8"),  # 0: none
        ("basis_ns", "i8"),
        # mean delays from exchange to us, which turn the market's lag into the one that we can trade on
        ("leader_delay_ns", "f8"),
        ("our_delay_ns", "f8"),
        # the minute in work
        ("minute_end_ns", "i8"),  # 0: none yet
        ("cursor", "i8"),  # next lag of the grid, N_LAGS: done
        ("first", "i8"),  # its first and last point of the leader's path
        ("last", "i8"),
        ("first_ours", "i8"),
        ("leader_energy", "f8"),
        ("our_energy", "f8"),
        ("n_ours", "i8"),
        ("contrast", "f8", (N_LAGS,)),
        # what came of it
        ("rho", "f8", (N_LAGS,)),  # of the last minute
        ("mean_rho", "f8", (N_LAGS,)),  # decayed sum over minutes
        ("n_minutes", "f8"),  # decayed
        ("lag_ns", "i8"),  # of the last minute
        ("mean_lag_ns", "i8"),  # of the memory
        ("n_minutes_told", "i8"),
        ("n_minutes_skipped", "i8"),  # with too few changes
    ]
)

LAG_ROW = record(  # of one minute
    [
        ("t_ns", "i8"),  # its end
        ("lag_ns", "i8"),  # > 0: the reference leads
        ("rho", "f8"),  # there
        ("llr", "f8"),
        ("n_leader", "i8"),
        ("n_ours", "i8"),
        ("mean_lag_ns", "i8"),  # over the minutes in memory
        ("mean_rho", "f8"),
        ("tradable_lag_ns", "f8"),  # that lag as our clock sees it: both feeds' delays included
    ]
)

PAIR = record([("t_ns", "i8"), ("mid2", "i8"), ("leader_mid2", "i8")])  # both mids as we know them, each timer


def reset(lead):
    """Nothing heard."""
    lead.minute_end_ns = 0
    lead.cursor = N_LAGS


@inline
def update(lead, exch_ns, recv_ns, side, px, is_whole):
    """One side of the leader's touch; `is_whole`: the message ends with it. Returns whether the mid is another one."""
    _hear(lead, exch_ns, recv_ns)
    lead.px[(np.int64(1) - side) >> 1] = px
    if not is_whole:
        return False
    bid, ask = np.int64(lead.px[0]), np.int64(lead.px[1])
    if bid <= 0 or ask <= bid:
        lead.n_bad += 1
        return False
    if bid + ask == lead.mid2:
        return False
    lead.mid2 = bid + ask
    _push(lead, exch_ns)
    return True


@inline
def on_trade(lead, exch_ns, recv_ns):
    """A trade there: the feed is alive."""
    _hear(lead, exch_ns, recv_ns)


@inline
def _hear(lead, exch_ns, recv_ns):
    lead.n_events += 1
    lead.recv_ns = max(np.int64(lead.recv_ns), recv_ns)
    delay = np.float64(recv_ns - exch_ns)
    lead.leader_delay_ns += (DELAY_WEIGHT if lead.n_events > 1 else 1.0) * (delay - lead.leader_delay_ns)


@inline
def on_feed(lead, is_down):
    """The shell's word about the connection. The basis starts afresh when it is back."""
    lead.is_down = 1 if is_down else 0
    if is_down:
        lead.mid2 = 0
        lead.basis_since_ns = 0


@inline
def _push(lead, exch_ns):
    last = (lead.n_pushed - 1) & MASK
    if lead.n_pushed > 0 and exch_ns - lead.at_ns[last] < MERGE_NS:
        lead.at_mid2[last] = lead.mid2
        return
    i = lead.n_pushed & MASK
    lead.at_ns[i] = exch_ns
    lead.at_mid2[i] = lead.mid2
    lead.n_pushed += 1


@inline
def reference(lead, now_ns, stale_ns):
    """NEVER_HEARD, LIVE or STALE. What was never there is not stale."""
    if lead.is_down:
        return STALE
    if lead.recv_ns == 0:
        return NEVER_HEARD
    return STALE if now_ns - lead.recv_ns > stale_ns else LIVE


@inline
def is_known(market):
    """Whether MarketParams hold a move of the leader: there is one, it is not stale, and so is the basis."""
    return market.reference == LIVE and market.lag_gap_bps == market.lag_gap_bps


@inline
def gap_bps(lead, mid2):
    """ln(leader's mid / our mid), bps; NaN where one of them is not known."""
    if lead.mid2 <= 0 or mid2 <= 0:
        return math.nan
    return math.log(np.float64(lead.mid2) / np.float64(mid2)) * BPS


@inline
def unexplained_bps(lead, now_ns, mid2):
    """The leader's move that our mid has not followed, bps, positive = it is above us; NaN until the basis is known."""
    if lead.basis_since_ns == 0 or np.float64(now_ns - lead.basis_since_ns) < BASIS_WARM_S * NS:
        return math.nan
    return gap_bps(lead, mid2) - lead.basis_bps


@compiled
def learn_basis(lead, now_ns, mid2):
    """Take the gap of now into the basis; mid2 <= 0, or a leader that is not there, starts it afresh."""
    gap = gap_bps(lead, mid2)
    if gap != gap:
        lead.basis_since_ns = 0
        return
    if lead.basis_since_ns == 0:
        lead.basis_since_ns = now_ns
        lead.basis_bps = gap
    else:
        elapsed_s = np.float64(max(now_ns - lead.basis_ns, 0)) / NS
        lead.basis_bps += (1.0 - math.exp(-math.log(2.0) * elapsed_s / BASIS_HALF_LIFE_S)) * (gap - lead.basis_bps)
    lead.basis_ns = now_ns


@inline
def lag_at(k):
    """Lag number k of the grid, ns."""
    return (k - N_SIDE) * STEP_NS


@compiled
def work(lead, path, now_ns, row):
    """One lag of the minute in work; returns whether `row` (LAG_ROW) was filled with a finished minute.

    path: MIDPATH of our mid. Call with each timer.
    """
    if lead.cursor >= N_LAGS:
        _begin_minute(lead, path, now_ns)
        return False
    k = np.int64(lead.cursor)
    lead.contrast[k] = contrast(lead, path, np.int64(lead.first), np.int64(lead.last), lag_at(k))
    lead.cursor += 1
    if lead.cursor < N_LAGS:
        return False
    _finish_minute(lead, row)
    return True


@compiled
def _begin_minute(lead, path, now_ns):
    """Choose the points of the newest whole minute, once it has settled."""
    end_ns = (now_ns - SETTLE_NS) // WINDOW_NS * WINDOW_NS
    if lead.minute_end_ns == 0 or end_ns <= lead.minute_end_ns:
        lead.minute_end_ns = max(np.int64(lead.minute_end_ns), end_ns)  # a first one that may be partial is left out
        return
    lead.minute_end_ns = end_ns
    start_ns = end_ns - WINDOW_NS
    lead.last = lead.n_pushed - 1
    while lead.last >= 0 and lead.n_pushed - lead.last < LENGTH and lead.at_ns[lead.last & MASK] > end_ns:
        lead.last -= 1
    lead.first = lead.last
    lead.leader_energy = 0.0
    while lead.first > 0 and lead.n_pushed - lead.first < LENGTH and lead.at_ns[lead.first & MASK] > start_ns:
        move = _leader_move(lead, np.int64(lead.first))
        lead.leader_energy += move * move
        lead.first -= 1
    oldest = max(np.int64(path.n_pushed - midpath.LENGTH), np.int64(0))
    j = np.int64(path.n_pushed - 1)
    lead.our_energy = 0.0
    lead.n_ours = 0
    reach_ns = start_ns - N_SIDE * STEP_NS
    while j > oldest and path.block_ns[j & midpath.MASK] > reach_ns:
        if start_ns < path.block_ns[j & midpath.MASK] <= end_ns:
            move = _our_move(path, j - 1, j)
            lead.our_energy += move * move
            lead.n_ours += 1
        j -= 1
    lead.first_ours = j
    if lead.last - lead.first < FEWEST_LEADER or lead.n_ours < FEWEST_OURS:
        lead.n_minutes_skipped += 1
        return
    lead.cursor = 0


@inline
def _leader_move(lead, i):
    """Relative move of the leader into point i of its path."""
    return np.float64(lead.at_mid2[i & MASK]) / np.float64(lead.at_mid2[(i - 1) & MASK]) - 1.0


@inline
def _our_move(path, a, b):
    """Relative move of our mid between two points of its path; 0 where one is unknown."""
    before, after = np.float64(path.mid2[a & midpath.MASK]), np.float64(path.mid2[b & midpath.MASK])
    return after / before - 1.0 if before > 0.0 and after > 0.0 else 0.0


@compiled
def contrast(lead, path, first, last, lag_ns):
    """U(lag) over the leader's increments into its points first + 1..last; the path of our mid from `first_ours` on."""
    total = 0.0
    low = np.int64(lead.first_ours)
    high = low
    end = np.int64(path.n_pushed - 1)
    for i in range(first + 1, last + 1):
        begins_ns = lead.at_ns[(i - 1) & MASK] + lag_ns
        ends_ns = lead.at_ns[i & MASK] + lag_ns
        while low < end and path.block_ns[(low + 1) & midpath.MASK] <= begins_ns:
            low += 1
        high = max(high, low)
        while high < end and path.block_ns[high & midpath.MASK] < ends_ns:
            high += 1
        if path.block_ns[low & midpath.MASK] <= begins_ns:
            total += _leader_move(lead, i) * _our_move(path, low, high)
    return total


@compiled
def _finish_minute(lead, row):
    """Where |U| is largest in this minute, and in the minutes in memory."""
    unit = math.sqrt(lead.leader_energy * lead.our_energy)
    scale = 1.0 / unit if unit > 0.0 else 0.0
    lead.n_minutes = MINUTE_KEEP * lead.n_minutes + 1.0
    best, best_mean = np.int64(N_SIDE), np.int64(N_SIDE)
    ahead, behind = 0.0, 0.0
    for k in range(N_LAGS):
        rho = lead.contrast[k] * scale
        lead.rho[k] = rho
        lead.mean_rho[k] = MINUTE_KEEP * lead.mean_rho[k] + rho
        if abs(rho) > abs(lead.rho[best]) or k == 0:
            best = np.int64(k)
        if abs(lead.mean_rho[k]) > abs(lead.mean_rho[best_mean]) or k == 0:
            best_mean = np.int64(k)
        if k > N_SIDE:
            ahead += rho * rho
        elif k < N_SIDE:
            behind += rho * rho
    lead.lag_ns = lag_at(best)
    lead.mean_lag_ns = lag_at(best_mean)
    lead.n_minutes_told += 1
    row.t_ns = lead.minute_end_ns
    row.lag_ns = lead.lag_ns
    row.rho = lead.rho[best]
    row.llr = ahead / behind if behind > 0.0 else math.nan
    row.n_leader = lead.last - lead.first
    row.n_ours = lead.n_ours
    row.mean_lag_ns = lead.mean_lag_ns
    row.mean_rho = lead.mean_rho[best_mean] / lead.n_minutes
    row.tradable_lag_ns = np.float64(lead.mean_lag_ns) + lead.our_delay_ns - lead.leader_delay_ns
