"""The order book against forty lines of plain Python; conservation; what happens at the edges of its window."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.exchange import orderbook

BUY, SELL = 0, 1
AGENT = orderbook.N_ACCOUNTS


class Reference:
    """Price, then time: a list of orders per side, sorted. A taker's own orders are cancelled as it meets them."""

    def __init__(self) -> None:
        self.sides: tuple[list[list[int]], list[list[int]]] = ([], [])  # [price, number, owner, size]
        self.number = 0

    def place(self, s: int, price: int, qty: int, owner: int) -> int:
        self.number += 1
        self.sides[s].append([price, self.number, owner, qty])
        self.sides[s].sort(key=lambda o: (-o[0] if s == BUY else o[0], o[1]))
        return self.number

    def find(self, number: int) -> tuple[list[list[int]], list[int]]:
        return next((side, o) for side in self.sides for o in side if o[1] == number)

    def cancel(self, number: int) -> None:
        side, order = self.find(number)
        side.remove(order)

    def shrink(self, number: int, qty: int) -> None:
        self.find(number)[1][3] -= qty

    def would_trade(self, s: int, price: int) -> bool:
        other = self.sides[1 - s]
        return bool(other) and (price >= other[0][0] if s == BUY else price <= other[0][0])

    def take(self, s: int, price: int, qty: int, owner: int) -> list[tuple[int, int, int, int]]:
        """(number, price, size traded, size left) of each order met."""
        met = []
        while qty > 0 and self.would_trade(s, price):
            order = self.sides[1 - s][0]
            part = 0 if order[2] == owner else min(qty, order[3])
            qty -= part
            order[3] -= part
            met.append((order[1], order[0], part, order[3]))
            if order[3] == 0 or order[2] == owner:
                self.sides[1 - s].pop(0)
        return met


class Pair:
    """The same steps in both books."""

    def __init__(self) -> None:
        self.book = np.zeros(1, orderbook.ORDERBOOK)[0]
        orderbook.reset(self.book)
        self.reference = Reference()
        self.places: dict[int, int] = {}  # number: the compiled book's place

    def step(self, kind: str, s: int, price: int, qty: int, owner: int, pick: int) -> None:
        live = sorted(self.places)
        if kind == "place" and not self.reference.would_trade(s, price):
            number = self.reference.place(s, price, qty, owner)
            args = (s, 10 * price, price, qty, owner, number)
            self.places[number] = int(orderbook.place(self.book, *map(np.int64, args)))
        elif kind == "cancel" and live:
            number = live[pick % len(live)]
            self.reference.cancel(number)
            orderbook.cancel(self.book, np.int64(self.places.pop(number)))
        elif kind == "shrink" and live:
            number = live[pick % len(live)]
            if (has := self.reference.find(number)[1][3]) > 1:
                self.reference.shrink(number, has // 2)
                orderbook.shrink(self.book, np.int64(self.places[number]), np.int64(has // 2))
        elif kind == "take":
            met = self.reference.take(s, price, qty, owner)
            assert self.take(s, price, qty, owner) == met
            for number, _, _, left in met:
                if left == 0 or number not in {o[1] for side in self.reference.sides for o in side}:
                    del self.places[number]

    def take(self, s: int, price: int, qty: int, owner: int) -> list[tuple[int, int, int, int]]:
        met, left = [], qty
        while left > 0:
            left -= int(orderbook.take(self.book, *map(np.int64, (s, price, left, owner))))
            for fill in self.book.fills[: self.book.n_fills]:
                met.append((int(fill.tag), int(fill.index), int(fill.qty), int(fill.left)))
            if not self.book.is_paused:
                break
        return met

    def sell_out(self) -> None:
        """A stranger takes all that is left: every order must still be there, in its turn."""
        for s, price in ((BUY, 10**9), (SELL, 0)):
            assert self.take(s, price, 10**9, AGENT + 9) == self.reference.take(s, price, 10**9, AGENT + 9)
        self.check()

    def check(self) -> None:
        for s, side in enumerate(self.reference.sides):
            assert self.book.best[s] == (side[0][0] if side else -1)
            assert self.book.best_px[s] == (10 * side[0][0] if side else 0)
            assert self.book.n_orders[s] == len(side)
            if side:
                at_touch = sum(o[3] for o in side if o[0] == side[0][0])
                assert orderbook.qty_at(self.book, np.int64(s), np.int64(side[0][0])) == at_touch
        assert self.book.position.sum() == 0
        assert self.book.cash.sum() == 0


STEP = st.tuples(
    st.sampled_from(["place", "place", "place", "take", "cancel", "shrink"]),
    st.integers(0, 1),
    st.one_of(st.integers(990, 1010), st.integers(1, 30_000)),  # near each other, and beyond any window
    st.integers(1, 50),
    st.sampled_from([0, 1, AGENT, AGENT + 5]),
    st.integers(0, 1000),
)


@given(st.lists(STEP, max_size=120))
def test_price_time_priority_as_in_plain_python(steps: list[Any]) -> None:
    pair = Pair()
    for step in steps:
        pair.step(*step)
        pair.check()
    pair.sell_out()


def test_a_long_random_session_as_in_plain_python() -> None:
    rng = np.random.default_rng(3)
    pair, centre = Pair(), 5_000
    for n in range(6_000):
        centre += int(rng.integers(-40, 41))  # walks through many windows
        s = int(rng.integers(2))
        kind = ("place", "place", "take", "cancel", "shrink")[int(rng.integers(5))]
        away = int(rng.exponential(30)) * (-1 if s == BUY else 1)
        price = max(centre + (away if kind == "place" else -away), 1)
        pair.step(kind, s, price, int(rng.integers(1, 60)), int(rng.choice([0, 1, AGENT])), int(rng.integers(10_000)))
        if n % 50 == 0:
            pair.check()
    pair.sell_out()
    traded = np.abs(pair.book.position)
    assert traded[[0, 1, AGENT]].min() > 0, "everybody traded"


@given(st.lists(STEP, max_size=80))
def test_what_one_gains_another_loses_in_every_trade(steps: list[Any]) -> None:
    pair = Pair()
    for kind, s, price, qty, owner, pick in steps:
        before, money = pair.book.position.copy(), pair.book.cash.copy()
        pair.step(kind, s, price, qty, owner, pick)
        moved, paid = pair.book.position - before, pair.book.cash - money
        assert moved.sum() == 0
        assert paid.sum() == 0
        if kind != "take":
            assert not moved.any()
        else:
            assert 0 <= moved[owner] * (1 if s == BUY else -1) <= qty
            assert paid[owner] * (1 if s == BUY else -1) <= 0


def test_orders_far_from_the_touch_come_in_their_turn() -> None:
    """Levels across many windows, three orders each."""
    rng = np.random.default_rng(5)
    pair = Pair()
    for price in rng.permutation(np.repeat(np.arange(1, 60_000, 1_500), 3)):
        pair.step("place", BUY if price < 30_000 else SELL, int(price), int(rng.integers(1, 9)), AGENT, 0)
    pair.check()
    pair.sell_out()
    assert not pair.reference.sides[0]
    assert not pair.reference.sides[1]


def test_a_full_book_refuses_and_forgets_nothing() -> None:
    book = np.zeros(1, orderbook.ORDERBOOK)[0]
    orderbook.reset(book)
    one = np.int64(1)
    places = [orderbook.place(book, one, one, one, one, one, one) for _ in range(orderbook.MAX_ORDERS + 1)]
    assert places[-1] == orderbook.NONE
    assert sorted(places[:-1]) == list(range(orderbook.MAX_ORDERS))
    orderbook.cancel(book, np.int64(7))
    assert orderbook.place(book, one, one, one, one, one, one) == 7


@pytest.mark.parametrize("owner", [3, AGENT])
def test_many_small_orders_are_all_met(owner: int) -> None:
    """More than the list of fills holds, so that the taker must come back."""
    pair = Pair()
    for n in range(3 * orderbook.MAX_FILLS):
        pair.step("place", SELL, 100 + n % 7, 1, AGENT + 1 if owner == AGENT else 2, 0)
    met = pair.take(BUY, 106, 10_000, owner)
    assert len(met) == 3 * orderbook.MAX_FILLS
    assert pair.book.position[owner] == 3 * orderbook.MAX_FILLS
