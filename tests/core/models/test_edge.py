"""Edge by context: Normal-Inverse-Gamma and Efron-Morris golden numbers, shrinkage, coverage, should_widen."""

import math

import numpy as np
import pytest
from scipy import stats

from touchstone.core import quick
from touchstone.core.models import edge

REALISED = np.array([-14.88, -15.14, -7.21, 6.36])  # the four fills of the report
C = np.int64(edge.context(0, 2, 5, 0))


def new_model(memory=1e9):
    model = np.zeros(1, edge.EDGE)[0]
    edge.reset(model, memory, memory)
    return model


def nig(m, k, a, b, x):
    x = np.asarray(x, float)
    return edge.posterior(m, k, a, b, float(len(x)), float(x.mean()), float(((x - x.mean()) ** 2).sum()))


def test_normal_inverse_gamma_golden() -> None:
    """Prior (0, 1, 2, 100) and the report's four edges: posterior, scales, and the right tail, 1 - CDF(0)."""
    m, k, a, b = nig(0.0, 1.0, 2.0, 100.0, REALISED)
    assert (m, k, a, b) == pytest.approx((-6.174, 5.0, 4.0, 276.23816), rel=1e-7)
    assert math.sqrt(b / (a * k)) == pytest.approx(3.716438, abs=1e-6)
    assert math.sqrt(b * (k + 1) / (a * k)) == pytest.approx(9.103376, abs=1e-6)
    assert edge.p_above(m, k, a, b, 0.0) == pytest.approx(0.067618, abs=1e-6)
    assert edge.p_next_above(m, k, a, b, 0.0) == pytest.approx(0.258386, abs=1e-6)
    below, _ = quick.student_t((0.0 - m) / math.sqrt(b / (a * k)), 2 * a)
    assert below == pytest.approx(0.932382, abs=1e-6)  # the report's "p_positive": it is P(edge < 0)


@pytest.mark.parametrize(("prior", "p"), [((0.0, 0.1, 2.0, 100.0), 0.046391), ((0.0, 1.0, 1.0, 50.0), 0.081496)])
def test_other_priors(prior, p) -> None:
    assert edge.p_above(*nig(*prior, REALISED), 0.0) == pytest.approx(p, abs=1e-6)


def test_one_by_one_is_all_at_once() -> None:
    at_once, state = nig(0.0, 1.0, 2.0, 100.0, REALISED), (0.0, 1.0, 2.0, 100.0)
    for x in REALISED:
        state = edge.posterior(*state, 1.0, float(x), 0.0)
    assert state == pytest.approx(at_once, rel=1e-12)


def test_efron_morris() -> None:
    """18 batters of 1970, first 45 at bats: grand mean .2654, shrink factor .2124, first .2940, last .2422."""
    thousandths = [400, 378, 356, 333, 311, 311, 289, 267, 244, 244, 222, 222, 222, 222, 222, 200, 178, 156]
    y = np.array(thousandths) / 1e3  # as published
    grand = y.mean()
    squares, variance = float(((y - grand) ** 2).sum()), float(grand * (1 - grand) / 45)
    towards = edge.shrink_factor(18.0, squares, variance)
    kept = 1.0 - towards
    assert grand == pytest.approx(0.2654, abs=5e-5)
    assert kept == pytest.approx(0.2124, abs=2e-4)
    assert grand + kept * (y[0] - grand) == pytest.approx(0.2940, abs=1e-4)
    assert grand + kept * (y[-1] - grand) == pytest.approx(0.2422, abs=1e-4)
    season = np.array([346, 298, 276, 222, 273, 270, 263, 210, 269, 230, 264, 256, 303, 264, 226, 285, 316, 200]) / 1e3
    shrunk = grand + kept * (y - grand)
    assert ((y - season) ** 2).sum() == pytest.approx(0.07537, abs=5e-4)
    assert ((shrunk - season) ** 2).sum() == pytest.approx(0.02131, abs=5e-4)
    assert edge.shrink_factor(18.0, 0.001, 1.0) == 1.0  # positive part
    assert edge.shrink_factor(3.0, 9.0, 1.0) == 1.0


def test_a_context_is_its_four_buckets() -> None:
    seen = set()
    for regime in range(4):
        for position in range(5):
            for depth in range(8):
                for s in range(2):
                    c = int(edge.context(regime, position, depth, s))
                    seen.add(c)
                    name = edge.name_of(c)
                    assert (name["regime"], name["depth_bucket"]) == (regime, depth)
                    assert (name["position"], name["side"]) == (edge.POSITION_NAMES[position], ("bid", "ask")[s])
    assert seen == set(range(edge.N_CONTEXT))
    assert [int(edge.position_bucket(x)) for x in (-1.0, -0.5, -0.05, 0.1, 0.7)] == [0, 1, 2, 3, 4]


def test_without_data_it_says_little() -> None:
    location, scale, dof, unit = edge.predict(new_model(), C, 2.0)
    assert location == 0.0
    assert 8 < scale < 14  # bps: what a fill of the report's market did
    assert dof > 2.0
    assert unit > 0
    assert edge.p_above(*edge.of_context(new_model(), C), 0.0) == 0.5
    assert edge.widen_bps(new_model(), C) == 0.0


def learn(model, c, y, sigma=2.0):
    location, _, _, unit = edge.predict(model, c, sigma)
    edge.learn(model, c, sigma, float(y), location, unit)


def test_what_all_contexts_share_reaches_one_that_was_never_seen() -> None:
    """Depth 5 earns 3 bps everywhere, regime 1 costs 4: an unseen pair of them is told from its effects."""
    model, rng = new_model(), np.random.default_rng(4)
    for _ in range(3000):
        regime, depth = int(rng.integers(2)), int(rng.integers(4, 6))
        if regime == 1 and depth == 5:
            continue
        c = np.int64(edge.context(regime, int(rng.integers(5)), depth, int(rng.integers(2))))
        learn(model, c, 3.0 * (depth == 5) - 4.0 * (regime == 1) + 5 * rng.standard_normal())
    unseen = np.int64(edge.context(1, 2, 5, 0))
    assert model.cell[unseen].n == 0
    m, k, _, _ = edge.of_context(model, unseen)
    assert m == pytest.approx(-1.0, abs=0.7)
    assert 0.3 * model.cell_k < k < model.cell_k  # the effects are known well, not perfectly


def test_how_far_contexts_differ_is_estimated() -> None:
    """Contexts that are alike are drawn together hard, contexts that differ by 4 bps at sd 5 hardly."""
    alike, apart, rng = new_model(), new_model(), np.random.default_rng(5)
    own = rng.normal(0, 4, edge.N_CONTEXT)
    for _ in range(6000):
        c = np.int64(rng.integers(edge.N_CONTEXT))
        noise = 5 * rng.standard_normal()
        learn(alike, c, noise)
        learn(apart, c, own[c] + noise)
    edge.rethink(alike)
    edge.rethink(apart)
    assert alike.cell_k > 100
    assert apart.cell_k == edge.K_LEAST  # sigma^2 / tau^2 = 1.6, floored
    worst, best = np.int64(np.argmin(own)), np.int64(np.argmax(own))
    assert edge.of_context(apart, worst)[0] < -4
    assert edge.of_context(apart, best)[0] > 4


@pytest.mark.parametrize("dof", [3.0, 200.0])
def test_intervals_cover_whatever_the_tails(dof: float) -> None:
    """Central 50 % and 90 % within 5 points over 2,000 held-out fills, heavy tails and volatility that changes."""
    model, rng = new_model(2000.0), np.random.default_rng(6)
    inside = np.zeros(2)
    for i in range(3000):
        sigma = float(rng.uniform(1.0, 4.0))
        c = np.int64(rng.integers(edge.N_CONTEXT))
        location, scale, t_dof, unit = edge.predict(model, c, sigma)
        y = -1.0 + 3.0 * sigma * float(stats.t.rvs(dof, random_state=rng))
        if i >= 1000:
            u = stats.t.cdf((y - location) / scale, t_dof)
            inside += [0.25 <= u <= 0.75, 0.05 <= u <= 0.95]
        edge.learn(model, c, sigma, y, location, unit)
    assert abs(inside[0] / 2000 - 0.5) < 0.05
    assert abs(inside[1] / 2000 - 0.9) < 0.05


def test_should_widen_has_hysteresis_and_says_by_how_much() -> None:
    model, rng = new_model(), np.random.default_rng(7)
    for n in range(60):
        learn(model, C, -8.0 + rng.standard_normal())
        if n < 19:
            assert edge.widen_bps(model, C) == 0.0  # too few, whatever they say
    m = edge.of_context(model, C)[0]
    assert edge.widen_bps(model, C) == pytest.approx(-m)
    assert m < -edge.LOSS_LEAST_BPS
    released = None
    for n in range(400):
        learn(model, C, 6.0 + rng.standard_normal())
        p_loss = 1 - edge.p_above(*edge.of_context(model, C), -edge.LOSS_LEAST_BPS)
        if released is None and edge.widen_bps(model, C) == 0.0:
            released = n
            assert p_loss < edge.RELEASE_AT
        elif released is None:
            assert p_loss >= edge.RELEASE_AT
    assert released is not None


def test_contexts_without_edge_are_seldom_widened() -> None:
    """The report's rule, widen below -2 bps, fires on a quarter of contexts without edge; this one on half as many."""
    rng, widened, by_point = np.random.default_rng(8), 0, 0
    contexts = [np.int64(edge.context(0, position, 5, s)) for position in range(5) for s in range(2)]
    for _ in range(10):
        model = new_model()
        for _ in range(25):
            for c in contexts:
                learn(model, c, 15 * rng.standard_normal())
        widened += sum(edge.widen_bps(model, c) > 0 for c in contexts)
        by_point += sum(model.cell[c].average < -2 for c in contexts)
    assert by_point >= 15  # of 100
    assert widened <= by_point / 2


def test_extreme_inputs_are_clipped_and_counted() -> None:
    model = new_model()
    for _ in range(50):
        learn(model, C, 1.0)
    learn(model, C, 1e9)
    assert model.n_clipped == 1
    assert abs(edge.of_context(model, C)[0]) < 5
    edge.learn(model, C, 2.0, math.nan, 0.0, 1.0)
    edge.learn(model, C, math.nan, 1.0, 0.0, 1.0)
    assert model.n_skipped == 2
