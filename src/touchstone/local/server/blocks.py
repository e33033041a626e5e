"""The block loop: the exchange advances with the clock, tickets are answered, events pushed; lateness is kept."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from touchstone.local.exchange import LocalExchange
from touchstone.local.reports import BlockReport, Ticket
from touchstone.local.server.clock import Clock
from touchstone.local.server.faults import FaultInjector

KEPT = 20_000
BURST = 20  # blocks that may be executed in a row before the sockets are served


class BlockLoop:
    """Executes each block when its time has come.

    Lateness of a block: from its time on the wall until its pushes are handed over. It missed when that is beyond the
    time of the next one.
    """

    def __init__(
        self, exchange: LocalExchange, clock: Clock, faults: FaultInjector, push: Callable[[BlockReport], None]
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._faults = faults
        self._push = push
        self._waiting: dict[int, asyncio.Future[Any]] = {}  # by identity of the ticket
        self._next_block: asyncio.Event = asyncio.Event()
        self._late_ms: deque[float] = deque(maxlen=KEPT)
        self._work_ms: deque[float] = deque(maxlen=KEPT)
        self.n_blocks = 0
        self.n_missed = 0

    async def executed(self, ticket: Ticket) -> Any:
        """The reply of a submitted action, once its block was executed."""
        if ticket.reply is not None:
            return ticket.reply
        future = asyncio.get_running_loop().create_future()
        self._waiting[id(ticket)] = future
        try:
            return await future
        finally:
            self._waiting.pop(id(ticket), None)

    async def next_block(self) -> None:
        """Wait until one more block was executed."""
        await self._next_block.wait()

    async def run(self) -> None:
        """Until cancelled."""
        exchange, clock = self._exchange, self._clock
        while True:
            due_ms = exchange.now_ms + exchange.block_ms
            await asyncio.sleep(max(0.0, clock.wait_s(due_ms)))
            for _ in range(BURST):
                if clock.wait_s(exchange.now_ms + exchange.block_ms) > 0:
                    break
                self._execute(exchange.now_ms + exchange.block_ms)

    def _execute(self, due_ms: int) -> None:
        begin_s = -self._clock.wait_s(due_ms)
        for report in self._exchange.advance(due_ms):
            if self._faults.events_first():
                self._push(report)
                self._answer(report)
            else:
                self._answer(report)
                self._push(report)
        late_ms = -1e3 * self._clock.wait_s(due_ms)
        self._late_ms.append(late_ms)
        self._work_ms.append(late_ms - 1e3 * begin_s)
        self.n_blocks += 1
        self.n_missed += late_ms > self._exchange.block_ms / self._clock.speed
        self._next_block.set()
        self._next_block = asyncio.Event()

    def _answer(self, report: BlockReport) -> None:
        for ticket in report.executed:
            future = self._waiting.get(id(ticket))
            if future is not None and not future.done():
                future.set_result(ticket.reply)

    def statistics(self) -> dict[str, Any]:
        """For the admin endpoint; times in ms of the wall, None before the first block."""
        late, work = np.array(self._late_ms), np.array(self._work_ms)

        def quantile(values: Any, q: float) -> float | None:
            return round(float(np.quantile(values, q)), 3) if len(values) else None

        return {
            "blocks": self.n_blocks,
            "missed": self.n_missed,
            "late_ms_p50": quantile(late, 0.5),
            "late_ms_p99": quantile(late, 0.99),
            "late_ms_max": quantile(late, 1.0),
            "work_ms_p50": quantile(work, 0.5),
            "work_ms_p99": quantile(work, 0.99),
            "waiting": len(self._waiting),
        }
