"""How long it takes to compile everything, and how soon a later run trades."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.backtest.runner import compile_ahead
from touchstone.data.tape import open_tape
compile_ahead(lambda words: None)
tape = open_tape(sys.argv[1])
made = Replay(config.load(None), tape.meta.sz_decimals)
step, at = 4096, 0
while made.counts["orders"] == 0:
    made.run(tape, start=at, stop=at + step)
    at += step
print(time.perf_counter() - started)
"""


def seconds(tape: Path, cache: Path) -> float:
    """Wall time of a fresh process from its start to its first order, the compiler's cache in `cache`."""
    environment = os.environ | {"TOUCHSTONE_CACHE_DIR": str(cache)}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", CHILD, str(tape)], env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def report() -> None:
    """Print both."""
    from touchstone.data.generate import generate
    from touchstone.data.units import coin_of

    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as folder:
        tape = generate(Path(folder) / "market.tape", coin_of("hyna:HYPE"), minutes=3, seed=1)
        cold = seconds(tape, Path(folder) / "cache")
        warm = [seconds(tape, Path(folder) / "cache") for _ in range(5)]
    print(f"cold: {cold:.1f} s from process start to the first order, everything compiled (limit 90 s)")
    print(f"warm: {statistics.median(warm):.2f} s (range {min(warm):.2f} to {max(warm):.2f}), likewise (limit 2 s)\n")


if __name__ == "__main__":
    report()
