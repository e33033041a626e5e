"""Lines with bands: curves, paths along the time, sparklines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from touchstone.insight.charts.canvas import Canvas, Scale, legend, room_for, spread, time_marks


@dataclass(frozen=True)
class Series:
    """One line; `style` is a class pair like `s0` with `f0` for its band. Missing values are NaN."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    color: str = "0"
    dash: str = ""  # "", "dashed", "dotted"
    step: bool = False
    bars: bool = False  # the interval as bars at the points, not as a band


@dataclass(frozen=True)
class Marker:
    """One point: kind "up" and "down" triangles, or "dot"."""

    x: float
    y: float
    kind: str
    color: str
    tip: str = ""


@dataclass(frozen=True)
class Axes:
    """What the axes show. `marks`: (value, words) below; `zero`: the value axis includes 0."""

    title: str
    x_name: str
    y_name: str
    marks: Sequence[tuple[float, str]] | None = None
    zero: bool = False
    limits: tuple[float, float] | None = None  # of the value axis
    span: tuple[float, float] | None = None  # of the axis below; what the series reach, where it is not given
    width: int = 420
    height: int = 230
    references: Sequence[tuple[float, str]] = field(default=())  # horizontal lines with words


def lines(series: Sequence[Series], axes: Axes, markers: Sequence[Marker] = (), *, keys: bool = True) -> str:
    """A picture of one or more lines, with a legend where there are several."""
    xs = [float(x) for each in series for x in each.x] or [marker.x for marker in markers]
    ys = [float(y) for each in series for values in (each.y, each.low, each.high) for y in values]
    ys += [marker.y for marker in markers] + [value for value, _ in axes.references]
    low, high = axes.limits or spread(ys, zero=axes.zero)
    canvas = Canvas(axes.width, axes.height, axes.title, left=room_for(low, high))
    across = Scale(*(axes.span or _range(xs)), canvas.left, canvas.right)
    up = Scale(low, high, canvas.bottom, canvas.top)
    canvas.y_axis(up, axes.y_name)
    canvas.x_axis(across, axes.x_name, axes.marks)
    for value, words in axes.references:
        canvas.line(canvas.left, up(value), canvas.right, up(value), "line ssoft dashed")
        canvas.text(canvas.right - 2, up(value) - 3, words, anchor="end")
    for each in series:
        _draw(canvas, each, across, up)
    for marker in markers:
        _mark(canvas, marker, across, up)
    entries = [(f"s{each.color} {each.dash}".strip(), each.name) for each in series if each.name]
    return canvas.svg() + (legend(entries) if keys and len(entries) > 1 else "")


def along_time(
    series: Sequence[Series], title: str, y_name: str, markers: Sequence[Marker] = (), *, zero: bool = False,
    width: int = 420, height: int = 230, references: Sequence[tuple[float, str]] = (),
    limits: tuple[float, float] | None = None, span_ns: tuple[int, int] | None = None, keys: bool = True,
) -> str:  # fmt: skip
    """Lines over a time axis; x in ns. span_ns: of the whole session, so that its pictures share one clock."""
    xs = [float(x) for each in series for x in each.x]
    first, last = span_ns or ((int(min(xs)), int(max(xs))) if xs else (0, 0))
    name, marks = time_marks(first, last, max(3, width // 110)) if xs else ("time", [])
    span = (float(first), float(last)) if last > first else None
    axes = Axes(title, name, y_name, marks, zero, limits, span, width, height, references)
    return lines(series, axes, markers, keys=keys)


def _draw(canvas: Canvas, each: Series, across: Scale, up: Scale) -> None:
    """One series: band or bars first, then the line."""
    points = [(across(x), _inside(up, y)) for x, y in zip(each.x, each.y, strict=True)]
    if len(each.low):
        low = [(across(x), _inside(up, y)) for x, y in zip(each.x, each.low, strict=True)]
        high = [(across(x), _inside(up, y)) for x, y in zip(each.x, each.high, strict=True)]
        if each.bars:
            for (x, bottom), (_, top) in zip(low, high, strict=True):
                if math.isfinite(bottom) and math.isfinite(top):
                    canvas.line(x, bottom, x, top, f"line s{each.color}")
        else:
            canvas.area(low, high, f"f{each.color}")
    canvas.path(points, f"s{each.color} {each.dash}".strip(), step=each.step)
    if len(points) <= 24:
        for x, y in points:
            if math.isfinite(y):
                canvas.dot(x, y, 2.4, f"f{each.color}")


def _inside(up: Scale, value: float) -> float:
    """A pixel that does not leave the picture by more than an edge."""
    if not math.isfinite(value):
        return math.nan
    return up(min(max(value, up.low), up.high))


def _mark(canvas: Canvas, marker: Marker, across: Scale, up: Scale) -> None:
    x, y = across(marker.x), up(marker.y)
    if not (math.isfinite(x) and math.isfinite(y)):
        return
    if marker.kind == "dot":
        canvas.dot(x, y, 2.6, f"f{marker.color}", marker.tip)
        return
    tall = -5.0 if marker.kind == "up" else 5.0
    about = f"<title>{marker.tip}</title>" if marker.tip else ""
    canvas.add(
        f'<path d="M{x - 4:.1f} {y - tall / 2:.1f}L{x + 4:.1f} {y - tall / 2:.1f}L{x:.1f} {y + tall:.1f}Z" '
        f'class="f{marker.color}">{about}</path>'
    )


def _range(xs: Sequence[float]) -> tuple[float, float]:
    known = [x for x in xs if math.isfinite(x)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def sparkline(values: Sequence[float], title: str, *, width: int = 120, height: int = 24, color: str = "0") -> str:
    """A small line without axes, its last value marked; a line at 0 where it crosses it."""
    canvas = Canvas(width, height, title, left=2, right=4, top=3, bottom=3)
    low, high = spread(values)
    across = Scale(0, max(len(values) - 1, 1), canvas.left, canvas.right)
    up = Scale(low, high, canvas.bottom, canvas.top)
    if low < 0.0 < high:
        canvas.line(canvas.left, up(0.0), canvas.right, up(0.0), "grid")
    canvas.path([(across(i), up(value)) for i, value in enumerate(values)], f"s{color}")
    if values and math.isfinite(values[-1]):
        canvas.dot(across(len(values) - 1), up(values[-1]), 2.2, f"f{color}")
    return canvas.svg()
