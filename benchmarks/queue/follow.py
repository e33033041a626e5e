"""Ghosts followed through a view of the market that shows sizes and trades, but no orders.

The steps are those of the exchange (src/touchstone/exchange/matching.py), with its own `advance_front` and
`executable`: a trade at our price moves the front; one beyond it, or an opposite touch at our price, fills; a shown
size moves the front by the queue model; beyond the visible book the queue is unknown and only a trade through our price
fills. The ghost's own size is taken out of every size shown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.queue.ghosts import (
    EXECUTED,
    LONGEST_NS,
    TAKES_OFF,
    Ghosts,
    columns,
    is_beyond,
    is_met,
    passes,
    taken_off,
)
from touchstone.core.conventions import NEVER_NS
from touchstone.core.jit import compiled, inline
from touchstone.core.market.queue import advance_front, executable
from touchstone.data.layout import Ints
from touchstone.data.lobster import Day

BOOK, TOUCH = np.int64(2), np.int64(1)  # what of the book a row shows; trades are always shown
SNAPSHOT_NS = 500_000_000
UNKNOWN = 1e18  # size ahead where nothing was shown
IN_PARTS = np.int64(1)
NOTHING, BEYOND = np.int64(-1), np.int64(-2)  # the row says nothing of our level; our level lies beyond the book

FRONT_ERROR, FRONT_ABS_ERROR = np.int64(0), np.int64(1)


@dataclass(frozen=True)
class Followed:
    """What each model says of each ghost, shape (ghosts, models)."""

    fill_ns: Ints  # NEVER_NS = not within the longest horizon
    front_error: NDArray[np.float64]  # model's size ahead less the true one, shares, mean over the time it is known
    front_abs_error: NDArray[np.float64]
    n_beyond_book: int  # ghosts whose level the view did not show when they came to rest


def full_view(day: Day) -> Ints:
    """The book after every message."""
    return np.full(len(day.px), BOOK)


def degraded_view(day: Day) -> Ints:
    """What Hyperliquid shows: the book each 0.5 s, the touch when it changes (price or size), and the trades."""
    time = day.messages["time_ns"]
    touch = np.concatenate((day.px[:, :, 0], day.qty[:, :, 0]), axis=1)
    changed = np.append(True, (touch[1:] != touch[:-1]).any(axis=1))
    snapshot = np.append(time[:-1] // SNAPSHOT_NS != time[1:] // SNAPSHOT_NS, False)  # the state at the grid point
    snapshot[0] = True
    return np.where(snapshot, BOOK, np.where(changed, TOUCH, 0))


def follow(day: Day, shows: Ints, ghosts: Ghosts, kinds: Ints, exponents: NDArray[np.float64]) -> Followed:
    """Every ghost under every queue model (kinds, exponents) through the view `shows`."""
    shape = (len(ghosts), len(kinds))
    fill_ns = np.full(shape, NEVER_NS)
    error = np.zeros((2, *shape))
    beyond = np.zeros(1, np.int64)
    _follow(
        *columns(day), day.px, day.qty, shows, ghosts.row, ghosts.last_row, ghosts.fill_ns, kinds, exponents, fill_ns,
        error, beyond, np.zeros(len(kinds)),
    )  # fmt: skip
    return Followed(fill_ns, error[FRONT_ERROR], error[FRONT_ABS_ERROR], int(beyond[0]))


@inline
def _shown(px, qty, i, s, own_px, own_left, what):
    """Size at our price without ours by what row i shows of the book; NOTHING, BEYOND."""
    if what == TOUCH:
        if passes(s, own_px, px[i, s, 0]) or px[i, s, 0] == 0:
            return np.int64(0)
        if px[i, s, 0] != own_px:
            return NOTHING
        return max(qty[i, s, 0] - own_left, np.int64(0))
    for level in range(px.shape[2]):
        if px[i, s, level] == own_px:
            return max(qty[i, s, level] - own_left, np.int64(0))
    return BEYOND if is_beyond(s, own_px, px[i, s, px.shape[2] - 1]) else np.int64(0)


@inline
def _shown_at_entry(px, qty, shows, row, s, own_px, own_size):
    """What the view last said of our level when we joined it; our own size is in row `row`, not before."""
    own_left = own_size
    for i in range(row, -1, -1):
        if shows[i] != 0:
            qty_shown = _shown(px, qty, i, s, own_px, own_left, shows[i])
            if qty_shown != NOTHING:
                return qty_shown
        own_left = np.int64(0)
    return BEYOND


@compiled
def _follow(
    time, kind, order_id, size, price, side, px, qty, shows, rows, last_rows, true_fill_ns, kinds, exponents, fill_ns,
    error, beyond, front,
):  # fmt: skip
    deepest = px.shape[2] - 1
    n_models = len(kinds)
    for g in range(len(rows)):
        row = rows[g]
        own_px, own_id, own_left = price[row], order_id[row], size[row]
        s = (np.int64(1) - side[row]) >> 1
        ahead = _shown(px, qty, row, s, own_px, own_left, BOOK)  # true size ahead
        ahead_is_known = True
        known_ns = np.int64(0)
        shown = _shown_at_entry(px, qty, shows, row, s, own_px, own_left)
        is_known = shown >= 0
        if not is_known:
            beyond[0] += 1
        front[:] = np.float64(shown) if is_known else UNKNOWN
        traded = np.int64(0)
        now = time[row]
        n_open = n_models
        for i in range(row + 1, len(time)):
            until = min(time[i], time[row] + LONGEST_NS, true_fill_ns[g])
            if ahead_is_known and is_known and until > now:
                known_ns += until - now
                for k in range(n_models):
                    off = (front[k] - np.float64(ahead)) * np.float64(until - now)
                    error[FRONT_ERROR, g, k] += off
                    error[FRONT_ABS_ERROR, g, k] += abs(off)
            now = time[i]
            if now > time[row] + LONGEST_NS:
                break
            if order_id[i] == own_id:
                own_left = taken_off(kind[i], size[i], own_left)
            elif order_id[i] < own_id and price[i] == own_px and side[i] == side[row] and kind[i] in TAKES_OFF:
                ahead = max(ahead - size[i], np.int64(0))
            if is_beyond(s, own_px, px[i, s, deepest]):
                ahead_is_known = False
                if i > last_rows[g]:
                    own_left = np.int64(0)

            is_through = False
            if kind[i] == EXECUTED and side[i] == side[row]:
                is_through = passes(s, own_px, price[i])
                if price[i] == own_px and is_known:
                    traded += size[i]
                    for k in range(n_models):
                        front[k] -= np.float64(size[i])
                        if executable(front[k], IN_PARTS) > 0 and fill_ns[g, k] == NEVER_NS:
                            fill_ns[g, k] = now
                            n_open -= 1
                        front[k] = max(front[k], 0.0)
            if is_through or (shows[i] != 0 and is_met(s, own_px, px[i, 1 - s, 0])):
                for k in range(n_models):
                    fill_ns[g, k] = min(fill_ns[g, k], now)
                n_open = 0
            if n_open == 0 and true_fill_ns[g] <= now:
                break
            if shows[i] == 0:
                continue
            new = _shown(px, qty, i, s, own_px, own_left, shows[i])
            if new == NOTHING:
                continue
            if new == BEYOND:
                is_known = False
            elif not is_known:
                is_known = True
                for k in range(n_models):
                    front[k] = min(front[k], np.float64(new))
                shown = new
            elif new != shown or traded != 0:
                for k in range(n_models):
                    moved = advance_front(
                        kinds[k], exponents[k], front[k], np.float64(shown), np.float64(new), np.float64(traded)
                    )
                    front[k] = max(moved, 0.0)
                shown = new
            traded = np.int64(0)
        for k in range(n_models):
            for m in range(2):
                error[m, g, k] = error[m, g, k] / np.float64(known_ns) if known_ns > 0 else np.nan
