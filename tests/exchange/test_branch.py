"""The futures of a market: frequencies against closed forms, and a branch that leaves the original alone.

Run as a program this file prints the waits of a few futures; a test compares them with and without the compiler.
"""

import json
import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from touchstone.core import actions
from touchstone.core import grid as price_grid
from touchstone.core.actions import ACTION
from touchstone.core.conventions import MS, NEVER_NS, NS
from touchstone.exchange import branch, engine, market, orderbook, rules, venue
from touchstone.exchange.agents import makers

BLOCK_NS, LATENCY_NS, RESPONSE_NS = 70 * MS, 200 * MS, 140 * MS
START_NS = 1_700_000_040 * NS // BLOCK_NS * BLOCK_NS
HORIZONS_S = (1, 10, 60)
TAKERS_PER_S = 0.1  # of both sides together
SLICE_QTY = 1_000
N_FUTURES = 4_000
PX, LOT = 400_000, np.int64(100)


def poisson_market(takers_per_s: float = TAKERS_PER_S) -> Any:
    """Nobody but takers that come as a Poisson process, each on a side by lot, all of one size; around 40.00."""
    world = np.zeros(1, market.WORLD)
    params = np.zeros(1, market.WORLD_PARAMS)[0]
    params.sz_decimals, params.min_notional = 2, 0
    params.block_ns, params.start_ns, params.price = BLOCK_NS, START_NS, PX
    params.latent.volatility_bps, params.latent.volatility_memory_s = 1e-6, 600.0
    params.latent.jump_mean_bps, params.latent.jump_memory_s, params.latent.jump_persistence = 1.0, 30.0, 0.5
    params.impact.notional, params.impact.memory_s = 1e9, 20.0
    params.noise.per_s, params.noise.memory_s, params.noise.parents = takers_per_s, 5.0, 1
    params.noise.length_exponent = 1e9  # parents of one slice: sides are independent
    params.noise.notional = SLICE_QTY * PX + PX // 2
    params.noise.least_reach_bps, params.noise.reach_bps = 20.0, 1e-9
    market.reset(world[0], params, np.int64(5))
    return world


class Orders:
    """Orders of ours in the futures of a market: the venue's rules with constant latency."""

    def __init__(self, world: Any) -> None:
        self.world = world
        params = rules.hyperliquid_params(
            2, min_notional=0, order_latency=LATENCY_NS, response_ns=RESPONSE_NS, block_ns=BLOCK_NS
        )
        self.params = np.array([params], rules.VENUE_PARAMS)
        self.scratch = np.zeros(1, market.WORLD), np.zeros(1, venue.VENUE)

    def waits(self, side: int, px: int, *, seed: int = 1, count: int = N_FUTURES, after_ns: int = 0) -> Any:
        order = np.zeros(1, ACTION)
        order[0].decided_ns = int(self.world[0].now_ns) + after_ns
        order[0].cloid, order[0].kind, order[0].side, order[0].bits = 1, actions.PLACE, side, actions.BIT_ALO
        order[0].px, order[0].qty = px, LOT
        waited = np.zeros(count, np.int64)
        horizon = np.int64(HORIZONS_S[-1] * NS)
        branch.fill_times(self.world, self.params, order, np.int64(seed), horizon, *self.scratch, waited)
        return waited


def blocks_at_risk(horizon_s: int, after_ns: int) -> int:
    """Blocks in which an order rests, and of whose trades we hear in time; it was decided after_ns after a block."""
    first = math.ceil((after_ns + LATENCY_NS) / BLOCK_NS)
    last = (horizon_s * NS + after_ns - RESPONSE_NS) // BLOCK_NS
    return last - first + 1


def assert_frequency(waits: Any, horizon_s: int, exact: float) -> None:
    found = (waits <= horizon_s * NS).mean()
    assert abs(found - exact) < 4.0 * math.sqrt(exact * (1.0 - exact) / len(waits)), f"{horizon_s} s"


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("takers_per_s", "horizon_s"), [(1.5, 1), (0.2, 10), (0.03, 60)])
def test_frequencies_are_those_of_a_poisson_taker(side: int, takers_per_s: float, horizon_s: int) -> None:
    after_ns = 33 * MS
    waits = Orders(poisson_market(takers_per_s)).waits(side, PX - 100 * side, after_ns=after_ns)
    exposure_s = blocks_at_risk(horizon_s, after_ns) * BLOCK_NS / NS
    assert_frequency(waits, horizon_s, 1.0 - math.exp(-takers_per_s / 2 * exposure_s))


def test_an_order_waits_for_the_queue_before_it() -> None:
    world = poisson_market()
    px = PX - 100
    index = np.int64(index_of(world, px))
    ahead = np.int64(2 * SLICE_QTY)  # two takers pass before the third meets us
    orderbook.place(world[0].book, orderbook.BID, np.int64(px), index, ahead, makers.FIRST_OWNER, np.int64(0))
    waits = Orders(world).waits(1, px)
    for horizon_s in HORIZONS_S[1:]:
        mean = TAKERS_PER_S / 2 * blocks_at_risk(horizon_s, 0) * BLOCK_NS / NS
        before = TAKERS_PER_S / 2 * (math.ceil(LATENCY_NS / BLOCK_NS) - 1) * BLOCK_NS / NS  # takers before we come
        total = mean + before
        third = 1.0 - math.exp(-total) * (1.0 + total + total * total / 2.0)
        early = 1.0 - math.exp(-before) * (1.0 + before + before * before / 2.0)  # of order 1e-6
        assert_frequency(waits, horizon_s, third - early)


def index_of(world: Any, px: int) -> int:
    return int(price_grid.index_of(world[0].grid, np.int64(px)))


def test_a_branch_leaves_the_market_as_it_was_and_repeats_itself() -> None:
    world = poisson_market()
    before = world.tobytes()
    orders = Orders(world)
    first, again, other = (orders.waits(1, PX - 100, seed=seed, count=200) for seed in (1, 1, 2))
    assert world.tobytes() == before
    assert (first == again).all()
    assert (first != other).any()
    assert (first[:100] == orders.waits(1, PX - 100, seed=1, count=100)).all()  # futures do not depend on their number


def test_an_order_that_would_cross_is_refused() -> None:
    world = poisson_market()
    px = PX + 100
    index = np.int64(index_of(world, px))
    orderbook.place(world[0].book, orderbook.ASK, np.int64(px), index, LOT, makers.FIRST_OWNER, np.int64(0))
    orders = Orders(world)
    crossing, behind = orders.waits(1, px, count=200), orders.waits(1, px - 10, count=200)
    ask_gone = crossing != branch.REFUSED_NS  # a taker came before us: the price is free
    assert ask_gone.mean() < 0.1
    assert (behind != branch.REFUSED_NS).all()
    assert (behind == NEVER_NS).any()


def test_detaching_withdraws_our_orders_and_nothing_else() -> None:
    world = poisson_market()
    account = np.zeros(1, venue.VENUE)
    venue.reset(account[0], Orders(world).params[0])
    order = np.zeros(1, ACTION)
    order[0].decided_ns = world[0].now_ns
    order[0].cloid, order[0].kind, order[0].side, order[0].bits = 1, actions.PLACE, 1, actions.BIT_ALO
    order[0].px, order[0].qty = PX - 100, LOT
    engine.send(account[0], order[0], np.int64(world[0].now_ns))
    market.run(world[0], account, np.int64(4))
    index = np.int64(index_of(world, PX - 100))
    orderbook.place(
        world[0].book, orderbook.BID, np.int64(PX - 100), index, np.int64(7), makers.FIRST_OWNER, np.int64(0)
    )
    assert orderbook.qty_at(world[0].book, orderbook.BID, index) == LOT + 7
    venue_before, original = account.tobytes(), world.copy()
    branch.detach(world, account)
    assert orderbook.qty_at(world[0].book, orderbook.BID, index) == 7
    assert orderbook.qty_at(original[0].book, orderbook.BID, index) == LOT + 7
    assert account.tobytes() == venue_before


def few_waits() -> list[int]:
    return [int(wait) for wait in Orders(poisson_market(1.0)).waits(1, PX - 100, count=8)]


def test_same_futures_compiled_and_plain() -> None:
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
    done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == few_waits()
    assert len(set(few_waits())) > 4


if __name__ == "__main__":
    print(json.dumps(few_waits()))
