"""Request budget: headroom between snapshots, rates, shadow price, inventory forcing."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from touchstone.core.trading import quota

S = 1_000_000_000
T0 = 1_700_000_000 * S


def new_quota(allowance=10_000, plan_s=14_400.0):
    q = np.zeros(1, quota.QUOTA)[0]
    quota.reset(q, np.int64(allowance), 0.10, 0.01, plan_s)
    return q


def at(seconds):
    return np.int64(T0 + round(seconds * S))


def i8(x):
    return np.int64(x)


def spend_steadily(q, per_s, seconds, start=0):
    for i in range(int(seconds)):
        quota.spend(q, at(start + i), i8(per_s))


def test_counts_between_snapshots():
    q = new_quota()
    assert q.known == 0
    assert quota.headroom(q) == 10_000
    quota.spend(q, at(0), i8(30))
    quota.on_volume(q, at(1), i8(2_500_000))  # 2.5 units of collateral: two whole requests
    assert quota.headroom(q) == 10_000 - 30 + 2
    quota.on_volume(q, at(1), i8(500_000))
    assert quota.headroom(q) == 10_000 - 30 + 3
    quota.update(q, i8(40), i8(10_003))
    assert q.known == 1
    assert quota.headroom(q) == 10_003 - 40
    quota.spend(q, at(2), i8(1))
    assert quota.headroom(q) == 10_003 - 41
    quota.update(q, i8(5), i8(0))  # nonsense is ignored
    assert (q.n_snapshots, q.n_bad_snapshots) == (1, 1)
    assert quota.headroom(q) == 10_003 - 41


def test_rate_is_right_early_and_late_and_fades():
    q = new_quota()
    assert quota.rate(q, at(0)) == 0.0
    assert quota.time_left_s(q, at(0)) == math.inf
    spend_steadily(q, 2, 60)
    assert quota.rate(q, at(60)) == pytest.approx(2.0, rel=0.02)
    spend_steadily(q, 2, 3000, 60)
    assert quota.rate(q, at(3060)) == pytest.approx(2.0, rel=0.01)
    assert quota.rate(q, at(3060 + 3000)) < 0.001
    one = new_quota()
    quota.spend(one, at(0), i8(5))
    assert quota.rate(one, at(0)) == 0.5  # not believed over less than ten seconds


def test_price_floor_rises_with_excess_and_caps():
    """A request costs at least 0.0005 USDC = 500 micro."""
    q = new_quota()
    assert quota.price(q, at(0)) == 500
    spend_steadily(q, 1, 600)  # sustainable: 9,400 / 4 h = .653/s
    sustainable = quota.headroom(q) / 14_400
    assert quota.price(q, at(600)) == pytest.approx(500 * (1 / sustainable) ** 2, rel=0.02)
    quota.on_volume(q, at(600), i8(10**9))  # a thousand requests earned: sustainable again
    assert quota.price(q, at(600)) == 500
    prices = []
    for used in (0, 5000, 9000, 9900, 9999):
        quota.update(q, i8(used), i8(10_000))
        q.earned_level = 0.0
        prices.append(quota.price(q, at(600)))
    assert prices == sorted(prices)
    assert prices[-1] == 50_000
    quota.update(q, i8(10_001), i8(10_000))
    assert quota.price(q, at(600)) == 50_000
    assert quota.time_left_s(q, at(600)) == 0.0


@pytest.mark.parametrize(
    ("used", "allowed", "per_s", "position", "forced"),
    [
        (9_500, 10_000, 0, 100, True),  # 5 %, fewer than 1000 left
        (9_500, 10_000, 0, -100, True),
        (9_500, 10_000, 0, 9, False),  # position under 1 % of 1000
        (9_500, 10_000, 0, 10, True),
        (9_500, 10_000, 0, 0, False),
        (9_000, 10_000, 0, 100, False),  # exactly 10 %
        (950_000, 1_000_000, 0, 100, False),  # 5 %, but 50,000 left and no hurry
        (950_000, 1_000_000, 30, 100, True),  # 5 %, 50,000 left, gone in 28 minutes
        (950_000, 1_000_000, 20, 100, False),  # 42 minutes
        (99_001, 100_000, 0, 100, True),  # 999 left
    ],
)
def test_inventory_forcing_needs_all_three(used, allowed, per_s, position, forced):
    q = new_quota()
    if per_s:
        spend_steadily(q, per_s, 1500)
    quota.update(q, i8(used), i8(allowed))
    assert quota.is_forcing(q, at(1500), i8(position), i8(1000)) == forced


def test_a_tiny_account_at_seven_percent_for_ever_is_not_forced_when_flat():
    q = new_quota(0)
    assert quota.headroom_share(q) == 0.0
    assert not quota.is_forcing(q, at(0), i8(0), i8(1000))


def trace():
    rng = np.random.default_rng(23)
    q = new_quota(500)
    out = []
    now = 0.0
    for i in range(400):
        now += float(rng.exponential(5.0))
        quota.spend(q, at(now), i8(rng.integers(0, 4)))
        quota.on_volume(q, at(now), i8(rng.integers(0, 5_000_000)))
        if i % 50 == 49:
            quota.update(q, i8(rng.integers(0, 900)), i8(rng.integers(0, 1000)))
        t = at(now + 1)
        out.append((quota.price(q, t), quota.rate(q, t), quota.is_forcing(q, t, i8(50), i8(1000))))
    return q.tobytes() + np.array(out, dtype="f8").tobytes()


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
