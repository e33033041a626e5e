"""What goes over HTTP: readings, and actions while the socket is down."""

import asyncio
import random
from collections import Counter
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec

from touchstone.clients.backoff import Backoff
from touchstone.clients.errors import NotSentError, UnansweredError, UnknownOutcomeError, UnreachableError
from touchstone.clients.hyperliquid.limits import Limits, Window
from touchstone.clients.hyperliquid.network import Network
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import InfoRequest
from touchstone.venues.hyperliquid.replies import Reply
from touchstone.venues.hyperliquid.weights import info_weight, items_weight, most_weight

_HEADERS = {"Content-Type": "application/json"}
_SHOWN = 200  # characters of an unexpected answer
_PATIENT = 8.0  # times longer the pauses after 429: the limit is one of a minute
_encode = msgspec.json.Encoder().encode


class Http:
    """POST /info and /exchange of one network; the connection is made on the first request."""

    def __init__(
        self,
        network: Network,
        limits: Limits,
        weight: Window,
        decoder: Decoder,
        counts: Counter[str],
        chance: random.Random,
    ) -> None:
        self._network = network
        self._limits = limits
        self._weight = weight
        self._decoder = decoder
        self._counts = counts
        self._chance = chance
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Lock()  # of readings that wait for weight
        self._order = asyncio.Lock()  # of actions

    async def close(self) -> None:
        """End it."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Readings.

    async def ask(self, request: InfoRequest) -> Any:
        """Typed answer. Raises UnreachableError, UnansweredError, WireError."""
        body = _encode(request)
        patience = self._limits.patience
        backoff = Backoff(patience.first_pause_s, patience.longest_pause_s / _PATIENT, self._chance)
        reason = ""
        for number in range(self._limits.info_tries):
            if number:
                self._counts["info_retries"] += 1
                await asyncio.sleep(backoff.pause_s() * (_PATIENT if reason.startswith("429") else 1.0))
            try:
                status, answer = await self._ask_once(request.type, body)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                continue
            if status == HTTPStatus.OK:
                return self._decoder.info(request.type, answer)
            reason = f"{status} {_text(answer)}"
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._counts["throttles"] += 1
            elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise UnansweredError(f"{self._network.url}/info {body.decode()}: {reason}")
        raise UnreachableError(
            f"{self._network.url}/info {request.type}: no answer in {self._limits.info_tries} tries, the last: {reason}"
        )

    async def _ask_once(self, kind: str, body: bytes) -> tuple[int, bytes]:
        """One try. The longest answer is paid for before, the real one after."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            keep = self._limits.weight_kept_for_actions
            most = min(most_weight(kind), self._weight.limit - keep)
            while (entry := self._weight.take(most, loop.time(), keep)) is None:
                self._counts["weight_waits"] += 1
                await asyncio.sleep(self._weight.wait_s(most, loop.time(), keep) + 0.001)
        n_items = 0
        try:
            status, answer = await self._post("info", body, self._limits.info_s)
            if status == HTTPStatus.OK and most > info_weight(kind):
                found = msgspec.json.decode(answer, type=list[msgspec.Raw] | None)
                n_items = len(found or ())
            return status, answer
        finally:
            self._weight.settle(entry, info_weight(kind) + items_weight(kind, n_items), loop.time())

    # Actions.

    async def act(self, body: bytes) -> Reply:
        """Answer to a signed action; one goes after the other. Raises NotSentError, UnknownOutcomeError."""
        try:
            async with asyncio.timeout(self._limits.post_s):
                await self._order.acquire()
        except TimeoutError:
            raise NotSentError(f"those before it had no answer within {self._limits.post_s:g} s") from None
        try:
            return await self._act(body)
        finally:
            self._order.release()

    async def _act(self, body: bytes) -> Reply:
        try:
            status, answer = await self._post("exchange", body, self._limits.post_s)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSentError(f"{self._network.url}: {error}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unknown(str(error) or type(error).__name__) from error
        if status != HTTPStatus.OK:
            reason = f"{status} {_text(answer)}"
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise _unknown(reason)
            self._counts["throttles"] += status == HTTPStatus.TOO_MANY_REQUESTS
            raise NotSentError(f"the venue did not take it: {reason}")
        try:
            return self._decoder.reply(answer)
        except WireError as error:
            raise _unknown(f"its answer cannot be read: {error}") from error

    async def _post(self, path: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=_HEADERS)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2.0)
        async with self._session.post(f"{self._network.url}/{path}", data=body, timeout=timeout) as response:
            return response.status, await response.read()


def _unknown(reason: str) -> UnknownOutcomeError:
    return UnknownOutcomeError(f"an action was sent over HTTP and not answered: {reason}")


def _text(answer: bytes) -> str:
    return answer[:_SHOWN].decode(errors="replace")
