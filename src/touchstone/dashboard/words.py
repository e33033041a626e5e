"""Numbers, times and small pieces of HTML, for every page the same. What does not exist is shown as n/a, never as 0."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from numbers import Real
from typing import Any, TypeGuard

from touchstone.insight.words import MISSING, duration

NS = 1_000_000_000
GOOD, BAD, WARN, CALM, NEUTRAL = "good", "bad", "warn", "calm", ""


def is_number(value: Any) -> TypeGuard[float]:
    """Whether there is a number to show."""
    return isinstance(value, Real) and not isinstance(value, bool) and abs(float(value)) < float("inf")


def number(value: Any, form: str = ",.4g", unit: str = "") -> str:
    """A number in a format, with its unit; n/a where there is none."""
    return f"{value:{form}}{f' {unit}' if unit else ''}" if is_number(value) else MISSING


def odds(value: Any) -> str:
    """An e-value, of which only the size matters."""
    if not is_number(value):
        return MISSING
    if value < 0.01:
        return "< 0.01"
    if value > 1e6:
        return "> 1,000,000"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def money(value: Any, currency: str) -> str:
    """An amount with its sign and currency."""
    return number(value, "+,.4f", currency)


def percent(share: Any, form: str = ".1f") -> str:
    """A share of 1 as a percentage."""
    return f"{100 * share:{form}} %" if is_number(share) else MISSING


def clock(t_ns: Any) -> str:
    """Time of the day of a time in ns, UTC."""
    if not is_number(t_ns) or t_ns <= 0:
        return MISSING
    return datetime.fromtimestamp(int(t_ns) / NS, UTC).strftime("%H:%M:%S")


def since(seconds: Any) -> str:
    """`since 12.0 s`, or nothing."""
    return f" since {duration(seconds)}" if is_number(seconds) else ""


def plain(code: Any) -> str:
    """A name of the program as words."""
    return str(code).replace("_", " ") if code else MISSING


def tone_of(value: Any) -> str:
    """Good above zero, bad below."""
    return GOOD if is_number(value) and value > 0 else BAD if is_number(value) and value < 0 else NEUTRAL


def tile(label: str, value: str, detail: str = "", tone: str = NEUTRAL) -> str:
    """A figure with its label and a line below it."""
    return (
        f'<div class="tile {tone}"><div class="label">{escape(label)}</div><div class="value">{escape(value)}</div>'
        f'<div class="detail">{escape(detail)}</div></div>'
    )


def tiles(*made: str) -> str:
    """Tiles beside each other, as many as the width takes."""
    return f'<div class="tiles">{"".join(made)}</div>'


def light(name: str, state: str, reason: str, tone: str, href: str = "") -> str:
    """A light with its name, what it means in words, and why: never by colour alone."""
    inner = (
        f'<span class="dot"></span><span class="name">{escape(name)}</span><span class="state">{escape(state)}</span>'
        f'<span class="reason">{escape(reason)}</span>'
    )
    if href:
        return f'<a class="light {tone}" href="{escape(href, quote=True)}">{inner}</a>'
    return f'<div class="light {tone}">{inner}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, note: str = "") -> str:
    """A table; the first `left` columns are words, the others numbers. A cell that begins with `<` is HTML."""
    made = list(rows)
    if not made:
        return empty(note or "nothing yet")

    def cell(at: int, text: str, kind: str) -> str:
        side = ' class="words"' if at < left else ""
        return f"<{kind}{side}>{text if text.startswith('<') else escape(text)}</{kind}>"

    title = "".join(cell(at, text, "th") for at, text in enumerate(head))
    body = "".join("<tr>" + "".join(cell(at, text, "td") for at, text in enumerate(row)) + "</tr>" for row in made)
    below = f'<p class="note">{escape(note)}</p>' if note else ""
    return f'<div class="scroll"><table><thead><tr>{title}</tr></thead><tbody>{body}</tbody></table></div>{below}'


def empty(reason: str) -> str:
    """Why there is nothing to show."""
    return f'<p class="empty">{escape(reason)}</p>'


def link(words: str, href: str, title: str = "") -> str:
    """A link for a table's cell."""
    return f'<a href="{escape(href, quote=True)}" title="{escape(title, quote=True)}">{escape(words)}</a>'


def meter(share: Any, words: str, tone: str = CALM) -> str:
    """A bar filled to a share of 1, with its words."""
    width = 100.0 * min(max(float(share), 0.0), 1.0) if is_number(share) else 0.0
    return (
        f'<div class="meter {tone}"><div class="fill" style="width:{width:.1f}%"></div></div>'
        f'<div class="detail">{escape(words)}</div>'
    )
