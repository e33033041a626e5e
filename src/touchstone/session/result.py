"""What a run amounts to: the documented result (docs/json.md) out of the final state of a session."""

import math
from typing import Any

import numpy as np

from touchstone.config import Config
from touchstone.core.calibration import caution, evidence, influence, ledger, reliability, scorecard
from touchstone.core.conventions import MARKOUT_HORIZONS_NS, NS, TOXIC_HORIZON
from touchstone.core.models import edge
from touchstone.core.numerics import LOG_10
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES
from touchstone.core.quoting.params import MODEL_TERMS, TERM_NAMES
from touchstone.core.records import ALERT_NAMES
from touchstone.core.targets import DECIDED_MODEL, DECIDED_TAPE, IS_BINARY, IS_LOG, IS_SQUARED, N_TARGETS, TARGET_NAMES
from touchstone.core.trading import breakers, markout, pnl
from touchstone.insight import confidence, intervals
from touchstone.session import adverse, climate, gate
from touchstone.session.leadlag import LeadLag
from touchstone.session.machine import Machine

LEDGER_PER_UNIT = 2_000_000  # ledger units (half micro) per unit of collateral
SIDES = ("bid", "ask")
Z90 = 1.6448536269514722
FEWEST_FOR_INTERVAL = 10
FALSE_SHARE = 0.05  # of the verdicts of a run, at most
KEPT_OUTCOMES = 1_000_000
LARGE_PIECE = 1 << 16

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


class Outcomes:
    """Tape-decided outcomes of probabilities, for the interval of `ir`; the newest million of each target."""

    def __init__(self) -> None:
        self._kept: dict[int, list[Any]] = {t: [] for t in range(N_TARGETS) if IS_BINARY[t]}
        self._counts = dict.fromkeys(self._kept, 0)

    def take(self, table: str, rows: Any) -> None:
        """Keep what concerns probabilities."""
        if table != "outcomes":
            return
        rows = np.asarray(rows).view(np.ndarray)
        decided = rows[rows["decided"] == DECIDED_TAPE]
        for target, kept in self._kept.items():
            part = decided[decided["target"] == target][["forecast", "outcome", "bucket", "resolved_ns"]].copy()
            if len(part) == 0:
                continue
            kept.append(part)
            self._counts[target] += len(part)
            while len(kept) > 1 and len(kept[-2]) <= len(kept[-1]) < LARGE_PIECE:  # a live session has few at a time
                last = kept.pop()
                kept[-1] = np.concatenate([kept[-1], last])
            while self._counts[target] - len(kept[0]) >= KEPT_OUTCOMES:
                self._counts[target] -= len(kept.pop(0))

    def ratio_interval(self, target: int, block_ns: int) -> intervals.Interval | None:
        """Interval of `ir` of a target, None without 30 blocks."""
        kept = self._kept.get(target)
        if not kept:
            return None
        rows = np.concatenate(kept)
        y = rows["outcome"].astype(np.int64)
        return intervals.ratio_interval(rows["forecast"], y, rows["bucket"], rows["resolved_ns"] // block_ns)


class Alerts:
    """How often each alert came, and where it came first."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.first: dict[str, tuple[int, float, int]] = {}

    def take(self, table: str, rows: Any) -> None:
        """Count alerts."""
        if table != "alerts":
            return
        for row in rows:
            name = ALERT_NAMES[int(row["code"])]
            self.counts[name] = self.counts.get(name, 0) + 1
            self.first.setdefault(name, (int(row["t_ns"]), float(row["value"]), int(row["cloid"])))


class Sinks:
    """What every result is made from, besides the final state."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        self.alerts = Alerts()
        self.leadlag = LeadLag()


class Truth:
    """What only a simulated market knows of our fills: who made them, and the latent price."""

    def __init__(self) -> None:
        self.maker_fills = 0
        self.informed_fills = 0
        self.taker_fills = 0
        self._position = 0
        self._bought_at_latent = 0.0  # money, micro: sum of side x size x latent price
        self._edge_bps = {False: 0.0, True: 0.0}  # sums over maker fills, by informed

    def take(self, table: str, rows: Any) -> None:
        """Count fills."""
        if table != "truth":
            return
        rows = np.asarray(rows).view(np.ndarray)
        edge_bps = rows["side"] * (rows["latent_px"] / rows["px"] - 1.0) * 1e4
        made = rows["taker"] == 0
        for informed in (False, True):
            kind = made & (rows["informed"] == int(informed))
            self._edge_bps[informed] += float(edge_bps[kind].sum())
        self.taker_fills += int((~made).sum())
        self.maker_fills += int(made.sum())
        self.informed_fills += int(rows["informed"].sum())
        signed = rows["side"] * rows["qty"]
        self._position += int(signed.sum())
        self._bought_at_latent += float((signed * rows["latent_px"]).sum())

    def drift(self, latent_px: float) -> float:
        """Money that the latent price's own moves made of our position; `latent_px` at the end, price units.

        Integral of position before a move x move. Where nothing foretells the latent price its expectation is 0
        whatever we do, so PnL less drift estimates the same as PnL, without the luck of an open position.
        """
        return (self._position * latent_px - self._bought_at_latent) / 1e6

    def informed(self) -> dict[str, Any]:
        """Number and share of the maker fills that an informed taker made."""
        share = self.informed_fills / self.maker_fills if self.maker_fills else None
        return {"n": self.informed_fills, "share": share}

    def summary(self) -> dict[str, Any]:
        """As documented in docs/json.md; edges against the latent price at the fill, positive = good for us."""
        noise = self.maker_fills - self.informed_fills
        return {
            "maker_fills": self.maker_fills,
            "taker_fills": self.taker_fills,
            "informed_fills": self.informed_fills,
            "informed_share": self.informed()["share"],
            "informed_edge_bps": self._edge_bps[True] / self.informed_fills if self.informed_fills else None,
            "uninformed_edge_bps": self._edge_bps[False] / noise if noise else None,
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
        "truth": None,
        "informed_fills": None,
        "problems": problems(shell, sinks.alerts),
        "digest": shell.digest(),
    }


def so_far(shell: Machine, config: Config) -> dict[str, Any]:
    """What of a result a session that goes on can tell at once; the keys are those of docs/json.md."""
    risk, quoting = standing(shell)
    state = shell.state
    first = int(shell.first_ns)
    return {
        "coin": config.market.coin,
        "currency": config.market.currency,
        "events": shell.n_market,
        "span_s": (int(state.now_ns) - first) / NS if first else 0.0,
        "orders": int(state.orders.n_placed + state.orders.n_amended),
        "fills": int(state.profit.n_fills),
        "volume": int(state.profit.volume) / 1e6,
        "pnl": attribution(state),
        "edge_per_fill": edge_per_fill(shell, config.maker_fee_bps),
        "toxic_fills": toxic_fills(state),
        "inventory": inventory(state),
        "quotes": quotes(shell),
        "quoting": quoting,
        "risk": risk,
    }


_TELLING = (
    *("late", "outside", "crossed", "off_grid", "clamped", "capped", "scaled", "skipped", "dropped", "beyond_book"),
    *("kept_for_price", "price_taken"),
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
        "models": withstand({name: model(state, target, outcomes) for target, name in enumerate(TARGET_NAMES)}),
        "caution": cost_of_caution(state),
        "adverse_selection": adverse.curves(state.models.adverse),
        "gate": gate.scorecard(state, observed_s(state)),
        "edge": edge_contexts(state),
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
    wide = found.n >= FEWEST_FOR_INTERVAL
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
        "bps": number(mean),
        "se": number(se),
        "n": n,
        "bps_by_notional": number(weighted),
    }


def number(value: Any) -> float | None:
    """A float, or None where there is no number."""
    value = float(value)
    return value if math.isfinite(value) else None


def model(state: Any, target: int, outcomes: Outcomes | None) -> dict[str, Any]:
    """The scorecard of one model at one horizon, with its bootstrap intervals."""
    card = _card(state, target)
    count = int(card.blocks.n_blocks)
    skill = intervals.skill_interval(np.array(card.blocks.model[:count]), np.array(card.blocks.baseline[:count]))
    ratio = outcomes.ratio_interval(target, int(card.blocks.length_ns)) if outcomes and IS_BINARY[target] else None
    made = _model(state, target, card)
    return made | {
        "bss_low": skill.low if skill else None,
        "bss_high": skill.high if skill else None,
        "ir_low": ratio.low if ratio and made["ir"] is not None else None,
        "ir_high": ratio.high if ratio and made["ir"] is not None else None,
    }


def model_now(state: Any, target: int) -> dict[str, Any]:
    """The same without its intervals, which take a hundred times as long: for a session that goes on."""
    return _model(state, target, _card(state, target))


def _card(state: Any, target: int) -> Any:
    return state.models.cards[target : target + 1].copy()[0]  # not the state's own: a summary writes scratch


def _model(state: Any, target: int, card: Any) -> dict[str, Any]:
    out = np.zeros(1, scorecard.SUMMARY)[0]
    scorecard.summary(card, out)
    is_binary = bool(IS_BINARY[target])
    resolved = state.ledger.resolved[target]
    windows = int(card.n_windows) if is_binary else 0
    sequence = confidence.sequence(windows, float(card.gain_total), float(card.gain_square), FALSE_SHARE)
    return {
        "n": int(out.n),
        "n_eff": number(out.n_eff) if out.n else None,
        "n_windows": int(out.n_windows),
        "made": int(state.ledger.made[target]),
        "pending": int(ledger.pending(state.ledger, np.int64(target))),
        "voided": int(ledger.n_voided(state.ledger, np.int64(target))),
        "tape_decided": int(resolved[DECIDED_TAPE]),
        "model_decided": int(resolved[DECIDED_MODEL]),
        "no_baseline": int(out.n_no_baseline),
        "brier": number(out.loss) if is_binary else None,
        "crps": None if is_binary or IS_SQUARED[target] or IS_LOG[target] else number(out.loss),
        "squared_error": number(out.loss) if IS_SQUARED[target] else None,
        "log_score": number(out.loss) if IS_LOG[target] else number(out.log_score),
        "bss": number(out.bss),
        "bss_low": None,
        "bss_high": None,
        "mcb": number(out.mcb),
        "dsc": number(out.dsc),
        "unc": number(out.unc),
        "ir": number(out.ir),
        "ir_low": None,
        "ir_high": None,
        "coverage50": number(out.coverage50),
        "coverage90": number(out.coverage90),
        "e_skill": _e_value(out.e_skill),
        "e_harm": _e_value(out.e_harm),
        "e_calibrated": _e_value(out.e_calibrated),
        "reliability": _reliability(card) if is_binary else None,
        "degraded": bool(out.degraded),
        "gain_low": sequence[0] if sequence else None,
        "gain_high": sequence[1] if sequence else None,
        "influence": float(state.models.influence[target]),
        "e_influence": _e_of_steps(card),
        "recalibrated": bool(card.is_recalibrated),
        "verdict": scorecard.VERDICT_NAMES[int(out.verdict)],
    }


def edge_contexts(state: Any) -> list[dict[str, Any]]:
    """What fills earn by context, those with at least one fill's worth of outcomes, largest first; docs/json.md."""
    found = []
    copy = np.zeros(1, edge.EDGE)  # not the state's own: reading a result changes nothing
    copy[0] = state.models.edge
    the_model = copy[0]
    for c in np.flatnonzero(the_model.cell["n"] >= 1.0):
        m, k, a, b = edge.of_context(the_model, np.int64(c))
        found.append(
            {
                **edge.name_of(int(c)),
                "n": float(the_model.cell[c].n),
                "bps": float(m),
                "sd": math.sqrt(b / ((a - 1.0) * k)),
                "p_above_0": float(edge.p_above(m, k, a, b, np.float64(0.0))),
                "p_next_above_0": float(edge.p_next_above(m, k, a, b, np.float64(0.0))),
                "should_widen": bool(the_model.cell[c].is_wide),
            }
        )
    return sorted(found, key=lambda row: -row["n"])


def _e_of_steps(card: Any) -> list[float | None] | None:
    """E-values of the forecasts that lean 1/4, 1/2, 3/4 and all of the way from the baseline to the model."""
    if int(card.n_windows) == 0:
        return None
    return [_e_value(influence.log_e(card.leash, np.int64(k)) / LOG_10) for k in range(influence.N_STEPS)]


def withstand(models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of many models some look good by chance: a verdict stands only as a discovery among them all (e-BH, 5 %)."""
    for verdict, key in (("ADDS VALUE", "e_skill"), ("HARMFUL", "e_harm")):
        logs = np.array([math.nan if card[key] is None else math.log(card[key]) for card in models.values()])
        found = np.zeros(len(logs), np.int64)
        evidence.e_bh(logs, np.int64(len(logs)), np.float64(math.log(FALSE_SHARE)), found)
        for card, is_found in zip(models.values(), found, strict=True):
            if card["verdict"] == verdict and not is_found:
                card["verdict"] = "NOT PROVEN"
    return models


def cost_of_caution(state: Any) -> dict[str, Any]:
    """What each careful part earned against an order that rested without it; docs/json.md."""
    found = {}
    for term in (caution.ALL, *MODEL_TERMS):
        one = state.models.caution.of[int(term)]
        mean, se = (number(x) for x in caution.cost(one))
        wide = mean is not None and se is not None and int(one.n) >= FEWEST_FOR_INTERVAL
        costs = int(one.bounded.n) > 0
        found["all" if term == caution.ALL else TERM_NAMES[int(term)]] = {
            "windows": int(one.n),
            "apart": int(one.n_apart),
            "bps": mean,
            "se": se,
            "low": mean - Z90 * se if wide and mean is not None and se is not None else None,
            "high": mean + Z90 * se if wide and mean is not None and se is not None else None,
            "e_pays": _e_value(evidence.log_e(one.bounded.skill) / LOG_10) if costs else None,
            "e_costs": _e_value(evidence.log_e(one.bounded.harm) / LOG_10) if costs else None,
            "share": float(one.share),
        }
    return found


def _e_value(log10: Any) -> float | None:
    exponent = number(log10)
    return None if exponent is None else 10.0 ** min(max(exponent, -300.0), 300.0)


def _reliability(card: Any) -> list[dict[str, Any]]:
    """The reliability curve: forecasts against outcomes in at most ten groups of similar count."""
    curve = np.zeros(1, reliability.CURVE)[0]
    reliability.reliability_curve(card.sketch, curve)
    return [
        {"forecast": number(curve.p[k]), "observed": number(curve.rate[k]), "n": int(curve.n[k])}
        for k in range(int(curve.n_bins))
    ]


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
