"""A fill counts once and knows its predictions; predictions get their outcomes whatever becomes of the order."""

import math

import numpy as np
import pytest

from touchstone.core import events, targets
from touchstone.core.calibration import ledger
from touchstone.core.trading import pnl

from .conftest import Desk


def best(desk: Desk, side: int) -> int:
    return max((c for c, o in desk.resting.items() if o[0] == side), key=lambda c: side * desk.resting[c][1])


def outcomes_of(desk: Desk, prediction_id: int, target: int) -> list[object]:
    return [o for o in desk.rows["outcomes"] if o["prediction_id"] == prediction_id and o["target"] == target]


def test_a_fill_is_matched_before_anything_changes(desk: Desk) -> None:
    cloid = best(desk, +1)
    order = desk.state.orders.slot[cloid % 1024].copy()
    desk.tick()
    desk.fill(cloid, 40)
    row = desk.rows["fills"][-1]
    assert row["cloid"] == cloid
    assert row["fill_prediction_id"] == order["fill_prediction_id"] > 0
    assert row["as_prediction_id"] == order["as_prediction_id"]
    assert row["predicted_fill_prob"] == order["predicted_fill_prob"]
    assert row["predicted_as_bps"] == order["predicted_as_bps"]
    assert row["at_decision"]["t_ns"] == order["prediction_ns"] < row["at_fill"]["t_ns"]
    assert row["mid2_before"] == 800_400
    assert row["position_after"] == 40
    assert row["spread_capture"] == 40 * (800_400 - 2 * int(row["px"]))
    assert desk.state.orders.slot[cloid % 1024].left == order["left"] - 40


def test_a_repeated_fill_counts_once(desk: Desk) -> None:
    cloid = best(desk, +1)
    number = desk.fill(cloid, 40)
    fills, position = desk.state.profit.n_fills, desk.state.profit.position
    desk.resting.setdefault(cloid, [1, int(desk.rows["fills"][-1]["px"]), 40])
    desk.fill(cloid, 40, trade_id=number)
    assert (desk.state.profit.n_fills, desk.state.profit.position) == (fills, position)
    assert desk.state.seen.n_duplicates == 1
    assert len(desk.rows["fills"]) == 1


def test_a_fill_after_the_cancel_still_counts_with_its_predictions(desk: Desk) -> None:
    cloid = best(desk, +1)
    px = desk.resting[cloid][1]
    desk.feed(events.ORDER_CANCELLED, aux=cloid)
    desk.resting[cloid] = [1, px, 30]
    desk.fill(cloid, 30)
    row = desk.rows["fills"][-1]
    assert row["fill_prediction_id"] > 0
    assert desk.state.seen.n_late == 1
    assert desk.state.profit.position == 30


def test_a_fill_of_an_unknown_order_counts_and_alarms(desk: Desk) -> None:
    desk.resting[999] = [-1, 400_500, 25]
    desk.fill(999)
    assert desk.state.profit.position == -25
    assert desk.state.seen.n_unmatched == 1
    assert math.isnan(desk.rows["fills"][-1]["predicted_fill_prob"])
    assert len(desk.rows["alerts"]) == 1
    desk.wait(40)
    assert ledger.is_conserved(desk.state.ledger)


def test_a_repeated_word_of_the_exchange_changes_nothing(desk: Desk) -> None:
    cloid = best(desk, +1)
    desk.answers = False
    _, px, qty = desk.resting[cloid]
    before = desk.state.orders.copy()
    desk.feed(events.ORDER_RESTING, aux=cloid, px=px, qty=qty)
    assert desk.state.orders.tobytes() == before.tobytes()
    desk.feed(events.ORDER_CANCELLED, aux=cloid)
    after = desk.state.orders.copy()
    desk.feed(events.ORDER_CANCELLED, aux=cloid)
    desk.feed(events.ORDER_REJECTED, aux=cloid, code=events.REJECT_OTHER)
    assert desk.state.orders.tobytes() == after.tobytes()


def test_an_own_fill_is_an_outcome_of_one(desk: Desk) -> None:
    cloid = best(desk, +1)
    prediction_id = int(desk.state.orders.slot[cloid % 1024].fill_prediction_id)
    desk.fill(cloid)
    desk.wait(62)
    sixty = outcomes_of(desk, prediction_id, 2)
    assert [o["outcome"] for o in sixty] == [1.0]
    assert [o["decided"] for o in sixty] == [targets.DECIDED_TAPE]
    markouts = [m for m in desk.rows["markouts"] if m["fill_id"] == 1]
    assert sorted(int(m["horizon"]) for m in markouts) == [0, 1, 2, 3, 4, 5]


def test_a_fill_that_only_a_queue_model_knows_is_never_learned_from(desk: Desk) -> None:
    cloid = best(desk, +1)
    learned = desk.state.models.adverse.n_outcomes.copy()
    prediction_id = int(desk.state.orders.slot[cloid % 1024].fill_prediction_id)
    desk.fill(cloid, bits=int(events.BIT_MODEL_FILL))
    desk.wait(62)
    adverse = outcomes_of(desk, prediction_id + 1, int(targets.ADVERSE_TARGET))
    assert [o["decided"] for o in adverse] == [targets.DECIDED_MODEL]
    others = [o for o in desk.rows["outcomes"] if o["target"] == targets.ADVERSE_TARGET and o["decided"] == 1]
    assert desk.state.models.adverse.n_outcomes[0] - learned[0] <= len(others)


def test_what_is_left_of_the_distance_is_learned_from_our_fills_and_from_shadows_apart(desk: Desk) -> None:
    """A shadow fills when the mid has come to its price; an order of ours fills where the book still stands."""
    ours, through = desk.state.models.capture, desk.state.models.capture_through
    before = int(ours.n_outcomes)
    desk.fill(best(desk, +1))
    assert ours.n_outcomes == before + 1
    of_shadows = int(through.n_outcomes)
    cloid = best(desk, +1)
    px = desk.resting.pop(cloid)[1]
    desk.feed(events.ORDER_CANCELLED, aux=cloid)
    desk.now += 200_000_000
    desk.trade(-1, px - 300)
    assert ours.n_outcomes == before + 1
    assert through.n_outcomes > of_shadows


def test_a_cancelled_order_lives_on_as_a_shadow(desk: Desk) -> None:
    cloid = best(desk, +1)
    px = desk.resting[cloid][1]
    prediction_id = int(desk.state.orders.slot[cloid % 1024].fill_prediction_id)
    desk.resting.pop(cloid)
    desk.feed(events.ORDER_CANCELLED, aux=cloid)
    desk.now += 200_000_000
    desk.trade(-1, px - 300)  # through the shadow's price
    desk.touch(px - 400, px)
    desk.wait(62)
    assert [o["outcome"] for o in outcomes_of(desk, prediction_id, 2)] == [1.0]
    assert [o["decided"] for o in outcomes_of(desk, prediction_id + 1, int(targets.ADVERSE_TARGET))] == [1]


def test_a_rejected_order_voids_its_predictions_with_the_reason() -> None:
    desk = Desk()
    desk.warm_up()
    desk.answers = False
    before = len(desk.sent)
    desk.touch(401_000, 401_400)
    desk.wait(0.5)
    cloid = int(desk.sent[-1]["cloid"]) if len(desk.sent) > before else 0
    assert desk.sent[-1]["kind"] in (1, 2), "the moved market asks for a new order"
    prediction_id = int(desk.state.orders.slot[cloid % 1024].fill_prediction_id)
    desk.feed(events.ORDER_REJECTED, aux=cloid, code=events.REJECT_BAD_ALO_PX)
    desk.wait(62)
    for target, offset in ((0, 0), (1, 0), (2, 0), (int(targets.TOXIC_TARGET), 1)):
        decided = [o["decided"] for o in outcomes_of(desk, prediction_id + offset, target)]
        assert decided == [targets.VOID_REJECTED]
    assert ledger.is_conserved(desk.state.ledger)


def test_an_order_that_outlives_its_predictions_gets_new_ones(desk: Desk) -> None:
    kept = set(desk.resting)
    before = {c: int(desk.state.orders.slot[c % 1024].fill_prediction_id) for c in kept}
    desk.wait(65)
    still = kept & set(desk.resting)
    assert still, "an unmoved market keeps its orders"
    for cloid in still:
        assert desk.state.orders.slot[cloid % 1024].fill_prediction_id > before[cloid]
    assert ledger.is_conserved(desk.state.ledger)


def test_predictions_are_conserved_at_every_moment_of_a_rough_session(desk: Desk) -> None:
    rng = np.random.default_rng(3)
    mid = 400_200
    for _ in range(600):
        mid += int(rng.integers(-2, 3)) * 100
        desk.touch(mid - 200, mid + 200)
        draw = rng.random()
        if draw < 0.3:
            desk.trade(
                1 if rng.random() < 0.5 else -1, mid + int(rng.integers(-12, 13)) * 100, int(rng.integers(1, 900))
            )
        elif draw < 0.45 and desk.resting:
            cloid = int(rng.choice(list(desk.resting)))
            desk.fill(cloid, int(rng.integers(1, desk.resting[cloid][2] + 1)), bits=2 * int(rng.random() < 0.5))
        elif draw < 0.5 and desk.resting:
            cloid = int(rng.choice(list(desk.resting)))
            desk.resting.pop(cloid)
            desk.feed(events.ORDER_CANCELLED, aux=cloid, code=events.CANCELLED_BY_VENUE)
        desk.tick()
        assert ledger.is_conserved(desk.state.ledger)
        assert pnl.is_exact(desk.state.profit, np.int64(desk.state.book.mid2), desk.state.attribution)
        assert desk.state.profit.position == desk.position
    assert desk.state.profit.n_fills > 30
    assert desk.state.ledger.n_evicted == 0
    assert desk.state.n_unsound == 0


@pytest.mark.parametrize("side", [1, -1])
def test_the_reducing_side_is_always_quoted_and_reaches_the_market(side: int) -> None:
    desk = Desk()
    desk.warm_up()
    while abs(desk.position) * 0.004 < 80 and any(o[0] == side for o in desk.resting.values()):
        desk.fill(best(desk, side))
        desk.wait(12)
    assert desk.position * side > 0
    quiet = 0
    for _ in range(30):
        desk.wait(1)
        quiet += 0 if -side in desk.sides() else 1
    assert quiet == 0
    reducing = [o for o in desk.resting.values() if o[0] == -side]
    reach = min(abs(px - 400_200) / 40.02 for _, px, _ in reducing)
    adding = [abs(px - 400_200) / 40.02 for s, px, _ in desk.resting.values() if s == side]
    assert not adding or reach <= min(adding)


def test_dust_leaves_reduce_only() -> None:
    desk = Desk()
    desk.warm_up()
    cloid = best(desk, +1)
    desk.fill(cloid, 5)  # 0.05 coins, 2 units of collateral: under the minimum notional of 10
    desk.feed(events.OPERATOR, code=events.COMMAND_REDUCE_ONLY)
    desk.wait(2)
    assert [(side, qty) for side, _, qty in desk.resting.values()] == [(-1, 5)]
    assert desk.sent[-1]["bits"] & 4
