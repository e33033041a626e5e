"""The reference feed: the rows of a recording of the same messages, and the local exchange's stream over a socket."""

import asyncio
import gzip
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone.clients.binance import MAINNET_URL, ReferenceFeed, ReferenceRows, symbol_of
from touchstone.clients.websocket import Patience
from touchstone.data import layout
from touchstone.data.catalogue import import_path
from touchstone.data.layout import EVENT_DTYPE, Events
from touchstone.data.tape import open_tape
from touchstone.local.server import reference

START_MS = 1_723_161_256_000
DELAY_NS = 5_000_000  # what an import takes for the fastest delay, so that it leaves the clock alone
HYPE = "hyna:HYPE"


class Rows:
    """Rows of messages, one after the other."""

    def __init__(self, symbol: str = "BTCUSDT", sz_decimals: int = 5) -> None:
        self.counts: Counter[str] = Counter()
        self.said: list[str] = []
        self.reader = ReferenceRows(symbol, sz_decimals, self.counts, self.said.append)

    def of(self, message: dict[str, Any] | bytes, recv_ns: int = 2 * START_MS * 1_000_000) -> list[Any]:
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        n = self.reader.take(memoryview(raw), recv_ns)
        return [row.copy() for row in self.reader.rows[:n]]


def touch(number: int, bid: str, bid_size: str, ask: str, ask_size: str, ms: int = START_MS) -> dict[str, Any]:
    return {
        "stream": "btcusdt@bookTicker",
        "data": {"e": "bookTicker", "u": number, "s": "BTCUSDT", "b": bid, "B": bid_size, "a": ask, "A": ask_size,
                 "T": ms, "E": ms},
    }  # fmt: skip


def trade(number: int, px: str, size: str, *, sold: bool, ms: int = START_MS, kind: str = "MARKET") -> dict[str, Any]:
    return {
        "stream": "btcusdt@trade",
        "data": {"e": "trade", "E": ms, "T": ms, "s": "BTCUSDT", "t": number, "p": px, "q": size, "X": kind, "m": sold},
    }


# Rows.


def test_a_touch_is_a_pair_and_a_trade_one_row() -> None:
    rows = Rows()
    bid, ask = rows.of(touch(7, "61234.40", "1.500", "61234.50", "2.000"), recv_ns=START_MS * 1_000_000 + 9)
    assert (bid["kind"], bid["px"], bid["qty"], bid["side"]) == (layout.REFERENCE_BBO, 612_344, 150_000, 1)
    assert (ask["kind"], ask["px"], ask["qty"], ask["side"]) == (layout.REFERENCE_BBO, 612_345, 200_000, -1)
    assert (bid["bits"], ask["bits"]) == (layout.BIT_MORE, 0)
    assert (bid["exch_ns"], bid["recv_ns"]) == (START_MS * 1_000_000, START_MS * 1_000_000 + 9)
    (print_,) = rows.of(trade(3, "61234.50", "0.125", sold=True))
    assert (print_["kind"], print_["px"], print_["qty"]) == (layout.REFERENCE_TRADE, 612_345, 12_500)
    assert (print_["side"], print_["aux"]) == (-1, 3)  # the buyer was the maker: the taker sold
    aggregated = trade(0, "61234.50", "0.125", sold=False)
    aggregated["data"] = aggregated["data"] | {"e": "aggTrade", "a": 900, "f": 1, "l": 5}
    (print_,) = rows.of(aggregated)
    assert (print_["side"], print_["aux"]) == (1, 900)


def test_the_side_that_makes_room_comes_first() -> None:
    rows = Rows()
    assert [row["side"] for row in rows.of(touch(1, "100.0", "1", "100.1", "1"))] == [1, -1]
    up = rows.of(touch(2, "100.1", "1", "100.2", "1"))  # the bid where the ask was
    assert [(row["side"], row["bits"]) for row in up] == [(-1, layout.BIT_MORE), (1, 0)]
    assert [row["side"] for row in rows.of(touch(3, "99.0", "1", "99.1", "1"))] == [1, -1]


def test_what_cannot_be_used_is_dropped_and_counted() -> None:
    rows = Rows()
    assert rows.of(touch(5, "100.0", "1", "100.1", "1"))
    for message in (
        touch(5, "100.0", "1", "100.1", "1"),
        touch(6, "100.2", "1", "100.1", "1"),
        touch(7, "100.05", "1", "100.1", "1"),
        touch(8, "x", "1", "100.1", "1"),
        trade(1, "100.0", "1", sold=True, kind="INSURANCE_FUND"),
        trade(2, "0", "1", sold=True),
        b'{"result":null,"id":1}',
        b"nonsense",
        json.dumps(touch(9, "100.0", "1", "100.1", "1")).replace("BTCUSDT", "ETHUSDT").encode(),
        touch(9, "100.0", "1", "100.1", "1") | {"data": {"e": "kline"}},
    ):
        assert rows.of(message) == []
    assert rows.of(trade(3, "100.0", "1", sold=True))
    assert rows.of(trade(3, "100.0", "1", sold=True)) == []
    assert rows.counts == {
        "repeated_update": 1, "crossed_touch": 1, "off_grid": 1, "bad_number": 2, "not_of_the_book": 1,
        "ignored_message": 4, "repeated_trade": 1,
    }  # fmt: skip
    assert len(rows.said) == 3  # each kind once
    rows.reader.reset()
    assert rows.of(touch(1, "100.0", "1", "100.1", "1"))  # another connection, another count


def test_sizes_are_rounded_to_our_unit_and_an_empty_side_is_left_out() -> None:
    rows = Rows(sz_decimals=2)
    bid, ask = rows.of(touch(1, "100.0", "0.125", "100.1", "0.001"))
    assert (bid["qty"], ask["qty"]) == (13, 1)  # halves up, at least one
    assert rows.counts["size_rounded"] == 2
    (ask,) = rows.of(touch(2, "0", "0", "100.1", "1"))
    assert (ask["side"], ask["bits"]) == (-1, 0)


def test_a_venue_whose_clock_is_ahead_is_not_of_the_future() -> None:
    rows = Rows()
    (print_,) = rows.of(trade(1, "100.0", "1", sold=True), recv_ns=1_000)
    assert (print_["exch_ns"], print_["recv_ns"]) == (1_000, 1_000)
    assert rows.counts["early_receipt"] == 1


# The same messages through an import.


def random_messages(n: int) -> list[dict[str, Any]]:
    chance = random.Random(5)
    mid, found = 612_340, []
    for i in range(n):
        ms = START_MS + 10 * i
        mid += chance.randint(-6, 6)
        size = f"{chance.uniform(0.001, 9):.7f}"
        bid, ask = f"{mid / 10:.2f}", f"{(mid + chance.randint(1, 4)) / 10:.2f}"
        number = i - 1 if chance.random() < 0.05 else i  # now and then repeated
        found.append(touch(number, bid, size, ask, f"{chance.uniform(0.001, 9):.3f}", ms))
        if chance.random() < 0.4:
            kind = "MARKET" if chance.random() < 0.9 else "INSURANCE_FUND"
            px, sold = chance.choice([bid, ask]), chance.random() < 0.5
            found.append(trade(1_000 + i, px, f"{chance.uniform(0.001, 2):.4f}", sold=sold, ms=ms + 3, kind=kind))
    return found


def through_both(lines: list[tuple[int, bytes]], folder: Path, sz_decimals: int) -> tuple[Events, Events]:
    """Rows of the feed, and of an import of the same lines (`recv_ns json`)."""
    path = folder / "usdm_btcusdt.gz"
    path.write_bytes(gzip.compress(b"\n".join(b"%d %b" % line for line in lines) + b"\n"))
    tape, _ = import_path(path, out=folder / "out.tape", sz_decimals=sz_decimals)
    rows = Rows(sz_decimals=sz_decimals)
    found = [row for recv_ns, raw in lines for row in rows.of(raw, recv_ns)]
    kinds = (layout.REFERENCE_BBO, layout.REFERENCE_TRADE)
    imported = open_tape(tape).events
    return np.array(found, EVENT_DTYPE), imported[np.isin(imported["kind"], kinds)]


def test_a_recording_of_the_same_messages_gives_the_same_rows(tmp_path: Path) -> None:
    lines = [
        (message["data"]["T"] * 1_000_000 + DELAY_NS, json.dumps(message, separators=(",", ":")).encode())
        for message in random_messages(400)
    ]
    ours, imported = through_both(lines, tmp_path, 5)
    assert len(ours) > 900
    assert ours.tobytes() == imported.tobytes()
    assert (ours["bits"][ours["side"] == -1] == layout.BIT_MORE).any()  # some had the ask first


def test_a_real_recording_gives_the_same_rows(recordings: Path, tmp_path: Path) -> None:
    raw = gzip.decompress((recordings.parent / "binance" / "raw_ws" / "usdm_btcusdt_20230404.gz").read_bytes())
    lines = []
    for line in raw.split(b"\n")[:6_000]:
        recv, _, body = line.partition(b" ")
        if b"@bookTicker" in body or b"@trade" in body:
            lines.append((int(recv) * 1_000 + 10**9, body))  # a clock that is surely behind theirs
    ours, imported = through_both(lines, tmp_path, 5)
    assert len(ours) > 2_000
    for kind in (layout.REFERENCE_BBO, layout.REFERENCE_TRADE):
        a, b = ours[ours["kind"] == kind], imported[imported["kind"] == kind]
        a = a[np.argsort(a["exch_ns"], kind="stable")]  # as an import orders them
        for name in ("exch_ns", "px", "qty", "aux", "side", "bits"):
            assert (a[name] == b[name]).all(), name


# Over a socket.


async def until(condition: Any, seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_the_local_exchange_leads(serve: Any) -> None:
    server = await serve()
    taken: list[Any] = []
    feed = ReferenceFeed(
        server.url, symbol_of(HYPE), sz_decimals=2, now_ns=time.time_ns, patience=Patience(first_pause_s=0.02),
        take=lambda rows: taken.extend(row.copy() for row in rows),
    )  # fmt: skip
    await feed.start()
    assert not feed.is_up
    await until(lambda: sum(row["kind"] == layout.REFERENCE_TRADE for row in taken) >= 2)
    assert (taken[0]["kind"], taken[0]["code"]) == (layout.FEED_UP, layout.FEED_REFERENCE)
    touches = [row for row in taken if row["kind"] == layout.REFERENCE_BBO]
    assert {row["side"] for row in touches} == {1, -1}
    newest = {row["side"]: row for row in touches[-2:]}
    mid = float(server.exchange.all_mids("hyna")[HYPE])
    assert newest[1]["px"] < newest[-1]["px"]
    assert (newest[1]["px"] + newest[-1]["px"]) / 2e4 == pytest.approx(mid, rel=0.01)
    assert all(row["exch_ns"] <= row["recv_ns"] for row in taken)

    # The connection breaks, and comes back.
    assert feed.is_up
    for listeners in server._reference._listeners.values():
        for session in listeners:
            session.abort("disconnect")
    await until(lambda: sum(row["kind"] == layout.FEED_UP for row in taken) == 2)
    feeds = [(row["kind"], row["code"]) for row in taken if row["kind"] in (layout.FEED_UP, layout.FEED_DOWN)]
    assert feeds == [(kind, layout.FEED_REFERENCE) for kind in (layout.FEED_UP, layout.FEED_DOWN, layout.FEED_UP)]
    assert feed.counters["connections"] == 2
    assert not {"ignored_message", "off_grid", "bad_number"} & feed.counters.keys()
    await feed.stop()


@pytest.mark.asyncio
async def test_ids_begin_anew_with_a_connection() -> None:
    taken: list[int] = []
    feed = ReferenceFeed(
        "ws://127.0.0.1:9", "btcusdt", sz_decimals=5, now_ns=time.time_ns, take=lambda rows: taken.extend(rows["kind"])
    )
    message = memoryview(json.dumps(touch(5, "100.0", "1", "100.1", "1")).encode())
    for _ in range(2):
        feed.on_open()
        feed.on_message(message)
        feed.on_message(message)  # the same id on the same connection is a repetition
        feed.on_close("broken")
    touch_kind = layout.REFERENCE_BBO
    assert taken == [layout.FEED_UP, touch_kind, touch_kind, layout.FEED_DOWN] * 2
    assert feed.counters == {"repeated_update": 2}


@pytest.mark.asyncio
async def test_a_symbol_that_is_not_there_is_never_up(serve: Any) -> None:
    server = await serve()
    taken: list[Any] = []
    feed = ReferenceFeed(server.url, "NONEUSDT", sz_decimals=2, now_ns=time.time_ns, take=taken.append)
    await feed.start()
    await until(lambda: feed.counters.get("connections"))
    await asyncio.sleep(0.5)
    assert not feed.is_up
    await feed.stop()
    assert taken == []


def test_symbols() -> None:
    assert [symbol_of(coin) for coin in ("BTC", HYPE, "kPEPE")] == ["BTCUSDT", "HYPEUSDT", "1000PEPEUSDT"]
    assert symbol_of(HYPE) == reference.symbol_of(HYPE)
    assert MAINNET_URL.startswith("wss://")
