"""What a session tells those who only look: right, whole, and without a byte of the core changed."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from touchstone.config import Config
from touchstone.core import state
from touchstone.core.grid import index_of
from touchstone.core.market import book as order_book
from touchstone.core.targets import N_TARGETS
from touchstone.live import depth
from touchstone.live.latency import Latencies
from touchstone.live.publish import FILE, Publisher
from touchstone.live.trader import Trader

DECIMALS = 2


class Nowhere:
    """A journal that keeps nothing."""

    def append(self, rows: bytes) -> None: ...

    def append_actions(self, rows: bytes) -> None: ...

    def flush(self) -> None: ...


@pytest.fixture
def session() -> Any:
    """A session that has heard a book with an order of ours in it."""
    trader = Trader(Config(), DECIMALS, journal=Nowhere(), send=lambda wanted: None)
    state.reset(trader.state, np.int64(0), np.int64(0))
    book, grid = trader.state.book, trader.state.grid
    book.origin = index_of(grid, np.int64(400_000)) - order_book.WIDTH // 2
    for s, sign in ((0, -1), (1, 1)):
        for level in range(1, 40):
            slot = order_book.WIDTH // 2 + sign * level
            book.qty[s, slot] = 100 * level
            book.limit[s] = slot
        book.crest[s] = order_book.WIDTH // 2 + sign
        book.best[s] = book.crest[s]
    book.own[0, order_book.WIDTH // 2 - 3] = 50
    book.own[1, order_book.WIDTH // 2 + 30] = 75  # deeper than what is shown of the others
    book.has_own = 1
    return SimpleNamespace(
        trader=trader, client=SimpleNamespace(is_up=True), n_downs=2, challenger=None,
        reference="up", reference_since_ns=1, start=SimpleNamespace(market=SimpleNamespace(coin="hyna:HYPE")),
        steps=Latencies(), timer_late=Latencies(),
    )  # fmt: skip


def test_the_book_is_shown_from_the_touch_with_ours_however_deep(session: Any) -> None:
    shown = depth.book(session.trader.state)
    step = shown["ask"][0]["px"] - 40.0
    assert step == pytest.approx(40.0 - shown["bid"][0]["px"])
    assert [level["px"] for level in shown["bid"]] == pytest.approx([40.0 - step * (i + 1) for i in range(12)])
    assert shown["bid"][2] == {"px": pytest.approx(40.0 - 3 * step), "size": 2.5, "own": 0.5}
    assert len(shown["ask"]) == 13
    assert shown["ask"][-1] == {"px": pytest.approx(40.0 + 30 * step), "size": 29.25, "own": 0.75}


def test_an_empty_book_is_shown_as_empty() -> None:

    trader = Trader(Config(), DECIMALS, journal=Nowhere(), send=lambda wanted: None)
    state.reset(trader.state, np.int64(0), np.int64(0))
    assert depth.book(trader.state) == {"bid": [], "ask": []}
    assert depth.orders(trader.state, trader.live_orders()) == []


def test_looking_changes_nothing_and_tells_every_model(session: Any, tmp_path: Path) -> None:
    before = session.trader.machine["state"].tobytes()
    publisher = Publisher(session, Config(), {"fee_mismatch": 2}, tmp_path, {"network": "local"})
    document = asyncio.run(publisher.look())
    assert session.trader.machine["state"].tobytes() == before
    assert len(document["result"]["models"]) == N_TARGETS
    assert sum(document["status"]["verdicts"].values()) == N_TARGETS
    assert document["result"]["alerts"] == {"fee_mismatch": 2}
    assert document["status"]["connection_losses"] == 2
    assert document["network"] == "local"


def test_a_file_is_whole_and_a_full_disk_stops_nothing(session: Any, tmp_path: Path) -> None:
    publisher = Publisher(session, Config(), {}, tmp_path, {})

    async def some_looks() -> None:
        publishing = asyncio.create_task(publisher.publish())
        while not (tmp_path / FILE).exists():
            await asyncio.sleep(0.01)
        publishing.cancel()

    asyncio.run(some_looks())
    assert json.loads((tmp_path / FILE).read_text())["result"]["coin"] == "hyna:HYPE"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    lost = Publisher(session, Config(), {}, tmp_path / "gone", {})
    lost._write(b"{}")
    assert lost.n_lost == 1
