"""The WebSocket endpoint: frames of a client in, acknowledgements, snapshots, answers and errors out."""

import asyncio
import logging
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from touchstone.local.server import frames
from touchstone.local.server.clock import monotonic_s
from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.frames import Frames
from touchstone.local.server.gateway import Gateway, LostResponse
from touchstone.local.server.peers import Peers
from touchstone.local.server.queries import Queries
from touchstone.local.server.refusals import NotServed
from touchstone.local.server.session import Session
from touchstone.local.server.settings import Limits
from touchstone.local.server.topics import InvalidSubscription, Listeners, Topic, topic_of
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.decoding import decode_client_frame
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.stream import Ping, Post, Subscribe, Subscription, Unsubscribe

_log = logging.getLogger(__name__)
WATCH_S = 1.0
ECHO = 500  # characters of a bad frame that its error repeats


class Sockets:
    """Serves /ws."""

    def __init__(
        self,
        gateway: Gateway,
        builder: Frames,
        queries: Queries,
        listeners: Listeners,
        peers: Peers,
        faults: FaultInjector,
        limits: Limits,
    ) -> None:
        self._gateway = gateway
        self._frames = builder
        self._queries = queries
        self._listeners = listeners
        self._peers = peers
        self._faults = faults
        self._limits = limits
        self.sessions: set[Session] = set()
        self.n_opened = 0
        self._closing: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection from its beginning to its end."""
        peer = self._peers.of(request.remote or "")
        try:
            peer.connect(monotonic_s())
        except NotServed as refused:
            return web.Response(status=refused.status, text=refused.text)
        socket = web.WebSocketResponse(max_msg_size=self._limits.body_bytes, compress=False, timeout=1.0)
        session = None
        try:
            await socket.prepare(request)
            session = Session(socket, request, peer, self._limits, self._faults)
            self.sessions.add(session)
            self.n_opened += 1
            await self._converse(socket, session)
        finally:
            peer.connections -= 1
            if session is not None:
                self.sessions.discard(session)
                for topic in list(session.keys):
                    self._leave(session, topic)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, session: Session) -> None:
        writer = asyncio.create_task(session.write())
        posts: set[asyncio.Task[None]] = set()
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY) or session.close_reason:
                    break
                if not session.peer.messages.take(1, self._limits.messages_per_minute, monotonic_s()):
                    session.send(frames.error(errors.MESSAGE_LIMIT.render(limit=self._limits.messages_per_minute)))
                    continue
                self._receive(message.data, session, posts)
        finally:
            writer.cancel()
            for task in posts:
                task.cancel()
            await asyncio.gather(writer, *posts, return_exceptions=True)

    def _receive(self, text: str | bytes, session: Session, posts: set[asyncio.Task[None]]) -> None:
        try:
            frame = decode_client_frame(text)
        except (WireError, RecursionError, ValueError):
            echo = text if isinstance(text, str) else text.decode(errors="replace")
            session.send(frames.error(errors.INVALID_FRAME.render(frame=echo[:ECHO])))
            return
        match frame:
            case Ping():
                session.send(frames.PONG)
            case Subscribe():
                self._subscribe(frame.subscription, session)
            case Unsubscribe():
                self._unsubscribe(frame.subscription, session)
            case Post():
                self._post(frame, session, posts)

    # Subscriptions.

    def _topic(self, subscription: Subscription, session: Session) -> Topic | None:
        try:
            return topic_of(subscription, self._queries.has_coin, self._queries.has_dex)
        except InvalidSubscription:
            session.send(frames.error(errors.INVALID_SUBSCRIPTION.render(subscription=_text(subscription))))
            return None

    def _subscribe(self, subscription: Subscription, session: Session) -> None:
        topic = self._topic(subscription, session)
        if topic is None:
            return
        if refusal := self._refusal(subscription, topic, session):
            session.send(frames.error(refusal))
            return
        session.keys.add(topic)
        session.peer.subscriptions += 1
        if topic.user:
            session.peer.users[topic.user] += 1
            subscription = msgspec.structs.replace(subscription, user=topic.user)
        self._listeners.add(topic, session)
        session.send(frames.acknowledgement("subscribe", subscription))
        if (snapshot := self._frames.full(topic)) is not None:
            session.send(snapshot)

    def _refusal(self, subscription: Subscription, topic: Topic, session: Session) -> str | None:
        peer, limits = session.peer, self._limits
        if topic in session.keys:
            return errors.ALREADY_SUBSCRIBED.render(subscription=_text(subscription))
        if peer.subscriptions >= limits.subscriptions:
            return errors.SUBSCRIPTION_LIMIT.render(limit=limits.subscriptions)
        if topic.user and topic.user not in peer.users and len(peer.users) >= limits.users:
            return errors.USER_LIMIT.render(limit=limits.users)
        return None

    def _unsubscribe(self, subscription: Subscription, session: Session) -> None:
        topic = self._topic(subscription, session)
        if topic is None:
            return
        if topic not in session.keys:
            session.send(frames.error(errors.ALREADY_UNSUBSCRIBED.render(subscription=_text(subscription))))
            return
        self._leave(session, topic)
        session.send(frames.acknowledgement("unsubscribe", subscription))

    def _leave(self, session: Session, topic: Topic) -> None:
        session.keys.discard(topic)
        self._listeners.remove(topic, session)
        peer = session.peer
        peer.subscriptions -= 1
        if topic.user:
            peer.users[topic.user] -= 1
            if not peer.users[topic.user]:
                del peer.users[topic.user]

    # Posts.

    def _post(self, post: Post, session: Session, posts: set[asyncio.Task[None]]) -> None:
        if session.peer.posts >= self._limits.posts_in_flight:
            session.send(frames.error(errors.POST_LIMIT.render(id=post.id)))
            return
        session.peer.posts += 1
        task = asyncio.create_task(self._answer(post, session))
        posts.add(task)
        task.add_done_callback(posts.discard)

    async def _answer(self, post: Post, session: Session) -> None:
        kind: Any = post.request.type
        try:
            if kind == "info":
                name, answer = await self._gateway.ask(post.request.payload, session.peer)
                payload = msgspec.json.encode({"type": name, "data": msgspec.Raw(answer)})
            else:
                payload = await self._gateway.act(post.request.payload, session.peer)
        except NotServed as refused:
            kind, payload = "error", msgspec.json.encode(refused.line)
        except LostResponse:
            session.abort("lost response")
            return
        except Exception:
            _log.exception("a post failed")
            self._faults.count("failed post")
            kind, payload = "error", msgspec.json.encode("500 Internal Server Error: null")
        finally:
            session.peer.posts -= 1
        session.send(frames.post(post.id, kind, payload))

    # Faults.

    async def watch(self) -> None:
        """Each second, close silent connections and break those that the fault draws; until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            for session in list(self.sessions):
                if session.is_silent:
                    self._faults.count("silence")
                    self._closing.add(task := asyncio.create_task(session.close("silence")))
                    task.add_done_callback(self._closing.discard)
                elif self._faults.draw("drawn disconnect", self._faults.plan.disconnect_chance * WATCH_S):
                    session.abort("disconnect")

    def disconnect_all(self) -> int:
        """Break every connection without a close frame; how many there were."""
        found = list(self.sessions)
        for session in found:
            session.abort("disconnect")
        return len(found)

    async def close_all(self) -> None:
        """Close every connection in order, at the end."""
        await asyncio.gather(*(session.close("server ends") for session in list(self.sessions)))


def _text(subscription: Subscription) -> str:
    """JSON of a subscription, as far as it was understood."""
    return msgspec.json.encode(subscription).decode()[:ECHO]
