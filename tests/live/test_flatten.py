"""Flattening on a local exchange: orders gone, the position made away first, then taken, never beyond the cap."""

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.live.trading import (
    ASSET,
    COIN,
    approve,
    client_of,
    market_of,
    open_orders,
    open_position,
    position,
    rest,
)

from touchstone.clients.hyperliquid import Client, Limits, Network
from touchstone.live.cancel import Cancelled, NotCancelledError, cancel_all
from touchstone.live.flatten import MICRO, AskedBook, Flattened, Plan, flatten, worst_price
from touchstone.venues.hyperliquid.actions import CancelOrders
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.info import Asset, Meta
from touchstone.venues.hyperliquid.numbers import check_price, tick_at
from touchstone.venues.hyperliquid.replies import Accepted, cancels_reply
from touchstone.venues.hyperliquid.shapes import FrontendOrder
from touchstone.venues.hyperliquid.signing import Signer


def quick(seconds: float) -> Any:
    """Pauses are for the venue's latency, which a local exchange does not have."""
    return asyncio.sleep(seconds / 5.0)


QUICK = Plan(maker_s=0.0, taker_s=4.0, cap_bps=150.0, cancel_s=10.0)  # the maker quotes 100 bps away


def flattened(venue: Any, number: int, plan: Plan = QUICK, beside: Callable[[], Any] | None = None) -> Flattened:
    """Flatten demo account `number`, while `beside` goes on in a thread."""

    async def scene() -> Flattened:
        async with client_of(venue, number) as client:
            market = await market_of(client)
            work = flatten(client, market, AskedBook(client, market), plan, now_ns=time.time_ns, sleep=quick)
            if beside is None:
                return await work
            done, _ = await asyncio.gather(work, asyncio.to_thread(beside))
            return done

    return asyncio.run(scene())


def cancelled(venue: Any, number: int, key: str | None = None, **options: Any) -> Cancelled:
    async def scene() -> Cancelled:
        async with client_of(venue, number, key) as client:
            return await cancel_all(client, "hyna", sleep=quick, **options)

    return asyncio.run(scene())


@given(
    bid=st.integers(1, 10**7),
    spread=st.integers(0, 10**5),
    cap_bps=st.floats(0.01, 1_000.0),
    decimals=st.integers(0, 5),
    size=st.sampled_from([-1, 1]),
)
def test_the_worst_price_is_on_the_grid_and_within_the_cap(
    bid: int, spread: int, cap_bps: float, decimals: int, size: int
) -> None:
    touch = (bid, bid + spread)
    mid = Fraction(sum(touch), 2)
    px = worst_price(size, touch, cap_bps, decimals)
    away_bps = 10_000 * (mid - px if size > 0 else px - mid) / mid
    assert away_bps <= Fraction(round(100 * cap_bps), 100)
    if px > 0:
        check_price(px, decimals)
        assert away_bps > Fraction(round(100 * cap_bps), 100) - 10_000 * (tick_at(px, decimals) + 1) / mid


class Scripted:
    """A client of an exchange that has orders of every kind, and remembers what it was sent."""

    account = demo_address(1)

    def __init__(self, orders: list[tuple[str, int, bool]]) -> None:
        self.orders = orders
        self.sent: list[CancelOrders] = []
        self.coins = ["BTC"]
        self.later: list[list[tuple[str, int, bool]]] = []  # orders that are there when none is, look by look

    async def info(self, kind: str, **parameters: Any) -> Any:
        if kind == "meta":
            universe = [Asset(name, 2, 10) for name in self.coins]
            self.coins = ["BTC", "NEW"]  # listed in the meantime
            return Meta(universe)
        assert kind == "frontendOpenOrders"
        if not self.orders and self.later:
            self.orders = self.later.pop(0)
        return [
            FrontendOrder(
                coin=coin, side="B", limit_px="1", sz="1", oid=oid, timestamp=1, trigger_condition="N/A",
                is_trigger=is_trigger, trigger_px="0.0", children=[], is_position_tpsl=False, reduce_only=False,
                order_type="Limit", orig_sz="1", tif="Gtc",
            )
            for coin, oid, is_trigger in self.orders
        ]  # fmt: skip

    async def send(self, action: CancelOrders) -> Accepted:
        self.sent.append(action)
        gone = {cancel.oid for cancel in action.cancels}
        self.orders = [order for order in self.orders if order[1] not in gone]
        return cancels_reply(["success"] * len(gone))


def test_orders_that_wait_for_a_trigger_are_kept_out_of_the_fast_lane() -> None:
    client = Scripted([("BTC", 1, False), ("BTC", 2, True), ("NEW", 3, False)])
    done = asyncio.run(cancel_all(client, "", sleep=quick))  # type: ignore[arg-type]
    assert (done.n_orders, done.n_requests, done.is_none_left) == (3, 3, True)
    lanes = [([(cancel.asset, cancel.oid) for cancel in action.cancels], action.fast) for action in client.sent]
    assert lanes == [([(0, 1)], True), ([(0, 2)], None), ([(1, 3)], True)]


def test_every_order_on_the_dex_goes_and_none_elsewhere(venue: Any) -> None:
    trader = venue.trader(1)
    rest(trader, 50)
    assert "resting" in trader.order(0, "B", "90000", "0.001")
    done = cancelled(venue, 1)
    assert (done.n_orders, done.n_requests, done.is_none_left) == (50, 50, True)
    assert open_orders(venue, 1) == []
    assert len(open_orders(venue, 1, "")) == 1


def test_an_order_that_was_on_its_way_goes_too() -> None:
    """Nothing is open, and then something is: the exchange is believed when it says so twice in a row."""
    client = Scripted([("BTC", 1, False)])
    client.later = [[], [("BTC", 2, False)], [], [("BTC", 3, False)]]
    done = asyncio.run(cancel_all(client, "", sleep=quick))  # type: ignore[arg-type]
    assert (done.n_orders, done.is_none_left, client.orders, client.later) == (3, True, [], [])


@pytest.mark.parametrize("fault", ["lost_response_chance", "server_error_chance", "too_many_requests_chance"])
def test_faults_of_the_exchange_delay_it_and_nothing_more(venue: Any, fault: str) -> None:
    rest(venue.trader(3), 5)
    with venue.faults(**{fault: 0.3}):
        done = cancelled(venue, 3)
    assert done.is_none_left
    assert open_orders(venue, 3) == []


def test_a_key_that_may_not_sign_is_told_at_once(venue: Any, key: str) -> None:
    rest(venue.trader(4))
    with pytest.raises(NotCancelledError, match="does not exist"):
        cancelled(venue, 4, key)
    assert len(open_orders(venue, 4)) == 1


def test_an_exchange_out_of_reach_is_not_taken_for_an_empty_one() -> None:
    async def scene() -> Cancelled:
        signer = Signer(demo_key(1), is_mainnet=False)
        limits = Limits(info_tries=1)
        nowhere = Network.local("http://127.0.0.1:9")
        client = Client(nowhere, account=demo_address(1), signer=signer, now_ms=lambda: 1, limits=limits)
        try:
            return await cancel_all(client, "hyna", bound_s=1.0)
        finally:
            await client.stop()

    done = asyncio.run(scene())
    assert not done.is_none_left
    assert sum(done.reasons.values()) >= 2


def test_a_new_owner_of_the_account_is_left_alone(venue: Any) -> None:
    rest(venue.trader(5))
    done = cancelled(venue, 5, is_ours=lambda: False)
    assert not done.is_none_left
    assert len(open_orders(venue, 5)) == 1


@pytest.mark.parametrize("is_short", [False, True])
def test_a_position_is_taken_away(venue: Any, is_short: bool) -> None:
    number = 6 + is_short
    trader = venue.trader(number)
    open_position(trader, "2.0", is_short=is_short)
    rest(trader, 3)
    done = flattened(venue, number)
    assert done.is_flat
    assert (done.size_before, done.size_after) == (-200 if is_short else 200, 0)
    assert (done.made, done.taken, done.cancelled.n_orders) == (0, 200, 3)
    assert position(venue, number) == 0.0
    assert open_orders(venue, number) == []
    assert done.as_dict()["position_before"] == (-2.0 if is_short else 2.0)


def test_nothing_is_taken_beyond_the_cap(venue: Any) -> None:
    open_position(venue.trader(8), "2.0")
    done = flattened(venue, 8, Plan(maker_s=0.0, taker_s=0.7, cap_bps=50.0))
    assert not done.is_flat
    assert done.size_after == 200
    assert any("could not immediately match" in reason for reason in done.reasons)
    assert position(venue, 8) == 2.0
    assert flattened(venue, 8).is_flat


def test_the_maker_comes_first_and_follows_the_touch(venue: Any) -> None:
    """Another user improves the ask twice; we stand with it each time, and a buyer takes us there."""
    other, buyer = venue.trader(9), venue.trader(10)
    open_position(venue.trader(11), "3.0")
    seen: list[str] = []

    def ours() -> list[str]:
        return [order["limitPx"] for order in open_orders(venue, 11)]

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 8.0
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)

    def beside() -> None:
        for px in ("40.2", "40.1"):
            assert "resting" in other.order(ASSET, "A", px, "1.0")
            until(lambda px=px: ours() == [px])  # type: ignore[misc]
            seen.extend(ours())
        buyer.order(ASSET, "B", "40.1", "4.0", tif="Ioc")

    for trader in (other, buyer):
        trader.isolate(ASSET)
    done = flattened(venue, 11, Plan(maker_s=20.0, taker_s=2.0, cap_bps=1.0), beside)
    assert seen == ["40.2", "40.1"]
    assert done.is_flat
    assert (done.made, done.taken) == (300, 0)
    assert done.took_s < 15.0
    fills = venue.info("userFills", user=demo_address(11))
    assert [fill["crossed"] for fill in fills] == [False, True]  # newest first; the other is the opening
    cancelled(venue, 9)


def test_a_position_too_small_for_an_order_is_closed_by_one_for_all_of_it(venue: Any) -> None:
    trader = venue.trader(12)
    open_position(trader, "0.5")
    assert "filled" in trader.order(ASSET, "A", "39", "0.4", tif="Ioc")
    assert position(venue, 12) == pytest.approx(0.1)  # 4 units of notional, 10 are the least
    done = flattened(venue, 12, Plan(maker_s=5.0, taker_s=4.0, cap_bps=150.0))
    assert done.is_flat
    assert (done.size_before, done.n_requests, done.taken) == (10, 1, 10)


def test_a_large_position_goes_in_chunks(venue: Any) -> None:
    open_position(venue.trader(13), "10.0")
    done = flattened(venue, 13, Plan(maker_s=0.0, taker_s=10.0, cap_bps=150.0, largest_order=100 * MICRO))
    assert done.is_flat
    assert 4 <= done.n_requests <= 6


def test_lost_answers_never_turn_the_position_around(venue: Any) -> None:
    open_position(venue.trader(14), "2.0")
    with venue.faults(lost_response_chance=0.6):
        done = flattened(venue, 14, Plan(maker_s=0.0, taker_s=20.0, cap_bps=150.0, largest_order=30 * MICRO))
    assert position(venue, 14) == 0.0
    assert done.is_flat
    fills = venue.info("userFills", user=demo_address(14))
    assert all(float(fill["startPosition"]) >= 0.0 for fill in fills)


def test_without_a_mid_nothing_is_taken_and_that_is_said(venue: Any) -> None:
    class OneSided:
        async def touch(self) -> None:
            return None

    async def scene() -> Flattened:
        async with client_of(venue, 15) as client:
            market = await market_of(client)
            plan = Plan(maker_s=0.5, taker_s=0.5, cap_bps=150.0)
            return await flatten(client, market, OneSided(), plan, now_ns=time.time_ns, sleep=quick)

    open_position(venue.trader(15), "1.0")
    done = asyncio.run(scene())
    assert not done.is_flat
    assert done.size_after == 100
    assert "only one side" in " ".join(done.reasons)
    assert flattened(venue, 15).is_flat


def test_an_agent_may_do_it(venue: Any, key: str) -> None:
    agent = Signer(key, is_mainnet=False).address
    approve(venue, 16, agent)
    open_position(venue.trader(16), "1.0")

    async def scene() -> Flattened:
        async with client_of(venue, 16, key) as client:
            market = await market_of(client)
            return await flatten(client, market, AskedBook(client, market), QUICK, now_ns=time.time_ns, sleep=quick)

    done = asyncio.run(scene())
    assert (done.coin, done.is_flat) == (COIN, True)
