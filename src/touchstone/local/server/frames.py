"""Frames as bytes: the whole state of a topic (on subscribing, and where the venue pushes in full), and its events."""

import base64
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from touchstone.local.exchange import LocalExchange
from touchstone.local.server.topics import Topic
from touchstone.local.user_queries import aggregated
from touchstone.venues.hyperliquid import stream
from touchstone.venues.hyperliquid.shapes import Fill, Funding, OrderUpdate, PastOrder

FAST_LEVELS = 5
MAX_SNAPSHOT = 2_000
encode = msgspec.json.encode

PONG = encode(stream.Pong())


def error(text: str) -> bytes:
    """An error frame."""
    return encode(stream.ErrorFrame(text))


def acknowledgement(method: Any, subscription: stream.Subscription) -> bytes:
    """Answer to subscribe and unsubscribe: the subscription as it is understood."""
    if subscription.type == "l2Book":
        subscription = replace(
            subscription, n_sig_figs=subscription.n_sig_figs or None, mantissa=subscription.mantissa or None
        )
    return encode(stream.SubscriptionResponse(stream.Echo(method, subscription)))


def post(number: int, kind: Any, payload: bytes) -> bytes:
    """Answer to a post; `payload` is JSON."""
    return encode(stream.PostFrame(stream.PostData(number, stream.PostResponse(kind, msgspec.Raw(payload)))))


class Frames:
    """Builds frames from the exchange's state."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange
        self._full: dict[str, Callable[[Topic], Any]] = self._table()

    def full(self, topic: Topic) -> bytes | None:
        """The whole state of a topic; None where it has none (orderUpdates, userEvents), or none yet."""
        build = self._full.get(topic.kind)
        frame = None if build is None else build(topic)
        return None if frame is None else encode(frame)

    def _table(self) -> dict[str, Callable[[Topic], Any]]:
        exchange = self._exchange
        return {
            "allMids": lambda t: stream.AllMidsFrame(stream.Mids(exchange.all_mids(t.dex), t.dex or UNSET)),
            "l2Book": self._book,
            "bbo": lambda t: stream.BboFrame(exchange.bbo(t.coin)),
            "trades": lambda t: stream.TradesFrame(exchange.recent_trades(t.coin)),
            "candle": self._candle,
            "activeAssetCtx": lambda t: stream.AssetCtxFrame(stream.CoinCtx(t.coin, exchange.asset_context(t.coin))),
            "allDexsAssetCtxs": self._all_contexts,
            "assetCtxs": self._contexts,
            "fastAssetCtxs": self._fast_contexts,
            "userFills": lambda t: fills(t, exchange.user_fills(t.user)[::-1], is_snapshot=True),
            "userFundings": lambda t: fundings(t.user, self._fundings(t.user), is_snapshot=True),
            "userNonFundingLedgerUpdates": lambda t: stream.UserLedgerFrame(
                stream.UserLedger(t.user, exchange.user_ledger(t.user, 0), True)
            ),
            "userHistoricalOrders": lambda t: past_orders(t.user, exchange.historical_orders(t.user), is_snapshot=True),
            "userTwapSliceFills": lambda t: stream.UserTwapSliceFillsFrame(
                stream.UserTwapSliceFills(t.user, [], True)
            ),
            "userTwapHistory": lambda t: stream.UserTwapHistoryFrame(stream.UserTwapHistory(t.user, [], True)),
            "twapStates": lambda t: stream.TwapStatesFrame(stream.TwapStates(t.dex, t.user, [])),
            "openOrders": lambda t: stream.OpenOrdersFrame(
                stream.DexOrders(t.dex, t.user, exchange.frontend_open_orders(t.user, t.dex))
            ),
            "clearinghouseState": lambda t: stream.ClearinghouseStateFrame(
                stream.DexState(t.dex, t.user, exchange.clearinghouse_state(t.user, t.dex))
            ),
            "allDexsClearinghouseState": self._all_states,
            "spotState": lambda t: stream.SpotStateFrame(stream.UserSpotState(t.user, exchange.spot_state(t.user))),
            "activeAssetData": lambda t: stream.ActiveAssetDataFrame(exchange.active_asset_data(t.user, t.coin)),
            "webData2": self._web_data_2,
            "webData3": self._web_data_3,
        }

    def _book(self, topic: Topic) -> Any:
        book = self._exchange.l2_book(topic.coin, topic.n_sig_figs, topic.mantissa)
        assert book is not None  # topics have coins that are listed
        if topic.flag:
            bids, asks = book.levels
            book = replace(book, levels=(bids[:FAST_LEVELS], asks[:FAST_LEVELS]))
        return stream.BookFrame(book)

    def _candle(self, topic: Topic) -> Any:
        candle = self._exchange.candle(topic.coin, topic.interval)
        return None if candle is None else stream.CandleFrame(candle)

    def _dexs(self) -> list[str]:
        """In alphabetical order, as the venue pushes them."""
        return sorted(dex.name for dex in self._exchange.spec.dexs)

    def _all_contexts(self, topic: Topic) -> Any:
        ctxs = [(dex, self._exchange.asset_contexts(dex)) for dex in self._dexs()]
        return stream.AllDexsAssetCtxsFrame(stream.DexsCtxs(ctxs))

    def _contexts(self, topic: Topic) -> Any:
        data = {"dex": topic.dex, "ctxs": self._exchange.asset_contexts(topic.dex)}
        return {"channel": "assetCtxs", "data": data}

    def _fast_contexts(self, topic: Topic) -> Any:
        """Base64 of raw deflate of `{coin: {markPx, midPx}}`."""
        prices = {
            asset.name: {"markPx": ctx.mark_px, "midPx": ctx.mid_px}
            for dex in self._dexs()
            for asset, ctx in zip(self._exchange.meta(dex).universe, self._exchange.asset_contexts(dex), strict=True)
        }
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = deflate.compress(encode(prices)) + deflate.flush()
        return {"channel": "fastAssetCtxs", "data": base64.b64encode(packed).decode()}

    def _fundings(self, user: str) -> list[Funding]:
        return [
            replace(entry.delta, type=UNSET, time=entry.time)
            for entry in self._exchange.user_funding(user, 0)
        ]

    def _all_states(self, topic: Topic) -> Any:
        states = [(dex, self._exchange.clearinghouse_state(topic.user, dex)) for dex in self._dexs()]
        return stream.AllDexsClearinghouseStateFrame(stream.DexStates(topic.user, states))

    def _web_data_2(self, topic: Topic) -> Any:
        """The legacy page of the validator dex."""
        exchange = self._exchange
        return stream.WebData2Frame(
            {
                "clearinghouseState": exchange.clearinghouse_state(topic.user, ""),
                "openOrders": exchange.frontend_open_orders(topic.user, ""),
                "leadingVaults": [],
                "totalVaultEquity": "0.0",
                "agentAddress": None,
                "agentValidUntil": None,
                "cumLedger": "0.0",
                "meta": exchange.meta(""),
                "assetCtxs": exchange.asset_contexts(""),
                "serverTime": exchange.now_ms,
                "isVault": False,
                "user": topic.user,
                "twapStates": [],
            }
        )

    def _web_data_3(self, topic: Topic) -> Any:
        states = [
            {"totalVaultEquity": "0.0", "perpsAtOpenInterestCap": self._exchange.perps_at_open_interest_cap(dex.name)}
            for dex in self._exchange.spec.dexs
        ]
        user = {
            "agentAddress": None, "agentValidUntil": None, "cumLedger": "0.0", "serverTime": self._exchange.now_ms,
            "isVault": False, "user": topic.user,
        }  # fmt: skip
        return stream.WebData3Frame({"userState": user, "perpDexStates": states})


# Events.


def trades(new: list[Any]) -> bytes:
    """Trades of one coin in one block."""
    return encode(stream.TradesFrame(new))


def bbo(new: Any) -> bytes:
    """A touch that changed."""
    return encode(stream.BboFrame(new))


def order_updates(updates: list[OrderUpdate]) -> bytes:
    """Of one user in one block."""
    return encode(stream.OrderUpdatesFrame(updates))


def fills(topic: Topic, entries: list[Fill], *, is_snapshot: bool) -> Any:
    """Of one user; a snapshot says so, also when it is empty."""
    entries = aggregated(entries) if topic.flag else entries
    flag = True if is_snapshot else UNSET
    return stream.UserFillsFrame(stream.UserFills(topic.user, entries, flag))


def fundings(user: str, entries: list[Funding], *, is_snapshot: bool) -> Any:
    """Funding payments of one user."""
    flag = True if is_snapshot else UNSET
    return stream.UserFundingsFrame(stream.UserFundings(user, entries[-MAX_SNAPSHOT:], flag))


def past_orders(user: str, orders: list[PastOrder], *, is_snapshot: bool) -> Any:
    """Orders of one user whose status changed."""
    flag = True if is_snapshot else UNSET
    return stream.UserPastOrdersFrame(stream.UserPastOrders(user, orders, flag))


def user_event(event: stream.UserEvent) -> bytes:
    """On channel `user`, one kind of event at a time."""
    return encode(stream.UserFrame(event))
