"""Frames whose market data take the compiled path; what has not exactly the usual form takes the other, counted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from touchstone.core.events import EVENT
from touchstone.data import layout
from touchstone.data.frames import Frames
from touchstone.live import scanner

NOT_SCANNED = "not_scanned"
_N_BYTES, _AT, _RECV_NS = int(scanner.N_BYTES), int(scanner.AT), int(scanner.RECV_NS)
_NEWEST_QUOTE, _FIRST_QUOTE = int(scanner.NEWEST_QUOTE_MS), int(scanner.FIRST_QUOTE_MS)
_NEWEST_TRADE, _BBO_ASK = int(scanner.NEWEST_TRADE_MS), int(scanner.BBO_ASK_PX)


class FastFrames(Frames):
    """As Frames, row for row.

    `counts["not_scanned"]`: books, touches and trades that the compiled path left to the other, and that gave rows
    there.

    Compiles when it is made, so that no frame has to wait for it.
    """

    def __init__(
        self, sz_decimals: int, coin: str, *, cloid_tag: int = 0, say: Callable[[str], None] = lambda text: None
    ) -> None:
        super().__init__(sz_decimals, coin, cloid_tag=cloid_tag, say=say)
        self._heads: Any = _heads(coin)
        self._frame: Any = np.zeros(scanner.MOST_BYTES + scanner.HEAD_BYTES, np.uint8)
        self._marks: Any = np.zeros(int(scanner.N_MARKS), np.int64)
        self._marks[scanner.SZ_DECIMALS] = sz_decimals
        # Views made once: one look at a NumPy array costs as much as ten at a memoryview.
        self._frame_bytes: Any = self._frame.data
        self._mark: Any = self._marks.data
        self._out: Any = None
        self._kinds: Any = None  # of `_out`, as are the next two
        self._tids: Any = None
        self._times: Any = None
        scanner.scan(self._frame, self._heads, self._marks, np.zeros(1, EVENT))

    def take(self, frame: bytes | memoryview, recv_ns: int, out: Any, at: int) -> int:
        """As Frames.take."""
        size = len(frame)
        if size < scanner.MOST_BYTES:
            count = self._scan(frame, size, recv_ns, out, at)
            if count >= 0:
                return count
        made = super().take(frame, recv_ns, out, at)
        if made > at and out["kind"][at] <= layout.TRADE:
            self.counts[NOT_SCANNED] += 1
        return made

    def _scan(self, frame: bytes | memoryview, size: int, recv_ns: int, out: Any, at: int) -> int:
        market, mark, text = self.market, self._mark, self._frame_bytes
        text[:size] = frame
        text[size] = 0
        mark[_N_BYTES], mark[_AT], mark[_RECV_NS] = size, at, recv_ns
        mark[_NEWEST_QUOTE], mark[_FIRST_QUOTE] = market.newest_quote_ms, market.first_quote_ms
        mark[_NEWEST_TRADE], mark[_BBO_ASK] = market.newest_trade_ms, market.bbo_ask_px
        count = int(scanner.scan(self._frame, self._heads, self._marks, out))
        if count < 0:
            return count
        if out is not self._out:
            self._out, self._kinds, self._tids, self._times = out, out["kind"], out["aux"], out["exch_ns"]
        if self._kinds[at] == layout.TRADE:
            return self._know(at, count)
        market.newest_quote_ms, market.first_quote_ms = mark[_NEWEST_QUOTE], mark[_FIRST_QUOTE]
        market.bbo_ask_px = mark[_BBO_ASK]
        return count

    def _know(self, at: int, count: int) -> int:
        """Remember the trades, unless one of them was given before."""
        tids = self._tids[at:count].tolist()
        if any(map(self.market.has_trade, tids)):
            return int(scanner.REFUSED)
        for tid, exch_ns in zip(tids, self._times[at:count].tolist(), strict=True):
            self.market.know_trade(exch_ns // layout.MS, tid)
        return count


def _heads(coin: str) -> Any:
    """How the frames of a coin begin, in the order of scanner.BOOK_HEAD and those after it."""
    made: Any = np.zeros((scanner.N_HEADS, scanner.HEAD_BYTES), np.uint8)
    texts = (
        f'{{"channel":"l2Book","data":{{"coin":"{coin}","time":',
        f'{{"channel":"bbo","data":{{"coin":"{coin}","time":',
        '{"channel":"trades","data":[',
        f'{{"coin":"{coin}","side":"',
    )
    for place, text in enumerate(texts):
        made[place, : len(text)] = np.frombuffer(text.encode(), np.uint8)
    return made
