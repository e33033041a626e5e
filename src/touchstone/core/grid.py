"""The venue's price and size rules: five significant figures, decimals, minimum notional.

A price is an integer number of 10^-(6-szDecimals), a size of 10^-szDecimals; their product is exact micro-units of the
collateral. Valid prices have at most five significant figures and at most 6-szDecimals decimals; whole numbers are
always valid. So the tick changes with the price decade, and every valid price has a dense integer *index*: neighbours
differ by one, across decades too.
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record

N_BANDS = 8  # price bands of one tick each; band 0 has tick 1

GRID = record(
    [
        ("sz_decimals", "i8"),
        ("n_bands", "i8"),
        ("band_px", "i8", (N_BANDS,)),  # first price of the band
        ("band_index", "i8", (N_BANDS,)),  # its index
        ("band_tick", "i8", (N_BANDS,)),
        # the band in use, cached
        ("px_lo", "i8"),
        ("px_hi", "i8"),
        ("index_lo", "i8"),
        ("index_hi", "i8"),
        ("tick", "i8"),
        ("per_tick", "f8"),
        ("min_notional", "i8"),  # micro-units of collateral
    ]
)

FAR = np.int64(1 << 60)
LARGEST_PX = 1e15  # a float above it (or infinite) is taken as this price


@compiled
def reset(grid, sz_decimals, min_notional):
    """Lay out the bands for a coin with `sz_decimals` (0..6); `min_notional` in micro-units of collateral."""
    grid.sz_decimals = sz_decimals
    grid.min_notional = min_notional
    largest_tick = np.int64(1)
    for _ in range(6 - sz_decimals):
        largest_tick *= 10
    px = np.int64(0)
    index = np.int64(0)
    tick = np.int64(1)
    end = np.int64(100_000)  # five figures
    n = np.int64(0)
    while True:
        grid.band_px[n] = px
        grid.band_index[n] = index
        grid.band_tick[n] = tick
        n += 1
        if tick >= largest_tick:
            break
        index += (end - px) // tick
        px = end
        end *= 10
        tick *= 10
    grid.n_bands = n
    _use_band(grid, np.int64(0))


@inline
def _use_band(grid, band):
    grid.px_lo = grid.band_px[band]
    grid.index_lo = grid.band_index[band]
    grid.tick = grid.band_tick[band]
    grid.per_tick = 1.0 / np.float64(grid.tick)
    if band + 1 < grid.n_bands:
        grid.px_hi = grid.band_px[band + 1]
        grid.index_hi = grid.band_index[band + 1]
    else:
        grid.px_hi = FAR
        grid.index_hi = FAR


@compiled
def _find_px(grid, px):
    band = np.int64(grid.n_bands - 1)
    while band > 0 and px < grid.band_px[band]:
        band -= 1
    _use_band(grid, band)


@compiled
def _find_index(grid, index):
    band = np.int64(grid.n_bands - 1)
    while band > 0 and index < grid.band_index[band]:
        band -= 1
    _use_band(grid, band)


@inline
def index_of(grid, px):
    """Index of a valid price (price units > 0). An off-grid price is rounded to the nearest index: check first."""
    if px < grid.px_lo or px >= grid.px_hi:
        _find_px(grid, px)
    return grid.index_lo + np.int64(np.float64(px - grid.px_lo) * grid.per_tick + 0.5)


@inline
def price_of(grid, index):
    """Price (price units) of an index >= 0."""
    if index < grid.index_lo or index >= grid.index_hi:
        _find_index(grid, index)
    return grid.px_lo + (index - grid.index_lo) * grid.tick


@inline
def tick_at(grid, px):
    """Tick (price units) of the band that holds `px`."""
    if px < grid.px_lo or px >= grid.px_hi:
        _find_px(grid, px)
    return np.int64(grid.tick)


@inline
def is_valid_price(grid, px):
    """Whether `px` (price units) is positive and on the grid."""
    if px <= 0:
        return False
    tick = tick_at(grid, px)
    above = px - grid.px_lo  # the band begins on the grid
    return np.int64(np.float64(above) * grid.per_tick + 0.5) * tick == above


@inline
def whole_ticks(grid, distance):
    """How many ticks of the band last asked for fit into a distance >= 0 in price units; no division."""
    ticks = np.int64(np.float64(distance) * grid.per_tick + 0.5)
    return ticks - 1 if ticks * grid.tick > distance else ticks


@inline
def index_at_or_below(grid, px):
    """Index of the highest valid price <= px, px a float in price units; at least 1."""
    whole = np.int64(1)  # also for NaN
    if px >= LARGEST_PX:
        whole = np.int64(LARGEST_PX)
    elif px >= 1.0:
        whole = np.int64(math.floor(px))
    if whole < grid.px_lo or whole >= grid.px_hi:
        _find_px(grid, whole)
    return grid.index_lo + whole_ticks(grid, whole - grid.px_lo)


@inline
def index_at_or_above(grid, px):
    """Index of the lowest valid price >= px, px a float in price units; at least 1."""
    index = index_at_or_below(grid, px)
    if np.float64(price_of(grid, index)) < px:
        index += 1
    return index


@inline
def index_nearest(grid, px):
    """Index of the valid price nearest to px, px a float in price units; at least 1, the even one of two."""
    below = index_at_or_below(grid, px)
    low = np.float64(price_of(grid, below))
    rest = (px - low) / np.float64(grid.tick)
    if rest > 0.5 or (rest == 0.5 and below & 1):
        return below + 1
    return below


@inline
def smallest_order_qty(grid, px):
    """Least size (size units, at least 1) whose notional at `px` reaches the minimum notional; FAR where px <= 0."""
    if px <= 0:
        return FAR
    if grid.min_notional <= px:
        return np.int64(1)
    return (grid.min_notional + px - 1) // px
