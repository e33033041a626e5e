"""The kinds of problem in books, touches, raw lines and order of arrival; and what an import does to good rows.

Single bad fields of trades are in test_problems.py.
"""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone.data import layout
from touchstone.data.catalogue import import_path
from touchstone.data.errors import DataError
from touchstone.data.hyperliquid import ImportOptions
from touchstone.data.quality import REASONS, Quality
from touchstone.data.tape import open_tape

from .conftest import START_MS, Recording

LEVELS = 3
DELAY_MS = 250
BOOK_HEAD = ",".join(
    ["timestamp", "sequence", "exchange_timestamp"]
    + [f"{side}_{what}_{i}" for side in ("bid", "ask") for what in ("price", "size") for i in range(LEVELS)]
)


def book_row(ms: int, bids: Sequence[str], asks: Sequence[str], delay: int = DELAY_MS, size: str = "2.5") -> str:
    def both(px: Sequence[str]) -> list[str]:
        return [*px, *(size if p else "" for p in px)]

    return ",".join([f"{(ms + delay) / 1000:.3f}", str(ms), str(ms), *both(bids), *both(asks)])


BIDS, ASKS = ("210.10", "210.09", "210.07"), ("210.20", "210.21", "210.25")


def books() -> list[str]:
    return [book_row(START_MS + 500 * i, BIDS, ASKS) for i in range(20)]


def write_book(folder: Path, rows: Sequence[str], ending: str = "\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "SOL_book20.csv").write_text("\n".join([BOOK_HEAD, *rows]) + ending)
    return folder


def read(path: Path, tmp_path: Path, options: ImportOptions | None = None) -> tuple[Any, Quality]:
    tape, quality = import_path(path, "SOL", tmp_path / "out.tape", options=options)
    return open_tape(tape).events, quality


def dropped(quality: Quality) -> dict[str, int]:
    return {reason: p.count for reason, p in quality.problems.items() if p.count and REASONS[reason][0]}


BAD_BOOKS = [
    ("crossed_book", book_row(START_MS + 2000, ("210.30", "210.09", "210.07"), ASKS)),
    ("locked_book", book_row(START_MS + 2000, ("210.20", "210.09", "210.07"), ASKS)),
    ("level_order", book_row(START_MS + 2000, ("210.10", "210.11", "210.07"), ASKS)),
    ("level_order", book_row(START_MS + 2000, BIDS, ("210.20", "210.20", "210.25"))),
    ("missing_value", book_row(START_MS + 2000, ("210.10", "", "210.07"), ASKS)),
    ("missing_value", book_row(START_MS + 2000, ("", "", ""), ("", "", ""))),
    ("off_grid_price", book_row(START_MS + 2000, ("210.101", "210.09", "210.07"), ASKS)),
    ("off_grid_size", book_row(START_MS + 2000, BIDS, ASKS, size="2.505")),
    ("zero", book_row(START_MS + 2000, BIDS, ASKS, size="0")),
    ("time_back", book_row(START_MS + 1400, BIDS, ASKS, delay=850)),
    ("late_row", book_row(START_MS + 2000, BIDS, ASKS, delay=9000)),
    ("bad_time", book_row(START_MS + 2000, BIDS, ASKS, delay=-9000)),
    ("bad_time", book_row(1_000_000_000_000, BIDS, ASKS)),
    ("truncated_row", "17,18"),
    ("corrupt_row", book_row(START_MS + 2000, BIDS, ASKS) + ",1"),
    ("corrupt_row", book_row(START_MS + 2000, ("210.1\ufffd", *BIDS[1:]), ASKS)),
]


@pytest.mark.parametrize(("kind", "text"), BAD_BOOKS)
def test_one_bad_book_costs_one_book_and_is_named(tmp_path: Path, kind: str, text: str) -> None:
    rows = books()
    rows[4] = text
    events, quality = read(write_book(tmp_path / "rec", rows), tmp_path)
    assert dropped(quality) == {kind: 1}
    assert (quality.problems[kind].file, quality.problems[kind].line) == ("SOL_book20.csv", 6)
    assert layout.count_kinds(events)["snapshot_begin"] == quality.rows_kept["book"] == 19
    assert quality.rows_read["book"] == 20
    assert quality.as_dict()["rows_dropped"] == 1
    assert any(f"1 {kind}" in line and "SOL_book20.csv:6" in line for line in quality.lines())


def test_only_the_first_place_is_named(tmp_path: Path) -> None:
    rows = books()
    for line in (7, 9, 12):
        rows[line] = BAD_BOOKS[0][1].replace(str(START_MS + 2000), str(START_MS + 500 * line))
    _, quality = read(write_book(tmp_path / "rec", rows), tmp_path)
    assert (quality.count("crossed_book"), quality.problems["crossed_book"].line) == (3, 9)


def test_a_book_with_fewer_levels_is_used_as_it_is(tmp_path: Path) -> None:
    rows = books()
    rows[4] = book_row(START_MS + 2000, ("210.10", "", ""), ASKS)
    rows[5] = book_row(START_MS + 2500, ("", "", ""), ASKS)
    events, quality = read(write_book(tmp_path / "rec", rows), tmp_path)
    assert dropped(quality) == {}
    assert (quality.count("one_sided_book"), quality.problems["one_sided_book"].line) == (1, 7)
    at = events[events["exch_ns"] == (START_MS + 2500) * 1_000_000]
    assert at["kind"].tolist() == [layout.SNAPSHOT_BEGIN, *[layout.BOOK_LEVEL] * 3, layout.SNAPSHOT_END]
    assert at["side"][1:-1].tolist() == [-1] * 3
    assert len(events[events["exch_ns"] == (START_MS + 2000) * 1_000_000]) == 2 + 4


def test_a_book_becomes_a_snapshot_in_whole_units(tmp_path: Path) -> None:
    events, quality = read(write_book(tmp_path / "rec", books()), tmp_path, ImportOptions(floor_ms=100))
    first = events[:8]
    assert first["px"].tolist() == [0, 2101000, 2100900, 2100700, 2102000, 2102100, 2102500, 0]
    assert first["qty"].tolist() == [0, *[250] * 6, 0]
    assert set((events["recv_ns"] - events["exch_ns"]).tolist()) == {100_000_000}
    assert quality.clock["offset_ms"] == pytest.approx(150)
    assert quality.clock["median_delay_ms"] == pytest.approx(100)


def test_a_last_line_cut_off_is_dropped(tmp_path: Path) -> None:
    rows = books()
    rows[-1] = rows[-1][:60]
    _, quality = read(write_book(tmp_path / "rec", rows, ending=""), tmp_path)
    assert dropped(quality) == {"truncated_row": 1}
    assert quality.problems["truncated_row"].line == 21


def test_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    folder = write_book(tmp_path / "rec", books())
    path = folder / "SOL_book20.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    _, quality = read(folder, tmp_path)
    assert dropped(quality) == {}


# -- touches -----------------------------------------------------------------------------------------------------------


def touches(events: Any) -> Any:
    return events[events["kind"] == layout.BBO]


def test_both_sides_of_a_touch_are_one_message(recording: Recording, tmp_path: Path) -> None:
    events, _ = read(recording.write(), tmp_path)
    bbo = touches(events)
    assert bbo["side"].tolist() == [1, -1] * 50
    assert bbo["bits"].tolist() == [layout.BIT_MORE, 0] * 50
    assert not events[events["kind"] != layout.BBO]["bits"].any()


def test_which_side_comes_first_in_the_file_makes_no_difference(recording: Recording, tmp_path: Path) -> None:
    expected, _ = read(recording.write(), tmp_path)
    for i in range(0, len(recording.bbo), 4):
        recording.bbo[i : i + 2] = recording.bbo[i : i + 2][::-1]
    found, _ = read(recording.write(), tmp_path)
    assert found.tobytes() == expected.tobytes()


def test_a_side_that_stands_alone_is_a_whole_message(recording: Recording, tmp_path: Path) -> None:
    del recording.bbo[21]
    recording.bbo[39] = recording.bbo[39].replace("210.", "x10.")
    events, quality = read(recording.write(), tmp_path)
    bbo = touches(events)
    assert dropped(quality) == {"non_numeric": 1}
    alone = bbo[[20, 39]]
    assert (alone["side"].tolist(), alone["bits"].tolist()) == ([1, -1], [0, 0])
    assert (bbo["bits"] == layout.BIT_MORE).sum() == 48


def test_a_touch_that_jumps_up_past_the_old_ask_moves_the_ask_first(recording: Recording, tmp_path: Path) -> None:
    recording.bbo[20:22] = [row.replace(",210.", ",211.") for row in recording.bbo[20:22]]
    bbo = touches(read(recording.write(), tmp_path)[0])
    assert bbo["side"][18:26].tolist() == [1, -1, -1, 1, 1, -1, 1, -1]
    assert bbo["bits"][18:26].tolist() == [layout.BIT_MORE, 0] * 4


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", ["crossed_book", "locked_book"])
def test_a_touch_that_meets_itself_is_dropped_whole(
    recording: Recording, tmp_path: Path, kind: str, reverse: bool
) -> None:
    bid, ask = recording.bbo[22:24]
    fields = bid.split(",")
    fields[1] = "210.90" if kind == "crossed_book" else ask.split(",")[1]
    pair = [",".join(fields), ask]
    recording.bbo[22:24] = pair[::-1] if reverse else pair
    _, quality = read(recording.write(), tmp_path)
    assert dropped(quality) == {kind: 2}
    assert (quality.problems[kind].file, quality.problems[kind].line) == ("SOL_bbo.csv", 24)
    bid_text, ask_text = quality.problems[kind].value.split()
    assert int(bid_text.removeprefix("bid=")) >= int(ask_text.removeprefix("ask="))


# -- order of arrival --------------------------------------------------------------------------------------------------


def test_trades_from_before_the_first_quote_are_dropped(recording: Recording, tmp_path: Path) -> None:
    for i in range(3):
        recording.trades.insert(i, f"{(START_MS + 250) / 1000:.3f},210.20,1.5,sell,{i + 1},{START_MS - 9000 + i}")
    events, quality = read(recording.write(), tmp_path)
    assert dropped(quality) == {"backfill_trade": 3}
    assert events["exch_ns"].min() == START_MS * 1_000_000


def test_trades_sent_long_after_they_happened_are_dropped(recording: Recording, tmp_path: Path) -> None:
    recording.trades.append(f"{(START_MS + 11_000) / 1000:.3f},210.20,1.5,sell,7,{START_MS + 2000}")
    _, quality = read(recording.write(), tmp_path)
    assert dropped(quality) == {"late_row": 1}


def test_a_trade_out_of_order_is_put_in_order(recording: Recording, tmp_path: Path) -> None:
    recording.trades[10:12] = recording.trades[10:12][::-1]
    events, quality = read(recording.write(), tmp_path)
    assert dropped(quality) == {}
    assert quality.count("trade_reordered") == 1
    trades = events[events["kind"] == layout.TRADE]
    assert trades["aux"].tolist() == list(range(1000, 1050))
    assert (np.diff(events["exch_ns"]) >= 0).all()
    assert (np.diff(events["recv_ns"]) >= 0).all()


def test_a_receipt_before_that_of_an_older_block_is_raised(recording: Recording, tmp_path: Path) -> None:
    ms = START_MS + 2000
    for i in (40, 41):
        recording.bbo[i] = recording.bbo[i].replace(f"{(ms + 250) / 1000:.3f}", f"{(ms + 750) / 1000:.3f}")
    events, quality = read(recording.write(), tmp_path)
    assert dropped(quality) == {}
    later = (events["exch_ns"] > ms * 1_000_000) & (events["exch_ns"] < (ms + 500) * 1_000_000)
    raised = events[later]["recv_ns"]
    block = events[events["exch_ns"] == ms * 1_000_000]
    assert quality.count("late_receipt") > 0
    assert (raised >= block["recv_ns"].max()).all()
    # Nothing is seen before it was received: the clock correction is one constant.
    assert (block["recv_ns"] == block["recv_ns"].max()).all()


def test_a_message_ahead_of_its_block_is_received_with_it(recording: Recording, tmp_path: Path) -> None:
    recording.trades[30] = f"{(START_MS + 3050 + 20) / 1000:.3f},210.20,1.5,buy,1030,{START_MS + 3050}"
    events, quality = read(recording.write(), tmp_path, ImportOptions(floor_ms=60))
    assert dropped(quality) == {}
    assert quality.count("early_receipt") == 1
    assert (events["recv_ns"] >= events["exch_ns"]).all()


def test_within_a_block_trades_come_before_touch_and_book(recording: Recording, tmp_path: Path) -> None:
    folder = write_book(recording.write(), books())
    recording.trades[5] = recording.trades[5].replace(str(START_MS + 550), str(START_MS + 500))
    events, _ = read(recording.write(), tmp_path)
    assert (folder / "SOL_book20.csv").is_file()
    block = events[events["exch_ns"] == (START_MS + 500) * 1_000_000]["kind"].tolist()
    assert block[:4] == [layout.TRADE, layout.BBO, layout.BBO, layout.SNAPSHOT_BEGIN]
    assert block[-1] == layout.SNAPSHOT_END


def test_quotes_that_end_before_the_trades_leave_the_feed_down(recording: Recording, tmp_path: Path) -> None:
    for i in range(100):
        ms = START_MS + 5000 + 100 * i
        recording.trades.append(f"{(ms + 250) / 1000:.3f},210.20,1.5,buy,{2000 + i},{ms}")
    events, quality = read(recording.write(), tmp_path)
    assert layout.count_kinds(events)["feed_down"] == 1
    assert "feed_up" not in layout.count_kinds(events)
    down = events[events["kind"] == layout.FEED_DOWN][0]
    assert down["exch_ns"] == (START_MS + 4900 + 5000) * 1_000_000
    assert quality.count("late_row") == 0


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_damaged_gzip_file_is_used_as_far_as_it_goes(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    rows = "\n".join([BOOK_HEAD, *books()]) + "\n"
    data = bytearray(gzip.compress(rows.encode()))
    data[-20] ^= 0xFF
    (folder / "SOL_book20.csv.gz").write_bytes(bytes(data))
    _, quality = read(folder, tmp_path)
    assert 0 < quality.rows_kept["book"] <= 20
    assert (quality.count("truncated_file"), quality.problems["truncated_file"].file) == (1, "SOL_book20.csv.gz")


def test_decimals_that_do_not_fit_are_an_error_that_names_the_remedy(recording: Recording, tmp_path: Path) -> None:
    recording.trades = [row.replace(",1.5,", f",1.{i % 9 + 1}7,") for i, row in enumerate(recording.trades)]
    folder = recording.write()
    with pytest.raises(DataError, match="larger --sz-decimals"):
        import_path(folder, "SOL", tmp_path / "out.tape", sz_decimals=1)
    with pytest.raises(DataError, match="smaller --sz-decimals"):
        import_path(folder, "SOL", tmp_path / "out.tape", sz_decimals=5)
    assert list(tmp_path.glob("*out*")) == []


def test_sizes_that_never_use_the_last_decimal_are_an_error(tmp_path: Path) -> None:
    rows = [book_row(START_MS + 500 * i, BIDS, ASKS) for i in range(200)]
    with pytest.raises(DataError, match="none of 1200 sizes"):
        import_path(write_book(tmp_path / "rec", rows), "SOL", tmp_path / "out.tape")


def test_no_usable_quote_is_an_error(recording: Recording, tmp_path: Path) -> None:
    recording.bbo = [row.replace(",bid,", ",x,").replace(",ask,", ",x,") for row in recording.bbo]
    with pytest.raises(DataError, match="no usable quote"):
        import_path(recording.write(), "SOL", tmp_path / "out.tape")
    recording.trades = []
    with pytest.raises(DataError, match="no usable row of SOL"):
        import_path(recording.write(), "SOL", tmp_path / "out.tape")


def test_a_broken_parquet_file_is_an_error_in_words(recording: Recording, tmp_path: Path) -> None:
    folder = recording.write()
    (folder / "SOL_book20.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match="not readable as parquet"):
        import_path(folder, "SOL", tmp_path / "out.tape")


# -- raw lines ---------------------------------------------------------------------------------------------------------


def raw_line(ms: int, channel: str, data: object) -> str:
    return f"{(ms + DELAY_MS) * 1_000_000} " + json.dumps({"channel": channel, "data": data})


def level(px: str, sz: str = "2.55") -> dict[str, object]:
    return {"px": px, "sz": sz, "n": 1}


def raw_lines() -> list[str]:
    lines = [raw_line(START_MS, "subscriptionResponse", {"method": "subscribe"})]
    for i in range(20):
        ms = START_MS + 100 * i
        ladder = [[level(px) for px in BIDS], [level(px) for px in ASKS]]
        trade = {"coin": "SOL", "side": "BA"[i % 2], "px": "210.20", "sz": "1.25", "time": ms, "tid": 500 + i}
        lines.append(raw_line(ms, "trades", [trade, {**trade, "coin": "BTC"}]))
        lines.append(raw_line(ms, "bbo", {"coin": "SOL", "time": ms, "bbo": [level("210.10"), level("210.20")]}))
        lines.append(raw_line(ms, "l2Book", {"coin": "SOL", "time": ms, "levels": ladder}))
    return lines


def test_raw_lines_of_every_channel(tmp_path: Path) -> None:
    lines = raw_lines()
    ctx = {"oraclePx": "210.155", "markPx": "210.1", "funding": "-0.0000125"}
    lines.append(raw_line(START_MS + 1000, "activeAssetCtx", {"coin": "SOL", "ctx": ctx}))
    path = tmp_path / "ws.txt"
    path.write_text("\n".join(lines) + "\n")
    events, quality = read(path, tmp_path)
    assert dropped(quality) == {}
    assert quality.count("ignored_message") == 0
    found = layout.count_kinds(events)
    assert (found["trade"], found["bbo"], found["snapshot_end"], found["context"]) == (20, 40, 20, 1)
    context = events[events["kind"] == layout.CONTEXT][0]
    assert (context["px"], context["qty"], context["aux"]) == (2_101_550, 2_101_000, -12_500_000)
    assert events[events["kind"] == layout.TRADE]["side"].tolist() == [1, -1] * 10


def test_raw_lines_that_cannot_be_used(tmp_path: Path) -> None:
    lines = raw_lines()
    ms = START_MS + 2500
    lines[10] = lines[10][:80]
    lines.append(raw_line(ms, "webData2", {"coin": "SOL"}))
    lines.append(raw_line(ms, "l2Book", {"coin": "BTC", "time": ms, "levels": [[], []]}))
    lines.append(raw_line(ms, "bbo", {"coin": "SOL", "time": ms, "bbo": [None, level("210.20")]}))
    lines.append(raw_line(ms, "bbo", {"coin": "SOL", "time": ms + 1})[:70])
    path = tmp_path / "ws.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    events, quality = read(path, tmp_path)
    assert dropped(quality) == {"corrupt_row": 1, "truncated_row": 1}
    assert quality.problems["corrupt_row"].line == 11
    assert quality.problems["truncated_row"].line == len(lines)
    assert quality.count("ignored_message") == 2
    assert (quality.count("one_sided"), quality.problems["one_sided"].line) == (1, len(lines) - 1)
    last = touches(events)[-1]
    assert (last["side"], last["bits"]) == (-1, 0)


def test_the_report_has_the_same_keys_always(recording: Recording, tmp_path: Path) -> None:
    _, quality = read(recording.write(), tmp_path)
    assert set(quality.as_dict()["problems"]) == set(REASONS)
    assert json.loads(json.dumps(quality.as_dict())) == quality.as_dict()
