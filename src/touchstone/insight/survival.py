"""Time to fill with censoring, for reports: Kaplan-Meier curve and censoring-weighted Brier score.

Event = fill; censored = cancelled, replaced or still alive. Both assume that censoring says nothing about the fill. A
maker cancels because the price moved, so for verdicts the shadow orders of the ledger decide; these curves describe.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Z_95 = 1.959963984540054


class SurvivalCurve(NamedTuple):
    """Step function: P(not yet filled) just after each distinct time."""

    time: Floats  # seconds, increasing
    survival: Floats
    lower: Floats  # 95 % interval
    upper: Floats
    at_risk: NDArray[np.int64]

    def at(self, t: float) -> float:
        """P(time to fill > t), t in seconds; constant after the last time."""
        i = int(np.searchsorted(self.time, t, side="right"))
        return 1.0 if i == 0 else float(self.survival[i - 1])

    def before(self, t: float) -> float:
        """P(time to fill >= t): the left limit."""
        i = int(np.searchsorted(self.time, t, side="left"))
        return 1.0 if i == 0 else float(self.survival[i - 1])


class CensoredBrier(NamedTuple):
    """Brier score at one horizon, from censored outcomes."""

    score: float
    n_eff: float  # (sum w)^2 / sum w^2 over the weighted outcomes
    n_known: int  # outcomes known at the horizon
    n_capped: int  # weights that the cap cut


def _checked(times: ArrayLike, filled: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    t = np.asarray(times, dtype=np.float64)
    e = np.asarray(filled, dtype=bool)
    if t.ndim != 1 or t.shape != e.shape:
        raise ValueError(f"times and filled must be two lists of one length; got shapes {t.shape} and {e.shape}")
    if t.size == 0:
        raise ValueError("times is empty: there is no curve without orders; check for that first")
    if not np.all(np.isfinite(t)) or t.min() < 0.0:
        raise ValueError("times must be finite seconds >= 0; drop orders whose end is unknown")
    return t, e


def kaplan_meier(times: ArrayLike, filled: ArrayLike) -> SurvivalCurve:
    """Kaplan-Meier curve of the time to fill.

    times (n,) seconds from placement to fill or censoring; filled (n,) whether it was a fill. At equal times fills come
    first. 95 % interval: exponential Greenwood (Kalbfleisch and Prentice 2002, log(-log S)), NaN where S is 1 or 0.
    """
    t, e = _checked(times, filled)
    distinct, place = np.unique(t, return_inverse=True)
    fills = np.bincount(place, weights=e, minlength=distinct.size)
    left = np.bincount(place, minlength=distinct.size)
    at_risk = t.size - np.concatenate(([0], np.cumsum(left)[:-1]))
    survival = np.cumprod(1.0 - fills / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(fills / (at_risk * (at_risk - fills)))
        log_survival = np.log(survival)
        shift = Z_95 * np.sqrt(greenwood) / -log_survival
        inner = np.log(-log_survival)
        lower = np.exp(-np.exp(inner + shift))
        upper = np.exp(-np.exp(inner - shift))
    open_interval = (survival > 0.0) & (survival < 1.0)
    return SurvivalCurve(
        distinct,
        survival,
        np.where(open_interval, lower, np.nan),
        np.where(open_interval, upper, np.nan),
        at_risk.astype(np.int64),
    )


def censored_brier(
    times: ArrayLike, filled: ArrayLike, alive_probability: ArrayLike, horizon: float, weight_cap: float = np.inf
) -> CensoredBrier:
    """Brier score of "not filled by `horizon`" with inverse probability of censoring weights (Graf et al. 1999).

    times (n,) seconds and filled (n,) as above; alive_probability (n,) forecast P(time to fill > horizon). Orders
    censored before the horizon count through the weights of the others: 1 / G(T-) if filled, 1 / G(horizon) if alive,
    G the Kaplan-Meier curve of censoring. `weight_cap` cuts weights (biased, but less noisy); the score divides by n.
    """
    t, e = _checked(times, filled)
    p = np.asarray(alive_probability, dtype=np.float64)
    if p.shape != t.shape:
        raise ValueError(f"alive_probability must have one value per order; got shape {p.shape} for {t.size} orders")
    censoring = _censoring_curve(t, e)
    weight = np.zeros(t.size)
    was_filled = e & (t <= horizon)
    is_alive = t > horizon
    weight[was_filled] = [_inverse(censoring.before(x)) for x in t[was_filled]]
    weight[is_alive] = _inverse(censoring.at(horizon))
    n_capped = int(np.sum(weight > weight_cap))
    weight = np.minimum(weight, weight_cap)
    error = np.where(is_alive, 1.0 - p, p)
    total2 = float(np.sum(weight * weight))
    n_eff = float(np.sum(weight)) ** 2 / total2 if total2 > 0.0 else 0.0
    score = float(np.sum(weight * error * error)) / t.size if n_eff > 0.0 else float("nan")
    return CensoredBrier(score, n_eff, int(np.sum(weight > 0.0)), n_capped)


def _censoring_curve(t: Floats, e: NDArray[np.bool_]) -> SurvivalCurve:
    """Kaplan-Meier of the time to censoring: at equal times fills leave the risk set first."""
    distinct, place = np.unique(t, return_inverse=True)
    fills = np.bincount(place, weights=e, minlength=distinct.size)
    censored = np.bincount(place, weights=~e, minlength=distinct.size)
    gone = np.concatenate(([0.0], np.cumsum(fills + censored)[:-1]))
    at_risk = t.size - gone - fills
    drop = np.zeros(distinct.size)
    np.divide(censored, at_risk, out=drop, where=at_risk > 0)
    unknown = np.full(distinct.size, np.nan)
    curve = np.cumprod(1.0 - drop).astype(np.float64)
    return SurvivalCurve(distinct, curve, unknown, unknown, at_risk.astype(np.int64))


def _inverse(probability: float) -> float:
    return 1.0 / probability if probability > 0.0 else 0.0
