"""Binance's raw websocket lines (`local_time json`; USD-M, COIN-M, spot) as a reference venue.

Binance has a fixed tick: BTC at 61,234.5 has six figures, which Hyperliquid's five-figure grid, and so the order book
of the core, does not hold. Its best bid and ask and its trades therefore become REFERENCE_BBO and REFERENCE_TRADE
events, in units of our coin: prices exact, never rounded. The depth updates do not go on the tape: the book is rebuilt
from them and held against the venue's own best bid and ask; the quality report says how that went. On COIN-M sizes are
contracts.
"""

import gzip
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from touchstone.data import units
from touchstone.data.depth import Levels, Rebuild, Snapshot, Touches, Update
from touchstone.data.errors import DataError
from touchstone.data.quality import Quality
from touchstone.data.recording import Stream, read_text
from touchstone.data.units import SZ_DECIMALS, Coin

_LINE = re.compile(rb'\s*[0-9]{16,19} \{\s*"(?:stream|lastUpdateId)"')
_SYMBOL = re.compile(r'"(?:s|symbol)":\s?"([A-Z0-9_]+)"')
_NAME = re.compile(r"(?P<base>[A-Z0-9]+?)(?P<quote>USDT|USDC|FDUSD|BUSD|TUSD|USD|BTC|ETH|EUR)(?P<contract>_[A-Z0-9]+)?")
FLOOR_MS = 5.0  # receive - exchange time of the fastest 1 % after the clock correction, unless told
_HEAD_BYTES = 1 << 16
_FINEST = 8  # decimals in which levels are compared
_UNUSED = {"markPriceUpdate", "forceOrder", "aggTrade", "kline"}  # known, and nothing for a reference venue


@dataclass
class Lines:
    """What the lines of one symbol say: rows of text for the tape, and the rebuilt depth."""

    symbol: str
    bbo: list[tuple[str, str | None, str, str, str]] = field(default_factory=list)  # recv, exch, price, size, side
    trades: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)  # ... side, trade id
    n_before: int = 0  # lines of the files before this one: rows are numbered through
    n_here: int = 0
    bbo_line: list[int] = field(default_factory=list)
    trade_line: list[int] = field(default_factory=list)
    depth: list[Update | Snapshot] = field(default_factory=list)
    touches: Touches = field(default_factory=Touches)


def is_binance(path: Path) -> bool:
    """Whether a file holds such lines (a damaged first line does not matter)."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError):
        return False
    return any(_LINE.match(line) for line in head.split(b"\n"))


def symbols(paths: list[Path]) -> list[str]:
    """Symbols named in the files."""
    found: set[str] = set()
    for path in paths:
        found |= set(_SYMBOL.findall(read_text(path, Quality())))
    return sorted(found)


def base_of(symbol: str) -> str:
    """The asset that a symbol trades: BTC of BTCUSDT and BTCUSD_PERP."""
    match = _NAME.fullmatch(symbol)
    return match["base"] if match else symbol


def read(paths: list[Path], symbol: str, quality: Quality) -> Lines:
    """Read files that follow each other. Lines that cannot be used are counted."""
    lines = Lines(symbol)
    decode = msgspec.json.Decoder().decode
    for path in paths:
        lines.n_before += lines.n_here
        texts = read_text(path, quality).split("\n")
        lines.n_here = len(texts)
        for number, text in enumerate(texts, 1):
            recv, _, body = text.strip().partition(" ")
            if not recv:
                continue
            try:
                recv = _nanoseconds(recv)
                _take(lines, decode(body), recv, path.name, number, quality)
            except (msgspec.DecodeError, UnicodeError, ValueError, KeyError, TypeError, IndexError, AttributeError):
                cut = number == len(texts)
                quality.add("truncated_row" if cut else "corrupt_row", path.name, [number], [text])
    return lines


def streams(lines: Lines, file: str) -> dict[str, Stream]:
    """Rows for the importer, as a Hyperliquid recording has them."""
    columns = ["timestamp", "exchange_timestamp", "price", "size", "side", "trade_id"]
    made = {}
    if lines.bbo:
        table = pl.DataFrame(lines.bbo, schema=dict.fromkeys(columns[:5], pl.String), orient="row")
        made["bbo"] = Stream("bbo", file, np.array(lines.bbo_line, np.int64), table, 0)
    if lines.trades:
        table = pl.DataFrame(lines.trades, schema=dict.fromkeys(columns, pl.String), orient="row")
        made["trades"] = Stream("trades", file, np.array(lines.trade_line, np.int64), table, 0)
    return made


def coin(lines: Lines, sz_decimals: int | None, file: str, quality: Quality) -> Coin:
    """Coin whose units hold every price exactly, and every size unless szDecimals are asked for. Raises DataError.

    Without szDecimals, those of our coin of that name if they fit, else the fewest that do.
    """
    match = _NAME.fullmatch(lines.symbol)
    base, quote = (match["base"], match["quote"]) if match else (lines.symbol, "")
    rows = [*lines.bbo, *lines.trades]
    px = max((_decimals(row[2]) for row in rows), default=0)
    size = max((_decimals(row[3]) for row in rows), default=0)
    if sz_decimals is None:
        ours = SZ_DECIMALS.get(base, size)
        sz_decimals = ours if size <= ours <= 6 - px else size
        if px + size > 6:
            raise DataError(
                f"{file}: prices of {lines.symbol} need {px} decimals and sizes {size}, together at most 6 fit; give "
                f"--sz-decimals {max(6 - px, 0)}, and sizes are rounded to that many decimals, counted"
            )
    if px > 6 - sz_decimals:
        raise DataError(
            f"{file}: prices of {lines.symbol} need {px} decimals, --sz-decimals {sz_decimals} leaves "
            f"{6 - sz_decimals}; give at most {max(6 - px, 0)}"
        )
    if size > sz_decimals:
        _round_sizes(lines, sz_decimals, file, quality)
    return Coin(base, sz_decimals, quote)


def add_exchange_times(lines: Lines, file: str, quality: Quality) -> None:
    """Spot's best bid and ask come without a time: receipt less the fastest delay of the trades stands for it."""
    at = [i for i, row in enumerate(lines.bbo) if row[1] is None]
    if not at:
        return
    delays = [int(row[0]) - int(row[1]) * 1_000_000 for row in lines.trades if row[1].isdigit()]
    if not delays:
        raise DataError(f"{file}: best bid and ask have no time, and no trade shows the clock; record trades too")
    fastest = int(np.quantile(np.array(delays, np.int64), 0.01, method="lower"))
    quality.add("no_exchange_time", file, [lines.bbo_line[i] for i in at[::2]], ["bookTicker"])
    for i in at:
        recv, _, px, qty, side = lines.bbo[i]
        lines.bbo[i] = (recv, str(max(int(recv) - fastest, 0) // 1_000_000), px, qty, side)


def rebuild(lines: Lines, quality: Quality) -> dict[str, int]:
    """Rebuild the book and hold it against the touches. Returns what was done; problems are in `quality`."""
    book = Rebuild(lines.touches, quality)
    for part in lines.depth:
        if isinstance(part, Snapshot):
            book.snapshot(part)
        else:
            book.update(part)
    book.finish()
    updates = sum(isinstance(part, Update) for part in lines.depth)
    return {
        "updates": updates,
        "snapshots": len(lines.depth) - updates,
        "applied": book.n_applied,
        "touches_compared": book.n_compared,
        "touches_equal": book.n_compared - quality.count("rebuilt_touch_differs"),
    }


# ---------------------------------------------------------------- one line


def _nanoseconds(text: str) -> str:
    """Local time in ns; recordings of 2023 have microseconds."""
    if not text.isdigit() or len(text) not in (16, 19):
        raise ValueError(text)
    return text if len(text) == 19 else text + "000"


def _take(lines: Lines, message: dict[str, Any], recv: str, file: str, number: int, quality: Quality) -> None:
    if "lastUpdateId" in message:
        if message.get("symbol", lines.symbol) == lines.symbol:
            _count(quality, "snapshot")
            levels = _levels(message["bids"]), _levels(message["asks"])
            lines.depth.append(Snapshot(file, number, int(message["lastUpdateId"]), *levels))
        return
    stream, data = message["stream"], message["data"]
    if data["s"] != lines.symbol:
        quality.add("ignored_message", file, [number], [stream])
        return
    kind = stream.partition("@")[2].partition("@")[0]
    if kind == "bookTicker":
        _count(quality, "bookTicker")
        _add_touch(lines, data, recv, file, number, quality)
    elif kind == "trade":
        _count(quality, "trade")
        if data.get("X", "MARKET") != "MARKET":  # insurance fund, deleveraging: not a trade of the book
            quality.add("ignored_message", file, [number], [f"trade {data['X']}"])
            return
        side = {True: "sell", False: "buy"}[data["m"]]  # m: the buyer was the maker
        lines.trades.append((recv, str(data["T"]), data["p"], data["q"], side, str(data["t"])))
        lines.trade_line.append(lines.n_before + number)
    elif kind == "depth":
        _count(quality, "depth")
        before = int(data["pu"]) if "pu" in data else None
        levels = _levels(data["b"]), _levels(data["a"])
        lines.depth.append(Update(file, number, int(data["U"]), int(data["u"]), before, *levels))
    elif data.get("e") in _UNUSED:
        _count(quality, data["e"])
    else:
        quality.add("ignored_message", file, [number], [stream])


def _count(quality: Quality, stream: str) -> None:
    quality.rows_read[stream] = quality.rows_read.get(stream, 0) + 1


def _add_touch(lines: Lines, data: dict[str, Any], recv: str, file: str, number: int, quality: Quality) -> None:
    update_id = int(data["u"])
    if lines.touches.ids and update_id <= lines.touches.ids[-1]:
        quality.add("repeated_update", file, [number], [f"id {update_id} after {lines.touches.ids[-1]}"])
        return
    texts = data["b"], data["B"], data["a"], data["A"]
    bid, bid_qty, ask, ask_qty = (_fine(text) for text in texts)
    lines.touches.ids.append(update_id)
    lines.touches.values.append((bid, bid_qty, ask, ask_qty))
    exch = str(data["T"]) if "T" in data else None
    lines.bbo.append((recv, exch, texts[0], texts[1], "bid"))
    lines.bbo.append((recv, exch, texts[2], texts[3], "ask"))
    lines.bbo_line += [lines.n_before + number] * 2


@lru_cache(maxsize=1 << 18)
def _fine(text: str) -> int:
    """Whole units of 1e-8; 0 is allowed. Raises ValueError."""
    value, code = units.to_units(text, _FINEST)
    if code not in (units.OK, units.ZERO):
        raise ValueError(text)
    return value


def _levels(pairs: list[list[str]]) -> Levels:
    return [(_fine(px), _fine(qty)) for px, qty in pairs]


@lru_cache(maxsize=1 << 18)
def _decimals(text: str) -> int:
    """Decimals that a number really uses."""
    return len(text.partition(".")[2].rstrip("0"))


def _round_sizes(lines: Lines, decimals: int, file: str, quality: Quality) -> None:
    """Sizes to the unit asked for, halves up, at least one unit."""
    unit = Decimal(1).scaleb(-decimals)

    def rounded(text: str) -> str:
        return str(max(Decimal(text).quantize(unit, ROUND_HALF_UP), unit))

    both: tuple[tuple[list[Any], list[int]], ...] = (lines.bbo, lines.bbo_line), (lines.trades, lines.trade_line)
    for rows, numbers in both:
        at = [i for i, row in enumerate(rows) if _decimals(row[3]) > decimals]
        if at:
            quality.add("size_rounded", file, [numbers[i] for i in at], [rows[at[0]][3]])
        for i in at:
            rows[i] = (*rows[i][:3], rounded(rows[i][3]), *rows[i][4:])
