"""How numbers read in every report: what does not exist is n/a, never zero."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MISSING = "n/a"
VERDICT_ORDER = ("HARMFUL", "ADDS VALUE", "FIXABLE", "NOT PROVEN", "WARMING", "NO DATA")
SCORES = ("brier", "crps", "squared_error", "log_score")  # of a model: the first that its card has
PNL_LINES = (  # key, sign in the sum, words
    ("spread_capture", +1, "spread capture"),
    ("adverse_selection", -1, "adverse selection"),
    ("post_horizon", +1, "drift after the horizon"),
    ("opening_inventory", +1, "opening inventory"),
    ("fees", -1, "fees"),
    ("funding", +1, "funding"),
)

Result = Mapping[str, Any]


def horizon_s(name: str) -> float:
    """Horizon that a model's name ends with, seconds; 60 where it has none."""
    found = re.search(r"_([\d.]+)s$", name)
    return float(found[1]) if found else 60.0


def decimal(value: Any) -> Decimal | None:
    """Exact: the shortest decimal of a float is the whole number of half micro-units that it stands for."""
    if value is None:
        return None
    amount = Decimal(str(value))
    return amount if amount.is_finite() else None


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and abs(value) < float("inf")  # NaN compares false


def number(value: Any, form: str) -> str:
    """A number in a format."""
    return format(value, form) if is_number(value) else MISSING


def count(value: Any) -> str:
    """A whole number."""
    return number(value, ",.0f")


def interval(low: Any, high: Any, form: str) -> str:
    """An interval in a format for both ends."""
    return f"[{low:{form}}, {high:{form}}]" if is_number(low) and is_number(high) else MISSING


def covered(half: Any, most: Any) -> str:
    """Shares inside the central 50 and 90 % intervals."""
    return f"{100 * half:.0f}/{100 * most:.0f}" if is_number(half) and is_number(most) else MISSING


def ratio(value: Any) -> str:
    """A ratio, capped at 10."""
    return ">10" if is_number(value) and value >= 10 else number(value, ".2f")


def mean(row: Mapping[str, Any]) -> str:
    """Mean of a markout row with its standard error and number."""
    if not row.get("n") or not is_number(row.get("bps")):
        return MISSING
    se = row.get("se")
    return f"{row['bps']:+.2f} ± {number(se, '.2f')} ({row['n']:,})"


def verdict_of(card: Mapping[str, Any]) -> str:
    """A scorecard's verdict."""
    return str(card.get("verdict") or "NO DATA")


def verdict_rank(verdict: str) -> int:
    """Order in which verdicts are told."""
    return VERDICT_ORDER.index(verdict) if verdict in VERDICT_ORDER else -1


def since(entry: Mapping[str, Any]) -> str:
    """Since when, in words."""
    since = entry.get("since_s")
    return f" since {duration(since)} into the run" if is_number(since) else ""


def duration(seconds: Any) -> str:
    """A span of time in the unit that fits."""
    if not is_number(seconds):
        return MISSING
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
