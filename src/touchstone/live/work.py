"""What a session is made of, before it is one: key, account, clock, coin, and the exchange's own word on fees."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from touchstone.clients.hyperliquid import Client, Limits, Market, read_market
from touchstone.config import Config
from touchstone.live import keys
from touchstone.live.clock import Clock, wall_ns
from touchstone.live.desk import Desk
from touchstone.live.identity import check_key, identify, network_of
from touchstone.live.where import Where
from touchstone.venues.hyperliquid.demo import demo_key

MICRO = 1_000_000

Say = Callable[[str], None]


@dataclass
class Work:
    """What a session is made of, before it is one."""

    config: Config  # with the fees of the account
    where: Where
    client: Client
    clock: Clock
    market: Market
    desk: Desk
    vault: str | None
    lock: Callable[[Path], contextlib.AbstractContextManager[None]]


@asynccontextmanager
async def work_of(config: Config, where: Where, say: Say) -> AsyncIterator[Work]:
    """Key, account, clock, coin: everything that is asked for before anything is done."""
    network = network_of(config.account)
    key = _key(config, where, say)
    clock = Clock()
    who = await identify(network, config.account.address, key.address, clock.now_ms)
    desk = Desk.of(Path(config.live.sessions), network.name, who.account)
    desk.refuse_killed()
    client = Client(
        network, account=who.account, vault=who.vault,
        signer=key.secret.signer(is_mainnet=network.is_mainnet, ahead=config.live.signatures_ahead),
        now_ms=lambda: clock.now_ms(), limits=_limits(where.speed), say=say,
    )  # fmt: skip
    try:
        if network.name == "local":  # it may run at a time and a speed of its own
            told = await client.info("exchangeStatus")
            clock = Clock(speed=where.speed, start_ns=told.time * MICRO)
        market = await read_market(client, config.market.coin)
        yield Work(
            _with_fees(config, market), where, client, clock, market, desk, who.vault,
            lambda folder: desk.lock(now_ns=wall_ns(), session=folder),
        )  # fmt: skip
    finally:
        await client.stop()


def _key(config: Config, where: Where, say: Say) -> keys.Key:
    """The trader's key; on an exchange of our own that of a demo account, which is public."""
    if where.starts is not None:
        secret = keys.Secret(demo_key(1))
        return keys.Key(secret, secret.signer(is_mainnet=False).address, "demo account 1")
    key = keys.load(config.account.keystore, config.account.network, password_fd=where.password_fd, say=say)
    check_key(config.account, key)
    return key


def _limits(speed: float) -> Limits:
    """The venue's limits are per minute of its own time."""
    usual, factor = Limits(), max(speed, 1.0)
    return replace(
        usual,
        weight_per_minute=round(usual.weight_per_minute * factor),
        messages_per_minute=round(usual.messages_per_minute * factor),
    )


def _with_fees(config: Config, market: Market) -> Config:
    """The settings with the account's own fees, as the exchange tells them, and the coin's collateral."""
    factor = config.fee_factor
    maker_bps = market.maker_fee_bps / (factor if market.maker_fee_bps > 0 else 1.0)
    fees = config.fees.model_copy(update={"maker_bps": maker_bps, "taker_bps": market.taker_fee_bps / factor})
    of_coin = config.market.model_copy(update={"collateral": market.collateral})
    return config.model_copy(update={"fees": fees, "market": of_coin})
