"""What each fill earned, by time block: the interval of a session's edge, for fills of a moment share a price path."""

from typing import Any

import numpy as np

from touchstone.core.conventions import MARKOUT_HORIZONS_NS, TOXIC_HORIZON
from touchstone.insight.readings import clustered
from touchstone.insight.readings.fills import SHORTEST_BLOCK_NS

BLOCK_NS = max(2 * MARKOUT_HORIZONS_NS[TOXIC_HORIZON], SHORTEST_BLOCK_NS)


class Edges:
    """A sink that keeps the realised half-spread at 10 s of each fill, with the number of its time block."""

    def __init__(self) -> None:
        self._block_of: dict[int, int] = {}  # of fills whose markout is not known yet
        self._realised_bps: list[float] = []
        self._block: list[int] = []

    def take(self, table: str, rows: Any) -> None:
        """Keep what concerns fills."""
        if table == "fills":
            for row in rows:
                self._block_of[int(row["fill_id"])] = int(row["exch_ns"]) // BLOCK_NS
        elif table == "markouts":
            for row in rows:
                if int(row["horizon"]) == TOXIC_HORIZON:
                    self._realised_bps.append(float(row["realised_bps"]))
                    self._block.append(self._block_of.pop(int(row["fill_id"])))

    def estimate(self, fee_bps: float) -> clustered.Estimate:
        """Mean of realised half-spread minus fee, bps, with its interval."""
        return clustered.mean(np.array(self._realised_bps) - fee_bps, self._block)
