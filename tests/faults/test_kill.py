"""kill -9 of the trader, at random instants and at the worst ones; the same command goes on, and nothing is lost."""

import random
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.faults.agreement import disagreements
from tests.faults.traders import COMPILE_S, TraderProcess

from touchstone.core import targets

DIES = str(Path(__file__).with_name("dies.py"))
AT_ONCE = 2  # traders that are being killed beside each other
EARLY_S = 4.0  # in which a session starts, retraces its journal and reconciles
LATE_S = 3.0


def killed_often(trader: TraderProcess, seed: int, n: int) -> list[str]:
    """Kill a session n times, go on with it, end it in order; what then disagrees."""
    chance = random.Random(seed)
    trader.start()
    trader.until_quoting(COMPILE_S)
    for _ in range(n):
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0.0, EARLY_S))
        else:
            trader.until_quoting()
            time.sleep(chance.uniform(0.0, LATE_S))
        assert trader.is_running, trader.words()
        trader.kill()
        trader.start()
    trader.until(lambda told: told["orders"] > 0 and told["fills"] > 0, "it has orders and fills")
    code = trader.terminate()
    return [*([f"exit code {code}: {trader.words()}"] if code else []), *disagreements(trader)]


def kill_all(traders: Callable[..., TraderProcess], seeds: range, kills_each: int) -> None:
    made = [traders() for _ in seeds]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda trader, seed: killed_often(trader, seed, kills_each), made, seeds))
    assert dict(zip(seeds, found, strict=True)) == {seed: [] for seed in seeds}


def test_killed_at_twenty_random_instants(traders: Callable[..., TraderProcess]) -> None:
    kill_all(traders, range(4), 5)


@pytest.mark.slow
def test_killed_at_two_hundred_random_instants(traders: Callable[..., TraderProcess]) -> None:
    kill_all(traders, range(100, 120), 10)


def test_killed_at_the_worst_instants(trader: TraderProcess) -> None:
    """One session dies at each of them in turn; each next start goes on with it."""
    plain = trader.command
    for point, number, terminates in (
        ("journaled, not sent", 40, False),
        ("sent", 30, False),
        ("events journaled, actions not", 30, False),
        ("a block torn", 60, False),
        ("a segment without its state", 3, False),
        ("in the middle of reconciling", 1, False),
        ("a fill on its way to the database", 1, False),
        ("all orders gone, no result", 1, True),
        ("a final state, no result", 1, True),
    ):
        trader.command = [sys.executable, DIES, point, str(number), *plain[3:]]
        trader.start()
        if terminates:
            trader.until_quoting(COMPILE_S)
            trader.process.send_signal(signal.SIGTERM)
        assert trader.wait(COMPILE_S) == -signal.SIGKILL, (point, trader.words())
    trader.command = plain
    trader.start()
    trader.until(lambda told: told["orders"] > 0 and told["fills"] > 0, "it has orders and fills")
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []
    voided = trader.rows(f"SELECT count(*) FROM outcomes WHERE decided = {int(targets.VOID_LOST)}")[0][0]
    assert voided > 0, "the predictions of orders that never left are void, and say why"
