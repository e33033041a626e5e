"""Nonces: the venue's rule, and a client's that never repeat. Times in ms, passed in."""

from bisect import bisect_left, insort
from threading import Lock

from touchstone.venues.hyperliquid.errors import NONCE_DUPLICATE, NONCE_TOO_HIGH, NONCE_TOO_LOW

DAY_MS = 86_400_000
KEPT = 100


class UsedNonces:
    """Nonces used by one signing key: the 100 highest are kept; a new one is unused and above the least kept.

    The rule is applied to the letter also while fewer than 100 are kept. The window is (T - 2 days, T + 1 day).
    """

    def __init__(self) -> None:
        self._kept: list[int] = []  # ascending

    def refusal(self, nonce: int, now_ms: int) -> str | None:
        """Why `nonce` is refused at block time `now_ms`, as the venue says it; None where it is good."""
        if nonce <= now_ms - 2 * DAY_MS:
            return NONCE_TOO_LOW.render(nonce=nonce, bound=now_ms - 2 * DAY_MS)
        if nonce >= now_ms + DAY_MS:
            return NONCE_TOO_HIGH.render(nonce=nonce, bound=now_ms + DAY_MS)
        at = bisect_left(self._kept, nonce)
        if at < len(self._kept) and self._kept[at] == nonce:
            return NONCE_DUPLICATE.render(nonce=nonce)
        if at == 0 and self._kept:
            return NONCE_TOO_LOW.render(nonce=nonce, bound=self._kept[0])
        return None

    def use(self, nonce: int, now_ms: int) -> str | None:
        """Take `nonce`, or say why not; a refused one consumes nothing."""
        refusal = self.refusal(nonce, now_ms)
        if refusal is None:
            insort(self._kept, nonce)
            del self._kept[:-KEPT]
        return refusal


class NonceCounter:
    """Nonces of one signing key: strictly increasing, in step with the clock; one counter per key, any thread."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._lock = Lock()

    def next(self, now_ms: int) -> int:
        """A nonce above all before it, `now_ms` where that is free."""
        with self._lock:
            self._last = max(self._last + 1, now_ms)
            return self._last

    def pass_over(self, nonce: int) -> None:
        """Only nonces above this one from now on: the venue knows of it."""
        with self._lock:
            self._last = max(self._last, nonce)
