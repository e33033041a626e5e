"""Every refusal that belongs to what this exchange does, provoked; wordings are those of hyperliquid.md 6."""

import pytest

from touchstone.venues.hyperliquid import actions as wire

from .conftest import BTC, ETH, HYPE, MICRO, Desk, order, quiet_spec


def refused(desk: Desk, user: str) -> str:
    """Status of the order that the last block refused."""
    [(_, status)] = desk.statuses(user)
    return status


@pytest.mark.parametrize(
    ("size", "px", "tif", "text", "status"),
    [
        ("1", "40.0005", "Alo", "Price must be divisible by tick size. asset=110000", "tickRejected"),
        ("0.24", "40", "Alo", "Order must have minimum value of $10. asset=110000", "minTradeNtlRejected"),
        ("10000", "40", "Alo", "Insufficient margin to place order. asset=110000", "perpMarginRejected"),
        (
            "1", "41", "Alo",
            "Post only order would have immediately matched, bbo was 39.6@40.404. asset=110000", "badAloPxRejected",
        ),
        (
            "1", "40", "Ioc",
            "Order could not immediately match against any resting orders. asset=110000", "iocCancelRejected",
        ),
    ],
)  # fmt: skip
def test_refusals_of_single_orders(desk: Desk, size: str, px: str, tif: str, text: str, status: str) -> None:
    user = desk.user(1)
    assert desk.one(user, HYPE, size, px, tif) == text
    assert refused(desk, user) == status


def test_a_price_that_is_no_price_for_the_coin(desk: Desk) -> None:
    user = desk.user(1)
    for px, size, text in (
        ("40.12345", "1", "Order has invalid price."),
        ("0", "1", "Order has invalid price."),
        ("40", "0", "Order has zero size."),
        ("40", "0.001", "Order has invalid size."),
        ("1.9", "10", "Order price cannot be more than 95% away from the reference price"),
        ("79", "1", "Order price cannot be more than 95% away from the reference price"),
    ):
        statuses = desk.place(user, order(HYPE, "1", "40"), order(HYPE, size, px))
        assert [s.error for s in statuses] == [text]  # one for the whole payload
        assert desk.report.order_updates == {}  # and no record of it


def test_the_oracle_band(desk: Desk) -> None:
    user = desk.user(1)
    desk.exchange.coins["hyna:HYPE"].oracle_px = 20 * 10_000
    desk.exchange.coins["hyna:HYPE"].oracle_is_stale = True
    assert desk.one(user, HYPE, "1", "39.5") == "Order price too far from oracle asset=110000"
    assert refused(desk, user) == "oracleRejected"


def test_reduce_only_that_would_not_reduce(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    text = "Reduce only order would increase position. asset=110000"
    assert desk.one(user, HYPE, "1", "39.9", reduce_only=True) == text
    assert refused(desk, user) == "reduceOnlyRejected"
    desk.one(other, HYPE, "-1", "40.1")
    desk.one(user, HYPE, "1", "40.1", "Ioc")
    assert desk.one(user, HYPE, "1", "39.9", reduce_only=True) == text


def test_minimum_value_spares_what_closes_the_whole_position(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    desk.one(other, HYPE, "-0.3", "40.1")
    desk.one(user, HYPE, "0.3", "40.1", "Ioc")
    desk.one(other, HYPE, "1", "40.0")
    small = "Order must have minimum value of $10. asset=110000"
    assert desk.one(user, HYPE, "-0.1", "40", "Ioc", reduce_only=True) == small
    assert desk.one(user, HYPE, "-0.3", "30.0", "Ioc", reduce_only=True) == ("0.3", "40")


def test_open_interest_at_its_cap() -> None:
    desk = Desk(quiet_spec(open_interest_cap=400.0))
    long, short, third = desk.user(1), desk.user(2), desk.user(3)
    desk.one(short, HYPE, "-10", "40.0")
    desk.one(long, HYPE, "10", "40.0", "Ioc")
    assert desk.exchange.perps_at_open_interest_cap("hyna") == ["hyna:HYPE"]
    desk.one(short, HYPE, "5", "39.8")  # reducing orders rest
    capped = "Order would increase open interest while open interest is capped asset=110000"
    assert desk.one(third, HYPE, "-1", "39.8", "Ioc") == capped
    assert refused(desk, third) == "positionIncreaseAtOpenInterestCapRejected"
    assert desk.one(long, HYPE, "-30", "39.8", "Ioc") == capped
    assert refused(desk, long) == "positionFlipAtOpenInterestCapRejected"
    assert desk.one(third, HYPE, "1", "40.1") == (
        "Order rejected due to price more aggressive than oracle while at open interest cap asset=110000"
    )
    assert refused(desk, third) == "tooAggressiveAtOpenInterestCapRejected"
    assert isinstance(desk.one(third, HYPE, "1", "39.7"), int)
    assert desk.one(long, HYPE, "-5", "39.8", "Ioc") == ("5", "39.8")


def test_a_resting_order_that_would_break_the_cap_is_cancelled_at_its_match() -> None:
    desk = Desk(quiet_spec(open_interest_cap=400.0))
    first, second, taker = desk.user(1), desk.user(2), desk.user(3)
    desk.one(first, HYPE, "-10", "40.1")
    beyond = desk.one(second, HYPE, "-5", "40.2")
    assert desk.one(taker, HYPE, "15", "40.3", "Ioc") == ("10", "40.1")
    assert desk.statuses(second) == [(beyond, "openInterestCapCanceled")]


def test_open_interest_that_grows_too_quickly() -> None:
    desk = Desk(quiet_spec(open_interest_growth=200.0))
    user = desk.user(1)
    text = "Order would increase open interest too quickly asset=110000"
    assert desk.one(user, HYPE, "6", "39.9") == text
    assert refused(desk, user) == "openInterestIncreaseRejected"
    assert isinstance(desk.one(user, HYPE, "4", "39.9"), int)


def test_the_margin_tier(desk: Desk) -> None:
    user = desk.user(1, 1_000_000.0)
    desk.send(user, wire.UpdateLeverage(ETH, True, 25))
    text = "Order would cause position to exceed margin tier limit at current leverage asset=1"
    assert desk.one(user, ETH, "260", "4000") == text
    assert refused(desk, user) == "perpMaxPositionRejected"
    desk.send(user, wire.UpdateLeverage(ETH, True, 10))
    assert isinstance(desk.one(user, ETH, "260", "4000"), int)


def test_cancels_of_what_does_not_rest(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    oid = desk.one(user, HYPE, "1", "40")
    text = "Order was never placed, already canceled, or filled. asset=110000"
    for whose, action in (
        (other, wire.CancelOrders([wire.Cancel(HYPE, oid)])),
        (user, wire.CancelOrders([wire.Cancel(HYPE, 12)])),
        (user, wire.CancelByCloid([wire.CloidCancel(HYPE, "0x" + "1" * 32)])),
    ):
        assert [s.error for s in desk.send(whose, action).response.data.statuses] == [text]
    [wrong] = desk.send(user, wire.CancelOrders([wire.Cancel(BTC, oid)])).response.data.statuses
    assert wrong.error == "Order was never placed, already canceled, or filled. asset=0"


def test_refusals_of_whole_actions(desk: Desk) -> None:
    user, stranger = desk.user(1), "0x" + "9" * 40
    assert desk.refusal(stranger, wire.Noop()) == f"Must deposit before performing actions. User: {stranger}"
    many = wire.PlaceOrders([order(HYPE, "1", "40")] * 201, "na")
    assert desk.refusal(user, many) == "Signed action over weight limit of 200."
    assert desk.refusal(user, wire.Noop(), expires_after=desk.exchange.now_ms) == "Action already expired"
    assert desk.refusal(user, wire.ModifyOrder(5, order(HYPE, "1", "40"))) == "Cannot modify canceled or filled order"
    assert desk.refusal(user, wire.SetReferrer("TEST")) == "Referral code not registered"
    tpsl = wire.PlaceOrders([order(HYPE, "1", "40")], "normalTpsl")
    assert desk.refusal(user, tpsl) == "Unexpected number of trigger orders"
    assert desk.refusal(user, wire.CreateSubAccount("mine")) == (
        "Cannot create sub-accounts until enough volume traded. Required: $100000."
    )
    excessive = wire.PlaceOrders([order(HYPE, "1", "40")], "na", wire.Builder("0x" + "b" * 40, 101))
    assert desk.refusal(user, excessive) == "Builder fee has not been approved"
    desk.exchange.is_post_only = True
    text = "Only post-only orders allowed immediately after network upgrade"
    assert desk.refusal(user, wire.PlaceOrders([order(HYPE, "1", "40", "Gtc")], "na")) == text
    assert isinstance(desk.one(user, HYPE, "1", "40"), int)


def test_leverage_and_isolated_margin(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    assert desk.refusal(user, wire.UpdateLeverage(HYPE, True, 5)) == "Cross margin is not allowed for this asset."
    assert desk.refusal(user, wire.UpdateLeverage(BTC, True, 41)) == "Invalid leverage value."
    assert desk.refusal(user, wire.UpdateIsolatedMargin(BTC, True, MICRO)) == "Position does not use isolated margin."
    desk.one(other, BTC, "-0.01", "100000")
    desk.one(user, BTC, "0.01", "100000", "Ioc")
    assert desk.refusal(user, wire.UpdateLeverage(BTC, False, 10)) == (
        "Cannot switch leverage type with open position."
    )
    assert desk.send(user, wire.UpdateLeverage(BTC, True, 10)).response.type == "default"


def test_the_scheduled_cancel_has_a_volume_gate_a_notice_and_a_daily_limit(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    later = desk.exchange.now_ms + 60_000
    assert desk.refusal(user, wire.ScheduleCancel(later)) == (
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $0."
    )
    desk.one(other, HYPE, "-1", "40.1")
    desk.one(user, HYPE, "1", "40.1", "Ioc")
    assert desk.refusal(user, wire.ScheduleCancel(later)).endswith("Traded: $40.1.")
    trader = desk.exchange.traders[user]
    trader.volume = 1_000_000 * MICRO
    soon = desk.exchange.now_ms + 5_000
    assert "at least 5 seconds" in desk.refusal(user, wire.ScheduleCancel(soon))
    for _ in range(10):
        oids = [desk.one(user, HYPE, "1", "39"), desk.one(user, BTC, "0.001", "90000")]
        assert desk.send(user, wire.ScheduleCancel(desk.exchange.now_ms + 5_100)).response.type == "default"
        reports = desk.seconds(5.2)
        told = [u for r in reports for u in r.order_updates.get(user, [])]
        assert [(u.order.oid, u.status) for u in told] == [(oid, "scheduledCancel") for oid in oids]
    assert "10 times today" in desk.refusal(user, wire.ScheduleCancel(desk.exchange.now_ms + 9_000))


def test_a_halted_coin_has_no_orders_and_takes_none(desk: Desk) -> None:
    user = desk.user(1)
    oid = desk.one(user, HYPE, "1", "39")
    desk.exchange.halt("hyna:HYPE")
    desk.blocks()
    assert desk.statuses(user) == [(oid, "delistedCanceled")]
    assert desk.one(user, HYPE, "1", "39") == "Trading is halted. asset=110000"
    desk.exchange.halt("hyna:HYPE", False)
    assert isinstance(desk.one(user, HYPE, "1", "39"), int)


def test_more_than_a_thousand_orders(desk: Desk) -> None:
    user = desk.user(1, 1_000_000.0)
    for n in range(5):
        desk.place(user, *[order(HYPE, "1", f"{20 + n}.{m:02d}") for m in range(100) for _ in range(2)])
    assert len(desk.exchange.open_orders(user, "hyna")) == 1_000
    assert desk.one(user, HYPE, "1", "19") == "Too many open orders. asset=110000"
    assert refused(desk, user) == "tooManyOpenOrdersRejected"


def test_one_sided_and_empty_books(desk: Desk) -> None:
    user = desk.user(1)
    desk.exchange.empty_side("hyna:HYPE", -1)
    desk.blocks(20)
    assert desk.exchange.bbo("hyna:HYPE").bbo[1] is None
    context = desk.exchange.asset_context("hyna:HYPE")
    assert (context.mid_px, context.impact_pxs) == (None, None)
    assert "could not immediately match" in desk.one(user, HYPE, "1", "45", "Ioc")
    desk.exchange.empty_side("hyna:HYPE", 1)
    desk.blocks(100)
    assert desk.exchange.bbo("hyna:HYPE").bbo == (None, None)
    assert desk.exchange.asset_context("hyna:HYPE").premium is None
    desk.exchange.empty_side("hyna:HYPE", 1, False)
    desk.exchange.empty_side("hyna:HYPE", -1, False)
    desk.blocks(2)
    assert desk.exchange.asset_context("hyna:HYPE").mid_px is not None
