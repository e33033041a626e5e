"""Races of a zero-intelligence market (Cont, Stoikov, Talreja 2010) through our order book."""

import numpy as np
import pytest

from touchstone.core.jit import compiled
from touchstone.core.numerics import hash_u64, stream_unit
from touchstone.exchange import orderbook

ARRIVALS, CANCELS, MARKET = 1.85, 0.71, 0.94  # Sky Perfect: limit orders at distance 1, cancels per order, takers
BID_INDEX, ASK_INDEX = np.int64(1000), np.int64(1001)  # spread 1: nothing fits in between
BID, ASK = np.int64(0), np.int64(1)
MAKER, TAKER, ZERO, ONE = np.int64(64), np.int64(65), np.int64(0), np.int64(1)
N_RACES = 20_000

# P(mid moves up first | bid queue b, ask queue a), a = 1..5: exact, two birth-death queues (science sheet 12).
EXACT = {
    1: (0.5000, 0.3352, 0.2590, 0.2158, 0.1878),
    2: (0.6648, 0.5, 0.4069, 0.3479, 0.3072),
    3: (0.7410, 0.5931, 0.5, 0.4366, 0.3906),
    5: (0.8122, 0.6928, 0.6094, 0.5477, 0.5),
}


@compiled
def races(book, b, a, n_races, key):
    """Share of the races in which the ask queue is gone first."""
    n_up = ZERO
    number = ZERO
    for _ in range(n_races):
        for s in range(2):
            while book.n_orders[s] > 0:
                orderbook.cancel(book, np.int64(book.head[s, book.best[s] - book.origin[s]]))
        for i in range(b + a):
            s = BID if i < b else ASK
            index = BID_INDEX if i < b else ASK_INDEX
            orderbook.place(book, s, index, index, ONE, MAKER, ZERO)
        while book.n_orders[0] > 0 and book.n_orders[1] > 0:
            s = BID if stream_unit(key, number) < _share(book) else ASK
            index = BID_INDEX if s == BID else ASK_INDEX
            here = np.float64(book.n_orders[s])
            u = stream_unit(key, number + 1) * (ARRIVALS + MARKET + CANCELS * here)
            if u < ARRIVALS:
                orderbook.place(book, s, index, index, ONE, MAKER, ZERO)
            elif u < ARRIVALS + MARKET:
                orderbook.take(book, ONE - s, index, ONE, TAKER)
            else:
                k = np.int64(book.head[s, index - book.origin[s]])
                for _ in range(np.int64((u - ARRIVALS - MARKET) / CANCELS)):
                    k = np.int64(book.order[k].next)
                orderbook.cancel(book, k)
            number += 2
        n_up += 1 if book.n_orders[1] == 0 else 0
    return np.float64(n_up) / np.float64(n_races)


@compiled
def _share(book):
    """Chance that the next event is on the bid side."""
    bid = ARRIVALS + MARKET + CANCELS * np.float64(book.n_orders[0])
    ask = ARRIVALS + MARKET + CANCELS * np.float64(book.n_orders[1])
    return bid / (bid + ask)


@pytest.mark.parametrize("b", sorted(EXACT))
def test_races_are_won_as_often_as_computed(b: int) -> None:
    book = np.zeros(1, orderbook.ORDERBOOK)[0]
    orderbook.reset(book)
    for a, exact in enumerate(EXACT[b], 1):
        key = np.uint64(hash_u64(np.int64(b), np.int64(a), np.int64(11)))
        found = races(book, np.int64(b), np.int64(a), np.int64(N_RACES), key)
        error = np.sqrt(exact * (1 - exact) / N_RACES)
        assert abs(found - exact) < 4 * error + 5e-5, f"b={b} a={a}"  # the table has four digits
