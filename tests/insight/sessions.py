"""Session folders made for the tests: a healthy one, and the same with a fault planted in it.

Rows go through the same store as those of a real session. An hour of quotes each five seconds around a random walk, a
fill each 30 s in turn on both sides, calibrated models; what is planted is what a test names.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from touchstone.config import Config
from touchstone.core import records
from touchstone.core.actions import ACTION
from touchstone.core.calibration.scorecard import VERDICT_NAMES
from touchstone.core.conventions import MARKOUT_HORIZONS_NS
from touchstone.core.targets import DECIDED_TAPE, IS_BINARY, N_TARGETS, TARGET_NAMES
from touchstone.data.units import coin_of
from touchstone.insight.readings import open_session
from touchstone.session.store import SessionStore

NS = 1_000_000_000
START_NS = 1_760_000_000 * NS
MID2 = 800_000  # 40 USDE, twice, in units of 0.0001
LEVEL_PX = 200  # our distance from the mid: 5 bps
FEE_BPS = 3.0
FIRST_SAMPLE = 1_000_000  # id of the first prediction of the evaluation sample
LEADER = ("lag_1s", "lag_move_1s", "lag_move_10s")


@dataclass
class Plan:
    """What the session is like; the defaults are healthy."""

    seconds: int = 3600
    fills: int = 120
    markout_bps: dict[int, float] = field(default_factory=lambda: {1: 6.0, -1: 6.0})  # mean before fees, by side
    noise_bps: float = 3.0
    silent: tuple[str, ...] = ()  # models that are never asked
    unresolved: tuple[str, ...] = ()  # models whose outcomes never arrive
    scale_factor: float = 1.0  # of the intervals of adverse selection
    verdicts: dict[str, str] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    stale_reference: tuple[float, float] = (0.0, 0.0)  # share of the session from, to
    requests: int = 400
    position: float = 0.0  # coin, carried from the first fill on
    without_ids: bool = False
    result: dict[str, Any] = field(default_factory=dict)  # laid over the result
    finished: bool = True
    config: Config = field(default_factory=Config)
    seed: int = 1


def make(folder: Path, plan: Plan | None = None) -> Path:
    """A session folder as planned."""
    plan = plan or Plan()
    chance = np.random.default_rng(plan.seed)
    config = plan.config
    with SessionStore(folder, config, coin_of(config.market.coin)) as store:
        mids = _mids(plan, chance)
        _quotes(store, plan, mids)
        marks = _fills(store, plan, mids, chance)
        inside = _outcomes(store, plan, marks, chance)
        _calibrations(store, plan, inside)
        _orders(store, plan)
    if plan.finished:
        _result(folder, plan)
    return folder


def _mids(plan: Plan, chance: Any) -> Any:
    """Twice the mid each second; it does not drift, so that the position neither wins nor loses."""
    steps = chance.normal(0.0, 8.0, plan.seconds + 60)
    return np.round(MID2 + 40 * np.sin(np.cumsum(steps) / 400.0)).astype(np.int64)


def _quotes(store: SessionStore, plan: Plan, mids: Any) -> None:
    rows = np.zeros(plan.seconds // 5, records.QUOTE)
    at = np.arange(len(rows)) * 5
    rows["quote_id"], rows["decided_ns"] = np.arange(len(rows)) + 1, START_NS + at * NS
    rows["market"]["mid2"] = mids[at]
    rows["market"]["best_px"] = np.stack([mids[at] // 2 - 10, mids[at] // 2 + 10], axis=1)
    rows["px"][:, 0, 0], rows["px"][:, 1, 0] = mids[at] // 2 - LEVEL_PX, mids[at] // 2 + LEVEL_PX
    rows["half_spread_bps"] = 5.0
    rows["market"]["reference"] = 1
    first, last = (int(share * len(rows)) for share in plan.stale_reference)
    rows["market"]["reference"][first:last] = 2
    rows["position"] = round(plan.position * 100)
    if len(rows):
        store.take("quotes", rows)


def _fills(store: SessionStore, plan: Plan, mids: Any, chance: Any) -> Any:
    """Fills and their markouts; the realised half-spread at 10 s of each."""
    n = plan.fills
    realised = np.zeros(n)
    if n == 0:
        return realised
    rows = np.zeros(n, records.FILL_ROW)
    second = 20 + np.arange(n) * ((plan.seconds - 60) // n)
    side = np.where(np.arange(n) % 2, -1, 1)
    rows["fill_id"], rows["trade_id"] = np.arange(n) + 1, np.arange(n) + 1
    rows["exch_ns"] = START_NS + second * NS
    rows["recv_ns"] = rows["exch_ns"] + 140_000_000
    rows["side"], rows["qty"] = side, 125
    rows["mid2_before"] = mids[second]
    rows["px"] = mids[second] // 2 - side * LEVEL_PX
    rows["fee_micro"] = np.round(rows["px"] * rows["qty"] * FEE_BPS / 1e4)
    start = round(plan.position * 100)
    rows["position_after"] = start + np.cumsum(side * rows["qty"])
    rows["fill_prediction_id"] = 0 if plan.without_ids else 10 * rows["fill_id"]
    rows["as_prediction_id"] = 0 if plan.without_ids else 10 * rows["fill_id"] + 1
    rows["prediction_ns"] = rows["exch_ns"] - 3 * NS
    rows["predicted_fill_prob"] = 0.2
    rows["at_decision"]["depth_bps"] = chance.uniform(4.0, 12.0, n)
    rows["at_fill"]["mid2"] = mids[second]
    rows["spread_capture"] = side * rows["qty"] * (mids[second] - 2 * rows["px"])
    cash2 = np.cumsum(-2 * side * rows["qty"] * rows["px"] - 2 * rows["fee_micro"])
    rows["pnl_total"] = cash2 + rows["position_after"] * mids[second] - start * mids[0]
    store.take("fills", rows)
    mean = np.array([plan.markout_bps[int(each)] for each in side])
    realised = mean + plan.noise_bps * chance.normal(size=n)
    marks = np.zeros(n * len(MARKOUT_HORIZONS_NS), records.MARKOUT_ROW)
    for h in range(len(MARKOUT_HORIZONS_NS)):
        part = marks[h * n : (h + 1) * n]
        part["fill_id"], part["horizon"], part["mid2"] = rows["fill_id"], h, mids[second]
        part["realised_bps"], part["adverse_bps"] = realised, 5.0 - realised
    store.take("markouts", marks)
    predictions = np.zeros(n, records.PREDICTION)
    predictions["prediction_id"] = 10 * rows["fill_id"]
    predictions["made_ns"], predictions["kind"] = rows["prediction_ns"], records.KIND_PLACE
    predictions["mid2"] = mids[second]
    predictions["as_loc"] = (5.0 - mean)[:, None]
    predictions["as_scale"], predictions["as_dof"] = plan.noise_bps * plan.scale_factor, 30.0
    store.take("predictions", predictions)
    return realised


def _outcomes(store: SessionStore, plan: Plan, realised: Any, chance: Any) -> float:
    """Outcomes of the fill model and of adverse selection; the share inside the 90 % intervals of the latter."""
    n = max(plan.seconds // 10, 1)
    names = [name for name in ("fill_10s", "adverse_10s") if name not in plan.silent + plan.unresolved]
    inside = 0.9
    for name in names:
        rows = np.zeros(n, records.OUTCOME)
        rows["target"], rows["decided"] = TARGET_NAMES.index(name), DECIDED_TAPE
        rows["resolved_ns"] = START_NS + np.arange(1, n + 1) * 10 * NS
        rows["bucket"] = 3 + np.arange(n) % 3
        rows["prediction_id"] = FIRST_SAMPLE + np.arange(n) + (name == "adverse_10s")
        if name == "fill_10s":
            _samples(store, rows)
            p = np.array([0.5, 0.25, 0.1])[np.arange(n) % 3] * chance.uniform(0.6, 1.4, n)
            y = chance.uniform(size=n) < p
            base = np.array([0.5, 0.25, 0.1])[np.arange(n) % 3]
            rows["forecast"], rows["outcome"], rows["baseline"] = p, y, base
            rows["loss"], rows["loss_baseline"] = (p - y) ** 2, (base - y) ** 2
        else:
            error = plan.noise_bps * chance.normal(size=n)
            rows["outcome"], rows["baseline"] = error, np.nan
            rows["loss"] = np.abs(error) * (1.0 if plan.scale_factor < 0.5 else 0.55)  # CRPS of a point, of the normal
            rows["loss_baseline"] = np.abs(error) * 0.6
            inside = float((np.abs(error) <= 1.6449 * plan.noise_bps * plan.scale_factor).mean())
        store.take("outcomes", rows)
    return inside


def _samples(store: SessionStore, outcomes: Any) -> None:
    """The predictions that these outcomes of the fill model are of."""
    rows = np.zeros(len(outcomes), records.PREDICTION)
    rows["prediction_id"], rows["kind"] = outcomes["prediction_id"], records.KIND_SAMPLE
    rows["made_ns"], rows["mid2"] = outcomes["resolved_ns"] - 10 * NS, MID2
    rows["bucket"], rows["depth_bps"], rows["sigma"] = outcomes["bucket"], 1.5 * 2.0 ** (outcomes["bucket"] - 3), 1.8
    store.take("predictions", rows)


def _calibrations(store: SessionStore, plan: Plan, inside: float) -> None:
    count = plan.seconds // 300
    if count == 0:
        return
    rows = np.zeros(count, records.CALIBRATION)
    rows["t_ns"] = START_NS + np.arange(1, count + 1) * 300 * NS
    for target in range(N_TARGETS):
        name = TARGET_NAMES[target]
        summary = rows["summary"][:, target]
        for column in summary.dtype.names:
            if summary.dtype[column].kind == "f":
                summary[column] = np.nan
        if name in plan.silent:
            continue
        made = 360 * np.arange(1, count + 1)
        rows["made"][:, target] = made
        if name in plan.unresolved:
            continue
        rows["resolved"][:, target] = made - 3
        summary["n"] = made - 3
        summary["n_eff"], summary["n_blocks"], summary["n_windows"] = 0.8 * made, made // 6, made
        summary["loss"], summary["bss"], summary["e_skill"], summary["e_harm"] = 0.1, 0.05, 2.0, -1.0
        if IS_BINARY[target]:
            summary["mcb"], summary["dsc"], summary["unc"], summary["ir"] = 0.002, 0.012, 0.2, 6.0
        else:
            summary["coverage50"], summary["coverage90"] = 0.5, 0.9
        if name == "adverse_10s":
            summary["coverage90"] = inside
        summary["verdict"] = VERDICT_NAMES.index(plan.verdicts.get(name, "ADDS VALUE"))
        summary["degraded"] = name in plan.degraded
    store.take("calibrations", rows)


def _orders(store: SessionStore, plan: Plan) -> None:
    if plan.requests == 0:
        return
    rows = np.zeros(plan.requests, ACTION)
    rows["decided_ns"] = START_NS + np.arange(plan.requests) * (plan.seconds * NS // plan.requests)
    rows["cloid"] = np.arange(plan.requests) + 1
    rows["kind"] = np.where(np.arange(plan.requests) % 4, 2, 1)
    store.take("orders", rows)


def _result(folder: Path, plan: Plan) -> None:
    """The result of a session that ended: what its tables say, and what only the core knows."""
    with open_session(folder) as session:
        made = session.result
    made |= {
        "problems": [],
        "span_s": float(plan.seconds),
        "events": 100_000,
        "lead_lag": {"reference": "live", "minutes": plan.seconds // 60},
        "risk": {"state": "normal", "reason": None, "since_s": None, "trips": {}},
        "quoting": [{"side": side, "reason": None, "since_s": None} for side in ("bid", "ask")],
        "inventory": {"mean_abs_notional": 25.0, "max_abs_notional": 50.0},
        "counters": {},
        "digest": f"{plan.seed:032x}",
    } | plan.result
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2))
