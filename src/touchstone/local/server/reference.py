"""A Binance-compatible stream of the reference venue: the price that leads ours. `<symbol>@bookTicker`, `@trade`.

Paths as Binance has them: /ws/<stream>, /ws/<stream>/<stream> (bare messages), /stream?streams=<a>/<b> (combined), and
SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS requests. Symbol: the coin without its dex, and USDT.
"""

import asyncio
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from touchstone.local.exchange import LocalExchange
from touchstone.local.server.clock import monotonic_s
from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.peers import Peers
from touchstone.local.server.refusals import NotServed
from touchstone.local.server.session import Session
from touchstone.local.server.settings import Limits

MOST_STREAMS = 200
SIZE = "1000.0"  # at the leader's touch, which never runs dry
Touch = tuple[str, str]  # bid, ask
encode = msgspec.json.encode


class Request(msgspec.Struct):
    method: str
    params: list[str] = []
    id: int | str | None = None


def symbol_of(coin: str) -> str:
    """`hyna:HYPE` is HYPEUSDT."""
    return coin.rpartition(":")[2].upper() + "USDT"


class Reference:
    """Serves the leader of each coin, block by block; a coin without one is silent."""

    def __init__(self, exchange: LocalExchange, peers: Peers, faults: FaultInjector, limits: Limits) -> None:
        self._exchange = exchange
        coins = {symbol_of(coin): coin for coin in reversed(exchange.coins)}  # the first of a symbol has its stream
        self._symbols = {coin: symbol for symbol, coin in coins.items()}
        self._touches: dict[str, Touch] = {}
        self._streams = {f"{s.lower()}@{kind}" for s in self._symbols.values() for kind in ("bookTicker", "trade")}
        self._listeners: dict[str, dict[Session, bool]] = {}  # by stream: session, whether combined
        self._peers = peers
        self._faults = faults
        self._limits = limits
        self._id = 0

    def push(self) -> None:
        """The leaders' touches that have changed with the last block."""
        for coin, symbol in self._symbols.items():
            touch = self._exchange.reference_bbo(coin)
            before = self._touches.get(coin)
            if touch is None or touch == before:
                continue
            self._touches[coin] = touch
            if self._listeners:
                self._id += 1
                self._send(f"{symbol.lower()}@bookTicker", self._ticker(symbol, touch))
                if before is not None and before[0] != touch[0]:
                    self._send(f"{symbol.lower()}@trade", self._trade(symbol, before, touch))

    def _ticker(self, symbol: str, touch: Touch) -> dict[str, Any]:
        now_ms = self._exchange.now_ms
        return {
            "e": "bookTicker", "u": self._id, "E": now_ms, "T": now_ms, "s": symbol,
            "b": touch[0], "B": SIZE, "a": touch[1], "A": SIZE,
        }  # fmt: skip

    def _trade(self, symbol: str, before: Touch, touch: Touch) -> dict[str, Any]:
        """The trade that moved the leader: it took the side that gave way. `m`: the buyer was the maker."""
        has_risen = float(touch[0]) > float(before[0])
        now_ms = self._exchange.now_ms
        return {
            "e": "trade", "E": now_ms, "T": now_ms, "s": symbol, "t": self._id, "p": before[1 if has_risen else 0],
            "q": SIZE, "X": "MARKET", "m": not has_risen,
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
