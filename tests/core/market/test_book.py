"""The order book against a plain dictionary of levels, over random streams and hand-made cases."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from touchstone.core import events
from touchstone.core import grid as price_grid
from touchstone.core.market import book as order_book

BID, ASK = 1, -1
WIDTH = order_book.WIDTH
MID_INDEX = 50_000


class Market:
    """A book under test: sends it events as the engine does."""

    def __init__(self, sz_decimals=2):
        self.grid = np.zeros(1, price_grid.GRID)[0]
        price_grid.reset(self.grid, sz_decimals, 0)
        self.book = np.zeros(1, order_book.BOOK)[0]
        order_book.reset(self.book)
        self.event = np.zeros(1, events.EVENT)[0]
        self.now = 1

    def send(self, kind, side=0, index=0, qty=0, now=None):
        self.now = self.now if now is None else now
        px = int(price_grid.price_of(self.grid, index)) if index > 0 else 0
        self.send_px(kind, side, px, qty)

    def send_px(self, kind, side, px, qty):
        event = self.event
        event.kind, event.side, event.px, event.qty, event.exch_ns = int(kind), side, px, qty, self.now
        order_book.begin_block(self.book, self.now)
        if kind != events.TRADE:
            order_book.update(self.book, self.grid, event)

    def own(self, s, index, qty):
        order_book.add_own(self.book, self.grid, s, int(price_grid.price_of(self.grid, index)), qty)

    def snapshot(self, bids, asks):
        self.send(events.SNAPSHOT_BEGIN)
        for side, levels in ((BID, bids), (ASK, asks)):
            for index, qty in levels:
                self.send(events.BOOK_LEVEL, side, index, qty)
        self.send(events.SNAPSHOT_END)

    def shown(self, s):
        """{grid index: size shown} of one side."""
        slots = np.nonzero(self.book.qty[s])[0]
        return {int(i + self.book.origin): int(self.book.qty[s, i]) for i in slots}

    def net(self, s):
        slots = np.nonzero(self.book.qty[s] > self.book.own[s])[0]
        return {int(i + self.book.origin): int(self.book.qty[s, i] - self.book.own[s, i]) for i in slots}

    def touch(self, s):
        """Grid index of the net touch or None."""
        return int(self.book.best[s] + self.book.origin) if self.book.best[s] >= 0 else None


@dataclass
class NaiveBook:
    """What the documentation says, with dictionaries. Sides 0 bid, 1 ask; better(s, x, y): x nearer the other side."""

    shown: list = field(default_factory=lambda: [{}, {}])
    own: list = field(default_factory=lambda: [{}, {}])
    deepest: list = field(default_factory=lambda: [None, None])  # nothing known
    cursor: list = field(default_factory=lambda: [None, None])
    in_snapshot: bool = False

    @staticmethod
    def better(s, x, y):
        return x > y if s == 0 else x < y

    def remove(self, s, is_gone):
        self.shown[s] = {x: q for x, q in self.shown[s].items() if not is_gone(x)}

    def level(self, s, x, qty, is_touch):
        first = self.cursor[s] is None
        if is_touch or (self.in_snapshot and first):
            self.remove(s, lambda y: self.better(s, y, x))
        elif self.in_snapshot:
            last = self.cursor[s]
            self.remove(s, lambda y: self.better(s, y, x) and self.better(s, last, y))
        if self.in_snapshot and not is_touch:
            self.cursor[s] = x
        if qty > 0:
            self.remove(1 - s, lambda y: y == x or self.better(s, x, y))
            self.shown[s][x] = qty
            if self.deepest[s] is None or self.better(s, self.deepest[s], x):
                self.deepest[s] = x
        else:
            self.shown[s].pop(x, None)

    def begin(self):
        self.in_snapshot = True
        self.cursor = [None, None]

    def end(self):
        for s in range(2):
            last = self.cursor[s]
            self.remove(s, lambda y, s=s, last=last: last is None or self.better(s, last, y))
            self.deepest[s] = last
        self.in_snapshot = False

    def add_own(self, s, x, qty):
        self.own[s][x] = max(self.own[s].get(x, 0) + qty, 0)

    def net(self, s):
        left = {x: q - self.own[s].get(x, 0) for x, q in self.shown[s].items()}
        return {x: q for x, q in left.items() if q > 0}

    def touch(self, s):
        net = self.net(s)
        if not net:
            return None
        return max(net) if s == 0 else min(net)


def assert_same(market, naive):
    book = market.book
    for s in range(2):
        assert market.shown(s) == naive.shown[s]
        assert market.net(s) == naive.net(s)
        touch = naive.touch(s)
        assert market.touch(s) == touch
        assert book.best_px[s] == (0 if touch is None else price_grid.price_of(market.grid, touch))
    if naive.touch(0) is None or naive.touch(1) is None:
        assert book.mid2 == 0
        assert not order_book.is_valid(book)
    else:
        assert book.mid2 == book.best_px[0] + book.best_px[1]
        assert order_book.is_valid(book)


def assert_known(market, naive, around):
    for s in range(2):
        deepest = naive.deepest[s]
        for x in range(around - 30, around + 31):
            known = deepest is not None and not naive.better(s, deepest, x)
            assert bool(order_book.is_known(market.book, s, int(x - market.book.origin))) == known


def assert_change(market, before, after):
    """ONE_LEVEL describes the one level that changed; UNCHANGED means nothing did."""
    book = market.book
    differs = {
        (s, x)
        for s in range(2)
        for x in before[s].keys() | after[s].keys()
        if before[s].get(x, 0) != after[s].get(x, 0)
    }
    if book.change == order_book.UNCHANGED:
        assert not differs
    elif book.change == order_book.ONE_LEVEL:
        level = (int(book.change_side), int(book.change_slot + book.origin))
        assert differs <= {level}
        assert book.change_from == before[level[0]].get(level[1], 0)
        assert book.change_to == after[level[0]].get(level[1], 0)
    else:
        assert book.change == order_book.MANY_LEVELS


side = st.sampled_from([BID, ASK])
offset = st.integers(-12, 12)
size = st.one_of(st.just(0), st.integers(1, 5))
levels = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=5)
# Offsets of a snapshot: the touch of each side and the gaps to the deeper levels.
snapshot = st.tuples(st.just("snapshot"), st.integers(-10, 10), st.integers(1, 4), levels, levels)
step = st.one_of(
    st.tuples(st.just("level"), side, offset, size),
    st.tuples(st.just("bbo"), side, offset, st.integers(1, 5)),
    st.tuples(st.just("own"), side, offset, st.integers(-4, 4)),
    snapshot,
)


def snapshot_levels(centre, spread, bid_gaps, ask_gaps):
    bids, asks = [], []
    x = centre
    for gap, qty in bid_gaps:
        x -= gap
        bids.append((x, qty))
        x -= 1
    x = centre + spread
    for gap, qty in ask_gaps:
        x += gap
        asks.append((x, qty))
        x += 1
    return bids, asks


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step, min_size=1, max_size=40))
def test_same_as_a_dictionary(steps):
    market, naive = Market(), NaiveBook()
    send_both(market, naive, [("level", BID, 0, 1)])
    send_both(market, naive, steps)


def test_same_as_a_dictionary_in_a_crowded_book():
    """Many events at few prices: every level is crossed, cleared, owned and shown again."""
    rng = np.random.default_rng(12)
    for _ in range(6):
        market, naive = Market(), NaiveBook()
        steps = [("level", BID, 0, 1)]
        for name in rng.choice(["level", "bbo", "own", "snapshot"], 400, p=[0.6, 0.2, 0.15, 0.05]):
            its_side, away, qty = int(rng.choice([BID, ASK])), int(rng.integers(-4, 5)), int(rng.integers(0, 4))
            if name == "snapshot":
                gaps = [[(int(g), 2) for g in rng.integers(0, 3, int(rng.integers(0, 4)))] for _ in range(2)]
                steps.append((name, away, 1, *gaps))
            else:
                steps.append((str(name), its_side, away, max(qty, 1) if name == "bbo" else qty - 2 * (name == "own")))
        send_both(market, naive, steps)


def send_both(market, naive, steps):
    for name, *rest in steps:
        before = (market.net(0), market.net(1))
        if name == "snapshot":
            centre, spread, bid_gaps, ask_gaps = rest
            bids, asks = snapshot_levels(MID_INDEX + centre, spread, bid_gaps, ask_gaps)
            market.send(events.SNAPSHOT_BEGIN)
            naive.begin()
            for s, its_side, named in ((0, BID, bids), (1, ASK, asks)):
                for x, qty in named:
                    before = (market.net(0), market.net(1))
                    market.send(events.BOOK_LEVEL, its_side, x, qty)
                    naive.level(s, x, qty, False)
                    assert_same(market, naive)
                    assert_change(market, before, (market.net(0), market.net(1)))
            before = (market.net(0), market.net(1))
            market.send(events.SNAPSHOT_END)
            naive.end()
        else:
            its_side, away, qty = rest
            s, x = (0 if its_side == BID else 1), MID_INDEX + away
            if name == "own":
                market.own(s, x, qty)
                naive.add_own(s, x, qty)
                assert_same(market, naive)
                continue
            market.send(events.BOOK_LEVEL if name == "level" else events.BBO, its_side, x, qty)
            naive.level(s, x, qty, name == "bbo")
        assert_same(market, naive)
        assert_known(market, naive, MID_INDEX)
        assert_change(market, before, (market.net(0), market.net(1)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(["snapshot", "bbo", "level"]), st.integers(-9000, 9000), levels, levels),
        min_size=1,
        max_size=12,
    ),
    st.integers(30, MID_INDEX),
)
def test_far_moves_keep_the_touch_and_the_window(moves, start):
    """The window follows the touch; what it holds is what a dictionary holds there, and drops are counted."""
    market, naive = Market(), NaiveBook()
    centre = start
    for name, move, bid_gaps, ask_gaps in moves:
        centre = min(max(centre + move, 30), 90_000)
        bids, asks = snapshot_levels(centre, 2, [(0, 3), *bid_gaps], [(0, 3), *ask_gaps])
        dropped = int(market.book.n_outside)
        before = (market.net(0), market.net(1))
        if name == "snapshot":
            market.snapshot(bids, asks)
            naive.begin()
        for s, its_side, named in ((0, BID, bids), (1, ASK, asks)):
            for x, qty in named if name == "snapshot" else named[:1]:
                if name != "snapshot":
                    before = (market.net(0), market.net(1))
                    market.send(events.BBO if name == "bbo" else events.BOOK_LEVEL, its_side, x, qty)
                naive.level(s, x, qty, name == "bbo")
                if name != "snapshot":
                    assert_change(market, before, (market.net(0), market.net(1)))
                    forget_outside(market, naive)
        if name == "snapshot":
            naive.end()
            forget_outside(market, naive)
        origin = int(market.book.origin)
        assert origin >= 0
        assert_same(market, naive)
        assert origin <= centre < origin + WIDTH
        if name != "level":
            assert market.touch(0) == centre
            assert market.touch(1) == centre + 2
        assert market.book.n_outside >= dropped


def forget_outside(market, naive):
    origin = int(market.book.origin)
    for s in range(2):
        naive.remove(s, lambda x: not origin <= x < origin + WIDTH)


@pytest.fixture
def market():
    return Market()


@pytest.fixture
def two_sided(market):
    market.snapshot([(100, 5), (99, 6), (97, 7)], [(102, 4), (103, 3)])
    return market


def test_late_events_are_dropped_and_counted(two_sided):
    two_sided.now = 10
    two_sided.send(events.BOOK_LEVEL, BID, 101, 2)
    two_sided.send(events.BOOK_LEVEL, BID, 101, 9, now=9)
    assert two_sided.book.n_late == 1
    assert two_sided.book.change == order_book.UNCHANGED
    assert two_sided.shown(0)[101] == 2
    two_sided.send(events.TRADE, now=12)
    two_sided.send(events.BBO, BID, 99, 9, now=11)  # a trade of a newer block was seen
    assert two_sided.book.n_late == 2
    two_sided.send(events.BBO, BID, 99, 9, now=12)
    assert two_sided.touch(0) == 99


def test_mid_before_block_is_that_before_its_first_event(two_sided):
    assert two_sided.book.mid2_before_block == 0
    before = int(two_sided.book.mid2)
    two_sided.send(events.TRADE, now=5)
    assert two_sided.book.mid2_before_block == before
    two_sided.send(events.BBO, BID, 101, 9, now=5)
    two_sided.send(events.BBO, ASK, 105, 9, now=5)
    assert two_sided.book.mid2 == 206
    assert two_sided.book.mid2_before_block == before
    two_sided.send(events.TRADE, now=4)  # late: the newest block stays
    assert two_sided.book.mid2_before_block == before
    two_sided.send(events.TRADE, now=6)
    assert two_sided.book.mid2_before_block == 206


def test_what_is_beyond_the_snapshot_is_unknown(two_sided):
    book, origin = two_sided.book, int(two_sided.book.origin)
    assert order_book.is_known(book, 0, 97 - origin)
    assert order_book.is_known(book, 0, 98 - origin)  # empty, and known to be
    assert not order_book.is_known(book, 0, 96 - origin)
    assert order_book.is_known(book, 1, 103 - origin)
    assert not order_book.is_known(book, 1, 104 - origin)
    assert not order_book.is_known(book, 0, order_book.NONE)


def test_a_snapshot_drops_levels_it_does_not_name(two_sided):
    two_sided.snapshot([(99, 1)], [(101, 2)])
    assert two_sided.shown(0) == {99: 1}
    assert two_sided.shown(1) == {101: 2}
    two_sided.snapshot([], [(101, 2)])
    assert two_sided.shown(0) == {}
    assert two_sided.book.mid2 == 0
    two_sided.snapshot([(98, 1)], [(101, 2)])
    assert two_sided.book.mid2 == 199


def test_a_newer_opposite_level_removes_what_it_crosses(two_sided):
    two_sided.send(events.BOOK_LEVEL, ASK, 99, 8)
    assert two_sided.shown(0) == {97: 7}
    assert two_sided.touch(1) == 99
    assert two_sided.book.n_crossed == 2
    assert two_sided.book.change == order_book.MANY_LEVELS


def test_readers_see_the_book_without_our_orders(two_sided):
    two_sided.send(events.BOOK_LEVEL, BID, 101, 2)
    two_sided.own(0, 101, 2)
    assert two_sided.touch(0) == 100
    assert two_sided.book.mid2 == 202
    assert order_book.imbalance(two_sided.book) == pytest.approx((5 - 4) / 9)
    two_sided.send(events.BOOK_LEVEL, BID, 101, 5)  # others joined
    assert two_sided.touch(0) == 101
    assert (two_sided.book.change_from, two_sided.book.change_to) == (0, 3)
    two_sided.own(0, 101, -2)
    assert two_sided.net(0)[101] == 5


def test_a_touch_that_is_all_ours_leaves_with_the_feed(two_sided):
    """No ghost: our filled level, better than the net touch, must not come back when our order is taken off."""
    for message in (
        lambda: two_sided.send(events.BBO, BID, 100, 5),
        lambda: two_sided.snapshot([(100, 5)], [(102, 4)]),
        lambda: two_sided.send(events.BOOK_LEVEL, ASK, 101, 3),
    ):
        two_sided.snapshot([(100, 5), (99, 6)], [(102, 4), (103, 3)])
        two_sided.send(events.BOOK_LEVEL, BID, 101, 2)
        two_sided.own(0, 101, 2)
        message()
        two_sided.own(0, 101, -2)
        assert two_sided.touch(0) == 100
        assert 101 not in two_sided.shown(0)


def test_feed_showing_less_than_ours_is_counted_and_reads_as_empty(two_sided):
    two_sided.own(1, 102, 4)
    two_sided.send(events.BOOK_LEVEL, ASK, 102, 1)
    assert two_sided.book.n_own_clamped == 1
    assert two_sided.touch(1) == 103


def test_off_grid_and_far_levels_are_counted(two_sided):
    two_sided.send_px(events.BOOK_LEVEL, BID, 1_000_001, 5)
    two_sided.send_px(events.BBO, BID, 0, 5)
    assert two_sided.book.n_off_grid == 2
    two_sided.send(events.BOOK_LEVEL, ASK, 102 + 2 * WIDTH, 5)
    assert two_sided.book.n_outside == 1
    two_sided.own(1, 102 + 2 * WIDTH, 5)
    assert two_sided.book.n_own_outside == 1
    assert two_sided.book.mid2 == 202


def test_low_prices_do_not_move_the_window_below_zero():
    market = Market(sz_decimals=0)
    market.snapshot([(12, 5), (10, 2)], [(14, 4)])
    market.send(events.BBO, BID, 13, 1)
    assert market.book.origin == 0
    assert market.book.n_recentred == 0
    assert market.shown(0) == {13: 1, 12: 5, 10: 2}


def test_the_window_tells_how_far_it_moved(market):
    market.snapshot([(20_000, 5), (19_990, 2)], [(20_002, 4)])
    origin = int(market.book.origin)
    market.send(events.BBO, ASK, 23_500, 6)
    assert market.book.shifted == market.book.origin - origin > 0
    market.send(events.BBO, BID, 23_400, 5)
    assert market.book.n_recentred == 1
    assert market.shown(0) == {23_400: 5, 20_000: 5, 19_990: 2}
    market.send(events.BBO, ASK, 23_450, 6)
    assert market.book.shifted == 0


def test_levels_at_the_very_edge_of_the_window_move_with_it(market):
    market.snapshot([(20_000, 5)], [(20_001, 4)])
    first = int(market.book.origin)
    last = first + WIDTH - 1
    market.snapshot([(20_000, 5), (first, 2)], [(20_001, 4), (last, 3)])
    market.send(events.BBO, BID, first + 900, 5)  # down: the top leaves
    assert market.book.origin < first
    assert market.shown(0) == {first + 900: 5, first: 2}
    assert market.shown(1) == {20_001: 4}
    assert market.book.n_outside == 1
    first = int(market.book.origin)
    last = first + WIDTH - 1
    market.snapshot([(first + 2000, 5), (first, 2)], [(first + 2001, 4), (last, 3)])
    market.send(events.BBO, ASK, last - 900, 5)  # up: the bottom leaves
    assert market.shown(0) == {}
    assert market.shown(1) == {last - 900: 5, last: 3}


def test_crossing_the_price_decades_keeps_neighbours_adjacent():
    market = Market()
    last = int(price_grid.index_of(market.grid, 99_999))
    market.snapshot([(last, 5)], [(last + 1, 4)])
    assert (market.book.best_px[0], market.book.best_px[1]) == (99_999, 100_000)
    market.send(events.BBO, ASK, last + 2, 4)
    assert market.book.best_px[1] == 100_010


def test_depth_is_positive_away_from_mid(two_sided):
    assert order_book.depth_bps(two_sided.book, 0, 100) == pytest.approx(1 / 101 * 1e4)
    assert order_book.depth_bps(two_sided.book, 1, 102) == pytest.approx(1 / 101 * 1e4)
    assert order_book.depth_bps(two_sided.book, 1, 100) < 0
