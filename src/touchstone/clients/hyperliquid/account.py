"""Readings of the account for reconciliation: the venue is the authority."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from touchstone.venues.hyperliquid.info import Agent, OrderStatus, RateLimit, UserRole
from touchstone.venues.hyperliquid.numbers import parse
from touchstone.venues.hyperliquid.shapes import ClearinghouseState, Fill, FrontendOrder, FundingEntry, Position

if TYPE_CHECKING:
    from touchstone.clients.hyperliquid.client import Client
    from touchstone.clients.hyperliquid.metadata import Market

FILLS_PER_PAGE, FUNDINGS_PER_PAGE = 2_000, 500
MICRO_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Standing:
    """The account on a coin's dex. Money in micro-units of collateral, size in units of 10^-szDecimals."""

    time_ms: int | None  # of the reading, where it is told
    size: int  # signed position in the coin
    equity: int
    withdrawable: int
    position: Position | None  # as told, None where flat


@dataclass(frozen=True, slots=True)
class Signs:
    """What the client's key is to its account: `role` is account, master, agent or stranger."""

    role: str
    account_role: str  # userRole of the account: user, subAccount, vault, agent, missing
    valid_until_ms: int | None = None  # of a named agent


async def open_orders(client: "Client", market: "Market") -> list[FrontendOrder]:
    """Orders of the account in the coin; those of other coins of its dex are left out."""
    orders: list[FrontendOrder] = await client.info("frontendOpenOrders", user=client.account, dex=market.dex)
    return [order for order in orders if order.coin == market.coin]


async def standing(client: "Client", market: "Market") -> Standing:
    """Position, equity and what could be withdrawn, of one moment."""
    state: ClearinghouseState = await client.info("clearinghouseState", user=client.account, dex=market.dex)
    held = (entry.position for entry in state.asset_positions if entry.position.coin == market.coin)
    position = next(held, None)
    summary = state.margin_summary or state.cross_margin_summary
    return Standing(
        time_ms=state.time or None,
        size=parse(position.szi, market.sz_decimals, "szi") if position else 0,
        equity=micro(summary.account_value or "0"),
        withdrawable=micro(state.withdrawable),
        position=position,
    )


async def fills_since(client: "Client", market: "Market", since_ms: int) -> list[Fill]:
    """Fills in the coin at or after a time, oldest first, each once; paged, so there may be many.

    The venue keeps the latest 10,000 of an account: an older beginning is not an error, and not complete.
    """
    found: list[Fill] = await _paged(
        client, "userFillsByTime", since_ms, FILLS_PER_PAGE, lambda fill: (fill.time, fill.coin, fill.tid, fill.oid)
    )
    return [fill for fill in found if fill.coin == market.coin]


async def funding_since(client: "Client", market: "Market", since_ms: int) -> list[FundingEntry]:
    """Funding payments in the coin at or after a time, oldest first, each once."""
    found: list[FundingEntry] = await _paged(
        client, "userFunding", since_ms, FUNDINGS_PER_PAGE, lambda entry: (entry.time, entry.delta.coin)
    )
    return [entry for entry in found if entry.delta.coin == market.coin]


async def order_status(client: "Client", order: str | int) -> OrderStatus:
    """What became of an order, by cloid (text) or oid (number); `status` is `order` or `unknownOid`."""
    status: OrderStatus = await client.info("orderStatus", user=client.account, oid=order)
    return status


async def rate_limit(client: "Client") -> RateLimit:
    """Requests used and allowed."""
    limit: RateLimit = await client.info("userRateLimit", user=client.account)
    return limit


async def abstraction(client: "Client") -> str:
    """Account mode: `default`, `disabled`, `unifiedAccount`, `portfolioMargin`, `dexAbstraction`."""
    mode: str = await client.info("userAbstraction", user=client.account)
    return mode


async def signs(client: "Client") -> Signs:
    """Whether the client's key may sign for its account. Needs a signer."""
    assert client.signer is not None, "a client without a key signs nothing"
    key = client.signer.address
    account: UserRole = await client.info("userRole", user=client.account)
    if key == client.account:
        return Signs("account", account.role)
    master = (account.data or {}).get("master", client.account).lower()  # of a sub-account, whose key signs for it
    if key == master:
        return Signs("master", account.role)
    role: UserRole = await client.info("userRole", user=key)
    if role.role != "agent" or (role.data or {}).get("user", "").lower() != master:
        return Signs("stranger", account.role)
    agents: list[Agent] = await client.info("extraAgents", user=master)
    ends = (agent.valid_until for agent in agents if agent.address.lower() == key)
    return Signs("agent", account.role, next(ends, None))


def micro(text: str) -> int:
    """Micro-units of collateral in decimal text, rounded down: the venue may write more decimals."""
    return int(Decimal(text).scaleb(MICRO_DECIMALS).to_integral_value(ROUND_FLOOR))


async def _paged(
    client: "Client", kind: str, since_ms: int, per_page: int, key: Callable[[Any], tuple[object, ...]]
) -> list[Any]:
    """All pages from a time on: bounds are inclusive, so what a page repeats is known by its key.

    Pages come oldest first; one that comes newest first (hyperliquid.md 9 has seen both) is followed backwards.
    """
    found: dict[tuple[object, ...], Any] = {}
    bounds = {"start_time": since_ms}
    while True:
        page: list[Any] = await client.info(kind, user=client.account, **bounds)
        is_backward = len(page) > 1 and page[0].time > page[-1].time
        new = {key(entry): entry for entry in (page[::-1] if is_backward else page) if key(entry) not in found}
        found = new | found if is_backward else found | new
        if len(page) < per_page or not new:
            return sorted(found.values(), key=lambda entry: entry.time)
        bounds["end_time" if is_backward else "start_time"] = page[-1].time
