"""Rows of the core taken in by `skim` leave it as rows taken in one by one do."""

from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.core import engine, events, state
from touchstone.core.conventions import MS, NEVER_NS, NS
from touchstone.core.phases.skim import skim
from touchstone.session import params

START_NS = 472_222 * 3600 * NS
N_ROWS, CENTRE, SZ_DECIMALS = 6_000, 400_000, 2
N_LATE = 40


def market(seed: int) -> Any:
    """Levels mostly behind the touch, trades, blocks of several rows, timers, a few rows that come late or go on."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(N_ROWS, events.EVENT)
    rows["kind"], rows["side"] = events.BOOK_LEVEL, rng.choice([1, -1], N_ROWS)
    trades = rng.random(N_ROWS) < 0.05
    rows["kind"][trades] = events.TRADE
    ticks = np.where(trades, -rng.integers(1, 5, N_ROWS), rng.integers(1, 30, N_ROWS))
    rows["px"] = CENTRE - rows["side"].astype(np.int64) * 10 * ticks
    rows["qty"] = np.where(rng.random(N_ROWS) < 0.2, trades, rng.integers(1, 900, N_ROWS))
    rows["exch_ns"] = START_NS + np.cumsum(rng.integers(0, 3, N_ROWS)) * 20 * MS
    rows["kind"][0], rows["kind"][41], rows["exch_ns"][:42] = events.SNAPSHOT_BEGIN, events.SNAPSHOT_END, START_NS
    rows["kind"][1:41], rows["qty"][1:41] = events.BOOK_LEVEL, 500
    for n, side in enumerate((1, -1)):
        part = slice(1 + 20 * n, 21 + 20 * n)
        rows["side"][part], rows["px"][part] = side, CENTRE - side * 10 * np.arange(1, 21)
    rows["recv_ns"] = rows["exch_ns"] + 5 * MS
    late = rng.integers(100, N_ROWS, N_LATE)
    rows["exch_ns"][late] -= 60 * MS
    rows["bits"][rng.integers(100, N_ROWS, N_LATE)] = events.BIT_MORE
    timers = rows[rng.integers(100, N_ROWS, N_ROWS // 10)].copy()
    for name in ("exch_ns", "px", "qty", "side", "bits"):
        timers[name] = 0
    timers["kind"] = events.TIMER
    rows = np.concatenate([rows, timers])
    return rows[np.argsort(rows["recv_ns"], kind="stable")]


def play(rows: Any, skims: bool) -> tuple[Any, int]:
    """The state after all rows, and how many were skimmed."""
    machine = state.new_machine()
    params.fill_params(machine[0].state.params, config.load(None), SZ_DECIMALS)
    state.reset(machine[0].state, np.int64(0), np.int64(0))
    out, at, n_skimmed = machine[0].out, 0, 0
    while at < len(rows):
        if skims:
            start, at = at, int(skim(machine[0].state, rows, np.int64(at), np.int64(len(rows)), NEVER_NS))
            n_skimmed += at - start
        if at < len(rows):
            machine[0].event = rows[at]
            engine.step(machine)
            at += 1
        for table in ("actions", "quotes", "predictions", "outcomes", "fills", "markouts", "calibrations", "alerts"):
            setattr(out, f"n_{table}", 0)
    return machine[0].state, n_skimmed


@pytest.mark.parametrize("seed", [1, 2])
def test_skimmed_or_one_by_one(seed: int) -> None:
    rows = market(seed)
    one_by_one, _ = play(rows, False)
    skimmed, count = play(rows, True)
    assert count > N_ROWS // 3
    assert one_by_one.n_decisions > 30
    assert one_by_one.ledger.tracker.n_made > 20
    assert one_by_one.book.n_late > 0
    assert skimmed.tobytes() == one_by_one.tobytes()
