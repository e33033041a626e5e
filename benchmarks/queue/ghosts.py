"""Real orders as ghosts, and what truly happened at their place in the queue.

A *ghost* is a real order that joined a visible level behind others. Its truth is known because orders have numbers:

* While the real order rests, its own executions are the truth.
* After it was cancelled, a virtual order keeps its place. Orders at its price are served by age, and order numbers rise
  with age, so it is reached when an order *younger* than it is executed at its price, when an execution happens at a
  worse price of its side, or when an opposite order comes to rest at or beyond its price: that one would have met it.
* Everybody else is taken to act as they did.

The size ahead starts as all that the level shows at entry; it shrinks when an older order at that price is reduced,
deleted or executed. It is known as long as the level stays among the visible ones: further out nothing is reported. A
real order that is never named again has left while its level was out of sight; it counts as gone from then on.
Hidden executions are left out of truth and views alike: on the venue that we trade on there are no hidden orders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.core.conventions import FILL_HORIZONS_NS, NEVER_NS
from touchstone.core.jit import compiled, inline
from touchstone.data import lobster
from touchstone.data.layout import Ints
from touchstone.data.lobster import Day

LONGEST_NS = np.int64(max(FILL_HORIZONS_NS))
REDUCED, DELETED, EXECUTED = np.int64(lobster.REDUCED), np.int64(lobster.DELETED), np.int64(lobster.EXECUTED)
TAKES_OFF = (REDUCED, DELETED, EXECUTED)


@dataclass(frozen=True)
class Ghosts:
    """One entry per ghost; times in ns, NEVER_NS = not within the longest horizon of the entry."""

    row: Ints  # its row of the day
    last_row: Ints  # the last row that names it
    level: Ints  # 1 = touch
    ahead: Ints  # shares ahead at entry
    entry_ns: Ints
    fill_ns: Ints  # first fill of the order, or of the virtual one at its place
    gone_ns: Ints  # the real order was cancelled, or left unseen
    n_out_of_turn: int  # ghosts that were passed over while they rested: an order behind was served first

    def __len__(self) -> int:
        return len(self.row)


def find(day: Day) -> Ghosts:
    """Every order of the day that joined a visible level on which others already waited."""
    new = np.flatnonzero(day.messages["type"] == lobster.NEW)
    side = (1 - day.messages["side"][new].astype(np.int64)) // 2
    at_price = day.px[new, side] == day.messages["price"][new][:, None]
    ahead = np.where(at_price, day.qty[new, side], 0).sum(axis=1) - day.messages["size"][new]
    joined = at_price.any(axis=1) & (ahead > 0)
    row = new[joined]
    outcome = np.full((len(row), 2), NEVER_NS)
    flags = np.zeros(len(row), np.int64)
    last_row = _last_rows(day)[row]
    _truth(*columns(day), day.px, row, last_row, outcome, flags)
    level = np.argmax(at_price[joined], axis=1) + 1
    entry_ns = day.messages["time_ns"][row]
    return Ghosts(row, last_row, level, ahead[joined], entry_ns, outcome[:, 0], outcome[:, 1], int(flags.sum()))


def _last_rows(day: Day) -> Ints:
    """For each row the last row that names the same order."""
    order = np.argsort(day.messages["order_id"], kind="stable")
    ids = day.messages["order_id"][order]
    ends = np.flatnonzero(np.append(ids[1:] != ids[:-1], True))
    last: Ints = np.empty(len(order), np.int64)
    last[order] = order[ends[np.searchsorted(ends, np.arange(len(order)))]]
    return last


def columns(day: Day) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """Time, type, order id, size, price, side of every message, for compiled code."""
    names = ("time_ns", "type", "order_id", "size", "price", "side")
    made: list[NDArray[np.int64]] = [np.ascontiguousarray(day.messages[name], dtype=np.int64) for name in names]
    return made[0], made[1], made[2], made[3], made[4], made[5]


@inline
def passes(s, px, other_px):
    """Whether `other_px` is worse than `px` for side s: an execution there went through px."""
    return other_px < px if s == 0 else other_px > px


@inline
def is_met(s, px, opposite):
    """Whether an opposite touch (0 = none) at or beyond our price would have met us."""
    return opposite > 0 and (opposite <= px if s == 0 else opposite >= px)


@inline
def is_beyond(s, px, deepest):
    """Whether our price lies deeper than the deepest visible level (0 = the book has fewer levels: all is shown)."""
    return deepest > 0 and (px < deepest if s == 0 else px > deepest)


@inline
def taken_off(kind, size, left):
    """What a message leaves of the order it names."""
    if kind == DELETED:
        return np.int64(0)
    return max(left - size, np.int64(0)) if kind in TAKES_OFF else left


@compiled
def _truth(time, kind, order_id, size, price, side, px, rows, last_rows, outcome, flags):
    deepest = px.shape[2] - 1
    for g in range(len(rows)):
        row = rows[g]
        own_px, own_id, own_left = price[row], order_id[row], size[row]
        s = (np.int64(1) - side[row]) >> 1
        for i in range(row + 1, len(time)):
            if time[i] > time[row] + LONGEST_NS:
                break
            if order_id[i] == own_id:
                if kind[i] == EXECUTED:
                    outcome[g, 0] = time[i]
                    break
                own_left = taken_off(kind[i], size[i], own_left)
            elif i > last_rows[g] and is_beyond(s, own_px, px[i, s, deepest]):
                own_left = np.int64(0)
            if own_left == 0 and outcome[g, 1] == NEVER_NS:
                outcome[g, 1] = time[i]
            is_served = kind[i] == EXECUTED and side[i] == side[row]
            is_reached = is_served and (passes(s, own_px, price[i]) or (price[i] == own_px and order_id[i] > own_id))
            if is_reached or is_met(s, own_px, px[i, 1 - s, 0]):
                outcome[g, 0] = time[i]
                if own_left > 0:
                    flags[g] = 1
                break
