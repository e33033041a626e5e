"""`python -m touchstone.cli.compile`: compile (or load) what any command needs, so that none has to wait for it."""

from touchstone.backtest import runner
from touchstone.backtest.scenario import load as load_scenario
from touchstone.live import warm


def main() -> None:
    """For backtests of recordings, simulated markets and live sessions."""
    runner.compile_ahead(print)
    runner.compile_ahead(print, load_scenario("normal"))
    warm.compile_ahead(print)


if __name__ == "__main__":
    main()
