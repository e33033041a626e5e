"""How long the core takes for a row that leads to a decision, fed row by row as a live session is.

`python -m benchmarks.live_decision`: the journal of a session in the scenario normal, models as they are by default.
"""

import time
from typing import Any

import numpy as np

from touchstone.backtest import scenario
from touchstone.backtest.reactive import Reactive
from touchstone.config import Config
from touchstone.core import engine, records
from touchstone.core.events import EVENT

MINUTES, SIZE_DECIMALS, SEED = 40.0, 2, 3
LEFT_OUT = 0.2  # share of the rows, from the start: nothing is warm yet
CALLS = 20_000


class Journal:
    """A sink that keeps everything that the core was fed."""

    keeps_market = True

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def take(self, table: str, rows: Any) -> None:
        """Keep events only."""
        if table == "events":
            self.rows.append(np.asarray(rows).view(np.uint8).copy())


def session() -> Reactive:
    """The session that is journaled, and fed again."""
    return Reactive(Config(), SIZE_DECIMALS, scenario.load("normal"), seed=SEED)


def nanoseconds(machine: Any, rows: Any, start: int, stop: int) -> int:
    """Of the wall, for a step of the core over some rows."""
    began = time.perf_counter_ns()
    engine.step_rows(machine, rows, np.int64(start), np.int64(stop))
    return time.perf_counter_ns() - began


def report() -> None:
    """Play, feed again, print."""
    journal, played = Journal(), session()
    played.sinks.append(journal)
    played.run(MINUTES)
    rows = np.concatenate(journal.rows).view(EVENT)
    machine = session().machine
    state, out = machine[0].state, machine[0].out
    call = float(np.median([nanoseconds(machine, rows, 0, 0) for _ in range(CALLS)]))
    took = np.zeros(len(rows))
    decided = np.zeros(len(rows), bool)
    for i in range(len(rows)):
        before = int(state.n_decisions)
        took[i] = nanoseconds(machine, rows, i, i + 1) - call
        decided[i] = state.n_decisions != before
        if out.n_actions or records.is_half_full(out):
            records.clear(out)
            out.n_actions = 0
    warm = np.arange(len(rows)) >= LEFT_OUT * len(rows)
    for name, chosen in (("with a decision", decided & warm), ("without", ~decided & warm)):
        median, p99 = np.percentile(took[chosen], (50, 99)) / 1e3
        print(f"rows {name}: {chosen.sum():,}, median {median:.1f} us, p99 {p99:.1f} us")
    print(f"The call itself, {call:.0f} ns, is taken off.")


if __name__ == "__main__":
    report()
