"""Limits over the wire, at the venue's own numbers or smaller ones, with the venue's words."""

import asyncio
from typing import Any

import aiohttp
import pytest

from touchstone.local.server.settings import Limits

HYPE, ASSET = "hyna:HYPE", 110_000
SMALL = """
[limits]
ip_weight_per_minute = 200
connections = 4
subscriptions = 12
users = 3
messages_per_minute = 40
posts_in_flight = 5
request_buffer = 6
silence_s = 1.5
queue_frames = 50
"""
USERS = ["0x" + f"{number:040x}" for number in range(1, 20)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, run_exchange: Any) -> Any:
    with run_exchange(tmp_path_factory.mktemp("small"), "--coin", HYPE, config=SMALL) as found:
        yield found


@pytest.mark.asyncio
async def test_sockets_are_limited(small: Any, wire: Any) -> None:
    async with wire(small) as socket:
        for user in USERS[:3]:
            await socket.subscribe(type="orderUpdates", user=user)
        await socket.subscribe(type="userFills", user=USERS[0])  # a user counts once
        await socket.subscribe(type="orderUpdates", user=USERS[4])
        assert await socket.next("error") == "Cannot track more than 3 total users."
        await socket.subscribe(type="orderUpdates", user=USERS[0])
        assert (await socket.next("error")).startswith('Already subscribed: {"type":"orderUpdates"')
        await socket.send({"method": "unsubscribe", "subscription": {"type": "allMids"}})
        assert await socket.next("error") == 'Already unsubscribed: {"type":"allMids"}'
        await socket.subscribe(type="l2Book", coin="NONE")
        assert await socket.next("error") == 'Invalid subscription {"type":"l2Book","coin":"NONE"}'
        await socket.send("{nonsense")
        assert await socket.next("error") == "Error parsing JSON into valid websocket request: {nonsense"
        for digits in (2, 3, 4, 5):
            for kind in ({"fast": True}, {}):
                await socket.subscribe(type="l2Book", coin=HYPE, nSigFigs=digits, **kind)
        await socket.subscribe(type="bbo", coin=HYPE)
        assert await socket.next("error") == "Cannot subscribe to more than 12 channels."
        async with wire(small) as second, wire(small), wire(small):
            await second.send({"method": "ping"})
            assert await second.next("pong") is None
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                    await session.ws_connect(small.ws_url + "/ws")
            assert caught.value.status == 429
        for _ in range(40):
            await socket.send({"method": "ping"})
        assert await socket.next("error") == "Cannot send more than 40 messages per minute."


def test_requests_over_the_weight_are_429_and_the_budget_of_a_user_ends(small: Any) -> None:
    trader = small.trader(1)
    trader.isolate(ASSET)
    price = trader.away(HYPE, 0.97)
    oids = [trader.order(ASSET, "B", price, "1")["resting"]["oid"] for _ in range(5)]
    assert small.info("userRateLimit", user=trader.user) == {
        "cumVlm": "0.00", "nRequestsUsed": 6, "nRequestsCap": 6, "nRequestsSurplus": 0,
    }  # fmt: skip
    assert "resting" in trader.order(ASSET, "B", price, "1")  # one in ten seconds
    assert trader.order(ASSET, "B", price, "1") == (
        "Too many cumulative requests sent (8 > 6) for cumulative volume traded $0.00. "
        "Place taker orders to free up 1 request per USDC traded."
    )
    assert [trader.cancel(ASSET, oid) for oid in oids] == ["success"] * 5  # theirs ends at 12
    while small.post("info", {"type": "meta"})[0] == 200:
        pass
    assert small.post("info", {"type": "meta"}) == (429, None)


@pytest.mark.asyncio
async def test_a_socket_that_gets_nothing_is_closed(run_exchange: Any, tmp_path: Any, wire: Any) -> None:
    with run_exchange(tmp_path, "--coin", HYPE, config="[limits]\nsilence_s = 1.0") as venue:
        async with wire(venue) as quiet, wire(venue) as kept:
            for _ in range(4):
                await asyncio.sleep(0.5)
                await kept.send({"method": "ping"})
            message = await quiet.ended()
            assert message.type is aiohttp.WSMsgType.CLOSE
            await kept.next("pong")


@pytest.mark.asyncio
async def test_posts_in_flight(run_exchange: Any, tmp_path: Any, wire: Any) -> None:
    with run_exchange(tmp_path, "--coin", HYPE, config="[limits]\nposts_in_flight = 5") as venue, \
            venue.faults(inbound={"median_ms": 500}):  # fmt: skip
        async with wire(venue) as socket:
            for number in range(6):
                request = {"type": "info", "payload": {"type": "allMids", "dex": "hyna"}}
                await socket.send({"method": "post", "id": number, "request": request})
            assert await socket.next("error") == "too many pending post requests id=5"
            answer = await socket.next("post")
            assert answer["response"]["type"] == "info"
            assert answer["response"]["payload"]["type"] == "allMids"
            assert HYPE in answer["response"]["payload"]["data"]


@pytest.mark.asyncio
async def test_a_post_that_cannot_be_served(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        await socket.send({"method": "post", "id": 7, "request": {"type": "info", "payload": {"type": "nonsense"}}})
        assert await socket.next("post") == {
            "id": 7,
            "response": {
                "type": "error",
                "payload": "422 Unprocessable Entity: Failed to deserialize the JSON body into the target type",
            },
        }


def test_the_defaults_are_the_venues() -> None:
    limits = Limits()
    assert (limits.ip_weight_per_minute, limits.connections, limits.subscriptions, limits.users) == (1200, 10, 1000, 10)
    assert (limits.messages_per_minute, limits.posts_in_flight, limits.request_buffer) == (2000, 100, 10_000)
    assert (limits.over_budget_interval_s, limits.silence_s, limits.new_connections_per_minute) == (10.0, 60.0, 30)
