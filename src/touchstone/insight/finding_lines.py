"""Findings on the terminal: severity, what was found, how large, what to do."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from touchstone.insight.findings import Finding
from touchstone.insight.page.html import amount, bps, estimate


def finding_lines(found: Sequence[Finding], currency: str) -> RenderableType:
    """The findings, the most severe first."""
    lines: list[RenderableType] = [Text("\nFindings", style="bold")]
    if not found:
        lines.append(Text("  none: no rule fired"))
    for finding in found:
        lines.append(Text(f"  {finding.severity.name} {finding.title} ({finding.rule})"))
        if finding.bps.mean is not None or finding.money.mean is not None:
            words = f"{estimate(finding.bps, bps)} bps, {estimate(finding.money, amount)} {currency}: {finding.size}"
            lines.append(Padding(Text(words), (0, 0, 0, 6)))
        lines.append(Padding(Text(finding.action), (0, 0, 0, 6)))
    return Group(*lines)
