"""The real recordings through exchange and core: complete, conserved, exact, the same twice; skipped where absent."""

from pathlib import Path

import numpy as np
import pytest

from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core.calibration import ledger
from touchstone.core.targets import FILL_TARGET, LAG_TARGET, SIGNALS_TARGET
from touchstone.core.trading import pnl
from touchstone.data.catalogue import import_path
from touchstone.data.tape import Tape, open_tape

SETS = [
    ("2025-09-04_l2_bbo_trades", "SOL"),
    ("2025-09-04_l2_bbo_trades", "BTC"),
    ("2025-12-10_ETH_l2_bbo_trades/2110_2115_book20.parquet", "ETH"),
]


@pytest.fixture(scope="module", params=SETS, ids=[coin for _, coin in SETS])
def tape(request: pytest.FixtureRequest, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Tape:
    place, coin = request.param
    path, _ = import_path(recordings / place, coin=coin, out=tmp_path_factory.mktemp("real") / "real.tape")
    return open_tape(path)


def run(tape: Tape) -> Replay:
    settings = config.Config(market=config.Market(coin=tape.meta.coin))
    made = Replay(settings, tape.meta.sz_decimals)
    made.run(tape)
    return made


def test_a_recording_is_replayed_whole_and_adds_up(tape: Tape) -> None:
    made = run(tape)
    state = made.state
    assert int(made.loop[0].n_market) == len(tape), "every row was heard"
    assert state.profit.n_fills > 0
    assert ledger.is_conserved(state.ledger)
    assert state.ledger.n_evicted == 0
    assert pnl.is_exact(state.profit, np.int64(state.book.mid2), np.zeros(1, pnl.ATTRIBUTION)[0])
    assert state.profit.position == made.venue[0].account.position
    ten_seconds = state.models.cards[FILL_TARGET + 1]
    assert ten_seconds.events[0] > 0, "orders that were not filled"
    assert ten_seconds.events[1] > 0, "orders that were filled"
    for target in range(LAG_TARGET):
        assert state.ledger.made[target] > 0
    assert not state.ledger.made[LAG_TARGET:SIGNALS_TARGET].any(), "a recording has no reference venue"
    assert not state.ledger.made[SIGNALS_TARGET], "the classifier is off"
    assert (state.ledger.made[SIGNALS_TARGET + 1 :] > 0).all()
    assert run(tape).digest() == made.digest()
