"""The order book on the integer grid, net of our own orders.

Sizes stand in a window of grid indexes around the touch; slot = index - origin. `qty` is what the feed shows, `own`
what of it is ours; every reader takes the net. Beyond the deepest level of the last snapshot the book is unknown, not
empty.
"""

import math

import numpy as np

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import side_index
from touchstone.core.jit import apart, compiled, inline, record

WIDTH = 8192
NONE = np.int64(-1)
ONE = np.int64(1)
BID, ASK = np.int64(0), np.int64(1)

# What the last event did, for those who follow single levels (queues).
UNCHANGED = np.int64(0)
ONE_LEVEL = np.int64(1)
MANY_LEVELS = np.int64(2)

CALM = record(  # per side: between which prices a new size of a level changes nothing but this size
    [
        ("low_px", "i8", (2,)),  # low > high: nowhere
        ("high_px", "i8", (2,)),
        ("zero_px", "i8", (2,)),  # price of slot 0 by the ticks of this band of prices
        ("tick", "i8", (2,)),
        # slot = (price - zero_px) x factor >> shift: exact for every slot, and sooner known than by a float
        ("factor", "i8", (2,)),
        ("shift", "i8", (2,)),
    ]
)
ABOVE_MASK = np.int64((1 << 34) - 1)  # WIDTH slots of the widest tick, 10^6, fit

BOOK = record(
    [
        ("qty", "i8", (2, WIDTH)),  # [bid, ask][slot], size units
        ("own", "i8", (2, WIDTH)),
        ("has_own", "i8"),  # 0: nothing has ever stood in `own`
        ("origin", "i8"),  # grid index of slot 0
        ("best", "i8", (2,)),  # slot of the net touch, NONE if the side is empty
        ("best_px", "i8", (2,)),  # its price, 0 if the side is empty
        ("deepest", "i8", (2,)),  # slot of the deepest level that the feed has shown: beyond it nothing is known
        ("limit", "i8", (2,)),  # deep end of the occupied range, for scans: nothing is shown deeper
        ("calm", CALM),
        ("crest", "i8", (2,)),  # its touch end: nothing is shown better (levels that are all ours included)
        ("mid2", "i8"),  # bid + ask: twice the mid, in price units; 0 while a side is empty
        ("mid2_before_block", "i8"),  # as it was before the first event of the newest block
        ("block_ns", "i8"),  # exchange time of the newest block
        ("is_new", "i8"),  # 1: price or size of the net touch may have changed since its reader set this to 0
        ("in_snapshot", "i8"),
        ("cursor", "i8", (2,)),  # during a snapshot: the last slot named, per side
        ("change", "i8"),  # UNCHANGED | ONE_LEVEL | MANY_LEVELS
        ("change_side", "i8"),  # ONE_LEVEL: 0 bid, 1 ask
        ("change_slot", "i8"),
        ("change_from", "i8"),  # net size before
        ("change_to", "i8"),
        ("shifted", "i8"),  # slots that the window moved with the last event: follow with your own slots
        # counters
        ("n_late", "i8"),  # events older than the newest block, dropped
        ("n_outside", "i8"),  # levels outside the window, dropped
        ("n_crossed", "i8"),  # levels removed because a newer opposite level crossed them
        ("n_recentred", "i8"),
        ("n_off_grid", "i8"),
        ("n_own_clamped", "i8"),  # times the feed showed less than our own size
        ("n_own_outside", "i8"),  # own sizes that lie outside the window: not netted
    ]
)


@compiled
def reset(book):
    """Empty book, counters at zero."""
    book.qty[:, :] = 0
    book.own[:, :] = 0
    book.has_own = 0
    book.origin = NONE
    for s in range(2):
        empty_deep, empty_touch = (WIDTH, NONE) if s == 0 else (NONE, WIDTH)
        book.best[s] = NONE
        book.best_px[s] = 0
        book.deepest[s] = empty_deep
        book.limit[s] = empty_deep
        book.cursor[s] = empty_deep
        book.crest[s] = empty_touch
        book.calm.low_px[s], book.calm.high_px[s] = 1, 0
    book.mid2 = 0
    book.mid2_before_block = 0
    book.block_ns = 0
    book.is_new = 1
    book.in_snapshot = 0
    book.change = UNCHANGED
    book.shifted = 0
    book.n_late = 0
    book.n_outside = 0
    book.n_crossed = 0
    book.n_recentred = 0
    book.n_off_grid = 0
    book.n_own_clamped = 0
    book.n_own_outside = 0


@inline
def net_qty(book, s, slot):
    """Size at a slot without ours (size units); s = 0 bid, 1 ask."""
    if not book.has_own:
        return np.int64(book.qty[s, slot])
    return np.int64(max(book.qty[s, slot] - book.own[s, slot], 0))


@inline
def slot_of(book, index):
    """Slot of a grid index, NONE if it lies outside the window."""
    slot = index - book.origin
    if book.origin < 0 or slot < 0 or slot >= WIDTH:
        return NONE
    return np.int64(slot)


@inline
def is_known(book, s, slot):
    """Whether the feed has shown the book as deep as this slot (so that a zero there means empty)."""
    if slot < 0:
        return False
    if s == 0:
        return slot >= book.deepest[0]
    return slot <= book.deepest[1]


@inline
def is_valid(book):
    """Both sides present and not crossed."""
    return book.mid2 > 0 and book.best_px[0] < book.best_px[1]


@inline
def begin_block(book, exch_ns):
    """Note the mid before a new block; call for every market event, trades included."""
    # A choice and two stores: a branch here would be mispredicted with every block.
    book.mid2_before_block = book.mid2 if exch_ns > book.block_ns else book.mid2_before_block
    book.block_ns = max(np.int64(book.block_ns), exch_ns)


@inline
def _refresh_touch(book, grid):
    for s in range(2):
        slot = book.best[s]
        book.best_px[s] = price_of_slot(book, grid, slot) if slot >= 0 else np.int64(0)
    if book.best[0] >= 0 and book.best[1] >= 0:
        book.mid2 = book.best_px[0] + book.best_px[1]
    else:
        book.mid2 = 0


@inline
def price_of_slot(book, grid, slot):
    """Price (price units) of a slot."""
    return price_grid.price_of(grid, book.origin + slot)


@compiled
def _next_bid(book, slot):
    while slot >= book.limit[0]:
        if net_qty(book, np.int64(0), slot) > 0:
            return slot
        slot -= 1
    return NONE


@compiled
def _next_ask(book, slot):
    while slot <= book.limit[1]:
        if net_qty(book, np.int64(1), slot) > 0:
            return slot
        slot += 1
    return NONE


@apart
def _shift_row(row, shift):
    """Move a row by `shift` slots (new slot = old slot - shift); returns how many non-zero entries fell off."""
    n_fell = np.int64(0)
    if shift > 0:
        for i in range(WIDTH):
            if i < shift and row[i] != 0:
                n_fell += 1
            row[i] = row[i + shift] if i + shift < WIDTH else 0
    else:
        for i in range(WIDTH - 1, -1, -1):
            if i >= WIDTH + shift and row[i] != 0:
                n_fell += 1
            row[i] = row[i + shift] if i + shift >= 0 else 0
    return n_fell


@apart
def _recentre(book, index):
    """Move the window so that `index` lies in its middle; levels that leave it are dropped and counted."""
    new_origin = max(index - WIDTH // 2, 0)
    if book.origin < 0:
        book.origin = new_origin
        return
    shift = new_origin - book.origin  # new slot = old slot - shift
    if shift == 0:
        return
    book.origin = new_origin
    book.shifted += shift
    book.n_recentred += 1
    for s in range(2):
        n_fell = _shift_row(book.qty[s], shift)
        if n_fell > 0:
            book.n_outside += n_fell
            book.change = MANY_LEVELS
        book.n_own_outside += _shift_row(book.own[s], shift)
        if book.cursor[s] != (WIDTH if s == 0 else NONE):
            book.cursor[s] = min(max(book.cursor[s] - shift, 0), WIDTH - 1)
    for ends in (book.deepest, book.limit):
        ends[0] = min(max(ends[0] - shift, 0), WIDTH)
        ends[1] = min(max(ends[1] - shift, NONE), WIDTH - 1)
    book.crest[0] = min(max(book.crest[0] - shift, NONE), WIDTH - 1)
    book.crest[1] = min(max(book.crest[1] - shift, 0), WIDTH)
    if book.best[0] >= 0:
        book.best[0] = _next_bid(book, min(book.best[0] - shift, WIDTH - 1))
    if book.best[1] >= 0:
        book.best[1] = _next_ask(book, max(book.best[1] - shift, 0))


@inline
def _reach(book, index, leads):
    """Slot of `index`, NONE outside the window; a leading price near the window's edge moves the window."""
    slot = index - book.origin
    if book.origin < 0 or (leads and (slot < WIDTH // 8 or slot >= WIDTH - WIDTH // 8)):
        _recentre(book, index)
        slot = index - book.origin
    if slot < 0 or slot >= WIDTH:
        return NONE
    return np.int64(slot)


@inline
def _store(book, s, slot, qty):
    """Set the shown size of a level, keep the touch and the ranges, note the change."""
    before = net_qty(book, s, slot)
    book.qty[s, slot] = qty
    if book.has_own and qty < book.own[s, slot]:
        book.n_own_clamped += 1
    after = net_qty(book, s, slot)
    if qty > 0:
        toward = 1 - 2 * s  # as a factor: a branch on the side would be a coin toss for the processor
        if (slot - book.crest[s]) * toward > 0:
            book.crest[s] = slot
        if (book.limit[s] - slot) * toward > 0:
            book.limit[s] = slot
        if (book.deepest[s] - slot) * toward > 0:
            book.deepest[s] = slot
    if book.change == UNCHANGED:
        book.change = ONE_LEVEL
        book.change_side = s
        book.change_slot = slot
        book.change_from = before
        book.change_to = after
    else:
        book.change = MANY_LEVELS
    _retouch(book, s, slot, after)


@inline
def _retouch(book, s, slot, after):
    """Keep `best` after the net size at one slot became `after`."""
    best = book.best[s]
    if after > 0:
        if best < 0 or (slot - best) * (1 - 2 * s) > 0:
            book.best[s] = slot
    elif slot == best:
        book.best[s] = _next_bid(book, slot) if s == 0 else _next_ask(book, slot)


@compiled
def _erase(book, s, first, last):
    """Remove every shown level of side s in slots first..last; returns how many there were."""
    n = np.int64(0)
    for i in range(first, last + 1):
        if book.qty[s, i] > 0:
            book.qty[s, i] = 0
            n += 1
    if n > 0:
        book.change = MANY_LEVELS
    return n


@compiled
def _clear_better(book, s, slot):
    """Remove every level of side s that is better than `slot`."""
    if s == 0:
        _erase(book, s, slot + 1, book.crest[0])
        book.crest[0] = min(book.crest[0], slot)
        if book.best[0] > slot:
            book.best[0] = _next_bid(book, slot)
    else:
        _erase(book, s, book.crest[1], slot - 1)
        book.crest[1] = max(book.crest[1], slot)
        if 0 <= book.best[1] < slot:
            book.best[1] = _next_ask(book, slot)


@compiled
def _clear_crossed(book, s, slot):
    """Side s has just shown a level at `slot`: opposite levels at or through it are gone. Counted."""
    if s == 0:
        book.n_crossed += _erase(book, np.int64(1), book.crest[1], slot)
        book.crest[1] = slot + 1
        if 0 <= book.best[1] <= slot:
            book.best[1] = _next_ask(book, slot + 1)
    else:
        book.n_crossed += _erase(book, np.int64(0), slot, book.crest[0])
        book.crest[0] = slot - 1
        if book.best[0] >= slot:
            book.best[0] = _next_bid(book, slot - 1)


@inline
def _set_level(book, grid, event, is_touch):
    """Apply BOOK_LEVEL or BBO."""
    s = side_index(np.int64(event.side))
    px = np.int64(event.px)
    qty = np.int64(event.qty)
    index = price_grid.index_of(grid, px) if px > 0 else np.int64(0)
    if px <= 0 or price_grid.price_of(grid, index) != px:
        book.n_off_grid += 1
        return
    toward = 1 - 2 * s
    ahead = (index - book.origin - book.best[s]) * toward
    first_named = book.in_snapshot == 1 and book.cursor[s] == (WIDTH if s == 0 else NONE)
    leads = is_touch or (qty > 0 and (ahead > 0 or book.best[s] < 0 or first_named))
    slot = _reach(book, index, leads)
    if slot < 0:
        book.n_outside += 1
        return
    if is_touch:
        _clear_better(book, s, slot)
    elif book.in_snapshot == 1:
        _clear_between(book, s, slot)
    if qty > 0 and (slot - book.crest[1 - s]) * toward >= 0:
        _clear_crossed(book, s, slot)
    _store(book, s, slot, qty)


@compiled
def _clear_between(book, s, slot):
    """In a snapshot, levels between the last one named and this one are gone."""
    if book.cursor[s] == (WIDTH if s == 0 else NONE):
        _clear_better(book, s, slot)
    elif s == 0:
        _erase(book, s, slot + 1, book.cursor[0] - 1)
    else:
        _erase(book, s, book.cursor[1] + 1, slot - 1)
    book.cursor[s] = slot
    _drop_empty_touch(book, s)


@inline
def _drop_empty_touch(book, s):
    """The level of the touch may just have been removed: find the next one."""
    best = book.best[s]
    if best >= 0 and net_qty(book, s, best) == 0:
        book.best[s] = _next_bid(book, best) if s == 0 else _next_ask(book, best)


@compiled
def _end_snapshot(book):
    """Levels deeper than the snapshot are unknown: drop them and move the known range."""
    for s in range(2):
        named = book.cursor[s]  # the deepest level named; WIDTH or NONE (nothing known) if the side was empty
        if s == 0:
            _erase(book, np.int64(0), book.limit[0], min(named - 1, book.crest[0]))
            if named == WIDTH:
                book.crest[0] = NONE
        else:
            _erase(book, np.int64(1), max(named + 1, book.crest[1]), book.limit[1])
            if named == NONE:
                book.crest[1] = WIDTH
        book.limit[s] = named
        book.deepest[s] = named
        _drop_empty_touch(book, np.int64(s))
    book.in_snapshot = 0
    book.change = MANY_LEVELS


@inline
def update(book, grid, event):
    """Take in one book event (BOOK_LEVEL, SNAPSHOT_BEGIN, SNAPSHOT_END, BBO); returns whether the touch may have moved.

    Events of a block older than the newest one are dropped and counted (`n_late`).
    """
    book.shifted = 0
    if event.exch_ns < book.block_ns:
        book.change = UNCHANGED
        book.n_late += 1
        return False
    if _set_size(book, event):
        return False
    _update(book, grid, event)
    return True


@inline
def _set_size(book, event):
    """A new size of a level at or behind the touch, which most events are: nothing but this size changes.

    False: it is more than that, and nothing is done.
    """
    kind = np.int64(event.kind)
    s = side_index(np.int64(event.side)) & 1
    px, qty = np.int64(event.px), np.int64(event.qty)
    slot, is_calm = calm_slot(book, s, px)
    is_touch = px == book.best_px[s]
    is_level = (kind == events.BOOK_LEVEL) & ((qty > 0) | (not is_touch))
    is_bbo = (kind == events.BBO) & (qty > 0) & is_touch
    if not (is_calm & (is_level | is_bbo)):
        return False
    book.change = ONE_LEVEL
    book.change_side = s
    book.change_slot = slot
    book.change_from = book.qty[s, slot]
    book.change_to = qty
    book.qty[s, slot] = qty
    book.is_new |= is_touch
    return True


@inline
def calm_slot(book, s, px):
    """(slot of a price, whether a new size there, above 0 at the touch, changes nothing else); s = 0 bid, 1 ask.

    One answer without a branch: each condition by itself would be a coin toss for the processor.
    """
    calm = book.calm
    above = px - calm.zero_px[s]
    slot = ((above & ABOVE_MASK) * calm.factor[s]) >> calm.shift[s]
    return slot, (px >= calm.low_px[s]) & (px <= calm.high_px[s]) & (slot * calm.tick[s] == above)


@compiled
def _note_tick(calm, s, tick):
    shift = np.int64(0)
    while (ONE << shift) < WIDTH * tick:
        shift += 1
    calm.tick[s] = tick
    calm.shift[s] = shift
    calm.factor[s] = ((ONE << shift) + tick - 1) // tick


@compiled
def _note_calm(book, grid, s):
    """The touch of a side, its occupied range or the window has moved: from where to where is it calm now?

    From the touch to the deep end of what is shown, within the band of ticks of the touch.
    """
    calm = book.calm
    if book.best[s] < 0 or book.has_own or book.in_snapshot:
        calm.low_px[s], calm.high_px[s] = 1, 0
        return
    tick = price_grid.tick_at(grid, np.int64(book.best_px[s]))
    deep = min(max(book.origin + book.limit[s], grid.index_lo, np.int64(1)), grid.index_hi - 1)
    deep_px = price_grid.price_of(grid, deep)
    calm.low_px[s] = deep_px if s == 0 else book.best_px[s]
    calm.high_px[s] = book.best_px[s] if s == 0 else deep_px
    calm.zero_px[s] = grid.px_lo + (book.origin - grid.index_lo) * tick
    if calm.tick[s] != tick:
        _note_tick(calm, s, tick)


@apart
def _update(book, grid, event):
    """Any event of the newest block."""
    book.change = UNCHANGED
    book.is_new = 1
    bid, ask = np.int64(book.best[0]), np.int64(book.best[1])
    kind = np.int64(event.kind)
    is_level = kind == events.BOOK_LEVEL or kind == events.BBO
    if is_level:
        _set_level(book, grid, event, kind == events.BBO)
    elif kind == events.SNAPSHOT_BEGIN:
        book.in_snapshot = 1
        book.cursor[0] = WIDTH
        book.cursor[1] = NONE
    elif kind == events.SNAPSHOT_END:
        _end_snapshot(book)
    if book.best[0] != bid or book.best[1] != ask or book.shifted != 0:
        _refresh_touch(book, grid)
    # A level changes the range of its own side; that of the other only where it takes that side's touch away.
    is_all = not is_level or book.shifted != 0
    s = side_index(np.int64(event.side))
    if is_all or s == 0 or book.best[0] != bid:
        _note_calm(book, grid, BID)
    if is_all or s == 1 or book.best[1] != ask:
        _note_calm(book, grid, ASK)


@compiled
def add_own(book, grid, s, px, qty):
    """Our resting size at a price changed by `qty` (size units, negative = less). The net book follows at once."""
    slot = slot_of(book, price_grid.index_of(grid, px))
    if slot < 0:
        book.n_own_outside += 1
        return
    book.has_own = 1
    book.own[s, slot] = max(book.own[s, slot] + qty, 0)
    after = net_qty(book, s, slot)
    _retouch(book, s, slot, after)
    _refresh_touch(book, grid)
    _note_calm(book, grid, BID)
    _note_calm(book, grid, ASK)
    book.is_new = 1


@inline
def depth_bps(book, s, px):
    """Distance of a price from mid in bps of mid, positive = away from the other side. Needs a valid mid."""
    return depth_from(np.int64(book.mid2), s, px)


@inline
def depth_from(mid2, s, px):
    """As `depth_bps`, from a given mid2 > 0."""
    return distance2(mid2, s, px) / np.float64(mid2) * 1e4


@inline
def distance2(mid2, s, px):
    """Twice the distance of a price from mid in price units, positive = away from the other side."""
    return np.float64(mid2 - 2 * px if s == 0 else 2 * px - mid2)


@inline
def imbalance(book):
    """Touch imbalance in [-1, 1]: (bid size - ask size) / (bid size + ask size); 0 while a side is empty."""
    if book.best[0] < 0 or book.best[1] < 0:
        return 0.0
    bid = np.float64(net_qty(book, np.int64(0), book.best[0]))
    ask = np.float64(net_qty(book, np.int64(1), book.best[1]))
    return (bid - ask) / (bid + ask)


@inline
def mid_bps_move(mid2_from, mid2_to):
    """Signed move between two mids in bps of the first; 0 where one is missing."""
    if mid2_from <= 0 or mid2_to <= 0:
        return 0.0
    return (np.float64(mid2_to) / np.float64(mid2_from) - 1.0) * 1e4


@inline
def log_mid(book):
    """Natural logarithm of the mid in half price units. Needs a valid mid."""
    return math.log(np.float64(book.mid2))
