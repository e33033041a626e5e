"""The account's one owner of sockets: signed actions out, frames in, readings on request."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from touchstone.clients.hyperliquid.limits import Limits
from touchstone.clients.hyperliquid.network import Network
from touchstone.venues.hyperliquid.actions import L1Action
from touchstone.venues.hyperliquid.replies import Reply
from touchstone.venues.hyperliquid.signing import Signer
from touchstone.venues.hyperliquid.stream import Subscription


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

        `seed` is that of the jitter, which is random without it.
        """
        raise NotImplementedError

    @property
    def is_up(self) -> bool:
        """Connected, and every subscription acknowledged."""
        raise NotImplementedError

    @property
    def counters(self) -> dict[str, int]:
        """What happened how often: reconnects, retries, throttles, fallbacks, drops, unknown fields and statuses."""
        raise NotImplementedError

    async def start(self, hears: Hears, subscriptions: Sequence[Subscription]) -> None:
        """Connect and subscribe, and stay connected until `stop`.

        Returns when it is up. Raises SubscriptionError where the venue does not know one, UnreachableError in time.
        """
        raise NotImplementedError

    async def stop(self) -> None:
        """Close everything. What is still unanswered has an unknown outcome; `on_down` is not called."""
        raise NotImplementedError

    async def info(self, kind: str, **parameters: Any) -> Any:
        """Typed answer to an info request (venues.hyperliquid.info: parameters are the fields of InfoRequest).

        Waits for the weight that it costs; tries again on 429, 5xx and time-outs. Raises UnreachableError,
        UnansweredError for another status, WireError for an answer that cannot be read.
        """
        raise NotImplementedError

    def send(self, action: L1Action, *, expires_ms: int | None = None) -> "asyncio.Future[Reply]":
        """Sign an action and write it to the socket before this returns, so calls reach the wire in their order.

        The future gives Accepted or Refused, or raises UnknownOutcomeError (written and not answered) or NotSentError.
        While the socket is down the action goes over HTTP, one after the other.
        """
        raise NotImplementedError
