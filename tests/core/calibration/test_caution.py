"""The cost of caution: pairs of shadows, whichever comes first; what is shown to cost counts no more."""

import math

import numpy as np
import pytest
from tests.core.conftest import Desk

from touchstone.core.calibration import caution
from touchstone.core.conventions import NS
from touchstone.core.quoting.params import TERM_ADVERSE, TERM_LAG

Int = np.int64
QUOTED, FREE, WITHOUT = caution.AS_QUOTED, caution.MODEL_FREE, caution.WITHOUT_ONE


def new():
    c = np.zeros(1, caution.CAUTION)[0]
    caution.reset(c)
    return c


def pair(c, now, role, term, quoted, other, order=(0, 1)):
    """A window whose two orders earned this much (None: not filled, NaN: no mid), resolved in this order."""
    i = caution.begin(c, Int(now), Int(1))
    caution.rests(c, i, role, Int(term))
    caution.rests(c, i, QUOTED, Int(term))
    ends = [(QUOTED, quoted), (role, other)]
    for k in order:
        which, edge = ends[k]
        filled = np.bool_(edge is not None)
        caution.at_deadline(c, i, Int(now), which, filled, np.bool_(False))
        if edge is not None:
            caution.at_markout(c, i, Int(now), which, float(edge))
            caution.at_markout(c, i, Int(now), which, 99.0)  # a second word changes nothing


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_pair_is_what_we_earn_less_what_the_other_would(order) -> None:
    c = new()
    pair(c, 0, FREE, caution.ALL, 2.0, -5.0, order)
    pair(c, 30 * NS, FREE, caution.ALL, None, -4.0, order)  # avoided
    pair(c, 60 * NS, FREE, caution.ALL, None, 3.0, order)  # missed
    one = c.of[caution.ALL]
    assert (one.n, one.n_apart, one.total) == (3, 3, 7.0 + 4.0 - 3.0)
    mean, se = caution.cost(one)
    assert mean == pytest.approx(8 / 3)
    assert se == pytest.approx(np.std([7, 4, -3], ddof=1) / math.sqrt(3))


def test_a_pair_without_a_mid_is_counted_and_given_up() -> None:
    c = new()
    pair(c, 0, FREE, caution.ALL, 2.0, math.nan)
    assert (c.of[caution.ALL].n, c.n_lost) == (0, 1)
    i = caution.begin(c, Int(NS), Int(1))
    caution.same_price(c, i, Int(TERM_LAG))
    assert (c.of[TERM_LAG].n, c.of[TERM_LAG].n_apart) == (1, 0)


def test_word_of_another_window_is_not_ours() -> None:
    c = new()
    i = caution.begin(c, Int(0), Int(1))
    caution.rests(c, i, QUOTED, caution.ALL)
    caution.rests(c, i, FREE, caution.ALL)
    caution.at_deadline(c, i, Int(5), QUOTED, np.bool_(False), np.bool_(False))
    caution.at_markout(c, i, Int(0), QUOTED, 5.0)  # before the deadline: not filled as far as we know
    assert c.open[i].state[QUOTED] == caution.RESTING


def test_what_is_shown_to_cost_counts_no_more_and_nothing_else() -> None:
    c, rng = new(), np.random.default_rng(1)
    assert caution.share(c, TERM_ADVERSE) == 1.0
    for n in range(600):
        pair(c, n * 60 * NS, WITHOUT, TERM_ADVERSE, None, 1.5 + rng.normal())  # good fills, missed
        pair(c, n * 60 * NS + 30 * NS, WITHOUT, TERM_LAG, None, -1.5 + rng.normal())  # bad fills, avoided
    assert caution.share(c, TERM_ADVERSE) == 0.0
    assert caution.share(c, TERM_LAG) == 1.0


def test_chance_alone_seldom_shows_a_cost() -> None:
    rng, off = np.random.default_rng(2), 0
    for _ in range(60):
        c = new()
        for n in range(300):
            pair(c, n * 30 * NS, FREE, caution.ALL, None, rng.normal())
        off += caution.share(c, TERM_LAG) == 0.0
    assert off <= 60 / 20 + 4 * math.sqrt(60 / 20)


def test_bets_wait_until_the_bet_before_is_known() -> None:
    c = new()
    for n in range(10):
        caution.begin(c, Int(n * 10 * NS), Int(1))
    assert [int(c.open[n].is_bet) for n in range(10)] == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_in_the_core_every_window_is_judged(desk: Desk) -> None:
    desk.wait(100)
    judged = desk.state.models.caution
    assert judged.n_opened >= 16  # two sides each 10 s
    assert judged.of[caution.ALL].n >= 14
    assert sum(int(judged.of[t].n) for t in range(1, len(judged.of))) >= 14  # one model each
    assert judged.n_lost <= 4
