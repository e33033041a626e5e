"""Candles of every interval, from the trades as they come."""

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from touchstone.venues.hyperliquid import shapes

if TYPE_CHECKING:
    from touchstone.local.coin import Coin

_MINUTE = 60_000
_DAY = 1_440 * _MINUTE
WEEK_START = 4 * _DAY  # 1970-01-05 was a Monday
INTERVALS = {
    "1m": _MINUTE, "3m": 3 * _MINUTE, "5m": 5 * _MINUTE, "15m": 15 * _MINUTE, "30m": 30 * _MINUTE, "1h": 60 * _MINUTE,
    "2h": 120 * _MINUTE, "4h": 240 * _MINUTE, "8h": 480 * _MINUTE, "12h": 720 * _MINUTE, "1d": _DAY, "3d": 3 * _DAY,
    "1w": 7 * _DAY, "1M": 0,
}  # fmt: skip


def bounds(interval: str, now_ms: int) -> tuple[int, int]:
    """First and last ms of the candle that holds a time."""
    length = INTERVALS[interval]
    if length:
        offset = WEEK_START if interval == "1w" else 0
        start = (now_ms - offset) // length * length + offset
        return start, start + length - 1
    day = datetime.fromtimestamp(now_ms / 1000, UTC)
    first = datetime(day.year, day.month, 1, tzinfo=UTC)
    following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return round(first.timestamp() * 1000), round(following.timestamp() * 1000) - 1


class _Candle:
    __slots__ = ("close", "end_ms", "high", "low", "n", "open", "start_ms", "volume")

    def __init__(self, start_ms: int, end_ms: int, px: int) -> None:
        self.start_ms, self.end_ms = start_ms, end_ms
        self.open = self.close = self.high = self.low = px
        self.volume = 0
        self.n = 0


class Candles:
    """Of one coin; the newest `kept` per interval. An interval without a trade has no candle."""

    def __init__(self, coin: "Coin", kept: int) -> None:
        self._coin = coin
        self._rows: dict[str, deque[_Candle]] = {interval: deque(maxlen=kept) for interval in INTERVALS}

    def add(self, px: int, qty: int, now_ms: int) -> None:
        """A trade."""
        for interval, rows in self._rows.items():
            if rows and now_ms <= rows[-1].end_ms:
                candle = rows[-1]
            else:
                candle = _Candle(*bounds(interval, now_ms), px)
                rows.append(candle)
            candle.close = px
            candle.high = max(candle.high, px)
            candle.low = min(candle.low, px)
            candle.volume += qty
            candle.n += 1

    def between(self, interval: str, start_ms: int, end_ms: int) -> list[shapes.Candle]:
        """Candles that touch the span, oldest first; none for an unknown interval."""
        rows = self._rows.get(interval, ())
        return [self._shown(interval, row) for row in rows if row.end_ms >= start_ms and row.start_ms <= end_ms]

    def newest(self, interval: str) -> shapes.Candle | None:
        """The candle of the last trade."""
        rows = self._rows.get(interval)
        return self._shown(interval, rows[-1]) if rows else None

    def _shown(self, interval: str, row: _Candle) -> shapes.Candle:
        coin = self._coin
        return shapes.Candle(
            open_time=row.start_ms, close_time=row.end_ms, coin=coin.name, interval=interval,
            open=coin.px_text(row.open), close=coin.px_text(row.close), high=coin.px_text(row.high),
            low=coin.px_text(row.low), volume=coin.sz_text(row.volume), n_trades=row.n,
        )  # fmt: skip
