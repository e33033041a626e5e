"""Events per second of a replay, and where the time goes.

The tape is the packed benchmark tape where BENCH_DATA names its folder (`*_packed.npy` with its `*_meta.json`), else a
generated one. Repeats of all measurements are interleaved; each figure is the median, with its range.
"""

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core import engine, events, records
from touchstone.core import grid as price_grid
from touchstone.core.jit import compiled, record
from touchstone.core.market import book as order_book
from touchstone.data.bench_tape import convert
from touchstone.data.generate import generate
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import coin_of
from touchstone.exchange import engine as exchange
from touchstone.session import params as settings

REPEATS = 5
BOTH = record([("grid", price_grid.GRID), ("book", order_book.BOOK)])


@compiled
def through_book(both, tape):
    """The order book alone."""
    for i in range(len(tape)):
        event = tape[i]
        if event.kind <= events.MARKET_KIND_LAST and event.kind != events.CONTEXT:
            order_book.begin_block(both.book, np.int64(event.exch_ns))
            if event.kind != events.TRADE:
                order_book.update(both.book, both.grid, event)


@compiled
def through_exchange(venue, tape):
    """The exchange without an order of ours."""
    for i in range(len(tape)):
        exchange.on_market(venue, tape[i])


@compiled
def through_core(machines, tape):
    """The core taking in the market, without timers: no predictions, no quotes."""
    machine = machines[0]
    for i in range(len(tape)):
        machine.event = tape[i]
        engine.advance(machine.state, machine.event, machine.out)
        records.clear(machine.out)
        machine.out.n_actions = 0


def book_alone(tape: Tape) -> Callable[[], float]:
    def run() -> float:
        both = np.zeros(1, BOTH)[0]
        price_grid.reset(both.grid, np.int64(tape.meta.sz_decimals), np.int64(10_000_000))
        order_book.reset(both.book)
        return over_chunks(tape, lambda chunk: through_book(both, chunk))

    return run


def exchange_alone(tape: Tape) -> Callable[[], float]:
    def run() -> float:
        venue = np.zeros(1, exchange.VENUE)[0]
        exchange.reset(venue, settings.venue_params(config.load(None), tape.meta.sz_decimals))
        return over_chunks(tape, lambda chunk: through_exchange(venue, chunk))

    return run


def core_observing(tape: Tape) -> Callable[[], float]:
    def run() -> float:
        machine = Replay(config.load(None), tape.meta.sz_decimals).machine
        return over_chunks(tape, lambda chunk: through_core(machine, chunk))

    return run


def everything(tape: Tape, made: dict[str, Replay]) -> Callable[[], float]:
    def run() -> float:
        replay = made["last"] = Replay(config.load(None), tape.meta.sz_decimals)
        started = time.perf_counter()
        replay.run(tape)
        return time.perf_counter() - started

    return run


def over_chunks(tape: Tape, take: Callable[[Any], None]) -> float:
    """Seconds spent in `take` over all chunks of a tape."""
    spent = 0.0
    for chunk in tape.chunks(1 << 16):
        started = time.perf_counter()
        take(chunk)
        spent += time.perf_counter() - started
    return spent


def find_tape(folder: Path) -> tuple[str, Tape]:
    """The packed benchmark tape if there is one, else a generated market of two hours."""
    given = os.environ.get("BENCH_DATA")
    packed = sorted(Path(given).glob("*_packed.npy")) if given else []
    if packed:
        made, _ = convert(packed[-1], folder / "bench.tape")
        return packed[-1].name, open_tape(made, verify=False)
    made = generate(folder / "generated.tape", coin_of("hyna:HYPE"), minutes=120, seed=1)
    return "generated market, 120 minutes", open_tape(made, verify=False)


def report() -> None:
    """Print events per second in total and by part, and the growth of memory."""
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as folder:
        name, tape = find_tape(Path(folder))
        last: dict[str, Replay] = {}
        parts = {
            "order book alone": book_alone(tape),
            "exchange, no orders": exchange_alone(tape),
            "core, observing only": core_observing(tape),
            "everything": everything(tape, last),
        }
        for part in parts.values():
            part()  # compiled, and the file in memory
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times: dict[str, list[float]] = {label: [] for label in parts}
        for _ in range(REPEATS):
            for label, part in parts.items():
                times[label].append(part())
        after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count, replay = len(tape), last["last"]
        hours = (tape.meta.last_exch_ns - tape.meta.first_exch_ns) / 3.6e12
        print(f"{name}: {count:,} events over {hours:.1f} h, {REPEATS} interleaved repeats")
        for label, seconds in times.items():
            speeds = [count / s / 1e6 for s in seconds]
            middle = statistics.median(seconds)
            span = f"{min(speeds):.2f} to {max(speeds):.2f}"
            per_event = middle / count * 1e9
            print(f"  {label:22} {count / middle / 1e6:6.2f} M events/s ({span}), {per_event:5.0f} ns an event")
        whole = statistics.median(times["everything"])
        venue = statistics.median(times["exchange, no orders"])
        core = statistics.median(times["core, observing only"])
        shares = {"exchange": venue, "core: observing": core, "clock, models, quotes, orders": whole - venue - core}
        print("  of the whole: " + "; ".join(f"{label} {part / whole:.0%}" for label, part in shares.items()))
        state = replay.state
        print(
            f"  {replay.counts['predictions']:,} predictions, {replay.counts['outcomes']:,} outcomes, "
            f"{int(state.n_decisions):,} decisions, {replay.counts['orders']:,} requests, "
            f"{int(state.profit.n_fills):,} fills"
        )
        print(f"  peak memory after the first pass {before_kb / 1024:.0f} MiB, after all {after_kb / 1024:.0f} MiB")


if __name__ == "__main__":
    report()
