"""Chance of the agents: one stream each, its numbers counted by blocks or ticks and never by what happened.

A draw is a hash of (seed, stream, number), so an agent's luck depends neither on the others nor on our orders: paired
runs meet the same latent path and the same wishes of every agent. Nothing is drawn ahead of its time, so new keys in
the middle of a run change the future and nothing else.
"""

import math

import numpy as np

from touchstone.core.jit import inline
from touchstone.core.numerics import hash_u64, stream_unit
from touchstone.exchange.latency import normal_quantile

# Stream numbers.
LATENT, NOISE, FEED = np.int64(1), np.int64(2), np.int64(3)
FIRST_MAKER, FIRST_INFORMED = np.int64(16), np.int64(32)

STREAM = np.int64(0x6D6B)  # keeps these draws apart from other uses of the seed
_HALF_STEP = 2.0**-54  # keeps a uniform number away from 0


@inline
def key_of(seed, stream):
    """Key (uint64) of a stream."""
    return hash_u64(seed, stream, STREAM)


@inline
def uniform(key, number):
    """In [0, 1)."""
    return stream_unit(key, number)


@inline
def normal(key, number):
    """Standard normal."""
    return normal_quantile(stream_unit(key, number) + _HALF_STEP)


@inline
def exponential(key, number):
    """Exponential with mean 1."""
    return -math.log(1.0 - stream_unit(key, number))


@inline
def pareto(key, number, exponent):
    """Pareto with least value 1: P(X > x) = x^-exponent."""
    return math.exp(exponential(key, number) / exponent)
