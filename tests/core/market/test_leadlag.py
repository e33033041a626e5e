"""Lead-lag: Hayashi-Yoshida covariation, the lag of Hoffmann, Rosenbaum and Yoshida, gap and basis of the reference."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from touchstone.core.conventions import MS, NS
from touchstone.core.market import leadlag, midpath

START_NS = 1_700_000_040 * NS  # a whole minute
PX = 10**9  # so fine that rounding to whole prices says nothing
STEP_NS = 10 * MS


def new_lead():
    lead = np.zeros(1, leadlag.LEADLAG)[0]
    leadlag.reset(lead)
    return lead


def tell(lead, t_ns, mid, delay_ns=0, half=1):
    for side, is_whole in ((1, False), (-1, True)):
        changed = leadlag.update(
            lead, np.int64(t_ns), np.int64(t_ns + delay_ns), np.int64(side), np.int64(mid - side * half), is_whole
        )
    return changed


def two_paths(seed, rho, lag_s, seconds=70, kept=(0.1, 0.05)):
    """(times and mids of the leader, of ours): correlated Brownian motions in steps of 10 ms, seen now and then."""
    rng = np.random.default_rng(seed)
    n, shift = seconds * 100, round(lag_s * 100)
    common, own, other = rng.normal(0, 1e-4, (3, n + 400))
    leader = np.cumsum(math.sqrt(rho) * common + math.sqrt(1 - rho) * own)[200:-200]
    ours = np.roll(np.cumsum(math.sqrt(rho) * common + math.sqrt(1 - rho) * other), shift)[200:-200]
    made = []
    for path, share in ((leader, kept[0]), (ours, kept[1])):
        seen = np.flatnonzero(rng.random(n) < share)
        made.append((START_NS + seen * STEP_NS, np.round(PX * np.exp(path[seen])).astype(np.int64)))
    return made


def minutes(seed, rho, lag_s, n=1, **how):
    """(leadlag, its rows) after the first n minutes of two such paths, by the timer."""
    lead, path, rows = new_lead(), np.zeros(1, midpath.MIDPATH)[0], []
    lead.minute_end_ns = START_NS
    told = [
        (int(t_ns), is_ours, int(mid))
        for (times, mids), is_ours in zip(two_paths(seed, rho, lag_s, 60 * n + 10, **how), (False, True), strict=True)
        for t_ns, mid in zip(times, mids, strict=True)
    ]
    row = np.zeros(1, leadlag.LAG_ROW)[0]
    timer_ns = START_NS
    for t_ns, is_ours, mid in sorted(told):
        while timer_ns <= t_ns:
            if leadlag.work(lead, path, np.int64(timer_ns), row):
                rows.append(row.copy())
            timer_ns += 100 * MS
        if is_ours:
            midpath.update(path, np.int64(t_ns), np.int64(2 * mid))
        else:
            tell(lead, t_ns, mid)
    assert len(rows) + lead.n_minutes_skipped == n
    return lead, rows


@pytest.mark.parametrize("lag_s", [0.3, -0.3])
def test_recovers_the_lag_20_of_20(lag_s):
    """Ten minutes seen every 0.1 and 0.2 s on average; positive = the reference leads. One minute: within a step."""
    found = [minutes(seed, 0.8, lag_s, 10)[1] for seed in range(20)]
    assert [int(rows[-1]["mean_lag_ns"]) for rows in found] == [round(lag_s * NS)] * 20
    single = np.array([row["lag_ns"] for rows in found for row in rows])
    assert (abs(single - lag_s * NS) < 1.01 * leadlag.STEP_NS).mean() > 0.97
    llr = np.median([row["llr"] for rows in found for row in rows])
    assert llr > 3 if lag_s > 0 else llr < 1 / 3


def test_hayashi_yoshida_has_no_epps_effect():
    """rho = 0.8 seen every 0.1 and 0.2 s on average: HY 0.8, correlation of previous ticks at 0.1 s far below."""
    rhos, previous = [], []
    for seed in range(40):
        lead, _ = minutes(seed, 0.8, 0.0)
        rhos.append(lead.rho[leadlag.N_SIDE])
        grid = START_NS + np.arange(0, 60 * NS, 100 * MS)
        moves = []
        for times, mids in two_paths(seed, 0.8, 0.0):
            at = np.maximum(np.searchsorted(times, grid, side="right") - 1, 0)
            moves.append(np.diff(np.log(mids[at])))
        previous.append(np.corrcoef(*moves)[0, 1])
    assert abs(np.mean(rhos) - 0.8) < 4 * np.std(rhos) / math.sqrt(40)
    assert np.std(rhos) < 0.1
    assert abs(np.mean(previous) - 0.23) < 0.1  # science sheet, section 8


@pytest.mark.parametrize("lag_ns", [0, 150 * MS, -400 * MS])
def test_the_contrast_is_the_double_sum(lag_ns):
    """U(lag) against its definition over all pairs of overlapping intervals."""
    lead, path = new_lead(), np.zeros(1, midpath.MIDPATH)[0]
    (times, mids), (our_times, our_mids) = two_paths(5, 0.5, 0.1, seconds=8)
    keep = np.diff(times, prepend=0) >= leadlag.MERGE_NS
    times, mids = times[keep], mids[keep]
    inner = np.flatnonzero((times > START_NS + NS) & (times < START_NS + 7 * NS))
    for t_ns, mid in zip(times, mids, strict=True):
        tell(lead, int(t_ns), int(mid))
    for t_ns, mid in zip(our_times, our_mids, strict=True):
        midpath.update(path, np.int64(t_ns), np.int64(2 * mid))
    assert lead.n_pushed == len(times)
    first, last = int(inner[0]), int(inner[-1])
    expected = 0.0
    for i in range(first + 1, last + 1):
        for j in range(1, len(our_times)):
            begins, ends = our_times[j - 1] - lag_ns, our_times[j] - lag_ns
            if max(begins, times[i - 1]) < min(ends, times[i]):
                expected += (mids[i] / mids[i - 1] - 1) * (our_mids[j] / our_mids[j - 1] - 1)
    found = leadlag.contrast(lead, path, np.int64(first), np.int64(last), np.int64(lag_ns))
    assert found == pytest.approx(expected, rel=1e-3)  # products of relative moves against one of their sum


def test_a_minute_with_too_little_says_nothing():
    lead, rows = minutes(1, 0.8, 0.3, kept=(0.003, 0.05))
    assert rows == []
    assert lead.n_minutes_skipped == 1
    empty, path, row = new_lead(), np.zeros(1, midpath.MIDPATH)[0], np.zeros(1, leadlag.LAG_ROW)[0]
    for second in range(300):
        assert not leadlag.work(empty, path, np.int64(START_NS + second * NS), row)
    tell(empty, START_NS + 300 * NS, PX)
    for second in range(300, 600):
        assert not leadlag.work(empty, path, np.int64(START_NS + second * NS), row)


def test_fast_changes_are_merged_and_the_path_never_overruns():
    lead = new_lead()
    for k in range(20_000):
        tell(lead, START_NS + k * MS, PX + k)
    assert lead.n_pushed == 1000  # one each 20 ms
    assert lead.mid2 == 2 * (PX + 19_999)


def test_gap_and_basis():
    lead = new_lead()
    mid2 = np.int64(2 * PX)
    assert math.isnan(leadlag.gap_bps(lead, mid2))
    tell(lead, START_NS, round(PX * math.exp(40e-4)))
    now = np.int64(START_NS)
    for k in range(600):
        now = np.int64(START_NS + k * 100 * MS)
        known = leadlag.unexplained_bps(lead, now, mid2)
        assert math.isnan(known) == (k < 100)  # 10 s
        leadlag.learn_basis(lead, now, mid2)
    assert lead.basis_bps == pytest.approx(40.0, abs=1e-4)
    tell(lead, int(now), round(PX * math.exp(45e-4)))
    assert leadlag.unexplained_bps(lead, now, mid2) == pytest.approx(5.0, abs=1e-4)  # it has moved up, we have not
    leadlag.learn_basis(lead, np.int64(now + 15 * NS), mid2)
    assert lead.basis_bps == pytest.approx(42.5, abs=1e-4)  # half-life 15 s
    leadlag.learn_basis(lead, np.int64(now + 16 * NS), np.int64(0))
    assert math.isnan(leadlag.unexplained_bps(lead, np.int64(now + 17 * NS), mid2))


def test_never_there_live_stale_and_back():
    lead = new_lead()
    stale_ns = np.int64(5 * NS)
    assert leadlag.reference(lead, np.int64(START_NS), stale_ns) == leadlag.NEVER_HEARD
    tell(lead, START_NS, PX)
    assert leadlag.reference(lead, np.int64(START_NS + 5 * NS), stale_ns) == leadlag.LIVE
    assert leadlag.reference(lead, np.int64(START_NS + 5 * NS + 1), stale_ns) == leadlag.STALE
    leadlag.on_trade(lead, np.int64(START_NS + 6 * NS), np.int64(START_NS + 6 * NS))
    assert leadlag.reference(lead, np.int64(START_NS + 6 * NS), stale_ns) == leadlag.LIVE
    leadlag.on_feed(lead, True)
    assert leadlag.reference(lead, np.int64(START_NS + 6 * NS), stale_ns) == leadlag.STALE
    assert lead.mid2 == 0
    leadlag.on_feed(lead, False)
    assert leadlag.reference(lead, np.int64(START_NS + 6 * NS), stale_ns) == leadlag.LIVE


def test_bad_touches_are_dropped_and_counted():
    lead = new_lead()
    assert not tell(lead, START_NS, 0)
    assert not tell(lead, START_NS, PX, half=-1)
    assert lead.n_bad == 2
    assert lead.mid2 == 0
    assert tell(lead, START_NS, PX)
    assert not tell(lead, START_NS + 1, PX)


def trace():
    """Bytes of a minute's work."""
    lead, rows = minutes(11, 0.6, 0.2)
    return lead.tobytes() + b"".join(row.tobytes() for row in rows)


def test_same_bytes_in_plain_python():
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True, check=True).stdout
    assert plain == trace().hex()


if __name__ == "__main__":
    sys.stdout.write(trace().hex())
