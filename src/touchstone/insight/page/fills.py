"""Panels about fills: what they were worth later, by side, depth and regime; what was predicted of them."""

from itertools import pairwise

import numpy as np

from touchstone.insight.charts import calibration, heatmap, lines
from touchstone.insight.charts.canvas import legend
from touchstone.insight.page.html import Panel, panel
from touchstone.insight.readings import fills as fills_of
from touchstone.insight.readings.fills import Curve
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings
from touchstone.insight.readings.scatter import Scatter, adverse_scatter, edge_scatter

MOST_POINTS = 1_000  # of a scatter; beyond, every second, third, ...
BANDS = "Bands: 90 %, from time blocks, for fills of one moment share a price path; none below 10 blocks."


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Markout by side", "What was a fill worth later? bps before fees, positive = good for us.",
              lambda: by_side(readings), note=BANDS),
        panel("Markout by depth", "Do fills far from the mid do better?", lambda: by_depth(readings), note=BANDS),
        panel("Markout by regime", "In which market do fills lose?", lambda: by_regime(readings)),
        panel("Markout at 10 s by side and depth", "Where in the book is it lost?", lambda: side_and_depth(readings)),
        panel("Adverse selection: predicted against realised", "Does the forecast of the loss after a fill hold?",
              lambda: scatter(adverse_scatter(readings), "adverse selection at 10 s, bps")),
        panel("Edge: predicted against realised", "Does the forecast of what a fill earns hold?",
              lambda: scatter(edge_scatter(readings), "edge at 10 s after fees, bps")),
    ]  # fmt: skip


def markout_picture(curves: list[Curve], title: str) -> str:
    """Curves over their horizons, evenly spaced."""
    if not any(point.mean is not None for curve in curves for point in curve.points):
        raise NoDataError("no fill has reached a horizon")
    drawn = []
    colors = {"bid": "0", "ask": "1", "both": "6"}
    for at, curve in enumerate(curves):
        where = [float(h) for h in range(len(curve.points))]

        def of(name: str, curve: Curve = curve) -> list[float]:
            values = [getattr(point, name) for point in curve.points]
            return [float("nan") if value is None else value for value in values]

        color = colors.get(curve.name, "024135"[at % 6])
        name = f"{curve.name} (n {curve.n:,})"
        dash = "dashed" if curve.name == "both" else ""
        drawn.append(lines.Series(name, where, of("mean"), of("low"), of("high"), color, dash))
    marks = [(float(h), f"{seconds:g} s") for h, seconds in enumerate(curves[0].horizons_s)]
    return lines.lines(drawn, lines.Axes(title, "after the fill", "bps", marks, zero=True))


def by_side(readings: Readings) -> str:
    """Bid, ask, both."""
    return markout_picture(fills_of.curves_by_side(readings.fills), "Markout by side")


def by_depth(readings: Readings) -> str:
    """Thirds of the fills by distance from the mid."""
    return markout_picture(fills_of.curves_by_depth(readings.fills), "Markout by depth at the decision")


def by_regime(readings: Readings) -> str:
    """By regime at the fill."""
    return markout_picture(fills_of.curves_by_regime(readings.session, readings.fills), "Markout by regime")


def side_and_depth(readings: Readings) -> str:
    """Mean markout at 10 s: sides by depth groups."""
    fills = readings.fills
    known = np.isfinite(fills.depth_bps) & np.isfinite(fills.realised_bps[:, fills.horizon()])
    if not known.any():
        raise NoDataError("no fill has a markout at 10 s")
    edges = np.unique(np.quantile(fills.depth_bps[known], np.linspace(0.0, 1.0, 5)))
    group = np.clip(np.searchsorted(edges, fills.depth_bps, side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{low:.1f}-{high:.1f}" for low, high in pairwise(edges)] or [f"{edges[0]:.1f}"]
    rows, values = [], []
    for side, sign in (("bid", 1), ("ask", -1)):
        rows.append(side)
        row = []
        for at in range(len(names)):
            chosen = known & (fills.side == sign) & (group == at)
            row.append(float(fills.realised_bps[chosen, fills.horizon()].mean()) if chosen.any() else float("nan"))
        values.append(row)
    return heatmap.heatmap(rows, names, values, "Mean markout at 10 s by side and depth",
                           "bps; columns: depth at the decision, bps")  # fmt: skip


def scatter(found: Scatter, what: str) -> str:
    """Points with the band that was forecast, and how many fell inside."""
    points = []
    shown = slice(None, None, max(1, len(found.side) // MOST_POINTS))
    drawn = (part[shown].tolist() for part in (found.predicted, found.realised, found.side))
    for x, y, side in zip(*drawn, strict=True):
        name, color = ("bid", "0") if side > 0 else ("ask", "1")
        points.append((x, y, color, f"{name}: predicted {x:+.2f}, realised {y:+.2f} bps"))
    band = list(zip(*(part[shown].tolist() for part in (found.predicted, found.low, found.high)), strict=True))
    picture = calibration.scatter(
        points, f"Predicted against realised {what}", f"predicted {what}", "realised, bps", band=sorted(band)
    )
    inside = (found.realised >= found.low) & (found.realised <= found.high)
    known = np.isfinite(found.realised) & np.isfinite(found.low)
    words = f"{int(inside[known].sum()):,} of {int(known.sum()):,} inside the 90 % band that was forecast (grey)"
    varies = len(points) > 2 and np.ptp(found.predicted) > 0.0 and np.ptp(found.realised) > 0.0
    slope = f"; correlation {np.corrcoef(found.predicted, found.realised)[0, 1]:+.2f}" if varies else ""
    keys = legend((("s0", "bid fills"), ("s1", "ask fills")))
    return f'{picture}{keys}<p class="note">{words}{slope}; dashed: predicted = realised.</p>'
