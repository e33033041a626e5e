"""Fills and markouts: what was filled, what the price did after, and why each order was there."""

from typing import Any

import numpy as np

from touchstone.dashboard import charts
from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.words import clock, is_number, link, number, percent, table
from touchstone.insight.readings.fills import Fills, curves_by_depth

NEWEST = 200
Z90 = 1.645


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out."""
    page.chart(
        "Markout: the mid after our fills",
        markouts,
        "half",
        of_tables=False,
        note="Mean move of the mid in our favour since the fill, half-spread included, before fees; bars: ± 1.645 "
        "standard errors of both sides together.",
    )
    page.chart(
        "Markout by distance from the mid", by_depth, "half", note="Thirds of the fills by depth at the decision."
    )
    page.chart(
        "Predicted against realised loss at 10 s",
        predicted,
        "half",
        on_click=lambda data: _why(page, data),
        note="Adverse selection of each fill, bps, positive = against us; on the line the forecast was right. "
        "A click shows why.",
    )
    page.chart("Position after each fill", position, "half")
    page.panel(
        f"Fills, newest first, at most {NEWEST}",
        lambda shown: listed(page, shown),
        of_tables=True,
        note="Size and position in the coin. Depth, P(fill) and the loss in 10 s as of the decision. After 0.5 s ...: "
        "markout, bps before the fee, positive = good for us.",
    )


def _why(page: Page, data: dict[str, Any]) -> str | None:
    return page.url("/why", fill=data["fill"]) if "fill" in data else None


def _missing(shown: Shown) -> str:
    return shown.tables.reasons.get("fills", "reading the session ...")


def markouts(shown: Shown) -> dict[str, Any] | str:
    """The curve of the result, by side, with the error of both together."""
    rows = [row for row in shown.standing.result.get("markouts") or () if row.get("n")]
    if not rows:
        return "no fill has reached a horizon yet"
    horizons = sorted({row["horizon_s"] for row in rows})
    by_key = {(row["horizon_s"], row["side"]): row for row in rows}
    series = []
    for side, colour in (("bid", charts.BLUE), ("ask", charts.ORANGE), ("both", charts.GREY)):
        data = [_known(by_key.get((h, side), {}).get("bps")) for h in horizons]
        series.append(charts.line(side, data, colour, showSymbol=True, symbolSize=6))
    both = [by_key.get((h, "both"), {}) for h in horizons]
    errors = [
        {"coord": [i, row["bps"]], "low": row["bps"] - Z90 * row["se"], "high": row["bps"] + Z90 * row["se"]}
        for i, row in enumerate(both)
        if is_number(row.get("bps")) and is_number(row.get("se"))
    ]
    series.append(_error_bars(errors))
    labels = [f"{h:g} s\nn={by_key.get((h, 'both'), {}).get('n', 0):,}" for h in horizons]
    series[0]["markLine"] = charts.zero()
    made = charts.frame(charts.category_axis(labels), charts.value_axis("bps", scale=False), series)
    made["legend"]["data"] = ["bid", "ask", "both"]
    return made


def _error_bars(errors: list[dict[str, Any]]) -> dict[str, Any]:
    """Whiskers as candles without a body."""
    data: list[Any] = ["-"] * (max((each["coord"][0] for each in errors), default=-1) + 1)
    for each in errors:
        middle = each["coord"][1]
        data[each["coord"][0]] = [middle, middle, each["low"], each["high"]]
    style = {"color": charts.GREY, "color0": charts.GREY, "borderColor": charts.GREY, "borderColor0": charts.GREY}
    return {
        "name": "interval",
        "type": "candlestick",
        "data": data,
        "itemStyle": style,
        "barMaxWidth": 14,
        "silent": True,
    }


def _known(value: Any) -> float | None:
    return round(float(value), 4) if is_number(value) else None


def by_depth(shown: Shown) -> dict[str, Any] | str:
    """A curve per third of the fills by depth."""
    fills = shown.tables.fills
    if fills is None:
        return _missing(shown)
    curves = curves_by_depth(fills)
    labels = [f"{seconds:g} s" for seconds in fills.horizons_s]
    series = [
        charts.line(
            f"{curve.name} (n={curve.n})", [_known(point.mean) for point in curve.points], showSymbol=True, symbolSize=6
        )
        for curve in curves
    ]
    if not series:
        return "no fill has a markout yet"
    series[0]["markLine"] = charts.zero()
    return charts.frame(charts.category_axis(labels), charts.value_axis("bps", scale=False), series)


def predicted(shown: Shown) -> dict[str, Any] | str:
    """One point a fill."""
    fills = shown.tables.fills
    if fills is None:
        return _missing(shown)
    realised = fills.adverse_bps[:, fills.horizon()]
    known = np.flatnonzero(np.isfinite(realised) & np.isfinite(fills.predicted_adverse_bps))[-charts.MOST_POINTS :]
    if len(known) == 0:
        return "no fill is 10 s old yet"
    data = [
        {
            "value": [round(float(fills.predicted_adverse_bps[i]), 3), round(float(realised[i]), 3)],
            "fill": int(fills.fill_id[i]),
        }
        for i in known
    ]
    low, high = (float(edge(fills.predicted_adverse_bps[known])) for edge in (np.min, np.max))
    series = [
        {
            "name": f"{len(known)} fills",
            "type": "scatter",
            "data": data,
            "symbolSize": 8,
            "itemStyle": {"color": charts.BLUE, "opacity": 0.75},
        },
        charts.line("predicted = realised", [[low, low], [high, high]], charts.GREY, silent=True),
    ]
    made = charts.frame(charts.below_axis("predicted, bps"), charts.value_axis("realised, bps"), series)
    made["tooltip"] = {"trigger": "item", "confine": True}
    made["grid"]["bottom"] = 24
    return charts.crossing_at_the_corner(made)


def position(shown: Shown) -> dict[str, Any] | str:
    """Inventory as steps."""
    fills = shown.tables.fills
    if fills is None:
        return _missing(shown)
    coin = str(shown.standing.result.get("coin") or "coin").rpartition(":")[2]
    steps = charts.line("position", charts.points(fills.t_ns, fills.position), charts.PURPLE, step="end")
    steps["areaStyle"] = {"opacity": 0.15}
    steps["markLine"] = charts.zero()
    return charts.frame(charts.time_axis(), charts.value_axis(coin, scale=False), [steps])


def listed(page: Page, shown: Shown) -> str:
    """The newest fills."""
    fills = shown.tables.fills
    if fills is None:
        return table((), (), note=_missing(shown))
    horizons = [f"{seconds:g} s" for seconds in fills.horizons_s]
    head = (
        "fill",
        "time, UTC",
        "side",
        "price",
        "size",
        "position",
        "depth, bps",
        "P(fill, 10 s)",
        "loss predicted, bps",
        *(f"after {horizon}" for horizon in horizons),
    )
    newest = range(len(fills) - 1, max(len(fills) - NEWEST, 0) - 1, -1)
    return table(head, [_row(page, fills, i) for i in newest], left=3)


def _row(page: Page, fills: Fills, i: int) -> list[str]:
    side = "bought" if fills.side[i] > 0 else "sold"
    return [
        link(f"{fills.fill_id[i]} why", page.url("/why", fill=int(fills.fill_id[i]))),
        clock(fills.t_ns[i]),
        side + (" (taker)" if fills.is_taker[i] else ""),
        f"{fills.px[i]:g}",
        f"{fills.qty[i]:g}",
        f"{fills.position[i]:+g}",
        number(float(fills.depth_bps[i]), "+.2f"),
        percent(float(fills.predicted_fill_p[i]), ".1f"),
        number(float(fills.predicted_adverse_bps[i]), "+.2f"),
        *(_markout(value) for value in fills.realised_bps[i]),
    ]


def _markout(value: float) -> str:
    if not np.isfinite(value):
        return "n/a"
    return f'<span class="{"good" if value > 0 else "bad"}">{value:+.2f}</span>'
