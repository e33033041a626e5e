"""Options of the charts: axes with units, colours that can be told apart on light and dark and by the colour-blind."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

GREY, LINE = "#8592a3", "rgba(133,146,163,.28)"
BLUE, ORANGE, GREEN, RED, PURPLE, TEAL = "#3b7ddd", "#d9822b", "#2e9d62", "#d2544a", "#8a63d2", "#1d97a6"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, TEAL, RED, "#a67c37", "#c25d9a", "#5f7a94", "#7a9a2e")
MOST_POINTS = 600
MS = 1_000_000
ICON, GAP, CHAR, ROW = 14, 8, 5.9, 19  # of a legend, pixels
NARROW = 325  # width of a chart on a telephone


def frame(x: dict[str, Any], y: dict[str, Any], series: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A chart with two axes, without animation: it is drawn anew while somebody reads it."""
    legend = [each["name"] for each in series if each.get("name")]
    return {
        "animation": False,
        "color": list(COLOURS),
        "useUTC": True,
        "textStyle": {"fontFamily": "system-ui, sans-serif"},
        "grid": {"left": 8, "right": 16, "top": 36 + ROW * _rows(legend), "bottom": 8, "containLabel": True},
        "legend": {
            "data": legend,
            "top": 0,
            "itemWidth": ICON,
            "itemGap": GAP,
            "textStyle": {"color": GREY, "fontSize": 11},
        },
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}},
        "xAxis": x,
        "yAxis": y,
        "series": series,
        **more,
    }


def _rows(names: Sequence[str]) -> int:
    """Rows that a legend breaks into on a telephone: a chart leaves room for them above its plot."""
    rows, used = 1, 0.0
    for name in names:
        width = ICON + GAP + 5 + CHAR * len(name)
        if used + width > NARROW and used:
            rows, used = rows + 1, 0.0
        used += width
    return rows


def _axis(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "nameTextStyle": {"color": GREY},
        "axisLabel": {"color": GREY, "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": LINE}},
        "splitLine": {"lineStyle": {"color": LINE}},
        **more,
    }


def time_axis() -> dict[str, Any]:
    """The exchange's time, UTC."""
    return _axis("time", "", splitLine={"show": False})


def value_axis(name: str, **more: Any) -> dict[str, Any]:
    """A value with its unit; from its least value, for a price need not start at 0."""
    align = {"nameTextStyle": {"color": GREY, "align": "left"}}
    return _axis("value", name, scale=True, nameGap=8) | align | more


def below_axis(name: str, **more: Any) -> dict[str, Any]:
    """A value along the bottom, its name below the middle."""
    return _axis("value", name, nameLocation="middle", nameGap=26) | more


def crossing_at_the_corner(made: dict[str, Any]) -> dict[str, Any]:
    """Axes along the edges of a plot that has both signs, so that their names stand where one looks for them."""
    for axis in ("xAxis", "yAxis"):
        made[axis]["axisLine"] = made[axis]["axisLine"] | {"onZero": False}
    return made


def category_axis(labels: Sequence[str], name: str = "") -> dict[str, Any]:
    """Names along the bottom."""
    made = _axis("category", name, data=list(labels), nameLocation="middle", nameGap=26, splitLine={"show": False})
    made["axisLabel"] |= {"interval": 0, "lineHeight": 15}
    return made


def points(t_ns: Any, values: Any, digits: int = 6) -> list[list[float | None]]:
    """(ms, value) pairs, thinned to what a screen shows; a gap where there is no value."""
    count = len(t_ns)
    kept = np.arange(count) if count <= MOST_POINTS else np.unique(np.linspace(0, count - 1, MOST_POINTS).astype(int))
    kept = np.union1d(kept, np.flatnonzero(np.isnan(np.asarray(values, float))))  # a gap stays one
    times = (np.asarray(t_ns)[kept] // MS).tolist()
    found = np.asarray(values, float)[kept].tolist()
    return [[t, round(v, digits) if v == v else None] for t, v in zip(times, found, strict=True)]


def line(name: str, data: list[Any], colour: str | None = None, **more: Any) -> dict[str, Any]:
    """A line without marks."""
    made: dict[str, Any] = {
        "name": name,
        "type": "line",
        "data": data,
        "showSymbol": False,
        "lineStyle": {"width": 1.6},
    }
    if colour:
        made["itemStyle"] = {"color": colour}
        made["lineStyle"] = {"width": 1.6, "color": colour}
    return made | more


def bars(name: str, data: list[Any], **more: Any) -> dict[str, Any]:
    """Bars."""
    return {"name": name, "type": "bar", "data": data, "barMaxWidth": 42} | more


def zero() -> dict[str, Any]:
    """A mark at zero."""
    return level(0.0)


def level(at: float, words: str = "") -> dict[str, Any]:
    """A dashed horizontal mark, named at its end."""
    label = {"show": bool(words), "formatter": words, "color": GREY, "position": "insideStartTop"}
    return {
        "silent": True,
        "symbol": "none",
        "label": label,
        "lineStyle": {"color": GREY, "type": "dashed", "width": 1},
        "data": [{"yAxis": at}],
    }


def waterfall(labels: Sequence[str], steps: Sequence[float], total: float, unit: str) -> dict[str, Any]:
    """Parts that add up, one below the other, to their total: lying bars, whose names find room on a telephone."""
    below, at = [], 0.0
    for step in steps:
        low, high = min(at, at + step), max(at, at + step)
        below.append((low, high, step))
        at += step
    below.append((min(total, 0.0), max(total, 0.0), total))
    # Stacked bars cannot cross zero, so each part is a candle without wicks.
    data = []
    for i, (low, high, step) in enumerate(below):
        colour = BLUE if i == len(steps) else GREEN if step >= 0 else RED
        style = {key: colour for key in ("color", "color0", "borderColor", "borderColor0")}
        data.append({"value": [low, high, low, high], "itemStyle": style})
    named = [f"{name}\n{step:+.4f}" for name, step in zip([*labels, "profit"], [*steps, total], strict=True)]
    candles = {"type": "candlestick", "layout": "vertical", "barMaxWidth": 26, "data": data}
    made = frame(below_axis(unit), category_axis(named), [candles])
    made["yAxis"] |= {"inverse": True, "name": ""}
    made["series"][0]["markLine"] = zero() | {"data": [{"xAxis": 0}]}
    made["tooltip"] = {"show": False}
    made["grid"] |= {"left": 20, "top": 8, "bottom": 24}
    return made


def nice_end(least: float) -> float:
    """The next round number at or above: where an axis may end."""
    if least <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(least))
    return next(step * scale for step in (1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0) if step * scale >= least * (1 - 1e-9))
