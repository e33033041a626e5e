"""Phases 2 and 3: whether this event calls for a look at our quotes, and the ladder that we would like to have."""

import numpy as np

from touchstone.core.conventions import BPS
from touchstone.core.jit import compiled, inline
from touchstone.core.params import RULE_GLFT, RULE_TICKS
from touchstone.core.phases.observe import can_see, observe_costs, observe_params
from touchstone.core.phases.triggers import (
    NO_TRIGGER,
    TRIGGER_CLOCK,
    TRIGGER_FILL,
    TRIGGER_LEADER,
    TRIGGER_OPERATOR,
    TRIGGER_RISK,
    TRIGGER_TOUCH,
)
from touchstone.core.quoting import glft, ladder
from touchstone.core.trading import risk

AGAINST_SHARE = 0.25  # a mid that moved by this share of the half-spread asks for a decision at once
RESOLVE_CHANGE = 0.02  # relative change of an input that solves the GLFT tables again
RESOLVE_IMPACT_BPS = 0.05
NO_DRIFT, NO_IMPACT = np.float64(0.0), np.float64(0.0)
ONE = np.int64(1)


@inline
def decide(state, trigger):
    """The trigger of a decision, or NO_TRIGGER. A new risk state always is one, a fill or a move of the leader too.

    On the clock only: a risk state that got better waits for it, and so does everything but the operator.
    """
    if state.risk.n_changes != state.decided_risk:
        if not state.params.decides_on_clock or state.risk.state != risk.NORMAL:
            return TRIGGER_RISK
        state.is_dirty = 1
    if state.params.decides_on_clock and trigger != TRIGGER_CLOCK and trigger != TRIGGER_OPERATOR:
        return NO_TRIGGER
    if trigger == NO_TRIGGER or trigger == TRIGGER_FILL or trigger == TRIGGER_OPERATOR or trigger == TRIGGER_LEADER:
        return trigger
    if trigger == TRIGGER_TOUCH:
        return trigger if _moved_against(state) else NO_TRIGGER
    if state.now_ns - state.decided_ns < state.params.requote_ns:
        return NO_TRIGGER
    if trigger == TRIGGER_CLOCK and not state.is_dirty and state.risk.state == risk.NORMAL:
        return NO_TRIGGER
    return trigger


@inline
def _moved_against(state):
    """The mid has moved by a good part of the half-spread since the last decision: a resting quote is wrong."""
    if state.orders.n_live == 0 or state.decided_mid2 <= 0 or state.book.mid2 <= 0:
        return False
    moved_bps = abs(np.float64(state.book.mid2 - state.decided_mid2)) / np.float64(state.decided_mid2) * BPS
    half = min(np.float64(state.ladder.half_spread_bps[0]), np.float64(state.ladder.half_spread_bps[1]))
    return moved_bps > AGAINST_SHARE * half


@compiled
def form(state):
    """The ladder that we would like, whatever risk allows: what may not be sent lives on in the evaluation sample.

    Returns whether there is one (False: no book to go by, or estimators that know only their priors).
    """
    if not can_see(state):
        return False
    observe_params(state)
    market = state.market_params
    if not market.is_warm:
        return False
    if state.params.has_models:
        observe_costs(state)
    wanted = state.ladder
    if state.params.rule == RULE_TICKS:
        ladder.form_terms_in_ticks(wanted, state.params, market, state.grid)
        ladder.place_levels_in_ticks(wanted, state.params, market, state.book, state.grid)
        return True
    _solve_tables(state)
    ladder.form_terms(wanted, state.params, market, state.free, state.impacted, state.models)
    ladder.place_levels(wanted, state.params, market, state.book, state.grid)
    ladder.value_levels(wanted, state.models, state.params, market)
    return True


@inline
def _changed(new, old):
    return abs(new - old) > RESOLVE_CHANGE * abs(old)


@compiled
def _solve_tables(state):
    """Solve the two GLFT tables again when an input has moved by more than 2 %."""
    if state.params.rule != RULE_GLFT:
        return
    market = state.market_params
    mean = 0.5 * (market.adverse_bps[0] + market.adverse_bps[1])
    impact = min(max(mean, 0.0), np.float64(state.params.max_half_spread_bps))  # beyond it the tables have no solution
    q_max = min(max(np.int64(state.max_position_qty // state.order_qty), ONE), np.int64(glft.MAX_Q))
    free = state.free
    market.gamma = free.gamma
    if (
        free.is_solved
        and state.impacted.is_solved
        and free.q_max == q_max
        and not _changed(market.a, free.a)
        and not _changed(market.k, free.k)
        and not _changed(market.sigma, free.sigma)
        and abs(impact - state.impacted.impact) <= RESOLVE_IMPACT_BPS
    ):
        return
    skew = np.float64(state.params.skew_bps_at_limit)
    if skew > 0.0:
        glft.solve_for_skew(free, market.a, market.k, market.sigma, q_max, NO_IMPACT, NO_DRIFT, skew)
    else:
        glft.solve(free, market.a, market.k, market.sigma, NO_DRIFT, q_max, NO_IMPACT, NO_DRIFT)
    market.gamma = free.gamma
    glft.solve(state.impacted, market.a, market.k, market.sigma, np.float64(free.gamma), q_max, impact, NO_DRIFT)
