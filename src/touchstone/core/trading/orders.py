"""Our orders, keyed by client order id, with the predictions that each of them carries.

cloid & MASK is the slot, so a look-up is one comparison; a finished order stays in its slot (a tombstone, so that late
fills still find it) until the counter comes round.
"""

import numpy as np

from touchstone.core import actions, records
from touchstone.core.conventions import MS
from touchstone.core.jit import compiled, inline, record

CAPACITY = 1024
MASK = np.int64(CAPACITY - 1)
MAX_LIVE = 64
NONE = np.int64(-1)

CANCEL_AGAIN_NS = np.int64(250 * MS)  # twice as long each time
MOST_DOUBLINGS = np.int64(7)

FREE, SENT, RESTING, CANCEL_SENT, AMEND_SENT, DONE = (np.int64(i) for i in range(6))
STATE_NAMES = ("free", "sent", "resting", "cancel_sent", "amend_sent", "done")

ORDER = record(
    [
        ("cloid", "i8"),
        ("state", "i8"),
        ("s", "i8"),  # 0 bid, 1 ask
        ("px", "i8"),
        ("qty", "i8"),  # as sent
        ("left", "i8"),  # not filled yet
        ("sent_ns", "i8"),
        ("changed_ns", "i8"),
        ("is_reduce", "i8"),
        ("was_acknowledged", "i8"),
        ("amends", "i8"),  # cloid that this one replaces
        ("n_overtaken", "i8"),  # cancels of it that the venue answered before it knew the order
        ("node", "i8"),  # tracked order with our place in the queue and the frozen predictions
        ("quote_id", "i8"),
        # DESIGN: frozen with the decision, looked up by cloid when the fill comes
        ("fill_prediction_id", "i8"),
        ("as_prediction_id", "i8"),
        ("edge_prediction_id", "i8"),
        ("lag_prediction_id", "i8"),  # 0: no reference
        ("prediction_ns", "i8"),
        ("predicted_fill_prob", "f8"),  # within 10 s
        ("predicted_as_bps", "f8"),  # at 10 s
        ("predicted_edge_bps", "f8"),
        ("at_decision", records.SNAPSHOT),
    ]
)

ORDERS = record(
    [
        ("slot", ORDER, (CAPACITY,)),
        ("next_cloid", "i8"),
        ("live", "i4", (MAX_LIVE,)),  # slots that are not FREE or DONE, in no order
        ("n_live", "i8"),
        ("open_qty", "i8", (2,)),  # not yet filled, per side, all live states
        ("open_notional", "i8", (2,)),  # micro-units
        ("n_placed", "i8"),
        ("n_amended", "i8"),
        ("n_cancels", "i8"),
        ("n_rejected", "i8"),
        ("n_table_full", "i8"),
    ]
)


def reset(orders):
    """No orders."""
    orders.next_cloid = 1
    orders.n_live = 0


@inline
def find(orders, cloid):
    """Slot of a cloid, NONE if it is not (or no longer) in the table."""
    if cloid <= 0:
        return NONE
    i = cloid & MASK
    if orders.slot[i].cloid == cloid:
        return np.int64(i)
    return NONE


@inline
def is_live(order):
    """Whether the order may still rest at the venue."""
    return order.state != FREE and order.state != DONE


@inline
def may_cancel(order, now_ns):
    """Whether an order may be cancelled now; one whose cancel overtook it is not asked for again and again."""
    if order.state == SENT and order.n_overtaken > 0:
        pause_ns = CANCEL_AGAIN_NS << min(np.int64(order.n_overtaken - 1), MOST_DOUBLINGS)
        return now_ns - order.changed_ns >= pause_ns
    return order.state == SENT or order.state == RESTING


@inline
def has_room(orders):
    """Whether one more order fits."""
    return orders.n_live < MAX_LIVE


@inline
def next_cloid(orders):
    """The client order id that the next order gets."""
    while is_live(orders.slot[orders.next_cloid & MASK]):
        orders.next_cloid += 1  # a long-lived order holds that slot
    return np.int64(orders.next_cloid)


@compiled
def add(orders, s, px, qty, now_ns, is_reduce, replaces):
    """Enter a new order as SENT; returns its slot. Check `has_room` first."""
    cloid = next_cloid(orders)
    orders.next_cloid += 1
    i = cloid & MASK
    order = orders.slot[i]
    order.cloid = cloid
    order.state = SENT
    order.s = s
    order.px = px
    order.qty = qty
    order.left = qty
    order.sent_ns = now_ns
    order.changed_ns = now_ns
    order.is_reduce = is_reduce
    order.was_acknowledged = 0
    order.n_overtaken = 0
    order.amends = replaces
    order.node = NONE
    order.edge_prediction_id = 0
    order.lag_prediction_id = 0
    orders.live[orders.n_live] = i
    orders.n_live += 1
    orders.open_qty[s] += qty
    orders.open_notional[s] += qty * px
    return np.int64(i)


@inline
def take_off(orders, i, qty):
    """`qty` of an order is no longer open (filled or gone)."""
    order = orders.slot[i]
    order.left -= qty
    orders.open_qty[order.s] -= qty
    orders.open_notional[order.s] -= qty * order.px


@compiled
def finish(orders, i, now_ns):
    """The order is gone; its slot becomes a tombstone."""
    order = orders.slot[i]
    if not is_live(order):
        return
    take_off(orders, i, np.int64(order.left))
    order.state = DONE
    order.changed_ns = now_ns
    for n in range(orders.n_live):
        if orders.live[n] == i:
            orders.n_live -= 1
            orders.live[n] = orders.live[orders.n_live]
            break


@inline
def send(out, kind, now_ns, cloid, target, s, px, qty, reason, bits):
    """Write an action; a full buffer is an overflow."""
    if out.n_actions >= records.N_ACTIONS:
        out.overflow = 1
        return
    action = out.actions[out.n_actions]
    out.n_actions += 1
    action.decided_ns = now_ns
    action.cloid = cloid
    action.target = target
    action.px = px
    action.qty = qty
    action.reason = reason
    action.kind = kind
    action.side = 1 - 2 * s
    action.bits = bits


@compiled
def cancel(orders, out, i, now_ns, reason):
    """Ask for the cancellation of a live order, once."""
    order = orders.slot[i]
    if order.state == SENT or order.state == RESTING:
        order.state = CANCEL_SENT
        order.changed_ns = now_ns
        orders.n_cancels += 1
        zero = np.int64(0)
        send(out, actions.CANCEL, now_ns, np.int64(order.cloid), zero, np.int64(order.s), zero, zero, reason, zero)
