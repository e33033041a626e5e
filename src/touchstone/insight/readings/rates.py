"""Rates of a session per hour, with intervals from stretches of its time."""

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import Estimate
from touchstone.insight.readings.folder import NS, NoDataError
from touchstone.insight.readings.path import bounds_ns
from touchstone.insight.readings.readings import Readings

STRETCHES, SHORTEST_S = 60, 60
Floats = NDArray[np.float64]


def _edges(readings: Readings) -> NDArray[np.int64]:
    """Bounds of equal stretches of the session, ns."""
    first, last = bounds_ns(readings.session)
    count = int(min(max((last - first) // (SHORTEST_S * NS), 1), STRETCHES))
    edges: NDArray[np.int64] = np.linspace(first, last, count + 1).astype(np.int64)
    return edges


def _per_hour(amounts: Floats, edges: NDArray[np.int64]) -> Estimate:
    hours = np.diff(edges) / (3600 * NS)
    return clustered.of_blocks(amounts, hours, n=len(amounts))


def fills_per_hour(readings: Readings) -> Estimate:
    """Number of fills."""
    edges = _edges(readings)
    return _per_hour(np.histogram(readings.fills.t_ns, edges)[0].astype(np.float64), edges)


def volume_per_hour(readings: Readings) -> Estimate:
    """Notional traded, collateral."""
    edges = _edges(readings)
    made = np.histogram(readings.fills.t_ns, edges, weights=readings.fills.notional)[0]
    return _per_hour(made.astype(np.float64), edges)


def requests_per_hour(readings: Readings) -> Estimate:
    """Requests sent."""
    edges, found = _edges(readings), readings.requests
    used = np.interp(edges, found.t_ns, found.used)
    used[0] = 0.0
    return _per_hour(np.diff(used), edges)


def pnl_per_hour(readings: Readings) -> Estimate:
    """Profit and loss, collateral."""
    edges, money = _edges(readings), readings.money
    if len(money.t_ns) < 2:
        raise NoDataError("too short for a path of the profit")
    at = np.clip(np.searchsorted(money.t_ns, edges, side="right") - 1, 0, len(money.t_ns) - 1)
    total = money.total[at]
    total[0] = 0.0
    return _per_hour(np.diff(total), edges)
