"""The reference venue's price as events of a session: connected beside the exchange, and missed without harm."""

from collections.abc import Callable
from typing import Any

from touchstone.clients.binance import MAINNET_URL, ReferenceFeed, symbol_of
from touchstone.clients.hyperliquid import Market, Network
from touchstone.clients.websocket import Patience
from touchstone.config import Config
from touchstone.live.session import Session


def follow(
    config: Config, network: Network, market: Market, session: Session, *, is_mirror: bool, say: Callable[[str], None]
) -> ReferenceFeed | None:
    """A feed into the session, not started yet; None where the settings name no reference.

    is_mirror: the local exchange mirrors another one, so the leader is the real one.
    """
    venue = config.reference.venue
    if venue == "off" or (venue == "auto" and (network.name != "local" or is_mirror)):
        say("no reference venue: its terms are off")
        return None
    symbol = config.reference.symbol or symbol_of(market.coin)
    silence_s = config.reference.stale_after_s

    def take(rows: Any) -> None:
        session.take_reference(rows)

    return ReferenceFeed(
        MAINNET_URL if venue == "binance" else network.url, symbol, sz_decimals=market.sz_decimals,
        now_ns=session.clock.now_ns, take=take, say=say,
        patience=Patience(silence_s=silence_s, ping_s=silence_s / 3.0),
    )  # fmt: skip
