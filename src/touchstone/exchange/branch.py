"""What could have happened: many futures of one market, and when an order of ours would have been filled in each.

A branch is a copy of the market's record, given another future by `market.reseed`. In it our other orders are withdrawn
(the models' book is net of them too) and nobody trades for us but the one order: an account of its own, the venue's own
path. So the share of the futures in which it is filled in time is P(fill) of that order, given all that the market is,
also what nobody can see of it. Nothing of the original changes.
"""

import numpy as np

from touchstone.core.conventions import NEVER_NS
from touchstone.core.jit import compiled
from touchstone.core.numerics import hash_u64
from touchstone.exchange import engine, market, orderbook, venue

REFUSED_NS = np.int64(-1)  # the order would have crossed when it arrived: a post-only order is refused
STREAM = np.int64(0x6F72)  # keeps these draws apart from other uses of the seed
ZERO, ONE = np.int64(0), np.int64(1)


@compiled
def detach(worlds, venues):
    """Make a copy of a market ready to branch: our orders are withdrawn from its book, nobody listens to its feed.

    worlds: the copy (WORLD array of length 1); venues: the account that traded in the original, unchanged.
    """
    world, orders = worlds[0], venues[0].orders
    for s in range(2):
        for i in range(orders.n[s]):
            orderbook.cancel(world.book, np.int64(orders.slot[orders.live[s, i]].ticket))
    world.feed.is_on = 0
    world.n_truth = 0


@compiled
def fill_times(origins, params, actions, seed, horizon_ns, worlds, venues, waited_ns):
    """How long an order waits for its first fill in each of len(waited_ns) futures.

    origins: a detached market; params: VENUE_PARAMS array, the rules and latencies (drawn anew in each future);
    actions: ACTION array, the order, sent at its decided_ns, which is before the market's next block; each of length 1.
    worlds, venues: scratch of length 1. waited_ns (out): from the decision until we hear of the first fill; NEVER_NS
    where that is later than horizon_ns, REFUSED_NS where the venue refuses the order.
    """
    for i in range(len(waited_ns)):
        worlds[0] = origins[0]
        future = np.int64(hash_u64(seed, np.int64(i), STREAM) >> np.uint64(1))
        market.reseed(worlds[0], future)
        waited_ns[i] = _follow(worlds, venues, params, actions, future, horizon_ns)


@compiled
def real_fill_time(origins, params, actions, seed, horizon_ns, worlds, venues):
    """The same in the market's own future: the one that came, but with the order in it. seed: of the latency."""
    worlds[0] = origins[0]
    return _follow(worlds, venues, params, actions, seed, horizon_ns)


@compiled
def _follow(worlds, venues, params, actions, seed, horizon_ns):
    """Send the order and run blocks until it is filled, refused, or the horizon has passed."""
    world, account = worlds[0], venues[0]
    venue.reset(account, params[0])
    account.params.seed = seed
    decided_ns, response_ns = np.int64(actions[0].decided_ns), np.int64(account.params.response_ns)
    engine.send(account, actions[0], decided_ns)
    while world.now_ns + world.params.block_ns + response_ns <= decided_ns + horizon_ns:
        market.block(world, venues)
        if account.n_fills > 0:
            return np.int64(world.now_ns) + response_ns - decided_ns
        if account.n_executed > 0 and account.orders.n[0] + account.orders.n[1] == 0:
            return REFUSED_NS
    return NEVER_NS
