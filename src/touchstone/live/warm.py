"""Compiling the trader's core before it trades."""

from collections.abc import Callable
from typing import Any

from touchstone.config import Config
from touchstone.core import events
from touchstone.live import rows as make
from touchstone.live.fast_frames import FastFrames
from touchstone.live.status import verdicts
from touchstone.live.trader import Trader
from touchstone.session import result, warm
from touchstone.session.sinks import Alerts

SIZE_DECIMALS = 2  # of the core that is compiled with; the compiled code is the same for all


class _Nowhere:
    """A journal that keeps nothing."""

    def append(self, rows: Any) -> None: ...

    def append_actions(self, rows: Any) -> None: ...

    def flush(self) -> None: ...


def compile_ahead(say: Callable[[str], None]) -> float:
    """Compile (or load) all that a live session and its result need; the seconds that it took."""
    return warm.compile_ahead(say, "engine.step_rows", _run_nothing)


def _run_nothing() -> None:
    settings = Config()
    trader = Trader(settings, SIZE_DECIMALS, journal=_Nowhere(), send=lambda _: None)
    trader.reset()
    trader.take_rows([make.row(events.TIMER, 1)])
    trader.finish()
    FastFrames(SIZE_DECIMALS, settings.market.coin)
    result.headline(trader, settings, None)
    result.problems(trader, Alerts())
    verdicts(trader.state)
