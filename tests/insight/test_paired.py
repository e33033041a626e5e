"""Paired effects: by hand, against the paired t-test, coverage and power by simulation."""

import numpy as np
import pytest
from scipy import stats

from touchstone.insight import paired

ONES = np.ones(3)


def test_by_hand() -> None:
    """Three pairs. R_A = 6 / 6 = 1, R_B = 12 / 6 = 2. Each left out in turn: R_A 5/4, 4/4, 3/4; R_B 10/4, 8/4, 6/4."""
    s = paired.sums([1, 2, 3], [2, 2, 2], [2, 4, 6], [2, 2, 2])
    effect = paired.over_pairs(s)
    assert (effect.a, effect.b, effect.difference, effect.n) == (1.0, 2.0, 1.0, 3)
    # d without pair i: 5/4, 4/4, 3/4; mean 1; se^2 = 2/3 (1/16 + 0 + 1/16) = 1/12
    assert effect.se == pytest.approx((1 / 12) ** 0.5, rel=1e-12)
    t95, t80 = 2.919985580353725, 1.0606601717798212  # of tables, 2 degrees of freedom
    assert effect.high == pytest.approx(1.0 + t95 * (1 / 12) ** 0.5, rel=1e-9)
    assert effect.minimum_detectable == pytest.approx((t95 + t80) * (1 / 12) ** 0.5, rel=1e-9)


def test_with_equal_denominators_it_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 1, 12), rng.normal(0.5, 2, 12)
    effect = paired.over_pairs(paired.sums(a, np.full(12, 7.0), b, np.full(12, 7.0)))
    expected = stats.ttest_rel(b / 7, a / 7)
    interval = expected.confidence_interval(0.9)
    assert effect.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


@pytest.mark.parametrize("dof", [0.5, 1.0, 2.0, 7.3, 29.0, 500.0])
@pytest.mark.parametrize("probability", [0.8, 0.9, 0.95, 0.999])
def test_quantiles(probability: float, dof: float) -> None:
    assert paired.t_quantile(probability, dof) == pytest.approx(stats.t.ppf(probability, dof), rel=1e-9)


def test_a_pair_without_fills_is_not_a_zero() -> None:
    with_fills = paired.sums([4, 6, 5], [2, 3, 2], [2, 2, 3], [2, 1, 2])
    and_empty = paired.sums([4, 6, 5, 0], [2, 3, 2, 0], [2, 2, 3, 0], [2, 1, 2, 0])
    assert paired.over_pairs(and_empty) == paired.over_pairs(with_fills)
    assert paired.over_pairs(and_empty).a == 15 / 7


def test_a_run_weighs_as_many_fills_as_it_has() -> None:
    effect = paired.over_pairs(paired.sums([100, 0], [100, 1], [200, 0], [100, 1]))
    assert effect.difference == pytest.approx(100 / 101)


def test_unequal_pairs_are_worth_fewer_equal_ones() -> None:
    """Fills 3, 1, 1, 1 under A and B: worth 36 / 12 = 3 pairs, so 2 degrees of freedom."""
    effect = paired.over_pairs(paired.sums([3, 2, 1, 0], [3, 1, 1, 1], [6, 2, 5, 4], [3, 1, 1, 1]))
    assert effect.se is not None
    assert effect.high == pytest.approx(effect.difference + 2.919985580353725 * effect.se, rel=1e-9)
    assert paired.over_pairs(paired.sums([1, 2, 3], [99, 1, 1], [1, 1, 1], [99, 1, 1])).low is None


@pytest.mark.parametrize(
    ("a_of", "b_of", "a", "b"),
    [
        ([0, 0, 0], [1, 1, 1], None, 1.0),  # A never fills
        ([0, 0, 0], [0, 0, 0], None, None),
        ([3, 0, 0], [1, 1, 1], 1.0, 1.0),  # all that is known of A is one run
    ],
)
def test_no_data_has_no_interval(a_of: list[float], b_of: list[float], a: float | None, b: float | None) -> None:
    for over in (paired.over_pairs, paired.over_blocks):
        effect = over(paired.sums(a_of, a_of, b_of, b_of))
        assert (effect.a, effect.b) == (a, b)
        assert (effect.low, effect.high, effect.p, effect.minimum_detectable) == (None,) * 4


def test_one_pair_has_no_interval() -> None:
    effect = paired.over_pairs(paired.sums([1], [1], [2], [1]))
    assert (effect.difference, effect.n, effect.low) == (1.0, 1, None)


def test_the_same_run_twice_differs_by_nothing() -> None:
    rng = np.random.default_rng(0)
    x, n = rng.normal(0, 1, 40), rng.integers(0, 5, 40)
    for over in (paired.over_pairs, paired.over_blocks):
        effect = over(paired.sums(x * n, n, x * n, n))
        assert (effect.difference, effect.se, effect.low, effect.high) == (0.0, 0.0, 0.0, 0.0)


def test_few_blocks_have_no_interval() -> None:
    def of(blocks: int, with_data: int) -> paired.Effect:
        fills = (np.arange(blocks) < with_data).astype(float)
        return paired.over_blocks(paired.sums(fills * np.arange(blocks), fills, fills, fills))

    assert of(29, 29).low is None
    assert of(30, 30).low is not None
    assert of(60, 9).low is None
    assert of(60, 20).low is not None


def test_unequal_lengths_are_named() -> None:
    with pytest.raises(ValueError, match="one number of each sum"):
        paired.sums([1, 2], [1, 2], [1], [1])


def session(rng: np.random.Generator, pairs: int, effect: float, alike: float) -> paired.Sums:
    """Made-up runs: fills Poisson (a third of the runs are quiet), edge of a fill with a shock shared by A and B."""
    shock = rng.normal(0, 1, pairs)
    made = []
    for shift in (0.0, effect):
        fills = rng.poisson(np.where(rng.random(pairs) < 0.3, 2.0, 20.0))
        own = rng.normal(0, 1, pairs)
        mean = shift + alike * shock + (1.0 - alike**2) ** 0.5 * own
        made += [fills * mean + rng.normal(0, 1, pairs) * np.sqrt(fills) * 5.0, fills]
    return paired.sums(*made)


@pytest.mark.parametrize("alike", [0.0, 0.9])
@pytest.mark.parametrize("pairs", [8, 20])
def test_coverage_over_pairs(pairs: int, alike: float) -> None:
    """The interval holds the true effect in at least nearly 90 % of 2,000 comparisons (Monte-Carlo sd 0.7 %)."""
    rng = np.random.default_rng(pairs)
    hits = 0
    for _ in range(2000):
        effect = paired.over_pairs(session(rng, pairs, 0.7, alike))
        assert effect.low is not None
        assert effect.high is not None
        hits += effect.low <= 0.7 <= effect.high
    assert 0.88 <= hits / 2000 <= 0.94


def test_pairing_narrows_the_interval() -> None:
    rng = np.random.default_rng(5)
    alone, alike = (np.median([paired.over_pairs(session(rng, 20, 0.0, c)).se for _ in range(200)]) for c in (0.0, 1.0))
    assert alike < 0.85 * alone


def test_coverage_over_blocks_with_dependent_fills() -> None:
    """Fills of a block share a shock; 1,000 pairs of 40 blocks, Monte-Carlo sd 0.9 %."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(1000):
        effect = paired.over_blocks(session(rng, 40, 0.7, 0.5), draws=400)
        assert effect.low is not None
        assert effect.high is not None
        hits += effect.low <= 0.7 <= effect.high
    assert 0.87 <= hits / 1000 <= 0.94


def test_blocks_that_go_on_in_the_next_are_noticed() -> None:
    rng = np.random.default_rng(2)
    ones, slow = np.ones(60), np.zeros(60)
    alike = apart = 0
    for _ in range(200):
        for i in range(1, 60):
            slow[i] = 0.8 * slow[i - 1] + rng.normal()
        alike += paired.neighbours_alike(paired.sums(np.zeros(60), ones, slow, ones))
        apart += paired.neighbours_alike(paired.sums(rng.normal(0, 1, 60), ones, rng.normal(0, 1, 60), ones))
    assert alike > 190
    assert apart < 12  # one-sided 2.5 % of 200 is 5
    same = paired.sums(slow, ones, slow, ones)
    assert not paired.neighbours_alike(same)


def test_an_effect_of_the_minimum_detectable_size_is_found_in_eight_of_ten() -> None:
    rng = np.random.default_rng(7)
    sizes = [paired.over_pairs(paired.sums(*_even(rng, 0.0))).minimum_detectable for _ in range(500)]
    size = float(np.mean([s * s for s in sizes if s is not None])) ** 0.5  # se^2 is unbiased, se is not
    found = [paired.over_pairs(paired.sums(*_even(rng, size))).low for _ in range(4000)]
    assert 0.78 <= np.mean([low is not None and low > 0.0 for low in found]) <= 0.84


def _even(rng: np.random.Generator, effect: float) -> tuple[np.ndarray, ...]:
    ones = np.ones(10)
    return rng.normal(0, 1, 10), ones, rng.normal(effect, 1, 10), ones
