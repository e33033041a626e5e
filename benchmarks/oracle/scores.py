"""How good the shipped fill model is beside the truth: calibration, and the share of the attainable skill."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from touchstone.backtest.oracle import frequencies
from touchstone.core.conventions import N_DEPTH

FORECAST, OUTCOMES = 0, 1  # halves of the futures: what the truth is stated from, what forecasts are scored on
BOOTSTRAPS = 2_000
INTERVAL = (5.0, 95.0)


@dataclass(frozen=True)
class Calibration:
    """The model against the truth over some states at one horizon; probabilities."""

    n: int
    truth: float  # mean true probability
    model: float  # mean forecast
    bias: float  # mean of forecast - truth
    mean_error: float  # mean |forecast - truth|; the counting noise of the truth is in it
    rms: float  # root of the mean square of the same, counting noise taken out
    truth_spread: float  # standard deviation over the states, counting noise taken out
    model_spread: float
    correlation: float  # of forecast and truth; NaN where one of them does not vary


@dataclass(frozen=True)
class Skill:
    """Skill scores 1 - Brier / Brier of the baseline, exact over all outcome futures; intervals by states."""

    n: int
    baseline: float  # Brier scores
    model: float
    truth: float
    model_skill: float
    model_interval: tuple[float, float]
    truth_skill: float
    truth_interval: tuple[float, float]
    share: float  # of the attainable skill that the model gets
    share_interval: tuple[float, float]
    depth_skill: float  # of the true rate of each depth bucket, known exactly


def usable(truth: Any) -> Any:
    """The states whose order came to rest in at least one future of each half: only those have a probability."""
    return truth[(truth["n"] > 0).all(axis=1)]


def calibration(truth: Any, h: int) -> Calibration:
    """Of usable TRUTH rows at horizon index h; at least one row with two futures."""
    true_p, p = frequencies(truth)[:, h], truth["p"][:, h]
    n = truth["n"].sum(axis=1)
    error = p - true_p
    noise = true_p * (1.0 - true_p) / np.maximum(n - 1, 1)  # unbiased variance of a frequency
    true_sd, model_sd = float(np.sqrt(max(true_p.var() - noise.mean(), 0.0))), float(p.std())
    covariance = float(((p - p.mean()) * (true_p - true_p.mean())).mean())
    return Calibration(
        n=len(truth),
        truth=float(true_p.mean()),
        model=float(p.mean()),
        bias=float(error.mean()),
        mean_error=float(np.abs(error).mean()),
        rms=float(np.sqrt(max((error * error - noise).mean(), 0.0))),
        truth_spread=true_sd,
        model_spread=model_sd,
        correlation=covariance / (true_sd * model_sd) if true_sd > 0.0 and model_sd > 0.0 else float("nan"),
    )


def by_bucket(truth: Any, h: int) -> dict[int, Calibration]:
    """`calibration` of each depth bucket that has states."""
    found = {}
    for bucket in range(N_DEPTH):
        of_bucket = truth[truth["bucket"] == bucket]
        if len(of_bucket):
            found[bucket] = calibration(of_bucket, h)
    return found


def brier(forecast: Any, rate: Any) -> Any:
    """Mean Brier score of a forecast over outcomes of which the share `rate` are 1, state by state."""
    return rate * (1.0 - forecast) ** 2 + (1.0 - rate) * forecast**2


def skill(truth: Any, h: int, *, seed: int = 1) -> Skill:
    """Of usable TRUTH rows at horizon index h. What is scored on one half of the futures was stated from the other."""
    stated, rate = frequencies(truth, FORECAST)[:, h], frequencies(truth, OUTCOMES)[:, h]
    bucket = truth["bucket"]
    of_bucket = np.array([stated[bucket == b].mean() for b in bucket])
    losses = np.stack([brier(f, rate) for f in (truth["baseline"][:, h], truth["p"][:, h], stated, of_bucket)])
    base, model, best, depth = losses.mean(axis=1)
    rng = np.random.default_rng(seed)
    drawn = np.stack([losses[:, rng.integers(0, len(truth), len(truth))].mean(axis=1) for _ in range(BOOTSTRAPS)])
    model_skills, truth_skills = 1.0 - drawn[:, 1] / drawn[:, 0], 1.0 - drawn[:, 2] / drawn[:, 0]
    return Skill(
        n=len(truth),
        baseline=float(base),
        model=float(model),
        truth=float(best),
        model_skill=float(1.0 - model / base),
        model_interval=_interval(model_skills),
        truth_skill=float(1.0 - best / base),
        truth_interval=_interval(truth_skills),
        share=float((base - model) / (base - best)),
        share_interval=_interval(model_skills / truth_skills),
        depth_skill=float(1.0 - depth / base),
    )


def _interval(values: Any) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)
