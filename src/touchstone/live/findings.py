"""What a doctor says: findings, each with what it means and what to do."""

from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["ok", "warn", "bad"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, what that means, and what to do where it is not ok."""

    name: str
    level: Level
    found: str
    meaning: str
    remedy: str = ""


@dataclass(slots=True)
class Examination:
    """All findings. `is_unreachable` where the exchange could not be asked, so that some could not be made."""

    network: str
    coin: str
    account: str = ""
    findings: list[Finding] = field(default_factory=list)
    is_unreachable: bool = False

    @property
    def worst(self) -> Level:
        """The most severe level."""
        return max((finding.level for finding in self.findings), key=LEVELS.index, default="ok")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "network": self.network,
            "coin": self.coin,
            "account": self.account or None,
            "worst": self.worst,
            "unreachable": self.is_unreachable,
            "findings": [
                {"name": f.name, "level": f.level, "found": f.found, "meaning": f.meaning, "remedy": f.remedy or None}
                for f in self.findings
            ],
        }


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """Address of a key, where it comes from, or why there is none; no secret."""

    address: str = ""
    source: str = ""
    problem: str = ""
