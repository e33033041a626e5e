"""Fill model: recovers a true cloglog hazard, forecasts nearly as well as the truth, is bounded and deterministic."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from touchstone.core.models import fill

H = [np.int64(h) for h in range(fill.N_FILL)]
TRUE_BETA = np.array([-1.2, 0.25, -0.3, -0.4, 0.9, 0.15])


def new_model(weight=1.0, memory=1e9):
    model = np.zeros(1, fill.FILL_MODEL)[0]
    fill.reset(model, weight, memory)
    return model


def new_features(depth=1.0, queue=5.0, imbalance=0.2, sigma=1.5, side=1, a=0.9, k=0.3, trade=2.0, slow=1.5):
    f = np.zeros(1, fill.FEATURES)[0]
    fill.features(f, a, k, float(depth), float(queue), trade, sigma, slow, imbalance, np.int64(side))
    return f


def random_features(rng):
    return new_features(
        depth=rng.uniform(0, 5),
        queue=rng.exponential(6.0),
        imbalance=rng.uniform(-1, 1),
        sigma=rng.uniform(0.7, 3.0),
        side=rng.choice([-1, 1]),
        a=rng.uniform(0.3, 1.2),
    )


def true_p(f, h):
    x = f.x.copy()
    x[1] = np.clip(x[1] * fill.INV_SQRT_TAU[h], -fill.DEPTH_CAP, fill.DEPTH_CAP)
    return -math.expm1(-math.exp(min(f.offset[h] + x @ TRUE_BETA, 2.5)))


@pytest.mark.parametrize("h", H)
def test_recovers_a_true_cloglog_hazard(h):
    rng = np.random.default_rng(7 + int(h))
    model = new_model()
    loss = loss_true = 0.0
    n = 5000
    for i in range(n):
        f = random_features(rng)
        if h == 2:
            f.offset[h] -= 3.0  # else nearly all fill within a minute
        truth = true_p(f, h)
        y = np.int64(rng.random() < truth)
        p, _ = fill.predict(model, f, h)
        if i >= n // 2:
            loss += (p - y) ** 2 / (n / 2)
            loss_true += (truth - y) ** 2 / (n / 2)
        fill.learn(model, f, h, y)
    sd = np.sqrt(np.diag(model.covariance[h]))
    assert np.all(np.abs(model.location[h] - TRUE_BETA) < 3 * sd)
    assert np.all(sd < 0.7 * fill.PRIOR_SD)
    assert loss - loss_true < 0.002
    assert model.n_outcomes[h] == n


def test_agrees_with_a_glm_of_the_same_prior():
    """Against the exact posterior mode and curvature (Newton on the log posterior), 1500 outcomes."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(3)
    model, h = new_model(), H[1]
    rows, offsets, ys = [], [], []
    for _ in range(1500):
        f = random_features(rng)
        f.offset[h] -= 1.5
        y = np.int64(rng.random() < true_p(f, h))
        fill.learn(model, f, h, y)
        x = f.x.copy()
        x[1] = np.clip(x[1] * fill.INV_SQRT_TAU[h], -4, 4)
        rows.append(x)
        offsets.append(f.offset[h])
        ys.append(y)
    x, offset, y = np.array(rows), np.array(offsets), np.array(ys)

    def negative_log_posterior(beta):
        m = np.exp(np.clip(offset + x @ beta, -12, 2.5))
        prior = 0.5 * np.sum(((beta - fill.PRIOR_MEAN[h]) / fill.PRIOR_SD) ** 2)
        return prior - np.sum(np.where(y == 1, np.log(-np.expm1(-m)), -m))

    mode = minimize(negative_log_posterior, fill.PRIOR_MEAN[h], method="BFGS")
    step = 1e-4  # curvature in eta by differences; hess_inv of BFGS is only as good as its path
    eta = offset + x @ mode.x

    def log_likelihood(at):
        m = np.exp(np.clip(at, -12, 2.5))
        return np.where(y == 1, np.log(-np.expm1(-m)), -m)

    bend = -(log_likelihood(eta + step) - 2 * log_likelihood(eta) + log_likelihood(eta - step)) / step**2
    sd = np.sqrt(np.diag(np.linalg.inv((x.T * bend) @ x + np.diag(1.0 / np.asarray(fill.PRIOR_SD) ** 2))))
    assert np.all(np.abs(model.location[h] - mode.x) < 0.35 * sd)
    np.testing.assert_allclose(np.sqrt(np.diag(model.covariance[h])), sd, rtol=0.1)


def test_one_outcome_matches_the_integral():
    """Mean and variance of eta after one outcome against adaptive quadrature of prior times likelihood."""
    from scipy.integrate import quad

    for y in (0, 1):
        model, f, h = new_model(), new_features(queue=0.0, depth=0.5), H[0]
        x = f.x.copy()
        mean, var = x @ model.location[h], x @ model.covariance[h] @ x

        def mass(b, y=y, f=f, mean=mean, var=var):
            m = math.exp(min(f.offset[0] + b, 2.5))
            like = -math.expm1(-m) if y else math.exp(-m)
            return like * math.exp(-0.5 * (b - mean) ** 2 / var)

        low, high = mean - 9 * var**0.5, mean + 9 * var**0.5
        z, first, second = (quad(lambda b, i=i: b**i * mass(b), low, high, limit=200)[0] for i in range(3))
        fill.learn(model, f, h, np.int64(y))
        assert x @ model.location[h] == pytest.approx(first / z, abs=0.01)
        assert x @ model.covariance[h] @ x == pytest.approx(second / z - (first / z) ** 2, rel=0.02)


def test_monotone_in_depth_queue_and_horizon_at_the_prior():
    model = new_model()
    for h in H:
        by_depth = [fill.predict(model, new_features(depth=d), h)[0] for d in np.linspace(-1, 20, 60)]
        assert np.all(np.diff(by_depth) < 0)
        by_queue = [fill.predict(model, new_features(queue=q), h)[0] for q in (0, 1, 5, 20, 100)]
        assert np.all(np.diff(by_queue) < 0)
    f = new_features()
    p = [fill.predict(model, f, h)[0] for h in H]
    assert p[0] < p[1] < p[2]


def test_prediction_is_the_posterior_expectation():
    model, f, h = new_model(), new_features(), H[1]
    rng = np.random.default_rng(0)
    beta = rng.multivariate_normal(model.location[h], model.covariance[h], 400_000)
    x = f.x.copy()
    x[1] *= fill.INV_SQRT_TAU[h]
    p = -np.expm1(-np.exp(np.clip(f.offset[h] + beta @ x, -12, 2.5)))
    got, sd = fill.predict(model, f, h)
    assert got == pytest.approx(p.mean(), abs=0.01)
    assert sd == pytest.approx(p.std(), rel=0.05)


def test_bounded_under_extreme_inputs_and_one_sided_outcomes():
    rng = np.random.default_rng(1)
    model = new_model(weight=1.0, memory=50.0)
    for i in range(1000):
        extreme = rng.choice([0.0, 1e-9, 1.0, 1e9])
        f = new_features(
            depth=rng.choice([-1e4, 0, 1e4]), queue=extreme, sigma=rng.choice([1e-9, 1.0, 1e9]), a=extreme, k=50.0
        )
        for h in H:
            p, sd = fill.predict(model, f, h)
            assert 0.0 < p < 1.0
            assert 0.0 <= sd <= 0.5
            fill.learn(model, f, h, np.int64(i < 500))
    assert np.all(np.isfinite(model.location))
    assert np.all(np.abs(model.location) < 50)
    variances = np.array([np.diag(c) for c in model.covariance])
    assert np.all(variances > 0)
    assert np.all(variances <= fill.PRIOR_SD**2 * (1 + 1e-9))
    assert model.n_clamped > 0


def test_forgets_towards_the_prior():
    model = new_model(memory=100.0)
    h = H[0]
    for _ in range(300):
        fill.learn(model, new_features(), h, np.int64(1))
    away = abs(model.location[h][0] - fill.PRIOR_MEAN[h][0])
    model.outcome_weight = 0.0  # outcomes that say nothing
    for _ in range(1000):
        fill.learn(model, new_features(), h, np.int64(1))
    assert abs(model.location[h][0] - fill.PRIOR_MEAN[h][0]) < 0.01 * away
    np.testing.assert_allclose(np.diag(model.covariance[h]), fill.PRIOR_SD**2, rtol=0.01)


def test_unknown_inputs_are_neutral_and_counted():
    f = new_features(sigma=math.nan, queue=-1.0, imbalance=math.nan, a=math.nan, k=math.nan)
    assert f.n_unknown == 5
    assert list(f.x[1:5]) == [0.0, pytest.approx(math.log(11)), 0.0, 0.0]
    assert np.all(np.isfinite(f.offset))
    assert new_features().n_unknown == 0


def test_tempering_and_bad_outcomes():
    sharp, dull = new_model(1.0), new_model(0.25)
    f, h = new_features(), H[1]
    for model in (sharp, dull):
        for _ in range(40):
            fill.learn(model, f, h, np.int64(0))
    assert sharp.covariance[h][0, 0] < dull.covariance[h][0, 0]
    before = sharp.tobytes()
    fill.learn(sharp, f, h, np.int64(2))
    assert sharp.n_skipped == 1
    sharp.n_skipped = 0
    assert sharp.tobytes() == before


def trace():
    rng = np.random.default_rng(11)
    model = new_model(0.5, 300.0)
    out = []
    for _ in range(150):
        f = random_features(rng)
        for h in H:
            out.append(fill.predict(model, f, h))
            fill.learn(model, f, h, np.int64(rng.random() < 0.3))
    return model.tobytes() + f.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()
    for f in (fill.features, fill.predict, fill.learn, fill.reset, fill._solve, fill._forget):
        assert len(f.signatures) <= 1


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
