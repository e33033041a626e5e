"""Decimal text to whole units, exactly; the venue's price grid; what is known about a coin.

A price is a whole number of 10^-(6-szDecimals), a size of 10^-szDecimals. Text is never read through a float.
"""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from touchstone.data.errors import DataError
from touchstone.data.layout import Ints

Codes = NDArray[np.uint8]

# What a number turned out to be.
OK, EMPTY, NON_NUMERIC, NAN, NEGATIVE, ZERO, TOO_FINE, TOO_LARGE = range(8)

_PLAIN = r"^([0-9]{1,18})(?:\.([0-9]*))?$"
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_NAN = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_LARGEST = 2**62


def to_units(text: str | None, decimals: int) -> tuple[int, int]:
    """(whole units of 10^-decimals, code) of one decimal number; exact, and 0 unless the code is OK or TOO_FINE.

    TOO_FINE: more decimals than the unit has; the value is then cut towards zero.
    """
    text = text.strip() if text is not None else ""
    if not text:
        return 0, EMPTY
    if _NAN.fullmatch(text):
        return 0, NAN
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return 0, NON_NUMERIC
    sign, whole, part, exponent = match[1], match[2], match[3] or "", match[4] or "0"
    digits = (whole + part).lstrip("0")
    if not digits:
        return 0, ZERO
    if sign == "-":
        return 0, NEGATIVE
    if len(exponent) > 6:
        return 0, (TOO_FINE if exponent[0] == "-" else TOO_LARGE)
    shift = int(exponent) - len(part) + decimals
    if len(digits) + shift > 19:
        return 0, TOO_LARGE
    if shift >= 0:
        value, rest = int(digits) * 10**shift, False
    else:
        value, rest = int(digits[:shift] or "0"), bool(digits[shift:].strip("0"))
    if value > _LARGEST:
        return 0, TOO_LARGE
    return value, (TOO_FINE if rest else OK)


def parse_units(texts: pl.Series, decimals: int) -> tuple[Ints, Codes]:
    """`to_units` of a whole column: the plain form in bulk, everything else one by one."""
    parts = texts.str.extract_groups(_PLAIN)
    whole = parts.struct.field("1")
    tail = parts.struct.field("2").fill_null("").str.strip_chars_end("0")
    plain = whole.is_not_null() & (tail.str.len_bytes() <= decimals)
    units = (whole + tail.str.pad_end(decimals, "0")).cast(pl.Int64, strict=False)
    plain &= units.is_not_null() & (units > 0) & (units <= _LARGEST)
    values: Ints = np.where(plain.fill_null(False).to_numpy(), units.fill_null(0).to_numpy(), 0).astype(np.int64)
    codes: Codes = np.zeros(len(values), np.uint8)
    for row in np.flatnonzero(~plain.fill_null(False).to_numpy()):
        values[row], codes[row] = to_units(texts[int(row)], decimals)
    return values, codes


def tick_of(px: Ints, sz_decimals: int) -> Ints:
    """Tick (price units) at prices: five significant figures, at most 6 - sz_decimals decimals, whole numbers valid."""
    figures = np.searchsorted(10 ** np.arange(1, 19, dtype=np.int64), px, side="right") + 1
    ticks: Ints = 10 ** np.clip(figures - 5, 0, 6 - sz_decimals).astype(np.int64)
    return ticks


@dataclass(frozen=True)
class Coin:
    """A perp: its full name (`dex:NAME` on builder dexs), size decimals and collateral."""

    name: str
    sz_decimals: int
    collateral: str = "USDC"

    @property
    def dex(self) -> str:
        """Builder dex, empty for validator perps."""
        return self.name.partition(":")[0] if ":" in self.name else ""

    @property
    def px_decimals(self) -> int:
        return 6 - self.sz_decimals


SZ_DECIMALS = {"BTC": 5, "ETH": 4, "SOL": 2, "HYPE": 2, "WLFI": 0, "hyna:HYPE": 2}
COLLATERAL = {"hyna": "USDE"}


def coin_of(name: str, sz_decimals: int | None = None) -> Coin:
    """Coin by name; an unknown one needs its szDecimals (0..6). Raises DataError."""
    if sz_decimals is None:
        sz_decimals = SZ_DECIMALS.get(name)
    if sz_decimals is None:
        known = ", ".join(sorted(SZ_DECIMALS))
        raise DataError(f"coin {name!r}: its szDecimals is not known (known: {known}); give --sz-decimals")
    if not 0 <= sz_decimals <= 6:
        raise DataError(f"coin {name!r}: szDecimals {sz_decimals} is outside 0..6; take it from the venue's `meta`")
    return Coin(name, sz_decimals, COLLATERAL.get(name.partition(":")[0], "USDC"))
