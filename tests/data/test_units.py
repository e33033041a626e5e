"""Decimal text to whole units against exact rational arithmetic; the price grid against the core's; coins."""

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core import grid as price_grid
from touchstone.data import units
from touchstone.data.errors import DataError
from touchstone.data.units import Coin, coin_of, parse_units, tick_of, to_units

NUMBERS = st.one_of(
    st.decimals(min_value=0, max_value=10**9, places=8).map(str),
    st.decimals(min_value="0.00000001", max_value=10**12, places=10).map(lambda d: f"{d:E}"),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.text(alphabet="0123456789.-+eE naif_", max_size=12),
)


@given(text=NUMBERS, decimals=st.integers(0, 9))
def test_a_readable_number_is_exact(text: str, decimals: int) -> None:
    value, code = to_units(text, decimals)
    if code == units.OK:
        assert Decimal(text.strip()).scaleb(decimals) == value > 0
    elif code == units.TOO_FINE:
        assert 0 <= value < Decimal(text.strip()).scaleb(decimals) < value + 1
    else:
        assert value == 0


@given(texts=st.lists(NUMBERS, max_size=20), decimals=st.integers(0, 9))
def test_a_column_is_read_as_its_single_values(texts: list[str], decimals: int) -> None:
    values, codes = parse_units(pl.Series(texts, dtype=pl.String), decimals)
    assert list(zip(values.tolist(), codes.tolist(), strict=True)) == [to_units(text, decimals) for text in texts]


def test_an_absent_value_is_empty() -> None:
    values, codes = parse_units(pl.Series([None, "1.5", " 1.5 "], dtype=pl.String), 2)
    assert values.tolist() == [0, 150, 150]
    assert codes.tolist() == [units.EMPTY, units.OK, units.OK]


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("4611686018427387904", 2**62, units.OK),
        ("4611686018427387905", 0, units.TOO_LARGE),
        ("99999999999999999999", 0, units.TOO_LARGE),
        ("1e9999999", 0, units.TOO_LARGE),
        ("1e-9999999", 0, units.TOO_FINE),
        ("1.000000000000000000000", 1, units.OK),
        ("1756904112.79", 1_756_904_112, units.TOO_FINE),
        ("5.", 5, units.OK),
        (".5", 0, units.TOO_FINE),
        (".", 0, units.NON_NUMERIC),
        ("1_000", 0, units.NON_NUMERIC),
        ("0x10", 0, units.NON_NUMERIC),
        ("-0.0", 0, units.ZERO),
        ("-Infinity", 0, units.NAN),
    ],
)
def test_edges_of_numbers(text: str, value: int, code: int) -> None:
    assert to_units(text, 0) == (value, code)


def test_the_tick_is_that_of_the_core() -> None:
    for sz_decimals in range(6):
        grid = np.zeros(1, price_grid.GRID)[0]
        price_grid.reset(grid, sz_decimals, 0)
        px = np.unique(np.geomspace(1, 10**12, 400).astype(np.int64))
        at_powers = np.array([10**n + d for n in range(1, 12) for d in (-1, 0, 1)], np.int64)
        prices = np.concatenate((px, at_powers))
        found = tick_of(prices, sz_decimals)
        for price, tick in zip(prices.tolist(), found.tolist(), strict=True):
            assert tick == price_grid.tick_at(grid, price), (sz_decimals, price)


def test_coins() -> None:
    assert coin_of("BTC") == Coin("BTC", 5, "USDC")
    assert (coin_of("hyna:HYPE").dex, coin_of("hyna:HYPE").collateral) == ("hyna", "USDE")
    assert (coin_of("BTC").dex, coin_of("BTC").px_decimals) == ("", 1)
    assert coin_of("NEW", 3).sz_decimals == 3
    with pytest.raises(DataError, match="give --sz-decimals"):
        coin_of("NEW")
    with pytest.raises(DataError, match=r"outside 0\.\.6"):
        coin_of("BTC", 7)
