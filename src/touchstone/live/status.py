"""How a session stands: the document that `touchstone status` gets, and the line that a terminal shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from touchstone.core.calibration import scorecard
from touchstone.core.market import leadlag
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES
from touchstone.core.targets import TARGET_NAMES
from touchstone.core.trading import breakers, quota
from touchstone.live.session import Session
from touchstone.session import result
from touchstone.session.models import number

SIDES = ("bid", "ask")
NS = 1_000_000_000
VERDICTS_SHOWN = ("ADDS VALUE", "HARMFUL", "FIXABLE", "NOT PROVEN", "WARMING", "NO DATA")


def status(session: Session, models: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Position, PnL, orders, quota, verdicts, and what keeps each side out of the book; see docs/json.md.

    models: scorecards as they were summed up a moment ago, which saves doing it again.
    """
    state = session.trader.state
    now_ns = int(state.now_ns)
    size = 10 ** int(state.params.sz_decimals)
    mid2 = int(state.book.mid2)
    calm, since_ns = int(state.risk.state) == int(breakers.NORMAL), int(state.risk.state_since_ns)
    scored = [(name, int(state.models.cards[target].n)) for target, name in enumerate(TARGET_NAMES)]
    return {
        "coin": session.start.market.coin,
        "time_ns": now_ns,
        "connected": session.client.is_up,
        "connection_losses": session.n_downs,
        "timers_skipped": session.trader.n_timers_skipped,
        "position": int(state.profit.position) / size,
        "mid": mid2 / 2 / 10 ** (6 - int(state.params.sz_decimals)) if mid2 else None,
        "pnl": result.attribution(state),
        "fills": int(state.profit.n_fills),
        "orders": len(session.trader.live_orders()),
        "quoting": [_side(state, s, now_ns) for s in range(2)],
        "risk": {
            "state": breakers.STATE_NAMES[int(state.risk.state)],
            "reason": None if calm else breakers.REASON_NAMES[int(state.risk.reason)],
            "since_s": None if calm or not since_ns else (now_ns - since_ns) / NS,  # 0: as it begins
        },
        "quota": {
            "used": int(quota.allowance(state.quota) - quota.headroom(state.quota)),
            "allowed": int(quota.allowance(state.quota)),
            "forcing": _is_forcing(state),
            "headroom_pct": 100.0 * float(quota.headroom_share(state.quota)),
        },
        "reference": {
            "state": session.reference,
            "used": bool(leadlag.is_known(state.market_params)),
            "since_s": (now_ns - session.reference_since_ns) / NS if session.reference_since_ns else None,
        },
        "verdicts": verdicts(state) if models is None else count_verdicts(models),
        "samples": {
            "fill": sum(n for name, n in scored if name.startswith("fill")),
            "adverse": sum(n for name, n in scored if name.startswith("adverse")),
        },
        "account": _account(state),
        "challenger": session.challenger() if session.challenger else None,
        "latency": {"step": session.steps.summary(), "timer_late": session.timer_late.summary()},
    }


def _account(state: Any) -> dict[str, Any]:
    """What the exchange said of the account, in units of the collateral; None while it has said nothing."""
    equity, free_micro = int(state.equity_micro), int(state.risk.withdrawable)
    free = number(state.risk_inputs.free_margin)
    if free is None and equity > 0 and free_micro >= 0:
        free = free_micro / equity
    return {
        "equity": equity / 1e6 if equity else None,
        "free_margin_share": free,
        "free_margin_least": number(state.risk.limits.free_margin),
        "liquidation_bps": number(state.risk_inputs.liquidation_bps),
        "liquidation_least_bps": number(state.risk.limits.liquidation_bps),
        "position_limit": int(state.max_position_qty) / 10 ** int(state.params.sz_decimals) or None,
        "fee_mismatches": int(state.n_fee_mismatches),
    }


def _is_forcing(state: Any) -> bool:
    """Whether the quota lets only the reducing side be quoted."""
    position, limit = np.int64(state.profit.position), np.int64(state.max_position_qty)
    return bool(quota.is_forcing(state.quota, np.int64(state.now_ns), position, limit))


def _side(state: Any, s: int, now_ns: int) -> dict[str, Any]:
    reason = int(state.ladder.no_quote[s])
    if not reason:
        return {"side": SIDES[s], "reason": None, "since_s": None}
    since_s = (now_ns - int(state.ladder.no_quote_since_ns[s])) / NS
    return {"side": SIDES[s], "reason": NO_QUOTE_NAMES[reason], "since_s": since_s}


def verdicts(state: Any) -> dict[str, int]:
    """How many scorecards have each verdict."""
    out: Any = np.zeros(1, scorecard.SUMMARY)[0]
    found = dict.fromkeys(VERDICTS_SHOWN, 0)
    for target in range(len(TARGET_NAMES)):
        card = state.models.cards[target : target + 1].copy()[0]  # a summary writes scratch, which is part of the state
        scorecard.summary(card, out)
        found[scorecard.VERDICT_NAMES[int(out.verdict)]] += 1
    return {name: count for name, count in found.items() if count}


def count_verdicts(models: Mapping[str, Any]) -> dict[str, int]:
    """The same from scorecards of a result."""
    given = [card["verdict"] for card in models.values()]
    return {name: given.count(name) for name in VERDICTS_SHOWN if name in given}


def line(document: dict[str, Any], currency: str) -> str:
    """The document in one line for people."""
    quota_now, verdicts = document["quota"], document["verdicts"]
    parts = [
        f"position {document['position']:+g}",
        f"pnl {document['pnl']['total']:+.4f} {currency}",
        f"fills {document['fills']}",
        f"orders {document['orders']}",
        f"quota {quota_now['headroom_pct']:.0f}%",
        ", ".join(f"{count} {name}" for name, count in verdicts.items()),
    ]
    if document["challenger"]:
        parts.append(f"challenger {document['challenger']['verdict']}")
    if not document["connected"]:
        parts.append("no connection")
    if document["reference"]["state"] == "stale":
        parts.append(f"reference stale since {document['reference']['since_s']:.0f} s")
    risk, silent = document["risk"], [each for each in document["quoting"] if each["reason"]]
    if risk["reason"]:
        since = "the start" if risk["since_s"] is None else f"{risk['since_s']:.0f} s"
        parts.append(f"{risk['state']}: {risk['reason']} since {since}")
    else:
        parts += [f"no {each['side']}: {each['reason']} since {each['since_s']:.0f} s" for each in silent]
    return " | ".join(parts)
