"""The kind of market, funding, and toxicity against what became of the fills, as tables of the terminal report."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from touchstone.insight.tables import plain_table
from touchstone.insight.words import Result, count, number


def regime_table(result: Result) -> RenderableType:
    """Time in each kind of market, what it is like, how the market stands now; funding and oracle."""
    found: Mapping[str, Any] = result.get("regime") or {}
    told: Mapping[str, Any] = result.get("funding") or {}
    lines = []
    if told:
        lines.append(
            f"funding {number(told.get('per_hour'), '+.6%')} an hour; oracle {told.get('oracle')}, "
            f"{number(told.get('oracle_gap_bps'), '+.2f')} bps from our mid"
        )
    if not found:
        return Text("\n".join(["no data: the kind of market was not followed", *lines]))
    titles = ("time", "p now", "bps per sqrt s", "stays, s")
    table = plain_table(("state", "left"), *((title, "right") for title in titles))
    for each in found["states"]:
        share, p = number(each["share_of_time"], ".1%"), number(each["p"], ".3f")
        table.add_row(each["name"], share, p, number(each["sigma"], ".2f"), number(each["stay_s"], ",.0f"))
    change, sd = number(found.get("p_change"), ".3f"), number(found.get("belief_sd_bps"), ".2f")
    words = f"P(another market since 10 s) {change}; belief about the next second: sd {sd} bps"
    return Group(table, Text("\n".join([words, *lines])))


def toxicity_table(result: Result) -> RenderableType:
    """P(toxic) in groups against the share of toxic fills and their realised adverse selection; the weights."""
    found: Mapping[str, Any] = result.get("toxicity") or {}
    if not found.get("calibration"):
        return Text("no data: no fill has come to its end, or the classifier is off")
    names = ("predicted", "observed", "adverse selection, bps", "se", "fills")
    table = plain_table(*((name, "right") for name in names))
    for group in found["calibration"]:
        table.add_row(
            number(group["forecast"], ".3f"),
            number(group["observed"], ".3f"),
            number(group["adverse_bps"], "+.2f"),
            number(group["adverse_se"], ".2f"),
            count(group["n"]),
        )
    weights = [f"{name} {each['mean']:+.2f} ({each['sd']:.2f})" for name, each in found["weights"].items()]
    return Group(table, Text("weights (sd): " + ", ".join(weights)))
