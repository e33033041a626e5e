"""Numbers of the engine as the wire writes them."""

from touchstone.venues.hyperliquid.numbers import render_response

MONEY_DECIMALS = 6
RATE_DECIMALS = 10  # funding rates and premiums
NO_HASH = "0x" + "0" * 64


def money(micro: int) -> str:
    """Amount of collateral."""
    return render_response(micro, MONEY_DECIMALS)


def rate(units: int) -> str:
    """A rate in 1e-10."""
    return render_response(units, RATE_DECIMALS)


def ratio(part: int, whole: int, decimals: int) -> str:
    """part / whole, rounded towards zero."""
    scaled = abs(part) * 10**decimals // abs(whole)
    return render_response(scaled if (part >= 0) == (whole > 0) else -scaled, decimals)
