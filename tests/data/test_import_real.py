"""The real recordings, further: the sets of BBO and trades alone, whole messages, block order, gaps, the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from touchstone.cli.main import main
from touchstone.core import grid as price_grid
from touchstone.core.jit import compiled
from touchstone.core.market import book as order_book
from touchstone.data import layout
from touchstone.data.catalogue import detect, import_path
from touchstone.data.tape import open_tape

BOOKS = [
    ("2025-09-04_l2_bbo_trades", "BTC"),
    ("2025-09-04_l2_bbo_trades", "SOL"),
    ("2025-09-03_l2_bbo_trades", "ETH"),
    ("2025-09-03_l2_bbo_trades", "WLFI"),
    ("2025-12-10_ETH_l2_bbo_trades/2110_2115", "ETH"),
    ("2025-12-10_ETH_l2_bbo_trades/2130_2134", "ETH"),
]
TOUCHES = [
    ("2025-09-01_07_BTC_bbo_trades/2025-09-01", "BTC"),
    ("2025-09-01_07_BTC_bbo_trades/2025-09-02", "BTC"),
    ("2025-09-01_07_BTC_bbo_trades/2025-09-04", "BTC"),
]
BOOK_LEVEL, SNAPSHOT_END, BBO, TRADE = layout.BOOK_LEVEL, layout.SNAPSHOT_END, layout.BBO, layout.TRADE
MORE = layout.BIT_MORE
STALE_NS = 2_000_000_000
N_INVALID, N_TRADES, N_THROUGH, N_WRONG_SIDE, N_STATES = range(5)


@compiled
def replay(book, grid, tape, out):
    """Counts: states not valid after a whole message; trades by where they are against the touch of the block before.

    The touch before a block is what stood when its first event came; trades come first in their block.
    """
    block_ns = np.int64(0)
    bid, ask = np.int64(0), np.int64(0)
    quote_ns = np.int64(0)
    for i in range(len(tape)):
        event = tape[i]
        kind = np.int64(event.kind)
        if kind > 5:
            continue
        if event.exch_ns != block_ns:
            block_ns = np.int64(event.exch_ns)
            bid, ask = book.best_px[0], book.best_px[1]
        if kind == TRADE:
            if quote_ns > 0 and block_ns - quote_ns < STALE_NS and bid > 0 and ask > 0:
                out[N_TRADES] += 1
                own, other = (ask, bid) if event.side > 0 else (bid, ask)
                if (event.px - own) * event.side >= 0:
                    out[N_THROUGH] += 1
                if (event.px - other) * event.side <= 0:
                    out[N_WRONG_SIDE] += 1
            continue
        order_book.begin_block(book, block_ns)
        order_book.update(book, grid, event)
        if kind == BBO:
            quote_ns = block_ns
        if book.in_snapshot or (np.int64(event.bits) & MORE) != 0:
            continue
        out[N_STATES] += 1
        if not order_book.is_valid(book) or book.best_px[0] >= book.best_px[1]:
            out[N_INVALID] += 1


@pytest.mark.parametrize(("path", "coin"), [*BOOKS, *TOUCHES])
def test_no_whole_message_leaves_a_crossed_book_and_trades_meet_the_touch_before_their_block(
    recordings: Path, tmp_path: Path, path: str, coin: str
) -> None:
    tape = open_tape(import_path(recordings / path, coin, tmp_path / "out.tape")[0])
    grid = np.zeros(1, price_grid.GRID)[0]
    book = np.zeros(1, order_book.BOOK)[0]
    price_grid.reset(grid, np.int64(tape.meta.sz_decimals), np.int64(0))
    order_book.reset(book)
    out = np.zeros(5, np.int64)
    replay(book, grid, tape.load(), out)
    assert out[N_STATES] > 500
    assert out[N_INVALID] == 0
    assert book.n_off_grid == 0
    # Against the touch strictly before their block 92-99.5 % of trades are at or through it (README); with book
    # snapshots between the touches as well, a little more. At most 0.15 % on the wrong side.
    assert out[N_TRADES] > 50
    assert out[N_THROUGH] / out[N_TRADES] > 0.91, out
    assert out[N_WRONG_SIDE] / out[N_TRADES] <= 0.0016 + 1 / out[N_TRADES], out


@pytest.mark.parametrize(("path", "coin"), [*BOOKS, *TOUCHES])
def test_every_message_of_a_touch_is_whole(recordings: Path, tmp_path: Path, path: str, coin: str) -> None:
    tape_path, quality = import_path(recordings / path, coin, tmp_path / "out.tape")
    events = open_tape(tape_path).events
    bbo = events[events["kind"] == BBO]
    assert len(bbo) == quality.rows_kept["bbo"]
    more = np.flatnonzero(events["bits"] & MORE)
    after = events[more + 1]
    assert (events["kind"][more] == BBO).all()
    assert (after["kind"] == BBO).all()
    assert (after["side"] == -events["side"][more]).all()
    assert (after["bits"] == 0).all()
    for field in ("exch_ns", "recv_ns"):
        assert (after[field] == events[field][more]).all()
    # Two files end, cut by their recorder, in the middle of a message.
    assert len(bbo) - 2 * len(more) == len(bbo) % 2
    assert (np.diff(events["exch_ns"]) >= 0).all()
    assert (np.diff(events["recv_ns"]) >= 0).all()
    assert (events["recv_ns"] >= events["exch_ns"]).all()


@pytest.mark.parametrize(
    ("session", "bbo", "trades", "feed_stays_down"),
    [("2025-09-01", 8594, 2510, True), ("2025-09-02", 11747, 3247, False), ("2025-09-04", 11275, 2486, True)],
)
def test_sets_without_books(
    recordings: Path, tmp_path: Path, session: str, bbo: int, trades: int, feed_stays_down: bool
) -> None:
    tape, quality = import_path(recordings / "2025-09-01_07_BTC_bbo_trades" / session, "BTC", tmp_path / "out.tape")
    assert quality.rows_read == {"bbo": bbo, "trades": trades}
    found = open_tape(tape).meta.kinds
    assert (found.get("feed_down", 0) > found.get("feed_up", 0)) is feed_stays_down


def test_the_hole_of_250_seconds_is_a_feed_that_is_down(recordings: Path, tmp_path: Path) -> None:
    for coin in ("ETH", "WLFI"):
        tape, quality = import_path(recordings / "2025-09-03_l2_bbo_trades", coin, tmp_path / "out.tape")
        events = open_tape(tape).events
        downs, ups = (events[events["kind"] == kind] for kind in (layout.FEED_DOWN, layout.FEED_UP))
        lengths = (ups["exch_ns"] - downs["exch_ns"]) / 1e9
        assert 244 < lengths.max() < 246  # it is known to be down 5 s after the last quote
        assert (lengths > 200).sum() == 1
        assert quality.gaps["book"]["longest_s"] == pytest.approx(250, abs=1.5)
        at = int(np.argmax(lengths))
        inside = (events["exch_ns"] > downs["exch_ns"][at]) & (events["exch_ns"] < ups["exch_ns"][at])
        assert not inside[np.isin(events["kind"], [BBO, BOOK_LEVEL, SNAPSHOT_END])].any()


def test_the_clock_correction_leaves_the_fastest_percent_at_the_floor(recordings: Path, tmp_path: Path) -> None:
    for path, coin in BOOKS:
        _, quality = import_path(recordings / path, coin, tmp_path / "out.tape")
        assert 0 < quality.clock["offset_ms"] < 1000, path
        assert quality.clock["floor_ms"] < quality.clock["median_delay_ms"] < 500, path


def test_sessions_of_a_coin_named_by_the_folder(recordings: Path, tmp_path: Path) -> None:
    folder = recordings / "2025-12-10_ETH_l2_bbo_trades"
    spans = []
    for session, book in (("2110_2115", 546), ("2130_2134", 439)):
        found = detect(folder / session)
        assert (found.coins, [r.session for r in found.recordings]) == (["ETH"], [session])
        tape, quality = import_path(folder / session, out=tmp_path / f"{session}.tape")
        meta = open_tape(tape).meta
        assert quality.rows_kept["book"] == book == meta.kinds["snapshot_begin"]
        assert meta.quality == json.loads(json.dumps(quality.as_dict()))
        spans.append((meta.last_exch_ns - meta.first_exch_ns) / 1e9)
    assert spans == [pytest.approx(300, abs=2), pytest.approx(239, abs=2)]


def test_raw_lines_of_2025_01_26(recordings: Path, tmp_path: Path) -> None:
    tape, quality = import_path(recordings / "2025-01-26_BTC_ws_raw" / "BTC_ws_20250126.gz", out=tmp_path / "a.tape")
    meta = open_tape(tape).meta
    assert (meta.coin, meta.sz_decimals) == ("BTC", 5)
    assert quality.rows_read == {"unreadable lines": 0, "book": 46, "trades": 64}
    assert quality.count("backfill_trade") == 30
    assert (meta.last_exch_ns - meta.first_exch_ns) / 1e9 == pytest.approx(25, abs=2)


def test_the_import_command_shows_its_report(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "wlfi.tape"
    assert main(["import", str(recordings / "2025-09-03_l2_bbo_trades"), "--coin", "WLFI", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert str(out) in said.replace("\n", "")
    assert "21" in said
    assert open_tape(out).meta.coin == "WLFI"


def test_the_import_command_refuses_in_words(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        ([str(recordings / "2025-09-03_l2_bbo_trades")], "choose one with --coin"),
        ([str(recordings / "candles_funding")], "no recording in this folder"),
        ([str(tmp_path / "nothing")], "no such file or folder"),
    ):
        assert main(["import", *arguments, "--out", str(tmp_path / "a.tape")]) == 2
        said = capsys.readouterr()
        assert words in " ".join(said.err.split())
        assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_an_import_needs_no_compiler(recordings: Path, tmp_path: Path) -> None:
    source = str(recordings / "2025-09-03_l2_bbo_trades")
    code = (
        "import sys; from touchstone.data.catalogue import import_path; "
        "import_path(sys.argv[1], 'WLFI', sys.argv[2]); print('numba' in sys.modules)"
    )
    command = [sys.executable, "-c", code, source, str(tmp_path / "a.tape")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ))
    assert done.stdout.strip() == "False"
