"""Sessions of a running engine with a fault that is real: in its settings, its market, its line, or its state.

Nothing is compiled anew: what a setting cannot do is done to the state, or to the market, between two parts of a run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from touchstone.backtest import runner, scenario
from touchstone.backtest.reactive import Reactive
from touchstone.backtest.scenario import Scenario
from touchstone.config import Config
from touchstone.core.conventions import N_FAIR, N_MARKOUT, NEVER_NS, NS

PART_S = 5.0  # of market time, between two interferences
HOUR_NS = 3_600 * NS

Interfere = Callable[[Reactive, float, bool], None]  # session, seconds so far, whether the last part begins


def _nothing(session: Reactive, elapsed_s: float, is_last: bool) -> None:
    """A session that is left alone."""


@dataclass
class Fault:
    """What is wrong, and in how long a session of which market; the defaults are a sound one."""

    minutes: float = 10.0
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)  # by section of the configuration
    market: str | Scenario = "normal"
    interfere: Interfere = _nothing
    seed: int = 1


def run(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of such a session."""

    class Interfered(Reactive):
        def run(self, minutes: float, progress: Any = None, *, is_end: bool = True) -> None:
            parts = round(minutes * 60.0 / PART_S)
            for number in range(parts):
                is_last = number == parts - 1
                fault.interfere(self, number * PART_S, is_last)
                super().run(PART_S / 60.0, is_end=is_last)

    config = Config()
    for section, values in fault.settings.items():
        config = config.model_copy(update={section: getattr(config, section).model_copy(update=values)})
    monkeypatch.setattr(runner, "Reactive", Interfered)
    runner.run_scenario(config, fault.market, minutes=fault.minutes, seed=fault.seed, folder=folder)
    return folder


# What is done to a session.


def lose_a_fill(session: Reactive, elapsed_s: float, is_last: bool) -> None:
    """After two minutes the core's position is not the exchange's."""
    if elapsed_s == 120.0:
        session.state.profit.position += 100


def never_ask(session: Reactive, elapsed_s: float, is_last: bool) -> None:
    """The clock of the models that forecast the mid is never due."""
    session.state.ledger.next_fair_ns = NEVER_NS


def tighten(session: Reactive, elapsed_s: float, is_last: bool) -> None:
    """The learnt variance of adverse selection is a hundredth of what it should be: intervals a tenth as wide."""
    model = session.state.models.adverse
    for h in range(N_MARKOUT):
        model.prior_square[h] = 0.02  # the prior's is 2
        model.pool[h].n, model.pool[h].squares = 1e4, 2e2
    model.cell["squares"][:] = 0.02 * model.cell["n"]


def turn_round(session: Reactive, elapsed_s: float, is_last: bool) -> None:
    """From the fourth minute on the reference's moves are forecast with the wrong sign."""
    if elapsed_s < 240.0:
        return
    model = session.state.models.lag
    for h in range(N_FAIR):
        model.beta[h], model.xy[h] = -1.0, -model.xx[h]


def silence_the_reference(session: Reactive, elapsed_s: float, is_last: bool) -> None:
    """From the third minute on nothing of the reference venue arrives; it comes back five seconds before the end."""
    if elapsed_s < 180.0:
        return
    world = session.world[0]
    world.feed.leader.n = 0
    world.params.feed.leader_ns = world.params.block_ns if is_last else HOUR_NS


# Markets, lines, quotes.


def hunted() -> Scenario:
    """An ordinary market with two snipers that look in each block, at once, and pay next to nothing."""
    made = scenario.load("normal")
    sniper = made.informed[0].model_copy(update={"lag_s": 0.0, "cost_bps": 0.3, "attention": 1.0})
    return made.model_copy(update={"informed": [sniper, sniper]})


NEAR = {"rule": "fixed", "fixed_half_spread_bps": 2.0}
UNGUARDED = {"lag": False, "adverse": False, "fair": False, "gate": False}  # nothing moves a quote out of the way
SLOW_LINE = {"order_latency_median_ms": 5_000.0, "order_latency_p99_ms": 9_000.0, "cancel_latency_ms": 8_000.0}

FAULTS: dict[str, Fault] = {
    "broken invariant": Fault(5, interfere=lose_a_fill),
    "killed by risk": Fault(5, {"risk": {"max_loss_fraction": 0.000_02}, "quoting": NEAR, "models": UNGUARDED}),
    "disconnected model": Fault(6, interfere=never_ask),
    "over-confident interval": Fault(12, interfere=tighten),
    "harmful model": Fault(12, interfere=turn_round),
    "toxic side": Fault(
        12,
        {"fees": {"maker_bps": 0.1}, "quoting": NEAR, "models": UNGUARDED, "exchange": SLOW_LINE},
        "volatile",
        seed=3,
    ),
    "stale feed": Fault(8, interfere=silence_the_reference),
    "inventory-bound": Fault(
        12,
        {
            "capital": {"max_position_fraction": 0.06},
            "quoting": NEAR | {"inventory_skew_bps_at_limit": 0.0},
            "models": UNGUARDED,
        },
        "volatile",
    ),
    "quota-bound": Fault(6, {"quota": {"initial_requests": 100}}),
    "fee-bound": Fault(20, {"fees": {"maker_bps": 2.25}, "quoting": NEAR, "models": UNGUARDED}, hunted()),
    "too little data to say": Fault(3),
}
