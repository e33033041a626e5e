"""Our own messages against the typed schemas that the recorded fixtures of the venue fit (tests/venues/hyperliquid)."""

import asyncio
import base64
import json
import zlib
from itertools import pairwise
from typing import Any

import pytest

from touchstone.venues.hyperliquid.decoding import Decoder

HYPE, ASSET = "hyna:HYPE", 110_000
COIN_KINDS = ("l2Book", "bbo", "trades", "activeAssetCtx")
SNAPSHOTS = (
    "userFills userFundings userNonFundingLedgerUpdates userTwapSliceFills userTwapHistory userHistoricalOrders"
).split()


@pytest.fixture(scope="module")
def trader(venue: Any) -> Any:
    """Demo account 9 with an order, a fill and a position."""
    found = venue.trader(9)
    found.isolate(ASSET)
    assert "filled" in found.order(ASSET, "B", found.away(HYPE, 1.02), "1", "Ioc")
    found.order(ASSET, "B", found.away(HYPE, 0.97), "1", c="0x" + "0" * 31 + "1")
    return found


def test_every_info_response_fits_its_schema(venue: Any, trader: Any) -> None:
    user = {"user": trader.user}
    end = venue.info("exchangeStatus")["time"] + 1
    candles = {"req": {"coin": HYPE, "interval": "1m", "startTime": 0, "endTime": end}}
    requests: list[tuple[str, dict[str, Any]]] = [
        *((kind, {"dex": dex}) for dex in ("", "hyna") for kind in (
            "meta", "metaAndAssetCtxs", "allMids", "perpDexLimits", "perpDexStatus", "perpsAtOpenInterestCap")),
        *((kind, {}) for kind in (
            "allPerpMetas", "perpDexs", "spotMeta", "spotMetaAndAssetCtxs", "exchangeStatus", "maxMarketOrderNtls",
            "predictedFundings")),
        *((kind, {"coin": HYPE}) for kind in ("l2Book", "recentTrades")),
        ("l2Book", {"coin": HYPE, "nSigFigs": 5, "mantissa": 2}),
        ("l2Book", {"coin": "NONE"}),
        ("fundingHistory", {"coin": HYPE, "startTime": 0}),
        ("candleSnapshot", candles),
        ("marginTable", {"id": 10}),
        *((kind, user | {"dex": "hyna"}) for kind in ("clearinghouseState", "openOrders", "frontendOpenOrders")),
        *((kind, user) for kind in (
            "spotClearinghouseState", "historicalOrders", "userFills", "userRateLimit", "userFees", "userRole",
            "extraAgents", "subAccounts", "approvedBuilders", "userAbstraction", "userDexAbstraction",
            "userTwapSliceFills", "twapHistory", "userVaultEquities")),
        *((kind, user | {"startTime": 0}) for kind in (
            "userFillsByTime", "userFunding", "userNonFundingLedgerUpdates")),
        ("userFillsByTime", user | {"startTime": 0, "aggregateByTime": True, "reversed": True}),
        ("orderStatus", user | {"oid": "0x" + "0" * 31 + "1"}),
        ("orderStatus", user | {"oid": 1}),
        ("activeAssetData", user | {"coin": HYPE}),
        ("maxBuilderFee", user | {"builder": trader.user}),
    ]  # fmt: skip
    decoder = Decoder(strict=True)
    for kind, parameters in requests:
        answer = venue.info(kind, **parameters)
        decoder.info(kind, json.dumps(answer))
    assert not decoder.unknown
    assert venue.info("userFills", **user)
    assert venue.info("userNonFundingLedgerUpdates", **user, startTime=0)[0]["delta"]["type"] == "deposit"


@pytest.mark.asyncio
async def test_every_subscription_has_its_snapshot_and_fits_its_schema(venue: Any, wire: Any, trader: Any) -> None:
    me = trader.user
    first: dict[str, dict[str, Any]] = {
        "allMids": {"dex": "hyna"},
        **{kind: {"coin": HYPE} for kind in COIN_KINDS},
        "candle": {"coin": HYPE, "interval": "1m"},
        "allDexsAssetCtxs": {},
        **{kind: {"user": me} for kind in SNAPSHOTS},
        **{kind: {"user": me, "dex": "hyna"} for kind in ("openOrders", "clearinghouseState", "twapStates")},
        "allDexsClearinghouseState": {"user": me},
        "spotState": {"user": me},
        "activeAssetData": {"user": me, "coin": HYPE},
        "webData2": {"user": me},
        "webData3": {"user": me},
    }
    decoder = Decoder(strict=True)
    async with wire(venue) as socket:
        for kind, parameters in first.items():
            await socket.subscribe(type=kind, **parameters)
            echo = await socket.next("subscriptionResponse")
            assert echo["method"] == "subscribe"
            assert echo["subscription"] | parameters == echo["subscription"]
            data = await socket.next(kind)
            if kind in SNAPSHOTS:
                assert (data["isSnapshot"], data["user"]) == (True, me)
        for kind in ("orderUpdates", "userEvents", "notification"):  # these begin with nothing
            await socket.subscribe(type=kind, user=me.upper().replace("0X", "0x"))
            assert (await socket.next("subscriptionResponse"))["subscription"]["user"] == me
        socket.seen.clear()
        assert "filled" in await asyncio.to_thread(trader.order, ASSET, "B", trader.away(HYPE, 1.02), "1", "Ioc")
        assert (await socket.next("orderUpdates"))[-1]["status"] == "filled"
        fills = next(frame for frame in socket.seen if frame["channel"] == "user") if "user" in {
            frame["channel"] for frame in socket.seen} else {"data": await socket.next("user")}  # fmt: skip
        assert fills["data"]["fills"][0]["coin"] == HYPE
        assert socket.seen != []
        await asyncio.sleep(0.5)
        await socket.send({"method": "ping"})
        await socket.next("pong")
        channels = {frame["channel"] for frame in socket.seen}
        assert {"userFills", "userHistoricalOrders", "clearinghouseState", "trades", "bbo", "l2Book"} <= channels
        for frame in socket.seen:
            decoder.frame(json.dumps(frame))
    assert not decoder.unknown


@pytest.mark.asyncio
async def test_channels_of_one_client_only(venue: Any, wire: Any) -> None:
    """`assetCtxs` and `fastAssetCtxs` are known from one client's schemas."""
    async with wire(venue) as socket:
        await socket.subscribe(type="fastAssetCtxs")
        packed = await socket.next("fastAssetCtxs")
        prices = json.loads(zlib.decompress(base64.b64decode(packed), wbits=-15))
        assert {"BTC", "ETH", HYPE} == prices.keys()
        assert prices[HYPE].keys() == {"markPx", "midPx"}
        await socket.subscribe(type="assetCtxs", dex="hyna")
        data = await socket.next("assetCtxs")
        assert (data["dex"], len(data["ctxs"])) == ("hyna", 1)


@pytest.mark.asyncio
async def test_books_come_half_a_second_apart_and_touches_when_they_change(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="l2Book", coin=HYPE)
        await socket.subscribe(type="bbo", coin=HYPE)
        await asyncio.sleep(4.0)
        await socket.send({"method": "ping"})
        await socket.next("pong")
        books = [frame["data"]["time"] for frame in socket.seen if frame["channel"] == "l2Book"][1:]
        gaps = [later - earlier for earlier, later in pairwise(books)]
        assert len(books) >= 5
        assert min(gaps) >= 500
        touches = [frame["data"]["bbo"] for frame in socket.seen if frame["channel"] == "bbo"]
        assert all(one != other for one, other in pairwise(touches[1:]))


@pytest.mark.asyncio
async def test_a_fast_book_has_five_levels(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="l2Book", coin=HYPE, fast=True)
        assert [len(side) for side in (await socket.next("l2Book"))["levels"]] == [5, 5]


@pytest.mark.asyncio
async def test_what_was_left_comes_no_more(venue: Any, wire: Any) -> None:
    async with wire(venue) as socket:
        await socket.subscribe(type="bbo", coin=HYPE)
        await socket.next("bbo")
        await socket.send({"method": "unsubscribe", "subscription": {"type": "bbo", "coin": HYPE}})
        while (await socket.next("subscriptionResponse"))["method"] != "unsubscribe":
            pass
        socket.seen.clear()
        await asyncio.sleep(1.0)
        await socket.send({"method": "ping"})
        await socket.next("pong")
        assert [frame["channel"] for frame in socket.seen] == ["pong"]
