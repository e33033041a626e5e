"""One battery that every model passes: no look-ahead, deterministic, bounded, serialises, learns each outcome once,
sane with no data, with one datum and with extreme inputs.

A model is shown as a stream: inputs (a tuple of floats, integers or arrays), what it says of them, and the outcome that
it then learns from. Models of the market's state (regime, change point, funding) say what they hold after each
observation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from touchstone.core.conventions import NS
from touchstone.core.market import changepoint, funding, regime
from touchstone.core.models import adverse, belief, capture, crowded, edge, fair, fill, lag, toxicity

Int = np.int64
TEN = Int(adverse.TOXIC_H)
WILD = (math.nan, math.inf, -math.inf, 1e300, -1e300, 1e-300, 0.0)


@dataclass(frozen=True)
class Case:
    """How the battery speaks to one model."""

    dtype: Any
    reset: Callable[[Any], None]
    inputs: Callable[[Any], Any]  # rng -> inputs
    ask: Callable[[Any, Any], tuple[float, ...]]
    outcome: Callable[[Any], Any]  # rng -> outcome
    learn: Callable[[Any, Any, Any], None]
    learned: Callable[[Any], int]
    is_sane: Callable[[tuple[float, ...]], bool]
    wild: Callable[[float], tuple[Any, Any]]  # one extreme number -> inputs, outcome
    most_bytes: int = 40_000

    def new(self) -> Any:
        model = np.zeros(1, self.dtype)[0]
        self.reset(model)
        return model


def finite(values: tuple[float, ...]) -> bool:
    return all(math.isfinite(v) for v in values)


def probabilities(values: tuple[float, ...]) -> bool:
    return all(0.0 <= v <= 1.0 for v in values)


def move_and_sd(values: tuple[float, ...]) -> bool:
    return finite(values) and values[1] > 0.0


# fill ---------------------------------------------------------------------------------------------------------------


def fill_features(depth: float, queue: float, sigma: float, imbalance: float) -> Any:
    made = np.zeros(1, fill.FEATURES)[0]
    fill.features(made, 0.3, 0.2, depth, queue, 2.0, sigma, 1.5, imbalance, Int(1))
    return made


def ask_fill(model: Any, x: Any) -> tuple[float, ...]:
    features = fill_features(*x)
    said = []
    for h in range(fill.N_FILL):
        said += [float(v) for v in fill.predict(model, features, Int(h))]
    return tuple(said)


def learn_fill(model: Any, x: Any, y: Any) -> None:
    fill.learn(model, fill_features(*x), Int(1), y)


FILL = Case(
    fill.FILL_MODEL,
    lambda m: fill.reset(m, 1.0, 1000.0),
    lambda rng: (rng.uniform(0, 10), rng.exponential(5.0), rng.uniform(0.5, 3.0), rng.uniform(-1, 1)),
    ask_fill,
    lambda rng: Int(rng.integers(2)),
    learn_fill,
    lambda m: int(m.n_outcomes[1]),
    probabilities,
    lambda w: ((min(max(w, -1e4), 1e4) if w == w else 1.0, w, w, w), Int(1)),  # depth comes from whole prices
)

# adverse selection ----------------------------------------------------------------------------------------------------


def ask_adverse(model: Any, x: Any) -> tuple[float, ...]:
    bucket, s, sigma, left, threat = x
    said = adverse.predict(model, TEN, bucket, s, sigma, threat)
    return (*said, adverse.p_toxic(model, bucket, s, sigma, threat, left, 1.0))


ADVERSE = Case(
    adverse.ADVERSE,
    lambda m: adverse.reset(m, 500.0, 2000.0),
    lambda rng: (
        *(Int(rng.integers(8)), Int(rng.integers(2))),
        *(rng.uniform(0.5, 4.0), rng.uniform(-3, 10), rng.uniform(-2, 2)),
    ),
    ask_adverse,
    lambda rng: float(rng.normal(1, 6)),
    lambda m, x, y: adverse.learn(m, TEN, x[0], x[1], x[2], x[4], 0.0, 1.0, y),
    lambda m: int(m.n_outcomes[TEN]),
    lambda said: finite(said[:3]) and said[1] > 0.0 and said[2] > 2.0 and 0.0 <= said[3] <= 1.0,
    lambda w: ((Int(3), Int(0), min(abs(w), 1e3) if math.isfinite(w) else w, 2.0, 0.0), w),
)

# edge -----------------------------------------------------------------------------------------------------------------


def learn_edge(model: Any, x: Any, y: Any) -> None:
    location, _, _, unit = edge.predict(model, *x)
    edge.learn(model, x[0], x[1], y, location, unit)


EDGE = Case(
    edge.EDGE,
    lambda m: edge.reset(m, 500.0, 2000.0),
    lambda rng: (Int(rng.integers(edge.N_CONTEXT)), rng.uniform(0.5, 4.0)),
    lambda m, x: tuple(float(v) for v in edge.predict(m, *x)),
    lambda rng: float(rng.normal(0, 8)),
    learn_edge,
    lambda m: int(m.n_outcomes),
    lambda said: finite(said) and said[1] > 0.0 and said[2] > 2.0 and said[3] > 0.0,
    lambda w: ((Int(7), min(max(abs(w), 1e-3), 1e3) if math.isfinite(w) else 1.0), w),
)

# capture --------------------------------------------------------------------------------------------------------------

CAPTURE = Case(
    capture.CAPTURE,
    lambda m: capture.reset(m, 1000.0),
    lambda rng: (Int(rng.integers(8)), rng.uniform(0.2, 20.0)),
    lambda m, x: tuple(float(v) for v in capture.predict(m, *x)),
    lambda rng: float(rng.normal(3, 2)),
    lambda m, x, y: capture.learn(m, x[0], x[1], y),
    lambda m: int(m.n_outcomes),
    move_and_sd,
    lambda w: ((Int(3), 4.0), w),
)

# where informed takers crowd ------------------------------------------------------------------------------------------

CROWDED = Case(
    crowded.CROWDED,
    crowded.reset,
    lambda rng: (rng.uniform(0.5, 4.0),),
    lambda m, x: (float(crowded.p_loss(m)),),
    lambda rng: float(rng.normal(-3, 8)),
    lambda m, x, y: crowded.learn(m, x[0], 1.0, y),
    lambda m: int(m.n_outcomes),
    probabilities,
    lambda w: ((min(max(abs(w), 1e-3), 1e3) if math.isfinite(w) else w,), w),
)

# fair value and lead-lag ----------------------------------------------------------------------------------------------

FAIR = Case(
    fair.FAIR,
    lambda m: fair.reset(m, 1000.0, 300.0),
    lambda rng: (float(rng.normal(0, 1)),),
    lambda m, x: tuple(float(v) for v in fair.predict(m, Int(0), x[0])),
    lambda rng: float(rng.normal(0, 2)),
    lambda m, x, y: fair.learn(m, Int(0), x[0], y),
    lambda m: int(m.n_outcomes[0]),
    move_and_sd,
    lambda w: ((w,), w),
)

LAG = Case(
    lag.LAG,
    lambda m: lag.reset(m, 1000.0, 300.0),
    lambda rng: (float(rng.normal(0, 2)),),
    lambda m, x: tuple(float(v) for v in lag.predict(m, Int(0), x[0])),
    lambda rng: float(rng.normal(0, 2)),
    lambda m, x, y: lag.learn(m, Int(0), x[0], y),
    lambda m: int(m.n_outcomes[0]),
    move_and_sd,
    lambda w: ((w,), w),
)

LAG_UP = Case(
    lag.LAG,
    lambda m: lag.reset(m, 1000.0, 300.0),
    lambda rng: (float(rng.normal(0, 2)),),
    lambda m, x: (lag.p_up(m, lag.scaled(m, x[0])),),
    lambda rng: Int(rng.integers(2)),
    lambda m, x, y: lag.learn_up(m, lag.scaled(m, x[0]), y),
    lambda m: int(m.n_up),
    probabilities,
    lambda w: ((w,), Int(1)),
)

# regime and change point ----------------------------------------------------------------------------------------------


def see_regime(model: Any, x: Any, _: Any) -> None:
    regime.on_second(model, x[0], x[1], 1.0)


def regime_is_sane(said: tuple[float, ...]) -> bool:
    return probabilities(said[:4]) and abs(sum(said[:4]) - 1.0) < 1e-9 and finite(said) and min(said[4:]) > 0.0


REGIME = Case(
    regime.REGIME,
    regime.reset,
    lambda rng: (float(rng.normal(0, 2)), float(rng.exponential(1.0))),
    lambda m, x: (*(float(p) for p in m.p), *(float(v) for v in m.square)),
    lambda rng: None,
    see_regime,
    lambda m: int(m.n_steps * regime.PERIOD + m.seconds),
    regime_is_sane,
    lambda w: ((w, w), None),
)

CHANGEPOINT = Case(
    changepoint.CHANGEPOINT,
    lambda m: changepoint.reset(
        m, changepoint.HAZARD, 0.0, changepoint.PRIOR_K, changepoint.PRIOR_A, changepoint.PRIOR_B, 0.02, 1e-4
    ),
    lambda rng: (float(rng.normal(0, 1)),),
    lambda m, x: (float(m.p_change), float(m.variance_new), float(m.variance_old)),
    lambda rng: None,
    lambda m, x, y: changepoint.update(m, x[0]),
    lambda m: int(m.n_observed),
    lambda said: 0.0 <= said[0] <= 1.0 and finite(said) and min(said[1:]) > 0.0,
    lambda w: ((w,), None),
)

# belief ---------------------------------------------------------------------------------------------------------------

HIDDEN, RUNS = np.zeros(1, regime.REGIME)[0], np.zeros(1, changepoint.CHANGEPOINT)[0]


def density(model: Any, x: Any) -> Any:
    HIDDEN.p_next[:] = x[0]
    HIDDEN.square[:] = x[1]
    RUNS.p_change, RUNS.variance_new, RUNS.variance_old = x[2]
    made = np.zeros(1, belief.FROZEN)[0]
    belief.update(model, HIDDEN, RUNS, x[3], 1.0)
    belief.freeze(model, made, x[3], 0.25)
    return made


def ask_belief(model: Any, x: Any) -> tuple[float, ...]:
    made = density(model, x)
    said = [belief.probability(made, at) for at in (0.0, 5.0, -80.0)]
    return tuple(float(v) for pair in said for v in pair)


def learn_belief(model: Any, x: Any, y: Any) -> None:
    made = density(model, x)
    belief.probability(made, y if math.isfinite(y) else 0.0)
    belief.learn(model, made, y)


BELIEF = Case(
    belief.BELIEF,
    belief.reset,
    lambda rng: (rng.dirichlet(np.ones(4)), rng.exponential(2.0, 4), (rng.random(), 4.0, 1.0), rng.uniform(0.5, 2)),
    ask_belief,
    lambda rng: float(rng.standard_t(3) * 3),
    learn_belief,
    lambda m: int(m.n_outcomes),
    probabilities,
    lambda w: ((np.full(4, 0.25), np.full(4, 1e-9 if w < 1 else 1e6), (0.5, 1.0, 1.0), 1.0), w),
)

# toxicity -------------------------------------------------------------------------------------------------------------


def toxic_x(x: Any) -> Any:
    model, made = np.zeros(1, toxicity.TOXICITY)[0], np.zeros(toxicity.N_X)
    toxicity.reset(model)
    signals = np.zeros(toxicity.N_SIGNALS)
    model.raw[:] = x[0]
    toxicity.standardise(model, signals)
    toxicity.features(made, signals, x[1], x[2])
    return made


def learn_toxicity(model: Any, x: Any, y: Any) -> None:
    made = toxic_x(x)
    toxicity.learn(model, made, toxicity.predict(model, made), x[1], x[3], y[0], y[1])


TOXICITY = Case(
    toxicity.TOXICITY,
    toxicity.reset,
    lambda rng: (
        rng.normal(0, 2, toxicity.N_SIGNALS), Int(rng.integers(2)), rng.random(), Int(rng.integers(10**6) * NS)
    ),
    lambda m, x: (float(toxicity.predict(m, toxic_x(x))),),
    lambda rng: (Int(rng.integers(2)), float(rng.normal(0, 5))),
    learn_toxicity,
    lambda m: int(m.n_outcomes),
    probabilities,
    lambda w: ((np.full(toxicity.N_SIGNALS, w), Int(1), 0.5, Int(0)), (Int(1), w)),
)  # fmt: skip

# funding --------------------------------------------------------------------------------------------------------------


def see_context(model: Any, x: Any, _: Any) -> None:
    funding.update(model, *x)


FUNDING = Case(
    funding.FUNDING,
    lambda m: None,
    lambda rng: tuple(Int(v) for v in (*rng.integers(1, 10**6, 3), rng.integers(-(10**8), 10**8))),
    lambda m, x: (funding.carry_bps(m, 1.0), funding.unseen_bps(m, Int(2 * 10**15), Int(60 * NS), 1.0)),
    lambda rng: None,
    see_context,
    lambda m: int(m.n_contexts),
    finite,
    lambda w: ((Int(0), Int(0 if w != w else 2**62 if w > 1 else -5), Int(0), Int(2**62)), None),
)

CASES = {
    "fill": FILL,
    "adverse": ADVERSE,
    "edge": EDGE,
    "crowded": CROWDED,
    "capture": CAPTURE,
    "fair": FAIR,
    "lag": LAG,
    "lag_up": LAG_UP,
    "regime": REGIME,
    "changepoint": CHANGEPOINT,
    "belief": BELIEF,
    "toxicity": TOXICITY,
    "funding": FUNDING,
}
N = 120


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param  # type: ignore[no-any-return]


def stream(case: Case, seed: int, n: int = N) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [(case.inputs(rng), case.outcome(rng)) for _ in range(n)]


def run(case: Case, model: Any, steps: list[tuple[Any, Any]]) -> list[tuple[float, ...]]:
    """Score first, then learn: what was said at each step."""
    said = []
    for inputs, outcome in steps:
        said.append(case.ask(model, inputs))
        case.learn(model, inputs, outcome)
    return said


def test_no_look_ahead(case: Case) -> None:
    """What was said up to a moment does not change when all that comes later is scrambled."""
    past, future, other = stream(case, 1), stream(case, 2), stream(case, 3)
    at = N // 2
    one = run(case, case.new(), past[:at] + future[:at])
    two = run(case, case.new(), past[:at] + other[:at])
    asked = [*past[:at], past[at]]
    assert one[:at] == two[:at]
    first, second = case.new(), case.new()
    run(case, first, past[:at])
    run(case, second, past[:at])
    assert case.ask(first, asked[-1][0]) == case.ask(second, asked[-1][0])


def test_it_does_learn(case: Case) -> None:
    """Outcomes change what is said: the test above is not passed by a constant."""
    model = case.new()
    probe = stream(case, 9, 1)[0][0]
    before = case.ask(model, probe)
    run(case, model, stream(case, 4))
    assert case.ask(model, probe) != before


def test_asking_teaches_nothing(case: Case) -> None:
    """What is said does not depend on what was asked before."""
    quiet, curious = case.new(), case.new()
    for inputs, outcome in stream(case, 5):
        for other, _ in stream(case, 6, 3):
            case.ask(curious, other)
        case.learn(quiet, inputs, outcome)
        case.learn(curious, inputs, outcome)
    probe = stream(case, 7, 1)[0][0]
    assert case.ask(quiet, probe) == case.ask(curious, probe)


def test_deterministic(case: Case) -> None:
    one, two = case.new(), case.new()
    assert run(case, one, stream(case, 8)) == run(case, two, stream(case, 8))
    assert one.tobytes() == two.tobytes()


def test_serialises(case: Case) -> None:
    """Half a session, its bytes, the other half from them: the same as without the break. The record has no objects."""
    steps = stream(case, 10)
    whole = case.new()
    said = run(case, whole, steps)
    first = case.new()
    run(case, first, steps[: N // 2])
    again = np.zeros(1, case.dtype)
    again.view("u1")[:] = np.frombuffer(first.tobytes(), "u1")
    assert run(case, again[0], steps[N // 2 :]) == said[N // 2 :]
    assert again[0].tobytes() == whole.tobytes()
    assert not case.dtype.hasobject


def test_bounded(case: Case) -> None:
    assert case.dtype.itemsize <= case.most_bytes
    model = case.new()
    for inputs, outcome in stream(case, 11, 3000):
        case.learn(model, inputs, outcome)
    assert case.is_sane(case.ask(model, stream(case, 12, 1)[0][0]))


def test_each_outcome_counts_once(case: Case) -> None:
    model = case.new()
    for i, (inputs, outcome) in enumerate(stream(case, 13)):
        case.learn(model, inputs, outcome)
        assert case.learned(model) == i + 1


def test_sane_with_no_data_and_with_one_datum(case: Case) -> None:
    model = case.new()
    for inputs, outcome in stream(case, 14, 20):
        assert case.is_sane(case.ask(model, inputs))
        one = case.new()
        case.learn(one, inputs, outcome)
        assert case.is_sane(case.ask(one, inputs))


def test_sane_with_extreme_inputs(case: Case) -> None:
    """Extreme and unknown numbers, alone and amid ordinary ones: afterwards it still speaks and still learns."""
    model = case.new()
    probe = stream(case, 15, 1)[0][0]
    for w in WILD * 3:
        inputs, outcome = case.wild(w)
        case.learn(model, inputs, outcome)
        assert case.is_sane(case.ask(model, probe)), w
        run(case, model, stream(case, 16, 5))
        assert case.is_sane(case.ask(model, probe)), w
    before = case.learned(model)
    run(case, model, stream(case, 17, 10))
    assert case.learned(model) == before + 10
