"""The queue study: truth and models on streams small enough to follow by hand, and its conclusion on a real day."""

import re
from pathlib import Path

import numpy as np
import pytest
from benchmarks.queue import ghosts as ghost_orders
from benchmarks.queue.follow import Followed, degraded_view, follow, full_view
from benchmarks.queue.ghosts import Ghosts
from benchmarks.queue.page import is_pessimistic, page
from benchmarks.queue.study import KINDS, MODELS, Model, Study, run, run_day

from touchstone import config
from touchstone.core import events as kinds
from touchstone.core.conventions import FILL_HORIZONS_NS, NEVER_NS
from touchstone.data import lobster
from touchstone.data.quality import Quality

from ..exchange.conftest import Exchange
from .conftest import START_NS, Market

BID, ASK = 1_000_000, 1_000_500  # 100.00 and 100.05 dollars
AVERSE, HALVES = MODELS.index(Model("risk_averse")), MODELS.index(Model("power", 1.0))


def seconds(time_ns: int) -> float | None:
    return None if time_ns == NEVER_NS else (time_ns - START_NS) / 1e9


def queue_of_two(market: Market) -> tuple[int, int, int]:
    """Numbers of: an order of 200; our ghost of 50 behind it, at 1 s; one of 100 behind both."""
    ahead = market.at(0).new(1, BID, 200)
    market.new(-1, ASK, 500)
    ghost = market.at(1).new(1, BID, 50)
    behind = market.at(1.5).new(1, BID, 100)
    return ahead, ghost, behind


def study_of(market: Market, number: int) -> tuple[Study, int]:
    """The study, and which of its ghosts is the order of this number."""
    study = run_day(market.day())
    which = np.flatnonzero(study.day.messages["order_id"][study.ghosts.row] == number)
    return study, int(which[0])


def test_by_hand() -> None:
    """The true size ahead goes 200, 120, 20, 0. The pessimistic model sees 200, 200, 100, 80; half-half by size, of the
    80 cancelled 2/3 stood ahead of us: 200, 146.67, 46.67, 26.67."""
    market = Market()
    ahead, ghost, _ = queue_of_two(market)
    market.at(2).reduce(ahead, 80)
    market.at(3).execute(1, 100)
    market.at(4).delete(ghost)  # from here on a virtual order
    market.at(5).execute(1, 20)
    market.at(6).execute(1, 60)  # 60 of the younger order: ours would have been first
    market.at(7).execute(1, 40)
    market.at(62).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert (study.ghosts.level[g], study.ghosts.ahead[g]) == (1, 200)
    assert seconds(study.ghosts.fill_ns[g]) == 6
    assert seconds(study.ghosts.gone_ns[g]) == 4
    full = study.followed["full"]
    assert seconds(full.fill_ns[g, AVERSE]) == 7
    assert seconds(full.fill_ns[g, HALVES]) == 6
    assert full.front_error[g, AVERSE] == pytest.approx((0 + 80 + 2 * 80 + 80) / 5)
    assert full.front_error[g, HALVES] == pytest.approx(4 * (80 / 3) / 5)
    assert full.front_abs_error[g, HALVES] == pytest.approx(full.front_error[g, HALVES])

    ours = np.arange(len(study.ghosts)) == g
    hit = study.score("full", MODELS[HALVES], FILL_HORIZONS_NS[1], ours)
    assert (hit.n, hit.true_rate, hit.rate, hit.brier, hit.bias) == (1, 1.0, 1.0, 0.0, 0.0)
    assert study.score("full", MODELS[HALVES], FILL_HORIZONS_NS[0], ours).true_rate == 0.0
    assert not study.decided_by_own_life(FILL_HORIZONS_NS[1])[g], "the real order was cancelled before"
    assert study.decided_by_own_life(FILL_HORIZONS_NS[0])[g]


def test_a_model_that_never_fills_costs_its_brier() -> None:
    """The same queue, but the day goes on without the last execution: the pessimistic model misses the fill."""
    market = Market()
    ahead, ghost, _ = queue_of_two(market)
    market.at(2).reduce(ahead, 80)
    market.at(3).execute(1, 120)
    market.at(4).execute(1, 10)  # of our real order
    market.at(70).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert seconds(study.ghosts.fill_ns[g]) == 4
    assert study.followed["full"].fill_ns[g, AVERSE] == NEVER_NS
    score = study.score("full", MODELS[AVERSE], FILL_HORIZONS_NS[1], np.arange(len(study.ghosts)) == g)
    assert (score.brier, score.bias) == (1.0, -1.0)


def test_what_the_degraded_view_does_not_show() -> None:
    """All 200 ahead leave at 2.1 s, as many come behind at 2.2 s, between two pictures of the book. Message by message
    the level once showed only the 100 behind us, so at most 100 stand ahead; the pictures show no change at all."""
    market = Market()
    market.at(0).new(1, BID + 100, 100)  # the touch: our level changes without it
    ahead, ghost, _ = queue_of_two(market)
    market.at(2.1).delete(ahead)
    market.at(2.2).new(1, BID, 200)
    market.at(5).new(-1, ASK, 1)
    market.at(11).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert study.ghosts.level[g] == 2
    assert study.followed["full"].front_error[g, AVERSE] == pytest.approx(100 * 8.9 / 10)
    assert study.followed["degraded"].front_error[g, AVERSE] == pytest.approx(200 * 8.9 / 10)


def test_a_touch_shows_at_once_what_a_deeper_level_shows_with_the_next_picture() -> None:
    market = Market()
    market.at(0.0).new(1, BID, 100)
    market.at(0.1).new(-1, ASK, 100)
    market.at(0.6).new(-1, ASK + 100, 100)  # deeper
    market.at(0.7).new(-1, ASK, 50)  # touch
    market.at(1.1).new(-1, ASK + 100, 1)
    assert degraded_view(market.day()).tolist() == [2, 2, 0, 2, 0]
    assert full_view(market.day()).tolist() == [2] * 5


def only(market: Market, number: int) -> Ghosts:
    """The truth of one ghost."""
    day = market.day()
    found = ghost_orders.find(day)
    at = np.flatnonzero(day.messages["order_id"][found.row] == number)
    return Ghosts(*(column[at] for column in list(vars(found).values())[:-1]), found.n_out_of_turn)


def test_an_execution_at_a_worse_price_went_through_us() -> None:
    market = Market()
    ahead, ghost, behind = queue_of_two(market)
    market.new(1, BID - 100, 100)
    for number in (ahead, ghost, behind):
        market.at(2).delete(number)
    market.at(3).execute(1, 10)
    assert seconds(int(only(market, ghost).fill_ns[0])) == 3


def test_an_opposite_order_at_our_price_would_have_met_us() -> None:
    market = Market()
    ahead, ghost, behind = queue_of_two(market)
    market.new(1, BID - 100, 100)
    for number in (ahead, ghost, behind):
        market.at(2).delete(number)
    market.at(3).new(-1, BID, 10)
    market.at(70).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert seconds(int(study.ghosts.fill_ns[g])) == 3
    for view in study.followed.values():
        assert {seconds(int(ns)) for ns in view.fill_ns[g]} == {3}


def test_executions_of_older_orders_do_not_fill_us() -> None:
    market = Market()
    _, ghost, _ = queue_of_two(market)
    market.at(2).delete(ghost)
    market.at(3).execute(1, 200)
    market.at(50).new(-1, ASK, 1)
    assert only(market, ghost).fill_ns[0] == NEVER_NS


def test_a_hidden_execution_takes_nothing_from_the_visible_queue() -> None:
    market = Market()
    _, ghost, _ = queue_of_two(market)
    market.at(2).hidden(1, BID, 150)
    market.at(11).new(-1, ASK, 1)
    market.at(70).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert study.ghosts.fill_ns[g] == NEVER_NS
    assert study.followed["full"].front_error[g].tolist() == [0.0] * len(MODELS)


def test_a_level_that_comes_back_into_sight_bounds_the_size_ahead() -> None:
    """200 ahead and 100 behind; out of sight 150 of those ahead leave. What is shown again, 150, is the new bound, and
    the size from which later changes are counted: the 100 that then come are behind us."""
    market = Market(levels=2)
    ahead, ghost, _ = queue_of_two(market)
    market.at(1.8).delete(ghost)
    better = [market.at(2).new(1, BID + 100 * i, 100) for i in (1, 2)]
    market.at(3).reduce(ahead, 150)
    for number in better:
        market.at(4).delete(number)
    market.at(4.5).new(1, BID, 100)
    market.at(5).execute(1, 130)
    market.at(6).execute(1, 70)
    market.at(70).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert seconds(int(study.ghosts.fill_ns[g])) == 5
    assert {seconds(int(ns)) for ns in study.followed["full"].fill_ns[g]} == {6}


def test_an_order_that_leaves_out_of_sight_counts_as_gone_from_then_on() -> None:
    market = Market(levels=2)
    ahead, ghost, _ = queue_of_two(market)
    better = [market.at(2).new(1, BID + 100 * i, 100) for i in (1, 2)]
    market.at(3).delete(ghost)  # nobody is told
    market.at(3.5).delete(ahead)
    for number in better:
        market.at(4).delete(number)
    market.at(5).execute(1, 10)  # of the one behind
    truth = only(market, ghost)
    assert (seconds(int(truth.gone_ns[0])), seconds(int(truth.fill_ns[0]))) == (2, 5)
    assert truth.n_out_of_turn == 0


def test_beyond_the_visible_book_only_a_trade_through_the_price_fills() -> None:
    """The queue is unknown from the start on the degraded view; the model learns it when the level comes into sight."""
    market = Market(levels=2)
    market.at(0.1).new(-1, ASK, 100)
    better = [market.new(1, BID + 100 * i, 100) for i in (1, 2)]
    market.new(1, BID, 300)
    market.at(0.6).new(-1, ASK, 100)
    market.at(0.7).delete(better[0])  # our level is visible, but no picture was taken yet
    ghost = market.at(0.8).new(1, BID, 50)
    market.at(0.9).new(-1, ASK, 100)
    market.at(1.2).execute(1, 100)
    market.at(1.3).execute(1, 310)
    market.at(70).new(-1, ASK, 1)
    study, g = study_of(market, ghost)
    assert study.followed["degraded"].n_beyond_book >= 1
    assert seconds(study.ghosts.fill_ns[g]) == 1.3
    assert seconds(int(study.followed["degraded"].fill_ns[g, AVERSE])) == 1.3


def random_market(seed: int, steps: int) -> tuple[Market, int]:
    """Five levels a side, all visible, and a ghost that is cancelled as soon as it has come."""
    draw = np.random.default_rng(seed)
    market = Market()
    for i in range(5):
        for side, px in ((1, BID - 100 * i), (-1, BID + 100 * (i + 1))):
            for _ in range(4):
                market.new(side, px, int(draw.integers(1, 200)))
    side, level = int(draw.choice([1, -1])), int(draw.integers(0, 3))
    ghost_px = BID - 100 * level if side > 0 else BID + 100 * (level + 1)
    ghost = market.at(1).new(side, ghost_px, 100)
    market.at(1.001).delete(ghost)
    for step in range(steps):
        market.at(2 + 0.1 * step)
        what = draw.choice(["new", "delete", "reduce", "execute"], p=[0.4, 0.25, 0.15, 0.2])
        numbers = [n for n, (s, p, _) in market.orders.items() if s == side and abs(p - ghost_px) <= 100]
        if what == "new":
            side_at = int(draw.choice([1, -1]))
            i = int(draw.integers(0, 5))
            market.new(side_at, BID - 100 * i if side_at > 0 else BID + 100 * (i + 1), int(draw.integers(1, 200)))
        elif what == "execute" and len(numbers) > 2:
            market.execute(side, int(draw.integers(1, 150)))
        elif numbers and what == "delete":
            market.delete(int(draw.choice(numbers)))
        elif numbers:
            number = int(draw.choice(numbers))
            if market.orders[number][2] > 1:
                market.reduce(number, market.orders[number][2] // 2)
    return market, ghost


def engine_fill_s(market: Market, ghost: int, kind: int, n: float) -> float | None:
    """When the simulated exchange fills an order placed as the ghost came, on the tape of a market without it."""
    day = market.day()
    row = int(np.flatnonzero(day.messages["order_id"] == ghost)[0])
    tape = lobster.events(day, Quality())
    made = Exchange(queue_kind=kind, queue_n=n)
    placed = False
    for event in tape:
        time = int(event["exch_ns"])
        if time >= int(day.messages["time_ns"][row]) and not placed:
            placed = True
            made.now = time
            made.place(int(day.messages["side"][row]), int(day.messages["price"][row]), 100)
        if START_NS + 1_000_000_000 <= time <= START_NS + 1_001_000_000:
            continue  # the ghost itself
        made.now = time
        fields = {name: int(event[name]) for name in ("px", "side", "aux", "bits")}
        made.market(int(event["kind"]), qty=int(event["qty"]) // lobster.SHARE, **fields)
        if any(answer.kind == kinds.FILL for answer in made.answers):
            return seconds(time)
    return None


@pytest.mark.parametrize("kind", range(6))
def test_the_study_follows_a_ghost_as_the_exchange_follows_an_order(kind: int) -> None:
    compared = 0
    for seed in range(12):
        market, ghost = random_market(seed, 120)
        day = market.day()
        found = only(market, ghost)
        done: Followed = follow(day, full_view(day), found, np.array([kind], np.int64), np.array([2.0]))
        assert seconds(int(done.fill_ns[0, 0])) == engine_fill_s(market, ghost, kind, 2.0)
        compared += done.fill_ns[0, 0] != NEVER_NS
    assert compared >= 6


@pytest.mark.parametrize("seed", range(5))
def test_the_pessimistic_model_never_fills_first(seed: int) -> None:
    """Message by message, and only cancels ahead or behind: its size ahead is an upper bound of the truth."""
    market, _ = random_market(100 + seed, 150)
    market.at(80).new(-1, ASK, 1)
    study = run_day(market.day())
    full = study.followed["full"]
    known = np.isfinite(full.front_error[:, AVERSE])
    assert known.sum() > 20
    assert np.allclose(full.front_error[known, AVERSE], full.front_abs_error[known, AVERSE])
    assert (full.fill_ns[:, AVERSE] >= study.ghosts.fill_ns).all()
    assert (full.fill_ns.max(axis=1) == full.fill_ns[:, AVERSE]).all()


@pytest.mark.slow
def test_the_conclusion_on_a_real_day(amazon: Path) -> None:
    study = run(amazon)
    assert len(study.ghosts) > 40_000
    assert study.ghosts.n_out_of_turn / len(study.ghosts) < 1e-3, "service by age: the truth can be trusted"
    for half in (study.first_half, ~study.first_half):
        assert is_pessimistic(study, Model("risk_averse"), half) == (True, True)
    chosen, second = study.chosen(), ~study.first_half
    exchange = config.load(None).exchange
    assert (exchange.queue_model, exchange.queue_exponent) == (chosen.name, chosen.exponent)
    bias = {model: study.mean_brier("degraded", model, second)[1] for model in MODELS}
    assert min(bias, key=bias.__getitem__) == chosen, "the half of the day that it was not chosen on agrees"
    for tau in FILL_HORIZONS_NS:
        interval = study.score("degraded", chosen, tau, second).bias_interval
        assert interval is not None
        assert interval.low <= 0 <= interval.high
    text = page(study, "command", "source")
    assert set(KINDS) <= set(re.findall(r"\| `(\w+)", text))
    assert "NOT" not in text
