"""Panels about money: where it went, and when."""

import numpy as np

from touchstone.insight.charts import bars, lines
from touchstone.insight.page.html import Panel, amount, both_widths, panel, table
from touchstone.insight.readings import clustered
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.path import Money
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import MISSING, PNL_LINES, interval, number

MOST_POINTS = 1_000  # of a path: more than a picture has columns
VARIANTS = (("pessimistic_queue", "pessimistic queue"), ("latency_0x", "latency x 0"), ("latency_2x", "latency x 2"))


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Where the money went", "Which line of the account made or lost it? The lines add up exactly.",
              lambda: waterfall(readings)),
        panel("Edge per fill", "What does a fill earn at 10 s, before and after the fee?", lambda: edge(readings),
              note="Lines: 90 %, from time blocks of 30 s, weighted by notional as money is."),
        panel("Under other assumptions", "Does the result hold when the exchange is less kind?",
              lambda: variants(readings), wide=bool(readings.result.get("variants"))),
        panel("Profit and loss over time", "When was it made or lost, and by what?",
              lambda: over_time(readings.money, readings.session.currency, readings.span_ns), wide=True,
              note="Fills not yet 10 s old are valued at the present mid; funding is known at fills."),
    ]  # fmt: skip


def waterfall(readings: Readings) -> str:
    """The attribution of the result, as on the terminal."""
    pnl = readings.result.get("pnl") or {}
    items = [(words, sign * pnl[key]) for key, sign, words in PNL_LINES if pnl.get(key) is not None]
    if pnl.get("total") is None:
        raise NoDataError("this run has no accounts" if readings.session.is_finished else "no fill was written down")
    picture = bars.waterfall(items, pnl["total"], "Attribution of profit and loss", readings.session.currency)
    rows = [
        (words, f"{sign * pnl[key]:+,.6f}" if pnl.get(key) is not None else MISSING) for key, sign, words in PNL_LINES
    ]
    return picture + table(("line", readings.session.currency), [*rows, ("total", f"{pnl['total']:+,.6f}")])


def edge(readings: Readings) -> str:
    """Markout at 10 s and edge by side, weighted by notional."""
    fills = readings.fills
    gross = fills.realised_bps[:, fills.horizon()]
    items = []
    for name, chosen in (("bid", fills.side > 0), ("ask", fills.side < 0), ("both", fills.side != 0)):
        for words, values in (("before fee", gross), ("after fee", gross - readings.fee_bps)):
            found = clustered.mean(values[chosen], fills.blocks()[chosen], fills.notional[chosen])
            if found.mean is not None:
                items.append(bars.Bar(f"{name}, {words}", found.mean, found.low, found.high, note=f"n {found.n:,}"))
    if not items:
        raise NoDataError("no fill has a mid 10 s later yet")
    return bars.bars(items, "Edge per fill by side", "bps of notional", form="+.2f")


def over_time(money: Money, currency: str, span_ns: tuple[int, int]) -> str:
    """The total and its lines along the time."""
    shown = np.linspace(0, len(money.t_ns) - 1, min(len(money.t_ns), MOST_POINTS)).astype(int)
    x = money.t_ns[shown].astype(np.float64).tolist()
    held = money.opening_inventory + money.post_horizon
    drawn = [
        lines.Series(name, x, values[shown].tolist(), color=color, step=True, dash=dash)
        for name, values, color, dash in (
            ("total", money.total, "6", ""),
            ("spread capture", money.spread_capture, "2", ""),
            ("adverse selection", -money.adverse_selection, "1", ""),
            ("drift and opening inventory", held, "3", "dashed"),
            ("fees", -money.fees, "5", "dotted"),
        )
    ]
    return both_widths(
        lambda width: lines.along_time(
            drawn, "Profit and loss over time by line", currency, width=width, height=260, zero=True,
            span_ns=span_ns,
        )
    )


def variants(readings: Readings) -> str:
    """The run beside the pessimistic queue and other latencies."""
    result = readings.result
    found = result.get("variants") or {}
    shown = [(words, found[key]) for key, words in VARIANTS if found.get(key)]
    if not shown:
        raise NoDataError("only one set of assumptions was run; a live session meets one exchange only")
    queue = (result.get("assumptions") or {}).get("queue_model")
    columns = [(f"chosen ({queue})" if queue else "as run", result), *shown]
    rows = [
        ["fills", *(number(column.get("fills"), ",.0f") for _, column in columns)],
        [f"volume, {readings.session.currency}", *(number(column.get("volume"), ",.0f") for _, column in columns)],
    ]
    totals = [(column.get("pnl") or {}).get("total") for _, column in columns]
    rows.append([f"PnL, {readings.session.currency}", *(amount(total) for total in totals)])
    edges = [column.get("edge_per_fill") or {} for _, column in columns]
    rows.append(["edge per fill, bps", *(number(edge.get("bps"), "+.2f") for edge in edges)])
    rows.append(["90 % interval", *(interval(edge.get("low"), edge.get("high"), "+.2f") for edge in edges)])
    toxic = [(column.get("toxic_fills") or {}).get("share") for _, column in columns]
    rows.append(["toxic fills", *(number(share, ".1%") for share in toxic)])
    return table(["", *(words for words, _ in columns)], rows)
