"""Streams of arrays to one ordered run of events: shared by the import and the generator.

Order: exchange time; within a block trades first, then the touch, then the book, because touch and book show the state
after the block. Receive time is then made non-decreasing by a running maximum.
"""

from dataclasses import dataclass, field

import numpy as np

from touchstone.data import layout
from touchstone.data.layout import EVENT_DTYPE, Events, Ints

# Order within one exchange time.
RANK_FEED_UP, RANK_REFERENCE, RANK_TRADE, RANK_BBO, RANK_BOOK, RANK_CONTEXT, RANK_FEED_DOWN = range(7)


@dataclass
class Parts:
    """Events with their rank, to be put in order."""

    events: list[Events] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)

    def add(self, rank: int, events: Events) -> None:
        self.events.append(events)
        self.ranks.append(rank)

    def ordered(self) -> Events:
        """All events in exchange order, each part's own order kept within a block."""
        if not self.events:
            return np.zeros(0, EVENT_DTYPE)
        events: Events = np.concatenate(self.events)
        rank = np.repeat(np.array(self.ranks, np.int8), [len(part) for part in self.events])
        ordered: Events = events[np.lexsort((rank, events["exch_ns"]))]
        return ordered


def raise_receipts(events: Events, floor_ns: int = 0) -> tuple[int, int]:
    """Make receive time non-decreasing, in place, from `floor_ns` on. Returns (events raised, largest raise in ns)."""
    recv = events["recv_ns"]
    raised = np.maximum(np.maximum.accumulate(recv), floor_ns) if len(recv) else recv
    shift = raised - recv
    events["recv_ns"] = raised
    return int((shift > 0).sum()), int(shift.max(initial=0))


def simple(kind: int, exch_ns: Ints, recv_ns: Ints) -> Events:
    """One event per time, the other fields zero."""
    events = np.zeros(len(exch_ns), EVENT_DTYPE)
    events["kind"] = kind
    events["exch_ns"] = exch_ns
    events["recv_ns"] = recv_ns
    return events


def touch(kind: int, exch_ns: Ints, recv_ns: Ints, px: Ints, qty: Ints, ask_first: Ints) -> Events:
    """Two events per message from px, qty (n, 2) = bid, ask; those with qty 0 are left out.

    Bid first, but ask first where `ask_first`: a touch that jumps up past the old ask must not cross it in between.
    The first of two carries BIT_MORE.
    """
    n = len(exch_ns)
    events = np.zeros((n, 2), EVENT_DTYPE)
    events["kind"] = kind
    events["exch_ns"] = exch_ns[:, None]
    events["recv_ns"] = recv_ns[:, None]
    events["px"] = px
    events["qty"] = qty
    events["side"] = np.array([1, -1], np.int8)
    swap = ask_first.astype(bool)
    events[swap] = events[swap][:, ::-1]
    both = (events["qty"] > 0).all(axis=1)
    events["bits"][both, 0] = layout.BIT_MORE
    flat: Events = events.reshape(-1)
    kept: Events = flat[flat["qty"] > 0]
    return kept


def jumps_up(px: Ints) -> Ints:
    """For touches px (n, 2): 1 where the bid is at or above the ask of the message before (both known)."""
    up: Ints = np.zeros(len(px), np.int64)
    up[1:] = (px[1:, 0] >= px[:-1, 1]) & (px[:-1, 1] > 0) & (px[1:, 1] > 0)
    return up


def snapshots(exch_ns: Ints, recv_ns: Ints, px: Ints, qty: Ints) -> Events:
    """SNAPSHOT_BEGIN, bids, asks, SNAPSHOT_END per book; px, qty (n, 2, levels), best first, qty 0 = no such level."""
    n, _, levels = px.shape
    events = np.zeros((n, 2 * levels + 2), EVENT_DTYPE)
    events["exch_ns"] = exch_ns[:, None]
    events["recv_ns"] = recv_ns[:, None]
    events["kind"] = layout.BOOK_LEVEL
    events["kind"][:, 0] = layout.SNAPSHOT_BEGIN
    events["kind"][:, -1] = layout.SNAPSHOT_END
    events["px"][:, 1:-1] = px.reshape(n, -1)
    events["qty"][:, 1:-1] = qty.reshape(n, -1)
    events["side"][:, 1:-1] = np.repeat(np.array([1, -1], np.int8), levels)
    flat: Events = events.reshape(-1)
    kept: Events = flat[(flat["kind"] != layout.BOOK_LEVEL) | (flat["qty"] > 0)]
    return kept


def trades(exch_ns: Ints, recv_ns: Ints, px: Ints, qty: Ints, side: Ints, trade_id: Ints) -> Events:
    """Public trades; side +1 = the taker bought."""
    events = simple(layout.TRADE, exch_ns, recv_ns)
    events["px"] = px
    events["qty"] = qty
    events["side"] = side
    events["aux"] = trade_id
    return events


def feed_gaps(quote_exch: Ints, quote_recv: Ints, last_exch_ns: int, gap_ns: int) -> tuple[Events, Events]:
    """(FEED_DOWN, FEED_UP) events around silences of the quotes longer than `gap_ns`; quote times in order.

    Down `gap_ns` after the last quote, when a watchdog would know; up just before the next quote, or never if there
    is none while other streams go on until `last_exch_ns`.
    """
    at = np.flatnonzero(np.diff(quote_exch) > gap_ns)
    before, after = at, at + 1
    if len(quote_exch) and last_exch_ns - int(quote_exch[-1]) > gap_ns:
        before = np.append(before, len(quote_exch) - 1)
    down = simple(layout.FEED_DOWN, quote_exch[before] + gap_ns, quote_recv[before] + gap_ns)
    up = simple(layout.FEED_UP, quote_exch[after], quote_recv[after])
    down["code"] = layout.FEED_MARKET
    up["code"] = layout.FEED_MARKET
    return down, up
