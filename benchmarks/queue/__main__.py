"""Run the queue study: python -m benchmarks.queue [--data FOLDER_OR_ZIP] [--out PAGE]."""

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks.queue.page import page
from benchmarks.queue.study import run

COMMAND = "python -m benchmarks.queue --out docs/queue-study.md"
SAMPLE = "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"


def main() -> int:
    """Write the page to standard output or a file; 2 where the recording is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description="Which queue model is right.")
    parser.add_argument("--data", type=Path, help=f"LOBSTER archive; by default lobster/{SAMPLE} in TOUCHSTONE_DATA")
    parser.add_argument("--out", type=Path, help="page to write; by default standard output")
    given = parser.parse_args()
    data = given.data or Path(os.environ.get("TOUCHSTONE_DATA", "")) / "lobster" / SAMPLE
    if not data.exists():
        print(f"{data}: not there; set TOUCHSTONE_DATA to the folder of recordings, or give --data", file=sys.stderr)
        return 2
    started = time.perf_counter()
    study = run(data)
    source = f"{study.day.ticker} (NASDAQ, `{data.name}`)"
    text = page(study, COMMAND, source)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    spent = time.perf_counter() - started
    print(f"{len(study.ghosts):,} orders, {spent:.0f} s; chosen: {study.chosen()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
