"""An exchange that the test drives: a made-up market, our requests, its answers."""

from typing import Any

import numpy as np
import pytest

from touchstone.core import actions, events
from touchstone.core.actions import ACTION
from touchstone.core.conventions import MS, NEVER_NS, NS
from touchstone.core.events import EVENT
from touchstone.exchange import engine, rules

START_NS = 1_700_000_000 * NS
NAMES = {
    int(events.ORDER_RESTING): "resting",
    int(events.ORDER_REJECTED): "rejected",
    int(events.ORDER_CANCELLED): "cancelled",
    int(events.CANCEL_REJECTED): "cancel_rejected",
    int(events.FILL): "fill",
    int(events.FILL_DETAIL): "detail",
    int(events.FUNDING_PAYMENT): "funding",
}


class Exchange:
    """Zero latency and no blocks unless told; prices around 40.00 with szDecimals 2, sizes in hundredths."""

    def __init__(self, **changes: Any) -> None:
        plain = {"block_ns": 0, "order_latency": 0, "cancel_latency": 0, "response_ns": 0, "max_leverage": 0}
        self.venue = np.zeros(1, engine.VENUE)[0]
        engine.reset(self.venue, rules.hyperliquid_params(2, **(plain | changes)))
        self.now = START_NS
        self.event = np.zeros(1, EVENT)[0]
        self.answers: list[Any] = []
        self.cloid = 0

    def market(self, kind: int, **fields: Any) -> None:
        self.run()
        values = {
            "exch_ns": self.now,
            "recv_ns": self.now,
            "px": 0,
            "qty": 0,
            "aux": 0,
            "code": 0,
            "side": 0,
            "bits": 0,
        }
        event = np.zeros(1, EVENT)[0]
        for name, value in (values | fields).items():
            setattr(event, name, value)
        event.kind = kind
        engine.on_market(self.venue, event)
        self.collect()

    def book(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """A full snapshot, levels by price."""
        self.now += MS
        self.market(events.SNAPSHOT_BEGIN)
        for px in sorted(bids, reverse=True):
            self.market(events.BOOK_LEVEL, px=px, qty=bids[px], side=1)
        for px in sorted(asks):
            self.market(events.BOOK_LEVEL, px=px, qty=asks[px], side=-1)
        self.market(events.SNAPSHOT_END)

    def trade(self, side: int, px: int, qty: int) -> None:
        self.now += MS
        self.market(events.TRADE, px=px, qty=qty, side=side)

    def touch(self, bid: int, bid_qty: int, ask: int, ask_qty: int) -> None:
        self.now += MS
        self.market(events.BBO, px=bid, qty=bid_qty, side=1, bits=events.BIT_MORE)
        self.market(events.BBO, px=ask, qty=ask_qty, side=-1)

    def send(
        self, kind: int, side: int = 0, px: int = 0, qty: int = 0, *, cloid: int = 0, target: int = 0, bits: int = 1
    ) -> int:
        """One request now; returns its cloid."""
        action = np.zeros(1, ACTION)[0]
        if cloid == 0:
            self.cloid += 1
            cloid = self.cloid
        for name, value in dict(
            decided_ns=self.now, cloid=cloid, target=target, px=px, qty=qty, kind=kind, side=side, bits=bits
        ).items():
            setattr(action, name, value)
        engine.send(self.venue, action, np.int64(self.now))
        self.run()
        return cloid

    def place(self, side: int, px: int, qty: int, bits: int = int(actions.BIT_ALO)) -> int:
        return self.send(int(actions.PLACE), side, px, qty, bits=bits)

    def cancel(self, cloid: int) -> None:
        self.send(int(actions.CANCEL), cloid=cloid)

    def run(self) -> None:
        engine.advance(self.venue, np.int64(self.now))
        self.collect()

    def collect(self) -> None:
        while engine.peek_response_ns(self.venue) < NEVER_NS:
            engine.pop_response(self.venue, self.event)
            self.answers.append(self.event.copy())

    def take(self) -> list[tuple[str, int, int, int]]:
        """(what, cloid, qty, code) of the answers since the last call, account snapshots and fill details left out."""
        seen = [a for a in self.answers if int(a.kind) in NAMES and int(a.kind) not in (int(events.FILL_DETAIL),)]
        self.answers = []
        return [(NAMES[int(a.kind)], int(a.aux), int(a.qty), int(a.code)) for a in seen]


@pytest.fixture
def exchange() -> Exchange:
    """A book of five levels a side around 40.00: 500 units each, one tick of 0.001 apart."""
    made = Exchange()
    made.book({399_990 - 10 * i: 500 for i in range(5)}, {400_010 + 10 * i: 500 for i in range(5)})
    made.take()
    return made
