"""The markout curve: realised half-spread of our fills by side and horizon, in bps of the mid at the fill, with errors.

Positive = good for us. Weighted by count (for the standard error) and by notional (what was earned per unit traded).
"""

import math

from touchstone.core.conventions import N_MARKOUT, TOXIC_HORIZON
from touchstone.core.jit import compiled, record

MARKOUT = record(
    [
        ("n", "i8", (2, N_MARKOUT)),  # [bid, ask][horizon]
        ("average", "f8", (2, N_MARKOUT)),
        ("squares", "f8", (2, N_MARKOUT)),  # squared deviations from the average
        ("notional", "f8", (2, N_MARKOUT)),  # micro
        ("notional_bps", "f8", (2, N_MARKOUT)),  # sum of notional x bps
        ("n_toxic", "i8", (2,)),  # fills whose realised half-spread at 10 s was less than their fee
        ("n_skipped", "i8"),
    ]
)


def reset(m):
    """No fills."""
    m.n[:, :] = 0
    m.average[:, :] = 0.0
    m.squares[:, :] = 0.0
    m.notional[:, :] = 0.0
    m.notional_bps[:, :] = 0.0
    m.n_toxic[:] = 0
    m.n_skipped = 0


@compiled
def learn(m, s, h, realised_bps, notional, fee_bps):
    """Take in one final markout, once: s = 0 bid, 1 ask; realised half-spread and fee in bps; notional in micro."""
    if not -math.inf < realised_bps < math.inf:
        m.n_skipped += 1
        return
    m.n[s, h] += 1
    gap = realised_bps - m.average[s, h]
    m.average[s, h] += gap / m.n[s, h]
    m.squares[s, h] += gap * (realised_bps - m.average[s, h])
    m.notional[s, h] += notional
    m.notional_bps[s, h] += notional * realised_bps
    if h == TOXIC_HORIZON and realised_bps < fee_bps:
        m.n_toxic[s] += 1


@compiled
def curve(m, s, h):
    """(n, mean, standard error, notional-weighted mean) in bps; NaN where there is no data (error: from 2 fills on)."""
    n = m.n[s, h]
    average, error, weighted = math.nan, math.nan, math.nan
    if n > 0:
        average = m.average[s, h]
    if n > 1:
        error = math.sqrt(m.squares[s, h] / (n - 1.0) / n)
    if m.notional[s, h] > 0.0:
        weighted = m.notional_bps[s, h] / m.notional[s, h]
    return n, average, error, weighted
