"""What a block brings, pushed to whom it concerns. A frame is encoded once, however many listen."""

from typing import Any

from touchstone.local.exchange import LocalExchange
from touchstone.local.reports import BlockReport
from touchstone.local.server import frames
from touchstone.local.server.frames import Frames
from touchstone.local.server.topics import Listeners, Topic
from touchstone.venues.hyperliquid import statuses
from touchstone.venues.hyperliquid.stream import UserEvent

OF_POSITION = ("clearinghouseState", "allDexsClearinghouseState", "activeAssetData", "webData2", "webData3")
OF_ORDERS = ("openOrders", "webData2", "activeAssetData", "clearinghouseState", "allDexsClearinghouseState")


class Publisher:
    """Public events first, then each user's: orders, fills, other events, and states that changed with them."""

    def __init__(self, exchange: LocalExchange, builder: Frames, listeners: Listeners) -> None:
        self._exchange = exchange
        self._frames = builder
        self._listeners = listeners

    def push(self, report: BlockReport) -> None:
        """Push what one block brought."""
        if not len(self._listeners):
            return
        self._market(report)
        stale: set[Topic] = set()
        of_user = self._listeners.of_user
        for user, updates in report.order_updates.items():
            self._orders(user, updates)
            stale.update(of_user(user, *OF_ORDERS))
        for user, fills in report.fills.items():
            self._fills(user, fills)
            stale.update(of_user(user, *OF_POSITION))
        for user, events in report.user_events.items():
            self._events(user, events)
            stale.update(of_user(user, *OF_POSITION))
        for user in report.accounts_changed:
            stale.update(of_user(user, *OF_POSITION))
        for topic in stale:
            self._push_full(topic)

    def _market(self, report: BlockReport) -> None:
        for topic in self._listeners.topics("trades"):
            if new := report.trades.get(topic.coin):
                self._send(topic, frames.trades(new))
        for topic in self._listeners.topics("bbo"):
            if (touch := report.bbo.get(topic.coin)) is not None:
                self._send(topic, frames.bbo(touch))
        changed_dexs = {_dex(coin) for coin in report.bbo}
        for topic in self._listeners.topics("l2Book", "candle", "allMids", "activeAssetCtx", "assetCtxs"):
            if self._is_due(topic, report, changed_dexs):
                self._push_full(topic)
        if report.ctx_changed:
            for topic in self._listeners.topics("allDexsAssetCtxs", "fastAssetCtxs"):
                self._push_full(topic)

    def _is_due(self, topic: Topic, report: BlockReport, changed_dexs: set[str]) -> bool:
        match topic.kind:
            case "l2Book":
                return topic.coin in (report.bbo if topic.flag else report.book_due)
            case "candle":
                return topic.coin in report.trades
            case "allMids":
                return topic.dex in changed_dexs
            case "activeAssetCtx":
                return topic.coin in report.ctx_changed
        return any(_dex(coin) == topic.dex for coin in report.ctx_changed)

    def _orders(self, user: str, updates: list[Any]) -> None:
        for topic in self._listeners.of_user(user, "orderUpdates"):
            self._send_private(topic, frames.order_updates(updates))
        for topic in self._listeners.of_user(user, "userHistoricalOrders"):
            ended = [update.order.oid for update in updates if statuses.is_final(update.status)]
            found = [self._exchange.order_status(user, oid).order for oid in ended]
            if ended := [past for past in found if past]:
                self._send_private(topic, frames.encode(frames.past_orders(user, ended, is_snapshot=False)))

    def _fills(self, user: str, fills: list[Any]) -> None:
        for topic in self._listeners.of_user(user, "userEvents"):
            self._send_private(topic, frames.user_event(UserEvent(fills=fills)))
        for topic in self._listeners.of_user(user, "userFills"):
            self._send_private(topic, frames.encode(frames.fills(topic, fills, is_snapshot=False)))

    def _events(self, user: str, events: list[UserEvent]) -> None:
        for event in events:
            for topic in self._listeners.of_user(user, "userEvents"):
                self._send_private(topic, frames.user_event(event))
            if event.funding:
                for topic in self._listeners.of_user(user, "userFundings"):
                    frame = frames.fundings(user, [event.funding], is_snapshot=False)
                    self._send_private(topic, frames.encode(frame))

    def _push_full(self, topic: Topic) -> None:
        frame = self._frames.full(topic)
        if frame is None:
            return
        if topic.user:
            self._send_private(topic, frame)
        else:
            self._send(topic, frame)

    def _send(self, topic: Topic, frame: bytes) -> None:
        for session in self._listeners.sessions(topic):
            session.send(frame)

    def _send_private(self, topic: Topic, frame: bytes) -> None:
        for session in self._listeners.sessions(topic):
            session.send_private(frame)


def _dex(coin: str) -> str:
    return coin.partition(":")[0] if ":" in coin else ""
