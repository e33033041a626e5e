"""ccxt and ccxt.pro 4.5, unmodified, over real sockets: the market of a builder dex and one of the validators'."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import ccxt
import ccxt.pro
import pytest
import pytest_asyncio

from touchstone.venues.hyperliquid.demo import demo_address, demo_key

SYMBOL = "HYNA-HYPE/USDE:USDE"
BTC = "BTC/USDC:USDC"
ALO = {"postOnly": True}
HYNA = {"dex": "hyna"}


def pointed(exchange: Any, url: str) -> Any:
    """As hyperliquid.md 20.1 says: the URLs replaced, nothing else."""
    exchange.urls["api"]["public"] = exchange.urls["api"]["private"] = url
    if "ws" in exchange.urls["api"]:
        exchange.urls["api"]["ws"]["public"] = "ws" + url.removeprefix("http") + "/ws"
    return exchange


def credentials(number: int) -> dict[str, Any]:
    return {"walletAddress": demo_address(number), "privateKey": demo_key(number), "enableRateLimit": False}


@pytest.fixture(scope="module")
def client(venue: Any) -> Any:
    """Demo account 4, leverage set on the isolated-only market."""
    exchange = pointed(ccxt.hyperliquid(credentials(4)), venue.url)
    exchange.load_markets()
    exchange.set_margin_mode("isolated", SYMBOL, {"leverage": 5})
    return exchange


def touch(client: Any, symbol: str) -> tuple[float, float]:
    book = client.fetch_order_book(symbol)
    return book["bids"][0][0], book["asks"][0][0]


def test_markets(client: Any) -> None:
    market = client.market(SYMBOL)
    assert (market["id"], market["settle"], market["swap"]) == ("110000", "USDE", True)
    assert client.market(BTC)["settle"] == "USDC"
    ticker = client.fetch_ticker(SYMBOL)
    assert ticker["last"] > 0
    assert client.fetch_trades(BTC) is not None
    assert BTC in client.fetch_funding_rates([BTC])


def test_a_post_only_order_rests_and_is_cancelled(client: Any) -> None:
    bid, _ = touch(client, SYMBOL)
    order = client.create_order(SYMBOL, "limit", "buy", 1.0, bid * 0.97, ALO)
    found = client.fetch_order(order["id"], SYMBOL)
    assert (found["status"], found["side"], found["amount"]) == ("open", "buy", 1.0)
    assert [entry["id"] for entry in client.fetch_open_orders(SYMBOL, params=HYNA)] == [order["id"]]
    client.cancel_order(order["id"], SYMBOL)
    assert client.fetch_order(order["id"], SYMBOL)["status"] == "canceled"
    assert client.fetch_open_orders(SYMBOL, params=HYNA) == []
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(order["id"], SYMBOL)


def test_refusals_become_the_right_exceptions(client: Any) -> None:
    bid, ask = touch(client, SYMBOL)
    with pytest.raises(ccxt.InvalidOrder, match="Post only order would have immediately matched"):
        client.create_order(SYMBOL, "limit", "buy", 1.0, ask * 1.01, ALO)
    with pytest.raises(ccxt.InvalidOrder, match="minimum value"):
        client.create_order(SYMBOL, "limit", "buy", 0.1, bid * 0.97, ALO)
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(SYMBOL, "limit", "buy", 1e6, bid * 0.97, ALO)


def test_an_order_is_edited(client: Any) -> None:
    bid, _ = touch(client, SYMBOL)
    order = client.create_order(SYMBOL, "limit", "buy", 1.0, bid * 0.97, ALO)
    edited = client.edit_order(order["id"], SYMBOL, "limit", "buy", 2.0, bid * 0.96, ALO)
    assert int(edited["id"]) > int(order["id"])
    client.cancel_order(edited["id"], SYMBOL)


def test_a_taking_order_its_trades_position_and_balance(client: Any) -> None:
    _, ask = touch(client, SYMBOL)
    before = client.fetch_balance({"dex": "hyna"})
    assert before["USDC"]["total"] > 0  # ccxt calls the collateral of every dex so
    order = client.create_order(SYMBOL, "limit", "buy", 0.5, ask * 1.02, {"timeInForce": "IOC"})
    assert client.fetch_order(order["id"], SYMBOL)["status"] == "closed"
    trades = [trade for trade in client.fetch_my_trades(SYMBOL) if trade["order"] == order["id"]]
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.5)
    (position,) = client.fetch_positions([SYMBOL], HYNA)
    assert (position["side"], position["contracts"], position["marginMode"]) == ("long", 0.5, "isolated")
    bid, _ = touch(client, SYMBOL)
    client.create_order(SYMBOL, "limit", "sell", 0.5, bid * 0.98, {"timeInForce": "IOC", "reduceOnly": True})
    assert [p for p in client.fetch_positions([SYMBOL], HYNA) if p["contracts"]] == []


# Streams.


@pytest_asyncio.fixture
async def stream(venue: Any) -> AsyncIterator[Any]:
    exchange = pointed(ccxt.pro.hyperliquid(credentials(5)), venue.url)
    await exchange.load_markets()
    await exchange.set_margin_mode("isolated", SYMBOL, {"leverage": 5})
    yield exchange
    await exchange.close()


async def soon(waiting: Coroutine[Any, Any, Any]) -> Any:
    return await asyncio.wait_for(waiting, 15)


@pytest.mark.asyncio
async def test_books_trades_and_tickers_are_watched(stream: Any) -> None:
    book = await soon(stream.watch_order_book(SYMBOL))
    again = await soon(stream.watch_order_book(SYMBOL))
    assert again["bids"][0][0] < again["asks"][0][0]
    assert again["timestamp"] >= book["timestamp"]
    assert len(book["bids"]) <= 20
    watched = asyncio.create_task(stream.watch_trades(BTC))
    ask = (await stream.fetch_order_book(BTC))["asks"][0][0]
    await stream.create_order(BTC, "limit", "buy", 0.001, ask * 1.02, {"timeInForce": "IOC"})
    assert (await soon(watched))[-1]["symbol"] == BTC
    assert await soon(stream.watch_ohlcv(BTC, "1m"))


@pytest.mark.asyncio
async def test_orders_and_own_trades_are_watched(stream: Any) -> None:
    orders = asyncio.create_task(stream.watch_orders(SYMBOL))
    trades = asyncio.create_task(stream.watch_my_trades(SYMBOL))
    await asyncio.sleep(1.0)
    book = await stream.fetch_order_book(SYMBOL)
    order = await stream.create_order(
        SYMBOL, "limit", "buy", 0.5, book["asks"][0][0] * 1.02, {"timeInForce": "IOC"}
    )
    assert order["id"] in [entry["id"] for entry in await soon(orders)]
    seen = await soon(trades)
    assert order["id"] in [entry["order"] for entry in seen]


@pytest.mark.asyncio
async def test_positions_and_balance_are_watched(stream: Any) -> None:
    balance = await soon(stream.watch_balance({"type": "swap"}))
    assert balance["USDC"]["total"] > 0
    watched = asyncio.create_task(stream.watch_positions([BTC]))
    await asyncio.sleep(0.5)
    ask = (await stream.fetch_order_book(BTC))["asks"][0][0]
    await stream.create_order(BTC, "limit", "buy", 0.002, ask * 1.02, {"timeInForce": "IOC"})
    (position,) = await soon(watched)
    assert (position["symbol"], position["side"]) == (BTC, "long")
    ticker = await soon(stream.watch_ticker(BTC))
    assert ticker["bid"] is None or ticker["bid"] > 0
    assert ticker["last"] > 0


@pytest.mark.asyncio
async def test_orders_through_posts(stream: Any) -> None:
    book = await stream.fetch_order_book(SYMBOL)
    order = await soon(stream.create_order_ws(SYMBOL, "limit", "buy", 1.0, book["bids"][0][0] * 0.97, ALO))
    assert (await stream.fetch_order(order["id"], SYMBOL))["status"] == "open"
    await soon(stream.cancel_order_ws(order["id"], SYMBOL))
    assert (await stream.fetch_order(order["id"], SYMBOL))["status"] == "canceled"
