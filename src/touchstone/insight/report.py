"""The terminal report: from the result of a run (docs/json.md) to words, then tables.

Reads in 100 columns and without colour. What does not exist is shown as n/a, never as zero.
"""

import io
import re

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from touchstone.insight.challenge_tables import challenger_table
from touchstone.insight.climate_tables import regime_table, toxicity_table
from touchstone.insight.data_tables import data_table
from touchstone.insight.leash_tables import adverse_table, edge_table, gate_table, influence_table
from touchstone.insight.sentences import calibration_line, sentences
from touchstone.insight.tables import (
    evidence_table,
    lead_lag_table,
    markout_table,
    model_table,
    pnl_table,
    quote_table,
    variant_table,
)
from touchstone.insight.words import Result

WIDTH = 100


def print_report(result: Result, console: Console) -> None:
    """Print the report of one run."""
    console.print(render(result))


def draw_report(result: Result, title: str) -> str:
    """The report as an SVG picture of the terminal; it names no font or address that would have to be fetched."""
    console = Console(width=WIDTH, record=True, file=io.StringIO(), highlight=False)
    print_report(result, console)
    template = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("    <!-- Generated with Rich https://www.textualize.io -->\n", "")
    return console.export_svg(title=title, code_format=template, unique_id="report")


def render(result: Result) -> RenderableType:
    """The report of one run; every part but the challenger's appears, with the reason where it has no data."""
    parts: list[tuple[str, RenderableType]] = [
        ("", Text("\n".join(sentences(result)))),
        ("Where the money went", pnl_table(result)),
        ("Markout: the mid after our fills, bps, positive = good for us", markout_table(result)),
        ("Models: does each beat its baseline?", model_table(result)),
        ("What is behind the scores", evidence_table(result)),
        ("Lead-lag: does the reference venue lead?", lead_lag_table(result)),
        ("Kinds of market: regime, change point, funding", regime_table(result)),
        ("Toxicity: predicted against what became of the fills", toxicity_table(result)),
        ("How far the models may go", influence_table(result)),
        ("Adverse selection and depth", adverse_table(result)),
        ("What our fills earn, by context", edge_table(result)),
        ("The gate", gate_table(result)),
        ("Quotes", quote_table(result)),
        ("Under other assumptions", variant_table(result)),
        ("Data", data_table(result)),
    ]
    if result.get("challenger"):  # of a change of [models] only
        parts.append(("The challenger: other settings of the models beside", challenger_table(result)))
    blocks: list[RenderableType] = []
    for title, body in parts:
        if title:
            blocks.append(Text(f"\n{title}", style="bold"))
        blocks.append(Padding(body, (0, 0, 0, 2)) if title else body)
    blocks.append(Text(f"\n{calibration_line(result)}"))
    if digest := result.get("digest"):
        blocks.append(Text(f"\ndigest {digest}"))
    return Group(*blocks)
