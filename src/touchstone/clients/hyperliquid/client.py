"""The account's one owner of sockets: signed actions out, frames in, readings on request."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from touchstone.clients.errors import NotSentError, SubscriptionError, UnreachableError
from touchstone.clients.hyperliquid.http import Http
from touchstone.clients.hyperliquid.limits import Limits, Window
from touchstone.clients.hyperliquid.network import Network
from touchstone.clients.hyperliquid.posts import Posts, ReplyFuture, end, failed_post
from touchstone.clients.hyperliquid.requests import Requests, post_frame
from touchstone.clients.websocket import KeptSocket
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.actions import (
    CancelByCloid,
    CancelOrders,
    L1Action,
    Noop,
    ScheduleCancel,
    address,
)
from touchstone.venues.hyperliquid.ahead import AheadSigner
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import InfoRequest
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.replies import Refused, Reply
from touchstone.venues.hyperliquid.signing import Signer
from touchstone.venues.hyperliquid.stream import (
    ErrorFrame,
    Ping,
    PostFrame,
    PostResponse,
    Subscribe,
    Subscription,
    SubscriptionResponse,
)
from touchstone.venues.hyperliquid.weights import action_weight, n_parts

_HEAD = b'{"channel":"'  # of every frame that the venue writes
_LONGEST_CHANNEL = 40
_CONTROL = frozenset((b"post", b"subscriptionResponse", b"error", b""))  # for the client itself; empty: no frame at all
_CANCELS = (CancelOrders, CancelByCloid, ScheduleCancel, Noop)
_NOT_FOLLOWED = (errors.INVALID_SUBSCRIPTION, errors.USER_LIMIT, errors.SUBSCRIPTION_LIMIT)
_PAUSE_S = 0.002  # between preparations of signatures, which take some 60 us
_PING = msgspec.json.encode(Ping())


class _AnyFrame(msgspec.Struct):
    channel: str


_CHANNEL = msgspec.json.Decoder(_AnyFrame)


class Hears(Protocol):
    """Who is told what comes; from the event loop, and must not block."""

    def on_frame(self, frame: memoryview | bytes) -> None:
        """A data frame, raw, market and user (snapshots come before `on_up`). Valid only during the call: copy it."""

    def on_up(self) -> None:
        """Connected, every subscription acknowledged; also after each reconnect: time to reconcile."""

    def on_down(self, reason: str) -> None:
        """The connection is lost; once per loss, and only after an `on_up`."""


class Client:
    """One per account. `account` is the address traded for; `signer` its key's or its agent's, None only reads."""

    def __init__(
        self,
        network: Network,
        *,
        account: str,
        signer: Signer | None,
        now_ms: Callable[[], int],
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        say: Callable[[str], None] = lambda _: None,
        vault: str | None = None,
        seed: int | None = None,
    ) -> None:
        """`now_ms` is the trader's clock (nonces); `vault` where `account` is a sub-account or vault of the signer's.

        `seed` is that of the jitter, which is random without it. Made inside a running event loop.
        """
        self.network = network
        self.account = address(account, "account")
        self.signer = signer
        self._limits = limits
        self._say = say
        self._seed = seed
        self._loop = asyncio.get_running_loop()
        self._counts: Counter[str] = Counter()
        self._decoder = Decoder()
        self._told: set[str] = set()  # unknown things that were said
        self._weight = Window(limits.weight_per_minute)
        self._messages = Window(limits.messages_per_minute)
        self._posts = Posts(limits.post_s, self._counts)
        self._nonces = NonceCounter()
        self._requests = None if signer is None else Requests(signer, self._nonces, now_ms, vault)
        self._prepares = signer if isinstance(signer, AheadSigner) else None
        self._prepared_by: asyncio.TimerHandle | None = None
        self._http = Http(network, limits, self._weight, self._decoder, self._counts, random.Random(seed))
        self._http_actions: set[asyncio.Task[None]] = set()
        self._socket: KeptSocket | None = None
        self._hears: Hears | None = None
        self._subscriptions: list[Subscription] = []
        self._unacknowledged: set[tuple[object, ...]] = set()
        self._acknowledged_by: asyncio.TimerHandle | None = None
        self._first_up: asyncio.Future[None] | None = None
        self._is_up = False
        self._is_stopped = False

    @property
    def is_up(self) -> bool:
        """Connected, and every subscription acknowledged."""
        return self._is_up and self._socket is not None and self._socket.is_open

    @property
    def counters(self) -> dict[str, int]:
        """What happened how often: reconnects, retries, throttles, fallbacks, drops, unknown fields and statuses."""
        found = self._counts | Counter({f"unknown: {path}": n for path, n in self._decoder.unknown.items()})
        if self._prepares is not None:
            found["signed_unprepared"] = self._prepares.n_unprepared
        return dict(sorted(found.items()))

    # Life.

    async def start(self, hears: Hears, subscriptions: Sequence[Subscription]) -> None:
        """Connect and subscribe, and stay connected until `stop`.

        Returns when it is up. Raises SubscriptionError where the venue does not know one, UnreachableError in time.
        """
        assert self._hears is None, "a client starts once"
        self._hears = hears
        self._subscriptions = list(subscriptions)
        self._first_up = self._loop.create_future()
        self._socket = KeptSocket(
            self.network.ws_url, self, ask=self._ask, patience=self._limits.patience, counts=self._counts,
            say=self._say, seed=self._seed,
        )  # fmt: skip
        self._socket.open()
        self._prepare_soon()
        try:
            async with asyncio.timeout(self._limits.start_s):
                await self._first_up
        except TimeoutError:
            reason = self._socket.last_reason
            await self.stop()
            raise UnreachableError(
                f"{self.network.ws_url}: not up within {self._limits.start_s:g} s: {reason}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything. What is still unanswered has an unknown outcome; `on_down` is not called."""
        self._is_stopped = True
        self._is_up = False
        self._stop_waiting()
        if self._prepared_by is not None:
            self._prepared_by.cancel()
        if self._socket is not None:
            await self._socket.close()
        self._posts.lose("the client stopped")
        if self._http_actions:
            await asyncio.wait(self._http_actions, timeout=self._limits.post_s)
        await self._http.close()

    # Readings.

    async def info(self, kind: str, **parameters: Any) -> Any:
        """Typed answer to an info request (venues.hyperliquid.info: parameters are the fields of InfoRequest).

        Waits for the weight that it costs; tries again on 429, 5xx and time-outs. Raises UnreachableError,
        UnansweredError for another status, WireError for an answer that cannot be read.
        """
        answer = await self._http.ask(InfoRequest(kind, **parameters))
        self._tell_unknown()
        return answer

    # Actions.

    def send(self, action: L1Action, *, expires_ms: int | None = None) -> ReplyFuture:
        """Sign an action and write it to the socket before this returns, so calls reach the wire in their order.

        The future gives Accepted or Refused, or raises UnknownOutcomeError (written and not answered) or NotSentError.
        While the socket is down, and until those are answered, actions go over HTTP, one after the other.
        """
        future: ReplyFuture = self._loop.create_future()
        try:
            self._send(action, expires_ms, future)
        except (NotSentError, WireError) as error:
            end(future, error if isinstance(error, NotSentError) else NotSentError(str(error)), self._counts)
        return future

    def _send(self, action: L1Action, expires_ms: int | None, future: ReplyFuture) -> None:
        if self._requests is None or self._is_stopped:
            raise NotSentError("no signing key: this client only reads" if self._requests is None else "stopped")
        now_s = self._loop.time()
        weight = action_weight(n_parts(action))
        keep = 0 if isinstance(action, _CANCELS) else self._limits.kept_for_cancels
        if self._weight.total(now_s) + weight > self._weight.limit - keep:
            raise NotSentError(f"the weight limit of {self._weight.limit} a minute is reached")
        socket = self._socket
        if socket is not None and socket.is_open and not self._http_actions:  # those keep their place
            self._check_socket(now_s, keep)
            request = self._requests.write(action, expires_ms)
            number = self._posts.next_number()
            socket.write(post_frame(number, request))
            self._posts.wait_for(number, future)
            self._messages.take(1, now_s)
            self._prepare_soon()
        elif len(self._http_actions) >= self._limits.posts_in_flight - keep:
            raise NotSentError(f"{len(self._http_actions)} actions wait for their answers over HTTP already")
        else:
            self._counts["http_actions"] += 1
            task = self._loop.create_task(self._act(self._requests.write(action, expires_ms), future))
            self._http_actions.add(task)
            task.add_done_callback(self._http_actions.discard)
        self._weight.take(weight, now_s)

    def _prepare_soon(self) -> None:
        if self._prepares is not None and self._prepared_by is None:
            self._prepared_by = self._loop.call_later(_PAUSE_S, self._prepare)

    def _prepare(self) -> None:
        """Prepare one signature, and go on after a pause in which whatever came is served, until all are ready."""
        self._prepared_by = None
        assert self._prepares is not None
        if self._prepares.prepare():
            self._prepare_soon()

    def _check_socket(self, now_s: float, keep: int) -> None:
        """Raises NotSentError where less than `keep` of a limit would be left."""
        if self._posts.in_flight >= self._limits.posts_in_flight - keep:
            if self._posts.n_late:
                assert self._socket is not None
                self._socket.drop(f"{self._posts.n_late} actions had no answer in {self._limits.post_s:g} s")
            raise NotSentError(f"{self._posts.in_flight} actions wait for their answers already")
        if self._messages.total(now_s) >= self._messages.limit - keep:
            raise NotSentError(f"the limit of {self._messages.limit} messages a minute is reached")

    async def _act(self, request: bytes, future: ReplyFuture) -> None:
        outcome: Reply | Exception
        try:
            outcome = self._heed(await self._http.act(request))
        except Exception as error:
            outcome = error
        end(future, outcome, self._counts)

    def _heed(self, reply: Reply) -> Reply:
        """What a reply means for the client itself: nonces beyond one that was too low, unknown things said."""
        found = errors.recognise(reply.response) if isinstance(reply, Refused) else None
        if found is not None and found.refusal in (errors.NONCE_TOO_LOW, errors.NONCE_DUPLICATE):
            self._counts["nonce_refusals"] += 1
            self._nonces.pass_over(int(found.values.get("bound", found.values["nonce"])))
        self._tell_unknown()
        return reply

    # From the socket.

    def on_open(self) -> None:
        """Subscribe to everything again."""
        assert self._socket is not None
        self._unacknowledged = {subscription.key for subscription in self._subscriptions}
        for subscription in self._subscriptions:
            self._write(msgspec.json.encode(Subscribe(subscription)))
        silence_s = self._limits.patience.silence_s
        self._acknowledged_by = self._loop.call_later(
            silence_s, self._socket.drop, f"subscriptions were not acknowledged within {silence_s:g} s"
        )
        self._check_up()

    def on_message(self, message: memoryview) -> None:
        """A frame of the venue: data goes on as it is."""
        head = bytes(message[: len(_HEAD) + _LONGEST_CHANNEL])
        to = head.find(b'"', len(_HEAD))
        channel = head[len(_HEAD) : to] if head.startswith(_HEAD) and to > 0 else _channel(message)
        if channel == b"pong":
            return
        if channel in _CONTROL:
            self._take_control(bytes(message))
        elif self._hears is not None:
            self._hears.on_frame(message)

    def on_close(self, reason: str) -> None:
        """The connection is lost."""
        self._stop_waiting()
        was_up, self._is_up = self._is_up, False
        self._posts.lose(reason)
        if was_up and self._hears is not None:
            self._hears.on_down(reason)

    def _take_control(self, message: bytes) -> None:
        try:
            frame = self._decoder.frame(message)
        except WireError as error:
            self._counts["unreadable_frames"] += 1
            self._say(f"a frame cannot be read and was dropped: {error}")
            return
        match frame:
            case PostFrame():
                self._posts.settle(frame.data.id, self._outcome(frame.data.response))
            case SubscriptionResponse():
                self._acknowledged(frame.data.subscription)
            case ErrorFrame():
                self._take_error(frame.data)
        self._tell_unknown()

    def _outcome(self, response: PostResponse) -> Reply | Exception:
        try:
            if response.type == "error":
                return failed_post(msgspec.json.decode(response.payload, type=str))
            return self._heed(self._decoder.reply(response.payload))
        except (WireError, msgspec.DecodeError) as error:
            return failed_post(f"500 an answer that cannot be read: {error}")

    def _acknowledged(self, subscription: Subscription) -> None:
        self._unacknowledged.discard(subscription.key)
        self._check_up()

    def _check_up(self) -> None:
        if self._unacknowledged or self._is_up or self._hears is None:
            return
        self._stop_waiting()
        self._is_up = True
        self._counts["ups"] += 1
        if self._first_up is not None and not self._first_up.done():
            self._first_up.set_result(None)
        self._hears.on_up()

    def _take_error(self, text: str) -> None:
        """An error in a frame of its own: of a subscription, of a post, or of a message that was over a limit."""
        self._counts["error_frames"] += 1
        self._say(f"the venue says: {text}")
        found = errors.recognise(text)
        if found is None:
            return
        if found.refusal is errors.POST_LIMIT:
            self._posts.settle(int(found.values["id"]), NotSentError(f"the venue did not take it: {text}"))
        elif found.refusal in _NOT_FOLLOWED and not self._is_up and self._socket is not None:
            if self._first_up is not None and not self._first_up.done():
                self._first_up.set_exception(SubscriptionError(f"{self.network.ws_url}: {text}"))
            self._socket.drop(text)

    def _ask(self) -> None:
        self._write(_PING)

    def _write(self, message: bytes) -> None:
        assert self._socket is not None
        self._messages.add(1, self._loop.time())
        self._socket.write(message)

    def _stop_waiting(self) -> None:
        if self._acknowledged_by is not None:
            self._acknowledged_by.cancel()
            self._acknowledged_by = None

    def _tell_unknown(self) -> None:
        """Say each unknown thing once."""
        if len(self._decoder.unknown) > len(self._told):
            new = self._decoder.unknown.keys() - self._told
            self._told |= new
            self._say(f"not known, and left out: {', '.join(sorted(new))}")


def _channel(message: memoryview) -> bytes:
    """Channel of a frame that is written in another order; empty where it is no frame at all."""
    try:
        return _CHANNEL.decode(message).channel.encode()
    except msgspec.DecodeError:
        return b""
