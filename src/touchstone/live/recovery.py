"""The exchange is the authority: what it says of our orders, fills and position, as rows for the core.

After a start, after every gap and where an outcome is unknown. Fills come first, so that an order is never called gone
before its fills are in; then each order that the core believes alive is found among the open ones or asked for by its
cloid. Unknown orders of the coin are cancelled.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from touchstone.clients.hyperliquid import Client, ClientError, Market, account
from touchstone.core import events
from touchstone.core.trading import orders as table
from touchstone.data.account_rows import AccountRows
from touchstone.data.layout import MS, Row
from touchstone.live import rows as make
from touchstone.live.clock import Clock
from touchstone.live.outbox import Outbox
from touchstone.live.trader import Trader
from touchstone.venues.hyperliquid.actions import Cancel, CancelOrders
from touchstone.venues.hyperliquid.shapes import FrontendOrder, PastOrder

OVERLAP_MS = 60_000  # fills are asked for from so long before the newest known one; the core knows them by their ids
ARRIVED_MS = 60_000  # an action without an expiry that is not known after so long never came
TRIES = 5
PAUSE_S = 0.2
_WAITING = (int(table.SENT), int(table.CANCEL_SENT), int(table.AMEND_SENT))


class Recovery:
    """One coin's. Every method may raise ClientError where the exchange cannot be asked."""

    def __init__(
        self, client: Client, market: Market, account_rows: AccountRows, trader: Trader, outbox: Outbox, clock: Clock,
        *, expires_after_ms: int, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._client = client
        self._market = market
        self._rows = account_rows
        self._trader = trader
        self._outbox = outbox
        self._clock = clock
        self._arrives_within_ms = 2 * expires_after_ms or ARRIVED_MS
        self._say = say
        self.newest_fill_ms = 0  # fills up to here are all known
        self.newest_funding_ms = 0
        names = ("reconciled", "orphans_cancelled", "asked_by_cloid", "settled", "lost", "position_differs")
        self.counts = dict.fromkeys(names, 0)

    async def reconcile(self) -> None:
        """Bring the core to the exchange's truth."""
        self.counts["reconciled"] += 1
        resting = await account.open_orders(self._client, self._market)
        await self.catch_up()
        await self._cancel_strangers(resting)
        self._feed_resting(resting)
        known = {self._rows.cloid(order.cloid or None) for order in resting}
        gone = [int(order.cloid) for order in self._trader.live_orders() if int(order.cloid) not in known]
        await self.settle(gone)
        await self._compare_position()
        await self.read_quota()

    async def catch_up(self) -> None:
        """Fills and funding that we may have missed."""
        since_ms = max(self.newest_fill_ms - OVERLAP_MS, self._rows.fills_after_ms + 1)
        fills = await account.fills_since(self._client, self._market, since_ms)
        if fills:
            self.newest_fill_ms = max(self.newest_fill_ms, fills[-1].time)
            self._trader.take_rows(self._rows.fills(fills, self._client.account, self._clock.now_ns()))
        since_ms = max(self.newest_funding_ms + 1, self._rows.fills_after_ms + 1)
        for entry in await account.funding_since(self._client, self._market, since_ms):
            self.newest_funding_ms = entry.time
            payment = _with_time(entry)
            self._trader.take_rows(self._rows.funding(payment, self._clock.now_ns()))

    async def void_lost(self) -> None:
        """Orders that were journaled and never arrived, before anything is learned from how they fared."""
        for order in self._trader.live_orders():
            cloid = int(order.cloid)
            if not order.was_acknowledged and await self._status_of(cloid, int(order.sent_ns)) is None:
                self.counts["lost"] += 1
                self._trader.take_rows([make.rejected(cloid, events.REJECT_NOT_SENT, self._clock.now_ns())])

    async def settle(self, cloids: Iterable[int]) -> None:
        """Ask for each order by its cloid until its fate is known, and tell the core."""
        for cloid in dict.fromkeys(cloids):
            order = self._trader.order_of(cloid)
            if order is None or not table.is_live(order):
                continue
            self.counts["asked_by_cloid"] += 1
            told = await self._status_of(cloid, int(order.sent_ns))
            order = self._trader.order_of(cloid)
            if order is None or not table.is_live(order):
                continue  # its end came by itself in the meantime
            self.counts["settled"] += 1
            if told is None:
                self._trader.take_rows([make.rejected(cloid, events.REJECT_NOT_SENT, self._clock.now_ns())])
                continue
            status, past, time_ms = told
            if status == "filled":
                await self._settle_filled(cloid)
                continue
            rows = self._rows.order(past, status, time_ms, self._clock.now_ns())
            kind = int(order.state)
            if status == "open" and kind in (int(table.CANCEL_SENT), int(table.AMEND_SENT)):
                rows.append(make.not_cancelled(cloid, events.REJECT_OTHER, self._clock.now_ns()))
            self._trader.take_rows(rows)

    def overdue(self, age_ns: int) -> list[int]:
        """Cloids of orders that have waited for an answer for longer than `age_ns`."""
        before_ns = self._clock.now_ns() - age_ns
        return [
            int(order.cloid)
            for order in self._trader.live_orders()
            if int(order.state) in _WAITING and int(order.changed_ns) < before_ns
        ]

    async def read_quota(self) -> None:
        """Requests used and allowed, by the exchange's word."""
        limit = await account.rate_limit(self._client)
        now_ns = self._clock.now_ns()
        row = make.row(events.QUOTA, now_ns, exch_ns=now_ns, qty=limit.n_requests_used, aux=limit.n_requests_cap)
        self._trader.take_rows([row])

    async def read_equity(self) -> int:
        """Account value into the core; returns the position by the exchange's word."""
        standing = await account.standing(self._client, self._market)
        now_ns, exch_ns = self._clock.now_ns(), (standing.time_ms or 0) * MS
        row = make.row(events.EQUITY, now_ns, exch_ns=exch_ns, px=standing.equity, aux=standing.withdrawable)
        self._trader.take_rows([row])
        return standing.size

    async def _status_of(self, cloid: int, sent_ns: int) -> tuple[str, FrontendOrder, int] | None:
        """(status, order, time) by the exchange's word; None for an order that never came and no longer can."""
        while True:
            status = await account.order_status(self._client, self._outbox.cloid(cloid))
            if isinstance(status.order, PastOrder):
                return status.order.status, status.order.order, status.order.status_timestamp
            # Its request dies by itself at its expiry: only then is "unknown" an answer.
            left_s = self._clock.until_s(sent_ns + self._arrives_within_ms * MS)
            if left_s <= 0:
                return None
            await asyncio.sleep(min(left_s, 1.0))

    async def _settle_filled(self, cloid: int) -> None:
        """The fills of an order that the exchange calls filled, once they are listed."""
        for _ in range(TRIES):
            await self.catch_up()
            order = self._trader.order_of(cloid)
            if order is None or not table.is_live(order):
                return
            await asyncio.sleep(PAUSE_S)
        self._say(f"order {cloid}: filled by the exchange's word, but its fills are not listed; asked again later")

    def _feed_resting(self, resting: list[FrontendOrder]) -> None:
        """Orders of ours that rest: acknowledged if the core has not heard it; a cancel that got lost is over."""
        for each in resting:
            cloid = self._rows.cloid(each.cloid or None)
            order = self._trader.order_of(cloid)
            if order is None or not table.is_live(order):
                continue
            now_ns = self._clock.now_ns()
            rows: list[Row] = list(self._rows.order(each, "open", each.timestamp, now_ns))
            if int(order.state) in (int(table.CANCEL_SENT), int(table.AMEND_SENT)) and not self._outbox.in_flight:
                rows.append(make.not_cancelled(cloid, events.REJECT_OTHER, now_ns))
            self._trader.take_rows(rows)

    async def _cancel_strangers(self, resting: list[FrontendOrder]) -> None:
        """Open orders that the core does not know, or believes gone: nobody would look after them."""
        strangers = []
        for each in resting:
            cloid = self._rows.cloid(each.cloid or None)
            order = self._trader.order_of(cloid)
            if order is None or not table.is_live(order):
                strangers.append(each)
        if strangers:
            self._say(f"cancelling {len(strangers)} orders of {self._market.coin} that nobody here looks after")
            self.counts["orphans_cancelled"] += len(strangers)
            await self._cancel(strangers)

    async def _cancel(self, resting: list[FrontendOrder]) -> None:
        parts = [Cancel(self._market.asset, order.oid) for order in resting]
        try:
            await self._client.send(CancelOrders(parts))
        except ClientError as error:
            self._say(f"cancelling {len(parts)} orders: {error}; looking again")

    async def _compare_position(self) -> None:
        """Position by the exchange's word against ours; a difference is looked at again before it is told.

        Raises PositionError where it stays: nobody knows what is missing.
        """
        for _ in range(TRIES):
            theirs = await self.read_equity()
            if theirs == int(self._trader.state.profit.position):
                break
            await asyncio.sleep(PAUSE_S)
            await self.catch_up()
        now_ns = self._clock.now_ns()
        self._trader.take_rows([make.row(events.POSITION, now_ns, exch_ns=now_ns, qty=theirs)])
        if theirs != (ours := int(self._trader.state.profit.position)):
            self.counts["position_differs"] += 1
            raise PositionError(f"position {theirs} by the exchange, {ours} by its fills: not quoting until they agree")


class PositionError(ClientError):
    """The exchange's position is not the sum of its fills; the message names both, in size units."""


def _with_time(entry: Any) -> Any:
    """A funding entry's payment with the entry's time, as the stream tells it."""
    payment = entry.delta
    payment.time = entry.time
    return payment


