"""The reference venue in the life of a quote: its events, its part of MarketParams, its work on the clock."""

import math

import numpy as np

from touchstone.core import events, records
from touchstone.core.jit import compiled, inline
from touchstone.core.market import leadlag, placebo
from touchstone.core.models import lag
from touchstone.core.phases.triggers import NO_TRIGGER, TRIGGER_LEADER

LEADER_SHARE = 0.25  # a predicted move that changed by this share of the half-spread asks for a decision at once
ONE_SECOND = np.int64(0)  # index into FAIR_HORIZONS_NS
ZERO = np.int64(0)


@compiled
def observe_reference(state, event, kind):
    """A touch or trade of the reference venue; asks for a decision where it moves what we expect of our mid."""
    if not state.params.has_models or not state.params.has_lag:
        return NO_TRIGGER
    lead = state.leadlag
    exch_ns, recv_ns = np.int64(event.exch_ns), np.int64(state.now_ns)
    if kind == events.REFERENCE_TRADE:
        leadlag.on_trade(lead, exch_ns, recv_ns)
        return NO_TRIGGER
    is_whole = (np.int64(event.bits) & events.BIT_MORE) == 0
    if not leadlag.update(lead, exch_ns, recv_ns, np.int64(event.side), np.int64(event.px), is_whole):
        return NO_TRIGGER
    if state.orders.n_live == 0 or state.placebo.is_on:
        return NO_TRIGGER
    x = leadlag.unexplained_bps(lead, recv_ns, np.int64(state.book.mid2))
    if x != x:
        return NO_TRIGGER
    move, _ = lag.predict(state.models.lag, ONE_SECOND, x)
    half = min(np.float64(state.ladder.half_spread_bps[0]), np.float64(state.ladder.half_spread_bps[1]))
    enough = max(LEADER_SHARE * half, np.float64(state.params.keep_tolerance_bps))
    return TRIGGER_LEADER if abs(move - state.decided_lag_bps) > enough else NO_TRIGGER


@inline
def observe_lag(state, market):
    """What the leader says of our mid, into MarketParams; nothing while it is not there."""
    now_ns = np.int64(state.now_ns)
    market.reference = leadlag.reference(state.leadlag, now_ns, np.int64(state.params.reference_stale_ns))
    market.reference_age_ns = now_ns - state.leadlag.recv_ns if state.leadlag.recv_ns > 0 else -1
    market.lag_gap_bps = math.nan
    market.lag_move_bps = 0.0
    market.lag_announced_bps = 0.0
    if market.reference != leadlag.LIVE:
        return
    x = leadlag.unexplained_bps(state.leadlag, now_ns, np.int64(market.mid2))
    x = placebo.shown(state.placebo, placebo.LEADER, x)
    if x == x:
        move, _ = lag.predict(state.models.lag, ONE_SECOND, x)
        market.lag_gap_bps = x
        market.lag_announced_bps = lag.announced_bps(state.models.lag)
        market.lag_move_bps = move


@compiled
def follow_reference(state, out, sees):
    """With each timer, after what was predicted from them: basis, delays, the pair of mids, a step of the lag."""
    lead = state.leadlag
    if lead.n_events == 0:
        return
    now_ns = np.int64(state.now_ns)
    lead.our_delay_ns += leadlag.DELAY_WEIGHT * (np.float64(state.risk.lag_ns) - lead.our_delay_ns)
    is_live = leadlag.reference(lead, now_ns, np.int64(state.params.reference_stale_ns)) == leadlag.LIVE
    mid2 = np.int64(state.book.mid2) if sees and is_live else ZERO
    leadlag.learn_basis(lead, now_ns, mid2)
    if abs(state.market_params.lag_move_bps - state.decided_lag_bps) > state.params.keep_tolerance_bps:
        state.is_dirty = 1
    if mid2 > 0 and lead.mid2 > 0:
        _write_pair(out, now_ns, mid2, np.int64(lead.mid2))
    if out.n_lags >= records.N_LAGS:
        out.overflow = 1
    elif leadlag.work(lead, state.path, now_ns, out.lags[out.n_lags]):
        out.n_lags += 1


@inline
def _write_pair(out, now_ns, mid2, leader_mid2):
    if out.n_pairs >= records.N_PAIRS:
        out.overflow = 1
        return
    row = out.pairs[out.n_pairs]
    row.t_ns = now_ns
    row.mid2 = mid2
    row.leader_mid2 = leader_mid2
    out.n_pairs += 1
