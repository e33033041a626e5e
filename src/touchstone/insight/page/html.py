"""Pieces of HTML: panels, tables, key figures. Every text goes through `escape`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from touchstone.insight.readings.clustered import Estimate
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.words import MISSING, is_number

WIDE, NARROW = 1000, 420  # of pictures that cross the page: on a screen, on a phone


@dataclass(frozen=True)
class Panel:
    """One question and its answer. `why_empty` where there is none; `wide`: as broad as the page."""

    title: str
    question: str
    body: str = ""
    why_empty: str = ""
    wide: bool = False
    note: str = ""

    def html(self) -> str:
        """The panel."""
        kind = "panel wide-panel" if self.wide else "panel"
        body = self.body or f'<p class="empty">No data: {escape(self.why_empty)}.</p>'
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        return (
            f'<section class="{kind}"><h3>{escape(self.title)}</h3><p class="question">{escape(self.question)}</p>'
            f"{body}{note}</section>"
        )


def panel(title: str, question: str, draw: Callable[[], str], *, wide: bool = False, note: str = "") -> Panel:
    """A panel whose body is drawn now; where there is no data it says why."""
    try:
        return Panel(title, question, draw(), wide=wide, note=note)
    except NoDataError as reason:
        return Panel(title, question, why_empty=str(reason))


def both_widths(draw: Callable[[int], str]) -> str:
    """A picture drawn for the screen and again for a phone; the style sheet shows the one that fits."""
    return f'<div class="for-wide">{draw(WIDE)}</div><div class="for-narrow">{draw(NARROW)}</div>'


def multiples(pictures: Sequence[tuple[str, str]]) -> str:
    """Small pictures of one kind, each under its name."""
    cells = "".join(f"<figure><figcaption>{escape(name)}</figcaption>{svg}</figure>" for name, svg in pictures)
    return f'<div class="multiples">{cells}</div>'


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, text: Sequence[int] = (0,), raw: bool = False
) -> str:
    """A table; columns in `text` stand to the left, numbers to the right. `raw`: cells are HTML already."""

    def cell(at: int, value: str, tag: str) -> str:
        inner = value if raw and tag == "td" else escape(value)
        return f'<{tag}{"" if at in text else " class=n"}>{inner}</{tag}>'

    head = "".join(cell(at, name, "th") for at, name in enumerate(columns)) if any(columns) else ""
    body = "".join(f"<tr>{''.join(cell(at, value, 'td') for at, value in enumerate(row))}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def figure(name: str, value: str, detail: str = "", *, tone: str = "", picture: str = "") -> str:
    """A key figure: what it is, how much, with what doubt."""
    kind = f' class="value {tone}"' if tone else ' class="value"'
    return (
        f'<div class="figure"><span class="name">{escape(name)}</span><span{kind}>{escape(value)}</span>'
        f'<span class="detail">{escape(detail)}</span>{picture}</div>'
    )


def chip(words: str, tone: str) -> str:
    """A word on colour."""
    return f'<span class="chip {tone}">{escape(words)}</span>'


def code(words: str) -> str:
    """Words with `code` in backticks."""
    parts = escape(words).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def amount(value: float | None, *, sign: bool = True) -> str:
    """Money in as many digits as it needs."""
    if not is_number(value):
        return MISSING
    assert value is not None
    places = 2 if abs(value) >= 100 else 4 if abs(value) >= 0.01 or value == 0 else 6
    return f"{value:{'+' if sign else ''},.{places}f}"


def estimate(found: Estimate, form: Callable[[float | None], str]) -> str:
    """A number with its interval."""
    if found.mean is None:
        return MISSING
    if found.low is None or found.high is None:
        return f"{form(found.mean)} (no interval: {found.blocks} time blocks)"
    if found.low == found.high:
        return f"{form(found.mean)} (exact)"
    return f"{form(found.mean)} ({form(found.low)} to {form(found.high)})"


def bps(value: float | None) -> str:
    """Basis points."""
    return MISSING if not is_number(value) else f"{value:+.2f}"
