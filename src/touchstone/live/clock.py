"""The trader's time. The only place of the trading shell that reads a clock."""

import time

NS = 1_000_000_000


class Clock:
    """Nanoseconds since 1970 that never run backwards: the wall's time at the start, carried on by the monotonic clock.

    A local exchange may run `speed` times faster than the wall from a time of its own, `start_ns`.
    """

    def __init__(self, *, speed: float = 1.0, start_ns: int | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"speed {speed}: must be above zero")
        self.speed = speed
        self._start_ns = time.time_ns() if start_ns is None else start_ns
        self._begin_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Now."""
        return self._start_ns + round((time.monotonic_ns() - self._begin_ns) * self.speed)

    def now_ms(self) -> int:
        """Now, in milliseconds."""
        return self.now_ns() // 1_000_000

    def wall_s(self, ns: int) -> float:
        """Seconds of the wall that `ns` of this clock take."""
        return ns / self.speed / NS

    def until_s(self, at_ns: int) -> float:
        """Seconds of the wall until `at_ns`; negative where it is past."""
        return self.wall_s(at_ns - self.now_ns())


def monotonic_s() -> float:
    """Seconds of the wall, for intervals."""
    return time.monotonic()


def wall_ns() -> int:
    """The wall's time, for what people read."""
    return time.time_ns()
