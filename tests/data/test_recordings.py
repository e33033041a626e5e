"""The real recordings: rows as their README counts them, books never crossed, touches of one block agree."""

import json
from pathlib import Path

import numpy as np
import pytest

from touchstone.cli.main import main
from touchstone.core import events as kinds
from touchstone.core import grid as price_grid
from touchstone.core.jit import compiled, record
from touchstone.core.market import book as order_book
from touchstone.data.catalogue import detect, import_path
from touchstone.data.errors import DataError
from touchstone.data.tape import open_tape

BOTH = record([("grid", price_grid.GRID), ("book", order_book.BOOK)])
ZERO, ONE = np.int64(0), np.int64(1)

SETS = [  # folder, session, coin, rows of book, bbo, trades
    ("2025-09-04_l2_bbo_trades", "", "BTC", 3785, 27792, 6675),
    ("2025-09-04_l2_bbo_trades", "", "SOL", 3785, 26422, 4437),
    ("2025-09-03_l2_bbo_trades", "", "ETH", 446, 3590, 782),
    ("2025-09-03_l2_bbo_trades", "", "WLFI", 446, 1592, 183),
    ("2025-12-10_ETH_l2_bbo_trades", "2110_2115", "ETH", 546, 5472, 3291),
    ("2025-12-10_ETH_l2_bbo_trades", "2130_2134", "ETH", 439, 4258, 1345),
    ("2025-09-01_07_BTC_bbo_trades", "2025-09-02", "BTC", 0, 11747, 3247),
]


@compiled
def replay(both, tape, out):
    """(invalid states, snapshots that agree with the touch shown just before in their block, such snapshots)."""
    bid, ask, touch_ns = ZERO, ZERO, ZERO
    for i in range(len(tape)):
        event = tape[i]
        kind = np.int64(event.kind)
        if kind > kinds.BBO:
            continue
        order_book.begin_block(both.book, np.int64(event.exch_ns))
        order_book.update(both.book, both.grid, event)
        if both.book.in_snapshot or np.int64(event.bits) & kinds.BIT_MORE:
            continue
        if not order_book.is_valid(both.book):
            out[0] += 1
        if kind == kinds.SNAPSHOT_END and touch_ns == event.exch_ns:
            out[2] += 1
            if bid == both.book.best_px[0] and ask == both.book.best_px[1]:
                out[1] += 1
        if kind == kinds.BBO:
            bid, ask, touch_ns = both.book.best_px[0], both.book.best_px[1], np.int64(event.exch_ns)


@pytest.mark.parametrize(("folder", "session", "coin", "book", "bbo", "trades"), SETS)
def test_recording(
    recordings: Path, tmp_path: Path, folder: str, session: str, coin: str, book: int, bbo: int, trades: int
) -> None:
    path = recordings / folder / session if session else recordings / folder
    tape_path, quality = import_path(path, coin, tmp_path / "out.tape")
    assert quality.rows_read.get("book", 0) == book
    assert (quality.rows_read["bbo"], quality.rows_read["trades"]) == (bbo, trades)
    assert quality.count("crossed_book") == quality.count("locked_book") == quality.count("level_order") == 0
    tape = open_tape(tape_path)
    both = np.zeros(1, BOTH)[0]
    price_grid.reset(both.grid, np.int64(tape.meta.sz_decimals), np.int64(10_000_000))
    order_book.reset(both.book)
    out = np.zeros(3, np.int64)
    replay(both, tape.load(), out)
    assert out[0] == 0, "no crossed or one-sided state"
    if book:
        assert out[1] == out[2] > 0, "touch and book of one block agree, always"
    assert both.book.n_off_grid == 0


def test_what_the_readme_says_is_wrong_is_counted(recordings: Path, tmp_path: Path) -> None:
    tape, quality = import_path(recordings / "2025-09-03_l2_bbo_trades", "WLFI", tmp_path / "out.tape")
    assert quality.count("duplicate_trade_id") == 21
    assert quality.gaps["bbo"]["longest_s"] == pytest.approx(250, abs=5)
    meta = open_tape(tape).meta
    assert meta.kinds["feed_down"] == meta.kinds["feed_up"] >= 1


def test_raw_websocket_lines(recordings: Path, tmp_path: Path) -> None:
    tape, _ = import_path(recordings / "2025-01-26_BTC_ws_raw", "BTC", tmp_path / "out.tape")
    kinds_found = open_tape(tape).meta.kinds
    assert kinds_found["snapshot_begin"] == 46
    assert kinds_found["trade"] == 34  # 30 more were sent on subscription, from before


def test_several_sessions_are_listed_and_one_is_chosen_by_name(recordings: Path, tmp_path: Path) -> None:
    folder = recordings / "2025-12-10_ETH_l2_bbo_trades"
    assert [r.session for r in detect(folder).recordings] == ["2110_2115", "2130_2134"]
    with pytest.raises(DataError, match="2110_2115, 2130_2134"):
        import_path(folder, "ETH", tmp_path / "out.tape")
    with pytest.raises(DataError, match="choose one with --coin"):
        import_path(recordings / "2025-09-04_l2_bbo_trades", None, tmp_path / "out.tape")


def test_the_import_command(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sol.tape"
    arguments = ["import", str(recordings / "2025-09-04_l2_bbo_trades"), "--coin", "SOL", "--out", str(out), "--json"]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["data_quality"]["rows_read"] == {"book": 3785, "bbo": 26422, "trades": 4437}
    assert len(open_tape(out)) == 189_776
