"""The reactive market for a host: accounts are kept outside, and every trade asks before it meets an order of theirs.

The same book, agents and blocks as in market.py. The host (local/) places, cancels and takes on behalf of any number of
accounts, of which this market knows nothing: their orders rest under one owner (RESTING) and take under another
(TAKING), each with the host's own name for it, its tag. A sweep comes back with ASKS before it would trade with such an
order, so that the host can judge margin, open interest and self-trades by the state of that very moment; the host
grants it, or cancels it, and goes on.

A block: `open_block`, the host's adds and cancels, `begin_agents` and `agents_take`, the host's takers (`begin_take`
and `go_on`), `close_block`. Arrays of length 1 cross the boundary; a host array belongs to its world.
"""

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core.conventions import side_index
from touchstone.core.jit import compiled, inline, record
from touchstone.exchange import feed, market, orderbook
from touchstone.exchange.agents import makers, noise

RESTING, TAKING = np.int64(0), np.int64(1)  # owners of the host's orders
DONE, ASKS, FULL = np.int64(0), np.int64(1), np.int64(2)  # why a sweep came back; FULL: read the trades and go on
CROSSES = np.int64(-2)  # `place` found that the order would trade
MAX_TRADES = 1024
LEVELS = feed.LEVELS
ZERO = np.int64(0)

TRADE = record(
    [
        ("maker", "i8"),  # owner of the resting order
        ("tag", "i8"),
        ("taker", "i8"),  # owner
        ("side", "i8"),  # +1: the taker bought
        ("px", "i8"),
        ("qty", "i8"),
        ("left", "i8"),  # of the resting order
    ]
)

HOST = record(
    [
        # the taking order that is at work
        ("owner", "i8"),
        ("side", "i8"),
        ("limit", "i8"),  # grid index
        ("left", "i8"),
        ("money", "i8"),  # traded by it so far, micro
        ("is_informed", "i8"),
        ("turn", "i8"),  # of the agents in this block
        ("asked_tag", "i8"),  # of the order that would trade next
        ("trades", TRADE, (MAX_TRADES,)),  # since the host last emptied the list
        ("n_trades", "i8"),
    ]
)

LEVEL = record([("px", "i8"), ("qty", "i8"), ("n_orders", "i8")])
DEPTH = record([("level", LEVEL, (2, LEVELS)), ("n", "i8", (2,))])  # best first


@compiled
def reset(worlds, hosts, params, seed):
    """The market at its start, told to ask; nobody reads its feed. params: WORLD_PARAMS array of length 1."""
    world = worlds[0]
    market.reset(world, params[0], seed)
    world.book.asks_first = 1
    world.feed.is_on = 0
    hosts[0].left = 0
    hosts[0].n_trades = 0


@compiled
def open_block(worlds):
    """The next block: the leader moves and the makers amend."""
    world = worlds[0]
    world.now_ns += world.params.block_ns
    world.number += 1
    market.move_agents(world)


@compiled
def place(worlds, s, px, qty, tag):
    """Rest an order of the host, add liquidity only; its number in the book, NONE if there is no room, or CROSSES."""
    world = worlds[0]
    index = price_grid.index_of(world.grid, px)
    if orderbook.would_trade(world.book, s, index):
        return CROSSES
    return orderbook.place(world.book, s, px, index, qty, RESTING, tag)


@compiled
def crosses(worlds, s, px):
    """Whether an order of side s at this price would trade."""
    return orderbook.would_trade(worlds[0].book, s, price_grid.index_of(worlds[0].grid, px))


@compiled
def cancel(worlds, k):
    """Order k of the book rests no more."""
    orderbook.cancel(worlds[0].book, k)


@compiled
def shrink(worlds, k, qty):
    """Order k keeps its place with `qty` less."""
    orderbook.shrink(worlds[0].book, k, qty)


@compiled
def begin_take(worlds, hosts, side, px, qty):
    """A taking order of the host, +1 buys, up to px; `go_on` carries it out."""
    host = hosts[0]
    _begin(host, TAKING, side, price_grid.index_of(worlds[0].grid, px), qty, ZERO)


@inline
def _begin(host, owner, side, limit, qty, is_informed):
    host.owner = owner
    host.side = side
    host.limit = limit
    host.left = qty
    host.money = 0
    host.is_informed = is_informed


@compiled
def grant(worlds):
    """The order that was asked for may trade."""
    worlds[0].book.granted = worlds[0].book.asked


@compiled
def go_on(worlds, hosts):
    """Carry the taking order on; DONE, ASKS (about the order `asked_tag`) or FULL."""
    world, host = worlds[0], hosts[0]
    return _go_on(world, host)


@compiled
def _go_on(world, host):
    book = world.book
    s = side_index(host.side)
    while host.left > 0:
        if host.n_trades + orderbook.MAX_FILLS > MAX_TRADES:
            return FULL
        traded = orderbook.take(book, s, np.int64(host.limit), np.int64(host.left), np.int64(host.owner))
        host.left -= traded
        is_paused = book.is_paused
        for n in range(book.n_fills):
            _note(world, host, book.fills[n])
        if book.asked != orderbook.NONE:
            host.asked_tag = book.order[book.asked].tag
            return ASKS
        if not is_paused:
            break
    if host.money > 0:
        market.press(world, np.int64(host.side), np.int64(host.money))
        host.money = 0
    return DONE


@inline
def _note(world, host, fill):
    """One trade: for the host, and to the agent whose order it was. Nothing traded where an agent met itself."""
    if fill.owner >= makers.FIRST_OWNER:
        m = np.int64(fill.owner - makers.FIRST_OWNER)
        s, tag, left = np.int64(fill.s), np.int64(fill.tag), np.int64(fill.left)
        makers.on_fill(world.maker[m], world.params.maker[m], s, tag, left, np.int64(world.now_ns))
    if fill.qty == 0:
        return
    trade = host.trades[host.n_trades]
    host.n_trades += 1
    trade.maker = fill.owner
    trade.tag = fill.tag
    trade.taker = host.owner
    trade.side = host.side
    trade.px = fill.px
    trade.qty = fill.qty
    trade.left = fill.left
    host.money += fill.px * fill.qty
    world.n_trades += 1
    world.n_informed_trades += host.is_informed
    world.volume += fill.px * fill.qty


@compiled
def begin_agents(worlds, hosts):
    """The agents' takers of this block come."""
    world = worlds[0]
    noise.wish(world.noise, world.params.noise, np.int64(world.number))
    hosts[0].turn = 0
    hosts[0].left = 0


@compiled
def agents_take(worlds, hosts):
    """Carry the agents' takers on, one after the other; DONE when all had their turn, else ASKS or FULL."""
    world, host = worlds[0], hosts[0]
    while True:
        why = _go_on(world, host)
        if why != DONE:
            return why
        if host.turn >= market.n_takers(world):
            return DONE
        taker = market.taker(world, np.int64(host.turn), np.int64(world.now_ns), np.int64(world.number))
        side, limit, qty, owner, is_informed = taker
        host.turn += 1
        if side != 0 and limit > 0:
            _begin(host, owner, side, limit, qty, is_informed)
        else:
            host.left = 0


@compiled
def close_block(worlds, venues):
    """What the block leaves. venues: an empty VENUE array."""
    market.close_block(worlds[0], venues, np.int64(worlds[0].number))


@compiled
def clear_side(worlds, s):
    """The agents' orders of a side are gone until they quote again: a one-sided book on demand."""
    world = worlds[0]
    book = world.book
    for m in range(world.params.n_makers):
        for step in range(makers.STEPS):
            k = np.int64(world.maker[m].ref[s, step])
            if k != orderbook.NONE:
                orderbook.cancel(book, k)
                world.maker[m].ref[s, step] = makers.NONE
        world.maker[m].due_ns = 0


@compiled
def depth(worlds, depths):
    """Write the best levels of both sides into a DEPTH array of length 1."""
    book, grid, out = worlds[0].book, worlds[0].grid, depths[0]
    for s in range(2):
        index = np.int64(book.best[s])
        n = ZERO
        while index != orderbook.NONE and n < LEVELS:
            level = out.level[s, n]
            level.px = price_grid.price_of(grid, index)
            level.qty = orderbook.qty_at(book, np.int64(s), index)
            level.n_orders = orderbook.count_at(book, np.int64(s), index)
            n += 1
            index = orderbook.next_level(book, np.int64(s), orderbook.worse_than(s, index))
        out.n[s] = n


@compiled
def touch(worlds):
    """(bid, its size, its orders, ask, its size, its orders), 0 where a side is empty."""
    book = worlds[0].book
    bid, bid_qty, bid_n = _touch(book, orderbook.BID)
    ask, ask_qty, ask_n = _touch(book, orderbook.ASK)
    return bid, bid_qty, bid_n, ask, ask_qty, ask_n


@inline
def _touch(book, s):
    index = np.int64(book.best[s])
    if index == orderbook.NONE:
        return ZERO, ZERO, ZERO
    return np.int64(book.best_px[s]), orderbook.qty_at(book, s, index), orderbook.count_at(book, s, index)


@compiled
def leader_px(worlds):
    """What the leading venue shows, price units."""
    return np.float64(worlds[0].latent.px)
