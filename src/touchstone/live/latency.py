"""How long things take: counts in logarithmic classes, of constant size however long a session lasts."""

import math

import numpy as np

LEAST_S = 1e-7
PER_DECADE = 40  # classes: a quantile is exact to 6 %
DECADES = 9


class Latencies:
    """Durations in seconds."""

    def __init__(self) -> None:
        self._counts = np.zeros(PER_DECADE * DECADES + 1, np.int64)
        self.n = 0
        self.largest_s = 0.0

    def add(self, seconds: float) -> None:
        """One duration; below LEAST_S it counts as that."""
        at = int(PER_DECADE * math.log10(max(seconds, LEAST_S) / LEAST_S))
        self._counts[min(at, len(self._counts) - 1)] += 1
        self.n += 1
        self.largest_s = max(self.largest_s, seconds)

    def quantile(self, share: float) -> float | None:
        """The middle of the class that holds this share of the durations; None without any."""
        if self.n == 0:
            return None
        at = int(np.searchsorted(np.cumsum(self._counts), share * self.n))
        return min(float(LEAST_S * 10 ** ((at + 0.5) / PER_DECADE)), self.largest_s)

    def summary(self) -> dict[str, float | int | None]:
        """Number, median, p99 and largest, in microseconds."""
        quantiles = {name: self.quantile(share) for name, share in (("p50_us", 0.5), ("p99_us", 0.99))}
        told = {name: None if value is None else value * 1e6 for name, value in quantiles.items()}
        return {"n": self.n, **told, "largest_us": self.largest_s * 1e6 if self.n else None}
