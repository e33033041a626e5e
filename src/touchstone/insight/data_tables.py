"""The tables of the terminal report about where the data came from, and how a live session went."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from touchstone.insight.tables import plain_table
from touchstone.insight.words import MISSING, Result, count, duration, number


def data_table(result: Result) -> RenderableType:
    """Rows read and used, gaps, and what was wrong by kind with the first place; nothing is repaired in silence."""
    if result.get("scenario"):
        return Text(_market_words(result["scenario"], result.get("informed_fills") or {}))
    quality: Mapping[str, Any] = result.get("data_quality") or {}
    if live := result.get("live"):
        return live_table(live)
    if not quality:
        return Text("no data: the tape says nothing of its quality")
    lines = []
    for stream, read in (quality.get("rows_read") or {}).items():
        gap = (quality.get("gaps") or {}).get(stream) or {}
        gaps = f", {gap['count']:,.0f} gaps, longest {duration(gap['longest_s'])}" if gap.get("count") else ""
        lines.append(f"{stream}: {read:,} rows read, {count((quality.get('rows_kept') or {}).get(stream))} used{gaps}")
    if clock := quality.get("clock"):
        lines.append(
            f"clock: {number(clock.get('offset_ms'), ',.1f')} ms taken off every receive time, so that 1 % of the "
            f"messages\narrive within {number(clock.get('floor_ms'), ',.0f')} ms of their block"
        )
    depth = quality.get("depth") or {}
    if depth.get("updates"):
        lines.append(
            f"book rebuilt from {depth['applied']:,} of {depth['updates']:,} updates: {depth['touches_equal']:,} of "
            f"{depth['touches_compared']:,} touches equal the feed's own"
        )
    found = {kind: entry for kind, entry in (quality.get("problems") or {}).items() if entry.get("count")}
    if not found:
        lines.append("no problem found in the input")
        return Text("\n".join(lines))
    table = plain_table(("problem", "left"), ("rows", "right"), ("", "left"), ("first at", "left"))
    for kind, entry in sorted(found.items(), key=lambda item: -item[1]["count"]):
        first = entry.get("first") or {}
        place = f"{first.get('file', '')}:{first.get('line', '')}" if first else ""
        value = f" {first['value']}" if first.get("value") else ""
        action = "dropped" if entry.get("dropped") else "noted"
        table.add_row(kind.replace("_", " "), count(entry["count"]), action, f"{place}{value}"[:56])
    return Group(Text("\n".join(lines)), table)


def live_table(live: Mapping[str, Any]) -> RenderableType:
    """Where and how a live session went: the line, how fast we were, what was refused or had to be asked for."""
    latency, requests, recovery = (live.get(key) or {} for key in ("latency", "requests", "recovery"))
    step, late = latency.get("step") or {}, latency.get("timer_late") or {}
    speed = live.get("speed") or 1.0
    at_speed = "" if speed == 1.0 else f", {speed:g} times faster than the wall"
    table = plain_table(("", "left"), ("", "left"))
    rows = (
        ("exchange", f"{live.get('network')}{at_speed}"),
        ("account", str(live.get("account") or MISSING)),
        ("ended", str(live.get("ended") or MISSING)),
        ("connection losses", count(live.get("connection_losses"))),
        ("message in to orders out", _microseconds(step)),
        ("timer late", _microseconds(late)),
        ("timers skipped", count(live.get("timers_skipped"))),
        ("requests", count(requests.get("requests"))),
        ("refused, not sent, unknown", "  ".join(count(requests.get(k)) for k in _REFUSED)),
        ("orphans cancelled", count(recovery.get("orphans_cancelled"))),
        ("orders asked for by cloid", count(recovery.get("asked_by_cloid"))),
    )
    for name, value in rows:
        table.add_row(name, value)
    return table


_REFUSED = ("parts_refused", "not_sent", "unknown_outcomes")


def _microseconds(summary: Mapping[str, Any]) -> str:
    median, p99 = (number(summary.get(key), ",.0f") for key in ("p50_us", "p99_us"))
    return MISSING if MISSING in (median, p99) else f"median {median} us, p99 {p99} us of the wall"


def _market_words(scenario: Mapping[str, Any], informed: Mapping[str, Any]) -> str:
    """Where the data come from in a simulated market, and what is known of the fills there."""
    market = f"simulated market {scenario.get('name')}, hash {scenario.get('hash')}, seed {scenario.get('seed')}"
    share = number(informed.get("share"), ".1%")
    return f"{market}\ninformed takers made {count(informed.get('n'))} of our maker fills ({share})"
