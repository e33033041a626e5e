"""The terminal report: from the result of a run (docs/json.md) to words, then tables.

Reads in 100 columns and without colour. What does not exist is shown as n/a, never as zero.
"""

import io
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDTH = 100
MISSING = "n/a"
BAR = 12  # characters on each side of zero
PNL_LINES = (  # key, sign in the sum, words
    ("spread_capture", +1, "spread capture"),
    ("adverse_selection", -1, "adverse selection"),
    ("post_horizon", +1, "drift after the horizon"),
    ("opening_inventory", +1, "opening inventory"),
    ("fees", -1, "fees"),
    ("funding", +1, "funding"),
)
VARIANTS = (("pessimistic_queue", "pessimistic queue"), ("latency_0x", "latency x 0"), ("latency_2x", "latency x 2"))
VERDICT_ORDER = ("HARMFUL", "ADDS VALUE", "FIXABLE", "NOT PROVEN", "WARMING", "NO DATA")

Result = Mapping[str, Any]


def print_report(result: Result, console: Console) -> None:
    """Print the report of one run."""
    console.print(render(result))


def draw_report(result: Result, title: str) -> str:
    """The report as an SVG picture of the terminal; it names no font or address that would have to be fetched."""
    console = Console(width=WIDTH, record=True, file=io.StringIO(), highlight=False)
    print_report(result, console)
    template = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("    <!-- Generated with Rich https://www.textualize.io -->\n", "")
    return console.export_svg(title=title, code_format=template, unique_id="report")


def render(result: Result) -> RenderableType:
    """The report of one run; every part appears, with the reason where it has no data."""
    parts: list[tuple[str, RenderableType]] = [
        ("", headline(result)),
        ("Where the money went", pnl_table(result)),
        ("Markout: the mid after our fills, bps, positive = good for us", markout_table(result)),
        ("Models: does each beat its baseline?", model_table(result)),
        ("What is behind the scores", evidence_table(result)),
        ("Lead-lag: does the reference venue lead?", lead_lag_table(result)),
        ("Kinds of market: regime, change point, funding", regime_table(result)),
        ("Toxicity: predicted against what became of the fills", toxicity_table(result)),
        ("Quotes", quote_table(result)),
        ("Under other assumptions", variant_table(result)),
        ("Data", data_table(result)),
    ]
    blocks: list[RenderableType] = []
    for title, body in parts:
        if title:
            blocks.append(Text(f"\n{title}", style="bold"))
        blocks.append(Padding(body, (0, 0, 0, 2)) if title else body)
    blocks.append(Text(f"\n{calibration_line(result)}"))
    if digest := result.get("digest"):
        blocks.append(Text(f"\ndigest {digest}"))
    return Group(*blocks)


# --- Words -----------------------------------------------------------------------------------------------------------


def headline(result: Result) -> RenderableType:
    """What happened in sentences: the market, the money, the models, the quoting, the problems."""
    lines = [_what(result), money_sentence(result), model_sentence(result), quoting_sentence(result)]
    lines += [f"PROBLEM: {problem}" for problem in result.get("problems") or ()]
    return Text("\n".join(line for line in lines if line))


def _what(result: Result) -> str:
    speed = _number(result.get("events_per_s"), ",.0f")
    pieces = [
        str(result.get("coin") or "market not named"),
        duration(result.get("span_s")),
        f"{_count(result.get('events'))} events" + ("" if speed == MISSING else f" ({speed} per second)"),
        f"{_count(result.get('orders'))} orders",
        f"{_count(result.get('fills'))} fills",
    ]
    return ", ".join(pieces) + "."


def money_sentence(result: Result) -> str:
    """Did we make money, and can it be told from zero?"""
    total = _decimal((result.get("pnl") or {}).get("total"))
    currency = result.get("currency") or ""
    if total is None:
        return "Money: n/a, this run has no accounts."
    verb = "Made" if total > 0 else "Lost" if total < 0 else "Neither made nor lost money:"
    money = f"{verb} {abs(total).normalize():f} {currency}".rstrip()
    if not result.get("fills"):
        return f"{money}. No order was filled, so nothing can be said about edge."
    edge = result.get("edge_per_fill") or {}
    low, high, mean = edge.get("low"), edge.get("high"), edge.get("bps")
    if mean is None:
        return f"{money}. Edge per fill: n/a."
    sentence = f"{money}. Edge per fill {mean:+.2f} bps"
    if low is None or high is None:
        return f"{sentence}: too few fills for an interval."
    telling = "above zero" if low > 0 else "below zero" if high < 0 else "cannot be told from zero"
    return f"{sentence}, 90 % interval {low:+.2f} to {high:+.2f}: {telling}."


def model_sentence(result: Result) -> str:
    """Do the models add value? Counts of verdicts, and by name those that are decided."""
    models: Mapping[str, Any] = result.get("models") or {}
    if not models:
        return "Models: NO DATA, none was asked."
    named: dict[str, list[str]] = {}
    for name, card in models.items():
        named.setdefault(_verdict(card), []).append(name)
    words = []
    for verdict in sorted(named, key=_verdict_rank):
        names = named[verdict]
        listed = "" if verdict in ("WARMING", "NO DATA") and len(names) > 3 else f" ({', '.join(names)})"
        words.append(f"{len(names)} {verdict}{listed}")
    degraded = [name for name, card in models.items() if card.get("degraded")]
    alarm = f" DEGRADED: {', '.join(degraded)}." if degraded else ""
    disputed = disagreements(result)
    doubt = f" Not the same under the pessimistic queue: {', '.join(disputed)}." if disputed else ""
    return f"Models: {'; '.join(words)}.{alarm}{doubt}"


def quoting_sentence(result: Result) -> str:
    """Which rule keeps us from quoting, and since when; that we quote, if we do."""
    risk = result.get("risk") or {}
    words = []
    if risk.get("state") not in (None, "normal"):
        words.append(f"Risk state {risk['state']} by rule {risk.get('reason') or MISSING}{_since(risk)}")
    for side in result.get("quoting") or ():
        if side.get("reason"):
            words.append(f"{side['side']} not quoted by rule {side['reason']}{_since(side)}")
    if not words:
        return "Quoting on both sides at the end." if result.get("quoting") else ""
    return f"At the end: {'; '.join(words)}."


def disagreements(result: Result) -> list[str]:
    """Models whose verdict is another one under the pessimistic queue model."""
    pessimistic = ((result.get("variants") or {}).get("pessimistic_queue") or {}).get("models") or {}
    models = result.get("models") or {}
    return [name for name in models if name in pessimistic and _verdict(models[name]) != _verdict(pessimistic[name])]


def calibration_line(result: Result) -> str:
    """The line that operators search for, one every five minutes; n/a where there is no data, never 0."""
    models: Mapping[str, Any] = result.get("models") or {}
    words = []
    for name, probability, samples in CALIBRATED:
        scored, counted = models.get(probability) or {}, models.get(samples) or {}
        words += [f"{name}_ir={_ratio(scored.get('ir'))}", f"{name}_samples={counted.get('n') or 0}"]
        if name == "fill":
            words.append(f"fill_brier={_number(scored.get('brier'), '.4f')}")
        if name == "lag":
            words.append(f"lag_mi_decay={_number(scored.get('mi_decay_per_day'), '.5f')}/day")
        if counted:
            words.append(f"{name}_n_eff={_number(counted.get('n_eff'), '.0f')}")
            words.append(f"{name}_verdict={_verdict(scored or counted).replace(' ', '_')}")
    degraded = [name for name, card in models.items() if card.get("degraded")]
    words.append(f"degraded={','.join(degraded) or 'none'}")
    for side in result.get("quoting") or ():
        if side.get("reason"):
            since = f" since_s={side['since_s']:.0f}" if _is_number(side.get("since_s")) else ""
            words.append(f"no_{side['side']}={side['reason']}{since}")
    return "calibration " + " ".join(words)


SCORES = ("brier", "crps", "squared_error", "log_score")  # the first that a card has

CALIBRATED = (  # name in the line, model with a probability, model whose outcomes are counted
    ("fill", "fill_10s", "fill_10s"),
    ("as", "toxic_10s", "adverse_10s"),
    ("lag", "lag_1s", "lag_1s"),
    ("edge", "edge_10s", "edge_10s"),
)


# --- Tables ----------------------------------------------------------------------------------------------------------


def pnl_table(result: Result) -> RenderableType:
    """Attribution lines, exact, and their sum beside the total of the accounts."""
    pnl = result.get("pnl") or {}
    amounts = {key: _decimal(pnl.get(key)) for key, _, _ in PNL_LINES}
    known = {key: amount for key, amount in amounts.items() if amount is not None}
    total = _decimal(pnl.get("total"))
    if total is None:
        return Text("no data: this run has no accounts")
    places = max([6, *(-int(amount.as_tuple().exponent) for amount in [total, *known.values()])])
    table = _table(("", "left"), (str(result.get("currency") or ""), "right"))
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
    table = _table(("after", "right"), *((f"{side} ± s.e. (n)", "right") for side in sides), ("", "left"))
    largest = max((abs(row["bps"]) for row in rows if row.get("bps") is not None), default=0.0)
    for horizon in sorted({horizon for horizon, _ in by_key}):
        both = by_key.get((horizon, "both"), {})
        cells = [_mean(by_key.get((horizon, side), {})) for side in sides]
        table.add_row(f"{horizon:g} s", *cells, bar(both.get("bps"), largest))
    return table


def model_table(result: Result) -> RenderableType:
    """One line per model and horizon: sample, score, skill against the baseline with interval, ratio, verdict."""
    models: Mapping[str, Any] = result.get("models") or {}
    if not models:
        return Text("NO DATA: no model was asked for a prediction")
    columns = ("n", "n_eff", "score", "skill", "90 % interval", "ir", "in 50/90")
    table = _table(("model", "left"), *((name, "right") for name in columns), ("verdict", "left"))
    for name, card in models.items():
        score = next((card[key] for key in SCORES if card.get(key) is not None), None)
        table.add_row(
            name,
            _count(card.get("n")),
            _number(card.get("n_eff"), ",.0f"),
            _number(score, ".4f"),
            _number(card.get("bss"), "+.3f"),
            _interval(card.get("bss_low"), card.get("bss_high"), "+.3f"),
            _ratio(card.get("ir")),
            _covered(card.get("coverage50"), card.get("coverage90")),
            _verdict(card) + (" DEGRADED" if card.get("degraded") else ""),
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
    table = _table(("model", "left"), *((name, "right") for name in columns))
    for name, card in models.items():
        counts = (_count(card.get(key)) for key in ("pending", "voided", "tape_decided", "model_decided"))
        parts = (_number(card.get(key), ".4f") for key in ("mcb", "dsc", "unc"))
        table.add_row(name, *counts, *parts, *(_number(card.get(key), ".3g") for key in ("e_skill", "e_harm")))
    return table


def lead_lag_table(result: Result) -> RenderableType:
    """Lag of our mid behind the reference's, the information in its moves, and the decay of that."""
    found: Mapping[str, Any] = result.get("lead_lag") or {}
    if found.get("reference") in (None, "none"):
        return Text("no data: no reference venue was heard")
    table = _table(("", "left"), ("", "right"), ("90 %", "right"))
    minutes = f"{_count(found.get('minutes'))} minutes"
    spread = _interval(found.get("lag_s_low"), found.get("lag_s_high"), "+.2f")
    table.add_row("lag, s (+ it leads)", _number(found.get("lag_s"), "+.2f"), f"{spread} of {minutes}")
    table.add_row("lag that we can trade on, s", _number(found.get("tradable_lag_s"), "+.2f"), "")
    table.add_row("correlation there (Hayashi-Yoshida)", _number(found.get("rho"), "+.3f"), "")
    table.add_row("lead-lag ratio, median of minutes", _number(found.get("llr"), ",.1f"), "")
    information = found.get("information") or {}
    span = _interval(information.get("low"), information.get("high"), ".4f")
    table.add_row("information in a second, nats", _number(information.get("nats"), ".4f"), span)
    table.add_row("chance reaches, 1 in 20", _number(information.get("null95"), ".4f"), "")
    table.add_row("p over all lags", _number(information.get("p"), ".3f"), "")
    decay = found.get("decay") or {}
    slope = _interval(decay.get("low"), decay.get("high"), "+.5f")
    days = f"{_count(found.get('days'))} days"
    table.add_row("change per day, nats", _number(decay.get("per_day"), "+.5f"), slope if decay else days)
    state = "" if found["reference"] == "live" else f"\nthe reference is {found['reference']}: its terms are off"
    return Group(table, Text(state)) if state else table


def regime_table(result: Result) -> RenderableType:
    """Time in each kind of market, what it is like, and how the market stands now."""
    found: Mapping[str, Any] = result.get("regime") or {}
    lines = []
    told: Mapping[str, Any] = result.get("funding") or {}
    if told:
        lines.append(
            f"funding {_number(told.get('per_hour'), '+.6%')} an hour; oracle {told.get('oracle')}, "
            f"{_number(told.get('oracle_gap_bps'), '+.2f')} bps from our mid"
        )
    if not found:
        return Text("\n".join(["no data: the kind of market was not followed", *lines]))
    table = _table(
        ("state", "left"), ("time", "right"), ("p now", "right"), ("bps/sqrt s", "right"), ("stays, s", "right")
    )
    for each in found["states"]:
        share, p = _number(each["share_of_time"], ".1%"), _number(each["p"], ".3f")
        table.add_row(each["name"], share, p, _number(each["sigma"], ".2f"), _number(each["stay_s"], ",.0f"))
    change, sd = _number(found.get("p_change"), ".3f"), _number(found.get("belief_sd_bps"), ".2f")
    words = f"P(another market since 10 s) {change}; belief about the next second: sd {sd} bps"
    return Group(table, Text("\n".join([words, *lines])))


def toxicity_table(result: Result) -> RenderableType:
    """P(toxic) in groups against the share of toxic fills and their realised adverse selection."""
    found: Mapping[str, Any] = result.get("toxicity") or {}
    if not found.get("calibration"):
        return Text("no data: no fill has come to its end")
    names = ("predicted", "observed", "adverse selection, bps", "se", "fills")
    table = _table(*((name, "right") for name in names))
    for group in found["calibration"]:
        table.add_row(
            _number(group["forecast"], ".3f"),
            _number(group["observed"], ".3f"),
            _number(group["adverse_bps"], "+.2f"),
            _number(group["adverse_se"], ".2f"),
            _count(group["n"]),
        )
    weights = [f"{name} {each['mean']:+.2f} ({each['sd']:.2f})" for name, each in found["weights"].items()]
    return Group(table, Text("weights (sd): " + ", ".join(weights)))


def quote_table(result: Result) -> RenderableType:
    """How we quoted: presence, distance, requests; what stopped us and for how long."""
    quotes: Mapping[str, Any] = result.get("quotes") or {}
    if not quotes:
        return Text("no data: no quote was made")
    table = _table(("", "left"), ("", "right"))
    for key, value in quotes.items():
        words, kind = QUOTE_WORDS.get(key, (key.replace("_", " "), ",.4g"))
        table.add_row(words, _number(value, kind))
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
    table = _table(("", "left"), (title, "right"), *((words, "right") for words, _ in shown))
    columns = [result, *(variant for _, variant in shown)]
    table.add_row("fills", *(_count(column.get("fills")) for column in columns))
    table.add_row("volume", *(_number(column.get("volume"), ",.2f") for column in columns))
    for key, words in (("total", "profit and loss"), ("spread_capture", "spread capture"), ("fees", "fees")):
        table.add_row(words, *(_number((column.get("pnl") or {}).get(key), "+,.4f") for column in columns))
    edges = [column.get("edge_per_fill") or {} for column in columns]
    table.add_row("edge per fill, bps", *(_number(edge.get("bps"), "+.2f") for edge in edges))
    table.add_row("90 % interval", *(_interval(edge.get("low"), edge.get("high"), "+.2f") for edge in edges))
    toxic = [(column.get("toxic_fills") or {}).get("share") for column in columns]
    table.add_row("toxic fills", *(_number(share, ".1%") for share in toxic))
    held = [(column.get("inventory") or {}).get("mean_abs_notional") for column in columns]
    table.add_row("mean absolute position", *(_number(amount, ",.2f") for amount in held))
    return table


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
        lines.append(f"{stream}: {read:,} rows read, {_count((quality.get('rows_kept') or {}).get(stream))} used{gaps}")
    if clock := quality.get("clock"):
        lines.append(
            f"clock: {_number(clock.get('offset_ms'), ',.1f')} ms taken off every receive time, so that 1 % of the "
            f"messages\narrive within {_number(clock.get('floor_ms'), ',.0f')} ms of their block"
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
    table = _table(("problem", "left"), ("rows", "right"), ("", "left"), ("first at", "left"))
    for kind, entry in sorted(found.items(), key=lambda item: -item[1]["count"]):
        first = entry.get("first") or {}
        place = f"{first.get('file', '')}:{first.get('line', '')}" if first else ""
        value = f" {first['value']}" if first.get("value") else ""
        action = "dropped" if entry.get("dropped") else "noted"
        table.add_row(kind.replace("_", " "), _count(entry["count"]), action, f"{place}{value}"[:56])
    return Group(Text("\n".join(lines)), table)


def live_table(live: Mapping[str, Any]) -> RenderableType:
    """Where and how a live session went: the line, how fast we were, what was refused or had to be asked for."""
    latency, requests, recovery = (live.get(key) or {} for key in ("latency", "requests", "recovery"))
    step, late = latency.get("step") or {}, latency.get("timer_late") or {}
    speed = live.get("speed") or 1.0
    at_speed = "" if speed == 1.0 else f", {speed:g} times faster than the wall"
    table = _table(("", "left"), ("", "left"))
    rows = (
        ("exchange", f"{live.get('network')}{at_speed}"),
        ("account", str(live.get("account") or MISSING)),
        ("ended", str(live.get("ended") or MISSING)),
        ("connection losses", _count(live.get("connection_losses"))),
        ("message in to orders out", _microseconds(step)),
        ("timer late", _microseconds(late)),
        ("timers skipped", _count(live.get("timers_skipped"))),
        ("requests", _count(requests.get("requests"))),
        ("refused, not sent, unknown", "  ".join(_count(requests.get(k)) for k in _REFUSED)),
        ("orphans cancelled", _count(recovery.get("orphans_cancelled"))),
        ("orders asked for by cloid", _count(recovery.get("asked_by_cloid"))),
    )
    for name, value in rows:
        table.add_row(name, value)
    return table


_REFUSED = ("parts_refused", "not_sent", "unknown_outcomes")


def _microseconds(summary: Mapping[str, Any]) -> str:
    median, p99 = (_number(summary.get(key), ",.0f") for key in ("p50_us", "p99_us"))
    return MISSING if MISSING in (median, p99) else f"median {median} us, p99 {p99} us of the wall"


def _market_words(scenario: Mapping[str, Any], informed: Mapping[str, Any]) -> str:
    """Where the data come from in a simulated market, and what is known of the fills there."""
    market = f"simulated market {scenario.get('name')}, hash {scenario.get('hash')}, seed {scenario.get('seed')}"
    share = _number(informed.get("share"), ".1%")
    return f"{market}\ninformed takers made {_count(informed.get('n'))} of our maker fills ({share})"


# --- Cells -----------------------------------------------------------------------------------------------------------


def _table(*columns: tuple[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(title for title, _ in columns))
    for title, side in columns:
        table.add_column(title, justify=side, no_wrap=side == "right", overflow="fold")
    return table


def _decimal(value: Any) -> Decimal | None:
    """Exact: the shortest decimal of a float is the whole number of half micro-units that it stands for."""
    if value is None:
        return None
    amount = Decimal(str(value))
    return amount if amount.is_finite() else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < float("inf")  # NaN compares false


def _number(value: Any, form: str) -> str:
    return format(value, form) if _is_number(value) else MISSING


def _count(value: Any) -> str:
    return _number(value, ",.0f")


def _interval(low: Any, high: Any, form: str) -> str:
    return f"[{low:{form}}, {high:{form}}]" if _is_number(low) and _is_number(high) else MISSING


def _covered(half: Any, most: Any) -> str:
    return f"{100 * half:.0f}/{100 * most:.0f}" if _is_number(half) and _is_number(most) else MISSING


def _ratio(value: Any) -> str:
    return ">10" if _is_number(value) and value >= 10 else _number(value, ".2f")


def _mean(row: Mapping[str, Any]) -> str:
    if not row.get("n") or not _is_number(row.get("bps")):
        return MISSING
    se = row.get("se")
    return f"{row['bps']:+.2f} ± {_number(se, '.2f')} ({row['n']:,})"


def _verdict(card: Mapping[str, Any]) -> str:
    return str(card.get("verdict") or "NO DATA")


def _verdict_rank(verdict: str) -> int:
    return VERDICT_ORDER.index(verdict) if verdict in VERDICT_ORDER else -1


def _since(entry: Mapping[str, Any]) -> str:
    since = entry.get("since_s")
    return f" since {duration(since)} into the run" if _is_number(since) else ""


def bar(value: Any, largest: float) -> str:
    """A value as characters left (negative) or right (positive) of a line; empty where there is no value."""
    if not _is_number(value) or largest <= 0:
        return ""
    length = round(abs(value) / largest * BAR)
    return f"{'#' * length:>{BAR}}|" if value < 0 else f"{'':{BAR}}|{'#' * length}"


def duration(seconds: Any) -> str:
    """A span of time in the unit that fits."""
    if not _is_number(seconds):
        return MISSING
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
