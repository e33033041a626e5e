"""Queue position models against the vectors of hftbacktest's definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core.market import queue

VECTORS = [  # front 60, level from 100 to 80 without a trade
    (queue.PESSIMISTIC, 1.0, 60.0),
    (queue.POWER, 1.0, 48.0),
    (queue.POWER, 2.0, 46.153846153846),
    (queue.POWER2, 2.0, 43.2),
    (queue.POWER3, 2.0, 52.8),
    (queue.POWER3, 3.0, 55.68),
    (queue.LOG, 1.0, 49.492230),
    (queue.LOG2, 1.0, 56.093066),
]


@pytest.mark.parametrize(("kind", "n", "front"), VECTORS)
def test_vectors(kind: np.int64, n: float, front: float) -> None:
    assert queue.advance_front(kind, n, 60.0, 100.0, 80.0, 0.0) == pytest.approx(front, abs=1e-6)


@pytest.mark.parametrize("kind", range(6))
def test_a_trade_is_subtracted_once(kind: int) -> None:
    """Front 60 of 100, 20 traded (front already 40), the level shows 80: nobody has cancelled."""
    assert queue.advance_front(np.int64(kind), 2.0, 40.0, 100.0, 80.0, 20.0) == 40.0


@given(
    kind=st.integers(0, 5),
    n=st.floats(0.5, 4.0),
    prev=st.integers(0, 10_000),
    share=st.floats(0.0, 1.0),
    new=st.integers(0, 12_000),
    traded=st.integers(0, 3_000),
)
def test_the_front_never_grows_and_never_exceeds_the_level(
    kind: int, n: float, prev: int, share: float, new: int, traded: int
) -> None:
    front = share * prev
    after = queue.advance_front(np.int64(kind), n, front, float(prev), float(new), float(traded))
    assert after <= front
    assert after <= new


@given(front=st.floats(0, 1e4), back=st.floats(0, 1e4), n=st.floats(0.5, 4.0), kind=st.integers(0, 5))
def test_the_probability_of_having_stood_behind_is_one(kind: int, n: float, front: float, back: float) -> None:
    assert 0.0 <= queue.behind_probability(np.int64(kind), n, front, back) <= 1.0


@pytest.mark.parametrize(
    ("front", "parts", "whole"), [(3.0, 0, 0), (0.0, 0, 0), (-0.4, 0, 0), (-0.6, 0, 1), (-2.7, 2, 3)]
)
def test_what_passes_our_place(front: float, parts: int, whole: int) -> None:
    assert queue.executable(front, np.int64(1)) == parts
    assert queue.executable(front, np.int64(0)) == whole
