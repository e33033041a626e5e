"""The rows of a live feed, from the messages of the venue that is mirrored.

A row counts as of the block that takes it in: the mirrored venue's clock may differ from ours, and what we have not
heard we cannot trade against. So a guest is early by the delay of the feed, and late by that of the orders' way there,
which nobody travels here.
"""

from collections import Counter
from typing import Any

import numpy as np

from touchstone.core.events import EVENT
from touchstone.data import frames
from touchstone.data.layout import Row
from touchstone.data.market_rows import MarketRows
from touchstone.venues.hyperliquid.shapes import AssetCtx, Bbo, Book, Trade

Message = Book | Bbo | AssetCtx | list[Trade]
MOST_ROWS = 1 << 16


class MirrorRows:
    """Messages in, rows out. Rows that nobody takes in for long are dropped, oldest first, and counted."""

    def __init__(self, sz_decimals: int) -> None:
        self.counts: Counter[str] = Counter()  # what was left out, by reason
        self._market = MarketRows(sz_decimals, self.counts)
        self._rows: list[Row] = []

    def restart(self) -> None:
        """The feed begins anew."""
        self._market.restart()

    def add(self, message: Message) -> None:
        """A decoded message of the mirrored feed. Raises WireError for one that cannot be true."""
        if isinstance(message, Book):
            self._rows += self._market.book(message, 0)
        elif isinstance(message, Bbo):
            self._rows += self._market.bbo(message, 0)
        elif isinstance(message, AssetCtx):
            self._rows += self._market.context(message, 0)
        else:
            self._rows += self._market.trades(message, 0)
        if len(self._rows) > MOST_ROWS:
            self.counts["row_not_taken_in"] += len(self._rows) - MOST_ROWS
            del self._rows[:-MOST_ROWS]

    def until(self, end_ns: int, *, is_inclusive: bool) -> Any:
        """All that has come, as of end_ns; nothing for the second half of a block."""
        if is_inclusive or not self._rows:
            return np.zeros(0, EVENT)
        rows: Any = np.zeros(len(self._rows), EVENT)
        frames.write(self._rows, rows, 0)
        rows["exch_ns"] = rows["recv_ns"] = end_ns
        self._rows = []
        return rows
