"""What the dashboard costs: the trader's live step with and without it, and a first page over a million predictions.

`python -m benchmarks.dashboard step`: one session on a local exchange, in stretches that take turns: nothing is written
for lookers, `status.json` is written, and a dashboard beside it whose pages and metrics are fetched all the time.
`python -m benchmarks.dashboard open SESSION`: a dashboard of the session is started, and each of its pages opened.
"""

import argparse
import asyncio
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import enlarge

STRETCH_S, ROUNDS, SPEED = 8.0, 4, 4.0
MODES = ("nothing is written", "status.json is written", "dashboard and metrics")
PATHS = ("/", "/book", "/calibration", "/fills", "/money", "/risk", "/health")
FETCH_S = 0.5  # from page to page, while the dashboard is there: more than a desk of people looks
PREDICTIONS = 1_000_000
OPEN_S, MEGABYTES = 2.0, 500.0


def fetch(url: str, patience_s: float = 60.0) -> tuple[float, bytes]:
    """Seconds to an answer, and the answer; waits for a server that starts."""
    began = time.perf_counter()
    while True:
        try:
            with urllib.request.urlopen(url, timeout=patience_s) as answer:
                return time.perf_counter() - began, answer.read()
        except OSError:
            if time.perf_counter() - began > patience_s:
                raise
            time.sleep(0.02)


@contextmanager
def dashboard(session: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A dashboard of a session as `run` starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "touchstone", "dashboard", str(session), "--port", str(port), "--child"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


# The step of the trader.


class Steps:
    """Durations of the steps of a session by mode: by the wall, and processor time of the trader's thread.

    The second does not hang on what else the machine does.
    """

    def __init__(self) -> None:
        from touchstone.live.latency import Latencies
        from touchstone.live.session import Session

        self.mode: str | None = None
        self.wall = {mode: Latencies() for mode in MODES}
        self.work = {mode: Latencies() for mode in MODES}
        taken = Session.on_frame

        def on_frame(session: Session, frame: Any) -> None:
            before, began_s, worked_s = session.steps.n, time.perf_counter(), time.thread_time()
            taken(session, frame)
            if session.steps.n > before and self.mode is not None:
                self.work[self.mode].add(time.thread_time() - worked_s)
                self.wall[self.mode].add(time.perf_counter() - began_s)

        Session.on_frame = on_frame  # type: ignore[method-assign]


async def _stretches(steps: Steps, publisher: Any, folder: Path, port: int) -> None:
    """Take the modes in turns."""
    whole = publisher.look
    for number in range(ROUNDS):
        for mode in MODES if number % 2 else MODES[::-1]:  # what one leaves behind meets each of the others
            is_written = mode != MODES[0]
            publisher.look = whole if is_written else _nothing
            async with _beside(folder, port) if mode == MODES[2] else contextlib.nullcontext():
                steps.mode = mode
                await asyncio.sleep(STRETCH_S)
                steps.mode = None


@asynccontextmanager
async def _beside(folder: Path, port: int) -> AsyncIterator[None]:
    """A dashboard that is looked at. Nothing here waits in the trader's loop."""
    context = dashboard(folder, port)
    await asyncio.to_thread(context.__enter__)
    await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/metrics")  # it has started
    fetching = asyncio.create_task(_fetch_all(port))
    yield
    fetching.cancel()
    await asyncio.to_thread(context.__exit__, None, None, None)


async def _nothing() -> dict[str, Any]:
    return {}


async def _fetch_all(port: int) -> None:
    while True:
        for path in (*PATHS, "/metrics"):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}{path}", 20.0)
            await asyncio.sleep(FETCH_S)


async def _measure(folder: Path, port: int) -> Steps:
    """A session whose first quote starts the stretches, and whose end they are."""
    from touchstone.config import Config
    from touchstone.live import run as live
    from touchstone.live.publish import Publisher
    from touchstone.live.where import Where

    steps = Steps()
    made: list[Publisher] = []

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
    measuring = asyncio.create_task(_stretches(steps, made[0], folder / "session", port))
    await asyncio.wait([measuring, trading], return_when=asyncio.FIRST_COMPLETED)
    if not measuring.done():  # the session has failed
        measuring.cancel()
        await trading
    made[0]._session.end("measured")
    await measuring
    await trading
    return steps


def step() -> None:
    """Median and p99 by mode."""
    from touchstone.cli.dashboard import free_port

    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder, contextlib.redirect_stderr(io.StringIO()):
        steps = asyncio.run(_measure(Path(folder), free_port(8_950)))
    print(f"live step by the wall, {ROUNDS} x {STRETCH_S:g} s each in turn, {SPEED:g} times the wall's time, load "
          f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    print(f"{'':<26}{'messages':>9}{'wall: median us':>17}{'p99 us':>8}{'work: median us':>17}{'p99 us':>8}")
    for mode in MODES:
        wall, work = steps.wall[mode].summary(), steps.work[mode].summary()
        print(f"{mode:<26}{wall['n']:>9,}{wall['p50_us']:>17,.0f}{wall['p99_us']:>8,.0f}"
              f"{work['p50_us']:>17,.0f}{work['p99_us']:>8,.0f}")  # fmt: skip


# The first page of a large session.


def first_page(session: Path, predictions: int) -> None:
    """Seconds from the command to the first page, to each further one, and the memory after all of them."""
    from touchstone.cli.dashboard import free_port

    big = session.with_name(f"{session.name}-{predictions}")
    if not big.exists():
        print(f"{enlarge(session, big, predictions):,} predictions in {big}")
    port = free_port(8_900)
    began = time.perf_counter()
    with dashboard(big, port) as process:
        fetch(f"http://127.0.0.1:{port}/metrics")
        started_s = time.perf_counter() - began
        first_s = fetch(f"http://127.0.0.1:{port}/")[0]
        work_s, load = _cpu_s(process.pid), os.getloadavg()[0]
        print(f"started in {started_s:.2f} s, first page {first_s:.2f} s later (at most {OPEN_S:g} in all)")
        print(f"{work_s:.2f} s of processor time until then; load {load:.1f} on {os.cpu_count()} cores")
        # A page is there before its tables are: they are read beside it, and shown as soon as they are.
        while b"reading the session" in fetch(f"http://127.0.0.1:{port}/money")[1]:
            time.sleep(0.1)
        print(f"every table read {time.perf_counter() - began:.1f} s after the start, {_cpu_s(process.pid):.2f} s work")
        again = {path: fetch(f"http://127.0.0.1:{port}{path}")[0] for path in PATHS}
        print("pages then: " + ", ".join(f"{path} {took:.2f} s" for path, took in again.items()))
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
        print(f"memory at its peak {peak:.0f} MB (at most {MEGABYTES:g})")


def _cpu_s(pid: int) -> float:
    """Processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Which figure."""
    parser = argparse.ArgumentParser()
    which = parser.add_subparsers(dest="which", required=True)
    which.add_parser("step")
    opened = which.add_parser("open")
    opened.add_argument("session", type=Path)
    opened.add_argument("--predictions", type=int, default=PREDICTIONS)
    given = parser.parse_args()
    if given.which == "step":
        step()
    else:
        first_page(given.session, given.predictions)


if __name__ == "__main__":
    main()
