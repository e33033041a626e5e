"""What an import found wrong, counted by kind with the first place named. Nothing is repaired in silence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# kind -> (whether the row is dropped, what it means)
REASONS: dict[str, tuple[bool, str]] = {
    "unknown_file": (False, "file that belongs to no known stream, not read"),
    "truncated_file": (False, "file ends in the middle of its compressed data; what came before is used"),
    "truncated_row": (True, "row with too few columns, or a last line cut off"),
    "corrupt_row": (True, "row with too many columns, undecodable bytes or broken JSON"),
    "missing_value": (True, "empty price, size, time or side"),
    "non_numeric": (True, "price, size or time that is not a number"),
    "nan": (True, "price, size or time that is NaN or infinite"),
    "negative": (True, "negative price, size or time"),
    "zero": (True, "zero price, size or time"),
    "too_large": (True, "number beyond 64 bits"),
    "off_grid_price": (True, "price with more decimals or figures than the venue allows"),
    "off_grid_size": (True, "size finer than szDecimals"),
    "bad_side": (True, "side that is neither bid/ask nor buy/sell"),
    "bad_time": (True, "exchange time outside 2020-2100, or ahead of its own receipt"),
    "crossed_book": (True, "bid above ask in one message"),
    "locked_book": (True, "bid equal to ask in one message"),
    "level_order": (True, "book levels not best first"),
    "time_back": (True, "quote older than one before it in the same file"),
    "duplicate_trade_id": (True, "trade id seen before"),
    "backfill_trade": (True, "trade before the first quote: sent by the feed on subscription"),
    "late_row": (True, "row received long after its block (a reconnect's backfill or a stalled recorder)"),
    "unknown_type": (True, "message of a type that is not known"),
    "row_without_partner": (True, "row of the longer of two files that should agree row by row"),
    "chain_break": (False, "depth update that does not follow the one before: the book is unknown until a snapshot"),
    "depth_without_book": (True, "depth update while the book is unknown"),
    "repeated_update": (True, "update id that is not newer than one before it"),
    "one_sided": (False, "touch message without one side; the other side is used"),
    "one_sided_book": (False, "book snapshot without one side, used as it is"),
    "trade_reordered": (False, "trade received after a later one, put in exchange order"),
    "ignored_message": (False, "message of a channel or coin that is not imported"),
    "rebuilt_book_crossed": (False, "book rebuilt from snapshot and updates with bid at or above ask"),
    "rebuilt_touch_differs": (False, "best bid or ask of the feed that the rebuilt book of the same update denies"),
    "size_rounded": (False, "size finer than the szDecimals asked for, rounded (at least one unit)"),
    "no_exchange_time": (False, "message without exchange time: its receipt less the fastest delay stands for it"),
    "execution_off_touch": (False, "execution that is not at the touch, or takes another size off it than its own"),
    "hidden_execution": (False, "execution of an order that no book shows, not used"),
    "cross_trade": (False, "auction trade, not used"),
    "halt": (False, "trading halt or its end; the feed counts as down in between"),
    "late_receipt": (False, "event whose receive time was raised to that of an event before it in exchange order"),
    "early_receipt": (False, "event whose receive time, after the clock correction, was raised to its exchange time"),
}


@dataclass
class Problem:
    """How often, and the first place: file name, 1-based line (text) or row (parquet), value as found."""

    count: int = 0
    file: str = ""
    line: int = 0
    value: str = ""


@dataclass
class Quality:
    """The report of one import."""

    problems: dict[str, Problem] = field(default_factory=lambda: {reason: Problem() for reason in REASONS})
    rows_read: dict[str, int] = field(default_factory=dict)  # by stream
    rows_kept: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)  # by kind
    gaps: dict[str, dict[str, float]] = field(default_factory=dict)  # by stream: count, longest_s
    clock: dict[str, float] = field(default_factory=dict)
    depth: dict[str, int] = field(default_factory=dict)  # a book rebuilt from updates, where there were any

    def add(self, reason: str, file: str, lines: Sequence[int] | Any, values: Sequence[Any] | Any) -> None:
        """Count one problem per line; the first one is kept as the example."""
        if len(lines) == 0:
            return
        problem = self.problems[reason]
        if problem.count == 0:
            problem.file, problem.line, problem.value = file, int(lines[0]), str(values[0])[:80]
        problem.count += len(lines)

    def count(self, reason: str) -> int:
        return self.problems[reason].count

    @property
    def dropped(self) -> int:
        """Rows not used, all reasons."""
        return sum(p.count for reason, p in self.problems.items() if REASONS[reason][0])

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, the same keys for every import."""
        return {
            "rows_read": dict(self.rows_read),
            "rows_kept": dict(self.rows_kept),
            "rows_dropped": self.dropped,
            "events": dict(self.events),
            "gaps": {stream: dict(gap) for stream, gap in self.gaps.items()},
            "clock": dict(self.clock),
            "depth": dict(self.depth),
            "problems": {
                reason: {
                    "count": p.count,
                    "dropped": REASONS[reason][0],
                    "first": {"file": p.file, "line": p.line, "value": p.value} if p.count else None,
                }
                for reason, p in self.problems.items()
            },
        }

    def lines(self) -> list[str]:
        """The report for people: totals, then one line per kind of problem found."""
        text = [
            f"{stream}: {read} rows read, {self.rows_kept.get(stream, 0)} used"
            for stream, read in self.rows_read.items()
        ]
        for stream, gap in self.gaps.items():
            if gap["count"]:
                text.append(f"{stream}: {gap['count']:.0f} gaps, longest {gap['longest_s']:.1f} s")
        if self.clock:
            text.append(
                f"clock: {self.clock['offset_ms']:.1f} ms taken off every receive time, so that 1 % of the messages "
                f"arrive within {self.clock['floor_ms']:.0f} ms of their block"
            )
        if self.depth.get("updates"):
            text.append(
                f"book rebuilt from {self.depth['snapshots']} snapshots and {self.depth['applied']} of "
                f"{self.depth['updates']} updates; {self.depth['touches_equal']} of {self.depth['touches_compared']} "
                "touches equal the feed's own"
            )
        for reason, p in self.problems.items():
            if p.count:
                verb = "dropped" if REASONS[reason][0] else "noted"
                place = f"{p.file}:{p.line}" if p.line else p.file
                text.append(f"{verb} {p.count} {reason} ({REASONS[reason][1]}); first {place} value {p.value!r}")
        return text
