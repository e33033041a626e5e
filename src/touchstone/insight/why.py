"""The terminal answer to "why this quote": one order, every term and input behind it, and what became of it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

MISSING = "n/a"
Document = Mapping[str, Any]


def print_why(document: Document, console: Console) -> None:
    """Print the answer (docs/json.md) in 100 columns."""
    console.print(render(document))


def render(document: Document) -> RenderableType:
    """Sentence, terms, inputs, predictions, outcome."""
    blocks: list[RenderableType] = [Text(sentence(document))]
    decision = document["decision"]
    parts: list[tuple[str, RenderableType]] = []
    if decision is None:
        blocks.append(Text("Its decision is not in the tables of the session."))
    else:
        parts += [("Terms of the half-spread, bps", terms_table(decision)), ("Inputs", inputs_table(decision))]
    parts += [("What was predicted, what came", predictions_table(document)), ("Fills", fills_table(document))]
    for title, body in parts:
        blocks += [Text(f"\n{title}", style="bold"), Padding(body, (0, 0, 0, 2))]
    return Group(*blocks)


def sentence(document: Document) -> str:
    """Which order, why at all, and how it ended."""
    order, decision, outcome = document["order"], document["decision"], document["outcome"]
    what = f"{order['side']} {order['qty']:g} {order['coin']} at {order['px']:g}"
    how = order["sent"] + (f" of {order['replaces']}" if order["replaces"] else "")
    lines = [f"Order {order['cloid']}: {what}, {how}, because: {order['reason']}."]
    if decision is not None:
        level = "" if decision["level"] is None else f", level {decision['level']}"
        value = _number(decision["value_bps"], "+.3f")
        lines.append(
            f"Decision {decision['quote_id']} ({decision['trigger']}), risk {decision['risk_state']}, position "
            f"{decision['position']:g}, mid {decision['mid']:g}{level}; value of the level {value} bps."
        )
        lines.append(f"Gate: {_gate(decision)}.")
    after = outcome["after_s"]
    when = "" if after is None else f" after {after:.2f} s"
    lines.append(f"It ended: {outcome['ended']}{when}; filled {outcome['filled']:g}.")
    return "\n".join(lines)


def _gate(decision: Document) -> str:
    gate = decision["gate"]
    chance = "" if gate["propensity"] is None else f", quoted all the same by lot, chance {gate['propensity']:g}"
    return f"{gate['state']}{chance}; P(fills of the side lose in a hot market) {_number(gate['p_loss'], '.3f')}"


def terms_table(decision: Document) -> RenderableType:
    """Every term; for a model's what it asked for, its influence, and what of its caution counts."""
    columns = ("bps", "asked", "influence", "careful")
    table = _table(("term", "left"), *((name, "right") for name in columns), ("", "left"))
    for term in decision["terms"]:
        shares = (_number(term[key], ".0%") for key in ("influence", "careful_share"))
        asked = _number(term["asked_bps"], "+.3f")
        table.add_row(term["term"], _number(term["bps"], "+.3f"), asked, *shares, term["model"] or "")
    table.add_row("half-spread", _number(decision["half_spread_bps"], "+.3f"), "", "", "", "")
    table.add_row("without models", _number(decision["model_free_bps"], "+.3f"), "", "", "", "")
    legend = "asked: what the model would have; influence: share of that it had; careful: what of its caution counts"
    return Group(table, Text(legend))


def inputs_table(decision: Document) -> RenderableType:
    """Every estimate and signal, and how old its news was."""
    table = _table(("input", "left"), ("value", "right"), ("", "left"), ("age, s", "right"), ("news of", "left"))
    for row in decision["inputs"]:
        age = _number(row["age_s"], ".3f")
        table.add_row(row["name"], _number(row["value"], ".5g"), row["unit"], age, row["news"] or "what was learned")
    return table


def predictions_table(document: Document) -> RenderableType:
    """Each frozen forecast beside its baseline and its outcome."""
    if not document["predictions"]:
        return Text("no data: the order carried no prediction")
    columns = ("forecast", "baseline", "outcome", "after, s")
    table = _table(("prediction", "left"), *((name, "right") for name in columns), ("decided by", "left"))
    for made in document["predictions"]:
        head = f"{made['prediction_id']} ({made['kind']}, model version {made['model_version']})"
        table.add_row(head, "", "", "", "", "")
        for row in made["outcomes"]:
            cells = (_number(row[key], "+.4f") for key in ("forecast", "baseline", "outcome"))
            table.add_row(f"  {row['target']}", *cells, f"{row['after_s']:.1f}", row["decided"])
    return table


def fills_table(document: Document) -> RenderableType:
    """What was filled, and the mid after it."""
    fills = document["outcome"]["fills"]
    if not fills:
        return Text("none")
    columns = ("price", "size", "fee", "depth, bps")
    table = _table(("fill", "left"), *((name, "right") for name in columns), ("", "left"))
    for row in fills:
        depth = _number(row["depth_bps"], "+.2f")
        after = "  ".join(f"{m['horizon_s']:g} s {_number(m['realised_bps'], '+.2f')}" for m in row["markouts"])
        table.add_row(str(row["fill_id"]), f"{row['px']:g}", f"{row['qty']:g}", f"{row['fee']:.6f}", depth, after)
    return Group(table, Text("behind the depth: realised half-spread in bps, positive = good for us"))


def _number(value: Any, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) and abs(value) < float("inf") else MISSING


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(title for title, _ in columns))
    for title, side in columns:
        table.add_column(title, justify=side, no_wrap=side == "right", overflow="fold")
    return table
