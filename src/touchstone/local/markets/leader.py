"""The leading venue's touch of an agents' market: rows that its feed writes for the reference (exchange/feed.py)."""

from typing import Any, NamedTuple

from touchstone.core.conventions import MS
from touchstone.exchange import feed


class LeaderTick(NamedTuple):
    """The leader's touch from `time_ms` on: prices and the size that each side shows, in the coin's units."""

    time_ms: int
    bid: int
    ask: int
    qty: int


class LeaderRows:
    """Takes the leader's rows out of a market's feed as they arrive; the venue's own rows are nobody's here."""

    def __init__(self, worlds: Any) -> None:
        self._feed = worlds["feed"]
        self._feed["is_on"] = 1
        self._rows = self._feed["leader"]
        self._ring = self._rows["ring"][0]

    def until(self, now_ms: int) -> list[LeaderTick]:
        """Ticks that have come by now: each is a pair of rows, bid then ask."""
        self._feed["rows"]["n"] = 0
        head, n = int(self._rows["head"][0]), int(self._rows["n"][0])
        ticks = []
        while n >= 2:
            bid, ask = (self._ring[(head + row) & (feed.MAX_LEADER_ROWS - 1)] for row in range(2))
            if int(ask["recv_ns"]) > now_ms * MS:
                break
            ticks.append(LeaderTick(int(bid["exch_ns"]) // MS, int(bid["px"]), int(ask["px"]), int(bid["qty"])))
            head, n = head + 2, n - 2
        self._rows["head"], self._rows["n"] = head, n
        return ticks
