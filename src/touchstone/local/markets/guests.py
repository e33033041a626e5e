"""A market that comes from outside, a recording or a live feed: the traders are guests in it and move nothing.

Each trader has a venue of exchange/engine.py of their own, the same that a backtest has, so the same orders meet the
same fills; guests do not meet each other. What rests is filled by later rows. Rows are taken in twice a block: those
before the block ahead of the traders' actions, those of the block itself after them, as in a backtest.
"""

from typing import Any, Protocol

import numpy as np

from touchstone.core import actions, events
from touchstone.core.actions import ACTION
from touchstone.core.conventions import MS
from touchstone.core.events import EVENT
from touchstone.exchange import guests, hosted, rules, venue
from touchstone.exchange.venue import VENUE
from touchstone.local import margin
from touchstone.local.markets.market import BookSide, Placed, Touch
from touchstone.local.records import Account, Order
from touchstone.local.spec import CoinSpec, Mirror, Recorded
from touchstone.local.trading import HOUSE, Trading
from touchstone.session.params import QUEUE_KINDS

_FILL, _CANCELLED, _REJECTED = int(events.FILL), int(events.ORDER_CANCELLED), int(events.ORDER_REJECTED)
_RESTING, _TRADE = int(events.ORDER_RESTING), int(events.TRADE)
_STATUS = {
    int(events.CANCELLED_SELF_TRADE): "selfTradeCanceled",
    int(events.CANCELLED_REDUCE_ONLY): "reduceOnlyCanceled",
    int(events.CANCELLED_MARGIN): "marginCanceled",
}
_NO_LIMIT = int(venue.NO_LIMIT)


class Rows(Protocol):
    """Where the market's rows come from."""

    def until(self, end_ns: int, *, is_inclusive: bool) -> Any:
        """EVENT array of the next rows up to a time, in order; each row is given once."""


class GuestMarket:
    """One coin's market from outside. A ticket is the order's oid, its cloid at the guest's venue."""

    leaves_reduce_only = False  # the venue fits them itself

    def __init__(self, spec: CoinSpec, rows: Rows, *, start_ms: int, exchange: Trading) -> None:
        self._coin = spec.name
        self._rows = rows
        self._exchange = exchange
        # The traders' rules are the host's; the venue matches, and knows nothing of money.
        assert isinstance(spec.market, Recorded | Mirror)
        queue = spec.market.queue
        self._params: Any = np.zeros(1, rules.VENUE_PARAMS)
        self._params[0] = rules.hyperliquid_params(
            spec.sz_decimals, min_notional=0, block_ns=0, order_latency=0, cancel_latency=0, response_ns=0, cash=0,
            queue_kind=int(QUEUE_KINDS[queue.model]), queue_n=queue.exponent,
        )  # fmt: skip
        self._house = self._new_venue()  # without orders: what the public sees
        self._guests: dict[Account, Any] = {}
        self._orders: dict[int, Order] = {}  # resting, by oid
        self._reducing: dict[int, Order] = {}  # of these, the reduce-only ones; may hold some that are gone
        self._request: Any = np.zeros(1, ACTION)
        self._answer: Any = np.zeros(1, EVENT)
        self._depths: Any = np.zeros(1, hosted.DEPTH)
        self._now_ms = start_ms
        self._reference = {1: 0, -1: 0}  # the leading venue's touch, by side
        self._empty = {1: False, -1: False}  # by side

    # ------------------------------------------------------------ blocks

    def open_block(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._take_in(self._rows.until(now_ms * MS, is_inclusive=False))

    def others_take(self) -> None:
        """Who takes is in the rows."""

    def close_block(self) -> None:
        self._take_in(self._rows.until(self._now_ms * MS, is_inclusive=True))

    def _take_in(self, rows: Any) -> None:
        """Rows of the market: to the public book and to every guest."""
        for side, is_empty in self._empty.items():
            if is_empty:
                named = (rows["kind"] == events.BOOK_LEVEL) | (rows["kind"] == events.BBO)
                rows = np.ascontiguousarray(rows[~(named & (rows["side"] == side))])
        if len(rows) == 0:
            return
        n = len(rows)
        at = 0
        while at < n:
            at = int(guests.feed(self._house, rows, at, n))
            self._forget(self._house)
        for account, one in self._guests.items():
            at = 0
            while at < n:
                self._follow(account, one)
                at = int(guests.feed(one, rows, at, n))
                self._hear(one, None)
        for row in rows[rows["kind"] == _TRADE]:
            self._show_trade(row)
        for row in rows[rows["kind"] == int(events.REFERENCE_BBO)][-2:]:
            self._reference[int(row["side"])] = int(row["px"])

    def _show_trade(self, row: Any) -> None:
        exchange = self._exchange
        coin = exchange.coins[self._coin]
        tid = int(row["aux"]) or exchange.journal.next_tid(HOUSE, HOUSE)
        users = (HOUSE, HOUSE)
        px, qty = int(row["px"]), int(row["qty"])
        exchange.public_trade(coin, int(row["side"]), px, qty, tid, exchange.journal.new_hash(), users)

    # ------------------------------------------------------------ orders

    def place(self, order: Order) -> int:
        one = self._venue_of(order.account)
        bits = int(actions.BIT_ALO) | (int(actions.BIT_REDUCE_ONLY) if order.reduce_only else 0)
        self._send(one, order, int(actions.PLACE), order.left, bits)
        self._orders[order.oid] = order
        if order.reduce_only:
            self._reducing[order.oid] = order
        refused = self._hear(one, order)
        if refused is None:
            return order.oid
        del self._orders[order.oid]
        self._reducing.pop(order.oid, None)
        return Placed.CROSSES if refused == int(events.REJECT_BAD_ALO_PX) else Placed.NO_ROOM

    def crosses(self, order: Order) -> bool:
        bid, ask = self._venue_of(order.account)[0].book.best_px
        return bool(ask and order.px >= ask) if order.side > 0 else bool(order.px <= bid)

    def take(self, order: Order, most: int) -> None:
        one = self._venue_of(order.account)
        self._send(one, order, int(actions.PLACE), most, int(actions.BIT_IOC))
        self._hear(one, order)

    def cancel(self, order: Order) -> None:
        one = self._venue_of(order.account)
        self._send(one, order, int(actions.CANCEL), 0, 0)
        del self._orders[order.oid]
        self._hear(one, None)

    def shrink(self, order: Order, qty: int) -> None:
        raise AssertionError("a guest's venue shrinks reduce-only orders by itself")

    def _send(self, one: Any, order: Order, kind: int, qty: int, bits: int) -> None:
        request = self._request[0]
        request.cloid = order.oid
        request.px, request.qty, request.side = order.px, qty, order.side
        request.kind, request.bits = kind, bits
        one[0].account.position = order.position.szi
        guests.execute(one, self._request, np.int64(self._now_ms * MS))

    def _hear(self, one: Any, sent: Order | None) -> int | None:
        """What the guest's venue has answered; the reason if it refused the order that was sent."""
        refused = None
        answer = self._answer[0]
        while guests.next_answer(one, self._answer):
            kind, oid = int(answer.kind), int(answer.aux)
            if kind == _FILL:
                self._filled(answer, oid, sent)
            elif kind == _REJECTED:
                refused = int(answer.code)
            elif kind == _CANCELLED and oid in self._orders and int(answer.code) in _STATUS:
                self._exchange.gone(self._orders.pop(oid), _STATUS[int(answer.code)])
        self._fit(one)
        return refused

    def _filled(self, answer: Any, oid: int, sent: Order | None) -> None:
        px, qty, side = int(answer.px), int(answer.qty), int(answer.side)
        if int(answer.bits) & int(events.BIT_TAKER):
            assert sent is not None
            self._exchange.traded(self._coin, HOUSE, sent, side, px, qty, is_public=False)
            return
        order = self._orders[oid]
        if qty == order.left:
            del self._orders[oid]
        self._exchange.traded(self._coin, order, HOUSE, -side, px, qty, is_public=False)

    def _fit(self, one: Any) -> None:
        """Reduce-only orders that the venue has shrunk; one that it let go of is over."""
        for order in list(self._reducing.values()):
            if self._guests[order.account] is not one:
                continue
            if order.oid not in self._orders:
                del self._reducing[order.oid]
                continue
            left, shrunk = guests.size_left(one, order.oid)
            if left < 0:
                del self._reducing[order.oid]
                self._exchange.gone(self._orders.pop(order.oid), "reduceOnlyCanceled")
            else:
                order.left, order.shrunk = int(left), int(shrunk)

    # ------------------------------------------------------------ guests

    def _new_venue(self) -> Any:
        made: Any = np.zeros(1, VENUE)
        guests.reset(made, self._params)
        return made

    def _venue_of(self, account: Account) -> Any:
        """The guest's venue: the public book as it stands, and no orders, when they first come."""
        found = self._guests.get(account)
        if found is None:
            found = self._guests[account] = self._house.copy()
        return found

    def _follow(self, account: Account, one: Any) -> None:
        """What the venue must know of the account: its position, and how far margin lets resting orders take it."""
        position = account.positions.get(self._exchange.coins[self._coin])
        if position is None:
            return
        one[0].account.position = position.szi
        bid_px, ask_px = guests.best_own(one)
        if bid_px or ask_px:
            one[0].most_position[:] = margin.most_position(account, position, bid_px, ask_px)

    def _forget(self, one: Any) -> None:
        while guests.next_answer(one, self._answer):
            pass

    # ------------------------------------------------------------ what the public sees

    def touch(self) -> Touch:
        bid, bid_qty, ask, ask_qty = guests.touch(self._house)
        return Touch(bid, bid_qty, int(bid > 0), ask, ask_qty, int(ask > 0))

    def depth(self) -> tuple[BookSide, BookSide]:
        guests.depth(self._house, self._depths)
        levels, n = self._depths["level"][0], self._depths["n"][0]
        return levels[0, : n[0]].tolist(), levels[1, : n[1]].tolist()

    def oracle(self) -> int:
        return int(self._house[0].oracle_px)

    def reference(self) -> tuple[int, int]:
        return self._reference[1], self._reference[-1]

    def set_empty(self, side: int, is_empty: bool) -> None:
        self._empty[side] = is_empty
        if not is_empty:
            return
        levels = self.depth()[1 if side > 0 else 0]
        rows: Any = np.zeros(len(levels) + 2, EVENT)
        rows["exch_ns"] = rows["recv_ns"] = self._now_ms * MS
        rows["kind"] = events.BOOK_LEVEL
        rows["kind"][0], rows["kind"][-1] = events.SNAPSHOT_BEGIN, events.SNAPSHOT_END
        rows["side"][1:-1] = -side
        rows["px"][1:-1] = [px for px, _, _ in levels]
        rows["qty"][1:-1] = [qty for _, qty, _ in levels]
        self._take_in(rows)
