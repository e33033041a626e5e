"""An hour of the generated market: what it promises can be measured in it."""

import math
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.data import generate, layout
from touchstone.data.tape import open_tape
from touchstone.data.units import coin_of, tick_of

S = 1_000_000_000


@dataclass
class Hour:
    """Touches, and sweeps (the trades of one block and side) with the shown touch before them."""

    events: Any
    touch_ns: Any
    bid: Any  # px, qty of each touch
    ask: Any
    sweep_ns: Any
    side: Any
    first_px: Any
    first_qty: Any
    prints: Any
    deepest_px: Any

    def at(self, ns: Any) -> Any:
        """Index of the touch as shown at a time."""
        return np.maximum(np.searchsorted(self.touch_ns, ns, side="right") - 1, 0)

    def mid(self, ns: Any) -> Any:
        i = self.at(ns)
        return (self.bid["px"][i] + self.ask["px"][i]) / 2


def hour(coin: str = "hyna:HYPE", minutes: float = 60.0, seed: int = 1) -> Hour:
    events = np.concatenate(list(generate.events(coin_of(coin), minutes=minutes, seed=seed)))
    bbo, trades = (events[events["kind"] == kind] for kind in (layout.BBO, layout.TRADE))
    bid, ask = (bbo[bbo["side"] == side] for side in (1, -1))
    key = trades["exch_ns"] * 4 + trades["side"]
    _, first, prints = np.unique(key, return_index=True, return_counts=True)
    order = np.argsort(first)
    first, prints = first[order], prints[order]
    start = trades[first]
    return Hour(
        events,
        bid["exch_ns"],
        bid,
        ask,
        start["exch_ns"],
        start["side"].astype(np.int64),
        start["px"],
        start["qty"],
        prints,
        trades["px"][first + prints - 1],
    )


@pytest.fixture(scope="module")
def market() -> Hour:
    return hour()


def test_the_spread_is_that_of_a_builder_dex(market: Hour) -> None:
    spread = (market.ask["px"] - market.bid["px"]) / market.mid(market.touch_ns) * 1e4
    assert 3.0 < np.median(spread) < 4.5
    assert spread.min() > 0


def test_a_taker_comes_about_once_a_second(market: Hour) -> None:
    assert 0.5 < len(market.side) / 3600 < 1.6
    assert abs(market.side.mean()) < 0.1


def test_a_sweep_starts_at_the_touch_and_takes_all_of_it_before_it_goes_deeper(market: Hour) -> None:
    before = market.at(market.sweep_ns - 1)
    touch = np.where(market.side > 0, market.ask["px"][before], market.bid["px"][before])
    shown = np.where(market.side > 0, market.ask["qty"][before], market.bid["qty"][before])
    assert (market.first_px == touch).all()
    deeper = market.prints > 1
    assert deeper.mean() > 0.5
    assert (market.first_qty[deeper] == shown[deeper]).all()
    assert (market.first_qty <= shown).all()
    assert ((market.deepest_px - market.first_px) * market.side >= 0).all()


def test_how_far_a_sweep_reaches_is_exponential(market: Hour) -> None:
    """P(reach >= d) = exp(-d / 2.2 bps): constant hazard, up to the grid of a quarter of a bp and absent levels."""
    reach = np.abs(market.deepest_px - market.first_px) / market.first_px * 1e4
    beyond = [float((reach >= d).mean()) for d in (1.0, 2.0, 3.0, 4.0)]
    for nearer, farther in pairwise(beyond):
        assert -math.log(farther / nearer) == pytest.approx(1 / 2.2, abs=0.12)


def test_a_filled_maker_loses_part_of_the_half_spread_to_those_who_know(market: Hour) -> None:
    before, after = market.mid(market.sweep_ns - 1), market.mid(market.sweep_ns + 10 * S)
    move = market.side * (after / before - 1) * 1e4
    error = move.std() / math.sqrt(len(move))
    assert move.mean() - 3 * error > 0.4
    assert move.mean() + 3 * error < 3.0


def test_takers_are_on_the_side_that_the_latent_price_says_is_cheap(market: Hour) -> None:
    context = market.events[market.events["kind"] == layout.CONTEXT]
    last = np.searchsorted(context["exch_ns"], market.sweep_ns) - 1
    fresh = (last >= 0) & (market.sweep_ns - context["exch_ns"][last] < S // 2)
    mispricing = context["px"][last] / market.mid(market.sweep_ns - 1) - 1
    assert fresh.sum() > 200
    assert np.corrcoef(market.side[fresh], mispricing[fresh])[0, 1] > 0.3


def test_the_imbalance_says_something_about_the_next_second(market: Hour) -> None:
    ns = np.arange(market.touch_ns[0] + S, market.touch_ns[-1] - 2 * S, S)
    i = market.at(ns)
    bid, ask = market.bid["qty"][i].astype(float), market.ask["qty"][i].astype(float)
    move = market.mid(ns + S) / market.mid(ns) - 1
    correlation = np.corrcoef((bid - ask) / (bid + ask), move)[0, 1]
    assert 0.1 < correlation < 0.5


def test_volatility_changes(market: Hour) -> None:
    ns = np.arange(market.touch_ns[0] + S, market.touch_ns[-1] - 2 * S, S)
    move = np.abs(np.diff(np.log(market.mid(ns))))
    minutes = move[: len(move) // 60 * 60].reshape(-1, 60).mean(axis=1)
    assert np.corrcoef(minutes[1:], minutes[:-1])[0, 1] > 0.2


def test_context_comes_every_three_seconds_near_the_mid(market: Hour) -> None:
    context = market.events[market.events["kind"] == layout.CONTEXT]
    assert np.median(np.diff(context["exch_ns"])) == pytest.approx(3 * S, rel=0.01)
    away = np.abs(context["px"] / market.mid(context["exch_ns"]) - 1) * 1e4
    assert np.median(away) < 5.0
    assert (context["aux"] != 0).all()


def test_messages_take_a_tenth_to_four_tenths_of_a_second(market: Hour) -> None:
    delay = (market.events["recv_ns"] - market.events["exch_ns"]) / 1e9
    low, middle, high = np.quantile(delay, [0.05, 0.5, 0.95])
    assert 0.1 < low < middle < high < 0.5
    assert delay.min() > 0.05


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), coin=st.sampled_from(["hyna:HYPE", "SOL", "ETH", "BTC"]))
def test_blocks_are_in_order_and_books_are_sound(seed: int, coin: str) -> None:
    """In each block: trades, then the touch, then the book, whose best levels are the touch; 20 levels best first."""
    made = hour(coin, 1.5, seed)
    events = made.events
    rank = np.full(256, 9)
    rank[[layout.TRADE, layout.BBO, layout.SNAPSHOT_BEGIN, layout.BOOK_LEVEL, layout.SNAPSHOT_END]] = [0, 1, 2, 2, 2]
    rank[layout.CONTEXT] = 3
    step = np.diff(events["exch_ns"] * 10 + rank[events["kind"]])
    assert (step >= 0).all()
    assert (np.diff(events["recv_ns"]) >= 0).all()
    ticks = tick_of(events["px"], coin_of(coin).sz_decimals)
    priced = np.isin(events["kind"], [layout.TRADE, layout.BBO, layout.BOOK_LEVEL])
    assert (events["px"][priced] % ticks[priced] == 0).all()
    assert (events["qty"][priced] > 0).all()
    assert (made.bid["px"] < made.ask["px"]).all()
    pairs = events[events["kind"] == layout.BBO]
    assert (pairs["bits"].reshape(-1, 2) == [layout.BIT_MORE, 0]).all()
    begin = np.flatnonzero(events["kind"] == layout.SNAPSHOT_BEGIN)
    end = np.flatnonzero(events["kind"] == layout.SNAPSHOT_END)
    assert (end - begin == 2 * generate.LEVELS + 1).all()
    rows = events[(begin[:, None] + 1 + np.arange(2 * generate.LEVELS))]
    bids, asks = rows[:, : generate.LEVELS], rows[:, generate.LEVELS :]
    assert (bids["side"] == 1).all()
    assert (asks["side"] == -1).all()
    assert (np.diff(bids["px"], axis=1) < 0).all()
    assert (np.diff(asks["px"], axis=1) > 0).all()
    shown = made.at(events["exch_ns"][begin])
    for side, touch in ((bids, made.bid), (asks, made.ask)):
        for name in ("px", "qty"):
            assert (side[name][:, 0] == touch[name][shown]).all()


def test_a_longer_tape_starts_as_the_shorter_one(tmp_path: Path) -> None:
    """Chance is drawn in pieces of some thousand blocks, so this holds at whole pieces: the second does not change."""
    piece = generate.CHUNK_BLOCKS * generate.BLOCK_NS / 60e9
    coin = coin_of("SOL")
    short, long = (
        open_tape(generate.generate(tmp_path / f"{n}.tape", coin, minutes=n * piece, seed=9)) for n in (1, 2)
    )
    assert long.events[: len(short)].tobytes() == short.events.tobytes()
    assert len(long) > 1.8 * len(short)
    assert long.meta.details["seed"] == 9
    assert long.meta.source == "generated"


def test_the_start_and_the_price_are_as_asked() -> None:
    start = 1_800_000_000 * S // generate.BLOCK_NS * generate.BLOCK_NS
    events = next(generate.events(coin_of("SOL"), minutes=0.2, seed=1, start_ns=start, price=145.0))
    assert events["exch_ns"][0] == start + generate.BLOCK_NS
    assert events[events["kind"] == layout.BBO]["px"][0] == pytest.approx(145.0 * 1e4, rel=1e-3)


@pytest.mark.parametrize(
    "work",
    [
        "from touchstone.data.generate import generate\ngenerate(path, coin_of('SOL'), minutes=0.1, seed=1)",
        "from touchstone.data.recording import read_table\nimport polars as pl\n"
        "pl.DataFrame({c: ['1'] for c in 'timestamp price size side exchange_timestamp'.split()})"
        ".write_parquet(path)\nread_table(path, 'bbo', Quality())",
    ],
    ids=["generate", "parquet"],
)
def test_neither_compiler_nor_other_table_readers_are_loaded(tmp_path: Path, work: str) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom touchstone.data import catalogue\n"
        "from touchstone.data.quality import Quality\nfrom touchstone.data.units import coin_of\n"
        f"path = Path(sys.argv[1])\n{work}\n"
        "print([name for name in ('numba', 'pyarrow', 'pandas') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
