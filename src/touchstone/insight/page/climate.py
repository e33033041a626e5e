"""Panels about the kind of market: regimes, funding and oracle, toxicity predicted against realised."""

from touchstone.insight.charts import calibration
from touchstone.insight.page.html import Panel, panel, table
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import count, number


def panels(readings: Readings) -> list[Panel]:
    """In the order of the page."""
    return [
        panel("Kind of market", "What was the market like, and for how long?", lambda: regimes(readings)),
        panel("Toxicity: predicted against realised", "Are the fills that it warns of those that lose?",
              lambda: toxicity(readings)),
    ]  # fmt: skip


def regimes(readings: Readings) -> str:
    """Time in each kind of market and what it is like; funding and oracle."""
    found, told = readings.result.get("regime") or {}, readings.result.get("funding") or {}
    if not found:
        raise NoDataError("the kind of market was not followed, or is told at the end of a session")
    rows = [
        [
            each["name"], number(each["share_of_time"], ".1%"), number(each["p"], ".3f"), number(each["sigma"], ".2f"),
            number(each["stay_s"], ",.0f"),
        ]
        for each in found["states"]
    ]  # fmt: skip
    made = table(("state", "time", "p at the end", "bps per √s", "stays, s"), rows)
    if told:
        made += (
            f'<p class="note">Funding {number(told.get("per_hour"), "+.6%")} an hour; oracle {told.get("oracle")}, '
            f'{number(told.get("oracle_gap_bps"), "+.2f")} bps from our mid at the end.</p>'
        )
    return made


def toxicity(readings: Readings) -> str:
    """Groups of P(toxic) against the share of toxic fills and their realised adverse selection."""
    groups = (readings.result.get("toxicity") or {}).get("calibration") or []
    if not groups:
        raise NoDataError("no fill has come to its end, or the classifier of toxicity is off")
    bins = [calibration.Bin(group["forecast"], group["observed"], group["n"]) for group in groups]
    rows = [
        [
            number(group["forecast"], ".3f"), number(group["observed"], ".3f"), number(group["adverse_bps"], "+.2f"),
            number(group["adverse_se"], ".2f"), count(group["n"]),
        ]
        for group in groups
    ]  # fmt: skip
    head = ("predicted", "observed", "adverse, bps", "se", "fills")
    return calibration.reliability(
        bins, "Toxic fills observed against predicted", width=380, height=300
    ) + table(head, rows, text=())
