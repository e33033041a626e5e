"""A WebSocket that is kept: asked when it is silent, given up when it stays so, connected again when it broke.

Intervals are measured on the event loop's clock; nothing here knows the time of day.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from touchstone.clients.backoff import Backoff

MAX_FRAME = 1 << 24
STEADY_S = 3.0  # a connection that lived so long does not count as a failed try: at most 20 tries a minute


class Listens(Protocol):
    """Who is told; from the event loop. A call that raises goes to the loop's exception handler and is counted."""

    def on_open(self) -> None:
        """Connected: time to subscribe."""

    def on_message(self, message: memoryview) -> None:
        """A whole message, valid only during the call."""

    def on_close(self, reason: str) -> None:
        """The connection is lost; once after each `on_open`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of a connection, s. The venue itself closes a socket to which it sent nothing for 60 s."""

    ping_s: float = 5.0  # silent for so long, it is asked
    silence_s: float = 15.0  # silent for so long, it is given up
    connect_s: float = 10.0  # a connection must stand within
    first_pause_s: float = 0.25  # before the next try; doubles, jittered
    longest_pause_s: float = 20.0


class KeptSocket:
    """Keeps one connection to `url` from `open` to `close`. `ask` says a word that is answered; None: a ping frame."""

    def __init__(
        self,
        url: str,
        listens: Listens,
        *,
        ask: Callable[[], None] | None,
        patience: Patience,
        counts: Counter[str],
        say: Callable[[str], None],
        seed: int | None,
    ) -> None:
        self._url = url
        self._listens = listens
        self._ask = ask
        self._patience = patience
        self._counts = counts
        self._say = say
        self._backoff = Backoff(patience.first_pause_s, patience.longest_pause_s, random.Random(seed))
        self._loop = asyncio.get_running_loop()
        self._transport: WSTransport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_closing = False
        self._heard_s = 0.0
        self._asked_s = 0.0
        self.last_reason = "not connected yet"

    @property
    def is_open(self) -> bool:
        """Whether a message written now goes to a connection."""
        transport = self._transport
        return transport is not None and not (transport.is_disconnected or transport.is_close_frame_sent)

    def open(self) -> None:
        """Begin to connect."""
        self._keeper = self._loop.create_task(self._keep())

    async def close(self) -> None:
        """Close the connection, in order where it stands, and keep it no more; the listener is not told."""
        self._is_closing = True
        transport, self._transport = self._transport, None
        self._stop_watch()
        if transport is not None:
            transport.send_close()
            transport.disconnect()
            with suppress(Exception):
                async with asyncio.timeout(1.0):
                    await transport.wait_disconnected()
            transport.disconnect(graceful=False)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def write(self, message: bytes) -> None:
        """Send a text message, at once. The socket must be open."""
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, message)

    def drop(self, reason: str) -> None:
        """Give the connection up; another one follows. The listener is told soon, not within the call."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self._stop_watch()
            transport.disconnect(graceful=False)
            self._loop.call_soon(self._lost, reason)

    # Connecting.

    async def _keep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience.connect_s):
                    transport, _ = await ws_connect(
                        lambda: _Connection(self), self._url, websocket_handshake_timeout=None,
                        max_frame_size=MAX_FRAME,
                    )  # fmt: skip
                self._counts["connections"] += 1
                begin_s = self._loop.time()
                with suppress(Exception):  # a violation of the protocol: `closed` was told
                    await transport.wait_disconnected()
                if self._loop.time() - begin_s > STEADY_S:
                    self._backoff.reset()
            except TimeoutError:
                self._not_connected(f"no connection within {self._patience.connect_s:g} s")
            except (OSError, WSError) as error:
                self._not_connected(str(error) or type(error).__name__)
            await asyncio.sleep(self._backoff.pause_s())

    def _not_connected(self, reason: str) -> None:
        self._counts["failed_connects"] += 1
        self.last_reason = reason
        self._say(f"{self._url}: {reason}")

    # From the connection.

    def opened(self, transport: WSTransport) -> None:
        """It stands."""
        if self._is_closing:
            transport.disconnect(graceful=False)
            return
        self._transport = transport
        self._heard_s = self._loop.time()
        self._schedule_watch()
        self._tell(self._listens.on_open)

    def heard(self, transport: WSTransport, message: memoryview | None) -> None:
        """Something came; `message` if it was one."""
        if transport is not self._transport:  # given up already
            return
        self._heard_s = self._loop.time()
        if message is not None:
            try:
                self._listens.on_message(message)
            except Exception as error:
                self._failed(error)

    def closed(self, transport: WSTransport, reason: str) -> None:
        """It broke, or the venue closes it."""
        if transport is self._transport:
            self._transport = None
            self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self._is_closing:
            return
        self._stop_watch()
        self.last_reason = reason
        self._counts["connections_lost"] += 1
        self._say(f"{self._url}: connection lost: {reason}")
        self._tell(lambda: self._listens.on_close(reason))

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._counts["listener_failures"] += 1
        self._loop.call_exception_handler({"message": "a listener of a socket failed", "exception": error})

    # Silence.

    def _schedule_watch(self) -> None:
        patience = self._patience
        self._watch = self._loop.call_later(min(patience.ping_s, patience.silence_s) / 4.0, self._look)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        now_s = self._loop.time()
        silent_s = now_s - self._heard_s
        if silent_s >= self._patience.silence_s:
            self._counts["silences"] += 1
            self.drop(f"silent for {silent_s:.1f} s")
            return
        if silent_s >= self._patience.ping_s and now_s - self._asked_s >= self._patience.ping_s:
            self._asked_s = now_s
            self._counts["pings"] += 1
            if self._ask is not None:
                self._ask()
            elif self._transport is not None:
                self._transport.send_ping()
        self._schedule_watch()


class _Connection(WSListener):
    """One connection: whole messages out of frames."""

    def __init__(self, owner: KeptSocket) -> None:
        self._owner = owner
        self._part = bytearray()  # of a message in several frames

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._owner.opened(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.TEXT or kind == WSMsgType.BINARY or kind == WSMsgType.CONTINUATION:
            if frame.fin and not self._part:
                self._owner.heard(transport, frame.get_payload_as_memoryview())
                return
            self._part += frame.get_payload_as_memoryview()
            if frame.fin:
                whole, self._part = self._part, bytearray()
                self._owner.heard(transport, memoryview(whole))
            elif len(self._part) > MAX_FRAME:
                self._owner.closed(transport, f"a message of more than {MAX_FRAME} bytes")
                transport.disconnect(graceful=False)
        elif kind == WSMsgType.CLOSE:
            self._owner.closed(transport, f"closed by the venue: {frame.get_close_reason() or frame.get_close_code()}")
            transport.send_close()
            transport.disconnect()
        else:
            self._owner.heard(transport, None)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._owner.closed(transport, "it broke without a close frame")

    def pause_writing(self) -> None:
        self._owner.drop("it takes no more")
