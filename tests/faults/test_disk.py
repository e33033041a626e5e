"""A full disk: nothing is sent that is not journaled, no order stays, and the message says so; then it goes on."""

import sys
from pathlib import Path

import pytest
from tests.faults.agreement import disagreements, orders_without_journal
from tests.faults.traders import COMPILE_S, DEX, TraderProcess

SMALL_DISK = str(Path(__file__).with_name("small_disk.py"))


@pytest.mark.parametrize(("what", "size"), [("journal", 1_500_000), ("files", 1_500_000)])
def test_full_disk(trader: TraderProcess, what: str, size: int) -> None:
    plain = trader.command
    trader.command = [sys.executable, SMALL_DISK, what, str(size), *plain[3:]]
    trader.start()
    code = trader.wait(COMPILE_S)
    words = trader.words()
    assert code in (2, 3), words
    assert "error: " in words
    assert "free space or mend the disk" in words
    assert "This is a fault of Touchstone" not in words
    assert trader.venue.info("frontendOpenOrders", user=trader.user, dex=DEX) == []
    assert list(orders_without_journal(trader)) == []
    trader.command = plain
    trader.start()
    trader.until(lambda told: told["orders"] > 0 and told["fills"] > 0, "it goes on")
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []
