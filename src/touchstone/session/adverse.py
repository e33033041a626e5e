"""Adverse selection against depth, for people: by how much, measured from which mid, and how sure.

    AS(depth) = AS0 exp(-depth / d_char)

is fitted to the sums of the core's curves (models/adverse.py) by the quasi-score sum (y - mu)(1, depth) = 0, which
takes negative losses as they are, with the prior 1/d_char ~ N(0, 0.2^2 per bps): no sign is assumed. A negative d_char
means that the loss *rises* with depth. Where the interval of 1/d_char has both signs there is no interval of d_char.
Beside it stands the straight line's slope (prior N(0, 0.25^2)), which is there where AS0 is about 0 and the curve says
nothing.
"""

import math
from typing import Any

import numpy as np

from touchstone.core.conventions import MARKOUT_HORIZONS_NS, NS
from touchstone.core.models import adverse

REFERENCES = ("before_block", "after_block")
Z90 = 1.6448536269514722
FEWEST = 10
SLOPE_SD, RATE_SD, AS0_SD = adverse.SLOPE_SD, 0.2, 20.0
STEPS = 50


def curves(model: Any) -> list[dict[str, Any]]:
    """Per horizon and reference mid: mean loss, its error and noise, slope with depth, AS0 and d_char; docs/json.md."""
    found = []
    for h, horizon_ns in enumerate(MARKOUT_HORIZONS_NS):
        for reference, name in enumerate(REFERENCES):
            sums = model.curve[reference, h]
            n = np.array([float(s.n) for s in sums])
            if n.sum() == 0:
                continue
            noise = math.sqrt(float(model.noise[h]) / float(sum(float(s.n) for s in model.curve[0, h])))
            found.append({"horizon_s": horizon_ns / NS, "from": name, **_one(sums, noise)})
    return found


def _one(sums: Any, noise_bps: float) -> dict[str, Any]:
    n = np.array([float(s.n) for s in sums])
    kept = n > 0
    n = n[kept]
    depth = np.array([float(s.depth) for s in sums])[kept] / n
    loss = np.array([float(s.loss) for s in sums])[kept] / n
    square = np.array([float(s.square) for s in sums])[kept]
    within = np.maximum(square - n * loss * loss, 0.0)
    total, free = float(n.sum()), float(n.sum() - len(n))
    variance = float(within.sum()) / free if free > 0 else math.nan
    mean = float((n * loss).sum() / total)
    overall = (float(square.sum()) - total * mean * mean) / (total - 1.0) if total > 1 else math.nan
    known = total >= FEWEST and variance > 0.0
    return {
        "n": int(total),
        "bps": mean,
        "se": math.sqrt(max(overall, 0.0) / total) if total > 1 else None,
        "noise_bps": noise_bps,
        "slope": _slope(n, depth, loss, variance) if known else None,
        "curve": _curve(n, depth, loss, variance) if known else None,
        "by_depth": [
            {
                "depth_bps": float(depth[i]),
                "n": int(n[i]),
                "bps": float(loss[i]),
                "se": math.sqrt(float(within[i]) / (n[i] - 1.0) / n[i]) if n[i] > 1 else None,
            }
            for i in range(len(n))
        ],
    }


def _slope(n: Any, depth: Any, loss: Any, variance: float) -> dict[str, float]:
    """Slope of a straight line, bps of loss per bps of depth, posterior mean and 90 % interval, P(it rises)."""
    x = np.stack([np.ones_like(depth), depth])
    precision = (x * n) @ x.T / variance + np.diag([1.0 / AS0_SD**2, 1.0 / SLOPE_SD**2])
    covariance = np.linalg.inv(precision)
    slope, sd = float((covariance @ ((x * n) @ loss / variance))[1]), math.sqrt(covariance[1, 1])
    rises = 0.5 * math.erfc(-slope / sd / math.sqrt(2.0))
    return {"bps_per_bps": slope, "low": slope - Z90 * sd, "high": slope + Z90 * sd, "p_rises": rises}


def _curve(n: Any, depth: Any, loss: Any, variance: float) -> dict[str, float | None] | None:
    """AS0 and d_char with 90 % intervals, by Gauss-Newton with halved steps; None where that does not settle."""
    weight = n / variance
    prior = np.diag([1.0 / AS0_SD**2, 1.0 / RATE_SD**2])

    def misfit(theta: Any) -> float:
        gap = loss - theta[0] * np.exp(-theta[1] * depth)
        return float((weight * gap * gap).sum() + theta @ prior @ theta)

    theta = np.array([float((n * loss).sum() / n.sum()), 0.0])
    precision = prior
    for _ in range(STEPS):
        shape = np.exp(-theta[1] * depth)
        design = np.stack([shape, -theta[0] * depth * shape])
        precision = (design * weight) @ design.T + prior
        step = np.linalg.solve(precision, (design * weight) @ (loss - theta[0] * shape) - prior @ theta)
        size = 1.0
        while misfit(theta + size * step) > misfit(theta) and size > 1e-6:
            size *= 0.5
        theta = theta + size * step
        if np.abs(size * step).max() < 1e-9:
            break
    else:
        return None
    as0_sd, rate_sd = (math.sqrt(v) for v in np.diag(np.linalg.inv(precision)))
    low, high = theta[1] - Z90 * rate_sd, theta[1] + Z90 * rate_sd
    has_sign = low * high > 0.0
    return {
        "as0_bps": float(theta[0]),
        "as0_low": float(theta[0] - Z90 * as0_sd),
        "as0_high": float(theta[0] + Z90 * as0_sd),
        "rate_per_bps": float(theta[1]),  # 1 / d_char
        "rate_low": float(low),
        "rate_high": float(high),
        "d_char_bps": float(1.0 / theta[1]) if has_sign else None,
        "d_char_low": float(1.0 / high) if has_sign else None,
        "d_char_high": float(1.0 / low) if has_sign else None,
    }
