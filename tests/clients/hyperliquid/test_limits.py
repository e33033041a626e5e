"""Never more than the venue allows: by the rules alone against the local exchange's, and over a socket."""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from touchstone.clients.hyperliquid import Limits, NotSentError
from touchstone.clients.hyperliquid.limits import MINUTE_S, Window
from touchstone.local.server.peers import Minute
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.replies import Accepted

LIMIT = 100


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 60), st.floats(0, 0.99)), max_size=80))
@example([(0.0, 60, 0.9), *[(20.0, 1, 0.0)] * 3, (0.5, 60, 0.0)])  # a slow one, and a fast one a minute later
def test_what_a_window_lets_through_the_venue_never_refuses(steps: list[tuple[float, int, float]]) -> None:
    ours, theirs = Window(LIMIT), Minute()
    now_s = 0.0
    arrivals = []
    for pause_s, amount, transit_s in steps:
        now_s += pause_s
        if ours.take(amount, now_s) is not None:
            arrivals.append((now_s + transit_s, amount))
    assert all(theirs.take(amount, LIMIT, at_s) for at_s, amount in sorted(arrivals))


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 60), st.floats(0, 10)), max_size=60))
def test_readings_paid_for_at_most_and_settled_late_never_exceed_it(steps: list[tuple[float, int, float]]) -> None:
    """A reading arrives at any time until its answer is here, which may cost less than was kept for it."""
    ours, theirs = Window(LIMIT), Minute()
    now_s = 0.0
    for pause_s, amount, transit_s in steps:
        now_s += pause_s
        if wait_s := ours.wait_s(amount + 10, now_s):
            now_s += wait_s + 0.001
        entry = ours.take(amount + 10, now_s)
        assert entry is not None  # after the wait there is room
        now_s += transit_s
        assert theirs.take(amount, LIMIT, now_s)
        ours.settle(entry, amount, now_s)


def test_how_long_to_wait() -> None:
    window = Window(LIMIT)
    assert window.wait_s(60, 0.0) == 0.0
    window.take(60, 0.0)
    window.take(30, 10.0)
    assert window.wait_s(10, 10.0) == 0.0
    assert window.wait_s(11, 10.0) == MINUTE_S - 10.0
    assert window.wait_s(90, 20.0) == MINUTE_S - 10.0
    assert window.wait_s(LIMIT + 1, 20.0) == float("inf")
    assert window.wait_s(1, 20.0, keep=10) == MINUTE_S - 20.0
    assert window.take(11, 10.0) is None
    assert window.take(10, MINUTE_S - 0.1) is not None
    assert window.total(MINUTE_S) == 40
    window.add(500, MINUTE_S)
    assert window.total(MINUTE_S) == 540


def test_an_entry_that_has_gone_is_settled_as_a_new_one() -> None:
    window = Window(LIMIT)
    entry = window.take(50, 0.0)
    assert entry is not None
    window.settle(entry, 20, 2 * MINUTE_S)
    assert window.total(2 * MINUTE_S) == 20
    assert window.total(3 * MINUTE_S) == 0


@pytest.mark.asyncio
async def test_never_more_posts_in_flight_than_allowed(trade: Any, faults: Any) -> None:
    trader = await trade()
    faults(trader.server, inbound={"median_ms": 300})
    futures = [trader.client.send(actions.Noop()) for _ in range(105)]
    found = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(outcome) for outcome in found] == [Accepted] * 100 + [NotSentError] * 5
    assert "100 actions wait" in str(found[-1])
    assert "error_frames" not in trader.client.counters  # the venue had nothing to refuse
    assert trader.client.counters["not_sent"] == 5
    faults(trader.server)
    assert isinstance(await trader.client.send(actions.Noop()), Accepted)


@pytest.mark.asyncio
async def test_orders_leave_room_for_cancels(trade: Any, faults: Any) -> None:
    trader = await trade(limits=Limits(posts_in_flight=6, kept_for_cancels=2))
    faults(trader.server, inbound={"median_ms": 300})
    cancel = actions.CancelByCloid([actions.CloidCancel(110_000, trader.cloid())])
    order = actions.PlaceOrders([trader.order(True, 0.9)], "na")
    found = await asyncio.gather(
        *(trader.client.send(action) for action in [order] * 5 + [cancel] * 3), return_exceptions=True
    )
    assert [type(outcome) for outcome in found] == [Accepted] * 4 + [NotSentError] + [Accepted] * 2 + [NotSentError]
    for limits in (Limits(weight_per_minute=5, kept_for_cancels=3), Limits(messages_per_minute=10, kept_for_cancels=3)):
        tight = await trade(trader.server, number=2, limits=limits)
        found = await asyncio.gather(
            *(tight.client.send(action) for action in [order] * 3 + [cancel] * 3), return_exceptions=True
        )
        assert [type(outcome) for outcome in found] == [Accepted] * 2 + [NotSentError] + [Accepted] * 3


@pytest.mark.asyncio
async def test_messages_and_weight_are_refused_before_they_are_sent(trade: Any, serve: Any) -> None:
    server = await serve()
    few = await trade(server, limits=Limits(messages_per_minute=7))  # five subscriptions are messages too
    found = await asyncio.gather(*(few.client.send(actions.Noop()) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in found] == [Accepted, Accepted, NotSentError]
    assert "limit of 7 messages" in str(found[2])
    light = await trade(server, number=2, limits=Limits(weight_per_minute=5))
    cancels = [actions.Cancel(0, oid) for oid in range(1, 121)]  # 1 + 120 // 40
    assert isinstance(await light.client.send(actions.CancelOrders(cancels)), Accepted)
    assert isinstance(await light.client.send(actions.Noop()), Accepted)
    with pytest.raises(NotSentError, match="weight limit of 5"):
        await light.client.send(actions.Noop())
    peer = server.peers.of("127.0.0.1")
    assert peer.weight.total == 2 + 5


@pytest.mark.asyncio
async def test_readings_wait_for_their_weight_and_leave_some_for_actions(trade: Any, serve: Any) -> None:
    server = await serve()
    trader = await trade(server, starts=False, limits=Limits(weight_per_minute=60, weight_kept_for_actions=20))
    await trader.client.info("meta")
    await trader.client.info("userRateLimit", user=trader.client.account)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(trader.client.info("meta"), 0.3)
    assert trader.client.counters["weight_waits"] == 1
    for _ in range(20):
        assert isinstance(await trader.client.send(actions.Noop()), Accepted)
    with pytest.raises(NotSentError):
        await trader.client.send(actions.Noop())
    assert server.peers.of("127.0.0.1").weight.total == 60


@pytest.mark.asyncio
async def test_a_long_answer_is_paid_for_by_its_items(trade: Any, serve: Any) -> None:
    server = await serve()
    server.queries.answer = lambda request: [] if request.type != "userFills" else [{}] * 45
    trader = await trade(server, starts=False)
    with pytest.raises(Exception, match="coin"):  # 45 empty fills cannot be read, and cost all the same
        await trader.client.info("userFills", user=trader.client.account)
    now_s = asyncio.get_running_loop().time()
    assert trader.client._weight.total(now_s) == server.peers.of("127.0.0.1").weight.total == 20 + 45 // 20
