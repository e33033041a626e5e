"""Scorecards of every model over several recordings, with the sample that would prove each, as tables of the docs.

    touchstone backtest RECORDING --coin COIN --json > COIN.json
    python -m benchmarks.scorecards COIN.json ...

A model's verdict needs 300 independent outcomes and an e-value of 20; what proves it is therefore told in hours: the
time in which n_eff reaches 300 at the recording's pace, and, where the skill has an interval, that in which this skill
would be told from zero in 80 % of the cases. The longer of the two stands in the table. A skill below zero is not
going to be proven, whatever the sample.
"""

import argparse
import json
from pathlib import Path
from typing import Any

FEWEST_EFFECTIVE = 300.0
Z90, Z80 = 1.6448536269514722, 0.8416212335729143


def hours_to_prove(card: dict[str, Any], hours: float) -> float | None:
    """Hours of such a market until the verdict can stand; None where skill is not above zero or nothing is known."""
    n_eff, skill = card["n_eff"], card["bss"]
    if not n_eff or skill is None or skill <= 0.0:
        return None
    needed = hours * max(FEWEST_EFFECTIVE / n_eff, 1.0)
    if card["bss_low"] is not None:
        error = (card["bss_high"] - card["bss_low"]) / (2.0 * Z90)
        needed = max(needed, hours * ((Z90 + Z80) * error / skill) ** 2)
    return needed


def row(name: str, card: dict[str, Any], hours: float) -> str:
    """A line of the table."""
    if not card["n"]:
        return f"| `{name}` | 0 | | | | NO DATA | |"
    low, high = card["bss_low"], card["bss_high"]
    interval = "n/a" if low is None else f"[{low:+.3f}, {high:+.3f}]"
    skill = "n/a" if card["bss"] is None else f"{card['bss']:+.3f}"
    needed = hours_to_prove(card, hours)
    proof = "" if card["verdict"] == "ADDS VALUE" else "no skill yet" if needed is None else f"{needed:.1f}"
    e_value = "n/a" if card["e_skill"] is None else f"{card['e_skill']:.3g}"
    n_eff = "n/a" if card["n_eff"] is None else f"{card['n_eff']:.0f}"
    return f"| `{name}` | {card['n']:,} | {n_eff} | {skill} {interval} | {e_value} | {card['verdict']} | {proof} |"


def main() -> None:
    """Print a table for each result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    for path in parser.parse_args().results:
        result = json.loads(path.read_text())
        hours = result["span_s"] / 3600.0
        fills = f"{result['fills']} fills, {result['pnl']['total']:+.3f} {result['currency']}"
        print(f"**{result['coin']}**, {path.stem}: {60 * hours:.1f} min, {fills}\n")
        print("| model | n | n_eff | skill, 90 % | e-value | verdict | hours to prove it |")
        print("|---|---|---|---|---|---|---|")
        for name, card in result["models"].items():
            print(row(name, card, hours))
        print()


if __name__ == "__main__":
    main()
