"""The backtest's loop: a market, an exchange that lives on its own clock, and the core that hears of everything later.

The core gets the market's rows at their receive time, the exchange's answers when they arrive, and a timer. The market
is a tape here (`run`), whose rows the exchange meets at their exchange time and our requests in their blocks, or one
that reacts (reactive.py). While no request of ours can reach the exchange yet, nor its news the core, one of the two
goes on alone, in longer stretches and with the same result. What is written down goes outside whenever a buffer is half
full, and chunks of a tape come from outside, so memory does not grow.
"""

import numpy as np

from touchstone.core import events, records
from touchstone.core.actions import ACTION
from touchstone.core.conventions import NEVER_NS
from touchstone.core.engine import advance, skim
from touchstone.core.jit import apart, compiled, inline, record
from touchstone.core.market import book as order_book
from touchstone.exchange import engine as exchange

# Why `run` came back.
NEED_TAPE, DRAIN, FINISHED, HALTED, PAUSED = (np.int64(i) for i in range(5))

TIMER_NS = np.int64(100_000_000)
N_JOURNAL = 1 << 16
N_LOG = 1 << 12
N_TOUCH = 1 << 10
TOUCH_MASK = np.int64(N_TOUCH - 1)
AHEAD_MOST_NS = np.int64(50_000_000)  # the ring of touches has room for this long
BATCH = np.int64(16)  # events between two looks at the buffers

LOOP = record(
    [
        # of a tape
        ("world", "i8"),  # next row of the chunk for the exchange
        ("heard", "i8"),  # next row of the chunk for the core
        ("n_tape", "i8"),  # rows in the chunk
        ("is_last", "i8"),  # no more chunks
        ("hears_touch", "i8"),  # 1: the core hears the touch after each block, 0: every row
        ("touch", events.EVENT, (N_TOUCH,)),  # told by the exchange, on its way to the core; a ring
        ("n_told", "i8"),
        ("n_touch_heard", "i8"),
        ("told_px", "i8", (2,)),
        ("told_qty", "i8", (2,)),
        ("block_ns", "i8"),  # block that may go on with the next row, 0 = none
        ("block_recv_ns", "i8"),
        ("n_touch_lost", "i8"),  # found the ring full: must stay 0
        # of a reactive market
        ("pause_ns", "i8"),  # come back before the first block after this
        ("end_ns", "i8"),  # the market ends with the last block up to this
        # of both
        ("timer_ns", "i8"),  # next timer, 0 = not started
        ("n_market", "i8"),  # rows that the core has heard
        ("first_ns", "i8"),  # receive time of the first row
        ("keeps_market", "i8"),  # 1: the journal also holds the market's rows
        ("journal", events.EVENT, (N_JOURNAL,)),  # what was fed to the core
        ("n_journal", "i8"),
        ("log", ACTION, (N_LOG,)),  # everything that the core sent
        ("n_log", "i8"),
    ]
)


@inline
def is_half_full(out, loop):
    """Whether a buffer wants draining."""
    return (
        records.is_half_full(out)
        or loop.n_journal + 2 * BATCH > N_JOURNAL
        or loop.n_log + records.N_ACTIONS > N_LOG
    )


@compiled
def send(machine, venue, loop):
    """What the core wants goes on its way to the exchange."""
    out = machine.out
    for n in range(out.n_actions):
        loop.log[loop.n_log] = out.actions[n]
        loop.n_log += 1
        exchange.send(venue, out.actions[n], np.int64(machine.state.now_ns))
    out.n_actions = 0


@apart
def _tell_touch(venue, loop):
    """The block is whole: the sides of the touch that it changed go on their way to the core."""
    book = venue.book
    first = 1 if book.best_px[0] >= loop.told_px[1] else 0  # the side that makes room for the other
    n = np.int64(0)
    for at in range(2):
        s = first if at == 0 else 1 - first
        px = np.int64(book.best_px[s])
        qty = order_book.net_qty(book, np.int64(s), np.int64(book.best[s])) if px > 0 else np.int64(0)
        if px == loop.told_px[s] and qty == loop.told_qty[s]:
            continue
        if loop.n_told - loop.n_touch_heard >= N_TOUCH:
            loop.n_touch_lost += 1
            continue
        event = loop.touch[loop.n_told & TOUCH_MASK]
        event.exch_ns = loop.block_ns
        event.recv_ns = loop.block_recv_ns
        event.px = px if px > 0 else loop.told_px[s]
        event.qty = qty
        event.aux = 0
        event.code = 0
        event.kind = events.BBO
        event.side = 1 - 2 * s
        event.bits = 0
        if n > 0:
            loop.touch[(loop.n_told - 1) & TOUCH_MASK].bits = events.BIT_MORE
        loop.told_px[s] = px
        loop.told_qty[s] = qty
        loop.n_told += 1
        n += 1
    loop.block_ns = 0
    book.is_new = 0


@inline
def _end_block(venue, loop, tape):
    """The block may be whole now: the touch goes on its way to the core if it has changed."""
    if loop.world < loop.n_tape:
        if tape[loop.world].exch_ns == loop.block_ns:
            return
    elif not loop.is_last:
        return
    if venue.book.is_new:
        _tell_touch(venue, loop)
    loop.block_ns = 0


@inline
def _heard_ns(loop, tape):
    """When the core next hears of the market; NEVER_NS if nothing is on its way."""
    if loop.hears_touch:
        if loop.n_touch_heard < loop.n_told:
            return np.int64(loop.touch[loop.n_touch_heard & TOUCH_MASK].recv_ns)
    elif loop.heard < loop.world:
        return np.int64(tape[loop.heard].recv_ns)
    return NEVER_NS


@inline
def _play_world(venue, loop, tape, until_ns, ahead_ns):
    """The exchange meets rows of the tape up to until_ns, or until ahead_ns after the core is to hear of one."""
    if loop.n_touch_heard == loop.n_told:  # an empty ring starts over: few slots stay in the cache
        loop.n_touch_heard = 0
        loop.n_told = 0
    at = np.int64(loop.world)
    end = np.int64(loop.n_tape)
    hears_touch = loop.hears_touch != 0
    if not hears_touch and loop.heard == at:
        until_ns = min(until_ns, tape[at].recv_ns + ahead_ns)
    while True:
        start = at
        at = exchange.skim(venue, tape, start, end, until_ns, hears_touch)
        next_ns = np.int64(tape[at].exch_ns) if at < end else NEVER_NS
        touch_is_due = hears_touch & (venue.book.is_new != 0) & (at > start) & (next_ns != tape[max(at - 1, 0)].exch_ns)
        if not touch_is_due and next_ns <= until_ns and at < end:
            exchange.on_market(venue, tape[at])
            at += 1
            next_ns = np.int64(tape[at].exch_ns) if at < end else NEVER_NS
            touch_is_due = hears_touch & (venue.book.is_new != 0) & (next_ns != tape[at - 1].exch_ns)
        if touch_is_due:
            loop.block_ns = tape[at - 1].exch_ns
            loop.block_recv_ns = tape[at - 1].recv_ns
            if at == end:
                break  # the block may go on in the next chunk
            _tell_touch(venue, loop)
            until_ns = min(until_ns - ahead_ns, _heard_ns(loop, tape)) + ahead_ns
        if venue.responses.n > 0:
            until_ns = min(until_ns, exchange.peek_response_ns(venue) + ahead_ns)
        if next_ns > until_ns or at == end:
            break
    loop.world = at
    if hears_touch:
        loop.heard = at


@inline
def next_of_ours_ns(venue, loop):
    """When the core next hears of something that is no market data: an answer, or the timer."""
    timer_ns = np.int64(loop.timer_ns) if loop.timer_ns > 0 else NEVER_NS
    return min(exchange.peek_response_ns(venue), timer_ns)


@inline
def start_timer(loop, heard_ns):
    """The first row of the market starts the timer."""
    if loop.timer_ns == 0:
        loop.first_ns = heard_ns
        loop.timer_ns = (heard_ns // TIMER_NS + 1) * TIMER_NS


@inline
def tick(loop, event):
    """The next timer as an event, written where it is to stand."""
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
    out = machine.out
    if machine.state.is_halted:
        return HALTED
    # No answer to what the core hears now reaches the exchange sooner: so far it may go on ahead of the core.
    ahead_ns = min(max(exchange.least_delay_ns(venue) - 1, np.int64(0)), AHEAD_MOST_NS)
    response_ns = np.int64(venue.params.response_ns)
    batch_end = np.int64(0)  # rows up to here may be heard one after the other while they come by until_ns
    until_ns = np.int64(0)
    unseen = BATCH  # events since the last look at the buffers
    while True:
        is_noted = False  # in the journal
        # `advance` has one call, for every call site costs seconds of compilation.
        if loop.heard < batch_end and tape[loop.heard].recv_ns <= until_ns:
            if not loop.keeps_market:
                at = np.int64(loop.heard)
                loop.heard = skim(machine.state, tape, at, np.int64(loop.world), until_ns)
                loop.n_market += loop.heard - at
                if loop.heard >= batch_end or tape[loop.heard].recv_ns > until_ns:
                    continue
            event = tape[loop.heard]
            is_heard = True
        else:
            if loop.block_ns > 0:
                _end_block(venue, loop, tape)
            is_at_end = loop.world >= loop.n_tape
            if is_at_end and not loop.is_last:
                return NEED_TAPE
            batch_end = np.int64(0)
            is_heard = False
            row_ns, row_heard_ns = NEVER_NS, NEVER_NS
            if not is_at_end:
                row_ns, row_heard_ns = np.int64(tape[loop.world].exch_ns), np.int64(tape[loop.world].recv_ns)
            request_ns = exchange.next_due_ns(venue)
            heard_ns = _heard_ns(loop, tape)
            answer_ns = exchange.peek_response_ns(venue)
            timer_ns = np.int64(loop.timer_ns) if loop.timer_ns > 0 else NEVER_NS
            ours_ns = min(heard_ns, min(answer_ns, timer_ns))
            world_ns = min(row_ns, request_ns)
            is_over = is_at_end and loop.heard >= loop.n_tape and loop.n_touch_heard >= loop.n_told
            # What of the exchange's time is still to come cannot be heard of sooner.
            news_ns = min(min(world_ns, NEVER_NS - response_ns) + response_ns, row_heard_ns)
            if news_ns <= ours_ns and not is_over:
                if request_ns <= row_ns:  # in a block our adds and cancels come before its takers, as on Hyperliquid
                    exchange.advance(venue, request_ns)
                else:
                    upto_ns = min(min(ours_ns, NEVER_NS - ahead_ns) + ahead_ns, request_ns - 1)
                    _play_world(venue, loop, tape, upto_ns, ahead_ns)
                continue
            # Half a buffer has room for what a timer resolves at once, or for many events that send nothing.
            if timer_ns <= ours_ns or unseen >= BATCH or is_over:
                if is_half_full(out, loop):
                    return DRAIN
                unseen = np.int64(0)
            unseen += 1
            if is_over:
                return FINISHED  # the tape is over: nobody can say what would have happened next
            if heard_ns <= ours_ns:
                start_timer(loop, heard_ns)
                if not loop.hears_touch:
                    unseen = BATCH
                    batch_end = min(np.int64(loop.world), np.int64(loop.heard + BATCH))
                    until_ns = min(min(answer_ns, np.int64(loop.timer_ns)), news_ns - 1)
                    continue
                event = loop.touch[loop.n_touch_heard & TOUCH_MASK]
                is_heard = True
            elif answer_ns <= ours_ns:
                event = exchange.next_response(venue)
            else:  # written into the journal at once: a copy would wait for its parts to be stored
                is_noted = True
                event = loop.journal[loop.n_journal]
                tick(loop, event)
        if is_heard:
            if loop.hears_touch:
                loop.n_touch_heard += 1
            else:
                loop.heard += 1
            loop.n_market += 1
        if is_noted:
            loop.n_journal += 1
        elif loop.keeps_market or not is_heard:
            loop.journal[loop.n_journal] = event
            loop.n_journal += 1
        advance(machine.state, event, out)
        if out.n_actions > 0:
            send(machine, venue, loop)
            batch_end = np.int64(0)
            unseen = BATCH
        if machine.state.is_halted:
            return HALTED
