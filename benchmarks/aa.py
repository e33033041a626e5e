"""How often a comparison of a configuration with itself, under seeds that share nothing, finds an effect (it has none).

Not about speed. `python -m benchmarks.aa [COMPARISONS [PAIRS [MINUTES]]]`
"""

import sys
import time
from statistics import NormalDist

from touchstone import config
from touchstone.backtest import compare
from touchstone.insight import paired


def rejections(comparisons: int, pairs: int, minutes: float) -> dict[str, tuple[int, int]]:
    """By measure: comparisons whose interval leaves out zero, and comparisons that have an interval."""
    settings = config.load(None)
    count = 2 * pairs
    seeds = [(2 * i, 2 * i + 1) for i in range(comparisons * pairs)]
    runs = compare.seed_runs(settings, settings, seeds, minutes)
    outcomes = compare.run_all(runs, _say)
    found = {m.name: (0, 0) for m in compare.MEASURES}
    for first in range(0, len(outcomes), count):
        for name, effect in compare.measures(outcomes[first : first + count], "pair").items():
            rejected, known = found[name]
            wrong = effect["verdict"] in ("higher", "lower")
            found[name] = (rejected + wrong, known + (effect["low"] is not None))
    return found


def report(comparisons: int = 100, pairs: int = 8, minutes: float = 5.0) -> None:
    """Print rejection rates beside the nominal one and what chance allows around it."""
    started = time.perf_counter()
    found = rejections(comparisons, pairs, minutes)
    nominal = 1.0 - paired.LEVEL
    print(
        f"A against A: {comparisons} comparisons of {pairs} pairs of {minutes:g} min, all seeds different, "
        f"{time.perf_counter() - started:.0f} s; nominal rate {nominal:.0%}"
    )
    for name, (rejected, known) in found.items():
        if known == 0:
            print(f"  {name:22} no data")
            continue
        reach = NormalDist().inv_cdf(0.975) * (nominal * (1 - nominal) / known) ** 0.5
        band = f"{max(nominal - reach, 0.0):.1%} to {nominal + reach:.1%}"
        print(f"  {name:22} {rejected:4} of {known} = {rejected / known:6.1%}  (95 % of such counts: {band})")


def _say(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"{done} of {total} runs", file=sys.stderr, flush=True)


if __name__ == "__main__":
    report(*(kind(text) for kind, text in zip((int, int, float), sys.argv[1:], strict=False)))
