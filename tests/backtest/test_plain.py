"""A plain strategy through the same loop: what it listens to changes what it hears, not what it does."""

from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core import events
from touchstone.core.events import EVENT
from touchstone.data.tape import Tape

SZ = 2
PLAIN = """
[market]
feed = "{feed}"
[capital]
capital = 100000.0
[quoting]
rule = "ticks"
levels = 2
half_spread_ticks = 2.0
order_size = 5.0
requote_interval_ms = 100
decide = "clock"
move = "cancel_place"
keep_tolerance_bps = 0.0
[models]
enabled = false
[quota]
initial_requests = 1000000
[exchange]
block_ms = 0.0
latency = "constant"
order_latency_median_ms = 10.0
order_latency_p99_ms = 10.0
cancel_latency_ms = 10.0
response_latency_ms = 5.0
partial_fills = false
"""


class Keep:
    """Rows by table; `keeps_market` asks for the market's rows too."""

    def __init__(self, *, keeps_market: bool = False) -> None:
        self.keeps_market = keeps_market
        self.tables: dict[str, list[Any]] = {}

    def take(self, table: str, rows: Any) -> None:
        self.tables.setdefault(table, []).append(np.ascontiguousarray(rows).copy())

    def rows(self, table: str) -> Any:
        return np.concatenate(self.tables[table])


def run(tape: Tape, feed: str, keep: Keep) -> Replay:
    made = Replay(config.parse(PLAIN.format(feed=feed)), SZ)
    made.sinks.append(keep)
    made.run(tape)
    return made


@pytest.fixture(scope="module")
def runs(tape: Tape) -> dict[str, tuple[Replay, Keep]]:
    made = {}
    for feed in ("book", "touch"):
        keep = Keep(keeps_market=True)
        made[feed] = run(tape, feed, keep), keep
    return made


def test_the_touch_alone_leads_to_the_same_orders_and_fills(runs: dict[str, tuple[Replay, Keep]]) -> None:
    (book, by_book), (touch, by_touch) = runs["book"], runs["touch"]
    assert by_book.rows("orders").tobytes() == by_touch.rows("orders").tobytes()
    assert book.venue[0].account.tobytes() == touch.venue[0].account.tobytes()
    assert book.state.profit.n_fills == touch.state.profit.n_fills > 20
    assert book.state.profit.cash2 == touch.state.profit.cash2
    assert touch.loop[0].n_touch_lost == 0


def test_it_hears_fewer_events_and_ends_at_the_same_touch(runs: dict[str, tuple[Replay, Keep]]) -> None:
    (book, _), (touch, by_touch) = runs["book"], runs["touch"]
    assert touch.loop[0].n_market < book.loop[0].n_market
    assert list(touch.state.book.best_px) == list(book.state.book.best_px)
    heard = by_touch.rows("events").view(EVENT)
    assert set(heard["kind"][heard["kind"] < events.OWN_KIND_FIRST].tolist()) == {int(events.BBO)}


def test_nothing_is_predicted_and_no_alert_comes(runs: dict[str, tuple[Replay, Keep]]) -> None:
    for made, _ in runs.values():
        assert made.counts["predictions"] == made.counts["outcomes"] == made.counts["alerts"] == 0


def test_the_digest_does_not_depend_on_who_listens(runs: dict[str, tuple[Replay, Keep]], tape: Tape) -> None:
    other = run(tape, "book", Keep())
    assert other.digest() == runs["book"][0].digest()
    assert other.counts == runs["book"][0].counts


def test_a_replay_without_a_digest_says_so(tape: Tape) -> None:
    made = Replay(config.parse(PLAIN.format(feed="touch")), SZ, digest=False)
    made.run(tape, stop=1000)
    with pytest.raises(ValueError, match="digest=True"):
        made.digest()
