"""Whole sessions under every fault of the local exchange: afterwards trader, journal and exchange agree."""

from typing import Any

import pytest
from tests.faults.agreement import disagreements
from tests.faults.traders import COMPILE_S, TraderProcess


def test_no_fault(trader: TraderProcess) -> None:
    trader.start()
    trader.until(lambda told: told["fills"] >= 5, "five fills", COMPILE_S)
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []
