"""Fee, funding and the account against exact whole-number arithmetic. Through the exchange: test_money.py."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from touchstone.exchange import accounts, rules

CASH = 10_000_000_000


def towards_zero(top: int, bottom: int) -> int:
    return top // bottom if top >= 0 else -(-top // bottom)


@given(notional=st.integers(0, 10**17), rate=st.integers(-rules._LARGEST_FEE, rules._LARGEST_FEE))
@example(notional=66_650_000, rate=150_000)
@example(notional=10**17, rate=rules._LARGEST_FEE)
def test_a_fee_is_the_exact_product_cut_towards_zero(notional: int, rate: int) -> None:
    """Up to 100 billion of collateral at 100 bp: beyond what int64 could multiply at once."""
    assert accounts.fee_of(np.int64(notional), np.int64(rate)) == towards_zero(notional * rate, 10**9)


@given(
    position=st.integers(-(10**9), 10**9),
    oracle_px=st.integers(1, 10**8),
    rate=st.integers(-4 * 10**10, 4 * 10**10),
)
@example(position=10**9, oracle_px=10**8, rate=4 * 10**10)
def test_funding_is_the_exact_product_cut_towards_zero(position: int, oracle_px: int, rate: int) -> None:
    """4 % an hour is the venue's cap."""
    received = accounts.funding_of(np.int64(position), np.int64(oracle_px), np.int64(rate))
    assert received == towards_zero(-position * oracle_px * rate, 10**12)


@pytest.mark.parametrize(
    ("position", "rate", "received"),
    [
        (100, 12_500_000, -500),
        (-100, 12_500_000, 500),
        (100, -12_500_000, 500),
        (-100, -12_500_000, -500),
        (0, 12_500_000, 0),
        (100, 0, 0),
        (1, 2_499_999, 0),  # just below one micro: cut
        (1, -2_499_999, 0),
        (1, 2_500_000, -1),
        (-1, 2_500_000, 1),
    ],
)
def test_who_pays_funding_and_how_much(position: int, rate: int, received: int) -> None:
    assert accounts.funding_of(np.int64(position), np.int64(400_000), np.int64(rate)) == received


fills = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 10**7), st.integers(1, 10**6), st.integers(-500_000, 500_000)),
    max_size=30,
)


@given(fills=fills, payments=st.lists(st.integers(-(10**9), 10**9), max_size=5), mid2=st.integers(2, 2 * 10**7))
def test_an_account_holds_what_the_sums_say(
    fills: list[tuple[int, int, int, int]], payments: list[int], mid2: int
) -> None:
    account = np.zeros(1, accounts.ACCOUNT)[0]
    accounts.reset(account, np.int64(CASH))
    for side, px, qty, rate in fills:
        fee = accounts.fee_of(np.int64(px * qty), np.int64(rate))
        accounts.apply_fill(account, np.int64(side), np.int64(px), np.int64(qty), fee)
    for received in payments:
        accounts.apply_funding(account, np.int64(received))
    fees = sum(towards_zero(px * qty * rate, 10**9) for _, px, qty, rate in fills)
    cash = CASH - sum(side * px * qty for side, px, qty, _ in fills) - fees + sum(payments)
    position = sum(side * qty for side, _, qty, _ in fills)
    assert (account.start, account.cash, account.position) == (CASH, cash, position)
    assert (account.fees, account.funding) == (fees, sum(payments))
    assert account.volume == sum(px * qty for _, px, qty, _ in fills)
    assert accounts.equity(account, np.int64(mid2)) == 2 * cash + position * mid2
