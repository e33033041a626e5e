"""How much the leader's moves say of ours, in nats, at each lag of a family; whether it is more than chance; its decay.

From both mids every 0.1 s: our moves over seconds that do not overlap against the leader's moves over a second that
begins `lag` earlier (one sign: a positive lag = the reference leads). Cells are 8 x 8 quantiles. Plug-in information is
biased up by about (cells - 1)^2 / 2n; Miller (1955) and Madow take off what the numbers of occupied cells say. The
largest of a family of lags is large by chance, so the null is that of the largest: our moves, circularly shifted
against the leader's by at least a minute, looked through at every lag alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.paired import t_quantile

PER_S = 10  # samples of both mids
BINS = 8
LAGS = tuple(range(-PER_S, PER_S + 1))  # in samples: -1 to 1 s
FEWEST = 600  # seconds
LEAST_SHIFT = 60  # seconds
SHIFTS = 200
BLOCKS = 20  # of the jackknife
DAY_SECONDS = 7200  # per estimate of a day: the bias that is left depends on n, so all days have the same
FEWEST_DAYS = 5
Z90 = 1.6448536269514722

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Information:
    """Miller-Madow information at the best lag of the family, nats; `null95`: what chance alone reaches in 1 of 20."""

    nats: float
    low: float  # 90 %, block jackknife
    high: float
    lag_s: float
    null95: float
    p: float
    n: int  # seconds


@dataclass(frozen=True, slots=True)
class Decay:
    """Slope of the daily information, nats per day (negative: it decays), with its 90 % t interval."""

    per_day: float
    low: float
    high: float
    days: int


def cells(values: Floats, bins: int = BINS) -> Ints:
    """Quantile cell of each value, 0 to bins - 1; equal values share a cell."""
    edges = np.quantile(values, np.arange(1, bins) / bins)
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def miller_madow(x: Ints, y: Ints, bins: int = BINS) -> float:
    """Bias-corrected mutual information of two series of cells (0 to bins - 1), nats."""
    n = len(x)
    joint = np.bincount(x * bins + y, minlength=bins * bins).reshape(bins, bins)
    of_x, of_y = joint.sum(axis=1), joint.sum(axis=0)
    taken = joint > 0
    expected = np.outer(of_x, of_y)[taken] / n
    plug_in = float((joint[taken] * np.log(joint[taken] / expected)).sum()) / n
    occupied = (of_x > 0).sum() - 1 + (of_y > 0).sum() - 1 - (taken.sum() - 1)
    return plug_in + float(occupied) / (2 * n)


def family(leader: Floats, ours: Floats) -> tuple[Ints, Ints]:
    """(cells of the leader's moves [lags, seconds], of ours [seconds]) from ln mids each 0.1 s, NaN where unknown."""
    reach = PER_S
    at = np.arange(reach, len(ours) - PER_S - reach, PER_S)
    y = ours[at + PER_S] - ours[at]
    x = np.array([leader[at + PER_S - lag] - leader[at - lag] for lag in LAGS]).reshape(len(LAGS), len(at))
    known = np.isfinite(y) & np.isfinite(x).all(axis=0)
    if not known.any():
        return np.zeros((len(LAGS), 0), np.int64), np.zeros(0, np.int64)
    return np.array([cells(row) for row in x[:, known]]), cells(y[known])


def at_each_lag(x: Ints, y: Ints) -> Floats:
    """Information at every lag of the family."""
    return np.array([miller_madow(row, y) for row in x])


def information(leader: Floats, ours: Floats, *, shifts: int = SHIFTS, seed: int = 0) -> Information | None:
    """Information at the best lag, its interval and its p-value over the whole family; None under ten minutes."""
    x, y = family(leader, ours)
    n = len(y)
    if n < FEWEST:
        return None
    found = at_each_lag(x, y)
    best = int(np.argmax(found))
    rng = np.random.default_rng(seed)
    by = rng.integers(LEAST_SHIFT, n - LEAST_SHIFT, shifts)
    null = np.array([at_each_lag(x, np.roll(y, shift)).max() for shift in by])
    blocks = np.arange(n) * BLOCKS // n
    without = np.array([miller_madow(x[best][blocks != b], y[blocks != b]) for b in range(BLOCKS)])
    se = math.sqrt((BLOCKS - 1) / BLOCKS * float(((without - without.mean()) ** 2).sum()))
    nats = float(found[best])
    return Information(
        nats=nats,
        low=nats - Z90 * se,
        high=nats + Z90 * se,
        lag_s=LAGS[best] / PER_S,
        null95=float(np.quantile(null, 0.95)),
        p=(1 + int((null >= nats).sum())) / (shifts + 1),
        n=n,
    )


def of_day(leader: Floats, ours: Floats) -> Floats | None:
    """Information at each lag from a fixed number of seconds, spread over the day; None where there are fewer."""
    x, y = family(leader, ours)
    if len(y) < DAY_SECONDS:
        return None
    chosen = np.linspace(0, len(y) - 1, DAY_SECONDS).astype(np.int64)
    return at_each_lag(x[:, chosen], y[chosen])


def decay(days: Floats, nats: Floats) -> Decay | None:
    """Slope of daily information over days (number of the day, nats); None under five days."""
    if len(days) < FEWEST_DAYS:
        return None
    off = days - days.mean()
    square = float((off * off).sum())
    slope = float((off * nats).sum()) / square
    rest = nats - nats.mean() - slope * off
    dof = len(days) - 2
    wide = t_quantile(0.95, dof) * math.sqrt(float((rest * rest).sum()) / dof / square)
    return Decay(per_day=slope, low=slope - wide, high=slope + wide, days=len(days))
