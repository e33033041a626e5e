"""Bad input: counted by kind, the first place named, nothing repaired in silence; the unusable is an error in words."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from touchstone.data.catalogue import import_path
from touchstone.data.errors import DataError
from touchstone.data.tape import open_tape

from .conftest import START_MS, Recording

T = f"{(START_MS + 1250) / 1000:.3f}"  # the receive time of line 10 of 50
MS = START_MS + 1000

SPOILED = [
    ("trades", f"{T},nan,1.5,buy,1010,{MS + 50}", "nan", "nan"),
    ("trades", f"{T},210.20,-1.5,buy,1010,{MS + 50}", "negative", "-1.5"),
    ("trades", f"{T},0,1.5,buy,1010,{MS + 50}", "zero", "0"),
    ("trades", f"{T},abc,1.5,buy,1010,{MS + 50}", "non_numeric", "abc"),
    ("trades", f"{T},,1.5,buy,1010,{MS + 50}", "missing_value", ""),
    ("trades", f"{T},210.20,1.5,hold,1010,{MS + 50}", "bad_side", "hold"),
    ("trades", f"{T},210.20,1.5,buy,1009,{MS + 50}", "duplicate_trade_id", "1009"),
    ("trades", f"{T},210.201,1.5,buy,1010,{MS + 50}", "off_grid_price", "210.201"),
    ("trades", f"{T},210.20,1.505,buy,1010,{MS + 50}", "off_grid_size", "1.505"),
    ("trades", f"{T},1e30,1.5,buy,1010,{MS + 50}", "too_large", "1e30"),
    ("trades", f"{T},210.20", "truncated_row", ""),
    ("trades", f"{T},210.20,1.5,buy,1010,{MS + 50},7,8", "corrupt_row", ""),
    ("trades", f"{T},210.20,1.5,buy,1010,17", "bad_time", "17"),
]


@pytest.mark.parametrize(("stream", "text", "kind", "value"), SPOILED, ids=[row[2] for row in SPOILED])
def test_one_bad_row_costs_one_row_and_is_named(
    spoil: Callable[[str, int, str], Path], tmp_path: Path, stream: str, text: str, kind: str, value: str
) -> None:
    tape, quality = import_path(spoil(stream, 10, text), "SOL", tmp_path / "out.tape")
    problem = quality.as_dict()["problems"][kind]
    assert problem["count"] == 1
    assert problem["first"]["file"] == "SOL_trades.csv.gz"
    assert problem["first"]["line"] == 12  # after the heading, counted from 1
    assert value in problem["first"]["value"]
    assert problem["dropped"]
    assert open_tape(tape).meta.kinds["trade"] == 49
    assert sum(p["count"] for p in quality.as_dict()["problems"].values() if p["dropped"]) == 1


def test_a_crossed_touch_is_dropped_and_counted(recording: Recording, tmp_path: Path) -> None:
    recording.bbo[20] = recording.bbo[20].replace("210.11", "210.90")
    _, quality = import_path(recording.write(), "SOL", tmp_path / "out.tape")
    assert quality.count("crossed_book") == 2  # rows: both sides of the message
    assert quality.rows_kept["bbo"] == quality.rows_read["bbo"] - 2


def test_quotes_that_go_back_in_time_are_dropped_and_counted(recording: Recording, tmp_path: Path) -> None:
    for line in (30, 31):
        recording.bbo[line] = recording.bbo[line].replace(str(START_MS + 1500), str(START_MS + 900))
    _, quality = import_path(recording.write(), "SOL", tmp_path / "out.tape")
    assert quality.count("time_back") == 2
    assert quality.rows_kept["bbo"] == quality.rows_read["bbo"] - 2


def test_a_silence_is_a_gap_and_the_feed_is_down(recording: Recording, tmp_path: Path) -> None:
    for stream in (recording.bbo, recording.trades):
        stream[:] = [row for row in stream if not 1000 <= _ms(row) - START_MS < 2000]
    shifted = [_later(row, 20_000) if _ms(row) - START_MS >= 2000 else row for row in recording.bbo]
    recording.bbo[:] = shifted
    recording.trades[:] = [_later(row, 20_000) if _ms(row) - START_MS >= 2000 else row for row in recording.trades]
    tape, quality = import_path(recording.write(), "SOL", tmp_path / "out.tape")
    assert quality.gaps["bbo"]["count"] == 1
    assert quality.gaps["bbo"]["longest_s"] == pytest.approx(21.1, abs=0.2)
    kinds = open_tape(tape).meta.kinds
    assert (kinds["feed_down"], kinds["feed_up"]) == (1, 1)


def _ms(row: str) -> int:
    return int(row.rsplit(",", 1)[1])


def _later(row: str, ms: int) -> str:
    fields = row.split(",")
    return ",".join([f"{float(fields[0]) + ms / 1000:.3f}", *fields[1:-1], str(int(fields[-1]) + ms)])


def test_a_gzip_file_cut_off_is_used_as_far_as_it_goes(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    path = folder / "SOL_trades.csv.gz"
    path.write_bytes(path.read_bytes()[:-40])
    tape, quality = import_path(folder, "SOL", tmp_path / "out.tape")
    assert quality.count("truncated_file") == 1
    assert 0 < open_tape(tape).meta.kinds.get("trade", 0) <= 50


def test_a_file_of_no_stream_is_named(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    (folder / "notes.txt").write_text("hello")
    _, quality = import_path(folder, "SOL", tmp_path / "out.tape")
    assert quality.as_dict()["problems"]["unknown_file"]["first"]["file"] == "notes.txt"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no such file or folder"),
        (lambda folder: folder.mkdir(), "no recording in this folder"),
        (lambda folder: folder.write_text("hello world\n"), "not a tape, not a recording"),
        (lambda folder: folder.write_bytes(gzip.compress(b"x")[:10]), "not a tape, not a recording"),
    ],
    ids=["missing", "empty", "text", "damaged"],
)
def test_unusable_input_is_an_error_in_words(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(DataError, match=words):
        import_path(path, "SOL", tmp_path / "out.tape")
    assert not (tmp_path / "out.tape").exists()


def test_a_column_that_is_missing_is_named(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    path = folder / "SOL_bbo.csv"
    path.write_text(path.read_text().replace("price", "cost"))
    with pytest.raises(DataError, match="price"):
        import_path(folder, "SOL", tmp_path / "out.tape")


def test_an_unknown_coin_needs_its_decimals(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    for name in ("bbo.csv", "trades.csv.gz"):
        (folder / f"SOL_{name}").rename(folder / f"ZZZ_{name}")
    with pytest.raises(DataError, match="szDecimals"):
        import_path(folder, "ZZZ", tmp_path / "out.tape")
    tape, _ = import_path(folder, "ZZZ", tmp_path / "out.tape", sz_decimals=2)
    assert open_tape(tape).meta.sz_decimals == 2
