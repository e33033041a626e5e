"""Binance's USD-M stream as the reference venue: the price that leads ours, as events in units of our coin."""

from collections.abc import Callable

from touchstone.data.layout import Events

MAINNET_URL = "wss://fstream.binance.com/public"


def symbol_of(coin: str) -> str:
    """`hyna:HYPE` is HYPEUSDT."""
    return coin.rpartition(":")[2].upper() + "USDT"


class ReferenceFeed:
    """Follows `<symbol>@bookTicker` and its trades; `take` gets rows: REFERENCE_BBO pairs, REFERENCE_TRADE, FEED_*."""

    def __init__(
        self,
        url: str,
        symbol: str,
        *,
        sz_decimals: int,
        now_ns: Callable[[], int],
        take: Callable[[Events], None],
        say: Callable[[str], None] = lambda _: None,
        trades: str = "trade",
        seed: int | None = None,
    ) -> None:
        """`url` is the host part of `.../stream?streams=` (ws or http); `trades` is `trade` or `aggTrade`."""
        raise NotImplementedError

    @property
    def is_up(self) -> bool:
        """Whether the connection stands."""
        raise NotImplementedError

    @property
    def counters(self) -> dict[str, int]:
        """What happened how often."""
        raise NotImplementedError

    async def start(self) -> None:
        """Begin to connect, and stay connected until `stop`; returns at once: a reference may be missing."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Close it."""
        raise NotImplementedError
