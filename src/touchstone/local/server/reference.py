"""A Binance-compatible stream of the reference venue: the price that leads ours. `<symbol>@bookTicker`, `@trade`.

Paths as Binance has them: /ws/<stream>, /ws/<stream>/<stream> (bare messages), /stream?streams=<a>/<b> (combined), and
SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS requests. Symbol: the coin without its dex, and USDT.
"""

import asyncio
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from touchstone.local.coin import Coin
from touchstone.local.exchange import LocalExchange
from touchstone.local.markets.leader import LeaderTick
from touchstone.local.server.clock import monotonic_s
from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.peers import Peers
from touchstone.local.server.refusals import NotServed
from touchstone.local.server.session import Session
from touchstone.local.server.settings import Limits

MOST_STREAMS = 200
encode = msgspec.json.encode


class Request(msgspec.Struct):
    method: str
    params: list[str] = []
    id: int | str | None = None


def symbol_of(coin: str) -> str:
    """`hyna:HYPE` is HYPEUSDT."""
    return coin.rpartition(":")[2].upper() + "USDT"


class Reference:
    """Serves the leader of each coin."""

    def __init__(self, exchange: LocalExchange, peers: Peers, faults: FaultInjector, limits: Limits) -> None:
        self._exchange = exchange
        self._symbols = {coin: symbol_of(coin) for coin in exchange.coins}
        self._touch: dict[str, LeaderTick] = {}
        self._streams = {f"{s.lower()}@{kind}" for s in self._symbols.values() for kind in ("bookTicker", "trade")}
        self._listeners: dict[str, dict[Session, bool]] = {}  # by stream: session, whether combined
        self._peers = peers
        self._faults = faults
        self._limits = limits
        self._id = 0

    def push(self) -> None:
        """What the leaders have shown since the last block."""
        for name, symbol in self._symbols.items():
            coin = self._exchange.coins[name]
            for tick in self._exchange.leader_ticks(name):
                before, self._touch[name] = self._touch.get(name), tick
                if not self._listeners:
                    continue
                self._id += 1
                self._send(f"{symbol.lower()}@bookTicker", self._ticker(coin, symbol, tick))
                if before is not None and before.bid != tick.bid:
                    self._send(f"{symbol.lower()}@trade", self._trade(coin, symbol, before, tick))

    def _ticker(self, coin: Coin, symbol: str, tick: LeaderTick) -> dict[str, Any]:
        qty = coin.sz_text(tick.qty)
        return {
            "e": "bookTicker", "u": self._id, "E": tick.time_ms, "T": tick.time_ms, "s": symbol,
            "b": coin.px_text(tick.bid), "B": qty, "a": coin.px_text(tick.ask), "A": qty,
        }  # fmt: skip

    def _trade(self, coin: Coin, symbol: str, before: LeaderTick, tick: LeaderTick) -> dict[str, Any]:
        """The trade that moved the leader: it took the side that gave way. `m`: the buyer was the maker."""
        has_risen = tick.bid > before.bid
        px = before.ask if has_risen else before.bid
        return {
            "e": "trade", "E": tick.time_ms, "T": tick.time_ms, "s": symbol, "t": self._id, "p": coin.px_text(px),
            "q": coin.sz_text(before.qty), "X": "MARKET", "m": not has_risen,
        }  # fmt: skip

    def _send(self, stream: str, data: dict[str, Any]) -> None:
        listeners = self._listeners.get(stream)
        if not listeners:
            return
        bare = encode(data)
        combined = encode({"stream": stream, "data": data})
        for session, is_combined in list(listeners.items()):
            session.send(combined if is_combined else bare)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection."""
        is_combined = request.path == "/stream"
        named = request.query.get("streams", "") if is_combined else request.match_info.get("streams", "")
        peer = self._peers.of(request.remote or "")
        try:
            peer.connect(monotonic_s())
        except NotServed as refused:
            return web.Response(status=refused.status, text=refused.text)
        socket = web.WebSocketResponse(max_msg_size=1 << 16, compress=False, timeout=1.0)
        try:
            await socket.prepare(request)
            session = Session(socket, request, peer, self._limits, self._faults)
            self._subscribe(session, [name for name in named.split("/") if name], is_combined)
            writer = asyncio.create_task(session.write())
            try:
                async for message in socket:
                    if message.type is not WSMsgType.TEXT or session.close_reason:
                        break
                    session.send(encode(self._request(session, message.data, is_combined)))
            finally:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
                for listeners in self._listeners.values():
                    listeners.pop(session, None)
                self._listeners = {stream: found for stream, found in self._listeners.items() if found}
        finally:
            peer.connections -= 1
        return socket

    def _request(self, session: Session, text: str, is_combined: bool) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(text, type=Request)
        except (msgspec.DecodeError, RecursionError):
            return {"error": {"code": 2, "msg": "Invalid request: expected method, params, id"}}
        answer: Any = None
        match request.method:
            case "SUBSCRIBE":
                self._subscribe(session, request.params, is_combined)
            case "UNSUBSCRIBE":
                for name in request.params:
                    self._listeners.get(name, {}).pop(session, None)
            case "LIST_SUBSCRIPTIONS":
                answer = [stream for stream, found in self._listeners.items() if session in found]
            case _:
                return {"error": {"code": 2, "msg": f"Invalid request: unknown method {request.method[:40]}"}}
        return {"result": answer, "id": request.id}

    def _subscribe(self, session: Session, names: list[str], is_combined: bool) -> None:
        """As Binance: a stream that there is not is accepted and silent, so only known ones are kept."""
        for name in names[:MOST_STREAMS]:
            if name in self._streams:
                self._listeners.setdefault(name, {})[session] = is_combined
