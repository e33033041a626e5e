"""Our orders against a recorded market: who is filled, by what, and what the exchange says about it."""

import pytest

from touchstone.core import actions, events

from .conftest import START_NS, Exchange

ALO, IOC, REDUCE = int(actions.BIT_ALO), int(actions.BIT_IOC), int(actions.BIT_REDUCE_ONLY)
AMEND = int(actions.AMEND)
BID, ASK = 399_990, 400_010


def test_an_order_rests_behind_what_its_level_shows(exchange: Exchange) -> None:
    one = exchange.place(+1, BID, 100)
    assert exchange.take() == [("resting", one, 100, 0)]
    exchange.trade(-1, BID, 500)
    assert exchange.take() == []  # the 500 ahead of us
    exchange.trade(-1, BID, 60)
    assert exchange.take() == [("fill", one, 60, 0)]
    exchange.trade(-1, BID, 900)
    assert exchange.take() == [("fill", one, 40, 0)]
    assert exchange.venue.account.position == 100


def test_a_fill_at_our_price_is_a_models_word_one_through_it_the_tapes(exchange: Exchange) -> None:
    exchange.place(+1, BID, 100)
    exchange.trade(-1, BID, 560)
    at = [a for a in exchange.answers if a.kind == events.FILL]
    assert [int(a.bits) for a in at] == [int(events.BIT_MODEL_FILL)]
    exchange.trade(-1, BID - 10, 1)
    through = [a for a in exchange.answers if a.kind == events.FILL][1:]
    assert [(int(a.bits), int(a.qty), int(a.px)) for a in through] == [(0, 40, BID)]


def test_a_later_opposite_touch_at_our_price_has_met_us(exchange: Exchange) -> None:
    one = exchange.place(+1, BID, 100)
    exchange.touch(BID - 30, 500, BID, 200)
    assert exchange.take()[-1] == ("fill", one, 100, 0)


def test_half_a_message_fills_nobody(exchange: Exchange) -> None:
    one = exchange.place(-1, ASK, 100)
    exchange.now += 1_000_000
    exchange.market(events.BBO, px=ASK + 40, qty=10, side=1, bits=events.BIT_MORE)  # crosses for a moment
    assert exchange.take() == [("resting", one, 100, 0)]


def test_an_untouched_order_rests_for_ever(exchange: Exchange) -> None:
    exchange.place(+1, BID - 40, 100)
    for _ in range(50):
        exchange.trade(-1, BID, 1_000)
        exchange.trade(+1, ASK, 1_000)
    assert exchange.venue.n_fills == 0


def test_whole_orders_as_hftbacktest_fills_them() -> None:
    made = Exchange(partial_fills=0)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(+1, BID, 100)
    made.take()
    made.trade(-1, BID, 501)
    assert made.take() == [("fill", one, 100, 0)]


def test_beyond_the_visible_book_only_a_trade_through_fills_and_is_counted(exchange: Exchange) -> None:
    deep = BID - 200
    one = exchange.place(+1, deep, 100)
    exchange.trade(-1, deep, 10_000)
    assert exchange.venue.n_fills == 0
    exchange.trade(-1, deep - 10, 1)
    assert exchange.take()[-1] == ("fill", one, 100, 0)
    assert exchange.venue.n_fills_beyond_book == 1


def test_a_level_that_comes_into_view_gives_its_queue(exchange: Exchange) -> None:
    deep = BID - 200
    exchange.place(+1, deep, 100)
    exchange.book({deep + 10: 300, deep: 250}, {ASK: 500})
    exchange.trade(-1, deep, 250)
    assert exchange.venue.n_fills == 0
    exchange.trade(-1, deep, 30)
    assert exchange.venue.account.position == 30


def test_two_orders_at_one_price_share_the_volume_by_age(exchange: Exchange) -> None:
    one, two = exchange.place(+1, BID, 100), exchange.place(+1, BID, 100)
    exchange.take()
    exchange.trade(-1, BID, 630)
    assert exchange.take() == [("fill", one, 100, 0), ("fill", two, 30, 0)]


def test_a_better_order_fills_before_a_worse_one(exchange: Exchange) -> None:
    far, near = exchange.place(+1, BID - 20, 100), exchange.place(+1, BID, 100)
    exchange.take()
    exchange.trade(-1, BID - 30, 5)
    assert [(what, cloid) for what, cloid, _, _ in exchange.take()] == [("fill", near), ("fill", far)]


def test_cancelled_size_ahead_of_us_advances_the_queue_by_the_model() -> None:
    made = Exchange(queue_kind=1, queue_n=1.0)  # power, n = 1: all 500 ahead, so the decrease was ahead
    made.book({BID: 500}, {ASK: 500})
    made.place(+1, BID, 100)
    made.book({BID: 300}, {ASK: 500})
    made.trade(-1, BID, 350)
    assert made.venue.account.position == 50


def test_an_amend_is_one_request_and_loses_the_place_in_the_queue(exchange: Exchange) -> None:
    one = exchange.place(+1, BID, 100)
    exchange.trade(-1, BID, 450)
    two = exchange.send(AMEND, +1, BID, 80, target=one)
    assert exchange.take() == [
        ("resting", one, 100, 0),
        ("cancelled", one, 100, int(events.CANCELLED_BY_AMEND)),
        ("resting", two, 80, 0),
    ]
    assert exchange.venue.n_requests == 2
    exchange.trade(-1, BID, 60)
    assert exchange.venue.n_fills == 0  # it stands behind 500 again


def test_a_refused_amend_leaves_neither_order(exchange: Exchange) -> None:
    one = exchange.place(+1, BID, 100)
    two = exchange.send(AMEND, +1, ASK, 100, target=one)
    assert exchange.take()[1:] == [
        ("cancelled", one, 100, int(events.CANCELLED_BY_AMEND)),
        ("rejected", two, 0, int(events.REJECT_BAD_ALO_PX)),
    ]
    assert exchange.venue.orders.n[0] == 0


def test_an_amend_of_an_order_that_is_gone_places_nothing(exchange: Exchange) -> None:
    two = exchange.send(AMEND, +1, BID, 100, target=77)
    assert exchange.take() == [("rejected", two, 0, int(events.REJECT_AMEND_TARGET_GONE))]


def test_a_fill_before_the_cancels_block_wins() -> None:
    made = Exchange(cancel_latency=380_000_000)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(+1, BID, 100)
    made.cancel(one)
    made.trade(-1, BID - 10, 1)
    made.now += 400_000_000
    made.run()
    assert made.take() == [("resting", one, 100, 0), ("fill", one, 100, 0), ("cancel_rejected", one, 0, 0)]


def test_an_order_on_its_way_meets_no_trade() -> None:
    made = Exchange(order_latency=200_000_000, block_ns=70_000_000)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(+1, BID, 100)
    made.trade(-1, BID - 50, 10_000)
    assert made.take() == []
    made.book({BID: 500}, {ASK: 500})
    made.now = START_NS + 300_000_000
    made.run()
    assert made.take() == [("resting", one, 100, 0)]
    resting = [a for a in made.answers if a.kind == events.ORDER_RESTING]
    assert resting == []


def test_requests_wait_for_their_block_and_cancels_come_before_takers() -> None:
    made = Exchange(block_ns=70_000_000)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(-1, ASK, 100)
    taker = made.place(+1, ASK, 100, IOC)
    made.cancel(one)
    assert made.take() == []
    made.now += 70_000_000
    made.run()
    assert [what for what, _, _, _ in made.take()] == ["resting", "cancelled", "fill"]
    blocks = {int(a.exch_ns) % 70_000_000 for a in made.answers if a.kind == events.FILL}
    assert blocks <= {0}
    assert taker == 2


def test_a_taking_order_walks_the_book_and_drops_the_rest(exchange: Exchange) -> None:
    one = exchange.place(+1, ASK + 10, 1_200, IOC)
    assert exchange.take() == [
        ("fill", one, 500, 0),
        ("fill", one, 500, 0),
        ("cancelled", one, 200, int(events.CANCELLED_IOC_REMAINDER)),
    ]
    two = exchange.place(+1, BID, 100, IOC)
    assert exchange.take() == [("rejected", two, 0, int(events.REJECT_IOC_NO_MATCH))]


def test_our_own_order_in_the_way_of_a_taker_is_cancelled(exchange: Exchange) -> None:
    one = exchange.place(-1, ASK, 100)
    two = exchange.place(+1, ASK, 100, IOC)
    assert exchange.take()[1:] == [("cancelled", one, 100, int(events.CANCELLED_SELF_TRADE)), ("fill", two, 100, 0)]


def test_reduce_only_orders_go_when_the_position_no_longer_covers_them(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 300, IOC)
    one, two = exchange.place(-1, ASK, 200, ALO | REDUCE), exchange.place(-1, ASK + 10, 100, ALO | REDUCE)
    exchange.take()
    exchange.place(-1, BID, 150, IOC)
    said = exchange.take()
    assert ("cancelled", one, 200, int(events.CANCELLED_REDUCE_ONLY)) in said
    assert exchange.venue.orders.n[1] == 1
    assert two > one


def test_a_fill_is_told_in_one_piece_then_position_and_account(exchange: Exchange) -> None:
    exchange.place(+1, BID, 100)
    exchange.trade(-1, BID - 10, 1)
    kinds = [int(a.kind) for a in exchange.answers]
    at = kinds.index(int(events.FILL))
    assert kinds[at : at + 4] == [int(k) for k in (events.FILL, events.FILL_DETAIL, events.POSITION, events.EQUITY)]
    detail, position, equity = exchange.answers[at + 1 : at + 4]
    assert (detail.px, detail.qty, detail.aux) == (399_990 * 100 * 15 // 100_000, 0, 1)
    assert position.qty == 100
    assert equity.px == 10_000_000_000 + 100 * 10 - detail.px
    assert len({int(a.recv_ns) for a in exchange.answers[at : at + 4]}) == 1


REFUSALS = [
    ("tick", dict(side=1, px=399_995, qty=100), events.REJECT_TICK),
    ("minimum", dict(side=1, px=BID, qty=24), events.REJECT_MIN_NOTIONAL),
    ("alo", dict(side=1, px=ASK, qty=100), events.REJECT_BAD_ALO_PX),
    ("alo ask", dict(side=-1, px=BID, qty=100), events.REJECT_BAD_ALO_PX),
    ("size", dict(side=1, px=BID, qty=0), events.REJECT_INVALID_SIZE),
    ("reduce", dict(side=1, px=BID, qty=100, bits=ALO | REDUCE), events.REJECT_REDUCE_ONLY),
    ("no match", dict(side=1, px=BID, qty=100, bits=IOC), events.REJECT_IOC_NO_MATCH),
    ("both kinds", dict(side=1, px=BID, qty=100, bits=ALO | IOC), events.REJECT_OTHER),
]


@pytest.mark.parametrize(("order", "reason"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_what_the_venue_refuses(exchange: Exchange, order: dict[str, int], reason: int) -> None:
    cloid = exchange.place(**order)  # type: ignore[arg-type]
    assert exchange.take() == [("rejected", cloid, 0, int(reason))]
    assert exchange.venue.n_rejected[int(reason)] == 1


def test_margin_and_the_number_of_orders_are_limited() -> None:
    made = Exchange(max_leverage=10, cash=10_000_000)
    made.book({BID: 500}, {ASK: 500})
    made.take()
    made.place(+1, BID, 260)  # 104 of 100
    assert made.take()[0][3] == int(events.REJECT_MARGIN)
    crowd = Exchange()
    crowd.book({BID: 500}, {ASK: 500})
    for _ in range(65):
        crowd.place(+1, BID, 100)
    assert crowd.take()[-1][3] == int(events.REJECT_TOO_MANY_ORDERS)


def test_post_only_does_not_meet_our_own_order(exchange: Exchange) -> None:
    made = Exchange()
    made.book({BID: 500}, {ASK + 40: 500})
    made.place(-1, ASK, 100)
    made.take()
    two = made.place(+1, ASK, 100)
    assert made.take() == [("rejected", two, 0, int(events.REJECT_BAD_ALO_PX))]
