"""hftbacktest's side of the duel, run in its own environment: one command a line in, one JSON line out.

Commands: `fixed` and `ladder` run that strategy and time it; `record FILE` runs `fixed` and keeps what its recorder saw
at every step. BENCH_DIR holds the shared benchmark (bt_hft.py, strategy_hft.py, common.py).
"""

import gc
import json
import os
import sys
import time

sys.path.insert(0, os.environ["BENCH_DIR"])

import bt_hft
import common
import numpy as np
import strategy_hft
from hftbacktest import BUY, GTX, LIMIT, Recorder
from numba import njit

LEVELS, SPACING_TICKS, KEEP_TICKS, LARGEST_POSITION = 5, 1, 1, 100.0


@njit
def ladder(hbt, recorder, half_spread_tick, skew, order_qty, max_position, step):
    """`glft_fixed` with LEVELS quotes a side; an order within KEEP_TICKS of a level that none serves yet stays."""
    tick_size = hbt.depth(0).tick_size
    wanted = np.zeros((2, LEVELS), np.int64)
    is_served = np.zeros((2, LEVELS), np.bool_)
    n = 0
    while hbt.elapse(step) == 0:
        hbt.clear_last_trades(0)
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        position = hbt.position(0)
        orders = hbt.orders(0)
        mid = (depth.best_bid_tick + depth.best_ask_tick) / 2.0
        reservation = mid - skew * position
        bid_tick = np.minimum(np.round(reservation - half_spread_tick), depth.best_bid_tick)
        ask_tick = np.maximum(np.round(reservation + half_spread_tick), depth.best_ask_tick)
        for j in range(LEVELS):
            wanted[0, j] = bid_tick - j * SPACING_TICKS
            wanted[1, j] = ask_tick + j * SPACING_TICKS
        is_served[:, :] = False
        values = orders.values()
        while values.has_next():
            order = values.get()
            if not order.cancellable:
                continue
            s = 0 if order.side == BUY else 1
            tick = round(order.price / tick_size)
            serves = False
            for j in range(LEVELS):
                if not is_served[s, j] and abs(tick - wanted[s, j]) <= KEEP_TICKS:
                    is_served[s, j] = True
                    serves = True
                    break
            if not serves:
                hbt.cancel(0, order.order_id, False)
        for j in range(LEVELS):
            if not is_served[0, j] and position < max_position and wanted[0, j] not in orders:
                hbt.submit_buy_order(0, wanted[0, j], wanted[0, j] * tick_size, order_qty, GTX, LIMIT, False)
            if not is_served[1, j] and position > -max_position and wanted[1, j] not in orders:
                hbt.submit_sell_order(0, wanted[1, j], wanted[1, j] * tick_size, order_qty, GTX, LIMIT, False)
        n += 1
        recorder.record(hbt)
    return n


def run(data, strategy, arguments):
    """(CPU seconds, wall seconds, record) of one run."""
    hbt = bt_hft.make(data, "roi", "power2")
    recorder = Recorder(1, 1_000_000)
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    strategy(hbt, recorder.recorder, *arguments)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    record = recorder.get(0)
    hbt.close()
    return cpu, wall, record


def main():
    data = np.load(common.NPY)
    fixed = (common.HALF_SPREAD_TICK, common.SKEW_TICK, common.ORDER_QTY, common.MAX_POSITION, common.STEP_NS)
    wide = (common.HALF_SPREAD_TICK, common.SKEW_TICK, common.ORDER_QTY, LARGEST_POSITION, common.STEP_NS)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "ladder":
            cpu, wall, record = run(data, ladder, wide)
        else:
            cpu, wall, record = run(data, strategy_hft.glft_fixed, fixed)
        if command == "record":
            np.save(argument, record)
        last = record[-1]
        found = {"cpu_s": cpu, "wall_s": wall, "steps": len(record), "fills": int(last["num_trades"])}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
