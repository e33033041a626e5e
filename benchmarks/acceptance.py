"""What the models are worth against a maker without any, on markets that were not tuned on.

`python -m benchmarks.acceptance [--scenarios normal,thin] [--seeds 50] [--minutes 60] [--save FILE]`

The other maker quotes a constant width and skew in the same engine: no model's term, equal sizes. Its width and skew
are the best of a grid by net PnL per notional, on the tuning seeds; the comparison is made on others. Gates of the
issue: net PnL per notional above its, at no less than half of its volume, two-sided for at least half of the time; in a
cascade at most half of its loss at no less than 30 % of its volume. And adverse selection per fill at least a third
less at equal fills, against the width whose fills come nearest.
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from touchstone import config
from touchstone.backtest import compare
from touchstone.backtest import scenario as scenarios

SCENARIOS = ("calm", "normal", "volatile", "thin", "cascade")
TUNING, ACCEPTANCE = 10_000, 1  # first seed of each
WIDTHS_BPS = (3.0, 5.0, 8.0, 12.0, 18.0)
SKEWS_BPS = (0.0, 4.0, 12.0)
LEAST_SHARE_OF_VOLUME = {"cascade": 0.3}
Totals = list[dict[str, Any]]


def constant(width_bps: float, skew_bps: float) -> config.Config:
    """A maker that believes nothing: one width, one skew, equal sizes."""
    return config.parse(
        f"""
        [quoting]
        rule = "fixed"
        fixed_half_spread_bps = {width_bps}
        inventory_skew_bps_at_limit = {skew_bps}
        temperature_bps = 100.0
        [models]
        lag = false
        careful_cap_bps = 0.0
        """
    )


def runs(of: config.Config, side: str, name: str, seeds: Sequence[int], minutes: float) -> list[compare.Run]:
    """One configuration in the market of each seed."""
    return [
        compare.Run(side, of.model_copy(update={"seed": seed}), scenario=name, minutes=minutes) for seed in seeds
    ]


def played(wanted: Sequence[tuple[config.Config, Sequence[int]]], name: str, minutes: float) -> list[Totals]:
    """Outcomes of each configuration on its seeds, all in parallel."""
    batches = [runs(of, "A", name, seeds, minutes) for of, seeds in wanted]
    flat = compare.run_all([run for batch in batches for run in batch], lambda done, total: None)
    ends = list(itertools.accumulate(len(batch) for batch in batches))
    return [flat[end - len(batch) : end] for end, batch in zip(ends, batches, strict=True)]


def per_notional_bps(outcomes: Totals) -> float:
    """Net PnL over volume of all runs together."""
    volume = sum(one["totals"]["volume"] for one in outcomes)
    return 1e4 * sum(one["totals"]["pnl"] for one in outcomes) / volume if volume else float("-inf")


def fills(outcomes: Totals) -> int:
    """Fills of all runs together."""
    return sum(one["totals"]["fills"] for one in outcomes)


def judged(name: str, ours: Totals, other: Totals) -> dict[str, Any]:
    """Measures of ours (B) against the other (A), and the gate's verdict."""
    found = compare.measures([one for pair in zip(other, ours, strict=True) for one in pair], "pair")
    share = found["volume"]["b"] / found["volume"]["a"] if found["volume"]["a"] else float("nan")
    least = LEAST_SHARE_OF_VOLUME.get(name, 0.5)
    if name == "cascade":
        lost = min(found["net_pnl"]["a"], 0.0)
        passes = share >= least and found["net_pnl"]["b"] >= 0.5 * lost
    else:
        low = found["net_pnl_per_notional"]["low"]
        passes = share >= least and low is not None and low > 0.0 and found["two_sided"]["b"] >= 0.5
    return {"measures": found, "volume_share": share, "passes": passes}


def accept(name: str, ours: config.Config, seeds: int, minutes: float) -> dict[str, Any]:
    """Tune the constant maker, then compare on other seeds."""
    grid = list(itertools.product(WIDTHS_BPS, SKEWS_BPS))
    tuning, fresh = range(TUNING, TUNING + seeds), range(ACCEPTANCE, ACCEPTANCE + seeds)
    makers = [constant(width, skew) for width, skew in grid]
    *tuned, mine = played([*((maker, tuning) for maker in makers), (ours, tuning)], name, minutes)
    best = max(range(len(grid)), key=lambda i: per_notional_bps(tuned[i]))
    alike = min(range(len(grid)), key=lambda i: abs(fills(tuned[i]) - fills(mine)))
    a, b, c = played([(makers[best], fresh), (ours, fresh), (makers[alike], fresh)], name, minutes)
    return {
        "scenario": name,
        "hash": scenarios.load(name).hash,
        "pairs": seeds,
        "minutes": minutes,
        "grid": {f"{w:g}/{s:g}": round(per_notional_bps(t), 3) for (w, s), t in zip(grid, tuned, strict=True)},
        "best": {"half_spread_bps": grid[best][0], "skew_bps": grid[best][1], **judged(name, b, a)},
        "alike": {"half_spread_bps": grid[alike][0], "skew_bps": grid[alike][1], **judged(name, b, c)},
    }


def show(found: dict[str, Any]) -> None:
    """A scenario's figures in a few lines."""
    best, alike = found["best"], found["alike"]
    net, adverse = best["measures"]["net_pnl_per_notional"], alike["measures"]["adverse_selection"]
    fills_of = alike["measures"]["fills"]
    print(
        f"{found['scenario']}: best constant {best['half_spread_bps']:g} bps, skew {best['skew_bps']:g}:"
        f" net {net['a']:+.2f} bps a notional; ours {net['b']:+.2f}, difference {net['difference']:+.2f}"
        f" [{net['low']:+.2f}, {net['high']:+.2f}], volume {best['volume_share']:.2f} of its,"
        f" two-sided {best['measures']['two_sided']['b']:.0%}, net {best['measures']['net_pnl']['a']:+.2f} and"
        f" {best['measures']['net_pnl']['b']:+.2f} an hour: {'passes' if best['passes'] else 'DOES NOT PASS'}\n"
        f"  at like fills ({alike['half_spread_bps']:g} bps, {fills_of['a']:.1f} and {fills_of['b']:.1f} an hour):"
        f" adverse selection {adverse['a']:.2f} and {adverse['b']:.2f} bps",
        flush=True,
    )


def main() -> None:
    """Play, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--config", type=Path, default=None)
    parser.add_argument("--save", type=Path, default=None)
    given = parser.parse_args()
    found = []
    for name in given.scenarios.split(","):
        found.append(accept(name, config.load(given.config), given.seeds, given.minutes))
        show(found[-1])
    if given.save:
        given.save.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
