"""Tapes and configurations for whole sessions."""

from pathlib import Path

import pytest

from touchstone import config
from touchstone.data.generate import generate
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import coin_of


@pytest.fixture(scope="session")
def settings() -> config.Config:
    """Defaults, with a calibration line each minute."""
    made = config.load(None)
    return made.model_copy(update={"evaluation": made.evaluation.model_copy(update={"calibration_interval_s": 60.0})})


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """Ten minutes of the made-up market."""
    folder: Path = tmp_path_factory.mktemp("tape")
    return open_tape(generate(folder / "market.tape", coin_of("hyna:HYPE"), minutes=10, seed=5))
