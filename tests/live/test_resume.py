"""What a journal says of the session that goes on with it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from touchstone.core import events
from touchstone.live import rows as make
from touchstone.live.resume import Commands, Known

HALT, RESUME, REDUCE = events.COMMAND_HALT, events.COMMAND_RESUME, events.COMMAND_REDUCE_ONLY
MS = 1_000_000


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ([], []),
        (["end"], [RESUME]),
        ([HALT], []),  # the operator's pause outlives a crash
        ([HALT, "end"], []),
        ([HALT, RESUME, "end"], [RESUME]),
        ([REDUCE, "end"], [RESUME, REDUCE]),
        ([REDUCE, RESUME, "end"], [RESUME]),
        (["end", RESUME], []),  # it went on already
    ],
)
def test_the_halt_of_an_end_that_was_cut_off_is_undone(given: list[Any], again: list[Any]) -> None:
    found = Commands()
    for each in given:
        of_end = each == "end"
        found.take(make.array([make.command(HALT if of_end else each, 1, of_end=of_end)]))
    assert found.again() == again


def test_clears_that_the_core_was_told_of_are_counted() -> None:
    """A kill that was cleared after them is not in the journal: the core is told when the session goes on."""
    found = Commands()
    found.take(make.array([make.command(code, 1) for code in (events.COMMAND_KILL, events.COMMAND_CLEAR, HALT)]))
    assert found.n_cleared == 1


def test_fills_that_came_in_a_gap_are_not_all_there_are() -> None:
    """What is asked for after a crash begins where everything was known for certain."""
    recovery: Any = SimpleNamespace(newest_fill_ms=0, newest_funding_ms=0)
    known = Known(recovery)

    def fill(time_ms: int) -> Any:
        return make.array([make.row(events.FILL, 1, exch_ns=time_ms * MS)])

    def feed(is_up: bool) -> Any:
        return make.array(make.feed(is_up, (events.FEED_MARKET, events.FEED_ACCOUNT), 1))

    known.take(fill(100))
    assert recovery.newest_fill_ms == 0  # not looked at yet
    known.take(feed(True))
    assert recovery.newest_fill_ms == 100
    known.take(np.concatenate([fill(200), feed(False), fill(300)]))
    assert recovery.newest_fill_ms == 200
    known.take(feed(True))
    assert recovery.newest_fill_ms == 300
