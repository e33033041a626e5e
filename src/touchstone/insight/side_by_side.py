"""Two sessions beside each other, as a document (docs/json.md): every measure with its interval, and B - A.

They are not a pair: each met its own market, so the difference holds what the markets did as well. For an effect of
settings, `touchstone compare` runs both on the same markets.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from touchstone.insight.readings import clustered, outcomes, rates
from touchstone.insight.readings.clustered import NOTHING, Estimate
from touchstone.insight.readings.fills import edge_bps
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings
from touchstone.insight.settings import differences

Measure = Callable[[Readings], Estimate]


def _edge(readings: Readings) -> Estimate:
    fills = readings.fills
    return clustered.mean(edge_bps(fills, readings.fee_bps), fills.blocks())


def _adverse(readings: Readings) -> Estimate:
    fills = readings.fills
    return clustered.mean(fills.adverse_bps[:, fills.horizon()], fills.blocks())


def _toxic(readings: Readings) -> Estimate:
    fills = readings.fills
    edge = edge_bps(fills, readings.fee_bps)
    return clustered.mean(np.where(np.isfinite(edge), edge < 0.0, np.nan), fills.blocks()).times(100.0)


def _requests_per_fill(readings: Readings) -> Estimate:
    return Estimate(float(readings.requests.used[-1]) / len(readings.fills), None, None, None, len(readings.fills), 0)


MEASURES: tuple[tuple[str, str, str, str | None, Measure], ...] = (  # key, words, unit, better, how
    ("edge_per_fill", "edge per fill", "bps", "higher", _edge),
    ("adverse_selection", "adverse selection at 10 s", "bps", "lower", _adverse),
    ("toxic_fills", "toxic fills", "%", "lower", _toxic),
    ("fills", "fills", "per hour", None, rates.fills_per_hour),
    ("volume", "volume", "money per hour", None, rates.volume_per_hour),
    ("requests", "requests", "per hour", "lower", rates.requests_per_hour),
    ("requests_per_fill", "requests per fill", "", "lower", _requests_per_fill),
    ("net_pnl", "net PnL", "money per hour", "higher", rates.pnl_per_hour),
)


def side_by_side(a: Readings, b: Readings) -> dict[str, Any]:
    """The document of two sessions."""
    measures = {
        key: {"words": words, "unit": unit, **_effect(_of(a, measure), _of(b, measure), better)}
        for key, words, unit, better, measure in MEASURES
    }
    caveats = ["not paired: each session met its own market; `touchstone compare` runs both settings on the same one"]
    if a.result.get("coin") != b.result.get("coin"):
        caveats.append(f"different markets: {a.result.get('coin')} and {b.result.get('coin')}")
    cores = [each.session.about.get("core") if each.session.schema else None for each in (a, b)]
    if cores[0] != cores[1]:
        caveats.append("the compiled sources differ: the program changed between them")
    return {
        "a": str(a.session.folder),
        "b": str(b.session.folder),
        "currency": a.session.currency,
        "core": cores,
        "differences": differences(a.session.config, b.session.config),
        "measures": measures,
        "skill": {name: _effect(_skill(a, name), _skill(b, name), "higher") for name in _models(a, b)},
        "caveats": caveats,
    }


def _of(readings: Readings, measure: Measure) -> Estimate:
    try:
        return measure(readings)
    except NoDataError:
        return NOTHING


def _models(a: Readings, b: Readings) -> list[str]:
    shared = a.result.get("models") or {}
    return [name for name in shared if name in (b.result.get("models") or {})]


def _skill(readings: Readings, name: str) -> Estimate:
    try:
        sums = readings.outcomes
        return outcomes.skill(sums, sums.of(name))
    except NoDataError:
        return NOTHING


def _effect(a: Estimate, b: Estimate, better: str | None) -> dict[str, Any]:
    """A, B and B - A with their intervals; the verdict is of B against A."""
    found = clustered.difference(a, b)
    verdict = "no data" if found.mean is None else "no interval" if found.low is None else "unclear"
    if found.low is not None and found.high is not None and (found.low > 0.0 or found.high < 0.0):
        verdict = "higher" if found.low > 0.0 else "lower"
    detectable = clustered.minimum_detectable(found.se, found.blocks) if found.se is not None else None
    return {
        "better": better,
        "a": _as_dict(a),
        "b": _as_dict(b),
        "difference": _as_dict(found),
        "minimum_detectable": detectable,
        "verdict": verdict,
    }


def _as_dict(found: Estimate) -> dict[str, Any]:
    return {"mean": found.mean, "low": found.low, "high": found.high, "n": found.n, "blocks": found.blocks}
