"""Flattening: orders away, then the position, as a maker first, then as a taker within a price cap.

1. Every order of the account on the dex is cancelled, and that is confirmed.
2. For a stated time one reduce-only post-only order stands at the touch of its side and follows it.
3. Reduce-only IOC orders take, at most the cap away from the mid, in chunks the exchange takes, for a stated time.

Position and orders are read from the exchange before every step, nothing is assumed; all orders are reduce-only, so one
whose fate is unknown can do no harm but what was wanted. A position under the least notional is closed by one order for
all of it, which the exchange exempts. The same procedure serves the command and a session's own kill.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from touchstone import config
from touchstone.clients.errors import ClientError, NotSentError, UnknownOutcomeError
from touchstone.clients.hyperliquid import Client, Market
from touchstone.clients.hyperliquid.account import order_status, standing
from touchstone.data.account_rows import NOT_OF_CORE_TAG
from touchstone.live.cancel import Cancelled, NotCancelledError, Sleep, cancel_all
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.actions import Limit, ModifyOrders, Order, OrderType, PlaceOrders, Replacement
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.numbers import PERP_DECIMALS, parse, render_price, render_size, tick_at
from touchstone.venues.hyperliquid.replies import Accepted, Status, statuses
from touchstone.venues.hyperliquid.shapes import Book, PastOrder

MICRO = 1_000_000
SMALLEST_LIMIT = 500_000 * MICRO  # of a market order, on a coin of the lowest leverage
LEAST_NOTIONAL = 10 * MICRO  # Hyperliquid's, micro of collateral
LOOK_S = 1.0  # between two looks at position and touch
EXPIRES_MS = 5_000  # an order that arrives later than this is not wanted any more
BPS = 10_000


class MarketView(Protocol):
    """Where the market is: a session's own book, or `AskedBook`."""

    async def touch(self) -> tuple[int, int] | None:
        """Best bid and ask in price units, 10^-(6-szDecimals); None while a side is missing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How: times in seconds of the trader's clock, money in micro of collateral."""

    maker_s: float = 20.0
    taker_s: float = 20.0
    cap_bps: float = 50.0
    cancel_s: float = 30.0  # for the orders to be gone, at the beginning and at the end each
    largest_order: int = 0  # chunks; 0 asks the exchange for its limit of a market order

    @classmethod
    def of(cls, settings: config.Live) -> "Plan":
        """As configured."""
        return cls(settings.flatten_maker_s, settings.flatten_taker_s, settings.flatten_cap_bps)


@dataclass(slots=True)
class Flattened:
    """What was done. Sizes are signed, in size units; None where the exchange could not be asked."""

    coin: str
    sz_decimals: int
    cancelled: Cancelled = field(default_factory=Cancelled)
    size_before: int | None = None
    size_after: int | None = None
    made: int = 0  # by which the position shrank while we were the maker
    taken: int = 0
    n_requests: int = 0  # cancels included
    took_s: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)  # refusals and failures on the way, by their text

    @property
    def is_flat(self) -> bool:
        """Known to be without a position, and without an order."""
        return self.size_after == 0 and self.cancelled.is_none_left

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for people: sizes in units of the coin."""

        def size(units: int | None) -> float | None:
            return None if units is None else units / 10**self.sz_decimals

        return {
            "coin": self.coin,
            "flat": self.is_flat,
            "orders_cancelled": self.cancelled.n_orders,
            "no_order_left": self.cancelled.is_none_left,
            "position_before": size(self.size_before),
            "position_after": size(self.size_after),
            "made": size(self.made),
            "taken": size(self.taken),
            "requests": self.n_requests,
            "seconds": round(self.took_s, 3),
            "reasons": dict(self.reasons),
        }


class AskedBook:
    """The market by asking for its book."""

    def __init__(self, client: Client, market: Market) -> None:
        self._client = client
        self._coin = market.coin
        self._decimals = PERP_DECIMALS - market.sz_decimals

    async def touch(self) -> tuple[int, int] | None:
        """Best bid and ask, price units."""
        book: Book | None = await self._client.info("l2Book", coin=self._coin)
        if book is None or not all(book.levels):
            return None
        bid, ask = (parse(side[0].px, self._decimals, "px") for side in book.levels)
        return bid, ask


async def flatten(
    client: Client,
    market: Market,
    view: MarketView,
    plan: Plan = Plan(),
    *,
    now_ns: Callable[[], int],
    sleep: Sleep = asyncio.sleep,
    say: Callable[[str], None] = lambda line: None,
) -> Flattened:
    """Leave the account without orders on the dex and without a position in the coin, as far as the plan goes.

    Takes at most about cancel_s + maker_s + taker_s + cancel_s, and the answers of the exchange. What was not reached
    is in the summary; raises NotCancelledError only where the key cannot act at all.
    """
    work = _Flattening(client, market, view, plan, now_ns, sleep, say)
    began_ns = now_ns()
    try:
        await work.cancel()
        await work.ask_largest()
        await work.make(now_ns() + round(1e9 * plan.maker_s))
        await work.take(now_ns() + round(1e9 * plan.taker_s))
    finally:
        await work.cancel_own()
        work.done.size_after = await work.read_size()
        work.done.took_s = (now_ns() - began_ns) / 1e9
    return work.done


@dataclass(slots=True)
class _Resting:
    cloid: str
    px: int


class _Flattening:
    """One flattening while it goes on."""

    def __init__(
        self,
        client: Client,
        market: Market,
        view: MarketView,
        plan: Plan,
        now_ns: Callable[[], int],
        sleep: Sleep,
        say: Callable[[str], None],
    ) -> None:
        self.done = Flattened(market.coin, market.sz_decimals)
        self._client = client
        self._market = market
        self._view = view
        self._plan = plan
        self._largest = plan.largest_order or SMALLEST_LIMIT
        self._has_sent = False
        self._now_ns = now_ns
        self._sleep = sleep
        self._say = say

    async def cancel(self) -> None:
        """No order left on the dex."""
        found = await cancel_all(self._client, self._market.dex, bound_s=self._plan.cancel_s, sleep=self._sleep)
        total = self.done.cancelled
        total.n_orders += found.n_orders
        total.is_none_left = found.is_none_left
        self._has_sent = False
        self.done.n_requests += found.n_requests
        self.done.reasons += found.reasons
        if found.n_orders:
            left = "none left" if found.is_none_left else "NOT CONFIRMED"
            self._say(f"{found.n_orders} orders cancelled, {left}")

    async def cancel_own(self) -> None:
        """No order left of those that were sent since that was last so."""
        if self._has_sent or not self.done.cancelled.is_none_left:
            await self.cancel()

    async def ask_largest(self) -> None:
        """The largest chunk: what the exchange takes of a market order in this coin."""
        if self._plan.largest_order:
            return
        try:
            limits: list[tuple[int, str]] = await self._client.info("maxMarketOrderNtls")
        except (ClientError, WireError) as error:
            self.done.reasons[str(error)] += 1
            return
        fitting = [int(Decimal(most) * MICRO) for leverage, most in limits if leverage <= self._market.max_leverage]
        self._largest = max(fitting, default=SMALLEST_LIMIT)

    async def read_size(self) -> int | None:
        """The position; None where the exchange does not tell."""
        try:
            size = (await standing(self._client, self._market)).size
        except (ClientError, WireError) as error:
            self.done.reasons[str(error)] += 1
            return None
        if self.done.size_before is None:
            self.done.size_before = size
        return size

    async def make(self, until_ns: int) -> None:
        """Stand at the touch until the time is over, the position is gone, or it is too small to stand for."""
        resting: _Resting | None = None
        before = last = await self.read_size()
        while self._now_ns() < until_ns and last != 0:
            touch = await self._touch()
            if touch is not None and last is not None:
                if self._is_dust(last, touch):
                    break
                resting = await self._follow(resting, last, touch)
            await self._sleep(LOOK_S)
            last = await self.read_size()
        if resting is not None:
            await self.cancel()
            last = await self.read_size()
        self.done.made += _shrunk(before, last)

    async def _follow(self, resting: _Resting | None, size: int, touch: tuple[int, int]) -> _Resting | None:
        """Our order at the touch of its side: placed, moved or left where it is."""
        if resting is not None and not await self._is_open(resting):
            resting = None
        px = touch[1] if size > 0 else touch[0]
        if resting is not None and resting.px == px:
            return resting
        placed, better = await self._stand(resting, size, px)
        if placed is None and better is not None:  # the touch had moved: the refusal tells where to
            placed, _ = await self._stand(None, size, better)
        return placed

    async def _stand(self, resting: _Resting | None, size: int, px: int) -> tuple[_Resting | None, int | None]:
        """One post-only order, in place of `resting`; where it rests, or the price that the refusal suggests."""
        order = self._order(size, px, "Alo")
        action = (
            PlaceOrders([order], "na") if resting is None else ModifyOrders([Replacement(resting.cloid, order)])
        )
        status = await self._send(action)
        if isinstance(status, Status) and status.error:
            return None, self._suggested(status.error, size)
        assert order.cloid is not None
        return _Resting(order.cloid, px), None  # also where it is not known: the next look tells

    def _suggested(self, refusal: str, size: int) -> int | None:
        """Price of our side's touch by the bbo in a post-only refusal."""
        found = errors.recognise(refusal)
        if found is None or found.refusal is not errors.POST_ONLY:
            return None
        decimals = PERP_DECIMALS - self._market.sz_decimals
        try:
            return parse(found.values["ask" if size > 0 else "bid"].rstrip("."), decimals, "bbo") or None
        except WireError:
            return None

    async def _is_open(self, resting: _Resting) -> bool:
        try:
            found = await order_status(self._client, resting.cloid)
        except (ClientError, WireError) as error:
            self.done.reasons[str(error)] += 1
            return True  # not known: a modify of what is gone is refused, nothing worse
        return isinstance(found.order, PastOrder) and found.order.status == "open"

    async def take(self, until_ns: int) -> None:
        """Take what is there within the cap until the time is over or the position is gone."""
        before = last = await self.read_size()
        while self._now_ns() < until_ns and last != 0:
            touch = await self._touch()
            if touch is not None and last is not None:
                await self._send(PlaceOrders([self._order(last, self._worst(last, touch), "Ioc")], "na"))
            size = await self.read_size()
            if size == last:
                await self._sleep(LOOK_S)
                size = await self.read_size()
            last = size
        self.done.taken += _shrunk(before, last)

    def _worst(self, size: int, touch: tuple[int, int]) -> int:
        return worst_price(size, touch, self._plan.cap_bps, self._market.sz_decimals)

    def _order(self, size: int, px: int, tif: str) -> Order:
        """A reduce-only order against a position: all of it, or the largest chunk."""
        decimals = self._market.sz_decimals
        wanted = min(abs(size), max(self._largest // px, 1))
        return Order(
            asset=self._market.asset, is_buy=size < 0, px=render_price(px, decimals),
            sz=render_size(wanted, decimals), reduce_only=True, type=OrderType(limit=Limit(tif)),
            cloid=f"0x{NOT_OF_CORE_TAG:016x}{secrets.token_hex(8)}",
        )  # fmt: skip

    @staticmethod
    def _is_dust(size: int, touch: tuple[int, int]) -> bool:
        return abs(size) * sum(touch) < 2 * LEAST_NOTIONAL

    async def _touch(self) -> tuple[int, int] | None:
        try:
            touch = await self._view.touch()
        except (ClientError, WireError) as error:
            self.done.reasons[str(error)] += 1
            return None
        if touch is None:
            self.done.reasons["the book has only one side, so there is no mid"] += 1
        return touch

    async def _send(self, action: PlaceOrders | ModifyOrders) -> Status | str | None:
        """Status of the one order of an action; None where its fate is not known."""
        self._has_sent = True
        expires_ms = self._now_ns() // 1_000_000 + EXPIRES_MS
        try:
            reply = await self._client.send(action, expires_ms=expires_ms)
        except (NotSentError, UnknownOutcomeError) as error:
            self.done.reasons[str(error)] += 1
            return None
        self.done.n_requests += isinstance(reply, Accepted)
        status = statuses(reply, 1)[0]
        if isinstance(status, Status) and status.error:
            self.done.reasons[status.error] += 1
            found = errors.recognise(status.error)
            if found is not None and found.refusal in (errors.UNKNOWN_SIGNER, errors.UNFUNDED, errors.AGENT_EXPIRED):
                raise NotCancelledError(f"the exchange does not take this key's orders: {status.error}")
        return status


def _shrunk(before: int | None, after: int | None) -> int:
    """By how much a position came nearer to nothing; 0 where it is not known."""
    return 0 if before is None or after is None else abs(before) - abs(after)


def worst_price(size: int, touch: tuple[int, int], cap_bps: float, sz_decimals: int) -> int:
    """Worst price to close a position at, price units: the cap away from the mid, on the grid towards it."""
    twice_mid = sum(touch)
    part = round(100.0 * cap_bps)  # in hundredths of a bp
    if size > 0:
        least = -(-twice_mid * (100 * BPS - part) // (200 * BPS))
        tick = tick_at(least, sz_decimals)
        return -(-least // tick) * tick
    most = twice_mid * (100 * BPS + part) // (200 * BPS)
    tick = tick_at(most, sz_decimals)
    return most // tick * tick
