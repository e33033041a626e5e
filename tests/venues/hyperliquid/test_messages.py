"""Messages written by hand after the documentation: each fits, comes back as it was, and what is new is counted."""

import json
import re
import subprocess
import sys
from typing import Any, get_args

import msgspec
import pytest

from touchstone.venues.hyperliquid import replies
from touchstone.venues.hyperliquid.decoding import Decoder, decode_client_frame
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import RESPONSES
from touchstone.venues.hyperliquid.replies import Accepted, Refused, Resting, Status
from touchstone.venues.hyperliquid.stream import (
    OrderUpdatesFrame,
    Ping,
    Post,
    ServerFrame,
    Subscribe,
    Subscription,
    UnknownFrame,
)

USER = "0x" + "ab" * 20
HASH = "0x" + "0" * 64
LEVEL = {"px": "38.1", "sz": "2.0", "n": 1}
BOOK = {"coin": "hyna:HYPE", "time": 5, "levels": [[LEVEL], []]}
CTX = {"funding": "0.0000125", "openInterest": "1.0", "prevDayPx": "38.0", "dayNtlVlm": "9.0", "premium": None,
       "oraclePx": "38.1", "markPx": "38.1", "midPx": None, "impactPxs": None, "dayBaseVlm": "1.0"}  # fmt: skip
ORDER = {"coin": "hyna:HYPE", "side": "B", "limitPx": "38.1", "sz": "2.0", "oid": 7, "timestamp": 5, "origSz": "2.0"}
FRONTEND = ORDER | {"triggerCondition": "N/A", "isTrigger": False, "triggerPx": "0.0", "children": [],
                    "isPositionTpsl": False, "reduceOnly": False, "orderType": "Limit", "tif": "Alo",
                    "cloid": None}  # fmt: skip
PAST = {"order": FRONTEND, "status": "badAloPxRejected", "statusTimestamp": 5}
FILL = {"coin": "hyna:HYPE", "px": "38.1", "sz": "2.0", "side": "B", "time": 5, "startPosition": "0.0",
        "dir": "Open Long", "closedPnl": "0.0", "hash": HASH, "oid": 7, "crossed": False, "fee": "-0.01", "tid": 9,
        "feeToken": "USDE", "cloid": "0x" + "0" * 32, "twapId": None}  # fmt: skip
MARGIN = {"accountValue": "1.0", "totalNtlPos": "0.0", "totalRawUsd": "-1.0", "totalMarginUsed": "0.0"}
POSITION = {"coin": "hyna:HYPE", "szi": "-2.0", "leverage": {"type": "isolated", "value": 3, "rawUsd": "1.0"},
            "entryPx": "38.1", "positionValue": "76.2", "unrealizedPnl": "0.0", "returnOnEquity": "0.0",
            "liquidationPx": None, "marginUsed": "25.4", "maxLeverage": 10,
            "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"}}  # fmt: skip
STATE = {"marginSummary": MARGIN, "crossMarginSummary": MARGIN, "crossMaintenanceMarginUsed": "0.0",
         "withdrawable": "1.0", "assetPositions": [{"type": "oneWay", "position": POSITION}], "time": 5}  # fmt: skip
SPOT_STATE = {"balances": [{"coin": "USDE", "token": 235, "total": "1.0", "hold": "0.0", "entryNtl": "0.0"}]}
META = {"universe": [{"szDecimals": 2, "name": "hyna:HYPE", "maxLeverage": 10, "marginTableId": 10,
                      "marginMode": "strictIsolated", "onlyIsolated": True, "growthMode": "enabled"}],
        "marginTables": [[50, {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 50}]}]],
        "collateralToken": 235}  # fmt: skip
TRADE = {"coin": "BTC", "side": "A", "px": "1.0", "sz": "1.0", "time": 5, "hash": HASH, "tid": 9, "users": [USER, USER]}
CANDLE = {"t": 0, "T": 59999, "s": "BTC", "i": "1m", "o": "1.0", "c": "1.0", "h": "1.0", "l": "1.0", "v": "1.0", "n": 3}
TWAP = {"coin": "BTC", "user": USER, "side": "B", "sz": "1.0", "executedSz": "0.0", "executedNtl": "0.0", "minutes": 30,
        "reduceOnly": False, "randomize": True, "timestamp": 5}  # fmt: skip
FUNDING = {"time": 5, "coin": "BTC", "usdc": "-0.1", "szi": "1.0", "fundingRate": "0.0000125", "nSamples": None}
LEDGER = {"time": 5, "hash": HASH, "delta": {"type": "deposit", "usdc": "1.0"}}
SPOT_CTX = {"prevDayPx": "1.0", "dayNtlVlm": "1.0", "markPx": "1.0", "midPx": None, "circulatingSupply": "1.0",
            "coin": "@107"}  # fmt: skip
ASSET_DATA = {"user": USER, "coin": "BTC", "leverage": {"type": "cross", "value": 20}, "maxTradeSzs": ["1.0", "2.0"],
              "availableToTrade": ["1.0", "2.0"], "markPx": "1.0"}  # fmt: skip

FRAMES: dict[str, Any] = {
    "error": "Already subscribed: {}",
    "subscriptionResponse": {"method": "subscribe",
                             "subscription": {"type": "l2Book", "coin": "BTC", "nSigFigs": None}},
    "post": {"id": 1, "response": {"type": "action", "payload": {"status": "ok", "response": {"type": "default"}}}},
    "allMids": {"mids": {"hyna:HYPE": "38.1"}, "dex": "hyna"},
    "l2Book": BOOK,
    "bbo": {"coin": "BTC", "time": 5, "bbo": [LEVEL, None]},
    "trades": [TRADE],
    "candle": CANDLE,
    "activeAssetCtx": {"coin": "BTC", "ctx": CTX},
    "activeSpotAssetCtx": {"coin": "@107", "ctx": SPOT_CTX},
    "allDexsAssetCtxs": {"ctxs": [["", [CTX]], ["hyna", []]]},
    "orderUpdates": [{"order": ORDER, "status": "open", "statusTimestamp": 5}],
    "user": {"nonUserCancel": [{"coin": "BTC", "oid": 7}]},
    "userFills": {"user": USER, "fills": [FILL], "isSnapshot": True},
    "userFundings": {"user": USER, "fundings": [FUNDING]},
    "userNonFundingLedgerUpdates": {"user": USER, "nonFundingLedgerUpdates": [LEDGER], "isSnapshot": False},
    "userTwapSliceFills": {"user": USER, "twapSliceFills": [{"fill": FILL, "twapId": 3}]},
    "userTwapHistory": {"user": USER, "history": [{"time": 5, "state": TWAP, "status": {"status": "activated"}}]},
    "userHistoricalOrders": {"user": USER, "orderHistory": [PAST], "isSnapshot": True},
    "openOrders": {"dex": "hyna", "user": USER, "orders": [FRONTEND]},
    "clearinghouseState": {"dex": "hyna", "user": USER, "clearinghouseState": STATE},
    "allDexsClearinghouseState": {"user": USER, "clearinghouseStates": [["hyna", STATE]]},
    "spotState": {"user": USER, "spotState": SPOT_STATE},
    "twapStates": {"dex": "", "user": USER, "states": [[3, TWAP]]},
    "activeAssetData": ASSET_DATA,
    "webData2": {"serverTime": 5},
    "webData3": {"userState": {}, "perpDexStates": []},
    "notification": {"notification": "text"},
    "outcomeMetaUpdates": [{}],
}  # fmt: skip

FEES = {"dailyUserVlm": [{"date": "2026-01-01", "userCross": "0.0", "userAdd": "0.0", "exchange": "1.0"}],
        "feeSchedule": {"cross": "0.00045", "add": "0.00015", "spotCross": "0.0007", "spotAdd": "0.0004",
                        "tiers": {"vip": [{"ntlCutoff": "5000000.0", "cross": "0.0004", "add": "0.00012",
                                           "spotCross": "0.0006", "spotAdd": "0.0003"}],
                                  "mm": [{"makerFractionCutoff": "0.005", "add": "-0.00001"}]},
                        "referralDiscount": "0.04",
                        "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}]},
        "userCrossRate": "0.00045", "userAddRate": "0.00015", "userSpotCrossRate": "0.0007",
        "userSpotAddRate": "0.0004", "activeReferralDiscount": "0.0", "trial": None, "feeTrialReward": "0.0",
        "nextTrialAvailableTimestamp": None, "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"}}  # fmt: skip
DEX = {"name": "hyna", "fullName": "x", "deployer": USER, "oracleUpdater": None, "feeRecipient": USER,
       "assetToStreamingOiCap": [["hyna:HYPE", "1.0"]], "subDeployers": [["setOracle", [USER]]],
       "deployerFeeScale": "1.0", "lastDeployerFeeScaleChangeTime": "1970-01-01T00:00:00",
       "assetToFundingMultiplier": [], "assetToFundingInterestRate": []}  # fmt: skip
SPOT_META = {"universe": [{"tokens": [1, 0], "name": "PURR/USDC", "index": 0, "isCanonical": True}],
             "tokens": [{"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "tokenId": "0x6d",
                         "isCanonical": True, "evmContract": None, "fullName": None}]}  # fmt: skip

PAYMENT = {key: value for key, value in FUNDING.items() if key != "time"}

INFO: list[tuple[str, Any]] = [
    ("allMids", {"BTC": "1.0"}), ("l2Book", BOOK), ("l2Book", None), ("meta", META),
    ("metaAndAssetCtxs", [META, [CTX]]),
    ("allPerpMetas", [META]), ("perpDexs", [None, DEX]), ("perpDexLimits", None),
    ("perpDexStatus", {"totalNetDeposit": "1.0"}),
    ("perpDexLimits", {"totalOiCap": "1", "oiSzCapPerPerp": "1", "maxTransferNtl": "1", "coinToOiCap": [["a", "1"]]}),
    ("perpsAtOpenInterestCap", ["BTC"]), ("marginTable", META["marginTables"][0][1]),
    ("maxMarketOrderNtls", [[25, "30000000.0"]]),
    ("predictedFundings", [["BTC", [["HlPerp", {"fundingRate": "0.1", "nextFundingTime": 5}], ["BinPerp", None]]]]),
    ("fundingHistory", [{"coin": "BTC", "fundingRate": "0.1", "premium": "0.1", "time": 5}]), ("recentTrades", [TRADE]),
    ("candleSnapshot", [CANDLE]), ("exchangeStatus", {"time": 5, "specialStatuses": None}), ("spotMeta", SPOT_META),
    ("spotMetaAndAssetCtxs", [SPOT_META, [SPOT_CTX]]), ("tokenDetails", {"name": "USDC"}),
    ("clearinghouseState", STATE),
    ("spotClearinghouseState", SPOT_STATE), ("openOrders", [ORDER]), ("frontendOpenOrders", [FRONTEND]),
    ("orderStatus", {"status": "order", "order": PAST}), ("orderStatus", {"status": "unknownOid"}),
    ("historicalOrders", [PAST]), ("userFills", [FILL]), ("userFillsByTime", []),
    ("userTwapSliceFills", [{"fill": FILL, "twapId": 3}]), ("userTwapSliceFillsByTime", []),
    ("twapHistory", [{"time": 5, "state": TWAP, "status": {"status": "finished"}}]),
    ("userFunding", [{"time": 5, "hash": HASH, "delta": {"type": "funding"} | PAYMENT}]),
    ("userNonFundingLedgerUpdates", [LEDGER]), ("delegatorHistory", []),
    ("userRateLimit", {"cumVlm": "1.0", "nRequestsUsed": 1, "nRequestsCap": 10001, "nRequestsSurplus": 0}),
    ("userFees", FEES), ("activeAssetData", ASSET_DATA), ("userRole", {"role": "agent", "data": {"user": USER}}),
    ("portfolio", [["day", {"accountValueHistory": [[5, "1.0"]], "pnlHistory": [[5, "0.0"]], "vlm": "0.0"}]]),
    ("extraAgents", [{"name": "mm", "address": USER, "validUntil": 5}]), ("subAccounts", None),
    ("userVaultEquities", [{"vaultAddress": USER, "equity": "1.0"}]), ("maxBuilderFee", 10),
    ("approvedBuilders", [USER]),
    ("userAbstraction", "disabled"), ("userDexAbstraction", None), ("webData2", {}),
]  # fmt: skip

OID = {"oid": 7, "cloid": "0x" + "0" * 32}
REPLIES: list[dict[str, Any]] = [
    {"status": "ok", "response": {"type": "default"}},
    {"status": "err", "response": "Invalid nonce: duplicate nonce 5"},
    {"status": "ok", "response": {"type": "order", "data": {"statuses": [
        {"resting": OID}, {"filled": {"totalSz": "1.0", "avgPx": "38.1", "oid": 7}}, {"error": "Order has zero size."},
        "waitingForFill", "waitingForTrigger"]}}},
    {"status": "ok", "response": {"type": "cancel", "data": {"statuses": ["success", {"error": "x asset=1"}]}}},
    {"status": "ok", "response": {"type": "twapOrder", "data": {"status": {"running": {"twapId": 3}}}}},
    {"status": "ok", "response": {"type": "twapCancel", "data": {"status": "success"}}},
    {"status": "ok", "response": {"type": "createSubAccount", "data": USER}},
]  # fmt: skip


@pytest.mark.parametrize("channel", FRAMES)
def test_frames(channel: str) -> None:
    raw = json.dumps({"channel": channel, "data": FRAMES[channel]})
    assert json.loads(msgspec.json.encode(Decoder(strict=True).frame(raw))) == json.loads(raw)


def test_there_is_a_sample_of_each_channel_and_each_info_type() -> None:
    assert {frame.__struct_config__.tag for frame in get_args(ServerFrame)} == FRAMES.keys() | {"pong"}
    assert {kind for kind, _ in INFO} == RESPONSES.keys()
    assert json.loads(msgspec.json.encode(Decoder(strict=True).frame('{"channel":"pong"}'))) == {"channel": "pong"}


@pytest.mark.parametrize(("kind", "value"), INFO, ids=[kind for kind, _ in INFO])
def test_info(kind: str, value: Any) -> None:
    assert json.loads(msgspec.json.encode(Decoder(strict=True).info(kind, json.dumps(value)))) == value


@pytest.mark.parametrize("value", REPLIES, ids=lambda value: json.dumps(value)[:60])
def test_replies(value: dict[str, Any]) -> None:
    assert json.loads(replies.encode(Decoder(strict=True).reply(json.dumps(value)))) == value


def test_a_refusal_of_all_stands_for_each() -> None:
    assert replies.statuses(Refused("no"), 3) == [Status(error="no")] * 3
    one = replies.orders_reply([Status(error="no")])
    assert replies.statuses(one, 3) == [Status(error="no")] * 3
    two = replies.cancels_reply(["success", Status(error="gone")])
    assert replies.statuses(two, 2) == ["success", Status(error="gone")]
    assert replies.statuses(replies.DEFAULT, 2) == ["success", "success"]
    assert msgspec.json.decode(replies.encode(replies.orders_reply([Status(resting=Resting(7))]))) == {
        "status": "ok",
        "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 7}}]}},
    }


# What is new.


def test_unknown_keys_are_dropped_and_counted_by_path() -> None:
    decoder = Decoder()
    update = {"order": ORDER | {"priority": 1}, "status": "open", "statusTimestamp": 5, "block": 9}
    frame = decoder.frame(json.dumps({"channel": "orderUpdates", "data": [update, update], "seq": 3}))
    assert isinstance(frame, OrderUpdatesFrame)
    assert [entry.order.oid for entry in frame.data] == [7, 7]
    assert decoder.unknown == {
        "orderUpdates.data[].order.priority": 2, "orderUpdates.data[].block": 2, "orderUpdates.seq": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [
        ("metaAndAssetCtxs", [META, [CTX | {"x": 1}]], "metaAndAssetCtxs[][].x"),
        ("l2Book", BOOK | {"levels": [[LEVEL | {"x": 1}], []]}, "l2Book.levels[][].x"),
        ("frontendOpenOrders", [FRONTEND | {"children": [FRONTEND | {"x": 1}]}], "frontendOpenOrders[].children[].x"),
        ("perpDexs", [None, DEX | {"x": {"y": 1}}], "perpDexs[].x"),
        ("clearinghouseState", STATE | {"x": 1}, "clearinghouseState.x"),
        ("userFees", FEES | {"feeSchedule": FEES["feeSchedule"] | {"x": 1}}, "userFees.feeSchedule.x"),  # type: ignore[operator]
    ],
)
def test_unknown_keys_deep_inside(kind: str, value: Any, path: str) -> None:
    decoder = Decoder()
    decoder.info(kind, json.dumps(value))
    assert decoder.unknown == {path: 1}
    with pytest.raises(WireError, match=re.escape(f"not known: {path}")):
        Decoder(strict=True).info(kind, json.dumps(value))


def test_unknown_statuses_are_kept_and_counted() -> None:
    decoder = Decoder()
    update = {"order": ORDER, "status": "meteorCanceled", "statusTimestamp": 5}
    past = PAST | {"status": "newRejected"}
    frame = decoder.frame(json.dumps({"channel": "orderUpdates", "data": [update]}))
    assert isinstance(frame, OrderUpdatesFrame)
    assert frame.data[0].status == "meteorCanceled"
    decoder.info("historicalOrders", json.dumps([PAST, past]))
    decoder.info("orderStatus", json.dumps({"status": "order", "order": past}))
    decoder.frame(json.dumps({"channel": "userHistoricalOrders", "data": {"user": USER, "orderHistory": [past]}}))
    assert decoder.unknown == {"status meteorCanceled": 1, "status newRejected": 3}
    with pytest.raises(WireError, match="meteorCanceled"):
        Decoder(strict=True).frame(json.dumps({"channel": "orderUpdates", "data": [update]}))


def test_a_new_kind_of_answer_to_an_order_is_counted() -> None:
    decoder = Decoder()
    reply = decoder.reply('{"status":"ok","response":{"type":"order","data":{"statuses":[{"parked":{"oid":1}}]}}}')
    assert isinstance(reply, Accepted)
    assert replies.statuses(reply, 1) == [Status()]
    assert decoder.unknown == {"exchange.response.data.statuses[].parked": 1}


def test_unknown_channels_types_and_text_are_kept_and_counted() -> None:
    decoder = Decoder()
    assert decoder.frame('{"channel":"weather","data":[1]}') == UnknownFrame("weather", [1])
    greeting = "Websocket connection established."
    assert decoder.frame(greeting) == UnknownFrame("", greeting)
    assert decoder.frame(greeting.encode()) == UnknownFrame("", greeting)
    assert decoder.frame("[1]") == UnknownFrame("", [1])
    assert decoder.info("tides", '{"high":"1"}') == {"high": "1"}
    assert decoder.unknown == {
        "channel weather": 1, "text that is not JSON": 2, "channel None": 1, "info type tides": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('{"channel":"l2Book","data":{"coin":"BTC","time":5}}', "levels"),
        ('{"channel":"l2Book","data":{"coin":"BTC","time":"5","levels":[[],[]],"x":1}}', "time"),
        ('{"channel":"trades","data":[{"coin":"BTC","side":"X"}]}', "side|px"),
    ],
)
def test_a_message_that_lacks_what_we_need_is_an_error(raw: str, told: str) -> None:
    decoder = Decoder()
    with pytest.raises(WireError, match=told):
        decoder.frame(raw)
    assert not decoder.unknown


def test_what_is_not_json_is_an_error_of_a_response() -> None:
    for read in (lambda: Decoder().reply("<html>"), lambda: Decoder().info("meta", "null")):
        with pytest.raises(WireError, match=r"exchange|meta"):
            read()


# From the client.


def test_client_frames() -> None:
    assert isinstance(decode_client_frame('{"method":"ping"}'), Ping)
    payload = '{"type":"meta","dex":"hyna"}'
    post = decode_client_frame(f'{{"method":"post","id":4,"request":{{"type":"info","payload":{payload}}}}}')
    assert isinstance(post, Post)
    assert bytes(post.request.payload) == payload.encode()
    raw = {"method": "subscribe", "subscription": {"type": "userFills", "user": USER, "aggregateByTime": False}}
    frame = decode_client_frame(json.dumps(raw))
    assert isinstance(frame, Subscribe)
    assert json.loads(msgspec.json.encode(frame)) == raw
    for wrong in ("{", '{"method":"dance"}', '{"method":"subscribe"}'):
        with pytest.raises(WireError, match="client frame"):
            decode_client_frame(wrong)


def test_an_echo_is_matched_with_its_subscription() -> None:
    def key(**given: Any) -> tuple[object, ...]:
        return msgspec.convert(given, Subscription).key

    assert key(type="l2Book", coin="BTC") == key(type="l2Book", coin="BTC", nSigFigs=None, mantissa=None)
    assert key(type="user", user=USER.upper()) == key(type="userEvents", user=USER)
    different = [
        key(type="l2Book", coin="BTC"), key(type="l2Book", coin="ETH"), key(type="bbo", coin="BTC"),
        key(type="l2Book", coin="BTC", nSigFigs=5), key(type="openOrders", user=USER),
        key(type="openOrders", user=USER, dex="hyna"), key(type="candle", coin="BTC", interval="1m"),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_the_wire_starts_without_the_compiler() -> None:
    code = (
        "import sys, touchstone.venues.hyperliquid.decoding, touchstone.venues.hyperliquid.signing;"
        "print(sorted({'numba', 'numpy', 'polars', 'pydantic', 'aiohttp', 'touchstone.core'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
