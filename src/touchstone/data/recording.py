"""Recorded files to columns of text: csv, csv.gz, parquet, and raw websocket lines. Nothing is interpreted here.

Every value stays text until `units` turns it into an integer, so that one bad value costs one row. Rows that cannot be
split into columns are counted and left out.
"""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from touchstone.data.errors import DataError
from touchstone.data.layout import Ints
from touchstone.data.quality import Quality

STREAMS = ("book", "bbo", "trades")
_TIMES = ["timestamp", "exchange_timestamp"]
_REQUIRED = {
    "book": [*_TIMES, "bid_price_0", "bid_size_0", "ask_price_0", "ask_size_0"],
    "bbo": [*_TIMES, "price", "size", "side"],
    "trades": [*_TIMES, "price", "size", "side", "trade_id"],
}


@dataclass
class Stream:
    """Rows of one stream: text columns named as in the recordings, and the line (or row) that each came from."""

    name: str
    file: str
    line: Ints
    table: pl.DataFrame
    recv_decimals: int  # receive time: 9 = seconds, 0 = nanoseconds

    @property
    def levels(self) -> int:
        """Depth of a book stream."""
        return sum(1 for column in self.table.columns if column.startswith("bid_price_"))


def read_text(path: Path, quality: Quality) -> str:
    """Text of a plain or gzip file; of a damaged gzip file as much as can be read, counted."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    if not zipped:
        return path.read_bytes().decode("utf-8", "replace")
    try:
        return gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        quality.add("truncated_file", path.name, [0], [str(error)])
        return _salvage(path).decode("utf-8", "replace")


def _salvage(path: Path) -> bytes:
    """What a damaged gzip file still gives."""
    inflate = zlib.decompressobj(wbits=31)
    out = bytearray()
    with path.open("rb") as file:
        try:
            while piece := file.read(64):  # what the piece with the damage still gives is lost
                out += inflate.decompress(piece)
        except zlib.error:
            pass
    return bytes(out)


def read_table(path: Path, stream: str, quality: Quality) -> Stream:
    """One csv, csv.gz or parquet file as text columns. Raises DataError if it is not such a table at all."""
    if path.suffix == ".parquet":
        try:
            table = pl.read_parquet(path)
        except Exception as error:  # polars has no common class of read errors
            raise DataError(f"{path}: not readable as parquet ({error}); record or download it again") from error
        _check_columns(path, table.columns, stream)
        quality.rows_read[stream] = quality.rows_read.get(stream, 0) + len(table)
        text = table.select(pl.all().cast(pl.String, strict=False))
        return Stream(stream, path.name, np.arange(1, len(table) + 1, dtype=np.int64), text, 9)

    lines = read_text(path, quality).split("\n")
    header = lines[0].rstrip("\r").split(",")
    _check_columns(path, header, stream)
    cut = lines[-1] != ""  # a file cut off in the middle of a row; a complete one ends with a newline
    frame = pl.DataFrame({"text": lines[1:] if cut else lines[1:-1]}, schema={"text": pl.String})
    frame = frame.with_columns(pl.col("text").str.strip_chars_end("\r"), line=pl.int_range(2, pl.len() + 2))
    quality.rows_read[stream] = quality.rows_read.get(stream, 0) + len(frame)
    commas = pl.col("text").str.count_matches(",", literal=True)
    broken = pl.col("text").str.contains("\ufffd", literal=True) | (commas > len(header) - 1)
    short = (commas < len(header) - 1) & ~broken
    for reason, condition in (("truncated_row", short), ("corrupt_row", broken)):
        bad = frame.filter(condition)
        quality.add(reason, path.name, bad["line"], bad["text"])
    good = frame.filter(~short & ~broken)
    split = good["text"].str.split_exact(",", len(header) - 1).struct.rename_fields(header).struct.unnest()
    return Stream(stream, path.name, good["line"].to_numpy().astype(np.int64), split, 9)


def _check_columns(path: Path, found: list[str], stream: str) -> None:
    missing = [column for column in _REQUIRED[stream] if column not in found]
    if missing or len(set(found)) != len(found):
        raise DataError(
            f"{path}: columns {', '.join(missing) or 'not unique'} missing for a {stream} recording (found: "
            f"{', '.join(found[:8])[:200]}); the first line must name the columns as in {', '.join(_REQUIRED[stream])}"
        )


# Channels that are known and carry nothing for a tape.
_QUIET = {"subscriptionResponse", "pong", "allMids", "candle", "notification"}


def read_raw(path: Path, coin: str, quality: Quality) -> tuple[dict[str, Stream], list[tuple[int, dict[str, Any]]]]:
    """Streams of one coin from lines `local_ns json`; also its asset contexts as (receipt ns, ctx)."""
    rows: dict[str, list[dict[str, str | None]]] = {stream: [] for stream in STREAMS}
    lines: dict[str, list[int]] = {stream: [] for stream in STREAMS}
    contexts: list[tuple[int, dict[str, Any]]] = []
    decode = msgspec.json.Decoder().decode
    text = read_text(path, quality)
    all_lines = text.split("\n")
    for number, line in enumerate(all_lines, 1):
        if not line.strip():
            continue
        recv, _, body = line.strip().partition(" ")
        try:
            message = decode(body)
            channel, data = message["channel"], message.get("data")
            int(recv)
            if channel == "l2Book" and data["coin"] == coin:
                new = ("book", [_book_row(recv, data)])
            elif channel == "bbo" and data["coin"] == coin:
                new = ("bbo", _bbo_rows(recv, data, path.name, number, quality))
            elif channel == "trades":
                new = ("trades", [_trade_row(recv, trade) for trade in data if trade["coin"] == coin])
            elif channel == "activeAssetCtx" and data["coin"] == coin:
                contexts.append((int(recv), data["ctx"]))
                continue
            else:
                if channel not in _QUIET:
                    quality.add("ignored_message", path.name, [number], [f"{channel} {str(data)[:40]}"])
                continue
        except (msgspec.DecodeError, UnicodeError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            cut = number == len(all_lines)
            quality.add("truncated_row" if cut else "corrupt_row", path.name, [number], [line])
            continue
        rows[new[0]] += new[1]
        lines[new[0]] += [number] * len(new[1])
    streams = {}
    quality.rows_read["unreadable lines"] = quality.count("truncated_row") + quality.count("corrupt_row")
    for stream in STREAMS:
        if rows[stream]:
            columns = list(dict.fromkeys(key for row in rows[stream] for key in row))
            table = pl.DataFrame(
                {column: [row.get(column) for row in rows[stream]] for column in columns},
                schema=dict.fromkeys(columns, pl.String),
            )
            streams[stream] = Stream(stream, path.name, np.array(lines[stream], np.int64), table, 0)
            quality.rows_read[stream] = len(table)
    return streams, contexts


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _book_row(recv: str, data: dict[str, Any]) -> dict[str, str | None]:
    row: dict[str, str | None] = {"timestamp": recv, "exchange_timestamp": _text(data["time"])}
    bids, asks = data["levels"]
    for i in range(max(len(bids), len(asks), 1)):
        for side, levels in (("bid", bids), ("ask", asks)):
            row[f"{side}_price_{i}"] = _text(levels[i]["px"]) if i < len(levels) else None
            row[f"{side}_size_{i}"] = _text(levels[i]["sz"]) if i < len(levels) else None
    return row


def _bbo_rows(recv: str, data: dict[str, Any], file: str, line: int, quality: Quality) -> list[dict[str, str | None]]:
    bid, ask = data["bbo"]
    times = {"timestamp": recv, "exchange_timestamp": _text(data["time"])}
    rows = []
    for side, level in (("bid", bid), ("ask", ask)):
        if level is None:
            quality.add("one_sided", file, [line], [f"no {side}"])
            continue
        rows.append({**times, "price": _text(level["px"]), "size": _text(level["sz"]), "side": side})
    return rows


def _trade_row(recv: str, trade: dict[str, Any]) -> dict[str, str | None]:
    return {
        "timestamp": recv,
        "exchange_timestamp": _text(trade["time"]),
        "price": _text(trade["px"]),
        "size": _text(trade["sz"]),
        "side": {"B": "buy", "A": "sell"}.get(trade["side"], _text(trade["side"])),
        "trade_id": _text(trade["tid"]),
    }
