"""The official client, unmodified, over real sockets: hyperliquid-python-sdk 0.24, on both dexs."""

import json
import queue
import time
from collections.abc import Iterator
from typing import Any

import eth_account
import pytest
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.demo import demo_address, demo_key

HYPE = "hyna:HYPE"
DEXS = ["", "hyna"]
GTC, IOC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Ioc", "Alo"))
NOBODY = "0x" + "77" * 20


def client(url: str, number: int, **more: Any) -> Exchange:
    return Exchange(eth_account.Account.from_key(demo_key(number)), url, perp_dexs=DEXS, **more)


@pytest.fixture(scope="module")
def info(venue: Any) -> Info:
    return Info(venue.url, skip_ws=True, perp_dexs=DEXS)


def touch(info: Info, coin: str) -> tuple[float, float]:
    """Best bid and ask."""
    bids, asks = info.l2_snapshot(coin)["levels"]
    return float(bids[0]["px"]), float(asks[0]["px"])


def statuses(answer: Any) -> list[Any]:
    assert answer["status"] == "ok", answer
    found: list[Any] = answer["response"]["data"]["statuses"]
    return found


def rest(trader: Exchange, info: Info, coin: str = HYPE, size: float = 1.0, **more: Any) -> int:
    """A bid far enough below the market to stay; its oid."""
    price = rounded(touch(info, coin)[0] * 0.97)
    (status,) = statuses(trader.order(coin, True, size, price, ALO, **more))
    oid: int = status["resting"]["oid"]
    return oid


def rounded(price: float) -> float:
    """To five significant figures."""
    return float(f"{price:.5g}")


@pytest.fixture
def trader(venue: Any) -> Iterator[Exchange]:
    """Demo account 1, with leverage set on the isolated-only market, flat of orders after each test."""
    exchange = client(venue.url, 1)
    assert exchange.update_leverage(5, HYPE, is_cross=False)["status"] == "ok"
    yield exchange
    for dex in DEXS:
        for order in exchange.info.open_orders(demo_address(1), dex):
            exchange.cancel(order["coin"], order["oid"])


def test_metadata_of_both_dexs(info: Info) -> None:
    assert info.name_to_asset("BTC") == 0
    assert info.name_to_asset(HYPE) == 110_000
    meta, contexts = info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts)
    assert {"BTC", "ETH"} <= info.all_mids().keys()
    assert HYPE in info.all_mids("hyna")
    assert HYPE not in info.all_mids()
    assert [token["name"] for token in info.spot_meta()["tokens"]] == ["USDC", "USDE"]
    candles = info.candles_snapshot(HYPE, "1m", 0, int(time.time() * 1000) + 60_000)
    assert all(candle["s"] == HYPE for candle in candles)


def test_an_order_rests_is_seen_and_is_cancelled(info: Info, trader: Exchange) -> None:
    me = demo_address(1)
    oid = rest(trader, info)
    (order,) = info.open_orders(me, "hyna")
    assert (order["oid"], order["coin"], order["side"], order["sz"]) == (oid, HYPE, "B", "1.0")
    assert info.open_orders(me) == []
    (order,) = info.frontend_open_orders(me, "hyna")
    assert (order["tif"], order["orderType"], order["reduceOnly"]) == ("Alo", "Limit", False)
    status = info.query_order_by_oid(me, oid)
    assert (status["status"], status["order"]["status"]) == ("order", "open")
    assert statuses(trader.cancel(HYPE, oid)) == ["success"]
    assert info.query_order_by_oid(me, oid)["order"]["status"] == "canceled"
    (status,) = statuses(trader.cancel(HYPE, oid))
    assert status["error"] == "Order was never placed, already canceled, or filled. asset=110000"
    assert info.query_order_by_oid(me, 1 << 50) == {"status": "unknownOid"}
    assert oid in [past["order"]["oid"] for past in info.historical_orders(me)]


def test_a_batch_and_a_cancel_by_cloid(info: Info, trader: Exchange) -> None:
    bid = touch(info, HYPE)[0]
    cloids = [Cloid.from_int(int(time.time() * 1e6) + number) for number in range(3)]
    orders = [
        {"coin": HYPE, "is_buy": True, "sz": 1.0, "limit_px": rounded(bid * (0.97 - 0.001 * number)),
         "order_type": ALO, "reduce_only": False, "cloid": cloid}
        for number, cloid in enumerate(cloids)
    ]  # fmt: skip
    placed = statuses(trader.bulk_orders(orders))
    assert [status["resting"]["cloid"] for status in placed] == [cloid.to_raw() for cloid in cloids]
    assert len({status["resting"]["oid"] for status in placed}) == 3
    assert info.query_order_by_cloid(demo_address(1), cloids[0])["order"]["order"]["cloid"] == cloids[0].to_raw()
    assert statuses(trader.cancel_by_cloid(HYPE, cloids[0])) == ["success"]
    both = [{"coin": HYPE, "cloid": cloid} for cloid in cloids[:2]]
    first, second = statuses(trader.bulk_cancel_by_cloid(both))
    assert "error" in first
    assert second == "success"


def test_immediate_or_cancel_fills_and_its_fill_is_reported(info: Info, trader: Exchange) -> None:
    me = demo_address(1)
    _, ask = touch(info, HYPE)
    (status,) = statuses(trader.order(HYPE, True, 0.5, rounded(ask * 1.02), IOC))
    filled = status["filled"]
    assert filled["totalSz"] == "0.5"
    assert float(filled["avgPx"]) == pytest.approx(ask, rel=0.02)
    fills = [fill for fill in info.user_fills(me) if fill["oid"] == filled["oid"]]
    assert sum(float(fill["sz"]) for fill in fills) == 0.5
    assert {(fill["dir"], fill["crossed"], fill["feeToken"]) for fill in fills} == {("Open Long", True, "USDE")}
    # Tier 0 takes 4.5 bps; a builder dex of scale 1 doubles it.
    cost = sum(float(fill["fee"]) for fill in fills) / sum(float(fill["sz"]) * float(fill["px"]) for fill in fills)
    assert cost == pytest.approx(9e-4, abs=2e-6)
    since = info.user_fills_by_time(me, fills[-1]["time"], fills[0]["time"])
    assert {fill["tid"] for fill in fills} <= {fill["tid"] for fill in since}
    state = info.user_state(me, "hyna")
    (held,) = [entry["position"] for entry in state["assetPositions"]]
    assert (held["coin"], float(held["szi"]), held["leverage"]["type"]) == (HYPE, 0.5, "isolated")
    close(trader, info, HYPE)
    assert info.user_state(me, "hyna")["assetPositions"] == []


def test_an_order_that_cannot_match_and_one_that_must_not(info: Info, trader: Exchange) -> None:
    bid, ask = touch(info, HYPE)
    (status,) = statuses(trader.order(HYPE, True, 1.0, rounded(bid * 0.97), IOC))
    assert status["error"] == "Order could not immediately match against any resting orders. asset=110000"
    (status,) = statuses(trader.order(HYPE, True, 1.0, rounded(ask * 1.01), ALO))
    assert status["error"].startswith("Post only order would have immediately matched, bbo was ")
    assert status["error"].endswith(". asset=110000")


def test_modify_and_batch_modify(info: Info, trader: Exchange) -> None:
    oid = rest(trader, info)
    price = rounded(touch(info, HYPE)[0] * 0.96)
    (status,) = statuses(trader.modify_order(oid, HYPE, True, 2.0, price, ALO))
    changed = status["resting"]["oid"]
    assert changed > oid
    request = {
        "oid": changed,
        "order": {"coin": HYPE, "is_buy": True, "sz": 3.0, "limit_px": price, "order_type": ALO, "reduce_only": False},
    }
    (status,) = statuses(trader.bulk_modify_orders_new([request]))
    (order,) = info.open_orders(demo_address(1), "hyna")
    assert (order["oid"], order["sz"]) == (status["resting"]["oid"], "3.0")
    assert info.query_order_by_oid(demo_address(1), oid)["order"]["status"] == "canceled"


def test_leverage_and_isolated_margin(info: Info, trader: Exchange, venue: Any) -> None:
    me = demo_address(1)
    assert trader.update_leverage(10, "BTC", is_cross=True)["status"] == "ok"
    _, ask = touch(info, "BTC")
    assert "filled" in statuses(trader.order("BTC", True, 0.001, rounded(ask * 1.02), IOC))[0]
    data = venue.info("activeAssetData", user=me, coin="BTC")
    assert data["leverage"] == {"type": "cross", "value": 10}
    assert trader.update_leverage(3, HYPE, is_cross=False)["status"] == "ok"
    _, ask = touch(info, HYPE)
    trader.order(HYPE, True, 1.0, rounded(ask * 1.02), IOC)
    before = held(info, me)
    assert trader.update_isolated_margin(5.0, HYPE) == {"status": "ok", "response": {"type": "default"}}
    assert float(held(info, me)["marginUsed"]) - float(before["marginUsed"]) == pytest.approx(5.0, abs=1.0)
    refused = trader.update_leverage(3, HYPE, is_cross=True)
    assert refused["status"] == "err"
    close(trader, info, HYPE)
    close(trader, info, "BTC")


def held(info: Info, user: str) -> Any:
    return info.user_state(user, "hyna")["assetPositions"][0]["position"]


def close(trader: Exchange, info: Info, coin: str) -> None:
    """Close the position in a coin."""
    dex = "hyna" if coin == HYPE else ""
    for entry in info.user_state(demo_address(1), dex)["assetPositions"]:
        position = entry["position"]
        if position["coin"] == coin:
            size = float(position["szi"])
            bid, ask = touch(info, coin)
            price = rounded(bid * 0.97 if size > 0 else ask * 1.03)
            (status,) = statuses(trader.order(coin, size < 0, abs(size), price, IOC, reduce_only=True))
            assert "filled" in status


def test_the_dead_mans_switch_needs_volume(trader: Exchange) -> None:
    answer = trader.schedule_cancel(int(time.time() * 1000) + 10_000)
    assert answer["status"] == "err"
    assert answer["response"].startswith(
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $"
    )


def test_an_agent_trades_for_its_master(info: Info, trader: Exchange, venue: Any) -> None:
    answer, key = trader.approve_agent("bot")
    assert answer == {"status": "ok", "response": {"type": "default"}}
    agent = eth_account.Account.from_key(key)
    exchange = Exchange(agent, venue.url, account_address=demo_address(1), perp_dexs=DEXS)
    oid = rest(exchange, info)
    assert [order["oid"] for order in info.open_orders(demo_address(1), "hyna")] == [oid]
    assert [entry["name"] for entry in info.extra_agents(demo_address(1))] == ["bot"]
    assert info.user_role(agent.address) == {"role": "agent", "data": {"user": demo_address(1)}}
    assert info.open_orders(agent.address) == []
    refused = exchange.usd_transfer(1.0, NOBODY)
    assert refused["response"] == f"Must deposit before performing actions. User: {agent.address.lower()}"
    stranger = Exchange(eth_account.Account.create(), venue.url, perp_dexs=DEXS)
    refused = stranger.order(HYPE, True, 1.0, 30.0, ALO)
    assert refused["status"] == "err"
    assert refused["response"].endswith(" does not exist.")


def test_an_unnamed_agent_replaces_the_former_one(info: Info, trader: Exchange, venue: Any) -> None:
    keys = [trader.approve_agent()[1] for _ in range(2)]
    clients = [
        Exchange(eth_account.Account.from_key(key), venue.url, account_address=demo_address(1), perp_dexs=DEXS)
        for key in keys
    ]
    rest(clients[1], info)
    refused = clients[0].order(HYPE, True, 1.0, 30.0, ALO)
    assert refused["response"].endswith(" does not exist.")


def test_what_else_info_answers(info: Info, trader: Exchange) -> None:
    me = demo_address(1)
    fees = info.user_fees(me)
    assert (fees["userCrossRate"], fees["userAddRate"]) == ("0.00045", "0.00015")
    limit = info.user_rate_limit(me)
    assert limit["nRequestsCap"] >= 10_000
    before = limit["nRequestsUsed"]
    rest(trader, info)
    assert info.user_rate_limit(me)["nRequestsUsed"] == before + 1
    assert info.user_funding_history(me, 0) == info.user_funding_history(me, 0, int(2e12))
    assert isinstance(info.funding_history(HYPE, 0), list)
    assert info.user_role(me) == {"role": "user"}
    assert info.query_sub_accounts(me) is None
    assert [dex["name"] for dex in info.perp_dexs()[1:]] == ["hyna"]
    assert info.perp_dexs()[0] is None
    assert info.open_orders(NOBODY) == info.user_fills(NOBODY) == []


def test_expiry_and_noop_are_understood(trader: Exchange, info: Info) -> None:
    trader.set_expires_after(int(time.time() * 1000) - 1)
    try:
        refused = trader.order(HYPE, True, 1.0, rounded(touch(info, HYPE)[0] * 0.97), ALO)
        assert refused == {"status": "err", "response": "Action already expired"}
        trader.set_expires_after(int(time.time() * 1000) + 60_000)
        rest(trader, info)
    finally:
        trader.set_expires_after(None)
    assert trader.noop(int(time.time() * 1000))["status"] == "ok"


def test_every_subscription_of_the_client(venue: Any) -> None:
    """Each channel sends something that our own decoder knows, and the client accepts."""
    info = Info(venue.url, perp_dexs=DEXS)
    exchange = client(venue.url, 2)
    me = demo_address(2)
    subscriptions: list[dict[str, Any]] = [
        {"type": "allMids"},
        {"type": "l2Book", "coin": HYPE},
        {"type": "bbo", "coin": HYPE},
        {"type": "trades", "coin": HYPE},
        {"type": "candle", "coin": HYPE, "interval": "1m"},
        {"type": "activeAssetCtx", "coin": HYPE},
        {"type": "activeAssetData", "user": me, "coin": HYPE},
        {"type": "orderUpdates", "user": me},
        {"type": "userEvents", "user": me},
        {"type": "userFills", "user": me},
        {"type": "userFundings", "user": me},
        {"type": "userNonFundingLedgerUpdates", "user": me},
        {"type": "webData2", "user": me},
    ]
    got: queue.Queue[tuple[str, Any]] = queue.Queue()
    try:
        for subscription in subscriptions:
            kind = subscription["type"]
            info.subscribe(subscription, lambda message, kind=kind: got.put((kind, message)))  # type: ignore[arg-type, misc]
        time.sleep(1.0)
        exchange.update_leverage(5, HYPE, is_cross=False)
        _, ask = touch(info, HYPE)
        assert "filled" in statuses(exchange.order(HYPE, True, 1.0, rounded(ask * 1.02), IOC))[0]
        rest(exchange, info)
        messages: dict[str, list[Any]] = {}
        wanted = {subscription["type"] for subscription in subscriptions}
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not wanted <= messages.keys():
            try:
                kind, message = got.get(timeout=1.0)
            except queue.Empty:
                continue
            messages.setdefault(kind, []).append(message)
            Decoder(strict=True).frame(json.dumps(message))
        assert wanted - messages.keys() == set()
    finally:
        info.disconnect_websocket()
    assert messages["userFills"][0]["data"]["isSnapshot"] is True
    assert all(message["data"]["user"] == me for message in messages["userFills"])
    updates = [entry for message in messages["orderUpdates"] for entry in message["data"]]
    assert "filled" in {entry["status"] for entry in updates}
