"""`python -m touchstone.cli.compile`: compile (or load) what any command needs, so that none has to wait for it."""

import sys

from touchstone.backtest import runner
from touchstone.backtest.scenario import load as load_scenario
from touchstone.live import warm as live
from touchstone.session import warm

MARKET = "market"  # only what simulated markets need, for the process beside


def main(*arguments: str) -> None:
    """For backtests of recordings, live sessions and simulated markets."""
    if arguments == (MARKET,):
        runner.compile_ahead(print, load_scenario("normal"))
        return
    live.compile_ahead(print)
    with warm.beside(__spec__.name, MARKET):
        runner.compile_ahead(print)
    runner.compile_ahead(print, load_scenario("normal"))


if __name__ == "__main__":
    main(*sys.argv[1:])
