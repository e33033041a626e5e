"""The latent price, which a leading reference venue shows at once and our market follows late.

Log price with stochastic volatility (an Ornstein-Uhlenbeck logarithm) and double-exponential jumps (Kou 2002), whose
rate may be excited by past jumps (cascades). It moves in ticks of 50 ms, so that lags of our market, whose blocks have
another length, are exact. Nothing that anybody trades changes it.
"""

import math

import numpy as np

from touchstone.core import grid as price_grid
from touchstone.core.conventions import MS, NS
from touchstone.core.jit import compiled, inline, record
from touchstone.exchange.agents import chance

TICK_NS = np.int64(50 * MS)
TICKS_PER_S = np.int64(NS // TICK_NS)
SEEN = 256  # ticks that can be looked back: 12.8 s
_DRAWS = np.int64(4)  # numbers of the stream per tick
_JUMP, _SIZE, _VOLATILITY = np.int64(1), np.int64(2), np.int64(3)

LATENT_PARAMS = record(
    [
        ("volatility_bps", "f8"),  # root mean square, per square-root second, jumps apart
        ("volatility_spread", "f8"),  # sd of the logarithm of the volatility
        ("volatility_memory_s", "f8"),
        ("jumps_per_s", "f8"),
        ("jump_mean_bps", "f8"),  # mean size of a jump
        ("jump_excitation", "f8"),  # jumps that a jump causes on average, < 1
        ("jump_memory_s", "f8"),
        ("jump_persistence", "f8"),  # chance that an excited jump goes the way of the last
    ]
)

LATENT = record(
    [
        ("key", "u8"),
        ("log_px", "f8"),  # logarithm of the price in price units
        ("px", "f8"),
        ("index", "f8"),  # its place on the price grid, with fraction
        ("per_bps", "f8"),  # grid steps per bp
        ("log_volatility", "f8"),  # of the mean
        ("sd_tick", "f8"),  # of the log price over a tick
        ("heat", "f8"),  # excited jumps per second
        ("last_jump", "f8"),
        ("tick", "i8"),  # number of the newest tick
        ("seen", "f8", (SEEN,)),  # index, by tick
        ("n_jumps", "i8"),
    ]
)


@compiled
def reset(latent, params, grid, px, now_ns):
    """At `px` price units since ever; the key is set by `market.reseed`."""
    latent.log_px = math.log(px)
    latent.log_volatility = 0.0
    latent.heat = 0.0
    latent.last_jump = 1.0
    latent.tick = now_ns // TICK_NS
    latent.n_jumps = 0
    _set_volatility(latent, params)
    _show(latent, grid)
    for i in range(SEEN):
        latent.seen[i] = latent.index


@inline
def seen_at(latent, ns):
    """What the leader showed at a time at most 12.8 s ago: index on the grid, with fraction."""
    return latent.seen[(ns // TICK_NS) & (SEEN - 1)]


@compiled
def tick(latent, params, grid):
    """The next tick."""
    latent.tick += 1
    number = latent.tick * _DRAWS
    move = latent.sd_tick * chance.normal(latent.key, number)
    rate = params.jumps_per_s + latent.heat
    if chance.uniform(latent.key, number + _JUMP) < rate * (np.float64(TICK_NS) / NS):
        move += _jump(latent, params, number)
    latent.log_px += move
    if latent.tick % TICKS_PER_S == 0:
        _each_second(latent, params, number)
    _show(latent, grid)
    latent.seen[latent.tick & (SEEN - 1)] = latent.index


@inline
def _jump(latent, params, number):
    """Size of a jump, and what it does to the rate of the next. One number gives cause, direction and size."""
    u = chance.uniform(latent.key, number + _SIZE)
    excited = latent.heat / (params.jumps_per_s + latent.heat)
    if u < excited:
        u /= excited
        follows = params.jump_persistence
        up = u < follows
        u = u / follows if up else (u - follows) / (1.0 - follows)
        sign = latent.last_jump if up else -latent.last_jump
    else:
        u = (u - excited) / (1.0 - excited)
        sign = 1.0 if u < 0.5 else -1.0
        u = 2.0 * u if u < 0.5 else 2.0 * u - 1.0
    latent.last_jump = sign
    latent.n_jumps += 1
    latent.heat += params.jump_excitation / params.jump_memory_s
    return -sign * params.jump_mean_bps * 1e-4 * math.log(max(1.0 - u, 1e-12))


@inline
def _each_second(latent, params, number):
    forget = math.exp(-1.0 / params.volatility_memory_s)
    shock = params.volatility_spread * math.sqrt(1.0 - forget * forget)
    latent.log_volatility *= forget
    latent.log_volatility += shock * chance.normal(latent.key, number + _VOLATILITY)
    latent.heat *= math.exp(-1.0 / params.jump_memory_s)
    _set_volatility(latent, params)


@inline
def _set_volatility(latent, params):
    spread = params.volatility_spread
    sigma = params.volatility_bps * math.exp(latent.log_volatility - spread * spread)
    latent.sd_tick = sigma * 1e-4 * math.sqrt(np.float64(TICK_NS) / NS)


@inline
def _show(latent, grid):
    latent.px = math.exp(latent.log_px)
    tick_px = price_grid.tick_at(grid, np.int64(latent.px))
    latent.index = np.float64(grid.index_lo) + (latent.px - np.float64(grid.px_lo)) * grid.per_tick
    latent.per_bps = latent.px * 1e-4 / np.float64(tick_px)
