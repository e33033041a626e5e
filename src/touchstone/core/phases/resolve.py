"""Phase 6: due predictions get their outcomes; scores, evidence and influence follow; the calibration line."""

import math

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core import records, targets
from touchstone.core.calibration import belief as belief_predictions
from touchstone.core.calibration import caution, evidence, influence, ledger, outcomes, scorecard, shadow
from touchstone.core.calibration import lag as lag_predictions
from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline
from touchstone.core.market import book, leadlag
from touchstone.core.models import belief, edge
from touchstone.core.numerics import LOG_10, hash_unit
from touchstone.core.params import RULE_TICKS
from touchstone.core.phases.climate import cell_bps
from touchstone.core.phases.decide import form
from touchstone.core.phases.observe import can_see
from touchstone.core.phases.reference import follow_reference
from touchstone.core.quoting import ladder as quoting
from touchstone.core.quoting.params import MODEL_TERMS, N_MODEL_TERMS
from touchstone.core.trading import orders, reconcile, risk

SALT_TIME, SALT_LEVEL, SALT_SIDE, SALT_MODEL = np.int64(1), np.int64(2), np.int64(3), np.int64(4)
LOG_ALPHA = np.float64(math.log(0.05))  # share of false discoveries among the models of a session
ZERO, ONE = np.int64(0), np.int64(1)
NO_BETS, BETS = np.int64(0), np.int64(1)


@compiled
def resolve(state, out):
    """Everything that is due by now, on the receive clock for fills, on the exchange's clock for markouts."""
    now_ns = np.int64(state.now_ns)
    the_ledger, models = state.ledger, state.models
    # A quiet feed does not stop the exchange's clock: it is at least at our own, less the grace for late news.
    exch_now_ns = max(np.int64(state.path.last_event_ns), now_ns - np.int64(state.params.markout_grace_ns))
    shadow.activate_due(the_ledger.tracker, state.book, exch_now_ns)
    if state.params.has_models:
        outcomes.resolve_fills(the_ledger, models, state.params, state.book, out, now_ns)
    outcomes.resolve_markouts(
        the_ledger, models, state.gate, state.params, state.path, state.profit, state.marks, out, exch_now_ns
    )
    if not state.params.has_models:
        return
    sees = ONE if can_see(state) else ZERO
    outcomes.resolve_fair(the_ledger, models, out, np.int64(state.book.mid2), sees, now_ns)
    lag_predictions.resolve(the_ledger, models, out, np.int64(state.book.mid2), sees, now_ns)
    belief_predictions.resolve(the_ledger, models, out, np.int64(state.book.mid2), sees, now_ns)
    for target in range(targets.N_TARGETS):  # the alarm acts at once, the rest with the report
        if models.influence[target] > 0.0 and models.cards[target].degraded:  # in this order: cards are far apart
            models.influence[target] = 0.0
    if the_ledger.n_renewals > 0:
        _renew(state, out)


@compiled
def _renew(state, out):
    """Orders that outlived their predictions get new ones, and keep their place in the queue."""
    market = state.market_params
    market.t_ns = state.now_ns
    the_ledger = state.ledger
    for r in range(the_ledger.n_renewals):
        i = orders.find(state.orders, np.int64(the_ledger.renewals[r]))
        if i < 0 or not orders.is_live(state.orders.slot[i]):
            continue
        order = state.orders.slot[i]
        s, px = np.int64(order.s), np.int64(order.px)
        old = np.int64(order.node)
        depth = book.depth_from(np.int64(market.mid2), s, px)
        ahead = max(np.float64(the_ledger.tracker.node[old].queue_ahead), 0.0)
        new = ledger.freeze(
            the_ledger,
            state.models,
            state.params,
            market,
            out,
            records.KIND_RENEW,
            np.int64(order.cloid),
            np.int64(order.quote_id),
            s,
            px,
            np.int64(the_ledger.tracker.node[old].index),
            np.int64(order.left),
            depth,
            ahead,
            NO_BETS,
        )
        if new < 0:
            continue  # counted by the ledger; the order's later fill has no forecast
        shadow.carry_over(the_ledger.tracker, state.book, new, old)
        the_ledger.tracker.node[new].forecast.gate_group = the_ledger.tracker.node[old].forecast.gate_group
        the_ledger.tracker.node[new].forecast.crowd = the_ledger.tracker.node[old].forecast.crowd
        order.node = new
        reconcile.stamp(order, the_ledger.tracker.node[new], np.int64(state.now_ns))
    the_ledger.n_renewals = 0


@compiled
def predict_on_clock(state, out):
    """Predictions that do not depend on whether we trade: fair value each second, the evaluation sample."""
    now_ns = np.int64(state.now_ns)
    if can_see(state) and now_ns >= state.ledger.next_fair_ns:
        state.ledger.next_fair_ns = (now_ns // NS + 1) * NS
        if state.params.follows_fair:
            ledger.freeze_fair(state.ledger, state.models, state.market_params, out)
        if leadlag.is_known(state.market_params):
            lag_predictions.freeze(state.ledger, state.models, state.market_params, out)
        if state.params.has_regime and belief.is_known(state.models.belief):
            belief_predictions.freeze(state.ledger, state.models, state.market_params, out, cell_bps(state))
    follow_reference(state, out, can_see(state))
    length_ns = np.int64(state.params.evaluation_window_ns)
    window = now_ns // length_ns
    seed = np.int64(state.params.seed)
    if window != state.sample_window:
        state.n_samples_missed += 1 if state.sample_due_ns > 0 else 0
        state.sample_window = window
        state.sample_due_ns = window * length_ns + np.int64(hash_unit(seed, window, SALT_TIME) * np.float64(length_ns))
    if state.sample_due_ns > 0 and now_ns >= state.sample_due_ns and form(state):
        state.sample_due_ns = 0
        _sample(state, out, seed, window)


@compiled
def _sample(state, out, seed, window):
    """Orders that are never sent, per side, at a level drawn by hash; the e-processes bet on one of the two sides.

    One where we quote, one at the model-free price, one without the careful part of one model, drawn by hash.
    """
    ladder = state.ladder
    bet_side = ZERO if hash_unit(seed, window, SALT_SIDE) < 0.5 else ONE
    for s in range(2):
        draw = hash_unit(seed, 2 * window + s, SALT_LEVEL)
        j = min(np.int64(draw * np.float64(state.params.levels)), np.int64(state.params.levels - 1))
        if ladder.px[s, j] <= 0:
            continue  # no half-spread at this inventory
        bets = BETS if s == bet_side else NO_BETS
        index, side = np.int64(ladder.index[s, j]), np.int64(s)
        depth, ahead = ladder.depth_bps[s, j], ladder.queue_ahead[s, j]
        i = _follow(state, out, records.KIND_SAMPLE, side, index, depth, ahead, bets)
        if i < 0:
            continue
        state.n_samples += 1
        if state.params.rule != RULE_TICKS:
            _compare_with_caution(state, out, i, seed, window, side, j, index, bets)


@compiled
def _follow(state, out, kind, s, index, depth_bps, queue_ahead, bets):
    """An order of one lot that is never sent, followed from the decision on; its node, -1 without room."""
    i = ledger.freeze(
        state.ledger,
        state.models,
        state.params,
        state.market_params,
        out,
        kind,
        ZERO,
        np.int64(state.quote_id),
        s,
        price_grid.price_of(state.grid, index),
        index,
        np.int64(state.order_qty),
        depth_bps,
        queue_ahead,
        bets,
    )
    if i >= 0:
        shadow.wait(state.ledger.tracker, i, np.int64(state.ledger.tracker.node[i].active_ns))
    return i


@compiled
def _compare_with_caution(state, out, i, seed, window, s, j, index, bets):
    """Beside the order as quoted (node i, level j): the model-free one, and one without a single careful part."""
    judged, ladder = state.models.caution, state.ladder
    place = caution.begin(judged, np.int64(state.now_ns), bets)
    deeper = np.float64(j) * state.params.level_spacing_bps
    free_bps = ladder.model_free_bps[s] + deeper
    _rest_without(state, out, i, place, records.KIND_MODEL_FREE, caution.MODEL_FREE, caution.ALL, s, index, free_bps)
    draw = hash_unit(seed, 2 * window + s, SALT_MODEL)
    term = MODEL_TERMS[min(np.int64(draw * np.float64(N_MODEL_TERMS)), np.int64(N_MODEL_TERMS - 1))]
    one_less_bps = ladder.half_spread_bps[s] - max(ladder.term_bps[s, term], 0.0) + deeper
    _rest_without(state, out, i, place, records.KIND_WITHOUT, caution.WITHOUT_ONE, term, s, index, one_less_bps)


@compiled
def _rest_without(state, out, i, place, kind, role, term, s, index, depth_bps):
    """The order that would rest at this depth, unless that is the price that we quote (index) anyway."""
    judged, market = state.models.caution, state.market_params
    opposite = price_grid.index_of(state.grid, np.int64(market.best_px[1 - s]))
    at_depth = quoting.index_at_depth(state.grid, s, 0.5 * np.float64(market.mid2), depth_bps)
    there = quoting.off_touch(s, at_depth, opposite)
    if there == index:
        caution.same_price(judged, place, term)
        return
    depth = book.depth_bps(state.book, s, price_grid.price_of(state.grid, there))
    n = _follow(state, out, kind, s, there, depth, quoting.queue_at(state.book, s, there), NO_BETS)
    if n < 0:
        return
    tracker = state.ledger.tracker
    tracker.node[n].forecast.pair = place
    tracker.node[n].forecast.pair_role = role
    tracker.node[i].forecast.pair = place
    tracker.node[i].forecast.pair_role = caution.AS_QUOTED
    caution.rests(judged, place, role, term)
    caution.rests(judged, place, caution.AS_QUOTED, term)


@compiled
def report(state, out):
    """Every five minutes: each scorecard, influence and alarms from it, and the conservation of predictions."""
    now_ns = np.int64(state.now_ns)
    if state.next_calibration_ns == 0:
        state.next_calibration_ns = now_ns + state.params.calibration_ns
    if now_ns < state.next_calibration_ns:
        return
    state.next_calibration_ns += state.params.calibration_ns
    write_calibration(state, out)


@compiled
def write_calibration(state, out):
    """The calibration record as of now (also asked for by the shell at the end of a session)."""
    now_ns = np.int64(state.now_ns)
    if out.n_calibrations >= records.N_CALIBRATIONS:
        out.overflow = 1
        return
    row = out.calibrations[out.n_calibrations]
    out.n_calibrations += 1
    row.t_ns = now_ns
    row.n_fills = state.profit.n_fills
    row.quoting = 1 if state.orders.open_qty[0] + state.orders.open_qty[1] > 0 else 0
    row.risk_state = state.risk.state
    row.risk_reason = state.risk.reason
    for s in range(2):
        row.no_quote_reason[s] = state.ladder.no_quote[s]
        row.no_quote_since_ns[s] = state.ladder.no_quote_since_ns[s]
    for target in range(targets.N_TARGETS):
        row.made[target] = state.ledger.made[target]
        row.resolved[target] = ledger.n_resolved(state.ledger, target)
        row.voided[target] = ledger.n_voided(state.ledger, target)
        scorecard.summary(state.models.cards[target], row.summary[target])
    withstand(row)
    for target in range(targets.N_TARGETS):
        _earn(state, out, np.int64(target), np.int64(row.summary[target].verdict))
        row.influence[target] = state.models.influence[target]
    edge.rethink(state.models.edge)
    if not ledger.is_conserved(state.ledger):
        records.alert(out, now_ns, records.ALERT_CONSERVATION, np.float64(state.ledger.n_evicted), ZERO)
        risk.kill(state.risk, now_ns, risk.INTERNAL_ERROR)


@compiled
def withstand(row):
    """Of many models some look good by chance: a verdict for or against one stands only as a discovery among all."""
    for harm in range(2):
        for target in range(targets.N_TARGETS):
            summary = row.summary[target]
            row.log_values[target] = (summary.e_harm if harm else summary.e_skill) * LOG_10
        evidence.e_bh(row.log_values, np.int64(targets.N_TARGETS), LOG_ALPHA, row.is_found)
        decided = scorecard.HARMFUL if harm else scorecard.ADDS_VALUE
        for target in range(targets.N_TARGETS):
            if row.summary[target].verdict == decided and not row.is_found[target]:
                row.summary[target].verdict = scorecard.NOT_PROVEN


@inline
def _earn(state, out, target, verdict):
    """Influence follows the evidence, step by step; a model that can be mended is."""
    models, now_ns = state.models, np.int64(state.now_ns)
    card = models.cards[target]
    degraded = np.int64(card.degraded)
    if degraded and not state.was_degraded[target]:
        records.alert(out, now_ns, records.ALERT_DEGRADED, np.float64(target), ZERO)
    state.was_degraded[target] = degraded
    if verdict == scorecard.FIXABLE and not card.is_recalibrated:
        scorecard.take_over(card, now_ns)
        records.alert(out, now_ns, records.ALERT_RECALIBRATED, np.float64(target), ZERO)
    share = influence.follow(card.leash, np.float64(models.influence[target]), degraded, now_ns)
    models.influence[target] = share
    if degraded and not card.leash.on_probation:
        scorecard.rearm(card)
