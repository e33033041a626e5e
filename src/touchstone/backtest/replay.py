"""One replay: a tape through exchange and core, drained into a digest and into whoever wants to keep it."""

from typing import Any

import numpy as np

from touchstone.backtest import loop as backtest_loop
from touchstone.backtest.shell import Progress, Shell
from touchstone.config import Config
from touchstone.core.events import EVENT
from touchstone.data.tape import Tape

CHUNK = 1 << 18


class Replay(Shell):
    """A run over a tape; `run` goes through it, `checkpoint` and `restore` between."""

    def __init__(self, config: Config, sz_decimals: int, *, latency_factor: float = 1.0, digest: bool = True) -> None:
        super().__init__(config, sz_decimals, latency_factor=latency_factor, digest=digest)
        self.loop[0].hears_touch = int(config.market.feed == "touch")
        self._buffer = np.zeros(0, EVENT)
        self.reset()

    def run(self, tape: Tape, progress: Progress | None = None, *, start: int = 0, stop: int | None = None) -> None:
        """Replay rows start..stop of a tape. With `stop` short of the end the loop keeps what is not yet heard."""
        end = len(tape) if stop is None else min(stop, len(tape))
        rows = tape.rows()
        for at in range(start, end, CHUNK):
            upto = min(at + CHUNK, end)
            if at == start and self._n_unheard() > 0:
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
        self.listen()
        while True:
            why = backtest_loop.run(self.machine, self.venue, self.loop, self._buffer)
            self.drain()
            if why == backtest_loop.HALTED:
                return False
            if why in (backtest_loop.NEED_TAPE, backtest_loop.FINISHED):
                return True

    def checkpoint(self) -> bytes:
        """All that a continuation needs besides the rest of the tape."""
        return self.save() + self._buffer[self.loop[0].heard : self.loop[0].n_tape].tobytes()

    def restore(self, saved: bytes) -> None:
        """Go on from a checkpoint of the same configuration. Raises ValueError for one of another size."""
        rest = np.frombuffer(saved, np.uint8, offset=self.load(saved))
        count = len(rest) // EVENT.itemsize
        self._buffer = np.zeros(count, EVENT)
        self._buffer.view(np.uint8)[:] = rest
        the_loop = self.loop[0]
        the_loop.world -= the_loop.heard
        the_loop.n_tape -= the_loop.heard
        the_loop.heard = 0
