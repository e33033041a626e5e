"""LOBSTER order-by-order files (NASDAQ) to one array of messages and, on request, to events.

A day is two files, message and orderbook, that agree row by row: the book is the state *after* the message, n levels a
side. They lie in a zip archive as LOBSTER sends it, or unpacked beside each other.

What the tape says. Prices of LOBSTER are in 1/10,000 dollar, which is the price unit at szDecimals 2; a share is then
100 size units. Rows of one nanosecond are a block: its visible executions as TRADE (aggressor = the other side of the
order that rested), then the book as the block leaves it: single levels where every visible price stayed, else a
snapshot, because a level that slips below the deepest visible one is unknown, not gone. Hidden executions are counted
and left out: they take nothing from the queue that the book shows.
"""

import re
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from touchstone.data import assemble, layout, units
from touchstone.data.assemble import Parts
from touchstone.data.errors import DataError
from touchstone.data.layout import Events, Ints
from touchstone.data.quality import Quality
from touchstone.data.units import Coin

SZ_DECIMALS = 2
SHARE = 100  # size units
NEW, REDUCED, DELETED, EXECUTED, HIDDEN, CROSS, HALT = range(1, 8)
EMPTY_PX = 9_999_999_999  # LOBSTER's price of a level that does not exist
MOST_OFF_GRID = 0.01
SILENCE_NS = 60_000_000_000  # without a message: counted as a gap, a quiet stock is no feed that is down

MESSAGE = np.dtype(
    [
        ("time_ns", "i8"),  # since the epoch, UTC
        ("order_id", "i8"),
        ("size", "i8"),  # shares
        ("price", "i8"),  # 1/10,000 dollar
        ("type", "u1"),  # NEW ...
        ("side", "i1"),  # of the order that rests: +1 bid, -1 ask
    ],
    align=True,
)

_NAME = re.compile(
    r"(?P<ticker>[A-Z][A-Z.]*)_(?P<day>\d{4}-\d\d-\d\d)_\d+_\d+_(?P<what>message|orderbook)_(?P<levels>\d+)\.csv"
)


@dataclass(frozen=True)
class Day:
    """One stock and day; px, qty of shape (rows, 2 = bid and ask, levels), best first, qty 0 = no such level."""

    ticker: str
    files: tuple[str, str]  # message, orderbook
    line: Ints  # 1-based line of each row
    messages: NDArray[np.void]
    px: Ints  # 1/10,000 dollar
    qty: Ints  # shares


def is_lobster(path: Path) -> bool:
    """Whether a file is a LOBSTER archive, or one of its two files."""
    return _ticker(path) is not None


def ticker_of(path: Path) -> str:
    """The stock that a LOBSTER file holds. Raises DataError if it is none."""
    ticker = _ticker(path)
    if ticker is None:
        raise DataError(f"{path}: no LOBSTER files (they are named TICKER_DATE_START_END_message_N.csv, _orderbook_N)")
    return ticker


def read(path: Path | str, quality: Quality) -> Day:
    """Read one day. Rows that cannot be used are dropped as pairs and counted. Raises DataError."""
    path = Path(path)
    texts = _texts(path)
    match = _NAME.fullmatch(texts["message"][0])
    assert match is not None
    levels = int(match["levels"])
    message = _table(*texts["message"], 6, quality)
    book = _table(*texts["orderbook"], 4 * levels, quality)
    quality.rows_read |= {"message": len(message), "orderbook": len(book)}
    n = min(len(message), len(book))
    if len(message) != len(book):
        longer = "message" if len(message) > n else "orderbook"
        rows = np.arange(n + 1, max(len(message), len(book)) + 1)
        quality.add("row_without_partner", texts[longer][0], rows, [f"{len(message)} messages, {len(book)} books"])
    messages, message_fault = _messages(message[:n], _midnight_ns(match["day"]))
    px, qty, book_fault = _levels(book[:n], levels)
    lines = np.arange(1, n + 1)
    good = np.ones(n, bool)
    for faults, name, table in ((message_fault, "message", message), (book_fault, "orderbook", book)):
        for reason, bad in faults.items():
            at = np.flatnonzero(bad & good)
            quality.add(reason, texts[name][0], lines[at], [table["text"][int(i)] for i in at[:1]])
            good[at] = False
    day = Day(match["ticker"], (texts["message"][0], texts["orderbook"][0]), lines, messages, px, qty)
    day = _in_order(_take(day, good), quality)
    quality.rows_kept |= {"message": len(day.line), "orderbook": len(day.line)}
    if len(day.line) == 0:
        raise DataError(f"{path}: no usable row; {'; '.join(quality.lines()[-3:])}")
    _check_executions(day, quality)
    return day


def events(day: Day, quality: Quality) -> Events:
    """The day as tape events in units of szDecimals 2. Raises DataError where prices do not fit the price grid."""
    day = _on_grid(day, quality)
    messages, time = day.messages, day.messages["time_ns"]
    parts = Parts()
    visible = messages["type"] == EXECUTED
    deals = messages[visible]
    number = np.arange(1, len(deals) + 1)
    side = -deals["side"].astype(np.int64)
    parts.add(
        assemble.RANK_TRADE,
        assemble.trades(deals["time_ns"], deals["time_ns"], deals["price"], deals["size"] * SHARE, side, number),
    )
    for reason, kind in (("hidden_execution", HIDDEN), ("cross_trade", CROSS)):
        at = np.flatnonzero(messages["type"] == kind)
        quality.add(reason, day.files[0], day.line[at], messages["price"][at[:1]])
    _add_halts(parts, day, quality)
    last = np.append(time[1:] != time[:-1], True)  # the row that ends its block
    parts.add(assemble.RANK_BOOK, _book_events(time[last], day.px[last], day.qty[last] * SHARE))
    made = parts.ordered()
    quality.events = layout.count_kinds(made)
    return made


def coin(day: Day) -> Coin:
    """The stock as a coin, for the tape."""
    return Coin(day.ticker, SZ_DECIMALS, "USD")


# ---------------------------------------------------------------- files


def _ticker(path: Path) -> str | None:
    match = _NAME.fullmatch(path.name)
    if match is None and path.suffix == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found = [match for name in archive.namelist() if (match := _NAME.fullmatch(name))]
        match = found[0] if found else None
    return match["ticker"] if match else None


def _texts(path: Path) -> dict[str, tuple[str, str]]:
    """(file name, text) of the message and the orderbook file."""
    texts: dict[str, tuple[str, str]] = {}
    if path.suffix == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if match := _NAME.fullmatch(name):
                        texts[match["what"]] = (name, archive.read(name).decode("utf-8", "replace"))
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise DataError(f"{path}: archive not readable ({error}); download it again") from error
    else:
        for what in ("message", "orderbook"):
            name = re.sub(r"_(message|orderbook)_", f"_{what}_", path.name)
            if path.with_name(name).is_file():
                texts[what] = (name, path.with_name(name).read_text("utf-8", "replace"))
    missing = {"message", "orderbook"} - set(texts)
    if missing:
        raise DataError(f"{path}: no {' and no '.join(sorted(missing))} file; LOBSTER gives both, keep them together")
    return texts


def _table(name: str, text: str, columns: int, quality: Quality) -> pl.DataFrame:
    """Lines with their columns as text (null where a line has the wrong number of them)."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    frame = pl.DataFrame({"text": lines}, schema={"text": pl.String})
    frame = frame.with_columns(pl.col("text").str.strip_chars_end("\r"))
    fields = pl.col("text").str.split_exact(",", columns - 1).struct.rename_fields([f"c{i}" for i in range(columns)])
    fits = pl.col("text").str.count_matches(",", literal=True) == columns - 1
    return frame.with_columns(fits=fits, fields=fields).unnest("fields")


def _midnight_ns(day: str) -> int:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/New_York"))
    return (midnight - datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))) // timedelta(microseconds=1) * 1000


def _whole(column: pl.Series) -> tuple[Ints, NDArray[np.bool_]]:
    number = column.cast(pl.Int64, strict=False)
    return number.fill_null(0).to_numpy().astype(np.int64), number.is_null().to_numpy()


def _messages(table: pl.DataFrame, midnight_ns: int) -> tuple[NDArray[np.void], dict[str, NDArray[np.bool_]]]:
    """Messages, and by reason the rows that are not one."""
    messages = np.zeros(len(table), MESSAGE)
    broken = ~table["fits"].to_numpy()
    time, code = units.parse_units(table["c0"].fill_null(""), 9)
    kind, no_kind = _whole(table["c1"])
    messages["order_id"], no_id = _whole(table["c2"])
    messages["size"], no_size = _whole(table["c3"])
    messages["price"], no_price = _whole(table["c4"])
    side, no_side = _whole(table["c5"])
    known = (kind >= NEW) & (kind <= HALT)
    messages["time_ns"] = midnight_ns + time
    messages["type"] = np.where(known, kind, 0)
    messages["side"] = np.where(np.abs(side) == 1, side, 0)
    trades = known & (kind != HALT)
    bad_time = ~np.isin(code, (units.OK, units.TOO_FINE, units.ZERO))  # what is finer than a nanosecond is cut off
    bad_time |= time >= 86_400_000_000_000
    return messages, {
        "corrupt_row": broken,
        "bad_time": bad_time,
        "non_numeric": no_kind | no_id | no_size | no_price | no_side,
        "unknown_type": ~known,
        "bad_side": trades & (messages["side"] == 0),
        "zero": trades & ((messages["size"] == 0) | (messages["price"] == 0)),
        "negative": trades & ((messages["size"] < 0) | (messages["price"] < 0)),
    }


def _levels(table: pl.DataFrame, levels: int) -> tuple[Ints, Ints, dict[str, NDArray[np.bool_]]]:
    """px, qty, and by reason the rows that are no book."""
    n = len(table)
    px = np.zeros((n, 2, levels), np.int64)
    qty = np.zeros_like(px)
    no_number = np.zeros(n, bool)
    for i in range(levels):
        for s, column in ((1, 4 * i), (0, 4 * i + 2)):
            px[:, s, i], bad_px = _whole(table[f"c{column}"])
            qty[:, s, i], bad_qty = _whole(table[f"c{column + 1}"])
            no_number |= bad_px | bad_qty
    absent = (np.abs(px) == EMPTY_PX) | (qty == 0)
    px[absent] = 0
    qty[absent] = 0
    negative = (px < 0).any(axis=(1, 2)) | (qty < 0).any(axis=(1, 2))
    bid, ask = px[:, 0], px[:, 1]
    unordered = ((np.diff(bid) >= 0) & (bid[:, 1:] > 0)).any(axis=1)
    unordered |= ((np.diff(ask) <= 0) & (ask[:, 1:] > 0)).any(axis=1)
    both = (bid[:, 0] > 0) & (ask[:, 0] > 0)
    return px, qty, {
        "corrupt_row": ~table["fits"].to_numpy(),
        "non_numeric": no_number,
        "negative": negative,
        "level_order": unordered,
        "crossed_book": both & (bid[:, 0] > ask[:, 0]),
        "locked_book": both & (bid[:, 0] == ask[:, 0]),
    }


# ---------------------------------------------------------------- rows


def _take(day: Day, keep: NDArray[np.bool_]) -> Day:
    return Day(day.ticker, day.files, day.line[keep], day.messages[keep], day.px[keep], day.qty[keep])


def _in_order(day: Day, quality: Quality) -> Day:
    """Rows whose time does not go back."""
    time = day.messages["time_ns"]
    steps = np.diff(np.maximum.accumulate(time)) if len(time) else np.zeros(0, np.int64)
    quality.gaps["message"] = {
        "count": float((steps > SILENCE_NS).sum()),
        "longest_s": float(steps.max(initial=0)) / 1e9,
    }
    back = time < np.maximum.accumulate(time) if len(time) else np.zeros(0, bool)
    quality.add("time_back", day.files[0], day.line[back], time[back][:1])
    return _take(day, ~back)


def _check_executions(day: Day, quality: Quality) -> None:
    """A visible execution happens at the touch before it, and takes exactly its size off it."""
    at = np.flatnonzero(day.messages["type"] == EXECUTED)
    at = at[at > 0]
    deal, s = day.messages[at], (1 - day.messages["side"][at].astype(np.int64)) // 2
    same = day.px[at, s] == deal["price"][:, None]
    left = np.where(same, day.qty[at, s], 0).sum(axis=1)
    fits = (day.px[at - 1, s, 0] == deal["price"]) & (day.qty[at - 1, s, 0] - deal["size"] == left)
    quality.add("execution_off_touch", day.files[0], day.line[at[~fits]], deal["price"][~fits][:1])


def _on_grid(day: Day, quality: Quality) -> Day:
    """Rows whose prices have at most five figures."""
    px = day.px.reshape(len(day.px), -1)
    off = ((px > 0) & (px % units.tick_of(px, SZ_DECIMALS) != 0)).any(axis=1)
    deals = day.messages["type"] == EXECUTED
    off |= deals & (day.messages["price"] % units.tick_of(day.messages["price"], SZ_DECIMALS) != 0)
    if off.mean() > MOST_OFF_GRID:
        raise DataError(
            f"{day.files[1]}: {int(off.sum())} of {len(off)} rows have prices of more than five figures (first line "
            f"{int(day.line[off][0])}), which no tape holds; take a stock between 1 and 1,000 dollars"
        )
    quality.add("off_grid_price", day.files[1], day.line[off], day.px[off, 0, 0][:1])
    return _take(day, ~off)


def _add_halts(parts: Parts, day: Day, quality: Quality) -> None:
    """Trading halted (price -1): the feed is down; quoting or trading again (0, 1): it is up."""
    halted = day.messages["type"] == HALT
    quality.add("halt", day.files[0], day.line[halted], day.messages["price"][halted][:1])
    for rank, kind, chosen in (
        (assemble.RANK_FEED_DOWN, layout.FEED_DOWN, halted & (day.messages["price"] == -1)),
        (assemble.RANK_FEED_UP, layout.FEED_UP, halted & (day.messages["price"] == 1)),
    ):
        time = day.messages["time_ns"][chosen]
        marks = assemble.simple(kind, time, time)
        marks["code"] = layout.FEED_MARKET
        parts.add(rank, marks)


def _book_events(time_ns: Ints, px: Ints, qty: Ints) -> Events:
    """Single levels where all visible prices stayed as they were, else whole snapshots; in order of time."""
    same = np.zeros(len(px), bool)
    same[1:] = (px[1:] == px[:-1]).all(axis=(1, 2))
    whole = assemble.snapshots(time_ns[~same], time_ns[~same], px[~same], qty[~same])
    changed = np.zeros(px.shape, bool)
    changed[1:] = same[1:, None, None] & (qty[1:] != qty[:-1])
    row, s, level = np.nonzero(changed)
    single = assemble.simple(layout.BOOK_LEVEL, time_ns[row], time_ns[row])
    single["px"], single["qty"], single["side"] = px[row, s, level], qty[row, s, level], 1 - 2 * s
    both = Parts()
    both.add(assemble.RANK_BOOK, single)
    both.add(assemble.RANK_BOOK, whole)
    return both.ordered()
