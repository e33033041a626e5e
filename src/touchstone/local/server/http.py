"""The HTTP endpoints /info and /exchange: bodies in, bodies out; what cannot be served is text with its status."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from touchstone.local.server.clock import monotonic_s
from touchstone.local.server.faults import HTML, FaultInjector
from touchstone.local.server.gateway import Gateway, LostResponse
from touchstone.local.server.peers import Peer, Peers
from touchstone.local.server.refusals import NotServed, not_json, too_many
from touchstone.local.server.settings import Limits

BODY_S = 10.0  # in which a body must have come


class Http:
    """Serves /info and /exchange."""

    def __init__(self, gateway: Gateway, peers: Peers, faults: FaultInjector, limits: Limits) -> None:
        self._gateway = gateway
        self._peers = peers
        self._faults = faults
        self._limits = limits

    async def info(self, request: web.Request) -> web.Response:
        """POST /info."""

        async def answer(body: bytes, peer: Peer) -> bytes:
            return (await self._gateway.ask(body, peer))[1]

        return await self._serve(request, answer)

    async def exchange(self, request: web.Request) -> web.Response:
        """POST /exchange."""
        return await self._serve(request, self._gateway.act)

    async def _serve(self, request: web.Request, answer: Callable[[bytes, Peer], Awaitable[bytes]]) -> web.Response:
        peer = self._peers.of(request.remote or "")
        peer.requests += 1
        try:
            if (status := self._faults.http_fault()) is not None:
                return _failure(status)
            body = await self._body(request, peer)
            return web.Response(body=await answer(body, peer), content_type="application/json")
        except NotServed as refused:
            return web.Response(status=refused.status, text=refused.text)
        except LostResponse:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        finally:
            peer.requests -= 1

    async def _body(self, request: web.Request, peer: Peer) -> bytes:
        if peer.requests > self._limits.requests_in_flight:
            raise too_many()
        if request.content_type != "application/json":
            raise NotServed(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Expected request with `Content-Type: application/json`"
            )
        try:
            async with asyncio.timeout(BODY_S):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            peer.spend(1, monotonic_s())
            raise NotServed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "length limit exceeded") from None
        except TimeoutError:
            raise NotServed(HTTPStatus.REQUEST_TIMEOUT, "the body did not come") from None
        if not body:
            raise not_json()
        return body


def _failure(status: HTTPStatus) -> web.Response:
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        return web.Response(status=status, text="null")
    html = HTML.format(f"{status.value} {status.phrase}")
    return web.Response(status=status, text=html, content_type="text/html")
