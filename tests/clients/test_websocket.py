"""The kept socket against a server that does what the test says: parts of messages, pings, closing, refusing."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import WSCloseCode, WSMsgType, web

from touchstone.clients import websocket
from touchstone.clients.backoff import Backoff
from touchstone.clients.websocket import KeptSocket, Patience

QUICK = Patience(ping_s=0.1, silence_s=0.4, connect_s=0.5, first_pause_s=0.02, longest_pause_s=0.1)


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


class Listener:
    def __init__(self) -> None:
        self.told: list[str] = []

    def on_open(self) -> None:
        self.told.append("open")

    def on_message(self, message: memoryview) -> None:
        self.told.append(bytes(message).decode())

    def on_close(self, reason: str) -> None:
        self.told.append(f"close: {reason}")


class Venue:
    """A server whose sockets the test holds."""

    def __init__(self) -> None:
        self.sockets: list[web.WebSocketResponse] = []
        self.got: list[str] = []
        self.status = 0  # with which a connection is refused
        self.hangs = False
        self.autoping = True
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.hangs:
            await asyncio.sleep(30)
        if self.status:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(autoping=self.autoping)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            self.got.append(message.data if message.type is WSMsgType.TEXT else message.type.name)
        return socket


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[Venue]:
    made = Venue()
    app = web.Application()
    app.add_routes([web.get("/ws", made.serve)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def kept(venue: Venue) -> AsyncIterator[tuple[KeptSocket, Listener, Counter[str]]]:
    listener, counts = Listener(), Counter[str]()
    socket = KeptSocket(venue.url, listener, ask=None, patience=QUICK, counts=counts, say=lambda _: None, seed=1)
    yield socket, listener, counts
    await socket.close()


@pytest.mark.asyncio
async def test_a_message_in_parts_is_heard_whole(venue: Venue, kept: Any) -> None:
    socket, listener, _ = kept
    socket.open()
    await until(lambda: venue.sockets)
    writer = venue.sockets[0]._writer
    assert writer is not None

    def frame(opcode: int, text: bytes, is_last: bool) -> bytes:
        return bytes([opcode | (128 if is_last else 0), len(text)]) + text

    parts = [(1, b"on", False), (0, b"e ", False), (9, b"", True), (0, b"two", True)]  # a ping in between
    writer.transport.write(b"".join(frame(*part) for part in parts))
    await venue.sockets[0].send_str("three")
    await until(lambda: len(listener.told) == 3)
    assert listener.told == ["open", "one two", "three"]


@pytest.mark.asyncio
async def test_writing_closing_and_opening_again(venue: Venue, kept: Any) -> None:
    socket, listener, counts = kept
    socket.open()
    await until(lambda: socket.is_open)
    socket.write(b"hello")
    await until(lambda: venue.got == ["hello"])
    await venue.sockets[0].close(code=WSCloseCode.GOING_AWAY, message=b"upgrade")
    assert not socket.is_open or len(venue.sockets) == 2
    await until(lambda: socket.is_open and len(venue.sockets) == 2)
    assert listener.told == ["open", "close: closed by the venue: upgrade", "open"]
    assert socket.last_reason == "closed by the venue: upgrade"
    assert (counts["connections"], counts["connections_lost"]) == (2, 1)


@pytest.mark.asyncio
async def test_a_silent_peer_is_asked_with_a_ping_frame(venue: Venue, kept: Any) -> None:
    socket, listener, counts = kept
    socket.open()
    await asyncio.sleep(1.0)
    assert listener.told == ["open"]  # pongs are enough
    assert 3 <= counts["pings"] <= 10
    venue.autoping = False
    await venue.sockets[0].close()
    await until(lambda: counts["silences"] >= 1)
    assert listener.told[-1].startswith(("close: silent for ", "open"))
    assert venue.got.count("PING") >= 1


@pytest.mark.asyncio
async def test_what_comes_after_giving_up_is_not_heard(venue: Venue, kept: Any) -> None:
    socket, listener, _ = kept
    socket.open()
    await until(lambda: socket.is_open and venue.sockets)
    socket.drop("enough")
    assert not socket.is_open
    socket.drop("again")  # there is nothing to give up any more
    await venue.sockets[0].send_str("late")
    await until(lambda: len(listener.told) == 3)
    assert listener.told == ["open", "close: enough", "open"]


@pytest.mark.asyncio
async def test_the_rest_of_what_was_read_with_the_last_message_is_not_heard(venue: Venue, kept: Any) -> None:
    socket, listener, _ = kept
    hear = listener.on_message

    def hear_one(message: memoryview) -> None:
        hear(message)
        socket.drop("enough")

    listener.on_message = hear_one
    socket.open()
    await until(lambda: venue.sockets)
    writer = venue.sockets[0]._writer
    assert writer is not None
    writer.transport.write(bytes([129, 1]) + b"a" + bytes([129, 1]) + b"b")
    await until(lambda: len(listener.told) == 4)
    assert listener.told == ["open", "a", "close: enough", "open"]


@pytest.mark.asyncio
async def test_refusals_are_tried_again_and_counted(venue: Venue, kept: Any) -> None:
    socket, listener, counts = kept
    venue.status = 429
    socket.open()
    await until(lambda: counts["failed_connects"] >= 3)
    assert "429" in socket.last_reason
    assert listener.told == []
    venue.status = 0
    await until(lambda: listener.told == ["open"])


@pytest.mark.asyncio
async def test_a_connection_that_hangs_is_given_up(venue: Venue, kept: Any) -> None:
    socket, _, counts = kept
    venue.hangs = True
    socket.open()
    await until(lambda: counts["failed_connects"] >= 1)
    assert socket.last_reason == "no connection within 0.5 s"
    venue.hangs = False
    await until(lambda: socket.is_open)


@pytest.mark.asyncio
async def test_closing_tells_nobody_and_ends_the_tries(venue: Venue, kept: Any) -> None:
    socket, listener, counts = kept
    socket.open()
    await until(lambda: socket.is_open)
    await socket.close()
    await asyncio.sleep(0.1)
    assert listener.told == ["open"]
    assert len(venue.sockets) == counts["connections"] == 1


@pytest.mark.asyncio
async def test_closing_right_after_giving_up_tells_nobody(venue: Venue, kept: Any) -> None:
    socket, listener, _ = kept
    socket.open()
    await until(lambda: socket.is_open)
    socket.drop("enough")
    await socket.close()
    assert listener.told == ["open"]


@pytest.mark.asyncio
async def test_a_peer_that_takes_no_more_is_given_up(venue: Venue, kept: Any) -> None:
    socket, listener, _ = kept
    socket.open()
    await until(lambda: socket.is_open and venue.sockets)
    for _ in range(200):
        if not socket.is_open:
            break
        socket.write(b"x" * 200_000)  # the server's loop, which is ours, reads nothing meanwhile
    assert listener.told == ["open"]  # not within the call
    await asyncio.sleep(0)
    assert listener.told == ["open", "close: it takes no more"]


@pytest.mark.asyncio
async def test_a_message_without_end_is_given_up(
    venue: Venue, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_FRAME", 100)
    socket, listener, _ = kept
    socket.open()
    await until(lambda: venue.sockets)
    writer = venue.sockets[0]._writer
    assert writer is not None
    writer.transport.write(bytes([1, 80]) + b"x" * 80 + bytes([0, 80]) + b"x" * 80)
    await until(lambda: len(listener.told) >= 2)
    assert listener.told[1] == "close: a message of more than 100 bytes"


def test_pauses_double_up_to_the_longest_and_are_jittered() -> None:
    pauses = [Backoff(0.25, 20.0, random.Random(seed)) for seed in range(200)]
    for full_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0):
        drawn = [backoff.pause_s() for backoff in pauses]
        assert full_s / 2 <= min(drawn) < 0.55 * full_s
        assert 0.95 * full_s < max(drawn) <= full_s
    same = [Backoff(0.25, 20.0, random.Random(7)).pause_s() for _ in range(3)]
    assert len(set(same)) == 1
    pauses[0].reset()
    assert pauses[0].pause_s() <= 0.25
