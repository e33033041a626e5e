"""How far a model may move quotes: boldness is earned, step by step, and lost at once.

Influence is the largest lambda in {1/4, 1/2, 3/4, 1} whose forecast

    (1 - lambda) baseline + lambda model

has an e-process against the baseline of at least 80 (so a model that does not beat its baseline earns any with a
chance of at most 1/80, however often we look); 0 where none has. It rises by at most 1/4 an hour, falls at once with
the evidence, and to 0 on the degradation alarm: then the evidence starts afresh.

For a quadratic score (Brier, squared error, CRPS) with d the gain of the whole model over its baseline and D the
divergence of the two forecasts ((p - q)^2, (x - x0)^2, integral of (F - F0)^2), the mixture's gain is

    lambda d + lambda (1 - lambda) D

so that a model that overstates what it knows may still earn a part. Probabilities are tested as forecasts of an event
(Henzi-Ziegel 2022), everything else by its gain, clipped at a scale fixed before the window. All of it on windows that
do not overlap.
"""

import math

import numpy as np

from touchstone.core.calibration import evidence
from touchstone.core.conventions import NS
from touchstone.core.jit import compiled, inline, record

STEPS = np.array([0.25, 0.5, 0.75, 1.0])
N_STEPS = 4
LOG_EARNED = math.log(80.0)
MOST_RISE = 0.25
RISE_NS = np.int64(3600 * NS)
NEVER = np.int64(-1)

LEASH = record(
    [
        ("line", evidence.LINE, (N_STEPS,)),  # of a probability, one per lambda
        ("gain", evidence.GAIN, (N_STEPS,)),  # of anything else
        ("raised_ns", "i8"),  # when influence last rose, -1 never
        ("on_probation", "i8"),  # 1: the alarm went off, and nothing has been earned since
    ]
)


def reset(leash):
    """Nothing earned."""
    restart(leash)
    leash.raised_ns = NEVER
    leash.on_probation = 0


@inline
def restart(leash):
    """All evidence so far is void."""
    for k in range(N_STEPS):
        evidence.reset_line(leash.line[k])
        evidence.reset_gain(leash.gain[k])


@inline
def on_probability(leash, q, p, y):
    """One window: baseline q, model p, outcome y in {0, 1}."""
    for k in range(N_STEPS):
        evidence.bet_on_better(leash.line[k], q, q + STEPS[k] * (p - q), y)


@inline
def on_score(leash, d, divergence):
    """One window of a quadratic score: d = baseline loss - model loss; divergence >= 0 of the two forecasts."""
    for k in range(N_STEPS):
        evidence.bet_on_gain(leash.gain[k], STEPS[k] * d + STEPS[k] * (1.0 - STEPS[k]) * divergence)


@inline
def log_e(leash, k):
    """Logarithm of the e-value of STEPS[k]; a leash has evidence of one kind."""
    if leash.gain[k].n > 0:
        return evidence.log_e(leash.gain[k].bets)
    return np.float64(leash.line[k].log_e)


@compiled
def allowed(leash):
    """The largest lambda that the evidence allows now."""
    for back in range(N_STEPS):
        k = N_STEPS - 1 - back
        if log_e(leash, k) >= LOG_EARNED:
            return STEPS[k]
    return 0.0


@inline
def is_due(leash, now_ns):
    """Whether influence may rise again."""
    return leash.raised_ns < 0 or now_ns - leash.raised_ns >= RISE_NS


@compiled
def follow(leash, share, is_degraded, now_ns):
    """The influence from now on; `share` is the one until now. Ask at any time, as often as you like.

    After the alarm (`is_degraded`) it is 0 until a step is earned afresh; then `on_probation` is 0 again and the caller
    clears the alarm.
    """
    if is_degraded and not leash.on_probation:
        restart(leash)
        leash.on_probation = 1
    most = allowed(leash)
    if leash.on_probation:
        if most == 0.0:
            return 0.0
        leash.on_probation = 0
    if most <= share:
        return most
    if not is_due(leash, now_ns):
        return share
    leash.raised_ns = now_ns
    return min(most, share + MOST_RISE)
