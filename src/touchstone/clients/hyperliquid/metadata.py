"""A coin's rules and fees as the venue tells them: `perpDexs`, `meta`, `spotMeta`, `userFees`. Nothing is hard-coded.

Ids: hyperliquid.md 2.3. Fees: 14. Not covered, for the venue does not tell it: the discount of takers where the
collateral is an aligned quote token, and its weighting of rebates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from touchstone.clients.errors import ClientError, DelistedCoinError, UnknownCoinError
from touchstone.venues.hyperliquid.info import Asset, Meta, PerpDex, SpotMeta, UserFees

if TYPE_CHECKING:
    from touchstone.clients.hyperliquid.client import Client

BUILDER_ASSETS, ASSETS_PER_DEX = 100_000, 10_000
_SHOWN = 30  # names in an error


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
    margin_mode: str  # normal, noCross, strictIsolated
    collateral: str  # name of the token
    growth_mode: bool
    deployer_fee_scale: float | None  # None on the validators' dex
    maker_fee_bps: float
    taker_fee_bps: float
    is_delisted: bool


async def read_market(client: "Client", coin: str, *, allow_delisted: bool = False) -> Market:
    """The coin as it is now. Raises UnknownCoinError (naming what there is), DelistedCoinError."""
    dexs: list[PerpDex | None] = await client.info("perpDexs")
    dex = coin.partition(":")[0] if ":" in coin else ""
    dex_index = _dex_index(dexs, dex, coin)
    meta: Meta = await client.info("meta", dex=dex)
    index = _index(meta, coin)
    asset = meta.universe[index]
    is_delisted = bool(asset.is_delisted)
    if is_delisted and not allow_delisted:
        raise DelistedCoinError(f"{coin} is delisted on {client.network.name}: nothing can be traded in it any more")
    builder = dexs[dex_index]
    scale = None if builder is None else Fraction(builder.deployer_fee_scale or "0")
    growth_mode = asset.growth_mode == "enabled"
    fees: UserFees = await client.info("userFees", user=client.account)
    maker, taker = rates(fees, scale, growth_mode=growth_mode)
    return Market(
        coin=coin,
        dex=dex,
        dex_index=dex_index,
        asset=index if not dex else BUILDER_ASSETS + ASSETS_PER_DEX * dex_index + index,
        sz_decimals=asset.sz_decimals,
        max_leverage=asset.max_leverage,
        only_isolated=_only_isolated(asset),
        margin_mode=asset.margin_mode or ("noCross" if asset.only_isolated else "normal"),
        collateral=await _token(client, meta.collateral_token or 0),
        growth_mode=growth_mode,
        deployer_fee_scale=None if scale is None else float(scale),
        maker_fee_bps=float(10_000 * maker),
        taker_fee_bps=float(10_000 * taker),
        is_delisted=is_delisted,
    )


async def read_fees(client: "Client", market: Market) -> tuple[float, float]:
    """(maker, taker) in bps of notional that the account pays now: tiers move with its volume."""
    fees: UserFees = await client.info("userFees", user=client.account)
    scale = None if market.deployer_fee_scale is None else Fraction(str(market.deployer_fee_scale))
    maker, taker = rates(fees, scale, growth_mode=market.growth_mode)
    return float(10_000 * maker), float(10_000 * taker)


def rates(fees: UserFees, deployer_fee_scale: Fraction | None, *, growth_mode: bool) -> tuple[Fraction, Fraction]:
    """(maker, taker) as fractions of notional: the user's rates x a builder dex's factor x growth x (1 - referral).

    The factor is 1 + s below a deployer's scale s of 1, else 2 s; a rebate is scaled by growth alone.
    """
    growth = Fraction(1, 10) if growth_mode else Fraction(1)
    factor = Fraction(1)
    if deployer_fee_scale is not None:
        factor = 1 + deployer_fee_scale if deployer_fee_scale < 1 else 2 * deployer_fee_scale
    paid = factor * growth * (1 - Fraction(fees.active_referral_discount))
    maker, taker = (
        rate * (paid if rate > 0 else growth) for rate in (Fraction(fees.user_add_rate), Fraction(fees.user_cross_rate))
    )
    return maker, taker


def _dex_index(dexs: list[PerpDex | None], dex: str, coin: str) -> int:
    names = ["" if entry is None else entry.name for entry in dexs]
    if dex not in names:
        raise UnknownCoinError(f"{coin}: there is no dex {dex!r}, only {_listed(name for name in names if name)}")
    return names.index(dex)


def _index(meta: Meta, coin: str) -> int:
    names = [asset.name for asset in meta.universe]
    if coin not in names:
        near = next((name for name in names if name.lower() == coin.lower()), None)
        hint = f"did you mean {near}?" if near else f"there are {_listed(names)}"
        raise UnknownCoinError(f"{coin} is not listed: {hint}")
    return names.index(coin)


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more


def _only_isolated(asset: Asset) -> bool:
    return bool(asset.only_isolated) or asset.margin_mode in ("strictIsolated", "noCross")


async def _token(client: "Client", index: int) -> str:
    spot: SpotMeta = await client.info("spotMeta")
    for token in spot.tokens:
        if token.index == index:
            return token.name
    raise ClientError(f"the collateral is token {index}, which spotMeta does not have")
