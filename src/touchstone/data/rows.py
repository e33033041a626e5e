"""Columns of text to rows of integers; a row with a bad field is dropped, counted and its first bad field named."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone.data import units
from touchstone.data.layout import EARLIEST_MS, LATEST_MS, MS, Ints
from touchstone.data.quality import Quality
from touchstone.data.recording import Stream
from touchstone.data.units import Coin

_REASON = {
    units.EMPTY: "missing_value",
    units.NON_NUMERIC: "non_numeric",
    units.NAN: "nan",
    units.NEGATIVE: "negative",
    units.ZERO: "zero",
    units.TOO_LARGE: "too_large",
}

# Reasons as small numbers, so that a column of them is an array; 0 = good.
_NAMES = {1 + i: name for i, name in enumerate(
    [*_REASON.values(), "off_grid_price", "off_grid_size", "bad_side", "bad_time"]
)}  # fmt: skip
_INDEX = {name: index for index, name in _NAMES.items()}
_MISSING, BAD_SIDE, BAD_TIME = _INDEX["missing_value"], _INDEX["bad_side"], _INDEX["bad_time"]
_CODE_TO_REASON: Ints = np.array([_INDEX[_REASON[c]] if c in _REASON else 0 for c in range(8)], np.int64)


@dataclass
class Rows:
    """Good rows of one stream as integers; `side` is that of the touch or of the taker, 0 in a book."""

    stream: Stream
    at: Ints  # row in the stream's table
    exch_ns: Ints
    recv_ns: Ints
    px: Ints  # (n,) or (n, 2, levels)
    qty: Ints
    side: Ints
    trade_id: Ints

    def __len__(self) -> int:
        return len(self.at)

    def take(self, keep: Any) -> "Rows":
        return Rows(
            self.stream,
            self.at[keep],
            self.exch_ns[keep],
            self.recv_ns[keep],
            self.px[keep],
            self.qty[keep],
            self.side[keep],
            self.trade_id[keep],
        )


class RowReader:
    """Reads the streams of one coin; `quality` collects what was dropped."""

    def __init__(self, coin: Coin, quality: Quality, five_figures: bool = True) -> None:
        self.coin = coin
        self.five_figures = five_figures  # whether prices are on Hyperliquid's grid
        self.quality = quality

    def parse(self, stream: Stream) -> Rows:
        """Text to integers; rows with a bad field go, named by their first bad field."""
        n = len(stream.table)
        codes: list[tuple[str, Ints]] = []  # (column, reason index; 0 = good)
        exch = self._number(stream, "exchange_timestamp", 0, codes)
        recv = self._number(stream, "timestamp", stream.recv_decimals, codes, cut=True)
        codes.append(("exchange_timestamp", np.where((exch < EARLIEST_MS) | (exch > LATEST_MS), BAD_TIME, 0)))
        side = np.zeros(n, np.int64)
        trade_id = np.zeros(n, np.int64)
        if stream.name == "book":
            px, qty = self._levels(stream, codes)
        else:
            px = self._price(stream, "price", codes)
            qty = self._number(stream, "size", self.coin.sz_decimals, codes, fine="off_grid_size")
            up, down = ("bid", "ask") if stream.name == "bbo" else ("buy", "sell")
            text = stream.table["side"].fill_null("").str.strip_chars().str.to_lowercase().to_numpy()
            side = np.where(text == up, 1, np.where(text == down, -1, 0))
            codes.append(("side", np.where(side == 0, BAD_SIDE, 0)))
            if stream.name == "trades":
                trade_id = self._number(stream, "trade_id", 0, codes)
        good = self._drop_bad(stream, codes)
        rows = Rows(stream, np.arange(n), exch * MS, recv, px, qty, side, trade_id).take(good)
        if stream.name == "book":
            return self._ordered_levels(rows)
        return self._uncrossed(rows) if stream.name == "bbo" else rows

    def _number(
        self,
        stream: Stream,
        column: str,
        decimals: int,
        codes: list[tuple[str, Ints]],
        fine: str = "non_numeric",
        cut: bool = False,
    ) -> Ints:
        values, found = units.parse_units(stream.table[column], decimals)
        reasons = _CODE_TO_REASON[found].copy()
        reasons[found == units.TOO_FINE] = 0 if cut else _INDEX[fine]
        codes.append((column, reasons))
        return values

    def _price(self, stream: Stream, column: str, codes: list[tuple[str, Ints]]) -> Ints:
        px = self._number(stream, column, self.coin.px_decimals, codes, fine="off_grid_price")
        if self.five_figures:
            off = (px > 0) & (px % units.tick_of(px, self.coin.sz_decimals) != 0)
            codes[-1][1][off] = _INDEX["off_grid_price"]
        return px

    def _levels(self, stream: Stream, codes: list[tuple[str, Ints]]) -> tuple[Ints, Ints]:
        """px, qty (n, 2, levels); levels empty to the end of a side are absent, not bad."""
        n = len(stream.table)
        px = np.zeros((n, 2, stream.levels), np.int64)
        qty = np.zeros_like(px)
        for s, side in enumerate(("bid", "ask")):
            absent = np.ones(n, bool)
            for i in range(stream.levels - 1, -1, -1):
                px[:, s, i] = self._price(stream, f"{side}_price_{i}", codes)
                size = self._number(stream, f"{side}_size_{i}", self.coin.sz_decimals, codes, fine="off_grid_size")
                qty[:, s, i] = size
                absent &= (codes[-1][1] == _MISSING) & (codes[-2][1] == _MISSING)
                codes[-1][1][absent] = 0
                codes[-2][1][absent] = 0
        empty = (px[:, :, 0] == 0).all(axis=1)
        codes.append(("bid_price_0", np.where(empty, _MISSING, 0)))
        return px, qty

    def _drop_bad(self, stream: Stream, codes: list[tuple[str, Ints]]) -> Ints:
        """Count each bad row once, by its first bad field. Returns the good rows."""
        reason = np.zeros(len(stream.table), np.int64)
        column = np.zeros(len(stream.table), np.int64)
        for index, (_, found) in enumerate(codes):
            new = (reason == 0) & (found != 0)
            reason[new] = found[new]
            column[new] = index
        for code in np.unique(reason[reason > 0]):
            bad = np.flatnonzero(reason == code)
            name = codes[int(column[bad[0]])][0]
            self.note(_NAMES[int(code)], stream, bad, f"{name}={stream.table[name][int(bad[0])]}")
        return np.flatnonzero(reason == 0)

    def note(self, reason: str, stream: Stream, at: Ints, value: object) -> None:
        """Count rows `at` of a stream under `reason`, with the value of the first."""
        if len(at):
            self.quality.add(reason, stream.file, stream.line[at], [value])

    def drop(self, rows: Rows, bad: Any, reason: str, values: Any) -> Rows:
        """Rows without the bad ones, which are counted under `reason`."""
        bad = np.asarray(bad, bool)
        if bad.any():
            self.note(reason, rows.stream, rows.at[bad], np.asarray(values)[bad][0])
        return rows.take(~bad)

    def _ordered_levels(self, rows: Rows) -> Rows:
        """Books with levels best first and bid below ask."""
        bid, ask = rows.px[:, 0], rows.px[:, 1]
        wrong = ((np.diff(bid) >= 0) & (bid[:, 1:] > 0)).any(axis=1)
        wrong |= ((np.diff(ask) <= 0) & (ask[:, 1:] > 0)).any(axis=1)
        rows = self.drop(rows, wrong, "level_order", bid[:, 0])
        both = (rows.px[:, :, 0] > 0).all(axis=1)
        self.note("one_sided_book", rows.stream, rows.at[~both], "no bid or no ask")
        crossed = both & (rows.px[:, 0, 0] > rows.px[:, 1, 0])
        locked = both & (rows.px[:, 0, 0] == rows.px[:, 1, 0])
        best = rows.px[:, 0, 0]
        rows = self.drop(rows, crossed, "crossed_book", best)
        return self.drop(rows, locked[~crossed], "locked_book", best[~crossed])

    def _uncrossed(self, rows: Rows) -> Rows:
        """Touches whose two rows do not cross."""
        first = pairs(rows)
        spread = (rows.px[first + 1] - rows.px[first]) * rows.side[first]
        for reason, bad in (("crossed_book", first[spread < 0]), ("locked_book", first[spread == 0])):
            if len(bad):
                bid, ask = rows.px[bad[0] : bad[0] + 2][:: int(rows.side[bad[0]])]
                both = np.sort(np.concatenate((bad, bad + 1)))
                self.note(reason, rows.stream, rows.at[both], f"bid={bid} ask={ask}")
        keep = np.ones(len(rows), bool)
        keep[first[spread <= 0]] = False
        keep[first[spread <= 0] + 1] = False
        return rows.take(keep)


def pairs(rows: Rows) -> Ints:
    """Positions of touch rows that are followed by the other side's row of the same message.

    Most recordings write the bid first, some either side first. Several messages may share both times: bid and ask are
    paired first, then what is left over.
    """
    if len(rows) < 2:
        return np.zeros(0, np.int64)
    same = (rows.exch_ns[1:] == rows.exch_ns[:-1]) & (rows.recv_ns[1:] == rows.recv_ns[:-1])
    bid_first = same & (rows.side[:-1] == 1) & (rows.side[1:] == -1)
    used = np.append(bid_first, False)
    used[1:] |= bid_first
    ask_first = same & (rows.side[:-1] == -1) & (rows.side[1:] == 1) & ~used[:-1] & ~used[1:]
    found: Ints = np.flatnonzero(bid_first | ask_first)
    return found
