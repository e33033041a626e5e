"""The terminal report of a paired comparison (docs/json.md): what differs, what that did, what could have been seen.

Reads in 100 columns and without colour. What does not exist is shown as n/a, never as zero.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

MISSING = "n/a"
LINES = (  # key, words and unit (money: the collateral's name), format, factor
    ("edge_per_fill", "edge per fill, bps", ".2f", 1.0),
    ("edge_per_notional", "edge / notional, bps", ".2f", 1.0),
    ("adverse_selection", "adverse selection, bps", ".2f", 1.0),
    ("toxic_fills", "toxic fills, %", ".1f", 100.0),
    ("informed_fills", "informed fills, %", ".1f", 100.0),
    ("fills", "fills/h", "", 1.0),
    ("volume", "volume, money/h", "", 1.0),
    ("requests", "requests/h", "", 1.0),
    ("two_sided", "two-sided, % of the time", ".0f", 100.0),
    ("inventory", "inventory, money", "", 1.0),
    ("net_pnl_per_notional", "net PnL / notional, bps", ".2f", 1.0),
    ("net_pnl", "net PnL, money/h", ".2f", 1.0),
)

Document = Mapping[str, Any]


def print_comparison(document: Document, console: Console) -> None:
    """Print one comparison."""
    console.print(render(document))


def render(document: Document) -> RenderableType:
    """The report of one comparison."""
    blocks: list[RenderableType] = [Text(what(document)), Text(f"Edge per fill: {edge_sentence(document)}")]
    for title, body in (("What differs", settings_table(document)), ("What it did", effect_table(document))):
        blocks += [Text(f"\n{title}", style="bold"), Padding(body, (0, 0, 0, 2))]
    blocks.append(Text(f"\n{reading(document)}"))
    blocks += [Text(f"NOTE: {words}") for words in document["caveats"]]
    blocks += [Text(f"PROBLEM: {words}") for words in document["problems"]]
    return Group(*blocks)


def what(document: Document) -> str:
    """Which markets were run."""
    market, pairs = document["market"], document["pairs"]
    count = "1 pair" if pairs == 1 else f"{pairs} pairs"
    if market["kind"] == "tape":
        names = [PurePath(path).name for path in market["tapes"]]
        where = f"tape{'s' if len(names) > 1 else ''} {', '.join(names)}"
    else:
        seeds = market["seeds"]
        numbers = f"{seeds[0]} to {seeds[-1]}" if seeds == list(range(seeds[0], seeds[0] + len(seeds))) else "as listed"
        where = f"scenario {market['scenario']}, {market['minutes']:g} min each, seeds {numbers}"
    return f"{document['coin']}, B against A, {count}: {where}."


def edge_sentence(document: Document) -> str:
    """What happened to edge per fill, in words."""
    edge, level = document["measures"]["edge_per_fill"], document["confidence"]
    if edge["difference"] is None:
        return "no data, because " + " and ".join(f"{side} had no fill" for side in "AB" if edge[side.lower()] is None)
    changed = f"{edge['difference']:+.2f} bps under B"
    if edge["low"] is None:
        unit = document["resampled"]["unit"]
        return f"{changed}, without an interval: {edge['n']} {unit}s with fills are too few to say more."
    span = f"{level:.0%} interval {edge['low']:+.2f} to {edge['high']:+.2f}"
    match edge["verdict"]:
        case "same":
            return "exactly the same."
        case "unclear":
            return (
                f"{changed}, {span}: cannot be told from no effect; an effect of "
                f"{edge['minimum_detectable']:.2f} bps would be seen in {document['power']:.0%} of such comparisons."
            )
    return f"{changed}, {span}: B is {_judged(edge)}."


def settings_table(document: Document) -> RenderableType:
    """Settings of A and B that are not the same."""
    if not document["differences"]:
        return Text("nothing: A and B are the same configuration")
    table = _table(("setting", "left"), ("A", "right"), ("B", "right"))
    for row in document["differences"]:
        table.add_row(Text(row["setting"]), _setting(row["a"]), _setting(row["b"]))
    return table


def effect_table(document: Document) -> RenderableType:
    """Every measure under A and B, the difference, its interval, and what could have been seen."""
    unit, level = document["resampled"]["unit"], document["confidence"]
    titles = ("A", "B", "B - A", f"{level:.0%} interval", "could see", f"{unit}s")
    table = _table(("measure", "left"), *((title, "right") for title in titles), ("B is", "left"))
    for key, words, form, factor in LINES:
        row = document["measures"][key]
        a, b, see = (_number(row[name], factor, form) for name in ("a", "b", "minimum_detectable"))
        difference, low, high = (_number(row[name], factor, form, "+") for name in ("difference", "low", "high"))
        span = MISSING if row["low"] is None else f"[{low}, {high}]"
        label = words.replace("money", document["currency"])
        table.add_row(label, a, b, difference, Text(span), see, str(row["n"]), _judged(row))
    return table


def reading(document: Document) -> str:
    """How to read the table."""
    power, chance = document["power"], 1.0 - document["confidence"]
    unit = document["resampled"]["unit"]
    known = [row for row in document["measures"].values() if row["low"] is not None]
    found = sum(row["verdict"] in ("higher", "lower") for row in known)
    return (
        f"could see: the true effect that is told from zero in {power:.0%} of such comparisons (two-sided "
        f"{chance:.0%}). {unit}s: those with data. {found} of {len(known)} measures differ; without any effect "
        f"{chance * len(known):.1f} are expected to: decide beforehand which one counts."
    )


def _judged(row: Mapping[str, Any]) -> str:
    """Better or worse where that is known, else higher or lower; the verdict where there is no difference."""
    verdict = str(row["verdict"])
    if verdict == "no interval":
        return MISSING
    if verdict not in ("higher", "lower") or row["better"] is None:
        return verdict
    return "better" if verdict == row["better"] else "worse"


def _number(value: float | None, factor: float, form: str, sign: str = "") -> str:
    """A number in the given format; without one in four digits or so, thousands as k and millions as M."""
    if value is None:
        return MISSING
    value *= factor
    if form:
        return format(value, sign + form)
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return format(value / (1e6 if letter == "M" else 1e3), f"{sign}.1f") + letter
    return format(value, f"{sign},.0f" if abs(value) >= 100.0 else f"{sign}.1f")


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, side in columns:
        table.add_column(title, justify=side, no_wrap=side == "right", overflow="fold")
    return table
