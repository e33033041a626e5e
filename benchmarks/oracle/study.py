"""The whole study: sessions in parallel processes, then scores and evidence."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.oracle import evidence
from benchmarks.oracle.evidence import Alarms, Check, Discovery
from benchmarks.oracle.scores import Calibration, Skill, by_bucket, calibration, skill, usable
from touchstone import config
from touchstone.backtest import oracle, scenario
from touchstone.core.conventions import N_FILL
from touchstone.data.units import coin_of

FIRST_SEED = 1_000  # of the market, of the main sessions; the sessions of the alarms have others
ALARM_SEEDS = (10_000, 20_000)  # by ALARM_HORIZONS
ALARM_HORIZONS = (1, 2)  # whose windows: 10 s, one right after the other, and 60 s
EVALUATED = ((0, 1), (2,))  # horizons that are evaluated on them
ALL_FUTURES = slice(None)
FORECASTERS = (
    "the truth",
    "the truth, outcomes drawn independently",
    "the bucket's rate in other sessions",
    "the shipped model",
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How much is computed."""

    states: int = 500
    continuations: int = 2_000
    sessions: int = 5
    alarm_sessions: int = 100
    alarm_windows: int = 50
    alarm_continuations: int = 400
    repeats: int = 100


@dataclass(frozen=True)
class Study:
    """Everything that the page says."""

    scenario: str
    sizes: Sizes
    states: int  # with a probability
    refused: float  # share of the futures in which the order would have crossed
    agreement: tuple[float, int]  # ledger's tape-decided outcomes equal to the real future's: share; states
    calibration: list[Calibration]  # by horizon
    buckets: list[dict[int, Calibration]]
    skill: list[Skill]
    later_skill: list[Skill]  # of the second half of each session
    decided: list[tuple[float, float, float]]  # by horizon: share of tape, model, void
    discovery: list[Discovery]
    alarms: dict[tuple[str, int], Alarms]  # by forecaster and horizon
    checks: list[Check]  # by horizon, on the windows of the alarms
    seconds: float
    jobs: int


def session(seed: int, name: str, states: int, futures: int, horizon: int) -> Any:
    """TRUTH rows of one session of the default configuration; its own chance differs from session to session too."""
    settings = config.load(None).model_copy(update={"seed": seed})
    decimals = coin_of(settings.market.coin).sz_decimals
    the_scenario = scenario.load(name)
    return oracle.truths(settings, decimals, the_scenario, seed=seed, states=states, futures=futures, horizon=horizon)


def sessions(seeds: range, name: str, states: int, futures: int, horizon: int, jobs: int, say: Say) -> list[Any]:
    """One session for each seed, in `jobs` processes; in order of the seeds."""
    one = partial(session, name=name, states=states, futures=futures, horizon=horizon)
    started = time.perf_counter()
    found = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for rows in pool.imap(one, seeds):
            found.append(rows)
            spent = time.perf_counter() - started
            left = spent / len(found) * (len(seeds) - len(found))
            say(f"session {len(found)} of {len(seeds)}: {spent:.0f} s, about {left:.0f} s left")
    return found


def run(name: str, sizes: Sizes, jobs: int, say: Say) -> Study:
    """The study of a scenario. Raises ScenarioError for an unknown one."""
    started = time.perf_counter()
    scenario.load(name)
    session(0, name, 1, 2, 0)  # compiled before the processes start, or each would compile
    say(f"{sizes.states} states, {sizes.continuations} futures each")
    per_session = -(-sizes.states // sizes.sessions)
    seeds = range(FIRST_SEED, FIRST_SEED + sizes.sessions)
    main = sessions(seeds, name, per_session, sizes.continuations, N_FILL - 1, jobs, say)
    watched = []
    for horizon, first in zip(ALARM_HORIZONS, ALARM_SEEDS, strict=True):
        say(f"alarms: {sizes.alarm_sessions} sessions of {sizes.alarm_windows} windows, horizon {horizon}")
        seeds = range(first, first + sizes.alarm_sessions)
        watched.append(sessions(seeds, name, sizes.alarm_windows, sizes.alarm_continuations, horizon, jobs, say))
    say("scores and evidence")
    return evaluate(name, sizes, jobs, main, watched, started)


def evaluate(
    name: str, sizes: Sizes, jobs: int, main: list[Any], watched: list[list[Any]], started: float
) -> Study:
    """The study of sessions that have been run."""
    everything = np.concatenate(main)
    truth = usable(everything)
    later = usable(np.concatenate([rows[len(rows) // 2 :] for rows in main]))
    horizons = range(N_FILL)
    alarms: dict[tuple[str, int], Alarms] = {}
    checks: list[Check] = []
    for evaluated, of_sessions in zip(EVALUATED, watched, strict=True):
        # Orders that were refused in the real future have no outcome and no window.
        rested = [rows[rows["real_ns"] >= 0] for rows in map(usable, of_sessions)]
        for h in evaluated:
            alarms |= _alarms(rested, h)
            checks.append(evidence.check(np.concatenate(rested), h))
    return Study(
        scenario=name,
        sizes=sizes,
        states=len(truth),
        refused=float(everything["refused"].sum() / (everything["refused"].sum() + everything["n"].sum())),
        agreement=_agreement(truth),
        calibration=[calibration(truth, h) for h in horizons],
        buckets=[by_bucket(truth, h) for h in horizons],
        skill=[skill(truth, h) for h in horizons],
        later_skill=[skill(later, h) for h in horizons],
        decided=[_decided(everything, h) for h in horizons],
        discovery=[evidence.discovery(truth, h, repeats=sizes.repeats) for h in horizons],
        alarms=alarms,
        checks=checks,
        seconds=time.perf_counter() - started,
        jobs=jobs,
    )


def _alarms(rested: list[Any], h: int) -> dict[tuple[str, int], Alarms]:
    """Of each forecaster at one horizon, over sessions."""
    rng = np.random.default_rng(1)
    true_p = [evidence.stated_probability(rows, h, ALL_FUTURES) for rows in rested]
    real = [evidence.real_outcomes(rows, h) for rows in rested]
    drawn = [evidence.drawn_outcomes(rows, h, rng) for rows in rested]
    told = (
        (true_p, real),
        (true_p, drawn),
        (evidence.rates_of_others(rested, h), real),
        ([rows["p"][:, h] for rows in rested], real),
    )
    return {
        (name, h): evidence.alarms(rested, forecasts, outcomes, h)
        for name, (forecasts, outcomes) in zip(FORECASTERS, told, strict=True)
    }


def _decided(truth: Any, h: int) -> tuple[float, float, float]:
    """Shares of the ledger's predictions that the tape decided, that only the queue model decided, that are void."""
    by_tape = float((truth["decided"][:, h] == oracle.DECIDED[0]).mean())
    by_model = float((truth["decided"][:, h] == oracle.DECIDED[1]).mean())
    return by_tape, by_model, 1.0 - by_tape - by_model


def _agreement(truth: Any) -> tuple[float, int]:
    """How often the ledger's tape-decided outcome at the longest horizon is that of the real future; of how many."""
    h = N_FILL - 1
    both = truth[(truth["decided"][:, h] == oracle.DECIDED[0]) & (truth["real_ns"] >= 0)]
    same = both["outcome"][:, h] == evidence.real_outcomes(both, h)
    return float(same.mean()), len(both)
