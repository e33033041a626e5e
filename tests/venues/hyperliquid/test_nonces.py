"""The venue's rule of nonces and the client's counter."""

import threading
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from touchstone.venues.hyperliquid.nonces import DAY_MS, KEPT, NonceCounter, UsedNonces

NOW = 1_700_000_000_000


def test_a_nonce_is_used_once() -> None:
    used = UsedNonces()
    assert used.use(NOW, NOW) is None
    assert used.use(NOW, NOW) == f"Invalid nonce: duplicate nonce {NOW}"


def test_the_hundred_highest_are_kept() -> None:
    used = UsedNonces()
    for nonce in range(NOW, NOW + 2 * KEPT, 2):
        assert used.use(nonce, NOW) is None
    assert used.use(NOW - 1, NOW) == f"Invalid nonce: nonce too low {NOW - 1} < {NOW}"
    assert used.use(NOW + 1, NOW) is None  # late, unused, above the least kept, which it pushes out
    assert used.use(NOW, NOW) == f"Invalid nonce: nonce too low {NOW} < {NOW + 1}"
    assert used.use(NOW + 5, NOW) is None


def test_the_window_is_open_at_both_ends() -> None:
    low, high = NOW - 2 * DAY_MS, NOW + DAY_MS
    used = UsedNonces()
    assert used.use(low, NOW) == f"Invalid nonce: nonce too low {low} < {low}"
    assert used.use(high, NOW) == f"Invalid nonce: nonce too high {high} > {high}"
    assert used.use(low + 1, NOW) is None
    assert used.use(high - 1, NOW) is None


def test_a_refused_nonce_consumes_nothing() -> None:
    used = UsedNonces()
    assert used.use(NOW + DAY_MS, NOW) is not None
    assert used.use(NOW + DAY_MS, NOW + 1) is None


@given(offsets=st.lists(st.integers(-150, 150), max_size=400))
def test_against_the_rule_written_plainly(offsets: list[int]) -> None:
    used, accepted = UsedNonces(), set[int]()
    for offset in offsets:
        nonce = NOW + offset
        kept = sorted(accepted)[-KEPT:]
        good = nonce not in accepted and (not kept or nonce > kept[0])
        assert (used.use(nonce, NOW) is None) == good
        if good:
            accepted.add(nonce)


@given(times=st.lists(st.integers(0, 50), min_size=1, max_size=100))
def test_the_counter_always_rises_and_follows_the_clock(times: list[int]) -> None:
    counter = NonceCounter()
    nonces = [counter.next(NOW + time) for time in times]
    assert all(after > before for before, after in pairwise(nonces))
    assert all(nonce >= NOW + time for nonce, time in zip(nonces, times, strict=True))
    assert nonces[-1] <= NOW + max(times) + len(times)


def test_the_counter_serves_threads_and_resumes() -> None:
    counter, taken = NonceCounter(last=NOW + 7), list[int]()
    threads = [threading.Thread(target=lambda: taken.extend(counter.next(NOW) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(NOW + 8, NOW + 2008))
