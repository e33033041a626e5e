"""A post-only order that would have matched tells where the touch is: the next price is made from that."""

from tests.core.conftest import TICK, Desk

from touchstone.core import actions, events


def highest_bid(desk: Desk) -> tuple[int, int]:
    """(cloid, price) of our best bid."""
    return max(((cloid, px) for cloid, (side, px, _) in desk.resting.items() if side > 0), key=lambda bid: bid[1])


def test_the_next_bid_stays_below_the_ask_that_the_refusal_named(desk: Desk) -> None:
    cloid, px = highest_bid(desk)
    named = px - 2 * TICK  # the ask is there already, below what we wanted to bid
    desk.answers = False
    desk.sent.clear()
    desk.feed(events.ORDER_REJECTED, aux=cloid, code=events.REJECT_BAD_ALO_PX, px=named)
    desk.tick()
    again = [one for one in desk.sent if one["kind"] in (actions.PLACE, actions.AMEND) and int(one["side"]) > 0]
    assert again, "it asks again at once"
    assert max(int(one["px"]) for one in again) < named
    assert int(desk.state.refused_px[0]) == named
    desk.touch(desk.bid, desk.ask + TICK)  # the book has caught up: the refusal is of yesterday
    assert int(desk.state.refused_px[0]) == 0


def test_a_refusal_that_names_no_touch_changes_nothing(desk: Desk) -> None:
    cloid, px = highest_bid(desk)
    desk.answers = False
    desk.sent.clear()
    desk.feed(events.ORDER_REJECTED, aux=cloid, code=events.REJECT_MARGIN)
    desk.wait(0.5)  # it is not asked again at once
    assert desk.state.refused_px.tolist() == [0, 0]
    again = [one for one in desk.sent if one["kind"] in (actions.PLACE, actions.AMEND) and int(one["side"]) > 0]
    assert max(int(one["px"]) for one in again) >= px - 2 * TICK


def test_another_refusal_names_no_touch_though_its_update_has_a_price(desk: Desk) -> None:
    """A halted coin refuses both sides, each update with the order's own price: that would be a crossed touch."""
    for cloid, (_, px, _) in list(desk.resting.items()):
        desk.feed(events.ORDER_REJECTED, aux=cloid, code=events.REJECT_OTHER, px=px)
    assert desk.state.refused_px.tolist() == [0, 0]


def test_refusals_of_both_sides_never_make_a_crossed_touch(desk: Desk) -> None:
    """The market moved between them: only the newer one holds."""
    asks = [(cloid, px) for cloid, (side, px, _) in desk.resting.items() if side < 0]
    desk.answers = False
    desk.feed(events.ORDER_REJECTED, aux=highest_bid(desk)[0], code=events.REJECT_BAD_ALO_PX, px=desk.bid - 5 * TICK)
    desk.feed(events.ORDER_REJECTED, aux=asks[0][0], code=events.REJECT_BAD_ALO_PX, px=desk.bid + TICK)
    desk.tick()
    assert desk.state.refused_px.tolist() == [0, desk.bid + TICK]
    assert desk.state.market_params.best_px[0] < desk.state.market_params.best_px[1]
    assert int(desk.state.n_unsound) == 0


def test_a_refusal_beyond_our_own_sides_touch_moves_that_too(desk: Desk) -> None:
    desk.answers = False
    desk.feed(events.ORDER_REJECTED, aux=highest_bid(desk)[0], code=events.REJECT_BAD_ALO_PX, px=desk.bid - 5 * TICK)
    desk.tick()
    best_bid, best_ask = desk.state.market_params.best_px.tolist()
    assert best_bid < best_ask == desk.bid - 5 * TICK
    assert int(desk.state.n_unsound) == 0
