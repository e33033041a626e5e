"""PnL identity: exact in whole ledger units for every horizon, equal to the definition computed by brute force."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.conventions import N_MARKOUT
from touchstone.core.trading import markout, pnl

H = [np.int64(h) for h in range(N_MARKOUT)]
BUY, SELL = np.int64(1), np.int64(-1)
LINES = ("spread_capture", "adverse_selection", "post_horizon", "opening_inventory", "fees", "funding", "total")


def i8(x):
    return np.int64(x)


def new_pnl(position=0, mid2=200_000):
    ledger = np.zeros(1, pnl.PNL)[0]
    pnl.reset(ledger, i8(position), i8(mid2))
    return ledger


def attributed(ledger, h, mid2):
    out = np.zeros(1, pnl.ATTRIBUTION)[0]
    pnl.attribute(ledger, i8(h), i8(mid2), out)
    return {name: int(out[name]) for name in LINES}


def exact(ledger, mid2):
    return pnl.is_exact(ledger, i8(mid2), np.zeros(1, pnl.ATTRIBUTION)[0])


def brute_force(q0, m0, fills, funding, markouts, h, m_t):
    """The definition in Python integers: markouts[(i, h)] = mid2, 0 for missing, absent while pending."""
    cash2 = 2 * funding
    position, spread, adverse, post, fees = q0, 0, 0, 0, 0
    for i, (side, px, qty, fee, m) in enumerate(fills):
        m = m or 2 * px
        mh = markouts.get((i, h), m_t) or m
        cash2 -= 2 * (side * px * qty + fee)
        position += side * qty
        spread += side * qty * (m - 2 * px)
        adverse -= side * qty * (mh - m)
        post += side * qty * (m_t - mh)
        fees += 2 * fee
    total = cash2 + position * m_t - q0 * m0
    return dict(zip(LINES, (spread, adverse, post, q0 * (m_t - m0), fees, 2 * funding, total), strict=True))


def test_one_round_trip_by_hand():
    """Buy 10 at 99 (mid 100), sell 4 at 102 (mid 101.5), fee 3 each, funding -5; mids after: 98, 103; now 100.5."""
    ledger = new_pnl(0, 200)
    assert pnl.on_fill(ledger, BUY, i8(99), i8(10), i8(3), i8(200)) == 200
    pnl.on_fill(ledger, SELL, i8(102), i8(4), i8(3), i8(203))
    pnl.on_funding(ledger, i8(-5))
    pnl.on_markout(ledger, H[0], BUY, i8(10), i8(200), i8(196))
    got = attributed(ledger, 0, 201)
    assert got == {
        "spread_capture": 10 * 2 + 4 * 1,
        "adverse_selection": 40 + 4 * (201 - 203),  # second fill pending: current mid
        "post_horizon": 10 * (201 - 196),
        "opening_inventory": 0,
        "fees": 12,
        "funding": -10,
        "total": 2 * (-990 + 408 - 6 - 5) + 6 * 201,
    }
    assert exact(ledger, 201)
    pnl.on_markout_missing(ledger, H[1], BUY, i8(10), i8(200))
    got = attributed(ledger, 1, 201)
    assert got["adverse_selection"] == 0 + 4 * (201 - 203)
    assert got["post_horizon"] == 10 * (201 - 200)
    assert ledger.n_missing[1] == 1
    assert ledger.volume == 990 + 408


price = st.integers(1, 10**8)
fill_strategy = st.tuples(
    st.sampled_from([1, -1]),
    price,
    st.integers(0, 10**4),
    st.integers(-(10**6), 10**6),
    st.one_of(st.just(0), st.integers(1, 2 * 10**8)),
)
step = st.one_of(
    st.tuples(st.just("fill"), fill_strategy),
    st.tuples(st.just("funding"), st.integers(-(10**9), 10**9)),
    st.tuples(st.just("markout"), st.tuples(st.integers(0, N_MARKOUT - 1), st.one_of(st.just(0), price))),
)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(-(10**6), 10**6),
    st.integers(1, 2 * 10**8),
    st.lists(step, max_size=40),
    st.integers(1, 2 * 10**8),
)
def test_identity_is_exact_and_equals_the_definition(q0, m0, steps, m_t):
    ledger = new_pnl(q0, m0)
    fills, funding, markouts, due = [], 0, {}, [0] * N_MARKOUT
    used = []
    for kind, what in steps:
        if kind == "fill":
            side, px, qty, fee, m = what
            used.append(pnl.on_fill(ledger, i8(side), i8(px), i8(qty), i8(fee), i8(m)))
            assert used[-1] == (m or 2 * px)
            fills.append(what)
        elif kind == "funding":
            pnl.on_funding(ledger, i8(what))
            funding += what
        else:
            h, m = what
            if due[h] < len(fills):
                i = due[h]
                due[h] += 1
                markouts[i, h] = m
                pnl.on_markout(ledger, i8(h), i8(fills[i][0]), i8(fills[i][2]), i8(used[i]), i8(m))
        assert exact(ledger, m_t)
    for h in range(N_MARKOUT):
        assert attributed(ledger, h, m_t) == brute_force(q0, m0, fills, funding, markouts, h, m_t)


def test_missing_mids():
    ledger = new_pnl(7, 0)  # opening mid unknown
    assert attributed(ledger, 0, 0)["total"] == 0
    assert pnl.on_fill(ledger, BUY, i8(50), i8(2), i8(0), i8(0)) == 100
    assert ledger.n_no_mid == 1
    assert ledger.mid2_open == 100
    assert attributed(ledger, 0, 110)["opening_inventory"] == 7 * 10
    assert attributed(ledger, 0, 0) == attributed(ledger, 0, 110)  # no mid: the last one
    assert attributed(ledger, 0, 110)["spread_capture"] == 0


def test_a_broken_ledger_is_noticed():
    ledger = new_pnl(0, 200)
    pnl.on_fill(ledger, BUY, i8(99), i8(10), i8(3), i8(200))
    assert exact(ledger, 210)
    ledger.cash2 += 1
    assert not exact(ledger, 210)
    ledger.cash2 -= 1
    ledger.position += 1
    assert not exact(ledger, 210)


def test_large_amounts_fit():
    """A million fills of 100,000 units of collateral on one side: 1e11 units, far below 4.6e12."""
    ledger = new_pnl(0, 2 * 10**6)
    ledger.n_fills = 10**6
    for _ in range(10):
        pnl.on_fill(ledger, BUY, i8(10**6), i8(10**10), i8(0), i8(2 * 10**6))
    assert exact(ledger, 2 * 10**6 + 1)
    assert attributed(ledger, 0, 2 * 10**6 + 2)["total"] == 10 * 10**10 * 2


def test_markout_curve_matches_numpy():
    rng = np.random.default_rng(0)
    m = np.zeros(1, markout.MARKOUT)[0]
    markout.reset(m)
    x, w = rng.normal(1, 15, 200), rng.uniform(1e6, 1e8, 200)
    assert np.isnan(markout.curve(m, i8(1), H[4])[1:]).all()
    for a, b in zip(x, w, strict=True):
        markout.learn(m, i8(1), H[4], float(a), float(b), 1.5)
    markout.learn(m, i8(1), H[4], float("nan"), 1.0, 1.5)
    n, average, error, weighted = markout.curve(m, i8(1), H[4])
    assert n == 200
    assert m.n_skipped == 1
    assert m.n_toxic.tolist() == [0, (x < 1.5).sum()]
    assert average == pytest.approx(x.mean(), rel=1e-12)
    assert error == pytest.approx(x.std(ddof=1) / 200**0.5, rel=1e-12)
    assert weighted == pytest.approx((x * w).sum() / w.sum(), rel=1e-12)
    assert markout.curve(m, i8(0), H[4])[0] == 0


def trace():
    rng = np.random.default_rng(21)
    ledger = new_pnl(-3, 0)
    m = np.zeros(1, markout.MARKOUT)[0]
    markout.reset(m)
    out = np.zeros(1, pnl.ATTRIBUTION)[0]
    for _ in range(300):
        side, px, qty = i8(rng.choice([-1, 1])), i8(rng.integers(900, 1100)), i8(rng.integers(0, 50))
        used = pnl.on_fill(ledger, side, px, qty, i8(rng.integers(-9, 99)), i8(rng.choice([0, 2001, 1990])))
        h = H[rng.integers(N_MARKOUT)]
        pnl.on_markout(ledger, h, side, qty, used, i8(rng.choice([0, 2003, 1980])))
        pnl.on_funding(ledger, i8(rng.integers(-99, 99)))
        pnl.attribute(ledger, h, i8(rng.choice([0, 2010])), out)
        markout.learn(m, i8(rng.integers(2)), h, float(rng.normal()), float(qty), 1.5)
    assert pnl.is_exact(ledger, i8(2005), out)
    return ledger.tobytes() + out.tobytes() + m.tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
