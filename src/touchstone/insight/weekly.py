"""A folder of sessions by day and model, as a document (docs/json.md): skill, calibration, drift, decay, what changed.

Days are UTC on the exchange's clock. Sums of outcomes are pooled over the sessions of a day; a time block is of one
session. A trend is a least-squares slope over days and needs five of them. Memory holds one session at a time.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchstone.config import Config
from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import Estimate
from touchstone.insight.readings.fills import edge_bps
from touchstone.insight.readings.folder import NoDataError, UnreadableSessionError, open_session, sessions_in
from touchstone.insight.readings.path import bounds_ns
from touchstone.insight.readings.readings import Readings
from touchstone.insight.settings import differences, settings_hash

Floats = NDArray[np.float64]
SUMS = ("n", "forecast", "outcome", "loss", "loss_baseline")


@dataclass
class _Pool:
    """Sums by time block of one day and model (or of the fills of a day), session after session."""

    parts: dict[str, list[Floats]] = field(default_factory=lambda: {name: [] for name in SUMS})
    coverage: list[tuple[float, float]] = field(default_factory=list)  # share inside 90 %, n

    def add(self, **sums: Floats) -> None:
        for name, values in sums.items():
            self.parts[name].append(values)

    def of(self, name: str) -> Floats:
        return np.concatenate(self.parts[name]) if self.parts[name] else np.zeros(0)


def weekly(folder: Path) -> dict[str, Any]:
    """The document of the sessions right below a folder. Raises UnreadableSessionError: there is none."""
    folders = sessions_in(folder)
    if not folders:
        raise UnreadableSessionError(f"{folder}: holds no session folders; give the folder that they are in")
    rows: list[dict[str, Any]] = []
    configs: list[Config] = []
    unreadable: list[dict[str, str]] = []
    pools: dict[tuple[str, str], _Pool] = {}  # by day and model
    edges: dict[str, _Pool] = {}  # by day
    information: dict[str, list[float]] = {}
    digests: dict[str, str] = {}
    for path in folders:
        try:
            with open_session(path) as session:
                readings = Readings(session)
                row = _row(readings)
                digest = readings.result.get("digest")
                if digest is not None and digests.setdefault(digest, path.name) != path.name:
                    raise NoDataError(f"the same run as {digests[digest]}: equal digests")
                if row["day"] is None:
                    raise NoDataError("it wrote nothing down")
                _outcomes(readings, row["day"], pools)
                _edges(readings, row["day"], edges.setdefault(row["day"], _Pool()))
                nats = ((readings.result.get("lead_lag") or {}).get("information") or {}).get("nats")
                if nats is not None:
                    information.setdefault(row["day"], []).append(nats)
                configs.append(session.config)
                rows.append(row)
        except (UnreadableSessionError, NoDataError) as error:
            unreadable.append({"session": path.name, "reason": str(error)})
    order = sorted(range(len(rows)), key=lambda at: (rows[at]["first_ns"], rows[at]["session"]))
    rows, configs = [rows[at] for at in order], [configs[at] for at in order]
    days = sorted({row["day"] for row in rows})
    return {
        "folder": str(folder),
        "days": days,
        "sessions": rows,
        "unreadable": unreadable,
        "changes": _changes(rows, configs),
        "edge": _edge_of(edges, days),
        "models": {name: _model_of(name, pools, days) for name in _names(pools)},
        "information": _information_of(information, days),
    }


def _row(readings: Readings) -> dict[str, Any]:
    """One session in a line."""
    result, session = readings.result, readings.session
    try:
        first, last = bounds_ns(session)
        day: str | None = datetime.fromtimestamp(first / 1e9, UTC).strftime("%Y-%m-%d")
    except NoDataError:
        first = last = 0
        day = None
    edge = result.get("edge_per_fill") or {}
    return {
        "session": session.name,
        "day": day,
        "first_ns": first,
        "span_s": result.get("span_s") or (last - first) / 1e9,
        "coin": result.get("coin"),
        "fills": result.get("fills"),
        "volume": result.get("volume"),
        "pnl": (result.get("pnl") or {}).get("total"),
        "edge_bps": edge.get("bps"),
        "edge_low": edge.get("low"),
        "edge_high": edge.get("high"),
        "finished": session.is_finished,
        "problems": list(result.get("problems") or ()),
        "settings": settings_hash(session.config),
        "core": session.about.get("core") if session.schema else None,
        "model_version": session.about.get("model_version") if session.schema else None,
    }


def _outcomes(readings: Readings, day: str, pools: dict[tuple[str, str], _Pool]) -> None:
    """Add a session's outcomes to the pools of its day."""
    cards = readings.result.get("models") or {}
    try:
        sums = readings.outcomes
    except NoDataError:
        return
    for target in np.unique(sums.target):
        name = sums.target_names[int(target)]
        chosen = sums.target == target
        _, at = np.unique(sums.block[chosen], return_inverse=True)
        pool = pools.setdefault((day, name), _Pool())
        pool.add(**{column: clustered.sums(at, getattr(sums, column)[chosen]) for column in SUMS})
        covered = cards.get(name, {}).get("coverage90")
        if covered is not None:
            pool.coverage.append((covered, float(cards[name].get("n") or 0)))


def _edges(readings: Readings, day: str, pool: _Pool) -> None:
    """Add a session's fills to the pool of its day: edge in bps by time block."""
    try:
        fills = readings.fills
    except NoDataError:
        return
    edge = edge_bps(fills, readings.fee_bps)
    known = np.isfinite(edge)
    if known.any():
        _, at = np.unique(fills.blocks()[known], return_inverse=True)
        pool.add(n=clustered.sums(at, np.ones(int(known.sum()))), outcome=clustered.sums(at, edge[known]))


def _names(pools: dict[tuple[str, str], _Pool]) -> list[str]:
    names: list[str] = []
    for _, name in pools:
        if name not in names:
            names.append(name)
    return names


def _estimate(pools: list[_Pool], numerator: Callable[[_Pool], Floats], denominator: str) -> Estimate:
    totals = np.concatenate([numerator(pool) for pool in pools] or [np.zeros(0)])
    counts = np.concatenate([pool.of(denominator) for pool in pools] or [np.zeros(0)])
    n = int(sum(float(pool.of("n").sum()) for pool in pools))
    return clustered.of_blocks(totals, counts, n=n)


def _model_of(name: str, pools: dict[tuple[str, str], _Pool], days: list[str]) -> dict[str, Any]:
    """Skill, bias and coverage of one model by day, over all days, and their trends."""

    def gain(pool: _Pool) -> Floats:
        return np.asarray(pool.of("loss_baseline") - pool.of("loss"))

    def bias(pool: _Pool) -> Floats:
        return np.asarray(pool.of("forecast") - pool.of("outcome"))

    rows = []
    for day in days:
        pool = pools.get((day, name))
        if pool is None:
            continue
        rows.append({"day": day, **_calibration([pool], gain, bias)})
    number = [days.index(row["day"]) for row in rows]
    numbers = [datetime.fromisoformat(days[at]).toordinal() for at in number]
    mine = [pool for (_, other), pool in pools.items() if other == name]
    return {
        "days": rows,
        "all": _calibration(mine, gain, bias),
        "skill_trend": _trend(numbers, [row["skill"] for row in rows]),
        "bias_trend": _trend(numbers, [row["bias"] for row in rows]),
    }


def _calibration(
    pools: list[_Pool], gain: Callable[[_Pool], Floats], bias: Callable[[_Pool], Floats]
) -> dict[str, Any]:
    skill, off = _estimate(pools, gain, "loss_baseline"), _estimate(pools, bias, "n")
    covered = [entry for pool in pools for entry in pool.coverage]
    total = sum(n for _, n in covered)
    return {
        "n": skill.n,
        "skill": skill.mean,
        "skill_low": skill.low,
        "skill_high": skill.high,
        "minimum_detectable_skill": _detectable(skill),
        "bias": off.mean,
        "bias_low": off.low,
        "bias_high": off.high,
        "coverage90": sum(share * n for share, n in covered) / total if total else None,
    }


def _edge_of(edges: dict[str, _Pool], days: list[str]) -> dict[str, Any]:
    """Edge per fill by day and over all days, and what could have been seen."""
    rows = [{"day": day, **_edge([edges[day]])} for day in days if day in edges]
    numbers = [datetime.fromisoformat(row["day"]).toordinal() for row in rows]
    return {"days": rows, "all": _edge(list(edges.values())), "trend": _trend(numbers, [row["bps"] for row in rows])}


def _edge(pools: list[_Pool]) -> dict[str, Any]:
    found = _estimate(pools, lambda pool: pool.of("outcome"), "n")
    detectable = _detectable(found)
    return {
        "bps": found.mean, "low": found.low, "high": found.high, "n": found.n, "blocks": found.blocks,
        "minimum_detectable": detectable,
        "fills_for_1_bp": found.n * detectable**2 if detectable is not None else None,
    }  # fmt: skip


def _detectable(found: Estimate) -> float | None:
    if found.se is None or found.low is None:
        return None
    return clustered.minimum_detectable(found.se, found.blocks)


def _trend(numbers: list[int], values: list[float | None]) -> dict[str, Any] | None:
    found = clustered.trend(numbers, [np.nan if value is None else value for value in values])
    return asdict(found) if found else None


def _information_of(found: dict[str, list[float]], days: list[str]) -> dict[str, Any]:
    """Mutual information of the reference's moves by day, nats, and its decay."""
    heard = [day for day in days if day in found]
    nats: list[float | None] = [float(np.mean(found[day])) for day in heard]
    rows = [{"day": day, "nats": value, "sessions": len(found[day])} for day, value in zip(heard, nats, strict=True)]
    return {"days": rows, "decay": _trend([datetime.fromisoformat(day).toordinal() for day in heard], nats)}


def _changes(rows: list[dict[str, Any]], configs: list[Config]) -> list[dict[str, Any]]:
    """From each session to the next: settings, sources and model version that are not the same."""
    found = []
    for at in range(1, len(rows)):
        before, after = rows[at - 1], rows[at]
        settings = [
            entry for entry in differences(configs[at - 1], configs[at])
            if not entry["setting"].startswith(("[account]", "[live]"))
        ]  # fmt: skip
        core = before["core"] != after["core"]
        model = before["model_version"] != after["model_version"]
        if settings or core or model:
            found.append(
                {"from": before["session"], "to": after["session"], "settings": settings, "core": core, "models": model}
            )
    return found
