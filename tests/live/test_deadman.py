"""What happens to orders when their trader dies: nothing of it is believed until the exchange has no order left."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.live.hygiene import leaks_of_processes, leaks_under
from tests.live.trading import ASSET, approve, client_of, now_ms, open_orders, open_position, rest

from touchstone import config
from touchstone.live import keys
from touchstone.live.deadman import DeadManError, ScheduledCancel, cover, resting_cap
from touchstone.live.desk import Desk
from touchstone.venues.hyperliquid.demo import demo_address

TRADERS_KEY = "0x" + "7a" * 31 + "01"  # of nobody, and not read by the trader of mortal.py


class Trader:
    """A process of mortal.py, and its watchdog."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, first_line: str) -> None:
        self.process = process
        self.folder = folder
        self.first_line = first_line
        self.watchdog = int(first_line.split()[1]) if first_line.startswith("ready") else 0

    @property
    def log(self) -> str:
        return (self.folder / "watchdog.log").read_text()


@contextmanager
def trader(
    venue: Any, number: int, folder: Path, key: str, child: dict[str, str], heartbeat_s: float = 2.0
) -> Iterator[Trader]:
    venue.trader(number).isolate(ASSET)
    command = [sys.executable, "-m", "tests.live.mortal", venue.url, str(number), str(folder), str(heartbeat_s)]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=child | {keys.WATCHDOG_KEY: key, keys.KEY: TRADERS_KEY},
        )  # fmt: skip
    assert process.stdout is not None
    found = Trader(process, folder, process.stdout.readline())
    try:
        yield found
    finally:
        process.kill()
        process.communicate()
        if found.watchdog:
            with suppress(ProcessLookupError):
                os.kill(found.watchdog, signal.SIGKILL)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> float:
    """Seconds until it held; fails where it does not."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            pytest.fail(f"not within {seconds:g} s")
        time.sleep(0.02)
    return time.monotonic() - began


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.fixture
def agent(venue: Any, request: pytest.FixtureRequest) -> Callable[[int], str]:
    """Key of a fresh agent of a demo account."""

    def approved(number: int) -> str:
        made = keys.new_key()
        approve(venue, number, made.signer(is_mainnet=False).address, "watchdog")
        return made.reveal()

    return approved


def test_a_killed_trader_leaves_no_order(
    venue: Any, tmp_path: Path, child: dict[str, str], agent: Callable[[int], str]
) -> None:
    """SIGKILL: nothing of the trader runs any more, and its orders are gone within seconds."""
    key = agent(20)
    with trader(venue, 20, tmp_path, key, child) as mortal:
        assert len(open_orders(venue, 20)) == 3
        for secret in (key, TRADERS_KEY):
            assert leaks_of_processes([mortal.watchdog], secret) == []
        assert os.getsid(mortal.watchdog) == mortal.watchdog
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(mortal.watchdog, name)
        mortal.process.kill()
        assert until(lambda: open_orders(venue, 20) == []) < 5.0
        until(lambda: is_gone(mortal.watchdog))
        assert f"process {mortal.process.pid} died: cancelling every order" in mortal.log
        assert "3 orders cancelled, none left" in mortal.log
    assert leaks_under(tmp_path, key) == []


def test_a_trader_that_hangs_is_taken_for_dead(
    venue: Any, tmp_path: Path, child: dict[str, str], agent: Callable[[int], str]
) -> None:
    with trader(venue, 21, tmp_path, agent(21), child, heartbeat_s=1.0) as mortal:
        time.sleep(1.5)
        assert len(open_orders(venue, 21)) == 3  # it beats
        os.kill(mortal.process.pid, signal.SIGSTOP)
        try:
            assert 0.3 < until(lambda: open_orders(venue, 21) == []) < 5.0
            until(lambda: is_gone(mortal.watchdog))
        finally:
            os.kill(mortal.process.pid, signal.SIGCONT)
        assert "was silent for 1 s" in mortal.log
        until(lambda: mortal.log.count("watching process") == 2)  # another one, since it lives after all
        assert "ended with code 10" in (tmp_path / "stderr").read_text()


def test_a_clean_end_leaves_orders_alone(
    venue: Any, tmp_path: Path, child: dict[str, str], agent: Callable[[int], str]
) -> None:
    with trader(venue, 22, tmp_path, agent(22), child) as mortal:
        mortal.process.communicate(timeout=10)
        assert mortal.process.returncode == 0
        assert is_gone(mortal.watchdog)
        assert mortal.log.splitlines()[-1].endswith("told to stop")
    assert len(open_orders(venue, 22)) == 3


def test_a_watchdog_that_dies_is_replaced(
    venue: Any, tmp_path: Path, child: dict[str, str], agent: Callable[[int], str]
) -> None:
    with trader(venue, 23, tmp_path, agent(23), child, heartbeat_s=1.0) as mortal:
        os.kill(mortal.watchdog, signal.SIGKILL)
        until(lambda: mortal.log.count("watching process") == 2)
        mortal.process.kill()
        until(lambda: open_orders(venue, 23) == [])


def test_the_next_session_owns_its_orders(
    venue: Any, tmp_path: Path, child: dict[str, str], agent: Callable[[int], str]
) -> None:
    """Whoever took the account over meanwhile is the owner of what is open: the watchdog keeps away."""
    desk = Desk.of(tmp_path / "sessions", "local", demo_address(24))
    with trader(venue, 24, tmp_path, agent(24), child) as mortal, venue.faults(server_error_chance=1.0):
        mortal.process.kill()
        mortal.process.wait()
        with desk.lock(now_ns=1, session=Path("the next one")):
            venue.admin("faults", method="DELETE")
            until(lambda: is_gone(mortal.watchdog), 20.0)
        assert "another session trades the account" in mortal.log
    assert len(open_orders(venue, 24)) == 3


def test_a_key_that_is_none_is_told(venue: Any, tmp_path: Path, child: dict[str, str]) -> None:
    with trader(venue, 25, tmp_path, "0x" + "f" * 64, child) as mortal:
        assert mortal.first_line == ""
        assert "not a private key" in (tmp_path / "stderr").read_text()
    assert "f" * 64 not in (tmp_path / "stderr").read_text()


def test_a_key_that_could_cancel_nothing_is_told_before_it_matters(
    venue: Any, tmp_path: Path, child: dict[str, str], key: str
) -> None:
    with trader(venue, 25, tmp_path, key, child) as mortal:
        assert "is no approved agent of" in mortal.first_line
    assert leaks_under(tmp_path, key) == []


# The exchange's own switch.


class Pauses:
    """Sleep of a trader whose time the test moves."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._next = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._next.wait()
        self._next.clear()

    async def pass_on(self) -> None:
        self._next.set()
        await asyncio.sleep(0.15)


def trade_enough(venue: Any, number: int) -> None:
    """1,000 of volume: what venue.py wants."""
    open_position(venue.trader(number), "30.0")


def test_the_exchange_refuses_where_too_little_was_traded(venue: Any) -> None:
    async def scene() -> tuple[str | None, int]:
        async with client_of(venue, 26) as client:
            switch = ScheduledCancel(client, after_s=60.0, now_ms=now_ms)
            refusal = await switch.start()
            await switch.stop()
            return refusal, switch.n_requests

    refusal, n = asyncio.run(scene())
    assert refusal is not None
    assert refusal.startswith("Cannot set scheduled cancel time until enough volume traded")
    assert n == 0


def test_it_is_armed_again_each_half_of_its_time_and_cleared_at_the_end(venue: Any) -> None:
    trade_enough(venue, 27)
    rest(venue.trader(27))

    async def scene() -> None:
        pauses = Pauses()
        async with client_of(venue, 27) as client:
            switch = ScheduledCancel(client, after_s=5.5, now_ms=now_ms, sleep=pauses)
            assert await switch.start() is None
            for _ in range(3):
                await asyncio.sleep(0.1)
                await pauses.pass_on()
            assert pauses.asked == [2.75] * 4
            await switch.stop()
            assert switch.n_requests == 5

    before = venue.info("userRateLimit", user=demo_address(27))["nRequestsUsed"]
    asyncio.run(scene())
    assert venue.info("userRateLimit", user=demo_address(27))["nRequestsUsed"] - before == 5
    time.sleep(6.0)
    assert len(open_orders(venue, 27)) == 1


@pytest.mark.slow
def test_it_fires_when_it_is_not_armed_again(venue: Any) -> None:
    trade_enough(venue, 28)
    rest(venue.trader(28), 2)

    async def scene() -> None:
        async with client_of(venue, 28) as client:
            assert await ScheduledCancel(client, after_s=5.5, now_ms=now_ms, sleep=Pauses()).start() is None

    asyncio.run(scene())
    assert len(open_orders(venue, 28)) == 2
    assert until(lambda: open_orders(venue, 28) == []) > 3.0


# The choice.


def chosen(venue: Any, number: int, folder: Path, said: list[str], key: str | None = None, **settings: Any) -> str:
    """Kind of the cover that an account gets."""

    async def scene() -> str:
        async with client_of(venue, number) as client:
            loaded = None
            if key is not None:
                secret = keys.Secret(key)
                loaded = keys.Key(secret, secret.signer(is_mainnet=False).address, "a test")
            found = await cover(
                config.Live(**settings), client, watchdog_key=loaded, dex="hyna", desk=folder / "desk", session=folder,
                now_ms=now_ms, say=said.append,
            )  # fmt: skip
            await found.stop()
            return found.kind

    return asyncio.run(scene())


def test_the_best_cover_that_can_be_had_is_taken_and_the_rest_is_said(
    venue: Any, tmp_path: Path, agent: Callable[[int], str]
) -> None:
    said: list[str] = []
    assert chosen(venue, 29, tmp_path, said) == "none"
    assert "nothing cancels our orders if this process dies; they are kept under 500" in said[-1]
    assert chosen(venue, 29, tmp_path, said, agent(29)) == "watchdog"
    assert "if this machine or its line died, resting orders would stay" in said[-1]
    assert chosen(venue, 29, tmp_path, said, dead_man="off") == "none"
    for wanted in ("schedule", "watchdog"):
        with pytest.raises(DeadManError, match=f"dead_man = '{wanted}'"):
            chosen(venue, 29, tmp_path, said, dead_man=wanted)
    trade_enough(venue, 29)
    assert chosen(venue, 29, tmp_path, said, agent(29)) == "schedule"


def test_resting_orders_are_capped_unless_the_exchange_would_cancel_them() -> None:
    live = config.Live(uncovered_notional=300.0)
    assert [resting_cap(live, kind) for kind in ("schedule", "watchdog", "none")] == [None, 300.0, 300.0]


def test_the_watchdog_needs_no_compiler(child: dict[str, str]) -> None:
    code = "import sys, touchstone.live.watchdog; print([m for m in ('numba', 'numpy', 'polars') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=child, check=True)
    assert done.stdout.strip() == "[]"
