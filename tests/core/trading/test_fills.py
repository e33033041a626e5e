"""Each trade id counts once while it is among the last 4096."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.core.trading import fills


def seen_by_scan(ids: list[int]) -> list[bool]:
    """The same question answered by looking through a list."""
    kept: list[int] = []
    answers = []
    for trade_id in ids:
        is_new = trade_id not in kept[-fills.REMEMBERED :]
        answers.append(is_new)
        if is_new:
            kept.append(trade_id)
    return answers


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5).map(lambda n: n * fills.REMEMBERED) | st.integers(1, 40), max_size=200))
def test_repeats_are_found_also_among_ids_with_the_same_low_bits(ids: list[int]) -> None:
    seen = np.zeros(1, fills.SEEN)[0]
    assert [bool(fills.is_new(seen, np.int64(i))) for i in ids] == seen_by_scan(ids)


def test_an_id_is_forgotten_after_4096_others() -> None:
    seen = np.zeros(1, fills.SEEN)[0]
    ids = [7, *range(100_000, 100_000 + fills.REMEMBERED - 1), 7, 200_000, 7]
    assert [bool(fills.is_new(seen, np.int64(i))) for i in ids] == seen_by_scan(ids)
    assert seen_by_scan(ids)[-3:] == [False, True, True]
    assert seen.n_duplicates == 1
