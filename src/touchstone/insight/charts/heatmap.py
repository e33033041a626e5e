"""A table of numbers as colours around zero."""

import math
from collections.abc import Sequence

from touchstone.insight.charts.canvas import CHAR, Canvas

CELL = 26


def heatmap(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], title: str, unit: str, *,
    width: int = 420, form: str = "+.2f",
) -> str:  # fmt: skip
    """Cells (rows x columns), green above zero and orange below, each with its number; NaN is an empty cell."""
    left = int(max((len(name) for name in rows), default=4) * CHAR + 12)
    canvas = Canvas(width, 44 + CELL * len(rows), title, left=left, right=6, top=20)
    known = [abs(value) for row in values for value in row if math.isfinite(value)]
    largest = max(known, default=1.0) or 1.0
    wide = (canvas.right - canvas.left) / max(len(columns), 1)
    every = max(1, math.ceil(max((len(name) for name in columns), default=1) * CHAR / wide))
    for at, name in enumerate(columns):
        if at % every == 0:
            canvas.text(canvas.left + wide * (at + 0.5), 14, name, anchor="middle")
    has_room = wide > 6 * CHAR
    for r, name in enumerate(rows):
        y = canvas.top + CELL * r
        canvas.text(canvas.left - 6, y + CELL / 2 + 4, name, anchor="end", style="ink")
        for c, value in enumerate(values[r]):
            if not math.isfinite(value):
                continue
            x = canvas.left + wide * c
            depth = 0.12 + 0.68 * abs(value) / largest
            tip = f"{name}, {columns[c]}: {value:{form}} {unit}"
            canvas.rect(x + 1, y + 1, wide - 2, CELL - 2, "fgood" if value >= 0.0 else "fbad", tip, depth)
            if has_room:
                canvas.text(x + wide / 2, y + CELL / 2 + 4, f"{value:{form}}", anchor="middle", style="ink")
    canvas.text((canvas.left + canvas.right) / 2, canvas.height - 6, unit, anchor="middle")
    return canvas.svg()
