"""The page of one session, from its folder."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from touchstone.insight.findings import find
from touchstone.insight.page import climate, data, fills, leash, models, money, quotes, summary
from touchstone.insight.page.html import Panel
from touchstone.insight.page.style import CSS
from touchstone.insight.readings.folder import open_session
from touchstone.insight.readings.readings import Readings
from touchstone.insight.sentences import what

REPORT = "report.html"

SECTIONS: tuple[tuple[str, Callable[[Readings], list[Panel]]], ...] = (
    ("Money", money.panels),
    ("Fills", fills.panels),
    ("Models", models.panels),
    ("Influence and context", leash.panels),
    ("Kind of market", climate.panels),
    ("Quotes and limits", quotes.panels),
    ("Data", data.panels),
)


def report_page(readings: Readings) -> str:
    """The whole page as text: no script, no font, no address that would have to be fetched."""
    return document(f"{readings.result.get('coin')} {readings.session.name}", session_parts(readings))


def reports_page(sessions: Sequence[Readings]) -> str:
    """Several sessions on one page, each after the other."""
    parts = [f"<header><h1>{len(sessions)} sessions</h1></header>"]
    names: list[str] = []
    articles: list[str] = []
    for at, readings in enumerate(sessions):
        names.append(f'<li><a href="#s{at}">{escape(readings.session.name)}</a>: {escape(what(readings.result))}</li>')
        articles.append(f'<article id="s{at}">{"".join(session_parts(readings))}</article>')
    return document(f"{len(sessions)} sessions", [*parts, f"<ol>{''.join(names)}</ol>", *articles])


def session_parts(readings: Readings) -> list[str]:
    """Everything about one session, in order."""
    parts = [
        summary.header(readings),
        summary.figures(readings),
        "<h2>Findings</h2>",
        summary.findings(find(readings), readings.session.currency),
        "<h2>In words</h2>",
        summary.told(readings),
    ]
    for title, panels in SECTIONS:
        parts.append(section(title, panels(readings)))
    parts.append(
        '<footer class="meta"><p>Signs: positive = good for us, adverse selection positive = against us. Intervals are '
        "central 90 %. What does not exist is n/a, never zero.</p></footer>"
    )
    return parts


def section(title: str, panels: Sequence[Panel]) -> str:
    """A headed grid of panels."""
    return f'<h2>{escape(title)}</h2><div class="grid">{"".join(panel.html() for panel in panels)}</div>'


def document(title: str, parts: Sequence[str]) -> str:
    """An HTML document of these parts."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def write_report(folder: Path, to: Path | None = None) -> Path:
    """Write the report of a session, by default into its folder. Raises UnreadableSessionError."""
    path = to or Path(folder) / REPORT
    with open_session(folder) as session:
        path.write_text(report_page(Readings(session)), encoding="utf-8")
    return path
