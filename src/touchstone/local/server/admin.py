"""The operator's endpoint: how the server fares, faults on demand, deposits. Loopback only, with its own token."""

import hmac
import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from touchstone import TouchstoneError
from touchstone.config import ConfigError
from touchstone.local.server.settings import Faults, read
from touchstone.venues.hyperliquid.actions import address

if TYPE_CHECKING:
    from touchstone.local.server.server import Server


MOST = 1e12  # units of collateral in one deposit


class Deposit(msgspec.Struct, forbid_unknown_fields=True):
    """`amount` in units of the dex's collateral."""

    user: str
    amount: float
    dex: str = ""


class Admin:
    """GET /admin/state; GET, POST (merges), DELETE /admin/faults; POST /admin/disconnect, /admin/deposit."""

    def __init__(self, server: "Server", token: str) -> None:
        self._server = server
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        """Where it is."""
        return [
            web.get("/admin/state", self._guarded(self.state)),
            web.get("/admin/faults", self._guarded(self.faults)),
            web.post("/admin/faults", self._guarded(self.change_faults)),
            web.delete("/admin/faults", self._guarded(self.clear_faults)),
            web.post("/admin/disconnect", self._guarded(self.disconnect)),
            web.post("/admin/deposit", self._guarded(self.deposit)),
        ]

    def _guarded(self, handler: Any) -> Any:
        async def guarded(request: web.Request) -> web.Response:
            if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:
                return web.Response(status=HTTPStatus.FORBIDDEN, text="loopback only")
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                return web.Response(status=HTTPStatus.UNAUTHORIZED, text="the token was printed at the start")
            try:
                answer = handler(msgspec.json.decode(await request.read()) if request.method == "POST" else None)
            except (TouchstoneError, msgspec.DecodeError, RecursionError) as error:
                return web.Response(status=HTTPStatus.BAD_REQUEST, text=str(error))
            return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

        return guarded

    def state(self, _: Any) -> dict[str, Any]:
        """Lateness of the block loop, connections, and every drop by its reason."""
        return self._server.state()

    def faults(self, _: Any) -> dict[str, Any]:
        """The faults that are on."""
        return self._server.faults.plan.model_dump(mode="json")

    def change_faults(self, given: Any) -> dict[str, Any]:
        """Merge what is given into the plan."""
        if not isinstance(given, dict):
            raise ConfigError("faults: must be an object of fault names")
        self._server.set_faults(read(Faults, self.faults(None) | given, "faults"))
        return self.faults(None)

    def clear_faults(self, _: Any) -> dict[str, Any]:
        """No faults."""
        self._server.set_faults(Faults())
        return self.faults(None)

    def disconnect(self, _: Any) -> dict[str, int]:
        """Break every connection now."""
        return {"disconnected": self._server.sockets.disconnect_all()}

    def deposit(self, given: Any) -> dict[str, Any]:
        """Collateral for a user."""
        deposit = msgspec.convert(given, Deposit)
        user = address(deposit.user, "user")
        if not abs(deposit.amount) <= MOST:
            raise ConfigError(f"amount = {deposit.amount:g}: from -{MOST:g} to {MOST:g}")
        if deposit.dex not in self._server.exchange.dexs:
            raise ConfigError(f"dex = {deposit.dex!r}: there are {list(self._server.exchange.dexs)}")
        self._server.deposit(user, deposit.dex, deposit.amount)
        return {"user": user, "dex": deposit.dex, "amount": deposit.amount}
