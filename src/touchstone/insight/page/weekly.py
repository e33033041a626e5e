"""The weekly page: skill and calibration by day and model, drift, decay, what changed, what could have been seen."""

from html import escape
from typing import Any

from touchstone.insight.charts import heatmap, lines
from touchstone.insight.charts.lines import Axes, Series
from touchstone.insight.page.html import amount, both_widths, panel, table
from touchstone.insight.page.page import document, section
from touchstone.insight.page.side_by_side import short
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.settings import told
from touchstone.insight.words import count, duration, interval, number

NAN = float("nan")


def weekly_page(found: dict[str, Any]) -> str:
    """The page of a document of `insight/weekly.py`."""
    days = found["days"]
    span = "no day" if not days else days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    fills = sum(row["fills"] or 0 for row in found["sessions"])
    head = (
        f'<header><h1>{len(found["sessions"])} sessions, {escape(span)}</h1>'
        f'<p class="meta">{escape(found["folder"])}; {len(days)} days with data, {fills:,} fills</p></header>'
    )
    parts = [head, "<h2>In words</h2>", "".join(f"<p>{escape(line)}</p>" for line in sentences(found))]
    parts.append(section("Models by day", [
        panel("Skill by day and model", "Which model adds value, and on which days?", lambda: _skill_map(found),
              wide=True, note="Skill against the baseline, of the tape-decided outcomes of all sessions of the day."),
        panel("Skill and its trend", "Does a model get better or worse from day to day?", lambda: _trends(found),
              wide=True, note="Trend: least-squares slope over days, from five days on. Could see: the true skill that "
              "this much data tells from zero in 80 % of cases. Bias: mean forecast minus mean outcome."),
    ]))  # fmt: skip
    parts.append(section("Edge and lead-lag by day", [
        panel("Edge per fill by day", "Do fills earn, and could we tell?", lambda: _edge(found)),
        panel("Information of the reference by day", "Does its lead wear off?", lambda: _information(found)),
    ]))  # fmt: skip
    parts.append(section("What was run", [
        panel("What changed", "Which settings or sources changed between sessions?", lambda: _changes(found),
              wide=True),
        panel("Sessions", "Which sessions are in this?", lambda: _sessions(found), wide=True),
    ]))  # fmt: skip
    return document(f"Weekly report {span}", parts)


def sentences(found: dict[str, Any]) -> list[str]:
    """What the week amounts to."""
    edge = found["edge"]["all"]
    made = []
    if edge["bps"] is None:
        made.append("Edge: no fill has a mid 10 s later.")
    else:
        words = f"Edge per fill {edge['bps']:+.2f} bps over {edge['n']:,} fills"
        if edge["low"] is not None:
            telling = "above zero" if edge["low"] > 0 else "below zero" if edge["high"] < 0 else "not told from zero"
            words += f", 90 % interval {edge['low']:+.2f} to {edge['high']:+.2f} by time blocks: {telling}"
        made.append(words + ".")
        if edge["minimum_detectable"] is not None:
            made.append(
                f"This much data tells an edge of {edge['minimum_detectable']:.2f} bps from zero in 80 % of weeks; "
                f"1 bp would take about {edge['fills_for_1_bp']:,.0f} fills."
            )
    good, bad, falling = [], [], []
    for name, model in found["models"].items():
        overall, trend = model["all"], model["skill_trend"]
        if overall["skill_low"] is not None and overall["skill_low"] > 0:
            good.append(name)
        if overall["skill_high"] is not None and overall["skill_high"] < 0:
            bad.append(name)
        if trend and trend["high"] < 0:
            falling.append(f"{name} {trend['per_day']:+.4f} a day")
    made.append(f"Better than the baseline over all days: {', '.join(good) or 'none'}.")
    made.append(f"Worse: {', '.join(bad) or 'none'}.")
    short_of = len(found["days"]) < 5
    drift = f"not known: {len(found['days'])} of 5 days" if short_of else ", ".join(falling) or "none falls"
    made.append(f"Drift of skill: {drift}.")
    if trend := found["edge"]["trend"]:
        span = f"{trend['low']:+.3f} to {trend['high']:+.3f}"
        telling = "falls" if trend["high"] < 0 else "rises" if trend["low"] > 0 else "no trend can be told"
        made.append(f"Drift of edge: {trend['per_day']:+.3f} bps a day ({span}): {telling}.")
    decay = found["information"]["decay"]
    made.append(
        f"Information of the reference: {_decay_words(decay)}."
        if decay
        else f"Decay of the reference's information: n/a, {len(found['information']['days'])} of 5 days have it."
    )
    if found["unreadable"]:
        named = "; ".join(f"{each['session']}: {each['reason']}" for each in found["unreadable"])
        made.append(f"Left out: {named}.")
    return made


def _skill_map(found: dict[str, Any]) -> str:
    days = found["days"]
    rows, values = [], []
    for name, model in found["models"].items():
        by_day = {row["day"]: row["skill"] for row in model["days"]}
        rows.append(name)
        values.append([max(-1.0, by_day[day]) if by_day.get(day) is not None else NAN for day in days])
    if not rows:
        raise NoDataError("no session has a scored outcome")
    columns = [day[5:] for day in days]
    title, unit = "Skill by day and model", "skill; days (UTC)"
    return both_widths(lambda width: heatmap.heatmap(rows, columns, values, title, unit, width=width))


def _trends(found: dict[str, Any]) -> str:
    rows = []
    for name, model in found["models"].items():
        overall, skill, bias = model["all"], model["skill_trend"], model["bias_trend"]
        rows.append([
            name, count(overall["n"]), number(overall["skill"], "+.3f"),
            interval(overall["skill_low"], overall["skill_high"], "+.3f"), short(overall["minimum_detectable_skill"]),
            f"{skill['per_day']:+.4f} [{skill['low']:+.4f}, {skill['high']:+.4f}]" if skill else "n/a",
            short(overall["bias"], "+"), short(bias["per_day"], "+") if bias else "n/a",
            number(overall["coverage90"], ".1%"),
        ])  # fmt: skip
    if not rows:
        raise NoDataError("no session has a scored outcome")
    head = ("model", "n", "skill", "90 % interval", "could see", "skill a day", "bias", "bias a day", "inside 90 %")
    return table(head, rows)


def _edge(found: dict[str, Any]) -> str:
    rows = found["edge"]["days"]
    if not rows:
        raise NoDataError("no fill has a mid 10 s later")
    where = [float(at) for at in range(len(rows))]

    def of(key: str) -> list[float]:
        return [NAN if row[key] is None else row[key] for row in rows]

    series = [Series("edge", where, of("bps"), of("low"), of("high"), "0", bars=True)]
    marks = [(float(at), row["day"][5:]) for at, row in enumerate(rows)]
    picture = lines.lines(series, Axes("Edge per fill by day", "day (UTC)", "bps after fees", marks, zero=True))
    trend = found["edge"]["trend"]
    words = f"{trend['per_day']:+.3f} bps a day ({trend['low']:+.3f} to {trend['high']:+.3f})" if trend else (
        f"trend n/a: {len(rows)} of 5 days"
    )  # fmt: skip
    numbers = table(
        ("day", "fills", "edge, bps", "90 % interval", "could see"),
        [[_day(row["day"]), count(row["n"]), number(row["bps"], "+.2f"), interval(row["low"], row["high"], "+.2f"),
          short(row["minimum_detectable"])] for row in rows],
    )  # fmt: skip
    return f'{picture}{numbers}<p class="note">{words}</p>'


def _information(found: dict[str, Any]) -> str:
    rows = found["information"]["days"]
    if not rows:
        raise NoDataError("no session heard a reference venue for ten minutes")
    where = [float(at) for at in range(len(rows))]
    marks = [(float(at), row["day"][5:]) for at, row in enumerate(rows)]
    series = [Series("information", where, [row["nats"] for row in rows], color="0")]
    picture = lines.lines(series, Axes("Information by day", "day (UTC)", "nats a second", marks, zero=True))
    decay = found["information"]["decay"]
    words = _decay_words(decay) if decay else f"decay n/a: {len(rows)} of 5 days"
    return f'{picture}<p class="note">{words}</p>'


def _decay_words(decay: dict[str, Any]) -> str:
    return f"{decay['per_day']:+.5f} nats a day ({decay['low']:+.5f} to {decay['high']:+.5f})"


def _day(day: str) -> str:
    """A date that does not break at its hyphens."""
    return day.replace("-", "\u2011")


def _changes(found: dict[str, Any]) -> str:
    if not found["changes"]:
        return '<p class="note">Nothing: all sessions ran with the same settings and sources.</p>'
    rows = []
    for change in found["changes"]:
        words = [f"{row['setting']} {told(row['a'])} -> {told(row['b'])}" for row in change["settings"]]
        words += ["compiled sources"] if change["core"] else []
        words += ["version of the models"] if change["models"] else []
        rows.append([change["from"], change["to"], "; ".join(words)])
    return table(("from", "to", "what"), rows, text=(0, 1, 2))


def _sessions(found: dict[str, Any]) -> str:
    rows = [
        [
            row["session"], _day(row["day"]), duration(row["span_s"]), count(row["fills"]),
            number(row["volume"], ",.0f"), amount(row["pnl"]), number(row["edge_bps"], "+.2f"),
            interval(row["edge_low"], row["edge_high"], "+.2f"),
            row["settings"], (row["core"] or "n/a")[:10],
            "; ".join(row["problems"]) or "none",
        ]
        for row in found["sessions"]
    ]  # fmt: skip
    head = ("session", "day", "length", "fills", "volume", "PnL", "edge, bps", "90 %", "settings", "core", "problems")
    made = table(head, rows, text=(0, 1, 8, 9, 10))
    if found["unreadable"]:
        left_out = [[each["session"], each["reason"]] for each in found["unreadable"]]
        made += table(("left out", "why"), left_out, text=(0, 1))
    return made


