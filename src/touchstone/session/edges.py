"""What each fill earned, by time block: the interval of a session's edge, for fills of a moment share a price path."""

from typing import Any

import numpy as np

from touchstone.core.conventions import MARKOUT_HORIZONS_NS, TOXIC_HORIZON
from touchstone.insight.readings import clustered
from touchstone.insight.readings.fills import SHORTEST_BLOCK_NS

BLOCK_NS = max(2 * MARKOUT_HORIZONS_NS[TOXIC_HORIZON], SHORTEST_BLOCK_NS)


class Edges:
    """A sink that keeps the realised half-spread at 10 s of each fill, with the number of its time block.

    A markout whose fill was handed over elsewhere (before a checkpoint was restored) is left out.
    """

    def __init__(self) -> None:
        self._fills = _Pairs(np.int64)  # fill id, rising, and block time
        self._marks = _Pairs(np.float64)  # fill id and realised half-spread, bps

    def take(self, table: str, rows: Any) -> None:
        """Keep what concerns fills."""
        if table == "fills":
            self._fills.add(rows["fill_id"], rows["exch_ns"])
        elif table == "markouts":
            due = rows["horizon"] == TOXIC_HORIZON
            self._marks.add(rows["fill_id"][due], rows["realised_bps"][due])

    def estimate(self, fee_bps: float) -> clustered.Estimate:
        """Mean of realised half-spread minus fee, bps, with its interval."""
        fills, marks = self._fills.all, self._marks.all
        marks = marks[:, np.isin(marks[0], fills[0])]
        block_ns = fills[1][np.searchsorted(fills[0], marks[0])]
        return clustered.mean(marks[1] - fee_bps, (block_ns // BLOCK_NS).tolist())


class _Pairs:
    """Pairs of numbers in an array whose room doubles: a session drains fill by fill."""

    def __init__(self, dtype: Any) -> None:
        self._room = np.zeros((2, 256), dtype)
        self._n = 0

    def add(self, first: Any, second: Any) -> None:
        end = self._n + len(first)
        while end > self._room.shape[1]:
            self._room = np.hstack([self._room, np.zeros_like(self._room)])
        self._room[0, self._n : end] = first
        self._room[1, self._n : end] = second
        self._n = end

    @property
    def all(self) -> Any:
        return self._room[:, : self._n]
