"""How often a comparison of a configuration with itself, under seeds that share nothing, finds an effect (it has none).

Not about speed. `python -m benchmarks.aa [COMPARISONS [PAIRS [MINUTES]]]`
"""

import sys
import time
from collections.abc import Iterable, Iterator
from statistics import NormalDist
from typing import Any

import numpy as np

from touchstone import config
from touchstone.backtest import compare
from touchstone.insight import paired

SCENARIO = "normal"
REGROUPED = 3000


def runs_of(comparisons: int, pairs: int, minutes: float) -> list[dict[str, Any]]:
    """Outcomes of A and B in turn: one configuration, every seed different."""
    settings = config.load(None)
    seeds = [(2 * i, 2 * i + 1) for i in range(comparisons * pairs)]
    return compare.run_all(compare.seed_runs(settings, settings, SCENARIO, seeds, minutes), _say)


def rejections(groups: Iterable[list[dict[str, Any]]]) -> dict[str, tuple[int, int]]:
    """By measure: comparisons whose interval leaves out zero, and comparisons that have an interval."""
    found = {m.name: (0, 0) for m in compare.MEASURES}
    for group in groups:
        for name, effect in compare.measures(group, "pair").items():
            rejected, known = found[name]
            wrong = effect["verdict"] in ("higher", "lower")
            found[name] = (rejected + wrong, known + (effect["low"] is not None))
    return found


def regrouped(outcomes: list[dict[str, Any]], size: int, seed: int = 0) -> Iterator[list[dict[str, Any]]]:
    """The same runs dealt out anew, so that the rate is known better than disjoint comparisons tell it."""
    chance = np.random.default_rng(seed)
    for _ in range(REGROUPED):
        yield [outcomes[i] for i in chance.choice(len(outcomes), size, replace=False)]


def report(comparisons: int = 100, pairs: int = 8, minutes: float = 5.0) -> None:
    """Print rejection rates beside the nominal one and what chance allows around it."""
    started = time.perf_counter()
    outcomes = runs_of(comparisons, pairs, minutes)
    size, nominal = 2 * pairs, 1.0 - paired.LEVEL
    disjoint = rejections(outcomes[at : at + size] for at in range(0, len(outcomes), size))
    anew = rejections(regrouped(outcomes, size))
    reach = NormalDist().inv_cdf(0.975) * (nominal * (1 - nominal) / comparisons) ** 0.5
    print(
        f"A against A, scenario {SCENARIO}: {comparisons} comparisons of {pairs} pairs of {minutes:g} min, all seeds "
        f"different, {time.perf_counter() - started:.0f} s\nnominal rate {nominal:.0%}, by chance up to "
        f"{nominal + reach:.1%}"
    )
    for name, (rejected, known) in disjoint.items():
        again, known_again = anew[name]
        if known == 0:
            print(f"  {name:22} no data")
            continue
        print(f"  {name:22} {rejected:3} of {known} = {rejected / known:6.1%}   regrouped {again / known_again:6.1%}")


def _say(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"{done} of {total} runs", file=sys.stderr, flush=True)


if __name__ == "__main__":
    report(*(kind(text) for kind, text in zip((int, int, float), sys.argv[1:], strict=False)))
