"""Entropy-regularised sizes: reference vectors, brute force and convex optimisation as oracles, properties."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from touchstone.core.quoting import sizing

V = (1.2, 1.0, 0.6, 0.2, -0.3)
FINE = 1_000_000  # size units per unit of the reference vectors


def run(
    values, total: int, temperature: float, lower: int = 0, upper: int | None = None, outside: float = sizing.NO_OUTSIDE
):
    """(sizes, scratch) of an allocation over `values`."""
    scratch = np.zeros(1, sizing.SCRATCH)[0]
    sizes = np.full(len(values), -7, "i8")
    placed = sizing.allocate_against(
        np.array(values, "f8"),
        np.int64(len(values)),
        np.int64(total),
        np.float64(temperature),
        np.float64(outside),
        np.int64(lower),
        np.int64(total if upper is None else upper),
        sizes,
        scratch,
    )
    assert placed == sizes.sum()
    assert placed + scratch.unquoted == max(total, 0)
    return sizes, scratch


def quoted(values, total: int, temperature: float, lower: int = 0, upper: int | None = None):
    return run(values, total, temperature, lower, upper, outside=0.0)


def objective(sizes, values, temperature: float) -> float:
    s = np.asarray(sizes, "f8")
    s_log_s = s * np.log(np.where(s > 0, s, 1.0))
    return float(s @ np.asarray(values) - temperature * s_log_s.sum())


# --- reference vectors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("temperature", "want"),
    [
        (0.1, (87.8843, 11.8938, 0.2178, 0.0040, 0.0)),
        (0.5, (46.3685, 31.0817, 13.9659, 6.2753, 2.3086)),
        (2.0, (26.8489, 24.2939, 19.8901, 16.2847, 12.6825)),
    ],
)
def test_without_bounds_it_is_softmax(temperature: float, want: tuple[float, ...]) -> None:
    sizes, _ = run(V, 100 * FINE, temperature)
    assert sizes / FINE == pytest.approx(want, abs=6e-5)
    assert sizes.sum() == 100 * FINE


def test_diversity() -> None:
    n = np.int64(5)
    assert sizing.diversity(run(V, 100 * FINE, 0.1)[0], n)[0] == pytest.approx(1.463, abs=6e-4)
    assert sizing.diversity(run(V, 100 * FINE, 0.5)[0], n) == pytest.approx((3.5086, 2.9799), abs=6e-5)
    assert sizing.diversity(np.zeros(5, "i8"), n) == (0.0, 0.0)
    assert sizing.diversity(np.full(5, 3, "i8"), n) == pytest.approx((5.0, 5.0))


def test_cap() -> None:
    sizes, _ = run(V, 100 * FINE, 0.5, upper=35 * FINE)
    assert sizes / FINE == pytest.approx((35, 35, 18.5801, 8.3486, 3.0713), abs=6e-5)


def test_cap_and_minimum() -> None:
    sizes, scratch = run(V, 100, 0.5, lower=10, upper=35)
    assert sizes.tolist() == [35, 35, 20, 10, 0]
    assert scratch.objective == pytest.approx(-74.90743, abs=6e-6)
    assert scratch.n_support == 4


@pytest.mark.parametrize(("k", "want"), [(2, -math.inf), (3, -80.45514), (4, -74.90743), (5, -76.54458)])
def test_objective_of_each_support(k: int, want: float) -> None:
    _, scratch = run(V, 100, 0.5, lower=10, upper=35)  # leaves the levels in the scratch, best first
    found = sizing._solve_support(scratch, np.int64(1), np.int64(k + 1), np.float64(0.5), np.float64(100.0))
    assert found == want or found == pytest.approx(want, abs=6e-6)


def test_temperature_of_gumbel_noise() -> None:
    assert sizing.temperature_from_sd(1.0) == pytest.approx(math.sqrt(6) / math.pi, rel=1e-15)
    rng = np.random.default_rng(5)
    assert rng.gumbel(0.0, sizing.temperature_from_sd(2.5), 200_000).std() == pytest.approx(2.5, rel=0.02)


# --- the outside option ---------------------------------------------------------------------------------------------


def test_no_quote_takes_part_in_the_softmax() -> None:
    sizes, scratch = quoted(V, 100 * FINE, 0.5)
    weights = np.exp(np.array([*V[:4], 0.0]) / 0.5)
    want = 100 * weights / weights.sum()
    assert sizes[:4] / FINE == pytest.approx(want[:4], abs=1e-5)
    assert scratch.unquoted / FINE == pytest.approx(want[4], abs=1e-5)


def test_levels_that_lose_get_nothing() -> None:
    for temperature in (0.0, 0.1, 5.0, 1e6):
        sizes, _ = quoted((1.0, 0.0, -1e-12, -3.0), 1000, temperature)
        assert (sizes[1:] == 0).all()
        assert sizes[0] > 0
    sizes, scratch = quoted((-1.0, -0.1, 0.0), 1000, 0.5)
    assert (sizes == 0).all()
    assert scratch.unquoted == 1000


def test_uncertainty_leaves_more_unquoted() -> None:
    unquoted = [int(quoted(V, FINE, t)[1].unquoted) for t in (0.0, 0.2, 0.5, 1.0, 3.0, 100.0)]
    assert unquoted == sorted(unquoted)
    assert unquoted[0] == 0
    assert unquoted[-1] == pytest.approx(FINE / 5, rel=0.02)  # four levels and no quote, all alike


def test_one_order_is_quoted_exactly_where_its_value_is_positive() -> None:
    assert quoted((0.01,), 100, 1.0)[0].tolist() == [50]  # would rather leave half of it
    for lower in (60, 100):  # but may only take the minimum or nothing
        assert quoted((0.01,), 100, 1.0, lower)[0].tolist() == [lower]
        assert quoted((-0.01,), 100, 1.0, lower)[0].tolist() == [0]
    assert quoted((0.5, 0.4), 100, 1.0, 60)[0].tolist() == [62, 0]  # 100 / (1 + exp(-0.5)): the second does not fit


def test_short_form_has_an_outside_option_of_zero() -> None:
    scratch = np.zeros(1, sizing.SCRATCH)[0]
    sizes = np.zeros(5, "i8")
    args = (np.int64(5), np.int64(1000), np.float64(0.5), np.int64(10), np.int64(350))
    placed = sizing.allocate(np.array(V), *args, sizes, scratch)
    assert sizes.tolist() == quoted(V, 1000, 0.5, 10, 350)[0].tolist()
    assert placed == sizes.sum()


# --- extremes -------------------------------------------------------------------------------------------------------


def test_zero_temperature_is_winner_takes_all_then_the_next() -> None:
    assert run(V, 100, 0.0)[0].tolist() == [100, 0, 0, 0, 0]
    assert quoted(V, 100, 0.0, lower=10, upper=35)[0].tolist() == [35, 35, 30, 0, 0]
    assert quoted((0.5, 0.5), 101, 0.0)[0].tolist() == [51, 50]  # equal values share


def test_extreme_values_do_not_overflow() -> None:
    assert quoted((1e6, -1e6, 999.0), 100, 0.001)[0].tolist() == [100, 0, 0]
    assert run((-1e6, -1e6 - 1.0), 100, 1e-3)[0].tolist() == [100, 0]
    assert quoted((1e6, 1e5, 1e4), 90, 1e-6, upper=40)[0].tolist() == [40, 40, 10]


def test_unknown_values_get_nothing_and_are_counted() -> None:
    sizes, scratch = quoted((math.nan, 1.0, math.inf), 100, 0.1)
    assert sizes[[0, 2]].tolist() == [0, 0]
    assert sizes[1] == 100
    assert scratch.n_unknown == 2


def test_more_levels_than_the_scratch_holds() -> None:
    sizes, scratch = quoted([1.0] * 20, 1600, 0.01)
    assert scratch.n_beyond == 4
    assert (sizes[16:] == 0).all()
    assert (sizes[:16] == 100).all()


@pytest.mark.parametrize(
    ("total", "lower", "upper", "temperature"),
    [(0, 0, 10, 0.5), (-5, 0, 10, 0.5), (100, 20, 10, 0.5), (5, 10, 20, 0.5), (100, 0, 0, 0.5), (100, 0, 50, math.nan)],
)
def test_nothing_fits(total: int, lower: int, upper: int, temperature: float) -> None:
    sizes, scratch = quoted(V, total, temperature, lower, upper)
    assert (sizes == 0).all()
    assert scratch.n_infeasible == 1


def test_caps_below_the_total_without_outside_option() -> None:
    sizes, scratch = run(V[:3], 100, 0.5, lower=10, upper=20)
    assert sizes.tolist() == [20, 20, 20]
    assert scratch.unquoted == 40


# --- oracles --------------------------------------------------------------------------------------------------------


def convex_optimum(values, total: float, temperature: float, lower: float, upper: float) -> float:
    """Best objective with every value in [lower, upper], by a general optimiser."""
    n = len(values)
    start = np.full(n, total / n)
    found = minimize(
        lambda s: -objective(s, values, temperature),
        start,
        jac=lambda s: -(np.asarray(values) - temperature * (np.log(s) + 1)),
        bounds=[(max(lower, 1e-9), upper)] * n,
        constraints={"type": "eq", "fun": lambda s: s.sum() - total},
        method="SLSQP",
        options={"maxiter": 300, "ftol": 1e-13},
    )
    return -found.fun if found.success else -math.inf


@pytest.mark.parametrize("seed", range(6))
def test_every_support_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.4, 0.6, 4)
    temperature = float(rng.uniform(0.2, 1.0))
    lower, upper, total = 10.0, 45.0, 100
    best = -math.inf
    for k in range(1, 5):
        for chosen in itertools.combinations(range(4), k):
            if lower * k <= total <= upper * k:
                best = max(best, convex_optimum(values[list(chosen)], total, temperature, lower, upper))
    sizes, scratch = run(values, total, temperature, 10, 45)
    assert scratch.objective == pytest.approx(best, abs=1e-5)
    assert objective(sizes, values, temperature) == pytest.approx(best, rel=5e-3)


worths = st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=16)


@settings(max_examples=300, deadline=None)
@given(
    values=worths,
    total=st.integers(1, 10**12),
    temperature=st.one_of(st.just(0.0), st.floats(1e-6, 100.0)),
    bounds=st.tuples(st.floats(0.0, 1.2), st.floats(0.0, 1.2)),
    with_outside=st.booleans(),
)
def test_sizes_keep_every_bound(
    values: list[float], total: int, temperature: float, bounds: tuple[float, float], with_outside: bool
) -> None:
    lower, upper = sorted(int(b * total) for b in bounds)
    sizes, _ = run(values, total, temperature, lower, upper, 0.0 if with_outside else sizing.NO_OUTSIDE)
    assert ((sizes == 0) | ((sizes >= lower) & (sizes <= upper))).all()
    assert 0 <= sizes.sum() <= total
    if with_outside:
        assert (sizes[np.array(values) <= 0.0] == 0).all()
    order = sorted(range(len(values)), key=lambda i: -values[i])
    ranked = sizes[order]
    assert (np.diff(ranked) <= 1).all()  # a better value never gets less, to a unit of rounding
    again, _ = run(values, total, temperature, lower, upper, 0.0 if with_outside else sizing.NO_OUTSIDE)
    assert np.array_equal(sizes, again)


@settings(max_examples=100, deadline=None)
@given(values=worths, temperature=st.floats(0.05, 5.0), c=st.floats(0.01, 100.0))
def test_units_of_value_do_not_matter(values: list[float], temperature: float, c: float) -> None:
    sizes, _ = quoted(values, 10_000, temperature, 100, 3000)
    scaled, _ = quoted([v * c for v in values], 10_000, temperature * c, 100, 3000)
    assert np.abs(sizes - scaled).max() <= 1


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(0.01, 3.0), min_size=2, max_size=6), temperature=st.floats(0.1, 3.0))
def test_no_transfer_between_levels_improves(values: list[float], temperature: float) -> None:
    """First-order condition: moving a little size between two choices, within the bounds, never pays."""
    total, lower, upper = 10_000_000, 0, 4_000_000
    sizes, scratch = quoted(values, total, temperature, lower, upper)
    s = np.r_[sizes, scratch.unquoted].astype(float)
    v = np.r_[values, 0.0]
    marginal = v - temperature * (np.log(np.maximum(s, 1.0)) + 1.0)
    cap = np.r_[np.full(len(values), upper), total]
    open_up = s < cap
    # whoever could take more is not worth more at the margin than anyone who could give
    assert marginal[open_up].max() <= marginal[s > 0].min() + temperature * 2.0 / max(s[s > 0].min(), 1.0)


# --- one function, two ways to run it -------------------------------------------------------------------------------


def test_compiled_and_plain_python_agree_to_the_bit() -> None:
    """The plain run of the outermost function; the whole chain runs plainly under NUMBA_DISABLE_JIT=1."""
    plain = getattr(sizing.allocate_against, "py_func", sizing.allocate_against)
    for temperature, lower in ((0.5, 10), (0.0, 0), (2.0, 40)):
        records = []
        for f in (sizing.allocate_against, plain):
            scratch = np.zeros(1, sizing.SCRATCH)[0]
            sizes = np.zeros(5, "i8")
            f(
                np.array(V),
                np.int64(5),
                np.int64(100),
                np.float64(temperature),
                np.float64(0.0),
                np.int64(lower),
                np.int64(60),
                sizes,
                scratch,
            )
            records.append((scratch.tobytes(), sizes.tobytes()))
        assert records[0] == records[1]
