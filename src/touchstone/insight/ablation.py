"""The terminal report of an ablation (docs/json.md): what each model is worth, all others in place."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

MISSING = "n/a"
COLUMNS = (  # key, title, format, factor
    ("edge_per_fill", "edge/fill, bps", "+.2f", 1.0),
    ("net_pnl_per_notional", "net PnL/notional, bps", "+.2f", 1.0),
    ("adverse_selection", "adverse sel., bps", "+.2f", 1.0),
    ("informed_fills", "informed, points", "+.1f", 100.0),
    ("fills", "fills/h", "+.1f", 1.0),
)

Document = Mapping[str, Any]


def print_ablation(document: Document, console: Console) -> None:
    """Print one ablation, in 100 columns."""
    console.print(render(document))


def render(document: Document) -> RenderableType:
    """What was run, the table, how to read it."""
    blocks: list[RenderableType] = [Text(what(document)), Padding(table(document), (1, 0, 0, 2))]
    blocks.append(Text(f"\n{reading(document)}"))
    blocks += [Text(f"NOTE: {words}") for words in document["caveats"]]
    blocks += [Text(f"PROBLEM: {words}") for words in document["problems"]]
    return Group(*blocks)


def what(document: Document) -> str:
    """Which markets were run, and how often."""
    market = document["market"]
    runs = len(document["runs"])
    return (
        f"{document['coin']}, scenario {market['scenario']}, {document['pairs']} seeds from {market['seeds'][0]}, "
        f"{market['minutes']:g} min each, {runs} runs: each model on minus off, the others as they are."
    )


def table(document: Document) -> RenderableType:
    """One line a model: what switching it on changes, with the interval beneath."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("model")
    for _, title, _, _ in COLUMNS:
        made.add_column(title, justify="right")
    made.add_column("is")
    for model, measures in document["models"].items():
        rows = [measures[key] for key, _, _, _ in COLUMNS]
        shown = [_number(row["difference"], form, factor) for row, (_, _, form, factor) in _with(rows)]
        spans = [_span(row, form, factor) for row, (_, _, form, factor) in _with(rows)]
        made.add_row(model, *shown, worth(measures))
        made.add_row("", *(Text(span) for span in spans), "")
    return made


def _with(rows: list[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], tuple[str, str, str, float]]]:
    return list(zip(rows, COLUMNS, strict=True))


def worth(measures: Mapping[str, Any]) -> str:
    """Whether it earns its place, by net PnL per notional and else by edge per fill."""
    for key in ("net_pnl_per_notional", "edge_per_fill"):
        row = measures[key]
        if row["verdict"] in ("higher", "lower"):
            return "worth it" if row["verdict"] == "higher" else "harmful"
    return "same" if measures["edge_per_fill"]["verdict"] == "same" else "not shown"


def reading(document: Document) -> str:
    """How to read the table."""
    return (
        f"Beneath each difference its {document['confidence']:.0%} interval. worth it, harmful: the interval of net "
        "PnL per notional, or else of edge per fill, leaves 0 out; not shown: neither does. Of many models some leave "
        "it out by chance."
    )


def _number(value: float | None, form: str, factor: float) -> str:
    return MISSING if value is None else format(value * factor, form)


def _span(row: Mapping[str, Any], form: str, factor: float) -> str:
    if row["low"] is None:
        return MISSING
    return f"[{_number(row['low'], form, factor)}, {_number(row['high'], form, factor)}]"
