"""Pictures: well-formed for any numbers, nothing outside its frame, ticks that are round."""

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.insight.charts import bars, calibration, canvas, heatmap, lines

FINITE = st.floats(-1e9, 1e9, allow_nan=False)
ANY = st.one_of(FINITE, st.just(math.nan))
NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12)


def parsed(picture: str) -> Any:
    """The SVG of a picture; raises where it is not well-formed."""
    return ET.fromstring(f"<div>{picture}</div>")


def numbers_of(root: Any) -> list[float]:
    found = []
    for node in root.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
            if name in node.attrib:
                found.append(float(node.attrib[name]))
    return found


@given(st.lists(st.tuples(FINITE, ANY, ANY, ANY), max_size=12), NAMES)
def test_lines_are_well_formed_for_any_numbers(points: list[tuple[float, float, float, float]], name: str) -> None:
    xs, ys, lows, highs = zip(*points, strict=True) if points else ((), (), (), ())
    series = [lines.Series(name, xs, ys, lows, highs), lines.Series("<&>", xs, ys)]
    picture = lines.lines(series, lines.Axes(name, name, "bps", zero=True))
    assert all(math.isfinite(number) for number in numbers_of(parsed(picture)))
    assert "nan" not in picture.replace(name, "")


@given(st.lists(st.tuples(NAMES, FINITE), min_size=1, max_size=8))
def test_a_waterfall_ends_at_its_total(items: list[tuple[str, float]]) -> None:
    total = math.fsum(value for _, value in items)
    picture = bars.waterfall(items, total, "w", "USDE")
    rects = parsed(picture).findall(".//rect")
    assert len(rects) == len(items) + 1
    frame = float(parsed(picture).find("svg").attrib["viewBox"].split()[2])
    for rect in rects:
        left, width = float(rect.attrib["x"]), float(rect.attrib["width"])
        assert -1.0 <= left <= left + width <= frame + 1.0


def test_the_bars_of_a_waterfall_begin_where_the_one_before_ended() -> None:
    rects = parsed(bars.waterfall([("a", 3.0), ("b", -1.0)], 2.0, "w", "USDE")).findall(".//rect")
    edges = [(float(rect.attrib["x"]), float(rect.attrib["x"]) + float(rect.attrib["width"])) for rect in rects]
    assert edges[1][1] == pytest.approx(edges[0][1], abs=0.2)  # b goes back from where a ended
    assert edges[2][1] == pytest.approx(edges[1][0], abs=0.2)  # and the total ends where b did
    assert edges[2][0] == pytest.approx(edges[0][0], abs=0.2)  # having begun at zero


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 10**6)), min_size=1, max_size=10))
def test_reliability_points_stay_in_the_frame(points: list[tuple[float, float, int]]) -> None:
    bins = [calibration.Bin(p, y, n, max(y - 0.1, 0), min(y + 0.1, 1)) for p, y, n in sorted(points)]
    for dot in parsed(calibration.reliability(bins, "r")).findall(".//circle"):
        assert canvas.LEFT - 0.1 <= float(dot.attrib["cx"]) <= 250 - canvas.RIGHT + 0.1
        assert canvas.TOP - 0.1 <= float(dot.attrib["cy"]) <= 260 - 84 + 0.1


def test_a_calibrated_model_lies_on_the_diagonal() -> None:
    bins = [calibration.Bin(p, p, 10) for p in (0.1, 0.5, 0.9)]
    root = parsed(calibration.reliability(bins, "r"))
    diagonal = next(line for line in root.iter("line") if "dashed" in line.attrib["class"])
    x1, y1, x2, y2 = (float(diagonal.attrib[name]) for name in ("x1", "y1", "x2", "y2"))
    for dot in root.findall(".//circle"):
        x, y = float(dot.attrib["cx"]), float(dot.attrib["cy"])
        assert y == pytest.approx(y1 + (x - x1) / (x2 - x1) * (y2 - y1), abs=0.2)


@given(st.lists(st.lists(ANY, min_size=3, max_size=3), max_size=4))
def test_a_heat_map_leaves_what_is_missing_empty(values: list[list[float]]) -> None:
    names = [str(at) for at in range(len(values))]
    picture = heatmap.heatmap(names, ["a", "b", "c"], values, "h", "bps")
    known = sum(math.isfinite(value) for row in values for value in row)
    assert len(parsed(picture).findall(".//rect")) == known


@given(FINITE, st.floats(1e-6, 1e6), st.integers(2, 8))
def test_ticks_are_round_and_inside(low: float, length: float, count: int) -> None:
    high = low + length
    if high <= low:
        return
    found = canvas.ticks(low, high, count)
    assert len(found) <= 2 * count + 1
    slack = 1e-6 * max(abs(low), abs(high), length)
    assert all(low - slack <= tick <= high + slack for tick in found)


@pytest.mark.parametrize(
    ("value", "step", "words"),
    [(0.0, 1.0, "0"), (2.5, 2.5, "2.5"), (0.05, 0.05, "0.05"), (12_000.0, 2_000.0, "12k"), (-3e6, None, "-3M")],
)
def test_labels_are_short(value: float, step: float | None, words: str) -> None:
    assert canvas.label(value, step) == words


def test_an_amount_that_is_not_zero_never_reads_as_zero() -> None:
    assert canvas.signed(-0.000945, 2) == "-0.0009"
    assert canvas.signed(0.0, 2) == "+0.00"
    assert canvas.signed(-0.0, 2) == "+0.00"
    assert canvas.signed(1234.5, 2) == "+1,234.50"


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    picture = lines.lines([lines.Series("a", [0, 1, 2, 3], [1.0, math.nan, 2.0, 3.0])], lines.Axes("t", "x", "y"))
    path = next(node for node in parsed(picture).iter("path"))
    assert path.attrib["d"].count("M") == 2


def test_a_sparkline_marks_its_last_value() -> None:
    root = parsed(lines.sparkline([1.0, -1.0, 2.0], "pnl"))
    assert len(root.findall(".//circle")) == 1
    assert root.find("svg").attrib["aria-label"] == "pnl"
