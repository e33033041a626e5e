"""The tape: what is written is read, damage is noticed, and the layout is that of the core."""

import json
from pathlib import Path

import numpy as np
import pytest

from touchstone.core import events as core_events
from touchstone.data import layout
from touchstone.data.bench_tape import convert
from touchstone.data.errors import DataError
from touchstone.data.generate import events as generated
from touchstone.data.generate import generate
from touchstone.data.layout import EVENT_DTYPE
from touchstone.data.tape import HEADER_BYTES, TapeWriter, open_tape
from touchstone.data.units import coin_of, to_units

SOL = coin_of("SOL")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return generate(tmp_path / "a.tape", SOL, minutes=0.5, seed=3)


def test_the_layout_is_that_of_the_core() -> None:
    assert layout.same_layout(core_events.EVENT)
    for name in ("BOOK_LEVEL", "SNAPSHOT_BEGIN", "SNAPSHOT_END", "BBO", "TRADE", "CONTEXT", "FEED_UP", "FEED_DOWN"):
        assert getattr(layout, name) == getattr(core_events, name), name
    assert layout.BIT_MORE == core_events.BIT_MORE
    assert layout.FEED_MARKET == core_events.FEED_MARKET


def test_round_trip(path: Path) -> None:
    tape = open_tape(path)
    whole = np.concatenate(list(generated(SOL, minutes=0.5, seed=3)))
    assert tape.load().tobytes() == whole.tobytes()
    assert b"".join(chunk.tobytes() for chunk in tape.chunks(100)) == whole.tobytes()
    assert tape.load(50, 60).tobytes() == whole[50:60].tobytes()
    assert tape.meta.event_count == len(tape) == len(whole)
    assert tape.meta.first_recv_ns == whole["recv_ns"][0]
    assert tape.meta.last_exch_ns == whole["exch_ns"][-1]
    assert sum(tape.meta.kinds.values()) == len(whole)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda b: b[: HEADER_BYTES + 100], "cut off"),
        (lambda b: b[: HEADER_BYTES // 2], "header cut off"),
        (lambda b: b[:-1] + bytes([b[-1] ^ 1]), "events are damaged"),
        (lambda b: b[:60] + bytes([b[60] ^ 1]) + b[61:], "header is damaged"),
        (lambda b: b"X" + b[1:], "not a tape"),
        (lambda b: b[:8] + b"\x07" + b[9:], "tape version 7"),
    ],
)
def test_damage_is_noticed_and_the_remedy_named(path: Path, spoil: object, words: str) -> None:
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=words):
        open_tape(path)


def test_receive_time_must_not_go_back(tmp_path: Path) -> None:
    rows = np.zeros(3, EVENT_DTYPE)
    rows["recv_ns"] = [5, 4, 6]
    writer = TapeWriter(tmp_path / "b.tape", SOL, "test")
    with pytest.raises(DataError, match="receive time goes back at event 1"):
        writer.append(rows)
    writer.abort()
    assert list(tmp_path.glob("*b.tape*")) == []


def test_a_failed_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), TapeWriter(tmp_path / "c.tape", SOL, "test"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_packed_benchmark_rows(tmp_path: Path) -> None:
    rows = np.array(
        [
            [0, 500, 1000 << 3 | 0, 7],  # bid level at tick 1000
            [10, 600, 1001 << 3 | 1, 8],
            [10, 700, 1001 << 3 | 2, 3],  # somebody buys
            [20, 0, 7, 0],  # filler
            [20, 800, 1000 << 3 | 3, 2],
        ],
        np.uint32,
    )
    np.save(tmp_path / "x_packed.npy", rows)
    (tmp_path / "x_meta.json").write_text(json.dumps({"base_exch_ts": 1_000_000}))
    made, quality = convert(tmp_path / "x_packed.npy", tmp_path / "x.tape")
    events = open_tape(made).load()
    assert events["exch_ns"].tolist() == [1_000_000, 1_000_010, 1_000_020, 1_000_060]
    assert (events["recv_ns"] - events["exch_ns"]).tolist() == [500, 600, 700, 800]
    assert events["px"].tolist() == [100_000, 100_100, 100_100, 100_000]
    assert events["kind"].tolist() == [layout.BOOK_LEVEL, layout.BOOK_LEVEL, layout.TRADE, layout.TRADE]
    assert events["side"].tolist() == [1, -1, 1, -1]
    assert quality.rows_kept["packed"] == 4


@pytest.mark.parametrize(
    ("text", "decimals", "units", "code"),
    [
        ("0.1", 4, 1000, "OK"),
        ("1e-3", 4, 10, "OK"),
        ("123456789.123456", 6, 123456789123456, "OK"),
        ("0.00001", 4, 0, "TOO_FINE"),
        ("", 4, 0, "EMPTY"),
        ("inf", 4, 0, "NAN"),
        ("-1", 4, 0, "NEGATIVE"),
        ("0.0", 4, 0, "ZERO"),
        ("1.2.3", 4, 0, "NON_NUMERIC"),
        ("1e40", 4, 0, "TOO_LARGE"),
    ],
)
def test_text_becomes_whole_units_exactly(text: str, decimals: int, units: int, code: str) -> None:
    from touchstone.data import units as module

    assert to_units(text, decimals) == (units, getattr(module, code))
