"""Is a stated probability met? A sketch of (p, y) in cells, its CORP decomposition and its reliability curve.

Cells are evenly spaced in logit(p) with one end cell on each side; each holds exact counts. Isotonic recalibration
runs over the cells of each depth bucket: a model gets no credit for knowing that deep orders fill less often.
"""

import math

import numpy as np

from touchstone.core.conventions import N_DEPTH
from touchstone.core.jit import compiled, inline, record
from touchstone.core.numerics import logit

CELLS = 800
LOGIT_LIMIT = 8.0  # p of 0.000335 and below, or 0.999665 and above, share an end cell
PER_LOGIT = (CELLS - 2) / (2.0 * LOGIT_LIMIT)

SKETCH = record(
    [
        ("n", "i4", (N_DEPTH, CELLS)),
        ("events", "i4", (N_DEPTH, CELLS)),
        ("p", "f8", (CELLS,)),  # sum of p, all buckets
        # sums over a bucket
        ("bucket_n", "i8", (N_DEPTH,)),
        ("bucket_events", "i8", (N_DEPTH,)),
        ("bucket_loss", "f8", (N_DEPTH,)),  # of (p - y)^2
        # scratch of the isotonic regression
        ("pool_n", "i8", (CELLS,)),
        ("pool_events", "i8", (CELLS,)),
    ]
)

CURVE_BINS = 10

CURVE = record(
    [
        ("n_bins", "i8"),
        ("n", "i8", (CURVE_BINS,)),
        ("p", "f8", (CURVE_BINS,)),  # mean forecast
        ("rate", "f8", (CURVE_BINS,)),  # share of events
        # Murphy's terms over these bins (n-weighted), and Ferro-Fricker's removal of their bias
        ("rel", "f8"),
        ("res", "f8"),
        ("unc", "f8"),
        ("rel_debiased", "f8"),
        ("res_debiased", "f8"),
        ("unc_debiased", "f8"),
    ]
)


def reset(sketch):
    """Empty sketch."""
    sketch.n[:, :] = 0
    sketch.events[:, :] = 0
    sketch.p[:] = 0.0
    sketch.bucket_n[:] = 0
    sketch.bucket_events[:] = 0
    sketch.bucket_loss[:] = 0.0


@inline
def cell_of(p):
    """Index of the cell of a probability."""
    return _cell_of_logit(logit(p))


@inline
def _cell_of_logit(x):
    if x < -LOGIT_LIMIT:
        return np.int64(0)
    if x >= LOGIT_LIMIT:
        return np.int64(CELLS - 1)
    return min(np.int64(math.floor((x + LOGIT_LIMIT) * PER_LOGIT)) + 1, np.int64(CELLS - 2))


@inline
def update(sketch, bucket, p, y):
    """Take in one forecast p in [0, 1] of a depth bucket with its outcome y in {0, 1}."""
    update_known(sketch, bucket, p, logit(p), y)


@inline
def update_known(sketch, bucket, p, x, y):
    """As `update` where the logit x of p is known."""
    cell = _cell_of_logit(x)
    sketch.n[bucket, cell] = np.int64(sketch.n[bucket, cell]) + 1
    sketch.events[bucket, cell] = np.int64(sketch.events[bucket, cell]) + y
    sketch.p[cell] += p
    sketch.bucket_n[bucket] += 1
    sketch.bucket_events[bucket] += y
    sketch.bucket_loss[bucket] += (p - y) * (p - y)


@inline
def _spread(n, events):
    """n x rate x (1 - rate): the Brier sum of a constant forecast at the rate. n > 0."""
    return np.float64(events) * np.float64(n - events) / np.float64(n)


@compiled
def _isotonic_loss(sketch, bucket):
    """Brier sum of a bucket after isotonic recalibration of its cells (pool adjacent violators)."""
    top = np.int64(0)
    for cell in range(CELLS):
        n = np.int64(sketch.n[bucket, cell])
        if n == 0:
            continue
        events = np.int64(sketch.events[bucket, cell])
        # the rate must rise: events / n > the pool before it, compared in whole numbers
        while top > 0 and sketch.pool_events[top - 1] * n >= events * sketch.pool_n[top - 1]:
            top -= 1
            n += sketch.pool_n[top]
            events += sketch.pool_events[top]
        sketch.pool_n[top] = n
        sketch.pool_events[top] = events
        top += 1
    loss = 0.0
    for i in range(top):
        loss += _spread(sketch.pool_n[i], sketch.pool_events[i])
    return loss


@compiled
def corp(sketch):
    """(score, mcb, dsc, unc, n) of the Brier score, score = mcb - dsc + unc; NaN where n is 0.

    Miscalibration, discrimination and uncertainty within depth buckets, weighted by n (Dimitriadis-Gneiting-Jordan
    2021, PNAS). score, unc and dsc - mcb are exact; forecasts of one cell (0.02 wide in logit) share a recalibrated
    value, so mcb and dsc are both a little smaller than cell-free ones, by part of what isotonic regression overfits.
    """
    n = np.int64(0)
    score = 0.0
    recalibrated = 0.0
    unc = 0.0
    for bucket in range(N_DEPTH):
        if sketch.bucket_n[bucket] == 0:
            continue
        n += sketch.bucket_n[bucket]
        score += sketch.bucket_loss[bucket]
        unc += _spread(np.int64(sketch.bucket_n[bucket]), np.int64(sketch.bucket_events[bucket]))
        recalibrated += _isotonic_loss(sketch, bucket)
    if n == 0:
        return math.nan, math.nan, math.nan, math.nan, n
    count = np.float64(n)
    return score / count, (score - recalibrated) / count, (unc - recalibrated) / count, unc / count, n


@inline
def ratio(mcb, dsc):
    """DSC / MCB, above 1 exactly when the forecasts beat the bucket rates; capped at 10, NaN where both are 0."""
    if not dsc > 0.0:
        return 0.0 if mcb > 0.0 else math.nan
    if dsc >= 10.0 * mcb:
        return 10.0
    return dsc / mcb


@compiled
def reliability_curve(sketch, curve):
    """Fill a CURVE: all buckets merged into about ten bins of similar n, with Murphy's terms (Murphy 1973).

    rel - res + unc is the Brier score of forecasts rounded to their bin's mean. The debiased terms (Ferro-Fricker
    2012) keep that identity; they may be negative.
    """
    total = np.int64(0)
    events_total = np.int64(0)
    for bucket in range(N_DEPTH):
        total += sketch.bucket_n[bucket]
        events_total += sketch.bucket_events[bucket]
    curve.n_bins = 0
    curve.n[:] = 0
    curve.p[:] = math.nan
    curve.rate[:] = math.nan
    if total == 0:
        _fill_terms(curve, np.int64(0), np.int64(0))
        return
    n = np.int64(0)
    events = np.int64(0)
    p = 0.0
    left = total
    for cell in range(CELLS):
        for bucket in range(N_DEPTH):
            n += np.int64(sketch.n[bucket, cell])
            events += np.int64(sketch.events[bucket, cell])
        p += sketch.p[cell]
        # a bin ends once it holds its share of what is left
        if n > 1 and n * (CURVE_BINS - curve.n_bins) >= left:
            _add_bin(curve, curve.n_bins, n, events, p)
            left -= n
            n = np.int64(0)
            events = np.int64(0)
            p = 0.0
    if n > 0:  # a single outcome at the end joins the last bin
        _add_bin(curve, max(curve.n_bins - 1, np.int64(0)), n, events, p)
    _fill_terms(curve, total, events_total)


@inline
def _add_bin(curve, k, n, events, p):
    """Bin k takes in n outcomes with sums of events and of p."""
    before = np.int64(curve.n[k])
    total = np.float64(before + n)
    if before > 0:
        p += curve.p[k] * np.float64(before)
        curve.rate[k] = (np.float64(events) + curve.rate[k] * np.float64(before)) / total
    else:
        curve.rate[k] = np.float64(events) / total
        curve.n_bins += 1
    curve.p[k] = p / total
    curve.n[k] += n


@compiled
def _fill_terms(curve, total, events):
    if total < 2:
        curve.rel = curve.res = curve.unc = math.nan
        curve.rel_debiased = curve.res_debiased = curve.unc_debiased = math.nan
        return
    count = np.float64(total)
    rate = np.float64(events) / count
    rel = 0.0
    res = 0.0
    bias = 0.0
    for k in range(curve.n_bins):
        weight = np.float64(curve.n[k]) / count
        gap = curve.p[k] - curve.rate[k]
        lift = curve.rate[k] - rate
        rel += weight * gap * gap
        res += weight * lift * lift
        if curve.n[k] > 1:
            bias += weight * curve.rate[k] * (1.0 - curve.rate[k]) / np.float64(curve.n[k] - 1)
    curve.rel = rel
    curve.res = res
    curve.unc = rate * (1.0 - rate)
    curve.rel_debiased = rel - bias
    curve.res_debiased = res - bias + curve.unc / (count - 1.0)
    curve.unc_debiased = curve.unc * count / (count - 1.0)
