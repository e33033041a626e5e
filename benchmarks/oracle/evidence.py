"""What the scorecard makes of the truth: is its value found, none where there is none, are alarms rare.

Every window goes through the program's own scorecard (core/calibration/scorecard.py), with its own baseline.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.oracle.scores import FORECAST, OUTCOMES
from touchstone.backtest.oracle import frequencies
from touchstone.core.calibration import evidence, scorecard
from touchstone.core.conventions import FILL_HORIZONS_NS
from touchstone.core.jit import compiled
from touchstone.core.numerics import LOG_10

NOMINAL = 0.05  # P(an e-process of a true hypothesis ever reaches 20)
LOG10_20 = evidence.LOG_20 / LOG_10
LOG10_ALARM = evidence.LOG_ALARM / LOG_10
ONE = np.int64(1)
LOOK_EACH = 10  # windows
MOST_PASSES = 20  # times that the states are gone through to find a verdict


@compiled
def _learn(cards, made_ns, bucket, p, y):
    """Windows in order of time, each against the card's baseline as it stands then; cards: CARD array of length 1."""
    card = cards[0]
    for i in range(len(p)):
        base = scorecard.baseline(card, bucket[i])
        scorecard.learn_binary(card, made_ns[i], bucket[i], p[i], base, y[i], ONE, ONE)


class Card:
    """A scorecard of one forecaster at one horizon."""

    def __init__(self, h: int) -> None:
        self._cards = np.zeros(1, scorecard.CARD)
        self._summary = np.zeros(1, scorecard.SUMMARY)[0]
        scorecard.reset(self._cards[0], scorecard.BINARY, np.int64(FILL_HORIZONS_NS[h]))

    def learn(self, made_ns: Any, bucket: Any, p: Any, y: Any) -> None:
        """Windows: times, depth buckets, forecasts and outcomes."""
        whole = (np.ascontiguousarray(made_ns, np.int64), np.ascontiguousarray(bucket, np.int64))
        _learn(self._cards, *whole, np.ascontiguousarray(p, np.float64), np.ascontiguousarray(y, np.int64))

    def summary(self) -> Any:
        """SUMMARY as of now."""
        scorecard.summary(self._cards[0], self._summary)
        return self._summary


@dataclass(frozen=True)
class Discovery:
    """How fast and how surely a verdict comes, over repeats with outcomes drawn anew."""

    repeats: int
    found: int  # repeats that came to ADDS VALUE
    windows: tuple[float, float, float] | None  # until then: median, 5 % and 95 % quantile; None if less than half did
    shuffled_found: int  # the same with each outcome given to another state
    shuffled_windows: int  # windows of a shuffled repeat


def discovery(truth: Any, h: int, *, repeats: int, seed: int = 1) -> Discovery:
    """The forecaster that states the true probability, at horizon index h; usable TRUTH rows.

    One window per state; where all are used up they come again with new outcomes, at most 20 times.
    """
    stated, rate = stated_probability(truth, h), frequencies(truth, OUTCOMES)[:, h]
    rng = np.random.default_rng(seed)
    found = [_windows_until(truth, stated, rate, h, rng, MOST_PASSES) for _ in range(repeats)]
    done = sorted(float(n) for n in found if n is not None)
    passes = int(np.ceil(max(done) / len(truth))) if done else MOST_PASSES
    shuffled = [_windows_until(truth, stated, rng.permutation(rate), h, rng, passes) for _ in range(repeats)]
    windows = None
    if 2 * len(done) > repeats:
        all_of_them = done + [np.inf] * (repeats - len(done))
        low, middle, high = np.percentile(all_of_them, (5, 50, 95), method="nearest")
        windows = (float(middle), float(low), float(high))
    n_shuffled = sum(n is not None for n in shuffled)
    return Discovery(repeats, len(done), windows, n_shuffled, passes * len(truth))


def stated_probability(truth: Any, h: int, halves: slice = slice(FORECAST, FORECAST + 1)) -> Any:
    """The frequency in the forecast half (or all), kept inside (0, 1) as the baseline is: (k + 1/2) / (n + 1)."""
    return (truth["filled"][:, halves, h].sum(axis=1) + 0.5) / (truth["n"][:, halves].sum(axis=1) + 1.0)


def _windows_until(truth: Any, p: Any, rate: Any, h: int, rng: Any, passes: int) -> int | None:
    """Windows until the verdict is ADDS VALUE, looked at after each 10; None if it never is."""
    card = Card(h)
    gap_ns = 2 * max(FILL_HORIZONS_NS)
    span_ns = int(truth["made_ns"].max() - truth["made_ns"].min()) + gap_ns
    n = 0
    for turn in range(passes):
        outcomes = rng.random(len(truth)) < rate
        for first in range(0, len(truth), LOOK_EACH):
            some = slice(first, first + LOOK_EACH)
            card.learn(truth["made_ns"][some] + turn * span_ns, truth["bucket"][some], p[some], outcomes[some])
            n += len(p[some])
            if int(card.summary().verdict) == scorecard.ADDS_VALUE:
                return n
    return None


@dataclass(frozen=True)
class Alarms:
    """How often the watches of the scorecard went off over sessions of one forecaster."""

    sessions: int
    windows: int  # of all sessions
    miscalibrated: int  # sessions whose e-process against calibration ever reached 20
    miscalibrated_cusum: int  # ... whose e-CUSUM of the same ever reached 10^4
    degraded: int  # ... whose degradation alarm (e-CUSUM of "worse than the baseline") went off

    @property
    def most(self) -> float:
        """The share of sessions that chance allows a valid e-process to exceed in 5 % of such studies."""
        return NOMINAL + 1.645 * float(np.sqrt(NOMINAL * (1.0 - NOMINAL) / self.sessions))

    @property
    def holds(self) -> bool:
        """Whether the e-process against calibration kept its promise, within Monte Carlo error."""
        return self.miscalibrated <= self.most * self.sessions


def alarms(sessions: list[Any], forecasts: list[Any], outcomes: list[Any], h: int) -> Alarms:
    """Windows of sessions (TRUTH rows in order of time), each with its forecasts and outcomes, looked at after each."""
    counts = np.zeros(3, np.int64)
    for truth, p, y in zip(sessions, forecasts, outcomes, strict=True):
        card = Card(h)
        worst = np.zeros(3)
        for n in range(len(truth)):
            one = slice(n, n + 1)
            card.learn(truth["made_ns"][one], truth["bucket"][one], p[one], y[one])
            now = card.summary()
            seen = (float(now.e_calibrated) >= LOG10_20, float(now.alarm_calibrated) >= LOG10_ALARM, int(now.degraded))
            worst = np.maximum(worst, seen)
        counts += worst.astype(np.int64)
    return Alarms(len(sessions), sum(len(rows) for rows in sessions), *(int(n) for n in counts))


def real_outcomes(truth: Any, h: int) -> Any:
    """Whether each order was filled in time in the future that came."""
    return (truth["real_ns"] >= 0) & (truth["real_ns"] <= FILL_HORIZONS_NS[h])


@dataclass(frozen=True)
class Check:
    """Whether the frequencies are what they claim: orders filled in the real futures against their sum."""

    expected: float  # share
    filled: float
    z: float  # of the difference, in standard errors


def check(truth: Any, h: int) -> Check:
    """Of TRUTH rows whose order came to rest in the real future, windows that do not overlap; their differences from
    the frequencies are uncorrelated, and each frequency has its counting noise."""
    p, n = frequencies(truth)[:, h], truth["n"].sum(axis=1)
    filled = real_outcomes(truth, h)
    variance = (p * (1.0 - p) * (1.0 + 1.0 / n)).sum()
    return Check(float(p.mean()), float(filled.mean()), float((filled.sum() - p.sum()) / np.sqrt(variance)))


def drawn_outcomes(truth: Any, h: int, rng: Any) -> Any:
    """Outcomes of futures drawn independently, state by state: the same probabilities without the dependence."""
    return rng.random(len(truth)) < frequencies(truth)[:, h]


def rates_of_others(sessions: list[Any], h: int) -> list[Any]:
    """For each session the rate of each order's depth bucket over all the other sessions, (events + 1/2) / (n + 1)."""
    stated = []
    for number, truth in enumerate(sessions):
        others = np.concatenate([rows for at, rows in enumerate(sessions) if at != number])
        filled = real_outcomes(others, h)
        rates = {}
        for bucket in np.unique(truth["bucket"]):
            of_bucket = filled[others["bucket"] == bucket]
            rates[int(bucket)] = (of_bucket.sum() + 0.5) / (len(of_bucket) + 1.0)
        stated.append(np.array([rates[int(b)] for b in truth["bucket"]]))
    return stated
