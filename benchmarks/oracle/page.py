"""The page: what was measured, in words and tables."""

import math
from dataclasses import fields

from benchmarks.oracle.evidence import LOOK_EACH, MOST_PASSES, NOMINAL, Alarms, Discovery
from benchmarks.oracle.scores import Calibration, Skill
from benchmarks.oracle.study import FORECASTERS, Sizes, Study
from touchstone.core.conventions import DEPTH_EDGES_BPS, FILL_HORIZONS_NS, N_FILL, NS

HORIZONS = tuple(f"{ns // NS} s" for ns in FILL_HORIZONS_NS)


def command(study: Study) -> str:
    """What writes this page again: of the smaller sizes only those that differ from the defaults."""
    standard = Sizes()
    words = ["python -m benchmarks.oracle", f"--states {study.sizes.states}"]
    words += [f"--continuations {study.sizes.continuations}", f"--scenario {study.scenario}"]
    for field in fields(Sizes)[2:]:
        if getattr(study.sizes, field.name) != getattr(standard, field.name):
            words.append(f"--{field.name.replace('_', '-')} {getattr(study.sizes, field.name)}")
    return " ".join([*words, "--out docs/oracle.md"])


def page(study: Study) -> str:
    """docs/oracle.md."""
    parts = [_head(study), _answer(study), _calibration(study), _skill(study), _discovery(study), _alarms(study)]
    return "\n\n".join([*parts, NOTES]) + "\n"


def _head(study: Study) -> str:
    sizes = study.sizes
    return (
        "# What can be known of a fill\n\n"
        f"Written by `{command(study)}` in {study.seconds:.0f} s ({study.jobs} processes); do not edit.\n\n"
        "In the reactive market the true probability of a fill can be counted. "
        f"{sizes.sessions} sessions of the default configuration in scenario `{study.scenario}` gave {study.states} "
        "states: the whole market at the moment when an evaluation order was predicted, in windows of 60 s, which do "
        f"not overlap. Each was continued {sizes.continuations:,} times with new chance for every agent, the order "
        "sent through the venue's own path (post-only, one lot, latency drawn anew, behind the queue at its price) and "
        "its first fill noted when we hear of it, as in the ledger. The share of futures in which it comes in time is "
        f"P(fill), with a standard error of at most {0.5 / sizes.continuations**0.5:.3f}. It is given all that the "
        "market is, also the leader's price now and what the others are about to do, which nobody sees: what it "
        "attains is an upper bound for any model. Code: `src/touchstone/exchange/branch.py`, "
        "`src/touchstone/backtest/oracle.py`, `benchmarks/oracle/`."
    )


def _answer(study: Study) -> str:
    lines = ["## Answer", ""]
    for h in range(N_FILL):
        found, of = study.discovery[h], study.skill[h]
        low, high = of.model_interval
        lines.append(
            f"* {HORIZONS[h]}: told the true probabilities, the scorecard says ADDS VALUE in {found.found} of "
            f"{found.repeats} repeats{_median(found)}; with shuffled outcomes in {found.shuffled_found}. "
            f"Attainable skill {of.truth_skill:.1%}, the true rate of each depth alone {of.depth_skill:+.1%}; the "
            f"shipped model has {of.model_skill:+.1%} ({low:+.1%} to {high:+.1%}): {_share(of)}."
        )
    kept = [study.alarms[FORECASTERS[0], h] for h in range(N_FILL)]
    verdict = "holds" if all(alarm.holds for alarm in kept) else "FAILS"
    counts = ", ".join(f"{_percent(alarm)} of the sessions at {HORIZONS[h]}" for h, alarm in enumerate(kept))
    lines.append(
        f"* On this market's dependent outcomes the promise of the alarms {verdict}: for the true probabilities the "
        f"e-process against calibration reaches 20 in {counts} (promised: at most {NOMINAL:.0%}; chance of "
        f"{kept[0].sessions} sessions: up to {kept[0].most:.1%})."
    )
    return "\n".join(lines)


def _median(found: Discovery) -> str:
    if found.windows is None:
        return f" (the states gone through at most {MOST_PASSES} times)"
    return f", after a median of {found.windows[0]:,.0f} windows"


def _share(of: Skill) -> str:
    if of.truth_interval[0] <= 0.0:
        return "the attainable skill itself cannot be told from none, so no share is given"
    if of.share <= 0.0:
        return "none of what is attainable, it is worse than the bucket's rate"
    low, high = of.share_interval
    return f"{of.share:.0%} of what is attainable ({low:.0%} to {high:.0%})"


def _percent(alarm: Alarms) -> str:
    return f"{alarm.miscalibrated / alarm.sessions:.0%}"


def _calibration(study: Study) -> str:
    lines = [
        "## The shipped model against the truth",
        "",
        "By depth from mid, in percentage points. Bias: forecast less truth. Error: mean distance of the two. RMS: "
        "root mean square distance. Spread: standard deviation over the states, how much truth and model tell them "
        "apart; correlation of the two. The counting noise of the truth is taken out of RMS, spread and correlation "
        "(which may so come out above 1).",
        "",
        "| horizon | depth, bps | states | P(fill) | model | bias | error | RMS | spread: truth | model | correl. |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for h in range(N_FILL):
        for bucket, found in study.buckets[h].items():
            lines.append(_calibration_row(HORIZONS[h], _depth(bucket), found))
        lines.append(_calibration_row(HORIZONS[h], "all", study.calibration[h]))
    same, n = study.agreement
    shares = "; ".join(
        f"{HORIZONS[h]}: {tape:.1%} by the tape, {model:.1%} only by the queue model, {void:.1%} void"
        for h, (tape, model, void) in enumerate(study.decided)
    )
    lines += [
        "",
        f"The model learns only from outcomes that the tape decides ({shares}). At {HORIZONS[-1]} the tape's outcome "
        f"is that of the real future with the order in it, alone in the book, in {same:.1%} of {n} states. In "
        f"{study.refused:.2%} of the futures the order would have crossed on arrival: refused, and without an outcome, "
        "here as in the ledger.",
    ]
    return "\n".join(lines)


def _depth(bucket: int) -> str:
    low = DEPTH_EDGES_BPS[bucket - 1] if bucket > 0 else 0.0
    return f"{low:g} to {DEPTH_EDGES_BPS[bucket]:g}" if bucket < len(DEPTH_EDGES_BPS) else f"from {low:g}"


def _calibration_row(horizon: str, depth: str, found: Calibration) -> str:
    points = [f"{100 * x:.2f}" for x in (found.truth, found.model)]
    points += [f"{100 * found.bias:+.2f}", f"{100 * found.mean_error:.2f}", f"{100 * found.rms:.2f}"]
    points += [f"{100 * found.truth_spread:.2f}", f"{100 * found.model_spread:.2f}"]
    points += ["-" if math.isnan(found.correlation) else f"{found.correlation:.2f}"]
    return f"| {horizon} | {depth} | {found.n} | " + " | ".join(points) + " |"


def _skill(study: Study) -> str:
    lines = [
        "## Attainable skill",
        "",
        "Brier scores over all outcomes of one half of the futures, the truth stated from the other half. Skill is "
        "1 - Brier / Brier of the baseline, the prequential rate of the depth bucket as frozen with the prediction. "
        "Depth known: the true mean rate of each bucket. Intervals are central 90 %, by states. No share is given "
        "where the attainable skill cannot be told from none.",
        "",
        "| horizon | states | Brier: baseline | model | truth | skill: model | depth known | truth | model's share |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for h in range(N_FILL):
        lines.append(_skill_row(HORIZONS[h], "all", study.skill[h]))
        lines.append(_skill_row(HORIZONS[h], "second halves of the sessions", study.later_skill[h]))
    return "\n".join(lines)


def _skill_row(horizon: str, which: str, of: Skill) -> str:
    share = f"{of.share:.0%} ({of.share_interval[0]:.0%} to {of.share_interval[1]:.0%})"
    if of.truth_interval[0] <= 0.0:
        share = "-"
    return (
        f"| {horizon} | {which}: {of.n} | {of.baseline:.4f} | {of.model:.4f} | {of.truth:.4f} | "
        f"{of.model_skill:+.1%} ({of.model_interval[0]:+.1%} to {of.model_interval[1]:+.1%}) | {of.depth_skill:+.1%} | "
        f"{of.truth_skill:+.1%} ({of.truth_interval[0]:+.1%} to {of.truth_interval[1]:+.1%}) | {share} |"
    )


def _discovery(study: Study) -> str:
    lines = [
        "## Does the scorecard find it",
        "",
        "A forecaster that states the true probability, against the scorecard's own bucket rate; one window per state, "
        f"its outcome drawn from the futures. Where the states are used up they come again with new outcomes, at most "
        f"{MOST_PASSES} times. Shuffled: each outcome given to another state. The verdict is looked at each "
        f"{LOOK_EACH} windows; it needs 300 effective outcomes, and 30 of each kind.",
        "",
        "| horizon | repeats | ADDS VALUE | windows: median (5 % to 95 %) | shuffled: of windows | found |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for h, found in enumerate(study.discovery):
        windows = "-"
        if found.windows is not None:
            middle, low, high = (f"{n:,.0f}" if n < float("inf") else "not found" for n in found.windows)
            windows = f"{middle} ({low} to {high})"
        lines.append(
            f"| {HORIZONS[h]} | {found.repeats} | {found.found} | {windows} | {found.shuffled_windows:,} | "
            f"{found.shuffled_found} |"
        )
    return "\n".join(lines)


def _alarms(study: Study) -> str:
    sizes = study.sizes
    lines = [
        "## Alarms on dependent outcomes",
        "",
        f"{sizes.alarm_sessions} independent sessions of {sizes.alarm_windows} windows for each of two spacings: "
        "windows of 10 s, one right after the other (horizons 1 s and 10 s), and of 60 s. The outcome of a window is "
        "that of the future that really came, with the order in it, and the next window starts where this future has "
        f"led: the market's own dependence. True probabilities are counted in {sizes.alarm_continuations} futures. "
        "Sessions in which each watch ever went off:",
        "",
        "| forecaster | horizon | sessions | windows | calibration: e >= 20 | its e-CUSUM >= 10^4 | degraded |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in FORECASTERS:
        for h in range(N_FILL):
            alarm = study.alarms[name, h]
            lines.append(
                f"| {name} | {HORIZONS[h]} | {alarm.sessions} | {alarm.windows:,} | {alarm.miscalibrated} "
                f"({_percent(alarm)}) | {alarm.miscalibrated_cusum} | {alarm.degraded} |"
            )
    checks = "; ".join(
        f"{HORIZONS[h]}: {of.filled:.2%} against {of.expected:.2%}, {of.z:+.1f} standard errors"
        for h, of in enumerate(study.checks)
    )
    lines += [
        "",
        f"The frequencies are what they claim: filled in the futures that really came, against their mean: {checks}.",
        "",
        f"Promised where the forecast is the true probability: e >= 20 in at most {NOMINAL:.0%} of the sessions, and a "
        "false alarm of an e-CUSUM no sooner than every 10,000 windows on average. Dependence does not break this, for "
        "the true probability is conditional on all that went before. The bucket's rate is right on average only: it "
        "does not know when the market is busy, so it is miscalibrated given the past and nothing is promised for it; "
        "its row shows how often dependence alone raises the watch of a model that is right on average. The shipped "
        "model is no null either: its row shows how often its error is noticed within a session of this length.",
    ]
    return "\n".join(lines)


NOTES = """## What this does not say

* In a branch our other orders are withdrawn and nobody requotes for us: P(fill) is that of the order alone. The book
  that the models see is net of our own orders, so they predict the same thing; but in the session's own outcome our
  other orders were there, and trade first where their price is better.
* The order is really in the book: the other traders see it and react. A shadow of the ledger is not.
* Latency is drawn anew in each future, answers take their constant time. A shadow rests after the median latency.
* The market is a model of a market. Skill that is attainable here need not be attainable on Hyperliquid."""
