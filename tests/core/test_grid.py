"""The price grid against the venue's rule, written down a second time with Decimal."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core import grid as price_grid

TEN_DOLLARS = 10_000_000  # micro-units


def make_grid(sz_decimals, min_notional=TEN_DOLLARS):
    grid = np.zeros(1, price_grid.GRID)[0]
    price_grid.reset(grid, sz_decimals, min_notional)
    return grid


GRIDS = [make_grid(d) for d in range(7)]


def is_valid_by_the_rule(px, sz_decimals):
    """At most five significant figures or a whole number; at most 6 - szDecimals decimals (given by the unit)."""
    value = Decimal(px).scaleb(-(6 - sz_decimals))
    if value == value.to_integral_value():
        return True
    return len(value.normalize().as_tuple().digits) <= 5


sz_decimals = st.integers(0, 6)
# Every magnitude alike, so that decades and their edges are hit.
prices = st.one_of(
    st.integers(1, 10**12),
    st.integers(0, 11).flatmap(lambda e: st.integers(10**e, 10 ** (e + 1))),
    st.builds(lambda e, d: max(10**e + d, 1), st.integers(0, 11), st.integers(-20, 20)),
)
LARGEST = 10**12


@settings(max_examples=400, deadline=None)
@given(sz_decimals, prices)
def test_valid_prices_are_those_of_the_rule(d, px):
    assert bool(price_grid.is_valid_price(GRIDS[d], px)) == is_valid_by_the_rule(px, d)


@pytest.mark.parametrize("d", range(7))
def test_no_valid_price_lies_between_neighbours(d):
    grid = GRIDS[d]
    tried = [*range(1, 20), *range(700, 99_000, 997), *range(99_990, 100_050), *range(999_900, 1_000_300)]
    for px in (px for px in tried if is_valid_by_the_rule(px, d)):
        index = price_grid.index_of(grid, px)
        assert price_grid.price_of(grid, index) == px
        following = price_grid.price_of(grid, index + 1)
        between = range(px + 1, following)
        assert is_valid_by_the_rule(following, d)
        assert not any(is_valid_by_the_rule(x, d) for x in between)


@settings(max_examples=400, deadline=None)
@given(sz_decimals, prices)
def test_index_and_price_are_inverse_and_neighbours_differ_by_one(d, px):
    grid = GRIDS[d]
    tick = int(price_grid.tick_at(grid, px))
    px = max(px - px % tick, 1)
    index = price_grid.index_of(grid, px)
    assert price_grid.price_of(grid, index) == px
    after = int(price_grid.price_of(grid, index + 1))
    assert price_grid.index_of(grid, after) == index + 1
    assert is_valid_by_the_rule(after, d)
    middle = (px + after) // 2
    assert after - px == 1 or not is_valid_by_the_rule(middle if middle > px else px + 1, d)


@settings(max_examples=400, deadline=None)
@given(sz_decimals, st.floats(1e-3, 1e11, allow_nan=False))
def test_rounding_finds_the_neighbours(d, px):
    grid = GRIDS[d]
    below = int(price_grid.index_at_or_below(grid, px))
    above = int(price_grid.index_at_or_above(grid, px))
    assert above - below in (0, 1)
    assert below >= 1
    if px >= 1.0:
        assert price_grid.price_of(grid, below) <= px
    assert price_grid.price_of(grid, below + 1) > px or px < 1.0
    assert price_grid.price_of(grid, above) >= px
    assert above == 1 or price_grid.price_of(grid, above - 1) < px


def test_rounding_of_valid_prices_is_exact():
    for d in range(7):
        for px in (1, 99_999, 100_000, 123_450, 1_000_000, 12_345 * 10**6):
            index = price_grid.index_of(GRIDS[d], px)
            assert price_grid.index_at_or_below(GRIDS[d], float(px)) == index
            assert price_grid.index_at_or_above(GRIDS[d], float(px)) == index


@pytest.mark.parametrize("px", [float("nan"), -5.0, 0.0, 0.3])
def test_rounding_without_a_price_gives_the_first_index(px):
    assert price_grid.index_at_or_below(GRIDS[2], px) == 1


def test_rounding_of_infinity_is_the_largest_price():
    index = price_grid.index_at_or_below(GRIDS[2], float("inf"))
    assert price_grid.price_of(GRIDS[2], index) == int(price_grid.LARGEST_PX)


@pytest.mark.parametrize(
    ("d", "text", "valid"),
    [  # examples of the venue's documentation: perps, MAX_DECIMALS 6
        (1, "1234.5", True),
        (1, "1234.56", False),
        (0, "0.001234", True),
        (0, "0.0012345", False),
        (1, "0.01234", True),
        (1, "0.012345", False),
        (1, "123456.0", True),
        (0, "12345.6", False),
        (5, "0.1", True),
    ],
)
def test_documented_examples(d, text, valid):
    units = Decimal(text).scaleb(6 - d)
    on_unit = units == units.to_integral_value()
    assert (on_unit and bool(price_grid.is_valid_price(GRIDS[d], int(units)))) == valid


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 10**10))
def test_smallest_order_reaches_the_minimum_and_not_less_would(min_notional, px):
    grid = make_grid(2, min_notional)
    qty = int(price_grid.smallest_order_qty(grid, px))
    assert qty >= 1
    assert qty * px >= min_notional
    assert qty == 1 or (qty - 1) * px < min_notional


def test_smallest_order_without_a_price_is_out_of_reach():
    assert price_grid.smallest_order_qty(GRIDS[2], 0) == price_grid.FAR


def test_prices_that_are_not_positive_are_invalid():
    assert not price_grid.is_valid_price(GRIDS[2], 0)
    assert not price_grid.is_valid_price(GRIDS[2], -10)


@settings(max_examples=200, deadline=None)
@given(sz_decimals, prices, st.floats(0.0, 1.0))
def test_the_nearest_price_has_no_nearer_neighbour_and_ties_go_to_the_even_index(d, px, share):
    grid = GRIDS[d]
    low = price_grid.index_at_or_below(grid, np.float64(px))
    lower = price_grid.price_of(grid, low)
    upper = price_grid.price_of(grid, low + 1)
    for wanted in (lower + share * (upper - lower), lower + 0.5 * (upper - lower)):
        found = price_grid.index_nearest(grid, np.float64(wanted))
        distance = abs(price_grid.price_of(grid, found) - wanted)
        for neighbour in (found - 1, found + 1):
            if neighbour >= 1:
                other = abs(price_grid.price_of(grid, neighbour) - wanted)
                assert distance < other or (distance == other and found % 2 == 0)
