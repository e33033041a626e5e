"""What the terminal shows of two sessions beside each other, and of a folder of sessions."""

from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from touchstone.insight.page.side_by_side import judged, short, with_interval
from touchstone.insight.page.weekly import sentences
from touchstone.insight.settings import told
from touchstone.insight.tables import plain_table
from touchstone.insight.words import count, duration, interval, number


def comparison(found: dict[str, Any]) -> RenderableType:
    """A document of `insight/side_by_side.py`."""
    table = plain_table(("", "left"), ("A", "right"), ("B", "right"), ("B - A", "right"), ("B is", "left"))
    rows = [
        *found["measures"].values(),
        *({"words": f"skill of {name}", "unit": "", **effect} for name, effect in found["skill"].items()),
    ]
    for row in rows:
        unit = row["unit"].replace("money", found["currency"])
        words = row["words"] + (f", {unit}" if unit else "")
        table.add_row(words, short(row["a"]["mean"]), short(row["b"]["mean"]), with_interval(row["difference"], "+"),
                      judged(row))  # fmt: skip
    settings = "\n".join(f"{row['setting']}: A {told(row['a'])}, B {told(row['b'])}" for row in found["differences"])
    return Group(
        Text(f"A {found['a']}\nB {found['b']}\n"),
        Padding(table, (0, 0, 0, 2)),
        Text(f"\nSettings that differ\n{settings or 'none'}"),
        *(Text(f"NOTE: {words}") for words in found["caveats"]),
    )


def week(found: dict[str, Any]) -> RenderableType:
    """A document of `insight/weekly.py`."""
    sessions = plain_table(
        ("session", "left"), ("day", "left"), ("length", "right"), ("fills", "right"), ("PnL", "right"),
        ("edge, bps", "right"), ("settings", "left"),
    )  # fmt: skip
    for row in found["sessions"]:
        sessions.add_row(row["session"], row["day"], duration(row["span_s"]), count(row["fills"]),
                         number(row["pnl"], "+,.4f"), number(row["edge_bps"], "+.2f"), row["settings"])  # fmt: skip
    models = plain_table(("model", "left"), *((name, "right") for name in ("n", "skill", "90 %", "a day", "bias")))
    for name, model in found["models"].items():
        overall, trend = model["all"], model["skill_trend"]
        models.add_row(
            name, count(overall["n"]), number(overall["skill"], "+.3f"),
            interval(overall["skill_low"], overall["skill_high"], "+.3f"),
            number(trend["per_day"] if trend else None, "+.4f"), short(overall["bias"], "+"),
        )  # fmt: skip
    changes = [
        f"{change['from']} -> {change['to']}: "
        + "; ".join([f"{row['setting']} {told(row['a'])} -> {told(row['b'])}" for row in change["settings"]]
                    + ["compiled sources"] * change["core"] + ["version of the models"] * change["models"])
        for change in found["changes"]
    ]  # fmt: skip
    return Group(
        Text("\n".join(sentences(found))),
        Text("\nModels, all days together", style="bold"),
        Padding(models, (0, 0, 0, 2)),
        Text("\nSessions", style="bold"),
        Padding(sessions, (0, 0, 0, 2)),
        Text("\nWhat changed", style="bold"),
        Text("\n".join(changes) or "nothing"),
    )
