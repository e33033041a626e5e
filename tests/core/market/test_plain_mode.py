"""Compiled and plain Python give the same bytes, and no function is compiled twice.

Run as a program this file drives every market component through a random stream and prints what it got; the test runs
it once compiled and once with NUMBA_DISABLE_JIT=1.
"""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, record
from touchstone.core.market import book, flow, intensity, microprice, volatility

N_EVENTS = 400
ZERO, ONE = np.int64(0), np.int64(1)
SZ_DECIMALS = np.int64(2)

ALL = record(
    [
        ("grid", price_grid.GRID),
        ("book", book.BOOK),
        ("volatility", volatility.VOLATILITY),
        ("flow", flow.FLOW),
        ("intensity", intensity.INTENSITY),
        ("microprice", microprice.MICROPRICE),
        ("out", "f8", (24,)),
    ]
)
MODULES = (price_grid, book, volatility, flow, intensity, microprice)
S_FAST, S_SLOW, S_SCALE = 5.0, 60.0, 600.0
PERIOD, SOLVE, GAP = np.int64(NS), np.int64(10 * NS), np.int64(8 * NS)


def reset(state):
    price_grid.reset(state.grid, SZ_DECIMALS, np.int64(10_000_000))
    book.reset(state.book)
    volatility.reset(state.volatility, PERIOD, S_FAST, S_SLOW, 2.0, np.int64(5), GAP)
    flow.reset(state.flow, S_FAST, S_SLOW, S_SCALE, np.int64(5))
    intensity.reset(state.intensity, S_SCALE, 0.5, SOLVE, 0.5, 0.4, 2.0, 10.0, 0.5, 20.0)
    microprice.reset(state.microprice, S_SCALE, SOLVE, GAP, 2.0, 0.5, 20.0)


@compiled
def drive(state, tape, n):
    for j in range(n):
        event = tape[j]
        now = np.int64(event.recv_ns)
        px, qty, side = np.int64(event.px), np.int64(event.qty), np.int64(event.side)
        exch_ns = np.int64(event.exch_ns)
        the_book = state.book
        book.begin_block(the_book, exch_ns)
        if event.kind == events.TRADE:
            flow.on_trade(state.flow, now, exch_ns, side, qty)
            intensity.on_trade(state.intensity, exch_ns, side, px, qty, np.int64(the_book.mid2_before_block))
        elif event.kind == events.ORDER_RESTING:
            book.add_own(the_book, state.grid, ONE if side < 0 else ZERO, px, qty)
            intensity.on_exposure(state.intensity, np.float64(qty) * 1.7, 2.5, qty & ONE)
        else:
            book.update(the_book, state.grid, event)
            bid_px, ask_px = np.int64(the_book.best_px[0]), np.int64(the_book.best_px[1])
            mid2 = np.int64(the_book.mid2)
            volatility.update(state.volatility, now, mid2)
            if book.is_valid(the_book):
                bid_qty = book.net_qty(the_book, ZERO, np.int64(the_book.best[0]))
                ask_qty = book.net_qty(the_book, ONE, np.int64(the_book.best[1]))
                flow.on_touch(state.flow, now, bid_px, bid_qty, ask_px, ask_qty)
                tick = price_grid.tick_at(state.grid, bid_px)
                tick_bps = 2.0 * np.float64(tick) / np.float64(mid2) * 1e4
                intensity.on_touch(state.intensity, now, book.depth_bps(the_book, ONE, ask_px), tick_bps)
                spread = (ask_px - bid_px) // tick
                microprice.update(state.microprice, now, book.imbalance(the_book), spread, mid2 // tick)
                state.out[0] += microprice.displacement_bps(
                    state.microprice, book.imbalance(the_book), spread, tick_bps
                )
            else:
                flow.on_touch(state.flow, now, ZERO, ZERO, ZERO, ZERO)
                intensity.on_touch(state.intensity, now, -1.0, 0.0)
                microprice.update(state.microprice, now, 0.0, ZERO, ZERO)
        flow.on_clock(state.flow, now)
        intensity.on_clock(state.intensity, now)
    read(state)


@compiled
def read(state):
    out, v, f, i = state.out, state.volatility, state.flow, state.intensity
    out[1] = volatility.sigma(v)
    out[2] = volatility.sigma_slow(v)
    out[3] = volatility.sigma_smooth(v)
    out[4] = volatility.jump_share(v)
    out[5] = volatility.sigma_error(v, volatility.FAST)
    out[6] = flow.signed_flow(f, flow.FAST)
    out[7] = flow.touch_flow(f, flow.SLOW)
    out[8] = flow.mean_order_qty(f)
    out[9] = flow.order_rate(f)
    out[10] = intensity.a(i)
    out[11] = intensity.k(i)
    out[12] = intensity.rate(i, 1.5)
    out[13] = intensity.side_rate(i, ZERO, 1.5)
    out[14] = intensity.side_rate(i, ONE, 1.5)
    out[15] = intensity.tape_k_error(i)
    out[16] = intensity.fill_probability(3.0, 20.0, 5.0)
    out[17] = price_grid.index_at_or_above(state.grid, 123_456.7)
    out[18] = price_grid.smallest_order_qty(state.grid, np.int64(123))
    out[19] = 1.0 if volatility.is_warm(v) and flow.is_warm(f) and intensity.is_warm(i) else 0.0
    out[20] = 1.0 if microprice.is_warm(state.microprice) else 0.0
    out[21] = 1.0 if book.is_known(state.book, ZERO, np.int64(state.book.best[0])) else 0.0
    out[22] = book.log_mid(state.book) + book.mid_bps_move(np.int64(200), np.int64(201))


def make_tape():
    """Snapshots, touches, levels, trades and own orders around a walking price, one far move included."""
    rng = np.random.default_rng(10)
    tape = np.zeros(N_EVENTS, events.EVENT)
    centre, now = 99_950, 10 * NS
    kinds = [int(k) for k in (events.BBO, events.BOOK_LEVEL, events.TRADE, events.ORDER_RESTING)]
    for j in range(N_EVENTS):
        now += int(rng.exponential(0.4) * NS) if j != 250 else 20 * NS
        centre += int(rng.integers(-6, 7)) if j != 300 else 60_000
        event = tape[j]
        side = int(rng.choice([1, -1]))
        kind = int(rng.choice(kinds, p=[0.5, 0.2, 0.25, 0.05]))
        px = centre - side * int(rng.integers(0 if kind == events.TRADE else 1, 8))
        if kind == events.TRADE:
            px = centre + side * int(rng.integers(1, 30))
        if px >= 100_000:
            px -= px % 10
        event.kind, event.side, event.px, event.qty = kind, side, px, int(rng.integers(1, 50))
        event.exch_ns, event.recv_ns = now - int(rng.integers(0, 2)) * NS, now
        if j % 100 in (50, 51, 52, 53):  # a snapshot of one level a side
            message = (events.SNAPSHOT_BEGIN, events.BOOK_LEVEL, events.BOOK_LEVEL, events.SNAPSHOT_END)
            side = 1 if j % 100 == 51 else -1
            event.kind, event.side, event.px = int(message[j % 100 - 50]), side, centre // 10 * 10 - side * 20
            event.exch_ns = now
    return tape


def as_program():
    state = np.zeros(1, ALL)
    tape = make_tape()
    reset(state[0])
    with np.errstate(all="raise"):
        drive(state[0], tape, N_EVENTS)
    digests = {name: hashlib.sha256(state[0][name].tobytes()).hexdigest() for name in ALL.names}
    functions = [(m, name, f) for m in MODULES for name, f in vars(m).items() if hasattr(f, "signatures")]
    copies = {f"{m.__name__}.{name}": len(f.signatures) for m, name, f in functions if len(f.signatures) > 1}
    numbers = [float(x) for x in state[0].out]
    counts = {
        "solved": int(state[0].microprice.n_solved),
        "sweeps": int(state[0].intensity.n_sweeps),
        "recentred": int(state[0].book.n_recentred),
        "late": int(state[0].book.n_late),
        "gaps": int(state[0].volatility.n_gaps),
    }
    print(json.dumps({"digests": digests, "copies": copies, "numbers": numbers, "counts": counts}))


def run(**environment):
    done = subprocess.run(
        [sys.executable, __file__], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_same_bytes_compiled_and_plain():
    compiled_run, plain = run(), run(NUMBA_DISABLE_JIT="1")
    assert repr(compiled_run["numbers"]) == repr(plain["numbers"])
    assert compiled_run["digests"] == plain["digests"]
    assert min(plain["counts"].values()) > 0, plain["counts"]  # the stream reached what it should
    assert compiled_run["copies"] == {}


if __name__ == "__main__":
    as_program()
