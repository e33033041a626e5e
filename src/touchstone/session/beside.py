"""Two cores at one journal: the incumbent, as it traded, and a challenger with other model settings that sends nothing.

The core is a function of its events, so the incumbent is simply run again. The challenger hears the same events and is
pulled from the start (the operator's halt), so it wants no order of its own. Instead it *follows*: every order that the
incumbent sent, and every sample that it took, the challenger predicts too, at the same time and price, with its own
estimates; the exchange's answers and fills then find that order in its table. So both have predicted the same events,
learn from the same outcomes and hold the same position, and the challenger's predictions differ only by its settings.

What follows from quotes of one's own (the cost of caution, the gate's groups) a challenger has no evidence of.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone import TouchstoneError
from touchstone.config import Config
from touchstone.core import engine, events, records
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
CLOCK_KINDS = tuple(int(kind) for kind in (records.KIND_FAIR, records.KIND_LAG, records.KIND_BELIEF))
ORDER_KINDS = (int(records.KIND_PLACE), int(records.KIND_AMEND))
OF_FORECASTS = ("rate", "empirical", "recalibration", "is_recalibrated", "recalibrated_ns")  # in a scorecard
_RENEW, _NODES = int(records.KIND_RENEW), int(shadow.MASK)
_OF_ROW = ["kind", "cloid", "quote_id", "px", "qty", "depth_bps", "queue_ahead"]


class BesideError(TouchstoneError):
    """The challenger cannot follow; the message says where."""

    exit_code = 2


@dataclass(frozen=True)
class Paired:
    """Outcomes of the same predictions by both cores, decided by the tape; arrays of one length."""

    target: Any
    resolved_ns: Any
    outcome: Any  # 0/1, or bps
    loss: Any  # of the incumbent
    loss_challenger: Any
    forecast: Any  # of the incumbent: probability, or mean in bps
    forecast_challenger: Any


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


def _columns(rows: Any) -> dict[str, Any]:
    """Views of the fields of an array of records."""
    return {name: rows[name] for name in rows.dtype.names}


class Core:
    """One of the two: its machine, and which prediction each id of its outcomes belongs to.

    Records and columns are looked up once: NumPy takes longer to find one than the core to take in an event.
    """

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.state, self.out = machine[0].state, machine[0].out
        self.parts = (self.state.ledger, self.state.models, self.state.params, self.state.market_params, self.out)
        self.tracker, self.orders = self.state.ledger.tracker, self.state.orders
        plain = machine.view(np.ndarray)
        self.now_ns = plain["state"]["now_ns"]
        self.n_made = plain["state"]["ledger"]["tracker"]["n_made"]
        self.node = _columns(plain["state"]["ledger"]["tracker"]["node"][0])
        self.crowd = plain["state"]["ledger"]["tracker"]["node"]["forecast"]["crowd"][0]
        self.order = _columns(plain["state"]["orders"]["slot"][0])
        self.next_cloid = plain["state"]["orders"]["next_cloid"]
        self.made = plain["out"]["predictions"][0]
        names = records.OUT.names[: records.OUT.names.index("overflow")]  # the counters stand first in OUT
        self._counters = machine["out"].view(np.uint8).data[: 8 * len(names)].cast("q")
        self._nothing = memoryview(bytes(8 * len(names))).cast("q")
        self._predictions, self._outcomes = names.index("n_predictions"), names.index("n_outcomes")
        self._halted = machine["state"]["is_halted"]
        self.n_orders = int(self.n_made[0])
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
        return self.made[: self._counters[self._predictions]]

    def drain(self) -> None:
        """Keep what pairs need of what was written down, and empty the buffers."""
        if self._counters == self._nothing:
            return
        if self._counters[self._predictions]:
            self._note(self.predictions)
        if count := self._counters[self._outcomes]:
            self.outcomes.append(np.asarray(self.out.outcomes[:count]).view(np.ndarray).copy())
            self.n_outcomes += count
        self._counters[:] = self._nothing

    def _note(self, rows: Any) -> None:
        """What an id stands for is the same in both cores: the number of the order, or the time of the clock."""
        for kind, made_ns, prediction_id in rows[["kind", "made_ns", "prediction_id"]].tolist():
            if kind in CLOCK_KINDS:
                self._made.append((prediction_id, made_ns))
            else:
                self._made.append((prediction_id, self.n_orders))
                self.n_orders += 1

    def take_outcomes(self) -> tuple[Any, Any]:
        """(rows, keys) of the outcomes since the last call."""
        if self._made:
            ids, keys = np.array(self._made, np.int64).T
            self._ids = np.concatenate([self._ids[-KEPT_IDS:], ids])
            self._keys = np.concatenate([self._keys[-KEPT_IDS:], keys])
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
        return int(self.incumbent.now_ns[0])

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
        theirs, ours = self.incumbent, self.challenger
        number = theirs.n_orders
        if theirs.n_made[0] == number:
            return
        is_observed = False
        for row in theirs.predictions[_OF_ROW].tolist():
            kind = row[0]
            if kind in CLOCK_KINDS:
                continue
            if kind == _RENEW:  # which the challenger does by itself
                at = number & _NODES
                if any(theirs.node[name][at] != ours.node[name][at] for name in ("cloid", "made_ns")):
                    raise BesideError(f"the challenger lost step at order {number}: another one lives on")
            else:
                if ours.n_made[0] != number:
                    raise BesideError(f"the challenger lost step at order {number}: it has made {ours.n_made[0]}")
                if not is_observed:
                    observe_params(ours.state)
                    ours.state.market_params.t_ns = ours.now_ns[0]
                    is_observed = True
                self._predict(row, number & _NODES)
            number += 1

    def _predict(self, row: tuple[Any, ...], at: int) -> None:
        """One order of theirs: the challenger's predictions, and its place in the challenger's table."""
        kind, cloid, quote_id, px, qty, depth_bps, queue_ahead = row
        theirs, ours = self.incumbent, self.challenger
        s, index = theirs.node["s"][at], theirs.node["index"][at]
        bets = np.int64(theirs.node["is_window"][at].any())  # only evaluation samples have windows
        i = ledger.freeze(
            *ours.parts, np.int64(kind), np.int64(cloid), np.int64(quote_id), s, np.int64(px), index, np.int64(qty),
            np.float64(depth_bps), np.float64(queue_ahead), bets,
        )  # fmt: skip
        ours.crowd[i] = theirs.crowd[at]
        if kind in ORDER_KINDS:
            self._enter(cloid, i)
        else:
            shadow.wait(ours.tracker, np.int64(i), ours.node["active_ns"][i])

    def _enter(self, cloid: int, node: int) -> None:
        """Into the table, where the exchange's answers will find it."""
        ours, order = self.challenger, self.incumbent.order
        at = cloid & int(orders.MASK)
        ours.next_cloid[0] = cloid
        i = orders.add(ours.orders, *(order[name][at] for name in ("s", "px", "qty", "sent_ns", "is_reduce", "amends")))
        if ours.order["cloid"][i] != cloid:
            raise BesideError(f"the challenger has no place for order {cloid}")
        ours.order["node"][i] = node
        ours.order["fill_prediction_id"][i] = ours.node["prediction_id"][node]
        ours.order["quote_id"][i] = order["quote_id"][at]

    def pairs(self, *, at_least: int = BATCH) -> Paired | None:
        """What both had an outcome of since the last call; None while there are fewer than `at_least`."""
        if self.incumbent.n_outcomes < at_least or self.challenger.n_outcomes == 0:
            return None
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
        theirs, ours = theirs[both], ours[both]
        return Paired(
            target=theirs["target"], resolved_ns=theirs["resolved_ns"], outcome=theirs["outcome"],
            loss=theirs["loss"], loss_challenger=ours["loss"],
            forecast=theirs["forecast"], forecast_challenger=ours["forecast"],
        )  # fmt: skip


def _common(targets: Any, keys: Any, other_targets: Any, other_keys: Any) -> tuple[Any, Any]:
    """Places in both of what is in both."""
    places = {each: i for i, each in enumerate(zip(other_targets.tolist(), other_keys.tolist(), strict=True))}
    found = [places.get(each, -1) for each in zip(targets.tolist(), keys.tolist(), strict=True)]
    other = np.array(found, np.int64)
    return np.flatnonzero(other >= 0), other[other >= 0]
