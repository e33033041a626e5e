"""Funding and oracle: carry with its sign, gaps, and the three states of an oracle."""

import math

import numpy as np
import pytest

from touchstone.core.conventions import NS
from touchstone.core.market import funding

STALE, PAUSE = np.int64(60 * NS), np.int64(600 * NS)
START = np.int64(10**18)


def told(oracle=400_000, mark=400_100, rate=12_500_000):
    f = np.zeros(1, funding.FUNDING)[0]
    funding.update(f, START, np.int64(oracle), np.int64(mark), np.int64(rate))
    return f


def test_carry_of_the_usual_rate():
    """0.01 % per 8 h is 0.00125 % an hour: 0.125 bps, which a long pays; Hyperliquid settles hourly."""
    f = told()
    assert f.rate_per_hour == pytest.approx(1.25e-5)
    assert funding.carry_bps(f, 1.0) == pytest.approx(0.125)
    assert funding.carry_bps(f, 8.0) == pytest.approx(1.0)
    assert funding.carry_bps(told(rate=-12_500_000), 1.0) == pytest.approx(-0.125)


def test_gaps_are_positive_when_the_oracle_is_above():
    f = told()
    assert funding.gap_bps(f, np.int64(800_000)) == 0.0
    assert funding.gap_bps(f, np.int64(799_200)) == pytest.approx(10.0, rel=1e-3)
    assert funding.mark_gap_bps(f, np.int64(800_000)) == pytest.approx(2.5, rel=1e-3)
    assert math.isnan(funding.gap_bps(f, np.int64(0)))
    assert math.isnan(funding.gap_bps(np.zeros(1, funding.FUNDING)[0], np.int64(800_000)))


def test_an_oracle_that_stands_still_counts_from_its_last_change():
    f = told()
    for minute in range(1, 15):  # the feed goes on; its oracle does not
        now = np.int64(START + minute * 60 * NS)
        funding.update(f, now, np.int64(400_000), np.int64(400_000 + minute), np.int64(0))
        expected = funding.OFF_HOURS if minute >= 10 else funding.STILL
        assert funding.oracle_state(f, now, STALE, PAUSE) == expected
        assert funding.still_s(f, now) == 60.0 * minute
        assert funding.unseen_bps(f, now, STALE, 2.0) == pytest.approx(2.0 * math.sqrt(60 * (minute - 1)))
    funding.update(f, now, np.int64(400_100), np.int64(400_000), np.int64(0))
    assert funding.oracle_state(f, now, STALE, PAUSE) == funding.LIVE
    assert funding.unseen_bps(f, now, STALE, 2.0) == 0.0


def test_what_was_never_heard_is_in_no_state_and_limits_of_zero_are_none():
    f = np.zeros(1, funding.FUNDING)[0]
    assert funding.oracle_state(f, START, STALE, PAUSE) == funding.UNKNOWN
    assert funding.unseen_bps(f, START, STALE, 2.0) == 0.0
    assert math.isnan(funding.still_s(f, START))
    late = np.int64(START + 10_000 * NS)
    assert funding.oracle_state(told(), late, np.int64(0), np.int64(0)) == funding.LIVE
    assert funding.oracle_state(told(), late, STALE, np.int64(0)) == funding.STILL
    funding.update(f, START, np.int64(0), np.int64(5), np.int64(7))
    assert (f.n_bad, f.n_contexts, f.oracle_px) == (1, 0, 0)
