"""The book as a person sees it, with our orders and their places in the queues. Nothing of the core is touched."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from touchstone.core.trading import orders as order_table

LEVELS = 12  # of each side, and those behind them that hold orders of ours
REACH = 2_000  # slots behind the touch that are looked at
SIDES = ("bid", "ask")


def book(state: Any) -> dict[str, list[dict[str, float]]]:
    """Levels of each side from the touch outward: price, size of the others, size of ours; in units of the coin."""
    view, decimals = state.book, int(state.params.sz_decimals)
    price_units, size_units = 10 ** (6 - decimals), 10**decimals
    bands, origin = _bands(state.grid), int(view.origin)
    sides = {}
    for s, side in enumerate(SIDES):
        best = max(int(view.crest[s]), 0)  # over an empty side nothing is found
        first, end = (max(best - REACH, 0), best + 1) if s == 0 else (best, best + REACH)
        shown, own = (np.asarray(array[s])[first:end] for array in (view.qty, view.own))
        found = np.flatnonzero(shown)
        found = found[::-1] if s == 0 else found
        is_shown = own[found] > 0  # ours however deep they are
        is_shown[:LEVELS] = True
        found = found[is_shown]
        sides[side] = [
            {
                "px": px(bands, origin + first + slot) / price_units,
                "size": max(total - ours, 0) / size_units,
                "own": ours / size_units,
            }
            for slot, total, ours in zip(found.tolist(), shown[found].tolist(), own[found].tolist(), strict=True)
        ]
    return sides


Bands = list[tuple[int, int, int]]  # first index, its price, tick


def _bands(grid: Any) -> Bands:
    parts = (np.asarray(part)[: int(grid.n_bands)] for part in (grid.band_index, grid.band_px, grid.band_tick))
    return list(zip(*(part.tolist() for part in parts), strict=True))


def px(bands: Bands, index: int) -> int:
    """Price of a grid index, in price units; `grid.price_of` would remember the band that it found."""
    first, first_px, tick = next(band for band in reversed(bands) if index >= band[0])
    return first_px + (index - first) * tick


def orders(state: Any, live: Iterable[Any]) -> list[dict[str, Any]]:
    """Our orders that may rest, nearest to the mid first: where each stands, how much is ahead of it, its forecasts."""
    decimals, now_ns, mid2 = int(state.params.sz_decimals), int(state.now_ns), int(state.book.mid2)
    price_units, size_units = 10 ** (6 - decimals), 10**decimals
    found = []
    for order in live:
        s, at = int(order.s), int(order.px)
        node = state.ledger.tracker.node[int(order.node)] if int(order.node) >= 0 else None
        is_followed = node is not None and int(node.cloid) == int(order.cloid) and bool(node.is_known)
        ahead = max(float(node.queue_ahead), 0.0) / size_units if is_followed and node is not None else None
        found.append(
            {
                "cloid": int(order.cloid),
                "quote_id": int(order.quote_id),
                "side": SIDES[s],
                "state": order_table.STATE_NAMES[int(order.state)],
                "px": at / price_units,
                "size": int(order.left) / size_units,
                "depth_bps": (1 - 2 * s) * (mid2 / 2 - at) / (mid2 / 2) * 1e4 if mid2 else None,
                "queue_ahead": ahead,  # None: not known, beyond the book or not shown yet
                "age_s": (now_ns - int(order.sent_ns)) / 1e9,
                "fill_p_10s": float(order.predicted_fill_prob),
                "adverse_bps_10s": float(order.predicted_as_bps),
            }
        )
    return sorted(found, key=lambda each: abs(each["depth_bps"] or 0.0))
