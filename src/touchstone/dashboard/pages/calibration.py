"""Calibration: does what we predicted happen as often, and does each model beat its baseline?"""

import math
from functools import partial
from typing import Any

import numpy as np

from touchstone.dashboard import charts
from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.pages.overview import VERDICT_TONES
from touchstone.dashboard.words import BAD, empty, is_number, link, number, odds, percent, table
from touchstone.insight.words import SCORES

NEEDED_LOG10 = float(np.log10(80.0))  # an e-value of 80 lets a model be bold
SHOWN = ("fill_10s", "toxic_10s", "lag_1s")
ONE_POINT = "one calibration record so far: a line begins with the second (each five minutes of market time)"
LEAST_LOG10, MOST_LOG10 = -6.0, 12.0
MANY_HEIGHT = 400  # of a chart with a line a model, whose names take rows of their own


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out; a model that is named comes first."""
    chosen = parameters.get("model") or ""
    page.panel(
        "Scorecards",
        lambda shown: scorecards(page, shown),
        note="Score: Brier of a probability, CRPS (bps) of a distribution, squared error (bps²) of fair and lag_move, "
        "-ln p of belief; lower is better. Skill: 1 - score / baseline's score. ir: DSC / MCB. Evidence: e-values, "
        "80 to 1 lets a model be bold. Inside 50 / 90: outcomes within the central intervals. 90 %: of the skill, by "
        "bootstrap of time blocks; while the session runs at its newest calibration record, and none under 30 blocks. "
        "A click chooses a model.",
    )
    page.chart(
        "Skill over time" + (f": {chosen}" if chosen else ""),
        lambda shown: skill(shown, chosen),
        "half",
        height=MANY_HEIGHT,
        note="At each calibration record; above 0 is better than the baseline.",
    )
    page.chart(
        "Evidence over time" + (f": {chosen}" if chosen else ""),
        lambda shown: evidence(shown, chosen),
        "half",
        height=MANY_HEIGHT,
        note="log10 of the e-value for the model; above the line it may be bold.",
    )
    for name in _diagrams(page.shown, chosen):
        page.chart(
            f"Reliability: {name}",
            partial(reliability, name=name),
            "third",
            of_tables=False,
            height=300,
            note="On the line, what was predicted happens as often. Size of a point: number of outcomes.",
        )


def _diagrams(shown: Shown, chosen: str) -> list[str]:
    models = shown.standing.result.get("models") or {}
    binary = [
        name for name, card in models.items() if card.get("reliability") is not None or card.get("brier") is not None
    ]
    binary = binary or list(SHOWN)
    return [chosen] if chosen in binary else binary


def scorecards(page: Page, shown: Shown) -> str:
    """One row a model."""
    models = shown.standing.result.get("models") or {}
    if not models:
        return empty("no model was asked for a prediction")
    head = (
        "model",
        "verdict",
        "outcomes",
        "effective",
        "score",
        "skill",
        "90 % interval",
        "ir",
        "evidence for",
        "against",
        "inside 50 / 90",
        "influence",
    )
    return table(head, [_row(shown, page, name, card) for name, card in models.items()], left=2)


def _interval(shown: Shown, name: str, card: dict[str, Any]) -> tuple[Any, Any]:
    """Of the result where the session has ended; else of the outcomes in its database."""
    if is_number(card.get("bss_low")):
        return card["bss_low"], card.get("bss_high")
    found = (shown.tables.skills or {}).get(name)
    return (found.low, found.high) if found else (None, None)


def _row(shown: Shown, page: Page, name: str, card: dict[str, Any]) -> list[str]:
    score = next((card[key] for key in SCORES if card.get(key) is not None), None)
    low, high = _interval(shown, name, card)
    verdict = "DEGRADED" if card.get("degraded") else str(card.get("verdict") or "NO DATA")
    tone = BAD if card.get("degraded") else VERDICT_TONES.get(verdict, "")
    inside = f"{percent(card.get('coverage50'), '.0f')} / {percent(card.get('coverage90'), '.0f')}"
    return [
        link(name, page.url("/calibration", model=name), "only this model"),
        f'<span class="{tone}">{verdict}</span>',
        number(card.get("n"), ",.0f"),
        number(card.get("n_eff"), ",.0f"),
        number(score, ".4f"),
        number(card.get("bss"), "+.3f"),
        f"{low:+.3f} to {high:+.3f}" if is_number(low) and is_number(high) else "n/a",
        ">10" if is_number(card.get("ir")) and card["ir"] >= 10 else number(card.get("ir"), ".2f"),
        odds(card.get("e_skill")),
        odds(card.get("e_harm")),
        inside if card.get("n") and is_number(card.get("coverage50")) else "n/a",
        percent(card.get("influence"), ".0f"),
    ]


def _lines(shown: Shown, chosen: str, column: str) -> list[dict[str, Any]]:
    """A line per model that has values; the chosen one alone."""
    scores = shown.tables.scores or {}
    made = []
    for name, along in scores.items():
        values = (
            np.clip(getattr(along, column), LEAST_LOG10, MOST_LOG10)
            if column.startswith("e_")
            else getattr(along, column)
        )
        if (not chosen or name == chosen) and np.isfinite(values).any():
            made.append(
                charts.line(name, charts.points(along.t_ns, values, 4), showSymbol=len(values) < 40, symbolSize=4)
            )
    return made


def _is_one_point(lines: list[dict[str, Any]]) -> bool:
    return bool(lines) and all(len(line["data"]) < 2 for line in lines)


def skill(shown: Shown, chosen: str) -> dict[str, Any] | str:
    """Skill of each model along the time."""
    if shown.tables.scores is None:
        return shown.tables.reasons.get("scores", "reading the session ...")
    lines = _lines(shown, chosen, "skill")
    if _is_one_point(lines):
        return ONE_POINT
    if not lines:
        return "no model has a skill yet: outcomes are still to come"
    lines[0]["markLine"] = charts.zero()
    return charts.frame(charts.time_axis(), charts.value_axis("skill", scale=False, min=_floor(lines)), lines)


def _floor(lines: list[dict[str, Any]]) -> float:
    """The first minutes may be far below: what matters is near zero."""
    least = min(v for line in lines for _, v in line["data"] if v is not None)
    return max(math.floor(5.0 * float(least)) / 5.0, -1.0)


def evidence(shown: Shown, chosen: str) -> dict[str, Any] | str:
    """e-values of each model along the time."""
    if shown.tables.scores is None:
        return shown.tables.reasons.get("scores", "reading the session ...")
    lines = _lines(shown, chosen, "e_skill_log10")
    if _is_one_point(lines):
        return ONE_POINT
    if not lines:
        return "no model has evidence yet: the first windows are still open"
    lines[0]["markLine"] = charts.level(NEEDED_LOG10, "80 to 1")
    return charts.frame(charts.time_axis(), charts.value_axis("log10 e-value", scale=False), lines)


def reliability(shown: Shown, name: str) -> dict[str, Any] | str:
    """Forecast against observed, with counts."""
    card = (shown.standing.result.get("models") or {}).get(name) or {}
    groups = card.get("reliability") or []
    if not groups:
        return f"{card.get('made') or 0:,} predictions, no scored outcome yet"
    most = max(each["n"] for each in groups)
    end = min(charts.nice_end(1.05 * max(max(each["forecast"], each["observed"]) for each in groups)), 1.0)
    data = [
        {
            "value": [round(100 * each["forecast"], 3), round(100 * each["observed"], 3), each["n"]],
            "symbolSize": 6 + 18 * (each["n"] / most) ** 0.5,
        }
        for each in groups
    ]
    series: list[dict[str, Any]] = [
        {
            "name": f"{sum(each['n'] for each in groups):,} outcomes",
            "type": "scatter",
            "data": data,
            "itemStyle": {"color": charts.BLUE, "opacity": 0.85},
        },
        charts.line("perfect", [[0, 0], [100 * end, 100 * end]], charts.GREY, silent=True),
    ]
    series[1]["lineStyle"]["type"] = "dashed"
    made = charts.frame(
        charts.below_axis("predicted, %", min=0, max=round(100 * end, 3), scale=False),
        charts.value_axis("happened, %", min=0, max=round(100 * end, 3), scale=False),
        series,
    )
    made["grid"]["bottom"] = 24
    made["tooltip"] = {"trigger": "item", "confine": True}
    return made
