"""What a session tells by itself: rules over its readings, each documented in docs/report.md, ranked by severity."""

from touchstone.insight.findings import fills, limits, models, soundness
from touchstone.insight.findings.finding import Finding, Rule, Severity
from touchstone.insight.readings.readings import Readings

__all__ = ["RULES", "Finding", "Rule", "Severity", "find"]

RULES: tuple[Rule, ...] = (
    soundness.broken_invariant,
    soundness.killed,
    models.disconnected,
    models.over_confident,
    models.harmful,
    fills.toxic_side,
    limits.stale_feed,
    limits.inventory_bound,
    limits.quota_bound,
    fills.fee_bound,
    fills.too_little,
)


def find(readings: Readings) -> list[Finding]:
    """All findings: what undermines the session, then the most severe, and of equal ones that with the most money."""
    found = [finding for rule in RULES for finding in rule.find(readings)]
    return sorted(found, key=lambda finding: finding.weight, reverse=True)
