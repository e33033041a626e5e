"""Bars: horizontal ones with intervals, the waterfall of an account, the decomposition of a score, stacked shares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from touchstone.insight.charts.canvas import BOTTOM, CHAR, TOP, Canvas, Scale, legend, signed, spread

ROW = 24
AXIS = TOP + BOTTOM  # what a picture needs besides its rows


@dataclass(frozen=True)
class Bar:
    """One bar; the interval where it is known. `color`: a class suffix, or "" for good and bad by sign."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    color: str = ""
    note: str = ""  # words at its end


def _colored(bar: Bar) -> str:
    return bar.color or ("good" if bar.value >= 0.0 else "bad")


def bars(items: Sequence[Bar], title: str, unit: str, *, width: int = 420, form: str = "+.3g") -> str:
    """Horizontal bars from a line at zero, each with its number."""
    left = int(min(max((len(bar.name) for bar in items), default=4) * CHAR + 12, width * 0.4))
    notes = [f"{bar.value:{form}}{' ' + bar.note if bar.note else ''}" for bar in items]
    right = int(max((len(note) for note in notes), default=4) * CHAR + 10)
    canvas = Canvas(width, AXIS + ROW * len(items), title, left=left, right=right)
    known = [value for bar in items for value in (bar.value, bar.low, bar.high) if value is not None]
    across = Scale(*spread(known, zero=True), canvas.left, canvas.right)
    canvas.x_axis(across, unit, grid=True)
    for at, (bar, note) in enumerate(zip(items, notes, strict=True)):
        y = canvas.top + ROW * at
        zero, end = across(0.0), across(bar.value)
        canvas.rect(min(zero, end), y + 4, abs(end - zero), ROW - 9, f"f{_colored(bar)}", f"{bar.name} {note}", 0.75)
        if bar.low is not None and bar.high is not None:
            canvas.line(across(bar.low), y + ROW / 2, across(bar.high), y + ROW / 2, "line sink")
        canvas.text(canvas.left - 6, y + ROW / 2 + 4, bar.name, anchor="end", style="ink")
        canvas.text(canvas.right + 6, y + ROW / 2 + 4, note)
    canvas.line(across(0.0), canvas.top, across(0.0), canvas.bottom, "zero")
    return canvas.svg()


def waterfall(items: Sequence[tuple[str, float]], total: float, title: str, unit: str, *, width: int = 420) -> str:
    """How the lines of an account lead from zero to its total; each bar starts where the one before it ended."""
    left = int(max([len(name) for name, _ in items] + [5]) * CHAR + 12)
    largest = max([abs(value) for _, value in items] + [abs(total), 1e-4])
    places = max(2, 2 - math.floor(math.log10(largest)))
    notes = [signed(value, places) for _, value in items] + [signed(total, places)]
    canvas = Canvas(
        width, AXIS + ROW * (len(items) + 1), title, left=left, right=int(max(len(note) for note in notes) * CHAR + 10)
    )
    levels = [0.0]
    for _, value in items:
        levels.append(levels[-1] + value)
    across = Scale(*spread([*levels, total], zero=True), canvas.left, canvas.right)
    canvas.x_axis(across, unit, grid=True)
    for at, ((name, value), note) in enumerate(zip([*items, ("total", total)], notes, strict=True)):
        y, is_total = canvas.top + ROW * at, at == len(items)
        start, end = (0.0, total) if is_total else (levels[at], levels[at + 1])
        color = "good" if value >= 0.0 else "bad"
        x, length = min(across(start), across(end)), abs(across(end) - across(start))
        canvas.rect(x, y + 4, length, ROW - 9, f"f{color}", f"{name} {note} {unit}", 1 if is_total else 0.7)
        if not is_total:
            canvas.line(across(end), y + 4, across(end), y + ROW + 4, "zero dotted")
        canvas.text(canvas.left - 6, y + ROW / 2 + 4, name, anchor="end", style="ink")
        canvas.text(canvas.right + 6, y + ROW / 2 + 4, note, style="ink" if is_total else "")
    canvas.line(across(0.0), canvas.top, across(0.0), canvas.bottom, "zero")
    return canvas.svg()


@dataclass(frozen=True)
class Corp:
    """The decomposition of one score: Brier = MCB - DSC + UNC."""

    name: str
    mcb: float
    dsc: float
    unc: float


def corp(items: Sequence[Corp], title: str, *, width: int = 420) -> str:
    """Per model, as shares of its difficulty (UNC): discrimination to the right (good), miscalibration to the left."""
    left = int(max(len(item.name) for item in items) * CHAR + 12)
    notes = [f"net {(item.dsc - item.mcb) / item.unc:+.1%}" if item.unc > 0 else "" for item in items]
    canvas = Canvas(width, AXIS + ROW * len(items), title, left=left, right=int(max(map(len, notes)) * CHAR + 10))
    shares = [(100 * item.mcb / item.unc, 100 * item.dsc / item.unc) if item.unc > 0 else (0.0, 0.0) for item in items]
    across = Scale(
        *spread([*(-mcb for mcb, _ in shares), *(dsc for _, dsc in shares)], zero=True), canvas.left, canvas.right
    )
    canvas.x_axis(across, "% of uncertainty (UNC)", grid=True)
    for at, (item, (mcb, dsc), note) in enumerate(zip(items, shares, notes, strict=True)):
        y, zero = canvas.top + ROW * at, across(0.0)
        canvas.rect(zero, y + 4, across(dsc) - zero, ROW - 9, "f2", f"{item.name}: DSC {item.dsc:.4f}", 0.8)
        canvas.rect(across(-mcb), y + 4, zero - across(-mcb), ROW - 9, "f1", f"{item.name}: MCB {item.mcb:.4f}", 0.8)
        canvas.text(canvas.left - 6, y + ROW / 2 + 4, item.name, anchor="end", style="ink")
        canvas.text(canvas.right + 6, y + ROW / 2 + 4, note)
    canvas.line(across(0.0), canvas.top, across(0.0), canvas.bottom, "zero")
    keys = (("s1", "miscalibration MCB (repairable)"), ("s2", "discrimination DSC (the value)"))
    return canvas.svg() + legend(keys)
