"""What a run amounts to: the documented result (docs/json.md) out of the final state of a session."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from touchstone.config import Config
from touchstone.core.calibration import ledger
from touchstone.core.conventions import MARKOUT_HORIZONS_NS, NS, TOXIC_HORIZON
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES
from touchstone.core.targets import TARGET_NAMES
from touchstone.core.trading import breakers, markout, pnl
from touchstone.session import adverse, climate, gate, models
from touchstone.session.machine import Machine
from touchstone.session.sinks import Alerts, Outcomes, Sinks

LEDGER_PER_UNIT = 2_000_000  # ledger units (half micro) per unit of collateral
SIDES = ("bid", "ask")

# Alerts that mean that the run is not sound, and the rest, which the report only counts.
FAULTS = {
    "ledger_full",
    "unmatched_own_event",
    "pnl_identity_broken",
    "ladder_invariant",
    "position_mismatch",
    "fee_mismatch",
    "ledger_not_conserved",
}


def money(ledger_units: Any) -> float:
    """Ledger units as an amount of collateral, exact to the seventh decimal."""
    return int(ledger_units) / LEDGER_PER_UNIT


def whole(shell: Machine, config: Config, sinks: Sinks, seconds: float) -> dict[str, Any]:
    """All of a result but what only its market knows, which stays None or empty; `seconds` of the wall it took."""
    risk, quoting = standing(shell)
    state = shell.state
    of_run = headline(shell, config, sinks.outcomes)
    of_run["models"]["lag_1s"]["mi_decay_per_day"] = sinks.leadlag.decay_per_day()
    return {
        "coin": config.market.coin,
        "currency": config.market.currency,
        "events": shell.n_market,
        "events_per_s": shell.n_market / seconds if seconds > 0 else None,
        "span_s": None,
        "scenario": None,
        "orders": int(state.orders.n_placed + state.orders.n_amended),
        **of_run,
        "lead_lag": sinks.leadlag.summary(state),
        "regime": climate.regime(state),
        "toxicity": climate.toxicity(state),
        "funding": climate.funding(state),
        "markouts": markouts(state),
        "quotes": quotes(shell),
        "not_quoting_s": not_quoting(state),
        "quoting": quoting,
        "risk": risk,
        "alerts": dict(sinks.alerts.counts),
        "counters": _counters(shell),
        "assumptions": {
            "queue_model": config.exchange.queue_model,
            "latency": config.exchange.latency,
            "order_latency_median_ms": config.exchange.order_latency_median_ms,
        },
        "variants": {},
        "data_quality": None,
        "challenger": None,
        "truth": None,
        "informed_fills": None,
        "problems": problems(shell, sinks.alerts),
        "digest": shell.digest(),
    }


def so_far(shell: Machine, config: Config) -> Iterator[dict[str, Any]]:
    """What of a result a session that goes on can tell at once; the keys are those of docs/json.md.

    In parts of some 0.2 ms each, so that a loop that trades may go on between them.
    """
    state = shell.state
    first = int(shell.first_ns)
    yield {
        "coin": config.market.coin,
        "currency": config.market.currency,
        "events": shell.n_market,
        "span_s": (int(state.now_ns) - first) / NS if first else 0.0,
        "orders": int(state.orders.n_placed + state.orders.n_amended),
        "fills": int(state.profit.n_fills),
        "volume": int(state.profit.volume) / 1e6,
        "pnl": attribution(state),
    }
    yield {"edge_per_fill": edge_per_fill(shell, config.maker_fee_bps), "toxic_fills": toxic_fills(state)}
    yield {"inventory": inventory(state), "quotes": quotes(shell)}
    risk, quoting = standing(shell)
    yield {"quoting": quoting, "risk": risk}


_TELLING = (
    *("late", "outside", "crossed", "off_grid", "clamped", "capped", "scaled", "skipped", "dropped", "beyond_book"),
    *("kept_for_price", "price_taken", "threatened"),
    *("evicted", "full", "unmatched", "duplicates", "invalid", "no_mid", "moved_off_touch", "rate_limited", "missed"),
    *("no_room", "not_tracked", "time_back", "unsound", "bad", "overflow", "refused", "too_old", "mismatches", "lost"),
)


def _counters(shell: Machine) -> dict[str, int]:
    """Every drop, clamp, skip and eviction that was counted, by place; only those that are not zero."""
    found: dict[str, int] = {}
    for name, record in shell.counted():
        _collect(record, name, found)
    return found


def _collect(record: Any, prefix: str, found: dict[str, int]) -> None:
    for name in record.dtype.names:
        kind = record.dtype[name]
        if kind.names:
            _collect(record[name], f"{prefix}.{name}", found)
        elif name.startswith("n_") and not kind.shape and name[2:].endswith(_TELLING) and int(record[name]):
            found[f"{prefix}.{name}"] = int(record[name])


def headline(shell: Machine, config: Config, outcomes: Outcomes | None) -> dict[str, Any]:
    """What is also shown for variants: fills, volume, PnL, edge per fill, models."""
    state = shell.state
    return {
        "fills": int(state.profit.n_fills),
        "volume": int(state.profit.volume) / 1e6,
        "pnl": attribution(state),
        "edge_per_fill": edge_per_fill(shell, config.maker_fee_bps),
        "toxic_fills": toxic_fills(state),
        "inventory": inventory(state),
        "totals": totals(shell, config),
        "models": models.withstand({name: models.model(state, t, outcomes) for t, name in enumerate(TARGET_NAMES)}),
        "caution": models.cost_of_caution(state),
        "adverse_selection": adverse.curves(state.models.adverse),
        "gate": gate.scorecard(state, observed_s(state)),
        "edge": models.edge_contexts(state),
    }


def attribution(state: Any) -> dict[str, float]:
    """The accounts at the 10 s horizon; the lines add up to the total exactly."""
    lines = np.zeros(1, pnl.ATTRIBUTION)[0]  # not the state's own: reading a result changes nothing
    pnl.attribute(_accounts(state), np.int64(TOXIC_HORIZON), np.int64(state.book.mid2), lines)
    names = ("total", "spread_capture", "adverse_selection", "post_horizon", "opening_inventory", "fees", "funding")
    return {name: money(getattr(lines, name)) for name in names}


def _accounts(state: Any) -> Any:
    """A copy of the accounts: those of the state remember the mid that they are asked for."""
    copy = np.zeros(1, pnl.PNL)
    copy[0] = state.profit
    return copy[0]


def edge_per_fill(shell: Machine, maker_fee_bps: float) -> dict[str, Any]:
    """Realised half-spread minus fee at 10 s, mean over fills; 90 % interval from ten fills in ten time blocks on."""
    found = shell.edges.estimate(maker_fee_bps)
    wide = found.n >= models.FEWEST_FOR_INTERVAL
    return {
        "bps": found.mean,
        "se": found.se,
        "low": found.low if wide else None,
        "high": found.high if wide else None,
        "n": found.n,
    }


def toxic_fills(state: Any) -> dict[str, Any]:
    """Fills whose realised half-spread at 10 s was less than their fee: number, and share of those resolved."""
    n, resolved = int(state.marks.n_toxic.sum()), int(state.marks.n[:, TOXIC_HORIZON].sum())
    return {"n": n, "share": n / resolved if resolved else None}


def inventory(state: Any) -> dict[str, Any]:
    """Absolute position at the mid, in collateral: mean over time and largest, as seen ten times a second."""
    seconds = observed_s(state)
    mean = float(state.inventory_time) / 1e6 / seconds if seconds else None
    return {"mean_abs_notional": mean, "max_abs_notional": float(state.largest_inventory) / 1e6 if seconds else None}


def observed_s(state: Any) -> float:
    """Time over which quotes and inventory were measured, seconds."""
    return float(state.quoting_ns[0] + state.not_quoting_ns[0].sum()) / NS


def totals(shell: Machine, config: Config) -> dict[str, Any]:
    """Sums since the start that comparisons add up over runs or time blocks; money in units of collateral.

    `marked_*`, `toxic`, `edge*` and `adverse` are over the fills whose markout at 10 s is known.
    """
    state = shell.state
    h, marks, profit, orders = TOXIC_HORIZON, state.marks, state.profit, state.orders
    marked, notional = marks.n[:, h], float(marks.notional[:, h].sum()) / 1e6
    fee = config.maker_fee_bps
    mid2 = int(state.book.mid2) or int(profit.mid2_last)  # not by `pnl.total2`, which remembers the mid
    return {
        "seconds": observed_s(state),
        "two_sided_s": float(state.two_sided_ns) / NS,
        "fills": int(profit.n_fills),
        "volume": int(profit.volume) / 1e6,
        "pnl": money(profit.cash2 + profit.position * mid2 - profit.position_open * profit.mid2_open),
        "requests": int(orders.n_placed + orders.n_amended + orders.n_cancels),
        "inventory_time": float(state.inventory_time) / 1e6,  # integral of |position| x mid over seconds
        "marked_fills": int(marked.sum()),
        "marked_notional": notional,
        "edge_bps": float((marked * (marks.average[:, h] - fee)).sum()),  # sum over fills of realised - fee
        "edge": float(marks.notional_bps[:, h].sum()) / 1e10 - fee / 1e4 * notional,  # the same weighted by notional
        "adverse": money(profit.due_value2[h] - profit.due_markout2[h]),
        "toxic": int(marks.n_toxic.sum()),
        "informed": None,  # known in a simulated market only, like drift: see runner.run_scenario
        "drift": None,
    }


def _both_sides(marks: Any, h: int) -> tuple[int, float, float | None]:
    n = marks.n[:, h].astype(np.float64)
    total = float(n.sum())
    if total == 0:
        return 0, math.nan, None
    mean = float((n * marks.average[:, h]).sum()) / total
    squares = float((marks.squares[:, h] + n * (marks.average[:, h] - mean) ** 2).sum())
    se = math.sqrt(squares / (total - 1.0) / total) if total > 1 else None
    return int(total), mean, se


def markouts(state: Any) -> list[dict[str, Any]]:
    """The markout curve: per horizon and side, mean, standard error, number."""
    rows = []
    for h, horizon_ns in enumerate(MARKOUT_HORIZONS_NS):
        for s, side in enumerate(SIDES):
            n, mean, se, weighted = markout.curve(state.marks, np.int64(s), np.int64(h))
            rows.append(_markout_row(horizon_ns, side, int(n), float(mean), float(se), float(weighted)))
        n, mean, both_se = _both_sides(state.marks, h)
        volume = float(state.marks.notional[:, h].sum())
        weighted = float(state.marks.notional_bps[:, h].sum()) / volume if volume else math.nan
        rows.append(_markout_row(horizon_ns, "both", n, mean, math.nan if both_se is None else both_se, weighted))
    return rows


def _markout_row(horizon_ns: int, side: str, n: int, mean: float, se: float, weighted: float) -> dict[str, Any]:
    return {
        "horizon_s": horizon_ns / NS,
        "side": side,
        "bps": models.number(mean),
        "se": models.number(se),
        "n": n,
        "bps_by_notional": models.number(weighted),
    }


def quotes(shell: Machine) -> dict[str, Any]:
    """How we quoted."""
    state = shell.state
    total_s = float(state.clock_ns - shell.first_ns) / NS if state.clock_ns else 0.0
    quoting_s = float(state.quoting_ns.sum()) / NS
    orders = state.orders
    requests = int(orders.n_placed + orders.n_amended + orders.n_cancels)
    fills = int(state.profit.n_fills)
    return {
        "time_at_touch": float(state.touch_ns.sum()) / NS / (2 * total_s) if total_s > 0 else None,
        "time_two_sided": float(state.two_sided_ns) / NS / total_s if total_s > 0 else None,
        "mean_depth_bps": float(state.depth_time.sum()) / quoting_s if quoting_s > 0 else None,
        "requests": requests,
        "requests_per_fill": requests / fills if fills else None,
        "placed": int(orders.n_placed),
        "amended": int(orders.n_amended),
        "cancelled": int(orders.n_cancels),
        "rejected": int(orders.n_rejected),
        "decisions": int(state.n_decisions),
        "evaluation_samples": int(state.n_samples),
    }


def not_quoting(state: Any) -> dict[str, float]:
    """Seconds without an order, both sides together halved, by rule."""
    seconds = state.not_quoting_ns.sum(axis=0) / NS / 2.0
    return {name: float(seconds[i]) for i, name in enumerate(NO_QUOTE_NAMES) if i > 0 and seconds[i] > 0}


def standing(shell: Machine) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(risk, quoting) at the end: state, reason and since when, in seconds into the run."""
    state = shell.state
    first = int(shell.first_ns)

    def into(ns: Any) -> float:
        return (int(ns) - first) / NS

    calm = int(state.risk.state) == int(breakers.NORMAL)
    risk_now = {
        "state": breakers.STATE_NAMES[int(state.risk.state)],
        "reason": None if calm else breakers.REASON_NAMES[int(state.risk.reason)],
        "since_s": None if calm else into(state.risk.state_since_ns),
        "trips": {
            name: int(state.risk.n_trips[i]) for i, name in enumerate(breakers.REASON_NAMES) if state.risk.n_trips[i]
        },
    }
    sides = []
    for s, side in enumerate(SIDES):
        reason = int(state.ladder.no_quote[s])
        sides.append(
            {
                "side": side,
                "reason": NO_QUOTE_NAMES[reason] if reason else None,
                "since_s": into(state.ladder.no_quote_since_ns[s]) if reason else None,
            }
        )
    return risk_now, sides


def problems(shell: Machine, alerts: Alerts) -> list[str]:
    """Broken invariants in words; empty in a sound run."""
    state = shell.state
    found = []
    if not ledger.is_conserved(state.ledger):
        found.append("predictions made are not predictions resolved, pending and voided")
    if int(state.ledger.n_evicted):
        found.append(f"{int(state.ledger.n_evicted)} predictions were evicted; the ledger is too small")
    if int(state.ledger.tracker.n_full):
        found.append(f"{int(state.ledger.tracker.n_full)} orders were not sent because the ledger was full")
    if not pnl.is_exact(_accounts(state), np.int64(state.book.mid2), np.zeros(1, pnl.ATTRIBUTION)[0]):
        found.append("the attribution of PnL does not add up")
    if int(state.is_halted):
        found.append("a buffer was full: the engine halted")
    found += shell.problems()
    for name in sorted(FAULTS & set(alerts.counts)):
        when, value, cloid = alerts.first[name]
        found.append(f"{alerts.counts[name]} x {name}, first at {when} ns, value {value:g}, order {cloid}")
    return found
