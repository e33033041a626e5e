"""Request budget of a user: 10,000 actions and one for each unit of collateral traded (hyperliquid.md 12.2)."""

from collections.abc import Callable
from dataclasses import dataclass

from touchstone.local.server.refusals import ActionRefused
from touchstone.venues.hyperliquid.errors import ADDRESS_LIMIT
from touchstone.venues.hyperliquid.info import RateLimit

MICRO = 1_000_000
CANCEL_EXTRA = 100_000
STALE_COST = 5  # of an action that expired before it was executed


@dataclass(slots=True)
class _Use:
    used: int = 0
    reserved: int = 0
    last_ms: int = 0  # of the last action that was let through over budget


class Budgets:
    """Counts actions per user; `volume_of` gives the volume traded since inception, micro of collateral."""

    def __init__(self, buffer: int, interval_s: float, volume_of: Callable[[str], int]) -> None:
        self.buffer = buffer
        self.interval_ms = int(1_000 * interval_s)
        self.is_exhausted = False  # fault: everybody is over budget
        self._volume_of = volume_of
        self._users: dict[str, _Use] = {}

    def admit(self, user: str, n: int, now_ms: int, *, is_cancel: bool) -> None:
        """Charge `n` requests. Over budget one action per interval passes, else ActionRefused, which costs nothing."""
        use = self._users.setdefault(user, _Use())
        volume = self._volume_of(user)
        cap = self.buffer + volume // MICRO + use.reserved
        ceiling = min(cap + CANCEL_EXTRA, 2 * cap) if is_cancel else cap
        if use.used + n > ceiling or self.is_exhausted:
            if now_ms < use.last_ms + self.interval_ms or self.is_exhausted:
                text = ADDRESS_LIMIT.render(used=use.used + n, cap=ceiling, volume=_text(volume))
                raise ActionRefused(text)
            use.last_ms = now_ms
        use.used += n

    def charge(self, user: str, n: int) -> None:
        """Charge what was not asked before: a stale action, an order that failed by itself."""
        self._users.setdefault(user, _Use()).used += n

    def reserve(self, user: str, n: int) -> None:
        """Requests bought with `reserveRequestWeight`."""
        self._users.setdefault(user, _Use()).reserved += n

    def rate_limit(self, user: str) -> RateLimit:
        """Answer to `userRateLimit`."""
        use = self._users.get(user, _Use())
        volume = self._volume_of(user)
        return RateLimit(
            cum_vlm=_text(volume),
            n_requests_used=max(0, use.used - use.reserved),
            n_requests_cap=self.buffer + volume // MICRO,
            n_requests_surplus=max(0, use.reserved - use.used),
        )


def _text(micro: int) -> str:
    """Volume with two decimals, cut."""
    return f"{micro // MICRO}.{micro % MICRO // 10_000:02d}"
