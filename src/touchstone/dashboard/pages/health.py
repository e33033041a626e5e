"""Health and logs: how fast we are, what went wrong, what was said."""

import os
from datetime import datetime
from html import escape
from pathlib import Path

from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.words import GOOD, NEUTRAL, WARN, empty, number, plain, table, tile, tiles
from touchstone.insight.words import duration
from touchstone.watch.alerts import read_log
from touchstone.watch.metrics import latency

TAIL_BYTES = 16_000
LINES = 60
LOG = "session.log"
ALERTS = 100


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out."""
    page.panel(
        "How fast we are",
        speed,
        note="By the wall, whatever the exchange's speed. Step: from a message's receipt to all its orders written.",
    )
    page.panel("What is wrong now", lambda shown: wrong(page, shown), "half")
    page.panel(
        "Problems and alerts of the core",
        problems,
        "half",
        note="Broken invariants are problems of the result; docs/json.md.",
    )
    page.panel(f"Alerts that came and went, newest first, at most {ALERTS}", told)
    page.panel("Drops, clamps, skips", counters, "half", note="Every one is counted; what is not here was zero.")
    page.panel("At the exchange", exchange, "half")
    page.panel(f"{LOG}, its last lines", log)


def speed(shown: Shown) -> str:
    """Latencies, losses."""
    result, found = shown.standing.result, latency(shown.standing)
    live = result.get("live") or {}
    step, late = found.get("step") or {}, found.get("timer_late") or {}
    told = live or shown.standing.status
    lost = shown.standing.told.get("lost")
    unwritten = f"; {lost:,} looks not written: is the disk full?" if lost else ""
    losses, skipped = told.get("connection_losses"), told.get("timers_skipped")

    def us(summary: dict[str, object], key: str) -> str:
        return number(summary.get(key), ",.0f")

    return tiles(
        tile("Step, median, us", us(step, "p50_us"), f"of {number(step.get('n'), ',.0f')} messages"),
        tile("Step, 99th percentile, us", us(step, "p99_us"), f"longest {us(step, 'largest_us')} us"),
        tile("Timer late, median, us", us(late, "p50_us"), f"99th percentile {us(late, 'p99_us')} us"),
        tile(
            "Market events", number(result.get("events"), ",.0f"), f"in {duration(result.get('span_s'))} of market time"
        ),
        tile(
            "Connection losses",
            number(losses, ",.0f"),
            "looked up and reconciled after each" if losses else "none so far",
            WARN if losses else NEUTRAL,
        ),
        tile(
            "Timers skipped",
            number(skipped, ",.0f"),
            f"after stalls of the program{unwritten}",
            WARN if skipped or unwritten else NEUTRAL,
        ),
    )


def wrong(page: Page, shown: Shown) -> str:
    """Active alerts of the watcher."""
    active = page.active()
    if not active:
        words = (
            "nothing: no rule of docs/alerts.md finds anything" if shown.standing.is_live else "the session has ended"
        )
        return tiles(tile("Alerts", "none", words, GOOD if shown.standing.is_live else NEUTRAL))
    rows = [(each.rule, each.severity, _long(each.text)) for each in active]
    return table(("rule", "how bad", "what"), rows, left=3)


def _long(text: str) -> str:
    return f'<span class="long">{escape(text)}</span>'


def problems(shown: Shown) -> str:
    """Problems in words, then alerts by name."""
    result = shown.standing.result
    found = "".join(
        f'<p class="bad"><span class="bad">PROBLEM</span> {escape(each)}</p>' for each in result.get("problems") or ()
    )
    rows = [(plain(name), number(count, ",.0f")) for name, count in (result.get("alerts") or {}).items()]
    return found + table(("alert", "times"), rows, note="" if rows else "no alert of the core")


def told(shown: Shown) -> str:
    """alerts.log."""
    rows = [
        (
            datetime.fromtimestamp(line.wall_ns / 1e9).strftime("%Y-%m-%d %H:%M:%S"),
            line.what,
            line.severity,
            _long(line.text),
            "sent" if line.told else "not sent",
        )
        for line in read_log(shown.folder, ALERTS)
    ]
    head = ("local time", "it", "how bad", "what", "message")
    return table(head, rows, left=5, note="" if rows else "none in this session")


def counters(shown: Shown) -> str:
    """Counters of the result."""
    result = shown.standing.result
    if "counters" not in result:
        return empty("told when the session ends")
    rows = [(plain(name), number(count, ",.0f")) for name, count in sorted(result["counters"].items())]
    return table(("place", "times"), rows, note="" if rows else "nothing was dropped, clamped or skipped")


def exchange(shown: Shown) -> str:
    """What the exchange refused, and what had to be asked for."""
    live = shown.standing.result.get("live") or {}
    if not live:
        if shown.standing.is_live:
            return empty("told when the session ends")
        return empty("the session did not trade over sockets")
    rows = [
        ("network", str(live.get("network"))),
        ("account", str(live.get("account"))),
        ("ended", str(live.get("ended"))),
    ]
    for part in ("requests", "recovery", "client", "frames"):
        rows += [(f"{part}: {plain(name)}", number(count, ",.0f")) for name, count in (live.get(part) or {}).items()]
    return table(("", ""), rows)


def log(shown: Shown) -> str:
    """The end of session.log."""
    text = _tail(shown.folder / LOG)
    return (
        f'<pre class="log" tabindex="0">{escape(text)}</pre>' if text else empty("the session has logged nothing yet")
    )


def _tail(path: Path) -> str:
    """The last lines of a file, whatever its length."""
    try:
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - TAIL_BYTES, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LINES:])
