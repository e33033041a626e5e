"""Exchanges by market: what they list and when they begin."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from touchstone import TouchstoneError
from touchstone.backtest import scenario as scenarios
from touchstone.config import COLLATERAL_OF_DEX
from touchstone.data.tape import open_tape
from touchstone.local.server import mirror
from touchstone.local.server.settings import CoinRules
from touchstone.local.spec import CoinSpec, DexSpec, ExchangeSpec, Mirror, Recorded, usual
from touchstone.venues.hyperliquid.info import Asset, Meta

TOKENS = {"USDC": 0, "USDE": 235, "USDH": 360, "USDT0": 268}
FIRST_LEVERAGE = 20


class LaunchError(TouchstoneError, ValueError):
    """There is no such market to serve."""

    exit_code = 2


def agents(scenario: str, coins: Sequence[str]) -> tuple[ExchangeSpec, int]:
    """The usual exchange, its coins traded by the agents of a scenario, from now on."""
    spec = usual(scenarios.load(scenario))
    return (_only(spec, coins) if coins else spec), _now_ms()


def recorded(path: Path) -> tuple[ExchangeSpec, int]:
    """The coin of a tape, from its beginning."""
    tape = open_tape(path, verify=False)
    meta = tape.meta
    name = f"{meta.dex}:{meta.coin}" if meta.dex and ":" not in meta.coin else meta.coin
    coin = CoinSpec(
        name=name, sz_decimals=meta.sz_decimals, max_leverage=FIRST_LEVERAGE, market=Recorded(tape),
        only_isolated=bool(meta.dex),
    )  # fmt: skip
    start_ms = meta.first_exch_ns // 1_000_000
    return ExchangeSpec(dexs=_dexs({meta.dex: (coin,)})), start_ms


def mirrored(url: str, coins: Sequence[str]) -> tuple[ExchangeSpec, int]:
    """Coins as another exchange lists them, from now on. Raises LaunchError where it does not."""
    if not coins:
        raise LaunchError("--market mirror needs --coin: name the coins to follow")
    return asyncio.run(_mirrored(url, coins)), _now_ms()


async def _mirrored(url: str, coins: Sequence[str]) -> ExchangeSpec:
    by_dex: dict[str, tuple[CoinSpec, ...]] = {}
    for dex in dict.fromkeys(map(_dex_of, coins)):
        meta: Meta = await mirror.fetch(url, "meta", dex=dex)
        listed = {asset.name: asset for asset in meta.universe}
        wanted = [coin for coin in coins if _dex_of(coin) == dex]
        if unknown := [coin for coin in wanted if coin not in listed]:
            raise LaunchError(f"{', '.join(unknown)}: not listed at {url}; there are {', '.join(list(listed)[:20])}")
        by_dex[dex] = tuple(_mirrored_coin(listed[coin]) for coin in wanted)
    return ExchangeSpec(dexs=_dexs(by_dex))


def _mirrored_coin(asset: Asset) -> CoinSpec:
    return CoinSpec(
        name=asset.name, sz_decimals=asset.sz_decimals, max_leverage=asset.max_leverage, market=Mirror(),
        only_isolated=bool(asset.only_isolated), strict_isolated=asset.margin_mode == "strictIsolated",
        growth_mode=asset.growth_mode == "enabled",
    )  # fmt: skip


def _dexs(coins: dict[str, tuple[CoinSpec, ...]]) -> tuple[DexSpec, ...]:
    """The validators' dex, and those builder dexs that have coins here."""
    builders = []
    for name in sorted(coins.keys() - {""}):
        collateral = COLLATERAL_OF_DEX.get(name, "USDC")
        builders.append(
            DexSpec(
                name=name, coins=coins[name], full_name=name, collateral=collateral,
                collateral_index=TOKENS[collateral], deployer_fee_scale=1.0,
            )
        )  # fmt: skip
    return (DexSpec(name="", coins=coins.get("", ())), *builders)


def _only(spec: ExchangeSpec, coins: Sequence[str]) -> ExchangeSpec:
    listed = [coin.name for dex in spec.dexs for coin in dex.coins]
    if unknown := [coin for coin in coins if coin not in listed]:
        raise LaunchError(f"{', '.join(unknown)}: not listed here; there are {', '.join(listed)}")
    dexs = [replace(dex, coins=tuple(coin for coin in dex.coins if coin.name in coins)) for dex in spec.dexs]
    return replace(spec, dexs=tuple(dex for dex in dexs if dex.coins or not dex.name))


def ruled(spec: ExchangeSpec, rules: Mapping[str, CoinRules]) -> ExchangeSpec:
    """With rules of single coins in place of the usual ones. Raises LaunchError for a coin that is not there."""
    listed = [coin.name for dex in spec.dexs for coin in dex.coins]
    if unknown := rules.keys() - set(listed):
        raise LaunchError(f"[coins] {', '.join(sorted(unknown))}: not listed here; there are {', '.join(listed)}")

    def changed(coin: CoinSpec) -> CoinSpec:
        given = rules.get(coin.name, CoinRules())
        return replace(coin, **{name: value for name, value in given if value is not None})

    return replace(spec, dexs=tuple(replace(dex, coins=tuple(map(changed, dex.coins))) for dex in spec.dexs))


def _dex_of(coin: str) -> str:
    return coin.partition(":")[0] if ":" in coin else ""


def _now_ms() -> int:
    return int(1e3 * time.time())
