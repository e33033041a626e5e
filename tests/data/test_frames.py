"""Frames become the rows that the import makes of the same messages, and the words about an account its events."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core import events
from touchstone.core.events import EVENT
from touchstone.data import layout
from touchstone.data.account_rows import NOT_OF_CORE_TAG, NOT_OURS, wire_cloid
from touchstone.data.catalogue import import_path
from touchstone.data.errors import DataError
from touchstone.data.frames import ENOUGH_ROWS, Frames
from touchstone.data.tape import open_tape

TAG = 0x1234_5678_9ABC_DEF0
MS = 1_000_000
T = 1_760_000_000_000
RECV = T * MS + 77_000_000
USER = "0x" + "ab" * 20
FIELDS = ("exch_ns", "px", "qty", "aux", "code", "kind", "side", "bits")  # all but the receive time


@pytest.fixture
def frames() -> Frames:
    return Frames(2, "hyna:HYPE", cloid_tag=TAG)


def taken(frames: Frames, *messages: Any) -> Any:
    """The rows of messages, received a millisecond apart."""
    out = np.zeros(ENOUGH_ROWS * 2, EVENT)
    n = 0
    for number, message in enumerate(messages):
        n = frames.take(json.dumps(message).encode(), RECV + number * MS, out, n)
    return out[:n]


def told(rows: Any) -> list[tuple[int, ...]]:
    """(kind, side, px, qty, aux, code, bits) of each row."""
    return [tuple(int(row[name]) for name in ("kind", "side", "px", "qty", "aux", "code", "bits")) for row in rows]


def book(time: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]], coin: str = "hyna:HYPE") -> Any:
    levels = [[{"px": px, "sz": sz, "n": 1} for px, sz in side] for side in (bids, asks)]
    return {"channel": "l2Book", "data": {"coin": coin, "time": time, "levels": levels}}


def bbo(time: int, bid: tuple[str, str] | None, ask: tuple[str, str] | None) -> Any:
    sides = [None if side is None else {"px": side[0], "sz": side[1], "n": 1} for side in (bid, ask)]
    return {"channel": "bbo", "data": {"coin": "hyna:HYPE", "time": time, "bbo": sides}}


def trade(time: int, tid: int, side: str = "B", px: str = "40.01", sz: str = "1.5", coin: str = "hyna:HYPE") -> Any:
    return {"coin": coin, "side": side, "px": px, "sz": sz, "time": time, "hash": "0x0", "tid": tid}


def trades(*made: Any) -> Any:
    return {"channel": "trades", "data": list(made)}


def order(status: str, cloid: str | None = None, coin: str = "hyna:HYPE", **changes: Any) -> Any:
    shown = {"coin": coin, "side": "A", "limitPx": "40.5", "sz": "3.25", "oid": 7, "timestamp": T, "origSz": "4.0"}
    if cloid:
        shown["cloid"] = cloid
    return {"order": shown | changes, "status": status, "statusTimestamp": T + 5}


def fill(**changes: Any) -> Any:
    return {
        "coin": "hyna:HYPE", "px": "40.5", "sz": "0.75", "side": "A", "time": T, "startPosition": "-1.25",
        "dir": "Open Short", "closedPnl": "0.0", "hash": "0x0", "oid": 7, "crossed": False, "fee": "0.004556",
        "tid": 991, "feeToken": "USDE", "cloid": wire_cloid(TAG, 42),
    } | changes  # fmt: skip


# ------------------------------------------------------------ public data, against the import


def compared(rows: Any) -> Any:
    """Rows in the import's order: exchange time, within a block trades, touch, book; without receive time."""
    rows = rows[~np.isin(rows["kind"], [layout.FEED_UP, layout.FEED_DOWN])]
    rank = np.select([rows["kind"] == layout.TRADE, rows["kind"] == layout.BBO], [0, 1], 2)
    rows = rows[np.lexsort((rank, rows["exch_ns"]))]
    return rows[
        list(FIELDS)
    ]


def as_imported(rows: Any) -> list[tuple[int, ...]]:
    plain = compared(np.asarray(rows).view(layout.EVENT_DTYPE))
    return [tuple(row) for row in plain.tolist()]


def test_the_raw_recording_gives_the_rows_of_its_import(recordings: Path, tmp_path: Path) -> None:
    path = recordings / "2025-01-26_BTC_ws_raw" / "BTC_ws_20250126.gz"
    tape = open_tape(import_path(path, "BTC", tmp_path / "btc.tape")[0])
    frames = Frames(5, "BTC")
    out = np.zeros(1 << 14, EVENT)
    n = 0
    for line in gzip.decompress(path.read_bytes()).splitlines():
        recv, _, frame = line.partition(b" ")
        n = frames.take(memoryview(frame), int(recv), out, n)
    assert n > 40 * 42
    assert as_imported(out[:n]) == as_imported(tape.events)
    assert not frames.unknown
    assert set(frames.counts) <= {"backfill_trade"}


SETS = [
    ("2025-09-03_l2_bbo_trades", "ETH", 4),
    ("2025-09-03_l2_bbo_trades", "WLFI", 0),
    ("2025-09-04_l2_bbo_trades", "SOL", 2),
]


def rendered(folder: Path, coin: str) -> Iterable[tuple[int, Any]]:
    """(receive time, message) of a recording in columns, by receipt; 30,000 rows of each stream at most."""
    made: list[tuple[float, int, Any]] = []

    def table(stream: str) -> list[dict[str, str]]:
        text = pl.read_csv(folder / f"{coin}_{stream}.csv.gz", infer_schema=False, n_rows=30_000)
        return text.to_dicts()

    for row in table("book20"):
        sides = [
            [{"px": row[f"{s}_price_{i}"], "sz": row[f"{s}_size_{i}"], "n": 1} for i in range(20)]
            for s in ("bid", "ask")
        ]
        data = {"coin": coin, "time": int(row["exchange_timestamp"]), "levels": sides}
        made.append((float(row["timestamp"]), 2, {"channel": "l2Book", "data": data}))
    touches = table("bbo")
    for one, other in zip(touches[::2], touches[1::2], strict=False):
        sides = {row["side"]: {"px": row["price"], "sz": row["size"], "n": 1} for row in (one, other)}
        assert len(sides) == 2
        data = {"coin": coin, "time": int(one["exchange_timestamp"]), "bbo": [sides["bid"], sides["ask"]]}
        made.append((float(one["timestamp"]), 1, {"channel": "bbo", "data": data}))
    for row in table("trades"):
        one_trade = trade(
            int(row["exchange_timestamp"]), int(row["trade_id"]), "B" if row["side"] == "buy" else "A",
            row["price"], row["size"], coin,
        )  # fmt: skip
        made.append((float(row["timestamp"]), 0, trades(one_trade)))
    for recv_s, _, message in sorted(made, key=lambda one: one[:2]):
        yield round(recv_s * 1e9), message


@pytest.mark.parametrize(("folder", "coin", "sz_decimals"), SETS)
def test_recorded_columns_as_frames_give_the_rows_of_their_import(
    recordings: Path, tmp_path: Path, folder: str, coin: str, sz_decimals: int
) -> None:
    tape, quality = import_path(recordings / folder, coin, tmp_path / "out.tape")
    frames = Frames(sz_decimals, coin)
    rows: list[Any] = []
    out = np.zeros(ENOUGH_ROWS, EVENT)
    for recv_ns, message in rendered(recordings / folder, coin):
        n = frames.take(json.dumps(message).encode(), recv_ns, out, 0)
        rows.append(out[:n].copy())
    ours, theirs = (Counter(as_imported(part)) for part in (np.concatenate(rows), open_tape(tape).events))
    extra, missing = kinds(ours - theirs), kinds(theirs - ours)
    # The import leaves out trades that came more than 5 s late: these recordings do not say when they reconnected.
    assert extra == {layout.TRADE: quality.count("late_row")}
    # Books that came after a touch of a later block: the import puts them into exchange order.
    late = frames.counts["time_back"]
    assert missing == {layout.BOOK_LEVEL: 40 * late, layout.SNAPSHOT_BEGIN: late, layout.SNAPSHOT_END: late}
    left_out = ("duplicate_trade_id", "backfill_trade")
    assert sum(frames.counts[r] for r in left_out) == sum(quality.count(r) for r in left_out)
    assert set(frames.counts) <= {"time_back", *left_out}


def kinds(rows: Counter[tuple[int, ...]]) -> dict[int, int]:
    found: Counter[int] = Counter()
    for row, count in rows.items():
        found[row[FIELDS.index("kind")]] += count
    return dict(found)


# ------------------------------------------------------------ public data, by hand


def test_a_book_is_a_snapshot(frames: Frames) -> None:
    rows = taken(frames, book(T, [("40.0", "1.25"), ("39.995", "10.0")], [("40.01", "2.0")]))
    assert told(rows) == [
        (events.SNAPSHOT_BEGIN, 0, 0, 0, 0, 0, 0),
        (events.BOOK_LEVEL, 1, 400_000, 125, 0, 0, 0),
        (events.BOOK_LEVEL, 1, 399_950, 1_000, 0, 0, 0),
        (events.BOOK_LEVEL, -1, 400_100, 200, 0, 0, 0),
        (events.SNAPSHOT_END, 0, 0, 0, 0, 0, 0),
    ]
    assert set(rows["exch_ns"]) == {T * MS}
    assert set(rows["recv_ns"]) == {RECV}


def test_the_side_of_a_touch_that_makes_room_comes_first(frames: Frames) -> None:
    rows = taken(
        frames,
        bbo(T, ("40.0", "1.0"), ("40.01", "2.0")),
        bbo(T + 70, ("40.01", "3.0"), ("40.02", "4.0")),  # up: the ask first
        bbo(T + 140, ("39.99", "3.0"), ("40.0", "4.0")),  # down: the bid first
        bbo(T + 210, ("39.99", "3.0"), None),
    )
    more = int(events.BIT_MORE)
    assert [(int(row["side"]), int(row["px"]), int(row["bits"])) for row in rows] == [
        (1, 400_000, more), (-1, 400_100, 0),
        (-1, 400_200, more), (1, 400_100, 0),
        (1, 399_900, more), (-1, 400_000, 0),
        (1, 399_900, 0),
    ]  # fmt: skip
    assert frames.counts["one_sided"] == 1


def test_a_book_older_than_the_touch_is_left_out(frames: Frames) -> None:
    rows = taken(
        frames,
        bbo(T + 70, ("40.0", "1.0"), ("40.01", "2.0")),
        book(T, [("39.0", "1.0")], [("39.01", "1.0")]),
        book(T + 70, [("40.0", "1.0")], [("40.01", "2.0")]),
    )
    assert [int(row["kind"]) for row in rows] == [4, 4, 2, 1, 1, 3]
    assert frames.counts == {"time_back": 1}


def test_old_and_repeated_trades_are_left_out_also_after_a_reconnection(frames: Frames) -> None:
    first = taken(
        frames,
        trades(trade(T - 100, 1)),  # before any quote: the snapshot of a subscription
        bbo(T, ("40.0", "1.0"), ("40.01", "2.0")),
        trades(trade(T + 70, 3, "A"), trade(T + 70, 4), trade(T - 70, 2)),
        trades(trade(T + 70, 4), trade(T + 140, 5)),
    )
    of_trades = first[first["kind"] == events.TRADE]
    assert [(int(row["aux"]), int(row["side"])) for row in of_trades] == [(3, -1), (4, 1), (5, 1)]
    frames.restart()
    again = taken(
        frames,
        trades(trade(T + 140, 5), trade(T + 210, 6)),
        bbo(T + 700, ("40.0", "1.0"), ("40.01", "2.0")),
        trades(trade(T + 770, 7), trade(T + 210, 6)),
    )
    assert [int(row["aux"]) for row in again[again["kind"] == events.TRADE]] == [7]
    assert frames.counts == {"backfill_trade": 5, "duplicate_trade_id": 1}


def test_a_context_is_cut_to_the_units_of_prices(frames: Frames) -> None:
    ctx = {
        "funding": "-0.0000125", "openInterest": "1.0", "prevDayPx": "40.0", "dayNtlVlm": "0.0", "oraclePx": "40.00129",
        "markPx": "40.0012", "premium": None, "midPx": None, "impactPxs": None,
    }  # fmt: skip
    rows = taken(frames, {"channel": "activeAssetCtx", "data": {"coin": "hyna:HYPE", "ctx": ctx}})
    assert told(rows) == [(events.CONTEXT, 0, 400_012, 400_012, -12_500_000, 0, 0)]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (book(T, [("40.01", "1")], [("40.0", "1")]), "crossed_book"),
        (book(T, [("40.0", "1")], [("40.0", "1")]), "locked_book"),
        (book(T, [("39.0", "1"), ("39.5", "1")], []), "level_order"),
        (book(T, [("39.0001", "1")], []), "bad_figures"),
        (book(T, [("39.00001", "1")], []), "bad_decimals"),
        (book(T, [("39.0", "0.0")], []), "bad_positive"),
        (book(T, [("1e1", "1")], []), "bad_form"),
        (book(9, [("39.0", "1")], []), "bad_time"),
        (bbo(T, ("40.01", "1"), ("40.0", "1")), "crossed_book"),
        (trades(trade(T, 1, px="-1")), "bad_positive"),
        ({"channel": "l2Book", "data": {"coin": "hyna:HYPE"}}, "bad_frame"),
    ],
)
def test_a_frame_that_cannot_be_true_is_dropped_counted_and_said_once(message: Any, reason: str) -> None:
    said: list[str] = []
    frames = Frames(2, "hyna:HYPE", say=said.append)
    assert len(taken(frames, message, message)) == 0
    assert frames.counts == {reason: 2}
    assert len(said) == 1
    assert reason in said[0]
    assert len(taken(frames, book(T, [("40.0", "1")], [("40.01", "1")]))) == 4, "and the next one is taken in"


def test_an_empty_book_is_told(frames: Frames) -> None:
    assert [int(row["kind"]) for row in taken(frames, book(T, [], []))] == [2, 3]


# ------------------------------------------------------------ the account


def test_states_of_orders(frames: Frames) -> None:
    ours = wire_cloid(TAG, 42)
    updates = [
        order("open", ours), order("filled", ours), order("canceled", ours), order("marginCanceled", ours),
        order("badAloPxRejected", ours), order("newReasonRejected", ours), order("newReasonCanceled", ours),
        order("resting somehow", ours), order("open"), order("open", wire_cloid(TAG + 1, 42)),
        order("open", coin="BTC"),
    ]  # fmt: skip
    rows = taken(frames, {"channel": "orderUpdates", "data": updates})
    resting, rejected, cancelled = events.ORDER_RESTING, events.ORDER_REJECTED, events.ORDER_CANCELLED
    assert told(rows) == [
        (resting, -1, 405_000, 325, 42, 0, 0),
        (cancelled, -1, 405_000, 325, 42, events.CANCELLED_BY_US, 0),
        (cancelled, -1, 405_000, 325, 42, events.CANCELLED_MARGIN, 0),
        (rejected, -1, 405_000, 325, 42, events.REJECT_BAD_ALO_PX, 0),
        (rejected, -1, 405_000, 325, 42, events.REJECT_OTHER, 0),
        (cancelled, -1, 405_000, 325, 42, events.CANCELLED_BY_VENUE, 0),
    ]
    assert set(rows["exch_ns"]) == {(T + 5) * MS}
    assert frames.counts == {"foreign_order": 2, "other_coin": 1}
    assert sum(frames.unknown.values()) == 3  # the new words


def test_a_fill_is_a_pair_with_its_fee_exact(frames: Frames) -> None:
    liquidation = {"liquidatedUser": USER.upper().replace("X", "x"), "markPx": "40.0", "method": "market"}
    other = liquidation | {"liquidatedUser": "0x" + "cd" * 20}
    message = {
        "channel": "userFills",
        "data": {
            "user": USER,
            "fills": [
                fill(), fill(tid=992, crossed=True, fee="-0.000001", side="B", startPosition="2.0"),
                fill(tid=993, liquidation=liquidation), fill(tid=994, liquidation=other, cloid=None),
                fill(tid=995, fee="0.00455699", cloid=wire_cloid(NOT_OF_CORE_TAG, 1)), fill(coin="BTC"),
            ],
        },
    }  # fmt: skip
    rows = taken(frames, message)
    taker, liquidated = int(events.BIT_TAKER), int(events.BIT_LIQUIDATION)
    assert told(rows) == [
        (events.FILL, -1, 405_000, 75, 42, 0, 0), (events.FILL_DETAIL, -1, 4556, -125, 991, 0, 0),
        (events.FILL, 1, 405_000, 75, 42, 0, taker), (events.FILL_DETAIL, 1, -1, 200, 992, 0, 0),
        (events.FILL, -1, 405_000, 75, 42, 0, liquidated), (events.FILL_DETAIL, -1, 4556, -125, 993, 0, 0),
        (events.FILL, -1, 405_000, 75, NOT_OURS, 0, 0), (events.FILL_DETAIL, -1, 4556, -125, 994, 0, 0),
        (events.FILL, -1, 405_000, 75, events.NOT_OF_CORE, 0, 0), (events.FILL_DETAIL, -1, 4556, -125, 995, 0, 0),
    ]  # fmt: skip
    assert (rows["recv_ns"] == RECV).all()
    assert frames.counts == {"foreign_fill": 1, "cut_fee": 1, "other_coin": 1}


def test_a_snapshot_of_fills_comes_oldest_first_and_without_those_already_counted(frames: Frames) -> None:
    frames.account.fills_after_ms = T
    made = [fill(time=T + n, tid=900 + n) for n in (3, 2, 2, 0)]
    made[1]["tid"] = 999
    data = {"user": USER, "fills": made, "isSnapshot": True}
    rows = taken(frames, {"channel": "userFills", "data": data})
    assert [int(row["aux"]) for row in rows[1::2]] == [902, 999, 903]
    assert frames.counts == {"old_fill": 1}


def test_funding_once_an_hour(frames: Frames) -> None:
    payment = {"coin": "hyna:HYPE", "usdc": "-0.312501", "szi": "10.0", "fundingRate": "0.0001", "time": T}
    message = {"channel": "user", "data": {"funding": payment}}
    assert told(taken(frames, message, message)) == [(events.FUNDING_PAYMENT, 0, -312_501, 0, T, 0, 0)]
    assert frames.counts == {"repeated_funding": 1}


def test_equity_and_position_of_the_dex(frames: Frames) -> None:
    state = {
        "assetPositions": [{"type": "oneWay", "position": {"coin": "hyna:HYPE", "szi": "-2.5"}}],
        "crossMarginSummary": {"accountValue": "0.0"}, "marginSummary": {"accountValue": "1012.345678"},
        "withdrawable": "900.5", "time": T,
    }  # fmt: skip
    mine, other = ({"dex": dex, "user": USER, "clearinghouseState": state} for dex in ("hyna", ""))
    rows = taken(frames, *({"channel": "clearinghouseState", "data": data} for data in (mine, other)))
    assert told(rows) == [
        (events.EQUITY, 0, 1_012_345_678, 0, 900_500_000, 0, 0),
        (events.POSITION, 0, 0, -250, 0, 0, 0),
    ]


# ------------------------------------------------------------ what is not known


def test_what_the_venue_adds_is_counted_and_the_rest_taken_in(frames: Frames) -> None:
    message = book(T, [("40.0", "1")], [("40.01", "1")])
    message["data"]["sequence"] = 7
    rows = taken(frames, message, {"channel": "surprise", "data": []}, {"channel": "pong"})
    assert len(rows) == 4
    assert dict(frames.unknown) == {"l2Book.data.sequence": 1, "channel surprise": 1}


@given(data=st.data())
def test_no_damage_of_a_frame_raises(data: st.DataObject) -> None:
    messages = [
        book(T, [("40.0", "1.25")], [("40.01", "2.0")]), bbo(T, ("40.0", "1.0"), ("40.01", "2.0")),
        trades(trade(T, 5)), {"channel": "orderUpdates", "data": [order("open", wire_cloid(TAG, 42))]},
        {"channel": "userFills", "data": {"user": USER, "fills": [fill()]}},
    ]  # fmt: skip
    frame = bytearray(json.dumps(data.draw(st.sampled_from(messages))).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    frames = Frames(2, "hyna:HYPE", cloid_tag=TAG)
    n = frames.take(bytes(frame), RECV, np.zeros(64, EVENT), 0)
    assert 0 <= n <= 4


def test_no_room_is_an_error_that_says_so(frames: Frames) -> None:
    frame = json.dumps(book(T, [("40.0", "1")], [("40.01", "1")])).encode()
    with pytest.raises(DataError, match="4 rows do not fit: 3 of 10"):
        frames.take(frame, RECV, np.zeros(10, EVENT), 7)
