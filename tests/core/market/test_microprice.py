"""The microprice: the published toy, a naive symmetrised estimate, and chains whose answer is known."""

import itertools

import numpy as np
import pytest

from touchstone.core.conventions import NS
from touchstone.core.market import microprice

Q = np.array([[0.6, 0.2, 0.05], [0.15, 0.6, 0.15], [0.05, 0.2, 0.6]])
R1 = np.array([[0.13, 0.02], [0.05, 0.05], [0.02, 0.13]])
R2 = np.array([[0.03, 0.04, 0.08], [0.03, 0.04, 0.03], [0.08, 0.04, 0.03]])
K = np.array([-1.0, 1.0])


def solve(q, drift, r2, terms):
    n = len(drift)
    first, g = np.zeros(n), np.zeros(n)
    microprice.solve(q, drift, r2, n, terms, np.zeros((n, n)), np.zeros(n), first, g)
    return first, g


def make(prior_moves=2.0, prior_share=0.5, half_life_s=0.0, n_warm=100.0, solve_s=1000, gap_s=1000):
    m = np.zeros(1, microprice.MICROPRICE)[0]
    microprice.reset(m, half_life_s, solve_s * NS, gap_s * NS, prior_moves, prior_share, n_warm)
    return m


def test_toy_of_three_imbalance_states():
    """Stoikov 2018 recursion: G1 = -+.2444444, sum of six terms -+.2199996, limit .22."""
    first, g = solve(Q, R1 @ K, R2, 6)
    assert first == pytest.approx([-0.2444444, 0.0, 0.2444444], abs=5e-8)
    assert g == pytest.approx([-0.2199996, 0.0, 0.2199996], abs=5e-8)
    _, g = solve(Q, R1 @ K, R2, 64)
    assert g == pytest.approx([-0.22, 0.0, 0.22], abs=1e-9)


def test_elimination_equals_numpy():
    rng = np.random.default_rng(7)
    for n in (1, 2, 7, 20):
        p = rng.dirichlet(np.ones(2 * n), size=n)
        sign = rng.choice([-1.0, 1.0], size=(n, n))
        q, r2 = p[:, :n] * sign, 0.7 * p[:, n:] * sign
        drift = rng.normal(size=n)
        first, g = solve(q, drift, r2, 2000)
        assert first == pytest.approx(np.linalg.solve(np.eye(n) - q, drift), rel=1e-10)
        assert g == pytest.approx(np.linalg.solve(np.eye(n) - q - r2, drift), rel=1e-6, abs=1e-8)


def test_without_data_it_is_the_shrunk_weighted_mid():
    m = make(prior_share=0.5)
    assert not microprice.is_warm(m)
    for level in range(microprice.N_IMBALANCE):
        centre = (level + 0.5) / microprice.N_IMBALANCE
        assert microprice.displacement_bps(m, centre, 1, 2.0) == pytest.approx(0.5 * centre * 0.5 * 2.0)
        assert microprice.displacement_bps(m, -centre, 2, 2.0) == pytest.approx(-0.5 * centre * 1.0 * 2.0)


def test_odd_in_the_imbalance_and_continuous():
    m = make(prior_share=1.0)
    m.adjustment[:] = np.linspace(0.1, 3.0, microprice.N_STATES)
    grid = np.linspace(-1.0, 1.0, 2001)
    for spread, column in ((1, 0), (2, 1), (4, 2), (9, 4)):
        value = np.array([microprice.displacement_bps(m, x, spread, 1.0) for x in grid])
        assert value == pytest.approx(-value[::-1], abs=1e-12)
        assert value[-1] == pytest.approx(m.adjustment[-5 + column])
        assert np.max(np.abs(np.diff(value))) < 0.05
    assert microprice.displacement_bps(m, 0.0, 1, 1.0) == 0.0
    assert microprice.displacement_bps(m, 0.5, 0, 1.0) == 0.0
    assert microprice.displacement_bps(m, float("nan"), 1, 1.0) == 0.0


def random_touches(rng, n):
    """A touch whose mid tends to follow its imbalance: (imbalance, spread ticks, mid in half ticks)."""
    imbalance, mid, spread = 0.1, 100_000, 1
    for _ in range(n):
        yield imbalance, spread, mid
        if rng.random() < 0.3:
            up = 1 if rng.random() < 0.5 + 0.4 * imbalance else -1
            if spread == 1:
                spread, mid = 2, mid + up  # one side retreats
            else:
                spread, mid = 1, mid + up  # and the other follows, or it comes back
            imbalance = rng.uniform(-1.0, 1.0)
        else:
            imbalance = float(np.clip(imbalance + rng.normal(0.0, 0.4), -0.999, 0.999))


def naive_adjustment(touches):
    """Stoikov's estimator on all states, with the mirrored data added; {(signed level, spread): G in ticks}."""
    states, rows = {}, []
    touches = list(touches)

    def key(imbalance, spread, sign):
        level = min(int(abs(imbalance) * microprice.N_IMBALANCE), microprice.N_IMBALANCE - 1)
        return states.setdefault((sign * (1 if imbalance > 0 else -1) * (level + 1), spread), len(states))

    for (i0, s0, m0), (i1, s1, m1) in itertools.pairwise(touches):
        for sign in (1, -1):
            rows.append((key(i0, s0, sign), key(i1, s1, sign), sign * (m1 - m0)))
    n = len(states)
    q, r2, drift, count = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for x, y, move in rows:
        count[x] += 1
        drift[x] += move / 2.0
        (q if move == 0 else r2)[x, y] += 1
    q, r2, drift = q / count[:, None], r2 / count[:, None], drift / count
    first = np.linalg.solve(np.eye(n) - q, drift)
    b = np.linalg.solve(np.eye(n) - q, r2)
    g = first.copy()
    for _ in range(500):
        g = first + b @ g
    return {state: g[x] for state, x in states.items()}


def test_folding_the_mirror_image_equals_adding_mirrored_data():
    touches = list(random_touches(np.random.default_rng(8), 4000))
    m = make(prior_moves=1e-9, solve_s=1)
    for t, (imbalance, spread, mid) in enumerate(touches):
        microprice.update(m, NS + t, imbalance, spread, mid)
    microprice._solve_record(m)
    expected = naive_adjustment(touches)
    for level in range(microprice.N_IMBALANCE):
        for spread in (1, 2):
            g = m.adjustment[level * microprice.N_SPREAD + spread - 1]
            assert g == pytest.approx(expected[level + 1, spread], abs=1e-6)
            assert expected[-level - 1, spread] == pytest.approx(-expected[level + 1, spread], abs=1e-9)


def test_it_predicts_where_the_mid_goes():
    rng = np.random.default_rng(9)
    m = make(solve_s=1)
    touches = list(random_touches(rng, 8000))
    for t, (imbalance, spread, mid) in enumerate(touches):
        microprice.update(m, NS + t * NS // 1000, imbalance, spread, mid)
    assert microprice.is_warm(m)
    assert m.n_solved >= 5
    later = np.array([touches[min(t + 30, 7999)][2] for t in range(8000)]) / 2.0
    now = np.array([x[2] for x in touches]) / 2.0
    g = np.array([microprice.displacement_bps(m, x[0], x[1], 1.0) for x in touches])
    slope = np.sum(g * (later - now)) / np.sum(g * g)
    assert slope == pytest.approx(1.0, abs=0.25)
    assert np.mean((later - now - g) ** 2) < np.mean((later - now) ** 2)


def test_breaks_and_jumps_are_not_transitions():
    m = make(gap_s=5)
    microprice.update(m, 1 * NS, 0.6, 1, 1000)
    microprice.update(m, 2 * NS, 0.2, 0, 0)  # no book
    microprice.update(m, 3 * NS, 0.2, 1, 1100)
    microprice.update(m, 4 * NS, 0.2, 1, 11_000)  # the tick changed
    microprice.update(m, 20 * NS, 0.6, 1, 11_001)  # a silence
    assert (m.n_breaks, m.n_jumps, m.n_transitions) == (2, 1, 0)
    microprice.update(m, 21 * NS, 0.1, 1, 11_001)
    assert m.n_transitions == 1


def test_old_counts_fade():
    m = make(half_life_s=100.0, solve_s=10, gap_s=1000)
    microprice.update(m, 1 * NS, 0.6, 1, 1000)
    microprice.update(m, 2 * NS, 0.6, 1, 1002)
    assert m.n_moves == 1.0
    microprice.update(m, 101 * NS, 0.6, 1, 1002)
    assert m.n_moves == pytest.approx(0.5)
