"""Bootstrap intervals: coverage, agreement with the scorecard's cells, and honesty under few blocks."""

import numpy as np
import pytest

from touchstone.core.calibration import reliability
from touchstone.insight import intervals


def test_few_blocks_have_no_interval() -> None:
    ones = np.ones(29)
    assert intervals.skill_interval(ones, ones) is None
    assert intervals.gain_interval(np.ones(29, np.int64), ones, ones) is None
    p, y = np.full(29, 0.5), np.arange(29) % 2
    assert intervals.ratio_interval(p, y, np.zeros(29, np.int64), np.arange(29)) is None


def test_unequal_lengths_are_named() -> None:
    with pytest.raises(ValueError, match=r"'model': 30, 'baseline': 31"):
        intervals.skill_interval(np.ones(30), np.ones(31))


def test_a_baseline_without_loss_has_no_skill_interval() -> None:
    assert intervals.skill_interval(np.ones(40), np.zeros(40)) is None


def test_same_seed_same_interval() -> None:
    rng = np.random.default_rng(0)
    model, baseline = rng.random(50), rng.random(50)
    assert intervals.skill_interval(model, baseline) == intervals.skill_interval(model, baseline)
    assert intervals.skill_interval(model, baseline) != intervals.skill_interval(model, baseline, seed=1)


def test_coverage_with_dependent_outcomes() -> None:
    """Outcomes of a block share a shock: the interval of the mean covers in about 90 % of 200 runs."""
    rng = np.random.default_rng(1)
    hits = skill_hits = 0
    for _ in range(200):
        counts = rng.integers(1, 9, 80)
        gain = np.array([n * rng.normal(0.2, 0.5) + rng.normal(0.0, 0.3) * np.sqrt(n) for n in counts])
        baseline = counts * 1.0
        got = intervals.gain_interval(counts, baseline - gain, baseline, draws=500)
        assert got is not None
        hits += got.low <= 0.2 <= got.high
        got = intervals.skill_interval(baseline - gain, baseline, draws=500)
        assert got is not None
        skill_hits += got.low <= 0.2 <= got.high
    assert 0.82 <= hits / 200 <= 0.96
    assert 0.82 <= skill_hits / 200 <= 0.96


def test_point_estimate_is_that_of_the_scorecard() -> None:
    rng = np.random.default_rng(2)
    p, bucket = rng.beta(2, 8, 1500), rng.integers(0, 3, 1500)
    y = (rng.random(1500) < p).astype(np.int64)
    sketch = np.zeros(1, reliability.SKETCH)[0]
    reliability.reset(sketch)
    for i in range(len(p)):
        reliability.update(sketch, np.int64(bucket[i]), float(p[i]), y[i])
    _, mcb, dsc, _, _ = reliability.corp(sketch)
    used = np.argwhere(np.array(sketch.n) > 0)
    cells, events = np.array(sketch.n)[tuple(used.T)], np.array(sketch.events)[tuple(used.T)]
    starts = np.flatnonzero(np.diff(used[:, 0], prepend=-1))
    got = intervals._ratio(float(np.sum((p - y) ** 2)), cells.astype(float), events.astype(float), starts)
    assert got == pytest.approx(dsc / mcb, rel=1e-9)
    interval = intervals.ratio_interval(p, y, bucket, np.arange(1500) // 10, draws=200)
    assert interval is not None
    assert interval.low < interval.high <= intervals.RATIO_CAP
    assert interval.low < dsc / mcb


def test_cells_are_those_of_the_core() -> None:
    assert pytest.approx(reliability.PER_LOGIT) == intervals.CELLS_PER_LOGIT
    assert reliability.LOGIT_LIMIT == intervals.LOGIT_LIMIT


def test_worthless_forecasts_have_a_ratio_below_one() -> None:
    rng = np.random.default_rng(3)
    p, y = rng.beta(2, 8, 2000), (rng.random(2000) < 0.2).astype(np.int64)
    got = intervals.ratio_interval(p, y, np.zeros(2000, np.int64), np.arange(2000) // 10, draws=300)
    assert got is not None
    assert got.high < 1
