"""Binance lines: made-up ones with one defect each, the snapshot rule, and the real recordings."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone.cli.main import main
from touchstone.core import events as kinds
from touchstone.data import layout
from touchstone.data.catalogue import detect, import_path
from touchstone.data.errors import DataError
from touchstone.data.quality import REASONS, Quality
from touchstone.data.tape import Tape, open_tape

START_MS = 1_723_161_256_000
DELAY_NS = 7_000_000


class Lines:
    """A USD-M recording: per 100 ms one depth update, one touch, one trade; a snapshot after the second update.

    Update i covers ids 100 i + 1 to 100 i + 50 and sets the bid's size to 1 + i; ids in between belong to nobody.
    """

    def __init__(self, n: int = 20, ns: bool = True) -> None:
        self.ns = ns
        self.lines: list[str] = []
        for i in range(n):
            ms = START_MS + 100 * i
            self.put(ms, "btcusdt@bookTicker", self.touch(i, ms))
            self.put(ms, "btcusdt@depth@0ms", self.depth(i, ms))
            self.put(ms, "btcusdt@trade", self.trade(i, ms))
            if i == 1:
                levels = {"bids": [["61234.4", "1.000"], ["61234.3", "5"]], "asks": [["61234.5", "2.000"]]}
                self.write(ms, {"lastUpdateId": 50, "E": ms, "T": ms, **levels})

    def touch(self, i: int, ms: int) -> dict[str, Any]:
        size = f"{1 + i}.000"
        return {"e": "bookTicker", "u": 100 * i + 50, "s": "BTCUSDT", "b": "61234.40", "B": size, "a": "61234.50",
                "A": "2.000", "T": ms, "E": ms}  # fmt: skip

    def depth(self, i: int, ms: int) -> dict[str, Any]:
        return {"e": "depthUpdate", "E": ms, "T": ms, "s": "BTCUSDT", "U": 100 * i + 1, "u": 100 * i + 50,
                "pu": 100 * i - 50, "b": [["61234.40", f"{1 + i}.000"]], "a": []}  # fmt: skip

    def trade(self, i: int, ms: int) -> dict[str, Any]:
        price = "61234.40" if i % 2 else "61234.50"
        return {"e": "trade", "E": ms, "T": ms + 50, "s": "BTCUSDT", "t": 7000 + i, "p": price, "q": "0.125",
                "X": "MARKET", "m": bool(i % 2)}  # fmt: skip

    def put(self, ms: int, stream: str, data: dict[str, Any]) -> None:
        self.write(ms, {"stream": stream, "data": data})

    def write(self, ms: int, message: dict[str, Any]) -> None:
        self.lines.append(f"{self.local(ms)} {json.dumps(message, separators=(',', ':'))}")

    def local(self, ms: int) -> int:
        ns = ms * 1_000_000 + DELAY_NS
        return ns if self.ns else ns // 1000

    def file(self, folder: Path, name: str = "usdm_btcusdt.gz") -> Path:
        path = folder / name
        path.write_bytes(gzip.compress(("\n".join(self.lines) + "\n").encode()))
        return path


def line_of(i: int, what: int) -> int:
    """0-based line of touch (0), depth (1), trade (2) number i > 1."""
    return 3 * i + what + 1


def bring_in(path: Path, tmp_path: Path, **options: Any) -> tuple[Tape, Quality]:
    tape, quality = import_path(path, out=tmp_path / "out.tape", **options)
    return open_tape(tape), quality


def found(quality: Quality) -> dict[str, int]:
    return {reason: p.count for reason, p in quality.problems.items() if p.count}


def test_touches_and_trades_become_reference_events(tmp_path: Path) -> None:
    tape, quality = bring_in(Lines().file(tmp_path), tmp_path)
    assert found(quality) == {"depth_without_book": 1}, "the first update, which the snapshot holds"
    assert (tape.meta.coin, tape.meta.sz_decimals, tape.meta.collateral) == ("BTC", 5, "USDT")
    assert tape.meta.kinds == {"reference_bbo": 40, "reference_trade": 20}
    bid, ask, trade = tape.events[:3]
    assert (bid["px"], bid["qty"], bid["side"], bid["bits"]) == (612_344, 100_000, 1, layout.BIT_MORE)
    assert (ask["px"], ask["qty"], ask["side"], ask["bits"]) == (612_345, 200_000, -1, 0)
    assert (trade["px"], trade["qty"], trade["side"], trade["aux"]) == (612_345, 12_500, 1, 7000)  # buyer took
    assert tape.events[5]["side"] == -1, "m: the buyer was the maker, so the seller took"
    assert bid["exch_ns"] == START_MS * 1_000_000
    assert quality.rows_kept == {"bookTicker": 20, "trade": 20, "depth": 19, "snapshot": 1}
    assert quality.clock["floor_ms"] == 5.0


def test_the_reference_kinds_are_those_of_the_core() -> None:
    assert layout.REFERENCE_BBO == kinds.REFERENCE_BBO
    assert layout.REFERENCE_TRADE == kinds.REFERENCE_TRADE
    assert layout.FEED_REFERENCE == kinds.FEED_REFERENCE


def test_microseconds_of_2023_are_read_as_such(tmp_path: Path) -> None:
    one, _ = bring_in(Lines(ns=True).file(tmp_path), tmp_path)
    expected = one.events.tobytes()
    other, _ = bring_in(Lines(ns=False).file(tmp_path), tmp_path)
    assert other.events.tobytes() == expected


def test_updates_before_the_snapshot_that_reach_beyond_it_go_on_top(tmp_path: Path) -> None:
    """The snapshot (id 50) is written after update 1 (ids 101 to 150): without it the book would lag for ever."""
    _, quality = bring_in(Lines().file(tmp_path), tmp_path)
    assert quality.depth == {
        "updates": 20, "snapshots": 1, "applied": 19, "touches_compared": 19, "touches_equal": 19
    }  # fmt: skip


def test_a_wrong_size_in_the_depth_is_found_against_the_touch(tmp_path: Path) -> None:
    made = Lines()
    made.lines[line_of(5, 1)] = made.lines[line_of(5, 1)].replace('"6.000"', '"6.001"')
    _, quality = bring_in(made.file(tmp_path), tmp_path)
    assert found(quality) == {"depth_without_book": 1, "rebuilt_touch_differs": 1}
    assert quality.problems["rebuilt_touch_differs"].line == line_of(5, 1) + 1
    assert "6.001" in quality.problems["rebuilt_touch_differs"].value


def test_a_crossed_rebuilt_book_is_found(tmp_path: Path) -> None:
    made = Lines()
    made.lines[line_of(5, 1)] = made.lines[line_of(5, 1)].replace('"a":[]', '"a":[["61234.40","1"]]')
    _, quality = bring_in(made.file(tmp_path), tmp_path)
    assert quality.count("rebuilt_book_crossed") == 15, "and stays so until the end"
    assert quality.problems["rebuilt_book_crossed"].line == line_of(5, 1) + 1


DEFECTS: list[tuple[int, str, str, dict[str, int]]] = [  # line of number 5: which, text, replacement, counted
    (0, '"61234.40"', '"x"', {"corrupt_row": 1}),
    (0, '"b":"61234.40"', '"b":"61234.60"', {"crossed_book": 2}),
    (0, '"b":"61234.40"', '"b":"61234.50"', {"locked_book": 2}),
    (0, '"u":550', '"u":450', {"repeated_update": 1}),
    (0, f'"T":{START_MS + 500}', f'"T":{START_MS + 350}', {"time_back": 2}),
    (2, '"p":"61234.40"', '"p":"-1"', {"negative": 1}),
    (2, '"q":"0.125"', '"q":"0"', {"zero": 1}),
    (2, '"q":"0.125"', '"q":""', {"missing_value": 1}),
    (2, '"t":7005', '"t":7004', {"duplicate_trade_id": 1}),
    (2, '"m":true', '"m":"no"', {"corrupt_row": 1}),
    (2, '"X":"MARKET"', '"X":"INSURANCE_FUND"', {"ignored_message": 1}),
    (2, '"s":"BTCUSDT"', '"s":"ETHUSDT"', {"ignored_message": 1}),
    (2, f'"T":{START_MS + 550}', f'"T":{START_MS + 440}', {"trade_reordered": 1}),
    (2, '"stream"', '"stream', {"corrupt_row": 1}),
    (2, "17231612565", "x7231612565", {"corrupt_row": 1}),
    (1, '"pu":450', '"pu":440', {"chain_break": 1, "depth_without_book": 15}),
    (1, '"u":550', '"u":450', {"repeated_update": 1, "chain_break": 1, "depth_without_book": 14}),
    (1, '"b":[["61234.40"', '"b":[["y"', {"corrupt_row": 1, "chain_break": 1, "depth_without_book": 14}),
]


@pytest.mark.parametrize(("what", "text", "new", "counted"), DEFECTS)
def test_one_bad_line_is_counted_and_named(
    tmp_path: Path, what: int, text: str, new: str, counted: dict[str, int]
) -> None:
    made = Lines()
    at = line_of(5, what)
    assert text in made.lines[at]
    made.lines[at] = made.lines[at].replace(text, new)
    _, quality = bring_in(made.file(tmp_path), tmp_path, coin="BTCUSDT")
    expected = {"depth_without_book": 1 + counted.get("depth_without_book", 0)}
    follows = ("late_receipt", "rebuilt_touch_differs")
    seen = {reason: n for reason, n in found(quality).items() if reason not in follows}
    assert seen == counted | expected
    first = next(iter(counted))
    problem = quality.problems[first]
    late = 3 if (what, first) == (1, "corrupt_row") else 0
    assert problem.file == "usdm_btcusdt.gz"
    assert problem.line in (at + 1, at + 1 + late)


def test_a_lost_update_breaks_the_chain_until_the_next_snapshot(tmp_path: Path) -> None:
    made = Lines()
    levels = {"bids": [["61234.4", "13.000"]], "asks": [["61234.5", "2.000"]]}
    snapshot = f"{made.local(START_MS + 1200)} " + json.dumps({"lastUpdateId": 1250, **levels})
    made.lines.insert(line_of(12, 2), snapshot)
    del made.lines[line_of(5, 1)]
    _, quality = bring_in(made.file(tmp_path), tmp_path)
    assert found(quality) == {"depth_without_book": 1 + 7, "chain_break": 1}
    assert quality.problems["chain_break"].line == line_of(6, 1)
    assert (quality.depth["applied"], quality.depth["touches_equal"]) == (4 + 7, 4 + 7)


def test_a_snapshot_from_another_time_does_not_fit(tmp_path: Path) -> None:
    made = Lines()
    made.lines = [line.replace('"lastUpdateId":50', '"lastUpdateId":20') for line in made.lines]
    made.lines = [line.replace('"pu":-50', '"pu":30') for line in made.lines]
    _, quality = bring_in(made.file(tmp_path), tmp_path)
    assert quality.count("chain_break") == 1
    assert quality.depth["applied"] == 0
    assert quality.count("depth_without_book") == 20


def test_a_silence_takes_the_reference_feed_down(tmp_path: Path) -> None:
    made = Lines()
    made.put(START_MS + 20_000, "btcusdt@bookTicker", made.touch(40, START_MS + 20_000))
    tape, _ = bring_in(made.file(tmp_path), tmp_path)
    down = tape.events[tape.events["kind"] == layout.FEED_DOWN]
    assert down["code"].tolist() == [layout.FEED_REFERENCE]
    assert tape.meta.kinds["feed_up"] == 1
    assert tape.meta.quality["gaps"]["bookTicker"]["count"] == 1


def test_a_file_cut_off_in_the_middle_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = Lines(400).file(tmp_path)
    path.write_bytes(path.read_bytes()[:-400])
    _, quality = bring_in(path, tmp_path)
    assert quality.count("truncated_file") == 1
    assert 0 < quality.rows_kept["trade"] < 400


def test_files_that_follow_each_other_are_one_recording(tmp_path: Path) -> None:
    whole = Lines()
    one, two = Lines(), Lines()
    one.lines, two.lines = whole.lines[:31], whole.lines[31:]
    expected, _ = bring_in(whole.file(tmp_path, "whole.gz"), tmp_path)
    events = expected.events.tobytes()
    days = tmp_path / "days"
    days.mkdir()
    one.file(days, "day_1.gz")
    two.file(days, "day_2.gz")
    both, quality = bring_in(days / "day", tmp_path)
    assert both.events.tobytes() == events
    assert both.meta.details["files"] == ["day_1.gz", "day_2.gz"]
    assert quality.depth["touches_equal"] == 19
    with pytest.raises(DataError, match="common start of the names"):
        detect(days)


def test_sizes_too_fine_are_refused_or_rounded_when_asked(tmp_path: Path) -> None:
    made = Lines()
    made.lines = [line.replace("61234.40", "61234.41").replace("0.125", "0.00001") for line in made.lines]
    path = made.file(tmp_path)
    with pytest.raises(DataError, match=r"prices .* need 2 decimals and sizes 5, .*--sz-decimals 4"):
        bring_in(path, tmp_path)
    with pytest.raises(DataError, match=r"need 2 decimals, --sz-decimals 5 leaves 1; give at most 4"):
        bring_in(path, tmp_path, sz_decimals=5)
    tape, quality = bring_in(path, tmp_path, sz_decimals=4)
    assert quality.count("size_rounded") == 20
    trades = tape.events[tape.events["kind"] == layout.REFERENCE_TRADE]
    assert set(trades["qty"].tolist()) == {1}, "never rounded to nothing"
    assert tape.events[0]["px"] == 6_123_441, "prices never rounded"


def test_two_symbols_in_a_file_are_listed(tmp_path: Path) -> None:
    made = Lines()
    made.lines += [line.replace("BTCUSDT", "ETHUSDT") for line in made.lines]
    path = made.file(tmp_path)
    assert detect(path).coins == ["BTCUSDT", "ETHUSDT"]
    with pytest.raises(DataError, match="choose one with --coin"):
        bring_in(path, tmp_path)
    assert bring_in(path, tmp_path, coin="ETH")[0].meta.coin == "ETH"


def test_a_reference_alone_is_not_backtested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Lines().file(tmp_path)
    assert main(["import", str(path), "--out", str(tmp_path / "ref.tape")]) == 0
    assert "19 of 19 touches equal the feed's own" in capsys.readouterr().out
    assert main(["import", str(path), "--out", str(tmp_path / "ref.tape"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data_quality"]["depth"]["touches_equal"] == 19
    assert main(["backtest", str(tmp_path / "ref.tape")]) == 2
    assert "reference venue" in capsys.readouterr().err


# ---------------------------------------------------------------- the real recordings

REAL = [  # path, szDecimals asked for, updates, touches, trades, not used of these
    ("usdm_btcusdt_20240808.gz", None, 6551, 66089, 21313, 0),
    ("cm_btcusd_perp_20240808.gz", None, 26847, 19136, 2286, 0),
    ("spot_btcusdt_20240808.gz", 4, 3451, 28040, 9757, 1),  # one trade before the first touch
    ("usdm_ethusdt", None, 8929, 47328, 13655, 0),  # two days
    ("usdm_btcusdt_2023", None, 16110, 44205, 12935, 1),  # one trade of the insurance fund
]


@pytest.mark.parametrize(("name", "sz_decimals", "updates", "touches", "trades", "unused"), REAL)
def test_real_books_equal_the_feed_s_own_touch(
    recordings: Path, tmp_path: Path, name: str, sz_decimals: int | None, updates: int, touches: int, trades: int,
    unused: int,
) -> None:  # fmt: skip
    folder = recordings.parent / "binance" / "raw_ws"
    if not folder.is_dir():
        pytest.skip("no Binance recordings here")
    tape, quality = bring_in(folder / name, tmp_path, sz_decimals=sz_decimals)
    read = quality.rows_read
    assert (read["depth"], read["bookTicker"], read["trade"]) == (updates, touches, trades)
    assert tape.meta.kinds["reference_bbo"] == 2 * touches
    assert tape.meta.kinds["reference_trade"] == trades - unused
    expected = {"depth_without_book", "late_receipt", "early_receipt", "no_exchange_time", "size_rounded"}
    unusual = {"backfill_trade", "ignored_message"} if unused else set()
    assert set(found(quality)) <= expected | unusual, "no break of the chain, nothing crossed, nothing lost"
    assert quality.depth["touches_equal"] == quality.depth["touches_compared"] > 0.99 * updates
    assert quality.depth["applied"] + quality.count("depth_without_book") == updates
    recv = np.asarray(tape.events["recv_ns"])
    assert (recv >= tape.events["exch_ns"]).all()
    assert all(not REASONS[reason][0] for reason in expected - {"depth_without_book"})
