"""A coin's public messages to rows of the event record, as the import of recordings makes them of the same messages.

What differs from the import: rows come in the order of arrival, with the receive time as it is handed in, and nothing
marks a silence of the feed. A message with one bad number is left out whole (the import keeps the good side of a
touch). A quote older than the newest quote of either kind is left out (the import puts both into exchange order). An
empty book is told, for then there is no market (the import takes it for a gap). A context has its receive time as
exchange time too. Numbers must be as the venue writes them: no exponent, no blanks.
"""

from collections import Counter, deque
from functools import lru_cache
from itertools import pairwise

from touchstone.data import layout
from touchstone.data.layout import EARLIEST_MS, LATEST_MS, MS, Row
from touchstone.venues.hyperliquid import numbers
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.shapes import AssetCtx, Bbo, Book, Level, Trade

RATE_DECIMALS = 12
KEPT_TIDS = 4096

# Quotes repeat most of their numbers from one message to the next.
_price = lru_cache(1 << 14)(numbers.parse_price)
_size = lru_cache(1 << 14)(numbers.parse_size)


class UnusableError(WireError):
    """A message that can be read and cannot be true; `reason` is a word to count it by."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class MarketRows:
    """Rows of one coin. Remembers which quote is the newest, and which trades it has given; `counts` what it left out.

    Every method gives rows, or raises WireError (UnusableError, NumberError) and then has changed nothing.
    """

    def __init__(self, sz_decimals: int, counts: Counter[str]) -> None:
        self.sz_decimals = sz_decimals
        self.px_decimals = numbers.PERP_DECIMALS - sz_decimals
        self.newest_quote_ms = 0
        self.first_quote_ms = LATEST_MS  # since the feed began: trades from before are old ones told again
        self.newest_trade_ms = 0
        self.bbo_ask_px = 0  # of the newest bbo; 0 without
        self._tids: set[int] = set()  # of the newest trades
        self._tids_in_order: deque[int] = deque()
        self._counts = counts

    def restart(self) -> None:
        """The feed begins anew: it will tell old trades again, and what happened in between is not told."""
        self.first_quote_ms = LATEST_MS
        self.bbo_ask_px = 0

    def book(self, book: Book, recv_ns: int) -> list[Row]:
        """SNAPSHOT_BEGIN, bids, asks, SNAPSHOT_END."""
        exch_ns = _time(book.time) * MS
        bids = self._levels(book.levels[0], 1)
        asks = self._levels(book.levels[1], -1)
        if bids and asks:
            _check_touch(bids[0][0], asks[0][0])
        if not self._is_newest(book.time):
            return []
        if not (bids and asks):
            self._counts["one_sided_book"] += 1
        begin = (exch_ns, recv_ns, 0, 0, 0, 0, layout.SNAPSHOT_BEGIN, 0, 0)
        end = (exch_ns, recv_ns, 0, 0, 0, 0, layout.SNAPSHOT_END, 0, 0)
        level = layout.BOOK_LEVEL
        return [
            begin,
            *[(exch_ns, recv_ns, px, qty, 0, 0, level, 1, 0) for px, qty in bids],
            *[(exch_ns, recv_ns, px, qty, 0, 0, level, -1, 0) for px, qty in asks],
            end,
        ]

    def bbo(self, bbo: Bbo, recv_ns: int) -> list[Row]:
        """Two BBO rows, the side that makes room first, or one where the other side is empty."""
        exch_ns = _time(bbo.time) * MS
        sides = [(side, *self._level(level)) for side, level in zip((1, -1), bbo.bbo, strict=True) if level is not None]
        if len(sides) == 2:
            _check_touch(sides[0][1], sides[1][1])
        if not self._is_newest(bbo.time):
            return []
        before_px, self.bbo_ask_px = self.bbo_ask_px, 0
        if len(sides) < 2:
            self._counts["one_sided"] += 1
        elif 0 < before_px <= sides[0][1]:
            sides.reverse()
        rows: list[Row] = []
        for number, (side, px, qty) in enumerate(sides):
            bits = layout.BIT_MORE if number + 1 < len(sides) else 0
            rows.append((exch_ns, recv_ns, px, qty, 0, 0, layout.BBO, side, bits))
            if side < 0:
                self.bbo_ask_px = px
        return rows

    def trades(self, trades: list[Trade], recv_ns: int) -> list[Row]:
        """TRADE rows in exchange order; those from before the feed began, and repeated ones, are left out, counted."""
        made: list[Row] = []
        for trade in trades:
            px, qty = _price(trade.px, self.sz_decimals), _size(trade.sz, self.sz_decimals)
            side = 1 if trade.side == "B" else -1
            made.append((_time(trade.time) * MS, recv_ns, px, qty, trade.tid, 0, layout.TRADE, side, 0))
        rows: list[Row] = []
        for row in sorted(made, key=lambda row: row[0]):
            if row[0] < self.first_quote_ms * MS:
                self._counts["backfill_trade"] += 1
            elif self.has_trade(row[4]):
                self._counts["duplicate_trade_id"] += 1
            else:
                if row[0] < self.newest_trade_ms * MS:
                    self._counts["trade_reordered"] += 1
                self.know_trade(row[0] // MS, row[4])
                rows.append(row)
        return rows

    def know_trade(self, time_ms: int, tid: int) -> None:
        """A trade was given."""
        self.newest_trade_ms = max(self.newest_trade_ms, time_ms)
        self._tids.add(tid)
        self._tids_in_order.append(tid)
        if len(self._tids_in_order) > KEPT_TIDS:
            self._tids.discard(self._tids_in_order.popleft())

    def has_trade(self, tid: int) -> bool:
        """Whether a trade was given lately."""
        return tid in self._tids

    def context(self, ctx: AssetCtx, recv_ns: int) -> list[Row]:
        """CONTEXT; oracle and mark may be finer than a price, and are cut."""
        oracle_px = numbers.parse_cut(ctx.oracle_px, self.px_decimals, "oracle price")
        mark_px = numbers.parse_cut(ctx.mark_px, self.px_decimals, "mark price")
        rate = numbers.parse_cut(ctx.funding, RATE_DECIMALS, "funding rate")
        if oracle_px <= 0 or mark_px <= 0:
            raise UnusableError("bad_context", f"oracle {ctx.oracle_px!r}, mark {ctx.mark_px!r}: must be above zero")
        return [(recv_ns, recv_ns, oracle_px, mark_px, rate, 0, layout.CONTEXT, 0, 0)]

    def _levels(self, levels: list[Level], side: int) -> list[tuple[int, int]]:
        made = [self._level(level) for level in levels]
        for better, worse in pairwise(made):
            if (better[0] - worse[0]) * side <= 0:
                raise UnusableError("level_order", f"level {worse[0]} after {better[0]}: levels are not best first")
        return made

    def _level(self, level: Level) -> tuple[int, int]:
        return _price(level.px, self.sz_decimals), _size(level.sz, self.sz_decimals)

    def _is_newest(self, time_ms: int) -> bool:
        if time_ms < self.newest_quote_ms:
            self._counts["time_back"] += 1
            return False
        self.newest_quote_ms = time_ms
        self.first_quote_ms = min(self.first_quote_ms, time_ms)
        return True


def _time(time_ms: int) -> int:
    if not EARLIEST_MS <= time_ms <= LATEST_MS:
        raise UnusableError("bad_time", f"time {time_ms} ms is not between 2020 and 2100")
    return time_ms


def _check_touch(bid_px: int, ask_px: int) -> None:
    if bid_px >= ask_px:
        reason = "locked_book" if bid_px == ask_px else "crossed_book"
        raise UnusableError(reason, f"bid {bid_px} against ask {ask_px} (price units)")
