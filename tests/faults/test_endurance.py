"""Half an hour at real speed: memory flat, nothing unhandled, the replay identical."""

import time
from collections.abc import Callable

import pytest
from tests.conformance.conftest import WIDE, running
from tests.faults.agreement import disagreements
from tests.faults.traders import COIN, COMPILE_S, TraderProcess

MINUTES = 30.0
SETTLED_MINUTES = 5.0  # after which everything that grows with use has been used
LOOK_S = 5.0
GROWTH = 0.02  # of the memory, from then on
LEAST_GROWTH_KB = 6_000


def rss_kb(pid: int) -> int:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4


@pytest.mark.slow
def test_half_an_hour(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(
        tmp_path_factory.mktemp("exchange"), "--market", "normal", "--coin", COIN, config=WIDE
    ) as exchange:
        trader = TraderProcess(exchange, tmp_path_factory.mktemp("trader"), 1, speed=1.0)
        try:
            trader.start()
            trader.until_quoting(COMPILE_S)
            seen = watched(trader, MINUTES)
            assert trader.terminate() == 0, trader.words()
            assert disagreements(trader) == []
            words = (trader.folder / "err.txt").read_text()
            assert "Traceback" not in words
            assert "error" not in words
            settled = [kb for at_s, kb in seen if at_s > 60 * SETTLED_MINUTES]
            half = len(settled) // 2
            first, last = sum(settled[:half]) / half, sum(settled[-half:]) / half
            assert last - first < max(GROWTH * first, LEAST_GROWTH_KB), seen
        finally:
            trader.close()


def watched(
    trader: TraderProcess, minutes: float, say: Callable[[str], None] = lambda _: None
) -> list[tuple[float, int]]:
    """(seconds, resident memory in kB) of a session, every few seconds."""
    seen: list[tuple[float, int]] = []
    began_s = time.monotonic()
    while (at_s := time.monotonic() - began_s) < 60 * minutes:
        assert trader.is_running, trader.words()
        seen.append((at_s, rss_kb(trader.process.pid)))
        say(f"{at_s:.0f} s {seen[-1][1]} kB {trader.status() and trader.status()['fills']} fills")
        time.sleep(LOOK_S)
    return seen
