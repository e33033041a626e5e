"""Every breaker takes orders out of the book: the exchange's list of resting orders is what is looked at."""

from collections.abc import Callable
from typing import Any

import pytest

from touchstone.core import events
from touchstone.core.conventions import NS
from touchstone.core.trading import risk

from .conftest import START_NS, Desk

MICRO = 1_000_000


def quoting_desk(**params: Any) -> Desk:
    made = Desk(**params)
    made.warm_up()
    assert made.sides() == [-1, 1], "the desk must quote both sides before the breaker"
    return made


def state_of(desk: Desk) -> tuple[str, str]:
    return risk.STATE_NAMES[int(desk.state.risk.state)], risk.REASON_NAMES[int(desk.state.risk.reason)]


def best(desk: Desk, side: int) -> int:
    return max((c for c, o in desk.resting.items() if o[0] == side), key=lambda c: side * desk.resting[c][1])


def command(code: int) -> Callable[[Desk], None]:
    return lambda desk: desk.feed(events.OPERATOR, code=code)


def account(value: int, withdrawable: int) -> Callable[[Desk], None]:
    return lambda desk: desk.feed(events.EQUITY, px=value, aux=withdrawable)


def silence(desk: Desk) -> None:
    for _ in range(60):
        desk.tick()


def late_feed(desk: Desk) -> None:
    for _ in range(70):
        desk.now += NS // 10
        desk.feed(events.BBO, px=400_000 + 100 * (desk.now // NS % 2), qty=5_000, side=1, exch_ns=START_NS + 62 * NS)
        desk.feed(events.TIMER, exch_ns=0)


def one_sided(desk: Desk) -> None:
    desk.feed(events.SNAPSHOT_BEGIN)
    desk.feed(events.BOOK_LEVEL, px=400_000, qty=5_000, side=1)
    desk.feed(events.SNAPSHOT_END)
    for _ in range(25):
        desk.tick()


def jump(desk: Desk) -> None:
    desk.tick()
    desk.touch(404_000, 404_400)
    desk.tick()


def drawdown(desk: Desk) -> None:
    account(1_000 * MICRO, 1_000 * MICRO)(desk)
    account(940 * MICRO, 900 * MICRO)(desk)


PULLING: list[tuple[str, str, Callable[[Desk], None]]] = [
    ("pulled", "stale_data", silence),
    ("pulled", "feed_lag", late_feed),
    ("pulled", "feed_down", lambda desk: desk.feed(events.FEED_DOWN, code=events.FEED_ACCOUNT)),
    ("pulled", "blind_book", one_sided),
    ("pulled", "price_jump", jump),
    ("pulled", "operator_halt", command(events.COMMAND_HALT)),
    ("killed", "drawdown", drawdown),
    ("killed", "operator_kill", command(events.COMMAND_KILL)),
    ("reduce_only", "operator_reduce_only", command(events.COMMAND_REDUCE_ONLY)),
    ("reduce_only", "free_margin", account(1_000 * MICRO, 50 * MICRO)),
]


@pytest.mark.parametrize(("state", "reason", "cause"), PULLING, ids=[reason for _, reason, _ in PULLING])
def test_with_a_flat_position_every_order_leaves(state: str, reason: str, cause: Callable[[Desk], None]) -> None:
    desk = quoting_desk()
    cause(desk)
    assert state_of(desk) == (state, reason)
    assert desk.resting == {}


def test_open_notional_is_respected_when_placing() -> None:
    desk = quoting_desk(limits__open_notional=100 * MICRO)
    assert 0 < sum(px * qty for _, px, qty in desk.resting.values()) < 100 * MICRO
    assert desk.state.risk.n_trips[risk.OPEN_NOTIONAL] == 0


def test_open_notional_pulls_what_rests() -> None:
    desk = quoting_desk()
    desk.state.risk.limits.open_notional = 100 * MICRO
    desk.tick()
    assert state_of(desk) == ("reduce_only", "open_notional")
    assert desk.resting == {}


def test_order_rate_stops_new_orders_and_cancels_the_rest() -> None:
    desk = Desk(limits__orders_burst=4, limits__orders_per_s=0.01)
    desk.warm_up()
    assert state_of(desk) == ("reduce_only", "order_rate")
    assert desk.resting == {}


def test_position_limit_leaves_only_the_reducing_side() -> None:
    desk = quoting_desk(limits__position_notional=30 * MICRO)
    desk.fill(best(desk, +1))
    assert state_of(desk) == ("reduce_only", "position_limit")
    desk.wait(2)
    assert desk.sides() == [-1]
    assert sum(qty for _, _, qty in desk.resting.values()) <= desk.position  # reduce-only: cannot cross zero


def test_liquidation_distance_leaves_only_the_reducing_side() -> None:
    desk = quoting_desk()
    desk.fill(best(desk, +1))
    desk.feed(events.EQUITY, px=2 * MICRO, aux=2 * MICRO)
    desk.wait(2)
    assert state_of(desk) == ("reduce_only", "liquidation_distance")
    assert desk.sides() == [-1]


def test_one_sided_burst_of_fills_leaves_only_the_reducing_side() -> None:
    desk = quoting_desk(limits__burst_fills=3)
    for _ in range(3):
        desk.fill(best(desk, +1), 20)
    assert state_of(desk) == ("reduce_only", "fill_burst")
    desk.wait(2)
    assert desk.sides() == [-1]


def test_session_loss_kills() -> None:
    desk = quoting_desk(limits__session_loss=MICRO // 10)
    desk.fill(best(desk, +1))
    desk.touch(398_000, 398_400)
    desk.tick()
    assert state_of(desk) == ("killed", "session_loss")
    assert desk.resting == {}
    desk.wait(60)
    assert desk.resting == {}, "a kill is latched"
    desk.feed(events.OPERATOR, code=events.COMMAND_CLEAR)
    desk.wait(2)
    assert desk.sides() != []


def test_a_broken_identity_kills() -> None:
    desk = quoting_desk()
    desk.state.profit.spread2 += 1
    desk.fill(best(desk, +1))
    assert state_of(desk) == ("killed", "internal_error")
    assert desk.resting == {}
    assert len(desk.rows["alerts"]) > 0


@pytest.mark.parametrize(
    ("cause", "back"),
    [
        (command(events.COMMAND_HALT), command(events.COMMAND_RESUME)),
        (silence, lambda desk: desk.touch(400_000, 400_400)),
    ],
    ids=["operator", "stale"],
)
def test_quotes_come_back(cause: Callable[[Desk], None], back: Callable[[Desk], None]) -> None:
    desk = quoting_desk()
    cause(desk)
    assert desk.resting == {}
    back(desk)
    desk.wait(5)
    assert desk.sides() == [-1, 1]


def test_a_cancel_that_overtook_its_order_is_asked_for_again() -> None:
    desk = quoting_desk()
    desk.answers = False
    before = len(desk.sent)
    desk.touch(401_000, 401_400)
    desk.wait(1)
    new = [a for a in desk.sent[before:] if a["kind"] in (1, 2)]
    assert new, "the moved market asks for new orders"
    desk.feed(events.OPERATOR, code=events.COMMAND_HALT)
    cancels = {int(a["cloid"]) for a in desk.sent if a["kind"] == 3}
    cloid = int(new[-1]["cloid"])
    assert cloid in cancels
    desk.feed(events.CANCEL_REJECTED, aux=cloid)  # the cancel came first
    desk.feed(events.ORDER_RESTING, aux=cloid, px=int(new[-1]["px"]), qty=int(new[-1]["qty"]))
    count = len([a for a in desk.sent if a["kind"] == 3 and a["cloid"] == cloid])
    desk.wait(2)
    assert len([a for a in desk.sent if a["kind"] == 3 and a["cloid"] == cloid]) == count + 1
