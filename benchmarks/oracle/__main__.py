"""Run the oracle: python -m benchmarks.oracle [--states N] [--continuations N] [--scenario NAME] [--out PAGE]."""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.oracle.page import page
from benchmarks.oracle.study import Sizes, run
from touchstone import TouchstoneError

NUMBERS = (
    ("states", "states whose fill probability is counted"),
    ("continuations", "futures of each"),
    ("sessions", "sessions that the states come from"),
    ("alarm-sessions", "sessions in which the alarms are watched, for each of two horizons"),
    ("alarm-windows", "windows of each"),
    ("alarm-continuations", "futures of each of these windows"),
    ("repeats", "times that outcomes are drawn to see how soon the verdict comes"),
)


def main() -> int:
    """Write the page to standard output or a file; 2 for an unknown scenario."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description="What can be known of a fill.")
    standard = Sizes()
    for name, what in NUMBERS:
        size = getattr(standard, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=int, default=size, help=f"{what} ({size})")
    parser.add_argument("--scenario", default="normal", help="market (normal)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--out", type=Path, help="page to write; by default standard output")
    given = parser.parse_args()
    sizes = Sizes(*(getattr(given, name.replace("-", "_")) for name, _ in NUMBERS))
    try:
        study = run(given.scenario, sizes, given.jobs, lambda line: print(line, file=sys.stderr, flush=True))
    except TouchstoneError as error:
        print(error, file=sys.stderr)
        return 2
    text = page(study)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
