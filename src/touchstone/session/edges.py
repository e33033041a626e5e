"""What each fill earned, by time block: the interval of a session's edge, for fills of a moment share a price path."""

from typing import Any

import numpy as np

from touchstone.core.conventions import MARKOUT_HORIZONS_NS, TOXIC_HORIZON
from touchstone.insight.readings import clustered
from touchstone.insight.readings.fills import SHORTEST_BLOCK_NS

BLOCK_NS = max(2 * MARKOUT_HORIZONS_NS[TOXIC_HORIZON], SHORTEST_BLOCK_NS)
MOST_PIECES = 64  # a live session drains fill by fill


class Edges:
    """A sink that keeps the realised half-spread at 10 s of each fill, with the number of its time block.

    A markout whose fill was handed over elsewhere (before a checkpoint was restored) is left out.
    """

    def __init__(self) -> None:
        self._fills = [np.zeros((2, 0), np.int64)]  # fill id, rising, and block
        self._marks = [np.zeros((2, 0))]  # fill id and realised half-spread, bps

    def take(self, table: str, rows: Any) -> None:
        """Keep what concerns fills."""
        if table == "fills":
            self._fills = _joined(self._fills, np.array([rows["fill_id"], rows["exch_ns"] // BLOCK_NS]))
        elif table == "markouts":
            due = rows["horizon"] == TOXIC_HORIZON
            self._marks = _joined(self._marks, np.array([rows["fill_id"][due], rows["realised_bps"][due]]))

    def estimate(self, fee_bps: float) -> clustered.Estimate:
        """Mean of realised half-spread minus fee, bps, with its interval."""
        fills, marks = np.hstack(self._fills), np.hstack(self._marks)
        marks = marks[:, np.isin(marks[0], fills[0])]
        block = fills[1][np.searchsorted(fills[0], marks[0])]
        return clustered.mean(marks[1] - fee_bps, block.tolist())


def _joined(pieces: list[Any], piece: Any) -> list[Any]:
    return [*pieces, piece] if len(pieces) < MOST_PIECES else [np.hstack([*pieces, piece])]
