"""A coin's rules and fees as the venue tells them: `perpDexs`, `meta`, `spotMeta`, `userFees` (hyperliquid.md 2.3, 14)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from touchstone.clients.hyperliquid.client import Client


@dataclass(frozen=True, slots=True)
class Market:
    """One coin for one account. Fees in bps of notional, positive = a cost; factors of a builder dex are in them."""

    coin: str  # as on the wire, `hyna:HYPE`
    dex: str  # empty: the validators'
    dex_index: int
    asset: int  # id in actions
    sz_decimals: int
    max_leverage: int
    only_isolated: bool
    margin_mode: Literal["normal", "noCross", "strictIsolated"] | str
    collateral: str  # name of the token
    growth_mode: bool
    deployer_fee_scale: float | None  # None on the validators' dex
    maker_fee_bps: float
    taker_fee_bps: float
    is_delisted: bool


async def read_market(client: "Client", coin: str, *, allow_delisted: bool = False) -> Market:
    """The coin as it is now. Raises UnknownCoinError (naming what there is), DelistedCoinError."""
    raise NotImplementedError
