"""How a session stands, without touching it."""

from typing import Any

import numpy as np

from touchstone.core import state
from touchstone.core.calibration import reliability
from touchstone.core.calibration.scorecard import BINARY
from touchstone.core.targets import IS_BINARY, N_TARGETS
from touchstone.live.status import verdicts
from touchstone.session.models import model


def scored() -> Any:
    """A state whose probabilities have outcomes to be summed up."""
    machine = state.new_machine()
    chance = np.random.default_rng(1)
    for target in range(N_TARGETS):
        card = machine[0].state.models.cards[target]
        card.n = 1_000
        if IS_BINARY[target]:
            card.kind = BINARY
            for p in chance.uniform(0.1, 0.9, 200):
                reliability.update(card.sketch, np.int64(0), p, np.int64(chance.uniform() < p))
    return machine


def test_looking_changes_nothing_in_the_core() -> None:
    """Its bytes must follow from the events alone, or a replay would not find them."""
    machine = scored()
    before = machine["state"].tobytes()
    assert sum(verdicts(machine[0].state).values()) == N_TARGETS
    assert model(machine[0].state, 0, None)["n"] == 1_000
    assert machine["state"].tobytes() == before
