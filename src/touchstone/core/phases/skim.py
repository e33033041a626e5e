"""Rows that ask for no decision, one after the other: sizes of levels behind the touch, most of a book's feed."""

import numpy as np

from touchstone.core import events
from touchstone.core.calibration import shadow
from touchstone.core.conventions import NEVER_NS, side_index
from touchstone.core.jit import apart
from touchstone.core.market import book as order_book
from touchstone.core.market import midpath
from touchstone.core.trading import risk

ONE_ROW = np.uint64(1)


@apart
def skim(state, rows, start, stop, until_ns):
    """Take in rows start..stop heard up to until_ns while each only sets the size of a level behind the touch.

    Returns where it stopped; that row goes through `advance`. The state is as if all had gone through it.
    """
    book, tracker = state.book, state.ledger.tracker
    now_ns, exch_ns = np.int64(state.now_ns), np.int64(book.block_ns)
    wake_ns = np.int64(tracker.wake_ns) if tracker.n_waiting > 0 else NEVER_NS
    is_asked = (state.risk.n_changes != state.decided_risk) | (state.is_halted != 0) | (book.is_new != 0)
    if is_asked | shadow.is_met(tracker, book):
        return start
    queue_kind, queue_n = np.int64(state.params.queue_kind), np.float64(state.params.queue_n)
    s, slot, before, after = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    at, end = np.uint64(start), np.uint64(stop)  # unsigned: no row is counted from the end
    while at < end:
        row = rows[at]
        row_ns, recv_ns = np.int64(row.exch_ns), np.int64(row.recv_ns)
        if recv_ns > until_ns:  # how most stretches end: sooner known by itself than with the rest
            break
        px, qty = np.int64(row.px), np.int64(row.qty)
        row_s = side_index(np.int64(row.side)) & 1
        row_slot, is_calm = order_book.calm_slot(book, row_s, px)
        is_size = (row.kind == events.BOOK_LEVEL) & is_calm & (px != book.best_px[row_s])
        is_whole = (np.int64(row.bits) & events.BIT_MORE) == 0
        is_in_time = (row_ns >= exch_ns) & (row_ns <= wake_ns) & (recv_ns >= now_ns)
        if not (is_size & is_whole & is_in_time):
            break
        s, slot, after = row_s, row_slot, qty
        before = np.int64(book.qty[s, slot])
        book.qty[s, slot] = qty
        now_ns, exch_ns = recv_ns, row_ns
        shadow.on_size(tracker, book, s, slot, queue_kind, queue_n)
        at += ONE_ROW
    reached = np.int64(at)
    if reached == start:
        return start
    state.n_events += reached - start
    state.now_ns = now_ns
    state.book_recv_ns = now_ns
    order_book.begin_block(book, exch_ns)
    book.shifted = 0
    book.change = order_book.ONE_LEVEL
    book.change_side = s
    book.change_slot = slot
    book.change_from = before
    book.change_to = after
    tracker.n_through = 0
    midpath.pass_time(state.path, exch_ns)
    risk.on_market(state.risk, now_ns, exch_ns)
    state.risk.n_market += reached - start - 1
    return reached
