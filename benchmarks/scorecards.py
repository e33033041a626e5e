"""Scorecards of every model over several recordings, with the sample that would prove each, as tables of the docs.

    touchstone backtest RECORDING --coin COIN --json > COIN.json
    python -m benchmarks.scorecards COIN.json ...

A verdict needs 300 independent outcomes and an e-value of 20, so what would prove a model is told in hours of such a
market, the longest of three: until n_eff is 300; until a skill of this size is told from zero in 80 % of the cases
(where it has an interval); until the e-value is 20 at the pace of its logarithm so far. Where the e-value has not risen
yet the third is not known and the figure is a lower bound (>). A skill below zero is not going to be proven.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

FEWEST_EFFECTIVE = 300.0
PROOF, RISEN = 20.0, 1.01  # e-values
Z90, Z80 = 1.6448536269514722, 0.8416212335729143


def hours_to_prove(card: dict[str, Any], hours: float) -> str:
    """Hours of such a market until the verdict can stand, in words."""
    n_eff, skill, e_value = card["n_eff"], card["bss"], card["e_skill"]
    if card["verdict"] == "ADDS VALUE":
        return "proven"
    if not n_eff or skill is None or skill <= 0.0:
        return "no skill yet"
    needed = max(FEWEST_EFFECTIVE / n_eff, 1.0)
    if card["bss_low"] is not None:
        error = (card["bss_high"] - card["bss_low"]) / (2.0 * Z90)
        needed = max(needed, ((Z90 + Z80) * error / skill) ** 2)
    rises = e_value is not None and e_value > RISEN
    if rises:
        needed = max(needed, math.log(PROOF) / math.log(e_value))
    return f"{'' if rises else '> '}{hours * needed:.1f}"


def row(name: str, card: dict[str, Any], hours: float) -> str:
    """A line of the table."""
    low, high = card["bss_low"], card["bss_high"]
    interval = "n/a" if low is None else f"[{low:+.3f}, {high:+.3f}]"
    skill = "n/a" if card["bss"] is None else f"{card['bss']:+.3f}"
    e_value = "n/a" if card["e_skill"] is None else f"{card['e_skill']:.3g}"
    n_eff = "n/a" if card["n_eff"] is None else f"{card['n_eff']:.0f}"
    cells = (
        *(f"`{name}`", f"{card['n']:,}", n_eff, f"{skill} {interval}", e_value, card["verdict"]),
        hours_to_prove(card, hours),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print a table for each result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    for path in parser.parse_args().results:
        result = json.loads(path.read_text())
        hours = result["span_s"] / 3600.0
        fills = f"{result['fills']} fills, {result['pnl']['total']:+.3f} {result['currency']}"
        print(f"**{path.stem}**: {60 * hours:.1f} min, {fills}\n")
        print("| model | n | n_eff | skill, 90 % | e-value | verdict | hours to prove it |")
        print("|---|---|---|---|---|---|---|")
        silent = [f"`{name}`" for name, card in result["models"].items() if not card["n"]]
        for name, card in result["models"].items():
            if card["n"]:
                print(row(name, card, hours))
        print(f"\nNO DATA: {', '.join(silent) or 'none'}.\n")


if __name__ == "__main__":
    main()
