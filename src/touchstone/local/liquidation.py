"""Liquidation: who has less than the maintenance margin loses positions to the market, or to the backstop."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from touchstone.local.engine import Engine


def check(exchange: "Engine") -> None:
    """Look at the accounts that this block has touched."""
