"""What goes out: one record per request to the venue."""

import numpy as np

from touchstone.core.jit import record

ACTION = record(
    [
        ("decided_ns", "i8"),  # recv_ns of the event that caused it
        ("cloid", "i8"),  # client order id: unique within a session, > 0
        ("target", "i8"),  # AMEND: cloid of the order that it replaces
        ("px", "i8"),  # price units
        ("qty", "i8"),  # size units
        ("reason", "i4"),  # REASON_*
        ("kind", "u1"),
        ("side", "i1"),
        ("bits", "u2"),
    ]
)

PLACE = np.int64(1)
AMEND = np.int64(2)  # one request: cancel `target`, place `cloid` (new id, loses its place in the queue)
CANCEL = np.int64(3)
CANCEL_ALL = np.int64(4)

BIT_ALO = np.int64(1)  # add liquidity only
BIT_IOC = np.int64(2)
BIT_REDUCE_ONLY = np.int64(4)
BIT_GTC = np.int64(8)  # good till cancel: takes, then rests what is left; the core sends none, other clients do

REASON_NAMES = ("quote", "reprice", "unwanted", "risk", "operator", "gate", "reduce")
REASON_QUOTE = np.int64(0)  # the ladder wants it
REASON_REPRICE = np.int64(1)  # better elsewhere, cost of the move included
REASON_UNWANTED = np.int64(2)  # no level wants it
REASON_RISK = np.int64(3)  # a limit or breaker
REASON_OPERATOR = np.int64(4)
REASON_GATE = np.int64(5)
REASON_REDUCE = np.int64(6)  # the reducing side
