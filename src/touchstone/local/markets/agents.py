"""A market of agents (exchange/hosted.py): the traders' orders and theirs in one book."""

from typing import Any

import numpy as np

from touchstone.backtest import scenario as scenarios
from touchstone.core.conventions import MS
from touchstone.exchange import hosted, market
from touchstone.exchange.venue import VENUE
from touchstone.local.markets.market import BookSide, Hears, Touch
from touchstone.local.records import Order
from touchstone.local.spec import Agents, CoinSpec

MIN_NOTIONAL = 10.0
_NO_VENUES = np.zeros(0, VENUE)
_DONE, _ASKS = int(hosted.DONE), int(hosted.ASKS)
_RESTING = int(hosted.RESTING)


def address_of(owner: int) -> str:
    """Address under which an agent appears in public trades."""
    return f"0xa9e27{owner:035x}"


class AgentsMarket:
    """One coin's market of agents. A ticket is the order's number in the book, its tag the order's oid."""

    leaves_reduce_only = True

    def __init__(self, spec: CoinSpec, *, block_ms: int, start_ms: int, seed: int, exchange: Hears) -> None:
        assert isinstance(spec.market, Agents)
        self._exchange = exchange
        self._coin = spec.name
        self._worlds: Any = np.zeros(1, market.WORLD)
        self._hosts: Any = np.zeros(1, hosted.HOST)
        self._trades = self._hosts["trades"][0]
        self._depths: Any = np.zeros(1, hosted.DEPTH)
        self._orders: dict[int, Order] = {}  # resting, by oid
        self._empty = [False, False]
        self._leader_half_spread = spec.market.scenario.feed.leader_half_spread_bps * 1e-4
        params: Any = np.zeros(1, market.WORLD_PARAMS)
        params[0] = scenarios.world_params(spec.market.scenario, spec.sz_decimals, MIN_NOTIONAL)
        if spec.market.price is not None:
            params[0].price = spec.market.price * 10.0 ** (6 - spec.sz_decimals)
        params[0].block_ns = block_ms * MS
        params[0].start_ns = start_ms * MS
        hosted.reset(self._worlds, self._hosts, params, np.int64(seed))

    def open_block(self, now_ms: int) -> None:
        hosted.open_block(self._worlds)
        self._clear()

    def others_take(self) -> None:
        hosted.begin_agents(self._worlds, self._hosts)
        while True:
            why = hosted.agents_take(self._worlds, self._hosts)
            self._tell(None)
            if why == _DONE:
                return
            if why == _ASKS:
                self._answer(None)

    def close_block(self) -> None:
        self._clear()
        hosted.close_block(self._worlds, _NO_VENUES)

    def place(self, order: Order) -> int:
        ticket = int(hosted.place(self._worlds, _index(order.side), order.px, order.left, order.oid))
        if ticket >= 0:
            self._orders[order.oid] = order
        return ticket

    def crosses(self, order: Order) -> bool:
        return bool(hosted.crosses(self._worlds, _index(order.side), order.px))

    def take(self, order: Order, most: int) -> None:
        hosted.begin_take(self._worlds, self._hosts, order.side, order.px, most)
        while True:
            why = hosted.go_on(self._worlds, self._hosts)
            self._tell(order)
            if why == _DONE:
                return
            if why == _ASKS:
                self._answer(order)

    def cancel(self, order: Order) -> None:
        hosted.cancel(self._worlds, order.ticket)
        del self._orders[order.oid]

    def shrink(self, order: Order, qty: int) -> None:
        hosted.shrink(self._worlds, order.ticket, qty)

    def touch(self) -> Touch:
        return Touch(*hosted.touch(self._worlds))

    def depth(self) -> tuple[BookSide, BookSide]:
        hosted.depth(self._worlds, self._depths)
        levels, n = self._depths["level"][0], self._depths["n"][0]
        return levels[0, : n[0]].tolist(), levels[1, : n[1]].tolist()

    def oracle(self) -> int:
        return round(float(hosted.leader_px(self._worlds)))

    def reference(self) -> tuple[int, int]:
        px = float(hosted.leader_px(self._worlds))
        return int(px * (1.0 - self._leader_half_spread)), int(px * (1.0 + self._leader_half_spread)) + 1

    def set_empty(self, side: int, is_empty: bool) -> None:
        self._empty[_index(side)] = is_empty

    def _clear(self) -> None:
        for s in range(2):
            if self._empty[s]:
                hosted.clear_side(self._worlds, s)

    def _answer(self, taker: Order | None) -> None:
        """An order of a trader would trade next."""
        host = self._hosts[0]
        maker = self._orders.get(int(host.asked_tag))
        if maker is None:  # cancelled by what the trades before it have changed
            return
        if self._exchange.may_match(maker, taker, maker.px, min(maker.left, int(host.left))):
            hosted.grant(self._worlds)

    def _tell(self, taker: Order | None) -> None:
        """What has traded since."""
        n = int(self._hosts["n_trades"][0])
        if n == 0:
            return
        rows = self._trades[:n].tolist()
        self._hosts["n_trades"] = 0
        for owner, tag, taker_owner, side, px, qty, left in rows:
            maker: Order | str = address_of(owner)
            if owner == _RESTING:
                maker = self._orders[tag]
                if left == 0:
                    del self._orders[tag]
                    maker.ticket = -1
            self._exchange.traded(self._coin, maker, taker or address_of(taker_owner), side, px, qty)


def _index(side: int) -> int:
    """0 for the bid side."""
    return (1 - side) >> 1
