"""The reference venue in the whole core: predictions on the clock, terms in the quotes, what happens without it."""

import numpy as np
import pytest

from touchstone.config import Config
from touchstone.core import events, records, targets
from touchstone.core.calibration import ledger
from touchstone.core.conventions import MS
from touchstone.core.market import leadlag
from touchstone.core.models import lag
from touchstone.core.phases.triggers import TRIGGER_LEADER
from touchstone.core.quoting.params import TERM_ADVERSE, TERM_BASE, TERM_FAIR, TERM_LAG

from .conftest import TICK, Desk

UP, MOVE = int(targets.LAG_TARGET), int(targets.LAG_MOVE_TARGET)


def leader(desk: Desk, mid: int, half: int = 20) -> None:
    """A new touch of the reference."""
    desk.feed(events.REFERENCE_BBO, px=mid - half, qty=1_000, side=1, bits=events.BIT_MORE)
    desk.feed(events.REFERENCE_BBO, px=mid + half, qty=1_000, side=-1)


def settle(desk: Desk, seconds: float = 12.0) -> None:
    """Leader and our mid stand still at the same price until the basis is known."""
    for step in range(round(seconds * 10)):
        if step % 10 == 0:
            desk.touch(desk.bid, desk.ask)
            leader(desk, (desk.bid + desk.ask) // 2)
        desk.tick()


@pytest.fixture
def led(desk: Desk) -> Desk:
    settle(desk)
    desk.rows.clear()
    return desk


def test_predicts_each_second_and_resolves_on_the_clock(led: Desk) -> None:
    settle(led, 15)
    made = [p for p in led.rows["predictions"] if p["kind"] == records.KIND_LAG]
    assert 14 <= len(made) <= 16
    assert all(p["cloid"] == 0 and 0 < p["p_up"] < 1 and p["lag_sd_bps"][0] > 0 for p in made)
    due = {int(p["prediction_id"]): int(p["made_ns"]) for p in made}
    for target, horizon_ms in ((UP, 1000), (MOVE, 1000), (MOVE + 1, 10_000)):
        resolved = [o for o in led.rows["outcomes"] if o["target"] == target and int(o["prediction_id"]) in due]
        assert len(resolved) >= 4
        for outcome in resolved:
            late_ms = (int(outcome["resolved_ns"]) - due[int(outcome["prediction_id"])]) / MS - horizon_ms
            assert 0 <= late_ms <= 100
    assert ledger.is_conserved(led.state.ledger)


def terms(desk: Desk) -> np.ndarray:
    """Lag term of the last ladder: bid, ask."""
    return desk.state.ladder.term_bps[:, TERM_LAG].copy()


def test_a_move_of_the_leader_asks_for_a_decision_at_once(led: Desk) -> None:
    before = int(led.state.n_decisions)
    leader(led, 400_200 + 40)  # 1 bps: no matter
    assert led.state.n_decisions == before
    leader(led, 400_200 + 24 * 40)
    assert led.state.n_decisions == before + 1


def test_threatened_side_careful_other_side_bold(led: Desk) -> None:
    """A rise threatens the ask, which moves away in full within cap and base; the bid has earned nothing yet."""
    leader(led, 400_200 + 5 * 40)
    assert led.state.market_params.lag_move_bps == pytest.approx(2.5, rel=0.05)  # the prior believes half of it
    ask = led.state.ladder.term_bps[1]
    careful = ask[TERM_LAG] + max(ask[TERM_ADVERSE], 0) + max(ask[TERM_FAIR], 0)
    assert terms(led)[0] == 0
    assert terms(led)[1] == pytest.approx(2.5, rel=0.05) or careful == pytest.approx(ask[TERM_BASE])
    leader(led, 400_200 - 24 * 40)  # a fall the bid
    assert terms(led)[1] == 0
    assert 0 < terms(led)[0] <= led.state.ladder.term_bps[0, TERM_BASE]
    led.state.models.influence[MOVE] = 0.25
    leader(led, 400_200 - 30 * 40)
    move = float(led.state.market_params.lag_move_bps)
    assert terms(led)[1] == pytest.approx(0.25 * move)
    led.state.models.influence[MOVE] = 1.0
    leader(led, 400_200 - 40 * 40)
    move = float(led.state.market_params.lag_move_bps)
    assert terms(led) == pytest.approx([-move, move])  # proven: fair value moves, no cap
    assert led.state.ladder.half_spread_bps[0] > led.state.ladder.half_spread_bps[1]


def test_the_careful_part_is_capped(led: Desk) -> None:
    led.state.params.careful_cap_bps = 1.0
    leader(led, 400_200 + 24 * 40)
    assert terms(led) == pytest.approx([0.0, 1.0])
    assert led.state.ladder.n_careful_capped > 0


def test_a_large_move_takes_the_threatened_orders_away(led: Desk) -> None:
    """Their expected edge is negative once the move counts as made; the other side stays."""
    led.state.models.influence[MOVE] = 1.0
    asks, bids = (sorted(px for s, px, _ in led.resting.values() if s == side) for side in (-1, 1))
    leader(led, 400_200 + 60 * 40)
    left = [px for s, px, _ in led.resting.values() if s == -1]
    assert asks
    assert bids
    assert not left or min(left) > max(asks)
    assert led.rows["quotes"][-1]["trigger"] == TRIGGER_LEADER
    assert led.rows["quotes"][-1]["market"]["lag_gap_bps"] > 50
    assert [px for s, px, _ in led.resting.values() if s == 1]


def test_orders_and_fills_carry_the_id(led: Desk) -> None:
    led.state.models.influence[MOVE] = 1.0
    before = set(led.resting)
    leader(led, 400_200 + 60 * 40)
    new = [cloid for cloid in led.resting if cloid not in before]
    assert new
    settle(led, 1)
    known = {int(led.state.ledger.lag.entry[i]["prediction_id"]) for i in range(64)} - {0}
    order = next(o for o in led.state.orders.slot if o["cloid"] == new[0])
    assert int(order["lag_prediction_id"]) in known
    assert int(order["lag_prediction_id"]) != int(order["fill_prediction_id"])
    led.fill(new[0])
    row = led.rows["fills"][-1]
    assert row["lag_prediction_id"] == order["lag_prediction_id"]
    assert row["at_decision"]["lag_gap_bps"] > 50
    assert np.isfinite(row["at_fill"]["lag_gap_bps"])


def test_what_the_lag_term_paid_is_not_paid_again(led: Desk) -> None:
    """The loss after fills of orders that stood away by a lag term holds that move: it is taken off once."""
    led.state.models.influence[MOVE] = 1.0
    leader(led, 400_200 + 60 * 40)
    filled = max(led.resting)  # of this decision
    priced = terms(led)[0 if led.resting[filled][0] == 1 else 1]
    model = led.state.models.lag
    n, total = float(model.announced_n), float(model.announced_sum)
    keep = 1 - 1 / lag.ANNOUNCED_MEMORY
    led.fill(filled)
    assert model.announced_n == pytest.approx(keep * n + 1)
    assert model.announced_sum == pytest.approx(keep * total + priced)
    assert abs(priced) > 10
    led.wait(0.3, quotes=False)
    expected = float(model.announced_sum) / (20 + float(model.announced_n))
    assert led.state.market_params.lag_announced_bps == pytest.approx(expected)


@pytest.mark.parametrize("how", ["silent", "down"])
def test_a_stale_reference_turns_its_terms_off_and_says_so(led: Desk, how: str) -> None:
    leader(led, 400_200 + 24 * 40)
    assert terms(led)[1] > 0
    if how == "down":
        led.feed(events.FEED_DOWN, code=events.FEED_REFERENCE)
    else:
        led.wait(6)
    led.wait(1)
    market = led.state.market_params
    assert market.reference == leadlag.STALE
    assert market.lag_move_bps == 0
    assert np.isnan(market.lag_gap_bps)
    assert led.sides() == [-1, 1], "without a reference we quote on"
    left = terms(led)
    assert 0 <= left.min() <= left.max() <= led.state.params.keep_tolerance_bps, "what is less moves no order"
    made = int(led.state.ledger.made[UP])
    led.wait(3)
    assert led.state.ledger.made[UP] == made
    led.feed(events.FEED_UP, code=events.FEED_REFERENCE)
    settle(led, 13)
    assert led.state.market_params.reference == leadlag.LIVE
    assert led.state.ledger.made[UP] > made
    assert ledger.is_conserved(led.state.ledger)


def test_never_there_is_not_stale(desk: Desk) -> None:
    desk.wait(20)
    assert desk.state.market_params.reference == leadlag.NEVER_HEARD
    assert desk.state.ledger.made[UP] == 0
    assert not desk.rows["pairs"]
    assert desk.sides() == [-1, 1]


def test_switched_off_it_hears_nothing() -> None:
    models = Config().models.model_copy(update={"lag": False})
    quiet = Desk(Config(models=models))
    quiet.warm_up()
    settle(quiet)
    leader(quiet, 500_000)
    quiet.wait(1)
    assert quiet.state.leadlag.n_events == 0
    assert quiet.state.market_params.reference == leadlag.NEVER_HEARD


def test_one_datum_and_extreme_prices(desk: Desk) -> None:
    leader(desk, 400_200)
    desk.wait(2)
    assert np.isnan(desk.state.market_params.lag_gap_bps)
    for mid in (1, 2**61, 400_200, 10**15, 50):
        for _ in range(20):
            leader(desk, mid, half=0 if mid == 1 else 10)
            desk.touch(400_000, 400_400)
            desk.tick()
        desk.wait(11)
    state = desk.state
    assert abs(state.market_params.lag_move_bps) <= 100 or np.isnan(state.market_params.lag_gap_bps)
    assert np.isfinite(state.models.lag.beta).all()
    assert all(abs(q["term_bps"][:, TERM_LAG]).max() <= 100 for q in desk.rows["quotes"])
    assert not state.is_halted


def test_pairs_of_mids_are_written_with_each_timer(led: Desk) -> None:
    settle(led, 5)
    rows = led.rows["pairs"]
    assert len(rows) == 50
    assert {int(r["t_ns"]) % (100 * MS) for r in rows} == {int(rows[0]["t_ns"]) % (100 * MS)}
    assert all(r["mid2"] == 800_400 and r["leader_mid2"] == 800_400 for r in rows)


def test_the_future_changes_nothing() -> None:
    """Two runs that differ in what the leader does later are the same until then."""
    states = []
    for later in (0, 500):
        desk = Desk()
        desk.warm_up()
        settle(desk, 14)
        states.append(desk.state.tobytes())
        leader(desk, 400_200 + later)
        desk.tick()
        states.append(desk.state.tobytes())
    assert states[0] == states[2]
    assert states[1] != states[3]


def test_learns_each_outcome_once(led: Desk) -> None:
    for k in range(20):
        leader(led, 400_200 + (k % 3) * TICK)
        led.wait(1)
    model, the_ledger = led.state.models.lag, led.state.ledger
    assert model.n_up == the_ledger.resolved[UP, int(targets.DECIDED_TAPE)]
    for h in range(2):
        assert model.n_outcomes[h] == the_ledger.resolved[MOVE + h, int(targets.DECIDED_TAPE)]
