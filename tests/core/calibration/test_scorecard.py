"""The scorer itself: does it call a good model good, a useless one not, and a bad one bad?"""

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from touchstone.core.calibration import evidence, recalibration, scorecard, scores
from touchstone.core.conventions import N_DEPTH
from touchstone.core.jit import compiled
from touchstone.core.numerics import hash_unit, logit, sigmoid

S = 1_000_000_000
HORIZON = np.int64(10 * S)
STEP = np.int64(20 * S)
BUCKET = np.int64(0)
YES, NO = np.int64(1), np.int64(0)


def _card(kind=scorecard.BINARY):
    card = np.zeros(1, scorecard.CARD)[0]
    scorecard.reset(card, kind, HORIZON)
    return card


def _summary(card):
    out = np.zeros(1, scorecard.SUMMARY)[0]
    scorecard.summary(card, out)
    return out


@compiled
def _beta_2_8(seed, i):
    """The second smallest of nine uniforms."""
    low, second = 1.0, 1.0
    for k in range(9):
        u = hash_unit(seed, i, np.int64(k + 1))
        if u < low:
            second = low
            low = u
        elif u < second:
            second = u
    return second


@compiled
def _forecasts(seed, shift, slope, p, y):
    """Truth Beta(2, 8); stated logit = slope x true logit + shift."""
    for i in range(len(p)):
        truth = _beta_2_8(seed, np.int64(i))
        y[i] = np.int64(1) if hash_unit(seed, np.int64(i), np.int64(0)) < truth else np.int64(0)
        p[i] = sigmoid(slope * logit(truth) + shift)


@compiled
def _shuffle_blocks(seed, y, length):
    """Permute blocks of outcomes (Fisher-Yates)."""
    blocks = len(y) // length
    for i in range(blocks - 1, 0, -1):
        j = np.int64(hash_unit(seed, np.int64(i), np.int64(77)) * (i + 1))
        for k in range(length):
            held = y[i * length + k]
            y[i * length + k] = y[j * length + k]
            y[j * length + k] = held


@compiled
def _learn_all(card, made_ns, p, y):
    for i in range(len(p)):
        q = scorecard.baseline(card, BUCKET)
        scorecard.learn_binary(card, made_ns + i * STEP, BUCKET, p[i], q, y[i], YES, YES)


def _data(seed: int, n: int, shift: float = 0.0, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    p, y = np.zeros(n), np.zeros(n, np.int64)
    _forecasts(np.int64(seed), float(shift), float(slope), p, y)
    return p, y


def _judge(p: np.ndarray, y: np.ndarray):
    card = _card()
    _learn_all(card, NO, p, y)
    return card, _summary(card)


def _name(out) -> str:
    return scorecard.VERDICT_NAMES[out.verdict]


# --- bookkeeping


def test_no_data() -> None:
    out = _summary(_card())
    assert _name(out) == "NO DATA"
    for name in scorecard.SUMMARY.names:
        value = out[name]
        if scorecard.SUMMARY[name].kind == "f":
            assert math.isnan(value), name
        elif name not in ("kind", "horizon_ns"):
            assert not np.any(value), name


def test_numbers_of_a_short_record() -> None:
    card = _card()
    rows = [(0.2, 0), (0.7, 1), (0.4, 1), (0.0, 1)]
    baselines = []
    for i, (p, y) in enumerate(rows):
        q = scorecard.baseline(card, BUCKET)
        baselines.append(q)
        scorecard.learn_binary(card, np.int64(i * 60 * S), BUCKET, p, q, np.int64(y), np.int64(i % 2), YES)
    assert baselines == [0.5, 0.25, 0.5, 0.625]
    out = _summary(card)
    assert (out.n, out.n_windows, out.n_blocks, out.n_log_clipped) == (4, 2, 4, 1)
    assert tuple(out.events) == (1, 3)
    loss = np.mean([(p - y) ** 2 for p, y in rows])
    against = np.mean([(q - y) ** 2 for q, (_, y) in zip(baselines, rows, strict=True)])
    assert out.loss == pytest.approx(loss)
    assert out.baseline_loss == pytest.approx(against)
    assert out.bss == pytest.approx(1 - loss / against)
    assert out.gain == pytest.approx(against - loss)
    assert out.loss == pytest.approx(out.mcb - out.dsc + out.unc)
    assert out.log_score == pytest.approx(np.mean([scores.log_score(p, y)[0] for p, y in rows]))
    line = np.zeros(1, evidence.LINE)[0]
    for i in (1, 3):  # only windows are bet on
        evidence.bet_on_better(line, baselines[i], rows[i][0], np.int64(rows[i][1]))
    assert out.e_skill == pytest.approx(line.log_e / math.log(10))
    assert math.isnan(out.ir)
    assert _name(out) == "WARMING"


def test_what_only_the_queue_model_decides_counts_apart() -> None:
    card = _card()
    for i in range(10):
        scorecard.learn_binary(card, np.int64(i * STEP), BUCKET, 0.3, 0.5, YES, YES, NO)
    out = _summary(card)
    assert (out.n, out.n_windows, out.n_model_decided) == (0, 0, 10)
    assert out.loss_model_decided == pytest.approx(0.49)
    assert scorecard.baseline(card, BUCKET) == 0.5
    assert _name(out) == "NO DATA"


@pytest.mark.parametrize("p", [math.nan, -0.1, 1.1, math.inf])
def test_no_probability_is_dropped_and_counted(p: float) -> None:
    card = _card()
    scorecard.learn_binary(card, NO, BUCKET, p, 0.5, YES, YES, YES)
    assert (card.n, card.n_invalid) == (0, 1)


# --- verdicts of the scorer


@pytest.mark.parametrize(
    ("n", "ratio", "skill", "ratio_tolerance"),
    [
        (100, (0.72, 1.80, 2.69), (-0.034, 0.078, 0.175), 0.12),
        (1000, (3.3, 4.8, 6.2), (0.061, 0.092, 0.123), 0.15),
    ],
)
def test_calibrated_forecasts_reproduce_the_table(n, ratio, skill, ratio_tolerance) -> None:
    """Science 4.5, calibrated Beta(2, 8): 5/50/95 % of DSC/MCB and of the skill against the in-sample rate.

    The skill is exact; DSC/MCB of cells runs a little above the cell-free one (relative tolerance).
    """
    got_ratio, got_skill = [], []
    for run in range(400):
        out = _judge(*_data(1000 + run, n))[1]
        got_ratio.append(out.dsc / out.mcb)
        got_skill.append((out.dsc - out.mcb) / out.unc)
    assert np.quantile(got_ratio, [0.05, 0.5, 0.95]) == pytest.approx(ratio, rel=ratio_tolerance)
    spread = np.std(got_skill)
    # standard error of a quantile: sqrt(q (1-q) / runs) / density, density of a Normal
    for q, want in zip((0.05, 0.5, 0.95), skill, strict=True):
        error = spread * math.sqrt(q * (1 - q) / 400) / stats.norm.pdf(stats.norm.ppf(q))
        assert np.quantile(got_skill, q) == pytest.approx(want, abs=4 * error + 0.001)
    assert np.array_equal(np.array(got_ratio) > 1, np.array(got_skill) > 0)  # an identity


def test_good_forecasts_add_value_and_shuffled_outcomes_do_not() -> None:
    """200 runs of 1,000 outcomes: with outcomes shuffled in blocks of ten, at most 5 % (+ 2 s.e.) earn the verdict."""
    good = shuffled = 0
    for run in range(200):
        p, y = _data(run, 1000)
        good += _name(_judge(p, y)[1]) == "ADDS VALUE"
        _shuffle_blocks(np.int64(run), y, np.int64(10))
        shuffled += _name(_judge(p, y)[1]) == "ADDS VALUE"
    assert good > 150
    assert shuffled <= 200 * (0.05 + 2 * math.sqrt(0.05 * 0.95 / 200))


def test_useless_forecasts_are_harmful() -> None:
    p, y = _data(1, 2000)
    _shuffle_blocks(np.int64(1), y, np.int64(1))
    _, out = _judge(p, y)
    assert _name(out) == "HARMFUL"
    assert out.bss < 0
    assert out.ir < 1
    assert out.degraded


def test_wrong_level_is_fixable() -> None:
    """Good discrimination, logit too high by 1.5: loses to the base rate, wins once recalibrated on the past."""
    card, out = _judge(*_data(2, 2000, shift=1.5))
    assert out.e_harm > math.log10(20)
    assert _name(out) == "FIXABLE"
    assert out.mcb > out.dsc
    assert recalibration.predict(card.recalibration, sigmoid(logit(0.2) + 1.5)) == pytest.approx(0.2, abs=0.04)


def test_warming_needs_both_classes_blocks_and_effective_size() -> None:
    p, y = _data(3, 1000)
    assert _name(_judge(np.full(1000, 0.01), np.zeros(1000, np.int64))[1]) == "WARMING"  # one class
    assert _name(_judge(p[:250], y[:250])[1]) == "WARMING"
    card = _card()
    for i in range(1000):  # all within 20 blocks
        q = scorecard.baseline(card, BUCKET)
        scorecard.learn_binary(card, np.int64(i * S // 2), BUCKET, p[i], q, y[i], NO, YES)
    out = _summary(card)
    assert out.n_blocks < 30
    assert _name(out) == "WARMING"


def test_degradation_is_latched_with_its_time() -> None:
    p, y = _data(4, 2000)
    broken = np.where(np.arange(2000) < 1000, p, 1 - p)
    card = _card()
    _learn_all(card, NO, broken[:1000], y[:1000])
    assert _summary(card).degraded == 0
    assert _name(_summary(card)) == "ADDS VALUE"
    _learn_all(card, 1000 * STEP, broken[1000:], y[1000:])
    out = _summary(card)
    assert out.degraded == 1
    assert 1000 * STEP < out.degraded_ns < 1150 * STEP  # some 66 outcomes expected: ln(1e4) / .14
    assert (out.degraded_ns - HORIZON) % STEP == 0
    scorecard.rearm(card)
    assert _summary(card).degraded == 0


def test_calibrated_forecasts_seldom_alarm() -> None:
    assert sum(int(_judge(*_data(5000 + run, 1000))[1].degraded) for run in range(60)) == 0


# --- continuous


@compiled
def _adverse(card, seed, n, dof, scale, noise, knows):
    """Outcomes loc_i + noise; the forecast knows loc_i or not, and states a scale. A stretch in every bucket."""
    for i in range(n):
        loc = 8.0 * (hash_unit(seed, np.int64(i), np.int64(0)) - 0.5)
        total = 0.0
        for k in range(12):  # near enough a Normal
            total += hash_unit(seed, np.int64(i), np.int64(k + 1)) - 0.5
        value = loc + noise * total
        bucket = np.int64(i % 2)
        as_of = scorecard.baseline_sequence(card, bucket)
        scorecard.learn_student_t(card, i * STEP, bucket, dof, loc * knows, scale, value, as_of, YES, YES)


def _continuous(n=1500, scale=3.0, knows=1.0, seed=1):
    card = _card(scorecard.CONTINUOUS)
    _adverse(card, np.int64(seed), np.int64(n), 200.0, float(scale), 3.0, float(knows))
    return card, _summary(card)


def test_continuous_skill_coverage_and_calibration() -> None:
    _, out = _continuous()
    assert _name(out) == "ADDS VALUE"
    assert out.n == 1490
    assert out.n_no_baseline == 10
    assert out.loss == pytest.approx(3 / math.sqrt(math.pi), rel=0.1)  # CRPS of a perfect Normal: sigma / sqrt pi
    assert out.bss > 0.1
    assert out.coverage50 == pytest.approx(0.5, abs=0.05)
    assert out.coverage90 == pytest.approx(0.9, abs=0.03)
    assert out.e_calibrated < math.log10(20)
    assert math.isnan(out.mcb)
    assert math.isnan(out.e_recalibrated)


def test_continuous_too_narrow() -> None:
    _, out = _continuous(scale=0.3, knows=0.0)
    assert out.coverage50 < 0.2
    assert out.e_calibrated > 4
    assert _name(out) == "HARMFUL"
    assert out.degraded == 1


def test_continuous_without_knowledge_is_not_proven() -> None:
    """A Normal of the right spread without the signal is hardly better than the past's distribution."""
    _, out = _continuous(n=400, scale=3.8, knows=0.0, seed=3)
    assert _name(out) == "NOT PROVEN"


def test_given_losses() -> None:
    """Fair value: squared errors of the model and of no change, no distribution."""
    card = _card(scorecard.CONTINUOUS)
    for i in range(400):
        worse = 2.0 + (i % 5) * 0.1
        scorecard.learn_continuous(card, i * STEP, BUCKET, 1.0, worse, math.nan, math.nan, NO, YES, YES)
    scorecard.learn_continuous(card, NO, BUCKET, math.nan, 1.0, math.nan, math.nan, NO, YES, YES)
    scorecard.learn_continuous(card, NO, BUCKET, 3.0, 1.0, math.nan, math.nan, NO, YES, NO)
    out = _summary(card)
    assert (out.n, out.n_invalid, out.n_model_decided, out.loss_model_decided) == (400, 1, 1, 3.0)
    assert out.gain == pytest.approx(1.2)
    assert _name(out) == "ADDS VALUE"
    assert math.isnan(out.coverage50)
    assert math.isnan(out.e_calibrated)


# --- the same bytes in both modes


def _scenario() -> str:
    """Feed both kinds of cards and digest every byte of cards and summaries."""
    binary, continuous = _card(), _card(scorecard.CONTINUOUS)
    out = np.zeros(1, scorecard.SUMMARY)[0]
    digest = hashlib.blake2b(digest_size=16)
    seed = np.int64(-5)
    for i in range(220):
        i = np.int64(i)
        bucket = np.int64(i % N_DEPTH) if i % 3 == 0 else BUCKET
        p = hash_unit(seed, i, NO)
        y = YES if hash_unit(seed, i, YES) < p * p else NO
        window, tape = np.int64(i % 4 != 0), np.int64(i % 9 != 0)
        scorecard.learn_binary(binary, i * STEP, bucket, p, scorecard.baseline(binary, bucket), y, window, tape)
        value = 10.0 * (hash_unit(seed, i, np.int64(2)) - 0.4)
        as_of = scorecard.baseline_sequence(continuous, bucket)
        scorecard.learn_student_t(continuous, i * STEP, bucket, 3.0 + p, p, 2.0, value, as_of, window, tape)
    for card in (binary, continuous):
        digest.update(card.tobytes())
        scorecard.summary(card, out)
        digest.update(out.tobytes())
        scorecard.rearm(card)
    return digest.hexdigest()


def _copies() -> int:
    """Largest number of compiled copies of a function of the modules in use."""
    modules = [m for name, m in sys.modules.items() if name.startswith("touchstone.core")]
    found = [v for m in modules for v in vars(m).values() if hasattr(v, "signatures")]
    return max((len(f.signatures) for f in found), default=0)


def _run(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__))],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_plain_python_gives_the_same_bytes_and_nothing_compiles_twice() -> None:
    digest, copies = _run()
    assert int(copies) == 1
    plain, _ = _run(NUMBA_DISABLE_JIT="1")
    assert plain == digest


if __name__ == "__main__":
    print(_scenario(), _copies())
