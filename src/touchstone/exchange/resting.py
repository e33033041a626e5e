"""Our orders that rest at the venue: slots, and per side a compact list of the live ones, best price first."""

import numpy as np

from touchstone.core.jit import compiled, inline, record

MAX_ORDERS = 64
NONE = np.int64(-1)
NO_PX = np.int64(1 << 60)  # no ask
UNKNOWN_QUEUE = 1e18  # size ahead of an order whose level the feed has never shown

ORDER = record(
    [
        ("cloid", "i8"),
        ("side", "i8"),  # +1 bid, -1 ask
        ("px", "i8"),
        ("index", "i8"),  # grid index of px
        ("qty_left", "i8"),
        ("shrunk", "i8"),  # taken off a reduce-only order because the position no longer covered it
        ("since_ns", "i8"),  # block in which it came to rest
        ("queue_ahead", "f8"),  # size ahead of us at our price; an upper bound unless `queue_known`
        ("queue_known", "i8"),  # 0: the feed does not show our level, so only a trade through it fills us
        ("shown", "i8"),  # the level's size when last seen
        ("traded", "i8"),  # traded at our price since then, which the next shown size will lack
        ("met", "i8"),  # number of the last trade that it has met
        ("reduce_only", "i8"),
        ("number", "i8"),  # rising: age
        ("ticket", "i8"),  # the order in the order book, NONE where the market is a recording
    ]
)

ORDERS = record(
    [
        ("slot", ORDER, (MAX_ORDERS,)),
        ("live", "i8", (2, MAX_ORDERS)),  # slots of bids, asks: best price first, then oldest
        ("live_index", "i8", (2, MAX_ORDERS)),  # their grid indexes
        ("n", "i8", (2,)),
        ("open_qty", "i8", (2,)),
        # what a market event is held against before anybody looks at single orders
        ("best_px", "i8", (2,)),  # of our bids and asks; 0 and NO_PX where there are none
        ("low", "i8", (2,)),  # lowest and highest grid index of our bids and asks; low > high where there are none
        ("high", "i8", (2,)),
        ("newest_ns", "i8"),  # latest block in which an order came to rest
        ("n_unknown", "i8"),  # live orders whose place in the queue is not known
        ("free", "i8", (MAX_ORDERS,)),
        ("n_free", "i8"),
        ("n_reduce_only", "i8"),
        ("n_placed", "i8"),
        ("dropped", "i8", (MAX_ORDERS,)),  # tickets of orders that rest no more: the order book still holds them
        ("n_dropped", "i8"),
    ]
)


@compiled
def reset(orders):
    """No orders."""
    for i in range(MAX_ORDERS):
        orders.free[i] = MAX_ORDERS - 1 - i
    orders.n_free = MAX_ORDERS
    orders.n[:] = 0
    orders.open_qty[:] = 0
    for s in range(2):
        _note_range(orders, s)
    orders.newest_ns = 0
    orders.n_unknown = 0
    orders.n_reduce_only = 0
    orders.n_placed = 0
    orders.n_dropped = 0


@compiled
def find(orders, cloid):
    """Slot of a live order, NONE if there is none with this cloid."""
    for s in range(2):
        for i in range(orders.n[s]):
            k = np.int64(orders.live[s, i])
            if orders.slot[k].cloid == cloid:
                return k
    return NONE


@compiled
def add(orders, s, cloid, px, index, qty, reduce_only, since_ns):
    """Slot of a new live order on side s (0 bid), its place in the queue unknown. Needs n_free > 0."""
    orders.n_free -= 1
    k = np.int64(orders.free[orders.n_free])
    order = orders.slot[k]
    order.cloid = cloid
    order.side = 1 - 2 * s
    order.px = px
    order.index = index
    order.qty_left = qty
    order.shrunk = 0
    order.since_ns = since_ns
    order.queue_ahead = UNKNOWN_QUEUE
    order.queue_known = 0
    order.shown = 0
    order.traded = 0
    order.met = 0
    order.reduce_only = reduce_only
    order.number = orders.n_placed
    order.ticket = NONE
    orders.n_placed += 1
    at = np.int64(orders.n[s])
    while at > 0 and (orders.slot[orders.live[s, at - 1]].px - px) * order.side < 0:
        orders.live[s, at] = orders.live[s, at - 1]
        orders.live_index[s, at] = orders.live_index[s, at - 1]
        at -= 1
    orders.live[s, at] = k
    orders.live_index[s, at] = index
    orders.n[s] += 1
    _note_range(orders, s)
    orders.newest_ns = max(np.int64(orders.newest_ns), since_ns)
    orders.n_unknown += 1
    orders.open_qty[s] += qty
    orders.n_reduce_only += reduce_only
    return k


@inline
def _note_range(orders, s):
    """The list of side s has changed."""
    n = np.int64(orders.n[s])
    if n == 0:
        orders.best_px[s] = 0 if s == 0 else NO_PX
        orders.low[s], orders.high[s] = 1, 0
        return
    best, worst = orders.slot[orders.live[s, 0]], orders.slot[orders.live[s, n - 1]]
    orders.best_px[s] = best.px
    orders.low[s] = worst.index if s == 0 else best.index
    orders.high[s] = best.index if s == 0 else worst.index


@inline
def know_queue(orders, order, is_known):
    """Whether the place of a live order in the queue is known from now on, 0 or 1."""
    orders.n_unknown += order.queue_known - is_known
    order.queue_known = is_known


@inline
def take_off(orders, k, qty):
    """Less is left of an order, which stays live: see `remove`."""
    order = orders.slot[k]
    order.qty_left -= qty
    orders.open_qty[(1 - order.side) >> 1] -= qty


@compiled
def remove(orders, k):
    """The order rests no more."""
    order = orders.slot[k]
    if order.ticket != NONE:
        orders.dropped[orders.n_dropped] = order.ticket
        orders.n_dropped += 1
    s = np.int64((1 - order.side) >> 1)
    at = np.int64(0)
    while orders.live[s, at] != k:
        at += 1
    orders.n[s] -= 1
    for i in range(at, orders.n[s]):
        orders.live[s, i] = orders.live[s, i + 1]
        orders.live_index[s, i] = orders.live_index[s, i + 1]
    _note_range(orders, s)
    orders.n_unknown -= 1 - order.queue_known
    orders.open_qty[s] -= order.qty_left
    orders.n_reduce_only -= order.reduce_only
    orders.free[orders.n_free] = k
    orders.n_free += 1


@compiled
def oldest_reduce_only(orders, s):
    """Slot of the oldest reduce-only order of a side, NONE if there is none."""
    found = NONE
    for i in range(orders.n[s]):
        k = np.int64(orders.live[s, i])
        if orders.slot[k].reduce_only == 1 and (found == NONE or orders.slot[k].number < orders.slot[found].number):
            found = k
    return found


@compiled
def reduce_only_qty(orders, s):
    """Total size left in reduce-only orders of a side."""
    total = np.int64(0)
    for i in range(orders.n[s]):
        order = orders.slot[orders.live[s, i]]
        if order.reduce_only == 1:
            total += order.qty_left
    return total
