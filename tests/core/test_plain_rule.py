"""The rule of ticks, the clock as only trigger, cancel and place, models off: what a plain strategy is made of."""

from typing import Any

import pytest

from touchstone import config
from touchstone.core import actions, events

from .conftest import Desk

PLAIN = """
[quoting]
rule = "ticks"
levels = 2
half_spread_ticks = 3.0
level_spacing_ticks = 2
skew_ticks_per_lot = 0.5
order_size = 2.5
requote_interval_ms = 100
decide = "clock"
move = "cancel_place"
keep_tolerance_bps = 0.0
[models]
enabled = false
[risk]
recovery_s = 0.0
"""
TICK = 10  # of the venue at 40.00 with szDecimals 2: five figures
BID, ASK = 400_190, 400_210


@pytest.fixture
def plain() -> Desk:
    """A desk with the plain rule that has quoted once."""
    made = Desk(config.parse(PLAIN))
    made.touch(BID, ASK)
    made.tick()
    return made


def prices(desk: Desk, side: int) -> list[int]:
    return sorted(order[1] for order in desk.resting.values() if order[0] == side)


def kinds(sent: list[Any]) -> list[int]:
    return [int(action["kind"]) for action in sent]


def test_it_quotes_at_once_in_ticks_from_the_mid(plain: Desk) -> None:
    mid = (BID + ASK) // 2
    assert prices(plain, 1) == [mid - 5 * TICK, mid - 3 * TICK]
    assert prices(plain, -1) == [mid + 3 * TICK, mid + 5 * TICK]
    assert {order[2] for order in plain.resting.values()} == {250}  # 2.5 coins, whatever the price


def test_without_models_nothing_is_predicted_and_money_adds_up(plain: Desk) -> None:
    plain.fill(next(iter(plain.resting)))
    plain.wait(70)
    assert plain.rows["predictions"] == []
    assert plain.rows["outcomes"] == []
    assert len(plain.rows["fills"]) == 1
    assert len(plain.rows["markouts"]) == 6  # own fills are still followed
    assert plain.rows["alerts"] == []


def test_inventory_moves_both_quotes(plain: Desk) -> None:
    for cloid in [cloid for cloid, order in plain.resting.items() if order[0] == 1]:
        plain.fill(cloid)  # two lots bought: one tick down
    plain.tick()
    mid = (BID + ASK) // 2
    assert prices(plain, 1) == [mid - 6 * TICK, mid - 4 * TICK]
    assert prices(plain, -1) == [mid + 2 * TICK, mid + 4 * TICK]


def test_no_quote_is_better_than_the_touch(plain: Desk) -> None:
    plain.touch(BID - 20 * TICK, ASK + 20 * TICK)
    plain.tick()
    assert max(prices(plain, 1)) == BID - 20 * TICK
    assert min(prices(plain, -1)) == ASK + 20 * TICK


def test_halves_go_to_the_even_price(plain: Desk) -> None:
    plain.touch(BID, ASK + TICK)  # mid between two prices
    plain.tick()
    assert max(prices(plain, 1)) == 400_180  # of 400_170 and 400_180, as 400_175 was wanted
    assert min(prices(plain, -1)) == 400_240  # of 400_230 and 400_240


def test_only_the_clock_asks_for_a_decision(plain: Desk) -> None:
    plain.sent.clear()
    plain.fill(next(iter(plain.resting)))
    plain.touch(BID - 5 * TICK, ASK - 5 * TICK)
    assert plain.sent == []
    plain.tick()
    assert plain.sent


def test_a_worse_risk_state_does_not_wait_for_the_clock(plain: Desk) -> None:
    plain.sent.clear()
    plain.feed(events.OPERATOR, code=int(events.COMMAND_HALT))
    assert kinds(plain.sent) == [int(actions.CANCEL)] * 4


def test_every_cancel_goes_out_before_the_first_new_order(plain: Desk) -> None:
    plain.sent.clear()
    plain.touch(BID + 20 * TICK, ASK + 20 * TICK)
    plain.tick()
    assert kinds(plain.sent) == [int(actions.CANCEL)] * 4 + [int(actions.PLACE)] * 4


def test_an_unchanged_market_sends_nothing(plain: Desk) -> None:
    plain.sent.clear()
    for _ in range(20):
        plain.tick()
    assert plain.sent == []


def test_no_order_where_one_of_the_other_side_still_stands(plain: Desk) -> None:
    plain.answers = False  # the cancels are on their way
    plain.sent.clear()
    plain.touch(BID + 6 * TICK, ASK + 6 * TICK)  # the new best bid wants the price of the old best ask
    plain.tick()
    old_asks = {order[1] for order in plain.resting.values() if order[0] == -1}
    placed = [int(a["px"]) for a in plain.sent if a["kind"] == actions.PLACE and a["side"] == 1]
    assert not old_asks & set(placed)
    assert plain.state.reconcile.n_price_taken == 1


def test_a_touch_told_side_by_side_is_noticed(desk: Desk) -> None:
    """The price moves with the first record of a pair, only the size with the second."""
    before = int(desk.state.n_decisions)
    desk.feed(events.BBO, px=desk.bid - 10 * TICK, qty=5_000, side=1, bits=int(events.BIT_MORE))
    desk.feed(events.BBO, px=desk.ask, qty=4_000, side=-1)
    for _ in range(6):
        desk.tick()
    assert desk.state.n_decisions > before
    assert desk.state.decided_mid2 == desk.state.book.mid2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[models]\nenabled = false", "rule = 'glft' needs them"),
        ("[market]\nfeed = 'touch'", "needs the book"),
    ],
)
def test_what_does_not_fit_together_is_refused(text: str, words: str) -> None:
    with pytest.raises(config.ConfigError, match=words):
        config.parse(text)
