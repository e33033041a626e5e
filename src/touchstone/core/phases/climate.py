"""What kind of market it is: regime, change point and belief once a second; funding; the classifier's signals."""

import math

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core.calibration import scorecard
from touchstone.core.conventions import BPS, NS, depth_bucket
from touchstone.core.jit import compiled, inline
from touchstone.core.market import changepoint, flow, funding, placebo, regime, volatility
from touchstone.core.models import belief, toxicity
from touchstone.core.targets import TOXIC_TARGET
from touchstone.core.trading import reconcile

SIGMA_LEAST = 0.05  # bps per sqrt second: unit of the change point's observations on a dead book
EXPOSED_S = 1.0  # a quote stands for about this long against what we have not heard of yet


@inline
def is_new_second(state):
    """Whether this timer is the first of a second of the clock; tells it once."""
    if state.now_ns < state.next_second_ns:
        return False
    state.next_second_ns = (state.now_ns // NS + 1) * NS
    return True


@compiled
def observe_second(state, sees):
    """Once a second: its return to the change point and the regime, then the belief. Needs a warm volatility."""
    placebo.on_second(state.placebo, np.int64(state.params.seed), np.int64(state.now_ns))
    mid2 = np.int64(state.book.mid2) if sees else np.int64(0)
    before = np.int64(state.second_mid2)
    state.second_mid2 = mid2
    if not state.params.has_regime or not volatility.is_warm(state.volatility):
        return
    moved_bps = math.nan
    if mid2 > 0 and before > 0:
        moved_bps = math.log(np.float64(mid2) / np.float64(before)) * BPS
    moved_bps = placebo.shown(state.placebo, placebo.MOVED, moved_bps)
    volume = placebo.shown(state.placebo, placebo.VOLUME, flow.relative_volume(state.flow))
    if moved_bps == moved_bps:
        slow = max(volatility.sigma_slow(state.volatility), SIGMA_LEAST)
        changepoint.update(state.changepoint, moved_bps / slow)
    sigma = np.float64(volatility.sigma(state.volatility))
    regime.on_second(state.regime, moved_bps, volume, sigma)
    if sees:
        slow = max(volatility.sigma_slow(state.volatility), SIGMA_LEAST)
        belief.update(state.models.belief, state.regime, state.changepoint, sigma, slow)


@inline
def cell_bps(state):
    """Half a tick at the touch, bps: the grid that the mid lives on."""
    tick = price_grid.tick_at(state.grid, np.int64(state.book.best_px[1]))
    return np.float64(tick) / np.float64(state.book.mid2) * BPS


@inline
def observe_climate(state, market):
    """Regime, change point, belief, funding and oracle into MarketParams, then the signals of the classifier."""
    market.regime = regime.most_likely(state.regime)
    for k in range(regime.N_REGIMES):
        market.regime_p[k] = state.regime.p[k]
    market.p_change = state.changepoint.p_change
    market.belief_sd_bps = belief.sd_of_a_second(state.models.belief) if state.params.has_regime else 0.0
    market.regime_term_bps = max(market.belief_sd_bps - market.sigma, 0.0) * math.sqrt(EXPOSED_S)
    market.ofi = placebo.shown(state.placebo, placebo.OFI, flow.touch_flow(state.flow, flow.FAST))
    _observe_signals(state, market)


@compiled
def observe_funding(state, market):
    """Carry and oracle, which need no estimator."""
    told, now_ns = state.funding, np.int64(state.now_ns)
    still_ns, pause_ns = np.int64(state.params.oracle_still_ns), np.int64(state.params.oracle_pause_ns)
    market.funding_per_hour = told.rate_per_hour
    market.funding_carry_bps = 0.0
    if state.params.has_funding:
        market.funding_carry_bps = funding.carry_bps(told, np.float64(state.params.funding_horizon_h))
    mid2 = np.int64(market.mid2)
    oracle_gap, mark_gap = funding.gap_bps(told, mid2), funding.mark_gap_bps(told, mid2)
    market.oracle_gap_bps = placebo.shown(state.placebo, placebo.ORACLE_GAP, oracle_gap)
    market.mark_gap_bps = placebo.shown(state.placebo, placebo.MARK_GAP, mark_gap)
    market.oracle = funding.oracle_state(told, now_ns, still_ns, pause_ns)
    market.oracle_still_s = funding.still_s(told, now_ns)
    market.oracle_term_bps = funding.unseen_bps(told, now_ns, still_ns, np.float64(market.sigma_slow))


@inline
def _observe_signals(state, market):
    raw = state.models.toxicity.raw
    raw[toxicity.IMBALANCE] = market.imbalance
    raw[toxicity.OFI] = market.ofi
    raw[toxicity.FLOW] = market.flow_z
    raw[toxicity.ORACLE_GAP] = market.oracle_gap_bps
    raw[toxicity.FUNDING] = market.funding_per_hour if state.funding.n_contexts > 0 else math.nan
    raw[toxicity.LEADER] = market.lag_move_bps if market.lag_gap_bps == market.lag_gap_bps else math.nan
    raw[toxicity.REGIME] = market.regime_p[regime.VOLATILE] + market.regime_p[regime.CASCADE]
    raw[toxicity.CHANGE] = market.p_change
    toxicity.standardise(state.models.toxicity, market.signal)


@compiled
def observe_threat(state):
    """P(toxic) given the signals, per side, for the adverse-selection term: at the rate of the usual half-spread."""
    market, models = state.market_params, state.models
    bucket = depth_bucket(reconcile.usual_half_spread(state))
    market.toxicity_base = scorecard.baseline(models.cards[TOXIC_TARGET], bucket)
    if state.params.has_toxicity:
        toxicity.per_side(models.toxicity, market.signal, np.float64(market.toxicity_base), market.toxicity_p)
    else:
        market.toxicity_p[0] = market.toxicity_base
        market.toxicity_p[1] = market.toxicity_base
