"""The interval of a session's edge: from time blocks, for fills of one moment share a price path."""

import numpy as np
import pytest

from touchstone.core import records
from touchstone.core.conventions import TOXIC_HORIZON
from touchstone.session.edges import BLOCK_NS, Edges


def given(edges: Edges, realised_bps: list[float], blocks: list[int]) -> None:
    """Fills in these time blocks, then their markouts at every horizon."""
    fills = np.zeros(len(blocks), records.FILL_ROW)
    fills["fill_id"], fills["exch_ns"] = np.arange(len(blocks)) + 1, np.array(blocks) * BLOCK_NS
    edges.take("fills", fills)
    for horizon in range(TOXIC_HORIZON + 1):
        marks = np.zeros(len(blocks), records.MARKOUT_ROW)
        marks["fill_id"], marks["horizon"] = fills["fill_id"], horizon
        marks["realised_bps"] = realised_bps if horizon == TOXIC_HORIZON else 99.0
        edges.take("markouts", marks)


def test_it_is_the_mean_of_the_markouts_at_ten_seconds_less_the_fee() -> None:
    edges = Edges()
    given(edges, [1.0, 2.0, 6.0], [1, 2, 3])
    found = edges.estimate(1.5)
    assert found.mean == pytest.approx(1.5)
    assert found.n == 3
    assert found.low is None  # three time blocks are too few


def test_a_burst_of_fills_counts_as_one_moment() -> None:
    """Twelve fills that share three price paths do not say more than three of them."""
    spread, burst = Edges(), Edges()
    values = [float(value) for value in np.random.default_rng(3).normal(size=12)]
    given(spread, values, list(range(12)))
    given(burst, [values[at % 3] for at in range(12)], [at % 3 for at in range(12)])
    assert spread.estimate(0.0).low is not None
    assert burst.estimate(0.0).low is None
    assert burst.estimate(0.0).blocks == 3


def test_without_fills_there_is_nothing() -> None:
    found = Edges().estimate(1.5)
    assert (found.mean, found.se, found.low, found.n) == (None, None, None, 0)
