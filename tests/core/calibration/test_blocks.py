"""The effective number of outcomes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.calibration import blocks
from touchstone.core.jit import compiled

S = 1_000_000_000


def _blocks(horizon_ns=1 * S):
    store = np.zeros(1, blocks.BLOCKS)[0]
    blocks.reset(store, np.int64(horizon_ns))
    return store


def _feed(store, rows):
    for t, model, base in rows:
        blocks.update(store, np.int64(t), float(model), float(base))


@compiled
def _feed_arrays(store, times, model, base):
    for i in range(len(times)):
        blocks.update(store, times[i], model[i], base[i])


def _direct(length, rows):
    """DESIGN's formula, by dictionary."""
    sums: dict[int, list[float]] = {}
    for t, model, base in rows:
        entry = sums.setdefault(t // length, [0.0, 0.0])
        entry[0] += base - model
        entry[1] += 1
    d = np.array([base - model for _, model, base in rows])
    big_d, big_n = np.array(list(sums.values())).T
    b, n = len(sums), len(rows)
    v = b / (b - 1) * np.sum((big_d - d.mean() * big_n) ** 2) / n**2
    return d.mean(), v, min(n, d.var(ddof=1) / v), b


def test_block_length() -> None:
    assert _blocks(1 * S).length_ns == 30 * S
    assert _blocks(60 * S).length_ns == 120 * S


@given(
    st.lists(
        st.tuples(st.integers(0, 3000 * S), st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=3, max_size=60
    ),
    st.randoms(),
)
@settings(max_examples=80, deadline=None)
def test_equals_the_formula_in_any_order(rows, random) -> None:
    store = _blocks()
    random.shuffle(rows)
    _feed(store, rows)
    dbar, v, n_eff, count = blocks.effective_size(store)
    index = store.index[:count]
    assert list(index) == sorted({t // (30 * S) for t, _, _ in rows})
    assert store.n[:count].sum() == len(rows)
    if count < 2:
        assert math.isnan(n_eff)
        return
    d = np.array([base - model for _, model, base in rows])
    if d.var() < 1e-6:
        return
    want = _direct(30 * S, rows)
    assert dbar == pytest.approx(want[0], abs=1e-12)
    assert v == pytest.approx(want[1], rel=1e-6, abs=1e-15)
    if want[1] > 1e-9:
        assert n_eff == pytest.approx(want[2], rel=1e-6)


def test_single_outcomes_count_in_full_and_copies_do_not() -> None:
    rng = np.random.default_rng(1)
    d = rng.normal(size=200)
    store = _blocks()
    _feed(store, [(i * 60 * S, 0.0, x) for i, x in enumerate(d)])
    assert blocks.effective_size(store)[2] == pytest.approx(200, rel=1e-9)
    store = _blocks()
    _feed(store, [(i * 60 * S + k * S, 0.0, x) for i, x in enumerate(d) for k in range(5)])
    assert blocks.effective_size(store)[2] == pytest.approx(200, rel=0.01)


def test_nothing_and_no_spread() -> None:
    store = _blocks()
    assert [math.isnan(x) for x in blocks.effective_size(store)[:3]] == [True] * 3
    _feed(store, [(i * 60 * S, 0.5, 0.5) for i in range(40)])
    dbar, _, n_eff, count = blocks.effective_size(store)
    assert (dbar, n_eff, count) == (0.0, 40.0, 40)


def test_flat_memory() -> None:
    """5,000 blocks' worth of time: merged in pairs, every sum kept, nothing lost."""
    rng = np.random.default_rng(2)
    times = np.arange(40_000, dtype=np.int64) * 4 * S
    model, base = rng.random(40_000), rng.random(40_000)
    store = _blocks()
    _feed_arrays(store, times, model, base)
    dbar, v, n_eff, count = blocks.effective_size(store)
    assert blocks.CAPACITY // 2 <= count <= blocks.CAPACITY
    assert store.length_ns == 240 * S
    want = _direct(int(store.length_ns), list(zip(times.tolist(), model, base, strict=True)))
    assert (dbar, v, n_eff) == pytest.approx(want[:3], rel=1e-9)
    assert count == want[3]
    assert store.model[:count].sum() == pytest.approx(model.sum(), rel=1e-12)


def test_sparse_blocks_and_a_late_outcome_when_full() -> None:
    store = _blocks()
    times = np.arange(blocks.CAPACITY, dtype=np.int64) * 300 * S  # one block in ten holds something
    _feed_arrays(store, times, np.zeros(len(times)), np.ones(len(times)))
    assert store.n_blocks == blocks.CAPACITY
    _feed(store, [(450 * S, 0.0, 1.0)])  # in a gap: joins the block before
    assert store.n[1] == 2
    assert store.length_ns == 30 * S
    _feed(store, [(int(times[-1]) + 300 * S, 0.0, 1.0)])
    assert store.length_ns == 480 * S  # several doublings until a place is free
    assert store.n[: store.n_blocks].sum() == blocks.CAPACITY + 2 == store.n_total
    assert np.all(np.diff(store.index[: store.n_blocks]) > 0)
