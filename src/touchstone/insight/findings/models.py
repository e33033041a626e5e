"""Rules about the models: are they asked, do their outcomes arrive, are they honest about their doubt, do they help?"""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from touchstone.insight.findings.finding import Finding, Severity, rule, span_s
from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import NOTHING, Estimate
from touchstone.insight.readings.fills import edge_bps
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings
from touchstone.insight.words import horizon_s

FEWEST_ORDERS = 30  # before a silent model means something
FEWEST_MADE = 100
LEAST_COVERED = 0.80  # of what should be 0.90: eight models are looked at, and one is always the worst
BADLY_COVERED = 0.60
FEWEST_EFFECTIVE = 30.0
LOST_SHARE = 0.1


@rule(
    "disconnected model",
    "Is every model asked, and do its outcomes come back?",
    f"a model that is switched on made no prediction while at least {FEWEST_ORDERS} orders were sent (of the reference "
    f"venue: while it was heard); or made {FEWEST_MADE} and more of which none was resolved in three horizons, most of "
    f"them still open; or more than {LOST_SHARE:.0%} of at least 3 fills carry no id of their prediction",
)
def disconnected(readings: Readings) -> list[Finding]:
    result = readings.result
    if not readings.session.config.models.enabled:
        return []
    orders, fills, span = result.get("orders") or 0, result.get("fills") or 0, span_s(readings)
    silent, unresolved = [], []
    for name, card in _cards(readings).items():
        made, pending, voided = (card.get(key) or 0 for key in ("made", "pending", "voided"))
        resolved = made - pending - voided
        if made == 0 and _should_speak(readings, name, orders):
            silent.append(name)
        elif made >= FEWEST_MADE and resolved == 0 and pending > voided and span > 3 * horizon_s(name):
            unresolved.append(name)
    lost = _fills_without_prediction(readings)
    if not (silent or unresolved or lost):
        return []
    evidence = []
    if silent:
        evidence.append(f"{', '.join(silent)}: 0 predictions made, {orders:,} orders sent, {fills:,} fills")
    for name in unresolved:
        evidence.append(f"{name}: {_cards(readings)[name]['made']:,} predictions made, not one resolved")
    if lost:
        evidence.append(lost)
    which = silent or unresolved or ["the orders"]
    bps, money = _edge(readings)
    return [
        Finding(
            "disconnected model",
            Severity.CRITICAL,
            f"{', '.join(which)}: {'never asked' if silent else 'outcomes never arrive'}; "
            "nothing can be said about whether it helps",
            tuple(evidence),
            "Wire it before anything else is judged: the prediction must be made where the order is, its id must go "
            "with it, and its outcome must be resolved by a timer. `touchstone replay` shows where the rows stop.",
            "edge of all fills, none of which can be put down to the model",
            bps,
            money,
        )
    ]


def _cards(readings: Readings) -> Mapping[str, Mapping[str, Any]]:
    """Scorecards by name; a target that the session names but says nothing of has an empty one."""
    cards: dict[str, Mapping[str, Any]] = dict(readings.result.get("models") or {})
    try:
        names = readings.session.names("target")
    except NoDataError:
        names = ()
    if cards:
        cards = {name: cards.get(name, {}) for name in (*names, *cards)}
    return cards


def _should_speak(readings: Readings, name: str, orders: int) -> bool:
    """Whether the settings have it speak, there were orders to speak of, and what it listens to was heard."""
    models = readings.session.config.models
    heard = (readings.result.get("lead_lag") or {}).get("reference") not in (None, "none")
    is_scored = models.idle == "scored"
    switches = {
        "lag": models.lag and heard,
        "toxic_signals": models.toxicity,
        "belief": models.regime,
        "fair": models.fair or is_scored,
        "edge": models.edge or is_scored,
    }
    is_on = all(on for part, on in switches.items() if name.startswith(part))
    return is_on and orders >= FEWEST_ORDERS


def _fills_without_prediction(readings: Readings) -> str:
    try:
        fills = readings.fills
    except NoDataError:
        return ""
    without = int((fills.adverse_prediction_id == 0).sum())
    if len(fills) < 3 or without <= LOST_SHARE * len(fills):
        return ""
    return f"{without:,} of {len(fills):,} fills carry no id of the prediction that was made for their order"


def _edge(readings: Readings) -> tuple[Estimate, Estimate]:
    """Edge of all fills, in bps and in money."""
    try:
        fills = readings.fills
    except NoDataError:
        return NOTHING, NOTHING
    bps = clustered.mean(edge_bps(fills, readings.fee_bps), fills.blocks(), fills.notional)
    return bps, bps.times(float(fills.notional.sum()) / 1e4)


@rule(
    "over-confident interval",
    "Do 90 of 100 outcomes fall inside the 90 % intervals?",
    f"the upper end of the 90 % interval (Wilson, with n_eff, at most one for each horizon of the session) of the "
    f"share inside the 90 % intervals is below {LEAST_COVERED:.0%}, with n_eff of at least {FEWEST_EFFECTIVE:.0f}; "
    f"below {BADLY_COVERED:.0%} it is critical",
)
def over_confident(readings: Readings) -> list[Finding]:
    found = []
    for name, card in _cards(readings).items():
        covered, n_eff = card.get("coverage90"), card.get("n_eff")
        if covered is None or n_eff is None:
            continue
        n_eff = min(n_eff, span_s(readings) / horizon_s(name))
        if n_eff < FEWEST_EFFECTIVE:
            continue
        interval = clustered.share(covered * n_eff, n_eff)
        if interval and interval[1] < LEAST_COVERED:
            found.append((covered, interval, name, n_eff))
    if not found:
        return []
    found.sort(key=lambda entry: entry[0])
    covered, interval, name, n_eff = found[0]
    factor = _too_tight(covered)
    others = ", ".join(f"{other} {share:.0%}" for share, _, other, _ in found[1:])
    evidence = [
        f"{name}: {covered:.1%} of the outcomes inside the 90 % intervals, interval {interval[0]:.0%} to "
        f"{interval[1]:.0%}; {n_eff:,.0f} independent outcomes of {_cards(readings)[name].get('n'):,}",
        f"for normal errors that is an interval {factor:.1f} times too tight",
    ]
    if others:
        evidence.append(f"also {others}")
    bps, money = _against_baseline(readings, name)
    return [
        Finding(
            "over-confident interval",
            Severity.CRITICAL if interval[1] < BADLY_COVERED else Severity.HIGH,
            f"{name} is about {factor:.1f} times surer than it may be: {covered:.0%} inside its 90 % interval",
            tuple(evidence),
            f"Learn the scale from residuals, or multiply it by {factor:.1f}, before any size or gate uses it; point "
            "forecasts may still be right. Until then treat its P(toxic) as no information.",
            "score against the baseline, which knows only the depth",
            bps,
            money,
        )
    ]


def _too_tight(covered: float) -> float:
    """How many times too tight, if errors are normal and this share falls inside: z(0.95) / z((1 + covered) / 2)."""
    normal = NormalDist()
    return min(normal.inv_cdf(0.95) / max(normal.inv_cdf((1.0 + min(covered, 0.999)) / 2.0), 1e-3), 1_000.0)


def _against_baseline(readings: Readings, name: str) -> tuple[Estimate, Estimate]:
    """Mean gain over the baseline where the score is in bps, and what that is of the notional traded."""
    if name.startswith(("fill", "toxic", "lag_1s", "lag_move", "fair", "belief")):
        return NOTHING, NOTHING  # a probability, bps^2, or nats
    try:
        sums = readings.outcomes
        chosen = sums.of(name)
    except NoDataError:
        return NOTHING, NOTHING
    _, at = np.unique(sums.block[chosen], return_inverse=True)
    gain = clustered.sums(at, (sums.loss_baseline - sums.loss)[chosen])
    bps = clustered.of_blocks(gain, clustered.sums(at, sums.n[chosen]), n=int(sums.n[chosen].sum()))
    return bps, bps.times(float(readings.result.get("volume") or 0.0) / 1e4)


@rule(
    "harmful model",
    "Is a model worse than knowing only the depth?",
    "verdict HARMFUL (evidence that the baseline is better at least 20), or the degradation alarm has gone off",
)
def harmful(readings: Readings) -> list[Finding]:
    cards = readings.result.get("models") or {}
    named = [name for name, card in cards.items() if card.get("verdict") == "HARMFUL" or card.get("degraded")]
    if not named:
        return []
    evidence = []
    for name in named:
        card = cards[name]
        words = [f"verdict {card.get('verdict')}"]
        if card.get("degraded"):
            words.append("degradation alarm")
        if _is_number(card.get("bss")):
            low, high = card.get("bss_low"), card.get("bss_high")
            span = f" ({low:+.3f} to {high:+.3f})" if _is_number(low) and _is_number(high) else ""
            words.append(f"skill {card['bss']:+.3f}{span}")
        if _is_number(card.get("e_harm")):
            words.append(f"evidence of harm {card['e_harm']:.3g}")
        evidence.append(f"{name}: {', '.join(words)}")
    sized = [(estimate.mean or 0.0, estimate, money) for estimate, money in (_against_baseline(readings, name)
             for name in named) if estimate.mean is not None]  # fmt: skip
    _, bps, money = min(sized, key=lambda entry: entry[0]) if sized else (0.0, NOTHING, NOTHING)
    return [
        Finding(
            "harmful model",
            Severity.HIGH,
            f"{', '.join(named)}: worse than the baseline, or degraded",
            tuple(evidence),
            "Its bold part is off already. Look at its reliability and at skill over time: a step says that the market "
            "or a setting changed, a slope that it forgets too slowly. Judge with `touchstone compare` without it.",
            "score against the baseline of the worst of them",
            bps,
            money,
        )
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
