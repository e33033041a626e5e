"""Noise takers: arrivals that excite each other (Hawkes), slices of parent orders, sizes with a heavy tail.

* A Poisson number of slices per block; each adds heat that decays exponentially, so that one slice causes `excitation`
  more on average (the block's version of the exponential Hawkes process).
* Each slice belongs to one of `parents` hidden parent orders, drawn by lot, of Pareto length and random side; a parent
  that is done gives way to a new one (Lillo, Mike, Farmer 2005): signs then have the long memory of real markets.
* A slice has a log-normal size and takes what the book shows, at most `reach` beyond the mid (exponential).
"""

import math

import numpy as np

from touchstone.core.jit import compiled, inline, record
from touchstone.exchange import orderbook
from touchstone.exchange.agents import chance

OWNER = np.int64(orderbook.N_ACCOUNTS + 16)
MAX_PARENTS = 32
MAX_SLICES = 4  # in one block
LONGEST = 10_000.0  # slices of a parent
_DRAWS = np.int64(32)  # numbers of the stream per block
_PER_SLICE = np.int64(6)
_WHO, _SIZE, _REACH, _SIDE, _LENGTH = (np.int64(i) for i in range(5))

NOISE_PARAMS = record(
    [
        ("per_s", "f8"),  # slices per second without excitation
        ("excitation", "f8"),  # slices that a slice causes on average, < 1
        ("memory_s", "f8"),
        ("parents", "i8"),  # alive at one time, at most MAX_PARENTS
        ("length_exponent", "f8"),  # Pareto exponent of a parent's number of slices
        ("notional", "f8"),  # median size, price units x size units
        ("size_spread", "f8"),  # sd of its logarithm
        ("reach_bps", "f8"),  # mean distance from mid that a slice accepts
        ("least_reach_bps", "f8"),  # the least one
    ]
)

NOISE = record(
    [
        ("key", "u8"),
        ("heat", "f8"),  # excited slices per second
        ("keep", "f8"),  # share of the heat that a block leaves
        ("kick", "f8"),  # heat of a slice
        ("block_s", "f8"),
        ("median_qty", "f8"),
        ("side", "i8", (MAX_PARENTS,)),  # +1 buys
        ("left", "i8", (MAX_PARENTS,)),  # slices
        ("n_slices", "i8"),
        ("wanted", "i8"),  # sum of their sizes
        # the slices of this block
        ("n", "i8"),
        ("slice_side", "i8", (MAX_SLICES,)),
        ("slice_qty", "i8", (MAX_SLICES,)),
        ("slice_reach_bps", "f8", (MAX_SLICES,)),
    ]
)


@compiled
def reset(noise, params, px, block_s):
    """Cold, no parents yet (they come with the first slices); the key is set by `market.reseed`."""
    noise.heat = 0.0
    noise.keep = math.exp(-block_s / params.memory_s)
    noise.kick = params.excitation * (1.0 - noise.keep) / (noise.keep * block_s)
    noise.block_s = block_s
    noise.median_qty = params.notional / px
    noise.side[:] = 1
    noise.left[:] = 0
    noise.n_slices = 0
    noise.wanted = 0
    noise.n = 0


@inline
def wish(noise, params, number):
    """The slices of block `number`, whatever the market does: noise.n of them."""
    noise.n = 0
    noise.heat *= noise.keep
    expected = (params.per_s + noise.heat) * noise.block_s
    u = chance.uniform(noise.key, number * _DRAWS)
    if u < expected:  # P(at least one) = 1 - exp(-expected) is less
        _arrive(noise, params, expected, u, number * _DRAWS + 1)


@compiled
def _arrive(noise, params, expected, u, first):
    term = math.exp(-expected)
    none_beyond = 1.0 - term  # P(more than the number so far)
    while noise.n < MAX_SLICES and u < none_beyond:
        n = np.int64(noise.n)
        number = first + n * _PER_SLICE
        p = min(np.int64(chance.uniform(noise.key, number + _WHO) * np.float64(params.parents)), params.parents - 1)
        if noise.left[p] == 0:
            noise.side[p] = 1 if chance.uniform(noise.key, number + _SIDE) < 0.5 else -1
            length = chance.pareto(noise.key, number + _LENGTH, params.length_exponent)
            noise.left[p] = np.int64(min(length, LONGEST))
        noise.left[p] -= 1
        size = math.exp(params.size_spread * chance.normal(noise.key, number + _SIZE))
        qty = max(np.int64(noise.median_qty * size), np.int64(1))
        noise.slice_side[n] = noise.side[p]
        noise.slice_qty[n] = qty
        reach = params.reach_bps * chance.exponential(noise.key, number + _REACH)
        noise.slice_reach_bps[n] = params.least_reach_bps + reach
        noise.heat += noise.kick
        noise.n_slices += 1
        noise.wanted += qty
        noise.n += 1
        term *= expected / np.float64(noise.n)
        none_beyond -= term
