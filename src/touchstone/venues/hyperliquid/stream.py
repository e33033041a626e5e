"""WebSocket frames of both directions, by channel."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, field

from touchstone.venues.hyperliquid.shapes import (
    ActiveAssetData,
    AssetCtx,
    Bbo,
    Book,
    Candle,
    ClearinghouseState,
    Fill,
    FrontendOrder,
    Funding,
    LedgerEntry,
    Maybe,
    OrderUpdate,
    PastOrder,
    Shape,
    SpotCtx,
    SpotState,
    Trade,
    TwapRecord,
    TwapSliceFill,
    TwapState,
)


class Subscription(Struct, rename="camel"):
    """What to subscribe to: a type and those parameters that the type has. The echo may add nulls: compare `key`."""

    type: str
    coin: str | Maybe | None = UNSET
    user: str | Maybe | None = UNSET
    dex: str | Maybe | None = UNSET
    interval: str | Maybe | None = UNSET
    n_sig_figs: int | Maybe | None = UNSET
    mantissa: int | Maybe | None = UNSET
    aggregate_by_time: bool | Maybe | None = UNSET
    fast: bool | Maybe | None = UNSET
    is_portfolio_margin: bool | Maybe | None = UNSET

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for a subscription and its echo: null counts as absent, `user` as `userEvents`, case of users not."""
        values = msgspec.structs.astuple(self)
        kind = "userEvents" if self.type == "user" else self.type
        user = self.user.lower() if isinstance(self.user, str) else None
        return (kind, user, *(value or None for i, value in enumerate(values) if i not in (0, 2)))


# From the client.


class Subscribe(Struct, tag_field="method", tag="subscribe"):
    subscription: Subscription


class Unsubscribe(Struct, tag_field="method", tag="unsubscribe"):
    subscription: Subscription


class Ping(Struct, tag_field="method", tag="ping"):
    pass


class PostRequest(Struct):
    """`payload` is a signed request (actions.Request) or an InfoRequest."""

    type: Literal["action", "info"]
    payload: msgspec.Raw


class Post(Struct, tag_field="method", tag="post"):
    id: int
    request: PostRequest


ClientFrame = Subscribe | Unsubscribe | Ping | Post


# To the client.


class Frame(Shape, tag_field="channel"):
    """A frame of the venue; its `channel` names the shape of its data."""


class Pong(Frame, tag="pong"):
    pass


class ErrorFrame(Frame, tag="error"):
    data: str


class Echo(Shape):
    method: Literal["subscribe", "unsubscribe"]
    subscription: Subscription


class SubscriptionResponse(Frame, tag="subscriptionResponse"):
    data: Echo


class PostResponse(Shape):
    """`payload`: of an action a replies.Reply, of info {type, data}, of an error text."""

    type: Literal["action", "info", "error"]
    payload: msgspec.Raw


class PostData(Shape):
    id: int
    response: PostResponse


class PostFrame(Frame, tag="post"):
    data: PostData


class Mids(Shape):
    mids: dict[str, str]
    dex: str | Maybe | None = UNSET


class AllMidsFrame(Frame, tag="allMids"):
    data: Mids


class BookFrame(Frame, tag="l2Book"):
    data: Book


class BboFrame(Frame, tag="bbo"):
    data: Bbo


class TradesFrame(Frame, tag="trades"):
    data: list[Trade]


class CandleFrame(Frame, tag="candle"):
    data: Candle


class CoinCtx(Shape):
    coin: str
    ctx: AssetCtx


class AssetCtxFrame(Frame, tag="activeAssetCtx"):
    data: CoinCtx


class SpotCoinCtx(Shape):
    coin: str
    ctx: SpotCtx


class SpotAssetCtxFrame(Frame, tag="activeSpotAssetCtx"):
    data: SpotCoinCtx


class DexsCtxs(Shape):
    """Dexs in alphabetical order, not in that of their indexes."""

    ctxs: list[tuple[str, list[AssetCtx]]]


class AllDexsAssetCtxsFrame(Frame, tag="allDexsAssetCtxs"):
    data: DexsCtxs


class OrderUpdatesFrame(Frame, tag="orderUpdates"):
    """Of all dexs; several of one block in the order of execution. No snapshot, no replay."""

    data: list[OrderUpdate]


class LiquidationEvent(Shape):
    lid: int
    liquidator: str
    liquidated_user: str = field(name="liquidated_user")
    liquidated_ntl_pos: str = field(name="liquidated_ntl_pos")
    liquidated_account_value: str = field(name="liquidated_account_value")


class NonUserCancel(Shape):
    coin: str
    oid: int


class UserEvent(Shape):
    """One of these."""

    fills: list[Fill] | Maybe = UNSET
    funding: Funding | Maybe = UNSET
    liquidation: LiquidationEvent | Maybe = UNSET
    non_user_cancel: list[NonUserCancel] | Maybe = UNSET
    twap_history: list[TwapRecord] | Maybe = UNSET
    twap_slice_fills: list[TwapSliceFill] | Maybe = UNSET


class UserFrame(Frame, tag="user"):
    """Answers the subscription `userEvents`."""

    data: UserEvent


class UserFills(Shape):
    user: str
    fills: list[Fill]
    is_snapshot: bool | Maybe = UNSET


class UserFillsFrame(Frame, tag="userFills"):
    data: UserFills


class UserFundings(Shape):
    user: str
    fundings: list[Funding]
    is_snapshot: bool | Maybe = UNSET


class UserFundingsFrame(Frame, tag="userFundings"):
    data: UserFundings


class UserLedger(Shape):
    user: str
    non_funding_ledger_updates: list[LedgerEntry]
    is_snapshot: bool | Maybe = UNSET


class UserLedgerFrame(Frame, tag="userNonFundingLedgerUpdates"):
    data: UserLedger


class UserTwapSliceFills(Shape):
    user: str
    twap_slice_fills: list[TwapSliceFill]
    is_snapshot: bool | Maybe = UNSET


class UserTwapSliceFillsFrame(Frame, tag="userTwapSliceFills"):
    data: UserTwapSliceFills


class UserTwapHistory(Shape):
    user: str
    history: list[TwapRecord]
    is_snapshot: bool | Maybe = UNSET


class UserTwapHistoryFrame(Frame, tag="userTwapHistory"):
    data: UserTwapHistory


class UserPastOrders(Shape):
    user: str
    order_history: list[PastOrder]
    is_snapshot: bool | Maybe = UNSET


class UserPastOrdersFrame(Frame, tag="userHistoricalOrders"):
    data: UserPastOrders


class DexOrders(Shape):
    dex: str
    user: str
    orders: list[FrontendOrder]


class OpenOrdersFrame(Frame, tag="openOrders"):
    data: DexOrders


class DexState(Shape):
    dex: str
    user: str
    clearinghouse_state: ClearinghouseState


class ClearinghouseStateFrame(Frame, tag="clearinghouseState"):
    data: DexState


class DexStates(Shape):
    user: str
    clearinghouse_states: list[tuple[str, ClearinghouseState]]


class AllDexsClearinghouseStateFrame(Frame, tag="allDexsClearinghouseState"):
    data: DexStates


class UserSpotState(Shape):
    user: str
    spot_state: SpotState


class SpotStateFrame(Frame, tag="spotState"):
    data: UserSpotState


class TwapStates(Shape):
    dex: str
    user: str
    states: list[tuple[int, TwapState]]


class TwapStatesFrame(Frame, tag="twapStates"):
    data: TwapStates


class ActiveAssetDataFrame(Frame, tag="activeAssetData"):
    data: ActiveAssetData


class WebData2Frame(Frame, tag="webData2"):
    data: dict[str, Any]


class WebData3Frame(Frame, tag="webData3"):
    data: dict[str, Any]


class Notification(Shape):
    notification: str


class NotificationFrame(Frame, tag="notification"):
    data: Notification


class OutcomeMetaFrame(Frame, tag="outcomeMetaUpdates"):
    data: list[dict[str, Any]]


ServerFrame = (
    Pong | ErrorFrame | SubscriptionResponse | PostFrame
    | AllMidsFrame | BookFrame | BboFrame | TradesFrame | CandleFrame
    | AssetCtxFrame | SpotAssetCtxFrame | AllDexsAssetCtxsFrame
    | OrderUpdatesFrame | UserFrame | UserFillsFrame | UserFundingsFrame | UserLedgerFrame
    | UserTwapSliceFillsFrame | UserTwapHistoryFrame | UserPastOrdersFrame
    | OpenOrdersFrame | ClearinghouseStateFrame | AllDexsClearinghouseStateFrame | SpotStateFrame | TwapStatesFrame
    | ActiveAssetDataFrame | WebData2Frame | WebData3Frame | NotificationFrame | OutcomeMetaFrame
)  # fmt: skip


class UnknownFrame(Struct):
    """A frame of a channel that we do not know, or text that is no frame at all (channel empty)."""

    channel: str
    data: Any
