"""What a session heard, as a tape."""

from pathlib import Path

import numpy as np

from touchstone.core import events
from touchstone.core.events import EVENT
from touchstone.core.jit import CACHE_DIR
from touchstone.data.tape import open_tape
from touchstone.data.units import Coin
from touchstone.session.heard import tape_of
from touchstone.session.journal import Journal

MS = 1_000_000
START_NS = 1_790_000_000_000 * MS


def test_the_tape_has_the_markets_rows_in_exchange_order(tmp_path: Path) -> None:
    rows = np.zeros(4, EVENT)
    rows["kind"] = [events.BBO, events.TIMER, events.TRADE, events.BBO]
    rows["side"] = [1, 0, 1, -1]
    rows["px"], rows["qty"] = 400_000, 100
    rows["exch_ns"] = [START_NS + 20 * MS, 0, START_NS + 10 * MS, START_NS + 30 * MS]  # the trade was told late
    rows["recv_ns"] = START_NS + np.array([50, 60, 70, 80]) * MS
    with Journal(tmp_path / "session", Coin("HYPE", 2), CACHE_DIR.name) as kept:
        kept.append(rows[:2])
        kept.append(rows[2:])
    assert tape_of(tmp_path / "session", tmp_path / "heard.tape") == 3
    found = open_tape(tmp_path / "heard.tape").rows()
    assert found["kind"].tolist() == [events.TRADE, events.BBO, events.BBO]
    assert (np.diff(found["exch_ns"]) >= 0).all()
    assert (np.diff(found["recv_ns"]) >= 0).all()
