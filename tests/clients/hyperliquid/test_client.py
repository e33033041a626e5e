"""A client against the real local exchange: actions and their answers, frames, reconnects."""

import asyncio
from typing import Any

import msgspec
import pytest

from touchstone.clients.hyperliquid import account
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.replies import Accepted, Refused, Status, statuses
from touchstone.venues.hyperliquid.stream import OrderUpdatesFrame

ASSET = 110_000
pytestmark = pytest.mark.asyncio


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_order_rests_is_replaced_and_cancelled(trade: Any) -> None:
    trader = await trade()
    await trader.isolate()
    cloid, second = trader.cloid(), trader.cloid()
    oid = await trader.rest(cloid)
    replacement = actions.Replacement(cloid, trader.order(True, 0.91, cloid=second))
    reply = await trader.client.send(actions.ModifyOrders([replacement]))
    (status,) = statuses(reply, 1)
    assert isinstance(status, Status)
    assert status.resting
    assert status.resting.oid > oid
    cancel = actions.CancelByCloid([actions.CloidCancel(ASSET, second)], fast=True)
    assert statuses(await trader.client.send(cancel), 1) == ["success"]
    await until(lambda: trader.ears.channels["orderUpdates"] >= 3)
    decoder = Decoder(strict=True)
    updates = [
        (update.order.cloid, update.status)
        for frame in trader.ears.frames
        if isinstance(found := decoder.frame(frame), OrderUpdatesFrame)
        for update in found.data
    ]
    assert {(cloid, "open"), (cloid, "canceled"), (second, "open"), (second, "canceled")} == set(updates)


async def test_the_schedule_of_cancelling_is_set_and_cleared(trade: Any) -> None:
    trader = await trade()
    # An account without a million of volume is told so by the venue; the refusal is an answer, not an error.
    reply = await trader.client.send(actions.ScheduleCancel(int(1e15)))
    assert isinstance(reply, Refused)
    assert "Cannot set scheduled cancel time" in reply.response
    trader.server.exchange.trader(trader.client.account).volume = 2 * 10**12
    await trader.isolate()
    cloid = trader.cloid()
    await trader.rest(cloid)
    now = trader.server.exchange.now_ms
    assert isinstance(await trader.client.send(actions.ScheduleCancel(now + 60_000)), Accepted)
    assert isinstance(await trader.client.send(actions.ScheduleCancel()), Accepted)
    assert isinstance(await trader.client.send(actions.ScheduleCancel(now + 5_500)), Accepted)
    async with asyncio.timeout(8.0):
        while (found := await account.order_status(trader.client, cloid)).order.status == "open":  # type: ignore[union-attr]
            await asyncio.sleep(0.2)
    assert found.order
    assert found.order.status == "scheduledCancel"


async def test_frames_are_heard_raw_and_control_frames_are_not(trade: Any) -> None:
    trader = await trade()
    await until(lambda: trader.ears.channels["l2Book"] >= 2)
    await trader.client.send(actions.Noop())
    assert set(trader.ears.channels) <= {"bbo", "l2Book", "orderUpdates", "userFills", "user"}
    assert trader.ears.channels["userFills"] == 1  # the snapshot
    assert trader.ears.told == ["up"]


async def test_actions_reach_the_venue_in_the_order_of_their_calls(trade: Any) -> None:
    trader = await trade()
    await trader.isolate()
    futures = [trader.client.send(actions.PlaceOrders([trader.order(True, 0.9)], "na")) for _ in range(20)]
    replies = [statuses(reply, 1)[0] for reply in await asyncio.gather(*futures)]
    oids = [status.resting.oid for status in replies if isinstance(status, Status) and status.resting]
    assert len(oids) == 20
    assert oids == sorted(oids)


async def test_a_broken_connection_comes_back_with_its_subscriptions(trade: Any) -> None:
    trader = await trade()
    await until(lambda: trader.ears.channels["l2Book"] >= 1)
    assert trader.server.sockets.disconnect_all() == 1
    await until(lambda: len(trader.ears.told) == 3)
    assert trader.ears.told[0] == trader.ears.told[2] == "up"
    assert trader.ears.told[1].startswith("down: ")
    trader.ears.channels.clear()
    await until(lambda: trader.ears.channels["l2Book"] >= 2)
    await trader.isolate()
    await trader.rest()
    await until(lambda: trader.ears.channels["orderUpdates"] >= 1)
    assert trader.client.counters["connections"] == 2
    assert trader.client.counters["connections_lost"] == 1


async def test_a_post_whose_answer_is_lost_has_an_unknown_outcome_that_its_cloid_tells(trade: Any, faults: Any) -> None:
    from touchstone.clients.hyperliquid import UnknownOutcomeError

    trader = await trade()
    await trader.isolate()
    cloid = trader.cloid()
    faults(trader.server, lost_response_chance=1.0)
    with pytest.raises(UnknownOutcomeError):
        await trader.rest(cloid)
    faults(trader.server)
    found = await account.order_status(trader.client, cloid)
    assert found.order
    assert found.order.status == "open"
    assert (await account.order_status(trader.client, trader.cloid())).status == "unknownOid"
    await until(lambda: trader.ears.told[-1] == "up" and len(trader.ears.told) == 3)
    assert msgspec.json.encode(trader.client.counters)
