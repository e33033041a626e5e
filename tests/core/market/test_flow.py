"""Trade flow and order flow imbalance: golden vectors and what a signal must not lose."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.conventions import NS
from touchstone.core.market import flow

FAST, SLOW = flow.FAST, flow.SLOW
BUY, SELL = 1, -1


def make(fast=5.0, slow=60.0, scale=600.0, n_warm=3):
    f = np.zeros(1, flow.FLOW)[0]
    flow.reset(f, fast, slow, scale, n_warm)
    return f


def test_order_flow_imbalance_vector():
    """Cont, Kukanov and Stoikov 2014: contributions +5, +12, -7, -5."""
    f = make()
    touches = [(100, 10, 101, 8), (100, 15, 101, 8), (101, 4, 102, 6), (100, 7, 102, 9), (100, 7, 101, 5)]
    seen = []
    for touch in touches:
        flow.on_touch(f, NS, *touch)
        seen.append(int(f.last_ofi))
    assert seen[1:] == [5, 12, -7, -5]
    assert f.ofi[0] == f.ofi[1] == 5.0
    assert flow.touch_flow(f, FAST) == pytest.approx(5.0 / 9.0)  # mean touch size of the first touch: (10 + 8) / 2


touch = st.tuples(st.integers(95, 105), st.integers(1, 50), st.integers(1, 5), st.integers(1, 50))


@settings(max_examples=100, deadline=None)
@given(st.lists(touch, min_size=2, max_size=20))
def test_imbalance_mirrors_with_the_book(touches):
    """Swapping bid and ask turns the sign."""
    f, g = make(), make()
    for bid, bid_qty, spread, ask_qty in touches:
        ask = bid + spread
        flow.on_touch(f, NS, bid, bid_qty, ask, ask_qty)
        flow.on_touch(g, NS, 1000 - ask, ask_qty, 1000 - bid, bid_qty)
        assert f.last_ofi == -g.last_ofi
    assert flow.touch_flow(f, SLOW) == -flow.touch_flow(g, SLOW)


def test_imbalance_does_not_cross_an_empty_side():
    f = make()
    flow.on_touch(f, NS, 100, 10, 101, 8)
    flow.on_touch(f, NS, 0, 0, 101, 8)
    flow.on_touch(f, NS, 0, 0, 101, 8)
    flow.on_touch(f, NS, 90, 10, 101, 8)
    assert f.n_breaks == 1
    assert f.ofi[0] == 0.0


def test_depth_is_a_time_average():
    f = make(scale=10.0)
    flow.on_touch(f, 1 * NS, 100, 10, 101, 10)
    flow.on_touch(f, 2 * NS, 100, 1000, 101, 1000)
    flow.on_touch(f, 2 * NS + 1000, 100, 10, 101, 10)  # a flash of a microsecond
    assert f.depth == pytest.approx(10.0, rel=1e-3)
    flow.on_touch(f, 3 * NS, 100, 30, 101, 30)
    flow.on_clock(f, 13 * NS)
    assert f.depth == pytest.approx(20.0, rel=1e-3)  # half the weight after one half-life


def test_flow_halves_in_a_half_life():
    f = make(fast=5.0, slow=50.0)
    flow.on_trade(f, NS, NS, BUY, 100)
    flow.on_trade(f, NS, NS, SELL, 40)
    flow.on_clock(f, 6 * NS)
    assert f.buys[0] == pytest.approx(50.0)
    assert f.sells[0] == pytest.approx(20.0)
    flow.on_clock(f, 51 * NS)
    assert f.buys[1] == pytest.approx(50.0)


def test_signed_flow_grows_with_activity_where_the_ratio_stands_still():
    few, many = make(slow=1e9, scale=1e9), make(slow=1e9, scale=1e9)
    for f, n in ((few, 4), (many, 400)):
        for i in range(n):
            side = BUY if i % 4 else SELL
            flow.on_trade(f, NS + i, NS + i, side, 10)
    assert (few.buys[1] - few.sells[1]) / (few.buys[1] + few.sells[1]) == pytest.approx(0.5)
    assert (many.buys[1] - many.sells[1]) / (many.buys[1] + many.sells[1]) == pytest.approx(0.5)
    assert flow.signed_flow(few, SLOW) == pytest.approx(2.0)  # net two orders of the usual size
    assert flow.signed_flow(many, SLOW) == pytest.approx(200.0, rel=1e-5)


def test_signed_flow_has_no_unit():
    coins, milli = make(), make()
    for i, (side, qty) in enumerate([(BUY, 3), (SELL, 5), (BUY, 8), (BUY, 1)]):
        flow.on_trade(coins, NS * (i + 1), NS * (i + 1), side, qty)
        flow.on_trade(milli, NS * (i + 1), NS * (i + 1), side, qty * 1000)
    assert flow.signed_flow(milli, FAST) == pytest.approx(flow.signed_flow(coins, FAST), rel=1e-12)


def test_without_signal_its_spread_is_the_root_of_half_the_decayed_number():
    rng = np.random.default_rng(4)
    values = []
    f = make(fast=5.0, scale=1000.0)
    t = NS
    for i in range(20_000):
        t += int(rng.exponential(0.1) * NS)
        flow.on_trade(f, t, t, int(rng.choice([BUY, SELL])), int(rng.integers(1, 100)))
        if i > 2000 and i % 100 == 0:
            values.append(flow.signed_flow(f, FAST))
    decayed_number = 10.0 * 5.0 / math.log(2.0)
    assert np.std(values) == pytest.approx(math.sqrt(decayed_number / 2.0), rel=0.25)
    assert flow.order_rate(f) == pytest.approx(10.0, rel=0.1)
    assert flow.mean_order_qty(f) == pytest.approx(50.0, rel=0.1)


def test_prints_of_one_block_and_side_are_one_order():
    split, whole = make(), make()
    for qty in (3, 4, 5):
        flow.on_trade(split, NS, 7, BUY, qty)
    flow.on_trade(whole, NS, 7, BUY, 12)
    assert split.n_orders == whole.n_orders == 1
    assert split.volume2 == whole.volume2 == 144.0
    flow.on_trade(split, NS, 7, SELL, 2)
    flow.on_trade(split, NS, 8, SELL, 2)
    assert split.n_orders == 3


def test_no_data_is_not_zero():
    f = make()
    assert not flow.is_warm(f)
    assert math.isnan(flow.mean_order_qty(f))
    assert math.isnan(flow.order_rate(f))
    assert flow.signed_flow(f, FAST) == 0.0  # nothing has been bought or sold
    assert flow.touch_flow(f, FAST) == 0.0
    for i in range(3):
        flow.on_trade(f, NS + i, i, BUY, 1)
    assert flow.is_warm(f)


def test_an_older_event_counts_as_of_the_newest():
    f = make()
    flow.on_trade(f, 5 * NS, 1, BUY, 10)
    flow.on_trade(f, 4 * NS, 2, BUY, 10)
    assert f.n_backwards == 1
    assert f.buys[0] == 20.0
