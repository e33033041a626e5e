"""The tables of the terminal report; each says why where it has no data."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from touchstone.insight.words import (
    MISSING,
    PNL_LINES,
    SCORES,
    Result,
    count,
    covered,
    decimal,
    duration,
    interval,
    is_number,
    mean,
    number,
    ratio,
    verdict_of,
)

BAR = 12  # characters on each side of zero
VARIANTS = (("pessimistic_queue", "pessimistic queue"), ("latency_0x", "latency x 0"), ("latency_2x", "latency x 2"))


def pnl_table(result: Result) -> RenderableType:
    """Attribution lines, exact, and their sum beside the total of the accounts."""
    pnl = result.get("pnl") or {}
    amounts = {key: decimal(pnl.get(key)) for key, _, _ in PNL_LINES}
    known = {key: amount for key, amount in amounts.items() if amount is not None}
    total = decimal(pnl.get("total"))
    if total is None:
        return Text("no data: this run has no accounts")
    places = max([6, *(-int(amount.as_tuple().exponent) for amount in [total, *known.values()])])
    table = plain_table(("", "left"), (str(result.get("currency") or ""), "right"))
    for key, sign, words in PNL_LINES:
        amount = amounts[key]
        table.add_row(words, MISSING if amount is None else f"{sign * amount:+,.{places}f}")
    table.add_row("", "-" * (places + 4))
    if len(known) < len(PNL_LINES):
        table.add_row("total (lines incomplete)", f"{total:+,.{places}f}")
        return table
    exact = sum((sign * known[key] for key, sign, _ in PNL_LINES), Decimal(0))
    table.add_row("total", f"{total:+,.{places}f}")
    if exact != total:
        table.add_row("DIFFERENCE (must be 0)", f"{total - exact:+,.{places}f}")
    return table


def markout_table(result: Result) -> RenderableType:
    """Mean markout per horizon and side with standard errors, and a bar for both sides together."""
    rows: Sequence[Mapping[str, Any]] = result.get("markouts") or ()
    if not any(row.get("n") for row in rows):
        return Text("no data: no fill has reached a horizon")
    by_key = {(row["horizon_s"], row.get("side", "both")): row for row in rows}
    sides = ("bid", "ask", "both")
    table = plain_table(("after", "right"), *((f"{side} ± s.e. (n)", "right") for side in sides), ("", "left"))
    largest = max((abs(row["bps"]) for row in rows if row.get("bps") is not None), default=0.0)
    for horizon in sorted({horizon for horizon, _ in by_key}):
        both = by_key.get((horizon, "both"), {})
        cells = [mean(by_key.get((horizon, side), {})) for side in sides]
        table.add_row(f"{horizon:g} s", *cells, bar(both.get("bps"), largest))
    return table


def model_table(result: Result) -> RenderableType:
    """One line per model and horizon: sample, score, skill against the baseline with interval, ratio, verdict."""
    models: Mapping[str, Any] = result.get("models") or {}
    if not models:
        return Text("NO DATA: no model was asked for a prediction")
    columns = ("n", "n_eff", "score", "skill", "90 % interval", "ir", "in 50/90")
    table = plain_table(("model", "left"), *((name, "right") for name in columns), ("verdict", "left"))
    for name, card in models.items():
        score = next((card[key] for key in SCORES if card.get(key) is not None), None)
        table.add_row(
            name,
            count(card.get("n")),
            number(card.get("n_eff"), ",.0f"),
            number(score, ".4f"),
            number(card.get("bss"), "+.3f"),
            interval(card.get("bss_low"), card.get("bss_high"), "+.3f"),
            ratio(card.get("ir")),
            covered(card.get("coverage50"), card.get("coverage90")),
            verdict_of(card) + (" DEGRADED" if card.get("degraded") else ""),
        )
    legend = (
        "score, lower is better: Brier, CRPS (bps), of fair and lag_move squared error (bps^2), of belief\n"
        "-ln p (nats);\n"
        "skill: 1 - score / baseline score; ir: DSC / MCB;\n"
        "in 50/90: % of outcomes inside the central 50 and 90 % intervals"
    )
    return Group(table, Text(legend))


def evidence_table(result: Result) -> RenderableType:
    """Per model: where its outcomes are, the decomposition of its score, its e-values."""
    models: Mapping[str, Any] = result.get("models") or {}
    if not models:
        return Text("no data")
    columns = ("pending", "voided", "by tape", "by model", "MCB", "DSC", "UNC", "e skill", "e harm")
    table = plain_table(("model", "left"), *((name, "right") for name in columns))
    for name, card in models.items():
        counts = (count(card.get(key)) for key in ("pending", "voided", "tape_decided", "model_decided"))
        parts = (number(card.get(key), ".4f") for key in ("mcb", "dsc", "unc"))
        table.add_row(name, *counts, *parts, *(number(card.get(key), ".3g") for key in ("e_skill", "e_harm")))
    return table


def lead_lag_table(result: Result) -> RenderableType:
    """Lag of our mid behind the reference's, the information in its moves, and the decay of that."""
    found: Mapping[str, Any] = result.get("lead_lag") or {}
    if found.get("reference") in (None, "none"):
        return Text("no data: no reference venue was heard")
    table = plain_table(("", "left"), ("", "right"), ("90 %", "right"))
    minutes = f"{count(found.get('minutes'))} minutes"
    spread = interval(found.get("lag_s_low"), found.get("lag_s_high"), "+.2f")
    table.add_row("lag, s (+ it leads)", number(found.get("lag_s"), "+.2f"), f"{spread} of {minutes}")
    table.add_row("lag that we can trade on, s", number(found.get("tradable_lag_s"), "+.2f"), "")
    table.add_row("correlation there (Hayashi-Yoshida)", number(found.get("rho"), "+.3f"), "")
    table.add_row("lead-lag ratio, median of minutes", number(found.get("llr"), ",.1f"), "")
    information = found.get("information") or {}
    span = interval(information.get("low"), information.get("high"), ".4f")
    table.add_row("information in a second, nats", number(information.get("nats"), ".4f"), span)
    table.add_row("chance reaches, 1 in 20", number(information.get("null95"), ".4f"), "")
    table.add_row("p over all lags", number(information.get("p"), ".3f"), "")
    decay = found.get("decay") or {}
    slope = interval(decay.get("low"), decay.get("high"), "+.5f")
    days = f"{count(found.get('days'))} days"
    table.add_row("change per day, nats", number(decay.get("per_day"), "+.5f"), slope if decay else days)
    state = "" if found["reference"] == "live" else f"\nthe reference is {found['reference']}: its terms are off"
    return Group(table, Text(state)) if state else table


def quote_table(result: Result) -> RenderableType:
    """How we quoted: presence, distance, requests; what stopped us and for how long."""
    quotes: Mapping[str, Any] = result.get("quotes") or {}
    if not quotes:
        return Text("no data: no quote was made")
    table = plain_table(("", "left"), ("", "right"))
    for key, value in quotes.items():
        words, kind = QUOTE_WORDS.get(key, (key.replace("_", " "), ",.4g"))
        table.add_row(words, number(value, kind))
    for rule, seconds in sorted((result.get("not_quoting_s") or {}).items(), key=lambda item: -item[1]):
        table.add_row(f"not quoting by rule {rule}", duration(seconds))
    return table


QUOTE_WORDS = {
    "time_at_touch": ("share of time at the touch", ".1%"),
    "time_two_sided": ("share of time with both sides", ".1%"),
    "mean_depth_bps": ("mean distance from mid, bps", ".2f"),
    "mean_half_spread_bps": ("mean half-spread, bps", ".2f"),
    "requests": ("requests", ",.0f"),
    "requests_per_fill": ("requests per fill", ",.1f"),
    "rejected": ("orders rejected", ",.0f"),
}


def variant_table(result: Result) -> RenderableType:
    """The run's own assumptions beside the pessimistic queue and other latencies."""
    variants: Mapping[str, Any] = result.get("variants") or {}
    shown = [(words, variants[key]) for key, words in VARIANTS if variants.get(key)]
    if not shown:
        return Text("no data: only one set of assumptions was run")
    chosen = (result.get("assumptions") or {}).get("queue_model")
    title = f"chosen ({chosen})" if chosen else "chosen"
    table = plain_table(("", "left"), (title, "right"), *((words, "right") for words, _ in shown))
    columns = [result, *(variant for _, variant in shown)]
    table.add_row("fills", *(count(column.get("fills")) for column in columns))
    table.add_row("volume", *(number(column.get("volume"), ",.2f") for column in columns))
    for key, words in (("total", "profit and loss"), ("spread_capture", "spread capture"), ("fees", "fees")):
        table.add_row(words, *(number((column.get("pnl") or {}).get(key), "+,.4f") for column in columns))
    edges = [column.get("edge_per_fill") or {} for column in columns]
    table.add_row("edge per fill, bps", *(number(edge.get("bps"), "+.2f") for edge in edges))
    table.add_row("90 % interval", *(interval(edge.get("low"), edge.get("high"), "+.2f") for edge in edges))
    toxic = [(column.get("toxic_fills") or {}).get("share") for column in columns]
    table.add_row("toxic fills", *(number(share, ".1%") for share in toxic))
    held = [(column.get("inventory") or {}).get("mean_abs_notional") for column in columns]
    table.add_row("mean absolute position", *(number(amount, ",.2f") for amount in held))
    return table


def bar(value: Any, largest: float) -> str:
    """A value as characters left (negative) or right (positive) of a line; empty where there is no value."""
    if not is_number(value) or largest <= 0:
        return ""
    length = round(abs(value) / largest * BAR)
    return f"{'#' * length:>{BAR}}|" if value < 0 else f"{'':{BAR}}|{'#' * length}"


def plain_table(*columns: tuple[str, Any]) -> Table:
    """Columns (title, side) without lines; numbers do not wrap."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(title for title, _ in columns))
    for title, side in columns:
        table.add_column(title, justify=side, no_wrap=side == "right", overflow="fold")
    return table
