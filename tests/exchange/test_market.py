"""The reactive market: calibrated as the science sheet says, with the facts of real markets, copyable, paired."""

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from touchstone.backtest import scenario
from touchstone.core import events
from touchstone.core.events import EVENT
from touchstone.exchange import feed, market

sys.path.insert(0, str(Path(__file__).parent))
import naive

BLOCK_S = 0.07
ONE_H = round(3600 / BLOCK_S)


# ---------------------------------------------------------------- calibration (science sheet 12, recipe [C])


@pytest.fixture(scope="module")
def at_8_bps() -> dict[str, Any]:
    return naive.measure(scenario.load("normal"), range(1, 161), hours=4.0, half_bps=8.0)


def test_a_quote_at_8_bps_is_filled_30_to_40_times_an_hour(at_8_bps: dict[str, Any]) -> None:
    assert at_8_bps["fills_per_h"] - 4 * at_8_bps["fills_se"] > 30
    assert at_8_bps["fills_per_h"] + 4 * at_8_bps["fills_se"] < 40


def test_its_adverse_selection_at_10_s_is_2_to_2_8_bps(at_8_bps: dict[str, Any]) -> None:
    assert at_8_bps["adverse_bps"] - 4 * at_8_bps["adverse_se"] > 2.0
    assert at_8_bps["adverse_bps"] + 4 * at_8_bps["adverse_se"] < 2.8
    assert 9 < at_8_bps["edge_sd_bps"] < 14


def test_informed_flow_is_what_costs(at_8_bps: dict[str, Any]) -> None:
    assert 0.1 < at_8_bps["informed_share"] < 0.3
    assert at_8_bps["adverse_informed_bps"] > 5 > 1 > abs(at_8_bps["adverse_noise_bps"])


def test_a_naive_maker_that_quotes_tight_loses_to_informed_flow(at_8_bps: dict[str, Any]) -> None:
    """Before any fee at 2 bps, while the wide one earns."""
    tight = naive.measure(scenario.load("normal"), range(1, 5), hours=4.0, half_bps=2.0)
    edge = tight["capture_bps"] - tight["adverse_bps"]
    assert edge + 4 * tight["adverse_se"] < 0
    assert tight["informed_share"] > 2 * at_8_bps["informed_share"]
    assert at_8_bps["capture_bps"] - at_8_bps["adverse_bps"] > 2


# ---------------------------------------------------------------- stylised facts


def rows_of(name: str, hours: float, seed: int) -> np.ndarray:
    """Trades and touches of a market without us, in order of arrival."""
    world, venues = naive.new_market(scenario.load(name), seed)
    world[0].feed.is_on = 1
    rows = np.zeros(round(hours * 400_000), EVENT)
    n = naive.listen(world[0], venues, rows, np.int64(round(hours * ONE_H)))
    assert n < len(rows)
    assert world[0].feed.n_overflow == 0
    return rows[:n].view(np.ndarray)


class Recording:
    """Mid by block, trades and leader of one run."""

    def __init__(self, name: str, hours: float, seed: int) -> None:
        rows = rows_of(name, hours, seed)
        self.trades = rows[rows["kind"] == events.TRADE]
        touch = rows[rows["kind"] == events.BBO]
        pairs = touch.reshape(-1, 2)
        self.mid_ns = pairs["exch_ns"][:, 0]
        self.mid = pairs["px"].sum(axis=1) / 2.0
        self.spread = np.abs(pairs["px"][:, 0] - pairs["px"][:, 1])
        leader = rows[rows["kind"] == events.REFERENCE_BBO].reshape(-1, 2)
        self.leader_ns = leader["exch_ns"][:, 0]
        self.leader = leader["px"].sum(axis=1) / 2.0

    def returns(self, seconds: float) -> np.ndarray:
        """Log returns in bps on a clock."""
        clock = np.arange(self.mid_ns[0], self.mid_ns[-1], round(seconds * 1e9))
        at = np.searchsorted(self.mid_ns, clock, side="right") - 1
        return np.diff(np.log(self.mid[at])) * 1e4


@pytest.fixture(scope="module")
def ordinary() -> Recording:
    return Recording("normal", 24, 5)


def autocorrelation(x: np.ndarray, lag: int) -> float:
    y = x - x.mean()
    return float((y[lag:] * y[:-lag]).mean() / (y * y).mean())


def test_returns_have_heavy_tails_and_their_volatility_clusters() -> None:
    path = Recording("cascade", 12, 5)
    minute = path.returns(60)
    assert ((minute - minute.mean()) ** 4).mean() / minute.var() ** 2 > 5
    size = np.abs(minute)
    noise = 1 / np.sqrt(len(size))
    assert np.mean([autocorrelation(size, lag) for lag in range(1, 6)]) > 3 * noise / np.sqrt(5)
    assert abs(autocorrelation(minute, 1)) < 0.2


def test_the_signs_of_trades_remember(ordinary: Recording) -> None:
    """Split parent orders: positive for long, falling about as lag^-1/2 (Lillo, Mike, Farmer 2005)."""
    block, first = np.unique(ordinary.trades["exch_ns"], return_index=True)
    signs = ordinary.trades["side"][first].astype(float)
    noise = 1 / np.sqrt(len(signs))
    near = np.mean([autocorrelation(signs, lag) for lag in range(1, 4)])
    far = np.mean([autocorrelation(signs, lag) for lag in range(10, 20)])
    assert len(block) > 2000
    assert near > 3 * noise
    assert far > 3 * noise / np.sqrt(10)
    assert near > far


def test_impact_is_concave_in_volume(ordinary: Recording) -> None:
    """Mean move of the mid over the block, by volume taken: rises, ever slower."""
    block, inverse = np.unique(ordinary.trades["exch_ns"], return_inverse=True)
    volume = np.bincount(inverse, weights=ordinary.trades["qty"] * ordinary.trades["side"])
    before = ordinary.mid[np.searchsorted(ordinary.mid_ns, block, side="left") - 1]
    after = ordinary.mid[np.searchsorted(ordinary.mid_ns, block + 10**9, side="right") - 1]
    move = np.sign(volume) * (after / before - 1) * 1e4
    size = np.abs(volume)
    edges = np.quantile(size, [0, 0.25, 0.5, 0.75, 1])
    groups = [(size >= low) & (size <= high) for low, high in itertools.pairwise(edges)]
    v = np.array([size[g].mean() for g in groups])
    m = np.array([move[g].mean() for g in groups])
    assert (m > 0).all()
    assert m[-1] > m[0]
    assert np.polyfit(np.log(v), np.log(m), 1)[0] < 0.8, "impact ~ volume^exponent, well below proportional"


def test_trades_come_in_bursts(ordinary: Recording) -> None:
    """Fano factor of blocks with trades per minute; 1 were Poisson."""
    minutes = np.unique(ordinary.trades["exch_ns"]) // (60 * 10**9)
    counts = np.bincount((minutes - minutes[0]).astype(int))
    assert counts.var() / counts.mean() > 1.5


def test_the_spread_is_skewed_to_the_right(ordinary: Recording) -> None:
    spread = ordinary.spread / ordinary.mid * 1e4
    assert 1 < np.median(spread) < 8
    assert ((spread - spread.mean()) ** 3).mean() / spread.std() ** 3 > 0.5


def hayashi_yoshida(tx: np.ndarray, x: np.ndarray, ty: np.ndarray, y: np.ndarray, shift_ns: int) -> float:
    """Sum of dx dy over overlapping intervals, the second series' clock moved back by shift_ns."""
    start, end = ty[:-1] - shift_ns, ty[1:] - shift_ns
    first = np.clip(np.searchsorted(tx, start, side="right") - 1, 0, len(tx) - 1)
    last = np.clip(np.searchsorted(tx, end, side="left"), 0, len(tx) - 1)
    return float(((x[last] - x[first]) * np.diff(y)).sum())


@pytest.mark.parametrize(("name", "lag_s"), [("lag_0.1", 0.1), ("lag_0.3", 0.3), ("lag_0.55", 0.55)])
def test_the_recovered_lag_is_the_configured_one(name: str, lag_s: float) -> None:
    """Hoffmann, Rosenbaum, Yoshida 2013: the shift that maximises the covariation, on a grid of 50 ms."""
    path = Recording(name, 2, 3)
    shifts = np.arange(-4, 25) * 50_000_000
    x, y = np.log(path.leader), np.log(path.mid)
    found = [hayashi_yoshida(path.leader_ns, x, path.mid_ns, y, int(shift)) for shift in shifts]
    assert shifts[int(np.argmax(found))] / 1e9 == pytest.approx(lag_s)


# ---------------------------------------------------------------- copies, seeds, pairs


def digest(world: Any, venues: Any) -> str:
    return hashlib.blake2b(world.tobytes() + venues.tobytes(), digest_size=8).hexdigest()


def advance(world: Any, venues: Any, blocks: int, half_bps: float = 6.0) -> None:
    mid2 = np.zeros(blocks, np.int64)
    quotes = np.zeros(1, naive.NAIVE)[0]
    quotes.cloid = int(world[0].number)  # unique after a copy too
    naive.trade(world[0], venues, quotes, half_bps, np.int64(14), mid2, np.int64(blocks))


@pytest.mark.parametrize("name", scenario.names())
def test_every_scenario_lives(name: str) -> None:
    world, venues = naive.new_market(scenario.load(name), 1)
    advance(world, venues, ONE_H // 2)
    book = world[0].book
    assert 0 < book.best_px[0] < book.best_px[1]
    assert world[0].n_trades > 20
    assert book.position.sum() == 0
    assert book.cash.sum() == 0
    account = venues[0].account
    assert account.position == book.position[0]
    assert account.cash + account.fees - account.funding - account.start == book.cash[0]
    assert world[0].feed.n_overflow == 0


def test_a_copy_of_the_bytes_continues_to_the_same_bytes() -> None:
    world, venues = naive.new_market(scenario.load("normal"), 2)
    advance(world, venues, 3_000)
    copy, their = np.zeros_like(world), np.zeros_like(venues)
    copy.view(np.uint8)[:] = np.frombuffer(world.tobytes(), np.uint8)
    their.view(np.uint8)[:] = np.frombuffer(venues.tobytes(), np.uint8)
    advance(world, venues, 3_000)
    advance(copy, their, 3_000)
    assert digest(world, venues) == digest(copy, their)


def test_a_new_seed_changes_the_future_and_not_the_past() -> None:
    world, venues = naive.new_market(scenario.load("normal"), 2)
    market.run(world[0], venues, np.int64(3_000))
    copy, before = world.copy(), world[0].copy()
    market.reseed(copy[0], np.int64(3))
    keys = {"latent", "maker", "noise", "informed", "feed"}
    for name in set(market.WORLD.names) - keys:
        assert copy[0][name].tobytes() == before[name].tobytes()
    assert copy[0].latent.seen.tobytes() == before.latent.seen.tobytes()
    market.run(world[0], venues, np.int64(50))
    market.run(copy[0], venues, np.int64(50))
    assert copy[0].latent.px != world[0].latent.px


def test_luck_does_not_depend_on_what_we_do() -> None:
    """Same latent path, same wishes of the noise takers, same errors of the makers; other trades."""
    lucks = []
    for half_bps in (3.0, 12.0):
        world, venues = naive.new_market(scenario.load("normal"), 4)
        advance(world, venues, ONE_H, half_bps)
        made = world[0]
        errors = [float(maker.error) for maker in made.maker[: made.params.n_makers]]
        lucks.append((made.latent.tobytes(), made.noise.tobytes(), errors, int(venues[0].n_fills)))
    assert lucks[0][:3] == lucks[1][:3]
    assert lucks[0][3] > 2 * lucks[1][3]


def test_the_market_reacts_to_us() -> None:
    """With our orders in the book others trade less and elsewhere."""
    volumes = []
    for half_bps in (1.0, 500.0):
        world, venues = naive.new_market(scenario.load("normal"), 4)
        advance(world, venues, ONE_H, half_bps)
        volumes.append(np.abs(world[0].book.position[naive.orderbook.N_ACCOUNTS :]).sum())
    assert volumes[0] != volumes[1]


def test_noise_is_a_hawkes_process() -> None:
    """Fano factor over long windows: 1 / (1 - n)^2 (science sheet 12)."""
    given = scenario.load("normal")
    for n in (0.0, 0.5, 0.8):
        noise = given.noise.model_copy(update={"per_h": 3600.0 * (1 - n), "excitation": n, "memory_s": 2.0})
        counts = slices_per_window(given.model_copy(update={"noise": noise}), window_s=400.0, windows=1500)
        fano = counts.var(ddof=1) / counts.mean()
        theory = 1 / (1 - n) ** 2
        assert counts.mean() == pytest.approx(400, rel=0.05)
        assert fano == pytest.approx(theory, rel=4 * np.sqrt(2 / len(counts)) + 0.03)


def slices_per_window(given: Any, window_s: float, windows: int) -> np.ndarray:
    world, _ = naive.new_market(given, 7)
    per = round(window_s / BLOCK_S)
    return np.array([int(naive.wish(world[0], np.int64(i * per), np.int64(per))) for i in range(windows)])


# ---------------------------------------------------------------- plain Python


def program() -> Iterator[str]:
    world, venues = naive.new_market(scenario.load("volatile"), 9)
    world[0].feed.is_on = 1
    for _ in range(30):
        advance(world, venues, 20, 3.0)
        while world[0].feed.rows.n > 100:
            feed.next_row(world[0].feed)
        yield digest(world, venues)
    yield str(int(venues[0].n_fills))


def test_plain_python_gives_the_same_bytes() -> None:
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, __file__], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    compiled = list(program())
    assert int(compiled[-1]) > 0, "the part compared must contain fills"
    assert json.loads(done.stdout) == compiled


if __name__ == "__main__":
    json.dump(list(program()), sys.stdout)
