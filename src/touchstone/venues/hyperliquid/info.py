"""Requests to /info and the shape of each response, by request type."""

from typing import Any

from msgspec import UNSET, Struct

from touchstone.venues.hyperliquid.shapes import (
    ActiveAssetData,
    AssetCtx,
    Book,
    Candle,
    ClearinghouseState,
    Fill,
    FrontendOrder,
    FundingEntry,
    LedgerEntry,
    Maybe,
    OpenOrder,
    PastOrder,
    Shape,
    SpotCtx,
    SpotState,
    Trade,
    TwapRecord,
    TwapSliceFill,
)


class CandleRequest(Struct, rename="camel"):
    coin: str
    interval: str
    start_time: int
    end_time: int | Maybe | None = UNSET


class InfoRequest(Struct, rename="camel"):
    """Any request to /info: its type and those parameters that the type has; clients send null for some."""

    type: str
    dex: str | Maybe | None = UNSET
    coin: str | Maybe | None = UNSET
    user: str | Maybe | None = UNSET
    oid: int | str | Maybe | None = UNSET
    start_time: int | Maybe | None = UNSET
    end_time: int | Maybe | None = UNSET
    aggregate_by_time: bool | Maybe | None = UNSET
    reversed: bool | Maybe | None = UNSET
    n_sig_figs: int | Maybe | None = UNSET
    mantissa: int | Maybe | None = UNSET
    req: CandleRequest | Maybe = UNSET
    builder: str | Maybe | None = UNSET
    id: int | Maybe | None = UNSET
    token_id: str | Maybe | None = UNSET


# Markets.


class Asset(Shape):
    """A perp of a dex's universe; its place in the list is its index, so delisted ones stay."""

    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int | Maybe = UNSET
    only_isolated: bool | Maybe | None = UNSET
    is_delisted: bool | Maybe | None = UNSET
    margin_mode: str | Maybe = UNSET
    growth_mode: str | Maybe = UNSET
    last_growth_mode_change_time: str | Maybe = UNSET


class MarginTier(Shape):
    lower_bound: str
    max_leverage: int


class MarginTable(Shape):
    description: str
    margin_tiers: list[MarginTier]


class Meta(Shape):
    universe: list[Asset]
    margin_tables: list[tuple[int, MarginTable]] | Maybe = UNSET
    collateral_token: int | Maybe = UNSET


class Token(Shape):
    name: str
    sz_decimals: int
    wei_decimals: int
    index: int
    token_id: str
    is_canonical: bool
    evm_contract: dict[str, Any] | Maybe | None = UNSET
    full_name: str | Maybe | None = UNSET
    deployer_trading_fee_share: str | Maybe = UNSET


class Pair(Shape):
    tokens: tuple[int, int]
    name: str
    index: int
    is_canonical: bool


class SpotMeta(Shape):
    universe: list[Pair]
    tokens: list[Token]


class PerpDex(Shape):
    name: str
    full_name: str
    deployer: str
    oracle_updater: str | Maybe | None = UNSET
    fee_recipient: str | Maybe | None = UNSET
    asset_to_streaming_oi_cap: list[tuple[str, str]] | Maybe = UNSET
    sub_deployers: list[tuple[str, list[str]]] | Maybe = UNSET
    deployer_fee_scale: str | Maybe = UNSET
    last_deployer_fee_scale_change_time: str | Maybe = UNSET
    asset_to_funding_multiplier: list[tuple[str, str]] | Maybe = UNSET
    asset_to_funding_interest_rate: list[tuple[str, str]] | Maybe = UNSET


class PerpDexLimits(Shape):
    total_oi_cap: str
    oi_sz_cap_per_perp: str
    max_transfer_ntl: str
    coin_to_oi_cap: list[tuple[str, str]]


class PerpDexStatus(Shape):
    total_net_deposit: str


class FundingRate(Shape):
    coin: str
    funding_rate: str
    time: int
    premium: str | Maybe = UNSET


class ExchangeStatus(Shape):
    time: int
    special_statuses: Any = UNSET


# Users.


class OrderStatus(Shape):
    """`status` is "order" with the order, or "unknownOid"."""

    status: str
    order: PastOrder | Maybe = UNSET


class RateLimit(Shape):
    cum_vlm: str
    n_requests_used: int
    n_requests_cap: int
    n_requests_surplus: int | Maybe = UNSET


class DailyVolume(Shape):
    date: str
    user_cross: str
    user_add: str
    exchange: str


class VipTier(Shape):
    ntl_cutoff: str
    cross: str
    add: str
    spot_cross: str
    spot_add: str


class MakerTier(Shape):
    maker_fraction_cutoff: str
    add: str


class FeeTiers(Shape):
    vip: list[VipTier]
    mm: list[MakerTier]


class StakingDiscount(Shape):
    bps_of_max_supply: str
    discount: str


class FeeSchedule(Shape):
    cross: str
    add: str
    spot_cross: str
    spot_add: str
    tiers: FeeTiers
    referral_discount: str
    staking_discount_tiers: list[StakingDiscount]


class UserFees(Shape):
    """Rates are fractions ("0.00045"), all discounts in except the referral's and a builder dex's factor."""

    daily_user_vlm: list[DailyVolume]
    fee_schedule: FeeSchedule
    user_cross_rate: str
    user_add_rate: str
    user_spot_cross_rate: str
    user_spot_add_rate: str
    active_referral_discount: str
    trial: Any = UNSET
    fee_trial_reward: str | Maybe = UNSET
    fee_trial_escrow: str | Maybe = UNSET
    next_trial_available_timestamp: int | Maybe | None = UNSET
    staking_link: Any = UNSET
    active_staking_discount: StakingDiscount | Maybe | None = UNSET


class UserRole(Shape):
    """user, agent (data.user), vault, subAccount (data.master) or missing."""

    role: str
    data: dict[str, str] | Maybe = UNSET


class Agent(Shape):
    name: str
    address: str
    valid_until: int


class Portfolio(Shape):
    account_value_history: list[tuple[int, str]]
    pnl_history: list[tuple[int, str]]
    vlm: str


class VaultEquity(Shape):
    vault_address: str
    equity: str
    locked_until_timestamp: int | Maybe = UNSET


class SubAccount(Shape):
    """Accounts in portfolio mode list a state per dex and no name."""

    spot_state: SpotState
    name: str | Maybe = UNSET
    sub_account_user: str | Maybe = UNSET
    master: str | Maybe = UNSET
    clearinghouse_state: ClearinghouseState | Maybe = UNSET
    dex_to_clearinghouse_state: list[tuple[str, ClearinghouseState]] | Maybe = UNSET
    abstraction: str | Maybe = UNSET


class Predicted(Shape):
    funding_rate: str
    next_funding_time: int
    funding_interval_hours: int | Maybe = UNSET


RESPONSES: dict[str, Any] = {
    "allMids": dict[str, str],
    "l2Book": Book | None,
    "meta": Meta,
    "metaAndAssetCtxs": tuple[Meta, list[AssetCtx]],
    "allPerpMetas": list[Meta],
    "perpDexs": list[PerpDex | None],
    "perpDexLimits": PerpDexLimits | None,
    "perpDexStatus": PerpDexStatus,
    "perpsAtOpenInterestCap": list[str],
    "marginTable": MarginTable,
    "maxMarketOrderNtls": list[tuple[int, str]],
    "predictedFundings": list[tuple[str, list[tuple[str, Predicted | None]]]],
    "fundingHistory": list[FundingRate],
    "recentTrades": list[Trade],
    "candleSnapshot": list[Candle],
    "exchangeStatus": ExchangeStatus,
    "spotMeta": SpotMeta,
    "spotMetaAndAssetCtxs": tuple[SpotMeta, list[SpotCtx]],
    "tokenDetails": dict[str, Any],
    "clearinghouseState": ClearinghouseState,
    "spotClearinghouseState": SpotState,
    "openOrders": list[OpenOrder],
    "frontendOpenOrders": list[FrontendOrder],
    "orderStatus": OrderStatus,
    "historicalOrders": list[PastOrder],
    "userFills": list[Fill],
    "userFillsByTime": list[Fill],
    "userTwapSliceFills": list[TwapSliceFill],
    "userTwapSliceFillsByTime": list[TwapSliceFill],
    "twapHistory": list[TwapRecord],
    "userFunding": list[FundingEntry],
    "userNonFundingLedgerUpdates": list[LedgerEntry],
    "delegatorHistory": list[LedgerEntry],
    "userRateLimit": RateLimit,
    "userFees": UserFees,
    "activeAssetData": ActiveAssetData,
    "userRole": UserRole,
    "portfolio": list[tuple[str, Portfolio]],
    "extraAgents": list[Agent],
    "subAccounts": list[SubAccount] | None,
    "userVaultEquities": list[VaultEquity],
    "maxBuilderFee": int,
    "approvedBuilders": list[str],
    "userAbstraction": str,
    "userDexAbstraction": bool | None,
    "webData2": dict[str, Any],
}
