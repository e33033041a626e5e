"""CORP decomposition, reliability curve and Murphy's terms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_diagnostics.scoring import SquaredError, decompose
from scipy.stats import chi2_contingency

from touchstone.core.calibration import reliability
from touchstone.core.conventions import N_DEPTH

P = (0.1, 0.1, 0.2, 0.3, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
Y = (0, 0, 1, 0, 1, 0, 1, 1, 1, 1)


def _sketch(p, y, bucket=None):
    sketch = np.zeros(1, reliability.SKETCH)[0]
    reliability.reset(sketch)
    for i in range(len(p)):
        reliability.update(sketch, np.int64(0 if bucket is None else bucket[i]), float(p[i]), np.int64(y[i]))
    return sketch


def _curve(sketch):
    curve = np.zeros(1, reliability.CURVE)[0]
    reliability.reliability_curve(sketch, curve)
    return curve


def _snap(p):
    """Forecasts moved to one point per cell, so that cells lose nothing."""
    return 1.0 / (1.0 + np.exp(-np.round(np.log(p / (1 - p)) / 0.16) * 0.16))


def test_toy() -> None:  # science 4.3
    score, mcb, dsc, unc, n = reliability.corp(_sketch(P, Y))
    assert (score, mcb, dsc, unc) == pytest.approx((0.179, 0.079, 0.140, 0.24), abs=1e-12)
    assert n == 10
    assert 1 - score / unc == pytest.approx(0.2541667, abs=5e-8)


def test_no_data_is_nan() -> None:
    score, mcb, dsc, unc, n = reliability.corp(_sketch((), ()))
    assert n == 0
    assert all(math.isnan(x) for x in (score, mcb, dsc, unc))
    curve = _curve(_sketch((), ()))
    assert curve.n_bins == 0
    assert math.isnan(curve.rel)


def test_equals_model_diagnostics() -> None:
    rng = np.random.default_rng(3)
    for n in (40, 400, 3000):
        p = _snap(rng.beta(2, 8, n))
        y = (rng.random(n) < p**0.8).astype(np.int64)
        want = decompose(y_obs=y.astype(float), y_pred=p, scoring_function=SquaredError())
        got = reliability.corp(_sketch(p, y))
        assert got[0] == pytest.approx(want["score"][0], abs=1e-12)
        assert got[1] == pytest.approx(want["miscalibration"][0], abs=1e-12)
        assert got[2] == pytest.approx(want["discrimination"][0], abs=1e-12)
        assert got[3] == pytest.approx(want["uncertainty"][0], abs=1e-12)


def test_cells_keep_the_score_and_the_difference() -> None:
    rng = np.random.default_rng(4)
    p = rng.beta(2, 8, 3000)
    y = (rng.random(3000) < p).astype(np.int64)
    want = decompose(y_obs=y.astype(float), y_pred=p, scoring_function=SquaredError())
    got = reliability.corp(_sketch(p, y))
    assert got[0] == pytest.approx(want["score"][0], abs=1e-12)  # exact
    assert got[2] - got[1] == pytest.approx(want["discrimination"][0] - want["miscalibration"][0], abs=1e-12)
    assert 0.7 * want["miscalibration"][0] < got[1] <= want["miscalibration"][0]


def test_depth_alone_is_no_discrimination() -> None:
    """Forecasts that know the bucket's rate and nothing else have DSC 0; merged they would look skilful."""
    bucket = np.repeat([0, 1], 100)
    p = np.where(bucket == 0, 0.6, 0.1)
    y = np.concatenate([np.arange(100) % 5 < 3, np.arange(100) % 10 < 1]).astype(np.int64)
    score, mcb, dsc, unc, n = reliability.corp(_sketch(p, y, bucket))
    assert (mcb, dsc) == pytest.approx((0.0, 0.0), abs=1e-14)
    assert (score, unc) == pytest.approx(((0.24 + 0.09) / 2,) * 2, abs=1e-14)
    assert n == 200
    assert reliability.corp(_sketch(p, y))[2] > 0.05


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.0), st.integers(0, 1), st.integers(0, N_DEPTH - 1)), min_size=2, max_size=80
    )
)
@settings(max_examples=80, deadline=None)
def test_identities(rows: list[tuple[float, int, int]]) -> None:
    p, y, bucket = (np.array(column) for column in zip(*rows, strict=True))
    sketch = _sketch(p, y, bucket)
    score, mcb, dsc, unc, n = reliability.corp(sketch)
    assert n == len(rows)
    assert score == pytest.approx(np.mean((p - y) ** 2), abs=1e-12)
    assert score == pytest.approx(mcb - dsc + unc, abs=1e-12)
    assert dsc >= -1e-12
    assert mcb >= -1e-3  # within-cell spread

    curve = _curve(sketch)
    k = slice(0, curve.n_bins)
    counts, mean_p, rate = np.array(curve.n[k]), np.array(curve.p[k]), np.array(curve.rate[k])
    assert 1 <= curve.n_bins <= reliability.CURVE_BINS
    assert counts.sum() == len(rows)
    assert counts.min() >= 2
    assert np.all(np.diff(mean_p) >= -1e-12)
    assert counts @ mean_p == pytest.approx(p.sum(), abs=1e-9)
    assert counts @ rate == pytest.approx(y.sum(), abs=1e-9)
    # Murphy on forecasts rounded to the bin mean, and Ferro-Fricker's identity (science 4.1, 4.2)
    rounded = np.sum(counts * (rate * (mean_p - 1) ** 2 + (1 - rate) * mean_p**2)) / counts.sum()
    assert curve.rel - curve.res + curve.unc == pytest.approx(rounded, abs=1e-12)
    assert curve.rel_debiased - curve.res_debiased + curve.unc_debiased == pytest.approx(rounded, abs=1e-12)


def test_resolution_share_is_pearsons_chi_square() -> None:  # science 4.5
    rng = np.random.default_rng(5)
    p = rng.beta(2, 3, 600)
    y = (rng.random(600) < p).astype(np.int64)
    curve = _curve(_sketch(p, y))
    n, rate = np.array(curve.n[: curve.n_bins]), np.array(curve.rate[: curve.n_bins])
    table = np.stack([n * rate, n * (1 - rate)])
    want = chi2_contingency(table, correction=False).statistic
    assert 600 * curve.res / curve.unc == pytest.approx(want, rel=1e-10)


def test_resolution_share_of_a_perfect_ladder() -> None:  # science 4.5: RES/UNC = .0916, never near 1
    p = np.repeat([0.3, 0.2, 0.1, 0.05, 0.02], 200)
    y = np.concatenate([np.arange(200) < round(200 * r) for r in (0.3, 0.2, 0.1, 0.05, 0.02)]).astype(np.int64)
    _, mcb, dsc, unc, _ = reliability.corp(_sketch(p, y))
    assert dsc / unc == pytest.approx(0.0916, abs=5e-5)
    assert mcb == pytest.approx(0.0, abs=1e-12)


def test_ferro_fricker_removes_the_bias() -> None:
    """A calibrated forecaster has reliability 0; the plain term is biased up, the debiased one is centred."""
    rng = np.random.default_rng(6)
    plain, debiased = [], []
    for _ in range(150):
        p = rng.beta(2, 8, 100)
        curve = _curve(_sketch(p, (rng.random(100) < p).astype(np.int64)))
        plain.append(float(curve.rel))
        debiased.append(float(curve.rel_debiased))
    error = np.std(debiased) / math.sqrt(150)
    assert np.mean(plain) > 10 * error
    assert abs(np.mean(debiased)) < 4 * error


def test_ratio() -> None:
    assert reliability.ratio(0.018283, 0.030469) == pytest.approx(1.667, abs=1e-3)  # science 4.5, EMOS
    assert reliability.ratio(0.001, 0.5) == 10.0
    assert reliability.ratio(0.0, 0.5) == 10.0
    assert reliability.ratio(0.1, 0.0) == 0.0
    assert math.isnan(reliability.ratio(0.0, 0.0))


def test_end_cells() -> None:
    assert reliability.cell_of(0.0) == 0
    assert reliability.cell_of(1.0) == reliability.CELLS - 1
    cells = [int(reliability.cell_of(p)) for p in np.linspace(0.0, 1.0, 2001)]
    assert cells == sorted(cells)
