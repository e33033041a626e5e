"""Panels about quoting: price with quotes and fills, inventory, what kept us out, requests, latency."""

import numpy as np

from touchstone.insight.charts import bars, lines
from touchstone.insight.charts.bars import Bar
from touchstone.insight.charts.lines import Marker, Series
from touchstone.insight.page.html import Panel, both_widths, panel, table
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import MISSING, count, number

STRETCHES = 100
MOST_POINTS = 1_000  # of a path: more than a picture has columns
MOST_MARKERS = 400  # fills drawn; beyond, every second, third, ...


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Price, quotes and fills", "Where did we stand, and where were we hit?", lambda: price(readings),
              wide=True, note="Blue up: we bought; orange down: we sold. Quotes are our nearest level; a gap: nothing "
              "was decided for a minute or more."),
        panel("Half-spread", "How far from the mid did we quote?", lambda: half_spread(readings),
              note="Means of hundredths of the session; a gap: nothing was decided."),
        panel("Inventory", "Is the position used or carried?", lambda: inventory(readings)),
        panel("What kept us out", "Which rule, for how long?", lambda: kept_out(readings)),
        panel("Request budget", "Do fills earn the requests that they cost?", lambda: requests(readings)),
        panel("Latency", "Is it our program or the line?", lambda: latency(readings)),
    ]  # fmt: skip


def price(readings: Readings) -> str:
    """The mid, our nearest quotes, and our fills."""
    quotes = readings.quotes
    t_ns, (mid, bid, ask) = quotes.along(quotes.mid, quotes.our_bid, quotes.our_ask)
    x = t_ns.astype(np.float64).tolist()
    series = [
        Series("mid", x, mid.tolist(), color="6"),
        Series("our bid", x, bid.tolist(), color="0", step=True, dash="dotted"),
        Series("our ask", x, ask.tolist(), color="1", step=True, dash="dotted"),
    ]
    unit = f"{readings.session.currency} per coin"
    return both_widths(
        lambda width: lines.along_time(
            series, "Price with our quotes and fills", unit, _fill_markers(readings), width=width, height=300,
            span_ns=readings.span_ns,
        )
    )


def _fill_markers(readings: Readings) -> list[Marker]:
    try:
        fills = readings.fills
    except NoDataError:
        return []
    every = max(1, len(fills) // MOST_MARKERS)
    first, last = readings.quotes.t_ns[0], readings.quotes.t_ns[-1]
    return [
        Marker(
            float(min(max(fills.t_ns[at], first), last)), float(fills.px[at]), "up" if fills.side[at] > 0 else "down",
            "0" if fills.side[at] > 0 else "1",
            f"{'bought' if fills.side[at] > 0 else 'sold'} {fills.qty[at]:g} at {fills.px[at]:g}",
        )
        for at in range(0, len(fills), every)
    ]  # fmt: skip


def half_spread(readings: Readings) -> str:
    """Per side, after all terms and clamps."""
    quotes = readings.quotes
    first, last = readings.span_ns
    stretch = (quotes.t_ns - first) * STRETCHES // max(last - first + 1, 1)  # one without a decision is a gap
    x = [first + (at + 0.5) * (last - first) / STRETCHES for at in range(STRETCHES)]
    n = np.bincount(stretch, minlength=STRETCHES)
    series = []
    for side, name in enumerate(("bid", "ask")):
        total = np.bincount(stretch, quotes.half_spread_bps[:, side], STRETCHES)
        mean = np.divide(total, n, out=np.full(STRETCHES, np.nan), where=n > 0)
        series.append(Series(name, x, mean.tolist(), color=str(side)))
    return lines.along_time(series, "Half-spread per side", "bps of mid", zero=True, span_ns=readings.span_ns)


def inventory(readings: Readings) -> str:
    """The position at the mid, and its limit."""
    money = readings.money
    limit = readings.session.config.max_position_notional
    held = money.position * money.mid
    largest = float(np.abs(held).max())
    shown = np.linspace(0, len(held) - 1, min(len(held), MOST_POINTS)).astype(int)
    x = money.t_ns[shown].astype(np.float64).tolist()
    references = ((limit, "limit"), (-limit, "-limit")) if largest > 0.5 * limit else ()
    picture = lines.along_time(
        [Series("position", x, held[shown].tolist(), color="0", step=True)], "Position at the mid",
        readings.session.currency, zero=True, references=references, span_ns=readings.span_ns,
    )  # fmt: skip
    found = readings.result.get("inventory") or {}
    mean, most = found.get("mean_abs_notional"), found.get("max_abs_notional")
    words = (
        f"mean of its size {number(mean, ',.2f')}, largest {number(most, ',.2f')}, limit {limit:,.0f} "
        f"{readings.session.currency}"
    )
    return picture + f'<p class="note">{words}</p>'


def kept_out(readings: Readings) -> str:
    """Seconds without an order, by rule."""
    seconds = readings.result.get("not_quoting_s")
    if not seconds:
        if readings.session.is_finished and readings.result.get("quotes"):
            return '<p class="note">Nothing did: both sides were in the book all along.</p>'
        raise NoDataError("the time without orders is counted at the end of a session")
    span = readings.result.get("span_s") or float("nan")
    items = [
        Bar(name.replace("_", " "), value, color="5", note=f"s ({value / span:.1%})" if span == span else "s")
        for name, value in sorted(seconds.items(), key=lambda entry: -entry[1])
    ]
    picture = bars.bars(items, "Time without an order by rule", "seconds, both sides together halved", form=",.0f")
    trips = (readings.result.get("risk") or {}).get("trips") or {}
    words = ", ".join(f"{name.replace('_', ' ')} {times}x" for name, times in trips.items())
    return picture + (f'<p class="note">Breakers tripped: {words}</p>' if words else "")


def requests(readings: Readings) -> str:
    """Requests used and allowed along the time."""
    found = readings.requests
    x = found.t_ns.astype(np.float64).tolist()
    series = [
        Series("allowed", x, found.allowed.tolist(), color="6", dash="dashed"),
        Series("used", x, found.used.tolist(), color="0"),
        Series("of these amends", x, found.amended.tolist(), color="4", dash="dotted"),
    ]
    quotes = readings.result.get("quotes") or {}
    rows = [
        ["placed", count(quotes.get("placed"))],
        ["amended", count(quotes.get("amended"))],
        ["cancelled", count(quotes.get("cancelled"))],
        ["rejected", count(quotes.get("rejected"))],
        ["requests per fill", number(quotes.get("requests_per_fill"), ",.1f")],
    ]
    picture = lines.along_time(
        series, "Requests used and allowed", "requests", zero=True, span_ns=readings.span_ns
    )
    return picture + table(("", ""), rows)


def latency(readings: Readings) -> str:
    """Of a live session on the wall's clock; of fills from the exchange to us."""
    rows = []
    live = (readings.result.get("live") or {}).get("latency") or {}
    for key, words in (("step", "message in to orders out"), ("timer_late", "timer late")):
        summary = live.get(key) or {}
        if summary.get("n"):
            rows.append([f"{words}, us of the wall", *(number(summary.get(c), ",.0f") for c in ("p50_us", "p99_us")),
                         number(summary.get("largest_us"), ",.0f")])  # fmt: skip
    try:
        fills = readings.fills
        delays = np.sort((fills.recv_ns - fills.t_ns) / 1e6)
        rows.append(["fill on the exchange to us, ms", f"{np.quantile(delays, 0.5):,.0f}",
                     f"{np.quantile(delays, 0.99):,.0f}", f"{delays[-1]:,.0f}"])  # fmt: skip
        waited = (fills.t_ns - fills.prediction_ns) / 1e9
        waited = waited[fills.prediction_ns > 0]
        if len(waited):
            rows.append(["decision to fill, s", f"{np.quantile(waited, 0.5):,.1f}", f"{np.quantile(waited, 0.99):,.1f}",
                         f"{waited.max():,.1f}"])  # fmt: skip
    except NoDataError:
        pass
    if not rows:
        raise NoDataError("neither a live session nor a fill: nothing was timed")
    assumed = readings.result.get("assumptions") or {}
    words = ""
    if not live and assumed.get("order_latency_median_ms") is not None:
        words = (
            f"A backtest: orders took {assumed['order_latency_median_ms']:g} ms (median, {assumed.get('latency')}), "
            "assumed, not measured."
        )
    losses = (readings.result.get("live") or {}).get("connection_losses")
    if losses is not None:
        words = f"Connection losses: {losses}. Ended: {(readings.result.get('live') or {}).get('ended') or MISSING}."
    return table(("", "median", "p99", "largest"), rows) + (f'<p class="note">{words}</p>' if words else "")
