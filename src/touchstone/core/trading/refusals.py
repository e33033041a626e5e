"""An exchange that refuses what we send: each side waits, twice as long each time, before it tries again.

A halted coin, an account without margin or an address over its request limit refuse everything for a while; asking
again at each decision would spend the quota on it. Refusals that a moving market explains (a post-only order that would
have crossed, an amend whose order was filled meanwhile) are none of these. What rests stays, and may be cancelled.
"""

import numpy as np

from touchstone.core import events
from touchstone.core.conventions import MS, NS
from touchstone.core.jit import inline, record

FIRST_NS, MOST_NS = np.int64(250 * MS), np.int64(30 * NS)
ROUND_NS = np.int64(100 * MS)  # refusals within this time answer one round of orders
MOST_DOUBLINGS = np.int64(7)  # 250 ms x 2^7 is more than the most

REFUSALS = record(
    [
        ("in_a_row", "i8", (2,)),  # rounds of a side that were refused since one of its orders was accepted
        ("round_ns", "i8", (2,)),  # when the newest of them was
        ("until_ns", "i8", (2,)),  # no order of the side is sent before
        ("n_rounds_refused", "i8"),
    ]
)


@inline
def is_explained(code):
    """Whether a market that moved explains the refusal."""
    return code == events.REJECT_BAD_ALO_PX or code == events.REJECT_AMEND_TARGET_GONE


@inline
def on_refused(refusals, s, now_ns):
    """An order of side s was refused without the market's doing. One round may be an accident, two in a row are not."""
    if refusals.in_a_row[s] > 0 and now_ns - refusals.round_ns[s] < ROUND_NS:
        return
    refusals.round_ns[s] = now_ns
    refusals.n_rounds_refused += 1
    refusals.in_a_row[s] += 1
    doublings = np.int64(refusals.in_a_row[s] - 2)
    if doublings >= 0:
        refusals.until_ns[s] = now_ns + min(FIRST_NS << min(doublings, MOST_DOUBLINGS), MOST_NS)


@inline
def on_accepted(refusals, s):
    """An order of side s rests: nothing is waited for any more."""
    refusals.in_a_row[s] = 0
    refusals.until_ns[s] = 0


@inline
def is_waiting(refusals, s, now_ns):
    """Whether side s sends nothing new for now."""
    return now_ns < refusals.until_ns[s]
