"""Rules about the session itself: did its invariants hold, did risk end it?"""

from touchstone.insight.findings.finding import Finding, Severity, exact, rule
from touchstone.insight.readings.clustered import NOTHING
from touchstone.insight.readings.readings import Readings


@rule(
    "broken invariant",
    "Did everything add up?",
    "the result lists a problem: accounts or predictions that do not add up, a full buffer, a position or fee that the "
    "exchange tells otherwise, a session that did not end by itself",
)
def broken_invariant(readings: Readings) -> list[Finding]:
    problems = tuple(readings.result.get("problems") or ())
    if not problems:
        return []
    ended = readings.session.is_finished
    return [
        Finding(
            "broken invariant",
            Severity.CRITICAL,
            "The session is not sound" if ended else "The session did not end by itself, or goes on",
            problems,
            "Believe no figure below before this is understood: `touchstone replay` names the first difference."
            if ended
            else "If it was killed, start it again with `touchstone run`: it goes on where it stood. Its figures are "
            "those of the tables, which may end a little earlier than the journal.",
            "not measurable",
            undermines=True,
        )
    ]


@rule("killed by risk", "Did risk end the session?", "the risk state at the end is `killed`")
def killed(readings: Readings) -> list[Finding]:
    risk = readings.result.get("risk") or {}
    if risk.get("state") != "killed":
        return []
    total = (readings.result.get("pnl") or {}).get("total")
    volume = float(readings.result.get("volume") or 0.0)
    since = risk.get("since_s")
    when = f" {since:,.0f} s into the session" if since is not None else ""
    return [
        Finding(
            "killed by risk",
            Severity.CRITICAL,
            f"Risk killed the session by rule {risk.get('reason')}",
            (f"rule {risk.get('reason')}{when}",),
            "Find out why before `touchstone clear`: the panels of price, position and PnL show the minutes before it.",
            "PnL of the session",
            exact(1e4 * total / volume) if total is not None and volume else NOTHING,
            exact(total) if total is not None else NOTHING,
        )
    ]
