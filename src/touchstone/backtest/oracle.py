"""What the market itself knows of a fill: true probabilities as frequencies over many futures of one state.

A state is the market at the moment when the core froze the prediction of an evaluation order (exchange/branch.py says
how it branches). Only states whose prediction is a window of its horizon are taken: they do not overlap, and they are
exactly those on which the core's e-process of that horizon bets. Beside the frequencies stand what the shipped fill
model said then, the baseline, and what really happened.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone import TouchstoneError
from touchstone.backtest.reactive import Reactive
from touchstone.backtest.scenario import Scenario
from touchstone.backtest.shell import Progress
from touchstone.config import Config
from touchstone.core import actions, records, targets
from touchstone.core.actions import ACTION
from touchstone.core.conventions import FILL_HORIZONS_NS, N_FILL, NS
from touchstone.core.records import PREDICTION
from touchstone.exchange import branch, market, rules, venue

HALVES = 2  # the futures are counted in two halves: one to forecast with, one to draw outcomes from
PATIENCE_S = 3600  # a session without an evaluation order for so long gives none any more
DECIDED = (int(targets.DECIDED_TAPE), int(targets.DECIDED_MODEL))

TRUTH = np.dtype(
    [
        ("made_ns", "i8"),
        ("bucket", "i8"),
        ("depth_bps", "f8"),
        ("p", "f8", (N_FILL,)),  # what the shipped model said, by horizon
        ("baseline", "f8", (N_FILL,)),  # the bucket's rate, as frozen with it
        ("n", "i8", (HALVES,)),  # futures in which the order came to rest
        ("filled", "i8", (HALVES, N_FILL)),  # of these: filled, and we know of it, within each horizon
        ("refused", "i8"),  # futures in which it would have crossed
        ("real_ns", "i8"),  # wait in the real future with the order in it; see branch.fill_times
        ("decided", "i8", (N_FILL,)),  # how the ledger decided the prediction: targets.DECIDED_*, VOID_*
        ("outcome", "f8", (N_FILL,)),  # its outcome there, NaN where void
    ]
)


@dataclass(frozen=True)
class State:
    """A moment of a session: the market, ready to branch (WORLD of length 1), and the order that was predicted then."""

    world: Any
    prediction: Any  # PREDICTION record


def frequencies(truth: Any, half: int | None = None) -> Any:
    """P(fill) by state and horizon from TRUTH rows; from one half of the futures where `half` is given.

    NaN where the order came to rest in none.
    """
    filled = truth["filled"].sum(axis=1) if half is None else truth["filled"][:, half]
    n = truth["n"].sum(axis=1) if half is None else truth["n"][:, half]
    with np.errstate(invalid="ignore"):
        return filled / n[:, None]


class Futures:
    """The futures of states under the rules and latencies of a configuration; the record of a branch is kept for reuse.

    Latencies are drawn anew in each future, as the configuration has them; answers take their constant time.
    """

    def __init__(self, venue_params: Any) -> None:
        self._params = np.array([venue_params], rules.VENUE_PARAMS)
        self._world = np.zeros(1, market.WORLD)
        self._venue = np.zeros(1, venue.VENUE)

    def waits(self, state: State, count: int, *, seed: int, horizon_ns: int) -> Any:
        """Wait for the first fill, ns from the decision until we hear of it, in `count` futures: branch.fill_times."""
        waited_ns = np.zeros(count, np.int64)
        sent, key, horizon = _order(state.prediction), np.int64(seed), np.int64(horizon_ns)
        branch.fill_times(state.world, self._params, sent, key, horizon, self._world, self._venue, waited_ns)
        return waited_ns

    def real_wait(self, state: State, *, seed: int, horizon_ns: int) -> int:
        """The same in the future that came; `seed` is that of the order's latency."""
        sent, key, horizon = _order(state.prediction), np.int64(seed), np.int64(horizon_ns)
        return int(branch.real_fill_time(state.world, self._params, sent, key, horizon, self._world, self._venue))


def _order(prediction: Any) -> Any:
    """The post-only order that a prediction is about, sent when it was made."""
    sent = np.zeros(1, ACTION)
    order = sent[0]
    order.decided_ns = prediction.made_ns
    order.cloid = 1
    order.px = prediction.px
    order.qty = prediction.qty
    order.kind = actions.PLACE
    order.side = prediction.side
    order.bits = actions.BIT_ALO
    return sent


class Session(Reactive):
    """A session that stops where an evaluation order is predicted; it trades as it would without stopping."""

    def __init__(self, config: Config, sz_decimals: int, the_scenario: Scenario, *, seed: int, horizon: int) -> None:
        super().__init__(config, sz_decimals, the_scenario, seed=seed)
        self._predictions = _Windows(horizon)
        self.sinks.append(self._predictions)
        self._horizon_ns = FILL_HORIZONS_NS[horizon]

    def next_state(self) -> State:
        """Go on to the next window. Raises TouchstoneError where none comes for an hour of the market."""
        until_ns = int(self.world[0].now_ns) + PATIENCE_S * NS
        while not self._predictions.new:
            self._step()
            if int(self.world[0].now_ns) > until_ns:
                raise TouchstoneError(
                    f"no evaluation order of {self._horizon_ns / NS:g} s for {PATIENCE_S / 3600:g} h of the market: "
                    "see the session's alerts for why it forms no quotes"
                )
        prediction = self._predictions.new.pop()
        world = self.world.copy()
        since_ns = int(prediction.made_ns) - int(world[0].now_ns)
        if not 0 <= since_ns < int(world[0].params.block_ns):
            raise TouchstoneError(f"an order was decided {since_ns} ns after the market's newest block; report this")
        branch.detach(world, self.venue)
        return State(world, prediction)

    def _step(self) -> None:
        """On to shortly before the next evaluation order, then block by block, so that the market is as it was then."""
        world, state = self.world[0], self.state
        block_ns, window_ns = int(world.params.block_ns), int(state.params.evaluation_window_ns)
        now_ns, due_ns = int(world.now_ns), int(state.sample_due_ns)
        next_ns = due_ns if due_ns > 0 else (now_ns // window_ns + 1) * window_ns
        blocks = max((next_ns - now_ns) // block_ns - 2, 1)
        self.run(blocks * block_ns / (60 * NS), is_end=False)

    def hear_out(self) -> dict[int, dict[int, tuple[int, float]]]:
        """End the session when all are resolved; how decided and the outcome, by prediction id and horizon."""
        self.run((FILL_HORIZONS_NS[-1] / NS + 1.0) / 60.0, is_end=True)
        return self._predictions.outcomes


class _Windows:
    """Sink: predictions of evaluation orders that are a window of one horizon, and their outcomes."""

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self.new: list[Any] = []
        self.outcomes: dict[int, dict[int, tuple[int, float]]] = {}

    def take(self, table: str, rows: Any) -> None:
        if table == "predictions":
            wanted = (rows["kind"] == records.KIND_SAMPLE) & (rows["is_window"][:, self._horizon] == 1)
            for row in np.array(rows[wanted], PREDICTION):
                self.new.append(row)
                self.outcomes[int(row.prediction_id)] = {}
        elif table == "outcomes":
            for row in rows[rows["target"] < targets.ADVERSE_TARGET]:
                if int(row.prediction_id) in self.outcomes:
                    decided = int(row.decided)
                    outcome = float(row.outcome) if decided in DECIDED else float("nan")
                    self.outcomes[int(row.prediction_id)][int(row.target)] = (decided, outcome)


def truths(
    config: Config,
    sz_decimals: int,
    the_scenario: Scenario,
    *,
    seed: int,
    states: int,
    futures: int,
    horizon: int = N_FILL - 1,
    progress: Progress | None = None,
) -> Any:
    """TRUTH rows of the first `states` windows of one session, each from `futures` futures.

    horizon: index into FILL_HORIZONS_NS: whose windows, and how far each future goes (longer horizons count as never
    filled: do not use them). seed: of the market; the futures have seeds of their own.
    """
    session = Session(config, sz_decimals, the_scenario, seed=seed, horizon=horizon)
    branches = Futures(session.venue_params)
    horizon_ns = FILL_HORIZONS_NS[horizon]
    rows = np.zeros(states, TRUTH)
    ids = []
    for number in range(states):
        state = session.next_state()
        ids.append(int(state.prediction.prediction_id))
        waits = branches.waits(state, futures, seed=seed * 1_000_003 + number, horizon_ns=horizon_ns)
        _count(rows[number], state.prediction, waits)
        rows[number]["real_ns"] = branches.real_wait(state, seed=number, horizon_ns=horizon_ns)
        if progress:
            progress(number + 1, states)
    outcomes = session.hear_out()
    for row, prediction_id in zip(rows, ids, strict=True):
        for h, (decided, outcome) in outcomes[prediction_id].items():
            row["decided"][h] = decided
            row["outcome"][h] = outcome
    return rows


def _count(row: Any, prediction: Any, waits: Any) -> None:
    """Write a prediction and the frequencies of its futures into a TRUTH row."""
    row["made_ns"] = prediction.made_ns
    row["bucket"] = prediction.bucket
    row["depth_bps"] = prediction.depth_bps
    row["p"] = prediction.fill_p
    row["baseline"] = prediction.fill_baseline
    rested = waits != branch.REFUSED_NS
    row["refused"] = len(waits) - rested.sum()
    for half in range(HALVES):
        of_half = waits[half::HALVES][rested[half::HALVES]]
        row["n"][half] = len(of_half)
        for h, horizon_ns in enumerate(FILL_HORIZONS_NS):
            row["filled"][half, h] = (of_half <= horizon_ns).sum()
