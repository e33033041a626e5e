"""EVENT rows that the shell itself makes: what an exchange's answer means, timers, health, the operator's commands."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from touchstone.core import events
from touchstone.core.events import EVENT
from touchstone.data.layout import Row


def row(
    kind: Any, recv_ns: int, *, exch_ns: int = 0, px: int = 0, qty: int = 0, aux: int = 0, code: Any = 0, side: int = 0,
    bits: int = 0,
) -> Row:  # fmt: skip
    """One row; fields as core/events.py documents them for the kind."""
    return (exch_ns, recv_ns, px, qty, aux, int(code), int(kind), side, bits)


def array(rows: Iterable[Row]) -> Any:
    """Rows as an EVENT array."""
    return np.array([tuple(each) for each in rows], EVENT)


def rejected(cloid: int, code: Any, recv_ns: int, *, px: int = 0) -> Row:
    """An order of ours never came to be; px: what a post-only order would have met, 0 where that is not told."""
    return row(events.ORDER_REJECTED, recv_ns, exch_ns=recv_ns, px=px, aux=cloid, code=code)


def not_cancelled(cloid: int, code: Any, recv_ns: int) -> Row:
    """A cancel or amend of this order was not carried out; code 0: because the order is gone."""
    return row(events.CANCEL_REJECTED, recv_ns, exch_ns=recv_ns, aux=cloid, code=code)


def cancelled(cloid: int, code: Any, left: int, recv_ns: int, exch_ns: int) -> Row:
    """An order of ours rests no more."""
    return row(events.ORDER_CANCELLED, recv_ns, exch_ns=exch_ns, qty=left, aux=cloid, code=code)


def feed(is_up: bool, which: Sequence[Any], recv_ns: int) -> list[Row]:
    """Feeds have come up or gone down."""
    kind = events.FEED_UP if is_up else events.FEED_DOWN
    return [row(kind, recv_ns, exch_ns=recv_ns, code=code) for code in which]


def requests(count: int, recv_ns: int) -> Row:
    """Requests that were sent beside the core, which count against the quota."""
    return row(events.REQUESTS, recv_ns, exch_ns=recv_ns, qty=count)


def fees(maker_bps: float, taker_bps: float, recv_ns: int) -> Row:
    """What the account pays from now on, bps of notional."""
    maker, taker = (round(rate * events.FEE_UNITS_PER_BPS) for rate in (maker_bps, taker_bps))
    return row(events.FEES, recv_ns, exch_ns=recv_ns, px=maker, qty=taker)


def command(code: Any, recv_ns: int, *, of_end: bool = False) -> Row:
    """What the operator wants (events.COMMAND_*), or with `of_end` the session itself because it ends."""
    return row(events.OPERATOR, recv_ns, exch_ns=recv_ns, code=code, aux=int(of_end))


assert tuple(EVENT.names) == ("exch_ns", "recv_ns", "px", "qty", "aux", "code", "kind", "side", "bits")
