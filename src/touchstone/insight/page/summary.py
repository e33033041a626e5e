"""The top of the page: what it is about, key figures, and the findings ranked by severity."""

from datetime import UTC, datetime
from html import escape

import numpy as np

from touchstone import __version__
from touchstone.insight import sentences
from touchstone.insight.charts.lines import sparkline
from touchstone.insight.findings import Finding, Severity
from touchstone.insight.page.html import amount, bps, chip, code, estimate, figure
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.path import bounds_ns
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import MISSING, count, duration, is_number, number

TONES = {Severity.CRITICAL: "bad", Severity.HIGH: "bad", Severity.MEDIUM: "warn", Severity.INFO: "soft"}


def header(readings: Readings) -> str:
    """Name of the session, market, when, by what."""
    result, session = readings.result, readings.session
    scenario, live = result.get("scenario"), result.get("live")
    where = f"scenario {scenario['name']}, seed {scenario['seed']}" if scenario else "recording"
    if live:
        where = f"{live.get('network')} exchange"
    elif not session.is_finished:
        where = "unfinished session"
    pieces = [where, when(readings), duration(result.get("span_s")), f"{count(result.get('events'))} market events"]
    written = f"session {session.name}"
    if session.schema:
        about = session.about
        written += f", written by Touchstone {about.get('version')}, core {about.get('core')}"
    if result.get("digest"):
        written += f", digest {result['digest']}"
    return (
        f'<header><h1>{escape(str(result.get("coin")))}</h1><p class="meta">{escape(", ".join(pieces))}</p>'
        f'<p class="meta">{escape(written)}; report by {__version__}</p></header>'
    )


def when(readings: Readings) -> str:
    """From when to when, UTC, on the exchange's clock."""
    try:
        first, last = (datetime.fromtimestamp(ns / 1e9, UTC) for ns in bounds_ns(readings.session))
    except NoDataError:
        return "time not known"
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} to {end} UTC"


def figures(readings: Readings) -> str:
    """The key figures, as in the result."""
    result, currency = readings.result, readings.session.currency
    pnl, edge = (result.get("pnl") or {}).get("total"), result.get("edge_per_fill") or {}
    volume = result.get("volume") or 0.0
    of_volume = f"{1e4 * pnl / volume:+.2f} bps of volume" if pnl is not None and volume else "no volume"
    toxic, quotes = result.get("toxic_fills") or {}, result.get("quotes") or {}
    cards = result.get("models") or {}
    proven = [name for name, card in cards.items() if card.get("verdict") == "ADDS VALUE"]
    bad = [name for name, card in cards.items() if card.get("verdict") == "HARMFUL" or card.get("degraded")]
    models = f"{len(bad)} harmful or degraded" if bad else "none harmful"
    made = [
        figure(f"PnL, {currency}", amount(pnl), of_volume, tone=_tone(pnl), picture=_line(readings)),
        figure("Edge per fill, bps", number(edge.get("bps"), "+.2f"), _edge_detail(edge), tone=_edge_tone(edge)),
        figure(f"Volume, {currency}", number(volume, ",.0f"), f"{count(result.get('fills'))} fills"),
        figure("Toxic fills", number(toxic.get("share"), ".1%"), f"{count(toxic.get('n'))} lost their fee within 10 s"),
        figure("Two-sided", number(quotes.get("time_two_sided"), ".1%"),
               f"at the touch {number(quotes.get('time_at_touch'), '.1%')} of the time"),
        figure("Requests per fill", number(quotes.get("requests_per_fill"), ",.1f"),
               f"{count(quotes.get('requests'))} requests"),
        figure("Models proven", f"{len(proven)} of {len(cards)}", models, tone="bad" if bad else ""),
    ]  # fmt: skip
    return f'<div class="figures">{"".join(made)}</div>'


def _tone(value: float | None) -> str:
    return "" if not is_number(value) or not value else "good" if value > 0 else "bad"


def _edge_tone(edge: dict[str, float | None]) -> str:
    low, high = edge.get("low"), edge.get("high")
    if low is None or high is None:
        return ""
    return "good" if low > 0 else "bad" if high < 0 else ""


def _edge_detail(edge: dict[str, float | None]) -> str:
    low, high = edge.get("low"), edge.get("high")
    return f"90 %: {low:+.2f} to {high:+.2f}" if low is not None and high is not None else "too few for an interval"


def _line(readings: Readings) -> str:
    try:
        total = readings.money.total
    except NoDataError:
        return ""
    at = np.linspace(0, len(total) - 1, min(len(total), 120)).astype(int)
    return sparkline(total[at].tolist(), "PnL over time")


def findings(found: list[Finding], currency: str) -> str:
    """The findings, the most severe first."""
    if not found:
        return (
            '<ol class="findings"><li class="finding calm"><h3>Nothing to report</h3><p>No rule fired: models are '
            "asked and honest, no side is toxic, feeds are fresh, budget and position have room, and the edge can be "
            "told from zero.</p></li></ol>"
        )
    return f'<ol class="findings">{"".join(_finding(finding, currency) for finding in found)}</ol>'


def _finding(finding: Finding, currency: str) -> str:
    name = finding.severity.name.lower()
    evidence = "".join(f"<li>{escape(words)}</li>" for words in finding.evidence)
    if finding.bps.mean is None and finding.money.mean is None:
        sizes = "not measurable here" if finding.size == "not measurable" else f"not known: {finding.size}"
    else:
        sizes = (
            f"{estimate(finding.bps, bps)} bps; {estimate(finding.money, amount)} {currency}: {finding.size}"
            if finding.bps.mean is not None
            else f"{estimate(finding.money, amount)} {currency}: {finding.size}"
        )
    return (
        f'<li class="finding {name}"><h3>{chip(name, TONES[finding.severity])}{escape(finding.title)}'
        f'<span class="meta">rule: {escape(finding.rule)}</span></h3><ul>{evidence}</ul>'
        f'<p class="sizes"><b>Size</b> {escape(sizes)}</p>'
        f'<p class="action"><b>Do</b> {code(finding.action)}</p></li>'
    )


def told(readings: Readings) -> str:
    """The sentences of the terminal report."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in sentences.sentences(readings.result))
    line = escape(sentences.calibration_line(readings.result)) if readings.result.get("models") else MISSING
    return f"{lines}<details><summary>Calibration line</summary><pre>{line}</pre></details>"
