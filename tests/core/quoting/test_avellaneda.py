"""Avellaneda-Stoikov 2008: the published tables by simulation, and the symmetric strategy exactly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core.quoting import avellaneda

# The paper's market: prices in ticks, one second in 200 steps.
SIGMA, K, A, STEPS, DT = 2.0, 1.5, 140.0, 200, 0.005
PATHS = 20_000
TIMES_LEFT = [1.0 - i * DT for i in range(STEPS)]

# gamma, symmetric?: mean, std, std q and fills of 100,000 literal paths; then Monte Carlo s.e. at n = 1000 of
# (mean, std, q, std q); then the journal's tables 1-3: mean, std, q, std q.
TABLE = {
    (0.1, False): ((64.88, 6.560, 2.924, 96.95), (0.207, 0.148, 0.092, 0.065), (65.0, 6.6, 0.08, 2.9)),
    (0.1, True): ((68.23, 13.47, 8.405, 91.47), (0.426, 0.446, 0.266, 0.188), (68.4, 12.7, 0.26, 8.4)),
    (0.01, False): ((68.40, 8.967, 5.218, 102.2), (0.284, 0.230, 0.165, 0.117), (68.6, 8.7, 0.12, 5.1)),
    (0.01, True): ((68.68, 13.68, 8.708, 101.8), (0.433, 0.458, 0.275, 0.195), (68.8, 12.8, 0.09, 8.7)),
    (1.0, False): ((31.44, 4.835, 1.637, 56.03), (0.153, 0.110, 0.052, 0.036), (31.4, 5.0, 0.02, 1.7)),
    (1.0, True): ((43.68, 10.78, 5.179, 28.82), (0.341, 0.300, 0.164, 0.117), (44.0, 11.0, 0.00, 5.1)),
}


def half_spreads(gamma: float) -> list[float]:
    return [avellaneda.half_spread(gamma, SIGMA, K, left) for left in TIMES_LEFT]


def simulate(
    gamma: float, symmetric: bool, seed: int, poisson: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Final wealth, final inventory and number of fills of every path; fills first, then the mid moves."""
    rng = np.random.default_rng(seed)
    half = half_spreads(gamma)
    mean_half = float(np.mean(half))
    mid = np.full(PATHS, 100.0)
    q, cash, fills = np.zeros(PATHS), np.zeros(PATHS), np.zeros(PATHS)
    for step, left in enumerate(TIMES_LEFT):
        if symmetric:
            bid = ask = np.full(PATHS, mean_half)
        else:
            lean = avellaneda.skew(1.0, gamma, SIGMA, left) * q
            bid, ask = half[step] + lean, half[step] - lean
        p_bid, p_ask = A * DT * np.exp(-K * bid), A * DT * np.exp(-K * ask)  # literally lambda dt; above 1 a sure fill
        if poisson:
            p_bid, p_ask = -np.expm1(-p_bid), -np.expm1(-p_ask)
        bought = rng.random(PATHS) < p_bid
        sold = rng.random(PATHS) < p_ask
        cash += sold * (mid + ask) - bought * (mid - bid)
        q += bought.astype(float) - sold
        fills += bought.astype(float) + sold
        mid += SIGMA * math.sqrt(DT) * np.where(rng.random(PATHS) < 0.5, 1.0, -1.0)
    return cash + q * mid, q, fills


def error_of_std(x: np.ndarray) -> float:
    """s.e. of a standard deviation; the wealth of the symmetric maker is far from normal (kurtosis near 6)."""
    z = (x - x.mean()) / x.std()
    return float(x.std() * math.sqrt((np.mean(z**4) - 1.0) / (4.0 * len(x))))


@pytest.mark.parametrize(("gamma", "symmetric"), TABLE)
def test_the_papers_tables_are_reproduced(gamma: float, symmetric: bool) -> None:
    ours, errors, published = TABLE[gamma, symmetric]
    wealth, q, fills = simulate(gamma, symmetric, seed=20080401)
    got = (wealth.mean(), wealth.std(), q.mean(), q.std())
    error = (wealth.std() / math.sqrt(PATHS), error_of_std(wealth), q.std() / math.sqrt(PATHS), error_of_std(q))
    both = math.sqrt(1.0 + PATHS / 100_000)  # the table is a simulation too
    for name, value, want, scale in zip(
        ("mean", "std", "std q", "fills"),
        (got[0], got[1], got[3], fills.mean()),
        ours,
        (error[0], error[1], error[3], fills.std() / math.sqrt(PATHS)),
        strict=True,
    ):
        assert abs(value - want) < 4.0 * scale * both + 0.5 * 10.0 ** (math.floor(math.log10(want)) - 3), name
    for name, value, want, scale, e1000 in zip(
        ("mean", "std", "q", "std q"), got, published, error, errors, strict=True
    ):
        assert abs(value - want) < 3.0 * math.hypot(scale, e1000), f"published {name}"


# With the honest probability 1 - exp(-lambda dt) the maker earns 10-12 % less.
@pytest.mark.parametrize(
    ("gamma", "want"), [(0.1, (57.17, 6.36, 2.98)), (0.01, (60.35, 8.99, 5.29)), (1.0, (28.23, 4.56, 1.71))]
)
def test_inventory_strategy_with_poisson_fills(gamma: float, want: tuple[float, float, float]) -> None:
    wealth, q, _ = simulate(gamma, symmetric=False, seed=20080402, poisson=True)
    assert abs(wealth.mean() - want[0]) < 5.0 * wealth.std() / math.sqrt(PATHS) + 0.005
    assert abs(wealth.std() - want[1]) < 5.0 * error_of_std(wealth) + 0.005
    assert abs(q.std() - want[2]) < 5.0 * error_of_std(q) + 0.005


def symmetric_exactly(gamma: float, poisson: bool) -> tuple[float, float, float, float]:
    """Spread, mean and std of wealth, std of q of the symmetric maker: no simulation needed."""
    psi = 2.0 * float(np.mean(half_spreads(gamma)))
    p = A * math.exp(-K * psi / 2.0) * DT
    if poisson:
        p = -math.expm1(-p)
    flow = 2.0 * p * (1.0 - p)
    carry = SIGMA**2 * DT * flow * STEPS * (STEPS + 1) / 2.0
    variance = STEPS * flow * (psi / 2.0) ** 2 + carry
    return psi, STEPS * p * psi, math.sqrt(variance), math.sqrt(STEPS * flow)


@pytest.mark.parametrize(
    ("gamma", "want"),
    [
        (0.1, (1.49177, 68.223, 13.456, 8.399)),
        (0.01, (1.34901, 68.666, 13.677, 8.712)),
        (1.0, (3.03165, 43.685, 10.733, 5.171)),
        (0.5, (2.15573, 59.918, 12.321, 6.918)),
    ],
)
def test_symmetric_strategy_exactly_with_linear_fill_probability(gamma: float, want: tuple[float, ...]) -> None:
    assert symmetric_exactly(gamma, poisson=False) == pytest.approx(want, abs=6e-4)


@pytest.mark.parametrize(("gamma", "want"), [(0.1, (60.985, 12.920, 8.065)), (0.01, (60.625,)), (1.0, (42.149,))])
def test_symmetric_strategy_exactly_with_poisson_fill_probability(gamma: float, want: tuple[float, ...]) -> None:
    got = symmetric_exactly(gamma, poisson=True)
    assert got[1 : 1 + len(want)] == pytest.approx(want, abs=6e-4)


@pytest.mark.parametrize(("gamma", "spread"), [(0.1, 1.49), (0.01, 1.35), (1.0, 3.02)])
def test_published_average_spread(gamma: float, spread: float) -> None:
    assert 2.0 * float(np.mean(half_spreads(gamma))) == pytest.approx(spread, abs=0.012)


def test_no_risk_aversion_leaves_the_monopolists_spread() -> None:
    assert avellaneda.half_spread(0.0, SIGMA, K, 1.0) == 1.0 / K
    for gamma in (1e-14, 1e-10, 1e-7):
        assert avellaneda.half_spread(gamma, SIGMA, K, 1.0) == pytest.approx(1.0 / K, rel=5.0 * gamma + 1e-14)


# The term (1/gamma) ln(1 + gamma/k) alone falls as gamma rises (k = .3).
@pytest.mark.parametrize(
    ("gamma", "want"), [(1e-6, 3.33333), (0.001, 3.32779), (0.01, 3.27898), (0.1, 2.87682), (1.0, 1.46634)]
)
def test_constant_term(gamma: float, want: float) -> None:
    assert avellaneda.half_spread(gamma, 0.3, 0.3, 0.0) == pytest.approx(want, abs=6e-6)


@pytest.mark.parametrize(("left", "want"), [(600.0, 8.949), (30.0, 3.562), (1.0, 3.288)])
def test_long_horizon_is_wrong_as_documented(left: float, want: float) -> None:
    bid = avellaneda.half_spread(0.01, 0.3, 0.3, left) + avellaneda.skew(10.0, 0.01, 0.3, left)
    assert bid == pytest.approx(want, abs=6e-4)


def test_long_inventory_lowers_the_reservation_price() -> None:
    assert avellaneda.skew(3.0, 0.1, 2.0, 0.5) == pytest.approx(3 * 0.1 * 4 * 0.5)
    assert avellaneda.skew(-3.0, 0.1, 2.0, 0.5) == -avellaneda.skew(3.0, 0.1, 2.0, 0.5)


@pytest.mark.parametrize(("gamma", "k"), [(math.nan, 1.0), (0.1, math.nan), (0.1, 0.0), (-0.1, 1.0)])
def test_absurd_inputs_give_nan(gamma: float, k: float) -> None:
    assert math.isnan(avellaneda.half_spread(gamma, 1.0, k, 1.0))


@given(
    gamma=st.floats(1e-6, 10.0),
    sigma=st.floats(0.01, 20.0),
    k=st.floats(0.01, 10.0),
    left=st.floats(0.0, 10.0),
    c=st.floats(0.01, 100.0),
)
def test_change_of_price_unit(gamma: float, sigma: float, k: float, left: float, c: float) -> None:
    here = avellaneda.half_spread(gamma, sigma, k, left)
    assert avellaneda.half_spread(gamma / c, sigma * c, k / c, left) == pytest.approx(here * c, rel=1e-9)
    there = avellaneda.skew(2.0, gamma / c, sigma * c, left)
    assert there == pytest.approx(avellaneda.skew(2.0, gamma, sigma, left) * c, rel=1e-12)


def test_compiled_and_plain_python_agree_to_the_bit() -> None:
    plain_half = getattr(avellaneda.half_spread, "py_func", avellaneda.half_spread)
    plain_skew = getattr(avellaneda.skew, "py_func", avellaneda.skew)
    for gamma in (0.0, 1e-13, 0.01, 0.37, 5.0):
        assert avellaneda.half_spread(gamma, 1.7, 0.9, 0.3) == plain_half(gamma, 1.7, 0.9, 0.3)
        assert avellaneda.skew(2.5, gamma, 1.7, 0.3) == plain_skew(2.5, gamma, 1.7, 0.3)
