"""What the core wants, as signed requests; what the exchange answers, as rows for the core.

Cancels go first, then amends, then orders that only add, then orders that may take: each kind is one request with all
its parts, so ALO orders travel in batches of their own. Answers bring news only where something was *not* done: what
was done is told by the order updates, which carry the block's time.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Protocol

from touchstone.clients.hyperliquid import Market, NotSentError, UnknownOutcomeError
from touchstone.core import actions, events
from touchstone.data.layout import Row
from touchstone.data.reasons import reject_code
from touchstone.live import rows as make
from touchstone.live.clock import Clock
from touchstone.venues.hyperliquid.actions import (
    CancelByCloid,
    CloidCancel,
    L1Action,
    Limit,
    ModifyOrders,
    Order,
    OrderType,
    PlaceOrders,
    rendered_order,
    rendered_replacement,
)
from touchstone.venues.hyperliquid.errors import (
    MODIFY_GONE,
    MODIFY_REFUSED,
    NOT_OPEN,
    POST_ONLY,
    Recognised,
    recognise,
)
from touchstone.venues.hyperliquid.numbers import PERP_DECIMALS, NumberError, parse, render_price, render_size
from touchstone.venues.hyperliquid.replies import Refused, Reply, Status, statuses

_ALO, _IOC, _GTC = (OrderType(limit=Limit(tif)) for tif in ("Alo", "Ioc", "Gtc"))  # shared: nobody changes them
_PLACE, _AMEND, _CANCEL = int(actions.PLACE), int(actions.AMEND), int(actions.CANCEL)
_BIT_IOC, _BIT_ALO, _BIT_REDUCE = int(actions.BIT_IOC), int(actions.BIT_ALO), int(actions.BIT_REDUCE_ONLY)
_GONE = (NOT_OPEN.name, MODIFY_GONE.name)

_price, _size = lru_cache(4096)(render_price), lru_cache(4096)(render_size)  # a market's prices and sizes recur

# An action's fields in the order of ACTION.
_CLOID, _TARGET, _PX, _QTY, _KIND, _SIDE, _BITS = 1, 2, 3, 4, 6, 7, 8
Wanted = tuple[int, ...]


class Sends(Protocol):
    """The part of a client that orders go through."""

    def send(self, action: L1Action, *, expires_ms: int | None = None) -> "asyncio.Future[Reply]":
        """See clients.hyperliquid.Client."""


class Outbox:
    """One coin's way out. `hear` gets rows; `doubt` the cloids of orders whose outcome nobody knows."""

    def __init__(
        self,
        client: Sends,
        market: Market,
        clock: Clock,
        *,
        cloid_tag: int,
        expires_after_ms: int,
        hear: Callable[[list[Row]], None],
        doubt: Callable[[Sequence[int]], None],
    ) -> None:
        self._client = client
        self._market = market
        self._clock = clock
        self._prefix = f"0x{cloid_tag:016x}"
        self._expires_after_ms = expires_after_ms
        self._hear = hear
        self._doubt = doubt
        self.in_flight = 0
        self.counts = {"requests": 0, "parts_refused": 0, "unknown_outcomes": 0, "not_sent": 0}

    def cloid(self, number: int) -> str:
        """A cloid of the core as it stands on the wire."""
        return f"{self._prefix}{number:016x}"

    def expires_ms(self) -> int | None:
        """When what is sent now is refused by the exchange; None: never."""
        return self._clock.now_ms() + self._expires_after_ms if self._expires_after_ms else None

    def send(self, wanted: list[Wanted]) -> None:
        """Carry out the actions of one step; everything has been written to the socket when this returns."""
        cancels: list[Wanted] = []
        amends: list[Wanted] = []
        adds: list[Wanted] = []
        takes: list[Wanted] = []
        for one in wanted:
            kind = one[_KIND]
            if kind == _CANCEL:
                cancels.append(one)
            elif kind == _AMEND:
                amends.append(one)
            elif kind == _PLACE:
                (adds if one[_BITS] & _BIT_ALO else takes).append(one)
            else:
                raise ValueError(f"action kind {kind}: the core is newer than its outbox")
        asset = self._market.asset
        if cancels:
            parts = [CloidCancel(asset, self.cloid(one[_CLOID])) for one in cancels]
            self._send(CancelByCloid(parts, fast=True), cancels, expires_ms=None)  # a late cancel does no harm
        if amends:
            modifies = [rendered_replacement(self.cloid(one[_TARGET]), self._order(one)) for one in amends]
            self._send(ModifyOrders(modifies), amends, expires_ms=self.expires_ms())
        for orders in (adds, takes):
            if orders:
                self._send(
                    PlaceOrders([self._order(one) for one in orders], "na"), orders, expires_ms=self.expires_ms()
                )

    def _order(self, one: Wanted) -> Order:
        bits, decimals = one[_BITS], self._market.sz_decimals
        kind = _ALO if bits & _BIT_ALO else _IOC if bits & _BIT_IOC else _GTC
        px, sz = _price(one[_PX], decimals), _size(one[_QTY], decimals)
        is_reduce = bool(bits & _BIT_REDUCE)
        return rendered_order(self._market.asset, one[_SIDE] > 0, px, sz, is_reduce, kind, self.cloid(one[_CLOID]))

    def _send(self, action: L1Action, wanted: list[Wanted], *, expires_ms: int | None) -> None:
        self.counts["requests"] += len(wanted)
        self.in_flight += 1
        future = self._client.send(action, expires_ms=expires_ms)
        future.add_done_callback(partial(self._answered, wanted))

    def _answered(self, wanted: list[Wanted], future: "asyncio.Future[Reply]") -> None:
        self.in_flight -= 1
        if future.cancelled():
            self._doubt(_concerned(wanted))
            return
        error = future.exception()
        if isinstance(error, UnknownOutcomeError):
            self.counts["unknown_outcomes"] += len(wanted)
            self._doubt(_concerned(wanted))
        elif isinstance(error, NotSentError):
            self.counts["not_sent"] += len(wanted)
            self._hear(self._undone(wanted, events.REJECT_NOT_SENT))
        elif error is not None:
            raise error
        else:
            self._read(wanted, future.result())

    def _read(self, wanted: list[Wanted], reply: Reply) -> None:
        parts = statuses(reply, len(wanted))
        if len(parts) != len(wanted):  # nobody knows which is which
            self._doubt(_concerned(wanted))
            return
        found: list[Row] = []
        for one, part in zip(wanted, parts, strict=True):
            if not isinstance(part, Status) or not isinstance(part.error, str):
                continue
            self.counts["parts_refused"] += 1
            known = recognise(part.error)
            is_gone = known is not None and known.refusal.name in _GONE
            if one[_KIND] == _CANCEL:
                code = 0 if is_gone else reject_code(part.error)
                found.append(make.not_cancelled(one[_CLOID], code, self._clock.now_ns()))
            elif isinstance(reply, Refused):  # no part was looked at
                found += self._undone([one], reject_code(part.error))
            else:
                met = self._met(known, one[_SIDE])
                found.append(make.rejected(one[_CLOID], reject_code(part.error), self._clock.now_ns(), px=met))
        if found:
            self._hear(found)

    def _met(self, known: Recognised | None, side: int) -> int:
        """Price that a post-only order would have met, by the refusal's own word; 0 where it says none."""
        if known is not None and known.refusal is MODIFY_REFUSED:
            known = recognise(known.values["inner"])
        if known is None or known.refusal is not POST_ONLY:
            return 0
        try:
            return parse(known.values["ask" if side > 0 else "bid"], PERP_DECIMALS - self._market.sz_decimals, "price")
        except NumberError:
            return 0

    def _undone(self, wanted: list[Wanted], code: Any) -> list[Row]:
        """Rows for requests that were not carried out at all: what was to be replaced or cancelled still rests."""
        now_ns = self._clock.now_ns()
        found = []
        for one in wanted:
            if one[_KIND] == _CANCEL:
                found.append(make.not_cancelled(one[_CLOID], code, now_ns))
                continue
            found.append(make.rejected(one[_CLOID], code, now_ns))
            if one[_KIND] == _AMEND:
                found.append(make.not_cancelled(one[_TARGET], code, now_ns))
        return found


def _concerned(wanted: list[Wanted]) -> list[int]:
    """Every order that a request speaks of."""
    return [one[at] for one in wanted for at in (_CLOID, _TARGET) if one[at] > 0]
