"""One replay: a tape through exchange and core, drained into a digest and into whoever wants to keep it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from touchstone.backtest import loop as backtest_loop
from touchstone.backtest.shell import Progress, Shell
from touchstone.config import Config
from touchstone.core.events import EVENT
from touchstone.data.tape import Tape

CHUNK = 1 << 15


class Replay(Shell):
    """A run over a tape; `run` goes through it, `checkpoint` and `restore` between."""

    def __init__(self, config: Config, sz_decimals: int, *, latency_factor: float = 1.0) -> None:
        super().__init__(config, sz_decimals, latency_factor=latency_factor)
        self._buffer = np.zeros(2 * CHUNK, EVENT)
        self.reset()

    def run(self, tape: Tape, progress: Progress | None = None, *, start: int = 0, stop: int | None = None) -> None:
        """Replay rows start..stop of a tape. With `stop` short of the end the loop keeps what is not yet heard."""
        end = len(tape) if stop is None else min(stop, len(tape))
        for done in self.feed(tape.chunks(CHUNK, start, end), is_end=end == len(tape)):
            if progress:
                progress(min(start + done, len(tape)), len(tape))
        if end == len(tape):
            self.finish()

    def feed(self, chunks: Iterator[Any], *, is_end: bool) -> Iterator[int]:
        """Replay chunks of EVENT arrays; yields the rows taken so far after each."""
        the_loop = self.loop[0]
        buffer = self._buffer
        done = 0
        following = next(chunks, None)
        while following is not None:
            chunk = following.copy()
            following = next(chunks, None)
            left = int(the_loop.n_tape - the_loop.heard)
            if left + len(chunk) > len(buffer):
                grown = np.zeros(2 * (left + len(chunk)), EVENT)
                grown[:left] = buffer[the_loop.heard : the_loop.n_tape]
                buffer = grown
            else:
                buffer[:left] = buffer[the_loop.heard : the_loop.n_tape].copy()
            buffer[left : left + len(chunk)] = chunk
            the_loop.world -= the_loop.heard
            the_loop.heard = 0
            the_loop.n_tape = left + len(chunk)
            the_loop.is_last = int(is_end and following is None)
            self._buffer = buffer
            done += len(chunk)
            if not self._go(buffer):
                return
            yield done

    def _go(self, buffer: Any) -> bool:
        """Run the compiled loop to the end of the buffer; False if the core has halted."""
        while True:
            why = backtest_loop.run(self.machine, self.venue, self.loop, buffer)
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
        self._buffer = np.zeros(max(2 * CHUNK, 2 * count), EVENT)
        self._buffer[:count].view(np.uint8)[:] = rest
        the_loop = self.loop[0]
        the_loop.world -= the_loop.heard
        the_loop.n_tape -= the_loop.heard
        the_loop.heard = 0
