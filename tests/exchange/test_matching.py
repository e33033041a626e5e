"""Our orders against a recorded market: who is filled, by what, and what the exchange says about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core import actions, events
from touchstone.core.conventions import NS
from touchstone.exchange import transit

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


def test_a_level_out_of_view_keeps_our_place_as_the_worst_that_it_can_be(exchange: Exchange) -> None:
    deep = BID - 40
    exchange.place(+1, deep, 100)
    order = exchange.venue.orders.slot[exchange.venue.orders.live[0, 0]]
    exchange.book({BID: 500, BID - 10: 500}, {ASK: 500})  # a shallower message
    assert (order.queue_known, order.queue_ahead) == (0, 500.0)
    exchange.trade(-1, deep, 10_000)
    assert exchange.venue.n_fills == 0
    exchange.book({BID: 500, deep: 900}, {ASK: 500})
    assert (order.queue_known, order.queue_ahead) == (1, 500.0)
    exchange.book({BID: 500}, {ASK: 500})
    exchange.book({BID: 500, deep: 300}, {ASK: 500})
    assert (order.queue_known, order.queue_ahead) == (1, 300.0)


def test_a_deeper_level_brings_ours_into_view(exchange: Exchange) -> None:
    exchange.place(+1, BID - 200, 100)
    order = exchange.venue.orders.slot[exchange.venue.orders.live[0, 0]]
    assert not order.queue_known
    exchange.market(events.BOOK_LEVEL, px=BID - 300, qty=700, side=1)
    assert (order.queue_known, order.queue_ahead) == (1, 0.0)  # nothing stands at our price


def test_both_sides_of_a_touch_message_are_followed(exchange: Exchange) -> None:
    exchange.place(+1, BID, 100)
    exchange.place(-1, ASK, 100)
    exchange.touch(BID, 200, ASK, 300)
    orders = exchange.venue.orders
    assert [float(orders.slot[orders.live[s, 0]].queue_ahead) for s in (0, 1)] == [200.0, 300.0]


@given(
    kind=st.integers(0, 5),
    moves=st.lists(
        st.tuples(st.sampled_from(["trade", "level", "place"]), st.integers(1, 700), st.integers(0, 2)), max_size=40
    ),
)
def test_no_volume_at_our_price_is_used_twice(kind: int, moves: list[tuple[str, int, int]]) -> None:
    made = Exchange(queue_kind=kind, queue_n=2.0)
    prices = [BID, BID - 10, BID - 20]
    made.book({px: 500 for px in prices}, {ASK: 500})
    for what, qty, which in moves:
        made.answers = []
        if what == "place":
            made.place(+1, prices[which], qty + 25)
        elif what == "level":
            made.now += 1_000_000
            made.market(events.BOOK_LEVEL, px=prices[which], qty=qty, side=1)
        else:
            made.trade(-1, prices[which], qty)
        fills = [a for a in made.answers if a.kind == events.FILL]
        by_model = [int(a.qty) for a in fills if a.bits & events.BIT_MODEL_FILL]
        assert sum(by_model) <= (qty if what == "trade" else 0)
        assert all(a.px == prices[which] for a in fills if a.bits & events.BIT_MODEL_FILL)
    orders = made.venue.orders
    assert all(orders.slot[k].queue_ahead >= 0.0 for k in orders.live[0][: orders.n[0]])


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


BLOCK = 70_000_000


def at_the_block(made: Exchange) -> int:
    """Time of the next block, to which the exchange's clock goes."""
    made.now = (made.now // BLOCK + 1) * BLOCK
    return made.now


def test_an_order_does_not_meet_the_trades_of_its_own_block() -> None:
    made = Exchange(block_ns=BLOCK)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(+1, BID, 100)
    now = at_the_block(made)
    made.market(events.TRADE, px=BID - 10, qty=600, side=-1)
    assert made.take() == [("resting", one, 100, 0)]
    made.now = now + 1
    made.market(events.TRADE, px=BID - 10, qty=1, side=-1)
    assert made.take() == [("fill", one, 100, 0)]


def test_an_order_rests_behind_what_its_own_block_leaves() -> None:
    made = Exchange(block_ns=BLOCK)
    made.book({BID: 500}, {ASK: 500})
    made.place(+1, BID, 100)
    at_the_block(made)
    made.market(events.TRADE, px=BID, qty=400, side=-1)
    made.market(events.BBO, px=BID, qty=650, side=1, bits=events.BIT_MORE)
    made.market(events.BBO, px=ASK, qty=500, side=-1)
    order = made.venue.orders.slot[made.venue.orders.live[0, 0]]
    assert (order.queue_ahead, order.shown, order.traded) == (650.0, 650, 0)


def test_the_touch_of_its_own_block_does_not_meet_an_order_a_later_one_does() -> None:
    made = Exchange(block_ns=BLOCK)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(+1, BID, 100)
    now = at_the_block(made)
    made.market(events.BBO, px=BID - 30, qty=500, side=1, bits=events.BIT_MORE)
    made.market(events.BBO, px=BID, qty=200, side=-1)
    assert made.take() == [("resting", one, 100, 0)]
    made.now = now + 1
    made.market(events.BBO, px=BID, qty=100, side=-1)
    assert made.take() == [("fill", one, 100, 0)]


def test_a_cancel_comes_before_the_trades_of_its_block() -> None:
    made = Exchange(block_ns=BLOCK)
    made.book({BID: 500}, {ASK: 500})
    one = made.place(+1, BID, 100)
    at_the_block(made)
    made.run()
    made.cancel(one)
    made.now += 1
    at_the_block(made)
    made.market(events.TRADE, px=BID - 10, qty=1, side=-1)
    assert made.take() == [("resting", one, 100, 0), ("cancelled", one, 100, int(events.CANCELLED_BY_US))]


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
    one, two = exchange.place(-1, ASK, 100), exchange.place(-1, ASK + 10, 100)
    exchange.take()
    three = exchange.place(+1, ASK + 10, 600, IOC)
    self_trade = int(events.CANCELLED_SELF_TRADE)
    assert exchange.take() == [("cancelled", one, 100, self_trade), ("fill", three, 500, 0), ("fill", three, 100, 0)]
    assert exchange.venue.orders.n[1] == 1  # the taker was done before it came to our second order
    assert exchange.venue.n_self_trades == 1
    four = exchange.place(+1, ASK + 10, 600, IOC)  # 400 are left there, then we come
    assert exchange.take()[:2] == [("cancelled", two, 100, self_trade), ("fill", four, 400, 0)]


def test_two_takers_do_not_take_the_same_size(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 400, IOC)
    two = exchange.place(+1, ASK, 400, IOC)
    assert exchange.take()[1:] == [("fill", two, 100, 0), ("cancelled", two, 300, int(events.CANCELLED_IOC_REMAINDER))]
    exchange.touch(BID, 500, ASK, 500)  # the recording shows the level again
    three = exchange.place(+1, ASK, 400, IOC)
    assert exchange.take() == [("fill", three, 400, 0)]
    assert exchange.venue.n_fills_taken == 3


def test_reduce_only_orders_go_when_the_position_no_longer_covers_them(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 300, IOC)
    one, two = exchange.place(-1, ASK, 200, ALO | REDUCE), exchange.place(-1, ASK + 10, 100, ALO | REDUCE)
    exchange.take()
    exchange.place(-1, BID, 150, IOC)
    said = exchange.take()
    assert ("cancelled", one, 200, int(events.CANCELLED_REDUCE_ONLY)) in said
    assert exchange.venue.orders.n[1] == 1
    assert two > one


def test_a_reduce_only_order_shrinks_to_the_position_and_ends_as_cancelled(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 300, IOC)
    one = exchange.place(-1, ASK + 10, 400, ALO | REDUCE)
    assert exchange.take()[1:] == [("resting", one, 300, 0)]
    exchange.place(-1, BID, 100, IOC)
    assert exchange.venue.orders.open_qty[1] == 200
    exchange.take()
    exchange.trade(+1, ASK + 20, 1)
    assert exchange.take() == [("fill", one, 200, 0), ("cancelled", one, 200, int(events.CANCELLED_REDUCE_ONLY))]
    assert exchange.venue.account.position == 0
    assert exchange.venue.n_reduce_only_shrunk == 2


def test_a_fill_of_an_older_order_stops_a_reduce_only_one_within_the_same_trade(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 100, IOC)
    one, two = exchange.place(-1, ASK + 10, 100), exchange.place(-1, ASK + 20, 100, ALO | REDUCE)
    three = exchange.place(-1, ASK + 20, 50)
    exchange.take()
    exchange.trade(+1, ASK + 30, 5)
    reduce_only = int(events.CANCELLED_REDUCE_ONLY)
    assert exchange.take() == [("fill", one, 100, 0), ("cancelled", two, 100, reduce_only), ("fill", three, 50, 0)]


def test_a_reduce_only_taker_never_turns_the_position(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 100, IOC)
    exchange.take()
    one = exchange.place(-1, BID, 300, IOC | REDUCE)
    assert exchange.take() == [("fill", one, 100, 0), ("cancelled", one, 200, int(events.CANCELLED_REDUCE_ONLY))]
    assert exchange.venue.account.position == 0


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


def test_a_price_far_from_the_oracle_is_refused(exchange: Exchange) -> None:
    exchange.market(events.CONTEXT, px=400_000, qty=400_000)
    one, two = exchange.place(+1, 19_990, 1_000), exchange.place(+1, 20_000, 1_000)
    assert exchange.take() == [("rejected", one, 0, int(events.REJECT_ORACLE)), ("resting", two, 1_000, 0)]


def test_requests_beyond_the_venues_room_are_refused_and_counted() -> None:
    made = Exchange(order_latency=NS, cancel_latency=NS)
    for _ in range(transit.MAX_REQUESTS):
        made.place(+1, BID, 100)
    made.cancel(1)  # a cancel that finds no room says nothing of the order
    over = made.place(+1, BID, 100)
    made.collect()
    assert made.take() == [("rejected", over, 0, int(events.REJECT_RATE_LIMIT))]
    assert made.venue.n_overflow == 2


def test_a_reduce_only_order_for_the_whole_position_may_be_small(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 30, IOC)
    exchange.place(-1, BID, 26, IOC)
    exchange.take()
    small, whole = exchange.place(-1, ASK, 3, ALO | REDUCE), exchange.place(-1, ASK, 4, ALO | REDUCE)
    assert exchange.take() == [("rejected", small, 0, int(events.REJECT_MIN_NOTIONAL)), ("resting", whole, 4, 0)]


def test_cancel_all_takes_every_order_and_a_second_cancel_is_refused(exchange: Exchange) -> None:
    one, two = exchange.place(+1, BID, 100), exchange.place(-1, ASK, 100)
    exchange.take()
    exchange.send(int(actions.CANCEL_ALL))
    assert exchange.take() == [("cancelled", one, 100, 0), ("cancelled", two, 100, 0)]
    exchange.cancel(one)
    assert exchange.take() == [("cancel_rejected", one, 0, 0)]


def test_post_only_does_not_meet_our_own_order(exchange: Exchange) -> None:
    made = Exchange()
    made.book({BID: 500}, {ASK + 40: 500})
    made.place(-1, ASK, 100)
    made.take()
    two = made.place(+1, ASK, 100)
    assert made.take() == [("rejected", two, 0, int(events.REJECT_BAD_ALO_PX))]


# ---------------------------------------------------------------- good till cancel

GTC = int(actions.BIT_GTC)


def test_good_till_cancel_takes_what_is_shown_and_rests_the_remainder(exchange: Exchange) -> None:
    one = exchange.place(+1, ASK + 10, 1_200, bits=GTC)
    assert exchange.take() == [("fill", one, 500, 0), ("fill", one, 500, 0), ("resting", one, 200, 0)]
    assert exchange.venue.account.position == 1_000
    exchange.trade(-1, ASK, 1)  # through it
    assert exchange.take() == [("fill", one, 200, 0)]


def test_good_till_cancel_that_meets_nobody_only_rests(exchange: Exchange) -> None:
    one = exchange.place(-1, ASK, 100, bits=GTC)
    assert exchange.take() == [("resting", one, 100, 0)]


def test_a_reduce_only_remainder_that_reduces_nothing_more_is_cancelled(exchange: Exchange) -> None:
    exchange.place(+1, ASK, 300, bits=IOC)
    exchange.take()
    one = exchange.place(-1, BID, 400, bits=GTC | REDUCE)
    assert exchange.take() == [("fill", one, 300, 0), ("cancelled", one, 100, int(events.CANCELLED_REDUCE_ONLY))]


@pytest.mark.parametrize("bits", [0, ALO | IOC, ALO | GTC, IOC | GTC, ALO | IOC | GTC])
def test_an_order_says_once_how_long_it_lives(exchange: Exchange, bits: int) -> None:
    one = exchange.place(+1, BID, 100, bits=bits)
    assert exchange.take() == [("rejected", one, 0, int(events.REJECT_OTHER))]


def test_a_fill_beyond_what_margin_allows_cancels_the_order(exchange: Exchange) -> None:
    exchange.venue.most_position[:] = (120, 50)
    one = exchange.place(+1, BID, 100)
    two = exchange.place(+1, BID - 10, 100)
    three = exchange.place(-1, ASK, 100)
    exchange.take()
    exchange.trade(-1, BID - 20, 1)
    assert exchange.take() == [("fill", one, 100, 0), ("cancelled", two, 100, int(events.CANCELLED_MARGIN))]
    exchange.trade(+1, ASK + 10, 1)
    assert exchange.take() == [("fill", three, 100, 0)]  # it reduces
