"""The whole server: parts made and joined, one port opened, the block loop run, everything ended in order."""

import asyncio
import gc
import secrets
from typing import Any

from aiohttp import web

from touchstone import TouchstoneError
from touchstone.local.exchange import LocalExchange
from touchstone.local.reports import BlockReport
from touchstone.local.server.admin import Admin
from touchstone.local.server.authentication import Authenticator
from touchstone.local.server.blocks import BlockLoop
from touchstone.local.server.budget import Budgets
from touchstone.local.server.clock import Clock
from touchstone.local.server.directory import Directory
from touchstone.local.server.faults import FaultInjector
from touchstone.local.server.frames import Frames
from touchstone.local.server.gateway import Gateway
from touchstone.local.server.http import Http
from touchstone.local.server.peers import Peers
from touchstone.local.server.publisher import Publisher
from touchstone.local.server.queries import Queries
from touchstone.local.server.reference import Reference
from touchstone.local.server.settings import Faults, ServerSettings
from touchstone.local.server.sockets import Sockets
from touchstone.local.server.topics import Listeners
from touchstone.venues.hyperliquid.demo import demo_address

HOST = "127.0.0.1"
MICRO = 1_000_000


class ServerError(TouchstoneError):
    """The server cannot be started."""

    exit_code = 2


class Server:
    """A local exchange on a loopback port. `start` it in a running loop, `stop` it when done.

    It begins at the time of the wall, or at the exchange's own with `keeps_time` (a recording).
    """

    def __init__(
        self, exchange: LocalExchange, settings: ServerSettings, *, speed: float = 1.0, keeps_time: bool = False
    ) -> None:
        limits = settings.limits
        self.exchange = exchange
        self.settings = settings
        self._keeps_time = keeps_time
        self.token = secrets.token_urlsafe(16)
        self.port = 0
        self.faults = FaultInjector(Faults(), settings.seed)
        self.clock = Clock(exchange.now_ms, speed)
        self.peers = Peers(limits)
        self.listeners = Listeners()
        self.directory = Directory(exchange.has_account)
        self.budgets = Budgets(limits.request_buffer, limits.over_budget_interval_s, self._volume)
        self.queries = Queries(exchange, self.directory, self.budgets)
        frames = Frames(exchange)
        self._publisher = Publisher(exchange, frames, self.listeners)
        self._reference = Reference(exchange, self.peers, self.faults, limits)
        self.blocks = BlockLoop(exchange, self.clock, self.faults, self._push)
        self.gateway = Gateway(
            exchange,
            self.clock,
            self.blocks,
            self.directory,
            Authenticator(self.directory, settings.networks),
            self.budgets,
            self.queries,
            self.faults,
        )
        self.sockets = Sockets(
            self.gateway, frames, self.queries, self.listeners, self.peers, self.faults, limits
        )
        self._http = Http(self.gateway, self.peers, self.faults, limits)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        for number in range(1, settings.accounts.n + 1):
            for dex in exchange.spec.dexs:
                self.deposit(demo_address(number), dex.name, settings.accounts.deposit)

    @property
    def url(self) -> str:
        """Base URL; the WebSocket is at the same port under /ws."""
        return f"http://{HOST}:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Open the port (0: any free one) and run the block loop. Raises ServerError where the port is taken."""
        app = web.Application(client_max_size=self.settings.limits.body_bytes)
        app.add_routes(
            [
                web.post("/info", self._http.info),
                web.post("/exchange", self._http.exchange),
                web.get("/ws", self.sockets.serve),
                web.get("/ws/{streams:.+}", self._reference.serve),
                web.get("/stream", self._reference.serve),
                *Admin(self, self.token).routes(),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ServerError(f"port {port} of {HOST}: {error.strerror}; choose another with --port") from error
        self.port = self._runner.addresses[0][1]
        self.set_faults(self.settings.faults)
        gc.collect()
        gc.disable()  # a full collection over histories and the compiler's objects would make blocks late
        self.clock.restart(self.exchange.now_ms if self._keeps_time else None)
        self.exchange.advance(int(self.clock.now_ms()))
        self._tasks = [asyncio.create_task(each) for each in (self.blocks.run(), self.sockets.watch(), _collect())]

    async def stop(self) -> None:
        """Close connections and the port, end the tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        gc.enable()
        await self.sockets.close_all()
        if self._runner is not None:
            await self._runner.cleanup()

    async def failed(self) -> None:
        """Returns never, unless a task of the server fails: then it raises what happened."""
        await asyncio.gather(*self._tasks)

    def deposit(self, user: str, dex: str, amount: float) -> None:
        """Collateral for a user on a dex."""
        self.exchange.deposit(user, dex, round(amount * MICRO))

    def _volume(self, user: str) -> int:
        trader = self.exchange.traders.get(user)
        return trader.volume if trader else 0

    def set_faults(self, plan: Faults) -> None:
        """Another plan of faults, in force at once."""
        unknown = {*plan.halted, *plan.no_bids, *plan.no_asks, *plan.stale_oracle} - self.exchange.coins.keys()
        if unknown:
            raise ServerError(f"faults name {', '.join(sorted(unknown))}: there are {', '.join(self.exchange.coins)}")
        before, self.faults.plan = self.faults.plan, plan
        self.clock.skew_ms = plan.clock_skew_ms
        self.budgets.is_exhausted = plan.address_limit
        for coin in self.exchange.coins:
            for name in ("halted", "stale_oracle", "no_bids", "no_asks"):
                is_on = coin in getattr(plan, name)
                if is_on != (coin in getattr(before, name)):
                    self._change_market(name, coin, is_on)

    def _change_market(self, name: str, coin: str, is_on: bool) -> None:
        exchange = self.exchange
        match name:
            case "halted":
                exchange.halt(coin, is_on)
            case "stale_oracle":
                exchange.set_oracle_stale(coin, is_on)
            case "no_bids":
                exchange.empty_side(coin, 1, is_on)
            case "no_asks":
                exchange.empty_side(coin, -1, is_on)

    def state(self) -> dict[str, Any]:
        """What the admin endpoint shows."""
        return {
            "time": self.exchange.now_ms,
            "block_loop": self.blocks.statistics(),
            "connections": len(self.sockets.sessions),
            "connections_opened": self.sockets.n_opened,
            "subscriptions": len(self.listeners),
            "client_addresses": len(self.peers),
            "counts": dict(sorted(self.faults.counts.items())),
            "forgotten": dict(self.exchange.forgotten),
        }

    def _push(self, report: BlockReport) -> None:
        self._publisher.push(report)
        self._reference.push()


async def _collect() -> None:
    """Collect what is young once a second: connections leave cycles behind, the exchange itself makes none."""
    while True:
        await asyncio.sleep(1.0)
        gc.collect(1)
