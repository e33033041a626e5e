"""What an order at a level is thought to be worth: how much of it an estimate of the loss may take."""

import numpy as np
import pytest

from touchstone.core.models import adverse
from touchstone.core.quoting import ladder
from touchstone.core.quoting.params import TERM_BASE

from ..conftest import Desk

BID, ASK = np.int64(0), np.int64(1)


@pytest.fixture
def losing() -> Desk:
    """A desk whose bids lost 20 bps each time, and whose asks won as much, by a model that has shown its worth."""
    desk = Desk()
    desk.warm_up()
    desk.state.models.influence[ladder.ADVERSE_10S] = 1.0
    for _ in range(200):
        for bucket in range(8):
            model = desk.state.models.adverse
            adverse.learn(model, ladder.MARKOUT_10S, np.int64(bucket), ASK, 2.0, 0.0, 0.0, 1.0, -20.0)
            adverse.learn(model, ladder.MARKOUT_10S, np.int64(bucket), BID, 2.0, 0.0, 0.0, 1.0, 20.0)
    for second in range(3):
        desk.touch(400_000 + 100 * (second % 2), 400_400 + 100 * (second % 2))
        for _ in range(10):
            desk.tick()
    return desk


def test_an_estimate_of_the_loss_takes_one_base_half_spread_at_most(losing: Desk) -> None:
    """Or the side would never fill again, and no fill could show the estimate to be wrong."""
    wanted = losing.state.ladder
    base, fee = float(wanted.term_bps[BID, TERM_BASE]), float(losing.state.params.maker_fee_bps)
    depth = wanted.depth_bps[BID, : losing.state.params.levels]
    assert (wanted.full_edge_bps[BID, : len(depth)] < -10.0).all()
    assert wanted.edge_bps[BID, : len(depth)] == pytest.approx(depth - fee - base, abs=0.5)
    assert losing.sides() == [-1, 1]
