"""The real local exchange on a loopback port, and a client of a demo account."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from touchstone.clients.hyperliquid import Client, Limits, Network
from touchstone.local.exchange import LocalExchange
from touchstone.local.server.server import Server
from touchstone.local.server.settings import Faults, ServerSettings
from touchstone.local.server.settings import Limits as ServerLimits
from touchstone.local.spec import ExchangeSpec, usual
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.replies import Accepted, Status, statuses
from touchstone.venues.hyperliquid.signing import Signer
from touchstone.venues.hyperliquid.stream import Subscription

HYPE, ASSET = "hyna:HYPE", 110_000
WIDE = ServerLimits(ip_weight_per_minute=10**6, messages_per_minute=10**6, new_connections_per_minute=10**6)


def now_ms() -> int:
    return int(1e3 * time.time())


def spec(**changes: Any) -> ExchangeSpec:
    """Two coins only; keywords change hyna:HYPE."""
    given = usual()
    dexs = []
    for dex in given.dexs:
        if dex.name in ("", "hyna"):
            coins = tuple(replace(coin, **changes) if coin.name == HYPE else coin for coin in dex.coins[:1])
            dexs.append(replace(dex, coins=coins))
    return replace(given, dexs=tuple(dexs))


class Ears:
    """Notes what it hears, in order."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.told: list[str] = []  # up, down: reason
        self.channels: Counter[str] = Counter()

    def on_frame(self, frame: memoryview | bytes) -> None:
        self.frames.append(bytes(frame))
        self.channels[msgspec.json.decode(frame)["channel"]] += 1

    def on_up(self) -> None:
        self.told.append("up")

    def on_down(self, reason: str) -> None:
        self.told.append(f"down: {reason}")


class Trader:
    """A client, its ears, and the orders that tests send."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server = server
        self.client = client
        self.ears = Ears()
        self._n = 0

    def subscriptions(self) -> list[Subscription]:
        user = self.client.account
        return [
            Subscription("bbo", coin=HYPE), Subscription("l2Book", coin=HYPE), Subscription("orderUpdates", user=user),
            Subscription("userFills", user=user), Subscription("userEvents", user=user),
        ]  # fmt: skip

    async def start(self) -> None:
        await self.client.start(self.ears, self.subscriptions())

    def cloid(self) -> str:
        self._n += 1
        return f"0x{time.time_ns():016x}{self._n:016x}"

    def price(self, share: float) -> str:
        """A price this share of the mid, to five figures."""
        mid = float(self.server.exchange.all_mids("hyna")[HYPE])
        return f"{float(f'{mid * share:.4g}'):.4f}"

    def order(self, is_buy: bool, share: float, sz: str = "1", tif: str = "Alo", cloid: str | None = None) -> Any:
        kind = actions.OrderType(limit=actions.Limit(tif))
        return actions.Order(ASSET, is_buy, self.price(share), sz, False, kind, cloid)

    async def place(self, *orders: actions.Order) -> list[Status | str]:
        reply = await self.client.send(actions.PlaceOrders(list(orders), "na"))
        assert isinstance(reply, Accepted), reply
        return statuses(reply, len(orders))

    async def rest(self, cloid: str | None = None) -> int:
        """Oid of a bid far from the market."""
        (status,) = await self.place(self.order(True, 0.9, cloid=cloid))
        assert isinstance(status, Status)
        assert status.resting, status
        return status.resting.oid

    async def isolate(self) -> None:
        reply = await self.client.send(actions.UpdateLeverage(ASSET, False, 5))
        assert isinstance(reply, Accepted), reply


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """`await serve(limits=..., accounts=..., spec=...)`: a server of the test's own."""
    servers: list[Server] = []

    async def serve(limits: ServerLimits = WIDE, given: ExchangeSpec | None = None) -> Server:
        exchange = LocalExchange(given or spec(), seed=3, start_ms=now_ms())
        server = Server(exchange, ServerSettings(limits=limits))
        await server.start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.set_faults(Faults())
        await server.stop()


@pytest_asyncio.fixture
async def trade(serve: Any) -> AsyncIterator[Callable[..., Awaitable[Trader]]]:
    """`await trade(...)`: a started trader of demo account 1; keywords go to the client."""
    async with AsyncExitStack() as stack:

        async def trade(
            server: Server | None = None, *, number: int = 1, starts: bool = True, **keywords: Any
        ) -> Trader:
            server = server or await serve()
            signer = Signer(demo_key(number), is_mainnet=False)
            given: dict[str, Any] = {"signer": signer, "now_ms": now_ms, "limits": Limits(), "seed": 1} | keywords
            client = Client(Network.local(server.url), account=demo_address(number), **given)
            stack.push_async_callback(client.stop)
            trader = Trader(server, client)
            if starts:
                await trader.start()
            return trader

        yield trade


@pytest.fixture
def faults() -> Callable[..., None]:
    """`faults(server, **plan)`: these are on from now on."""

    def faults(server: Server, **plan: Any) -> None:
        server.set_faults(Faults.model_validate(plan))

    return faults
