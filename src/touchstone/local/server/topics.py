"""Subscriptions: which are valid, how they are named, who listens. Sources: hyperliquid.md 11."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from touchstone.local.server.session import Session
from touchstone.venues.hyperliquid.actions import address
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.stream import Subscription

INTERVALS = {
    "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "2h": 7_200, "4h": 14_400, "8h": 28_800,
    "12h": 43_200, "1d": 86_400, "3d": 259_200, "1w": 604_800, "1M": 2_592_000,
}  # fmt: skip

OF_COIN = frozenset(("l2Book", "bbo", "trades", "candle", "activeAssetCtx"))
OF_USER = frozenset(
    "orderUpdates userEvents userFills userFundings userNonFundingLedgerUpdates userTwapSliceFills userTwapHistory"
    " userHistoricalOrders openOrders clearinghouseState allDexsClearinghouseState spotState twapStates"
    " activeAssetData webData2 webData3 notification".split()
)
OF_DEX = frozenset(("allMids", "assetCtxs", "openOrders", "clearinghouseState", "twapStates"))
OF_ALL = frozenset(("allMids", "assetCtxs", "allDexsAssetCtxs", "fastAssetCtxs"))
KINDS = OF_COIN | OF_USER | OF_ALL


class Topic(NamedTuple):
    """What is pushed under one subscription; two subscriptions that mean the same are the same topic."""

    kind: str
    user: str = ""
    coin: str = ""
    dex: str = ""
    interval: str = ""
    n_sig_figs: int | None = None
    mantissa: int | None = None
    flag: bool = False  # fast, or aggregateByTime


class InvalidSubscription(ValueError):  # noqa: N818
    """It names no topic."""


def topic_of(subscription: Subscription, has_coin: Callable[[str], bool], has_dex: Callable[[str], bool]) -> Topic:
    """The topic of a subscription. Raises InvalidSubscription."""
    kind = "userEvents" if subscription.type == "user" else subscription.type
    if kind not in KINDS:
        raise InvalidSubscription
    user = coin = dex = interval = ""
    if kind in OF_USER:
        user = _user(subscription.user)
    if kind in OF_COIN or kind == "activeAssetData":
        coin = subscription.coin or ""
        if not has_coin(coin):
            raise InvalidSubscription
    if kind in OF_DEX:
        dex = subscription.dex or ""
        if not has_dex(dex):
            raise InvalidSubscription
    if kind == "candle":
        interval = subscription.interval or ""
        if interval not in INTERVALS:
            raise InvalidSubscription
    if kind != "l2Book":
        return Topic(kind, user, coin, dex, interval, flag=kind == "userFills" and bool(subscription.aggregate_by_time))
    n_sig_figs, mantissa = check_precision(subscription.n_sig_figs or None, subscription.mantissa or None)
    return Topic(kind, coin=coin, n_sig_figs=n_sig_figs, mantissa=mantissa, flag=bool(subscription.fast))


def check_precision(n_sig_figs: int | None, mantissa: int | None) -> tuple[int | None, int | None]:
    """Aggregation of a book: 2 to 5 significant figures, with 5 a mantissa of 1, 2 or 5. Raises InvalidSubscription."""
    if n_sig_figs is not None and not 2 <= n_sig_figs <= 5:
        raise InvalidSubscription
    if mantissa is not None and (n_sig_figs != 5 or mantissa not in (1, 2, 5)):
        raise InvalidSubscription
    return n_sig_figs, mantissa


def _user(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidSubscription
    try:
        return address(text, "user")
    except WireError as error:
        raise InvalidSubscription from error


class Listeners:
    """Sessions by topic, and topics by what a block brings for them."""

    def __init__(self) -> None:
        self._sessions: dict[Topic, set[Session]] = {}
        self._by_kind: dict[str, set[Topic]] = {}
        self._by_user: dict[str, set[Topic]] = {}

    def add(self, topic: Topic, session: Session) -> None:
        """Listen."""
        self._sessions.setdefault(topic, set()).add(session)
        self._by_kind.setdefault(topic.kind, set()).add(topic)
        if topic.user:
            self._by_user.setdefault(topic.user, set()).add(topic)

    def remove(self, topic: Topic, session: Session) -> None:
        """Listen no more."""
        sessions = self._sessions.get(topic, set())
        sessions.discard(session)
        if not sessions:
            self._sessions.pop(topic, None)
            self._by_kind.get(topic.kind, set()).discard(topic)
            of_user = self._by_user.get(topic.user, set())
            of_user.discard(topic)
            if not of_user:
                self._by_user.pop(topic.user, None)

    def topics(self, *kinds: str) -> Iterable[Topic]:
        """Topics of these kinds that somebody listens to."""
        return [topic for kind in kinds for topic in self._by_kind.get(kind, ())]

    def of_user(self, user: str, *kinds: str) -> Iterable[Topic]:
        """Topics of these kinds about a user that somebody listens to."""
        return [topic for topic in self._by_user.get(user, ()) if topic.kind in kinds]

    def sessions(self, topic: Topic) -> list[Session]:
        """Who listens to a topic."""
        return list(self._sessions.get(topic, ()))

    def __len__(self) -> int:
        return sum(map(len, self._sessions.values()))
