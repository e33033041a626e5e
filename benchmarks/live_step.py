"""Whether lookers cost the trader anything: the live step with and without them, in one interleaved run.

`python -m benchmarks.live_step`: one session on a local exchange, in short stretches that take turns: nothing is
written for lookers, `status.json` is written, and a dashboard beside it whose pages and metrics are fetched all the
time (dashboard and reader are stopped by a signal in the other stretches). The order of the turns is drawn anew for
each round. Differences are of the pooled median and 99th percentile; their intervals draw whole rounds, for what
disturbs a machine lasts longer than a message. The trader's thread runs in the real-time class where that is allowed,
so that other programs of the machine do not stand in its way; nothing that it starts inherits that.
"""

import argparse
import asyncio
import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dashboard import PATHS, dashboard, fetch

STRETCH_S, SETTLE_S, ROUNDS, SPEED = 2.0, 0.3, 50, 20.0
MODES = ("nothing is written", "status.json is written", "dashboard and metrics")
MEASURES = ("step, wall", "step, work", "timer late, wall")
FETCH_S = 0.25  # from page to page: more than a desk of people looks
DRAWS = 1_000
PRIORITY = 1

Floats = NDArray[np.float64]


@dataclass
class Stretch:
    """Durations of one stretch by measure, seconds."""

    mode: str
    taken: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MEASURES})


class Watch:
    """Times the session from outside: steps by the wall and by processor time of the trader's thread, late timers."""

    def __init__(self) -> None:
        from touchstone.live.session import Session

        self.stretch: Stretch | None = None
        taken = Session.on_frame

        def on_frame(session: Session, frame: Any) -> None:
            before, began_s, worked_s = session.steps.n, time.perf_counter(), time.thread_time()
            taken(session, frame)
            if session.steps.n > before and self.stretch is not None:
                self.stretch.taken["step, work"].append(time.thread_time() - worked_s)
                self.stretch.taken["step, wall"].append(time.perf_counter() - began_s)

        Session.on_frame = on_frame  # type: ignore[method-assign]

    def time_timers(self, session: Any) -> None:
        """How late a timer is says how long the loop was busy with something else."""
        add = session.timer_late.add

        def seen(seconds: float) -> None:
            add(seconds)
            if self.stretch is not None:
                self.stretch.taken["timer late, wall"].append(seconds)

        session.timer_late.add = seen


async def _nothing() -> dict[str, Any]:
    return {}


async def _stretches(watch: Watch, publisher: Any, lookers: list[int]) -> list[Stretch]:
    """All rounds; `lookers` run in their own stretches only."""
    whole, chance, made = publisher.look, random.Random(1), []
    for _ in range(ROUNDS):
        for mode in chance.sample(MODES, len(MODES)):
            publisher.look = _nothing if mode == MODES[0] else whole
            for pid in lookers:
                os.kill(pid, signal.SIGCONT if mode == MODES[2] else signal.SIGSTOP)
            await asyncio.sleep(SETTLE_S)
            watch.stretch = Stretch(mode)
            await asyncio.sleep(STRETCH_S)
            made.append(watch.stretch)
            watch.stretch = None
    for pid in lookers:
        os.kill(pid, signal.SIGCONT)
    return made


async def _measure(folder: Path, port: int) -> tuple[list[Stretch], str]:
    """A session whose first quote starts the stretches, and whose end they are; the trader's scheduling in words."""
    from touchstone.config import Config
    from touchstone.live import run as live
    from touchstone.live.publish import Publisher
    from touchstone.live.where import Where

    watch, made = Watch(), []

    class Seen(Publisher):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    live.Publisher = Seen  # type: ignore[misc]
    where = Where(["--market", "normal", "--coin", "hyna:HYPE"], SPEED, 1, shows_own_orders=True)
    config = Config().model_copy(update={"live": Config().live.model_copy(update={"sessions": str(folder)})})
    trading = asyncio.create_task(
        live.trade(config, where, minutes=None, folder=folder / "session", say=lambda _: None, show=lambda _: None)
    )
    while not made or not made[0]._session.trader.live_orders():
        await asyncio.sleep(0.2)
        if trading.done():
            trading.result()
    session = made[0]._session
    watch.time_timers(session)
    with dashboard(folder / "session", port) as pages, _reader(port) as reader:
        await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/metrics")  # it has started
        scheduling = _ahead_of_others()
        measuring = asyncio.create_task(_stretches(watch, made[0], [pages.pid, reader.pid]))
        await asyncio.wait([measuring, trading], return_when=asyncio.FIRST_COMPLETED)
        _like_others()
        for pid in (pages.pid, reader.pid):  # or they could not end
            os.kill(pid, signal.SIGCONT)
        if not measuring.done():  # the session has failed
            measuring.cancel()
            await trading
        session.end("measured")
        await trading
    return measuring.result(), scheduling


@contextlib.contextmanager
def _reader(port: int) -> Any:
    """A program that fetches every page and the metrics, over and over."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.live_step", "--read", str(port)])
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _read(port: int) -> None:
    while True:
        for path in (*PATHS, "/metrics"):
            with contextlib.suppress(OSError):
                fetch(f"http://127.0.0.1:{port}{path}", 20.0)
            time.sleep(FETCH_S)


def _ahead_of_others() -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError:
        return "the class of all others (real time is not allowed here)"
    return f"the real-time class (SCHED_RR, {PRIORITY})"


def _like_others() -> None:
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def quantiles(stretches: list[Stretch], mode: str, measure: str, rounds: Any) -> tuple[float, float]:
    """(median, p99) in microseconds over the chosen rounds of a mode."""
    of_mode = [stretch for stretch in stretches if stretch.mode == mode]
    pooled = np.concatenate([np.asarray(of_mode[number].taken[measure]) for number in rounds])
    median, p99 = np.quantile(pooled, (0.5, 0.99))
    return 1e6 * float(median), 1e6 * float(p99)


def differences(stretches: list[Stretch], mode: str, measure: str) -> list[tuple[float, float, float]]:
    """(difference to the first mode, low, high) of median and p99; 90 % by bootstrap over rounds."""
    chance = np.random.default_rng(1)
    rounds = sum(stretch.mode == mode for stretch in stretches)

    def apart(drawn: Any) -> Floats:
        here, base = (quantiles(stretches, name, measure, drawn) for name in (mode, MODES[0]))
        return np.array(here) - np.array(base)

    found = apart(range(rounds))
    draws = np.array([apart(chance.integers(rounds, size=rounds)) for _ in range(DRAWS)])
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    return list(zip(found.tolist(), low.tolist(), high.tolist(), strict=True))


def show(stretches: list[Stretch], scheduling: str) -> None:
    """Tables: what was measured, and the differences with their intervals."""
    print(f"{ROUNDS} rounds of {STRETCH_S:g} s a stretch, {SPEED:g} times the wall's time; the trader's thread in "
          f"{scheduling}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    for measure in MEASURES:
        print(f"\n{measure:<26}{'n':>8}{'median us':>11}{'p99 us':>9}   median, more than without [90 %]   p99 [90 %]")
        for mode in MODES:
            rounds = range(sum(stretch.mode == mode for stretch in stretches))
            n = sum(len(stretch.taken[measure]) for stretch in stretches if stretch.mode == mode)
            median, p99 = quantiles(stretches, mode, measure, rounds)
            words = ""
            if mode != MODES[0]:
                words = "   ".join(f"{d:+,.0f} [{low:+,.0f}, {high:+,.0f}]" for d, low, high in
                                   differences(stretches, mode, measure))  # fmt: skip
            print(f"  {mode:<24}{n:>8,}{median:>11,.0f}{p99:>9,.0f}   {words}")


def main() -> None:
    """Run it, or be its reader."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        _read(given.read)
        return
    from touchstone.cli.dashboard import free_port

    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder, contextlib.redirect_stderr(io.StringIO()):
        stretches, scheduling = asyncio.run(_measure(Path(folder), free_port(8_950)))
    show(stretches, scheduling)


if __name__ == "__main__":
    main()
