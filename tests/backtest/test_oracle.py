"""Truth beside the shipped model: states of a session, their futures, and what is kept of them."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from touchstone import TouchstoneError, config
from touchstone.backtest import oracle, scenario
from touchstone.backtest.oracle import Futures, Session, frequencies, truths
from touchstone.backtest.reactive import Reactive
from touchstone.core.conventions import FILL_HORIZONS_NS, N_FILL, NEVER_NS, NS

DECIMALS, SEED, TEN_S, SIXTY_S = 2, 3, 1, 2


@pytest.fixture(scope="module")
def market() -> Any:
    return scenario.load("normal")


def test_a_session_that_stops_for_states_is_the_session(market: Any) -> None:
    session = Session(config.Config(), DECIMALS, market, seed=SEED, horizon=SIXTY_S)
    states = [session.next_state() for _ in range(3)]
    plain = Reactive(config.Config(), DECIMALS, market, seed=SEED)
    minutes = (int(session.world[0].now_ns) - int(plain.world[0].now_ns)) / (60 * NS)
    plain.run(minutes, is_end=False)
    assert int(plain.world[0].now_ns) == int(session.world[0].now_ns)
    assert plain.digest() == session.digest()
    assert plain.counts["orders"] > 0
    made = [int(state.prediction.made_ns) for state in states]
    assert all(later - sooner >= FILL_HORIZONS_NS[SIXTY_S] for sooner, later in pairwise(made))
    for state in states:
        assert 0 <= int(state.prediction.made_ns) - int(state.world[0].now_ns) < int(state.world[0].params.block_ns)
        assert int(state.world[0].book.n_orders.sum()) > 0


def test_futures_leave_the_state_as_it_was_and_the_real_one_is_one_of_them(market: Any) -> None:
    session = Session(config.Config(), DECIMALS, market, seed=SEED, horizon=TEN_S)
    state = session.next_state()
    futures, before = Futures(session.venue_params), state.world.tobytes()
    horizon_ns = FILL_HORIZONS_NS[TEN_S]
    waits = futures.waits(state, 40, seed=1, horizon_ns=horizon_ns)
    real = [futures.real_wait(state, seed=7, horizon_ns=horizon_ns) for _ in range(2)]
    assert real[0] == real[1]
    assert (waits == futures.waits(state, 40, seed=1, horizon_ns=horizon_ns)).all()
    assert state.world.tobytes() == before
    known = waits[(waits != NEVER_NS) & (waits != oracle.branch.REFUSED_NS)]
    assert (known > 0).all()
    assert (known <= horizon_ns).all()


def test_rows_count_every_future_and_keep_what_the_ledger_said(market: Any) -> None:
    rows = truths(config.Config(), DECIMALS, market, seed=SEED, states=4, futures=50)
    assert (rows["n"].sum(axis=1) + rows["refused"] == 50).all()
    assert (np.diff(rows["filled"], axis=2) >= 0).all()  # who is filled within 1 s is within 10 s
    assert (rows["filled"] <= rows["n"][:, :, None]).all()
    assert ((rows["p"] > 0.0) & (rows["p"] < 1.0)).all()
    found = frequencies(rows)
    assert found.shape == (4, N_FILL)
    assert (found[:, SIXTY_S] > 0.0).any()
    decided = np.isin(rows["decided"], oracle.DECIDED)
    assert (np.isnan(rows["outcome"]) == ~decided).all()
    assert (rows == truths(config.Config(), DECIMALS, market, seed=SEED, states=4, futures=50)).all()


def test_a_session_without_quotes_says_so(market: Any) -> None:
    session = Session(config.Config(), DECIMALS, market, seed=SEED, horizon=SIXTY_S)
    session.state.params.evaluation_window_ns = 7200 * NS
    session.state.sample_window = 0
    with pytest.raises(TouchstoneError, match="no evaluation order of 60 s for 1 h"):
        session.next_state()


@pytest.mark.slow
def test_as_many_are_filled_as_the_frequencies_say(market: Any) -> None:
    rows = np.concatenate(
        [truths(config.Config(seed=s), DECIMALS, market, seed=s, states=60, futures=200) for s in range(10)]
    )
    rows = rows[(rows["real_ns"] >= 0) & (rows["n"].sum(axis=1) > 0)]
    p = frequencies(rows)
    for h, horizon_ns in enumerate(FILL_HORIZONS_NS):
        filled = (rows["real_ns"] <= horizon_ns).sum()
        error = np.sqrt((p[:, h] * (1.0 - p[:, h])).sum() * (1.0 + 1.0 / 200))
        assert abs(filled - p[:, h].sum()) < 4.0 * error, f"horizon {h}"
