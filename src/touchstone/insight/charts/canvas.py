"""What every picture is drawn with: a canvas with axes, scales, ticks, and a legend."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 34
CHAR = 6.2  # width of a character of an 11 px label, about


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers low..high onto pixels start..end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a number."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def spread(values: Sequence[float], *, zero: bool = False, pad: float = 0.06) -> tuple[float, float]:
    """Range that holds all (finite) values, with room around them; `zero`: and 0, at the edge where it is one."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if zero:
        known.append(0.0)
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return (0.0 if zero and low > 0 else low - room), (0.0 if zero and high < 0 else high + room)
    room = pad * (high - low)
    return (low if zero and low == 0.0 else low - room), (high if zero and high == 0.0 else high + room)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between low and high, about `count` of them."""
    rough = (high - low) / max(count, 1)
    if not rough > 0.0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    made = []
    while first * step <= high + 1e-9 * step:
        made.append(round(first * step, 12))
        first += 1
    return made


def label(value: float, step: float | None = None) -> str:
    """A number as short as its step allows."""
    if value == 0.0:
        return "0"
    size = abs(value)
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            scaled = value / (1e3 if letter == "k" else limit)
            return f"{scaled:.4g}{letter}"
    if step:
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        if round(step * 10**places, 9) % 1:  # 2.5 and its like
            places += 1
        return f"{value:.{places}f}"
    return f"{value:.3g}"


def signed(value: float, places: int) -> str:
    """A number with its sign; one that would read as zero but is none gets a digit that shows it."""
    if value and round(abs(value), places) == 0.0:
        places = -math.floor(math.log10(abs(value)))
        if places > 8:
            return f"{value:+.0e}"
    return f"{value if value else 0.0:+,.{places}f}"


def room_for(low: float, high: float, count: int = 5) -> int:
    """Left margin in which the numbers of a value axis and its turned name stand beside each other."""
    marks = ticks(low, high, count)
    step = marks[1] - marks[0] if len(marks) > 1 else None
    return max(LEFT, int(28 + CHAR * max(len(label(mark, step)) for mark in marks)))


class Canvas:
    """An SVG picture under construction; coordinates in pixels, the origin at the top left."""

    def __init__(
        self, width: int, height: int, title: str, *, left: int = LEFT, right: int = RIGHT, top: int = TOP,
        bottom: int = BOTTOM,
    ) -> None:  # fmt: skip
        self.width, self.height = width, height
        self.left, self.right, self.top, self.bottom = left, width - right, top, height - bottom
        self._title = title
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        """Raw SVG."""
        self._parts.append(part)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>')

    def rect(
        self, x: float, y: float, width: float, height: float, style: str, tip: str = "", opacity: float = 1.0
    ) -> None:
        """A filled rectangle with a tip for the pointer."""
        faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        about = f"<title>{escape(tip)}</title>" if tip else ""
        self.add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{max(height, 0.5):.1f}" '
            f'class="{style}"{faint}>{about}</rect>'
        )

    def dot(self, x: float, y: float, radius: float, style: str, tip: str = "", opacity: float = 1) -> None:
        """A filled circle."""
        faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        about = f"<title>{escape(tip)}</title>" if tip else ""
        self.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{style}"{faint}>{about}</circle>')

    def text(
        self, x: float, y: float, words: str, *, anchor: str = "start", style: str = "", turned: bool = False
    ) -> None:
        """Words; `turned`: upwards."""
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        kind = f' class="{style}"' if style else ""
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}{turn}>{escape(words)}</text>')

    def path(self, points: Sequence[tuple[float, float]], style: str, *, step: bool = False) -> None:
        """A line through points; NaN breaks it. `step`: a value holds until the next."""
        pieces: list[str] = []
        pen_up, before = True, 0.0
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                pen_up = True
                continue
            if pen_up:
                pieces.append(f"M{x:.1f} {y:.1f}")
            elif step:
                pieces.append(f"H{x:.1f}" if y == before else f"H{x:.1f}V{y:.1f}")
            else:
                pieces.append(f"L{x:.1f} {y:.1f}")
            pen_up, before = False, y
        if pieces:
            self.add(f'<path d="{"".join(pieces)}" class="line {style}"/>')

    def area(self, lower: Sequence[tuple[float, float]], upper: Sequence[tuple[float, float]], style: str) -> None:
        """The area between two lines; where either is NaN there is a gap."""
        piece: list[tuple[tuple[float, float], tuple[float, float]]] = []
        for low, high in [*zip(lower, upper, strict=True), ((math.nan, math.nan), (math.nan, math.nan))]:
            if all(math.isfinite(value) for value in (*low, *high)):
                piece.append((low, high))
                continue
            if len(piece) > 1:
                there = "L".join(f"{x:.1f} {y:.1f}" for x, y in (pair[0] for pair in piece))
                back = "L".join(f"{x:.1f} {y:.1f}" for x, y in (pair[1] for pair in reversed(piece)))
                self.add(f'<path d="M{there}L{back}Z" class="band {style}"/>')
            piece = []

    def y_axis(self, scale: Scale, name: str, *, zero: bool = True, form: str = "", count: int = 5) -> None:
        """Horizontal grid lines with numbers at the left; `form`: a format for them instead of the shortest."""
        marks = ticks(scale.low, scale.high, count)
        step = marks[1] - marks[0] if len(marks) > 1 else None
        for mark in marks:
            y = scale(mark)
            self.line(self.left, y, self.right, y, "zero" if zero and mark == 0.0 else "grid")
            self.text(self.left - 5, y + 3.5, format(mark, form) if form else label(mark, step), anchor="end")
        self.text(11, (self.top + self.bottom) / 2, name, anchor="middle", turned=True)

    def x_axis(
        self, scale: Scale, name: str, marks: Sequence[tuple[float, str]] | None = None, *, grid: bool = False
    ) -> None:
        """Numbers (or the given marks) below, and what they mean; marks that would touch are left out."""
        if marks is None:
            numbers = ticks(scale.low, scale.high, max(2, int((self.right - self.left) / 70)))
            step = numbers[1] - numbers[0] if len(numbers) > 1 else None
            marks = [(number, label(number, step)) for number in numbers]
        free = -math.inf
        for value, words in marks:
            x, half = scale(value), CHAR * len(words) / 2
            if x - half < free:
                continue
            free = x + half + 4
            self.line(x, self.top if grid else self.bottom, x, self.bottom + 3, "grid")
            self.text(min(x, self.width - half), self.bottom + 14, words, anchor="middle")
        self.text((self.left + self.right) / 2, self.bottom + 28, name, anchor="middle")

    def svg(self) -> str:
        """The picture."""
        return (
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self._title)}"><title>{escape(self._title)}</title>{"".join(self._parts)}</svg>'
        )


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """HTML beside a picture: (style class of the series, words)."""
    items = "".join(
        f'<span class="key"><svg class="chart swatch" viewBox="0 0 18 8" aria-hidden="true">'
        f'<line x1="0" y1="4" x2="18" y2="4" class="line {style}" style="stroke-width:3"/></svg>{escape(words)}</span>'
        for style, words in entries
    )
    return f'<div class="legend">{items}</div>'


def time_marks(first_ns: int, last_ns: int, count: int = 6) -> tuple[str, list[tuple[float, str]]]:
    """(axis name, marks) of a stretch of time: values are ns, words hours and minutes since its start."""
    span_s = max((last_ns - first_ns) / 1e9, 1e-9)
    units = (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0), ("seconds", 1.0))
    name, length = next(((name, length) for name, length in units if span_s >= 2 * length), units[-1])
    numbers = ticks(0.0, span_s / length, count)
    step = numbers[1] - numbers[0] if len(numbers) > 1 else None
    return f"{name} since the start", [(first_ns + number * length * 1e9, label(number, step)) for number in numbers]
