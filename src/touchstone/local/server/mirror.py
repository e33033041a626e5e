"""Paper trading: the public messages of another exchange, fed into ours (`--market mirror URL`)."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from touchstone.local.exchange import LocalExchange
from touchstone.venues.hyperliquid import stream
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import RESPONSES

MIRRORED = ("l2Book", "bbo", "trades", "activeAssetCtx")
PING_S = 20.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


async def fetch(url: str, kind: str, **parameters: Any) -> Any:
    """Answer of another exchange to an info request. Raises WireError, aiohttp.ClientError."""
    timeout = aiohttp.ClientTimeout(total=20.0)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{url}/info", json={"type": kind, **parameters}) as response,
    ):
        body = await response.read()
        if response.status != 200:
            raise WireError(f"{url}/info {kind}: answered {response.status}; is this a Hyperliquid API?")
    assert kind in RESPONSES
    return Decoder().info(kind, body)


async def mirror(exchange: LocalExchange, url: str, say: Callable[[str], None]) -> None:
    """Follow the public streams of `url` for all coins of the exchange, reconnecting; until cancelled."""
    coins = [coin.name for dex in exchange.spec.dexs for coin in dex.coins]
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            async with aiohttp.ClientSession() as session, session.ws_connect(_ws(url), max_msg_size=1 << 24) as socket:
                say(f"mirroring {url}: {', '.join(coins)}")
                for coin in coins:
                    for kind in MIRRORED:
                        await socket.send_json({"method": "subscribe", "subscription": {"type": kind, "coin": coin}})
                pinger = asyncio.create_task(_ping(socket))
                feed = Feed(exchange, say)
                try:
                    async for message in socket:
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            break
                        pause_s = FIRST_PAUSE_S
                        feed.take_in(message.data)
                finally:
                    pinger.cancel()
            reason = "it closed the connection"
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error)
        left_out = "".join(f", {reason} {n}" for reason, n in exchange.mirror_counts().items())
        say(f"mirror of {url}: {reason}; again in {pause_s:g} s (left out so far{left_out or ': nothing'})")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class Feed:
    """Messages of one connection, into the exchange."""

    def __init__(self, exchange: LocalExchange, say: Callable[[str], None]) -> None:
        self._exchange = exchange
        self._say = say
        self._decoder = Decoder()
        self._told: set[str] = set()
        exchange.restart_mirrors()

    def take_in(self, text: str) -> None:
        """One message; one that cannot be read is dropped, and said."""
        try:
            frame = self._decoder.frame(text)
            match frame:
                case stream.BookFrame() | stream.BboFrame():
                    self._exchange.mirror(frame.data.coin, frame.data)
                case stream.AssetCtxFrame():
                    self._exchange.mirror(frame.data.coin, frame.data.ctx)
                case stream.TradesFrame() if frame.data:
                    self._exchange.mirror(frame.data[0].coin, frame.data)
        except WireError as error:
            self._say(f"mirror: a message was dropped: {error}")
        if new := self._decoder.unknown.keys() - self._told:
            self._told |= new
            self._say(f"mirror: not known, and left out: {', '.join(sorted(new))}")


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send_json({"method": "ping"})


def _ws(url: str) -> str:
    return "ws" + url.removeprefix("http") + "/ws"
