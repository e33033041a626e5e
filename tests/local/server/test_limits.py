"""The venue's limits: request budget of a user, weights and counts of a client address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.local.server.budget import Budgets
from touchstone.local.server.peers import MOST_PEERS, Minute, Peer, Peers
from touchstone.local.server.refusals import ActionRefused, NotServed
from touchstone.local.server.settings import Limits

USER = "0x" + "1" * 40


def budgets(volume: int = 0, buffer: int = 10) -> Budgets:
    return Budgets(buffer, 10.0, lambda user: volume)


def refusal(of: Budgets, n: int = 1, now_ms: int = 0, *, is_cancel: bool = False) -> str | None:
    try:
        of.admit(USER, n, now_ms, is_cancel=is_cancel)
    except ActionRefused as refused:
        return refused.text
    return None


def test_ten_thousand_actions_and_one_per_unit_traded() -> None:
    limited = Budgets(10_000, 10.0, lambda user: 2_900_000)
    assert refusal(limited, 10_002) is None
    limit = limited.rate_limit(USER)
    assert (limit.n_requests_used, limit.n_requests_cap, limit.cum_vlm) == (10_002, 10_002, "2.90")
    assert refusal(limited, 1, 20_000) is None  # the one action that passes now
    assert refusal(limited, 1, 20_001) == (
        "Too many cumulative requests sent (10004 > 10002) for cumulative volume traded $2.90. "
        "Place taker orders to free up 1 request per USDC traded."
    )


def test_over_budget_one_action_each_ten_seconds_and_a_refused_try_changes_nothing() -> None:
    limited = budgets()
    assert refusal(limited, 10) is None
    passed = [now for now in range(100_000, 131_000, 500) if refusal(limited, 1, now) is None]
    assert passed == [100_000, 110_000, 120_000, 130_000]


def test_cancels_have_a_ceiling_of_their_own() -> None:
    small, large = budgets(buffer=10), budgets(buffer=1_000_000)
    assert refusal(small, 10) is None
    assert [refusal(small, 1, 1, is_cancel=True) is None for _ in range(10)] == [True] * 10
    assert refusal(small, 1, 20_000, is_cancel=True) is None
    assert "(22 > 20)" in (refusal(small, 1, 20_001, is_cancel=True) or "")  # min(10 + 100,000, 2 x 10)
    assert refusal(large, 1_000_000) is None
    assert refusal(large, 100_000, 1, is_cancel=True) is None
    assert refusal(large, 1, 20_000, is_cancel=True) is None
    assert "(1100002 > 1100000)" in (refusal(large, 1, 20_001, is_cancel=True) or "")


def test_reserved_requests_come_off_what_was_used() -> None:
    limited = budgets()
    limited.reserve(USER, 5)
    assert limited.rate_limit(USER).n_requests_surplus == 5
    assert refusal(limited, 15) is None
    limit = limited.rate_limit(USER)
    assert (limit.n_requests_used, limit.n_requests_cap, limit.n_requests_surplus) == (10, 10, 0)


# Client addresses.


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 400)), max_size=60))
def test_no_minute_exceeds_its_limit(steps: list[tuple[float, int]]) -> None:
    window, now, taken = Minute(), 0.0, []
    for wait, amount in steps:
        now += wait
        if window.take(amount, 1_000, now):
            taken.append((now, amount))
        assert sum(amount for at, amount in taken if at > now - 60) == window.total <= 1_000


def test_requests_over_the_weight_are_answered_429() -> None:
    peer = Peer(Limits())
    for _ in range(60):
        peer.spend(20, 0.0)
    with pytest.raises(NotServed) as caught:
        peer.spend(1, 59.0)
    assert caught.value.status == 429
    peer.spend(1, 60.0)


def test_connections_and_new_connections() -> None:
    peer = Peer(Limits())
    for _ in range(10):
        peer.connect(0.0)
    with pytest.raises(NotServed):
        peer.connect(0.0)
    for _ in range(20):
        peer.connections -= 1
        peer.connect(0.0)
    peer.connections -= 1
    with pytest.raises(NotServed):
        peer.connect(1.0)
    peer.connect(61.0)


def test_idle_addresses_are_forgotten() -> None:
    peers = Peers(Limits())
    busy = peers.of("127.0.0.1")
    busy.connections = 1
    for number in range(2 * MOST_PEERS):
        peers.of(str(number))
    assert len(peers) <= MOST_PEERS + 1
    assert peers.of("127.0.0.1") is busy
