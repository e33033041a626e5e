"""The placebo: what the models see is real, but of another time, and nothing of it can be read now."""

from typing import Any

import numpy as np
import pytest

from touchstone.core.conventions import NS
from touchstone.core.market import placebo

START_S = 1_700_000_000
SECONDS = 6_000


def new(is_on: int = 1) -> Any:
    made = np.zeros(1, placebo.PLACEBO)[0]
    placebo.reset(made, is_on)
    return made


def play(made: Any, values: np.ndarray, seed: int = 1) -> np.ndarray:
    """What is seen each second of a signal that takes these values, one a second."""
    seen = np.zeros(len(values))
    for second, value in enumerate(values):
        seen[second] = placebo.shown(made, placebo.IMBALANCE, np.float64(value))
        placebo.on_second(made, np.int64(seed), np.int64((START_S + second) * NS))
    return seen


def test_switched_off_everything_is_as_it_is() -> None:
    values = np.arange(100.0)
    assert np.array_equal(play(new(is_on=0), values), values)


def test_signals_are_those_of_a_minute_to_an_hour_before() -> None:
    """Each is one that was there, one shift a minute, never nearer than a minute; all the way back comes up."""
    seen = play(new(), np.arange(float(SECONDS)))
    now = np.arange(SECONDS)
    known = now > placebo.LEAST_SHIFT
    assert (seen[~known] == placebo.UNKNOWN[placebo.IMBALANCE]).all()
    shift = (now - seen)[known]
    assert shift.min() >= placebo.LEAST_SHIFT
    assert shift.max() < placebo.SLOTS + 1
    assert shift.max() > 0.8 * placebo.SLOTS
    minutes = (START_S + now[known] - 1) // 60  # what is seen now was chosen with the last second
    late = now[known] > placebo.SLOTS + 60  # the ring is full: only a new minute changes the shift
    for minute in np.unique(minutes[late]):
        assert len(set(shift[late][minutes[late] == minute])) == 1


def test_it_says_nothing_of_now() -> None:
    """An imbalance that is the sign of what comes with 90 % is right half of the time when shuffled."""
    rng = np.random.default_rng(5)
    comes = rng.choice([-1.0, 1.0], 40_000)
    signal = np.where(rng.random(len(comes)) < 0.9, comes, -comes)
    seen = play(new(), signal)
    late = slice(100, None)
    assert np.mean(signal[late] == comes[late]) == pytest.approx(0.9, abs=0.01)
    assert np.mean(seen[late] == comes[late]) == pytest.approx(0.5, abs=0.015)
    assert abs(seen[late].mean() - signal[late].mean()) < 0.05


def test_another_seed_is_another_shuffle_and_the_same_seed_the_same() -> None:
    values = np.arange(1_000.0)
    assert np.array_equal(play(new(), values, 1), play(new(), values, 1))
    assert not np.array_equal(play(new(), values, 1), play(new(), values, 2))
