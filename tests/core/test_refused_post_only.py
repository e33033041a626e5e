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
    desk.tick()
    assert desk.state.refused_px.tolist() == [0, 0]
    again = [one for one in desk.sent if one["kind"] in (actions.PLACE, actions.AMEND) and int(one["side"]) > 0]
    assert max(int(one["px"]) for one in again) >= px - 2 * TICK
