"""What tests of acting on the exchange share: a coin, a client of a demo account, orders and positions by hand."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from touchstone.clients.hyperliquid import Client, Limits, Market, Network, read_market
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.signing import Signer

COIN, ASSET, DEX = "hyna:HYPE", 110_000, "hyna"
OURS = Limits(weight_per_minute=1_000_000, messages_per_minute=1_000_000, info_tries=2)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def client_of(venue: Any, number: int, key: str | None = None) -> AsyncIterator[Client]:
    """A client of demo account `number`, by its own key or another."""
    signer = Signer(key or demo_key(number), is_mainnet=False)
    client = Client(
        Network.local(venue.url), account=demo_address(number), signer=signer, now_ms=now_ms, limits=OURS, seed=1
    )
    try:
        yield client
    finally:
        await client.stop()


async def market_of(client: Client) -> Market:
    return await read_market(client, COIN)


def open_position(trader: Any, size: str, *, is_short: bool = False) -> None:
    """Take from the maker, 1 % away."""
    trader.isolate(ASSET)
    px = "39" if is_short else "41"
    status = trader.order(ASSET, "A" if is_short else "B", px, size, tif="Ioc")
    assert float(status["filled"]["totalSz"]) == float(size), status


def position(venue: Any, number: int) -> float:
    """Signed size in the coin."""
    state = venue.info("clearinghouseState", user=demo_address(number), dex=DEX)
    return sum(float(entry["position"]["szi"]) for entry in state["assetPositions"])


def open_orders(venue: Any, number: int, dex: str = DEX) -> list[Any]:
    found: list[Any] = venue.info("openOrders", user=demo_address(number), dex=dex)
    return found


def rest(trader: Any, n: int = 1, px: str = "35", size: str = "1") -> None:
    """Orders far below the market."""
    trader.isolate(ASSET)
    order = {"a": ASSET, "b": True, "p": px, "s": size, "r": False, "t": {"limit": {"tif": "Gtc"}}}
    answer = trader.act({"type": "order", "orders": [order] * n, "grouping": "na"})
    assert answer["status"] == "ok", answer


def approve(venue: Any, number: int, agent: str, name: str = "") -> None:
    """Demo account `number` approves an agent."""
    nonce = now_ms()
    action = {
        "type": "approveAgent", "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", "agentAddress": agent,
        "nonce": nonce,
    } | ({"agentName": name} if name else {})  # fmt: skip
    answer = venue.trader(number).act(action, nonce=nonce)
    assert answer["status"] == "ok", answer
