"""Paired comparison: the same markets under configuration A and under B, in parallel processes; docs/json.md.

A pair is one seed of a scenario's market, or one tape, run under both configurations with the same randomness. A run is
reduced to sums (`result.totals`), taken at the end, or at block ends where one tape is all there is.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from touchstone import TouchstoneError
from touchstone.backtest import runner
from touchstone.backtest import scenario as scenarios
from touchstone.backtest.replay import Replay
from touchstone.config import SWITCHES, Config, ConfigError
from touchstone.core.conventions import NS
from touchstone.core.params import PARAMS
from touchstone.core.trading import breakers
from touchstone.data.errors import DataError
from touchstone.data.tape import Tape, open_tape
from touchstone.insight import paired
from touchstone.insight.settings import differences
from touchstone.session import params, result
from touchstone.session.sinks import Alerts

BLOCK_S = 60.0  # twice the longest horizon
Progress = Callable[[int, int], None]


class CompareError(TouchstoneError):
    """One run of a comparison failed; the message names the run."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A ratio of two sums of a run, times a factor; `better`: +1 more is better, -1 less is better, 0 neither."""

    name: str
    unit: str
    of: str
    per: str
    factor: float
    better: int


MEASURES = (
    Measure("edge_per_fill", "bps", "edge_bps", "marked_fills", 1.0, +1),
    Measure("edge_per_notional", "bps", "edge", "marked_notional", 1e4, +1),
    Measure("adverse_selection", "bps", "adverse", "marked_notional", 1e4, -1),
    Measure("toxic_fills", "share", "toxic", "marked_fills", 1.0, -1),
    Measure("informed_fills", "share", "informed", "fills", 1.0, -1),
    Measure("fills", "per hour", "fills", "seconds", 3600.0, 0),
    Measure("volume", "money per hour", "volume", "seconds", 3600.0, 0),
    Measure("requests", "per hour", "requests", "seconds", 3600.0, 0),
    Measure("two_sided", "share", "two_sided_s", "seconds", 1.0, 0),
    Measure("inventory", "money", "inventory_time", "seconds", 1.0, 0),
    Measure("net_pnl_per_notional", "bps", "pnl", "volume", 1e4, +1),
    Measure("net_pnl", "money per hour", "pnl", "seconds", 3600.0, +1),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a configuration on a tape, cut into `blocks`, or for `minutes` in the market of a scenario."""

    side: str  # "A", "B"; of an ablation "all", "without ..."
    config: Config
    tape: Path | None = None
    blocks: int = 1
    scenario: str = ""
    minutes: float = 0.0
    evidence: Path | None = None  # file that an earlier session left (session/carry.py), to start with

    @property
    def name(self) -> str:
        """What messages call this run."""
        return f"{self.side}, {self.tape.name if self.tape else f'seed {self.config.seed}'}"


# --- Running ---------------------------------------------------------------------------------------------------------


def run_one(run: Run) -> dict[str, Any]:
    """What a run amounts to: `totals` of each block, how it ended, `problems`, `digest`. Raises what the run raises."""
    return _trade(run) if run.tape is None else _replay(run, open_tape(run.tape, verify=False))


def _trade(run: Run) -> dict[str, Any]:
    evidence = run.evidence.read_bytes() if run.evidence else b""
    made = runner.sums_of_scenario(
        run.config, run.scenario, minutes=run.minutes, seed=run.config.seed, evidence=evidence
    )
    return {"run": run.name, "blocks": [made["totals"]], **made}


def _replay(run: Run, tape: Tape) -> dict[str, Any]:
    replay = Replay(run.config, tape.meta.sz_decimals)
    alerts = Alerts()
    replay.sinks.append(alerts)
    taken: list[dict[str, Any]] = []
    start = 0
    for stop in block_ends(tape, run.blocks):
        replay.run(tape, start=start, stop=stop)
        start = stop
        taken.append(result.totals(replay, run.config))
    before = [dict.fromkeys(taken[0], 0), *taken[:-1]]
    return {
        "run": run.name,
        "totals": taken[-1],
        "blocks": [_change(then, now) for then, now in zip(before, taken, strict=True)],
        "killed": int(replay.state.risk.state) == int(breakers.KILLED),
        "problems": result.problems(replay, alerts),
        "digest": replay.digest(),
    }


def _change(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return {key: None if now[key] is None else now[key] - then[key] for key in now}


def block_ends(tape: Tape, blocks: int) -> list[int]:
    """Rows that end each of `blocks` stretches of the tape of equal length in receive time; the last is its end."""
    received = tape.events["recv_ns"]
    inner = np.linspace(tape.meta.first_recv_ns, tape.meta.last_recv_ns, blocks + 1)[1:-1]
    return [*(int(row) for row in np.searchsorted(received, inner.astype(np.int64))), len(tape)]


def run_all(runs: Sequence[Run], progress: Progress, jobs: int | None = None) -> list[dict[str, Any]]:
    """Every run's outcome, in order, in `jobs` processes (by default one a core; 1: in this one).

    The first run goes alone, because it may have to fill the compiler's cache. Raises CompareError for a run that
    fails, after those under way have ended.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(runs))
    if jobs == 1:
        return [_reported(_run_named(run), at, len(runs), progress) for at, run in enumerate(runs, 1)]
    outcomes: list[dict[str, Any]] = [{}] * len(runs)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        try:
            outcomes[0] = _reported(pool.submit(_run_named, runs[0]).result(), 1, len(runs), progress)
            waiting = {pool.submit(_run_named, run): at for at, run in enumerate(runs) if at > 0}
            for done, future in enumerate(as_completed(waiting), 2):
                outcomes[waiting[future]] = _reported(future.result(), done, len(runs), progress)
        except BrokenProcessPool as error:
            left = [run.name for run, outcome in zip(runs, outcomes, strict=True) if not outcome]
            doing = " or ".join(left[:jobs])  # runs start in order
            raise CompareError(f"run {doing}: its process died; is there enough memory? Try --jobs 1") from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return outcomes


def _run_named(run: Run) -> dict[str, Any]:
    try:
        return run_one(run)
    except Exception as error:
        kind = "" if isinstance(error, TouchstoneError | DataError) else f"{type(error).__name__}: "
        raise CompareError(f"run {run.name}: {kind}{error}") from error


def _reported(outcome: dict[str, Any], done: int, total: int, progress: Progress) -> dict[str, Any]:
    progress(done, total)
    return outcome


# --- Comparing -------------------------------------------------------------------------------------------------------


def compare_seeds(
    a: Config,
    b: Config,
    *,
    scenario: str,
    seeds: Sequence[int],
    minutes: float,
    progress: Progress,
    jobs: int | None = None,
) -> dict[str, Any]:
    """B against A in the reactive market of a scenario, one pair a seed; the documented result.

    Raises ConfigError for configurations that cannot be compared, ScenarioError for an unknown scenario, CompareError
    for a run that fails.
    """
    check(a, b)
    market = {"kind": "scenario", "scenario": scenarios.load(scenario).name, "minutes": minutes, "seeds": list(seeds)}
    outcomes = run_all(seed_runs(a, b, scenario, zip(seeds, seeds, strict=True), minutes), progress, jobs)
    resampled = {"unit": "pair", "n": len(seeds), "block_s": None}
    caveats = ["a simulated market: what holds in it need not hold elsewhere"]
    return _document(a, b, market, resampled, outcomes, caveats)


def seed_runs(a: Config, b: Config, scenario: str, pairs: Iterable[tuple[int, int]], minutes: float) -> list[Run]:
    """A and B in turn for each (seed of A, seed of B); equal seeds share the market and every random choice."""
    return [
        Run(side, of.model_copy(update={"seed": seed}), scenario=scenario, minutes=minutes)
        for pair in pairs
        for side, of, seed in zip("AB", (a, b), pair, strict=True)
    ]


def compare_tapes(
    a: Config,
    b: Config,
    tapes: Sequence[Path],
    *,
    progress: Progress,
    block_s: float = BLOCK_S,
    jobs: int | None = None,
) -> dict[str, Any]:
    """B against A over tapes of one market, one pair a tape; a single tape is cut into blocks of at least block_s.

    Raises ConfigError, CompareError, DataError for an unusable tape.
    """
    check(a, b)
    opened = [open_tape(path) for path in tapes]
    for tape in opened[1:]:
        if tape.coin != opened[0].coin:
            raise ConfigError(f"{tapes[0]} holds {opened[0].coin.name}, {tape.path} {tape.coin.name}: give one market")
    span_s = (opened[0].meta.last_recv_ns - opened[0].meta.first_recv_ns) / NS
    blocks = max(int(span_s // block_s), 1) if len(tapes) == 1 else 1
    runs = [Run(side, of, path, blocks) for path in tapes for side, of in zip("AB", (a, b), strict=True)]
    outcomes = run_all(runs, progress, jobs)
    market = {"kind": "tape", "tapes": [str(path) for path in tapes]}
    if len(tapes) > 1:
        return _document(a, b, market, {"unit": "pair", "n": len(tapes), "block_s": None}, outcomes, [])
    resampled = {"unit": "block", "n": blocks, "block_s": span_s / blocks}
    caveats = [f"one pair, resampled by {blocks} blocks of {span_s / blocks:.0f} s; says nothing about other days"]
    if blocks < paired.FEWEST_BLOCKS:
        caveats.append(f"no intervals: fewer than {paired.FEWEST_BLOCKS} blocks; a longer tape has more")
    if alike := [m.name for m in MEASURES if paired.neighbours_alike(sums_of(m, outcomes))]:
        words = ", ".join(name.replace("_", " ") for name in alike)
        caveats.append(f"one block goes on in the next in {words}: the interval is too narrow; try a longer --block")
    return _document(a, b, market, resampled, outcomes, caveats)


# --- Ablation --------------------------------------------------------------------------------------------------------


def without(config: Config, model: str) -> Config:
    """The configuration with one model switched off. Raises ConfigError for one that has no switch, or is off."""
    if model not in SWITCHES:
        raise ConfigError(f"--ablate {model}: no such model; one of {', '.join(SWITCHES)}, or all")
    if not getattr(config.models, model):
        raise ConfigError(f"--ablate {model}: [models] {model} is off already; what it is worth needs it on")
    return config.model_copy(update={"models": config.models.model_copy(update={model: False})})


def ablate(
    config: Config,
    models: Sequence[str],
    *,
    scenario: str,
    seeds: Sequence[int],
    minutes: float,
    progress: Progress,
    jobs: int | None = None,
) -> dict[str, Any]:
    """What each model is worth: the configuration against itself without the model, one pair a seed.

    Every model is compared with the same runs of the whole. Raises as `compare_seeds`.
    """
    configs = [config, *(without(config, model) for model in models)]
    for each in configs:
        check(config, each)
    names = ["all", *(f"without {model}" for model in models)]
    runs = [
        Run(name, of.model_copy(update={"seed": seed}), scenario=scenario, minutes=minutes)
        for seed in seeds
        for name, of in zip(names, configs, strict=True)
    ]
    outcomes = run_all(runs, progress, jobs)
    width = len(configs)
    caveats = ["a simulated market: what holds in it need not hold elsewhere"]
    if killed := [outcome["run"] for outcome in outcomes if outcome["killed"]]:
        caveats.append(f"killed by risk, no quotes from then on: {'; '.join(killed)}")
    return {
        "coin": config.market.coin,
        "currency": config.market.currency,
        "market": {
            "kind": "scenario",
            "scenario": scenarios.load(scenario).name,
            "minutes": minutes,
            "seeds": list(seeds),
        },
        "pairs": len(seeds),
        "confidence": paired.LEVEL,
        "power": paired.POWER,
        "models": {model: measures(_pairs(outcomes, width, at), "pair") for at, model in enumerate(models, 1)},
        "caveats": caveats,
        "runs": [{key: value for key, value in outcome.items() if key != "blocks"} for outcome in outcomes],
        "problems": [f"{outcome['run']}: {words}" for outcome in outcomes for words in outcome["problems"]],
    }


def _pairs(outcomes: Sequence[dict[str, Any]], width: int, at: int) -> list[dict[str, Any]]:
    """Runs without model number `at`, and whole, in turn: each seed has `width` runs, the whole one first."""
    return [outcomes[row + place] for row in range(0, len(outcomes), width) for place in (at, 0)]


def check(a: Config, b: Config) -> None:
    """Raises ConfigError, naming which, where a configuration cannot run or the two cannot be paired."""
    for name, config in (("A", a), ("B", b)):
        try:
            params.fill_params(np.zeros(1, PARAMS)[0], config, 0)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from error
    if a.market != b.market:
        raise ConfigError(f"A quotes {a.market.coin}, B {b.market.coin}: a pair needs one market")
    if a.seed != b.seed:
        raise ConfigError(f"A has seed {a.seed}, B seed {b.seed}: a pair needs one seed")


def _document(
    a: Config,
    b: Config,
    market: dict[str, Any],
    resampled: dict[str, Any],
    outcomes: Sequence[dict[str, Any]],
    caveats: list[str],
) -> dict[str, Any]:
    unlike = differences(a, b)
    if not unlike:
        caveats = ["A and B are the same configuration", *caveats]
    killed = [outcome["run"] for outcome in outcomes if outcome["killed"]]
    if killed:
        caveats = [*caveats, f"killed by risk, no quotes from then on: {'; '.join(killed)}"]
    return {
        "coin": a.market.coin,
        "currency": a.market.currency,
        "differences": unlike,
        "market": market,
        "pairs": len(outcomes) // 2,
        "resampled": resampled,
        "confidence": paired.LEVEL,
        "power": paired.POWER,
        "measures": measures(outcomes, resampled["unit"]),
        "caveats": caveats,
        "runs": [{key: value for key, value in outcome.items() if key != "blocks"} for outcome in outcomes],
        "problems": [f"{outcome['run']}: {words}" for outcome in outcomes for words in outcome["problems"]],
    }


def measures(outcomes: Sequence[dict[str, Any]], unit: str) -> dict[str, Any]:
    """Every measure's effect from the outcomes of A and B in turn; `unit`: pair or block."""
    made = {}
    for m in MEASURES:
        sums = sums_of(m, outcomes)
        effect = paired.over_blocks(sums) if unit == "block" else paired.over_pairs(sums)
        better = {+1: "higher", -1: "lower", 0: None}[m.better]
        made[m.name] = {"unit": m.unit, "better": better, **asdict(effect), "verdict": verdict(effect)}
    return made


def sums_of(m: Measure, outcomes: Sequence[dict[str, Any]]) -> paired.Sums:
    """A measure's sums from the outcomes of A and B in turn, block by block; pairs that do not know it are left out."""
    of_a, of_b = ([block for outcome in outcomes[side::2] for block in outcome["blocks"]] for side in (0, 1))
    rows = [(a[m.of], a[m.per], b[m.of], b[m.per]) for a, b in zip(of_a, of_b, strict=True)]
    known = [row for row in rows if None not in row]
    a, a_of, b, b_of = np.array(known, np.float64).reshape(-1, 4).T
    return paired.sums(m.factor * a, a_of, m.factor * b, b_of)


def verdict(effect: paired.Effect) -> str:
    """The effect in a word: `higher`, `lower`, `same` (exactly), `unclear`, `no interval`, `no data`."""
    if effect.difference is None:
        return "no data"
    if effect.low is None or effect.high is None:
        return "no interval"
    if effect.low == effect.high == 0.0:
        return "same"
    if effect.low > 0.0:
        return "higher"
    return "lower" if effect.high < 0.0 else "unclear"
