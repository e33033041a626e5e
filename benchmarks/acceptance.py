"""What the models are worth against makers without any, on markets that were not tuned on.

`python -m benchmarks.acceptance [--scenarios normal,FILE.toml] [--pairs 50] [--minutes 60] [--jobs N] [--save FILE]
[--against 5,8]`, the last: also against constant makers of these widths, without skew

The other maker quotes a constant width and skew in the same engine: no model, equal sizes. Everything is tuned on the
tuning seeds, then compared on the acceptance seeds:

1. Evidence: our maker trades some hours; every run of every maker starts with what that left (session/carry.py). A
   maker without models takes over only how volatile and busy the market was.
2. The best constant maker: all of the grid on a few seeds, the best of them on more, by net PnL per notional.
3. The constant maker with as many fills as ours: its width by interpolation.
4. The comparison: ours, the best, the alike, one run each a seed.

Net PnL is also given less *drift*: what the latent price's own moves made of the open position. Its expectation is 0
for any maker where nothing foretells that price (all scenarios but cascade), so both estimate the same, the second
without the luck of a position. The grid is judged by it, and the interval is given for both.
"""

import argparse
import itertools
import json
import math
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from touchstone import config
from touchstone.backtest import compare
from touchstone.backtest import scenario as scenarios
from touchstone.backtest.compare import Measure
from touchstone.backtest.reactive import Reactive
from touchstone.data.units import coin_of
from touchstone.insight import paired
from touchstone.session import carry

SCENARIOS = ("calm", "normal", "volatile", "thin", "cascade")
EVIDENCE, TUNING, ACCEPTANCE = 20_000, 10_000, 1  # first seed of each
EVIDENCE_SESSIONS, EVIDENCE_MINUTES = 2, 120.0
FIRST_SEEDS, FINALISTS, FINAL_SEEDS = 40, 2, 100
WIDTHS_BPS = (3.0, 5.0, 8.0, 12.0, 18.0)
SKEWS_BPS = (0.0, 8.0)
ALIKE_STEPS, ALIKE_WITHIN = 5, 0.005
FLATTEST_SLOPE = -0.02  # of the logarithm of the fills, per bps of width
NARROWEST_BPS, WIDEST_BPS = 0.5, 60.0
LEAST_SHARE_OF_VOLUME = {"cascade": 0.3}
LESS_DRIFT = Measure("net_pnl_less_drift", "bps", "pnl_less_drift", "volume", 1e4, +1)
ADVERSE_PER_FILL = Measure("adverse_per_fill", "bps", "adverse", "marked_notional", 1e4, -1)
NOTHING_BELIEVED = """
[models]
lag = false
fill = false
adverse = false
fair = false
edge = false
regime = false
toxicity = false
gate = false
careful_cap_bps = 0.0
"""
Outcomes = list[dict[str, Any]]


def constant(width_bps: float, skew_bps: float) -> config.Config:
    """A maker that believes nothing: one width, one skew, equal sizes."""
    return config.parse(
        f"""
        [quoting]
        rule = "fixed"
        fixed_half_spread_bps = {width_bps}
        inventory_skew_bps_at_limit = {skew_bps}
        temperature_bps = 100.0
        {NOTHING_BELIEVED}
        """
    )


def evidence_of(ours: config.Config, name: str, folder: Path) -> Path:
    """What our maker's models have learned and earned in some sessions, one after the other."""
    market, left = scenarios.load(name), b""
    for number in range(EVIDENCE_SESSIONS):
        settings = ours.model_copy(update={"seed": EVIDENCE + number})
        decimals = coin_of(settings.market.coin).sz_decimals
        session = Reactive(settings, decimals, market, seed=settings.seed, digest=False, evidence=left)
        session.run(EVIDENCE_MINUTES)
        left = carry.pack(session.state)
    kept = folder / f"{market.name}.evidence"
    kept.write_bytes(left)
    return kept


class Trial:
    """One scenario: plays makers on seeds, all from the same evidence; a run is played once."""

    def __init__(self, name: str, minutes: float, evidence: Path, pool: Executor) -> None:
        self.name, self.minutes, self.evidence, self.pool = name, minutes, evidence, pool
        self._known: dict[tuple[str, int], dict[str, Any]] = {}

    def play(self, wanted: Sequence[tuple[config.Config, Sequence[int]]]) -> list[Outcomes]:
        """Outcomes of each maker on its seeds."""
        runs = {
            (of.model_dump_json(), seed): compare.Run(
                "A", of.model_copy(update={"seed": seed}), scenario=self.name, minutes=self.minutes,
                evidence=self.evidence,
            )
            for of, seeds in wanted
            for seed in seeds
        }  # fmt: skip
        missing = {key: run for key, run in runs.items() if key not in self._known}
        if missing:
            for key, outcome in zip(missing, self.pool.map(compare.run_one, missing.values()), strict=True):
                totals = outcome["totals"]
                totals["pnl_less_drift"] = totals["pnl"] - totals["drift"]
                self._known[key] = outcome
        return [[self._known[of.model_dump_json(), seed] for seed in seeds] for of, seeds in wanted]


def net_bps(outcomes: Outcomes, money: str = "pnl_less_drift") -> float:
    """Net PnL over volume of all runs together."""
    volume = sum(one["totals"]["volume"] for one in outcomes)
    return 1e4 * sum(one["totals"][money] for one in outcomes) / volume if volume else float("-inf")


def fills(outcomes: Outcomes) -> int:
    """Fills of all runs together."""
    return sum(one["totals"]["fills"] for one in outcomes)


def best_constant(trial: Trial, tuning: Sequence[int]) -> tuple[tuple[float, float], dict[str, Any]]:
    """(width, skew) of the grid's best by successive halving, and what the grid gave."""
    grid = list(itertools.product(WIDTHS_BPS, SKEWS_BPS))
    few, more = tuning[:FIRST_SEEDS], tuning[:FINAL_SEEDS]
    first = [net_bps(outcomes) for outcomes in trial.play([(constant(*at), few) for at in grid])]
    last = sorted(range(len(grid)), key=lambda i: -first[i])[:FINALISTS]
    final = [net_bps(outcomes) for outcomes in trial.play([(constant(*grid[i]), more) for i in last])]
    shown = {
        "first": {f"{w:g}/{s:g}": round(bps, 3) for (w, s), bps in zip(grid, first, strict=True)},
        "final": {f"{grid[i][0]:g}/{grid[i][1]:g}": round(bps, 3) for i, bps in zip(last, final, strict=True)},
    }
    return grid[last[final.index(max(final))]], shown


def alike_constant(trial: Trial, ours: config.Config, skew_bps: float, tuning: Sequence[int]) -> float:
    """The width with as many fills as ours: from the grid's fills, then by how far it missed on more seeds."""
    few, more = tuning[:FIRST_SEEDS], tuning[:FINAL_SEEDS]

    def log_fills(maker: config.Config, seeds: Sequence[int]) -> float:
        return math.log(max(fills(trial.play([(maker, seeds)])[0]), 0.5))

    wanted = log_fills(ours, few)
    logs = [log_fills(constant(width, skew_bps), few) for width in WIDTHS_BPS]
    at = next((n for n in range(1, len(logs)) if logs[n] < wanted), len(logs) - 1)
    slope = min((logs[at] - logs[at - 1]) / (WIDTHS_BPS[at] - WIDTHS_BPS[at - 1]), FLATTEST_SLOPE)
    width = WIDTHS_BPS[at] + (wanted - logs[at]) / slope
    wanted = log_fills(ours, more)
    tried = []
    for _ in range(ALIKE_STEPS):
        width = round(min(max(width, NARROWEST_BPS), WIDEST_BPS), 3)
        missed = log_fills(constant(width, skew_bps), more) - wanted
        tried.append((abs(missed), width))
        if abs(math.expm1(missed)) <= ALIKE_WITHIN:
            break
        width -= missed / slope
    return min(tried)[1]


def judged(name: str, ours: Outcomes, other: Outcomes) -> dict[str, Any]:
    """Measures of ours (B) against the other (A), and the gate's verdict."""
    pairs = [one for pair in zip(other, ours, strict=True) for one in pair]
    found = compare.measures(pairs, "pair")
    for measure in (LESS_DRIFT, ADVERSE_PER_FILL):
        found[measure.name] = asdict(paired.over_pairs(compare.sums_of(measure, pairs)))
    share = found["volume"]["b"] / found["volume"]["a"] if found["volume"]["a"] else float("nan")
    enough = share >= LEAST_SHARE_OF_VOLUME.get(name, 0.5)
    if name == "cascade":
        passes = passes_less_drift = enough and found["net_pnl"]["b"] >= 0.5 * min(found["net_pnl"]["a"], 0.0)
    else:
        enough = enough and found["two_sided"]["b"] >= 0.5
        passes, passes_less_drift = (
            enough and (found[key]["low"] or 0.0) > 0.0 for key in ("net_pnl_per_notional", "net_pnl_less_drift")
        )
    return {"measures": found, "volume_share": share, "passes": passes, "passes_less_drift": passes_less_drift}


def accept(
    name: str,
    ours: config.Config,
    fresh: Sequence[int],
    minutes: float,
    pool: Executor,
    folder: Path,
    against: Sequence[float],
) -> dict[str, Any]:
    """Tune the constant makers, then compare on other seeds."""
    trial = Trial(name, minutes, pool.submit(evidence_of, ours, name, folder).result(), pool)
    tuning = range(TUNING, TUNING + len(fresh))
    (width, skew), grid = best_constant(trial, tuning)
    alike = alike_constant(trial, ours, skew, tuning)
    a, b, c = trial.play([(constant(width, skew), fresh), (ours, fresh), (constant(alike, skew), fresh)])
    return {
        "scenario": scenarios.load(name).name,
        "hash": scenarios.load(name).hash,
        "pairs": len(fresh),
        "first_seed": fresh[0],
        "minutes": minutes,
        "grid": grid,
        "problems": [words for one in (*a, *b, *c) for words in one["problems"]],
        "best": {"half_spread_bps": width, "skew_bps": skew, **judged(name, b, a)},
        "against": [
            {"half_spread_bps": wide, "skew_bps": 0.0, **judged(name, b, trial.play([(constant(wide, 0.0), fresh)])[0])}
            for wide in against
        ],
        "alike": {"half_spread_bps": alike, "skew_bps": skew, **judged(name, b, c)},
    }


def show(found: dict[str, Any]) -> None:
    """A scenario's figures in a few lines."""
    for best in (found["best"], *found["against"]):
        _show_money(found["scenario"], best)
    alike = found["alike"]
    adverse, of_alike = alike["measures"]["adverse_per_fill"], alike["measures"]["fills"]
    print(
        f"  at like fills ({alike['half_spread_bps']:g} bps, {of_alike['a']:.1f} and {of_alike['b']:.1f} an hour,"
        f" {of_alike['b'] / of_alike['a'] - 1.0:+.1%}): adverse selection {adverse['a']:.2f} and {adverse['b']:.2f} bps"
        f" ({adverse['b'] / adverse['a'] - 1.0:+.0%}), difference {interval(adverse)}",
        flush=True,
    )


def _show_money(scenario: str, best: dict[str, Any]) -> None:
    net, less, hourly = (
        best["measures"][key] for key in ("net_pnl_per_notional", "net_pnl_less_drift", "net_pnl")
    )
    two_sided = best["measures"]["two_sided"]["b"]
    verdict = "passes" if best["passes"] else "passes less drift" if best["passes_less_drift"] else "DOES NOT PASS"
    print(
        f"{scenario}: constant {best['half_spread_bps']:g} bps, skew {best['skew_bps']:g}; net, bps of"
        f" notional, its and ours: {net['a']:+.2f}, {net['b']:+.2f}, difference {interval(net)};"
        f" less drift {less['a']:+.2f}, {less['b']:+.2f}, {interval(less)};"
        f" volume {best['volume_share']:.2f} of its, two-sided {two_sided:.0%},"
        f" net an hour {hourly['a']:+.2f}, {hourly['b']:+.2f}: {verdict}",
        flush=True,
    )


def interval(effect: dict[str, Any]) -> str:
    """A difference with its interval, as it is printed."""
    if effect["low"] is None:
        return "n/a"
    return f"{effect['difference']:+.2f} [{effect['low']:+.2f}, {effect['high']:+.2f}]"


def main() -> None:
    """Play, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--first", type=int, default=ACCEPTANCE, help="first seed of the comparison")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--config", type=Path, default=None)
    parser.add_argument("--against", default="", help="widths, bps")
    parser.add_argument("--save", type=Path, default=None)
    given = parser.parse_args()
    found = []
    against = [float(width) for width in given.against.split(",") if width]
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder, ProcessPoolExecutor(given.jobs, spawn) as pool:
        for name in given.scenarios.split(","):
            ours = config.load(given.config)
            fresh = range(given.first, given.first + given.pairs)
            found.append(accept(name, ours, fresh, given.minutes, pool, Path(folder), against))
            show(found[-1])
            if given.save:
                given.save.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
