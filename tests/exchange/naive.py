"""A naive maker for measuring the market with: one order a side, a fixed distance from mid, moved on a clock."""

from typing import Any

import numpy as np

from touchstone.backtest import scenario
from touchstone.backtest.scenario import Scenario
from touchstone.core import actions, events
from touchstone.core import grid as price_grid
from touchstone.core.actions import ACTION
from touchstone.core.conventions import MS, NEVER_NS
from touchstone.core.jit import compiled, record
from touchstone.exchange import engine, feed, market, orderbook, rules, venue
from touchstone.exchange.agents import noise

SZ = 2
QTY = np.int64(50)  # half a coin, about 20 USD
SEES_BLOCKS = np.int64(2)  # what it knows of the book is 0.14 s old
ZERO = np.int64(0)
NAIVE = record([("action", ACTION), ("cloid", "i8")])


@compiled
def trade(world, venues, naive, half_bps, every, mid2, n_blocks):
    """Quote for n_blocks, moving both orders each `every` blocks; mid2[i]: the book's after block i, 0 one-sided."""
    the_venue = venues[0]
    for i in range(n_blocks):
        market.block(world, venues)
        mid2[i] = orderbook.mid2(world.book)
        the_venue.responses.n = 0  # it does not listen
        if i % every == 0 and i >= SEES_BLOCKS and mid2[i - SEES_BLOCKS] > 0:
            for s in range(2):
                _quote(world, the_venue, naive, np.int64(s), half_bps, np.float64(mid2[i - SEES_BLOCKS]) * 0.5)


@compiled
def _quote(world, the_venue, naive, s, half_bps, mid):
    side = np.int64(1 - 2 * s)
    wanted = mid * (1.0 - np.float64(side) * half_bps * 1e-4)
    grid = world.grid
    index = price_grid.index_at_or_below(grid, wanted) if s == 0 else price_grid.index_at_or_above(grid, wanted)
    px = price_grid.price_of(grid, index)
    action = naive.action
    action.kind = actions.PLACE
    if the_venue.orders.n[s] > 0:
        order = the_venue.orders.slot[the_venue.orders.live[s, 0]]
        if order.px == px:
            return
        action.kind = actions.AMEND
        action.target = order.cloid
    naive.cloid += 1
    action.cloid = naive.cloid
    action.px = px
    action.qty = QTY
    action.side = side
    action.bits = actions.BIT_ALO
    engine.send(the_venue, action, np.int64(world.now_ns))


def new_market(given: Scenario, seed: int, **changes: Any) -> tuple[Any, Any]:
    """World and account at the start; nobody hears the public rows."""
    world, venues = np.zeros(1, market.WORLD), np.zeros(1, venue.VENUE)
    params = scenario.world_params(given, SZ, 10.0)
    market.reset(world[0], params, np.int64(seed))
    world[0].feed.is_on = 0
    plain = {"block_ns": int(params.block_ns), "order_latency": 100 * MS, "cancel_latency": 100 * MS}
    venue.reset(venues[0], rules.hyperliquid_params(SZ, **(plain | changes)))
    return world, venues


def measure(given: Scenario, seeds: range, *, hours: float, half_bps: float, refresh_s: float = 1.0) -> dict[str, Any]:
    """Fills of the naive maker over some runs: per hour, adverse selection at 10 s with its standard error, ..."""
    block_s = given.market.block_ms / 1e3
    n = round(hours * 3600 / block_s)
    later = round(10.0 / block_s)
    counts, adverse, capture, informed = [], [], [], []
    for seed in seeds:
        world, venues = new_market(given, seed)
        naive = np.zeros(1, NAIVE)[0]
        fills, done = [], 0
        mid2 = np.zeros(n, np.int64)
        start_ns = int(world[0].now_ns)
        while done < n:
            part = min(10_000, n - done)
            trade(world[0], venues, naive, half_bps, np.int64(round(refresh_s / block_s)), mid2[done:], np.int64(part))
            done += part
            fills.append(world["truth"][0][: int(world[0].n_truth)].copy())
            assert world[0].n_truth_lost == 0
            world[0].n_truth = 0
        rows = np.concatenate(fills).view(np.ndarray)
        at = (rows["exch_ns"] - start_ns) // round(block_s * 1e9) - 1
        rows, at = rows[(at > 0) & (at + later < n)], at[(at > 0) & (at + later < n)]
        before, after = mid2[at - 1] / 2, mid2[at + later] / 2
        seen = (before > 0) & (after > 0)
        side, px = rows["side"][seen], rows["px"][seen]
        before, after = before[seen], after[seen]
        counts.append(len(rows) / hours)
        adverse.append(-side * (after / before - 1) * 1e4)
        capture.append(side * (before / px - 1) * 1e4)
        informed.append(rows["informed"][seen])
    loss, gain, who = np.concatenate(adverse), np.concatenate(capture), np.concatenate(informed)
    return {
        "fills_per_h": float(np.mean(counts)),
        "fills_se": float(np.std(counts, ddof=1) / np.sqrt(len(counts))),
        "adverse_bps": float(loss.mean()),
        "adverse_se": float(loss.std(ddof=1) / np.sqrt(len(loss))),
        "capture_bps": float(gain.mean()),
        "edge_sd_bps": float((gain - loss).std(ddof=1)),
        "informed_share": float(who.mean()),
        "adverse_informed_bps": float(loss[who == 1].mean()),
        "adverse_noise_bps": float(loss[who == 0].mean()),
        "n": len(loss),
    }


@compiled
def wish(world, first, n_blocks):
    """Slices that the noise takers want in n_blocks blocks from `first` on."""
    before = np.int64(world.noise.n_slices)
    for i in range(n_blocks):
        noise.wish(world.noise, world.params.noise, first + i)
    return world.noise.n_slices - before


@compiled
def listen(world, venues, rows, n_blocks):
    """Run n_blocks and keep the trades and touches of both venues in order of arrival; returns how many."""
    n = ZERO
    for _ in range(n_blocks):
        market.block(world, venues)
        while feed.next_ns(world.feed) < NEVER_NS and n < len(rows):
            row = feed.next_row(world.feed)
            if row.kind == events.TRADE or row.kind == events.BBO or row.kind == events.REFERENCE_BBO:
                rows[n] = row
                n += 1
    return n
