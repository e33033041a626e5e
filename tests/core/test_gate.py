"""The gate in the whole core: what closes a side, what it leaves behind, and that the way out of a position stays."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from touchstone.core import actions, events, records
from touchstone.core.calibration import ledger
from touchstone.core.conventions import NS
from touchstone.core.models import adverse, crowded
from touchstone.core.quoting import gate
from touchstone.core.quoting import ladder as quoting
from touchstone.core.quoting.params import MODEL_TERMS, TERM_BASE, TERM_LAG
from touchstone.core.trading import risk

from .conftest import Desk

TEN = np.int64(adverse.TOXIC_H)
BID, ASK = 0, 1
HOT, DEEP = crowded.HOT, crowded.DEEP


def lose(desk: Desk, s: int, loss_bps: float, n: int = 60) -> None:
    """Fills of our own on a side that lost this much at 10 s, at every depth, all of them in a hot market."""
    for _ in range(n):
        crowded.learn(desk.state.models.crowded[HOT, s], 2.0, 1.0, -loss_bps)
        for bucket in range(8):
            model = desk.state.models.adverse
            adverse.learn(model, TEN, np.int64(bucket), np.int64(s), 2.0, 0.0, 0.0, 1.0, loss_bps)


def judge(desk: Desk) -> None:
    """The gate looks at both sides, in a risk state in which nothing is tried."""
    at: Any = desk.state
    gate.judge(at.gate, at.ladder, at.models, at.params, at.market_params, np.float64(0.1), np.int64(0))


def stir(desk: Desk, seconds: int) -> None:
    """Time passes, the touch moves each second: there is something to decide."""
    for second in range(seconds):
        desk.touch(400_000 + 100 * (second % 2), 400_400 + 100 * (second % 2))
        for _ in range(10):
            desk.tick()


def sizes(desk: Desk, side: int) -> list[int]:
    return sorted(qty for s, _, qty in desk.resting.values() if s == side)


@pytest.fixture
def desk() -> Desk:
    """A desk that quotes both sides, with the gate switched on, in a market that counts as hot."""
    made = Desk(has_gate=1, gate_heat=0.01)
    for s in range(2):
        lose(made, s, -20.0)  # so far all is well
    made.warm_up()
    return made


@pytest.fixture
def gated(desk: Desk) -> Desk:
    """Bids that always lost, asks that always won (cells are drawn together: asks without loss would lose by that)."""
    desk.state.params.gate_try_share = 0.0
    lose(desk, ASK, -20.0, n=200)
    lose(desk, BID, 20.0, n=200)
    desk.rows.clear()
    desk.sent.clear()
    stir(desk, 3)
    return desk


def test_a_side_that_loses_is_withdrawn_by_itself(gated: Desk) -> None:
    assert gated.sides() == [-1]
    assert quoting.NO_QUOTE_NAMES[int(gated.state.ladder.no_quote[BID])] == "bid_toxicity_gate"
    assert gated.state.gate.p_loss[BID] > gate.LOSES_AT
    assert gated.state.gate.p_loss[ASK] < gate.EARNS_AT
    cancels = [a for a in gated.sent if a["kind"] == actions.CANCEL and a["side"] == 1]
    assert cancels
    assert all(a["reason"] == actions.REASON_GATE for a in cancels)
    assert gated.rows["quotes"][-1]["gate_closed"].tolist() == [1, 0]


def test_what_is_suppressed_lives_on_as_a_shadow(gated: Desk) -> None:
    shadows = [p for p in gated.rows["predictions"] if p["kind"] == records.KIND_GATED]
    assert shadows
    assert all(p["side"] == 1 and p["cloid"] == 0 for p in shadows)
    gated.trade(-1, int(shadows[-1]["px"]) - 3_000)  # the tape goes through it
    stir(gated, 15)
    avoided = gated.state.gate.tally[gate.AVOIDED]
    assert avoided.n.sum() == 1
    assert gated.state.gate.tally[gate.KEPT].n.sum() == 0
    assert ledger.is_conserved(gated.state.ledger)


def test_a_side_comes_back_when_its_fills_are_good_again(gated: Desk) -> None:
    lose(gated, BID, -20.0, n=1_000)
    stir(gated, 3)
    assert gated.sides() == [-1, 1]
    assert gated.state.gate.is_closed[BID] == 0
    assert gated.state.gate.closed_ns[BID] > NS


def test_a_market_that_is_not_hot_is_not_gated(gated: Desk) -> None:
    """However much its hot fills lose: the side is withdrawn in hot times and comes back after."""
    for heat, sides in ((10.0, [-1, 1]), (0.01, [-1])):
        gated.state.params.gate_heat = heat
        stir(gated, 3)
        assert gated.sides() == sides


def test_heat_has_hysteresis(desk: Desk) -> None:
    """Closes at the given heat only, opens below 0.93 of it only, and in between stays as it was."""
    place: Any = desk.state
    place.params.gate_heat = 1.2
    lose(desk, BID, 20.0, n=300)
    place.market_params.sigma_slow = 2.0
    for heat, is_closed in ((1.19, 0), (1.2, 1), (1.15, 1), (1.12, 1), (1.11, 0), (1.19, 0), (2.0, 1)):
        place.market_params.sigma = 2.0 * heat
        judge(desk)
        assert place.gate.is_closed.tolist() == [is_closed, 0], heat


def deep_levels(desk: Desk, side: int) -> int:
    """Orders of a side behind its second level."""
    return max(len(sizes(desk, side)) - int(crowded.DEEP_LEVELS), 0)


def test_deep_levels_wait_for_trades_in_a_quiet_market(desk: Desk) -> None:
    """Only of the side whose deep fills lose, and only until somebody trades again."""
    desk.state.params.gate_heat = 10.0
    desk.state.params.gate_try_share = 0.0
    for _ in range(200):
        crowded.learn(desk.state.models.crowded[DEEP, ASK], 2.0, 1.0, 20.0)
    desk.trade(1, 400_400)
    stir(desk, 2)
    assert [deep_levels(desk, side) for side in (1, -1)] == [1, 1]
    stir(desk, 300)
    assert [deep_levels(desk, side) for side in (1, -1)] == [0, 1]
    assert len(sizes(desk, 1)) == crowded.DEEP_LEVELS
    assert desk.state.gate.n_deep > 0
    desk.trade(1, 400_400)
    stir(desk, 2)
    assert [deep_levels(desk, side) for side in (1, -1)] == [1, 1]


def test_a_gate_by_lot_closes_both_sides_in_its_share_of_the_minutes(desk: Desk) -> None:
    place: Any = desk.state
    place.params.gate_lot_share = 0.25
    closed = np.zeros(2)
    minutes = 2_000
    for minute in range(minutes):
        place.market_params.t_ns = minute * 60 * NS
        judge(desk)
        assert place.gate.is_closed[BID] == place.gate.is_closed[ASK]
        closed += place.gate.is_closed
    assert closed / minutes == pytest.approx(0.25, abs=0.04)


def test_switched_off_nothing_is_gated(desk: Desk) -> None:
    desk.state.params.has_gate = 0
    lose(desk, BID, 20.0, n=200)
    stir(desk, 3)
    assert desk.state.gate.n_episodes.sum() == 0
    assert (desk.state.ladder.no_quote < quoting.NO_BID_GATE).all()


def test_the_side_that_reduces_a_position_is_never_withdrawn(desk: Desk) -> None:
    """Short beyond a tenth of the limit: the losing bid stays, priced so that a fill would earn its fee."""
    desk.state.params.gate_try_share = 0.0
    for _ in range(4):
        cloid = next(c for c, (s, _, _) in desk.resting.items() if s == -1)
        desk.fill(cloid)
        stir(desk, 3)
    assert -desk.position * 40 / 100 > 50  # money
    lose(desk, ASK, -20.0, n=200)
    lose(desk, BID, 20.0, n=200)
    stir(desk, 3)
    assert desk.state.gate.is_closed[BID] == 1
    bids = [px for s, px, _ in desk.resting.values() if s == 1]
    assert bids
    wanted = float(desk.state.ladder.half_spread_bps[BID])
    assert wanted == pytest.approx(min(float(desk.state.gate.break_even_bps[BID]), 50.0), rel=1e-6)


def test_some_episodes_quote_anyway_at_the_smallest_size(desk: Desk) -> None:
    desk.state.params.gate_try_share = 1.0
    usual = max(sizes(desk, 1))
    lose(desk, ASK, -20.0, n=200)
    lose(desk, BID, 20.0, n=200)
    desk.rows.clear()
    stir(desk, 3)
    assert desk.state.gate.is_tried[BID] == 1
    assert desk.state.gate.n_tried[BID] == 1
    bids = sizes(desk, 1)
    assert len(bids) == 1
    assert bids[0] < usual
    row = desk.rows["quotes"][-1]
    assert row["gate_propensity"].tolist() == [1.0, 0.0]
    desk.fill(next(c for c, (s, _, _) in desk.resting.items() if s == 1))
    stir(desk, 15)
    assert desk.state.gate.tally[gate.TRIED].n.sum() == 1


def test_not_outside_the_normal_risk_state(desk: Desk) -> None:
    desk.state.params.gate_try_share = 1.0
    lose(desk, ASK, -20.0, n=200)
    lose(desk, BID, 20.0, n=200)
    stir(desk, 2)
    assert desk.state.gate.is_tried[BID] == 1
    judge(desk)
    assert desk.state.gate.is_tried[BID] == 0


def test_an_episode_lasts_a_minute_at_most(gated: Desk) -> None:
    stir(gated, 150)
    assert 3 <= gated.state.gate.n_episodes[BID] <= 4


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=30))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hysteresis(desk: Desk, hundred_fills: list[int]) -> None:
    """Closes above one probability only, opens under the other only, and in between stays as it was."""
    place: Any = desk.state
    gate.reset(place.gate)
    crowded.reset(place.models.crowded[HOT, BID])
    was = 0
    for edge_bps in hundred_fills:
        for _ in range(100):
            crowded.learn(place.models.crowded[HOT, BID], 2.0, 0.2, edge_bps / 100)
        judge(desk)
        p, closed = float(place.gate.p_loss[BID]), int(place.gate.is_closed[BID])
        assert closed == (1 if p > gate.LOSES_AT else 0 if p < gate.EARNS_AT else was)
        assert (p > 0.5) == (crowded.mean(place.models.crowded[HOT, BID]) < 0)
        was = closed


def priced(desk: Desk, move_bps: float) -> tuple[np.ndarray, np.ndarray]:
    """(half-spreads, terms) of the ladder where the lag model expects this move of the mid."""
    at: Any = desk.state
    at.market_params.lag_move_bps = move_bps
    quoting.form_terms(at.ladder, at.params, at.market_params, at.free, at.impacted, at.models)
    return at.ladder.half_spread_bps.copy(), at.ladder.term_bps.copy()


def test_a_threatened_side_is_repriced_in_full_at_once(desk: Desk) -> None:
    """A move beyond half of the ask's distance counts whole, whatever the leash; a small one keeps to it."""
    calm, _ = priced(desk, 0.0)
    desk.state.params.heeds_threat = 0
    leashed, _ = priced(desk, 15.0)
    desk.state.params.heeds_threat = 1
    small, _ = priced(desk, 1.0)
    threatened, terms = priced(desk, 15.0)
    assert leashed[ASK] - calm[ASK] < 6.0
    assert small[ASK] - calm[ASK] <= 1.0 + 1e-9
    assert threatened[ASK] - calm[ASK] == pytest.approx(15.0, abs=0.5)  # other unproven terms make room, in their sum
    assert terms[ASK].sum() == pytest.approx(threatened[ASK])
    assert terms[ASK, TERM_LAG] == pytest.approx(15.0)
    assert threatened[BID] == leashed[BID], "the other side waits for evidence"
    assert desk.state.ladder.n_threatened > 0


def test_a_threat_lies_between_what_is_expected_and_where_the_leader_stands(desk: Desk) -> None:
    """Of a leader 15 bps away our mid is expected to follow 5: the ask makes room for 10, the mean of the two."""
    desk.state.params.heeds_threat = 1
    calm, _ = priced(desk, 0.0)
    desk.state.market_params.lag_gap_bps = 15.0
    half, terms = priced(desk, 5.0)
    assert terms[ASK, TERM_LAG] == pytest.approx(5.0 + quoting.LEADER_WEIGHT * 10.0)
    assert half[ASK] > calm[ASK]
    assert desk.state.ladder.is_threatened.tolist() == [0, 1]
    desk.state.market_params.lag_gap_bps = -15.0
    assert priced(desk, -5.0)[1][BID, TERM_LAG] == pytest.approx(10.0)
    assert desk.state.ladder.is_threatened.tolist() == [1, 0]


def hear(desk: Desk, seconds: int, leader_mid: int) -> None:
    """Time passes, our touch stays, the leader's stands at this mid."""
    for _ in range(seconds):
        desk.touch(400_100, 400_300)
        desk.feed(events.REFERENCE_BBO, px=leader_mid - 50, qty=1_000, side=1, bits=events.BIT_MORE)
        desk.feed(events.REFERENCE_BBO, px=leader_mid + 50, qty=1_000, side=-1)
        for _ in range(10):
            desk.tick()


@pytest.mark.parametrize("heeds", [0, 1])
def test_a_threatened_order_moves_whatever_its_request_costs(desk: Desk, heeds: int) -> None:
    """Requests are as dear as they get. The leader jumps up by 15 bps: the asks go all the same, the bids stay."""
    at: Any = desk.state
    at.params.gate_heat = 10.0
    at.params.heeds_threat = heeds
    hear(desk, 60, 400_200)
    at.quota.plan_s = 1e12
    hear(desk, 5, 400_200)
    before = {side: sorted(px for s, px, _ in desk.resting.values() if s == side) for side in (1, -1)}
    hear(desk, 1, 400_800)
    after = {side: sorted(px for s, px, _ in desk.resting.values() if s == side) for side in (1, -1)}
    assert after[1] == before[1]
    assert at.ladder.is_threatened.tolist() == [0, heeds]
    if heeds:
        assert after[-1][0] > before[-1][0] + 100
    else:
        assert after[-1] == before[-1]


def test_no_longer_where_the_caution_of_lag_is_shown_to_cost(desk: Desk) -> None:
    desk.state.params.heeds_threat = 1
    calm, _ = priced(desk, 0.0)
    desk.state.models.caution.of[int(TERM_LAG)].share = 0.0
    assert priced(desk, 15.0)[0][ASK] == pytest.approx(calm[ASK])


def test_risk_goes_before_the_gate(gated: Desk) -> None:
    assert gated.state.risk.state == risk.NORMAL
    gated.state.params.has_gate = 1
    careful = gated.state.ladder.term_bps[ASK]
    assert careful[MODEL_TERMS].clip(min=0).sum() <= careful[TERM_BASE] + 1e-9  # unproven: one base at most
