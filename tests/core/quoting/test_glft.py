"""GLFT half-spreads: reference numbers, linear algebra as the oracle, limits, symmetries and the gamma search."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh_tridiagonal, expm

from touchstone.core.quoting import glft
from touchstone.core.quoting.closed_form import closed_form, constants

MODEL_A, MODEL_B = glft.MODEL_A, glft.MODEL_B
BID, ASK = 0, 1

# (A, k, sigma, gamma) in ticks and seconds; P1 are the figures of GLFT 2013, with T = 600 and Q = 30.
P1 = (0.9, 0.3, 0.3, 0.01)
P2 = (0.9, 0.3, 0.4, 0.01)
P3 = (0.2, 0.3, 1.0, 0.01)
P4 = (0.9, 0.9, 0.6, 0.01)

# base, slope, spread of the closed form, lam0, exact bid at q = 0, 1, 5, 10, 15, 20, 25, 29, closed form's error there
INVENTORIES = (0, 1, 5, 10, 15, 20, 25, 29)
REFERENCE = {
    P1: (
        (3.278982, 0.067866, 6.625830, -0.6447344299),
        (3.313045, 3.381168, 3.653480, 3.992933, 4.330538, 4.665542, 5.005162, 6.130909),
        (-0.0001, -0.0004, -0.0012, -0.0014, 0.0004, 0.0047, 0.0044, -0.850),
    ),
    P2: (
        (3.278982, 0.090488, 6.648452, -0.6425307642),
        (3.324458, 3.415401, 3.778746, 4.230704, 4.678313, 5.119731, 5.554854, 6.510023),
        (-0.0002, -0.0007, -0.0021, -0.0016, 0.0032, 0.0143, 0.0316, -0.562),
    ),
    P3: (
        (3.278982, 0.479884, 7.037848, -0.1344213665),
        (3.525651, 4.017546, 5.918517, 8.022747, 9.781410, 11.245444, 12.480906, 13.348807),
        (-0.0067, -0.0187, -0.0002, 0.295, 0.936, 1.871, 3.035, 4.087),
    ),
    P4: (
        (1.104984, 0.077937, 2.287904, -0.6355339564),
        (1.144474, 1.223403, 1.536590, 1.915624, 2.272972, 2.604226, 2.908438, 3.160260),
        (-0.0005, -0.0015, -0.0030, 0.0077, 0.0400, 0.0985, 0.184, 0.244),
    ),
}


def make(fill_risk: float = MODEL_A):
    table = np.zeros(1, glft.GLFT)[0]
    glft.reset(table, np.float64(fill_risk))
    return table


def solved(
    p: tuple[float, float, float, float],
    q_max: int = 30,
    impact: float = 0.0,
    drift: float = 0.0,
    fill_risk: float = MODEL_A,
):
    table = make(fill_risk)
    a, k, sigma, gamma = (np.float64(x) for x in p)
    assert glft.solve(table, a, k, sigma, gamma, np.int64(q_max), np.float64(impact), np.float64(drift)) == 1
    return table


def gamma_for(table, p: tuple[float, float, float], q_max: int, skew_bps: float, impact: float = 0.0) -> float:
    a, k, sigma = (np.float64(x) for x in p)
    return glft.gamma_for_skew(table, a, k, sigma, np.int64(q_max), np.float64(impact), np.float64(skew_bps))


def at(table, side: int, q: int) -> float:
    return float(table.half_spread[side, q + glft.MAX_Q])


def column(table, side: int) -> np.ndarray:
    q_max = int(table.q_max)
    return np.array([at(table, side, q) for q in range(-q_max, q_max + 1)])


def matrix(
    p: tuple[float, float, float, float], q_max: int, impact: float = 0.0, drift: float = 0.0
) -> tuple[np.ndarray, float]:
    """Diagonal of M and -(its off-diagonal) as in the paper."""
    a, k, sigma, gamma = p
    q = np.arange(-q_max, q_max + 1)
    eta = a * math.exp(-(1 + k / gamma) * math.log1p(gamma / k) - k * impact / 2)
    return k / 2 * gamma * sigma**2 * q**2 - k * drift * q, eta


# --- the published case and the reference table ---------------------------------------------------------------------


@pytest.mark.parametrize("p", REFERENCE)
def test_reference_table(p: tuple[float, float, float, float]) -> None:
    (base, slope, spread, lam0), bids, _ = REFERENCE[p]
    table = solved(p)
    assert table.offset == pytest.approx(base, abs=1e-6)
    assert table.closed_skew == pytest.approx(slope, abs=1e-6)
    assert 2 * table.closed_half == pytest.approx(spread, abs=1e-6)
    assert table.lam0 == pytest.approx(lam0, abs=1e-10)
    assert [at(table, BID, q) for q in INVENTORIES] == pytest.approx(bids, abs=1e-6)
    assert table.n_unconverged == 0


@pytest.mark.parametrize("p", REFERENCE)
def test_errors_of_the_closed_form(p: tuple[float, float, float, float]) -> None:
    _, bids, errors = REFERENCE[p]
    table = solved(p)
    got = [glft.quote_closed_form(table, np.float64(q))[BID] for q in INVENTORIES]
    for value, exact, error in zip(got, bids, errors, strict=True):
        assert value - exact == pytest.approx(error, abs=6e-4 if abs(error) > 0.1 else 6e-5)


def test_ask_mirrors_bid() -> None:
    table = solved(P1)
    assert [at(table, ASK, q) for q in (0, 1, 10, 20)] == pytest.approx(
        [3.313045, 3.244919, 2.632802, 1.959199], abs=1e-6
    )
    assert np.array_equal(column(table, ASK)[1:], column(table, BID)[:-1][::-1])
    assert at(solved(P3), ASK, 10) == pytest.approx(-1.07, abs=5e-3)  # through the mid: an exit decision


def test_no_bid_at_the_long_limit_no_ask_at_the_short_one() -> None:
    table = solved(P1, q_max=7)
    assert math.isnan(at(table, BID, 7))
    assert math.isnan(at(table, ASK, -7))
    assert np.isfinite(column(table, BID)[:-1]).all()
    assert np.isfinite(column(table, ASK)[1:]).all()
    outside = np.r_[table.half_spread[:, : glft.MAX_Q - 7].ravel(), table.half_spread[:, glft.MAX_Q + 8 :].ravel()]
    assert np.isnan(outside).all()


def test_drift_leans_the_quotes() -> None:
    table = solved(P1, drift=0.001)
    assert (at(table, BID, 0), at(table, ASK, 0)) == pytest.approx((3.237350, 3.388737), abs=1e-6)
    assert glft.quote_closed_form(table, np.float64(0.0)) == pytest.approx((3.237509, 3.388322), abs=1e-6)


@pytest.mark.parametrize(
    ("impact", "exact", "closed"),
    [(0.5, 3.564352, 3.564212), (1.0, 3.815709, 3.815558), (2.0, 4.318583, 4.318407)],
)
def test_half_of_the_jump_at_a_fill_enters_the_quote(impact: float, exact: float, closed: float) -> None:
    table = solved(P1, impact=impact)
    assert at(table, BID, 0) == pytest.approx(exact, abs=1e-6)
    assert table.closed_half == pytest.approx(closed, abs=1e-6)
    assert glft.quote_closed_form(table, np.float64(0.0))[BID] == pytest.approx(closed, abs=1e-6)
    if impact == 1.0:
        assert at(table, BID, 10) == pytest.approx(4.548528, abs=1e-6)


# --- size and the two kinds of risk aversion ------------------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "lot"), [(0.01, 1.0), (0.002, 5.0), (0.0002, 50.0)])
def test_only_gamma_times_size_matters(gamma: float, lot: float) -> None:
    half, skew, _ = closed_form(0.9, 0.3, 0.3, gamma, gamma, lot, 0.0, 0.0)
    assert half == pytest.approx(3.312915198564529, rel=1e-12)
    assert skew * lot == pytest.approx(0.0678658325308837, rel=1e-12)
    table = solved((0.9, 0.3, 0.3, gamma * lot))  # the exact table counts lots
    assert at(table, BID, 10) == pytest.approx(at(solved(P1), BID, 10), abs=1e-12)


def test_larger_orders_and_model_b() -> None:
    c1, c2 = constants(0.9, 0.3, 0.01, 0.01, 5.0)
    assert (c1, 0.3 * c2, c1 + 2.5 * 0.3 * c2) == pytest.approx((3.0830136, 0.0313151, 3.1613012), abs=6e-8)
    c1, c2 = constants(0.9, 0.3, 0.01, 0.0, 1.0)
    assert (c1, 0.3 * c2, c1 + 0.5 * 0.3 * c2) == pytest.approx((3.3333333, 0.0673088, 3.3669877), abs=6e-8)
    assert c2 == pytest.approx(math.sqrt(0.01 * math.e / (2 * 0.9 * 0.3)), rel=1e-14)


def test_hftbacktest_notebook() -> None:
    half, skew, _ = closed_form(2.986162360812285, 0.04235741115084049, 10.69, 0.05, 0.05, 1.0, 0.0, 0.0)
    assert half == pytest.approx(20.47208533844371, rel=1e-12)
    assert skew == pytest.approx(9.76326865029227, rel=1e-12)


def test_model_b_is_exact_too_and_keeps_its_offset() -> None:
    table = solved(P1, fill_risk=MODEL_B)
    assert table.offset == 1 / 0.3
    q = np.arange(-30, 31)
    eta = 0.9 / math.e
    w, v = eigh_tridiagonal(0.15 * 0.01 * 0.09 * q**2, np.full(60, -eta), select="i", select_range=(0, 0))
    assert table.lam0 == pytest.approx(w[0], abs=1e-13)
    f = np.abs(v[:, 0])
    assert at(table, BID, 5) == pytest.approx(1 / 0.3 + math.log(f[35] / f[36]) / 0.3, abs=1e-9)
    assert table.closed_half == pytest.approx(3.3669877, abs=6e-8)


def test_no_risk_aversion() -> None:
    """gamma -> 0: f is a half period of a cosine between the limits, and both models agree."""
    for gamma in (0.0, 1e-15, 1e-10):
        table = solved((0.9, 0.3, 0.3, gamma), q_max=10)
        f = np.cos(np.pi * np.arange(-10, 11) / 22)
        want = 1 / 0.3 + np.log(f[:-1] / f[1:]) / 0.3
        assert column(table, BID)[:-1] == pytest.approx(want, abs=1e-6)
        assert table.lam0 == pytest.approx(-2 * 0.9 / math.e * math.cos(math.pi / 22), rel=1e-8)


@pytest.mark.parametrize(
    ("gamma", "want"), [(1e-6, 3.33333), (0.001, 3.32779), (0.01, 3.27898), (0.1, 2.87682), (1.0, 1.46634)]
)
def test_offset_of_model_a_falls_with_risk_aversion(gamma: float, want: float) -> None:
    assert solved((0.9, 0.3, 0.3, gamma)).offset == pytest.approx(want, abs=6e-6)


# --- linear algebra as the oracle -----------------------------------------------------------------------------------


@pytest.mark.parametrize("p", REFERENCE)
@pytest.mark.parametrize(("impact", "drift"), [(0.0, 0.0), (1.0, 0.0), (0.0, 0.001), (0.7, -0.02)])
def test_against_the_eigenvector(p: tuple[float, float, float, float], impact: float, drift: float) -> None:
    q_max = 8  # small enough for every component of the eigenvector to be accurate
    diagonal, eta = matrix(p, q_max, impact, drift)
    w, v = eigh_tridiagonal(diagonal, np.full(2 * q_max, -eta), select="i", select_range=(0, 0))
    f = np.abs(v[:, 0])
    table = solved(p, q_max, impact, drift)
    assert table.lam0 == pytest.approx(w[0], abs=1e-13)
    offset = math.log1p(p[3] / p[1]) / p[3] + impact / 2
    assert column(table, BID)[:-1] == pytest.approx(offset + np.log(f[:-1] / f[1:]) / p[1], abs=1e-8)
    assert column(table, ASK)[1:] == pytest.approx(offset + np.log(f[1:] / f[:-1]) / p[1], abs=1e-8)


@pytest.mark.parametrize(("p", "drift", "impact"), [(P1, 0.0, 0.0), (P3, 0.0, 0.0), (P1, 0.001, 0.0), (P1, 0.0, 1.0)])
def test_against_the_finite_horizon_solution(p: tuple[float, float, float, float], drift: float, impact: float) -> None:
    """v = exp(-M T) v_T, shifted by the smallest eigenvalue so that nothing overflows; T >> 1 / spectral gap."""
    diagonal, eta = matrix(p, 30, impact, drift)
    m = np.diag(diagonal) - eta * (np.eye(61, k=1) + np.eye(61, k=-1))
    table = solved(p, 30, impact, drift)
    q = np.arange(-30, 31)
    v = expm(-(m - table.lam0 * np.eye(61)) * 1500.0) @ np.exp(-p[1] * impact * q**2 / 2)
    assert column(table, BID)[:-1] == pytest.approx(table.offset + np.log(v[:-1] / v[1:]) / p[1], abs=2e-6)


def test_convergence_to_the_infinite_horizon() -> None:
    diagonal, eta = matrix(P1, 30)
    m = np.diag(diagonal) - eta * (np.eye(61, k=1) + np.eye(61, k=-1))
    table = solved(P1)
    for horizon, want in ((10, 3.283456), (60, 3.301451), (100, 3.308508), (200, 3.312701), (600, 3.313045)):
        v = expm(-(m - table.lam0 * np.eye(61)) * horizon) @ np.ones(61)
        assert table.offset + math.log(v[30] / v[31]) / 0.3 == pytest.approx(want, abs=1e-6)
    assert at(table, BID, 0) == pytest.approx(3.313045, abs=1e-6)


def test_strong_risk_aversion_where_the_eigenvector_is_noise() -> None:
    """P3 at q = 29: logs of a computed eigenvector give 11.812."""
    assert at(solved(P3), BID, 29) == pytest.approx(13.348807, abs=1e-6)
    bids = column(solved(P3, q_max=64), BID)[:-1]
    assert (np.diff(bids) > 0).all()


# --- properties -----------------------------------------------------------------------------------------------------

markets = st.tuples(st.floats(1e-3, 50.0), st.floats(0.02, 5.0), st.floats(0.02, 20.0), st.floats(1e-8, 1.0))
lots = st.integers(1, 64)


@settings(max_examples=150, deadline=None)
@given(p=markets, q_max=lots, impact=st.floats(-1.0, 5.0), drift=st.floats(-0.5, 0.5))
def test_the_recursion_solves_the_equation(
    p: tuple[float, float, float, float], q_max: int, impact: float, drift: float
) -> None:
    """The quotes give back ratios f_q / f_{q+1} that satisfy every row of (M - lam0) f = 0."""
    table = solved(p, q_max, impact, drift)
    assert table.n_unconverged == 0
    diagonal, eta = matrix(p, q_max, impact, drift)
    log_step = (column(table, BID)[:-1] - table.offset) * p[1]  # ln f_q / f_{q+1}
    up = np.r_[np.exp(-log_step), 0.0]  # f_{q+1} / f_q
    down = np.r_[0.0, np.exp(log_step)]  # f_{q-1} / f_q
    residual = (diagonal - table.lam0) / eta - up - down
    scale = np.abs(diagonal / eta) + np.abs(table.lam0 / eta) + up + down
    rounding = 1e-9 + 1e-12 * np.max(np.abs(diagonal / eta))
    assert np.max(np.abs(residual) / scale) < rounding


@settings(max_examples=100, deadline=None)
@given(p=markets, q_max=lots, impact=st.floats(0.0, 5.0))
def test_quotes_widen_with_inventory_and_are_symmetric(
    p: tuple[float, float, float, float], q_max: int, impact: float
) -> None:
    table = solved(p, q_max, impact)
    bids, asks = column(table, BID), column(table, ASK)
    assert (np.diff(bids[:-1]) > 0).all()
    assert (np.diff(asks[1:]) < 0).all()
    assert np.array_equal(asks[1:], bids[:-1][::-1])
    # the sum of both quotes never falls below twice the offset: f is log-concave
    assert (bids[1:-1] + asks[1:-1] >= 2 * table.offset - 1e-9 / p[1]).all()


@settings(max_examples=50, deadline=None)
@given(p=markets, c=st.floats(0.01, 100.0), t=st.floats(0.01, 100.0))
def test_change_of_units(p: tuple[float, float, float, float], c: float, t: float) -> None:
    """Prices x c and times x t: the quotes follow, nothing else changes."""
    a, k, sigma, gamma = p
    here = solved(p, 12)
    there = solved((a / t, k / c, sigma * c / math.sqrt(t), gamma / c), 12)
    assert column(there, BID)[:-1] == pytest.approx(column(here, BID)[:-1] * c, rel=1e-8, abs=1e-9 * c / k)
    assert there.closed_half == pytest.approx(here.closed_half * c, rel=1e-10)


# --- gamma from the skew that the user states -----------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    p=st.tuples(st.floats(0.01, 20.0), st.floats(0.05, 3.0), st.floats(0.05, 10.0)),
    q_max=lots,
    skew=st.floats(0.5, 30.0),
    model=st.sampled_from([MODEL_A, MODEL_B, 0.5]),
    impact=st.floats(0.0, 3.0),
)
def test_the_skew_target_is_met(
    p: tuple[float, float, float], q_max: int, skew: float, model: float, impact: float
) -> None:
    table = make(model)
    gamma = gamma_for(table, p, q_max, skew, impact)
    clamp = int(table.gamma_clamp)
    reached = solved((*p, gamma), q_max, impact, fill_risk=model).skew_at_limit
    floor = -2 * math.log(math.sin(math.pi / (2 * q_max + 2))) / (p[1] * q_max)
    if clamp == 0:
        assert reached == pytest.approx(skew, rel=1e-9)
        assert skew > floor
    elif clamp < 0:
        assert reached >= skew
    else:
        assert reached <= skew
    assert (table.n_clamped > 0) == (clamp != 0)


@settings(max_examples=50, deadline=None)
@given(
    p=st.tuples(st.floats(0.01, 20.0), st.floats(0.1, 3.0), st.floats(0.1, 10.0)),
    q_max=lots,
    skews=st.tuples(st.floats(0.5, 30.0), st.floats(0.5, 30.0)),
)
def test_more_skew_needs_more_risk_aversion(
    p: tuple[float, float, float], q_max: int, skews: tuple[float, float]
) -> None:
    table = make(MODEL_B)
    low, high = (gamma_for(table, p, q_max, s) for s in sorted(skews))
    assert low <= high * (1 + 1e-9)


def test_skew_at_the_limit_is_the_mean_concession_on_the_way_out() -> None:
    table = make(MODEL_B)
    gamma = gamma_for(table, (0.9, 0.3, 0.3), 20, 5.0)
    assert table.gamma_clamp == 0
    table = solved((0.9, 0.3, 0.3, gamma), 20, fill_risk=MODEL_B)
    concession = table.offset - np.mean([at(table, ASK, q) for q in range(1, 21)])
    assert 2 * concession == pytest.approx(5.0, rel=1e-10)
    assert table.skew_at_limit == pytest.approx(5.0, rel=1e-10)
    # close to the linear rule where the limit is far
    assert table.closed_skew * 20 == pytest.approx(5.0, rel=0.03)


def test_drift_does_not_change_the_skew_much() -> None:
    assert solved(P1, drift=0.001).skew_at_limit == pytest.approx(solved(P1).skew_at_limit, rel=0.02)


def test_the_limit_alone_skews_more_than_asked() -> None:
    table = make(MODEL_B)
    gamma = gamma_for(table, (0.9, 0.3, 0.3), 1, 0.5)
    assert table.gamma_clamp == -1
    assert table.n_clamped == 1
    assert gamma == pytest.approx(0.3 * glft.GAMMA_MIN)
    assert solved((0.9, 0.3, 0.3, gamma), 1).skew_at_limit == pytest.approx(math.log(2) / 0.3, rel=1e-6)


def test_no_gamma_skews_as_much_as_asked() -> None:
    table = make(MODEL_B)
    gamma = gamma_for(table, (10.0, 0.3, 0.001), 20, 500.0)
    assert table.gamma_clamp == 1
    assert gamma == pytest.approx(0.3 * glft.GAMMA_MAX)
    assert table.skew_target == 500.0


def test_solve_for_skew_is_search_and_solution() -> None:
    table = make(MODEL_A)
    args = [np.float64(x) for x in (0.9, 0.3, 0.3)]
    assert glft.solve_for_skew(table, *args, np.int64(20), np.float64(0.5), np.float64(0.001), np.float64(5.0)) == 1
    other = solved((0.9, 0.3, 0.3, float(table.gamma)), 20, 0.5, 0.001)
    assert np.array_equal(table.half_spread, other.half_spread, equal_nan=True)
    assert table.gamma == gamma_for(make(MODEL_A), (0.9, 0.3, 0.3), 20, 5.0, 0.5)


def test_model_a_narrows_the_spread_when_more_skew_is_asked_model_b_does_not() -> None:
    offsets = {}
    for model in (MODEL_A, MODEL_B):
        table = make(model)
        for skew in (2.0, 10.0):
            gamma = gamma_for(table, (0.9, 0.3, 0.3), 20, skew)
            offsets[model, skew] = float(solved((0.9, 0.3, 0.3, gamma), 20, fill_risk=model).offset)
    assert offsets[MODEL_A, 10.0] < 0.7 * offsets[MODEL_A, 2.0]
    assert offsets[MODEL_B, 10.0] == offsets[MODEL_B, 2.0] == 1 / 0.3


# --- quoting at any inventory ---------------------------------------------------------------------------------------


def test_quote_is_linear_between_integers() -> None:
    table = solved(P1)
    bid, ask = glft.quote(table, np.float64(3.25))
    assert bid == pytest.approx(0.75 * at(table, BID, 3) + 0.25 * at(table, BID, 4), rel=1e-14)
    assert ask == pytest.approx(0.75 * at(table, ASK, 3) + 0.25 * at(table, ASK, 4), rel=1e-14)
    assert glft.quote(table, np.float64(-30.0))[BID] == at(table, BID, -30)
    for q in range(-29, 30):
        assert glft.quote(table, np.float64(q)) == pytest.approx((at(table, BID, q), at(table, ASK, q)), rel=1e-14)


@pytest.mark.parametrize("q_max", [1, 2, 30])
def test_quote_at_and_beyond_the_limits(q_max: int) -> None:
    table = solved(P1, q_max)
    for q in (float(q_max), q_max + 0.5, q_max + 1000.0):
        bid, ask = glft.quote(table, np.float64(q))
        assert math.isnan(bid)
        assert ask == at(table, ASK, q_max)
        bid, ask = glft.quote(table, np.float64(-q))
        assert math.isnan(ask)
        assert bid == at(table, BID, -q_max)
    within = glft.quote(table, np.float64(q_max - 0.5))[BID]  # room for half a lot: the last segment goes on
    last = at(table, BID, q_max - 1)
    assert within == pytest.approx(last + 0.5 * (last - at(table, BID, q_max - 2)), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(p=markets, q_max=lots, x=st.floats(-1.0, 1.0), y=st.floats(-1.0, 1.0))
def test_quote_is_monotone_and_symmetric(p: tuple[float, float, float, float], q_max: int, x: float, y: float) -> None:
    table = solved(p, q_max)
    low, high = sorted((x * q_max, y * q_max))
    bid_low, ask_low = glft.quote(table, np.float64(low))
    bid_high, ask_high = glft.quote(table, np.float64(high))
    tolerance = 1e-9 * (1 + abs(bid_low))
    assert math.isnan(bid_high) or bid_low <= bid_high + tolerance
    assert math.isnan(ask_low) or ask_high <= ask_low + tolerance
    mirrored = glft.quote(table, np.float64(-low))[ASK]
    assert mirrored == pytest.approx(bid_low, rel=1e-9, abs=1e-9, nan_ok=True)


# --- missing or absurd inputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"a": math.nan},
        {"a": 0.0},
        {"k": 0.0},
        {"k": math.nan},
        {"k": -0.3},
        {"sigma": math.nan},
        {"sigma": -1.0},
        {"gamma": math.inf},
        {"gamma": -0.1},
        {"q_max": 0},
        {"q_max": 65},
        {"impact": math.nan},
        {"impact": 1e5},
        {"drift": math.inf},
    ],
)
def test_no_data_is_no_quote(change: dict[str, float]) -> None:
    table = solved(P1)
    values = {"a": 0.9, "k": 0.3, "sigma": 0.3, "gamma": 0.01, "q_max": 30, "impact": 0.0, "drift": 0.0} | change
    args = [np.int64(v) if name == "q_max" else np.float64(v) for name, v in values.items()]
    assert glft.solve(table, *args) == 0
    assert (table.is_solved, table.n_solved, table.n_invalid) == (0, 1, 1)
    assert np.isnan(table.half_spread).all()
    assert all(math.isnan(x) for x in glft.quote(table, np.float64(0.0)))


def test_gamma_search_refuses_missing_volatility() -> None:
    table = make()
    for sigma in (0.0, math.nan):
        assert math.isnan(gamma_for(table, (0.9, 0.3, sigma), 20, 5.0))
    for skew in (0.0, math.nan):
        assert math.isnan(gamma_for(table, (0.9, 0.3, 0.3), 20, skew))
    assert table.n_invalid == 4
    args = [np.float64(x) for x in (0.9, 0.3, math.nan)]
    assert glft.solve_for_skew(table, *args, np.int64(20), np.float64(0.0), np.float64(0.0), np.float64(5.0)) == 0
    assert table.is_solved == 0


def test_unsolved_table_and_unknown_inventory_give_no_quote() -> None:
    assert all(math.isnan(x) for x in glft.quote(np.zeros(1, glft.GLFT)[0], np.float64(0.0)))
    assert all(math.isnan(x) for x in glft.quote(solved(P1), np.float64(math.nan)))


# --- one function, two ways to run it -------------------------------------------------------------------------------


def test_compiled_and_plain_python_agree_to_the_bit() -> None:
    """The plain run of the outermost function; the whole chain runs plainly under NUMBA_DISABLE_JIT=1."""
    plain = getattr(glft.solve, "py_func", glft.solve)
    for p, q_max, impact, drift in ((P1, 30, 0.0, 0.0), (P3, 30, 0.7, -0.01), (P4, 5, 0.0, 0.2)):
        a, k, sigma, gamma = (np.float64(x) for x in p)
        one, two = make(), make()
        glft.solve(one, a, k, sigma, gamma, np.int64(q_max), np.float64(impact), np.float64(drift))
        plain(two, a, k, sigma, gamma, np.int64(q_max), np.float64(impact), np.float64(drift))
        assert one.tobytes() == two.tobytes()
