"""Orders of several users on one book: classes of a block, matching, modify, self-trade, reduce-only, ids."""

from touchstone.venues.hyperliquid import actions as wire

from .conftest import BTC, HYPE, Desk, order

CLOID = "0x" + "ab" * 16


def test_a_good_till_cancel_order_takes_and_rests_the_remainder(desk: Desk) -> None:
    maker, taker = desk.user(1), desk.user(2)
    desk.one(maker, HYPE, "-3", "40.1")
    oid = desk.one(taker, HYPE, "5", "40.2", "Gtc")
    assert desk.statuses(taker) == [(oid, "open")]
    [fill] = desk.report.fills[taker]
    assert (fill.px, fill.sz, fill.crossed, fill.oid) == ("40.1", "3.0", True, oid)
    [left] = desk.exchange.open_orders(taker, "hyna")
    assert (left.oid, left.sz, left.orig_sz, left.limit_px) == (oid, "2.0", "5.0", "40.2")
    assert desk.exchange.bbo("hyna:HYPE").bbo[0].px == "40.2"


def test_an_immediate_order_answers_with_what_it_got(desk: Desk) -> None:
    maker, taker = desk.user(1), desk.user(2)
    desk.place(maker, order(HYPE, "-3", "40.1"), order(HYPE, "-1", "40.2"))
    assert desk.one(taker, HYPE, "5", "40.2", "Ioc") == ("4", "40.125")
    assert [s for _, s in desk.statuses(taker)] == ["canceled"]
    assert [(f.px, f.start_position) for f in desk.report.fills[taker]] == [("40.1", "0.0"), ("40.2", "3.0")]


def test_adds_and_cancels_of_a_block_come_before_what_takes(desk: Desk) -> None:
    maker, taker = desk.user(1), desk.user(2)
    old = desk.one(maker, HYPE, "-1", "40.1")
    now = desk.exchange.now_ms * 1_000_000
    take = desk.exchange.submit(taker, wire.PlaceOrders([order(HYPE, "2", "40.2", "Ioc")], "na"), now + 1)
    cancel = desk.exchange.submit(maker, wire.CancelOrders([wire.Cancel(HYPE, old)]), now + 2)
    add = desk.exchange.submit(maker, wire.PlaceOrders([order(HYPE, "-1", "40.2")], "na"), now + 3)
    desk.blocks()
    assert desk.report.executed == [add, cancel, take]
    [fill] = desk.report.fills[taker]
    assert fill.px == "40.2"  # arrived last, there first; the cancelled order at 40.1 was gone


def test_price_then_time_and_both_sides_of_a_trade(desk: Desk) -> None:
    first, second, taker = desk.user(1), desk.user(2), desk.user(3)
    a = desk.one(first, HYPE, "-1", "40.1")
    b = desk.one(second, HYPE, "-1", "40.1")
    best = desk.one(second, HYPE, "-1", "40.05")
    desk.one(taker, HYPE, "2.5", "40.1", "Ioc")
    assert [(f.oid, f.sz) for f in desk.report.fills[second]] == [(best, "1.0"), (b, "0.5")]
    assert [f.oid for f in desk.report.fills[first]] == [a]
    theirs = {(f.coin, f.tid): f for user in (first, second) for f in desk.report.fills[user]}
    for fill in desk.report.fills[taker]:
        other = theirs[(fill.coin, fill.tid)]
        assert (other.px, other.sz, other.side, other.crossed) == (fill.px, fill.sz, "A", False)
        assert 0 <= fill.tid < 2**50
        assert fill.hash == other.hash
    trades = desk.report.trades["hyna:HYPE"]
    assert [(t.side, t.users[0], t.tid) for t in trades] == [("B", taker, f.tid) for f in desk.report.fills[taker]]


def test_an_order_of_ones_own_is_cancelled_and_the_taker_goes_on(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    mine = desk.one(user, HYPE, "-1", "40.05")
    theirs = desk.one(other, HYPE, "-1", "40.1")
    assert desk.one(user, HYPE, "1", "40.1", "Ioc") == ("1", "40.1")
    assert (mine, "selfTradeCanceled") in desk.statuses(user)
    assert [f.oid for f in desk.report.fills[other]] == [theirs]
    [event] = desk.report.user_events[user]
    assert event.non_user_cancel[0].oid == mine
    assert len(desk.report.trades["hyna:HYPE"]) == 1


def test_a_modify_has_a_new_oid_and_keeps_no_place(desk: Desk) -> None:
    user, other, taker = desk.user(1), desk.user(2), desk.user(3)
    old = desk.one(user, HYPE, "-1", "40.1", cloid=CLOID)
    desk.one(other, HYPE, "-1", "40.1")
    [status] = desk.send(
        user, wire.ModifyOrders([wire.Replacement(CLOID, order(HYPE, "-2", "40.1", cloid=CLOID))])
    ).response.data.statuses  # fmt: skip
    new = status.resting.oid
    assert new > old
    assert desk.statuses(user) == [(new, "open"), (old, "canceled")]
    assert desk.exchange.order_status(user, CLOID).order.order.oid == new
    desk.one(taker, HYPE, "1.5", "40.1", "Ioc")
    assert [f.sz for f in desk.report.fills[other]] == ["1.0"]
    assert [f.sz for f in desk.report.fills[user]] == ["0.5"]


def test_a_plain_modify_turns_good_till_cancel_into_add_only(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    desk.one(other, HYPE, "-1", "40.1")
    old = desk.one(user, HYPE, "1", "40.0")
    text = desk.refusal(user, wire.ModifyOrder(old, order(HYPE, "1", "40.1", "Gtc")))
    assert text == (
        "Error placing new order during modify: Post only order would have immediately matched, "
        "bbo was 39.6@40.1. asset=110000"
    )
    assert desk.exchange.open_orders(user, "hyna") == []  # the old one is gone all the same
    assert desk.refusal(user, wire.ModifyOrder(old, order(HYPE, "1", "40", "Gtc"))) == (
        "Cannot modify canceled or filled order"
    )


def test_always_place_places_though_there_is_nothing_to_cancel(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    desk.one(other, HYPE, "-1", "40.1")
    reply = desk.send(user, wire.ModifyOrder(77, order(HYPE, "1", "40.1", "Gtc"), True))
    assert reply.response.type == "default"
    assert desk.size(user, "hyna:HYPE") == "1.0"


def test_a_modify_that_cancels_but_cannot_place(desk: Desk) -> None:
    user = desk.user(1)
    old = desk.one(user, HYPE, "1", "40.0")
    text = desk.refusal(user, wire.ModifyOrder(old, order(HYPE, "1", "40")), fails_to_replace=True)
    assert text.startswith("Error placing new order during modify: ")
    assert desk.statuses(user) == [(old, "canceled")]


def test_reduce_only_orders_shrink_with_the_position_and_go_with_it(desk: Desk) -> None:
    user, other = desk.user(1), desk.user(2)
    desk.one(other, HYPE, "-5", "40.1")
    desk.one(user, HYPE, "5", "40.1", "Ioc")
    big = desk.one(user, HYPE, "-9", "40.3", reduce_only=True)
    [shown] = desk.exchange.frontend_open_orders(user, "hyna")
    assert (shown.sz, shown.orig_sz, shown.reduce_only) == ("5.0", "9.0", True)
    desk.one(other, HYPE, "2", "40.0")
    desk.one(user, HYPE, "-2", "40.0", "Ioc")
    assert desk.exchange.open_orders(user, "hyna")[0].sz == "3.0"
    second = desk.one(user, HYPE, "-1", "40.2", reduce_only=True)
    assert [o.oid for o in desk.exchange.open_orders(user, "hyna")] == [second]  # of two that exceed it the older goes
    assert (big, "reduceOnlyCanceled") in desk.statuses(user)
    third = desk.one(user, HYPE, "-2", "40.3", reduce_only=True)
    desk.one(other, HYPE, "3", "40.0")
    desk.one(user, HYPE, "-3", "40.0", "Ioc")
    assert {(second, "reduceOnlyCanceled"), (third, "reduceOnlyCanceled")} <= set(desk.statuses(user))


def test_oids_rise_over_users_and_coins_and_refused_orders_have_one(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    first = desk.one(a, HYPE, "1", "40")
    desk.one(b, BTC, "0.01", "101000")  # refused: it would trade
    [(second, status)] = desk.statuses(b)
    third = desk.one(b, BTC, "0.01", "100000")
    assert first < second < third
    assert status == "badAloPxRejected"
    assert desk.exchange.order_status(b, second).order.status == "badAloPxRejected"


def test_the_same_cloid_leads_to_the_newest_order(desk: Desk) -> None:
    user = desk.user(1)
    first = desk.one(user, HYPE, "1", "40", cloid=CLOID)
    reply = desk.send(user, wire.CancelByCloid([wire.CloidCancel(HYPE, CLOID)]))
    assert reply.response.data.statuses == ["success"]
    second = desk.one(user, HYPE, "1", "39.9", cloid=CLOID)
    assert desk.exchange.order_status(user, CLOID).order.order.oid == second
    assert desk.exchange.order_status(user, first).order.status == "canceled"


def test_an_action_executes_in_the_first_block_at_or_after_its_arrival(desk: Desk) -> None:
    user = desk.user(1)
    at = desk.exchange.now_ms + 2 * desk.exchange.block_ms
    ticket = desk.exchange.submit(user, wire.Noop(), at * 1_000_000)
    later = desk.exchange.submit(user, wire.Noop(), at * 1_000_000 + 1)
    desk.blocks()
    assert ticket.reply is None
    desk.blocks()
    assert (ticket.block_ms, later.reply) == (at, None)
    assert ticket.reply.response.type == "default"


def test_the_agents_see_our_orders_and_we_theirs(desk: Desk) -> None:
    user = desk.user(1)
    desk.one(user, HYPE, "1.5", "39.9")
    book = desk.exchange.l2_book("hyna:HYPE")
    assert (book.levels[0][0].px, book.levels[0][0].sz, book.levels[0][0].n) == ("39.9", "1.5", 1)
    assert book.levels[0][1].px == "39.6"
    assert len(book.levels[0]) == 11
