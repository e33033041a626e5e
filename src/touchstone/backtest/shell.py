"""What every backtest has: the core, an account at the exchange, what they write down, and its digest."""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from touchstone.backtest import loop as backtest_loop
from touchstone.backtest import settings
from touchstone.config import Config
from touchstone.core import events, state
from touchstone.core.phases.resolve import write_calibration
from touchstone.exchange import venue

TABLES = ("quotes", "predictions", "outcomes", "fills", "markouts", "calibrations", "alerts")  # buffers of OUT

Progress = Callable[[int, int], None]


class Sink(Protocol):
    """Takes what a run writes down: table name ("events" and "orders" too) and rows, valid during the call only.

    "events" is what the core was fed without the market's rows; an attribute `keeps_market = True` asks for these too.
    """

    def take(self, table: str, rows: Any) -> None:
        """Keep a copy of what is wanted."""


class Shell:
    """The machine, the venue and the loop of one run; the market is a subclass's.

    The digest covers everything written down, each table by itself (so that it does not depend on when the buffers
    were drained), the number of market rows, and the final state. Without `digest` nothing is hashed.
    """

    def __init__(
        self,
        config: Config,
        sz_decimals: int,
        *,
        latency_factor: float = 1.0,
        tables: tuple[str, ...] = (),
        digest: bool = True,
    ) -> None:
        self.machine = state.new_machine()
        self.venue = np.zeros(1, venue.VENUE)
        self.loop = np.zeros(1, backtest_loop.LOOP)
        settings.fill_params(self.machine[0].state.params, config, sz_decimals)
        self.machine[0].state.params.latency_ns = round(self.machine[0].state.params.latency_ns * latency_factor)
        self.venue_params = settings.venue_params(config, sz_decimals, latency_factor)
        # Views made once: a NumPy record is slow to look into.
        out = self.machine[0].out
        self._rows = {name: getattr(out, name) for name in TABLES}
        self._n_rows = {name: self.machine["out"][f"n_{name}"] for name in TABLES}
        self.sinks: list[Sink] = []
        self._has_digest = digest
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in (*TABLES, "events", "orders", *tables)}
        self.counts = dict.fromkeys(self._hashes, 0)

    def reset(self) -> None:
        """Start core and account with the parameters as they stand."""
        state.reset(self.machine[0].state, np.int64(0), np.int64(0))
        venue.reset(self.venue[0], self.venue_params)

    @property
    def state(self) -> Any:
        """The core's state record."""
        return self.machine[0].state

    def listen(self) -> None:
        """Journal the market's rows too if a sink wants them; before each part of a run."""
        self.loop[0].keeps_market = int(any(getattr(sink, "keeps_market", False) for sink in self.sinks))

    def drain(self) -> None:
        """Hand everything written down to the digest and the sinks, and empty the buffers."""
        the_loop = self.loop[0]
        for name in TABLES:
            count = int(self._n_rows[name][0])
            if count:
                self.take(name, self._rows[name][:count])
                self._n_rows[name][0] = 0
        self.take("events", the_loop.journal[: the_loop.n_journal])
        self.take("orders", the_loop.log[: the_loop.n_log])
        the_loop.n_journal = 0
        the_loop.n_log = 0

    def take(self, name: str, rows: Any) -> None:
        """Rows of one table to the sinks and into the digest."""
        if len(rows) == 0:
            return
        for sink in self.sinks:
            sink.take(name, rows)
        if name == "events" and self.loop[0].keeps_market:
            rows = rows[rows["kind"] >= events.OWN_KIND_FIRST]
        self.counts[name] += len(rows)
        if self._has_digest:
            self._hashes[name].update(np.ascontiguousarray(rows).view(np.uint8).data)

    def finish(self) -> None:
        """The last calibration record."""
        write_calibration(self.machine[0].state, self.machine[0].out)
        self.drain()

    def digest(self) -> str:
        """Hash of every table and of the final state. Raises ValueError where it was not asked for."""
        if not self._has_digest:
            raise ValueError("this run has no digest: make it with digest=True")
        total = hashlib.blake2b(digest_size=16)
        for name in sorted(self._hashes):
            total.update(f"{name}:{self.counts[name]}:{self._hashes[name].hexdigest()};".encode())
        total.update(f"market:{int(self.loop[0].n_market)};".encode())
        total.update(self.machine["state"].tobytes())
        return total.hexdigest()

    def save(self, *others: Any) -> bytes:
        """The bytes of machine, venue, loop and further arrays: all that a continuation needs besides its market."""
        self.drain()
        return b"".join(array.tobytes() for array in (self.machine, self.venue, self.loop, *others))

    def load(self, saved: bytes, *others: Any) -> int:
        """Take `save`'s bytes back; returns how many there were. Raises ValueError where they are too few."""
        at = 0
        for array in (self.machine, self.venue, self.loop, *others):
            size = array.nbytes
            if at + size > len(saved):
                raise ValueError(f"checkpoint of {len(saved)} bytes is too short; it was written by another version")
            array.view(np.uint8)[:] = np.frombuffer(saved, np.uint8, size, at)
            at += size
        return at
