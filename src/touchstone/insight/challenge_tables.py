"""A challenger beside the incumbent, as tables: docs/json.md, `touchstone challenge`."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from touchstone.insight.tables import plain_table
from touchstone.insight.words import Result, count, interval, number

WORDS = {
    "WINS": "the challenger predicts better",
    "LOSES": "the challenger predicts worse",
    "NOT SHOWN": "neither is shown to be better",
    "WARMING": "too few time blocks to tell (under 30)",
    "NO DATA": "nothing that both predicted has an outcome",
}


def challenger_table(result: Result) -> RenderableType:
    """The challenger of a session."""
    found: Mapping[str, Any] = result["challenger"]
    return Group(Text("\n".join(sentences(found))), Text(""), target_table(found))


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What was changed, and what came of it."""
    changed = ", ".join(
        f"{name} {each['incumbent']} -> {each['challenger']}" for name, each in found["changed"].items()
    )
    lines = [f"[models] {changed}", f"{found['verdict']}: {WORDS[found['verdict']]}"]
    if note := found.get("note"):
        lines.append(str(note))
    return lines


def target_table(found: Mapping[str, Any]) -> RenderableType:
    """By target: verdict, gain of the challenger in the target's score per block, and the evidence both ways."""
    titles = ("blocks", "gain", "90 %", "detectable", "e better", "e worse")
    table = plain_table(("target", "left"), ("verdict", "left"), *((title, "right") for title in titles))
    for name, row in found["targets"].items():
        table.add_row(
            name,
            row["verdict"],
            count(row["blocks"]),
            number(row["gain"], "+.2g"),
            interval(row["low"], row["high"], "+.2g"),
            number(row["minimum_detectable"], ".2g"),
            number(row["e_better"], ".3g"),
            number(row["e_worse"], ".3g"),
        )
    return table


def print_challenge(document: Result, console: Console) -> None:
    """Print what `touchstone challenge` found."""
    sessions = ", ".join(document["sessions"])
    lines = [f"{document['coin']}, {document['events']:,} events of {sessions}", *sentences(document)]
    console.print(Text("\n".join(lines)), soft_wrap=True)
    console.print(Group(Text(""), target_table(document)))
