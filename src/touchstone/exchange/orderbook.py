"""An order book of single orders: price, then time; fills tell both sides.

Every order belongs to an *owner*: an account of the exchange (0 to N_ACCOUNTS - 1) or an agent of a simulated market
(from N_ACCOUNTS on). Prices are grid indexes (core/grid.py), so levels are dense; each side keeps a window of levels
around its touch, and one list of all orders beyond the window's far end. Sizes and money of every trade are also kept
per owner, so that what one has gained another has lost, to the last unit.

A taking order that would meet an order of its own owner cancels that order and goes on, as on Hyperliquid.
"""

import numpy as np

from touchstone.core.jit import compiled, inline, record

WIDTH = 4096  # levels per side
FAR = np.int64(WIDTH)  # the list of orders beyond the window
EDGE = WIDTH // 8  # a touch this close to the window's end moves the window
MAX_ORDERS = 16384
MAX_FILLS = 256
N_ACCOUNTS = 64
N_OWNERS = 96
NONE = np.int64(-1)
BID, ASK = np.int64(0), np.int64(1)

ORDER = record(
    [
        ("px", "i8"),
        ("index", "i8"),  # grid index of px
        ("qty", "i8"),
        ("tag", "i8"),  # the owner's own name for it
        ("owner", "i4"),
        ("s", "i4"),  # 0 bid, 1 ask
        ("prev", "i4"),  # in its level, by time
        ("next", "i4"),  # ... or in the list of free places
    ]
)

FILL = record(
    [
        ("owner", "i8"),  # of the resting order
        ("tag", "i8"),
        ("s", "i8"),  # side of the resting order
        ("px", "i8"),
        ("index", "i8"),
        ("qty", "i8"),  # 0: an order of the taker's own, cancelled
        ("left", "i8"),  # of the resting order
    ]
)

ORDERBOOK = record(
    [
        ("order", ORDER, (MAX_ORDERS,)),
        ("free", "i8"),  # first free place
        ("head", "i4", (2, WIDTH + 1)),  # [bid, ask][level], NONE where empty
        ("tail", "i4", (2, WIDTH + 1)),
        ("qty", "i8", (2, WIDTH + 1)),  # total size of a level
        ("origin", "i8", (2,)),  # grid index of level 0, per side
        ("best", "i8", (2,)),  # grid index of the touch, NONE if the side is empty
        ("best_px", "i8", (2,)),  # its price, 0 if the side is empty
        ("n_orders", "i8", (2,)),
        ("n_far", "i8", (2,)),
        ("fills", FILL, (MAX_FILLS,)),  # of the last `take`
        ("n_fills", "i8"),
        ("is_paused", "i8"),  # the last `take` wants to be called again with what is left
        ("asks_first", "i8"),  # 1: `take` pauses before it trades with an account's order, too
        ("asked", "i8"),  # ... that order, NONE if it paused for another reason
        ("granted", "i8"),  # ... may trade now
        ("position", "i8", (N_OWNERS,)),  # traded size by owner, signed: adds up to 0
        ("cash", "i8", (N_OWNERS,)),  # micro, likewise; without fees
        ("scratch", "i4", (MAX_ORDERS,)),
    ]
)


@compiled
def reset(book):
    """An empty book; nobody has traded."""
    for k in range(MAX_ORDERS):
        book.order[k].next = k + 1 if k + 1 < MAX_ORDERS else NONE
    book.free = 0
    book.head[:, :] = NONE
    book.tail[:, :] = NONE
    book.qty[:, :] = 0
    for s in range(2):
        book.origin[s] = 0
        book.best[s] = NONE
        book.best_px[s] = 0
        book.n_orders[s] = 0
        book.n_far[s] = 0
    book.n_fills = 0
    book.is_paused = 0
    book.asks_first = 0
    book.asked = NONE
    book.granted = NONE
    book.position[:] = 0
    book.cash[:] = 0


@inline
def is_better(s, index, than):
    """Whether a price is nearer to the other side than another of the same side."""
    return index > than if s == 0 else index < than


@inline
def would_trade(book, s, index):
    """Whether an order of side s at this price would meet the other side's touch."""
    touch = book.best[1 - s]
    if touch == NONE:
        return False
    return index >= touch if s == 0 else index <= touch


@inline
def level_of(book, s, index):
    """Level of a grid index: its place in the window, FAR beyond it."""
    level = index - book.origin[s]
    return np.int64(level) if 0 <= level < WIDTH else FAR


@inline
def qty_at(book, s, index):
    """Total size at a price inside the window."""
    level = level_of(book, s, index)
    return np.int64(0) if level == FAR else np.int64(book.qty[s, level])


@compiled
def count_at(book, s, index):
    """Number of orders at a price inside the window."""
    level = level_of(book, s, index)
    n = np.int64(0)
    k = NONE if level == FAR else np.int64(book.head[s, level])
    while k != NONE:
        n += 1
        k = np.int64(book.order[k].next)
    return n


@inline
def mid2(book):
    """Bid plus ask in price units, 0 while a side is empty."""
    if book.best[0] == NONE or book.best[1] == NONE:
        return np.int64(0)
    return np.int64(book.best_px[0] + book.best_px[1])


@inline
def worse_than(s, index):
    """The next price away from the other side."""
    return index - 1 if s == 0 else index + 1


@compiled
def next_level(book, s, index):
    """Grid index of the first occupied level at `index` or worse inside the window, NONE if there is none."""
    level = np.int64(index - book.origin[s])
    step = np.int64(-1) if s == 0 else np.int64(1)
    while 0 <= level < WIDTH:
        if book.head[s, level] != NONE:
            return np.int64(book.origin[s] + level)
        level += step
    return NONE


@compiled
def place(book, s, px, index, qty, owner, tag):
    """Rest an order at the back of its level; returns its number, NONE if there is no room.

    It must not meet the other side (`would_trade`): what takes is taken first.
    """
    k = np.int64(book.free)
    if k == NONE:
        return NONE
    is_first = book.n_orders[s] == 0
    leads = is_first or is_better(s, index, np.int64(book.best[s]))
    if leads:
        level = index - book.origin[s]
        if is_first or level < EDGE or level >= WIDTH - EDGE:
            _move_window(book, s, index)
    order = book.order[k]
    book.free = order.next
    order.px = px
    order.index = index
    order.qty = qty
    order.tag = tag
    order.owner = owner
    order.s = s
    book.n_orders[s] += 1
    _append(book, s, k)
    if leads:
        book.best[s] = index
        book.best_px[s] = px
    return k


@compiled
def cancel(book, k):
    """The order rests no more; its number may be given to a later one."""
    order = book.order[k]
    s = np.int64(order.s)
    index = np.int64(order.index)
    level = level_of(book, s, index)
    before, after = np.int64(order.prev), np.int64(order.next)
    if before == NONE:
        book.head[s, level] = after
    else:
        book.order[before].next = after
    if after == NONE:
        book.tail[s, level] = before
    else:
        book.order[after].prev = before
    book.qty[s, level] -= order.qty
    book.n_orders[s] -= 1
    if level == FAR:
        book.n_far[s] -= 1
    order.next = book.free
    book.free = k
    if index == book.best[s] and book.head[s, level] == NONE:
        _find_touch(book, s)


@inline
def shrink(book, k, qty):
    """Amend an order down by `qty` (less than it has): it keeps its place. A larger size or another price is a cancel
    and a new order at the back."""
    order = book.order[k]
    order.qty -= qty
    book.qty[order.s, level_of(book, np.int64(order.s), np.int64(order.index))] -= qty


@compiled
def take(book, s, limit_index, qty, owner):
    """Trade up to `qty` of side s against the other side, at `limit_index` or better; returns the size traded.

    `book.fills[:book.n_fills]` tells the resting side. Pauses (`is_paused`) after a trade with an account's order, so
    that the account's rules can act before the next, and when the list is full: call again with what is left. With
    `asks_first` also before it: cancel the order `asked` for or name it in `granted`, and call again.
    """
    book.n_fills = 0
    book.is_paused = 0
    book.asked = NONE
    other = 1 - s
    side = 1 - 2 * s
    left = qty
    while left > 0 and would_trade(book, s, limit_index):
        k = np.int64(book.head[other, book.best[other] - book.origin[other]])
        order = book.order[k]
        if book.n_fills == MAX_FILLS:
            book.is_paused = 1
            break
        is_own = order.owner == owner
        if book.asks_first and order.owner < N_ACCOUNTS and book.granted != k and not is_own:
            book.asked = k
            book.is_paused = 1
            break
        book.granted = NONE
        part = np.int64(0) if is_own else min(left, np.int64(order.qty))
        fill = book.fills[book.n_fills]
        book.n_fills += 1
        fill.owner = order.owner
        fill.tag = order.tag
        fill.s = other
        fill.px = order.px
        fill.index = order.index
        fill.qty = part
        fill.left = order.qty - part
        left -= part
        book.position[owner] += side * part
        book.cash[owner] -= side * part * order.px
        book.position[order.owner] -= side * part
        book.cash[order.owner] += side * part * order.px
        maker = np.int64(order.owner)
        if is_own or part == order.qty:
            cancel(book, k)
        else:
            shrink(book, k, part)
        if maker < N_ACCOUNTS and left > 0:
            book.is_paused = 1
            break
    return qty - left


@inline
def _append(book, s, k):
    """Put order k at the back of its level."""
    order = book.order[k]
    level = level_of(book, s, np.int64(order.index))
    last = np.int64(book.tail[s, level])
    order.prev = last
    order.next = NONE
    if last == NONE:
        book.head[s, level] = k
    else:
        book.order[last].next = k
    book.tail[s, level] = k
    book.qty[s, level] += order.qty
    if level == FAR:
        book.n_far[s] += 1


@compiled
def _find_touch(book, s):
    """The touch is gone: the next occupied level, also beyond the window."""
    if book.n_orders[s] == 0:
        book.best[s] = NONE
        book.best_px[s] = 0
        return
    if book.n_orders[s] > book.n_far[s]:
        found = next_level(book, s, np.int64(book.best[s]))
        level = found - book.origin[s]
        leaves = book.n_far[s] > 0 and (level < EDGE if s == 0 else level >= WIDTH - EDGE)
    else:
        found = _best_far(book, s)
        leaves = True
    if leaves:
        _move_window(book, s, found)
    book.best[s] = found
    book.best_px[s] = book.order[book.head[s, found - book.origin[s]]].px


@inline
def _best_far(book, s):
    """Best price beyond the window, where there is an order."""
    k = np.int64(book.head[s, FAR])
    found = np.int64(book.order[k].index)
    while k != NONE:
        if is_better(s, np.int64(book.order[k].index), found):
            found = np.int64(book.order[k].index)
        k = np.int64(book.order[k].next)
    return found


@compiled
def _move_window(book, s, index):
    """Centre the window of side s on a price; every level keeps its order of time."""
    n = np.int64(0)
    for level in range(WIDTH + 1):
        k = np.int64(book.head[s, level])
        while k != NONE:
            book.scratch[n] = k
            n += 1
            k = np.int64(book.order[k].next)
        book.head[s, level] = NONE
        book.tail[s, level] = NONE
        book.qty[s, level] = 0
    book.n_far[s] = 0
    book.origin[s] = index - WIDTH // 2
    for i in range(n):
        _append(book, s, np.int64(book.scratch[i]))
