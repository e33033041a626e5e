"""Fees, funding and the account: exact in integers, whatever happens. Latency: as configured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from touchstone.core import actions, events
from touchstone.core.conventions import MS, NS
from touchstone.core.jit import compiled
from touchstone.exchange import accounts, engine, latency, rules

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


def test_every_hour_of_a_gap_pays_its_funding() -> None:
    made = Exchange()
    made.book({399_990: 500}, {400_010: 500})
    made.market(events.CONTEXT, px=400_000, qty=400_000, aux=12_500_000)
    made.place(-1, 399_990, 100, int(actions.BIT_IOC))
    made.now = (made.now // HOUR + 3) * HOUR
    made.trade(+1, 400_010, 1)
    paid = [a for a in made.answers if a.kind == events.FUNDING_PAYMENT]
    first = made.now // HOUR - 2
    assert [(a.px, a.aux) for a in paid] == [(500, first), (500, first + 1), (500, first + 2)]
    assert made.venue.account.cash == made.venue.account.start + 399_990 * 100 - made.venue.account.fees + 1_500


def test_an_order_executed_after_the_full_hour_does_not_change_its_funding() -> None:
    made = Exchange()
    made.book({399_990: 500}, {400_010: 500})
    made.market(events.CONTEXT, px=400_000, qty=400_000, aux=12_500_000)
    made.now = (made.now // HOUR + 1) * HOUR + 1
    made.place(+1, 400_010, 100, int(actions.BIT_IOC))  # before any row of the new hour
    made.trade(+1, 400_010, 1)
    assert made.venue.account.funding == 0


def test_the_account_keeps_its_value_while_a_side_of_the_book_is_empty() -> None:
    made = Exchange()
    made.book({399_990: 500}, {400_010: 500})
    made.place(+1, 400_010, 100, int(actions.BIT_IOC))
    made.book({}, {400_010: 500})
    made.answers = []
    made.now = (made.now // HOUR + 1) * HOUR
    made.trade(+1, 400_010, 1)
    told = [int(a.px) for a in made.answers if a.kind == events.EQUITY]
    assert told == [made.venue.account.cash + 400_000 * 100]


steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "reduce", "take", "hit", "lift", "touch", "cancel", "amend", "hour"]),
        st.integers(-6, 6),
        st.integers(25, 900),
    ),
    max_size=60,
)


@given(steps)
def test_cash_position_and_sizes_add_up(moves: list[tuple[str, int, int]]) -> None:
    made = Exchange()
    made.book({399_990 - 10 * i: 300 for i in range(6)}, {400_010 + 10 * i: 300 for i in range(6)})
    made.market(events.CONTEXT, px=400_000, qty=400_000, aux=12_500_000)
    sent: dict[int, int] = {}
    live: list[int] = []
    for what, offset, qty in moves:
        if what in ("buy", "sell"):
            side = 1 if what == "buy" else -1
            cloid = made.place(side, 400_000 + 10 * offset, qty)
            sent[cloid] = qty
            live.append(cloid)
        elif what in ("reduce", "take"):
            how = int(actions.BIT_IOC) if what == "take" else int(actions.BIT_ALO | actions.BIT_REDUCE_ONLY)
            cloid = made.place(1 if offset > 0 else -1, 400_000 + 10 * offset, qty, how)
            sent[cloid] = qty
        elif what == "hour":
            made.now += HOUR
            made.market(events.CONTEXT, px=400_000 + 10 * offset, qty=400_000, aux=10**9 * offset)
        elif what == "touch":
            bid = 399_990 + 10 * offset
            made.touch(bid, qty, bid + 20, 900 - qty + 25)
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
    assert account.funding == sum(int(a.px) for a in made.answers if a.kind == events.FUNDING_PAYMENT)
    assert [int(a.aux) for a in details] == list(range(1, len(fills) + 1))
    befores = [0, *np.cumsum([int(a.side) * int(a.qty) for a in fills])]
    assert [int(a.qty) for a in details] == befores[:-1]
    live_orders = [orders.slot[k] for s in (0, 1) for k in orders.live[s][: orders.n[s]]]
    left = {int(order.cloid): int(order.qty_left + order.shrunk) for order in live_orders}
    reducing = sum(int(order.side * order.qty_left) for order in live_orders if order.reduce_only)
    assert abs(reducing) <= abs(account.position)
    assert reducing * account.position <= 0
    gone = {int(a.aux): int(a.qty) for a in made.answers if a.kind == events.ORDER_CANCELLED}
    refused = {int(a.aux) for a in made.answers if a.kind == events.ORDER_REJECTED}
    for cloid, qty in sent.items():
        filled = sum(int(a.qty) for a in fills if a.aux == cloid)
        if cloid not in refused:
            assert filled + left.get(cloid, 0) + gone.get(cloid, 0) == qty
    for s in (0, 1):
        assert orders.open_qty[s] == sum(int(orders.slot[k].qty_left) for k in orders.live[s][: orders.n[s]])


@compiled
def draw_many(given, seed, out):
    for i in range(len(out)):
        out[i] = latency.draw_ns(given, seed, np.int64(i))


def test_sampled_latency_has_the_configured_median_and_tail() -> None:
    given = Exchange(order_latency=(200_000_000, 900_000_000)).venue.params.order_latency
    draws = np.zeros(400_000, np.int64)
    draw_many(given, np.int64(7), draws)
    assert np.median(draws) == pytest.approx(2e8, rel=0.01)
    assert np.quantile(draws, 0.99) == pytest.approx(9e8, rel=0.01)  # standard error 0.4 %
    again = np.zeros(100, np.int64)
    draw_many(given, np.int64(7), again)
    assert (again == draws[:100]).all()
    draw_many(given, np.int64(8), again)
    assert (again != draws[:100]).all()


def test_the_normal_quantile_is_scipys() -> None:
    for p in (1e-12, 1e-4, 0.02, 0.3, 0.5, 0.9, 0.98, 1 - 1e-9):
        assert latency.normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=2e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("factor", "order", "cancel", "answer", "block"),
    [(0.0, (0, 0), 0, 0, 0), (1.0, (200, 900), 380, 140, 70), (2.0, (400, 1800), 760, 280, 70)],
)
def test_latency_scales_as_a_whole(factor: float, order: tuple[int, int], cancel: int, answer: int, block: int) -> None:
    params = rules.hyperliquid_params(2)
    before = params.tobytes()
    scaled = rules.with_latency_factor(params, factor)
    assert (scaled.order_latency.median_ns, scaled.order_latency.p99_ns) == tuple(ms * MS for ms in order)
    assert (scaled.cancel_latency.median_ns, scaled.response_ns) == (cancel * MS, answer * MS)
    assert scaled.block_ns == block * MS
    assert params.tobytes() == before


def test_twice_the_latency_is_twice_each_delay() -> None:
    params = rules.hyperliquid_params(2, block_ns=0)
    delays = []
    for factor in (1.0, 2.0):
        made = Exchange()
        engine.reset(made.venue, rules.with_latency_factor(params, factor))
        made.place(+1, 399_990, 100)
        delays.append(int(engine.next_due_ns(made.venue)) - made.now)
    assert delays[1] == pytest.approx(2 * delays[0], abs=2)


def test_a_latency_factor_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="latency factor is -1"):
        rules.with_latency_factor(rules.hyperliquid_params(2), -1.0)


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
