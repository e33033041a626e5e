"""What a session learned of the kind of market, of toxic fills, and of funding: parts of the result (docs/json.md)."""

import math
from typing import Any

from touchstone.core.market.funding import ORACLE_NAMES
from touchstone.core.market.regime import PERIOD, REGIME_NAMES
from touchstone.core.models.belief import SOURCE_NAMES
from touchstone.core.models.toxicity import SIGNAL_NAMES
from touchstone.session.models import number


def regime(state: Any) -> dict[str, Any] | None:
    """Time in each kind of market and what it is like; None where it was not followed."""
    model, seconds = state.regime, int(state.regime.seconds_in.sum())
    if not state.params.has_regime or seconds == 0:
        return None
    now = int(state.market_params.regime)
    states = [
        {
            "name": name,
            "share_of_time": int(model.seconds_in[i]) / seconds,
            "p": float(model.p[i]),
            "sigma": math.sqrt(float(model.square[i])),
            "stay_s": float(PERIOD) / max(1.0 - float(model.transition[i, i]), 1e-9),
        }
        for i, name in enumerate(REGIME_NAMES)
    ]
    return {
        "now": REGIME_NAMES[now],
        "states": states,
        "p_change": float(state.changepoint.p_change),
        "mean_run_s": float(state.changepoint.mean_run),
        "belief_sd_bps": float(state.market_params.belief_sd_bps),
        "sources": {name: float(w) for name, w in zip(SOURCE_NAMES, state.models.belief.w, strict=True)},
    }


def toxicity(state: Any) -> dict[str, Any] | None:
    """Weights of the signals, and predicted P(toxic) against what became of the fills; None where it was off."""
    if not state.params.has_toxicity:
        return None
    model = state.models.toxicity
    names = ("constant", "without_signals", *SIGNAL_NAMES)
    weights = {
        name: {"mean": float(model.location[i]), "sd": math.sqrt(float(model.covariance[i, i]))}
        for i, name in enumerate(names)
    }
    groups = [_group(group) for group in model.group if int(group.n)]
    return {"n": int(model.n_outcomes), "weight": float(model.weight), "weights": weights, "calibration": groups}


def _group(group: Any) -> dict[str, Any]:
    n = int(group.n)
    mean = float(group.adverse_bps) / n
    variance = max(float(group.adverse2) / n - mean * mean, 0.0)
    return {
        "forecast": float(group.p) / n,
        "observed": int(group.toxic) / n,
        "adverse_bps": mean,
        "adverse_se": math.sqrt(variance / (n - 1)) if n > 1 else None,
        "n": n,
    }


def funding(state: Any) -> dict[str, Any] | None:
    """The newest funding rate and the oracle; None where no context was heard."""
    if not int(state.funding.n_contexts):
        return None
    market = state.market_params
    return {
        "per_hour": float(state.funding.rate_per_hour),
        "carry_bps": float(market.funding_carry_bps),
        "oracle": ORACLE_NAMES[int(market.oracle)],
        "oracle_gap_bps": number(market.oracle_gap_bps),
        "mark_gap_bps": number(market.mark_gap_bps),
        "oracle_still_s": number(market.oracle_still_s),
        "contexts": int(state.funding.n_contexts),
    }
