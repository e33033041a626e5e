"""Each fault on demand, shown by what a client sees of it."""

import asyncio
import http.client
import json
import time
from typing import Any

import aiohttp
import pytest

HYPE, ASSET = "hyna:HYPE", 110_000


@pytest.fixture(scope="module")
def trader(venue: Any) -> Any:
    found = venue.trader(6)
    found.isolate(ASSET)
    return found


def timed(call: Any) -> float:
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def test_requests_and_answers_are_late(venue: Any) -> None:
    with venue.faults(inbound={"median_ms": 200}, outbound={"median_ms": 150}):
        assert timed(lambda: venue.info("allMids")) > 0.34
    assert timed(lambda: venue.info("allMids")) < 0.2


def test_latency_has_a_tail(venue: Any) -> None:
    with venue.faults(inbound={"tail_chance": 0.5, "tail_ms": 400}):
        taken = sorted(timed(lambda: venue.info("allMids")) for _ in range(16))
    assert taken[0] < 0.1
    assert taken[-1] > 0.3


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("too_many_requests_chance", 429, None),
        ("server_error_chance", 500, "<html>"),
        ("bad_gateway_chance", 502, "<html>"),
    ],
)
def test_http_failures(venue: Any, trader: Any, fault: str, status: int, text: str | None) -> None:
    with venue.faults(**{fault: 1.0}):
        for path, body in (("info", {"type": "allMids"}), ("exchange", trader.envelope({"type": "noop"}))):
            got, answer = venue.post(path, body)
            assert got == status
            assert answer is None if text is None else answer.startswith(text)
    assert venue.post("info", {"type": "allMids"})[0] == 200


def test_an_action_is_executed_and_its_answer_lost(venue: Any, trader: Any) -> None:
    cloid = f"0x{time.time_ns():032x}"
    price = trader.away(HYPE, 0.97)
    with venue.faults(lost_response_chance=1.0), pytest.raises((ConnectionError, http.client.HTTPException)):
        trader.order(ASSET, "B", price, "1", c=cloid)
    found = venue.info("orderStatus", user=trader.user, oid=cloid)
    assert found["order"]["status"] == "open"
    assert trader.cancel(ASSET, found["order"]["order"]["oid"]) == "success"


@pytest.mark.asyncio
async def test_the_connection_breaks_without_a_close_frame(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="bbo", coin=HYPE)
        await socket.next("bbo")
        await asyncio.to_thread(venue.admin, "disconnect", {})
        message = await socket.ended()
        assert socket.socket.close_code in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


@pytest.mark.asyncio
async def test_connections_break_by_chance(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        with venue.faults(disconnect_chance=1.0):
            await socket.ended()
    assert venue.admin("state")["counts"]["drawn disconnect"] >= 1


@pytest.mark.asyncio
async def test_a_socket_stays_open_and_says_nothing(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="l2Book", coin=HYPE)
        await socket.next("l2Book")
        with venue.faults(silent=True):
            await asyncio.sleep(0.3)
            socket.seen.clear()
            with pytest.raises(TimeoutError):
                await socket.next("nothing", 1.5)
            assert len(socket.seen) < 4  # what was on its way
            assert not socket.socket.closed
        await socket.next("l2Book", 3)


async def order_ids(socket: Any, n: int) -> list[int]:
    """Oids of the next n order updates."""
    found: list[int] = []
    while len(found) < n:
        found += [update["order"]["oid"] for update in await socket.next("orderUpdates")]
    return found


async def placed(trader: Any, n: int) -> list[int]:
    """Oids of n orders in blocks of their own."""
    price = trader.away(HYPE, 0.97)
    return [(await asyncio.to_thread(trader.order, ASSET, "B", price, "1"))["resting"]["oid"] for _ in range(n)]


def clear(trader: Any, oids: list[int]) -> None:
    for oid in oids:
        trader.cancel(ASSET, oid)


@pytest.mark.asyncio
async def test_private_messages_come_late(venue: Any, wire: Any, trader: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="orderUpdates", user=trader.user)
        await socket.next("subscriptionResponse")
        with venue.faults(private_delay={"median_ms": 600}):
            begin = time.monotonic()
            oids = await placed(trader, 1)
            assert await order_ids(socket, 1) == oids
            assert time.monotonic() - begin > 0.6
        clear(trader, oids)


@pytest.mark.asyncio
async def test_private_messages_come_twice(venue: Any, wire: Any, trader: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="orderUpdates", user=trader.user)
        await socket.next("subscriptionResponse")
        with venue.faults(private_duplicate_chance=1.0):
            oids = await placed(trader, 2)
            assert await order_ids(socket, 4) == [oids[0], oids[0], oids[1], oids[1]]
        clear(trader, oids)


@pytest.mark.asyncio
async def test_private_messages_overtake(venue: Any, wire: Any, trader: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="orderUpdates", user=trader.user)
        await socket.next("subscriptionResponse")
        with venue.faults(private_reorder_chance=1.0):
            oids = await placed(trader, 2)
            assert await order_ids(socket, 2) == oids[::-1]
        clear(trader, oids)


@pytest.mark.asyncio
async def test_the_event_comes_before_the_response(venue: Any, wire: Any, trader: Any) -> None:
    price = await asyncio.to_thread(trader.away, HYPE, 0.97)
    order = {"a": ASSET, "b": True, "p": price, "s": "1", "r": False, "t": {"limit": {"tif": "Alo"}}}
    action = {"type": "order", "orders": [order], "grouping": "na"}
    async with wire(venue) as socket:
        await socket.subscribe(type="orderUpdates", user=trader.user)
        await socket.next("subscriptionResponse")
        with venue.faults(event_before_response=True):
            for number in range(5):
                await socket.send(
                    {"method": "post", "id": number, "request": {"type": "action", "payload": trader.envelope(action)}}
                )
                answer = await socket.next("post")
                assert [frame["channel"] for frame in socket.seen[-2:]] == ["orderUpdates", "post"]
                oid = answer["response"]["payload"]["response"]["data"]["statuses"][0]["resting"]["oid"]
                await asyncio.to_thread(trader.cancel, ASSET, oid)
                await socket.next("orderUpdates")


def test_everybody_is_over_the_address_limit(venue: Any, trader: Any) -> None:
    with venue.faults(address_limit=True):
        text = trader.order(ASSET, "B", trader.away(HYPE, 0.97), "1")
    assert text.startswith("Too many cumulative requests sent (")
    assert text.endswith("Place taker orders to free up 1 request per USDC traded.")


def test_only_post_only_orders_after_an_upgrade(venue: Any, trader: Any) -> None:
    price = trader.away(HYPE, 0.97)
    with venue.faults(post_only=True):
        refused = trader.order(ASSET, "B", price, "1", "Gtc")
        assert refused == "Only post-only orders allowed immediately after network upgrade"
        placed = trader.order(ASSET, "B", price, "1", "Alo")
    assert trader.cancel(ASSET, placed["resting"]["oid"]) == "success"


def test_a_modify_that_cancels_and_cannot_place(venue: Any, trader: Any) -> None:
    price = trader.away(HYPE, 0.97)
    oid = trader.order(ASSET, "B", price, "1")["resting"]["oid"]
    order = {"a": ASSET, "b": True, "p": price, "s": "2", "r": False, "t": {"limit": {"tif": "Alo"}}}
    with venue.faults(modify_cancels_only=True):
        answer = trader.act({"type": "modify", "oid": oid, "order": order})
    assert answer["status"] == "err"
    assert answer["response"].startswith("Error placing new order during modify: ")
    assert venue.info("openOrders", user=trader.user, dex="hyna") == []
    assert venue.info("orderStatus", user=trader.user, oid=oid)["order"]["status"] == "canceled"


def test_a_halted_market(venue: Any, trader: Any) -> None:
    price = trader.away(HYPE, 0.97)
    oid = trader.order(ASSET, "B", price, "1")["resting"]["oid"]
    with venue.faults(halted=[HYPE]):
        time.sleep(0.3)
        assert "error" in trader.order(ASSET, "B", price, "1")
        assert venue.info("orderStatus", user=trader.user, oid=oid)["order"]["status"] != "open"
    time.sleep(0.3)
    assert trader.cancel(ASSET, trader.order(ASSET, "B", price, "1")["resting"]["oid"]) == "success"


@pytest.mark.parametrize("sides", [("no_asks",), ("no_bids", "no_asks")])
def test_a_one_sided_and_an_empty_book(venue: Any, sides: tuple[str, ...]) -> None:
    with venue.faults(**{side: [HYPE] for side in sides}):
        time.sleep(0.5)
        bids, asks = venue.info("l2Book", coin=HYPE)["levels"]
        assert (bids == [], asks == []) == ("no_bids" in sides, "no_asks" in sides)
        _, (context,) = venue.info("metaAndAssetCtxs", dex="hyna")
        assert (context["midPx"], context["impactPxs"]) == (None, None)
    deadline = time.monotonic() + 20
    while not all(venue.info("l2Book", coin=HYPE)["levels"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_stale_oracle(venue: Any) -> None:
    def prices() -> set[str]:
        found = set()
        for _ in range(8):  # the oracle speaks every three seconds
            found.add(venue.info("metaAndAssetCtxs", dex="hyna")[1][0]["oraclePx"])
            time.sleep(0.5)
        return found

    with venue.faults(stale_oracle=[HYPE]):
        assert len(prices()) == 1
    assert len(prices()) > 1


def test_the_clock_is_ahead(venue: Any) -> None:
    def ahead_ms() -> float:
        return float(venue.info("exchangeStatus")["time"]) - 1e3 * time.time()

    assert abs(ahead_ms()) < 500
    with venue.faults(clock_skew_ms=4_000):
        time.sleep(1.0)
        assert abs(ahead_ms() - 4_000) < 500
    before = venue.info("exchangeStatus")["time"]
    time.sleep(0.5)
    assert venue.info("exchangeStatus")["time"] == before  # it waits for the wall; a chain does not go back
    deadline = time.monotonic() + 30
    while abs(ahead_ms()) > 500:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_plan_of_faults_is_checked(venue: Any) -> None:
    for plan in ({"nonsense": 1}, {"lost_response_chance": 2.0}, [1]):
        with pytest.raises(Exception, match="400"):
            venue.admin("faults", plan)
    assert venue.admin("faults")["lost_response_chance"] == 0.0


def test_the_operators_endpoint_wants_its_token(venue: Any) -> None:
    host, port = venue.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("POST", "/admin/faults", json.dumps({"silent": True}), {"Authorization": "Bearer guess"})
    assert connection.getresponse().status == 401
    connection.close()
    assert venue.admin("faults")["silent"] is False
