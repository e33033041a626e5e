"""The generated market: same seed same bytes, a sound book at all times, and something for the models to learn."""

import math

import numpy as np
import pytest

from touchstone.core import events as kinds
from touchstone.core import grid as price_grid
from touchstone.core.jit import compiled, record
from touchstone.core.market import book as order_book
from touchstone.data import generate
from touchstone.data.errors import DataError
from touchstone.data.units import coin_of

HYPE = coin_of("hyna:HYPE")
BOTH = record([("grid", price_grid.GRID), ("book", order_book.BOOK)])


@compiled
def replay(both, tape, out):
    """Through the core's book: (crossed or one-sided states, trades off the grid, trades inside the touch, trades)."""
    started = False
    for i in range(len(tape)):
        event = tape[i]
        if event.kind == kinds.CONTEXT:
            continue
        order_book.begin_block(both.book, np.int64(event.exch_ns))
        if event.kind == kinds.TRADE:
            if not started:
                continue
            out[3] += 1
            px = np.int64(event.px)
            if not price_grid.is_valid_price(both.grid, px):
                out[1] += 1
            if (event.side > 0 and px < both.book.best_px[1]) or (event.side < 0 and px > both.book.best_px[0]):
                out[2] += 1
            continue
        order_book.update(both.book, both.grid, event)
        if both.book.in_snapshot or np.int64(event.bits) & kinds.BIT_MORE:
            continue
        started = True
        if not order_book.is_valid(both.book):
            out[0] += 1
    out[4] = both.book.n_crossed
    out[5] = both.book.n_late


def whole(seed: int, minutes: float = 5.0) -> np.ndarray:
    return np.concatenate(list(generate.events(HYPE, minutes=minutes, seed=seed)))


def test_same_seed_same_bytes() -> None:
    assert whole(4).tobytes() == whole(4).tobytes()
    assert whole(4).tobytes() != whole(5).tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_the_book_is_sound_and_trades_lie_at_or_beyond_the_touch(seed: int) -> None:
    tape = whole(seed)
    assert (np.diff(tape["exch_ns"]) >= 0).all()
    assert (np.diff(tape["recv_ns"]) >= 0).all()
    assert (tape["recv_ns"] > tape["exch_ns"]).all()
    assert (tape["exch_ns"] % generate.BLOCK_NS == 0).all()
    both = np.zeros(1, BOTH)[0]
    price_grid.reset(both.grid, np.int64(2), np.int64(10_000_000))
    order_book.reset(both.book)
    out = np.zeros(6, np.int64)
    events = np.zeros(len(tape), kinds.EVENT)
    events.view(np.uint8)[:] = tape.view(np.uint8)
    replay(both, events, out)
    invalid, off_grid, inside, trades, _, late = out.tolist()
    assert (invalid, off_grid, inside, late) == (0, 0, 0, 0)
    assert trades > 50


def test_it_is_about_as_volatile_as_asked_and_clusters() -> None:
    tape = whole(1, 60.0)
    touch = tape[(tape["kind"] == kinds.BBO) & (tape["side"] == 1)]
    seconds, first = np.unique(touch["exch_ns"] // 1_000_000_000, return_index=True)
    log_price = np.log(touch["px"][first].astype(float))
    returns = (log_price[10:] - log_price[:-10])[::10] * 1e4
    sigma = returns.std() / math.sqrt(10)
    assert 0.6 < sigma < 2.5
    trades = tape[tape["kind"] == kinds.TRADE]
    per_second = np.bincount((trades["exch_ns"] - tape["exch_ns"][0]) // 1_000_000_000)
    assert per_second.var() / per_second.mean() > 1.5  # Fano: clustered
    assert len(seconds) > 3000


@pytest.mark.parametrize("price", [100.0, 1e-9, 0.0])
def test_an_unusable_price_is_an_error(price: float) -> None:
    with pytest.raises(DataError, match="choose one"):
        list(generate.events(HYPE, minutes=0.1, seed=1, price=price))
