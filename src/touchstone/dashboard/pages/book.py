"""Quotes and book: what the market shows, where our orders stand in it, and how we have quoted."""

from html import escape
from typing import Any

from touchstone.dashboard import charts
from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.words import empty, link, number, percent, plain, table
from touchstone.insight.words import duration

FILL_MARKS = {1: ("bought", charts.GREEN, "triangle", 0), -1: ("sold", charts.RED, "triangle", 180)}


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out."""
    page.panel(
        "Book and our orders",
        ladder,
        "five",
        note="Sizes in the coin, others' without ours; marked rows hold orders of ours.",
    )
    page.panel(
        "Our orders and their places",
        lambda shown: our_orders(page, shown),
        "seven",
        note="Size and ahead in the coin. Ahead: what is before us in the queue of our price, as our queue model "
        "follows it. A click shows why the order is there.",
    )
    page.chart(
        "Price, our quotes and fills",
        prices,
        height=380,
        on_click=lambda data: _why(page, data),
        note="A click on a quote or a fill shows why. A gap: nothing was decided for a minute.",
    )
    page.panel("How we quoted", quoted, "half")
    page.panel("What kept us out", kept_out, "half", note="Time without an order: a side counts half.")


def ladder(shown: Shown) -> str:
    """Both sides from the touch outward, with depth bars and our size."""
    book = shown.standing.told.get("book") or {}
    if not any(book.get(side) for side in ("bid", "ask")):
        return empty("no book: the session has not written one, or its market is empty")
    when = "" if shown.standing.is_live else '<p class="note">as it stood at the last look</p>'
    sides = "".join(_side(side, book.get(side) or []) for side in ("bid", "ask"))
    return f'<div class="ladder">{sides}</div>{when}'


def _side(side: str, levels: list[dict[str, float]]) -> str:
    if not levels:
        return f"<div>{empty(f'no {side}')}</div>"
    largest = max(level["size"] + level["own"] for level in levels)
    rows = "".join(_level(level, level["size"] / largest) for level in levels)
    head = f'<tr><th class="words">{escape(side)} price</th><th>size</th><th>ours</th></tr>'
    return f'<div><table class="{side}"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _level(level: dict[str, float], share: float) -> str:
    ours = f"{level['own']:,.4g}" if level["own"] else ""
    depth = f'<span class="depth" style="width:{100 * share:.0f}%"></span>'
    return (
        f"<tr{' class=ours' if ours else ''}><td class=words>{level['px']:g}</td><td>{depth}{level['size']:,.4g}</td>"
        f"<td>{ours}</td></tr>"
    )


def our_orders(page: Page, shown: Shown) -> str:
    """Every order that may rest: place, forecasts, age."""
    orders = shown.standing.told.get("orders") or []
    if not shown.standing.is_live:
        return empty("the session has ended: no order is left")
    rows = [
        (
            link(f"{each['side']} {each['px']:g}", page.url("/why", quote=each["quote_id"]), "why this quote"),
            plain(each["state"]),
            f"{each['size']:g}",
            number(each["depth_bps"], "+.2f"),
            number(each["queue_ahead"], ",.4g"),
            percent(each["fill_p_10s"], ".1f"),
            number(each["adverse_bps_10s"], "+.2f"),
            duration(each["age_s"]),
        )
        for each in orders
    ]
    head = ("order", "state", "size", "depth, bps", "ahead", "P(fill, 10 s)", "loss, bps", "age")
    return table(head, rows, left=2, note="" if rows else "no order rests now: see what kept us out")


def prices(shown: Shown) -> dict[str, Any] | str:
    """Mid, our nearest bid and ask, and our fills."""
    quotes, fills = shown.tables.quotes, shown.tables.fills
    if quotes is None:
        return shown.tables.reasons.get("quotes", "reading the session ...")
    currency = str(shown.standing.result.get("currency") or "")
    t_ns, (mid, bid, ask) = quotes.along(quotes.mid, quotes.our_bid, quotes.our_ask)
    step = {"step": "end", "connectNulls": False}
    dots = {"showSymbol": True, "symbolSize": 3}  # what can be clicked
    series = [
        charts.line("mid", charts.points(t_ns, mid), charts.GREY),
        charts.line("our bid", charts.points(t_ns, bid), charts.BLUE, **step, **dots),
        charts.line("our ask", charts.points(t_ns, ask), charts.ORANGE, **step, **dots),
    ]
    for side, (name, colour, symbol, turn) in FILL_MARKS.items():
        if fills is None:
            break
        chosen = [i for i in range(len(fills)) if fills.side[i] == side][-charts.MOST_POINTS :]
        data = [
            {"value": [int(fills.t_ns[i]) // charts.MS, round(float(fills.px[i]), 8)], "fill": int(fills.fill_id[i])}
            for i in chosen
        ]
        series.append(
            {
                "name": name,
                "type": "scatter",
                "data": data,
                "symbol": symbol,
                "symbolRotate": turn,
                "symbolSize": 11,
                "itemStyle": {"color": colour},
                "z": 5,
            }
        )
    zoom = [{"type": "inside"}, {"type": "slider", "height": 18, "bottom": 4}]
    made = charts.frame(charts.time_axis(), charts.value_axis(f"price, {currency}"), series, dataZoom=zoom)
    made["grid"]["bottom"] = 34
    return made


def _why(page: Page, data: dict[str, Any]) -> str | None:
    """Address of what explains a point: a fill by its number, a quote by its time."""
    if "fill" in data:
        return page.url("/why", fill=data["fill"])
    return page.url("/why", at=data["value"][0]) if data.get("value") else None


def quoted(shown: Shown) -> str:
    """Presence and requests."""
    quotes = shown.standing.result.get("quotes") or {}
    if not quotes:
        return empty("nothing was quoted yet")
    rows = [
        ("time at the touch", percent(quotes.get("time_at_touch"))),
        ("time with both sides", percent(quotes.get("time_two_sided"))),
        ("mean distance from the mid", number(quotes.get("mean_depth_bps"), ",.2f", "bps")),
        ("quote decisions", number(quotes.get("decisions"), ",.0f")),
        (
            "orders placed, amended, cancelled",
            " / ".join(number(quotes.get(key), ",.0f") for key in ("placed", "amended", "cancelled")),
        ),
        ("orders rejected", number(quotes.get("rejected"), ",.0f")),
        ("requests per fill", number(quotes.get("requests_per_fill"), ",.1f")),
    ]
    return table(("", ""), rows)


def kept_out(shown: Shown) -> str:
    """Each rule with the time that it took."""
    rules = shown.standing.result.get("not_quoting_s") or {}
    rows = [(plain(rule), duration(seconds)) for rule, seconds in sorted(rules.items(), key=lambda item: -item[1])]
    return table(("rule", "time"), rows, note="" if rows else "nothing: both sides were quoted all the time")
