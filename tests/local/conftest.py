"""A local exchange that the test drives: a market at rest around 40 and 100,000, and users with money."""

from typing import Any

import pytest

from touchstone.backtest import scenario as scenarios
from touchstone.local.exchange import LocalExchange
from touchstone.local.spec import Agents, CoinSpec, DexSpec, ExchangeSpec, Mirror
from touchstone.venues.hyperliquid import actions as wire
from touchstone.venues.hyperliquid.replies import Accepted, Refused, Status
from touchstone.venues.hyperliquid.shapes import AssetCtx, Book, Level

START_MS = 1_760_000_000_000
MICRO = 1_000_000
HYPE, BTC, ETH = 110_000, 0, 1


def quiet() -> scenarios.Scenario:
    """Nobody takes, the price stands still, one maker quotes 1 % away on both sides."""
    given = scenarios.load("normal")
    maker = given.makers[0].model_copy(
        update={"half_spread_bps": 100.0, "error_bps": 0.0, "notional": 5_000_000.0, "levels": 10, "limit": 1e12}
    )
    return given.model_copy(
        update={
            "latent": given.latent.model_copy(
                update={"volatility_bps": 1e-9, "volatility_spread": 0.0, "jumps_per_h": 0.0}
            ),
            "noise": given.noise.model_copy(update={"per_h": 0.0}),
            "impact": given.impact.model_copy(update={"flow_bps": 0.0, "lean_bps": 0.0}),
            "informed": [],
            "makers": [maker],
        }
    )


def quiet_spec(**changes: Any) -> ExchangeSpec:
    """BTC (40x) and ETH (25x, tiers) cross, hyna:HYPE (10x) isolated; keywords change the coin hyna:HYPE."""
    market = quiet()
    hype: dict[str, Any] = {
        "name": "hyna:HYPE", "sz_decimals": 2, "max_leverage": 10, "market": Agents(market), "only_isolated": True,
    }  # fmt: skip
    btc = CoinSpec(name="BTC", sz_decimals=5, max_leverage=40, market=Agents(market, 100_000.0))
    eth = CoinSpec(
        name="ETH", sz_decimals=4, max_leverage=25, market=Agents(market, 4_000.0), margin_tiers=((1_000_000.0, 10),)
    )
    hyna = DexSpec(
        name="hyna", collateral="USDE", collateral_index=235, deployer_fee_scale=1.0,
        coins=(CoinSpec(**(hype | changes)),),
    )  # fmt: skip
    return ExchangeSpec(dexs=(DexSpec(name="", coins=(btc, eth)), hyna))


def mirror_spec() -> ExchangeSpec:
    """BTC cross and hyna:HYPE isolated, both mirroring a feed that `Desk.show` makes up."""
    btc = CoinSpec(name="BTC", sz_decimals=5, max_leverage=40, market=Mirror())
    hype = CoinSpec(name="hyna:HYPE", sz_decimals=2, max_leverage=10, market=Mirror(), only_isolated=True)
    return ExchangeSpec(
        dexs=(
            DexSpec(name="", coins=(btc,)),
            DexSpec(name="hyna", collateral="USDE", collateral_index=235, deployer_fee_scale=1.0, coins=(hype,)),
        )
    )


def order(
    asset: int, size: str, px: str, tif: str = "Alo", *, reduce_only: bool = False, cloid: str | None = None
) -> wire.Order:
    """A wire order; a negative size sells."""
    is_buy = not size.startswith("-")
    kind = wire.OrderType(limit=wire.Limit(tif))
    return wire.Order(asset, is_buy, px, size.lstrip("-"), reduce_only, kind, cloid)


class Desk:
    """Sends actions and looks at what came of them, one block at a time."""

    def __init__(self, spec: ExchangeSpec, seed: int = 1) -> None:
        self.exchange = LocalExchange(spec, seed=seed, start_ms=START_MS)
        self.report: Any = None

    def user(self, number: int, money: float = 10_000.0, dexs: tuple[str, ...] = ("", "hyna")) -> str:
        """A funded user."""
        user = f"0x{number:040x}"
        for dex in dexs:
            self.exchange.deposit(user, dex, round(money * MICRO))
        return user

    def blocks(self, n: int = 1) -> list[Any]:
        reports = self.exchange.advance(self.exchange.now_ms + n * self.exchange.block_ms)
        self.report = reports[-1]
        return reports

    def show(self, coin: str, mid: float, half_spread: float = 0.0005, size: str = "1000") -> None:
        """The mirrored feed: ten levels a side around mid, and mid as its oracle."""
        decimals = 1 if coin == "BTC" else 3
        step = mid * half_spread
        bids, asks = (
            [Level(px=f"{float(f'{mid + way * step * (n + 1):.5g}'):.{decimals}f}", sz=size) for n in range(10)]
            for way in (-1, 1)
        )
        text = f"{mid:.{decimals}f}"
        self.exchange.mirror(coin, Book(coin=coin, time=self.exchange.now_ms, levels=(bids, asks)))
        self.exchange.mirror(
            coin,
            AssetCtx(
                funding="0.0", open_interest="0.0", prev_day_px=text, day_ntl_vlm="0.0", oracle_px=text, mark_px=text,
                premium=None, mid_px=text, impact_pxs=None,
            ),
        )  # fmt: skip

    def seconds(self, s: float) -> list[Any]:
        return self.blocks(round(s * 1000) // self.exchange.block_ms + 1)

    def send(self, user: str, action: Any, **flags: Any) -> Any:
        """An action in the next block; its reply."""
        ticket = self.exchange.submit(user, action, self.exchange.now_ms * 1_000_000 + 1, **flags)
        self.blocks()
        return ticket.reply

    def place(self, user: str, *orders: wire.Order) -> list[Status | str]:
        """Statuses of a batch."""
        reply = self.send(user, wire.PlaceOrders(list(orders), "na"))
        assert isinstance(reply, Accepted), reply
        return reply.response.data.statuses  # type: ignore[union-attr,return-value]

    def one(self, user: str, asset: int, size: str, px: str, tif: str = "Alo", **more: Any) -> Any:
        """What became of one order: its oid if it rests, (size, price) if it traded, else the error."""
        status = self.place(user, order(asset, size, px, tif, **more))[0]
        assert isinstance(status, Status)
        if status.resting:
            return status.resting.oid
        if status.filled:
            return status.filled.total_sz, status.filled.avg_px
        return status.error

    def refusal(self, user: str, action: Any, **flags: Any) -> str:
        reply = self.send(user, action, **flags)
        assert isinstance(reply, Refused), reply
        return reply.response

    def statuses(self, user: str) -> list[tuple[int, str]]:
        """(oid, status) of the user's order updates in the last block."""
        return [(u.order.oid, u.status) for u in self.report.order_updates.get(user, [])]

    def size(self, user: str, coin: str) -> str:
        """Signed position."""
        dex = coin.partition(":")[0] if ":" in coin else ""
        state = self.exchange.clearinghouse_state(user, dex)
        return next((p.position.szi for p in state.asset_positions if p.position.coin == coin), "0.0")


def imbalance(exchange: LocalExchange) -> dict[str, tuple[int, int]]:
    """By dex: (all cash less what was paid in, sum of all positions); zeros where nothing was made or lost."""
    found = {}
    for dex, totals in exchange.totals.items():
        cash = totals.house + totals.fees - totals.deposits
        positions = sum(totals.house_szi.values())
        for trader in exchange.traders.values():
            account = trader.accounts.get(dex)
            if account is None:
                continue
            cash += account.raw + sum(p.raw for p in account.positions.values())
            positions += sum(p.szi for p in account.positions.values())
        found[dex] = (cash, positions)
    return found


EVEN = {"": (0, 0), "hyna": (0, 0)}


@pytest.fixture
def desk() -> Desk:
    return Desk(quiet_spec())


@pytest.fixture
def mirror() -> Desk:
    """BTC at 100,000 and hyna:HYPE at 40, a spread of 10 bps."""
    made = Desk(mirror_spec())
    made.show("BTC", 100_000.0)
    made.show("hyna:HYPE", 40.0)
    made.seconds(3)
    return made
