"""How far the models may move quotes, what their caution cost, what fills earn, what the gate was worth."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from touchstone.insight.tables import plain_table
from touchstone.insight.words import Result, count, interval, is_number, number

SHOWN_CONTEXTS = 6
SHOWN_HORIZONS = (1.0, 10.0)


def influence_table(result: Result) -> RenderableType:
    """Models that have earned something, or were mended; then what each careful part earned."""
    models: Mapping[str, Any] = result.get("models") or {}
    told = {name: card for name, card in models.items() if card.get("influence") or card.get("recalibrated")}
    titles = ("influence", "e of 1/4, 1/2, 3/4, 1")
    table = plain_table(("model", "left"), *((title, "right") for title in titles), ("", "left"))
    for name, card in told.items():
        steps = "  ".join(number(value, ".3g") for value in card.get("e_influence") or ())
        table.add_row(name, number(card["influence"], ".0%"), steps, "recalibrated" if card["recalibrated"] else "")
    earned: RenderableType = table if told else Text("no model has earned influence: none may move a quote closer")
    return Group(earned, Text(""), caution_table(result))


def caution_table(result: Result) -> RenderableType:
    """What each careful part earned against an order that rested without it."""
    found: Mapping[str, Any] = result.get("caution") or {}
    if not found or not any(row["windows"] for row in found.values()):
        return Text("cost of caution: no data, no pair of orders has come to its end")
    titles = ("pairs", "apart", "earned, bps", "90 %", "e pays", "e costs", "counts")
    table = plain_table(("caution of", "left"), *((title, "right") for title in titles))
    for name, row in found.items():
        table.add_row(
            name,
            count(row["windows"]),
            count(row["apart"]),
            number(row["bps"], "+.3f"),
            interval(row["low"], row["high"], "+.3f"),
            number(row["e_pays"], ".3g"),
            number(row["e_costs"], ".3g"),
            number(row["share"], ".0%"),
        )
    return table


def adverse_table(result: Result) -> RenderableType:
    """Loss after fills from either mid: mean, error, noise, slope with depth, AS0 and d_char."""
    found: Sequence[Mapping[str, Any]] = result.get("adverse_selection") or ()
    shown = [row for row in found if row["horizon_s"] in SHOWN_HORIZONS]
    if not shown:
        return Text("no data: no fill has reached a horizon")
    titles = ("loss ± s.e., bps", "noise", "slope per bps", "P(rises)", "AS0, bps", "d_char, bps")
    table = plain_table(("from", "left"), *((title, "right") for title in titles))
    for row in shown:
        slope, curve = row["slope"] or {}, row["curve"] or {}
        away = interval(curve.get("d_char_low"), curve.get("d_char_high"), ".1f")
        table.add_row(
            f"{row['from'].replace('_', ' ')}, {row['horizon_s']:g} s",
            f"{row['bps']:+.2f} ± {number(row['se'], '.2f')}",
            number(row["noise_bps"], ".2f"),
            interval(slope.get("low"), slope.get("high"), "+.2f"),
            number(slope.get("p_rises"), ".2f"),
            interval(curve.get("as0_low"), curve.get("as0_high"), "+.2f"),
            away if curve.get("d_char_bps") is not None else "sign open",
        )
    legend = "noise: sigma sqrt(horizon); slope, AS0, d_char: 90 % intervals; d_char < 0: the loss rises with depth"
    return Group(table, Text(legend))


def edge_table(result: Result) -> RenderableType:
    """What our fills earn after the fee, in the contexts with most of them."""
    found: Sequence[Mapping[str, Any]] = result.get("edge") or ()
    if not found:
        return Text("no data: no fill of ours has come to its end")
    names = ("fills", "earns, bps", "sd", "P(> 0)", "P(next > 0)")
    table = plain_table(("context", "left"), *((name, "right") for name in names), ("", "left"))
    for row in found[:SHOWN_CONTEXTS]:
        table.add_row(
            f"regime {row['regime']}, {row['side']}, {row['position']}, depth bucket {row['depth_bucket']}",
            number(row["n"], ".1f"),
            number(row["bps"], "+.2f"),
            number(row["sd"], ".2f"),
            number(row["p_above_0"], ".2f"),
            number(row["p_next_above_0"], ".2f"),
            "widened" if row["should_widen"] else "",
        )
    rest = len(found) - SHOWN_CONTEXTS
    return Group(table, Text(f"and {rest} contexts more")) if rest > 0 else table


def gate_table(result: Result) -> RenderableType:
    """Episodes, and the fills that the gate kept, avoided and tried."""
    found: Mapping[str, Any] = result.get("gate") or {}
    if not found:
        return Text("no data")
    if not found["is_on"]:
        return Text("switched off")
    episodes = found["episodes"]
    lines = [
        f"closed {number(found['closed_share'], '.1%')} of the time, {episodes[0]} bid and {episodes[1]} ask episodes, "
        f"{sum(found['tried'])} of them quoted all the same (chance {found['propensity']:g})"
    ]
    if not sum(episodes):
        return Text(lines[0])
    titles = ("fills", "benign", "toxic", "earned, bps", "90 %")
    table = plain_table(("fills", "left"), *((title, "right") for title in titles))
    for name, row in found["groups"].items():
        counts = (count(row[key]) for key in ("n", "benign", "toxic"))
        table.add_row(name, *counts, number(row["bps"], "+.2f"), interval(row["low"], row["high"], "+.2f"))
    avoided, lost = (number(found[key], ".1%") for key in ("toxic_avoided", "benign_lost"))
    span = interval(found["difference_low"], found["difference_high"], "+.3f")
    chance = number(found["random_gate"], ".1%")
    lines.append(
        f"toxic fills avoided {avoided}, benign lost {lost}, difference {number(found['difference'], '+.3f')} {span}; "
        f"a gate by lot would have avoided {chance} of both"
    )
    if is_number(found["saved_bps"]):
        saved = interval(found["saved_low"], found["saved_high"], "+.2f")
        lines.append(f"saved {found['saved_bps']:+.2f} bps {saved} per fill avoided")
    return Group(Text(lines[0]), table, Text("\n".join(lines[1:])))
