"""The core in a live session: the journal first, timers at their times, and the same bytes when it is fed again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.core import events
from touchstone.core.conventions import MS, NS
from touchstone.core.jit import CACHE_DIR
from touchstone.data.units import Coin
from touchstone.live import rows as make
from touchstone.live.trader import MOST_TIMERS, TIMER_NS, Trader
from touchstone.session import journal

START_NS = 1_790_000_000 * NS
COIN = Coin("HYPE", 2)


class Recorded:
    """A journal in memory that notes what happens in which order."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.events: list[bytes] = []
        self.fails_at: str | None = None

    def append(self, rows: bytes) -> None:
        self._do("events")
        self.events.append(rows)

    def append_actions(self, rows: bytes) -> None:
        self._do("actions")

    def flush(self) -> None:
        self._do("flush")

    def _do(self, what: str) -> None:
        if what == self.fails_at:
            raise journal.JournalError("the disk is full")
        self.log.append(what)


def market(trader: Trader, seconds: int = 90) -> None:
    """A market that wiggles and trades, until both sides are quoted."""
    now_ns = START_NS
    for step in range(10 * seconds):
        now_ns += 100 * MS
        mid = 400_200 + 10 * ((step // 10 * 7) % 5 - 2)
        bid = make.row(events.BBO, now_ns, exch_ns=now_ns, px=mid - 20, qty=5_000, side=1, bits=int(events.BIT_MORE))
        ask = make.row(events.BBO, now_ns, exch_ns=now_ns, px=mid + 20, qty=5_000, side=-1)
        trader.take_rows([bid, ask])
        if step % 10 == 0:
            side = 1 if step % 20 else -1
            px = mid + side * 10 * (3 + step // 10 % 4)
            trader.take_rows([make.row(events.TRADE, now_ns, exch_ns=now_ns, px=px, qty=100, aux=step + 1, side=side)])


@pytest.fixture
def made() -> tuple[Trader, Recorded, list[Any]]:
    log: list[str] = []
    kept, sent = Recorded(log), []

    def send(wanted: list[Any]) -> None:
        log.append("sent")
        sent.extend(wanted)

    trader = Trader(config.Config(), 2, journal=kept, send=send)
    trader.reset()
    return trader, kept, sent


def test_what_is_sent_was_journaled_before(made: tuple[Trader, Recorded, list[Any]]) -> None:
    trader, kept, sent = made
    market(trader)
    assert len(sent) >= 2
    at = [number for number, what in enumerate(kept.log) if what == "sent"]
    assert all(kept.log[number - 3 : number] == ["events", "actions", "flush"] for number in at)


@pytest.mark.parametrize("step", ["events", "actions", "flush"])
def test_what_is_not_journaled_is_not_sent(made: tuple[Trader, Recorded, list[Any]], step: str) -> None:
    trader, kept, sent = made
    kept.fails_at = step
    market(trader)
    assert sent == []
    assert isinstance(trader.failure, journal.JournalError)
    rows = trader.n_rows
    market(trader, 1)
    assert trader.n_rows == rows  # it takes nothing more


def test_timers_come_at_their_times_before_what_was_received_after_them(
    made: tuple[Trader, Recorded, list[Any]],
) -> None:
    trader, kept, _ = made
    first = START_NS + 30 * MS
    trader.take_rows([make.row(events.FEED_UP, first, code=events.FEED_MARKET)])
    trader.take_rows([make.row(events.FEED_UP, first + 250 * MS, code=events.FEED_MARKET)])
    fed = np.frombuffer(b"".join(kept.events), trader.buffer.dtype)
    assert fed["kind"].tolist() == [events.FEED_UP, events.TIMER, events.TIMER, events.FEED_UP]
    assert ((fed["recv_ns"][1:3] % TIMER_NS) == 0).all()
    assert (np.diff(fed["recv_ns"]) >= 0).all()


def test_a_long_stall_skips_timers_and_counts_them(made: tuple[Trader, Recorded, list[Any]]) -> None:
    trader, kept, _ = made
    trader.take_rows([make.row(events.FEED_UP, START_NS, code=events.FEED_MARKET)])
    trader.tick(START_NS + 60 * NS)
    fed = np.frombuffer(b"".join(kept.events), trader.buffer.dtype)
    assert (fed["kind"] == events.TIMER).sum() == MOST_TIMERS
    assert trader.n_timers_skipped == 600 - MOST_TIMERS


def test_time_never_goes_back_to_the_core(made: tuple[Trader, Recorded, list[Any]]) -> None:
    trader, kept, _ = made
    trader.take_rows([make.row(events.FEED_UP, START_NS, code=events.FEED_MARKET)])
    trader.take_rows([make.row(events.FEED_DOWN, START_NS - NS, code=events.FEED_MARKET)])
    fed = np.frombuffer(b"".join(kept.events), trader.buffer.dtype)
    assert fed["recv_ns"].tolist() == [START_NS, START_NS]
    assert int(trader.state.n_time_back) == 0


def test_fed_again_it_stands_where_it_stood(tmp_path: Path) -> None:
    kept = journal.Journal(tmp_path, COIN, CACHE_DIR.name)
    trader = Trader(config.Config(), 2, journal=kept, send=lambda _: None)
    trader.reset()
    market(trader)
    trader.drain()
    kept.close()
    again = Trader(config.Config(), 2, journal=Recorded([]), send=lambda _: pytest.fail("a replay sends nothing"))
    again.reset()
    for block in journal.read(tmp_path):
        if block.kind == journal.EVENTS:
            again.retrace(block.rows())
    again.drain()
    assert again.machine["state"].tobytes() == trader.machine["state"].tobytes()
    assert again.digest() == trader.digest()
    assert (again.n_market, again.first_ns, again.timer_ns) == (trader.n_market, trader.first_ns, trader.timer_ns)
