"""Numbers of the wire against exact decimals, and the price grid against the core's."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core import grid as price_grid
from touchstone.venues.hyperliquid.numbers import (
    NumberError,
    canonical,
    parse,
    parse_price,
    parse_size,
    render,
    render_price,
    render_response,
    render_size,
    tick_at,
)

UNITS = st.integers(-(10**20), 10**20)
DECIMALS = st.integers(0, 8)


@given(units=UNITS, decimals=DECIMALS)
def test_units_come_back_and_the_text_is_exact_and_shortest(units: int, decimals: int) -> None:
    text = render(units, decimals)
    assert parse(text, decimals) == units
    assert Decimal(text) == Decimal(units).scaleb(-decimals)
    assert text == canonical(text) == canonical(render_response(units, decimals))
    assert not (text.endswith(("0", ".")) if "." in text else text == "-0")


@given(value=st.decimals(-(10**9), 10**9, places=8), decimals=DECIMALS)
def test_a_number_is_read_exactly_or_refused(value: Decimal, decimals: int) -> None:
    exact = value.scaleb(decimals)
    if exact == exact.to_integral_value():
        assert parse(f"{value:f}", decimals) == exact
    else:
        with pytest.raises(NumberError) as caught:
            parse(f"{value:f}", decimals)
        assert caught.value.rule == "decimals"


@pytest.mark.parametrize("text", ["", "1e5", "nan", "+1", " 1", "1 ", ".5", "1,5", "0x1", "--1", "1_0", "١"])
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    for read in (lambda: parse(text, 3), lambda: canonical(text)):
        with pytest.raises(NumberError, match="plain decimal") as caught:
            read()
        assert caught.value.rule == "form"


@pytest.mark.parametrize(
    ("text", "shortest"),
    [("2000.0", "2000"), ("0.00", "0"), ("-0.0", "0"), ("007.50", "7.5"), ("5.", "5"), ("100", "100"), ("-1.0", "-1")],
)
def test_canonical(text: str, shortest: str) -> None:
    assert canonical(text) == shortest


def test_responses_carry_a_decimal() -> None:
    assert [render_response(units, 2) for units in (10000, 150, -5, 0)] == ["100.0", "1.5", "-0.05", "0.0"]


@given(px=st.integers(1, 10**13), sz_decimals=st.integers(0, 6))
def test_the_grid_is_that_of_the_core(px: int, sz_decimals: int) -> None:
    grid = np.zeros(1, price_grid.GRID)
    price_grid.reset(grid[0], np.int64(sz_decimals), np.int64(10_000_000))
    assert tick_at(px, sz_decimals) == price_grid.tick_at(grid[0], np.int64(px))
    text = render(px, 6 - sz_decimals)
    if px % tick_at(px, sz_decimals):
        with pytest.raises(NumberError, match="significant figures"):
            parse_price(text, sz_decimals)
    else:
        assert parse_price(text, sz_decimals) == px
        assert render_price(px, sz_decimals) == text


@pytest.mark.parametrize(  # the examples of the documentation of the venue
    ("text", "sz_decimals", "rule"),
    [("1234.5", 1, None), ("1234.56", 1, "figures"), ("0.001234", 0, None), ("0.0012345", 0, "decimals"),
     ("0.01234", 1, None), ("0.012345", 1, "decimals"), ("123456", 0, None), ("12345.6", 0, "figures"),
     ("38.123", 2, None), ("0", 2, "positive"), ("-1", 2, "positive")],
)  # fmt: skip
def test_price_rules(text: str, sz_decimals: int, rule: str | None) -> None:
    if rule is None:
        assert render_price(parse_price(text, sz_decimals), sz_decimals) == text
        return
    with pytest.raises(NumberError) as caught:
        parse_price(text, sz_decimals)
    assert caught.value.rule == rule
    assert text in str(caught.value)


def test_the_error_names_value_rule_and_remedy() -> None:
    with pytest.raises(NumberError, match=r"price '12345\.6': more than 5 significant figures .*12345 and 12346"):
        parse_price("12345.6", 0)


def test_size_rules() -> None:
    assert parse_size("1.25", 2) == 125
    assert render_size(120, 2) == "1.2"
    for text, rule in (("1.255", "decimals"), ("0.0", "positive"), ("-1", "positive")):
        with pytest.raises(NumberError) as caught:
            parse_size(text, 2)
        assert caught.value.rule == rule
    with pytest.raises(NumberError):
        render_size(0, 2)
