"""Readings of the account, from the real local exchange and, where pages matter, from a made-up venue."""

import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from touchstone.clients.hyperliquid import Client, Network, account, read_market
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.replies import Accepted
from touchstone.venues.hyperliquid.shapes import Fill, FundingEntry
from touchstone.venues.hyperliquid.signing import Signer
from touchstone.venues.hyperliquid.user_actions import ApproveAgent

HYPE = "hyna:HYPE"
pytestmark = pytest.mark.asyncio


async def test_orders_position_and_money(trade: Any) -> None:
    trader = await trade()
    market = await read_market(trader.client, HYPE)
    flat = await account.standing(trader.client, market)
    assert (flat.size, flat.position, flat.equity, flat.withdrawable) == (0, None, 10**11, 10**11)
    await trader.isolate()
    cloid = trader.cloid()
    await trader.rest(cloid)
    (order,) = await account.open_orders(trader.client, market)
    assert (order.cloid, order.coin, order.side, order.tif) == (cloid, HYPE, "B", "Alo")
    await trader.place(trader.order(False, 0.99, "3.25", "Ioc"))
    held = await account.standing(trader.client, market)
    assert held.size == -325
    assert held.position
    assert held.position.szi == "-3.25"
    assert 0 < held.withdrawable < held.equity < 10**11
    assert held.time_ms
    used = await account.rate_limit(trader.client)
    assert (used.n_requests_used, used.n_requests_cap) == (3, 10_000 + int(float(used.cum_vlm)))
    assert await account.abstraction(trader.client) == "default"
    assert await account.funding_since(trader.client, market, 0) == []


async def test_who_may_sign(trade: Any) -> None:
    trader = await trade(starts=False)
    assert await account.signs(trader.client) == account.Signs("account", "user")
    agent = Signer(demo_key(99), is_mainnet=False)
    nonce = int(1e3 * time.time())
    until = nonce + 86_400_000
    approval = ApproveAgent(
        agent_address=agent.address, agent_name=f"maker valid_until {until}", nonce=nonce,
        signature_chain_id="0x66eee", hyperliquid_chain="Testnet",
    )  # fmt: skip
    signature = Signer(demo_key(1), is_mainnet=False).sign_user(approval)
    request = actions.Request(msgspec.Raw(msgspec.json.encode(approval)), nonce, signature)
    await trader.server.gateway.act(msgspec.json.encode(request), trader.server.peers.of("test"))
    approved = await trade(trader.server, starts=False, signer=agent)
    assert await account.signs(approved.client) == account.Signs("agent", "user", until)
    assert isinstance(await approved.client.send(actions.Noop()), Accepted)
    stranger = await trade(trader.server, starts=False, signer=Signer(demo_key(98), is_mainnet=False))
    assert (await account.signs(stranger.client)).role == "stranger"
    other = await trade(trader.server, starts=False, number=2, signer=agent)  # an agent, but not of this account
    assert (await account.signs(other.client)).role == "stranger"


async def test_a_master_trades_for_its_sub_account(trade: Any) -> None:
    trader = await trade(starts=False)
    trader.server.exchange.trader(trader.client.account).volume = 10**13
    reply = await trader.client.send(actions.CreateSubAccount("maker"))
    sub = reply.response.data
    signer = Signer(demo_key(1), is_mainnet=False)
    client = Client(
        Network.local(trader.server.url), account=sub, signer=signer, vault=sub,
        now_ms=lambda: trader.server.exchange.now_ms + 10_000,
    )  # fmt: skip
    assert await account.signs(client) == account.Signs("master", "subAccount")
    trader.server.deposit(sub, "hyna", 1_000.0)
    reply = await client.send(actions.UpdateLeverage(110_000, False, 3))
    assert isinstance(reply, Accepted), reply
    asked = await client.info("activeAssetData", user=sub, coin=HYPE)
    assert asked.leverage.value == 3
    own = await trader.client.info("activeAssetData", user=demo_address(1), coin=HYPE)
    assert own.leverage.value != 3
    await client.stop()


class Pages:
    """Answers `userFillsByTime` and `userFunding` as the venue does: inclusive bounds, so many at a time."""

    def __init__(self, entries: list[Any], per_page: int, *, newest_first: bool = False) -> None:
        self.entries = entries[::-1] if newest_first else entries
        self.per_page = per_page
        self.account = "0x" + "1" * 40
        self.n = 0

    async def info(self, kind: str, *, user: str, start_time: int, end_time: int = 1 << 62) -> list[Any]:
        self.n += 1
        return [entry for entry in self.entries if start_time <= entry.time <= end_time][: self.per_page]


def fill(number: int, at_ms: int, coin: str = HYPE) -> Fill:
    return Fill(
        coin=coin, px="40.0", sz="1.0", side="B", time=at_ms, start_position="0.0", dir="Open Long", closed_pnl="0.0",
        hash="0x0", oid=number, crossed=False, fee="0.01", tid=number,
    )  # fmt: skip


@pytest.mark.parametrize("newest_first", [False, True])
async def test_fills_over_pages_come_once_each_in_order(newest_first: bool) -> None:
    entries = [fill(i, 1_000 + i // 7, HYPE if i % 5 else "BTC") for i in range(4_500)]  # seven share a time
    venue: Any = Pages(entries, account.FILLS_PER_PAGE, newest_first=newest_first)
    market: Any = SimpleNamespace(coin=HYPE)
    found = await account.fills_since(venue, market, 1_000)
    assert [f.tid for f in found] == [i for i in range(4_500) if i % 5]
    assert venue.n == 3
    of_one_time = {f.tid for f in await account.fills_since(venue, market, 1_642)}
    assert of_one_time == {4_494, 4_496, 4_497, 4_498, 4_499}


async def test_funding_over_pages() -> None:
    def payment(hour: int) -> FundingEntry:
        delta = {"type": "funding", "coin": HYPE, "usdc": "-0.1", "szi": "1.0", "fundingRate": "0.0001"}
        return msgspec.convert({"time": hour * 3_600_000, "hash": "0x0", "delta": delta}, FundingEntry)

    venue: Any = Pages([payment(hour) for hour in range(1_200)], account.FUNDINGS_PER_PAGE)
    market: Any = SimpleNamespace(coin=HYPE)
    found = await account.funding_since(venue, market, 0)
    assert [entry.time // 3_600_000 for entry in found] == list(range(1_200))


@pytest.mark.parametrize(
    ("text", "units"), [("1.5", 1_500_000), ("0.0000019", 1), ("-0.0000011", -2), ("100000.0", 10**11)]
)
async def test_money_is_rounded_down(text: str, units: int) -> None:
    assert account.micro(text) == units
