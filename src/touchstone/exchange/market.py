"""The reactive market: latent price, makers, takers and our accounts on one order book, block by block.

Order of a block, as on Hyperliquid: what only adds (the makers' amends, then ours by arrival), cancels, then what takes
(informed takers, noise, ours). Then the public sees what happened (feed.py). Everybody acts on what it knew one latency
ago: agents look back into what leader and market showed then, our requests travel through transit.py.

The world is one record: a copy of its bytes (and of the accounts') is a copy of the market, and `reseed` gives the copy
another future. The accounts, VENUE records of which the backtest has one, lie beside it in an array: an order's owner
is its account's place there.
"""

import math

import numpy as np

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import NS, side_index
from touchstone.core.jit import compiled, inline, record
from touchstone.exchange import feed, members, orderbook, rules, transit
from touchstone.exchange.agents import chance, informed, latent, makers, noise
from touchstone.exchange.venue import book_fill, turn_hour

PAST = 256  # blocks that can be looked back: 17.9 s at 70 ms
N_TRUTHS = 512
ZERO, ONE = np.int64(0), np.int64(1)

IMPACT_PARAMS = record(
    [
        ("flow_bps", "f8"),  # by what a trade of `notional` moves the makers' fair price; others by the root of size
        ("notional", "f8"),  # price units x size units
        ("memory_s", "f8"),
        ("lean_bps", "f8"),  # what a one-sided touch moves it by
    ]
)

WORLD_PARAMS = record(
    [
        ("sz_decimals", "i8"),
        ("min_notional", "i8"),  # micro
        ("block_ns", "i8"),
        ("start_ns", "i8"),
        ("price", "f8"),  # at the start, price units
        ("latent", latent.LATENT_PARAMS),
        ("impact", IMPACT_PARAMS),
        ("noise", noise.NOISE_PARAMS),
        ("feed", feed.FEED_PARAMS),
        ("n_makers", "i8"),
        ("maker", makers.MAKER_PARAMS, (makers.MAX_MAKERS,)),
        ("n_informed", "i8"),
        ("informed", informed.INFORMED_PARAMS, (informed.MAX_INFORMED,)),
    ]
)

BLOCK_SEEN = record([("best", "i8", (2,)), ("pressure", "f8")])  # what a block left: touch (grid index), pressure

TRUTH = record(  # of one fill of an account
    [
        ("account", "i8"),
        ("trade_id", "i8"),  # the account's
        ("exch_ns", "i8"),
        ("side", "i8"),  # ours
        ("px", "i8"),
        ("qty", "i8"),
        ("taker", "i8"),  # 1: we took
        ("informed", "i8"),  # 1: an informed taker took our order
        ("latent_px", "f8"),  # price units
    ]
)

WORLD = record(
    [
        ("params", WORLD_PARAMS),
        ("now_ns", "i8"),  # newest block
        ("number", "i8"),  # its number since the epoch
        ("grid", price_grid.GRID),
        ("book", orderbook.ORDERBOOK),
        ("latent", latent.LATENT),
        ("maker", makers.MAKER, (makers.MAX_MAKERS,)),
        ("noise", noise.NOISE),
        ("informed", informed.INFORMED, (informed.MAX_INFORMED,)),
        ("seen", BLOCK_SEEN, (PAST,)),  # by block number
        ("flow_pressure", "f8"),  # what the last trades have the makers believe, grid steps
        ("keep", "f8"),  # share of it that a block leaves
        ("mid_index", "f8"),  # of the book when it was last two-sided
        ("feed", feed.FEED),
        ("truth", TRUTH, (N_TRUTHS,)),
        ("n_truth", "i8"),
        # counters
        ("n_trades", "i8"),
        ("volume", "i8"),  # notional, micro
        ("n_informed_trades", "i8"),
        ("n_truth_lost", "i8"),  # fills whose truth found no room: the run is not valid
    ]
)


@compiled
def reset(world, params, seed):
    """The market at its start: no orders, no trades; the makers come with the first block."""
    world.params = params
    start_ns = params.start_ns // params.block_ns * params.block_ns
    block_s = np.float64(params.block_ns) / NS
    world.now_ns = start_ns
    world.number = start_ns // params.block_ns
    price_grid.reset(world.grid, np.int64(params.sz_decimals), np.int64(params.min_notional))
    orderbook.reset(world.book)
    latent.reset(world.latent, world.params.latent, world.grid, np.float64(params.price), start_ns)
    for m in range(makers.MAX_MAKERS):
        per_bps = np.float64(world.latent.per_bps)
        makers.reset(world.maker[m], world.params.maker[m], np.int64(m), np.float64(params.price), per_bps)
    noise.reset(world.noise, world.params.noise, np.float64(params.price), block_s)
    for i in range(informed.MAX_INFORMED):
        informed.reset(world.informed[i], np.int64(i))
    for i in range(PAST):
        world.seen[i].best[0] = orderbook.NONE
        world.seen[i].best[1] = orderbook.NONE
        world.seen[i].pressure = 0.0
    world.flow_pressure = 0.0
    world.keep = math.exp(-block_s / params.impact.memory_s)
    world.mid_index = world.latent.index
    feed.reset(world.feed)
    world.n_truth = 0
    world.n_trades = 0
    world.volume = 0
    world.n_informed_trades = 0
    world.n_truth_lost = 0
    reseed(world, seed)


@compiled
def reseed(world, seed):
    """Another future from here: every agent draws from the stream of this seed from the next block on."""
    world.latent.key = chance.key_of(seed, chance.LATENT)
    world.noise.key = chance.key_of(seed, chance.NOISE)
    world.feed.key = chance.key_of(seed, chance.FEED)
    for m in range(makers.MAX_MAKERS):
        world.maker[m].key = chance.key_of(seed, chance.FIRST_MAKER + m)
    for i in range(informed.MAX_INFORMED):
        world.informed[i].key = chance.key_of(seed, chance.FIRST_INFORMED + i)


@compiled
def run(world, venues, n_blocks):
    """The next n_blocks blocks, for callers without a trader of their own."""
    for _ in range(n_blocks):
        block(world, venues)


@compiled
def block(world, venues):
    """The next block. venues: VENUE array, the accounts."""
    world.now_ns += world.params.block_ns
    world.number += 1
    now_ns, number = np.int64(world.now_ns), np.int64(world.number)
    move_agents(world)
    _open_block(world, venues, now_ns)
    for last_rank in range(rules.RANK_CANCEL, rules.RANK_TAKE + 1):
        if last_rank == rules.RANK_TAKE:
            _take(world, venues, now_ns, number)
        _execute(world, venues, now_ns, last_rank)
    close_block(world, venues, number)


@compiled
def move_agents(world):
    """What the agents add in the block that has begun: the leader's ticks, then the makers' amends."""
    params = world.params
    now_ns, number = np.int64(world.now_ns), np.int64(world.number)
    feed.begin_block(world.feed, params.feed, number, now_ns)
    _move_leader(world, now_ns)
    for m in range(params.n_makers):
        lag = max((params.maker[m].lag_ns + params.block_ns - 1) // params.block_ns, np.int64(1))
        pressure = world.seen[(number - lag) & (PAST - 1)].pressure
        makers.act(world.maker[m], params.maker[m], world.book, world.grid, world.latent, pressure, now_ns)


@inline
def _move_leader(world, now_ns):
    """Every tick of the leader since the last block."""
    while (world.latent.tick + 1) * latent.TICK_NS <= now_ns:
        latent.tick(world.latent, world.params.latent, world.grid)
        feed.show_leader(world.feed, world.params.feed, world.latent, world.latent.tick * latent.TICK_NS)


@inline
def _open_block(world, venues, now_ns):
    for a in range(len(venues)):
        if now_ns >= venues[a].next_hour_ns:
            turn_hour(venues[a], now_ns)


@inline
def _execute(world, venues, now_ns, last_rank):
    """Our requests of this block up to a class."""
    for a in range(len(venues)):
        while members.is_due(venues[a], now_ns, last_rank):
            _execute_first(world, venues, np.int64(a), now_ns)


@compiled
def _execute_first(world, venues, account, now_ns):
    venue = venues[account]
    venue.n_executed += 1
    action = transit.first_request(venue.requests).action
    may_trade = members.execute(venue, world.book, action, account, now_ns)
    if may_trade > 0:
        side, px, cloid = np.int64(action.side), np.int64(action.px), np.int64(action.cloid)
        index = price_grid.index_of(world.grid, px)
        traded = sweep(world, venues, side, index, may_trade, account, cloid, ZERO, now_ns)
        members.on_taken(venue, world.book, action, may_trade, traded, account, now_ns)
    transit.drop_request(venue.requests)


@compiled
def _take(world, venues, now_ns, number):
    """The agents that take."""
    noise.wish(world.noise, world.params.noise, number)
    for turn in range(n_takers(world)):
        side, limit, qty, owner, is_informed = taker(world, np.int64(turn), now_ns, number)
        if side != informed.NO_TRADE and limit > 0:
            sweep(world, venues, side, limit, qty, owner, ZERO, is_informed, now_ns)


@inline
def n_takers(world):
    """Agents that may take in this block, once `noise.wish` was called."""
    return np.int64(world.params.n_informed + world.noise.n)


@compiled
def taker(world, turn, now_ns, number):
    """(side, limit as grid index, size, owner, 1 if informed) of an agent's taking order; the informed come first."""
    n_informed = np.int64(world.params.n_informed)
    if turn < n_informed:
        given = world.params.informed[turn]
        side = _look(world, world.informed[turn], given, now_ns, number)
        limit, qty = np.int64(world.informed[turn].limit), np.int64(given.notional / world.latent.px)
        owner, is_informed = np.int64(world.informed[turn].owner), ONE
    else:
        wish = turn - n_informed
        side, qty = np.int64(world.noise.slice_side[wish]), np.int64(world.noise.slice_qty[wish])
        reach = np.float64(side) * world.noise.slice_reach_bps[wish] * world.latent.per_bps
        limit = np.int64(math.floor(_mid_index(world.book, world.mid_index) + reach))
        owner, is_informed = noise.OWNER, ZERO
    return side, limit, max(qty, ONE), owner, is_informed


@inline
def _look(world, sniper, given, now_ns, number):
    """What an informed taker does about what it saw one lag ago."""
    block_ns = world.params.block_ns
    lag = max((given.lag_ns + block_ns - 1) // block_ns, ONE)
    then = world.seen[(number - lag) & (PAST - 1)]
    leader_then = latent.seen_at(world.latent, now_ns - given.lag_ns)
    bid, ask = np.int64(then.best[0]), np.int64(then.best[1])
    return informed.decide(sniper, given, leader_then, bid, ask, world.latent.per_bps, number)


@inline
def _mid_index(book, otherwise):
    if orderbook.mid2(book) == 0:
        return np.float64(otherwise)
    return 0.5 * np.float64(book.best[0] + book.best[1])


@compiled
def sweep(world, venues, side, limit_index, qty, owner, cloid, is_informed, now_ns):
    """A taking order of any owner; tells both sides of every trade and the public. Returns the size traded."""
    book = world.book
    s = side_index(side)
    left = qty
    money = ZERO
    while left > 0:
        traded = orderbook.take(book, s, limit_index, left, owner)
        left -= traded
        is_paused = book.is_paused
        for n in range(book.n_fills):
            fill = book.fills[n]
            money += fill.px * fill.qty
            _tell(world, venues, fill, side, owner, cloid, is_informed, now_ns)
        if not is_paused:
            break
    if money > 0:
        press(world, side, money)
    return qty - left


@compiled
def _tell(world, venues, fill, side, owner, cloid, is_informed, now_ns):
    """One trade to the resting side, to the taker, and to the public."""
    maker, tag, px, qty = np.int64(fill.owner), np.int64(fill.tag), np.int64(fill.px), np.int64(fill.qty)
    left = np.int64(fill.left)
    if qty == 0:
        members.on_own(venues[maker], tag, now_ns)
        return
    feed.show_trade(world.feed, side, px, qty)
    world.n_trades += 1
    world.n_informed_trades += is_informed
    world.volume += px * qty
    if maker < orderbook.N_ACCOUNTS:
        members.on_fill(venues[maker], world.book, tag, qty, left, now_ns)
        _log_truth(world, venues[maker], maker, -side, px, qty, ZERO, is_informed, now_ns)
    else:
        m = maker - makers.FIRST_OWNER
        makers.on_fill(world.maker[m], world.params.maker[m], np.int64(fill.s), tag, left, now_ns)
    if owner < orderbook.N_ACCOUNTS:
        book_fill(venues[owner], cloid, side, px, qty, events.BIT_TAKER, now_ns)
        _log_truth(world, venues[owner], owner, side, px, qty, ONE, ZERO, now_ns)


@inline
def _log_truth(world, venue, account, side, px, qty, taker, is_informed, now_ns):
    if world.n_truth >= N_TRUTHS:
        world.n_truth_lost += 1
        return
    truth = world.truth[world.n_truth]
    world.n_truth += 1
    truth.account = account
    truth.trade_id = venue.trade_id
    truth.exch_ns = now_ns
    truth.side = side
    truth.px = px
    truth.qty = qty
    truth.taker = taker
    truth.informed = is_informed
    truth.latent_px = world.latent.px


@inline
def press(world, side, money):
    """The makers learn from a trade: with the square root of its size, as metaorders move real markets."""
    impact = world.params.impact
    size = math.sqrt(np.float64(money) / impact.notional)
    world.flow_pressure += np.float64(side) * impact.flow_bps * size * world.latent.per_bps


@inline
def close_block(world, venues, number):
    """What the block leaves, to look back at; the public rows; what the accounts are valued by."""
    params, book = world.params, world.book
    world.flow_pressure *= world.keep
    then = world.seen[number & (PAST - 1)]
    then.best[0] = book.best[0]
    then.best[1] = book.best[1]
    then.pressure = world.flow_pressure
    mid2 = orderbook.mid2(book)
    if mid2 > 0:
        world.mid_index = 0.5 * np.float64(book.best[0] + book.best[1])
        bid = np.float64(orderbook.qty_at(book, orderbook.BID, np.int64(book.best[0])))
        ask = np.float64(orderbook.qty_at(book, orderbook.ASK, np.int64(book.best[1])))
        then.pressure += params.impact.lean_bps * world.latent.per_bps * (bid - ask) / (bid + ask)
    tells_context = number % feed.CONTEXT_BLOCKS == 1
    oracle_px = np.int64(world.latent.px)
    for a in range(len(venues)):
        if mid2 > 0:
            venues[a].mid2 = mid2
        if tells_context:
            venues[a].oracle_px = oracle_px
            venues[a].mark_px = venues[a].mid2 // 2
            venues[a].funding_rate = params.feed.funding_rate
    feed.end_block(world.feed, params.feed, book, world.grid, number, oracle_px, np.int64(mid2 // 2))
