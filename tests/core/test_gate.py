"""The gate in the whole core: what closes a side, what it leaves behind, and that the way out of a position stays."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from touchstone.core import actions, records
from touchstone.core.calibration import ledger
from touchstone.core.conventions import NS
from touchstone.core.models import adverse
from touchstone.core.quoting import gate
from touchstone.core.quoting import ladder as quoting
from touchstone.core.quoting.params import MODEL_TERMS, TERM_BASE
from touchstone.core.trading import risk

from .conftest import Desk

TEN = np.int64(adverse.TOXIC_H)
BID, ASK = 0, 1


def lose(desk: Desk, s: int, loss_bps: float, n: int = 60) -> None:
    """Fills of our own on a side that lost this much at 10 s, at every depth."""
    for _ in range(n):
        for bucket in range(8):
            model = desk.state.models.adverse
            adverse.learn(model, TEN, np.int64(bucket), np.int64(s), 2.0, 0.0, 0.0, 1.0, loss_bps)


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
    """A desk that quotes both sides, with the gate switched on."""
    made = Desk(has_gate=1)
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


def test_a_side_that_loses_out_to_the_deepest_level_is_withdrawn_by_itself(gated: Desk) -> None:
    assert gated.sides() == [-1]
    assert quoting.NO_QUOTE_NAMES[int(gated.state.ladder.no_quote[BID])] == "bid_toxicity_gate"
    assert gated.state.gate.p_loss[BID] > gate.CLOSE_AT
    assert gated.state.gate.p_loss[ASK] < gate.CLOSE_AT
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
    lose(gated, BID, -20.0, n=900)
    stir(gated, 3)
    assert gated.sides() == [-1, 1]
    assert gated.state.gate.is_closed[BID] == 0
    assert gated.state.gate.closed_ns[BID] > NS


def test_few_fills_of_ours_close_nothing(desk: Desk) -> None:
    for _ in range(3):
        adverse.learn(desk.state.models.adverse, TEN, np.int64(5), np.int64(0), 2.0, 0.0, 0.0, 1.0, 500.0)
    for _ in range(500):  # shadows do not count: the tape fills them by going through only
        adverse.learn(desk.state.models.adverse, TEN, np.int64(5), np.int64(0), 2.0, 0.0, 1.0, 1.0, 500.0)
    stir(desk, 3)
    assert desk.state.gate.n_episodes.sum() == 0


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
    place = desk.state
    gate.judge(place.gate, place.ladder, place.models, place.params, place.market_params, np.int64(0))
    assert desk.state.gate.is_tried[BID] == 0


def test_an_episode_lasts_a_minute_at_most(gated: Desk) -> None:
    stir(gated, 150)
    assert 3 <= gated.state.gate.n_episodes[BID] <= 4


@given(st.lists(st.integers(-300, 300).map(lambda tenths: tenths / 10), min_size=1, max_size=30))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hysteresis(desk: Desk, edges: list[float]) -> None:
    """Closes above one probability only, opens under the other only, and in between stays as it was."""
    place: Any = desk.state
    if place.models.adverse.n_own[TEN] == 0:
        lose(desk, BID, 0.0)
    gate.reset(place.gate)
    was = 0
    for edge_bps in edges:
        place.ladder.full_edge_bps[:] = edge_bps
        gate.judge(place.gate, place.ladder, place.models, place.params, place.market_params, np.int64(0))
        p, closed = float(place.gate.p_loss[BID]), int(place.gate.is_closed[BID])
        assert closed == (1 if p > gate.CLOSE_AT else 0 if p < gate.OPEN_AT else was)
        assert (p > 0.5) == (edge_bps < 0)
        was = closed


def test_risk_goes_before_the_gate(gated: Desk) -> None:
    assert gated.state.risk.state == risk.NORMAL
    gated.state.params.has_gate = 1
    careful = gated.state.ladder.term_bps[ASK]
    assert careful[MODEL_TERMS].clip(min=0).sum() <= careful[TERM_BASE] + 1e-9  # unproven: one base at most
