"""Panels about what everything rests on: data quality, counters, alerts."""

from typing import Any

from touchstone.insight.page.html import Panel, panel, table
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import count, duration, number

MOST_COUNTERS = 14


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Data quality", "What did we hear, and what was wrong with it?", lambda: quality(readings)),
        panel("Drops, clamps and skips", "What was left out on the way, and how often?", lambda: counters(readings)),
        panel("Alerts", "What did the session warn of?", lambda: alerts(readings)),
    ]


def quality(readings: Readings) -> str:
    """Rows, gaps and problems of a tape; the market of a scenario; the line of a live session."""
    result = readings.result
    scenario, live, found = result.get("scenario"), result.get("live"), result.get("data_quality")
    if scenario:
        informed = result.get("informed_fills") or {}
        truth = result.get("truth") or {}
        rows = [
            ["market", f"simulated: {scenario.get('name')}, seed {scenario.get('seed')}"],
            ["hash", str(scenario.get("hash"))],
            ["maker fills by informed takers", f"{count(informed.get('n'))} ({number(informed.get('share'), '.1%')})"],
            ["edge against the latent price, informed", f"{number(truth.get('informed_edge_bps'), '+.2f')} bps"],
            ["... uninformed", f"{number(truth.get('uninformed_edge_bps'), '+.2f')} bps"],
        ]
        return table(("", ""), rows, text=(0, 1))
    if live:
        rows = [
            ["exchange", str(live.get("network"))],
            ["account", _short(str(live.get("account")))],
            ["speed", f"{live.get('speed'):g} x the wall"],
            ["ended", str(live.get("ended"))],
            ["connection losses", count(live.get("connection_losses"))],
            ["timers skipped", count(live.get("timers_skipped"))],
        ]
        for part in ("requests", "recovery", "frames", "client"):
            rows += [[f"{part}: {name.replace('_', ' ')}", count(value)]
                     for name, value in (live.get(part) or {}).items() if isinstance(value, int)]  # fmt: skip
        return table(("", ""), rows, text=(0, 1))
    if not found:
        ended = readings.session.is_finished
        raise NoDataError("the tape says nothing of its quality" if ended else "it is told at the end of a session")
    return _tape(found)


def _tape(found: dict[str, Any]) -> str:
    kept, gaps, problems = (found.get(key) or {} for key in ("rows_kept", "gaps", "problems"))
    read = found.get("rows_read") or {}
    rows = []
    for stream, n in read.items():
        gap = gaps.get(stream) or {}
        words = f"{gap['count']:,.0f}, longest {duration(gap['longest_s'])}" if gap.get("count") else "none"
        rows.append([stream, count(n), count(kept.get(stream)), words])
    made = table(("stream", "rows read", "used", "gaps"), rows, text=(0,))
    wrong = [(kind, entry) for kind, entry in problems.items() if entry.get("count")]
    if wrong:
        made += table(
            ("problem", "rows", ""),
            [[kind.replace("_", " "), count(entry["count"]), "dropped" if entry.get("dropped") else "noted"]
             for kind, entry in sorted(wrong, key=lambda item: -item[1]["count"])],
        )  # fmt: skip
    else:
        made += '<p class="note">No problem found in the input.</p>'
    return made


def counters(readings: Readings) -> str:
    """The largest counters of what was left out."""
    if not readings.session.is_finished:
        raise NoDataError("they are written at the end of a session")
    found = readings.result.get("counters") or {}
    if not found:
        return '<p class="note">None: nothing was dropped, clamped or skipped.</p>'
    largest = sorted(found.items(), key=lambda entry: -entry[1])
    made = table(("counter", "times"), [[name, count(value)] for name, value in largest[:MOST_COUNTERS]])
    if len(largest) > MOST_COUNTERS:
        made += f'<p class="note">and {len(largest) - MOST_COUNTERS} smaller ones, in result.json</p>'
    return made


def alerts(readings: Readings) -> str:
    """How often each came."""
    found = readings.result.get("alerts") or {}
    if not found:
        return '<p class="note">None.</p>'
    rows = [[name.replace("_", " "), count(value)] for name, value in sorted(found.items(), key=lambda e: -e[1])]
    return table(("alert", "times"), rows)


def _short(address: str) -> str:
    """An address that fits a column: enough of it to tell accounts apart."""
    return address if len(address) <= 20 else f"{address[:10]} … {address[-6:]}"
