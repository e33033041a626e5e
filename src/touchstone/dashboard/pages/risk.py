"""Risk and quota: how near the limits are, what tripped, and how long the requests last."""

from typing import Any

from touchstone.dashboard import charts
from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.pages.overview import distance, safe
from touchstone.dashboard.words import BAD, CALM, GOOD, WARN, empty, is_number, meter, number, percent, plain, table
from touchstone.insight.words import duration


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out."""
    page.panel("How it stands", safe)
    page.panel("Limits", limits, "half")
    page.panel("Breakers that tripped", trips, "half", note="What each means and its setting: docs/operations.md.")
    page.chart(
        "Request budget",
        budget,
        "half",
        note="Requests of this session, and what the account may send: a start plus one per unit of volume.",
    )
    page.chart("Position", position, "half")


def limits(shown: Shown) -> str:
    """Each limit as a bar."""
    standing = shown.standing
    account, quota, position = (standing.status.get(key) for key in ("account", "quota", "position"))
    if not account or not quota:
        return empty("the session wrote no status: a backtest, or one of an older version")
    made = []
    limit = account.get("position_limit")
    if limit and is_number(position):
        share = abs(position) / limit
        made.append(_limit("position", share, f"{position:+g} of {limit:g}", WARN if share >= 0.8 else CALM))
    used = quota["used"] / quota["allowed"] if quota["allowed"] else None
    left = quota["headroom_pct"]
    made.append(
        _limit(
            "requests used",
            used,
            f"{quota['used']:,} of {quota['allowed']:,}; {left:.1f} % left"
            + ("; only the reducing side is quoted" if quota.get("forcing") else ""),
            BAD if left < 10 else CALM,
        )
    )
    free = account.get("free_margin_share")
    if is_number(free):
        least = account.get("free_margin_least")
        words = f"{percent(free)} free" + (f"; reduce only under {percent(least, '.0f')}" if is_number(least) else "")
        made.append(_limit("margin used", 1.0 - free, words, WARN if free < 0.3 else GOOD))
    near, least = account.get("liquidation_bps"), account.get("liquidation_least_bps")
    words = (
        f"{distance(near)}; reduce only within {number(least, ',.0f')} bps"
        if is_number(near)
        else "no position, or not told"
    )
    made.append(f"<div>liquidation</div><div class='detail'>{words}</div>")
    return "<div style='display:grid;gap:10px'>" + "".join(f"<div>{each}</div>" for each in made) + "</div>"


def _limit(name: str, share: float | None, words: str, tone: str) -> str:
    return f"<div>{name}</div>{meter(share, words, tone)}"


def trips(shown: Shown) -> str:
    """How often each breaker tripped, and what of it is active."""
    risk = shown.standing.result.get("risk") or {}
    rows = [(plain(name), number(count, ",.0f")) for name, count in (risk.get("trips") or {}).items()]
    kept = shown.standing.result.get("not_quoting_s") or {}
    total = sum(kept.values())
    words = f"without quotes for {duration(total)} in all" if total else "quoted all the time"
    return table(("breaker", "times"), rows, note="" if rows else "none has tripped") + f'<p class="note">{words}</p>'


def budget(shown: Shown) -> dict[str, Any] | str:
    """Requests so far against the allowance."""
    requests = shown.tables.requests
    if requests is None:
        return shown.tables.reasons.get("requests", "reading the session ...")
    series = [
        charts.line("allowed", charts.points(requests.t_ns, requests.allowed, 0), charts.GREY),
        charts.line("used", charts.points(requests.t_ns, requests.used, 0), charts.ORANGE),
        charts.line("placed", charts.points(requests.t_ns, requests.placed, 0), charts.BLUE),
        charts.line("amended", charts.points(requests.t_ns, requests.amended, 0), charts.PURPLE),
        charts.line("cancelled", charts.points(requests.t_ns, requests.cancelled, 0), charts.TEAL),
    ]
    series[0]["lineStyle"]["type"] = "dashed"
    return charts.frame(charts.time_axis(), charts.value_axis("requests", scale=False), series)


def position(shown: Shown) -> dict[str, Any] | str:
    """Inventory against its limit."""
    money = shown.tables.money
    if money is None:
        return shown.tables.reasons.get("money", "reading the session ...")
    coin = str(shown.standing.result.get("coin") or "coin").rpartition(":")[2]
    steps = charts.line("position", charts.points(money.t_ns, money.position), charts.PURPLE, step="end")
    steps["areaStyle"] = {"opacity": 0.15}
    limit = (shown.standing.status.get("account") or {}).get("position_limit")
    steps["markLine"] = charts.zero()
    if limit:
        steps["markLine"] = charts.level(limit, "limit") | {"data": [{"yAxis": limit}, {"yAxis": -limit}]}
    end = charts.nice_end(1.05 * limit) if limit else 0.0
    bounds = {"min": -end, "max": end} if limit else {}
    return charts.frame(charts.time_axis(), charts.value_axis(coin, scale=False, **bounds), [steps])
