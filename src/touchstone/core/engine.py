"""step(): the whole market maker. One event in; orders and records out. No clock, no I/O, no allocation.

The life of a quote has six phases:

    1 observe   take in the event            4 place     orders, predictions frozen on them
    2 decide    whether to quote now         5 fill      match by cloid, snapshot, position, PnL
    3 form      the ladder that we want      6 resolve   outcomes, scores, evidence

Chance is a counter hash of the journalled seed; time is what the event says.
"""

import numpy as np

from touchstone.core import events, records
from touchstone.core.conventions import NEVER_NS
from touchstone.core.jit import compiled, inline
from touchstone.core.phases.account import observe_account
from touchstone.core.phases.decide import decide, form
from touchstone.core.phases.fill import take_fill
from touchstone.core.phases.observe import observe_clock, observe_market
from touchstone.core.phases.place import place
from touchstone.core.phases.reference import observe_reference
from touchstone.core.phases.resolve import predict_on_clock, report, resolve
from touchstone.core.phases.skim import skim
from touchstone.core.phases.triggers import NO_TRIGGER

ZERO = np.int64(0)


@compiled
def step(machine):
    """Take in machine.event; machine.out receives what follows from it. `machine`: MACHINE array of length 1."""
    advance(machine[0].state, machine[0].event, machine[0].out)


@compiled
def step_rows(machine, rows, start, stop):
    """Take in rows start..stop of an EVENT array up to the first that asks for an action or fills a buffer to half.

    Returns the row to go on with. A shell that is fed messages of many rows crosses into compiled code once for each.
    """
    state, out = machine[0].state, machine[0].out
    at = start
    while at < stop:
        at = skim(state, rows, at, stop, NEVER_NS)
        if at == stop:
            break
        advance(state, rows[at], out)
        at += 1
        if out.n_actions > 0 or state.is_halted or records.is_half_full(out):
            break
    return at


@compiled
def advance(state, event, out):
    """As `step`, for callers that hold the records. A halted state takes nothing in: the shell must cancel all."""
    if state.is_halted:
        return
    _tell_time(state, event, out)
    kind = np.int64(event.kind)
    trigger = NO_TRIGGER
    if kind <= events.MARKET_KIND_LAST:
        trigger = observe_market(state, event, kind)  # phase 1
    elif kind <= events.REFERENCE_TRADE:
        trigger = observe_reference(state, event, kind)
    elif kind == events.TIMER:
        resolve(state, out)  # phase 6, first: nothing is predicted from what is not yet learned
        trigger = observe_clock(state)
        if state.params.has_models:
            predict_on_clock(state, out)
        report(state, out)
    elif kind == events.FILL:
        state.pending_fill = event
    elif kind == events.FILL_DETAIL:
        trigger = take_fill(state, event, out)  # phase 5
    elif kind >= events.OWN_KIND_FIRST:
        trigger = observe_account(state, event, kind, out)
    trigger = decide(state, trigger)  # phase 2
    if trigger != NO_TRIGGER:
        is_formed = form(state)  # phase 3
        place(state, is_formed, trigger, out)  # phase 4
    if out.overflow:
        state.is_halted = 1


@inline
def _tell_time(state, event, out):
    state.n_events += 1
    if event.recv_ns < state.now_ns:
        state.n_time_back += 1
        if state.n_time_back == 1:
            records.alert(out, np.int64(state.now_ns), records.ALERT_TIME, 0.0, ZERO)
    else:
        state.now_ns = event.recv_ns
