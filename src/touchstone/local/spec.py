"""What a local exchange offers: dexs, their collateral, coins, rules and markets. Amounts are in collateral."""

from dataclasses import dataclass, field

from touchstone import TouchstoneError
from touchstone.backtest import scenario as scenarios
from touchstone.backtest.scenario import Scenario
from touchstone.config import Exchange
from touchstone.data.tape import Tape

FIRST_BUILDER_ASSET, ASSETS_PER_DEX = 100_000, 10_000
MICRO = 1_000_000


class SpecError(TouchstoneError, ValueError):
    """An exchange cannot be set up like this; the message names the coin or dex, the value and the remedy."""


@dataclass(frozen=True)
class Agents:
    """A market of agents; `price` (collateral) replaces the scenario's."""

    scenario: Scenario
    price: float | None = None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How a guest's place in the queue advances with cancels of others: a model of the configuration's [exchange]."""

    model: str = Exchange().queue_model
    exponent: float = Exchange().queue_exponent


@dataclass(frozen=True)
class Recorded:
    """A recording around the users' orders, at its own times."""

    tape: Tape
    queue: Queue = Queue()


@dataclass(frozen=True)
class Mirror:
    """A live feed around the users' orders: LocalExchange.mirror takes its messages."""

    queue: Queue = Queue()


@dataclass(frozen=True, kw_only=True)
class CoinSpec:
    """One perp. `name` carries the dex's prefix on a builder dex (`hyna:HYPE`)."""

    name: str
    sz_decimals: int
    max_leverage: int
    market: Agents | Recorded | Mirror
    only_isolated: bool = False
    strict_isolated: bool = False  # margin cannot be taken out of a position
    growth_mode: bool = False
    open_interest_cap: float | None = None  # notional
    open_interest_growth: float | None = None  # notional that it may grow by within an hour
    impact_notional: float = 6_000.0
    funding_multiplier: float = 1.0
    interest_rate: float = 0.0001  # per 8 h
    margin_tiers: tuple[tuple[float, int], ...] = ()  # further (lower bound of notional, most leverage), ascending


@dataclass(frozen=True, kw_only=True)
class DexSpec:
    """A dex; the validators' has the empty name and comes first."""

    name: str
    coins: tuple[CoinSpec, ...]
    full_name: str = ""
    collateral: str = "USDC"
    collateral_index: int = 0
    deployer_fee_scale: float = 0.0
    deployer: str = "0x" + "d0" * 20


@dataclass(frozen=True, kw_only=True)
class ExchangeSpec:
    """The whole exchange."""

    dexs: tuple[DexSpec, ...]
    block_ms: int = 70
    schedule_cancel_volume: float = 1_000_000.0  # that an account must have traded to arm a scheduled cancel
    partial_liquidation_above: float = 100_000.0  # notional from which only a fifth is liquidated at a time
    kept: "Kept" = field(default_factory=lambda: Kept())

    def __post_init__(self) -> None:
        if not self.dexs or self.dexs[0].name != "":
            raise SpecError("the first dex must be the validators' (name ''); put it first, without coins if need be")
        names = [coin.name for dex in self.dexs for coin in dex.coins]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SpecError(f"coins {twice} are listed twice; name each once")
        for dex in self.dexs:
            for coin in dex.coins:
                prefix = f"{dex.name}:" if dex.name else ""
                if not coin.name.startswith(prefix) or (not prefix and ":" in coin.name):
                    raise SpecError(f"coin {coin.name!r} of dex {dex.name!r}: its name must start with {prefix!r}")
                if not 0 <= coin.sz_decimals <= 5 or coin.max_leverage < 1:
                    raise SpecError(f"coin {coin.name}: szDecimals 0 to 5 and a leverage of 1 or more are needed")


@dataclass(frozen=True)
class Kept:
    """How much is remembered; what is older is forgotten and counted (`forgotten`)."""

    orders_per_user: int = 2_000  # that rest no more
    fills_per_user: int = 10_000
    payments_per_user: int = 2_000
    trades_per_coin: int = 500
    candles_per_interval: int = 5_000
    fundings_per_coin: int = 5_000


def asset_of(dex_index: int, index: int) -> int:
    """Asset id of coin `index` of dex `dex_index` (0 = validators)."""
    return index if dex_index == 0 else FIRST_BUILDER_ASSET + ASSETS_PER_DEX * dex_index + index


def usual(scenario: Scenario | None = None) -> ExchangeSpec:
    """BTC and ETH on the validators' dex, hyna:HYPE on a builder's, all traded by the agents of a scenario."""
    given = scenario or scenarios.load("normal")
    return ExchangeSpec(
        dexs=(
            DexSpec(
                name="",
                coins=(
                    CoinSpec(
                        name="BTC", sz_decimals=5, max_leverage=40, market=Agents(given, 100_000.0),
                        impact_notional=20_000.0, margin_tiers=((150_000_000.0, 20),),
                    ),
                    CoinSpec(
                        name="ETH", sz_decimals=4, max_leverage=25, market=Agents(given, 4_000.0),
                        impact_notional=20_000.0, margin_tiers=((100_000_000.0, 15),),
                    ),
                ),
            ),
            DexSpec(
                name="hyna", full_name="HyENA", collateral="USDE", collateral_index=235, deployer_fee_scale=1.0,
                coins=(
                    CoinSpec(
                        name="hyna:HYPE", sz_decimals=2, max_leverage=10, market=Agents(given), only_isolated=True,
                        open_interest_cap=20_000_000.0,
                    ),
                ),
            ),
        )
    )  # fmt: skip
