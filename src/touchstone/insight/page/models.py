"""Panels about the models: does each beat its baseline, is it honest, and since when."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from touchstone.insight.charts import bars, calibration, lines
from touchstone.insight.charts.bars import Corp
from touchstone.insight.page.html import Panel, chip, multiples, panel, table
from touchstone.insight.readings import clustered
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.outcomes import by_depth
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import SCORES, count, covered, interval, is_number, number, ratio, verdict_of

TONES = {"ADDS VALUE": "good", "HARMFUL": "bad", "FIXABLE": "warn"}
FOLLOWED = ("fill_10s", "toxic_10s", "adverse_10s", "edge_10s", "lag_1s", "fair_1s")
LEGEND = (
    "score: Brier, CRPS (bps), squared error (bps^2) or -ln p (nats), lower is better; skill: 1 - score / baseline's; "
    "ir: DSC / MCB, more than 1 beats the bucket's rate; in 50/90: % of outcomes inside the central intervals; "
    "verdicts come from e-processes, not from these intervals."
)
MOST_RECORDS = 200  # of a line along the calibration records
COUNTS = "Bars below: how many forecasts a point stands for; vertical lines: 90 % interval with n_eff."


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Scorecards", "Does each model beat knowing only the depth?", lambda: scorecards(readings), wide=True,
              note=LEGEND),
        panel("Reliability", "When a model says 30 %, does it happen 30 times in 100?", lambda: reliability(readings),
              wide=True, note=COUNTS),
        panel("What the Brier score is made of",
              "Is a bad score repairable (MCB), or does the model not know (DSC)?", lambda: corp(readings),
              note="Net: DSC - MCB, what is better than always forecasting the mean of what happened."),
        panel("Fill rate by depth", "Does the fill model know what the depth bucket knows, and more?",
              lambda: fill_by_depth(readings)),
        panel("Skill over time", "Does a model get better, or has it broken?", lambda: skill_over_time(readings)),
        panel("Evidence over time", "From when on was it proven, or disproven?", lambda: evidence_over_time(readings),
              note="log10 of the e-value against the baseline, cut at 10; above 1.3 (20 : 1) a model adds value. It "
              "may be looked at all the time."),
        panel("Lead-lag", "Does the reference venue lead, and by how much?", lambda: lead_lag(readings)),
        panel("Gate scorecard", "Did withdrawing a side avoid toxic fills, and at what price?", lambda: gate(readings)),
    ]  # fmt: skip


def _cards(readings: Readings) -> Mapping[str, Mapping[str, Any]]:
    cards: Mapping[str, Mapping[str, Any]] = readings.result.get("models") or {}
    if not cards:
        raise NoDataError("no model was asked for a prediction, or no scorecard was written yet")
    return cards


def scorecards(readings: Readings) -> str:
    """The table of the terminal, with verdicts on colour."""
    head = ("model", "n", "n_eff", "score", "skill", "90 % interval", "ir", "in 50/90", "e skill", "e harm", "verdict")
    rows = []
    for name, card in _cards(readings).items():
        score = next((card[key] for key in SCORES if card.get(key) is not None), None)
        verdict = verdict_of(card)
        chips = chip(verdict, TONES.get(verdict, "soft"))
        if card.get("degraded"):
            chips += f" {chip('DEGRADED', 'bad')}"
        cells = [
            count(card.get("n")),
            number(card.get("n_eff"), ",.0f"),
            number(score, ".4f"),
            number(card.get("bss"), "+.3f"),
            interval(card.get("bss_low"), card.get("bss_high"), "+.3f"),
            ratio(card.get("ir")),
            covered(card.get("coverage50"), card.get("coverage90")),
            number(card.get("e_skill"), ".3g"),
            number(card.get("e_harm"), ".3g"),
        ]
        rows.append([escape(name), *(escape(cell) for cell in cells), chips])
    return table(head, rows, text=(0, 10), raw=True)


def reliability(readings: Readings) -> str:
    """One diagram a probability."""
    pictures = []
    for name, card in _cards(readings).items():
        curve = card.get("reliability") or []
        if not any(point.get("n") for point in curve):
            continue
        shrunk = (card.get("n_eff") or 0.0) / card["n"] if card.get("n") else 0.0
        bins = []
        for point in curve:
            if not point.get("n") or point.get("observed") is None:
                continue
            span = clustered.share(point["observed"] * point["n"] * shrunk, point["n"] * shrunk) if shrunk else None
            low, high = span or (None, None)
            bins.append(calibration.Bin(point["forecast"], point["observed"], point["n"], low, high))
        pictures.append((f"{name} (n {card.get('n') or 0:,})", calibration.reliability(bins, f"Reliability of {name}")))
    if not pictures:
        raise NoDataError("no probability has a scored outcome; curves are drawn from the result of a finished session")
    return multiples(pictures)


def corp(readings: Readings) -> str:
    """Miscalibration and discrimination of each probability."""
    items = [
        Corp(name, card["mcb"], card["dsc"], card["unc"])
        for name, card in _cards(readings).items()
        if all(is_number(card.get(key)) for key in ("mcb", "dsc", "unc")) and card["unc"] > 0.0
    ]
    if not items:
        raise NoDataError("no probability has outcomes of both kinds yet")
    return bars.corp(items, "CORP decomposition of the Brier scores")


def fill_by_depth(readings: Readings) -> str:
    """What was forecast, what happened, and what the bucket's past says, within 10 s."""
    rows = by_depth(readings.outcomes, "fill_10s")
    where = [float(at) for at in range(len(rows))]
    nan = float("nan")

    def of(values: list[float | None]) -> list[float]:
        return [nan if value is None else value for value in values]

    series = [
        lines.Series("filled, with 90 % interval", where, of([row.outcome.mean for row in rows]),
                     of([row.outcome.low for row in rows]), of([row.outcome.high for row in rows]), "0", bars=True),
        lines.Series("model", where, [row.forecast for row in rows], color="1", dash="dashed"),
        lines.Series("baseline (bucket's past)", where, of([row.baseline for row in rows]), color="6", dash="dotted"),
    ]  # fmt: skip
    marks = [(float(at), row.name) for at, row in enumerate(rows)]
    axes = lines.Axes("Fill rate within 10 s by depth", "depth, bps from mid", "share filled in 10 s", marks, zero=True)
    picture = lines.lines(series, axes)
    numbers = table(
        ("depth, bps", "n", "filled", "90 %", "model", "base"),
        [
            [
                row.name, count(row.outcome.n), number(row.outcome.mean, ".1%"),
                interval(row.outcome.low, row.outcome.high, ".0%"), number(row.forecast, ".1%"),
                number(row.baseline, ".1%"),
            ]
            for row in rows
        ],
    )  # fmt: skip
    return picture + numbers


def skill_over_time(readings: Readings) -> str:
    """Skill so far of the models that matter most, at each calibration record."""
    return _scores(readings, "skill", "Skill against the baseline, cumulative", "skill", zero=True)


def evidence_over_time(readings: Readings) -> str:
    """log10 of the e-values for the models."""
    proven = ((1.301, "proven"),)
    return _scores(readings, "e_skill_log10", "Evidence for each model", "log10 e-value", zero=True, references=proven)


def _scores(
    readings: Readings, column: str, title: str, y_name: str, *, zero: bool,
    references: tuple[tuple[float, str], ...] = (),
) -> str:  # fmt: skip
    drawn = []
    followed = [(name, scores) for name, scores in readings.scores.items() if name in FOLLOWED]
    for at, (name, scores) in enumerate(followed):
        values = np.clip(getattr(scores, column), -1.0 if column == "skill" else -10.0, 10.0)
        if np.isfinite(values).any():
            dash = ("", "dashed", "dotted")[at % 3]
            shown = np.linspace(0, len(values) - 1, min(len(values), MOST_RECORDS)).astype(int)
            x, y = scores.t_ns[shown].tolist(), values[shown].tolist()
            drawn.append(lines.Series(name, x, y, color=str(at % 6), dash=dash))
    if not drawn or max(len(each.x) for each in drawn) < 2:
        raise NoDataError("fewer than two calibration records were written: one comes every five minutes")
    return lines.along_time(drawn, title, y_name, zero=zero, references=references, span_ns=readings.span_ns)


def lead_lag(readings: Readings) -> str:
    """The lag by the minute, and what the leader's moves say of ours."""
    found = readings.result.get("lead_lag") or {}
    if found.get("reference") in (None, "none"):
        raise NoDataError("no reference venue was heard")
    information, decay = found.get("information") or {}, found.get("decay") or {}
    rows = [
        ["lag, s (+ it leads)", number(found.get("lag_s"), "+.2f"),
         interval(found.get("lag_s_low"), found.get("lag_s_high"), "+.2f")],
        ["lag that we can trade on, s", number(found.get("tradable_lag_s"), "+.2f"), ""],
        ["correlation there", number(found.get("rho"), "+.3f"), ""],
        ["information in a second, nats", number(information.get("nats"), ".4f"),
         interval(information.get("low"), information.get("high"), ".4f")],
        ["chance reaches, 1 in 20, nats", number(information.get("null95"), ".4f"), ""],
        ["change per day, nats", number(decay.get("per_day"), "+.5f"),
         interval(decay.get("low"), decay.get("high"), "+.5f") if decay else f"{count(found.get('days'))} days so far"],
    ]  # fmt: skip
    numbers = table(("", "", "90 % interval"), rows)
    try:
        minutes = readings.session.read("lags", "SELECT t_ns, lag_ns, mean_lag_ns FROM lags ORDER BY rowid")
    except NoDataError:
        return numbers
    if len(minutes["t_ns"]) < 2:
        return numbers
    x = minutes["t_ns"].tolist()
    series = [
        lines.Series("of the minute", x, (minutes["lag_ns"] / 1e9).tolist(), color="4"),
        lines.Series("of 20 minutes", x, (minutes["mean_lag_ns"] / 1e9).tolist(), color="0"),
    ]
    return lines.along_time(series, "Lag behind the reference venue", "lag, s", zero=True, height=180,
                            span_ns=readings.span_ns) + numbers  # fmt: skip


def gate(readings: Readings) -> str:
    """What the gate avoided and what it cost."""
    found = readings.result.get("gate") or {}
    if not found:
        raise NoDataError("this session ran without a gate, or its scorecard is told at the end of a session")
    if not found["is_on"]:
        raise NoDataError("the gate is switched off")
    bid, ask = found["episodes"]
    if not bid + ask:
        return '<p class="note">The gate never closed: the market was never hot, or hot fills do not lose.</p>'
    span = interval(found["difference_low"], found["difference_high"], "+.3f")
    saved = interval(found["saved_low"], found["saved_high"], "+.2f")
    rows = [
        ["closed, share of the time", number(found["closed_share"], ".1%"), ""],
        ["episodes, bid and ask", f"{bid:,} and {ask:,}", ""],
        [f"of these quoted all the same (chance {found['propensity']:g})", count(sum(found["tried"])), ""],
        ["toxic fills avoided", number(found["toxic_avoided"], ".1%"), ""],
        ["benign fills lost", number(found["benign_lost"], ".1%"), ""],
        ["difference", number(found["difference"], "+.3f"), span],
        ["a gate by lot avoids of both", number(found["random_gate"], ".1%"), ""],
        ["saved per fill avoided, bps", number(found["saved_bps"], "+.2f"), saved],
    ]
    groups = [
        [name, count(row["n"]), count(row["benign"]), count(row["toxic"]), number(row["bps"], "+.2f")]
        for name, row in found["groups"].items()
    ]
    return table(("", "", "90 %"), rows) + table(("fills", "n", "benign", "toxic", "earned, bps"), groups)
