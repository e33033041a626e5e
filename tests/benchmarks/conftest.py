"""A market of single orders, served by price and age, that writes what LOBSTER writes."""

from pathlib import Path

import numpy as np
import pytest

from touchstone.data import lobster
from touchstone.data.lobster import MESSAGE, Day

START_NS = 1_340_000_000_000_000_000


class Market:
    """Orders by number; `levels` of each side are visible, and only what happens there is reported."""

    def __init__(self, levels: int = 5) -> None:
        self.levels = levels
        self.orders: dict[int, tuple[int, int, int]] = {}  # number -> side, price, size; older first
        self.rows: list[tuple[int, int, int, int, int, int]] = []
        self.books: list[tuple[list[list[int]], list[list[int]]]] = []
        self.now_s = 0.0

    def at(self, seconds: float) -> "Market":
        self.now_s = seconds
        return self

    def new(self, side: int, price: int, size: int) -> int:
        number = 1 + max([*self.orders, *(row[2] for row in self.rows)], default=0)
        before = self.visible(side)
        self.orders[number] = (side, price, size)
        self._report(lobster.NEW, number, size, price, side, before)
        return number

    def reduce(self, number: int, size: int) -> None:
        self._take_off(number, size, lobster.REDUCED)

    def delete(self, number: int) -> None:
        self._take_off(number, self.orders[number][2], lobster.DELETED)

    def execute(self, side: int, size: int) -> None:
        """A taker hits side `side`, best price first, then oldest."""
        while size > 0:
            queue = [(-side * price, number) for number, (s, price, _) in self.orders.items() if s == side]
            _, number = min(queue)
            part = min(size, self.orders[number][2])
            self._take_off(number, part, lobster.EXECUTED)
            size -= part

    def hidden(self, side: int, price: int, size: int) -> None:
        """An order that no book shows is executed; such orders have no number of their own."""
        self._report(lobster.HIDDEN, 0, size, price, side, [price])

    def visible(self, side: int) -> list[int]:
        prices = sorted({price for s, price, _ in self.orders.values() if s == side}, reverse=side > 0)
        return prices[: self.levels]

    def day(self) -> Day:
        messages = np.array(self.rows, MESSAGE)
        px, qty = (np.array([book[i] for book in self.books], np.int64) for i in range(2))
        return Day("MADE", ("message", "orderbook"), np.arange(1, len(px) + 1), messages, px, qty)

    def _take_off(self, number: int, size: int, kind: int) -> None:
        side, price, left = self.orders[number]
        before = self.visible(side)
        self.orders[number] = (side, price, left - size)
        if left == size:
            del self.orders[number]
        self._report(kind, number, size, price, side, before)

    def _report(self, kind: int, number: int, size: int, price: int, side: int, before: list[int]) -> None:
        if price not in before and price not in self.visible(side):
            return
        self.rows.append((START_NS + round(self.now_s * 1e9), number, size, price, kind, side))
        px, qty = [], []
        for s in (1, -1):
            prices = self.visible(s)
            prices += [0] * (self.levels - len(prices))
            px.append(prices)
            qty.append([sum(q for side_, p, q in self.orders.values() if (side_, p) == (s, price)) for price in prices])
        self.books.append((px, qty))


@pytest.fixture(scope="session")
def amazon() -> Path:
    """The real order-by-order day."""
    import os

    given = os.environ.get("TOUCHSTONE_DATA")
    root = Path(given) if given else Path(__file__).parents[3] / "shared" / "data"
    path = root / "lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    if not path.is_file():
        pytest.skip("no LOBSTER recording here (set TOUCHSTONE_DATA to the folder of recordings)")
    return path
