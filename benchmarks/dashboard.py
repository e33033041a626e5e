"""What a dashboard over a million predictions takes: time to its first page and to each further one, and memory.

`python -m benchmarks.dashboard SESSION`: a dashboard of the session is started, and each of its pages opened. What it
costs the trader: benchmarks/live_step.py.
"""

import argparse
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import enlarge

PATHS = ("/", "/book", "/calibration", "/fills", "/money", "/risk", "/health")
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
    """Of which session."""
    parser = argparse.ArgumentParser()
    parser.add_argument("session", type=Path)
    parser.add_argument("--predictions", type=int, default=PREDICTIONS)
    given = parser.parse_args()
    first_page(given.session, given.predictions)


if __name__ == "__main__":
    main()
