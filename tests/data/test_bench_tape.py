"""Packed benchmark rows: every field, pieces of any size give the same tape, what is not such a file is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from touchstone.data import layout
from touchstone.data.bench_tape import convert, is_packed
from touchstone.data.catalogue import import_path
from touchstone.data.errors import DataError
from touchstone.data.tape import open_tape

BASE = 1_700_000_000_123_456_789
N = 1000
META = json.dumps({"base_exch_ts": BASE})


def made_up(seed: int = 1) -> NDArray[np.uint32]:
    rng = np.random.default_rng(seed)
    rows = np.zeros((N, 4), np.uint32)
    rows[:, 0] = rng.integers(0, 2**32 - 1, N)  # steps up to 4.3 s: their sum needs 64 bits
    rows[:, 1] = 5_000_000
    rows[:, 2] = rng.integers(900_000, 1_100_000, N) << 3 | rng.choice([0, 1, 2, 3, 7], N)
    rows[:, 3] = rng.integers(0, 2**32 - 1, N)
    return rows


def write(folder: Path, rows: NDArray[np.uint32], meta: str = META) -> Path:
    np.save(folder / "day_packed.npy", rows)
    (folder / "day_meta.json").write_text(meta)
    return folder / "day_packed.npy"


def test_every_row_is_what_the_words_say(tmp_path: Path) -> None:
    rows = made_up()
    tape_path, quality = convert(write(tmp_path, rows), tmp_path / "a.tape", "XYZ")
    tape = open_tape(tape_path)
    expected = []
    now, trades = BASE, 0
    for step, latency, packed, lots in rows.tolist():
        now += step
        kind, tick = packed & 7, packed >> 3
        if kind == 7:
            continue
        trade = kind >= 2
        trades += trade
        event_kind = layout.TRADE if trade else layout.BOOK_LEVEL
        trade_id = trades if trade else 0
        side = 1 if kind in (0, 2) else -1
        expected.append((now, now + latency, tick * 100, lots, trade_id, 0, event_kind, side, 0))
    assert tape.events.tolist() == expected
    assert (tape.meta.coin, tape.meta.sz_decimals, tape.meta.source) == ("XYZ", 3, "bench")
    filler = int((rows[:, 2] & 7 == 7).sum())
    assert tape.meta.details == {"files": ["day_packed.npy"], "filler_rows": filler}
    assert (quality.rows_read["packed"], quality.rows_kept["packed"]) == (N, N - filler)
    assert quality.events == tape.meta.kinds


@pytest.mark.parametrize("chunk", [1, 7, 999, 1000])
def test_the_size_of_the_pieces_makes_no_difference(tmp_path: Path, chunk: int) -> None:
    path = write(tmp_path, made_up())
    whole = open_tape(convert(path, tmp_path / "a.tape")[0])
    pieces = open_tape(convert(path, tmp_path / "b.tape", chunk=chunk)[0])
    assert pieces.events.tobytes() == whole.events.tobytes()
    assert pieces.meta == whole.meta


def test_no_rows_give_an_empty_tape(tmp_path: Path) -> None:
    made, _ = convert(write(tmp_path, np.zeros((0, 4), np.uint32)), tmp_path / "a.tape")
    assert len(open_tape(made)) == 0


def test_through_the_import(tmp_path: Path) -> None:
    made, quality = import_path(write(tmp_path, made_up()), out=tmp_path / "a.tape")
    assert open_tape(made).meta.coin == "BENCH"
    assert quality.as_dict()["rows_dropped"] == 0


@pytest.mark.parametrize("meta", ["", "{", "{}", "[]", '{"base_exch_ts": "x"}', '{"base_exch_ts": null}'])
def test_a_useless_metadata_file_is_an_error_in_words(tmp_path: Path, meta: str) -> None:
    with pytest.raises(DataError, match="base_exch_ts"):
        convert(write(tmp_path, made_up(), meta), tmp_path / "a.tape")


def test_a_missing_metadata_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, made_up())
    (tmp_path / "day_meta.json").unlink()
    with pytest.raises(DataError, match=r"day_meta\.json is missing"):
        convert(path, tmp_path / "a.tape")


def test_another_array_is_refused(tmp_path: Path) -> None:
    write(tmp_path, made_up())
    path = tmp_path / "day_packed.npy"
    others = [np.zeros((3, 5), np.uint32), np.zeros((3, 4), np.int32), np.zeros(3, np.uint32)]
    for other in others:
        np.save(path, other)
        assert not is_packed(path)
        with pytest.raises(DataError, match="not a packed benchmark file"):
            convert(path, tmp_path / "a.tape")
    for damaged in (b"", b"hello", b"\x93NUMPY\x01"):
        path.write_bytes(damaged)
        assert not is_packed(path)
        with pytest.raises(DataError, match="not a tape"):
            import_path(path, out=tmp_path / "a.tape")


@pytest.mark.parametrize("kind", [4, 5, 6])
def test_an_unknown_kind_is_refused_and_leaves_nothing(tmp_path: Path, kind: int) -> None:
    rows = made_up()
    rows[17, 2] = 1000 << 3 | kind
    with pytest.raises(DataError, match=f"row 17 is of kind {kind}"):
        convert(write(tmp_path, rows), tmp_path / "a.tape", chunk=10)
    assert not list(tmp_path.glob("*a.tape*"))


def test_receive_time_that_goes_back_is_refused(tmp_path: Path) -> None:
    rows = made_up()
    rows[:, 0] = 10
    rows[:, 2] = 1000 << 3
    rows[500, 1] = 4_999_000
    with pytest.raises(DataError, match="receive time goes back"):
        convert(write(tmp_path, rows), tmp_path / "a.tape")
