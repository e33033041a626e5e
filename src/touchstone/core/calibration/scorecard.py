"""The record of one model at one horizon: scores, calibration, effective sample, evidence, verdict.

BINARY: probability of an event against the depth bucket's rate. CONTINUOUS: any loss against a baseline's loss; by
default the CRPS of a distribution against that of the bucket's past outcomes. Forecast and baseline are frozen when
the prediction is made; an outcome is scored first and learned from after. Only outcomes that the tape decides enter
scores, baselines and evidence; those that only our queue model decides are counted and scored apart. Only outcomes
marked `is_window` (not overlapping: the caller's word) enter the evidence.

A probability has a challenger: itself, recalibrated on past outcomes. Where the challenger beats the baseline and the
model does not (FIXABLE), `take_over` makes it the forecast: from then on `forecast` gives it, and the evidence is its
own, gathered beside the incumbent from the start.
"""

import math

import numpy as np

from touchstone.core.calibration import baseline as base_rate
from touchstone.core.calibration import blocks, evidence, influence, recalibration, reliability
from touchstone.core.calibration.scores import P_CLIP, brier, crps_student_t, log_score
from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import LOG_10, logs, student_t_cdf

BINARY, CONTINUOUS = np.int64(0), np.int64(1)

NO_DATA, WARMING, ADDS_VALUE, FIXABLE, HARMFUL, NOT_PROVEN = (np.int64(i) for i in range(6))
VERDICT_NAMES = ("NO DATA", "WARMING", "ADDS VALUE", "FIXABLE", "HARMFUL", "NOT PROVEN")

FEWEST_EFFECTIVE = 300.0
FEWEST_EVENTS = 30
RECALIBRATION_SHARE = 0.1  # of outcomes outside windows: one price path, a ladder has a design effect of about 13

CARD = record(
    [
        ("kind", "i8"),
        ("horizon_ns", "i8"),
        ("n", "i8"),  # scored outcomes: tape-decided, with a baseline
        ("n_no_baseline", "i8"),  # tape-decided, but the baseline had too little past
        ("n_model_decided", "i8"),
        ("n_invalid", "i8"),  # not a number or not a probability: dropped
        ("n_windows", "i8"),  # scored outcomes that entered the evidence
        ("events", "i8", (2,)),  # BINARY: outcomes of y = 0 and y = 1
        ("loss", "f8"),  # sums over the n scored outcomes
        ("baseline_loss", "f8"),
        ("log_score", "f8"),
        ("n_log_clipped", "i8"),
        ("loss_model_decided", "f8"),
        ("n_pit", "i8"),
        ("n_pit_windows", "i8"),
        ("inside50", "i8"),
        ("inside90", "i8"),
        ("degraded", "i8"),  # latched by the alarm
        ("degraded_ns", "i8"),  # resolution time of the window that raised it
        ("rate", base_rate.RATE),
        ("empirical", base_rate.EMPIRICAL),
        ("sketch", reliability.SKETCH),
        ("blocks", blocks.BLOCKS),
        ("recalibration", recalibration.RECALIBRATION),
        ("is_recalibrated", "i8"),  # the challenger has taken over
        ("recalibrated_ns", "i8"),
        # e-processes: BINARY
        ("skill", evidence.LINE),
        ("harm", evidence.LINE),
        ("recalibrated", evidence.LINE),
        ("calibrated", evidence.BETS),  # the level
        ("sharpness", evidence.BETS),  # the slope
        ("gain_total", "f8"),  # over windows: baseline score - model score, in [-1, 1]
        ("gain_square", "f8"),  # of it about its mean before (insight/confidence.py)
        # CONTINUOUS
        ("bounded", evidence.BOUNDED),
        ("quantiles", evidence.QUANTILE_BETS),
        # what influence follows from
        ("leash", influence.LEASH),
        ("challenger", influence.LEASH),  # BINARY: of the recalibrated forecast
    ]
)

SUMMARY = record(
    [
        ("kind", "i8"),
        ("horizon_ns", "i8"),
        ("n", "i8"),
        ("n_no_baseline", "i8"),
        ("n_model_decided", "i8"),
        ("n_invalid", "i8"),
        ("n_windows", "i8"),
        ("n_blocks", "i8"),
        ("n_log_clipped", "i8"),
        ("n_clipped", "i8"),  # CONTINUOUS: windows whose score difference was clipped
        ("events", "i8", (2,)),
        # NaN = no data
        ("n_eff", "f8"),
        ("loss", "f8"),  # means
        ("baseline_loss", "f8"),
        ("gain", "f8"),  # mean of baseline loss - model loss
        ("gain_variance", "f8"),  # of that mean, between blocks
        ("loss_model_decided", "f8"),
        ("log_score", "f8"),
        ("bss", "f8"),  # skill score 1 - loss / baseline loss
        ("mcb", "f8"),
        ("dsc", "f8"),
        ("unc", "f8"),
        ("ir", "f8"),  # dsc / mcb, capped at 10; NaN below n_eff 300
        ("e_skill", "f8"),  # log10 of the e-values; NaN before the first window
        ("e_harm", "f8"),
        ("e_recalibrated", "f8"),
        ("e_calibrated", "f8"),
        ("alarm_harm", "f8"),  # log10 of the e-CUSUMs; alarm at 4
        ("alarm_calibrated", "f8"),
        ("coverage50", "f8"),
        ("coverage90", "f8"),
        ("degraded", "i8"),
        ("degraded_ns", "i8"),
        ("verdict", "i8"),
    ]
)


def reset(card, kind, horizon_ns):
    """Empty card for a kind (BINARY | CONTINUOUS) and a horizon (ns)."""
    card.kind = kind
    card.horizon_ns = horizon_ns
    card.n = 0
    card.n_no_baseline = 0
    card.n_model_decided = 0
    card.n_invalid = 0
    card.n_windows = 0
    card.events[:] = 0
    card.loss = 0.0
    card.baseline_loss = 0.0
    card.log_score = 0.0
    card.n_log_clipped = 0
    card.loss_model_decided = 0.0
    card.n_pit = 0
    card.n_pit_windows = 0
    card.inside50 = 0
    card.inside90 = 0
    card.degraded = 0
    card.degraded_ns = 0
    base_rate.reset_rate(card.rate)
    base_rate.reset_empirical(card.empirical)
    reliability.reset(card.sketch)
    blocks.reset(card.blocks, horizon_ns)
    recalibration.reset(card.recalibration)
    card.is_recalibrated = 0
    card.recalibrated_ns = 0
    card.gain_total = 0.0
    card.gain_square = 0.0
    evidence.reset_line(card.skill)
    evidence.reset_line(card.harm)
    evidence.reset_line(card.recalibrated)
    evidence.reset_bets(card.calibrated)
    evidence.reset_bets(card.sharpness)
    evidence.reset_bounded(card.bounded)
    evidence.reset_quantile_bets(card.quantiles)
    influence.reset(card.leash)
    influence.reset(card.challenger)


@inline
def forecast(card, p):
    """BINARY: the probability to go by, of the model's p: recalibrated where that has taken over."""
    return recalibration.predict(card.recalibration, p) if card.is_recalibrated else p


@inline
def take_over(card, now_ns):
    """BINARY: the recalibrated forecast becomes the model's, with the evidence that it has gathered in its shadow."""
    card.is_recalibrated = 1
    card.recalibrated_ns = now_ns
    for k in range(influence.N_STEPS):
        card.leash.line[k].log_e = card.challenger.line[k].log_e
    card.skill.log_e = card.recalibrated.log_e
    evidence.reset_line(card.harm)
    evidence.reset_bets(card.calibrated)
    evidence.reset_bets(card.sharpness)


@inline
def baseline(card, bucket):
    """BINARY: the base rate of a depth bucket, to freeze with a prediction."""
    return base_rate.predict_rate(card.rate, bucket)


@inline
def baseline_sequence(card, bucket):
    """CONTINUOUS: the sequence number of a depth bucket's outcomes, to freeze with a prediction (`as_of`)."""
    return base_rate.sequence(card.empirical, bucket)


@inline
def _score(card, made_ns, loss_model, loss_baseline):
    card.n += 1
    card.loss += loss_model
    card.baseline_loss += loss_baseline
    blocks.update(card.blocks, made_ns, loss_model, loss_baseline)


@inline
def _watch(card, made_ns, log_cusum_harm):
    """Latch the degradation alarm."""
    if card.degraded == 0 and log_cusum_harm >= evidence.LOG_ALARM:
        card.degraded = 1
        card.degraded_ns = made_ns + card.horizon_ns


@inline
def learn_binary(card, made_ns, bucket, p, q, y, is_window, is_tape_decided):
    """`learn_recalibrated` for a forecast that is never recalibrated."""
    learn_recalibrated(card, made_ns, bucket, p, p, q, y, is_window, is_tape_decided)


@compiled
def learn_recalibrated(card, made_ns, bucket, raw, p, q, y, is_window, is_tape_decided):
    """Take in one outcome of a BINARY card.

    made_ns: time of the prediction; raw: the model's probability, p: what `forecast` made of it; q: `baseline`, all as
    frozen then; y, is_window, is_tape_decided: 0 or 1. Forecasts that are no probabilities are dropped and counted.
    """
    if not (p >= 0.0 and p <= 1.0 and q >= 0.0 and q <= 1.0 and raw >= 0.0 and raw <= 1.0):
        card.n_invalid += 1
        return
    if not is_tape_decided:
        card.n_model_decided += 1
        card.loss_model_decided += brier(p, y)
        return
    _score(card, made_ns, brier(p, y), brier(q, y))
    log_p, log_rest = logs(p)
    surprise, clipped = -log_p if y else -log_rest, False
    if not (p >= P_CLIP and p <= 1.0 - P_CLIP):
        surprise, clipped = log_score(p, y)
    card.log_score += surprise
    if clipped:
        card.n_log_clipped += 1
    card.events[y] += 1
    reliability.update_known(card.sketch, bucket, p, log_p - log_rest, y)
    if is_window:
        gain = brier(q, y) - brier(p, y)
        gap = gain - card.gain_total / np.float64(card.n_windows) if card.n_windows > 0 else gain
        card.gain_square += gap * gap
        card.gain_total += gain
        card.n_windows += 1
        evidence.bet_on_better(card.skill, q, p, y)
        evidence.bet_on_better(card.harm, p, q, y)
        challenger = recalibration.predict(card.recalibration, raw)
        evidence.bet_on_better(card.recalibrated, q, challenger, y)
        influence.on_probability(card.leash, q, p, y)
        influence.on_probability(card.challenger, q, challenger, y)
        evidence.bet_against_calibration(card.calibrated, p, y)
        evidence.bet_against_sharpness(card.sharpness, p, y)
        _watch(card, made_ns, card.harm.log_cusum)
    recalibration.learn(card.recalibration, raw, y, 1.0 if is_window else RECALIBRATION_SHARE)
    base_rate.learn_rate(card.rate, bucket, y)


@inline
def learn_continuous(card, made_ns, bucket, loss_model, loss_baseline, pit, value, as_of, is_window, is_tape_decided):
    """`learn_apart` where the divergence is not known: 0, the least that it can be for a convex loss."""
    learn_apart(
        card, made_ns, bucket, loss_model, loss_baseline, 0.0, pit, value, as_of, is_window, is_tape_decided
    )


@compiled
def learn_apart(
    card, made_ns, bucket, loss_model, loss_baseline, divergence, pit, value, as_of, is_window, is_tape_decided
):
    """Take in one outcome of a CONTINUOUS card.

    loss_model: any loss; divergence: how far the two forecasts are apart (influence.py), asked of windows only;
    loss_baseline: the baseline's, or NaN to take the CRPS of the bucket's past outcomes, those before `as_of`
    (`baseline_sequence` as frozen), at `value`. pit: forecast distribution at the outcome, or NaN. value: the outcome
    that the baseline learns, or NaN. is_window, is_tape_decided: 0 or 1.
    """
    if not abs(loss_model) < math.inf:
        card.n_invalid += 1
        return
    if not is_tape_decided:
        card.n_model_decided += 1
        card.loss_model_decided += loss_model
        return
    has_value = abs(value) < math.inf
    if math.isnan(loss_baseline) and has_value:
        loss_baseline = base_rate.crps(card.empirical, bucket, as_of, value)
    if pit >= 0.0 and pit <= 1.0:
        card.n_pit += 1
        if pit >= 0.25 and pit <= 0.75:
            card.inside50 += 1
        if pit >= 0.05 and pit <= 0.95:
            card.inside90 += 1
        if is_window:
            card.n_pit_windows += 1
            evidence.bet_against_quantiles(card.quantiles, pit)
    if abs(loss_baseline) < math.inf:
        _score(card, made_ns, loss_model, loss_baseline)
        if is_window:
            card.n_windows += 1
            evidence.bet_on_difference(card.bounded, loss_baseline - loss_model)
            influence.on_score(card.leash, loss_baseline - loss_model, divergence)
            _watch(card, made_ns, evidence.log_cusum(card.bounded.harm))
    else:
        card.n_no_baseline += 1
    if has_value:
        base_rate.learn_empirical(card.empirical, bucket, value)


@compiled
def learn_student_t(card, made_ns, bucket, dof, loc, scale, value, as_of, is_window, is_tape_decided):
    """`learn_continuous` for a Student-t forecast (dof > 1; loc, scale > 0 and value in one unit), by CRPS."""
    pit = student_t_cdf((value - loc) / scale, dof) if scale > 0.0 else math.nan
    loss = crps_student_t(value, dof, loc, scale)
    learn_continuous(card, made_ns, bucket, loss, math.nan, pit, value, as_of, is_window, is_tape_decided)


@compiled
def rearm(card):
    """Clear the degradation flag and start its alarm afresh; everything else stays."""
    card.degraded = 0
    card.degraded_ns = 0
    card.harm.log_cusum = 0.0
    for k in range(evidence.LINES):
        card.bounded.harm.line[k].log_cusum = 0.0


@inline
def _verdict(card, n_eff, n_blocks, log_skill, log_harm):
    if card.n + card.n_no_baseline == 0:
        return NO_DATA
    if not n_eff >= FEWEST_EFFECTIVE or n_blocks < blocks.FEWEST:
        return WARMING
    if card.kind == BINARY and min(card.events[0], card.events[1]) < FEWEST_EVENTS:
        return WARMING
    if log_skill >= evidence.LOG_20:
        return ADDS_VALUE
    if card.kind == BINARY and card.recalibrated.log_e >= evidence.LOG_20:
        return FIXABLE
    if log_harm >= evidence.LOG_20:
        return HARMFUL
    return NOT_PROVEN


@compiled
def summary(card, out):
    """Fill a SUMMARY. Costs some 10 microseconds; changes nothing in the card but scratch."""
    out.kind = card.kind
    out.horizon_ns = card.horizon_ns
    out.n = card.n
    out.n_no_baseline = card.n_no_baseline
    out.n_model_decided = card.n_model_decided
    out.n_invalid = card.n_invalid
    out.n_windows = card.n_windows
    out.n_log_clipped = card.n_log_clipped
    out.n_clipped = card.bounded.n_clipped
    out.events[0] = card.events[0]
    out.events[1] = card.events[1]
    out.degraded = card.degraded
    out.degraded_ns = card.degraded_ns

    gain, variance, n_eff, n_blocks = blocks.effective_size(card.blocks)
    out.gain = gain
    out.gain_variance = variance
    out.n_eff = n_eff
    out.n_blocks = n_blocks
    out.loss = card.loss / np.float64(card.n) if card.n > 0 else math.nan
    out.baseline_loss = card.baseline_loss / np.float64(card.n) if card.n > 0 else math.nan
    out.bss = 1.0 - card.loss / card.baseline_loss if card.baseline_loss > 0.0 else math.nan
    out.loss_model_decided = math.nan
    if card.n_model_decided > 0:
        out.loss_model_decided = card.loss_model_decided / np.float64(card.n_model_decided)
    out.coverage50 = np.float64(card.inside50) / np.float64(card.n_pit) if card.n_pit > 0 else math.nan
    out.coverage90 = np.float64(card.inside90) / np.float64(card.n_pit) if card.n_pit > 0 else math.nan

    out.log_score = math.nan
    out.mcb = math.nan
    out.dsc = math.nan
    out.unc = math.nan
    out.ir = math.nan
    out.e_recalibrated = math.nan
    if card.kind == BINARY:
        _, mcb, dsc, unc, n = reliability.corp(card.sketch)
        out.mcb = mcb
        out.dsc = dsc
        out.unc = unc
        if n > 0:
            out.log_score = card.log_score / np.float64(n)
        if n_eff >= FEWEST_EFFECTIVE:
            out.ir = reliability.ratio(mcb, dsc)
        log_skill = np.float64(card.skill.log_e)
        log_harm = np.float64(card.harm.log_e)
        log_calibrated = evidence.log_mean(evidence.log_e(card.calibrated), evidence.log_e(card.sharpness))
        cusum_harm = np.float64(card.harm.log_cusum)
        cusum_level = evidence.log_cusum(card.calibrated)
        cusum_calibrated = evidence.log_mean(cusum_level, evidence.log_cusum(card.sharpness))
    else:
        log_skill = evidence.log_e(card.bounded.skill)
        log_harm = evidence.log_e(card.bounded.harm)
        log_calibrated = evidence.log_e_quantiles(card.quantiles)
        cusum_harm = evidence.log_cusum(card.bounded.harm)
        cusum_calibrated = evidence.log_cusum_quantiles(card.quantiles)
    has_windows = card.n_windows > 0
    out.e_skill = log_skill / LOG_10 if has_windows else math.nan
    out.e_harm = log_harm / LOG_10 if has_windows else math.nan
    out.alarm_harm = cusum_harm / LOG_10 if has_windows else math.nan
    has_calibration = has_windows if card.kind == BINARY else card.n_pit_windows > 0
    out.e_calibrated = log_calibrated / LOG_10 if has_calibration else math.nan
    out.alarm_calibrated = cusum_calibrated / LOG_10 if has_calibration else math.nan
    if card.kind == BINARY and has_windows:
        out.e_recalibrated = card.recalibrated.log_e / LOG_10
    out.verdict = _verdict(card, n_eff, n_blocks, log_skill, log_harm)
