"""What the venue allows an address (IP), kept by sums over the last minute (hyperliquid.md 12.1)."""

from collections import deque
from dataclasses import dataclass, field

from touchstone.clients.websocket import Patience

MINUTE_S = 61.0  # a second more than the venue's: what was sent before may have arrived later than what is sent now


@dataclass(frozen=True, slots=True)
class Limits:
    """The venue's limits of one IP, of which other processes on it need their share, and this client's times in s."""

    weight_per_minute: int = 1_200
    weight_kept_for_actions: int = 200  # info requests leave so much of it
    messages_per_minute: int = 2_000
    posts_in_flight: int = 100
    kept_for_cancels: int = 20  # orders leave so much of each limit, so that they can always be taken back
    post_s: float = 10.0  # an action unanswered for so long has an unknown outcome
    info_s: float = 10.0  # one try of an info request
    info_tries: int = 6
    start_s: float = 30.0  # in which `start` must have brought the connection up
    patience: Patience = field(default_factory=Patience)


class Entry:
    """Something counted: when, and how much."""

    __slots__ = ("amount", "at_s")

    def __init__(self, at_s: float, amount: int) -> None:
        self.at_s = at_s
        self.amount = amount


class Window:
    """Sum over the last minute, never above `limit`. Times in s, passed in."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: deque[Entry] = deque()
        self._sum = 0

    def total(self, now_s: float) -> int:
        """What the last minute sums to."""
        entries = self._entries
        while entries and entries[0].at_s <= now_s - MINUTE_S:
            self._sum -= entries.popleft().amount
        return self._sum

    def take(self, amount: int, now_s: float, keep: int = 0) -> Entry | None:
        """Count `amount` now, unless less than `keep` of the limit would be left: then None."""
        if self.total(now_s) + amount > self.limit - keep:
            return None
        entry = Entry(now_s, amount)
        self._entries.append(entry)
        self._sum += amount
        return entry

    def add(self, amount: int, now_s: float) -> None:
        """Count what has to be done in any case."""
        self._entries.append(Entry(now_s, amount))
        self._sum += amount

    def settle(self, entry: Entry, amount: int, now_s: float) -> None:
        """An entry was in truth this much, and at the venue at the latest now."""
        self.total(now_s)
        if entry.at_s > now_s - MINUTE_S:  # not gone yet
            self._sum -= entry.amount
            entry.amount = 0
        self.add(amount, now_s)

    def wait_s(self, amount: int, now_s: float, keep: int = 0) -> float:
        """How long until `amount` may be taken; infinite where it is more than may ever be."""
        room = self.limit - keep - amount
        if room < 0:
            return float("inf")
        left = self.total(now_s)
        end_s = now_s
        for entry in self._entries:
            if left <= room:
                break
            left -= entry.amount
            end_s = entry.at_s + MINUTE_S
        return end_s - now_s
