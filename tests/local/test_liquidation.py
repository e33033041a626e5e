"""Liquidation by mark: to the market, in parts, to the backstop. The market mirrors a feed that the test makes up."""

import pytest

from touchstone.local.liquidation import backstop_of
from touchstone.venues.hyperliquid import actions as wire

from .conftest import BTC, EVEN, HYPE, Desk, imbalance


def lever(desk: Desk, user: str, size: str, px: str) -> float:
    """A long of BTC at 40x; its liquidation price by the venue's word."""
    desk.send(user, wire.UpdateLeverage(BTC, True, 40))
    assert desk.one(user, BTC, size, px, "Ioc")[0] == size
    [held] = desk.exchange.clearinghouse_state(user).asset_positions
    return float(held.position.liquidation_px)


def move(desk: Desk, coin: str, px: float) -> list[object]:
    """The market goes to a price; what happens within the 3 s until the mark has followed."""
    desk.show(coin, px)
    return desk.seconds(3.1)


def test_a_position_is_sold_to_the_market_below_its_liquidation_price(mirror: Desk) -> None:
    user = mirror.user(1, 1_000.0)
    px = lever(mirror, user, "0.3", "100100")
    raw = float(mirror.exchange.clearinghouse_state(user).cross_margin_summary.total_raw_usd)
    assert px == pytest.approx(-raw / (0.3 * (1 - 1 / 80)), abs=0.2)  # where raw + 0.3 px = 0.3 px / 80
    resting = mirror.one(user, BTC, "-0.1", "110000")
    move(mirror, "BTC", px + 20.0)
    assert mirror.size(user, "BTC") == "0.3"
    reports = move(mirror, "BTC", px - 20.0)
    assert mirror.size(user, "BTC") == "0.0"
    told = [(u.order.oid, u.status) for r in reports for u in r.order_updates.get(user, [])]
    assert told[0] == (resting, "liquidatedCanceled")
    assert told[1][1] == "filled"
    [fill] = [f for r in reports for f in r.fills.get(user, [])]
    assert (fill.dir, fill.liquidation.method, fill.liquidation.liquidated_user) == (
        "Liquidated Cross Long", "market", user,
    )  # fmt: skip
    assert fill.hash == "0x" + "0" * 64
    [event] = [e for r in reports for e in r.user_events.get(user, []) if e.liquidation]
    assert event.liquidation.liquidated_user == user
    assert mirror.exchange.user_ledger(user, 0)[-1].delta["leverageType"] == "Cross"
    assert imbalance(mirror.exchange) == EVEN


def test_a_large_position_goes_in_fifths_with_30_s_between(mirror: Desk) -> None:
    user = mirror.user(1, 8_000.0)
    px = lever(mirror, user, "3", "100100")
    move(mirror, "BTC", px - 20.0)
    assert mirror.size(user, "BTC") == "2.4"
    mirror.seconds(20)
    assert mirror.size(user, "BTC") == "2.4"
    state = mirror.exchange.clearinghouse_state(user)
    value = float(state.cross_margin_summary.account_value)
    needed = float(state.cross_maintenance_margin_used)
    mirror.seconds(15)
    assert mirror.size(user, "BTC") == ("1.92" if value < needed else "2.4")
    assert imbalance(mirror.exchange) == EVEN


def test_what_has_too_little_left_goes_to_the_backstop(mirror: Desk) -> None:
    user = mirror.user(1, 1_000.0)
    px = lever(mirror, user, "0.3", "100100")
    reports = move(mirror, "BTC", px - 500.0)  # more than a third of the maintenance margin below it
    backstop = backstop_of(0)
    assert (mirror.size(user, "BTC"), mirror.size(backstop, "BTC")) == ("0.0", "0.3")
    [fill] = [f for r in reports for f in r.fills.get(user, [])]
    assert (fill.liquidation.method, fill.px) == ("backstop", fill.liquidation.mark_px)
    [theirs] = mirror.exchange.user_fills(backstop)
    assert (theirs.tid, theirs.sz, theirs.side) == (fill.tid, fill.sz, "B")
    assert mirror.exchange.clearinghouse_state(user).cross_margin_summary.account_value == "0.0"
    assert imbalance(mirror.exchange) == EVEN


def test_the_backstop_bears_what_a_jump_has_cost_beyond_the_account(mirror: Desk) -> None:
    user = mirror.user(1, 1_000.0)
    lever(mirror, user, "0.3", "100100")
    move(mirror, "BTC", 90_000.0)
    assert mirror.exchange.clearinghouse_state(user).cross_margin_summary.account_value == "0.0"
    backstop = mirror.exchange.clearinghouse_state(backstop_of(0))
    assert float(backstop.cross_margin_summary.account_value) < -1_900.0
    assert imbalance(mirror.exchange) == EVEN


def test_an_isolated_position_loses_its_own_margin_and_no_more(mirror: Desk) -> None:
    user = mirror.user(1)
    assert mirror.one(user, HYPE, "100", "40.02", "Ioc")[0] == "100"  # 400 of margin at 10x
    free = mirror.exchange.clearinghouse_state(user, "hyna").cross_margin_summary.account_value
    for px in (39.6, 39.2, 38.8, 38.4, 38.0, 37.6):
        move(mirror, "hyna:HYPE", px)  # a deployer's mark moves by 1 % at most
    assert mirror.size(user, "hyna:HYPE") == "0.0"
    [fill] = [f for f in mirror.exchange.user_fills(user) if f.liquidation]
    assert fill.dir == "Liquidated Isolated Long"
    state = mirror.exchange.clearinghouse_state(user, "hyna")
    assert float(free) <= float(state.cross_margin_summary.account_value) < float(free) + 200.0
    assert imbalance(mirror.exchange) == EVEN
