"""Fill intensity: golden likelihoods, a statistics library, and tapes with known A and k."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from touchstone.core.conventions import NS
from touchstone.core.market import intensity

BUY, SELL = 1, -1
BID, ASK = 0, 1
PRIOR_A, PRIOR_K = 0.5, 0.4
MID2 = 2_000_000  # one half price unit = 0.005 bps


def make(half_life_s=1e9, floor=0.0, prior_sweeps=1.0, own_prior_s=10.0, n_warm=50.0):
    i = np.zeros(1, intensity.INTENSITY)[0]
    intensity.reset(i, half_life_s, floor, 5 * NS, PRIOR_A, PRIOR_K, prior_sweeps, own_prior_s, 0.5, n_warm)
    return i


def solve(depths, events, exposure):
    arrays = [np.asarray(x, dtype=np.float64) for x in (depths, events, exposure)]
    return intensity.solve_mle(*arrays, len(depths), 0.0)


def test_likelihood_toy():
    """d = 1..5, 100 s each, 60 45 33 24 20 fills: A = .7946125748, k = .2872642349, s.e. .15403 and .05522."""
    a, k, se_ln_a, se_k, inside = solve([1, 2, 3, 4, 5], [60, 45, 33, 24, 20], [100] * 5)
    assert inside
    assert a == pytest.approx(0.7946125748, rel=1e-9)
    assert k == pytest.approx(0.2872642349, rel=1e-9)
    assert se_ln_a == pytest.approx(0.15403, abs=5e-6)
    assert se_k == pytest.approx(0.05522, abs=5e-6)


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.PerfectSeparationWarning")
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.0, 20.0), st.integers(0, 50), st.floats(1.0, 1000.0)), min_size=3, max_size=12),
)
def test_equals_poisson_regression(rows):
    depths, events, exposure = (np.array(x, dtype=float) for x in zip(*rows, strict=True))
    a, k, se_ln_a, se_k, inside = solve(depths, events, exposure)
    assume(inside and k < 3.0 and np.ptp(depths) >= 1.0)
    design = np.column_stack([np.ones_like(depths), -depths])
    model = sm.GLM(events, design, family=sm.families.Poisson(), offset=np.log(exposure))
    fit = model.fit(maxiter=200, tol=1e-13)
    assert math.log(a) == pytest.approx(fit.params[0], rel=1e-6, abs=1e-7)
    assert k == pytest.approx(fit.params[1], rel=1e-6)
    assert se_ln_a == pytest.approx(fit.bse[0], rel=1e-4)
    assert se_k == pytest.approx(fit.bse[1], rel=1e-4)


def test_empty_buckets_and_no_events_are_answered():
    a, k, _, _, inside = solve([1, 2, 3, 4], [20, 5, 0, 0], [100, 100, 100, 0])
    assert inside
    x = (math.sqrt(2.08) - 0.8) / 3.6  # x = e^{-k} solves (x + 2 x^2) / (1 + x + x^2) = mean depth - 1 = .2
    assert k == pytest.approx(-math.log(x), rel=1e-9)
    assert a == pytest.approx(0.25 / (x + x * x + x**3), rel=1e-9)
    a, k, se, _, inside = solve([1, 2], [0, 0], [100, 100])
    assert (a, inside) == (0.0, False)
    assert math.isnan(se)
    *_, inside = solve([1, 2], [5, 0], [100, 100])  # all at the nearest depth: k has no maximum
    assert not inside


def test_right_censored_orders_recover_the_truth():
    """A = .9, k = .3, 2000 orders at .5..10.5, Exp(5 s) cancels: sd .0516 and .01162 by the information formula."""
    rng = np.random.default_rng(5)
    i = make(own_prior_s=1e-6)
    depth = rng.uniform(0.5, 10.5, 2000)
    fill_at = rng.exponential(1.0 / (0.9 * np.exp(-0.3 * depth)))
    cancel_at = rng.exponential(5.0, 2000)
    for d, life, filled in zip(depth, np.minimum(fill_at, cancel_at), fill_at < cancel_at, strict=True):
        intensity.on_exposure(i, d, life, int(filled))
    intensity.on_clock(i, NS)
    intensity.on_clock(i, 7 * NS)
    assert abs(intensity.a(i) - 0.9) < 4 * 0.0516
    assert abs(intensity.k(i) - 0.3) < 4 * 0.01162
    assert i.se_k == pytest.approx(0.01162, rel=0.15)
    assert i.se_ln_a * 0.9 == pytest.approx(0.0516, rel=0.15)
    assert i.n_own_fills == int(np.sum(fill_at < cancel_at))


def test_gamma_predictive():
    """Gamma(1, 10 s) and 7 fills in 100 s: mean .0727273, P(fill in 5 s) = .2992570, 90 % interval as below."""
    shape, exposure = 1.0 + 7.0, 10.0 + 100.0
    assert shape / exposure == pytest.approx(0.0727273, abs=5e-8)
    assert intensity.fill_probability(shape, exposure, 5.0) == pytest.approx(0.2992570, abs=5e-8)
    interval = stats.gamma(shape, scale=1.0 / exposure).interval(0.9)
    assert interval == pytest.approx((0.0361893, 0.1195283), abs=5e-8)
    assert intensity.fill_probability(shape, exposure, 0.0) == 0.0
    assert math.isnan(intensity.fill_probability(shape, 0.0, 5.0))


def tick_over(i, until_s, step_s=1):
    for t in range(int(i.now_ns // NS) + step_s, until_s + 1, step_s):
        intensity.on_clock(i, t * NS)


def px_at(depth_bps, side, mid2=MID2):
    """Price at a depth on the side that an aggressor of this side hits; 1 unit = .01 bps here."""
    return round(mid2 / 2 * (1.0 + side * depth_bps / 1e4))


def test_k_is_the_inverse_mean_extent():
    i = make(half_life_s=0.0, prior_sweeps=1e-12)  # 0: keep all evidence
    intensity.on_touch(i, NS, 1.0, 0.0)
    extents = [0.0, 1.0, 3.0, 2.0]
    for n, extent in enumerate(extents):
        block = (n + 2) * NS
        intensity.on_trade(i, block, BUY, px_at(1.0 + extent, BUY), 5, MID2)  # prints of a sweep in any order
        intensity.on_trade(i, block, BUY, px_at(1.0, BUY), 5, MID2)
    tick_over(i, 101)
    assert i.n_sweeps == 4
    assert i.tape_k[ASK] == pytest.approx(1.0 / 1.5, rel=1e-9)
    # 4 sweeps in 100 s reached 1 bp: A e^{-k} = .04
    assert i.tape_a[ASK] * math.exp(-i.tape_k[ASK] * 1.0) == pytest.approx(0.04, rel=1e-9)
    assert i.tape_a[2] * math.exp(-i.tape_k[2] * 1.0) == pytest.approx(0.02, rel=1e-9)  # per side
    assert intensity.tape_k_error(i) == pytest.approx(1.0 / 1.5 / 2.0, rel=1e-6)


def test_on_a_price_grid_the_extent_is_geometric():
    i = make(half_life_s=0.0, prior_sweeps=1e-12)  # 0: keep all evidence
    intensity.on_touch(i, NS, 0.5, 1.0)
    for n, ticks in enumerate([0, 0, 0, 1]):
        intensity.on_trade(i, (n + 2) * NS, SELL, px_at(0.5, SELL), 5, MID2)
        intensity.on_trade(i, (n + 2) * NS, SELL, px_at(0.5 + ticks, SELL), 5, MID2)
    tick_over(i, 101)
    assert i.tape_k[BID] == pytest.approx(math.log1p(1.0 / 0.25), rel=1e-9)


def simulate_tape(i, rng, a, k, seconds, tick, spreads=(1, 3), floor=0.0):
    """Poisson sweeps, rate A e^{-k d}, against a touch whose half-spread changes; prices on a grid of `tick` bps."""
    half = spreads[0] * tick / 2.0
    t = 1.0
    intensity.on_touch(i, NS, half, tick)
    next_clock = 2
    arrivals = np.cumsum(rng.exponential(1.0 / (2.0 * a), int(2.2 * a * seconds))) + 1.0
    for t in arrivals[arrivals < seconds]:
        while next_clock <= t:
            if next_clock % 3 == 0:
                half = float(rng.choice(spreads)) * tick / 2.0
                intensity.on_touch(i, next_clock * NS, half, tick)
            intensity.on_clock(i, next_clock * NS)
            next_clock += 1
        latent, side = rng.exponential(1.0 / k), int(rng.choice([BUY, SELL]))
        if latent < half:
            continue  # did not reach the touch
        reach = half + math.floor((latent - half) / tick) * tick
        block = int(t * 1e9)
        for depth in {half, reach}:
            intensity.on_trade(i, block, side, px_at(depth, side), 1, MID2)


@pytest.mark.parametrize(("tick", "floor"), [(0.02, 0.0), (1.0, 0.0), (1.0, 2.0), (0.1, 1.7)])
def test_the_tape_recovers_rate_and_decay(tick, floor):
    """Whatever the tick, the spread and the depth from which on we look."""
    rng = np.random.default_rng(6)
    i = make(floor=floor)
    simulate_tape(i, rng, 2.0, 0.5, 3000, tick)
    assert i.n_sweeps > 1000
    assert intensity.is_warm(i)
    error = intensity.tape_k_error(i)
    assert error < 0.05
    assert abs(i.tape_k[2] - 0.5) < 4 * error
    for depth in (max(1.0, floor), 4.0):
        rate = i.tape_a[2] * math.exp(-i.tape_k[2] * depth)
        assert rate == pytest.approx(2.0 * math.exp(-0.5 * depth), rel=0.12)
    assert intensity.rate(i, 3.0) == pytest.approx(2.0 * math.exp(-1.5), rel=0.12)  # no own orders: the tape


def test_the_prior_holds_until_there_are_data():
    i = make()
    assert not intensity.is_warm(i)
    assert intensity.a(i) == pytest.approx(PRIOR_A, rel=1e-6)
    assert intensity.k(i) == pytest.approx(PRIOR_K, rel=1e-6)
    assert intensity.rate(i, 2.0) == pytest.approx(PRIOR_A * math.exp(-0.8), rel=1e-6)
    assert intensity.rate(i, -1.0) == intensity.rate(i, 0.0)
    tick_over(i, 100)  # time without a book is no exposure
    assert intensity.a(i) == pytest.approx(PRIOR_A, rel=1e-6)
    intensity.on_touch(i, 100 * NS, 1.0, 0.0)
    tick_over(i, 400)  # but a book that nobody hits is
    assert intensity.a(i) < 0.1 * PRIOR_A


def test_sides_differ_where_the_tape_differs():
    i = make()
    intensity.on_touch(i, NS, 1.0, 0.0)
    for n in range(600):
        side = SELL if n % 3 else BUY
        block = (n + 2) * NS
        intensity.on_trade(i, block, side, px_at(1.0, side), 1, MID2)
        intensity.on_trade(i, block, side, px_at(1.0 + (2.0 if n % 2 else 4.0), side), 1, MID2)
        intensity.on_clock(i, block)
    bid, ask = intensity.side_rate(i, BID, 2.0), intensity.side_rate(i, ASK, 2.0)
    assert bid / ask == pytest.approx(2.0, rel=0.05)
    assert (bid + ask) / 2.0 == pytest.approx(intensity.rate(i, 2.0), rel=0.05)


def test_old_evidence_fades():
    i = make(half_life_s=50.0)
    intensity.on_touch(i, NS, 1.0, 0.0)
    for n in range(100):
        intensity.on_trade(i, (n + 2) * NS, BUY, px_at(1.0, BUY), 1, MID2)
    intensity.on_clock(i, 110 * NS)
    at_first = float(i.sweeps[ASK])
    tick_over(i, 160, step_s=10)
    assert i.sweeps[ASK] == pytest.approx(at_first / 2.0, rel=1e-9)


def test_late_and_unplaceable_prints_are_counted():
    i = make()
    intensity.on_touch(i, NS, 1.0, 0.0)
    intensity.on_trade(i, 10 * NS, BUY, px_at(1.0, BUY), 1, MID2)
    intensity.on_trade(i, 9 * NS, BUY, px_at(1.0, BUY), 1, MID2)
    assert i.n_late == 1
    intensity.on_clock(i, 20 * NS)  # closes the sweep
    assert i.n_sweeps == 1
    intensity.on_trade(i, 10 * NS, BUY, px_at(1.0, BUY), 1, MID2)
    assert i.n_late == 2
    intensity.on_trade(i, 21 * NS, SELL, px_at(1.0, SELL), 1, 0)
    intensity.on_clock(i, 30 * NS)
    assert i.n_no_mid == 1
    assert i.n_sweeps == 1


def test_own_fills_outweigh_the_tape_in_time():
    i = make(own_prior_s=10.0)
    tape = intensity.rate(i, 5.0)
    for n in range(2000):
        intensity.on_exposure(i, 4.0 + n % 4, 5.0, 0)
    tick_over(i, 10)
    tick_over(i, 20)
    assert intensity.rate(i, 5.0) < 0.1 * tape
    intensity.on_exposure(i, math.nan, 5.0, 0)
    intensity.on_exposure(i, 1.0, -1.0, 0)
    assert i.n_bad_exposure == 2
