"""The compiled path gives the rows of the other one, byte for byte, whatever comes; or leaves the frame to it."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.events import EVENT
from touchstone.data.frames import Frames
from touchstone.live.fast_frames import NOT_SCANNED, FastFrames
from touchstone.venues.hyperliquid.numbers import render_response, tick_at

COIN, DECIMALS = "hyna:HYPE", 2
T = 1_760_000_000_000
PX_DECIMALS = 6 - DECIMALS
STATE = ("newest_quote_ms", "first_quote_ms", "newest_trade_ms", "bbo_ask_px", "_tids")


class Both:
    """The two paths beside each other."""

    def __init__(self, sz_decimals: int = DECIMALS, coin: str = COIN) -> None:
        self.plain = Frames(sz_decimals, coin)
        self.fast = FastFrames(sz_decimals, coin)
        self.rows = [np.zeros(400, EVENT), np.zeros(400, EVENT)]

    def take(self, frame: bytes, at: int = 0, recv_ns: int = 77) -> bool:
        """Whether the compiled path took a frame that gives the same rows, state and counts both ways."""
        before = self.fast.counts[NOT_SCANNED]
        for rows in self.rows:
            rows["px"] = -1
        counts = [
            frames.take(frame, recv_ns, rows, at)
            for frames, rows in zip((self.plain, self.fast), self.rows, strict=True)
        ]
        assert counts[0] == counts[1], frame
        assert self.rows[0][at : counts[0]].tobytes() == self.rows[1][at : counts[1]].tobytes(), frame
        for name in STATE:
            assert getattr(self.plain.market, name) == getattr(self.fast.market, name), (name, frame)
        assert {reason: n for reason, n in self.fast.counts.items() if reason != NOT_SCANNED} == self.plain.counts
        assert self.plain.unknown == self.fast.unknown
        return self.fast.counts[NOT_SCANNED] == before and counts[1] > at


@pytest.fixture
def both() -> Both:
    return Both()


def encoded(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


prices = st.integers(100, 10**9).map(lambda px: px - px % tick_at(px, DECIMALS))
sizes = st.integers(1, 10**8)
times = st.integers(0, 5_000).map(lambda ms: T + ms)


def level(px: int, sz: int, n: int | None) -> dict[str, Any]:
    shown = {"px": render_response(px, PX_DECIMALS), "sz": render_response(sz, DECIMALS)}
    return shown if n is None else shown | {"n": n}


@st.composite
def books(draw: Any) -> bytes:
    found = sorted(draw(st.lists(prices, min_size=2, max_size=40, unique=True)))
    middle = draw(st.integers(1, len(found) - 1))
    orders = draw(st.sampled_from([None, 0, 1, 37]))
    sides = [
        [level(px, draw(sizes), orders) for px in side] for side in (found[:middle][::-1][:20], found[middle:][:20])
    ]
    return encoded({"channel": "l2Book", "data": {"coin": COIN, "time": draw(times), "levels": sides}})


@st.composite
def touches(draw: Any) -> bytes:
    bid, ask = sorted(draw(st.lists(prices, min_size=2, max_size=2, unique=True)))
    sides = [level(px, draw(sizes), draw(st.sampled_from([None, 3]))) for px in (bid, ask)]
    return encoded({"channel": "bbo", "data": {"coin": COIN, "time": draw(times), "bbo": sides}})


@st.composite
def prints(draw: Any) -> bytes:
    time_ms = draw(times)
    made = []
    for _ in range(draw(st.integers(1, 4))):
        one = {
            "coin": COIN, "side": draw(st.sampled_from("BA")), "px": render_response(draw(prices), PX_DECIMALS),
            "sz": render_response(draw(sizes), DECIMALS), "time": time_ms, "hash": "0x" + "0a" * 32,
            "tid": draw(st.integers(0, 40)),
        }  # fmt: skip
        made.append(one | ({"users": ["0x" + "ab" * 20, "0x" + "CD" * 20]} if draw(st.booleans()) else {}))
    return encoded({"channel": "trades", "data": made})


any_frame = st.one_of(books(), touches(), prints())


@settings(max_examples=300)
@given(st.lists(any_frame, min_size=1, max_size=8), st.integers(0, 9))
def test_random_frames_give_the_same_rows(frames: list[bytes], at: int) -> None:
    both = Both()
    for frame in frames:
        both.take(frame, at)


@settings(max_examples=600)
@given(st.lists(any_frame, min_size=1, max_size=3), st.data())
def test_damaged_frames_give_the_same_rows(frames: list[bytes], data: st.DataObject) -> None:
    both = Both()
    for frame in frames:
        damaged = bytearray(frame)
        for _ in range(data.draw(st.integers(1, 2))):
            at = data.draw(st.integers(0, len(damaged) - 1))
            match data.draw(st.integers(0, 3)):
                case 0:
                    damaged[at] = data.draw(st.integers(0, 255))
                case 1:
                    damaged[at] = data.draw(st.sampled_from(b'0123456789.,:{}[]"-eE nullBA \0'))
                case 2:
                    del damaged[at]
                case 3:
                    damaged.insert(at, data.draw(st.sampled_from(b'0019.,:{}[]"-e ')))
        both.take(bytes(damaged))
        both.take(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
        both.take(frame)


def test_frames_in_the_venues_form_take_the_compiled_path(both: Both) -> None:
    bids, asks = [level(400_000 - 10 * i, 125 + i, 3) for i in range(20)], [level(400_100, 7, 1)]
    book = {"channel": "l2Book", "data": {"coin": COIN, "time": T, "levels": [bids, asks]}}
    touch = {"channel": "bbo", "data": {"coin": COIN, "time": T + 70, "bbo": [bids[0], asks[0]]}}
    one = {"coin": COIN, "side": "B", "px": "40.01", "sz": "1.5", "time": T + 70, "hash": "0x0", "tid": 5}
    assert both.take(encoded(book))
    assert both.take(encoded(touch))
    assert both.take(encoded({"channel": "trades", "data": [one, one | {"tid": 6}]}))
    assert not both.take(encoded({"channel": "trades", "data": [one | {"time": T + 140}]})), "a trade id again"
    assert not both.take(json.dumps(book | {"data": book["data"] | {"time": T + 500}}).encode()), "blanks"
    assert both.take(encoded(book | {"data": book["data"] | {"time": T + 500}}))
    assert both.fast.counts == {NOT_SCANNED: 1, "duplicate_trade_id": 1}


def test_what_is_no_market_data_is_not_counted(both: Both) -> None:
    for frame in (b"", b'{"channel":"pong"}', encoded({"channel": "orderUpdates", "data": []})):
        assert not both.take(frame)
    assert not both.fast.counts


def test_no_room_is_left_to_the_other_path(both: Both) -> None:
    bids, asks = [level(400_000, 125, 3)], [level(400_100, 7, 1)]
    book = encoded({"channel": "l2Book", "data": {"coin": COIN, "time": T, "levels": [bids, asks]}})
    for room in range(4):
        with pytest.raises(ValueError, match="do not fit"):
            both.fast.take(book, 1, np.zeros(room, EVENT), 0)
    assert both.fast.take(book, 1, np.zeros(4, EVENT), 0) == 4


def test_a_long_frame_and_one_behind_a_longer_one(both: Both) -> None:
    long = [level(400_000 - 10 * i, 125 + i, 3) for i in range(180)]
    short = [level(400_100, 7, 1)]
    for bids in (long, short[:0], long[:1]):
        frame = {"channel": "l2Book", "data": {"coin": COIN, "time": T, "levels": [bids, short]}}
        both.take(encoded(frame))
        both.take(encoded(frame)[:-30])
    assert both.take(encoded({"channel": "l2Book", "data": {"coin": COIN, "time": T, "levels": [long, short]}}))
    huge = {"channel": "l2Book", "data": {"coin": COIN, "time": T, "levels": [long * 20, short]}}
    assert not both.take(encoded(huge))


def test_the_raw_recording(recordings: Path) -> None:
    """It was written anew by its recorder, with its keys in another order: put into the venue's, it is scanned."""
    path = recordings / "2025-01-26_BTC_ws_raw" / "BTC_ws_20250126.gz"
    as_recorded, in_order = Both(5, "BTC"), Both(5, "BTC")
    taken = 0
    for line in gzip.decompress(path.read_bytes()).splitlines():
        recv, _, frame = line.partition(b" ")
        as_recorded.take(frame, recv_ns=int(recv))
        message = json.loads(frame)
        data = message["data"]
        if message["channel"] == "l2Book":
            levels = [[{key: one[key] for key in ("px", "sz", "n")} for one in side] for side in data["levels"]]
            message["data"] = {"coin": data["coin"], "time": data["time"], "levels": levels}
        else:
            keys = ("coin", "side", "px", "sz", "time", "hash", "tid", "users")
            message["data"] = [{key: one[key] for key in keys} for one in data]
        taken += in_order.take(encoded(message), recv_ns=int(recv))
        assert in_order.rows[1].tobytes() == as_recorded.rows[1].tobytes()
    assert taken >= 50
    assert as_recorded.fast.counts[NOT_SCANNED] == taken
