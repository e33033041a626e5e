"""Simulated hours per second of the reactive market: all scenarios, with our trader in it and without.

Without a trader nobody listens and no public row is written: that is what oracle runs pay. Repeats are interleaved;
each figure is the median, with its range.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from touchstone import config
from touchstone.backtest import scenario
from touchstone.backtest.reactive import Reactive
from touchstone.exchange import market, venue
from touchstone.session import params as settings

REPEATS = 5
SZ_DECIMALS = 2
HOURS_ALONE = 4.0
HOURS_WITH_TRADER = 1.0


def alone(name: str) -> Callable[[], float]:
    """Seconds for HOURS_ALONE of the market by itself."""
    params = scenario.world_params(scenario.load(name), SZ_DECIMALS, 10.0)
    blocks = np.int64(round(HOURS_ALONE * 3.6e12 / int(params.block_ns)))

    def run() -> float:
        world, venues = np.zeros(1, market.WORLD), np.zeros(1, venue.VENUE)
        venue.reset(venues[0], settings.venue_params(config.load(None), SZ_DECIMALS))
        market.reset(world[0], params, np.int64(1))
        world[0].feed.is_on = 0
        started = time.perf_counter()
        market.run(world[0], venues, blocks)
        return time.perf_counter() - started

    return run


def with_trader(name: str) -> Callable[[], float]:
    """Seconds for HOURS_WITH_TRADER with the whole trader (default configuration) in the market."""

    def run() -> float:
        session = Reactive(config.load(None), SZ_DECIMALS, scenario.load(name), seed=1)
        started = time.perf_counter()
        session.run(60.0 * HOURS_WITH_TRADER)
        return time.perf_counter() - started

    return run


def report() -> None:
    """Print both for every scenario."""
    runs = {name: (alone(name), with_trader(name)) for name in scenario.names()}
    for pair in runs.values():
        for run in pair:
            run()
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in runs}
    for _ in range(REPEATS):
        for name, pair in runs.items():
            for run, kept in zip(pair, times[name], strict=True):
                kept.append(run())
    blocks = HOURS_ALONE * 3600 / 0.07
    print(f"reactive market, simulated hours per second, {REPEATS} interleaved repeats")
    for name, (without, together) in times.items():
        fast = [HOURS_ALONE / seconds for seconds in without]
        slow = [HOURS_WITH_TRADER / seconds for seconds in together]
        per_block = statistics.median(without) / blocks * 1e9
        print(
            f"  {name:9} with our trader {statistics.median(slow):5.2f} ({min(slow):.2f} to {max(slow):.2f}); "
            f"without {statistics.median(fast):5.0f} ({min(fast):.0f} to {max(fast):.0f}), {per_block:.0f} ns a block"
        )


if __name__ == "__main__":
    report()
