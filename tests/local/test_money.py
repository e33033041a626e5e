"""A random hour of 50 accounts: nothing is made or lost, every fill has two sides, positions chain; runs repeat."""

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from touchstone.backtest import scenario as scenarios
from touchstone.local import spec as specs
from touchstone.local.exchange import LocalExchange
from touchstone.venues.hyperliquid import actions as wire
from touchstone.venues.hyperliquid.user_actions import SendAsset

from .conftest import EVEN, MICRO, START_MS, imbalance, order

HOUR_MS = 3_600_000
ASSETS = {0: (100_000.0, 5, 1), 1: (4_000.0, 4, 2), 110_000: (40.0, 2, 4)}  # price, decimals of size and price
TIFS = ("Alo", "Alo", "Gtc", "Ioc", "Ioc")


def wild() -> scenarios.Scenario:
    """The normal market with five times its volatility: leverage is dangerous here."""
    given = scenarios.load("normal")
    return given.model_copy(update={"latent": given.latent.model_copy(update={"volatility_bps": 15.0})})


class Crowd:
    """Accounts that do anything."""

    def __init__(self, seed: int, n_users: int) -> None:
        self.random = random.Random(seed)
        spec = replace(specs.usual(wild()), partial_liquidation_above=20_000.0)
        self.exchange = LocalExchange(spec, seed=seed, start_ms=START_MS)
        self.users = [f"0x{n + 1:040x}" for n in range(n_users)]
        for user in self.users:
            for dex in ("", "hyna"):
                self.exchange.deposit(user, dex, self.random.randint(200, 5_000) * MICRO)
            for asset, most in ((0, 40), (1, 25), (110_000, 10)):
                leverage = self.random.randint(1, most)
                self.submit(user, wire.UpdateLeverage(asset, asset < 2 and self.random.random() < 0.7, leverage))
        self.tickets: list[Any] = []

    def submit(self, user: str, action: Any) -> Any:
        return self.exchange.submit(user, action, (self.exchange.now_ms + self.random.randint(0, 70)) * 1_000_000)

    def act(self) -> None:
        """One of the crowd does something."""
        user = self.random.choice(self.users)
        self.tickets.append(self.submit(user, self.action(user)))

    def action(self, user: str) -> Any:
        dice = self.random.random()
        live = list(self.exchange.traders[user].orders.values())
        if live and dice < 0.2:
            return wire.CancelOrders([wire.Cancel(o.coin.asset, o.oid) for o in self.random.sample(live, 1)])
        if live and dice < 0.35:
            target = self.random.choice(live)
            return wire.ModifyOrders([wire.Replacement(target.oid, self.order())], self.random.random() < 0.5)
        if dice < 0.4:
            asset = self.random.choice(list(ASSETS))
            if self.random.random() < 0.5:
                return wire.UpdateIsolatedMargin(asset, True, self.random.randint(-50, 50) * MICRO)
            return wire.UpdateLeverage(asset, self.random.random() < 0.5, self.random.randint(1, 40))
        if dice < 0.43:
            return self.transfer(user)
        return wire.PlaceOrders([self.order() for _ in range(self.random.randint(1, 4))], "na", self.builder())

    def builder(self) -> wire.Builder | None:
        return wire.Builder("0x" + "b" * 40, self.random.randint(0, 10)) if self.random.random() < 0.1 else None

    def order(self) -> wire.Order:
        asset = self.random.choice(list(ASSETS))
        _, sz_decimals, px_decimals = ASSETS[asset]
        coin = self.exchange.by_asset[asset]
        mid = coin.mark_px / 10**coin.px_decimals
        px = float(f"{mid * (1 + self.random.gauss(0, 0.0008)):.5g}")
        size = round(self.random.paretovariate(1.1) * 150.0 / mid * self.random.choice((1, -1)), sz_decimals)
        text = f"{size:.{sz_decimals}f}"
        is_reduce = self.random.random() < 0.25
        return order(asset, text, f"{px:.{px_decimals}f}", self.random.choice(TIFS), reduce_only=is_reduce)

    def transfer(self, user: str) -> Any:
        dex, token = self.random.choice((("", "USDC"), ("hyna", "USDE")))
        source, to = self.random.choice(((dex, dex), (dex, "spot"), ("spot", dex)))
        amount = f"{self.random.uniform(0, 300):.6f}"
        return SendAsset(
            signature_chain_id="0x66eee", hyperliquid_chain="Testnet", destination=self.random.choice(self.users),
            source_dex=source, destination_dex=to, token=f"{token}:0x1", amount=amount, from_sub_account="", nonce=1,
        )  # fmt: skip

    def run(self, length_ms: int, every: int) -> Any:
        """Reports of a span, with an action each `every` blocks."""
        end_ms = self.exchange.now_ms + length_ms
        n = 0
        while self.exchange.now_ms < end_ms:
            n += 1
            if n % every == 0:
                self.act()
            yield from self.exchange.advance(self.exchange.now_ms + self.exchange.block_ms)


def check_two_sides(report: Any, users: set[str]) -> int:
    """Every fill of a block has its other side: a trader's fill of the same tid, or a trade with an agent."""
    sides = defaultdict(list)
    for user, fills in report.fills.items():
        for fill in fills:
            sides[fill.coin, fill.tid].append((user, fill))
    trades = {(trade.coin, trade.tid): trade for trades in report.trades.values() for trade in trades}
    for key, found in sides.items():
        sizes = {(fill.px, fill.sz) for _, fill in found}
        assert len(sizes) == 1
        if len(found) == 2:
            assert {fill.side for _, fill in found} == {"A", "B"}
            continue
        [(user, fill)] = found
        trade = trades[key]
        assert trade.users is not msgspec.UNSET
        assert trade.users[0 if fill.side == "B" else 1] == user
        assert not set(trade.users) - {user} & users  # the other is an agent
    return len(sides)


def follow_positions(report: Any, held: dict[tuple[str, str], Decimal]) -> None:
    """startPosition + signed size is the next startPosition."""
    for user, fills in report.fills.items():
        for fill in fills:
            assert Decimal(fill.start_position) == held[user, fill.coin]
            held[user, fill.coin] += Decimal(fill.sz) * (1 if fill.side == "B" else -1)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_random_hour_of_fifty_accounts(seed: int) -> None:
    crowd = Crowd(seed, 50)
    exchange = crowd.exchange
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    n = 0
    for number, report in enumerate(crowd.run(HOUR_MS, 4)):
        n += check_two_sides(report, set(crowd.users))
        follow_positions(report, held)
        if number % 50 == 0 or report.fills:
            assert imbalance(exchange) == EVEN
    assert imbalance(exchange) == EVEN
    assert n > 2_000
    assert exchange.n_liquidations > 5
    for (user, coin), size in held.items():
        dex = exchange.coins[coin].dex
        positions = {p.position.coin: p.position.szi for p in exchange.clearinghouse_state(user, dex).asset_positions}
        assert Decimal(positions.get(coin, "0")) == size
    for trader in exchange.traders.values():
        assert {fill.liquidation.method for fill in trader.fills if fill.liquidation} <= {"market", "backstop"}
        for account in trader.accounts.values():
            for position in account.positions.values():
                check_orders(trader, position)
    assert sum(len(trader.fundings) for trader in exchange.traders.values()) > 10


def check_orders(trader: Any, position: Any) -> None:
    """What the position believes to rest is what rests."""
    live = [o for o in trader.orders.values() if o.position is position and not o.reduce_only]
    assert position.buys == sum(o.left for o in live if o.side > 0)
    assert position.sells == sum(o.left for o in live if o.side < 0)
    reducing = [o for o in trader.orders.values() if o.position is position and o.reduce_only]
    assert sorted(o.oid for o in position.reduce_only) == sorted(o.oid for o in reducing)
    for side in (1, -1):
        assert sum(o.left for o in reducing if o.side == side) <= max(-side * position.szi, 0)


def test_two_runs_are_the_same_to_the_byte() -> None:
    def run() -> bytes:
        crowd = Crowd(7, 10)
        parts = []
        for report in crowd.run(120_000, 2):
            shown = [report.trades, report.bbo, report.order_updates, report.fills, report.user_events]
            parts.append(msgspec.json.encode([report.time_ms, *shown, report.ctx_changed, report.book_due]))
        parts += [msgspec.json.encode(ticket.reply) for ticket in crowd.tickets]
        return b"\n".join(parts)

    first = run()
    assert first == run()
    assert first.count(b"\n") > 1_500


def test_memory_is_bounded_and_what_is_forgotten_is_counted() -> None:
    kept = specs.Kept(orders_per_user=20, fills_per_user=15, payments_per_user=5, trades_per_coin=10)
    crowd = Crowd(3, 5)
    exchange = LocalExchange(replace(crowd.exchange.spec, kept=kept), seed=3, start_ms=START_MS)
    for user in crowd.users:
        for dex in ("", "hyna"):
            exchange.deposit(user, dex, 10_000 * MICRO)
    crowd.exchange = exchange
    for _ in crowd.run(120_000, 1):
        pass
    for trader in exchange.traders.values():
        assert len(trader.past) <= 20
        assert len(trader.known) == len(trader.past) + len(trader.orders)
        assert len(trader.cloids) <= len(trader.known)
        assert len(trader.fills) <= 15
    assert exchange.forgotten["orders"] > 100
    assert exchange.forgotten["fills"] > 50
    assert exchange.forgotten["trades"] > 50
    assert imbalance(exchange) == EVEN
