"""The rows of a live feed, from the messages of the venue that is mirrored.

A row counts as of the block that takes it in: the mirrored venue's clock may differ from ours, and what we have not
heard we cannot trade against. So a guest is early by the delay of the feed, and late by that of the orders' way there,
which nobody travels here.
"""

from typing import Any

import numpy as np

from touchstone.core import events
from touchstone.core.events import EVENT
from touchstone.venues.hyperliquid.numbers import PERP_DECIMALS, parse
from touchstone.venues.hyperliquid.shapes import AssetCtx, Bbo, Book, Trade

Message = Book | Bbo | AssetCtx | list[Trade]
MOST_ROWS = 1 << 16
RATE_DECIMALS = 12


class MirrorRows:
    """Messages in, rows out. Rows that nobody takes in for long are dropped, oldest first, and counted."""

    def __init__(self, sz_decimals: int) -> None:
        self._sz_decimals = sz_decimals
        self._px_decimals = PERP_DECIMALS - sz_decimals
        self._rows: list[tuple[int, ...]] = []  # kind, side, px, qty, aux, bits
        self._ask_px = 0
        self.n_dropped = 0

    def add(self, message: Message) -> None:
        """A decoded message of the mirrored feed. Raises NumberError for a number that is none."""
        if isinstance(message, Book):
            self._book(message)
        elif isinstance(message, Bbo):
            self._bbo(message)
        elif isinstance(message, AssetCtx):
            rate = parse(message.funding, RATE_DECIMALS, "funding")
            self._row(events.CONTEXT, 0, self._px(message.oracle_px), self._px(message.mark_px), rate)
        else:
            for trade in message:
                side = 1 if trade.side == "B" else -1
                self._row(events.TRADE, side, self._px(trade.px), self._sz(trade.sz), trade.tid)
        if len(self._rows) > MOST_ROWS:
            self.n_dropped += len(self._rows) - MOST_ROWS
            del self._rows[:-MOST_ROWS]

    def _book(self, book: Book) -> None:
        self._row(events.SNAPSHOT_BEGIN)
        for side, levels in ((1, book.levels[0]), (-1, book.levels[1])):
            for level in levels:
                self._row(events.BOOK_LEVEL, side, self._px(level.px), self._sz(level.sz))
        self._row(events.SNAPSHOT_END)
        self._ask_px = self._px(book.levels[1][0].px) if book.levels[1] else 0

    def _bbo(self, bbo: Bbo) -> None:
        """The side that moves out of the way first."""
        bid, ask = bbo.bbo
        sides = [(side, level) for side, level in ((1, bid), (-1, ask)) if level is not None]
        if bid is not None and self._ask_px and self._px(bid.px) >= self._ask_px:
            sides.reverse()
        for number, (side, level) in enumerate(sides):
            bits = int(events.BIT_MORE) if number + 1 < len(sides) else 0
            self._row(events.BBO, side, self._px(level.px), self._sz(level.sz), 0, bits)
        if ask is not None:
            self._ask_px = self._px(ask.px)

    def until(self, end_ns: int, *, is_inclusive: bool) -> Any:
        """All that has come, as of end_ns; nothing for the second half of a block."""
        if is_inclusive or not self._rows:
            return np.zeros(0, EVENT)
        rows: Any = np.zeros(len(self._rows), EVENT)
        for column, name in enumerate(("kind", "side", "px", "qty", "aux", "bits")):
            rows[name] = [row[column] for row in self._rows]
        rows["exch_ns"] = rows["recv_ns"] = end_ns
        self._rows = []
        return rows

    def _row(self, kind: Any, side: int = 0, px: int = 0, qty: int = 0, aux: int = 0, bits: int = 0) -> None:
        self._rows.append((int(kind), side, px, qty, aux, bits))

    def _px(self, text: str) -> int:
        return parse(text, self._px_decimals, "price")

    def _sz(self, text: str) -> int:
        return parse(text, self._sz_decimals, "size")

