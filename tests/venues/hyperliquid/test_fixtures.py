"""Every recorded message fits its type, has nothing that the type does not know, and is written again as it came."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from touchstone.venues.hyperliquid.decoding import Decoder, decode_client_frame
from touchstone.venues.hyperliquid.info import InfoRequest
from touchstone.venues.hyperliquid.shapes import Book, Level
from touchstone.venues.hyperliquid.stream import BookFrame, Subscribe, TradesFrame

STRICT = Decoder(strict=True)


def same(decoded: object, raw: str) -> bool:
    return bool(json.loads(msgspec.json.encode(decoded)) == json.loads(raw))


def check_info(kind: str, raw: str) -> None:
    assert same(STRICT.info(kind, raw), raw), kind


def check_frame(raw: str) -> None:
    assert same(STRICT.frame(raw), raw), raw[:100]


NAUTILUS = {
    "http_all_perp_metas_non_usdc_collateral": "allPerpMetas",
    "http_clearinghouse_state_negative_total_raw_usd": "clearinghouseState",
    "http_funding_history": "fundingHistory",
    "http_l2_book_btc": "l2Book",
    "http_l2_book_snapshot": "l2Book",
    "http_meta_perp_sample": "meta",
    "http_recent_trades_btc": "recentTrades",
    "http_spot_clearinghouse_state": "spotClearinghouseState",
    "http_spot_meta_non_usdc_collateral": "spotMeta",
    "http_user_fills_dust_conversion": "userFills",
    "ws_all_dexs_asset_ctxs": None,
    "ws_allmids": None,
    "ws_book_data": "l2Book",
    "ws_user_fill_liquidation": None,
}  # fmt: skip


def test_nautilus(recordings: Path) -> None:
    found = sorted((recordings / "fixtures/nautilus").glob("*.json"))
    assert {path.stem for path in found} == NAUTILUS.keys()
    for path in found:
        kind, raw = NAUTILUS[path.stem], path.read_text()
        check_frame(raw) if kind is None else check_info(kind, raw)


def test_cassettes_of_the_sdk(recordings: Path) -> None:
    import yaml

    kinds = set()
    for path in sorted((recordings / "fixtures/python_sdk_cassettes").glob("*.yaml")):
        for exchange in yaml.safe_load(path.read_text())["interactions"]:
            body = exchange["request"]["body"]
            request = msgspec.json.decode(body, type=InfoRequest)
            assert same(request, body)
            check_info(request.type, exchange["response"]["body"]["string"])
            kinds.add(request.type)
    assert len(kinds) >= 20


HYPERLIQUID_NET = {
    "Futures_Account_GetAccountInfo": "clearinghouseState",
    "Futures_Account_GetFundingHistory": "userFunding",
    "Futures_ExchangeData_GetExchangeInfo": "meta",
    "Futures_ExchangeData_GetExchangeInfoAndTickers": "metaAndAssetCtxs",
    "Futures_ExchangeData_GetFundingRateHistory": "fundingHistory",
    "Futures_ExchangeData_GetSymbolsAtMaxOpenInterest": "perpsAtOpenInterestCap",
    "Futures_Trading_SetLeverage": None,
    "Spot_Account_GetAccountLedger": "userNonFundingLedgerUpdates",
    "Spot_Account_GetApprovedBuilderFee": "maxBuilderFee",
    "Spot_Account_GetBalances": "spotClearinghouseState",
    "Spot_Account_GetExtraAgents": "extraAgents",
    "Spot_Account_GetRateLimits": "userRateLimit",
    "Spot_Account_GetSubAccounts": "subAccounts",
    "Spot_Account_GetSubAccounts2": "subAccounts",
    "Spot_ExchangeData_GetAssetInfo": "tokenDetails",
    "Spot_ExchangeData_GetExchangeInfo": "spotMeta",
    "Spot_ExchangeData_GetExchangeInfoAndTickers": "spotMetaAndAssetCtxs",
    "Spot_ExchangeData_GetKlines": "candleSnapshot",
    "Spot_ExchangeData_GetOrderBook": "l2Book",
    "Spot_ExchangeData_GetPrices": "allMids",
    "Spot_Trading_GetOpenOrders": "openOrders",
    "Spot_Trading_GetOpenOrdersExtended": "frontendOpenOrders",
    "Spot_Trading_GetUserTrades": "userFills",
    "Spot_Trading_PlaceOrder": None,
}  # fmt: skip


def test_hyperliquid_net_over_http(recordings: Path) -> None:
    found = sorted((recordings / "fixtures/hyperliquid_net").glob("Endpoints_*.txt"))
    assert {path.stem.removeprefix("Endpoints_") for path in found} == HYPERLIQUID_NET.keys()
    for path in found:
        raw = path.read_text().split("\n", 3)[3]
        kind = HYPERLIQUID_NET[path.stem.removeprefix("Endpoints_")]
        if kind is None:
            assert same(STRICT.reply(raw), raw)
        else:
            check_info(kind, raw)


def test_hyperliquid_net_over_websocket(recordings: Path) -> None:
    found = sorted((recordings / "fixtures/hyperliquid_net").glob("Subscriptions_*.txt"))
    assert len(found) == 8
    for path in found:
        for mark, raw in re.findall(r"^([<>=])\d? (.*?)(?=^[<>=]\d? |\Z)", path.read_text(), re.DOTALL | re.MULTILINE):
            if mark == ">":
                assert isinstance(decode_client_frame(raw), Subscribe)
                assert same(decode_client_frame(raw), raw)
            else:
                check_frame(raw)


REPORTED = {
    "l2_snapshot": "l2Book",
    "candles_snapshot": "candleSnapshot",
    "user_state": "clearinghouseState",
    "spot_user_state": "spotClearinghouseState",
    "query_order_by_oid": "orderStatus",
    "query_order_by_cloid": "orderStatus",
    "user_funding_history": "userFunding",
}


def unfolded(value: Any) -> Any:
    """Lists that the report cut short and wrapped, as lists."""
    if isinstance(value, dict):
        return [unfolded(item) for item in value["_items"]] if "_items" in value else {
            key: unfolded(item) for key, item in value.items()
        }  # fmt: skip
    return [unfolded(item) for item in value] if isinstance(value, list) else value


def reported(text: str) -> Iterator[tuple[str, str]]:
    """(method of the SDK's Info, its response as JSON) of each section of a report."""
    parts = re.split(r"\n([^\n]+)\n-{3,}\n", text)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        response = body.partition("\nresponse:\n")[2].lstrip()
        if name.startswith("info.") and response:
            value, _ = json.JSONDecoder().raw_decode(response)
            yield name.removeprefix("info.").partition("[")[0], json.dumps(unfolded(value))


def test_reports_of_the_live_api(recordings: Path) -> None:
    checked = 0
    for path in sorted((recordings / "fixtures/api_reports").glob("*.txt")):
        for method, raw in reported(path.read_text()):
            check_info(REPORTED.get(method) or re.sub(r"_(\w)", lambda match: match[1].upper(), method), raw)
            checked += 1
    assert checked == 94


def test_books_recorded_by_others(recordings: Path) -> None:
    lines = (recordings / "fixtures/l2book_BTC_2025-07-03.jsonl").read_text().splitlines()
    lines = [line for line in lines if line]
    for line in lines:
        sides = json.loads(line)
        book = msgspec.convert({"coin": sides["coin"], "time": 0, "levels": [sides["bids"], sides["asks"]]}, Book)
        assert msgspec.to_builtins(book.levels[0]) == sides["bids"]
        assert all(isinstance(level, Level) for side in book.levels for level in side)
    assert len(lines) == 22


def test_raw_frames(recordings: Path) -> None:
    kinds = set()
    with gzip.open(recordings / "2025-01-26_BTC_ws_raw/BTC_ws_20250126.gz", "rt") as lines:
        for line in lines:
            raw = line.partition(" ")[2]
            check_frame(raw)
            kinds.add(type(STRICT.frame(raw)))
    assert kinds == {BookFrame, TradesFrame}
