"""A desk for whole-core tests: the compiled core, a market that the test moves, and an exchange that does as told."""

from typing import Any

import numpy as np
import pytest

from touchstone.config import Config
from touchstone.core import actions, engine, events, records, state
from touchstone.core.conventions import MS, NS
from touchstone.session import params as settings
from touchstone.session.machine import TABLES

START_NS = 1_700_000_000 * NS
TICK = 100  # price units at 40.00 with szDecimals 2 (four decimals, five figures): 0.01 is 100
SZ_DECIMALS = 2


class Desk:
    """Times in ns from `now`; prices in price units. The exchange acknowledges at once unless `answers` is off.

    The gate is off unless it is asked for: a market that a test moves about is a hot one.
    """

    def __init__(self, config: Config | None = None, **params: Any) -> None:
        self.machine = state.new_machine()
        self.state = self.machine[0].state
        self.out = self.machine[0].out
        settings.fill_params(self.state.params, config or Config(), SZ_DECIMALS)
        for name, value in ({"has_gate": 0, "heeds_threat": 0} | params).items():
            target = self.state.params
            *path, last = name.split("__")
            for part in path:
                target = getattr(target, part)
            setattr(target, last, value)
        state.reset(self.state, np.int64(0), np.int64(0))
        self.now = START_NS
        self.resting: dict[int, Any] = {}  # cloid -> [side, px, qty]
        self.answers = True
        self.sent: list[Any] = []
        self._queue: list[Any] = []
        self._is_answering = False
        self.rows: dict[str, list[Any]] = {}
        self.trade_id = 0
        self.position = 0

    def feed(self, kind: int, **fields: Any) -> None:
        """One event at `now` into the core; then the exchange answers what it sent."""
        event = self.machine[0].event
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
        for name, value in (values | fields).items():
            setattr(event, name, value)
        event.kind = kind
        engine.step(self.machine)
        sent = [self.out.actions[n].copy() for n in range(self.out.n_actions)]
        for table in TABLES:
            rows = getattr(self.out, table)[: getattr(self.out, f"n_{table}")]
            self.rows.setdefault(table, []).extend(row.copy() for row in rows)
        records.clear(self.out)
        self.out.n_actions = 0
        self.sent += sent
        self._queue += sent
        if not self._is_answering:
            self._is_answering = True
            while self.answers and self._queue:
                self.answer(self._queue.pop(0))
            self._queue.clear()
            self._is_answering = False

    def answer(self, action: Any) -> None:
        """What an obedient exchange says."""
        cloid, target = int(action["cloid"]), int(action["target"])
        if action["kind"] == actions.CANCEL:
            if self.resting.pop(cloid, None) is not None:
                self.feed(events.ORDER_CANCELLED, aux=cloid)
            return
        if action["kind"] == actions.AMEND and self.resting.pop(target, None) is not None:
            self.feed(events.ORDER_CANCELLED, aux=target, code=events.CANCELLED_BY_AMEND)
        self.resting[cloid] = [int(action["side"]), int(action["px"]), int(action["qty"])]
        self.feed(events.ORDER_RESTING, aux=cloid, px=int(action["px"]), qty=int(action["qty"]))

    def touch(self, bid: int, ask: int, bid_qty: int = 5_000, ask_qty: int = 5_000) -> None:
        """A new touch, both sides of one message."""
        self.feed(events.BBO, px=bid, qty=bid_qty, side=1, bits=events.BIT_MORE)
        self.feed(events.BBO, px=ask, qty=ask_qty, side=-1)

    def trade(self, side: int, px: int, qty: int = 100) -> None:
        """A public trade."""
        self.trade_id += 1
        self.feed(events.TRADE, px=px, qty=qty, side=side, aux=self.trade_id)

    def fill(self, cloid: int, qty: int | None = None, *, trade_id: int | None = None, bits: int = 0) -> int:
        """The exchange fills a resting order, wholly or in part. Returns the trade id."""
        side, px, left = self.resting[cloid]
        qty = left if qty is None else qty
        self.trade_id += 1
        number = 1_000_000 + self.trade_id if trade_id is None else trade_id
        fee = px * qty * 15 * 2 // 100_000  # 3 bps, rounded down
        self.position += side * qty
        self.resting[cloid][2] -= qty
        if self.resting[cloid][2] == 0:
            del self.resting[cloid]
        self.feed(events.FILL, px=px, qty=qty, side=side, aux=cloid, bits=bits)
        self.feed(events.FILL_DETAIL, px=fee, side=side, aux=number)
        return number

    def tick(self, ms: int = 100) -> None:
        """Time passes."""
        self.now += ms * MS
        self.feed(events.TIMER, exch_ns=0)

    def wait(self, seconds: float, *, quotes: bool = True) -> None:
        """Time passes in timer steps; the touch is repeated each second so that the data stay fresh."""
        for step in range(round(seconds * 10)):
            if quotes and step % 10 == 0:
                self.touch(self.bid, self.ask)
            self.tick()

    @property
    def bid(self) -> int:
        return int(self.state.book.best_px[0]) or 400_000

    @property
    def ask(self) -> int:
        return int(self.state.book.best_px[1]) or 400_400

    def warm_up(self) -> None:
        """A minute of small moves and trades: estimators know more than their priors, quotes rest on both sides."""
        mid = 400_200
        for second in range(60):
            wiggle = TICK * ((second * 7) % 5 - 2)
            self.touch(mid + wiggle - 2 * TICK, mid + wiggle + 2 * TICK)
            side = 1 if second % 2 else -1
            self.trade(side, mid + wiggle + side * TICK * (3 + second % 4))
            for _ in range(10):
                self.tick()
        self.touch(400_000, 400_400)
        for _ in range(10):
            self.tick()

    def sides(self) -> list[int]:
        """Sides of the resting orders, sorted, each once."""
        return sorted({order[0] for order in self.resting.values()})


@pytest.fixture
def desk() -> Desk:
    """A desk that quotes both sides."""
    made = Desk()
    made.warm_up()
    return made
