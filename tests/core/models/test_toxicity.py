"""Toxicity classifier: starts as the model without signals, finds true weights, is calibrated, shares weights."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize

from touchstone.core.conventions import NS
from touchstone.core.models import toxicity
from touchstone.core.numerics import logit

BID, ASK = np.int64(0), np.int64(1)
FAR = 60 * NS  # outcomes this far apart weigh 1 each


def new_model():
    model = np.zeros(1, toxicity.TOXICITY)[0]
    toxicity.reset(model)
    return model


def inputs(signals, s, p0):
    x = np.zeros(toxicity.N_X)
    toxicity.features(x, np.asarray(signals, dtype=np.float64), s, p0)
    return x


def test_without_data_it_is_the_model_without_signals():
    model = new_model()
    quiet = np.zeros(toxicity.N_SIGNALS)
    for p0 in (0.02, 0.3, 0.5, 0.9):
        p = toxicity.predict(model, inputs(quiet, BID, p0))
        assert abs(p - 0.5) <= abs(p0 - 0.5)  # its own doubt draws it to one half
        assert p == pytest.approx(p0, abs=0.06)
        sides = np.zeros(2)
        toxicity.per_side(model, quiet, p0, sides)
        assert sides == pytest.approx([p0, p0])


def test_signals_turn_with_the_side():
    up = np.arange(1.0, toxicity.N_SIGNALS + 1)
    bid, ask = inputs(up, BID, 0.3), inputs(up, ASK, 0.3)
    signed = slice(2, 2 + toxicity.N_SIGNED)
    assert (bid[signed] == -ask[signed]).all()
    assert (ask[signed] > 0).all(), "what goes up threatens the ask"
    assert (bid[2 + toxicity.N_SIGNED :] == ask[2 + toxicity.N_SIGNED :]).all()


TRUE = np.array([-0.3, 0.8, 0.1, 0.0, 0.2, 0.0, 0.0, 0.5, 0.2, -0.2])


def simulated(n, seed):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        s = np.int64(rng.integers(2))
        p0 = float(rng.uniform(0.05, 0.8))
        x = inputs(rng.normal(0, 1, toxicity.N_SIGNALS), s, p0)
        y = np.int64(rng.random() < 1 / (1 + math.exp(-float(x @ TRUE))))
        rows.append((x, s, y))
    return rows


def test_finds_the_weights_of_a_batch_fit_and_is_calibrated():
    rows = simulated(3000, 4)
    model = new_model()
    ps, brier, brier0 = [], 0.0, 0.0
    for t, (x, s, y) in enumerate(rows):
        p = toxicity.predict(model, x)
        toxicity.learn(model, x, p, s, np.int64(t * FAR), y, 1.0)
        if t >= 1000:
            ps.append(p)
            brier += (p - y) ** 2
            brier0 += (1 / (1 + math.exp(-x[1])) - y) ** 2
    assert model.n_outcomes == 3000
    assert model.weight == pytest.approx(3000, rel=1e-6)
    design, hits = np.array([x for x, _, _ in rows]), np.array([y for _, _, y in rows])
    remembered = np.exp((np.arange(3000) - 2999) / toxicity.MEMORY)
    prior = math.exp(-3000 / toxicity.MEMORY) / toxicity.PRIOR_SD**2  # the prior is forgotten as outcomes are

    def minus_log_posterior(w):
        z = design @ w
        return remembered @ (np.logaddexp(0, z) - hits * z) + 0.5 * prior @ (w - toxicity.PRIOR_WEIGHT) ** 2

    batch = minimize(minus_log_posterior, toxicity.PRIOR_WEIGHT, method="BFGS")
    sd = np.sqrt(np.diag(model.covariance))
    assert model.location == pytest.approx(batch.x, abs=0.06)
    assert sd == pytest.approx(np.sqrt(np.diag(batch.hess_inv)), rel=0.3)
    assert (np.abs(model.location - TRUE) < 4 * sd).all()
    assert brier < 0.97 * brier0
    p, hit = np.array(ps), np.array([y for _, _, y in rows[1000:]])
    for part in np.array_split(np.argsort(p), 5):
        assert abs(p[part].mean() - hit[part].mean()) < 4 * 0.5 / math.sqrt(len(part))
    counted = model.group
    assert counted["n"].sum() == 3000
    assert counted["toxic"].sum() == sum(int(y) for _, _, y in rows)


def test_fills_of_one_path_share_a_weight():
    model = new_model()
    x = inputs(np.zeros(toxicity.N_SIGNALS), BID, 0.5)
    now = np.int64(1000 * NS)
    for _ in range(200):  # a sweep through a ladder and all its shadows
        toxicity.learn(model, x, 0.5, BID, now, np.int64(1), 3.0)
    assert model.weight == pytest.approx(toxicity.PURSE)
    toxicity.learn(model, x, 0.5, ASK, now, np.int64(0), -3.0)
    assert model.weight == pytest.approx(toxicity.PURSE + 1.0), "the other side has its own"
    before = float(model.weight)
    for second in range(600):
        for _ in range(5):
            toxicity.learn(model, x, 0.5, BID, np.int64(now + second * NS), np.int64(second % 2), 0.0)
    assert model.weight - before == pytest.approx(60, rel=0.05), "one per 10 s at any rate"
    assert model.group[5].n == model.n_outcomes
    late = np.int64(now)  # news older than the newest takes what is left
    toxicity.learn(model, x, 0.5, BID, late, np.int64(1), 0.0)
    assert model.purse[0] >= 0


def test_scales_follow_the_market_and_unknown_signals_are_usual():
    rng = np.random.default_rng(7)
    model = new_model()
    for _ in range(4000):
        model.raw[:] = rng.normal(0, 3, toxicity.N_SIGNALS)
        model.raw[toxicity.REGIME] = rng.normal(0.6, 0.2)
        model.raw[toxicity.LEADER] = math.nan
        toxicity.learn_scales(model)
    out = np.zeros(toxicity.N_SIGNALS)
    model.raw[:] = 3.0
    model.raw[toxicity.REGIME] = 0.8
    model.raw[toxicity.LEADER] = math.nan
    model.raw[toxicity.OFI] = 1e12
    toxicity.standardise(model, out)
    assert out[toxicity.FLOW] == pytest.approx(1.0, rel=0.1)
    assert out[toxicity.REGIME] == pytest.approx(1.0, rel=0.1)
    assert out[toxicity.LEADER] == 0.0
    assert out[toxicity.OFI] == toxicity.X_MOST
    assert model.per_scale[toxicity.LEADER] == 1 / toxicity.PRIOR_SCALE[toxicity.LEADER]


def test_forgetting_is_bounded_by_the_prior():
    model = new_model()
    x = inputs(np.zeros(toxicity.N_SIGNALS), BID, 0.2)
    for t in range(20_000):
        toxicity.learn(model, x, 0.2, BID, np.int64(t * FAR), np.int64(t % 5 == 0), 0.0)
    prior = toxicity.PRIOR_SD**2
    assert (np.diag(model.covariance) <= prior * (1 + 1e-9)).all()
    assert np.diag(model.covariance)[2:] == pytest.approx(prior[2:]), "signals that never moved taught nothing"
    assert (np.linalg.eigvalsh(model.covariance) > 0).all()
    assert toxicity.predict(model, x) == pytest.approx(0.2, abs=0.05)
    assert x[1] == pytest.approx(logit(0.2))


def trace():
    model = new_model()
    out = []
    for t, (x, s, y) in enumerate(simulated(200, 17)):
        p = toxicity.predict(model, x)
        out.append(p)
        toxicity.learn(model, x, p, s, np.int64(t * NS), y, float(y))
        model.raw[:] = x[2:]
        toxicity.learn_scales(model)
    return model.tobytes() + np.array(out).tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
