"""A trader that is dead, or hangs, and is not started again: its watchdog leaves no order behind."""

import os
import secrets
import signal
import time
from collections.abc import Callable

from tests.faults.agreement import disagreements
from tests.faults.traders import COMPILE_S, DEX, SETTINGS, TraderProcess, approve

from touchstone.live import keys

HEARTBEAT_S = 2.0
ACTS_WITHIN_S = 5.0  # the stated bound, of the wall: after a death, or after HEARTBEAT_S of silence


def watched(traders: Callable[..., TraderProcess]) -> TraderProcess:
    key = "0x" + secrets.token_hex(32)
    trader = traders(
        also={keys.WATCHDOG_KEY: key},
        settings=SETTINGS + f'heartbeat_s = {HEARTBEAT_S}\ndead_man = "watchdog"\n',
    )
    approve(trader, key, "watchdog")
    trader.start()
    trader.until_quoting(COMPILE_S)
    return trader


def orders_rest_for(trader: TraderProcess, most_s: float) -> float:
    """Seconds until the exchange has no order of the account any more."""
    began_s = time.monotonic()
    while trader.venue.info("frontendOpenOrders", user=trader.user, dex=DEX):
        assert time.monotonic() - began_s < most_s, (trader.session / "watchdog.log").read_text()
        time.sleep(0.02)
    return time.monotonic() - began_s


def test_dead(traders: Callable[..., TraderProcess]) -> None:
    trader = watched(traders)
    assert trader.venue.info("frontendOpenOrders", user=trader.user, dex=DEX)
    trader.kill()
    orders_rest_for(trader, ACTS_WITHIN_S)
    time.sleep(0.5)
    assert trader.venue.info("frontendOpenOrders", user=trader.user, dex=DEX) == []  # nor does one come back
    trader.start()
    trader.until_quoting()
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []


def test_hanging(traders: Callable[..., TraderProcess]) -> None:
    """It finds its orders gone when it goes on, and another watchdog is started."""
    trader = watched(traders)
    os.kill(trader.process.pid, signal.SIGSTOP)
    orders_rest_for(trader, HEARTBEAT_S + ACTS_WITHIN_S)
    os.kill(trader.process.pid, signal.SIGCONT)
    trader.until_quoting()
    trader.until(lambda told: "starting another" in trader.words(400), "another watchdog")
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []
