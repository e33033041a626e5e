"""The duel with hftbacktest: first the same fills, then events per second, and both with a ladder.

Tape and strategy of the other side come from the shared benchmark (BENCH_DIR, else ../shared/bench beside the
repository); hftbacktest runs in an environment of its own. Our side is `touchstone backtest` by configuration only:
benchmarks/configs. "Full engine" is orders.toml, with all that concerns an order and no other model; "all models" is
full.toml. Runs are interleaved; a ratio is the median of the ratios of neighbours. Times are CPU seconds of
the process, so that other work on the machine disturbs them less.
"""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import environments
from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core.records import FILL_ROW
from touchstone.data.bench_tape import convert
from touchstone.data.tape import Tape, open_tape

REPEATS = int(os.environ.get("BENCH_REPEATS", "5"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "10000000"))
CONFIGS = Path(__file__).parent / "configs"
MICRO_PER_UNIT, SIZE_PER_UNIT = 1e6, 1e3


class Fills:
    """A sink that keeps the fills."""

    def __init__(self) -> None:
        self._rows = [np.zeros(0, FILL_ROW)]

    def take(self, table: str, rows: Any) -> None:
        """Keep fills only."""
        if table == "fills":
            self._rows.append(rows.copy())

    @property
    def rows(self) -> Any:
        """All of them, in order."""
        return np.concatenate([np.asarray(rows).view(np.ndarray) for rows in self._rows])


class Opponent:
    """hftbacktest's process: compiled once, then asked for one run after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        side = Path(__file__).with_name("hftbacktest_side.py")
        command = [str(environments.python_of("hftbacktest")), "-P", str(side)]  # -P: benchmarks/queue is not `queue`
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=folder, text=True
        )

    def ask(self, command: str) -> dict[str, Any]:
        """One run. Raises RuntimeError where the process has ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"hftbacktest's process ended at `{command}`; its message stands above")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


def bench_dir() -> Path | None:
    """Folder of the shared benchmark, None where there is none."""
    given = os.environ.get("BENCH_DIR")
    folder = Path(given) if given else environments.ROOT.parent / "shared" / "bench"
    return folder if (folder / "gen_data.py").is_file() else None


def tag_of(events: int) -> str:
    """How the shared scripts name a tape of so many events."""
    return f"{events // 1_000_000}m" if events >= 1_000_000 else f"{events // 1000}k"


def make_tape(shared: Path, events: int) -> tuple[Tape, dict[str, str]]:
    """The common tape in our form, and the environment variables that make the shared scripts use theirs."""
    data = environments.WORK / "data"
    data.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "BENCH_DIR": str(shared),
        "BENCH_DATA": str(data),
        "BENCH_RESULTS": str(data),
        "BENCH_EVENTS": str(events),
        "NUMBA_CACHE_DIR": str(data / "compiled"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for option in ("NUMBA_LOOP_VECTORIZE", "NUMBA_SLP_VECTORIZE"):
        environment.pop(option, None)  # how we compile is not how they do
    tag = tag_of(events)
    packed, made = data / f"synth_{tag}_packed.npy", data / f"synth_{tag}.tape"
    if not packed.is_file():
        command = [str(environments.python_of("hftbacktest")), str(shared / "gen_data.py")]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    if not made.is_file():
        convert(packed, made)
    return open_tape(made, verify=False), environment


def replay(tape: Tape, name: str, sinks: list[Any], stop: int | None = None) -> tuple[float, Replay]:
    """CPU seconds of one replay with benchmarks/configs/NAME.toml, and what it left."""
    made = Replay(config.load(CONFIGS / f"{name}.toml"), tape.meta.sz_decimals, digest=False)
    made.sinks += sinks
    started = time.process_time()
    made.run(tape, stop=stop)
    return time.process_time() - started, made


def differences(fills: Any, theirs: Any) -> tuple[int, int | None]:
    """Number of steps at which position, balance, fee or number of fills differ from hftbacktest's, and the first."""
    n = np.searchsorted(fills["recv_ns"], theirs["timestamp"], side="right")
    qty, px = fills["qty"], fills["px"]
    side = np.where(fills["side"] > 0, 1, -1)

    def at_steps(changes: Any) -> Any:
        return np.concatenate([[0], np.cumsum(changes)])[n]

    differ = n != theirs["num_trades"]
    differ |= at_steps(side * qty) != np.round(theirs["position"] * SIZE_PER_UNIT).astype(np.int64)
    differ |= at_steps(-side * qty * px) != np.round(theirs["balance"] * MICRO_PER_UNIT).astype(np.int64)
    differ |= at_steps(fills["fee_micro"]) != np.round(theirs["fee"] * MICRO_PER_UNIT).astype(np.int64)
    return int(differ.sum()), int(np.argmax(differ)) if differ.any() else None


def compare(tape: Tape, opponent: Opponent) -> bool:
    """Print whether both sides hold the same at every step."""
    record = environments.WORK / "data" / "record.npy"
    opponent.ask(f"record {record}")
    theirs = np.load(record)
    fills = Fills()
    _, made = replay(tape, "plain", [fills])
    wrong, first = differences(fills.rows, theirs)
    print(
        f"the same fills? {len(theirs):,} steps of 100 ms compared (number of fills, position, balance, fee): "
        f"{wrong:,} differ; {int(made.state.profit.n_fills):,} fills here, {int(theirs['num_trades'][-1]):,} there"
    )
    if first is not None:
        print(f"  first difference at step {first}, {theirs['timestamp'][first]} ns")
    return wrong == 0


def ratios(a: list[float], b: list[float]) -> str:
    """Median and range of a / b of neighbouring runs."""
    each = sorted(x / y for x, y in zip(a, b, strict=True))
    return f"{statistics.median(each):.2f} ({each[0]:.2f} to {each[-1]:.2f})"


def report() -> None:
    """Print equality, speeds and ratios."""
    shared = bench_dir()
    if shared is None:
        print("duel: skipped; set BENCH_DIR to the folder of the shared benchmark (gen_data.py, bt_hft.py)")
        return
    tape, environment = make_tape(shared, EVENTS)
    opponent = Opponent(environments.WORK, environment)
    try:
        if not compare(tape, opponent):
            print("  no speed figure without the same fills")
            return
        _race(tape, opponent)
    finally:
        opponent.close()
    _race_nautilus(shared)


def _race_nautilus(shared: Path) -> None:
    """The plain strategy on the first 500,000 events, nautilus's `run()` alone; its fills differ by design."""
    count = 500_000
    tape, _ = make_tape(shared, EVENTS)
    packed = environments.WORK / "data" / f"synth_{tag_of(EVENTS)}_packed.npy"
    meta = packed.with_name(packed.name.replace("_packed.npy", "_meta.json"))
    side = Path(__file__).with_name("nautilus_side.py")
    command = [str(environments.python_of("nautilus")), "-P", str(side), str(packed), str(meta), str(count), "1"]
    pairs = []
    for _ in range(min(REPEATS, 3)):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
        seconds, made = replay(tape, "plain", [], count)
        pairs.append((float(theirs["cpu_s"]), seconds))
    slow, fast = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    print(f"{count:,} events, {len(pairs)} interleaved repeats, CPU seconds")
    print(
        f"  nautilus_trader 1.221 {statistics.median(slow):.2f} s, {count / statistics.median(slow):,.0f} events/s, "
        f"{theirs['orders']:,} orders, {theirs['fills']:,} fills (no queue)"
    )
    print(
        f"  touchstone, plain {statistics.median(fast):.3f} s, {count / statistics.median(fast) / 1e6:.2f} M events/s, "
        f"{int(made.state.profit.n_fills):,} fills; {ratios(slow, fast)} times as fast"
    )


def _race(tape: Tape, opponent: Opponent) -> None:
    made: dict[str, Replay] = {}

    def ours(name: str) -> Callable[[], float]:
        def run() -> float:
            seconds, made[name] = replay(tape, name, [])
            return seconds

        return run

    contenders: dict[str, Callable[[], float]] = {
        "hftbacktest ROIVector, plain": lambda: float(opponent.ask("fixed")["cpu_s"]),
        "touchstone, plain": ours("plain"),
        "hftbacktest ROIVector, ladder": lambda: float(opponent.ask("ladder")["cpu_s"]),
        "touchstone, ladder": ours("ladder"),
        "touchstone, full engine": ours("orders"),
        "touchstone, all models": ours("full"),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for repeat in range(-1, REPEATS):
        for name, run in contenders.items():
            seconds = run()
            if repeat >= 0:
                times[name].append(seconds)
    print(f"{len(tape):,} events, {REPEATS} interleaved repeats, CPU seconds")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        span = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"  {name:31} {middle:6.2f} s ({span}), {len(tape) / middle / 1e6:6.2f} M events/s")
    plain, wide = times["hftbacktest ROIVector, plain"], times["hftbacktest ROIVector, ladder"]
    full, all_models = times["touchstone, full engine"], times["touchstone, all models"]
    print(f"  plain over hftbacktest's plain: {ratios(plain, times['touchstone, plain'])} (gate 3.5)")
    print(f"  ladder over hftbacktest's ladder: {ratios(wide, times['touchstone, ladder'])}")
    print(f"  full engine over hftbacktest's plain: {ratios(plain, full)} (gate 0.8)")
    print(f"  full engine over hftbacktest's ladder: {ratios(wide, full)} (gate 1.2)")
    print(f"  all models over hftbacktest's plain: {ratios(plain, all_models)} (gate 0.7)")
    print(f"  all models over hftbacktest's ladder: {ratios(wide, all_models)}")
    for words, name, seconds in (("full engine", "orders", full), ("all models", "full", all_models)):
        counts, state = made[name].counts, made[name].state
        resolved = counts["outcomes"] / statistics.median(seconds)
        print(
            f"  {words}: {counts['predictions']:,} sets of predictions, {counts['outcomes']:,} predictions resolved "
            f"({resolved:,.0f} a second), {int(state.n_decisions):,} decisions, {counts['orders']:,} requests, "
            f"{int(state.profit.n_fills):,} fills"
        )


if __name__ == "__main__":
    report()
