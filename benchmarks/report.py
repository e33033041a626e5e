"""Time and memory of `touchstone report --html` over a session of a million predictions.

`python -m benchmarks.report SESSION [--predictions 1000000]`: a real session's rows again and again, each copy later by
its length. The big session is made once beside it; the report is made in a process of its own.
"""

import argparse
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

TIMES = {  # columns that move on with each copy
    "quotes": ("decided_ns", "market_t_ns"),
    "predictions": ("made_ns",),
    "outcomes": ("resolved_ns",),
    "fills": ("exch_ns", "recv_ns", "prediction_ns", "at_decision_t_ns", "at_fill_t_ns"),
    "orders": ("decided_ns",),
    "calibrations": ("t_ns",),
    "lags": ("t_ns",),
}
IDS = {  # columns that are numbered on
    "quotes": ("quote_id",),
    "predictions": ("prediction_id", "quote_id"),
    "outcomes": ("prediction_id",),
    "fills": ("fill_id", "fill_prediction_id", "as_prediction_id"),
    "markouts": ("fill_id",),
}
SECONDS, MEGABYTES = 20.0, 500.0
ID_STEP = 10_000_000


def enlarge(session: Path, big: Path, predictions: int) -> int:
    """A copy of a session with at least so many predictions; how many."""
    shutil.copytree(session, big)
    database = sqlite3.connect(big / "session.db")
    database.execute("PRAGMA journal_mode=OFF")
    has = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    once = database.execute("SELECT count(*) FROM predictions").fetchone()[0]
    first, last = database.execute("SELECT min(made_ns), max(made_ns) FROM predictions").fetchone()
    rows = {table: database.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] for table in {*TIMES, *IDS} & has}
    for copy in range(1, -(-predictions // once)):
        for table, newest in rows.items():
            shifted = []
            for column in [row[1] for row in database.execute(f"PRAGMA table_info({table})")]:
                by = (last - first) * copy if column in TIMES.get(table, ()) else 0
                by += ID_STEP * copy if column in IDS.get(table, ()) else 0
                shifted.append(f'"{column}" + {by}' if by else f'"{column}"')
            database.execute(f"INSERT INTO {table} SELECT {', '.join(shifted)} FROM {table} WHERE rowid <= {newest}")
        database.commit()
    made: int = database.execute("SELECT count(*) FROM predictions").fetchone()[0]
    database.close()
    result = json.loads((big / "result.json").read_text())
    result["span_s"] *= -(-predictions // once)
    (big / "result.json").write_text(json.dumps(result))
    return made


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("session", type=Path)
    parser.add_argument("--predictions", type=int, default=1_000_000)
    given = parser.parse_args()
    big = given.session.with_name(f"{given.session.name}-{given.predictions}")
    if not big.exists():
        print(f"{enlarge(given.session, big, given.predictions):,} predictions in {big}")
    page = big.with_suffix(".html")
    started = time.perf_counter()
    command = [sys.executable, "-m", "touchstone", "report", str(big), "--html", str(page)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    megabytes, processor = used.ru_maxrss / 1024.0, used.ru_utime + used.ru_stime
    database_mb = (big / "session.db").stat().st_size / 1e6
    print(f"database {database_mb:,.0f} MB, page {page.stat().st_size / 1e3:,.0f} kB")
    print(f"report: {seconds:.1f} s (at most {SECONDS:g}), of the processor {processor:.1f} s")
    print(f"{megabytes:.0f} MB resident (at most {MEGABYTES:g})")


if __name__ == "__main__":
    main()
