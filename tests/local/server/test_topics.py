"""Which subscriptions mean something, and which mean the same."""

import pytest

from touchstone.local.server.topics import InvalidSubscription, Topic, topic_of
from touchstone.venues.hyperliquid.stream import Subscription

USER = "0x" + "AB" * 20


def topic(**values: object) -> Topic:
    return topic_of(Subscription(**values), {"BTC", "hyna:HYPE"}.__contains__, {"", "hyna"}.__contains__)  # type: ignore[arg-type]


def test_the_same_topic_in_other_words() -> None:
    assert topic(type="user", user=USER) == topic(type="userEvents", user=USER.lower())
    assert topic(type="l2Book", coin="BTC") == topic(type="l2Book", coin="BTC", n_sig_figs=None, mantissa=None)
    assert topic(type="openOrders", user=USER) == topic(type="openOrders", user=USER, dex="")
    assert topic(type="openOrders", user=USER) != topic(type="openOrders", user=USER, dex="hyna")
    assert topic(type="l2Book", coin="BTC") != topic(type="l2Book", coin="BTC", n_sig_figs=5)
    assert topic(type="l2Book", coin="BTC") != topic(type="l2Book", coin="BTC", fast=True)


@pytest.mark.parametrize(
    "values",
    [
        {"type": "nonsense"},
        {"type": "l2Book"},
        {"type": "l2Book", "coin": "DOGE"},
        {"type": "l2Book", "coin": "BTC", "n_sig_figs": 6},
        {"type": "l2Book", "coin": "BTC", "n_sig_figs": 4, "mantissa": 2},
        {"type": "l2Book", "coin": "BTC", "n_sig_figs": 5, "mantissa": 3},
        {"type": "candle", "coin": "BTC", "interval": "7m"},
        {"type": "orderUpdates"},
        {"type": "orderUpdates", "user": "0x12"},
        {"type": "openOrders", "user": USER, "dex": "nowhere"},
        {"type": "activeAssetData", "user": USER},
    ],
)
def test_what_names_no_topic(values: dict[str, object]) -> None:
    with pytest.raises(InvalidSubscription):
        topic(**values)
