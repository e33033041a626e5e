"""Two sessions beside each other: what differs, every measure with its interval, and each picture twice."""

from collections.abc import Callable
from functools import partial
from typing import Any

from touchstone.insight.charts import bars
from touchstone.insight.findings import find
from touchstone.insight.page import fills, models, money, quotes, summary
from touchstone.insight.page.html import Panel, code, panel, table
from touchstone.insight.page.page import document, section
from touchstone.insight.readings.readings import Readings
from touchstone.insight.settings import told
from touchstone.insight.words import MISSING, is_number

PICTURES: tuple[tuple[str, str, Callable[[Readings], str]], ...] = (
    ("Where the money went", "Which line of the account made or lost it?", money.waterfall),
    ("Edge per fill", "What does a fill earn at 10 s, before and after the fee?", money.edge),
    ("Markout by side", "What was a fill worth later?", fills.by_side),
    ("Markout by depth", "Do fills far from the mid do better?", fills.by_depth),
    ("Fill rate by depth", "Does the fill model know what the bucket knows, and more?", models.fill_by_depth),
    ("What the Brier score is made of", "Is a bad score repairable, or does the model not know?", models.corp),
    ("Inventory", "Is the position used or carried?", quotes.inventory),
    ("What kept us out", "Which rule, for how long?", quotes.kept_out),
    ("Request budget", "Do fills earn the requests that they cost?", quotes.requests),
)


def compare_page(a: Readings, b: Readings, found: dict[str, Any]) -> str:
    """The page of two sessions and the document made of them (`insight/side_by_side.py`)."""
    heads = "".join(
        f'<div><p class="side">{name}</p>{summary.header(readings)}{summary.figures(readings)}</div>'
        for name, readings in (("A", a), ("B", b))
    )
    parts = [f'<div class="pair">{heads}</div>', "<h2>B against A</h2>", _verdicts(found), _settings(found)]
    parts.append("<h2>Findings</h2>")
    columns = "".join(
        f'<div><p class="side">{name}</p>{summary.findings(find(readings), readings.session.currency)}</div>'
        for name, readings in (("A", a), ("B", b))
    )
    parts.append(f'<div class="pair">{columns}</div>')
    parts.append(section("Differences in pictures", [_skill(found)]))
    parts.append("<h2>Each by itself</h2>")
    for title, question, draw in PICTURES:
        twice = "".join(
            f"<div>{panel(f'{name}: {title}', question, partial(draw, readings)).html()}</div>"
            for name, readings in (("A", a), ("B", b))
        )
        parts.append(f'<div class="pair">{twice}</div>')
    return document(f"{a.session.name} and {b.session.name}", parts)


def _verdicts(found: dict[str, Any]) -> str:
    rows = []
    for row in [*found["measures"].values(), *({"words": f"skill of {name}", "unit": "", **effect}
                for name, effect in found["skill"].items())]:  # fmt: skip
        unit = row["unit"].replace("money", found["currency"])
        rows.append(
            [
                row["words"] + (f", {unit}" if unit else ""),
                with_interval(row["a"]),
                with_interval(row["b"]),
                with_interval(row["difference"], "+"),
                short(row["minimum_detectable"]),
                judged(row),
            ]
        )
    notes = "".join(f'<p class="note">{code(words)}</p>' for words in found["caveats"])
    return table(("", "A", "B", "B - A", "could see", "B is"), rows, text=(0, 5)) + notes


def judged(row: dict[str, Any]) -> str:
    """Better or worse where that is known, else higher or lower."""
    verdict = str(row["verdict"])
    if verdict not in ("higher", "lower") or row["better"] is None:
        return verdict
    return "better" if verdict == row["better"] else "worse"


def with_interval(found: dict[str, Any], sign: str = "") -> str:
    """A number and, in brackets, its interval."""
    if not is_number(found["mean"]):
        return MISSING
    if not is_number(found["low"]):
        return short(found["mean"], sign)
    return f"{short(found['mean'], sign)} ({short(found['low'], sign)} to {short(found['high'], sign)})"


def short(value: Any, sign: str = "") -> str:
    """A number in about four digits."""
    if not is_number(value):
        return MISSING
    size = abs(value)
    if size < 1e-9:  # what is left of rounding
        return format(0.0, f"{sign}.0f")
    return format(value, f"{sign},.0f" if size >= 1000 else f"{sign}.1f" if size >= 100 else f"{sign}.3g")


def _settings(found: dict[str, Any]) -> str:
    if not found["differences"]:
        return '<p class="note">The settings are the same.</p>'
    rows = [[row["setting"], told(row["a"]), told(row["b"])] for row in found["differences"]]
    return "<h3>Settings that differ</h3>" + table(("setting", "A", "B"), rows)


def _skill(found: dict[str, Any]) -> Panel:
    def draw() -> str:
        items = [
            bars.Bar(name, row["difference"]["mean"], row["difference"]["low"], row["difference"]["high"])
            for name, row in found["skill"].items()
            if is_number(row["difference"]["mean"])
        ]
        return bars.bars(items, "Difference in skill by model", "skill, B - A", form="+.3f") if items else ""

    made = panel("Skill of each model, B - A", "Did a model get better or worse?", draw)
    return made if made.body else Panel(made.title, made.question, why_empty="no model has outcomes in both sessions")
