"""One tape through the backtest, and as frames through a live session's ears: at equal times, equal decisions.

Every row that the backtest's core was fed is rendered as the local exchange renders it, and read again as a live
session reads it. What the wire cannot carry is handed over beside it: timers and the state of the feed, which the shell
makes itself; and that a fill is only a queue model's opinion (BIT_MODEL_FILL), which a real venue never says. Times of
the exchange are whole milliseconds there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core import events
from touchstone.core.actions import ACTION
from touchstone.core.events import EVENT
from touchstone.data.account_rows import wire_cloid
from touchstone.data.catalogue import import_path
from touchstone.data.generate import generate
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import coin_of
from touchstone.live.fast_frames import NOT_SCANNED, FastFrames
from touchstone.local.server import frames as local_frames
from touchstone.local.server.topics import Topic
from touchstone.session.replay import Core
from touchstone.venues.hyperliquid import stream
from touchstone.venues.hyperliquid.numbers import render_response
from touchstone.venues.hyperliquid.shapes import AssetCtx, Bbo, Book, Fill, Level, OpenOrder, OrderUpdate, Trade

TAG = 0x1234_5678_9ABC_DEF0
USER = "0x" + "ab" * 20
MS = 1_000_000
REJECTED = {int(events.REJECT_BAD_ALO_PX): "badAloPxRejected", int(events.REJECT_MIN_NOTIONAL): "minTradeNtlRejected"}


class Keep:
    """What the core was fed, and what it sent."""

    keeps_market = True

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.orders: list[bytes] = []

    def take(self, table: str, rows: Any) -> None:
        if table in ("events", "orders"):
            getattr(self, table).append(rows.tobytes())


class Wire:
    """Rows to frames, as the local exchange encodes them."""

    def __init__(self, coin: str, sz_decimals: int) -> None:
        self.coin = coin
        self.sz_decimals = sz_decimals

    def px(self, row: Any) -> str:
        return render_response(int(row["px"]), 6 - self.sz_decimals)

    def sz(self, row: Any, name: str = "qty") -> str:
        return render_response(int(row[name]), self.sz_decimals)

    def level(self, row: Any) -> Level:
        return Level(self.px(row), self.sz(row), 1)

    def book(self, rows: Any) -> bytes:
        sides = tuple([self.level(row) for row in rows[1:-1] if row["side"] == side] for side in (1, -1))
        return local_frames.encode(stream.BookFrame(Book(self.coin, _ms(rows[0]), sides)))

    def bbo(self, rows: Any) -> bytes:
        by_side = {int(row["side"]): self.level(row) for row in rows}
        return local_frames.bbo(Bbo(self.coin, _ms(rows[0]), (by_side.get(1), by_side.get(-1))))

    def trades(self, rows: Any) -> bytes:
        users = (USER, USER)
        made = [
            Trade(self.coin, _side(row), self.px(row), self.sz(row), _ms(row), "0x" + "0" * 64, int(row["aux"]), users)
            for row in rows
        ]
        return local_frames.trades(made)

    def context(self, row: Any) -> bytes:
        mark = render_response(int(row["qty"]), 6 - self.sz_decimals)
        rate = render_response(int(row["aux"]), 12)
        ctx = AssetCtx(rate, "0.0", mark, "0.0", self.px(row), mark, None, None, None)
        return local_frames.encode(stream.AssetCtxFrame(stream.CoinCtx(self.coin, ctx)))

    def order(self, row: Any) -> bytes:
        status = {
            int(events.ORDER_RESTING): "open",
            int(events.ORDER_CANCELLED): "canceled",
            int(events.ORDER_REJECTED): REJECTED.get(int(row["code"]), "rejected"),
        }[int(row["kind"])]
        cloid = wire_cloid(TAG, int(row["aux"]))
        shown = OpenOrder(self.coin, _side(row), self.px(row), self.sz(row), 7, 0, cloid=cloid)
        return local_frames.order_updates([OrderUpdate(shown, status, _ms(row))])

    def fill(self, row: Any, detail: Any) -> bytes:
        made = Fill(
            self.coin, self.px(row), self.sz(row), _side(row), _ms(row), self.sz(detail), "Open Long", "0.0", "0x0", 7,
            bool(row["bits"] & events.BIT_TAKER), render_response(int(detail["px"]), 6), tid=int(detail["aux"]),
            cloid=wire_cloid(TAG, int(row["aux"])),
        )  # fmt: skip
        return local_frames.encode(local_frames.fills(Topic("userFills", USER), [made], is_snapshot=False))


def _ms(row: Any) -> int:
    return int(row["exch_ns"]) // MS


def _side(row: Any) -> Any:
    return "B" if row["side"] > 0 else "A"


def messages(rows: Any, wire: Wire) -> Iterator[tuple[Any, bytes | None]]:
    """(rows, the frame that says them, None where no frame does) in the order of receipt."""
    kinds = rows["kind"]
    at, n = 0, len(rows)
    while at < n:
        kind, end = int(kinds[at]), at + 1
        if kind == events.SNAPSHOT_BEGIN:
            while kinds[end - 1] != events.SNAPSHOT_END:
                end += 1
            frame = wire.book(rows[at:end])
        elif kind == events.BBO:
            end += int(rows["bits"][at] & events.BIT_MORE != 0)
            frame = wire.bbo(rows[at:end])
        elif kind == events.TRADE:
            same = (rows["exch_ns"][at], rows["recv_ns"][at])
            while end < n and kinds[end] == kind and (rows["exch_ns"][end], rows["recv_ns"][end]) == same:
                end += 1
            frame = wire.trades(rows[at:end])
        elif kind == events.CONTEXT:
            frame = wire.context(rows[at])
        elif kind in (events.ORDER_RESTING, events.ORDER_CANCELLED, events.ORDER_REJECTED):
            frame = wire.order(rows[at])
        elif kind == events.FILL:
            end += 1
            frame = wire.fill(rows[at], rows[at + 1])
        else:
            frame = None  # the shell's own: timers, feed, a cancel that came too late, position and equity asked for
        yield rows[at:end], frame
        at = end


def compare_message(told: Any, heard: Any) -> None:
    """A message that came over the wire against the rows that it was made of."""
    expected = told.copy()
    expected["exch_ns"] = expected["exch_ns"] // MS * MS
    expected["bits"] &= ~np.uint16(events.BIT_MODEL_FILL)
    kind = int(told["kind"][0])
    if kind == events.CONTEXT:
        expected["exch_ns"] = expected["recv_ns"]
    elif kind == events.ORDER_CANCELLED:
        expected["code"] = 0  # `canceled` is said of amends too
    elif kind == events.ORDER_REJECTED and int(told["code"][0]) not in REJECTED:
        expected["code"] = events.REJECT_OTHER
    assert heard.tobytes() == expected.tobytes(), (told, heard)


def heard_again(tape: Tape, settings: config.Config) -> tuple[bytes, list[bytes], FastFrames, dict[str, int]]:
    """(the backtest's orders, those of the core that heard the same over the wire, its ears, counts)."""
    replay = Replay(settings, tape.meta.sz_decimals, digest=False)
    keep = Keep()
    replay.sinks.append(keep)
    core = Core(replay.machine["state"].tobytes())
    replay.run(tape)
    rows = np.frombuffer(bytearray(b"".join(keep.events)), EVENT)
    frames = FastFrames(tape.meta.sz_decimals, tape.meta.coin, cloid_tag=TAG)
    out = np.zeros(8192, EVENT)
    wanted: list[bytes] = []
    counts = {"over the wire": 0, "the shell's own": 0, "fills": 0}
    for told, frame in messages(rows, Wire(tape.meta.coin, tape.meta.sz_decimals)):
        if frame is None:
            counts["the shell's own"] += 1
            fed = told.tobytes()
        else:
            counts["over the wire"] += 1
            heard = out[: frames.take(frame, int(told["recv_ns"][0]), out, 0)]
            compare_message(told, heard)
            if heard["kind"][0] == events.FILL:
                counts["fills"] += 1
                heard["bits"] |= told["bits"] & np.uint16(events.BIT_MODEL_FILL)
            fed = heard.tobytes()
        for _ in core.feed(fed):
            for _ in core.drain():
                pass
        wanted += [action for action, _ in core.wanted]
        core.wanted.clear()
    return b"".join(keep.orders), wanted, frames, counts


def check(tape: Tape, settings: config.Config) -> None:
    orders, wanted, frames, counts = heard_again(tape, settings)
    theirs = np.frombuffer(orders, ACTION)
    assert len(theirs) == len(wanted) > 50
    assert orders == b"".join(wanted), "what the core decided, to the byte and the nanosecond"
    assert counts["fills"] > 0
    assert counts["over the wire"] > 1_000
    assert set(frames.counts) <= {NOT_SCANNED, "one_sided", "one_sided_book"}
    assert frames.counts[NOT_SCANNED] < 0.02 * counts["over the wire"]
    assert not frames.unknown


@pytest.mark.parametrize("rule", ["glft", "avellaneda"])
def test_a_made_up_market(tmp_path: Path, rule: str) -> None:
    given = config.Config()
    settings = given.model_copy(update={"quoting": given.quoting.model_copy(update={"rule": rule})})
    check(open_tape(generate(tmp_path / "a.tape", coin_of("hyna:HYPE"), minutes=6, seed=5)), settings)


def test_a_recorded_market(recordings: Path, tmp_path: Path) -> None:
    path, _ = import_path(recordings / "2025-12-10_ETH_l2_bbo_trades" / "2110_2115", "ETH", tmp_path / "eth.tape")
    given = config.Config()
    check(open_tape(path), given.model_copy(update={"market": given.market.model_copy(update={"coin": "ETH"})}))
