"""LOBSTER files: made-up ones with one defect each, and the real day."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from touchstone.core import events as kinds
from touchstone.core import grid as price_grid
from touchstone.core.jit import compiled, record
from touchstone.core.market import book as order_book
from touchstone.data import layout, lobster
from touchstone.data.catalogue import detect, import_path
from touchstone.data.errors import DataError
from touchstone.data.quality import REASONS, Quality
from touchstone.data.tape import open_tape

BOTH = record([("grid", price_grid.GRID), ("book", order_book.BOOK)])
NAME = "ABCD_2012-06-21_34200000_57600000_{}_2.csv"
NONE_ASK, NONE_BID = "9999999999,0", "-9999999999,0"

# time, type, number, size, price, side; ask 1, bid 1, ask 2, bid 2
MESSAGES = [
    "34200.5,1,10,100,1000100,-1",
    "34200.500000001,1,11,200,1000000,1",
    "34201,1,12,50,999900,1",
    "34202,4,11,30,1000000,1",
    "34202,4,11,20,1000000,1",
    "34203,2,12,10,999900,1",
    "34204,5,0,70,1000050,1",
    "34205,3,10,100,1000100,-1",
]
BOOKS = [
    f"1000100,100,{NONE_BID},{NONE_ASK},{NONE_BID}",
    f"1000100,100,1000000,200,{NONE_ASK},{NONE_BID}",
    f"1000100,100,1000000,200,{NONE_ASK},999900,50",
    f"1000100,100,1000000,170,{NONE_ASK},999900,50",
    f"1000100,100,1000000,150,{NONE_ASK},999900,50",
    f"1000100,100,1000000,150,{NONE_ASK},999900,40",
    f"1000100,100,1000000,150,{NONE_ASK},999900,40",
    f"{NONE_ASK},1000000,150,{NONE_ASK},999900,40",
]


def write(folder: Path, messages: list[str], books: list[str]) -> Path:
    path = folder / "ABCD.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAME.format("message"), "\n".join(messages) + "\n")
        archive.writestr(NAME.format("orderbook"), "\n".join(books) + "\n")
    return path


def found(quality: Quality) -> dict[str, int]:
    return {reason: p.count for reason, p in quality.problems.items() if p.count and reason != "hidden_execution"}


def test_messages_are_read_exactly(tmp_path: Path) -> None:
    quality = Quality()
    day = lobster.read(write(tmp_path, MESSAGES, BOOKS), quality)
    assert found(quality) == {}
    first = day.messages[1]
    assert first.tolist() == (1_340_285_400_500_000_001, 11, 200, 1_000_000, lobster.NEW, 1)  # 09:30 in New York
    assert day.px[2].tolist() == [[1_000_000, 999_900], [1_000_100, 0]]
    assert day.qty[3].tolist() == [[170, 50], [100, 0]]
    assert quality.rows_read == quality.rows_kept == {"message": 8, "orderbook": 8}


def test_the_tape_has_blocks_with_trades_before_the_book(tmp_path: Path) -> None:
    tape_path, quality = import_path(write(tmp_path, MESSAGES, BOOKS), out=tmp_path / "out.tape")
    tape = open_tape(tape_path)
    assert (tape.meta.coin, tape.meta.sz_decimals, tape.meta.source) == ("ABCD", 2, "lobster")
    block = tape.events[tape.events["exch_ns"] == 1_340_285_402_000_000_000]
    assert [(e["kind"], e["side"], e["px"], e["qty"]) for e in block] == [
        (layout.TRADE, -1, 1_000_000, 3000),  # the bid was hit: a seller
        (layout.TRADE, -1, 1_000_000, 2000),
        (layout.BOOK_LEVEL, 1, 1_000_000, 15000),
    ]
    assert quality.count("hidden_execution") == 1, "counted, not a trade"
    assert layout.count_kinds(tape.events)["trade"] == 2
    assert layout.count_kinds(tape.events)["snapshot_begin"] == 4, "wherever another price is visible than before"


DEFECTS = [  # file, line (1-based), text, what it is called
    ("message", 3, "34201,1,12,50,999900", "corrupt_row"),
    ("message", 3, "34201,1,12,50,999900,1,7", "corrupt_row"),
    ("message", 3, "34201,1,12,fifty,999900,1", "non_numeric"),
    ("message", 3, "noon,1,12,50,999900,1", "bad_time"),
    ("message", 3, "90000,1,12,50,999900,1", "bad_time"),
    ("message", 3, "34201,9,12,50,999900,1", "unknown_type"),
    ("message", 3, "34201,1,12,50,999900,3", "bad_side"),
    ("message", 3, "34201,1,12,0,999900,1", "zero"),
    ("message", 3, "34201,1,12,-50,999900,1", "negative"),
    ("message", 4, "34200.1,4,11,30,1000000,1", "time_back"),
    ("orderbook", 6, "1000100,100", "corrupt_row"),
    ("orderbook", 6, f"1000100,x,1000000,150,{NONE_ASK},999900,40", "non_numeric"),
    ("orderbook", 6, f"1000100,100,1000000,-150,{NONE_ASK},999900,40", "negative"),
    ("orderbook", 6, f"1000100,100,1000200,150,{NONE_ASK},999900,40", "crossed_book"),
    ("orderbook", 6, f"1000100,100,1000100,150,{NONE_ASK},999900,40", "locked_book"),
    ("orderbook", 6, f"1000100,100,999900,150,{NONE_ASK},1000000,40", "level_order"),
]


@pytest.mark.parametrize(("what", "line", "text", "kind"), DEFECTS)
def test_one_bad_row_costs_one_row_and_is_named(tmp_path: Path, what: str, line: int, text: str, kind: str) -> None:
    rows = {"message": list(MESSAGES), "orderbook": list(BOOKS)}
    rows[what][line - 1] = text
    quality = Quality()
    day = lobster.read(write(tmp_path, rows["message"], rows["orderbook"]), quality)
    assert {k: n for k, n in found(quality).items() if k != "execution_off_touch"} == {kind: 1}
    assert (quality.problems[kind].file, quality.problems[kind].line) == (NAME.format(what), line)
    assert REASONS[kind][0]
    assert len(day.messages) == 7


def test_files_that_do_not_end_together_are_cut_and_counted(tmp_path: Path) -> None:
    quality = Quality()
    day = lobster.read(write(tmp_path, MESSAGES[:6], BOOKS), quality)
    assert len(day.messages) == 6
    assert found(quality) == {"row_without_partner": 2}
    assert quality.problems["row_without_partner"].line == 7


def test_an_execution_away_from_the_touch_is_noted(tmp_path: Path) -> None:
    messages = list(MESSAGES)
    messages[3] = "34202,4,12,30,999900,1"
    quality = Quality()
    lobster.read(write(tmp_path, messages, BOOKS), quality)
    assert (found(quality), quality.problems["execution_off_touch"].line) == ({"execution_off_touch": 1}, 4)


def test_a_halt_takes_the_feed_down_until_trading_resumes(tmp_path: Path) -> None:
    messages, books = list(MESSAGES), list(BOOKS)
    messages += ["34206,7,0,0,-1,-1", "34207,7,0,0,0,-1", "34208,7,0,0,1,-1", "34209,6,0,40,1000000,-1"]
    books += [books[-1]] * 4
    quality = Quality()
    events = lobster.events(lobster.read(write(tmp_path, messages, books), quality), quality)
    at = {int(e["kind"]): int(e["exch_ns"]) // 10**9 % 100 for e in events}
    assert (at[layout.FEED_DOWN], at[layout.FEED_UP]) == (6, 8)
    assert found(quality) == {"halt": 3, "cross_trade": 1}


def test_prices_of_six_figures_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"more than five figures .*1,000 dollars"):
        import_path(
            write(tmp_path, ["34200,1,1,5,12345600,1"], [f"{NONE_ASK},12345600,5,{NONE_ASK},{NONE_BID}"]),
            out=tmp_path / "out.tape",
        )


def test_what_cannot_be_chosen_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, MESSAGES, BOOKS)
    with pytest.raises(DataError, match="no coin 'MSFT'"):
        import_path(path, coin="MSFT", out=tmp_path / "out.tape")
    with pytest.raises(DataError, match="leave --sz-decimals out"):
        import_path(path, out=tmp_path / "out.tape", sz_decimals=4)


def test_a_long_silence_is_counted(tmp_path: Path) -> None:
    messages = [*MESSAGES[:-1], "34305,3,10,100,1000100,-1"]
    quality = Quality()
    lobster.read(write(tmp_path, messages, BOOKS), quality)
    assert quality.gaps["message"] == {"count": 1, "longest_s": 101}


def test_one_file_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / NAME.format("message")
    path.write_text("\n".join(MESSAGES))
    with pytest.raises(DataError, match="no orderbook file"):
        import_path(path, out=tmp_path / "out.tape")
    (tmp_path / NAME.format("orderbook")).write_text("\n".join(BOOKS))
    for place in (path, tmp_path):  # unpacked: a file, or the folder of the pair
        assert (detect(place).kind, detect(place).coins) == ("lobster", ["ABCD"])
    import_path(tmp_path, out=tmp_path / "out.tape")


# ---------------------------------------------------------------- the real day


@pytest.fixture(scope="module")
def amazon(recordings: Path) -> Path:
    path = recordings.parent / "lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    if not path.is_file():
        pytest.skip("no LOBSTER recording here")
    return path


@compiled
def touches(both, tape, ends, out):
    """Best bid and ask of the core's book after each block; `ends` marks the last event of a block."""
    n = np.int64(0)
    for i in range(len(tape)):
        event = tape[i]
        if event.kind != kinds.TRADE:
            order_book.begin_block(both.book, np.int64(event.exch_ns))
            order_book.update(both.book, both.grid, event)
        if ends[i]:
            for s in range(2):
                out[n, s] = both.book.best_px[s]
                out[n, 2 + s] = order_book.net_qty(both.book, np.int64(s), both.book.best[s])
            n += 1


def test_the_tape_of_a_day_gives_the_books_of_its_file(amazon: Path, tmp_path: Path) -> None:
    quality = Quality()
    day = lobster.read(amazon, quality)
    assert len(day.messages) == 155_935
    assert found(quality) == {}, "every execution at the touch, for exactly its size"
    path, quality = import_path(amazon, out=tmp_path / "amzn.tape")
    tape = open_tape(path)
    assert found(quality) == {}
    assert tape.meta.kinds["trade"] == 8974
    assert quality.count("hidden_execution") == 2445
    both = np.zeros(1, BOTH)[0]
    price_grid.reset(both.grid, np.int64(2), np.int64(10_000_000))
    order_book.reset(both.book)
    time = day.messages["time_ns"]
    last = np.flatnonzero(np.append(time[1:] != time[:-1], True))
    loaded = tape.load()
    ends = np.append(loaded["exch_ns"][1:] != loaded["exch_ns"][:-1], True)
    blocks = np.isin(time[last], loaded["exch_ns"])  # a hidden execution alone changes nothing
    out = np.zeros((int(ends.sum()), 4), np.int64)
    touches(both, loaded, ends, out)
    expected = np.concatenate((day.px[last, :, 0], day.qty[last, :, 0] * lobster.SHARE), axis=1)[blocks]
    assert np.array_equal(out, expected)
    assert both.book.n_off_grid == 0


def test_the_level_one_file_is_read_too(amazon: Path) -> None:
    path = amazon.with_name(amazon.name.replace("_5.zip", "_1.zip"))
    assert len(lobster.read(path, Quality()).messages) == 57_515
