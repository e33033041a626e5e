"""Outcomes kept for the interval of `ir`: all of them, in order, in few pieces however they came."""

import numpy as np

from touchstone.core import records
from touchstone.core.targets import DECIDED_TAPE, IS_BINARY
from touchstone.session.sinks import Outcomes


def test_a_live_session_hands_over_a_few_at_a_time() -> None:
    """An array by itself takes more memory than the outcome in it."""
    target = next(t for t in range(len(IS_BINARY)) if IS_BINARY[t])
    kept = Outcomes()
    rows = np.zeros(1, records.OUT["outcomes"].base)
    rows["target"], rows["decided"] = target, DECIDED_TAPE
    for number in range(5_000):
        rows["resolved_ns"] = number
        kept.take("outcomes", rows)
    pieces = kept._kept[target]
    assert len(pieces) < 20
    assert np.concatenate(pieces)["resolved_ns"].tolist() == list(range(5_000))
