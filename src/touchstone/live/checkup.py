"""The doctor's questions to the exchange: account, agent, coin, money, limits, and what covers a death."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from touchstone import TouchstoneError, config
from touchstone.clients.errors import ClientError, UnreachableError
from touchstone.clients.hyperliquid import Client, Market, read_market
from touchstone.clients.hyperliquid.account import abstraction, rate_limit
from touchstone.live.deadman import SCHEDULE_VOLUME, WHY_NOT_HOST
from touchstone.live.desk import clock
from touchstone.live.findings import Finding, KeyInfo, Level
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import Agent, ExchangeStatus, RateLimit, UserRole
from touchstone.venues.hyperliquid.shapes import ActiveAssetData, Book, ClearinghouseState

DAY_MS = 86_400_000
EXPIRES_SOON_DAYS = 7
CLOCK_WARN_MS, CLOCK_BAD_MS = 500, 5_000
QUOTA_WARN = 0.1  # share of the allowance left
FEE_NOTE_BPS = 0.005


class Checkup:
    """One examination at the exchange, each check on its own: where one fails, the others are made nevertheless."""

    def __init__(
        self,
        settings: config.Config,
        client: Client,
        key: KeyInfo,
        watchdog: KeyInfo,
        now_ns: Callable[[], int],
        findings: list[Finding],
    ) -> None:
        self._settings = settings
        self._client = client
        self._key = key
        self._watchdog = watchdog
        self._now_ns = now_ns
        self._findings = findings
        self._market: Market | None = None
        self._roles: dict[str, UserRole] = {}  # dear to ask for
        self._limit: RateLimit | None = None

    async def all(self) -> None:
        """Every check, in the order of the report. Raises UnreachableError."""
        checks: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
            ("clock", self._clock),
            ("account", self._account),
            ("agent", self._agent),
            ("account mode", self._mode),
            ("coin", self._coin),
            ("market", self._book),
            ("fees", self._fees),
            ("margin", self._margin),
            ("leverage", self._leverage),
            ("quota", self._quota),
            ("dead man", self._dead_man),
        )
        for name, check in checks:
            try:
                self._findings.append(await check())
            except UnreachableError:
                raise
            except (TouchstoneError, WireError, ArithmeticError, KeyError) as error:
                self._findings.append(Finding(name, "bad", str(error), "this could not be looked at", "try again"))

    async def _clock(self) -> Finding:
        offsets = []
        for _ in range(3):
            sent = self._now_ns()
            status: ExchangeStatus = await self._client.info("exchangeStatus")
            middle_ms = (sent + self._now_ns()) / 2e6
            offsets.append(middle_ms - status.time)
        offset_ms = sorted(offsets)[1]
        text = f"{abs(offset_ms):,.0f} ms {'ahead of' if offset_ms > 0 else 'behind'} the exchange's"
        meaning = "latencies, staleness and expiries are measured with it"
        if self._client.network.name == "local":
            return Finding("clock", "ok", text, "a local exchange has a time of its own")
        if abs(offset_ms) >= CLOCK_BAD_MS:
            return Finding("clock", "bad", text, meaning, "switch on time synchronisation (NTP)")
        if abs(offset_ms) >= CLOCK_WARN_MS:
            return Finding("clock", "warn", text, meaning, "check time synchronisation (NTP)")
        return Finding("clock", "ok", text, meaning)

    async def _account(self) -> Finding:
        role = await self._role(self._client.account)
        text = f"{self._client.account}, {role.role}"
        if role.role == "missing":
            return Finding("account", "bad", text, "the exchange does not know it", "deposit, or correct the address")
        if role.role == "agent":
            return Finding(
                "account", "bad", text, "this is an agent's address, which owns nothing",
                f"set [account] address = {(role.data or {}).get('user', 'the account it acts for')}",
            )  # fmt: skip
        return Finding("account", "ok", text, "whose money is traded")

    async def _agent(self) -> Finding:
        key, account = self._key.address, self._client.account
        wanted = self._settings.account.agent.lower()
        if not key:
            return Finding("agent", "bad", "no key", "nobody signs", "see `key`")
        if wanted and wanted != key:
            return Finding("agent", "bad", f"the key has {key}, [account] agent says {wanted}", "another key was meant",
                           "correct [account] agent or the key")  # fmt: skip
        return await self._signs(key, account)

    async def _signs(self, key: str, account: str) -> Finding:
        if key == account:
            level: Level = "bad" if self._client.network.is_mainnet else "warn"
            return Finding("agent", level, f"{key} is the account's own key",
                           "it can withdraw everything; an agent's key cannot",
                           "approve an agent (touchstone keys new) and use its key")  # fmt: skip
        role = await self._role(key)
        master = await self._master(account)
        if role.role != "agent" or (role.data or {}).get("user", "").lower() != master:
            return Finding("agent", "bad", f"{key} is not an approved agent of {master} ({role.role})",
                           "every order would be refused",
                           "approve it with the account's wallet, or it has expired: make another")  # fmt: skip
        agents: list[Agent] = await self._client.info("extraAgents", user=master)
        ends = next((agent.valid_until for agent in agents if agent.address.lower() == key), None)
        if ends is None:
            return Finding("agent", "ok", f"{key}, unnamed", "it signs and cannot withdraw; its end is not told")
        days = (ends - self._now_ns() / 1e6) / DAY_MS
        text = f"{key}, until {clock(ends * 1_000_000)}"
        if days < EXPIRES_SOON_DAYS:
            return Finding("agent", "warn", text, f"it ends in {days:.1f} days, and orders with it",
                           "approve another in time")  # fmt: skip
        return Finding("agent", "ok", text, "it signs and cannot withdraw")

    async def _master(self, account: str) -> str:
        """Whose agents sign for an account: its own, or of a sub-account its master's."""
        role = await self._role(account)
        return (role.data or {}).get("master", account).lower() if role.role == "subAccount" else account

    async def _mode(self) -> Finding:
        mode = await abstraction(self._client)
        if mode in ("default", "disabled"):
            return Finding("account mode", "ok", f"standard ({mode})", "each dex has margin of its own")
        remedy = "switch to standard mode (its settings on the exchange's page)"
        if mode == "dexAbstraction":
            return Finding("account mode", "warn", mode, "collateral moves between dexs by itself", remedy)
        meaning = "margin of a dex is not what it reports, and actions are limited to 50,000 a day"
        return Finding("account mode", "bad", mode, meaning, remedy)

    async def _coin(self) -> Finding:
        coin = self._settings.market.coin
        self._market = market = await read_market(self._client, coin, allow_delisted=True)
        text = f"{coin} is asset {market.asset}, {market.sz_decimals} decimals, up to {market.max_leverage}x"
        if market.is_delisted:
            return Finding("coin", "bad", f"{coin} is delisted", "nothing is traded there", "choose another coin")
        capped: list[str] = await self._client.info("perpsAtOpenInterestCap", dex=market.dex)
        if coin in capped:
            return Finding("coin", "warn", f"{coin} is at its open interest cap",
                           "orders that open a position are refused until others close theirs", "wait")  # fmt: skip
        if self._settings.market.currency != market.collateral:
            return Finding("coin", "bad", f"{coin} is settled in {market.collateral}",
                           f"the configuration says {self._settings.market.currency}",
                           f"set [market] collateral = {market.collateral!r}")  # fmt: skip
        return Finding("coin", "ok", text, f"listed, settled in {market.collateral}")

    async def _book(self) -> Finding:
        book: Book | None = await self._client.info("l2Book", coin=self._settings.market.coin)
        if book is None or not any(book.levels):
            return Finding("market", "bad", "no order in the book", "halted, or not open yet", "wait")
        if not all(book.levels):
            return Finding("market", "warn", "the book has one side only", "quotes wait for both sides", "wait")
        bid, ask = (Decimal(side[0].px) for side in book.levels)
        spread_bps = 20_000 * (ask - bid) / (ask + bid)
        return Finding("market", "ok", f"{bid} / {ask}", f"trading, the touch is {spread_bps:.1f} bps wide")

    async def _fees(self) -> Finding:
        market = self._listed()
        maker, taker = market.maker_fee_bps, market.taker_fee_bps
        planned = self._settings.maker_fee_bps, self._settings.taker_fee_bps
        text = f"maker {maker:g} bps, taker {taker:g} bps"
        if max(abs(maker - planned[0]), abs(taker - planned[1])) < FEE_NOTE_BPS:
            return Finding("fees", "ok", text, "as charged to this account, and as configured")
        return Finding("fees", "warn", text, f"a session quotes with these; backtests with {planned[0]:g} and "
                       f"{planned[1]:g} of the configuration", "set [fees] so that backtests pay the same")  # fmt: skip

    async def _margin(self) -> Finding:
        market = self._listed()
        state: ClearinghouseState = await self._client.info(
            "clearinghouseState", user=self._client.account, dex=market.dex
        )
        free, capital = Decimal(state.withdrawable), Decimal(str(self._settings.capital.capital))
        where = f"dex {market.dex}" if market.dex else "the main dex"
        text = f"{free:,.2f} {market.collateral} free on {where}"
        if free <= 0:
            return Finding("margin", "bad", text, "no order can be margined",
                           f"move {market.collateral} to {where}: each dex has margin of its own")  # fmt: skip
        needed = capital * Decimal(str(self._settings.capital.max_position_fraction)) / self._settings.live.leverage
        if free < needed:
            return Finding("margin", "warn", text,
                           f"the largest position needs {needed:,.2f} at {self._settings.live.leverage}x",
                           "deposit, or lower [capital] capital")  # fmt: skip
        return Finding("margin", "ok", text, f"the largest position needs {needed:,.2f}")

    async def _leverage(self) -> Finding:
        market, live = self._listed(), self._settings.live
        if live.leverage > market.max_leverage:
            return Finding("leverage", "bad", f"{live.leverage}x wanted, {market.max_leverage}x is the most",
                           "it would be refused", f"set [live] leverage to at most {market.max_leverage}")  # fmt: skip
        if market.only_isolated and live.margin_mode == "cross":
            return Finding("leverage", "bad", f"{market.coin} takes isolated margin only", "cross would be refused",
                           "set [live] margin_mode = 'isolated'")  # fmt: skip
        data: ActiveAssetData = await self._client.info(
            "activeAssetData", user=self._client.account, coin=market.coin
        )
        now = f"{data.leverage.type} {data.leverage.value}x"
        wanted = f"{live.margin_mode} {live.leverage}x"
        if now == wanted:
            return Finding("leverage", "ok", now, "as configured")
        return Finding("leverage", "ok", f"{now} now", f"a session sets {wanted} before it trades")

    async def _quota(self) -> Finding:
        limit = await self._rate_limit()
        left = limit.n_requests_cap - limit.n_requests_used + (limit.n_requests_surplus or 0)
        share = left / limit.n_requests_cap if limit.n_requests_cap else 0.0
        text = f"{left:,} of {limit.n_requests_cap:,} requests left ({100 * share:.1f} %)"
        meaning = "an address has 10,000 requests and one more per unit traded"
        remedy = "trade, or buy requests (reserveRequestWeight, 0.0005 each); docs/operations.md, The request quota"
        if left <= 0:
            return Finding("quota", "bad", text, f"{meaning}: one action in ten seconds now", remedy)
        if share < QUOTA_WARN:
            return Finding("quota", "warn", text, f"{meaning}: a position is only reduced when this is low", remedy)
        return Finding("quota", "ok", text, meaning)

    async def _dead_man(self) -> Finding:
        live = self._settings.live
        limit = await self._rate_limit()
        volume = Decimal(limit.cum_vlm)
        if live.dead_man in ("auto", "schedule") and volume >= SCHEDULE_VOLUME:
            return Finding("dead man", "ok", f"scheduled cancel, {live.dead_man_s:g} s",
                           "the exchange cancels our orders if this process, machine or line dies")  # fmt: skip
        cap = f"resting orders are kept under {live.uncovered_notional:g} ([live] uncovered_notional)"
        missing = f"the exchange's own switch wants {SCHEDULE_VOLUME:,} of volume, traded are {volume:,.0f}"
        if live.dead_man == "schedule":
            return Finding("dead man", "bad", "no scheduled cancel", missing, "set [live] dead_man = 'watchdog'")
        if live.dead_man in ("auto", "watchdog") and not self._watchdog.problem:
            return await self._watched(f"{WHY_NOT_HOST}; {cap}", missing)
        return Finding("dead man", "warn", f"none ({self._watchdog.problem or 'switched off'})",
                       f"if this process dies, its orders rest until someone cancels them; {cap}",
                       "make the watchdog a key: touchstone keys new FILE, [account] watchdog_keystore")  # fmt: skip

    async def _watched(self, meaning: str, missing: str) -> Finding:
        watchdog = self._watchdog
        if watchdog.address == self._key.address:
            return Finding("dead man", "bad", "the watchdog has the trader's own key", "their nonces would collide",
                           "make it a key of its own and approve that too")  # fmt: skip
        if watchdog.address:
            signs = await self._signs(watchdog.address, self._client.account)
            if signs.level != "ok":
                return Finding("dead man", "bad", f"the watchdog's key: {signs.found}", "it could cancel nothing",
                               signs.remedy)  # fmt: skip
        return Finding("dead man", "warn", f"watchdog, {self._settings.live.heartbeat_s:g} s",
                       f"the death of this process is covered; that of the machine is NOT: {meaning}",
                       f"nothing now; {missing}")  # fmt: skip

    async def _role(self, user: str) -> UserRole:
        if user not in self._roles:
            self._roles[user] = await self._client.info("userRole", user=user)
        return self._roles[user]

    async def _rate_limit(self) -> RateLimit:
        if self._limit is None:
            self._limit = await rate_limit(self._client)
        return self._limit

    def _listed(self) -> Market:
        if self._market is None:
            raise ClientError(f"{self._settings.market.coin} is not known, see `coin`")
        return self._market
