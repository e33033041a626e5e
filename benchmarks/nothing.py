"""What models cost where there is nothing for them to see: all of them on, against none.

`python -m benchmarks.nothing [--shuffled SCENARIO] [--first 1] [--pairs 50] [--minutes 60] [--jobs N] [--save FILE]`

Either a market without information (benchmarks/scenarios/nothing.toml: volatility constant, no jumps, takers at random,
the leader heard eight seconds late), or with --shuffled any market and the models' inputs shuffled in time (the setting
`inputs`: signals of another minute). Gates of the issue: net PnL per notional, models on minus the model-free
price, has a lower bound above -0.2 bps and a minimum detectable effect of at most 0.2 bps; nobody's influence on a
quote is ever above 0. PnL is less drift (see acceptance).
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.acceptance import LESS_DRIFT, NOTHING_BELIEVED, interval
from touchstone import config
from touchstone.backtest import compare
from touchstone.backtest import scenario as scenarios
from touchstone.backtest.reactive import TRUTH, Reactive
from touchstone.core.targets import N_TARGETS, TARGET_NAMES
from touchstone.data.units import coin_of
from touchstone.insight import paired
from touchstone.session import result
from touchstone.session.sinks import Truth

MARKET = Path(__file__).parent / "scenarios" / "nothing.toml"


class Watch:
    """The largest influence that each model had on a quote."""

    def __init__(self) -> None:
        self.most = np.zeros(N_TARGETS)
        self.truth = Truth()

    def take(self, table: str, rows: Any) -> None:
        """Look at quotes and fills."""
        if table == TRUTH:
            self.truth.take(table, rows)
        if table == "quotes":
            self.most = np.maximum(self.most, np.asarray(rows["influence"]).max(axis=0))


def played(task: tuple[config.Config, str, float]) -> dict[str, Any]:
    """One session: its sums, and the largest influence of each model that ever had any."""
    settings, market, minutes = task
    decimals, watch = coin_of(settings.market.coin).sz_decimals, Watch()
    session = Reactive(settings, decimals, scenarios.load(market), seed=settings.seed, digest=False)
    session.sinks.append(watch)
    session.run(minutes)
    totals = result.totals(session, settings)
    totals["pnl_less_drift"] = totals["pnl"] - watch.truth.drift(float(session.world[0].latent.px))
    had = {name: float(most) for name, most in zip(TARGET_NAMES, watch.most, strict=True) if most > 0.0}
    return {"blocks": [totals], "totals": totals, "influence": had, "problems": session.problems()}


def main() -> None:
    """Play, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shuffled", metavar="SCENARIO", default=None)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--config", type=Path, default=None)
    parser.add_argument("--save", type=Path, default=None)
    given = parser.parse_args()
    ours = config.load(given.config)
    if given.shuffled:
        ours = ours.model_copy(update={"models": ours.models.model_copy(update={"inputs": "shuffled"})})
    makers = config.parse(NOTHING_BELIEVED), ours
    tasks = [
        (maker.model_copy(update={"seed": given.first + number}), given.shuffled or str(MARKET), given.minutes)
        for number in range(given.pairs)
        for maker in makers
    ]
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        outcomes = list(pool.map(played, tasks))
    net = asdict(paired.over_pairs(compare.sums_of(LESS_DRIFT, outcomes)))
    measures = compare.measures(outcomes, "pair")
    influence: dict[str, float] = {}
    for outcome in outcomes:
        for name, most in outcome["influence"].items():
            influence[name] = max(influence.get(name, 0.0), most)
    sessions = {name: sum(name in one["influence"] for one in outcomes[1::2]) for name in influence}
    an_hour = measures["fills"]
    problems = [words for one in outcomes for words in one["problems"]]
    found = {"net": net, "measures": measures, "influence": influence, "sessions": sessions, "problems": problems}
    detectable = net["minimum_detectable"]
    where = f"shuffled inputs, {given.shuffled}" if given.shuffled else "nothing to see"
    print(
        f"{where}, {given.pairs} pairs: net PnL less drift, model-free {net['a']:+.2f}, with models"
        f" {net['b']:+.2f} bps, difference {interval(net)}, could see"
        f" {'n/a' if detectable is None else format(detectable, '.2f')}\n"
        f"fills an hour {an_hour['a']:.1f} and {an_hour['b']:.1f};"
        f" largest influence {influence or 'none'}, in sessions {sessions or 'none'}; problems {problems or 'none'}"
    )
    if given.save:
        given.save.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
