"""The models in a result (docs/json.md): scorecards, what each context earns, what caution costs."""

import math
from typing import Any

import numpy as np

from touchstone.core.calibration import caution, evidence, influence, ledger, reliability, scorecard
from touchstone.core.models import edge
from touchstone.core.numerics import LOG_10
from touchstone.core.quoting.params import MODEL_TERMS, TERM_NAMES
from touchstone.core.targets import DECIDED_MODEL, DECIDED_TAPE, IS_BINARY, IS_LOG, IS_SQUARED
from touchstone.insight import confidence, intervals
from touchstone.session.sinks import Outcomes

Z90 = 1.6448536269514722
FEWEST_FOR_INTERVAL = 10
FALSE_SHARE = 0.05  # of the verdicts of a run, at most


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
    windows = int(card.n_windows) if IS_BINARY[target] else 0
    sequence = confidence.sequence(windows, float(card.gain_total), float(card.gain_square), FALSE_SHARE)
    return made | {
        "gain_low": sequence[0] if sequence else None,
        "gain_high": sequence[1] if sequence else None,
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
        "gain_low": None,
        "gain_high": None,
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
