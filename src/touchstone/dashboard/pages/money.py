"""Attribution: where the money came from, and when."""

from typing import Any

from touchstone.dashboard import charts
from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.pages.overview import PARTS
from touchstone.dashboard.words import empty, is_number, number, table


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out."""
    page.chart(
        "From spread capture to profit",
        waterfall,
        "two",
        of_tables=False,
        height=340,
        note="Each part begins where the one above it ended; the last bar is the profit.",
    )
    page.panel(
        "The same in numbers",
        lines,
        "third",
        note="The lines add up to the last half micro-unit. Adverse selection: the move of the mid against us in the "
        "10 s after a fill. Drift: what the position earned after that.",
    )
    page.chart(
        "Over time", over_time, height=340, note="Sums since the start, with the signs that they have in the profit."
    )


def _currency(shown: Shown) -> str:
    return str(shown.standing.result.get("currency") or "")


def waterfall(shown: Shown) -> dict[str, Any] | str:
    """Parts of the result's attribution."""
    pnl = shown.standing.result.get("pnl") or {}
    if not is_number(pnl.get("total")):
        return "no accounts yet"
    steps = [sign * float(pnl.get(key) or 0.0) for key, sign, _ in PARTS]
    return charts.waterfall([words for _, _, words in PARTS], steps, float(pnl["total"]), _currency(shown))


def lines(shown: Shown) -> str:
    """Each line, its share of the volume, and the sum."""
    result = shown.standing.result
    pnl, volume = result.get("pnl") or {}, result.get("volume")
    if not is_number(pnl.get("total")):
        return empty("no accounts yet")

    def row(words: str, value: Any) -> tuple[str, str, str]:
        bps = 1e4 * value / volume if is_number(value) and volume else None
        return words, number(value, "+,.6f"), number(bps, "+.2f")

    rows = [row(words, None if pnl.get(key) is None else sign * pnl[key]) for key, sign, words in PARTS]
    total = tuple(f"<b>{cell}</b>" for cell in row("profit", pnl["total"]))
    return table(("", _currency(shown), "bps of volume"), [*rows, total])


def over_time(shown: Shown) -> dict[str, Any] | str:
    """A line a part."""
    money = shown.tables.money
    if money is None:
        return shown.tables.reasons.get("money", "reading the session ...")
    series = [charts.line("profit", charts.points(money.t_ns, money.total), charts.BLUE)]
    series[0]["lineStyle"]["width"] = 2.6
    colours = (charts.GREEN, charts.RED, charts.PURPLE, charts.TEAL, charts.ORANGE, charts.GREY)
    for (key, sign, words), colour in zip(PARTS, colours, strict=True):
        values = sign * getattr(money, key)
        if (values != 0).any():
            series.append(charts.line(words, charts.points(money.t_ns, values), colour))
    series[0]["markLine"] = charts.zero()
    return charts.frame(charts.time_axis(), charts.value_axis(_currency(shown), scale=False), series)
