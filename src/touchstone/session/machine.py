"""The core as a shell holds it: its record, what it writes down on the way to whoever keeps it, and its digest."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from touchstone.config import Config
from touchstone.core import events, state
from touchstone.core.phases.resolve import write_calibration
from touchstone.session import params
from touchstone.session.edges import Edges

TABLES = (  # buffers of OUT
    *("quotes", "predictions", "outcomes", "fills", "markouts", "calibrations", "alerts"),
    *("pairs", "lags"),  # of the reference venue
    "edges",
)

Progress = Callable[[int, int], None]


class Sink(Protocol):
    """Takes what a run writes down: table name ("events" and "orders" too) and rows, valid during the call only.

    "events" is what the core was fed without the market's rows; an attribute `keeps_market = True` asks for these too.
    A backtest also tells a method `at_rest(state)` when events and orders are handed over up to the state as it stands.
    """

    def take(self, table: str, rows: Any) -> None:
        """Keep a copy of what is wanted."""


class Machine(ABC):
    """The core of one run; the shell that feeds it is a subclass.

    The digest covers everything written down, each table by itself (so that it does not depend on when the buffers
    were drained), the number of market rows, and the final state. Without `digest` nothing is hashed.
    """

    def __init__(
        self, config: Config, sz_decimals: int, *, tables: tuple[str, ...] = (), digest: bool = True
    ) -> None:
        self.machine = state.new_machine()
        params.fill_params(self.machine[0].state.params, config, sz_decimals)
        # Views made once: a NumPy record is slow to look into.
        out = self.machine[0].out
        self._rows = {name: getattr(out, name) for name in TABLES}
        self._n_rows = {name: self.machine["out"][f"n_{name}"] for name in TABLES}
        self.edges = Edges()
        self.sinks: list[Sink] = [self.edges]
        self._has_digest = digest
        self.has_market_rows = True  # whether "events" may hold them
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in (*TABLES, "events", "orders", *tables)}
        self.counts = dict.fromkeys(self._hashes, 0)

    def reset(self) -> None:
        """Start the core with the parameters as they stand."""
        state.reset(self.machine[0].state, np.int64(0), np.int64(0))

    @property
    def state(self) -> Any:
        """The core's state record."""
        return self.machine[0].state

    @property
    @abstractmethod
    def n_market(self) -> int:
        """Rows of the market that the core has heard."""

    @property
    @abstractmethod
    def first_ns(self) -> int:
        """Receive time of the first of them."""

    def problems(self) -> list[str]:
        """What this shell knows that makes the run unsound, in words."""
        return []

    def counted(self) -> list[tuple[str, Any]]:
        """Records (with a name for each) whose counters of drops, clamps and skips belong into the result."""
        return [("core", self.state)]

    def drain(self) -> None:
        """Hand everything written down to the digest and the sinks, and empty the buffers."""
        for name in TABLES:
            count = int(self._n_rows[name][0])
            if count:
                self.take(name, self._rows[name][:count])
                self._n_rows[name][0] = 0

    def take(self, name: str, rows: Any) -> None:
        """Rows of one table to the sinks and into the digest."""
        if len(rows) == 0:
            return
        for sink in self.sinks:
            sink.take(name, rows)
        self.note(name, rows)

    def note(self, name: str, rows: Any) -> None:
        """Rows of one table into the digest, which leaves the market's rows out."""
        if name == "events" and self.has_market_rows:
            is_own = rows["kind"] >= np.uint8(events.OWN_KIND_FIRST)
            rows = rows if is_own.all() else rows[is_own]
        self.counts[name] += len(rows)
        if len(rows) and self._has_digest:
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
        total.update(f"market:{self.n_market};".encode())
        total.update(self.machine["state"].tobytes())
        return total.hexdigest()
