"""What every backtest has besides the core: an account at the exchange, and the loop that carries events and orders."""

from typing import Any

import numpy as np

from touchstone.backtest import loop as backtest_loop
from touchstone.config import Config
from touchstone.core import events
from touchstone.exchange import venue
from touchstone.exchange.transit import MAX_RESPONSES
from touchstone.session import params
from touchstone.session.machine import Machine, Progress, Sink

__all__ = ["Progress", "Shell", "Sink"]


class Shell(Machine):
    """Core, venue and the loop of one run; the market is a subclass's."""

    def __init__(
        self,
        config: Config,
        sz_decimals: int,
        *,
        latency_factor: float = 1.0,
        tables: tuple[str, ...] = (),
        digest: bool = True,
    ) -> None:
        super().__init__(config, sz_decimals, tables=tables, digest=digest)
        self.venue = np.zeros(1, venue.VENUE)
        self.loop = np.zeros(1, backtest_loop.LOOP)
        # Views made once: a NumPy record is slow to look into.
        self._journal, self._n_journal = self.loop["journal"][0], self.loop["n_journal"]
        self._log, self._n_log = self.loop["log"][0], self.loop["n_log"]
        core = self.machine[0].state.params
        core.latency_ns = round(core.latency_ns * latency_factor)
        self.venue_params = params.venue_params(config, sz_decimals, latency_factor)

    def reset(self) -> None:
        """Start core and account with the parameters as they stand."""
        super().reset()
        venue.reset(self.venue[0], self.venue_params)

    @property
    def n_market(self) -> int:
        return int(self.loop[0].n_market)

    @property
    def first_ns(self) -> int:
        return int(self.loop[0].first_ns)

    def problems(self) -> list[str]:
        found = []
        if lost := int(self.loop[0].n_touch_lost):
            found.append(f"{lost} changes of the touch found no room on their way to the core")
        theirs, ours = int(self.venue[0].account.position), int(self.state.profit.position)
        if theirs != ours + self._on_its_way():
            found.append(f"position differs: exchange {theirs}, core {ours}")
        return found

    def _on_its_way(self) -> int:
        """Signed size of the fills that the run ended too soon to hear of."""
        responses = self.venue[0].responses
        places = (int(responses.head) + np.arange(int(responses.n))) % MAX_RESPONSES
        rows = np.asarray(responses.ring)[places]
        fills = rows[rows["kind"] == np.uint8(events.FILL)]
        return int((fills["qty"] * fills["side"].astype(np.int64)).sum())

    def counted(self) -> list[tuple[str, Any]]:
        return [*super().counted(), ("exchange", self.venue[0])]

    def listen(self) -> None:
        """Journal the market's rows too if a sink wants them; before each part of a run."""
        self.has_market_rows = any(getattr(sink, "keeps_market", False) for sink in self.sinks)
        self.loop[0].keeps_market = int(self.has_market_rows)

    def drain(self) -> None:
        """Also what the core was fed and what it sent; first, so that what is written down is never ahead of it."""
        self.take("events", self._journal[: self._n_journal[0]])
        self.take("orders", self._log[: self._n_log[0]])
        self._n_journal[0] = 0
        self._n_log[0] = 0
        for sink in self.sinks:
            if at_rest := getattr(sink, "at_rest", None):
                at_rest(self.machine["state"])
        super().drain()

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
