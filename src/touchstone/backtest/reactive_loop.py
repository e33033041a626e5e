"""The loop of a session in the reactive market: core and world, each on its own clock."""

import numpy as np

from touchstone.backtest import loop as backtest_loop
from touchstone.backtest.loop import DRAIN, FINISHED, HALTED, PAUSED
from touchstone.core.conventions import NEVER_NS
from touchstone.core.engine import advance
from touchstone.core.jit import compiled
from touchstone.exchange import engine as exchange
from touchstone.exchange import feed, market


@compiled
def run(machines, venues, loops, worlds):
    """Go on until the market has ended or wants to pause, or a buffer wants draining; returns which.

    machines, venues, loops, worlds: arrays of length 1. As in loop.run, the market goes first where times are equal.
    """
    machine, venue, loop, world = machines[0], venues[0], loops[0], worlds[0]
    out = machine.out
    if machine.state.is_halted:
        return HALTED
    while True:
        if backtest_loop.is_half_full(out, loop) or 2 * world.n_truth > market.N_TRUTHS:
            return DRAIN
        block_ns = np.int64(world.now_ns + world.params.block_ns)
        heard_ns = feed.next_ns(world.feed)
        ours_ns = backtest_loop.next_of_ours_ns(venue, loop)
        if block_ns <= min(heard_ns, ours_ns) and block_ns <= loop.end_ns:
            if block_ns > loop.pause_ns:
                return PAUSED
            market.block(world, venues)
            continue
        if block_ns > loop.end_ns and heard_ns == NEVER_NS:
            return FINISHED
        is_heard = heard_ns <= ours_ns
        if is_heard:
            backtest_loop.start_timer(loop, heard_ns)
            loop.n_market += 1
            machine.event = feed.next_row(world.feed)
        elif loop.timer_ns == 0 or exchange.peek_response_ns(venue) <= loop.timer_ns:
            exchange.pop_response(venue, machine.event)
        else:
            backtest_loop.tick(loop, machine.event)
        if loop.keeps_market or not is_heard:
            loop.journal[loop.n_journal] = machine.event
            loop.n_journal += 1
        advance(machine.state, machine.event, out)  # its one call here: every call site costs seconds of compilation
        if out.n_actions > 0:
            backtest_loop.send(machine, venue, loop)
        if machine.state.is_halted:
            return HALTED
