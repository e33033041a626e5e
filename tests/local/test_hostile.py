"""Whatever decodes is answered: no number, however large or odd, stops a block or makes money."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.venues.hyperliquid import actions as wire
from touchstone.venues.hyperliquid.user_actions import SendAsset, UsdClassTransfer, UsdSend

from .conftest import EVEN, Desk, imbalance, mirror_spec, quiet_spec

CHAIN = {"signature_chain_id": "0x66eee", "hyperliquid_chain": "Testnet"}
DIGITS = st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{0,12})?", fullmatch=True)
SENSIBLE = st.sampled_from(["40", "39.9", "40.1", "100000", "99000", "1", "0.001", "10", "2.5"])
NUMBER = SENSIBLE | DIGITS
INTEGER = st.integers(-(2**70), 2**70) | st.integers(-3, 50)
ASSET = st.sampled_from([0, 1, 110_000]) | INTEGER
CLOID = st.none() | st.sampled_from(["0x" + "1" * 32, "0x" + "2" * 32])
TIF = st.sampled_from(["Alo", "Ioc", "Gtc", "FrontendMarket", "Nonsense"])
KIND = st.builds(wire.OrderType, limit=st.builds(wire.Limit, TIF)) | st.builds(
    wire.OrderType, trigger=st.builds(wire.Trigger, st.booleans(), SENSIBLE, st.sampled_from(["tp", "sl"]))
)
ORDER = st.builds(wire.Order, ASSET, st.booleans(), NUMBER, NUMBER, st.booleans(), KIND, CLOID)
OID = INTEGER | st.integers(1_000_000_000, 1_000_000_030) | st.just("0x" + "1" * 32)
PLACE = st.sampled_from(["", "hyna", "spot", "nowhere"])
SEND = st.builds(
    SendAsset, destination=st.sampled_from(["0x" + "3" * 40, "no address"]), source_dex=PLACE, destination_dex=PLACE,
    token=st.sampled_from(["USDC:0x1", "USDE", ""]), amount=NUMBER, from_sub_account=st.just(""), nonce=INTEGER,
    signature_chain_id=st.just("0x1"), hyperliquid_chain=st.just("Testnet"),
)  # fmt: skip
ACTION = st.one_of(
    st.builds(wire.PlaceOrders, st.lists(ORDER, max_size=4), st.just("na"),
              st.none() | st.builds(wire.Builder, st.just("0x" + "b" * 40), INTEGER)),
    st.builds(wire.CancelOrders, st.lists(st.builds(wire.Cancel, ASSET, INTEGER), max_size=3)),
    st.builds(wire.ModifyOrder, OID, ORDER, st.none() | st.booleans()),
    st.builds(wire.ModifyOrders, st.lists(st.builds(wire.Replacement, OID, ORDER), max_size=3), st.booleans()),
    st.builds(wire.UpdateLeverage, ASSET, st.booleans(), INTEGER),
    st.builds(wire.UpdateIsolatedMargin, ASSET, st.booleans(), INTEGER),
    st.builds(wire.TopUpIsolatedOnlyMargin, ASSET, NUMBER),
    st.builds(wire.ScheduleCancel, st.none() | INTEGER),
    st.builds(wire.ReserveRequestWeight, INTEGER),
    st.builds(wire.ClaimRewards),
    SEND,
    st.builds(UsdSend, destination=st.just("0x" + "4" * 40), amount=NUMBER, time=INTEGER,
              signature_chain_id=st.just("0x1"), hyperliquid_chain=st.just("Testnet")),
    st.builds(UsdClassTransfer, amount=NUMBER, to_perp=st.booleans(), nonce=INTEGER,
              signature_chain_id=st.just("0x1"), hyperliquid_chain=st.just("Testnet")),
)  # fmt: skip


@pytest.mark.parametrize("is_mirror", [False, True], ids=["agents", "guests"])
def test_anything_that_decodes_is_answered(is_mirror: bool) -> None:
    desk = Desk(mirror_spec() if is_mirror else quiet_spec())
    if is_mirror:
        desk.show("BTC", 100_000.0)
        desk.show("hyna:HYPE", 40.0)
        desk.seconds(3)
    users = [desk.user(1), desk.user(2)]

    @given(st.lists(st.tuples(st.sampled_from(users), ACTION), min_size=1, max_size=6))
    @settings(max_examples=150)
    def send(given_actions: list[tuple[str, Any]]) -> None:
        exchange = desk.exchange
        tickets = [exchange.submit(user, action, exchange.now_ms * 1_000_000) for user, action in given_actions]
        desk.blocks(2)
        assert all(ticket.reply is not None for ticket in tickets)
        assert imbalance(exchange) == EVEN

    send()
