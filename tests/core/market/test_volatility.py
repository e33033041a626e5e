"""Volatility on a fixed clock: golden sums, the clock's rules, known processes."""

import math

import numpy as np
import pytest

from touchstone.core.conventions import NS
from touchstone.core.market import volatility

PRIOR = 2.5


def make(period_s=1, fast=10.0, slow=100.0, n_warm=5, gap_s=5):
    v = np.zeros(1, volatility.VOLATILITY)[0]
    volatility.reset(v, period_s * NS, fast, slow, PRIOR, n_warm, gap_s * NS)
    return v


def feed(v, mids, period_ns=NS, start=NS):
    """The clock starts at `start` with the first mid; each other mid comes half a period before its tick."""
    volatility.update(v, start, int(mids[0]))
    for i, mid2 in enumerate(mids[1:]):
        volatility.update(v, start + i * period_ns + period_ns // 2, int(mid2))
    volatility.update(v, start + (len(mids) - 1) * period_ns, int(mids[-1]))


def prices(returns_bps, start=10**12):
    return np.rint(start * np.exp(np.cumsum([0.0, *returns_bps]) / 1e4)).astype(np.int64)


def weighted(values, half_life):
    w = 0.5 ** (np.arange(len(values))[::-1] / half_life)
    return np.sum(w * values) / np.sum(w)


def test_sigma_is_the_weighted_mean_of_squares():
    returns = np.array([3.0, -1.0, 0.5, 4.0, -2.0, 1.5, 0.0, -3.5])
    v = make()
    feed(v, prices(returns))
    assert v.n_returns == len(returns)
    assert volatility.sigma(v) == pytest.approx(math.sqrt(weighted(returns**2, 10.0)), rel=1e-6)
    assert volatility.sigma_slow(v) == pytest.approx(math.sqrt(weighted(returns**2, 100.0)), rel=1e-6)
    pairs = np.abs(returns[1:] * returns[:-1])
    assert volatility.sigma_smooth(v) == pytest.approx(math.sqrt(math.pi / 2 * weighted(pairs, 100.0)), rel=1e-6)


def test_units_are_bps_per_root_second_whatever_the_period():
    rng = np.random.default_rng(1)
    returns = rng.normal(0.0, 3.0 * math.sqrt(4.0), 4000)
    v = make(period_s=4, fast=2000.0, slow=4000.0, gap_s=20)
    feed(v, prices(returns), period_ns=4 * NS)
    error = volatility.sigma_error(v, volatility.SLOW)
    assert abs(volatility.sigma_slow(v) - 3.0) < 4 * error
    w = 0.5 ** (np.arange(4000) / 1000.0)  # half-life of 1000 periods
    n_eff = w.sum() ** 2 / (w * w).sum()
    assert error == pytest.approx(3.0 / math.sqrt(2 * n_eff), rel=0.1)


def test_prior_until_warm():
    v = make(n_warm=5)
    assert volatility.sigma(v) == PRIOR
    assert not volatility.is_warm(v)
    assert math.isnan(volatility.jump_share(v))
    assert math.isnan(volatility.sigma_error(v, volatility.FAST))
    feed(v, prices([1.0] * 4))
    assert volatility.sigma(v) == PRIOR
    assert volatility.sigma_smooth(v) == PRIOR
    v = make(n_warm=5)
    feed(v, prices([1.0] * 5))
    assert volatility.is_warm(v)
    assert volatility.sigma(v) == pytest.approx(1.0, rel=1e-6)


def test_only_the_value_at_the_tick_counts():
    v = make(n_warm=1)
    mid = 10**9
    volatility.update(v, 1 * NS, mid)
    for _ in range(50):  # flicker inside one second
        volatility.update(v, int(1.2 * NS), mid * 2)
        volatility.update(v, int(1.8 * NS), mid)
    volatility.update(v, 2 * NS, mid)
    assert v.n_returns == 1
    assert volatility.sigma(v) == 0.0


def test_a_quiet_second_is_a_return_of_zero_but_a_gap_is_none():
    v = make(n_warm=1, gap_s=5)
    volatility.update(v, 1 * NS, 10**9)
    volatility.update(v, 4 * NS, 10**9)
    assert v.n_returns == 3
    volatility.update(v, 10 * NS, 2 * 10**9)  # six seconds later: nobody looked
    volatility.update(v, 11 * NS, 2 * 10**9)
    assert v.n_gaps == 1
    assert v.n_returns == 4
    assert volatility.sigma(v) == 0.0


def test_no_return_crosses_a_missing_mid():
    v = make(n_warm=1)
    volatility.update(v, 1 * NS, 10**9)
    volatility.update(v, 2 * NS, 0)
    volatility.update(v, 3 * NS, 0)
    volatility.update(v, int(3.5 * NS), 3 * 10**9)
    volatility.update(v, 5 * NS, 3 * 10**9)
    assert v.n_no_mid == 1
    assert v.n_returns == 2
    assert volatility.sigma(v) == 0.0


def test_time_never_runs_backwards():
    v = make()
    volatility.update(v, 3 * NS, 10**9)
    volatility.update(v, 2 * NS, 2 * 10**9)
    assert v.n_backwards == 1
    assert v.seen_mid2 == 10**9


def test_jumps_raise_the_squares_not_the_bipower_sigma():
    """Bipower variation (Barndorff-Nielsen and Shephard 2004) keeps the diffusion's sigma under jumps."""
    rng = np.random.default_rng(2)
    returns = rng.normal(0.0, 2.0, 6000)
    calm, jumpy = make(slow=3000.0), make(slow=3000.0)
    feed(calm, prices(returns))
    returns[::1000] += 100.0 * rng.choice([-1, 1], 6)
    feed(jumpy, prices(returns))
    assert volatility.jump_share(calm) < 0.06
    assert volatility.jump_share(jumpy) == pytest.approx(10.0 / 14.0, abs=0.1)
    assert volatility.sigma_slow(jumpy) == pytest.approx(math.sqrt(14.0), rel=0.15)
    assert volatility.sigma_smooth(jumpy) == pytest.approx(2.0, rel=0.12)


def test_fast_follows_a_change_and_slow_remembers():
    rng = np.random.default_rng(3)
    v = make(fast=30.0, slow=3000.0)
    feed(v, prices(np.concatenate([rng.normal(0, 1.0, 3000), rng.normal(0, 5.0, 200)])))
    assert volatility.sigma(v) == pytest.approx(5.0, rel=0.25)
    assert volatility.sigma_slow(v) < 3.0
