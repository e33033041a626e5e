"""A local exchange for each file of tests, twenty times faster than the wall, and traders that are processes."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.conftest import WIDE, Running, running
from tests.faults.traders import COIN, SPEED, TraderProcess

MANY = "request_buffer = 1000000\n[accounts]\nn = 100\n"
_numbers = count(11)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An exchange that plays the scenario `normal`."""
    folder = tmp_path_factory.mktemp("exchange")
    with running(folder, "--market", "normal", "--coin", COIN, "--speed", f"{SPEED:g}", config=WIDE + MANY) as found:
        yield found


@pytest.fixture
def traders(exchange: Running, tmp_path: Path) -> Iterator[Callable[..., TraderProcess]]:
    """Makes traders, each of an account that nobody has used; none of them outlives its test."""
    made: list[TraderProcess] = []

    def make(**given: Any) -> TraderProcess:
        folder = tmp_path / f"trader{len(made)}"
        folder.mkdir()
        made.append(TraderProcess(exchange, folder, next(_numbers), **given))
        return made[-1]

    yield make
    for trader in made:
        trader.close()


@pytest.fixture
def trader(traders: Callable[..., TraderProcess]) -> TraderProcess:
    """A trader, not yet started."""
    return traders()
