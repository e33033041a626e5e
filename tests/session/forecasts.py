"""Outcomes that two cores predicted, without the cores."""

from typing import Any

import numpy as np

from touchstone.core.targets import IS_BINARY, TARGET_NAMES
from touchstone.session.beside import Paired
from touchstone.session.challenge import BLOCK_NS, Comparison

PER_BLOCK = 10


def of_blocks(name: str, blocks: int) -> tuple[int, Any]:
    """(target, times of resolution): ten outcomes in each block, all in its last tenth."""
    target = TARGET_NAMES.index(name)
    length = BLOCK_NS[target]
    places = length - length // 10 + np.arange(PER_BLOCK) * (length // 200)
    return target, (np.arange(1, blocks + 1)[:, np.newaxis] * length + places).ravel()


def paired(name: str, blocks: int, forecast: Any, other: Any, outcome: Any) -> Paired:
    """Outcomes [blocks x PER_BLOCK] of one target; a loss that is no probability's is the squared error."""
    target, resolved_ns = of_blocks(name, blocks)
    return Paired(
        target=np.full(len(resolved_ns), target), resolved_ns=resolved_ns, outcome=outcome,
        loss=(forecast - outcome) ** 2, loss_challenger=(other - outcome) ** 2,
        forecast=forecast, forecast_challenger=other,
    )  # fmt: skip


def chances(name: str, blocks: int, seed: int) -> tuple[Any, Any, Any]:
    """(truth, outcomes, generator): probabilities about 0.3 and events, or means about 0 and moves."""
    chance = np.random.default_rng(seed)
    n = blocks * PER_BLOCK
    if IS_BINARY[TARGET_NAMES.index(name)]:
        truth = chance.uniform(0.1, 0.5, n)
        return truth, (chance.uniform(size=n) < truth).astype(np.float64), chance
    truth = chance.normal(size=n)
    return truth, truth + chance.normal(size=n) * 2.0, chance


def winning(name: str, *, blocks: int = 400, seed: int = 1) -> Comparison:
    """A comparison in which the challenger knows the truth of one target, and the incumbent knows nothing."""
    truth, outcome, _ = chances(name, blocks, seed)
    comparison = Comparison()
    comparison.take(paired(name, blocks, np.full(len(truth), 0.3), truth, outcome))
    return comparison
