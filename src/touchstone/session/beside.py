"""Two cores at one journal: the incumbent, as it traded, and a challenger with other model settings that sends nothing.

The core is a function of its events, so the incumbent is simply run again. The challenger hears the same events and is
pulled from the start (the operator's halt), so it wants no order of its own. Instead it *follows*: every order that the
incumbent sent, and every sample that it took, the challenger predicts too, at the same time and price, with its own
estimates; the exchange's answers and fills then find that order in its table. So both have predicted the same events,
learn from the same outcomes and hold the same position, and the challenger's predictions differ only by its settings.

What follows from quotes of one's own (the cost of caution, the gate's groups) a challenger has no evidence of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone import TouchstoneError
from touchstone.config import Config
from touchstone.core import engine, events, records
from touchstone.core.actions import ACTION
from touchstone.core.calibration import ledger, shadow
from touchstone.core.events import EVENT
from touchstone.core.phases.observe import observe_params
from touchstone.core.state import STATE, new_machine, reset
from touchstone.core.targets import DECIDED_TAPE, N_TARGETS
from touchstone.core.trading import orders, risk
from touchstone.session import params

NEVER_NS = 1 << 62
RECORD_BYTES = EVENT.itemsize
KEPT_IDS = 1 << 16  # predictions whose outcomes may still come: many times those of the longest horizon
BATCH = 1 << 14  # outcomes that are paired together
CLOCK_KINDS = (records.KIND_FAIR, records.KIND_LAG, records.KIND_BELIEF)
ORDER_KINDS = (records.KIND_PLACE, records.KIND_AMEND)
OF_FORECASTS = ("rate", "empirical", "recalibration", "is_recalibrated", "recalibrated_ns")  # in a scorecard
assert ACTION.itemsize == RECORD_BYTES


class BesideError(TouchstoneError):
    """The challenger cannot follow; the message says where."""

    exit_code = 2


@dataclass(frozen=True)
class Paired:
    """Outcomes of the same predictions by both cores, decided by the tape; arrays of one length."""

    target: Any
    resolved_ns: Any
    incumbent: Any  # losses
    challenger: Any


def challenger_of(start: bytes, config: Config, changed: Config) -> Any:
    """A machine that knows what the incumbent knew at `start` (its state's bytes), with the settings of `changed`.

    `config` and `changed` differ in [models] only. What they make different in a core at rest (parameters, and the
    places of estimators that hold them) is taken from the second; the rest is the incumbent's, but for its record:
    evidence and influence start at nothing.
    """
    machine = new_machine()
    _fill(machine, start)
    sz_decimals = int(machine[0].state.params.sz_decimals)
    one, other = _at_rest(config, sz_decimals), _at_rest(changed, sz_decimals)
    words, of_one, of_other = (each["state"].view(np.int64) for each in (machine, one, other))
    differs = of_one != of_other
    words[differs] = of_other[differs]
    state, fresh = machine[0].state, other[0].state
    for target in range(N_TARGETS):
        kept = {name: state.models.cards[target][name].copy() for name in OF_FORECASTS}
        state.models.cards[target] = fresh.models.cards[target]
        for name, value in kept.items():
            state.models.cards[target][name] = value
    state.models.influence[:] = 0.0
    state.models.caution = fresh.models.caution
    return machine


def _at_rest(config: Config, sz_decimals: int) -> Any:
    machine = new_machine()
    params.fill_params(machine[0].state.params, config, sz_decimals)
    reset(machine[0].state, np.int64(0), np.int64(0))
    return machine


def _fill(machine: Any, state: bytes) -> None:
    if len(state) != STATE.itemsize:
        raise BesideError(
            f"a state of {len(state)} bytes, the core here has {STATE.itemsize}: challenge the session with the "
            "program that made it"
        )
    machine["state"].view(np.uint8)[:] = np.frombuffer(state, np.uint8)


class Core:
    """One of the two: its machine, and which prediction each id of its outcomes belongs to."""

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.state, self.out = machine[0].state, machine[0].out
        self.tracker = self.state.ledger.tracker
        names = records.OUT.names[: records.OUT.names.index("overflow")]  # the counters stand first in OUT
        self._counters = machine["out"].view(np.uint8).data[: 8 * len(names)].cast("q")
        self._nothing = memoryview(bytes(8 * len(names))).cast("q")
        self._predictions, self._outcomes = names.index("n_predictions"), names.index("n_outcomes")
        self._halted = machine["state"]["is_halted"]
        self._n_orders = int(self.tracker.n_made)
        self._ids: Any = np.zeros(0, np.int64)
        self._keys: Any = np.zeros(0, np.int64)
        self._made: list[Any] = []
        self.outcomes: list[Any] = []
        self.n_outcomes = 0

    def step(self, rows: Any, start: int, stop: int) -> int:
        """Take in rows up to the first that asks for an action; returns the row to go on with."""
        at: int = engine.step_rows(self.machine, rows, np.int64(start), np.int64(stop))
        if self._halted[0]:
            raise BesideError("a buffer of the core was full: it takes nothing in any more")
        return at

    @property
    def predictions(self) -> Any:
        """Rows of the predictions made since the last `drain`."""
        return self.out.predictions[: self._counters[self._predictions]]

    def drain(self) -> None:
        """Keep what pairs need of what was written down, and empty the buffers."""
        if self._counters == self._nothing:
            return
        if self._counters[self._predictions]:
            self._note(np.asarray(self.predictions).view(np.ndarray))
        if count := self._counters[self._outcomes]:
            self.outcomes.append(np.asarray(self.out.outcomes[:count]).view(np.ndarray).copy())
            self.n_outcomes += count
        self._counters[:] = self._nothing

    def _note(self, rows: Any) -> None:
        """What an id stands for is the same in both cores: the number of the order, or the time of the clock."""
        is_order = ~np.isin(rows["kind"], CLOCK_KINDS)
        numbers = self._n_orders + np.cumsum(is_order) - 1
        self._n_orders += int(is_order.sum())
        self._made.append((rows["prediction_id"].copy(), np.where(is_order, numbers, rows["made_ns"])))

    def take_outcomes(self) -> tuple[Any, Any]:
        """(rows, keys) of the outcomes since the last call."""
        if self._made:
            ids, keys = zip(*self._made, strict=True)
            self._ids = np.concatenate([self._ids[-KEPT_IDS:], *ids])
            self._keys = np.concatenate([self._keys[-KEPT_IDS:], *keys])
            self._made.clear()
        rows = np.concatenate(self.outcomes)
        self.outcomes.clear()
        self.n_outcomes = 0
        # An order has three ids in a row, and the next prediction a higher one: the last id that is not above.
        places = np.searchsorted(self._ids, rows["prediction_id"], side="right") - 1
        is_known = places >= 0  # else of an order from before the start
        return rows[is_known], self._keys[places[is_known]]


class Beside:
    """Both cores. `feed` takes journaled events in their order; `pairs` gives what both had an outcome of."""

    def __init__(self, incumbent: bytes, challenger: Any) -> None:
        """incumbent: the state that the session began with; challenger: a machine (`challenger_of`)."""
        machine = new_machine()
        _fill(machine, incumbent)
        self.incumbent, self.challenger = Core(machine), Core(challenger)
        state = self.challenger.state
        state.params.evaluation_window_ns = NEVER_NS  # no samples of its own: it follows those of the incumbent
        risk.on_command(state.risk, np.int64(state.now_ns), events.COMMAND_HALT)
        self._reads_each_row = bool(self.incumbent.state.params.has_gate)  # a gate's shadow asks for no action
        self.n_market = 0
        self.n_unpaired = np.zeros(N_TARGETS, np.int64)  # outcomes that only one of them had

    @property
    def now_ns(self) -> int:
        """Receive time of the newest event."""
        return int(self.incumbent.state.now_ns)

    def feed(self, payload: bytes) -> None:
        """Take in whole records of events."""
        rows: Any = np.zeros(len(payload) // RECORD_BYTES, EVENT)  # of the type that the core is compiled for
        rows.view(np.uint8)[:] = np.frombuffer(payload, np.uint8)
        kinds = rows["kind"]
        self.n_market += int((kinds <= events.MARKET_KIND_LAST).sum())
        at = 0
        for stop in self._stops(kinds):
            while at < stop:
                start, at = at, self.incumbent.step(rows, at, stop)
                self._catch_up(rows, kinds, start, at)
                self._follow()
                self.incumbent.drain()
                self.challenger.drain()

    def _stops(self, kinds: Any) -> Any:
        """Where to look for new orders and samples: behind each timer, where there are no actions to stop at."""
        if self._reads_each_row:
            return range(1, len(kinds) + 1)
        return [*(np.flatnonzero(kinds == events.TIMER) + 1).tolist(), len(kinds)]

    def _catch_up(self, rows: Any, kinds: Any, start: int, stop: int) -> None:
        """The challenger hears the same, but for the operator: it stays pulled."""
        at = start
        for end in [*(start + np.flatnonzero(kinds[start:stop] == events.OPERATOR)).tolist(), stop]:
            while at < end:
                at = self.challenger.step(rows, at, end)
                self.challenger.drain()
            at = end + 1

    def _follow(self) -> None:
        """Predict the orders and samples that the incumbent has just made."""
        theirs, ours = self.incumbent.tracker, self.challenger.tracker
        number = self.incumbent._n_orders
        if int(theirs.n_made) == number:
            return
        seen = False
        for row in self.incumbent.predictions:
            kind = int(row.kind)
            if kind in CLOCK_KINDS:
                continue
            node = theirs.node[number & int(shadow.MASK)]
            if kind == records.KIND_RENEW:  # which the challenger does by itself
                self._check(number, node)
            else:
                if int(ours.n_made) != number:
                    raise BesideError(f"the challenger lost step at order {number}: it has made {int(ours.n_made)}")
                if not seen:
                    observe_params(self.challenger.state)
                    self.challenger.state.market_params.t_ns = self.challenger.state.now_ns
                    seen = True
                self._predict(row, node, kind)
            number += 1

    def _check(self, number: int, node: Any) -> None:
        own = self.challenger.tracker.node[number & int(shadow.MASK)]
        if (int(own.cloid), int(own.made_ns)) != (int(node.cloid), int(node.made_ns)):
            raise BesideError(f"the challenger lost step at order {number}, cloid {int(node.cloid)}")

    def _predict(self, row: Any, node: Any, kind: int) -> None:
        """One order of theirs: the challenger's predictions, and its place in the challenger's table."""
        state, out = self.challenger.state, self.challenger.out
        bets = np.int64(node.is_window.any())  # only evaluation samples have windows
        i = ledger.freeze(
            state.ledger, state.models, state.params, state.market_params, out, np.int64(kind), np.int64(row.cloid),
            np.int64(row.quote_id), np.int64(node.s), np.int64(row.px), np.int64(node.index), np.int64(row.qty),
            np.float64(row.depth_bps), np.float64(row.queue_ahead), bets,
        )  # fmt: skip
        own = state.ledger.tracker.node[i]
        own.forecast.crowd = node.forecast.crowd
        if kind in ORDER_KINDS:
            self._enter(int(row.cloid), i, int(own.prediction_id))
        else:
            shadow.wait(state.ledger.tracker, i, np.int64(own.active_ns))

    def _enter(self, cloid: int, node: Any, prediction_id: int) -> None:
        table, order = self.challenger.state.orders, self.incumbent.state.orders.slot[cloid & int(orders.MASK)]
        table.next_cloid = cloid
        i = orders.add(
            table, np.int64(order.s), np.int64(order.px), np.int64(order.qty), np.int64(order.sent_ns),
            np.int64(order.is_reduce), np.int64(order.amends),
        )  # fmt: skip
        ours = table.slot[i]
        if int(ours.cloid) != cloid:
            raise BesideError(f"the challenger has no place for order {cloid}")
        ours.node = node
        ours.fill_prediction_id = prediction_id
        ours.quote_id = order.quote_id

    def pairs(self, *, at_least: int = BATCH) -> Iterator[Paired]:
        """What both had an outcome of since the last call; nothing while there are fewer than `at_least`."""
        if self.incumbent.n_outcomes < max(at_least, 1) or self.challenger.n_outcomes == 0:
            return
        (theirs, their_keys), (ours, our_keys) = self.incumbent.take_outcomes(), self.challenger.take_outcomes()
        if not (
            len(theirs) == len(ours)
            and np.array_equal(their_keys, our_keys)
            and np.array_equal(theirs["target"], ours["target"])
        ):
            one, other = _common(theirs["target"], their_keys, ours["target"], our_keys)
            theirs, ours = theirs[one], ours[other]
        decided, in_ours = theirs["decided"] == DECIDED_TAPE, ours["decided"] == DECIDED_TAPE
        both = decided & in_ours & np.isfinite(theirs["loss"]) & np.isfinite(ours["loss"])
        np.add.at(self.n_unpaired, theirs["target"][(decided | in_ours) & ~both], 1)
        yield Paired(
            theirs["target"][both], theirs["resolved_ns"][both], theirs["loss"][both], ours["loss"][both]
        )


def _common(targets: Any, keys: Any, other_targets: Any, other_keys: Any) -> tuple[Any, Any]:
    """Places in both of what is in both."""
    places = {each: i for i, each in enumerate(zip(other_targets.tolist(), other_keys.tolist(), strict=True))}
    found = [places.get(each, -1) for each in zip(targets.tolist(), keys.tolist(), strict=True)]
    other = np.array(found, np.int64)
    return np.flatnonzero(other >= 0), other[other >= 0]
