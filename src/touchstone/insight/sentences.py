"""What a run amounts to in sentences, and the calibration line; each from the result of docs/json.md."""

from collections.abc import Mapping
from typing import Any

from touchstone.insight.words import (
    MISSING,
    Result,
    count,
    decimal,
    duration,
    is_number,
    number,
    ratio,
    since,
    verdict_of,
    verdict_rank,
)


def sentences(result: Result) -> list[str]:
    """What happened: the market, the money, the models, the quoting, the problems."""
    lines = [what(result), money_sentence(result), model_sentence(result), quoting_sentence(result)]
    lines += [f"PROBLEM: {problem}" for problem in result.get("problems") or ()]
    return [line for line in lines if line]


def what(result: Result) -> str:
    """Market, time, events, orders, fills."""
    speed = number(result.get("events_per_s"), ",.0f")
    pieces = [
        str(result.get("coin") or "market not named"),
        duration(result.get("span_s")),
        f"{count(result.get('events'))} events" + ("" if speed == MISSING else f" ({speed} per second)"),
        f"{count(result.get('orders'))} orders",
        f"{count(result.get('fills'))} fills",
    ]
    return ", ".join(pieces) + "."


def money_sentence(result: Result) -> str:
    """Did we make money, and can it be told from zero?"""
    total = decimal((result.get("pnl") or {}).get("total"))
    currency = result.get("currency") or ""
    if total is None:
        return "Money: n/a, this run has no accounts."
    verb = "Made" if total > 0 else "Lost" if total < 0 else "Neither made nor lost money:"
    money = f"{verb} {abs(total).normalize():f} {currency}".rstrip()
    if not result.get("fills"):
        return f"{money}. No order was filled, so nothing can be said about edge."
    edge = result.get("edge_per_fill") or {}
    low, high, mean = edge.get("low"), edge.get("high"), edge.get("bps")
    if mean is None:
        return f"{money}. Edge per fill: n/a."
    sentence = f"{money}. Edge per fill {mean:+.2f} bps"
    if low is None or high is None:
        return f"{sentence}: too few fills for an interval."
    telling = "above zero" if low > 0 else "below zero" if high < 0 else "cannot be told from zero"
    return f"{sentence}, 90 % interval {low:+.2f} to {high:+.2f}: {telling}."


def model_sentence(result: Result) -> str:
    """Do the models add value? Counts of verdicts, and by name those that are decided."""
    models: Mapping[str, Any] = result.get("models") or {}
    if not models:
        return "Models: NO DATA, none was asked."
    named: dict[str, list[str]] = {}
    for name, card in models.items():
        named.setdefault(verdict_of(card), []).append(name)
    words = []
    for verdict in sorted(named, key=verdict_rank):
        names = named[verdict]
        listed = "" if verdict in ("WARMING", "NO DATA") and len(names) > 3 else f" ({', '.join(names)})"
        words.append(f"{len(names)} {verdict}{listed}")
    degraded = [name for name, card in models.items() if card.get("degraded")]
    alarm = f" DEGRADED: {', '.join(degraded)}." if degraded else ""
    disputed = disagreements(result)
    doubt = f" Not the same under the pessimistic queue: {', '.join(disputed)}." if disputed else ""
    return f"Models: {'; '.join(words)}.{alarm}{doubt}"


def quoting_sentence(result: Result) -> str:
    """Which rule keeps us from quoting, and since when; that we quote, if we do."""
    risk = result.get("risk") or {}
    words = []
    if risk.get("state") not in (None, "normal"):
        words.append(f"Risk state {risk['state']} by rule {risk.get('reason') or MISSING}{since(risk)}")
    for side in result.get("quoting") or ():
        if side.get("reason"):
            words.append(f"{side['side']} not quoted by rule {side['reason']}{since(side)}")
    if not words:
        return "Quoting on both sides at the end." if result.get("quoting") else ""
    return f"At the end: {'; '.join(words)}."


def disagreements(result: Result) -> list[str]:
    """Models whose verdict is another one under the pessimistic queue model."""
    pessimistic = ((result.get("variants") or {}).get("pessimistic_queue") or {}).get("models") or {}
    models = result.get("models") or {}
    shared = [name for name in models if name in pessimistic]
    return [name for name in shared if verdict_of(models[name]) != verdict_of(pessimistic[name])]


def calibration_line(result: Result) -> str:
    """The line that operators search for, one every five minutes; n/a where there is no data, never 0."""
    models: Mapping[str, Any] = result.get("models") or {}
    words = []
    for name, probability, samples in CALIBRATED:
        scored, counted = models.get(probability) or {}, models.get(samples) or {}
        words += [f"{name}_ir={ratio(scored.get('ir'))}", f"{name}_samples={counted.get('n') or 0}"]
        if name == "fill":
            words.append(f"fill_brier={number(scored.get('brier'), '.4f')}")
        if name == "lag":
            words.append(f"lag_mi_decay={number(scored.get('mi_decay_per_day'), '.5f')}/day")
        if counted:
            words.append(f"{name}_n_eff={number(counted.get('n_eff'), '.0f')}")
            words.append(f"{name}_verdict={verdict_of(scored or counted).replace(' ', '_')}")
    degraded = [name for name, card in models.items() if card.get("degraded")]
    words.append(f"degraded={','.join(degraded) or 'none'}")
    for side in result.get("quoting") or ():
        if side.get("reason"):
            since = f" since_s={side['since_s']:.0f}" if is_number(side.get("since_s")) else ""
            words.append(f"no_{side['side']}={side['reason']}{since}")
    return "calibration " + " ".join(words)


CALIBRATED = (  # name in the line, model with a probability, model whose outcomes are counted
    ("fill", "fill_10s", "fill_10s"),
    ("as", "toxic_10s", "adverse_10s"),
    ("lag", "lag_1s", "lag_1s"),
    ("edge", "edge_10s", "edge_10s"),
)
