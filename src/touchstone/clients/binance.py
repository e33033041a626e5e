"""Binance's USD-M stream as the reference venue: the price that leads ours, as events in units of our coin.

The rules are those of a recording (data/binance.py): prices exact, never rounded; sizes rounded to our unit, halves up,
at least one, counted; the side that makes room first. Binance has its streams by path: best bid and ask and single
trades under /public (the default), aggregated trades under /market.
"""

from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import msgspec
import numpy as np
from msgspec import field

from touchstone.clients.websocket import KeptSocket, Patience
from touchstone.data import layout
from touchstone.data.layout import EVENT_DTYPE, Events
from touchstone.venues.hyperliquid.numbers import PERP_DECIMALS, NumberError, parse

MAINNET_URL = "wss://fstream.binance.com/public"
MS = 1_000_000


def symbol_of(coin: str) -> str:
    """`hyna:HYPE` is HYPEUSDT, `kPEPE` (a thousand of them) is 1000PEPEUSDT."""
    name = coin.rpartition(":")[2]
    return ("1000" + name[1:] if name[:1] == "k" and name[1:].isupper() else name.upper()) + "USDT"


class Ticker(msgspec.Struct, tag_field="e", tag="bookTicker"):
    """Best bid and ask."""

    update_id: int = field(name="u")
    symbol: str = field(name="s")
    bid: str = field(name="b")
    bid_size: str = field(name="B")
    ask: str = field(name="a")
    ask_size: str = field(name="A")
    time_ms: int = field(name="T")


class Trade(msgspec.Struct, tag_field="e", tag="trade"):
    """One trade; `buyer_is_maker`: the taker sold. Only MARKET ones are of the book."""

    symbol: str = field(name="s")
    trade_id: int = field(name="t")
    px: str = field(name="p")
    size: str = field(name="q")
    time_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")
    kind: str = field(default="MARKET", name="X")


class AggregatedTrade(msgspec.Struct, tag_field="e", tag="aggTrade"):
    """Trades of one taker at one price."""

    symbol: str = field(name="s")
    trade_id: int = field(name="a")
    px: str = field(name="p")
    size: str = field(name="q")
    time_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class Message(msgspec.Struct):
    """A message of a combined stream."""

    stream: str
    data: Ticker | Trade | AggregatedTrade


_MESSAGE = msgspec.json.Decoder(Message)


class ReferenceRows:
    """Messages of one symbol to rows; those that cannot be used are counted. `rows` is written anew by each message."""

    def __init__(self, symbol: str, sz_decimals: int, counts: Counter[str], say: Callable[[str], None]) -> None:
        self.symbol = symbol
        self.rows: Events = np.zeros(2, EVENT_DTYPE)
        self._sz_decimals = sz_decimals
        self._counts = counts
        self._say = say
        self.reset()

    def reset(self) -> None:
        """A new connection: its ids may begin again."""
        self._update_id = -1
        self._trade_id = -1
        self._ask = 0  # of the touch before

    def take(self, message: bytes | memoryview, recv_ns: int) -> int:
        """Rows written: 2 of a touch (1 of a one-sided one), 1 of a trade, 0 of what was dropped."""
        try:
            data = _MESSAGE.decode(message).data
            if data.symbol != self.symbol:
                raise ValueError(data.symbol)
            return self._touch(data, recv_ns) if isinstance(data, Ticker) else self._trade(data, recv_ns)
        except NumberError as error:
            if self._drop("off_grid" if error.rule == "decimals" else "bad_number"):
                self._say(f"reference {self.symbol}: {error}: our coin's units cannot hold it, dropped from now on")
        except (msgspec.DecodeError, ValueError):
            if self._drop("ignored_message"):
                self._say(f"reference {self.symbol}: not known, dropped from now on: {bytes(message[:200])!r}")
        return 0

    def _touch(self, data: Ticker, recv_ns: int) -> int:
        if data.update_id <= self._update_id:
            self._drop("repeated_update")
            return 0
        self._update_id = data.update_id
        decimals = PERP_DECIMALS - self._sz_decimals
        bid, ask = parse(data.bid, decimals, "price"), parse(data.ask, decimals, "price")
        bid_size, ask_size = self._size(data.bid_size), self._size(data.ask_size)
        if bid <= 0 or bid_size <= 0:
            bid = bid_size = 0
        if ask <= 0 or ask_size <= 0:
            ask = ask_size = 0
        if bid and ask and bid >= ask:
            self._drop("crossed_touch")
            return 0
        # A touch that jumps up past the old ask must not cross it in between.
        ask_first = bid >= self._ask > 0 and ask > 0
        self._ask = ask
        sides = [(1, bid, bid_size), (-1, ask, ask_size)]
        n = 0
        for side, px, size in sides[::-1] if ask_first else sides:
            if size:
                self._write(n, layout.REFERENCE_BBO, data.time_ms, recv_ns, px, size, side, 0)
                n += 1
        if n == 2:
            self.rows[0]["bits"] = layout.BIT_MORE
        return n

    def _trade(self, data: Trade | AggregatedTrade, recv_ns: int) -> int:
        if isinstance(data, Trade) and data.kind != "MARKET":  # insurance fund, deleveraging: not a trade of the book
            self._drop("not_of_the_book")
            return 0
        if data.trade_id <= self._trade_id:
            self._drop("repeated_trade")
            return 0
        self._trade_id = data.trade_id
        px, size = parse(data.px, PERP_DECIMALS - self._sz_decimals, "price"), self._size(data.size)
        if px <= 0 or size <= 0:
            self._drop("bad_number")
            return 0
        side = -1 if data.buyer_is_maker else 1
        self._write(0, layout.REFERENCE_TRADE, data.time_ms, recv_ns, px, size, side, data.trade_id)
        return 1

    def _size(self, text: str) -> int:
        try:
            return parse(text, self._sz_decimals, "size")
        except NumberError as error:
            if error.rule != "decimals":
                raise
        self._counts["size_rounded"] += 1
        return max(int(Decimal(text).scaleb(self._sz_decimals).to_integral_value(ROUND_HALF_UP)), 1)

    def _write(
        self, at: int, kind: int, time_ms: int, recv_ns: int, px: int, size: int, side: int, trade_id: int
    ) -> None:
        exch_ns = time_ms * MS
        if exch_ns > recv_ns:  # their clock is ahead of ours
            self._counts["early_receipt"] += 1
            exch_ns = recv_ns
        self.rows[at] = (exch_ns, recv_ns, px, size, trade_id, 0, kind, side, 0)

    def _drop(self, reason: str) -> bool:
        """Count it; whether it is the first."""
        self._counts[reason] += 1
        return self._counts[reason] == 1


class ReferenceFeed:
    """Follows `<symbol>@bookTicker` and its trades; `take` gets rows: REFERENCE_BBO pairs, REFERENCE_TRADE, FEED_*.

    FEED_UP comes before the first row of a connection, so a symbol that is not there is never up; rows are valid only
    during the call.
    """

    def __init__(
        self,
        url: str,
        symbol: str,
        *,
        sz_decimals: int,
        now_ns: Callable[[], int],
        take: Callable[[Events], None],
        say: Callable[[str], None] = lambda _: None,
        trades: Literal["trade", "aggTrade"] = "trade",
        patience: Patience = Patience(),  # noqa: B008 (frozen)
        seed: int | None = None,
    ) -> None:
        """`url` is what comes before `/stream?streams=` (ws or http). Made inside a running event loop."""
        name = symbol.lower()
        self._now_ns = now_ns
        self._take = take
        self._counts: Counter[str] = Counter()
        self._rows = ReferenceRows(symbol.upper(), sz_decimals, self._counts, say)
        self._feed: Events = np.zeros(1, EVENT_DTYPE)
        self._is_up = False
        base = "ws" + url.removeprefix("http") if url.startswith("http") else url
        self._socket = KeptSocket(
            f"{base.rstrip('/')}/stream?streams={name}@bookTicker/{name}@{trades}", self, ask=None, patience=patience,
            counts=self._counts, say=say, seed=seed,
        )  # fmt: skip

    @property
    def is_up(self) -> bool:
        """Connected, and something came."""
        return self._is_up

    @property
    def counters(self) -> dict[str, int]:
        """What happened how often."""
        return dict(sorted(self._counts.items()))

    async def start(self) -> None:
        """Begin to connect, and stay connected until `stop`; returns at once: a reference may be missing."""
        self._socket.open()

    async def stop(self) -> None:
        """Close it."""
        await self._socket.close()

    # From the socket.

    def on_open(self) -> None:
        """Connected."""
        self._rows.reset()

    def on_message(self, message: memoryview) -> None:
        """A message."""
        n = self._rows.take(message, self._now_ns())
        if not n:
            return
        if not self._is_up:
            self._is_up = True
            self._tell(layout.FEED_UP)
        self._take(self._rows.rows[:n])

    def on_close(self, reason: str) -> None:
        """The connection is lost."""
        if self._is_up:
            self._is_up = False
            self._tell(layout.FEED_DOWN)

    def _tell(self, kind: int) -> None:
        now_ns = self._now_ns()
        self._feed[0] = (now_ns, now_ns, 0, 0, 0, layout.FEED_REFERENCE, kind, 0, 0)
        self._take(self._feed)
