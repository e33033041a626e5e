"""The rows of a recording, at its own times."""

from typing import Any

import numpy as np

from touchstone.core.events import EVENT
from touchstone.data.tape import Tape

CHUNK = 1 << 16


class TapeRows:
    """Reads a tape forwards, a chunk at a time."""

    def __init__(self, tape: Tape) -> None:
        self._chunks = tape.chunks(CHUNK)
        self._chunk: Any = np.zeros(0, EVENT)
        self._at = 0

    def until(self, end_ns: int, *, is_inclusive: bool) -> Any:
        """The next rows with exchange time before end_ns, or also at it."""
        parts = []
        while True:
            rest = self._chunk[self._at :]
            n = int(np.searchsorted(rest["exch_ns"], end_ns, "right" if is_inclusive else "left"))
            if n:
                parts.append(rest[:n].copy())
                self._at += n
            if n < len(rest):
                break
            following = next(self._chunks, None)
            if following is None:
                break
            self._chunk, self._at = following, 0
        if not parts:
            return self._chunk[:0]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
