"""The machine of the local exchange: several coins on several dexs, all traders, block by block.

No clock and no I/O: time is handed in. A block at time t executes what has arrived up to t, by class and arrival, as on
the venue: what only adds, cancels, then what may take; the markets' own takers come before the traders'. Then prices
are updated, and who has too little margin is liquidated. Same seed, same submissions at the same times: same reports.
"""

from collections import Counter
from typing import Any

from touchstone.core.conventions import MS
from touchstone.local import actions, fees, liquidation, prices
from touchstone.local.clearing import Totals
from touchstone.local.coin import Coin
from touchstone.local.funding import pay_hour
from touchstone.local.journal import Journal
from touchstone.local.markets.agents import AgentsMarket
from touchstone.local.markets.guests import GuestMarket
from touchstone.local.markets.market import Market, Touch
from touchstone.local.markets.mirror import Message, MirrorRows
from touchstone.local.markets.tape import TapeRows
from touchstone.local.records import Trader
from touchstone.local.reports import BlockReport, Flags, Ticket
from touchstone.local.spec import Agents, CoinSpec, ExchangeSpec, Recorded, SpecError, asset_of
from touchstone.local.trading import Trading
from touchstone.local.wire import money
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.replies import Refused
from touchstone.venues.hyperliquid.shapes import Bbo, LedgerEntry, Level

BOOK_MS = 500  # least time between two l2Book pushes of a coin


class Engine:
    """Submissions in, block reports out; what can be asked is in market_queries.py and user_queries.py."""

    def __init__(self, spec: ExchangeSpec, *, seed: int, start_ms: int) -> None:
        self.spec = spec
        self.block_ms = spec.block_ms
        self.now_ms = start_ms // spec.block_ms * spec.block_ms - spec.block_ms
        self.journal = Journal(spec.kept, seed)
        self.dexs = {dex.name: dex for dex in spec.dexs}
        self.totals = {dex.name: Totals() for dex in spec.dexs}
        self.coins: dict[str, Coin] = {}
        self.by_asset: dict[int, Coin] = {}
        self.by_dex: dict[str, list[Coin]] = {dex.name: [] for dex in spec.dexs}
        self.traders: dict[str, Trader] = {}
        self.is_post_only = False  # fault: just after an upgrade
        self.n_liquidations = 0
        self.scheduled: dict[Trader, None] = {}  # traders who may have armed a scheduled cancel
        self.dex_index = {dex.name: index for index, dex in enumerate(spec.dexs)}
        self.backstops = {liquidation.backstop_of(index) for index in range(len(spec.dexs))}
        self._mirrors: dict[str, MirrorRows] = {}
        tokens = {dex.name: dex.collateral for dex in spec.dexs}
        self.trading = Trading(self.coins, self.totals, tokens, self.journal)
        self._tickets: list[Ticket] = []  # not yet executed
        self._n_tickets = 0
        self._next_update_ms = 0
        self._next_sample_ms = 0
        self._hour = self.now_ms // prices.HOUR_MS
        for dex_index, dex in enumerate(spec.dexs):
            for index, coin_spec in enumerate(dex.coins):
                factor = fees.factor(dex, coin_spec.growth_mode)
                coin = Coin(coin_spec, dex.name, asset_of(dex_index, index), factor, spec.kept)
                coin.market = self._market(coin_spec, seed + coin.asset)
                self.coins[coin.name] = self.by_asset[coin.asset] = coin
                self.by_dex[dex.name].append(coin)
        self.advance(self.now_ms + spec.block_ms)

    def _market(self, spec: CoinSpec, seed: int) -> Market:
        start_ms, trading = self.now_ms, self.trading
        if isinstance(spec.market, Agents):
            return AgentsMarket(spec, block_ms=self.block_ms, start_ms=start_ms, seed=seed, exchange=trading)
        if isinstance(spec.market, Recorded):
            return GuestMarket(spec, TapeRows(spec.market.tape), start_ms=start_ms, exchange=trading)
        self._mirrors[spec.name] = MirrorRows(spec.sz_decimals)
        return GuestMarket(spec, self._mirrors[spec.name], start_ms=start_ms, exchange=trading)

    def mirror(self, coin: str, message: Message) -> None:
        """A decoded message of the feed that this coin mirrors; the next block takes it in."""
        if coin not in self._mirrors:
            raise SpecError(f"coin {coin!r} mirrors no feed; there are {sorted(self._mirrors)}")
        self._mirrors[coin].add(message)

    def mirror_counts(self) -> dict[str, int]:
        """What was left out of the mirrored feeds so far, by reason, all coins together."""
        return dict(sum((rows.counts for rows in self._mirrors.values()), Counter()))

    def restart_mirrors(self) -> None:
        """The mirrored feed begins anew: a new connection tells old trades again."""
        for rows in self._mirrors.values():
            rows.restart()

    # ------------------------------------------------------------ traders

    def has_account(self, user: str) -> bool:
        """Whether an address has ever held anything here."""
        return user in self.traders

    def trader(self, user: str) -> Trader:
        """The trader of an address, new if need be."""
        found = self.traders.get(user)
        if found is None:
            found = self.traders[user] = Trader(user, self.spec.kept)
        return found

    def deposit(self, user: str, dex: str, micro: int) -> None:
        """Collateral from outside; negative takes it out, whatever the margin. Raises KeyError for an unknown dex."""
        trader = self.trader(user)
        trader.account(self.dexs[dex]).raw += micro
        self.totals[dex].deposits += micro
        delta = {"type": "deposit" if micro >= 0 else "withdraw", "usdc": money(abs(micro))}
        trader.ledger.append(LedgerEntry(time=self.now_ms, hash=self.journal.new_hash(), delta=delta))
        self.journal.changed(trader, dex)

    def deposit_spot(self, user: str, token: str, micro: int) -> None:
        """Collateral from outside to the spot balance."""
        spot = self.trader(user).spot
        spot[token] = spot.get(token, 0) + micro

    def submit(self, user: str, action: Any, arrival_ns: int, **flags: Any) -> Ticket:
        """An action of an authenticated user arrives; executed in the first block at or after that, never in one past.

        flags: fields of reports.Flags.
        """
        self._n_tickets += 1
        ticket = Ticket(user, action, arrival_ns, actions.rank_of(action), self._n_tickets, Flags(**flags))
        self._tickets.append(ticket)
        return ticket

    # ------------------------------------------------------------ faults on demand

    def halt(self, coin: str, is_halted: bool = True) -> None:
        """Trading of a coin stops, its orders are cancelled; or goes on."""
        found = self.coins[coin]
        found.is_halted = is_halted
        if is_halted:
            for trader in self.traders.values():
                for order in [order for order in trader.orders.values() if order.coin is found]:
                    self.trading.cancel(order, "delistedCanceled")

    def set_oracle_stale(self, coin: str, is_stale: bool) -> None:
        """The oracle of a coin is heard no more."""
        self.coins[coin].oracle_is_stale = is_stale

    def empty_side(self, coin: str, side: int, is_empty: bool = True) -> None:
        """Nobody but the traders quotes this side (+1 bids, -1 asks) of a coin."""
        self.coins[coin].market.set_empty(side, is_empty)

    # ------------------------------------------------------------ blocks

    def advance(self, until_ms: int) -> list[BlockReport]:
        """Execute every block up to a time."""
        reports = []
        while self.now_ms + self.block_ms <= until_ms:
            self.now_ms += self.block_ms
            reports.append(self._block())
        return reports

    def _block(self) -> BlockReport:
        now_ms, journal = self.now_ms, self.journal
        report = journal.next_block(now_ms)
        self.trading.now_ms = now_ms
        self.trading.touched.clear()
        for coin in self.coins.values():
            coin.market.open_block(now_ms)
        self._first_prices()
        if now_ms // prices.HOUR_MS != self._hour:
            self._hour = now_ms // prices.HOUR_MS
            pay_hour(self)
        self._fire_schedules()
        due = self._due()
        for rank in (actions.RANK_ADD, actions.RANK_CANCEL, actions.RANK_TAKE):
            if rank == actions.RANK_TAKE:
                for coin in self.coins.values():
                    if not coin.is_halted:
                        coin.market.others_take()
            for ticket in due:
                if ticket.rank == rank:
                    self._execute(ticket)
        for coin in self.coins.values():
            coin.market.close_block()
        if now_ms >= self._next_update_ms:
            self._update_prices()
        liquidation.check(self)
        if now_ms >= self._next_sample_ms:
            self._next_sample_ms = now_ms // prices.SAMPLE_MS * prices.SAMPLE_MS + prices.SAMPLE_MS
            for coin in self.coins.values():
                prices.sample_premium(coin)
        self._show_books(report)
        for account in self.trading.touched:
            journal.changed(account.trader, account.dex.name)
        return journal.end_block()

    def _due(self) -> list[Ticket]:
        """Tickets of this block, by arrival."""
        if not self._tickets:
            return []
        now_ns = self.now_ms * MS
        due = [ticket for ticket in self._tickets if ticket.arrival_ns <= now_ns]
        if due:
            self._tickets = [ticket for ticket in self._tickets if ticket.arrival_ns > now_ns]
            due.sort(key=lambda ticket: (ticket.arrival_ns, ticket.number))
        return due

    def _execute(self, ticket: Ticket) -> None:
        trader = self.traders.get(ticket.user)
        if trader is None:
            ticket.reply = Refused(errors.UNFUNDED.render(address=ticket.user))
        else:
            ticket.reply = actions.execute(self, trader, ticket)
        ticket.block_ms = self.now_ms
        self.journal.block.executed.append(ticket)

    def _update_prices(self) -> None:
        """Oracle and mark of every coin; accounts are looked at with them."""
        self._next_update_ms = self.now_ms // prices.UPDATE_MS * prices.UPDATE_MS + prices.UPDATE_MS
        for coin in self.coins.values():
            prices.update(coin, self.now_ms)
            self.journal.block.ctx_changed.append(coin.name)
        for trader in self.traders.values():
            for account in trader.accounts.values():
                if any(position.szi for position in account.positions.values()):
                    self.trading.touched[account] = None

    def _first_prices(self) -> None:
        """A coin has no price until its market shows one."""
        for coin in self.coins.values():
            if coin.mark_px == 0:
                prices.update(coin, self.now_ms)

    def _fire_schedules(self) -> None:
        """Scheduled cancels whose time has come: all orders of the user, on every dex."""
        for trader in list(self.scheduled):
            if trader.schedule_ms is None:
                del self.scheduled[trader]
                continue
            if trader.schedule_ms > self.now_ms:
                continue
            trader.schedule_ms = None
            day = self.now_ms // fees.DAY_MS
            fired_on, fires = trader.schedule_fires
            trader.schedule_fires = (day, fires + 1 if fired_on == day else 1)
            for order in list(trader.orders.values()):
                self.trading.cancel(order, "scheduledCancel")

    def _show_books(self, report: BlockReport) -> None:
        """Touches that have changed, and books that are due."""
        for coin in self.coins.values():
            touch = coin.market.touch()
            if touch != coin.bbo_shown:
                coin.bbo_shown = touch
                report.bbo[coin.name] = bbo(coin, touch, self.now_ms)
            if self.now_ms - coin.book_shown_ms >= BOOK_MS:
                coin.book_shown_ms = self.now_ms
                report.book_due.append(coin.name)
            if coin.name in report.bbo and coin.name not in report.ctx_changed:
                report.ctx_changed.append(coin.name)


def bbo(coin: Coin, touch: Touch, now_ms: int) -> Bbo:
    """A touch as the wire shows it."""
    bid = Level(px=coin.px_text(touch.bid), sz=coin.sz_text(touch.bid_qty), n=touch.bid_n) if touch.bid else None
    ask = Level(px=coin.px_text(touch.ask), sz=coin.sz_text(touch.ask_qty), n=touch.ask_n) if touch.ask else None
    return Bbo(coin=coin.name, time=now_ms, bbo=(bid, ask))
