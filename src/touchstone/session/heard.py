"""What a session heard of its market, as a tape: the same view again for a backtest, or for another configuration."""

from pathlib import Path
from typing import Any

import numpy as np

from touchstone.data import assemble
from touchstone.data.layout import CONTEXT, EVENT_DTYPE
from touchstone.data.tape import TapeWriter
from touchstone.data.units import Coin
from touchstone.session import journal


def tape_of(session: Path, out: Path) -> int:
    """Write the market's rows of a session's journal as a tape; how many there are. Raises JournalError, DataError.

    A tape is in exchange order, a session in the order of receipt: rows move where a stream was behind another.
    """
    reader = journal.read(session)
    parts: list[Any] = [np.zeros(0, EVENT_DTYPE)]
    for block in reader:
        if block.kind == journal.EVENTS:
            rows = block.rows()
            parts.append(rows[rows["kind"] <= CONTEXT])  # the last of the market itself
    heard: Any = np.concatenate(parts)
    heard = heard[np.argsort(heard["exch_ns"], kind="stable")]
    assemble.raise_receipts(heard)
    assert reader.meta is not None
    coin = Coin(reader.meta.coin, reader.meta.sz_decimals, reader.meta.collateral)
    with TapeWriter(out, coin, "journal") as tape:
        tape.append(heard)
    return len(heard)
