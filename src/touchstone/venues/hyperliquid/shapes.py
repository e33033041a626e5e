"""Shapes that several responses and streams share. Prices, sizes and rates are decimal text, times ms.

A key that may be absent is `Maybe`: UNSET (false in a condition) where it was absent, None where it was null, so that
what is read is written again as it came. Unknown keys are refused here; decoding.py drops and counts them.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType, field

Maybe = UnsetType  # `T | Maybe = UNSET`
Side = Literal["B", "A"]  # bid or buy; ask or sell


class Shape(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A JSON object; keys are the camel-case of the field names unless given."""


# Markets.


class Level(Shape):
    px: str
    sz: str
    n: int | Maybe = UNSET  # orders


class Book(Shape):
    """Full depth, best first: levels[0] bids, levels[1] asks, at most 20 each."""

    coin: str
    time: int
    levels: tuple[list[Level], list[Level]]
    spread: str | Maybe | None = UNSET


class Bbo(Shape):
    coin: str
    time: int
    bbo: tuple[Level | None, Level | None]


class Trade(Shape):
    """`side` is the aggressor's; `users` are buyer and seller."""

    coin: str
    side: Side
    px: str
    sz: str
    time: int
    hash: str
    tid: int
    users: tuple[str, str] | Maybe = UNSET


class Candle(Shape):
    """Fixtures shortened by hand lack the prices; the venue always sends them."""

    open_time: int = field(name="t")
    close_time: int = field(name="T")
    coin: str = field(name="s")
    interval: str = field(name="i")
    open: str | Maybe = field(default=UNSET, name="o")
    close: str | Maybe = field(default=UNSET, name="c")
    high: str | Maybe = field(default=UNSET, name="h")
    low: str | Maybe = field(default=UNSET, name="l")
    volume: str | Maybe = field(default=UNSET, name="v")
    n_trades: int | Maybe = field(default=UNSET, name="n")


class AssetCtx(Shape):
    """A perp now. `funding` is the running hourly rate; mid, premium and impact are null on a one-sided book."""

    funding: str
    open_interest: str
    prev_day_px: str
    day_ntl_vlm: str
    oracle_px: str
    mark_px: str
    premium: str | None
    mid_px: str | None
    impact_pxs: tuple[str, str] | None
    day_base_vlm: str | Maybe = UNSET


class SpotCtx(Shape):
    prev_day_px: str
    day_ntl_vlm: str
    mark_px: str
    mid_px: str | None
    circulating_supply: str
    coin: str
    total_supply: str | Maybe = UNSET
    day_base_vlm: str | Maybe = UNSET


# Orders and fills.


class OpenOrder(Shape):
    """An order as `openOrders` and `orderUpdates` show it; `sz` is what is left."""

    coin: str
    side: Side
    limit_px: str
    sz: str
    oid: int
    timestamp: int
    orig_sz: str | Maybe = UNSET
    cloid: str | Maybe | None = UNSET
    reduce_only: bool | Maybe = UNSET


class FrontendOrder(Shape):
    """An order as `frontendOpenOrders`, `orderStatus` and `historicalOrders` show it."""

    coin: str
    side: Side
    limit_px: str
    sz: str
    oid: int
    timestamp: int
    trigger_condition: str
    is_trigger: bool
    trigger_px: str
    children: list["FrontendOrder"]
    is_position_tpsl: bool
    reduce_only: bool
    order_type: str
    orig_sz: str
    tif: str | None
    cloid: str | Maybe | None = UNSET


class OrderUpdate(Shape):
    order: OpenOrder
    status: str  # see statuses.py
    status_timestamp: int


class PastOrder(Shape):
    order: FrontendOrder
    status: str
    status_timestamp: int


class Liquidation(Shape):
    """On both sides of the trade: it is yours only where `liquidated_user` is."""

    mark_px: str
    method: str
    liquidated_user: str | Maybe = UNSET


class Fill(Shape):
    """`fee` is a cost where positive and includes `builder_fee`; `crossed` means taker; (time, coin, tid) is unique."""

    coin: str
    px: str
    sz: str
    side: Side
    time: int
    start_position: str
    dir: str
    closed_pnl: str
    hash: str
    oid: int
    crossed: bool
    fee: str
    tid: int | Maybe = UNSET  # absent in 2023
    fee_token: str | Maybe = UNSET
    cloid: str | Maybe | None = UNSET
    builder_fee: str | Maybe | None = UNSET
    builder: str | Maybe | None = UNSET
    liquidation: Liquidation | Maybe | None = UNSET
    twap_id: int | Maybe | None = UNSET


class TwapSliceFill(Shape):
    fill: Fill
    twap_id: int


class TwapState(Shape):
    coin: str
    user: str
    side: Side
    sz: str
    executed_sz: str
    executed_ntl: str
    minutes: int
    reduce_only: bool
    randomize: bool
    timestamp: int


class TwapRecord(Shape):
    time: int
    state: TwapState
    status: dict[str, Any]
    twap_id: int | Maybe | None = UNSET


# Accounts.


class MarginSummary(Shape):
    account_value: str | Maybe = UNSET
    total_ntl_pos: str | Maybe = UNSET
    total_raw_usd: str | Maybe = UNSET
    total_margin_used: str | Maybe = UNSET


class Leverage(Shape):
    type: Literal["cross", "isolated"]
    value: int
    raw_usd: str | Maybe = UNSET


class CumFunding(Shape):
    all_time: str
    since_open: str
    since_change: str


class Position(Shape):
    """`szi` is signed. Fixtures shortened by hand stop there; the venue sends all but the last key."""

    coin: str
    szi: str
    leverage: Leverage | Maybe = UNSET
    entry_px: str | Maybe | None = UNSET
    position_value: str | Maybe = UNSET
    unrealized_pnl: str | Maybe = UNSET
    return_on_equity: str | Maybe = UNSET
    liquidation_px: str | Maybe | None = UNSET
    margin_used: str | Maybe = UNSET
    max_leverage: int | Maybe = UNSET
    cum_funding: CumFunding | Maybe = UNSET
    max_trade_szs: tuple[str, str] | Maybe = UNSET  # 2023 only


class AssetPosition(Shape):
    type: str
    position: Position


class ClearinghouseState(Shape):
    """Margin and positions of a user on one dex; coins without a position are absent."""

    asset_positions: list[AssetPosition]
    cross_margin_summary: MarginSummary
    withdrawable: str
    time: int | Maybe = UNSET
    margin_summary: MarginSummary | Maybe = UNSET
    cross_maintenance_margin_used: str | Maybe = UNSET


class SpotBalance(Shape):
    coin: str
    token: int
    total: str
    hold: str
    entry_ntl: str
    ltv: str | Maybe = UNSET
    supplied: str | Maybe = UNSET
    borrowed: str | Maybe = UNSET
    spot_hold: str | Maybe = UNSET


class SpotState(Shape):
    balances: list[SpotBalance]
    portfolio_margin_enabled: bool | Maybe = UNSET
    portfolio_margin_ratio: str | Maybe = UNSET
    token_to_portfolio_borrow_ratio: list[tuple[int, str]] | Maybe = UNSET
    token_to_portfolio_supply_ratio: list[tuple[int, str]] | Maybe = UNSET
    token_to_available_after_maintenance: list[tuple[int, str]] | Maybe = UNSET
    evm_escrows: list[dict[str, Any]] | Maybe = UNSET


class Funding(Shape):
    """A payment; `usdc` is negative where it was paid."""

    coin: str
    usdc: str
    szi: str
    funding_rate: str
    n_samples: int | Maybe | None = UNSET
    type: str | Maybe = UNSET  # of a delta
    time: int | Maybe = UNSET  # of a stream


class FundingEntry(Shape):
    time: int
    hash: str
    delta: Funding


class LedgerEntry(Shape):
    """Deposit, transfer or any other change that is neither a fill nor funding; its `delta` has a `type`."""

    time: int
    hash: str
    delta: dict[str, Any]


class ActiveAssetData(Shape):
    """What the venue itself would let the user trade: [buy, sell]."""

    user: str
    coin: str
    leverage: Leverage
    max_trade_szs: tuple[str, str]
    available_to_trade: tuple[str, str]
    mark_px: str | Maybe = UNSET
