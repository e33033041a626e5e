"""The log of a session, for people and grep: the calibration line every five minutes, and each alert."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import structlog

from touchstone.core.calibration.scorecard import VERDICT_NAMES
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES
from touchstone.core.records import ALERT_NAMES
from touchstone.core.targets import IS_BINARY, N_TARGETS, TARGET_NAMES
from touchstone.insight.sentences import calibration_line
from touchstone.session.models import number

SIDES = ("bid", "ask")
NS = 1_000_000_000


class SessionLog:
    """A sink for `Replay` that writes `session.log` (logfmt, one line an event) and may also say each line."""

    def __init__(
        self,
        path: Path,
        say: Callable[[str], None] | None = None,
        *,
        mi_decay: Callable[[], float | None] = lambda: None,
    ) -> None:
        """mi_decay: slope of the lead-lag information per day, None while it is not known."""
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._say = say
        self._mi_decay = mi_decay
        self._newest_ns = 0  # of what was written down
        order = ["time", "level", "event"]
        self._log: Any = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[structlog.processors.add_log_level, structlog.processors.LogfmtRenderer(key_order=order)],
        )

    def take(self, table: str, rows: Any) -> None:
        """Log calibration records and alerts."""
        if table == "calibrations":
            for row in rows:
                self._newest_ns = int(row["t_ns"])
                line = calibration_line(_as_result(row, self._mi_decay()))
                self._log.info(line, time=_clock(row["t_ns"]), fills=int(row["n_fills"]))
                if self._say:
                    self._say(f"{_clock(row['t_ns'])} {line}")
        elif table == "alerts":
            for row in rows:
                name = ALERT_NAMES[int(row["code"])]
                self._log.warning(name, time=_clock(row["t_ns"]), value=float(row["value"]), cloid=int(row["cloid"]))

    def warn(self, text: str) -> None:
        """Something that a person should read."""
        self._log.warning(text, time=_clock(self._newest_ns))
        if self._say:
            self._say(text)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _clock(t_ns: Any) -> str:
    return datetime.fromtimestamp(int(t_ns) / NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_result(row: Any, mi_decay: float | None) -> dict[str, Any]:
    """A CALIBRATION record as the part of a result that the calibration line is made of."""
    models = {}
    for target in range(N_TARGETS):
        summary = row["summary"][target]
        models[TARGET_NAMES[target]] = {
            "n": int(summary["n"]),
            "n_eff": number(summary["n_eff"]),
            "brier": number(summary["loss"]) if IS_BINARY[target] else None,
            "ir": number(summary["ir"]),
            "degraded": bool(summary["degraded"]),
            "verdict": VERDICT_NAMES[int(summary["verdict"])],
        }
    models["lag_1s"]["mi_decay_per_day"] = mi_decay
    quoting = []
    for s, side in enumerate(SIDES):
        reason = int(row["no_quote_reason"][s])
        since_s = (int(row["t_ns"]) - int(row["no_quote_since_ns"][s])) / NS
        quoting.append({"side": side, "reason": NO_QUOTE_NAMES[reason] if reason else None, "since_s": since_s})
    return {"models": models, "quoting": quoting}
