"""Records to put into a journal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone.core.actions import ACTION
from touchstone.core.events import EVENT
from touchstone.data.units import Coin
from touchstone.session.journal import Journal

COIN = Coin("hyna:HYPE", 2, "USDE")


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
