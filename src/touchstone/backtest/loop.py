"""The backtest's loop: a market, an exchange that lives on its own clock, and the core that hears of everything later.

The core gets the market's rows at their receive time, the exchange's answers when they arrive, and a timer. The market
is a tape here (`run`), whose rows the exchange meets at their exchange time and our requests in their blocks, or one
that reacts (reactive.py). What is written down goes outside whenever a buffer is half full, and chunks of a tape come
from outside, so memory does not grow.
"""

import numpy as np

from touchstone.core import events, records
from touchstone.core.actions import ACTION
from touchstone.core.conventions import NEVER_NS
from touchstone.core.engine import advance
from touchstone.core.jit import compiled, inline, record
from touchstone.exchange import engine as exchange

# Why `run` came back.
NEED_TAPE, DRAIN, FINISHED, HALTED, PAUSED = (np.int64(i) for i in range(5))

TIMER_NS = np.int64(100_000_000)
N_JOURNAL = 1 << 16
N_LOG = 1 << 12

LOOP = record(
    [
        # of a tape
        ("world", "i8"),  # next row of the chunk for the exchange
        ("heard", "i8"),  # next row of the chunk for the core
        ("n_tape", "i8"),  # rows in the chunk
        ("is_last", "i8"),  # no more chunks
        # of a reactive market
        ("pause_ns", "i8"),  # come back before the first block after this
        ("end_ns", "i8"),  # the market ends with the last block up to this
        # of both
        ("timer_ns", "i8"),  # next timer, 0 = not started
        ("n_market", "i8"),  # rows that the core has heard
        ("first_ns", "i8"),  # receive time of the first row
        ("journal", events.EVENT, (N_JOURNAL,)),  # everything that was fed to the core
        ("n_journal", "i8"),
        ("log", ACTION, (N_LOG,)),  # everything that the core sent
        ("n_log", "i8"),
    ]
)


@inline
def is_half_full(out, loop):
    return (
        2 * out.n_outcomes > records.N_OUTCOMES
        or 2 * out.n_predictions > records.N_PREDICTIONS
        or 2 * out.n_quotes > records.N_QUOTES
        or 2 * out.n_fills > records.N_FILLS
        or 2 * out.n_markouts > records.N_MARKOUTS
        or 2 * out.n_alerts > records.N_ALERTS
        or 2 * out.n_calibrations > records.N_CALIBRATIONS
        or loop.n_journal + 4 > N_JOURNAL
        or loop.n_log + records.N_ACTIONS > N_LOG
    )


@compiled
def feed(machine, venue, loop):
    """The core takes in machine.event; what it sends goes on its way to the exchange."""
    out = machine.out
    loop.journal[loop.n_journal] = machine.event
    loop.n_journal += 1
    advance(machine.state, machine.event, out)
    for n in range(out.n_actions):
        loop.log[loop.n_log] = out.actions[n]
        loop.n_log += 1
        exchange.send(venue, out.actions[n], np.int64(machine.state.now_ns))
    out.n_actions = 0


@inline
def next_of_ours_ns(venue, loop):
    """When the core next hears of something that is no market data: an answer, or the timer."""
    timer_ns = np.int64(loop.timer_ns) if loop.timer_ns > 0 else NEVER_NS
    return min(exchange.peek_response_ns(venue), timer_ns)


@inline
def hear_market(machine, loop, row):
    """The core hears a row of the market; the first one starts the timer."""
    machine.event = row
    loop.n_market += 1
    if loop.timer_ns == 0:
        loop.first_ns = row.recv_ns
        loop.timer_ns = (row.recv_ns // TIMER_NS + 1) * TIMER_NS


@inline
def hear_ours(machine, venue, loop):
    """The core hears the next answer, or the timer where that is sooner."""
    if loop.timer_ns == 0 or exchange.peek_response_ns(venue) <= loop.timer_ns:
        exchange.pop_response(venue, machine.event)
        return
    event = machine.event
    event.exch_ns = 0
    event.recv_ns = loop.timer_ns
    event.px = 0
    event.qty = 0
    event.aux = 0
    event.code = 0
    event.kind = events.TIMER
    event.side = 0
    event.bits = 0
    loop.timer_ns += TIMER_NS


@compiled
def run(machines, venues, loops, tape):
    """Go on until the chunk is used up, a buffer wants draining, or the tape has ended; returns which.

    machines, venues, loops: arrays of length 1; tape: EVENT array whose first loop.n_tape rows are the chunk.
    """
    machine, venue, loop = machines[0], venues[0], loops[0]
    if machine.state.is_halted:
        return HALTED
    while True:
        if is_half_full(machine.out, loop):
            return DRAIN
        if loop.world >= loop.n_tape and not loop.is_last:
            return NEED_TAPE
        row_ns = np.int64(tape[loop.world].exch_ns) if loop.world < loop.n_tape else NEVER_NS
        request_ns = exchange.next_due_ns(venue)
        heard_ns = np.int64(tape[loop.heard].recv_ns) if loop.heard < loop.world else NEVER_NS
        ours_ns = next_of_ours_ns(venue, loop)
        if min(row_ns, request_ns) <= min(heard_ns, ours_ns) and loop.heard < loop.n_tape:
            if request_ns <= row_ns:  # in a block our adds and cancels come before its takers, as on Hyperliquid
                exchange.advance(venue, request_ns)
            else:
                exchange.on_market(venue, tape[loop.world])
                loop.world += 1
            continue
        if loop.heard >= loop.n_tape:
            return FINISHED  # the tape is over: nobody can say what would have happened next
        if heard_ns <= ours_ns:
            hear_market(machine, loop, tape[loop.heard])
            loop.heard += 1
        else:
            hear_ours(machine, venue, loop)
        feed(machine, venue, loop)
        if machine.state.is_halted:
            return HALTED
