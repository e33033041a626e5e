"""Regime, change point, belief, toxicity, funding and oracle in the whole core: predictions, terms, switches."""

import math

import numpy as np
import pytest

from touchstone.config import Config, Models
from touchstone.core import events, records, targets
from touchstone.core.calibration import ledger
from touchstone.core.market import funding, regime
from touchstone.core.models import belief, toxicity
from touchstone.core.quoting.ladder import NO_OFF_HOURS
from touchstone.core.quoting.params import TERM_ADVERSE, TERM_BASE, TERM_FAIR, TERM_FUNDING, TERM_ORACLE, TERM_REGIME

from .conftest import TICK, Desk

BELIEF, TOXIC, SIGNALS = int(targets.BELIEF_TARGET), int(targets.TOXIC_TARGET), int(targets.SIGNALS_TARGET)


@pytest.fixture
def desk() -> Desk:
    """A desk that quotes both sides, with the toxicity classifier, which is off by default."""
    made = Desk(Config(models=Models(toxicity=True)))
    made.warm_up()
    return made


def context(desk: Desk, oracle: int, rate: int = 12_500_000) -> None:
    desk.feed(events.CONTEXT, px=oracle, qty=oracle, aux=rate)


def walk(desk: Desk, seconds: int, step: int, seed: int = 1) -> None:
    """Each second the mid goes up or down by `step` ticks, with a trade."""
    rng = np.random.default_rng(seed)
    mid = 400_200
    for _ in range(seconds):
        side = 1 if rng.random() < 0.5 else -1
        mid += side * step * TICK
        desk.trade(side, mid + side * int(rng.integers(3, 7)) * TICK)
        desk.touch(mid - 2 * TICK, mid + 2 * TICK)
        for _ in range(10):
            desk.tick()


def test_a_belief_each_second_resolved_ten_later(desk: Desk) -> None:
    walk(desk, 60, 1)
    desk.rows.clear()
    walk(desk, 30, 1)
    made = [p for p in desk.rows["predictions"] if p["kind"] == records.KIND_BELIEF]
    assert 29 <= len(made) <= 31
    for p in made:
        assert p["belief_weight"].sum() == pytest.approx(1.0)
        assert (p["belief_scale_bps"] > 0).all()
    due = {int(p["prediction_id"]): int(p["made_ns"]) for p in made}
    found = [o for o in desk.rows["outcomes"] if o["target"] == BELIEF and int(o["prediction_id"]) in due]
    assert len(found) >= 18
    for outcome in found:
        late_s = (int(outcome["resolved_ns"]) - due[int(outcome["prediction_id"])]) / 1e9
        assert 10.0 <= late_s <= 10.1
        assert outcome["loss"] > 0
    assert ledger.is_conserved(desk.state.ledger)


def test_a_wilder_market_is_another_regime_and_widens(desk: Desk) -> None:
    walk(desk, 120, 1)
    calm = desk.state.market_params.copy()
    assert calm["regime"] <= regime.NORMAL
    walk(desk, 40, 4, seed=2)
    wild = desk.state.market_params
    assert wild.regime > calm["regime"]
    assert wild.regime_p.sum() == pytest.approx(1.0)
    assert wild.belief_sd_bps > calm["belief_sd_bps"]
    row = desk.rows["quotes"][-1]
    assert row["market"]["regime"] > calm["regime"]
    for s in range(2):
        term = row["term_bps"][s]
        careful = sum(max(term[i], 0.0) for i in (TERM_REGIME, TERM_ADVERSE, TERM_FAIR))
        assert 0.0 <= term[TERM_REGIME] <= row["market"]["regime_term_bps"] + 1e-12
        assert careful <= term[TERM_BASE] + 1e-9
    newest = max((o for o in desk.state.orders.slot if o["cloid"] > 0), key=lambda o: o["cloid"])["at_decision"]
    assert newest["regime"] > calm["regime"]
    assert math.isfinite(newest["p_change"])


def test_change_point_rises_within_seconds(desk: Desk) -> None:
    walk(desk, 120, 1)
    before = float(desk.state.market_params.p_change)
    walk(desk, 8, 15, seed=3)
    assert desk.state.market_params.p_change > max(0.5, before)


def test_orders_carry_both_probabilities_and_the_outcome_teaches_once(desk: Desk) -> None:
    cloid = max(desk.resting)
    side = desk.resting[cloid][0]
    order = desk.state.orders.slot[cloid % 1024]
    node = desk.state.ledger.tracker.node[order.node]
    assert node.forecast.has_signals
    assert 0 < node.forecast.p_toxic < 1
    assert 0 < node.forecast.p_toxic_without < 1
    assert node.forecast.toxic_x[0] == 1.0
    made = next(p for p in desk.rows["predictions"] if p["cloid"] == cloid)
    assert made["p_toxic"] == node.forecast.p_toxic
    assert made["p_toxic_without"] == node.forecast.p_toxic_without
    before = int(desk.state.models.toxicity.n_outcomes)
    desk.fill(cloid, 10)
    desk.fill(cloid, 10)  # the rest of an order is no second outcome
    desk.wait(15)
    outcomes = [o for o in desk.rows["outcomes"] if o["prediction_id"] == made["prediction_id"] + 1]
    toxic = [o for o in outcomes if o["target"] == TOXIC]
    signals = [o for o in outcomes if o["target"] == SIGNALS]
    assert len(toxic) == len(signals) == 1
    assert toxic[0]["outcome"] == signals[0]["outcome"]
    assert signals[0]["baseline"] == made["p_toxic_without"]
    tape = [o for o in desk.rows["outcomes"] if o["target"] == SIGNALS and o["decided"] == targets.DECIDED_TAPE]
    assert desk.state.models.toxicity.n_outcomes == len(tape) > before
    assert side in (1, -1)
    assert ledger.is_conserved(desk.state.ledger)


def test_threat_is_per_side_and_starts_at_the_base_rate(desk: Desk) -> None:
    market = desk.state.market_params
    assert 0 < market.toxicity_base < 1
    desk.state.models.toxicity.location[2 + toxicity.FLOW] = 1.0
    for _ in range(30):  # buyers
        desk.trade(1, 400_400, 400)
    desk.wait(1)
    assert market.flow_z > 1
    assert market.signal[toxicity.FLOW] > 0
    assert market.toxicity_p[1] > market.toxicity_p[0], "who sells to buyers is in danger"


def test_funding_moves_both_sides_of_the_reservation_price(desk: Desk) -> None:
    context(desk, 400_200, rate=100_000_000)  # 0.01 % an hour: 1 bps
    desk.touch(400_100, 400_500)
    desk.wait(1)
    assert desk.state.ladder.term_bps[:, TERM_FUNDING] == pytest.approx([1.0, -1.0]), "longs pay: buy lower, sell lower"
    context(desk, 400_200, rate=10_000_000_000)
    desk.touch(400_000, 400_400)
    desk.wait(1)
    cap = float(desk.state.params.careful_cap_bps)
    assert desk.state.ladder.term_bps[:, TERM_FUNDING] == pytest.approx([cap, -cap])


def test_an_oracle_that_stands_still_widens_then_pauses_all_but_the_way_out(desk: Desk) -> None:
    desk.state.params.oracle_still_ns = 20 * 10**9
    desk.state.params.oracle_pause_ns = 60 * 10**9
    context(desk, 400_200)
    desk.wait(15)
    assert desk.state.market_params.oracle == funding.LIVE
    assert desk.state.ladder.term_bps[:, TERM_ORACLE] == pytest.approx([0, 0])
    desk.wait(15)
    desk.touch(400_100, 400_500)
    desk.wait(1)
    assert desk.state.market_params.oracle == funding.STILL
    assert (desk.state.ladder.term_bps[:, TERM_ORACLE] > 0).all()
    desk.wait(40)
    assert desk.state.market_params.oracle == funding.OFF_HOURS
    desk.touch(400_000, 400_400)
    desk.wait(1)
    assert desk.sides() == []
    assert list(desk.state.ladder.no_quote) == [NO_OFF_HOURS, NO_OFF_HOURS]
    context(desk, 400_300)
    desk.touch(400_100, 400_500)
    desk.wait(1)
    assert desk.sides() == [-1, 1]
    cloid = next(c for c, o in desk.resting.items() if o[0] == 1)
    desk.fill(cloid)
    desk.wait(70)
    desk.touch(400_000, 400_400)
    desk.wait(1)
    assert desk.sides() == [-1], "the position may still be reduced"


def test_the_main_dex_has_no_off_hours() -> None:
    desk = Desk(Config.model_validate({"market": {"coin": "HYPE"}}))
    desk.warm_up()
    context(desk, 400_200)
    desk.wait(70)
    assert desk.state.market_params.oracle == funding.LIVE
    assert desk.sides() == [-1, 1]


def test_switched_off_they_say_nothing() -> None:
    desk = Desk(Config(models=Models(regime=False, toxicity=False, funding=False)))
    desk.warm_up()
    context(desk, 400_200, rate=100_000_000)
    walk(desk, 30, 3)
    state = desk.state
    assert state.ledger.made[BELIEF] == state.ledger.made[SIGNALS] == 0
    assert state.ledger.made[TOXIC] > 0
    assert state.regime.n_steps == state.changepoint.n_observed == state.models.toxicity.n_outcomes == 0
    assert not state.ladder.term_bps[:, [TERM_REGIME, TERM_FUNDING]].any()
    assert state.market_params.toxicity_p[0] == state.market_params.toxicity_base
    assert not belief.is_known(state.models.belief)
    assert ledger.is_conserved(state.ledger)
