"""One replay: a tape through exchange and core, drained into a digest and into whoever wants to keep it."""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from touchstone.backtest import loop as backtest_loop
from touchstone.backtest import settings
from touchstone.config import Config
from touchstone.core import events, state
from touchstone.core.events import EVENT
from touchstone.core.phases.resolve import write_calibration
from touchstone.data.tape import Tape
from touchstone.exchange import engine as exchange

CHUNK = 1 << 16
TABLES = ("quotes", "predictions", "outcomes", "fills", "markouts", "calibrations", "alerts")  # buffers of OUT

Progress = Callable[[int, int], None]


class Sink(Protocol):
    """Takes what a replay writes down: table name ("events" and "orders" too) and rows, valid during the call only.

    "events" is what the core was fed without the market's rows, which are the tape's; an attribute
    `keeps_market = True` asks for these too.
    """

    def take(self, table: str, rows: Any) -> None:
        """Keep a copy of what is wanted."""


class Replay:
    """The machine, the venue and the loop of one run; `run` goes through a tape, `checkpoint` and `restore` between.

    The digest covers everything written down, each table by itself (so that it does not depend on when the buffers
    were drained), the number of market rows, and the final state. Without `digest` nothing is hashed.
    """

    def __init__(
        self, config: Config, sz_decimals: int, *, latency_factor: float = 1.0, digest: bool = True
    ) -> None:
        self.machine = state.new_machine()
        self.venue = np.zeros(1, exchange.VENUE)
        self.loop = np.zeros(1, backtest_loop.LOOP)
        settings.fill_params(self.machine[0].state.params, config, sz_decimals)
        self.machine[0].state.params.latency_ns = round(self.machine[0].state.params.latency_ns * latency_factor)
        state.reset(self.machine[0].state, np.int64(0), np.int64(0))
        exchange.reset(self.venue[0], settings.venue_params(config, sz_decimals, latency_factor))
        # Views made once: a NumPy record is slow to look into.
        out = self.machine[0].out
        self._rows = {name: getattr(out, name) for name in TABLES}
        self._n_rows = {name: self.machine["out"][f"n_{name}"] for name in TABLES}
        self.loop[0].hears_touch = int(config.market.feed == "touch")
        self.sinks: list[Sink] = []
        self._has_digest = digest
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in (*TABLES, "events", "orders")}
        self._buffer = np.zeros(0, EVENT)
        self.counts = dict.fromkeys(self._hashes, 0)

    @property
    def state(self) -> Any:
        """The core's state record."""
        return self.machine[0].state

    def run(self, tape: Tape, progress: Progress | None = None, *, start: int = 0, stop: int | None = None) -> None:
        """Replay rows start..stop of a tape. With `stop` short of the end the loop keeps what is not yet heard."""
        end = len(tape) if stop is None else min(stop, len(tape))
        rows = tape.rows()
        for at in range(start, end, CHUNK):
            upto = min(at + CHUNK, end)
            if at == start:
                self._room_for(upto - at)[:] = rows[at:upto]
            else:  # the rows not yet heard stand before the new ones
                self._start_at(rows[at - self._n_unheard() : upto])
            if not self._go():
                break
            if progress:
                progress(upto, len(tape))
        if end == len(tape):
            self.end()

    def feed(self, rows: Any) -> bool:
        """Go on with the next rows (EVENT array) of a market; False if the core has halted."""
        self._room_for(len(rows))[:] = rows
        return self._go()

    def end(self) -> None:
        """There are no more rows: play what is on its way, and write the last calibration record."""
        self.loop[0].is_last = 1
        self._go()
        self.finish()

    def _room_for(self, count: int) -> Any:
        """The part of the buffer behind the rows not yet heard, for `count` new ones."""
        the_loop = self.loop[0]
        left = self._n_unheard()
        joined = np.zeros(left + count, EVENT)
        joined[:left] = self._buffer[the_loop.heard : the_loop.n_tape]
        self._start_at(joined)
        return joined[left:]

    def _n_unheard(self) -> int:
        return int(self.loop[0].n_tape - self.loop[0].heard)

    def _start_at(self, buffer: Any) -> None:
        """Go on in another buffer, which begins with the rows not yet heard."""
        the_loop = self.loop[0]
        self._buffer = buffer
        the_loop.world -= the_loop.heard
        the_loop.heard = 0
        the_loop.n_tape = len(buffer)

    def _go(self) -> bool:
        """Run the compiled loop to the end of the buffer; False if the core has halted."""
        self.loop[0].keeps_market = int(any(getattr(sink, "keeps_market", False) for sink in self.sinks))
        while True:
            why = backtest_loop.run(self.machine, self.venue, self.loop, self._buffer)
            self.drain()
            if why == backtest_loop.HALTED:
                return False
            if why in (backtest_loop.NEED_TAPE, backtest_loop.FINISHED):
                return True

    def drain(self) -> None:
        """Hand everything written down to the digest and the sinks, and empty the buffers."""
        the_loop = self.loop[0]
        for name in TABLES:
            count = int(self._n_rows[name][0])
            if count:
                self._take(name, self._rows[name][:count])
                self._n_rows[name][0] = 0
        if the_loop.n_journal:
            self._take("events", the_loop.journal[: the_loop.n_journal])
        if the_loop.n_log:
            self._take("orders", the_loop.log[: the_loop.n_log])
        the_loop.n_journal = 0
        the_loop.n_log = 0

    def _take(self, name: str, rows: Any) -> None:
        for sink in self.sinks:
            sink.take(name, rows)
        if name == "events" and self.sinks and self.loop[0].keeps_market:
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
            raise ValueError("this replay has no digest: make it with digest=True")
        total = hashlib.blake2b(digest_size=16)
        for name in sorted(self._hashes):
            total.update(f"{name}:{self.counts[name]}:{self._hashes[name].hexdigest()};".encode())
        total.update(f"market:{int(self.loop[0].n_market)};".encode())
        total.update(self.machine["state"].tobytes())
        return total.hexdigest()

    def checkpoint(self) -> bytes:
        """The bytes of machine, venue and loop; all that a continuation needs besides the rest of the tape."""
        self.drain()
        rest = self._buffer[self.loop[0].heard : self.loop[0].n_tape]
        return b"".join((self.machine.tobytes(), self.venue.tobytes(), self.loop.tobytes(), bytes(rest)))

    def restore(self, saved: bytes) -> None:
        """Go on from a checkpoint of the same configuration. Raises ValueError for one of another size."""
        at = 0
        for array in (self.machine, self.venue, self.loop):
            size = array.nbytes
            if at + size > len(saved):
                raise ValueError(f"checkpoint of {len(saved)} bytes is too short; it was written by another version")
            array.view(np.uint8)[:] = np.frombuffer(saved, np.uint8, size, at)
            at += size
        rest = np.frombuffer(saved, np.uint8, offset=at)
        count = len(rest) // EVENT.itemsize
        self._buffer = np.zeros(count, EVENT)
        self._buffer.view(np.uint8)[:] = rest
        the_loop = self.loop[0]
        the_loop.world -= the_loop.heard
        the_loop.n_tape -= the_loop.heard
        the_loop.heard = 0
