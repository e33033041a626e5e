"""Readings of the account for reconciliation: the venue is the authority."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from touchstone.venues.hyperliquid.info import OrderStatus, RateLimit
from touchstone.venues.hyperliquid.shapes import Fill, FrontendOrder, FundingEntry, Position

if TYPE_CHECKING:
    from touchstone.clients.hyperliquid.client import Client
    from touchstone.clients.hyperliquid.metadata import Market


@dataclass(frozen=True, slots=True)
class Standing:
    """The account on a coin's dex. Money in micro-units of collateral, size in units of 10^-szDecimals."""

    time_ms: int
    size: int  # signed position in the coin
    equity: int
    withdrawable: int
    position: Position | None  # as told, None where flat


@dataclass(frozen=True, slots=True)
class Signs:
    """What the client's key may do: `role` is account, agent or stranger; an agent's end where it is told."""

    role: str
    valid_until_ms: int | None
    account_role: str  # userRole of the account: user, subAccount, vault, missing


async def open_orders(client: "Client", market: "Market") -> list[FrontendOrder]:
    """Orders of the account in the coin; those of other coins of its dex are left out."""
    raise NotImplementedError


async def standing(client: "Client", market: "Market") -> Standing:
    """Position, equity and what could be withdrawn, of one moment."""
    raise NotImplementedError


async def fills_since(client: "Client", market: "Market", since_ms: int) -> list[Fill]:
    """Fills in the coin at or after a time, oldest first, each once; paged, so there may be many."""
    raise NotImplementedError


async def funding_since(client: "Client", market: "Market", since_ms: int) -> list[FundingEntry]:
    """Funding payments in the coin at or after a time, oldest first, each once."""
    raise NotImplementedError


async def order_status(client: "Client", order: str | int) -> OrderStatus:
    """What became of an order, by cloid (text) or oid (number); `status` is `order` or `unknownOid`."""
    raise NotImplementedError


async def rate_limit(client: "Client") -> RateLimit:
    """Requests used and allowed."""
    raise NotImplementedError


async def abstraction(client: "Client") -> str:
    """Account mode: `default`, `disabled`, `unifiedAccount`, `portfolioMargin`, `dexAbstraction`."""
    raise NotImplementedError


async def signs(client: "Client") -> Signs:
    """Whether the client's key may sign for its account."""
    raise NotImplementedError
