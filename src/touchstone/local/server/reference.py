"""A Binance-compatible stream of the reference venue: the price that leads ours. `<symbol>@bookTicker`, `@trade`.

Paths as Binance has them: /ws/<stream>, /ws/<stream>/<stream> (bare messages), /stream?streams=<a>/<b> (combined), and
SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS requests. Symbol: the coin without its dex, and USDT.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from touchstone.local.reports import BlockReport
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

    def __init__(self, coins: Iterable[str], peers: Peers, faults: FaultInjector, limits: Limits) -> None:
        self._symbols = {coin: symbol_of(coin) for coin in coins}
        self._streams = {f"{s.lower()}@{kind}" for s in self._symbols.values() for kind in ("bookTicker", "trade")}
        self._listeners: dict[str, dict[Session, bool]] = {}  # by stream: session, whether combined
        self._peers = peers
        self._faults = faults
        self._limits = limits
        self._update_id = 0

    def push(self, report: BlockReport) -> None:
        """The leader's ticks of one block."""
        if not self._listeners:
            return
        for coin, rows in report.leader.items():
            symbol = self._symbols[coin]
            for row in rows:
                self._update_id += 1
                self._send(f"{symbol.lower()}@bookTicker", self._ticker(symbol, row))
        for coin, rows in report.leader_trades.items():
            symbol = self._symbols[coin]
            for row in rows:
                self._send(f"{symbol.lower()}@trade", self._trade(symbol, row))

    def _ticker(self, symbol: str, row: Any) -> dict[str, Any]:
        return {
            "e": "bookTicker", "u": self._update_id, "E": row.time, "T": row.time, "s": symbol,
            "b": row.bid, "B": row.bid_sz, "a": row.ask, "A": row.ask_sz,
        }  # fmt: skip

    def _trade(self, symbol: str, row: Any) -> dict[str, Any]:
        return {
            "e": "trade", "E": row.time, "T": row.time, "s": symbol, "t": row.tid, "p": row.px, "q": row.sz,
            "X": "MARKET", "m": row.side == "A",
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
