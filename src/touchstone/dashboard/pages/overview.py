"""The first screen: are we safe, are we making money, are the models right."""

from typing import Any

from touchstone.dashboard import charts
from touchstone.dashboard.data import Shown
from touchstone.dashboard.page import Page
from touchstone.dashboard.words import (
    BAD,
    CALM,
    GOOD,
    NEUTRAL,
    WARN,
    empty,
    is_number,
    light,
    meter,
    money,
    number,
    odds,
    percent,
    plain,
    since,
    tile,
    tiles,
    tone_of,
)
from touchstone.insight.words import MISSING, duration
from touchstone.watch.standing import Standing

RISK_TONES = {"normal": GOOD, "reduce_only": WARN, "pulled": WARN, "killed": BAD}
VERDICT_TONES = {
    "ADDS VALUE": GOOD,
    "NOT PROVEN": CALM,
    "WARMING": CALM,
    "FIXABLE": WARN,
    "HARMFUL": BAD,
    "NO DATA": "none",
}
FAR_BPS = 10_000.0
ENOUGH = 300  # effective outcomes that a verdict needs


def build(page: Page, parameters: dict[str, str]) -> None:
    """Lay it out."""
    page.panel("Are we safe?", safe)
    page.panel("Are we making money?", earning)
    page.panel(
        "Are the models right?",
        lambda shown: model_strip(page, shown),
        note="A light per model: its verdict against its baseline, and why. A click leads to its calibration.",
    )
    page.chart("Profit so far", profit, "two", note="Marked at the mid, after fees and funding.")
    page.panel("Where it came from", parts, "third")


def safe(shown: Shown) -> str:
    """Risk state, connection, position, quotes, quota, collateral."""
    standing = shown.standing
    return tiles(
        *[
            each
            for each in (
                _risk(standing),
                _connection(standing),
                _position(standing),
                _quoting(standing),
                _quota(standing),
                _collateral(standing),
            )
            if each
        ]
    )


def _risk(standing: Standing) -> str:
    risk = standing.result.get("risk") or {}
    state = risk.get("state")
    why = f"{plain(risk.get('reason'))}{since(risk.get('since_s'))}" if risk.get("reason") else "no breaker is active"
    return tile("Risk state", plain(state), why if state else "not known", RISK_TONES.get(str(state), NEUTRAL))


def _connection(standing: Standing) -> str:
    if not standing.is_live:
        ended = (standing.result.get("live") or {}).get("ended")
        return tile("Session", standing.phase, f"{ended or ''} after {duration(standing.result.get('span_s'))}".strip())
    if standing.phase == "silent":
        return tile("Connection", "silent", f"the session wrote nothing{since(standing.silent_s)}", BAD)
    up = standing.status.get("connected")
    reference = standing.status.get("reference") or {}
    return tile(
        "Connection", "up" if up else "lost", f"reference venue: {reference.get('state', MISSING)}", GOOD if up else BAD
    )


def _position(standing: Standing) -> str:
    status = standing.status
    limit, position = (status.get("account") or {}).get("position_limit"), status.get("position")
    if not is_number(position):
        return ""
    when = "" if standing.is_live else " at the last look"
    detail = f"{percent(abs(position) / limit, '.0f')} of the limit {limit:g}{when}" if limit else when
    tone = WARN if limit and abs(position) / limit >= 0.8 else NEUTRAL
    return tile(f"Position, {_base(standing)}", f"{position:+g}", detail, tone)


def _base(standing: Standing) -> str:
    return str(standing.result.get("coin") or "coin").rpartition(":")[2]


def _quoting(standing: Standing) -> str:
    sides = standing.result.get("quoting") or []
    silent = [each for each in sides if each.get("reason")]
    if not sides:
        return ""
    if not standing.is_live:
        words = "both sides" if not silent else " and ".join(f"no {each['side']}" for each in silent)
        return tile("Quoting at the end", words, "; ".join(plain(each["reason"]) for each in silent))
    if not silent:
        orders = standing.status.get("orders")
        return tile("Quoting", "both sides", f"{orders} orders in the book", GOOD)
    now_s = standing.result.get("span_s") or 0.0
    why = "; ".join(f"{each['side']}: {plain(each['reason'])}{since(now_s - each['since_s'])}" for each in silent)
    return tile("Quoting", "no " + " and ".join(each["side"] for each in silent), why, WARN)


def _quota(standing: Standing) -> str:
    quota = standing.status.get("quota") or {}
    left = quota.get("headroom_pct")
    if not is_number(left):
        return ""
    words = f"{quota['used']:,} of {quota['allowed']:,} requests used"
    return tile(
        "Request quota left",
        f"{left:.1f} %",
        words + ("; forcing" if quota.get("forcing") else ""),
        BAD if left < 10 else WARN if left < 25 else GOOD,
    )


def _collateral(standing: Standing) -> str:
    account = standing.status.get("account") or {}
    free = account.get("free_margin_share")
    if not is_number(free):
        return ""
    detail = f"equity {number(account.get('equity'), ',.2f', str(standing.result.get('currency') or ''))}"
    detail += f"; liquidation {distance(account.get('liquidation_bps'))}"
    return tile("Free margin", percent(free, ".0f"), detail, BAD if free < 0.15 else WARN if free < 0.3 else GOOD)


def distance(bps: Any) -> str:
    """How far the liquidation price is."""
    if not is_number(bps):
        return "not told"
    return f"{bps:,.0f} bps away" if bps < FAR_BPS else "more than 100 % away"


def earning(shown: Shown) -> str:
    """Profit, edge, fills, toxic fills, volume."""
    result = shown.standing.result
    currency, pnl, edge = str(result.get("currency") or ""), result.get("pnl") or {}, result.get("edge_per_fill") or {}
    toxic, quotes = result.get("toxic_fills") or {}, result.get("quotes") or {}
    low, high = edge.get("low"), edge.get("high")
    interval = (
        f"90 % interval {low:+.2f} to {high:+.2f}"
        if is_number(low) and is_number(high)
        else "too few fills for an interval"
    )
    telling = GOOD if is_number(low) and low > 0 else BAD if is_number(high) and high < 0 else NEUTRAL
    per_fill = number(quotes.get("requests_per_fill"), ",.0f")
    return tiles(
        tile(
            f"Profit, {currency}",
            number(pnl.get("total"), "+,.4f"),
            "after fees and funding",
            tone_of(pnl.get("total")),
        ),
        tile("Edge per fill at 10 s, bps", number(edge.get("bps"), "+.2f"), interval, telling),
        tile("Fills", number(result.get("fills"), ",.0f"), f"{per_fill} requests each"),
        tile(
            "Toxic fills",
            percent(toxic.get("share"), ".0f"),
            f"{number(toxic.get('n'), ',.0f')} lost more than their fee",
        ),
        tile(
            f"Volume, {currency}",
            number(result.get("volume"), ",.0f"),
            f"in {duration(result.get('span_s'))} of market time",
        ),
    )


def model_strip(page: Page, shown: Shown) -> str:
    """One light per model."""
    models = shown.standing.result.get("models") or {}
    if not models:
        return empty("no model was asked for a prediction")
    lights = [
        light(
            name,
            _state(card),
            why_verdict(card),
            BAD if card.get("degraded") else VERDICT_TONES.get(card.get("verdict"), "none"),
            page.url("/calibration", model=name),
        )
        for name, card in models.items()
    ]
    return f'<div class="lights">{"".join(lights)}</div>'


def _state(card: dict[str, Any]) -> str:
    return "DEGRADED" if card.get("degraded") else str(card.get("verdict") or "NO DATA")


def why_verdict(card: dict[str, Any]) -> str:
    """The reason of a verdict in a few words."""
    if card.get("degraded"):
        return "its alarm went off: worse than its record; its bold part is off"
    skill, n_eff, made = number(card.get("bss"), "+.3f"), card.get("n_eff"), card.get("made")
    if card.get("n") == 0:
        return f"{made:,} predictions, no scored outcome yet" if made else "never asked for a prediction"
    match card.get("verdict"):
        case "ADDS VALUE":
            return f"skill {skill}, evidence {odds(card.get('e_skill'))} to 1 for it"
        case "HARMFUL":
            return f"skill {skill}, evidence {odds(card.get('e_harm'))} to 1 against it"
        case "FIXABLE":
            return f"skill {skill}; recalibrated it would add value"
        case "WARMING":
            if is_number(n_eff) and n_eff < ENOUGH:
                return f"{n_eff:,.0f} of {ENOUGH} independent outcomes needed"
            return "under 30 time blocks, or under 30 outcomes of a kind"
        case "NOT PROVEN":
            return f"skill {skill}, evidence {odds(card.get('e_skill'))} to 1: not enough"
    return "not judged"


def profit(shown: Shown) -> dict[str, Any] | str:
    """Profit and its largest parts along the time."""
    money = shown.tables.money
    if money is None:
        return shown.tables.reasons.get("money", "reading the session ...")
    currency = str(shown.standing.result.get("currency") or "")
    total = charts.line("profit", charts.points(money.t_ns, money.total), charts.BLUE)
    total["areaStyle"] = {"opacity": 0.12}
    total["markLine"] = charts.zero()
    return charts.frame(charts.time_axis(), charts.value_axis(currency), [total])


PARTS = (
    ("spread_capture", +1, "spread capture"),
    ("adverse_selection", -1, "adverse selection, 10 s"),
    ("post_horizon", +1, "drift after 10 s"),
    ("opening_inventory", +1, "opening inventory"),
    ("fees", -1, "fees"),
    ("funding", +1, "funding"),
)


def parts(shown: Shown) -> str:
    """The lines of the attribution, each with a bar."""
    pnl = shown.standing.result.get("pnl") or {}
    currency = str(shown.standing.result.get("currency") or "")
    if not is_number(pnl.get("total")):
        return empty("no accounts yet")
    largest = max([abs(pnl.get(key) or 0.0) for key, _, _ in PARTS] + [1e-12])
    lines = []
    for key, sign, words in PARTS:
        value = None if pnl.get(key) is None else sign * pnl[key]
        tone = GOOD if (value or 0) >= 0 else BAD
        lines.append(_line(words, value) + meter(abs(value or 0) / largest, "", tone))
    lines.append(f"<div style='margin-top:8px;font-weight:650'>{_line(f'profit, {currency}', pnl['total'])}</div>")
    return "".join(lines)


def _line(words: str, value: Any) -> str:
    return f"<div>{words}<span style='float:right'>{money(value, '')}</span></div>"
