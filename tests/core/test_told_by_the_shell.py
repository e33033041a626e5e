"""What only the shell knows reaches the core as events: requests sent beside it, fees that have changed."""

import pytest
from tests.core.conftest import Desk

from touchstone.core import events
from touchstone.core.quoting.params import TERM_FEE
from touchstone.core.trading import quota
from touchstone.live import rows as make


def test_requests_sent_beside_the_core_are_charged_to_the_quota(desk: Desk) -> None:
    left = int(quota.headroom(desk.state.quota))
    _, _, _, qty, _, _, kind, _, _ = make.requests(3, desk.now)
    desk.feed(kind, qty=qty)
    assert int(quota.headroom(desk.state.quota)) == left - 3


def test_another_fee_tier_is_quoted_with_and_expected_of_fills(desk: Desk) -> None:
    before = int(desk.state.n_fee_mismatches)
    _, _, px, qty, _, _, kind, _, _ = make.fees(3.0, 4.32, desk.now)  # the desk's exchange takes 3 bps
    assert kind == events.FEES
    desk.feed(kind, px=px, qty=qty)
    desk.wait(1.0)
    assert desk.state.params.taker_fee_bps == pytest.approx(4.32)
    assert desk.state.ladder.term_bps[:, TERM_FEE].tolist() == [3.0, 3.0]
    desk.fill(next(iter(desk.resting)))
    assert int(desk.state.n_fee_mismatches) == before
    _, _, px, qty, _, _, kind, _, _ = make.fees(1.0, 4.32, desk.now)
    desk.feed(kind, px=px, qty=qty)
    desk.fill(next(iter(desk.resting)))
    assert int(desk.state.n_fee_mismatches) == before + 1
