"""What a session learned of the reference venue: its lag by the minute, the information in its moves, their decay."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from touchstone.core.conventions import NS
from touchstone.core.market.leadlag import REFERENCE_NAMES
from touchstone.insight import mutual_information as mi

SAMPLE_NS = NS // mi.PER_S
DAY = 86_400 * mi.PER_S  # samples
KEPT = DAY // 4  # newest samples that the result's information comes from


class LeadLag:
    """A sink for the tables `pairs` (both mids each timer) and `lags` (one row a minute). Memory holds one day."""

    def __init__(self) -> None:
        self._pairs: list[Any] = []  # of the day: sample number, ln of our mid, ln of the leader's
        self._day = -1
        self._daily: list[tuple[int, Any]] = []  # number of the day, information at each lag
        self._minutes: list[tuple[int, float, float]] = []  # lag (ns), rho, llr
        self._newest: Any = None  # row of `lags`

    def take(self, table: str, rows: Any) -> None:
        """Keep what concerns the reference."""
        if table == "lags":
            for row in rows:
                self._minutes.append((int(row["lag_ns"]), float(row["rho"]), float(row["llr"])))
                self._newest = row.copy()
        elif table == "pairs":
            rows = np.asarray(rows).view(np.ndarray)
            number = rows["t_ns"] // SAMPLE_NS
            chunk = np.stack([number.astype(np.float64), np.log(rows["mid2"]), np.log(rows["leader_mid2"])])
            for day in np.unique(number // DAY):
                self._turn_day(int(day))
                self._pairs.append(chunk[:, number // DAY == day])

    def _turn_day(self, day: int) -> None:
        if day != self._day and self._pairs:
            found = mi.of_day(*self._grid())
            if found is not None:
                self._daily.append((self._day, found))
            self._pairs = []
        self._day = day

    def _grid(self, newest: int | None = None) -> tuple[Any, Any]:
        """(ln of the leader's mid, of ours) each 0.1 s, NaN where there was none."""
        numbers, ours, leader = np.concatenate(self._pairs, axis=1)
        places = (numbers - numbers[0]).astype(np.int64)
        grid = np.full((2, int(places[-1]) + 1), math.nan)
        grid[0, places], grid[1, places] = leader, ours
        if newest is not None:
            grid = grid[:, -newest:]
        return grid[0], grid[1]

    def decay(self) -> mi.Decay | None:
        """Slope of the daily information at the lag where it is largest over all days; None until there are enough."""
        if len(self._daily) < mi.FEWEST_DAYS:
            return None
        daily = np.array([found for _, found in self._daily])
        best = int(np.argmax(daily.mean(axis=0)))
        return mi.decay(np.array([float(day) for day, _ in self._daily]), daily[:, best])

    def decay_per_day(self) -> float | None:
        """The slope alone, for the calibration line."""
        found = self.decay()
        return found.per_day if found else None

    def summary(self, state: Any) -> dict[str, Any]:
        """As documented in docs/json.md; None for what is not known."""
        found = mi.information(*self._grid(KEPT)) if self._pairs else None
        decay = self.decay()
        lags_s = np.array([lag_ns for lag_ns, _, _ in self._minutes]) / NS
        low, high = np.quantile(lags_s, [0.05, 0.95]) if len(lags_s) else (None, None)
        newest = self._newest
        return {
            "reference": REFERENCE_NAMES[int(state.market_params.reference)],
            "lag_s": None if newest is None else int(newest["mean_lag_ns"]) / NS,
            "lag_s_low": None if low is None else float(low),
            "lag_s_high": None if high is None else float(high),
            "tradable_lag_s": None if newest is None else float(newest["tradable_lag_ns"]) / NS,
            "rho": None if newest is None else float(newest["mean_rho"]),
            "llr": _median([llr for _, _, llr in self._minutes]),
            "minutes": len(self._minutes),
            "minutes_skipped": int(state.leadlag.n_minutes_skipped),
            "information": asdict(found) if found else None,
            "decay": asdict(decay) if decay else None,
            "days": len(self._daily),
        }


def _median(values: list[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else None
