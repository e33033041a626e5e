"""What an operator wants to be told of: one function a rule, from a session's standing to what is wrong, in words.

A rule looks at one standing and remembers nothing; how long something has lasted is what the session itself says. Rules
with a time of their own (stuck samples, one-sided inventory) are held for it by the caller: `Finding.after_s`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from touchstone.config import Alerts
from touchstone.insight.words import horizon_s
from touchstone.watch.standing import Standing

Severity = Literal["critical", "warning"]
HORIZONS_WAITED = 3.0  # for a model's first outcome
STALE = ("stale_data", "feed_lag", "blind_book", "waiting_for_data")


@dataclass(frozen=True)
class Finding:
    """Something wrong: by which rule, about what (`key`), how bad, in words; told when it lasted `after_s`."""

    rule: str
    severity: Severity
    text: str
    key: str = ""
    after_s: float = 0.0


Rule = Callable[[Standing, Alerts], Iterator[Finding]]


def degraded(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """A model's degradation alarm has gone off: its forecasts are worse than they were."""
    for name, card in (standing.result.get("models") or {}).items():
        if card.get("degraded"):
            text = f"model {name} is degraded: its bold part is off until its record is good again"
            yield Finding("degraded", "warning", text, name)


def challenger(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """The challenger beside the session has won: the next start trades with its settings."""
    found = standing.status.get("challenger") or standing.result.get("challenger") or {}
    if found.get("verdict") == "WINS":
        changed = ", ".join(f"{name} = {each['challenger']}" for name, each in found["changed"].items())
        yield Finding("challenger", "warning", f"the challenger has won ({changed}): it takes over at the next start")


def killed(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """Trading is killed, by risk or by the operator."""
    risk = standing.result.get("risk") or {}
    if risk.get("state") == "killed":
        yield Finding("kill", "critical", f"trading is killed by {risk.get('reason')}; orders are pulled")


def stale(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """The market cannot be seen, or the reference venue is stale."""
    if not standing.is_live:
        return
    risk = standing.status.get("risk") or {}
    if risk.get("reason") in STALE:
        since = "the start" if risk.get("since_s") is None else f"{risk['since_s']:.0f} s"
        text = f"market data: {risk['reason']} since {since}; quotes are out of the book"
        yield Finding("stale", "warning", text, "market", settings.stale_s)
    reference = standing.status.get("reference") or {}
    if reference.get("state") == "stale":
        text = f"the reference venue is stale since {reference['since_s']:.0f} s; its terms are off"
        yield Finding("stale", "warning", text, "reference", settings.stale_s)


def disconnect(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """The connection to the exchange is lost, or the session itself says nothing any more."""
    if standing.phase == "silent":
        text = f"the session has said nothing for {standing.silent_s:.0f} s: it hangs or is dead; orders may be open"
        yield Finding("disconnect", "critical", text, "session")
    elif standing.phase == "running" and standing.status.get("connected") is False:
        yield Finding("disconnect", "critical", "no connection to the exchange", "exchange", settings.disconnect_s)


def quota(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """Requests run out."""
    found = standing.status.get("quota") or {}
    left = found.get("headroom_pct")
    if standing.is_live and left is not None and left < settings.quota_pct:
        forcing = "; only what reduces the position is quoted" if found.get("forcing") else ""
        yield Finding("quota", "warning", f"{left:.1f} % of the request quota is left{forcing}")


def inventory(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """The position stays near its limit on one side."""
    limit, position = (standing.status.get("account") or {}).get("position_limit"), standing.status.get("position")
    if not standing.is_live or not limit or position is None:
        return
    share = position / limit
    if abs(share) >= settings.inventory_share:
        text = f"position {position:+g} is {abs(share):.0%} of its limit"
        yield Finding("inventory", "warning", text, "long" if share > 0 else "short", settings.inventory_s)


def collateral(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """Little margin is free, or the liquidation price is near."""
    account = standing.status.get("account") or {}
    if not standing.is_live:
        return
    free = account.get("free_margin_share")
    if free is not None and free < settings.free_margin_share:
        yield Finding("collateral", "critical", f"only {free:.0%} of the margin is free", "margin")
    near, least = account.get("liquidation_bps"), account.get("liquidation_least_bps")
    if near is not None and least is not None and near < 2 * least:
        yield Finding("collateral", "critical", f"the liquidation price is {near:,.0f} bps away", "liquidation")


def fees(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """A fill was charged another fee than the account's."""
    counted = (standing.status.get("account") or {}).get("fee_mismatches")
    counted = counted or (standing.result.get("alerts") or {}).get("fee_mismatch")
    if counted:
        yield Finding("fees", "warning", f"{counted} fills were charged another fee than the account's own")


def stuck(standing: Standing, settings: Alerts) -> Iterator[Finding]:
    """Events flow and predictions are made, but a model's samples stay at zero: it is not connected."""
    events, span_s = standing.result.get("events") or 0, standing.result.get("span_s") or 0.0
    if not standing.is_live or events < settings.stuck_events or span_s < settings.stuck_s:
        return
    for name, card in (standing.result.get("models") or {}).items():
        voided = card.get("voided") or 0  # "if filled" of orders that were not: nothing is missing
        if card.get("n") == 0 and (card.get("made") or 0) > 2 * voided:
            text = f"model {name}: {card['made']:,} predictions, {events:,} events, and not one scored outcome"
            yield Finding("stuck", "warning", text, name, HORIZONS_WAITED * horizon_s(name))


RULES: dict[str, Rule] = {
    "degraded": degraded,
    "kill": killed,
    "stale": stale,
    "disconnect": disconnect,
    "quota": quota,
    "inventory": inventory,
    "collateral": collateral,
    "fees": fees,
    "stuck": stuck,
    "challenger": challenger,
}


def findings(standing: Standing, settings: Alerts) -> list[Finding]:
    """Everything that is wrong now, critical first."""
    found = [each for rule in RULES.values() for each in rule(standing, settings)]
    return sorted(found, key=lambda each: each.severity != "critical")
