"""Orders followed through the public tape: real ones, cancelled ones and ones that were never sent.

Every order that carries a prediction is a *tracked* order. While it rests we keep its place in the queue; after a
cancel its shadow stays until the longest horizon, so that the prediction gets its outcome all the same. What happened
is kept with how we know it:

* the tape decides: a trade went through our price (or a newer opposite touch crossed it), or it was never touched;
* only a model decides: trades at our price, where the answer hangs on our place in the queue.
"""

import numpy as np

from touchstone.core.conventions import N_FILL, N_MARKOUT, NEVER_NS
from touchstone.core.jit import apart, compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.core.market.queue import advance_front
from touchstone.core.models.fill import FEATURES
from touchstone.core.models.toxicity import N_X
from touchstone.core.targets import VOID_CROSSED

CAPACITY = 4096
MASK = np.int64(CAPACITY - 1)
NONE = np.int64(-1)

AS_PENDING, AS_HANDED, AS_VOID = np.int64(0), np.int64(1), np.int64(2)

FORECAST = record(  # of adverse selection, frozen with the order
    [
        ("loc_bps", "f8", (N_MARKOUT,)),
        ("scale_bps", "f8", (N_MARKOUT,)),
        ("dof", "f8", (N_MARKOUT,)),
        ("as_of", "i8", (N_MARKOUT,)),  # sequence number of the empirical baseline
        ("p_toxic", "f8"),
        ("p_toxic_without", "f8"),  # by the model without signals
        ("toxic_baseline", "f8"),
        ("p_through_without", "f8"),  # the same of a shadow that the tape goes through
        ("through_bps", "f8", (N_MARKOUT,)),  # to add to its loc_bps
        ("raw_p_toxic", "f8"),  # before recalibration
        ("raw_p_through", "f8"),
        ("p_through", "f8"),
        ("has_signals", "i8"),  # 1: p_toxic is the classifier's
        ("toxic_x", "f8", (N_X,)),  # its inputs
        ("lag_term_bps", "f8"),  # of the quote at the decision
        ("toxicity", "f8"),  # feature of the side
        ("gate_group", "i8"),  # GATE group that a fill counts in
        ("gate_until_ns", "i8"),  # a suppressed quote's shadow: it would have been gone from here on
        ("has_edge", "i8"),  # 0: none of the next, edge_loc NaN
        ("edge_context", "i8"),
        ("edge_loc", "f8"),
        ("edge_scale", "f8"),
        ("edge_dof", "f8"),
        ("edge_unit", "f8"),  # the scale that its residual counts in
        ("edge_as_of", "i8"),
        ("made_ns", "i8"),
        ("pair", "i8"),  # of calibration.caution, -1 none
        ("pair_role", "i8"),
        ("sigma", "f8"),
        ("crowd", "i8"),  # where it was sent to: place of models.crowded
        ("depth_bps", "f8"),
        ("bucket", "i8"),
    ]
)

TRACKED = record(
    [
        # read whenever the level changes: together, for a level has several of them
        ("next", "i8"),
        ("is_live", "i8"),  # the real order rests now
        ("is_known", "i8"),  # the book has shown our level since we rest: queue_ahead means something
        ("queue_ahead", "f8"),
        ("level_qty", "i8"),  # net size of our level as last seen
        ("traded", "i8"),  # at our price since then
        ("model_fill_ns", "i8"),
        ("unsure_ns", "i8"),  # first trade at our price that leaves the answer to the queue model, 0 = none
        ("prev", "i8"),
        ("prediction_id", "i8"),
        ("cloid", "i8"),  # 0: never sent
        ("made_ns", "i8"),
        ("active_ns", "i8"),  # exchange time from which it rests (by the exchange's word, or expected)
        ("is_waiting", "i8"),  # until the market data have come that far
        ("s", "i8"),  # 0 bid, 1 ask
        ("px", "i8"),
        ("index", "i8"),  # grid index of px
        ("qty", "i8"),
        ("is_active", "i8"),
        ("is_linked", "i8"),  # in the list of its price level
        ("tape_fill_ns", "i8"),
        ("tape_block_ns", "i8"),  # exchange time of the block that went through
        ("own_fill_ns", "i8"),  # our own first fill
        ("own_fill_by_model", "i8"),
        ("void", "i8"),  # reason, 0 = alive
        ("as_state", "i8"),
        ("features", FEATURES),
        ("raw_p", "f8", (N_FILL,)),  # the model's, before recalibration
        ("p", "f8", (N_FILL,)),
        ("baseline", "f8", (N_FILL,)),
        ("is_window", "i8", (N_FILL,)),
        ("forecast", FORECAST),
    ]
)

TRACKER = record(
    [
        ("node", TRACKED, (CAPACITY,)),
        ("n_made", "i8"),  # nodes are a ring in order of made_ns
        ("n_done", "i8"),
        ("head", "i4", (2, order_book.WIDTH)),  # first node of each price level
        ("best", "i8", (2,)),  # no linked node is better than this slot
        ("through", "i4", (CAPACITY,)),  # nodes that the last event went through
        ("n_through", "i8"),
        ("n_linked", "i8"),
        ("waiting", "i4", (CAPACITY,)),  # nodes that rest as soon as the market data come to their active_ns
        ("n_waiting", "i8"),
        ("wake_ns", "i8"),  # none of them rests from before this exchange time on
        ("n_outside", "i8"),  # orders outside the book window
        ("n_beyond_book", "i8"),  # orders deeper than the visible book when they came to rest
        ("n_full", "i8"),  # orders refused because the ring was full; nothing is ever evicted
    ]
)


def reset(tracker):
    """Nothing tracked."""
    tracker.n_made = 0
    tracker.n_done = 0
    tracker.head[:, :] = NONE
    tracker.best[0] = NONE
    tracker.best[1] = order_book.WIDTH
    tracker.n_through = 0
    tracker.n_linked = 0
    tracker.n_waiting = 0
    tracker.wake_ns = 0
    tracker.n_outside = 0
    tracker.n_beyond_book = 0
    tracker.n_full = 0


@inline
def is_full(tracker):
    """Whether the next order could not be tracked."""
    return tracker.n_made - tracker.n_done >= CAPACITY


@inline
def _link(tracker, i, slot):
    node = tracker.node[i]
    first = np.int64(tracker.head[node.s, slot])
    node.next = first
    node.prev = NONE
    if first >= 0:
        tracker.node[first].prev = i
    tracker.head[node.s, slot] = i
    node.is_linked = 1
    tracker.n_linked += 1
    if node.s == 0:
        tracker.best[0] = max(tracker.best[0], slot)
    else:
        tracker.best[1] = min(tracker.best[1], slot)


@inline
def unlink(tracker, book, i):
    """Stop following a node through the book."""
    node = tracker.node[i]
    if node.is_linked:
        if node.prev >= 0:
            tracker.node[node.prev].next = node.next
        else:
            slot = order_book.slot_of(book, node.index)
            if slot >= 0:
                tracker.head[node.s, slot] = node.next
        if node.next >= 0:
            tracker.node[node.next].prev = node.prev
        node.is_linked = 0
        tracker.n_linked -= 1


@inline
def would_cross(book, s, index):
    """Whether a post-only order at this grid index would be refused now."""
    opposite = book.best[1 - s]
    slot = index - book.origin
    return opposite >= 0 and ((s == 0 and slot >= opposite) or (s == 1 and slot <= opposite))


@inline
def wait(tracker, i, active_ns):
    """Node i rests from exchange time active_ns on: it comes into the book when the market data have come that far."""
    node = tracker.node[i]
    node.active_ns = active_ns
    tracker.wake_ns = min(np.int64(tracker.wake_ns), active_ns) if tracker.n_waiting > 0 else active_ns
    if not node.is_waiting and not node.is_active:
        node.is_waiting = 1
        tracker.waiting[tracker.n_waiting] = i
        tracker.n_waiting += 1


@inline
def activate_due(tracker, book, exch_ns):
    """Every waiting order that rests since before exch_ns comes into the book; call between two messages.

    Its place is behind everything that its level shows. One that was never sent and would cross is void: a post-only
    order would have been refused."""
    if tracker.n_waiting > 0 and tracker.wake_ns < exch_ns and not book.in_snapshot:
        _activate_due(tracker, book, exch_ns)


@apart
def _activate_due(tracker, book, exch_ns):
    kept = np.int64(0)
    wake_ns = NEVER_NS
    for n in range(tracker.n_waiting):
        i = np.int64(tracker.waiting[n])
        node = tracker.node[i]
        if node.active_ns >= exch_ns and node.void == 0:
            tracker.waiting[kept] = i
            wake_ns = min(wake_ns, np.int64(node.active_ns))
            kept += 1
            continue
        node.is_waiting = 0
        if node.void != 0:
            continue
        if node.cloid == 0 and would_cross(book, np.int64(node.s), np.int64(node.index)):
            node.void = VOID_CROSSED
            continue
        _activate(tracker, book, i)
    tracker.n_waiting = kept
    tracker.wake_ns = wake_ns


@compiled
def _activate(tracker, book, i):
    node = tracker.node[i]
    node.is_active = 1
    slot = order_book.slot_of(book, np.int64(node.index))
    if slot < 0:
        tracker.n_outside += 1
        return
    if order_book.is_known(book, np.int64(node.s), slot):
        node.is_known = 1
        node.level_qty = order_book.net_qty(book, np.int64(node.s), slot)
        node.queue_ahead = np.float64(node.level_qty)
    else:
        tracker.n_beyond_book += 1
    _link(tracker, i, slot)


@compiled
def carry_over(tracker, book, new, old):
    """A fresh prediction for an order that goes on resting: it keeps its place in the queue."""
    a = tracker.node[new]
    b = tracker.node[old]
    a.active_ns = b.active_ns
    a.is_live = 1
    if not b.is_active:
        wait(tracker, new, np.int64(b.active_ns))
        return
    a.is_active = 1
    a.is_known = b.is_known
    a.queue_ahead = b.queue_ahead
    a.level_qty = b.level_qty
    a.traded = b.traded
    slot = order_book.slot_of(book, np.int64(a.index))
    if slot >= 0:
        _link(tracker, new, slot)


@inline
def _note_through(tracker, i, now_ns, exch_ns):
    node = tracker.node[i]
    node.tape_fill_ns = now_ns
    node.tape_block_ns = exch_ns
    tracker.through[tracker.n_through] = i
    tracker.n_through += 1


@compiled
def _fill_better(tracker, book, s, end, now_ns, exch_ns):
    """The tape went through every linked order of side s from the best down to, without, slot `end`."""
    step = np.int64(-1) if s == 0 else np.int64(1)
    slot = tracker.best[s]
    while (s == 0 and slot > end) or (s == 1 and slot < end):
        i = np.int64(tracker.head[s, slot])
        while i >= 0:
            following = np.int64(tracker.node[i].next)
            _note_through(tracker, i, now_ns, exch_ns)
            unlink(tracker, book, i)
            i = following
        slot += step
    tracker.best[s] = end


@inline
def on_trade(tracker, book, venue_is_simulated, side, index, qty, now_ns, exch_ns):
    """A public trade by an aggressor of `side` at a grid index."""
    tracker.n_through = 0
    s = np.int64(1) if side > 0 else np.int64(0)
    slot = index - book.origin
    if book.origin < 0 or tracker.n_linked == 0:
        return
    end = min(max(slot, NONE), np.int64(order_book.WIDTH))
    if (s == 0 and tracker.best[0] > end) or (s == 1 and tracker.best[1] < end):
        _fill_better(tracker, book, s, end, now_ns, exch_ns)
    if slot < 0 or slot >= order_book.WIDTH:
        return
    i = np.int64(tracker.head[s, slot])
    while i >= 0:
        node = tracker.node[i]
        if node.unsure_ns == 0 and (venue_is_simulated or not node.is_live):
            node.unsure_ns = now_ns
        if node.is_known:
            node.traded += qty
            node.queue_ahead -= np.float64(qty)
            if node.queue_ahead < 0.0:
                if node.is_live:  # the exchange says whether it filled, not our model of the queue
                    node.queue_ahead = 0.0
                elif node.model_fill_ns == 0:
                    node.model_fill_ns = now_ns
        i = np.int64(node.next)


@inline
def _follow_level(tracker, book, i, slot, qty, kind, n):
    """Our level shows `qty` now: advance our place in the queue."""
    node = tracker.node[i]
    if node.is_known:
        if qty != node.level_qty or node.traded != 0:
            if node.is_live or node.model_fill_ns == 0:  # else nobody asks for its place any more
                node.queue_ahead = advance_front(
                    kind, n, node.queue_ahead, np.float64(node.level_qty), np.float64(qty), np.float64(node.traded)
                )
            node.level_qty = qty
            node.traded = 0
    elif order_book.is_known(book, node.s, slot):
        node.is_known = 1
        node.level_qty = qty
        node.traded = 0
        node.queue_ahead = np.float64(qty)


@apart
def _relink(tracker, book):
    """The book window has moved: rebuild the lists."""
    for s in range(2):
        for i in range(order_book.WIDTH):
            tracker.head[s, i] = NONE
    tracker.best[0] = NONE
    tracker.best[1] = order_book.WIDTH
    tracker.n_linked = 0
    for n in range(tracker.n_done, tracker.n_made):
        i = n & MASK
        if tracker.node[i].is_linked:
            tracker.node[i].is_linked = 0
            slot = order_book.slot_of(book, np.int64(tracker.node[i].index))
            if slot >= 0:
                _link(tracker, i, slot)
            else:
                tracker.n_outside += 1


@compiled
def _follow_all(tracker, book, kind, n):
    for m in range(tracker.n_done, tracker.n_made):
        i = m & MASK
        if tracker.node[i].is_linked:
            slot = np.int64(tracker.node[i].index - book.origin)
            qty = order_book.net_qty(book, np.int64(tracker.node[i].s), slot)
            _follow_level(tracker, book, i, slot, qty, kind, n)


@inline
def on_size(tracker, book, s, slot, kind, n):
    """One level has a new size."""
    i = np.int64(tracker.head[s, slot])
    if i >= 0:
        _follow_list(tracker, book, i, slot, order_book.net_qty(book, s, slot), kind, n)


@apart
def _follow_list(tracker, book, i, slot, qty, kind, n):
    while i >= 0:
        _follow_level(tracker, book, i, slot, qty, kind, n)
        i = np.int64(tracker.node[i].next)


@inline
def is_met(tracker, book):
    """Whether a linked order would meet the touch as it is: `on_book` takes it off."""
    met_bid = (book.best[1] >= 0) & (tracker.best[0] >= book.best[1])
    met_ask = (book.best[0] >= 0) & (tracker.best[1] <= book.best[0])
    return met_bid | met_ask


@inline
def on_book(tracker, book, kind, n, now_ns, exch_ns):
    """The book has changed; kind and n name the queue model."""
    tracker.n_through = 0
    if book.shifted != 0:
        _relink(tracker, book)
    if tracker.n_linked == 0:
        return
    if book.change == order_book.ONE_LEVEL:
        on_size(tracker, book, np.int64(book.change_side), np.int64(book.change_slot), kind, n)
    elif book.change == order_book.MANY_LEVELS:
        _follow_all(tracker, book, kind, n)
    # A newer opposite touch at or through our price would have met us.
    if book.best[1] >= 0 and tracker.best[0] >= book.best[1]:
        _fill_better(tracker, book, np.int64(0), np.int64(book.best[1] - 1), now_ns, exch_ns)
    if book.best[0] >= 0 and tracker.best[1] <= book.best[0]:
        _fill_better(tracker, book, np.int64(1), np.int64(book.best[0] + 1), now_ns, exch_ns)
