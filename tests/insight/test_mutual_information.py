"""Lead-lag information in nats: reference values, bias and correction, the lag family and its null, the decay."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score

from touchstone.insight import mutual_information as mi


def pair(rho: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n))
    return x, rho * x + math.sqrt(1 - rho * rho) * noise


@pytest.mark.parametrize(("rho", "reference"), [(0.0, 0.0007), (0.3, 0.0442), (0.6, 0.1987), (0.9, 0.6978)])
def test_reference_values(rho: float, reference: float) -> None:
    """Mean over 40 seeds of n = 1000, 8 x 8 quantile cells (science sheet, section 8), within 4 standard errors."""
    made = [mi.miller_madow(*(mi.cells(v) for v in pair(rho, 1000, seed))) for seed in range(40)]
    assert abs(np.mean(made) - reference) < 4 * math.sqrt(2) * np.std(made) / math.sqrt(40)


def test_the_correction_takes_off_the_plug_in_bias() -> None:
    """Plug-in under independence: (8 - 1)^2 / (2 n) = 0.0245 nats at n = 1000; by an independent library."""
    plug_in, corrected = [], []
    for seed in range(60):
        x, y = (mi.cells(v) for v in pair(0.0, 1000, seed))
        plug_in.append(mutual_info_score(x, y))
        corrected.append(mi.miller_madow(x, y))
    assert np.mean(plug_in) == pytest.approx(0.0245, abs=0.002)
    assert abs(np.mean(corrected)) < 0.002
    full = plug_in[-1] - corrected[-1]
    assert full == pytest.approx((64 - 1 - 7 - 7) / 2000, abs=0.001)  # all cells occupied, or nearly


def test_ties_share_a_cell() -> None:
    values = np.array([0.0] * 80 + [1.0] * 20)
    assert len(np.unique(mi.cells(values))) == 2
    assert mi.miller_madow(mi.cells(values), mi.cells(values)) == pytest.approx(0.5004, abs=0.006)  # its entropy
    still = np.zeros(100, np.int64)
    assert mi.miller_madow(still, still) == 0.0


def walks(seconds: int, lag_samples: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """ln mids each 0.1 s: ours is the leader `lag_samples` ago, with an error of its own."""
    rng = np.random.default_rng(seed)
    leader = np.cumsum(rng.normal(0, 1e-4, seconds * mi.PER_S + 100))
    ours = np.roll(leader, lag_samples) + rng.normal(0, noise * 1e-4, len(leader))
    return leader[50:-50], ours[50:-50]


@pytest.mark.parametrize("lag_samples", [-4, 0, 3, 5])
def test_the_lag_of_most_information(lag_samples: int) -> None:
    found = mi.information(*walks(3000, lag_samples, 2.0, 7), shifts=40)
    assert found is not None
    assert found.lag_s == pytest.approx(lag_samples / mi.PER_S)  # one sign: positive = the leader leads
    assert found.p < 0.03
    assert found.null95 < found.low < found.nats < found.high
    assert found.n >= 2990


def test_no_information_is_not_significant() -> None:
    """Strangers: the p-value over the whole family is uniform, though the best lag of each is positive."""
    values = []
    for seed in range(20):
        leader, _ = walks(700, 0, 0.0, seed)
        ours, _ = walks(700, 0, 0.0, 1000 + seed)
        found = mi.information(leader, ours, shifts=39)
        assert found is not None
        values.append(found.p)
    assert sum(p <= 0.1 for p in values) <= 6  # binomial(20, 0.1): 0.9976
    assert np.mean(values) > 0.3


def test_too_little() -> None:
    leader, ours = walks(300, 2, 1.0, 1)
    assert mi.information(leader, ours) is None
    assert mi.information(np.full(10_000, np.nan), np.full(10_000, np.nan)) is None
    assert mi.of_day(leader, ours) is None


def test_gaps_are_left_out() -> None:
    leader, ours = walks(2000, 3, 2.0, 3)
    ours[5_000:9_000] = np.nan
    found = mi.information(leader, ours, shifts=20)
    assert found is not None
    assert 1580 < found.n < 1600
    assert found.lag_s == pytest.approx(0.3)


def test_decay_per_day() -> None:
    days = np.arange(8.0)
    nats = 0.3 - 0.01 * days + np.random.default_rng(2).normal(0, 0.004, 8)
    found, fit = mi.decay(days, nats), stats.linregress(days, nats)
    assert found is not None
    assert found.per_day == pytest.approx(fit.slope)
    assert found.high - found.per_day == pytest.approx(stats.t.ppf(0.95, 6) * fit.stderr)
    assert found.low < -0.01 < found.high
    assert mi.decay(days[:4], nats[:4]) is None
