"""Models fed shuffled inputs: what the leader says is worth something, what it said at another time is not."""

import pytest

from touchstone import config
from touchstone.backtest import scenario
from touchstone.backtest.reactive import Reactive
from touchstone.core.targets import LAG_MOVE_TARGET
from touchstone.session import models

SZ, MINUTES = 2, 60.0
LAG = int(LAG_MOVE_TARGET)


def played(settings: config.Config, *, is_shuffled: bool) -> Reactive:
    """An hour of a market whose leader is 0.3 s ahead."""
    changed = settings.models.model_copy(update={"inputs": "shuffled" if is_shuffled else "real"})
    made = Reactive(
        settings.model_copy(update={"models": changed}), SZ, scenario.load("lag_0.3"), seed=4, digest=False
    )
    made.run(MINUTES)
    return made


@pytest.fixture(scope="module")
def real(settings: config.Config) -> Reactive:
    return played(settings, is_shuffled=False)


@pytest.fixture(scope="module")
def shuffled(settings: config.Config) -> Reactive:
    return played(settings, is_shuffled=True)


def test_the_leader_is_worth_something_only_as_it_is(real: Reactive, shuffled: Reactive) -> None:
    told, mixed = models.model_now(real.state, LAG), models.model_now(shuffled.state, LAG)
    assert told["n"] > 1_000
    assert mixed["n"] > 1_000
    assert told["verdict"] == "ADDS VALUE"
    assert told["bss"] > 0.05
    assert mixed["verdict"] not in ("ADDS VALUE", "HARMFUL")
    assert mixed["bss"] < 0.01


def test_what_knows_nothing_gets_no_influence(real: Reactive, shuffled: Reactive) -> None:
    assert real.state.models.influence[LAG] > 0.0
    assert shuffled.state.models.influence[LAG] == 0.0


def test_it_trades_on_and_is_sound(shuffled: Reactive) -> None:
    assert shuffled.problems() == []
    assert shuffled.state.profit.n_fills > 10
