"""What a finding is: a rule that fired, how bad, on what evidence, how large, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import wraps
from typing import Any

from touchstone.insight.readings.clustered import NOTHING, Estimate
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings


class Severity(IntEnum):
    """How bad: the order in which findings are read."""

    INFO = 0  # nothing is wrong; it bounds what can be said
    MEDIUM = 1  # costs money or will
    HIGH = 2  # costs money now
    CRITICAL = 3  # what the session says of itself, or its safety, cannot be relied on


@dataclass(frozen=True)
class Finding:
    """One finding. `size` says what `bps` (of notional, positive = good for us) and `money` measure.

    Both have their central 90 % interval where one exists; a count is exact: low = mean = high. undermines: no figure
    of the session can be believed, those of other findings neither, so it is read first.
    """

    rule: str
    severity: Severity
    title: str
    evidence: tuple[str, ...]
    action: str
    size: str
    bps: Estimate = NOTHING
    money: Estimate = NOTHING
    undermines: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As documented in docs/json.md."""
        return {
            "rule": self.rule,
            "severity": self.severity.name.lower(),
            "title": self.title,
            "evidence": list(self.evidence),
            "action": self.action,
            "size": self.size,
            "bps": {"mean": self.bps.mean, "low": self.bps.low, "high": self.bps.high},
            "money": {"mean": self.money.mean, "low": self.money.low, "high": self.money.high},
        }

    @property
    def weight(self) -> tuple[bool, int, float]:
        """What undermines all else, then severity, then money."""
        return self.undermines, int(self.severity), abs(self.money.mean or 0.0)


@dataclass(frozen=True)
class Rule:
    """A rule as docs/report.md documents it: its name, what it looks for, and when it fires."""

    name: str
    question: str
    fires: str
    find: Callable[[Readings], list[Finding]]


def rule(name: str, question: str, fires: str) -> Callable[[Callable[[Readings], list[Finding]]], Rule]:
    """Make a rule of a function; where a reading that it needs does not exist it finds nothing."""

    def made(find: Callable[[Readings], list[Finding]]) -> Rule:
        @wraps(find)
        def careful(readings: Readings) -> list[Finding]:
            try:
                return find(readings)
            except NoDataError:
                return []

        return Rule(name, question, fires, careful)

    return made


def exact(value: float) -> Estimate:
    """A count or an account: no doubt about it."""
    return Estimate(value, 0.0, value, value, 1, 1)


def span_s(readings: Readings) -> float:
    """Length of the session, seconds; NaN where it is not known."""
    value = readings.result.get("span_s")
    return float(value) if value else float("nan")
