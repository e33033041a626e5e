"""Fees, funding and the account: exact in integers, whatever happens. Latency: as configured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.core import actions, events
from touchstone.core.conventions import NS
from touchstone.exchange import accounts, latency, rules

from .conftest import Exchange

HOUR = 3600 * NS


def test_a_fee_is_cut_to_whole_micros_as_hyperliquid_does() -> None:
    """66.65 USD at 1.5 bp is 0.0099975: 0.009997 is paid."""
    assert accounts.fee_of(np.int64(66_650_000), np.int64(150_000)) == 9_997
    assert accounts.fee_of(np.int64(66_650_000), np.int64(-150_000)) == -9_997


def test_a_long_position_pays_positive_funding() -> None:
    """1.00 coin at 40.00 with 0.00125 % an hour: 0.0005."""
    assert accounts.funding_of(np.int64(100), np.int64(400_000), np.int64(12_500_000)) == -500
    assert accounts.funding_of(np.int64(-100), np.int64(400_000), np.int64(12_500_000)) == 500
    assert accounts.funding_of(np.int64(100), np.int64(400_000), np.int64(-12_500_000)) == 500


def test_funding_is_paid_at_the_full_hour() -> None:
    made = Exchange()
    made.book({399_990: 500}, {400_010: 500})
    made.market(events.CONTEXT, px=400_000, qty=400_000, aux=12_500_000)
    made.place(+1, 400_010, 100, int(actions.BIT_IOC))
    made.take()
    made.now = (made.now // HOUR + 1) * HOUR
    made.trade(+1, 400_010, 1)
    assert [a.px for a in made.answers if a.kind == events.FUNDING_PAYMENT] == [-500]
    assert made.venue.account.funding == -500


steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "hit", "lift", "cancel", "amend"]), st.integers(-6, 6), st.integers(25, 900)
    ),
    max_size=60,
)


@given(steps)
def test_cash_position_and_sizes_add_up(moves: list[tuple[str, int, int]]) -> None:
    made = Exchange()
    made.book({399_990 - 10 * i: 300 for i in range(6)}, {400_010 + 10 * i: 300 for i in range(6)})
    sent: dict[int, int] = {}
    live: list[int] = []
    for what, offset, qty in moves:
        if what in ("buy", "sell"):
            side = 1 if what == "buy" else -1
            cloid = made.place(side, 400_000 + 10 * offset, qty)
            sent[cloid] = qty
            live.append(cloid)
        elif what in ("hit", "lift"):
            made.trade(-1 if what == "hit" else 1, 400_000 + 10 * offset, qty)
        elif live and what == "cancel":
            made.cancel(live[offset % len(live)])
        elif live:
            cloid = made.send(int(actions.AMEND), 1, 399_990, qty, target=live[offset % len(live)])
            sent[cloid] = qty
    fills = [a for a in made.answers if a.kind == events.FILL]
    details = [a for a in made.answers if a.kind == events.FILL_DETAIL]
    account, orders = made.venue.account, made.venue.orders
    assert len(fills) == len(details) == made.venue.n_fills
    assert account.position == sum(int(a.side) * int(a.qty) for a in fills)
    fees = sum(int(a.px) for a in details)
    traded = sum(int(a.side) * int(a.px) * int(a.qty) for a in fills)
    assert account.cash == account.start - traded - fees + account.funding
    assert account.fees == fees
    left = {
        int(orders.slot[k].cloid): int(orders.slot[k].qty_left) for s in (0, 1) for k in orders.live[s][: orders.n[s]]
    }
    gone = {int(a.aux): int(a.qty) for a in made.answers if a.kind == events.ORDER_CANCELLED}
    refused = {int(a.aux) for a in made.answers if a.kind == events.ORDER_REJECTED}
    for cloid, qty in sent.items():
        filled = sum(int(a.qty) for a in fills if a.aux == cloid)
        if cloid not in refused:
            assert filled + left.get(cloid, 0) + gone.get(cloid, 0) == qty
    for s in (0, 1):
        assert orders.open_qty[s] == sum(int(orders.slot[k].qty_left) for k in orders.live[s][: orders.n[s]])


def test_sampled_latency_has_the_configured_median_and_tail() -> None:
    params = rules.hyperliquid_params(2)
    venue = Exchange(order_latency=(200_000_000, 900_000_000)).venue
    draws = np.array([latency.draw_ns(venue.params.order_latency, np.int64(7), np.int64(i)) for i in range(20_000)])
    assert np.median(draws) == pytest.approx(2e8, rel=0.03)
    assert np.quantile(draws, 0.99) == pytest.approx(9e8, rel=0.06)
    again = latency.draw_ns(venue.params.order_latency, np.int64(7), np.int64(5))
    assert again == draws[5]
    assert params.order_latency.median_ns == 200_000_000


def test_constant_latency_is_constant() -> None:
    venue = Exchange(order_latency=123).venue
    assert {int(latency.draw_ns(venue.params.order_latency, np.int64(1), np.int64(i))) for i in range(50)} == {123}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maker_fee": 10**9}, "1.5 bp is 150_000"),
        ({"queue_kind": 9}, "choose one of"),
        ({"order_latency": (5, 1)}, "p99 >= median"),
        ({"colour": 1}, "unknown venue parameter"),
        ({"block_ns": -1}, "0 or more"),
    ],
)
def test_unusable_parameters_are_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rules.hyperliquid_params(2, **change)
