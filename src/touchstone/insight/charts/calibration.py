"""Forecast against outcome: the reliability diagram with its counts, the scatter with its band."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from touchstone.insight.charts.canvas import Canvas, Scale, spread


@dataclass(frozen=True)
class Bin:
    """One group of forecasts; the interval of its observed share where it is known."""

    forecast: float
    observed: float
    n: int
    low: float | None = None
    high: float | None = None


def reliability(bins: Sequence[Bin], title: str, *, width: int = 250, height: int = 260) -> str:
    """Observed share against forecast, the diagonal as it should be, and how many forecasts each point stands for.

    The axes end a little above the largest number, for fills within a second are rare and would sit in a corner.
    """
    canvas = Canvas(width, height, title, bottom=84)
    largest = max([value for each in bins for value in (each.forecast, each.observed, each.high or 0.0)] + [1e-4])
    top = 1.0 if largest > 0.5 else min(1.0, largest * 1.12)
    across = Scale(0.0, top, canvas.left, canvas.right)
    up = Scale(0.0, top, canvas.bottom, canvas.top)
    canvas.y_axis(up, "share observed", zero=False)
    canvas.line(across(0.0), up(0.0), across(top), up(top), "line ssoft dashed")
    for each in bins:
        x = across(min(each.forecast, top))
        tip = f"forecast {each.forecast:.4f}, observed {each.observed:.4f}, n {each.n:,}"
        if each.low is not None and each.high is not None:
            canvas.line(x, up(each.low), x, up(min(each.high, top)), "line s0")
        canvas.dot(x, up(min(each.observed, top)), 3.2, "f0", tip)
    canvas.path([(across(min(b.forecast, top)), up(min(b.observed, top))) for b in bins], "s0")
    _counts(canvas, bins, across)
    canvas.x_axis(across, "")
    canvas.text((canvas.left + canvas.right) / 2, canvas.height - 6, "forecast probability", anchor="middle")
    return canvas.svg()


def _counts(canvas: Canvas, bins: Sequence[Bin], across: Scale) -> None:
    """Bars below the axis, as high as the group is large; the number of the largest."""
    most = max((each.n for each in bins), default=1) or 1
    floor, tall = canvas.height - 20, 36.0
    for each in bins:
        x, high = across(min(each.forecast, across.high)), tall * each.n / most
        canvas.rect(x - 3, floor - high, 6, high, "f6", f"n {each.n:,}", 0.6)
    canvas.text(canvas.left - 5, floor - tall + 10, f"{most:,}", anchor="end")


def scatter(
    points: Sequence[tuple[float, float, str, str]], title: str, x_name: str, y_name: str, *,
    band: Sequence[tuple[float, float, float]] = (), width: int = 420, height: int = 300,
) -> str:  # fmt: skip
    """Realised against predicted: points (predicted, realised, colour, tip), the diagonal, and a band.

    band: (predicted, low, high) of the interval that was forecast, in the order of the prediction.
    """
    canvas = Canvas(width, height, title)
    xs = [x for x, *_ in points]
    ys = [y for _, y, *_ in points] + [edge for _, low, high in band for edge in (low, high)]
    across = Scale(*spread(xs), canvas.left, canvas.right)
    up = Scale(*spread(_without_tails(ys)), canvas.bottom, canvas.top)
    canvas.y_axis(up, y_name)
    canvas.x_axis(across, x_name)
    if len(band) > 1:
        held = [(x, max(low, up.low), min(high, up.high)) for x, low, high in band]
        canvas.area([(across(x), up(low)) for x, low, _ in held], [(across(x), up(high)) for x, _, high in held], "f6")
    low, high = max(across.low, up.low), min(across.high, up.high)
    if low < high:
        canvas.line(across(low), up(low), across(high), up(high), "line ssoft dashed")
    for x, y, color, tip in points:
        if math.isfinite(x) and math.isfinite(y):
            beyond = not up.low <= y <= up.high
            canvas.dot(across(x), up(min(max(y, up.low), up.high)), 2.6, f"f{color}", tip, 0.35 if beyond else 0.75)
    return canvas.svg()


def _without_tails(values: Sequence[float]) -> list[float]:
    """Values within ten interquartile ranges of the middle, so that one of them does not squeeze the others."""
    known = sorted(value for value in values if math.isfinite(value))
    if len(known) < 8:
        return known
    quarter, middle, three = (known[int(len(known) * share)] for share in (0.25, 0.5, 0.75))
    reach = 10.0 * max(three - quarter, 1e-9)
    return [value for value in known if abs(value - middle) <= reach]
