"""An exchange that refuses everything is asked ever less often, until it takes an order again."""

import pytest
from tests.core.conftest import TICK, Desk

from touchstone.core import actions, events
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES

NEW = (actions.PLACE, actions.AMEND)


class Refusing(Desk):
    """An exchange that refuses every order of some sides, for a reason; cancels are carried out."""

    refuses: tuple[int, ...] = ()
    code = events.REJECT_OTHER

    def answer(self, action: object) -> None:
        if action["kind"] in NEW and int(action["side"]) in self.refuses:
            if action["kind"] == actions.AMEND:  # a refused amend leaves its order where it was
                self.feed(events.CANCEL_REJECTED, aux=int(action["target"]), code=self.code)
            self.feed(events.ORDER_REJECTED, aux=int(action["cloid"]), code=self.code)
            return
        super().answer(action)


def restless(desk: Desk, seconds: int) -> None:
    """A market that gives a reason to move the quotes at each decision."""
    for step in range(10 * seconds):
        away = (4 if step % 2 else -4) * TICK
        desk.touch(desk.bid + away, desk.ask + away)
        desk.tick()


def halt(desk: Refusing, *sides: int) -> None:
    """The exchange cancels the orders of these sides and takes no more."""
    desk.refuses = sides
    for cloid in [cloid for cloid, (side, _, _) in desk.resting.items() if side in sides]:
        del desk.resting[cloid]
        desk.feed(events.ORDER_CANCELLED, aux=cloid, code=events.CANCELLED_BY_VENUE)


def orders_of(desk: Desk, side: int) -> int:
    return sum(action["kind"] in NEW and int(action["side"]) == side for action in desk.sent)


@pytest.fixture
def refusing() -> Refusing:
    """A desk that quotes both sides, and whose exchange may refuse."""
    made = Refusing()
    made.warm_up()
    made.sent.clear()
    return made


def test_a_halted_coin_costs_few_requests(refusing: Refusing) -> None:
    levels = int(refusing.state.params.levels)
    halt(refusing, 1, -1)
    restless(refusing, 120)
    for side in (1, -1):  # 250 ms doubling to 30 s: eleven rounds in two minutes, instead of a thousand
        assert 0 < orders_of(refusing, side) <= 11 * levels
    assert refusing.state.refusals.n_rounds_refused == 22
    assert {NO_QUOTE_NAMES[int(reason)] for reason in refusing.state.ladder.no_quote} == {"refused"}
    refusing.refuses = ()
    restless(refusing, 31)
    assert {side for side, _, _ in refusing.resting.values()} == {1, -1}, "the first try that succeeds ends it"
    assert refusing.state.refusals.in_a_row.tolist() == [0, 0]


def test_the_other_side_goes_on(refusing: Refusing) -> None:
    halt(refusing, 1)
    restless(refusing, 20)
    assert {side for side, _, _ in refusing.resting.values()} == {-1}
    assert NO_QUOTE_NAMES[int(refusing.state.ladder.no_quote[1])] == "quoting"


def test_a_market_that_runs_away_is_no_refusal(refusing: Refusing) -> None:
    """Post-only orders that would have matched are tried again at once, at a better price."""
    refusing.code = events.REJECT_BAD_ALO_PX
    halt(refusing, 1, -1)
    restless(refusing, 10)
    assert orders_of(refusing, 1) > 10
    assert refusing.state.refusals.n_rounds_refused == 0


def test_a_cancel_that_overtook_its_order_is_not_sent_at_each_decision(desk: Desk) -> None:
    """The order may be lost: nobody answers for it, and each cancel is told that there is none."""
    desk.answers = False
    desk.sent.clear()
    desk.touch(desk.bid + 8 * TICK, desk.ask + 8 * TICK)
    desk.tick(1_000)
    lost = [int(action["cloid"]) for action in desk.sent if action["kind"] in NEW]
    assert lost
    desk.sent.clear()
    desk.feed(events.OPERATOR, code=events.COMMAND_HALT)
    answered = 0
    for _ in range(600):
        asked, answered = desk.sent[answered:], len(desk.sent)
        for action in asked:
            desk.feed(events.CANCEL_REJECTED, aux=int(action["cloid"]))
        desk.touch(desk.bid, desk.ask)
        desk.tick()
    cancels = [int(action["cloid"]) for action in desk.sent if action["kind"] == actions.CANCEL]
    assert max(cancels.count(cloid) for cloid in lost) <= 10, "a minute of doubling pauses"
    assert min(cancels.count(cloid) for cloid in lost) >= 3, "but it is asked for again"
