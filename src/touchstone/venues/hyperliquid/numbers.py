"""Decimal text of the wire to whole units and back, exactly; the venue's rules of price and size.

A price is a whole number of 10^-(6-szDecimals), a size of 10^-szDecimals (as in the core). Requests carry the shortest
plain form (`100`, `0.5`, never `1e2`, `0.50` or `-0`), responses at least one decimal (`100.0`). No float takes part.
"""

import re

from touchstone.venues.hyperliquid.errors import WireError

PERP_DECIMALS = 6
SIGNIFICANT_FIGURES = 5

_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]*))?")


class NumberError(WireError):
    """A number the venue refuses; `rule` is which of its rules: form, decimals, figures or positive."""

    def __init__(self, what: str, text: str, rule: str, words: str) -> None:
        super().__init__(f"{what} {text[:60]!r}: {words}")
        self.rule = rule


def parse(text: str, decimals: int, what: str = "number") -> int:
    """Whole units of 10^-decimals in `text`, sign included. Raises NumberError where that is not exact."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise NumberError(what, text, "form", "not a plain decimal number such as 1234.5 (no exponent, no spaces)")
    sign, whole, part = match[1], match[2], (match[3] or "").rstrip("0")
    if len(part) > decimals:
        raise NumberError(what, text, "decimals", f"{len(part)} decimals, at most {decimals} here")
    units = int(whole + part.ljust(decimals, "0"))
    return -units if sign else units


def parse_cut(text: str, decimals: int, what: str = "number") -> int:
    """As `parse`, but what is finer than the unit is cut towards zero. Raises NumberError where it is no number."""
    whole, point, part = text.partition(".")
    return parse(whole + point + part[:decimals], decimals, what)


def render(units: int, decimals: int) -> str:
    """Shortest plain form of `units` of 10^-decimals, as requests must carry it."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    if not decimals:
        return sign + digits
    part = digits[-decimals:].rstrip("0")
    return f"{sign}{digits[:-decimals]}.{part}" if part else sign + digits[:-decimals]


def render_response(units: int, decimals: int) -> str:
    """As `render`, with at least one decimal: what the venue writes."""
    text = render(units, decimals)
    return text if "." in text else text + ".0"


def canonical(text: str, what: str = "number") -> str:
    """Shortest plain form of a decimal text. Raises NumberError where it is none."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise NumberError(what, text, "form", "not a plain decimal number such as 1234.5 (no exponent, no spaces)")
    whole, part = match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    sign = match[1] if part or whole != "0" else ""
    return f"{sign}{whole}.{part}" if part else sign + whole


def tick_at(px: int, sz_decimals: int) -> int:
    """Tick at a price > 0, both in price units: five significant figures, whole numbers always valid."""
    tick: int = 10 ** min(max(len(str(px)) - SIGNIFICANT_FIGURES, 0), PERP_DECIMALS - sz_decimals)
    return tick


def check_price(px: int, sz_decimals: int) -> None:
    """Raises NumberError unless `px` (price units) is positive and on the grid."""
    decimals = PERP_DECIMALS - sz_decimals
    if px <= 0:
        raise NumberError("price", render(px, decimals), "positive", "must be above zero")
    tick = tick_at(px, sz_decimals)
    if px % tick:
        below = px - px % tick
        raise NumberError(
            "price",
            render(px, decimals),
            "figures",
            f"more than {SIGNIFICANT_FIGURES} significant figures (whole numbers excepted);"
            f" nearest {render(below, decimals)} and {render(below + tick, decimals)}",
        )


def parse_price(text: str, sz_decimals: int) -> int:
    """Price units of a price that the venue accepts for a perp with `sz_decimals`. Raises NumberError."""
    px = parse(text, PERP_DECIMALS - sz_decimals, "price")
    check_price(px, sz_decimals)
    return px


def parse_size(text: str, sz_decimals: int) -> int:
    """Size units of an order's size. Raises NumberError where it is zero, negative or too fine."""
    sz = parse(text, sz_decimals, "size")
    if sz <= 0:
        raise NumberError("size", text, "positive", "must be above zero")
    return sz


def render_price(px: int, sz_decimals: int) -> str:
    """Price of an order as the wire wants it. Raises NumberError where it is off the grid."""
    check_price(px, sz_decimals)
    return render(px, PERP_DECIMALS - sz_decimals)


def render_size(sz: int, sz_decimals: int) -> str:
    """Size of an order as the wire wants it. Raises NumberError unless positive."""
    if sz <= 0:
        raise NumberError("size", render(sz, sz_decimals), "positive", "must be above zero")
    return render(sz, sz_decimals)
