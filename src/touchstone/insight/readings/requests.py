"""The request budget: what was sent, of which kind, and what the exchange allows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.readings.folder import MICRO, NoDataError, Session
from touchstone.insight.readings.path import bounds_ns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POINTS = 200
PRICE = 0.0005  # collateral for which Hyperliquid sells one request


@dataclass(frozen=True)
class Requests:
    """Requests so far at the ends of equal stretches of time; allowed: the initial ones plus one per unit traded.

    Counted by us from the session's start; what the account had used before is not in the tables.
    """

    t_ns: Ints
    placed: Floats
    amended: Floats
    cancelled: Floats
    allowed: Floats

    @property
    def used(self) -> Floats:
        """All kinds together."""
        return self.placed + self.amended + self.cancelled


def read_requests(session: Session) -> Requests:
    """Raises NoDataError: no request was sent."""
    session.require("orders")
    first, last = bounds_ns(session)
    step = max((last - first) // POINTS, 1)
    kinds = session.names("action")
    rows = session.read(
        "orders", "SELECT (decided_ns - ?) / ? AS at, kind, count(*) AS n FROM orders GROUP BY 1, 2", (first, step)
    )
    if len(rows["at"]) == 0:
        raise NoDataError("no request was sent")
    count = (last - first) // step + 1
    made = np.zeros((len(kinds), count))
    np.add.at(made, (rows["kind"], np.clip(rows["at"], 0, count - 1)), rows["n"])
    made = np.cumsum(made, axis=1)
    traded = np.zeros(count)
    if session.has("fills"):
        fills = session.read("fills", "SELECT (recv_ns - ?) / ? AS at, px * qty AS micro FROM fills", (first, step))
        np.add.at(traded, np.clip(fills["at"], 0, count - 1), fills["micro"] / MICRO)
    t_ns = first + step * np.arange(1, count + 1)
    cancelled = made[kinds.index("cancel")] + made[kinds.index("cancel_all")]
    allowed = session.config.quota.initial_requests + np.cumsum(traded)
    return Requests(t_ns, made[kinds.index("place")], made[kinds.index("amend")], cancelled, allowed)
