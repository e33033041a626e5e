"""Rows taken in by `skim` leave the venue as rows taken in one by one do."""

from typing import Any

import numpy as np
import pytest

from touchstone.core import actions, events
from touchstone.core.conventions import MS, NEVER_NS, NS
from touchstone.exchange import engine, rules

START_NS = 472_222 * 3600 * NS - 20 * NS  # a full hour passes
BOOK_FIELDS = ("qty", "best", "best_px", "mid2", "mid2_before_block", "block_ns", "limit", "deepest", "is_new")
N_ROWS, CENTRE = 6_000, 400_000


def market(seed: int) -> Any:
    """A snapshot, then levels mostly behind the touch, trades, and blocks of several rows."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(N_ROWS, events.EVENT)
    rows["kind"], rows["side"] = events.BOOK_LEVEL, rng.choice([1, -1], N_ROWS)
    trades = rng.random(N_ROWS) < 0.1
    rows["kind"][trades] = events.TRADE
    ticks = np.where(trades, -rng.integers(1, 8, N_ROWS), rng.integers(1, 30, N_ROWS))
    rows["px"] = CENTRE - rows["side"].astype(np.int64) * 10 * ticks
    rows["qty"] = np.where(rng.random(N_ROWS) < 0.2, trades, rng.integers(1, 900, N_ROWS))
    rows["exch_ns"] = START_NS + np.cumsum(rng.integers(0, 3, N_ROWS)) * 5 * MS
    rows["recv_ns"] = rows["exch_ns"]
    rows["kind"][[0, 41]] = events.SNAPSHOT_BEGIN, events.SNAPSHOT_END
    rows["kind"][1:41], rows["qty"][1:41], rows["exch_ns"][:42] = events.BOOK_LEVEL, 500, START_NS
    for n, side in enumerate((1, -1)):
        part = slice(1 + 20 * n, 21 + 20 * n)
        rows["side"][part], rows["px"][part] = side, CENTRE - side * 10 * np.arange(1, 21)
    return rows


def play(rows: Any, seed: int, skims: bool) -> tuple[Any, int]:
    """The venue after all rows, with orders of ours that come and go; and how many rows were skimmed."""
    rng = np.random.default_rng(seed)
    venue = np.zeros(1, engine.VENUE)[0]
    plain = {"block_ns": 0, "order_latency": 0, "cancel_latency": 0, "response_ns": 0, "queue_kind": 1}
    engine.reset(venue, rules.hyperliquid_params(2, min_notional=0, **plain))
    action, answer = np.zeros(1, actions.ACTION)[0], np.zeros(1, events.EVENT)[0]
    n_skimmed, at = 0, 0
    for stop in range(100, len(rows) + 1, 100):
        while at < stop:
            if skims:
                start, at = at, int(engine.skim(venue, rows, np.int64(at), np.int64(stop), NEVER_NS, False))
                n_skimmed += at - start
            if at < stop:
                engine.on_market(venue, rows[at])
                at += 1
        now_ns = np.int64(rows[at - 1]["exch_ns"])
        side = int(rng.choice([1, -1]))
        action.side, action.px = side, CENTRE - side * 10 * int(rng.integers(2, 9))
        action.qty, action.bits = 50, actions.BIT_ALO
        action.kind = actions.CANCEL_ALL if rng.random() < 0.15 else actions.PLACE
        action.cloid += 1
        engine.send(venue, action, now_ns)
        engine.advance(venue, now_ns)
        while engine.pop_response(venue, answer):
            pass
    return venue, n_skimmed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_skimmed_or_one_by_one(seed: int) -> None:
    rows = market(seed)
    one_by_one, _ = play(rows, seed, False)
    skimmed, count = play(rows, seed, True)
    assert count > N_ROWS // 3
    assert int(one_by_one.n_fills) > 20
    for name in BOOK_FIELDS:
        assert np.array_equal(getattr(skimmed.book, name), getattr(one_by_one.book, name)), name
    for name in ("account", "orders", "n_fills", "n_fills_by_model", "trade_id", "n_requests"):
        assert getattr(skimmed, name).tobytes() == getattr(one_by_one, name).tobytes(), name


def test_it_stops_before_the_block_after_a_new_touch() -> None:
    rows = market(1)
    venue = np.zeros(1, engine.VENUE)[0]
    engine.reset(venue, rules.hyperliquid_params(2))
    for row in rows[:42]:
        engine.on_market(venue, row)
    rows = rows[42:46].copy()
    rows["kind"], rows["side"], rows["qty"] = events.BOOK_LEVEL, 1, 7
    rows["px"] = CENTRE - 10 * np.array([5, 1, 6, 7])  # the second is the touch
    rows["exch_ns"] = START_NS + MS * np.array([1, 2, 2, 3])
    venue.book.is_new, venue.has_met = 0, 1
    assert engine.skim(venue, rows, np.int64(0), np.int64(4), NEVER_NS, True) == 3
    assert engine.skim(venue, rows, np.int64(3), np.int64(4), np.int64(START_NS), False) == 3  # later than that
    assert venue.book.is_new == 1
