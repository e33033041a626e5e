"""A session's folder as a running session leaves it, without one that runs."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchstone.watch.standing import CONFIG, RESULT, STATUS

CARD: dict[str, Any] = {
    "n": 1_200, "n_eff": 410.0, "made": 1_500, "brier": 0.123, "crps": None, "squared_error": None, "bss": 0.05,
    "influence": 0.25, "degraded": False, "verdict": "ADDS VALUE", "e_skill": 120.0, "e_harm": 0.01,
}  # fmt: skip


def a_result() -> dict[str, Any]:
    """A result so far, with numbers that are told apart easily."""
    return {
        "coin": "hyna:HYPE", "currency": "USDE", "events": 50_000, "span_s": 1_800.0, "orders": 700, "fills": 21,
        "volume": 1_234.5,
        "pnl": {
            "total": 0.75, "spread_capture": 2.0, "adverse_selection": 0.5, "post_horizon": 0.25,
            "opening_inventory": 0.0, "fees": 1.0, "funding": 0.0,
        },
        "edge_per_fill": {"bps": 1.5, "se": 0.5, "low": 0.7, "high": 2.3, "n": 21},
        "toxic_fills": {"n": 4, "share": 0.19},
        "markouts": [{"horizon_s": 10.0, "side": "both", "bps": 3.25, "se": 0.5, "n": 21, "bps_by_notional": 3.0}],
        "quotes": {"placed": 400, "amended": 300, "cancelled": 100, "rejected": 2},
        "quoting": [{"side": "bid", "reason": None, "since_s": None}, {"side": "ask", "reason": "quota", "since_s": 3}],
        "risk": {"state": "normal", "reason": None, "since_s": None, "trips": {}},
        "models": {"fill_10s": dict(CARD), "toxic_10s": {**CARD, "verdict": "WARMING", "n": 90}},
        "alerts": {},
    }  # fmt: skip


def a_status() -> dict[str, Any]:
    """The status of the same moment."""
    return {
        "connected": True, "position": 2.5, "mid": 40.125, "orders": 6,
        "risk": {"state": "normal", "reason": None, "since_s": None},
        "quota": {"used": 1_000, "allowed": 10_000, "forcing": False, "headroom_pct": 90.0},
        "reference": {"state": "up", "used": True, "since_s": 10.0},
        "account": {
            "equity": 1_000.0, "free_margin_share": 0.9, "free_margin_least": 0.1, "liquidation_bps": 4_000.0,
            "liquidation_least_bps": 500.0, "position_limit": 12.5, "fee_mismatches": 0,
        },
        "latency": {"step": {"n": 9, "p50_us": 250.0, "p99_us": 900.0, "largest_us": 1_000.0}, "timer_late": {}},
    }  # fmt: skip


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a session's folder: running with `status` and `result` so far, or ended with `final`."""

    def written(
        *, status: dict[str, Any] | None = None, result: dict[str, Any] | None = None,
        final: dict[str, Any] | None = None, age_s: float = 0.0,
    ) -> Path:  # fmt: skip
        (tmp_path / CONFIG).write_text("")
        told = {
            "wall_ns": time.time_ns() - round(age_s * 1e9), "status": status or a_status(),
            "result": result or a_result(), "book": {}, "orders": [], "desk": str(tmp_path / "desk"),
        }  # fmt: skip
        (tmp_path / STATUS).write_text(json.dumps(told))
        if final is not None:
            (tmp_path / RESULT).write_text(json.dumps(final))
        return tmp_path

    return written
