"""Exchange time: the wall's, from a start and at a speed. The only place of the local exchange that reads a clock."""

import time

SAME_MS = 1_000  # clocks no farther apart than this are one


class Clock:
    """Times in ms since 1970. `skew_ms` is how far exchange time is ahead of where it belongs (a fault)."""

    def __init__(self, start_ms: float, speed: float, skew_ms: int = 0) -> None:
        self.start_ms = start_ms
        self.speed = speed
        self.skew_ms = skew_ms
        self._begin_s = time.monotonic()

    def restart(self, start_ms: float | None = None) -> None:
        """Exchange time is `start_ms` now; the wall's without."""
        self.start_ms = self.wall_ms() if start_ms is None else start_ms
        self._begin_s = time.monotonic()

    def now_ms(self) -> float:
        """Exchange time."""
        return self.start_ms + self.skew_ms + 1e3 * (time.monotonic() - self._begin_s) * self.speed

    def wait_s(self, exchange_ms: float) -> float:
        """Seconds of the wall until exchange time `exchange_ms`; negative where it is past."""
        return (exchange_ms - self.now_ms()) / (1e3 * self.speed)

    def wall_ms(self) -> float:
        """The wall's time, as clients see it."""
        return 1e3 * time.time()

    def client_ms(self, nonce: int) -> float:
        """Now by the clock that a client goes by, told by its nonce: exchange time, or the wall's.

        They differ where a recorded market is served or the speed is not 1.
        """
        exchange, wall = self.now_ms(), self.wall_ms() + self.skew_ms
        return wall if abs(nonce - wall) < abs(nonce - exchange) else exchange

    def exchange_ms(self, client_ms: int, nonce: int) -> int:
        """A time that a client named, as exchange time."""
        now, client = self.now_ms(), self.client_ms(nonce)
        if abs(now - client) < SAME_MS:
            return client_ms
        return round(now + (client_ms - client) * self.speed)


def monotonic_s() -> float:
    """Seconds for intervals: limits of client addresses, silence, lateness."""
    return time.monotonic()
