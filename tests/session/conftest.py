"""Records to put into a journal, and settings of short sessions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone import config
from touchstone.core.actions import ACTION
from touchstone.core.events import EVENT
from touchstone.data.units import Coin
from touchstone.session.journal import Journal

COIN = Coin("hyna:HYPE", 2, "USDE")


@pytest.fixture(scope="session")
def settings() -> config.Config:
    """Calibrates each minute."""
    given = config.Config()
    evaluation = given.evaluation.model_copy(update={"calibration_interval_s": 60.0})
    return given.model_copy(update={"evaluation": evaluation})


def events(first: int, count: int) -> Any:
    """Records that differ from each other."""
    rows: Any = np.zeros(count, EVENT)
    rows["recv_ns"] = np.arange(first, first + count)
    rows["px"] = rows["recv_ns"] * 7919
    rows["kind"] = 4
    return rows


def actions(first: int, count: int) -> Any:
    rows: Any = np.zeros(count, ACTION)
    rows["cloid"] = np.arange(first, first + count)
    rows["kind"] = 1
    return rows


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, COIN, "core")
