"""The core at an exchange: rows in, journaled first, then decided on; orders out.

Everything enters by `feed`, in the order of its receipt. The timer's rows come at their due times, before whatever was
received after them. What the core wants is journaled before it is sent.
"""

import struct
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from touchstone.config import Config
from touchstone.core import engine, events
from touchstone.core.actions import ACTION
from touchstone.core.conventions import MS
from touchstone.core.events import EVENT
from touchstone.core.trading import breakers, orders
from touchstone.data.frames import ENOUGH_ROWS
from touchstone.data.layout import Row
from touchstone.live import rows as make
from touchstone.session.journal import JournalError
from touchstone.session.machine import Machine

TIMER_NS = 100 * int(MS)
MOST_TIMERS = 20  # after a longer stall the timers before are skipped, and counted
ROOM = 2 * ENOUGH_ROWS
_OWN_KIND_FIRST = int(events.OWN_KIND_FIRST)
_ACTION_FIELDS = struct.Struct("<qqqqqiBbH")  # of ACTION
_ACTION_BYTES, _EVENT_BYTES = ACTION.itemsize, EVENT.itemsize
assert _ACTION_FIELDS.size == _ACTION_BYTES


class Journals(Protocol):
    """The part of a journal that the trader writes to (session.journal)."""

    def append(self, rows: bytes) -> None: ...

    def append_actions(self, rows: bytes) -> None: ...

    def flush(self) -> None: ...


class Trader(Machine):
    """The core of a live session. `send` carries actions out (tuples of ACTION's fields); it must not block."""

    def __init__(
        self, config: Config, sz_decimals: int, *, journal: Journals, send: Callable[[list[tuple[int, ...]]], None]
    ) -> None:
        super().__init__(config, sz_decimals)
        self._journal = journal
        self._send = send
        self.buffer: Any = np.zeros(ROOM, EVENT)  # of the rows that are about to be fed
        self.kinds = self.buffer["kind"]  # a view
        self._received = self.buffer["recv_ns"]
        self._newest_ns = 0
        self._n_actions = self.machine["out"]["n_actions"]
        self._actions = self.machine[0].out.actions
        # Slices of a plain array cost a twentieth of those of records.
        self._action_bytes = self._actions.view(np.ndarray).view(np.uint8)
        self._buffer_bytes = self.buffer.view(np.uint8)
        self._sent: list[bytes] = []  # not handed to the sinks yet
        self._halted = self.machine["state"]["is_halted"]
        self.timer_ns = 0
        self.n_rows = 0
        self._n_market = 0
        self._first_ns = 0
        self.n_timers_skipped = 0
        self.failure: JournalError | None = None  # the journal takes nothing more: neither does the core

    @property
    def n_market(self) -> int:
        return self._n_market

    @property
    def first_ns(self) -> int:
        return self._first_ns

    @property
    def is_halted(self) -> bool:
        """The core takes nothing in any more (a buffer was full)."""
        return bool(self._halted[0])

    @property
    def is_sound(self) -> bool:
        """Whether the core still takes in what it is fed."""
        return self.failure is None and not self.is_halted

    @property
    def is_killed(self) -> bool:
        """Risk has killed trading."""
        return int(self.state.risk.state) == int(breakers.KILLED)

    def take_rows(self, rows: list[Row]) -> None:
        """Feed rows that are not a market's: as received together, whenever each was written down."""
        for at in range(0, len(rows), ROOM):  # an even number: both rows of a fill stay together
            part = rows[at : at + ROOM]
            self.buffer[: len(part)] = make.array(part)
            self._received[: len(part)] = part[0][1]
            self.feed(len(part))

    def tick(self, now_ns: int) -> None:
        """Feed every timer that is due."""
        if self.timer_ns == 0 or now_ns < self.timer_ns:
            return
        late = (now_ns - self.timer_ns) // TIMER_NS + 1
        if late > MOST_TIMERS:
            self.n_timers_skipped += late - MOST_TIMERS
            self.timer_ns += (late - MOST_TIMERS) * TIMER_NS
        timers = []
        while self.timer_ns <= now_ns:
            timers.append(make.row(events.TIMER, self.timer_ns))
            self.timer_ns += TIMER_NS
        due = make.array(timers)
        self._newest_ns = max(self._newest_ns, int(due["recv_ns"][-1]))
        self._run(due, due.view(np.uint8), len(due))

    def feed(self, count: int) -> None:
        """Feed the first `count` rows of `buffer`, all received at one time, after the timers due before them."""
        now_ns = int(self._received[0])
        if now_ns < self._newest_ns:  # taken down before what was fed last
            self._received[:count] = now_ns = self._newest_ns
        self._newest_ns = now_ns
        if self.timer_ns == 0:
            self._first_ns = now_ns
            self.timer_ns = (now_ns // TIMER_NS + 1) * TIMER_NS
        elif now_ns >= self.timer_ns:
            self.tick(now_ns)
        if self.kinds[0] < _OWN_KIND_FIRST:  # one message is of one sort
            self._n_market += count
        self._run(self.buffer, self._buffer_bytes, count)

    def _run(self, rows: Any, row_bytes: Any, count: int) -> None:
        """Journal rows, decide on them one after the other, and send what each one brings."""
        if self.failure is not None:
            return
        try:
            self._decide(rows, row_bytes, count)
        except JournalError as error:  # what was not journaled was not sent
            self.failure = error

    def _decide(self, rows: Any, row_bytes: Any, count: int) -> None:
        self._journal.append(row_bytes[: count * _EVENT_BYTES].tobytes())
        self.n_rows += count
        at = 0
        while at < count:
            at = engine.step_rows(self.machine, rows, np.int64(at), np.int64(count))
            wanted = int(self._n_actions[0])
            if wanted:
                self._carry_out(wanted)
            elif at < count:
                self._journal.flush()  # the database is never ahead of it
                self.drain()
            if self._halted[0]:
                break
        if rows["kind"][0] >= _OWN_KIND_FIRST:
            self.note("events", rows[:count])

    def retrace(self, journaled: Any) -> None:
        """Decide on journaled rows again: nothing is journaled and nothing sent, for both was done then."""
        count, at = len(journaled), 0
        rows: Any = np.zeros(count, EVENT)  # of the type that the core is compiled for
        rows.view(np.uint8)[:] = journaled.view(np.uint8)
        while at < count and not self._halted[0]:
            at = engine.step_rows(self.machine, rows, np.int64(at), np.int64(count))
            if wanted := int(self._n_actions[0]):
                self.take("orders", self._actions[:wanted].copy())
                self._n_actions[0] = 0
            self.drain()
        self.note("events", rows)
        self._n_market += int((rows["kind"] < _OWN_KIND_FIRST).sum())
        self._first_ns = self._first_ns or int(rows["recv_ns"][0])
        self._newest_ns = max(self._newest_ns, int(rows["recv_ns"][-1]))
        self.timer_ns = (int(rows["recv_ns"][-1]) // TIMER_NS + 1) * TIMER_NS

    def _carry_out(self, count: int) -> None:
        wanted = self._action_bytes[: count * _ACTION_BYTES].tobytes()
        self._n_actions[0] = 0
        self._journal.append_actions(wanted)
        self._journal.flush()
        self._send(list(_ACTION_FIELDS.iter_unpack(wanted)))
        self._sent.append(wanted)

    def drain(self) -> None:
        """Also what was sent, which no order waits for."""
        for sent in self._sent:
            self.take("orders", np.frombuffer(sent, ACTION))
        self._sent.clear()
        super().drain()

    def flush(self) -> None:
        """What was journaled goes to the file: whatever is drained after this is in the journal."""
        try:
            self._journal.flush()
        except JournalError as error:
            self.failure = self.failure or error

    def live_orders(self) -> list[Any]:
        """Our orders that may rest at the exchange (views of ORDER records)."""
        table = self.state.orders
        return [table.slot[i] for i in table.live[: int(table.n_live)]]

    def order_of(self, cloid: int) -> Any | None:
        """An order of ours by its cloid, also one that is done; None where it is not (or no longer) in the table."""
        if cloid <= 0:
            return None
        order = self.state.orders.slot[cloid & int(orders.MASK)]
        return order if int(order.cloid) == cloid else None
