"""A seeded, made-up market on a tape, for tests and speed measurements: small, not reactive.

A latent price moves with stochastic volatility and rare jumps. Other makers follow it late, so the touch lags; takers
arrive in clusters (Hawkes), more of them on the side that the latent price says is cheap, and reach into the book with
exponential depth. So fills are followed by adverse moves, and the imbalance says something about the next one.
Blocks of 70 ms carry trades first, then touch and book as they stand after them, as Hyperliquid's feed does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from touchstone.data import layout
from touchstone.data.assemble import raise_receipts
from touchstone.data.errors import DataError
from touchstone.data.layout import EVENT_DTYPE, Events
from touchstone.data.quality import Quality
from touchstone.data.tape import TapeWriter
from touchstone.data.units import Coin, tick_of

BLOCK_NS = 70_000_000
START_NS = 1_760_000_000_000_000_000 // BLOCK_NS * BLOCK_NS
LEVELS = 20
CHUNK_BLOCKS = 8192
PRICES = {"BTC": 110_000.0, "ETH": 4_300.0, "SOL": 210.0, "HYPE": 40.0}


@dataclass(frozen=True)
class Market:
    """What the market is like. Volatility in bps per square-root second, rates per second and side, depths in bps."""

    sigma: float = 1.2
    sigma_spread: float = 0.5  # sd of the logarithm of the volatility
    sigma_memory_s: float = 300.0
    jumps_per_s: float = 1 / 900
    jump_bps: float = 8.0
    maker_lag_s: float = 0.7  # how late the other makers follow
    half_spread: float = 1.5
    taker_rate: float = 0.12
    excitation: float = 0.5  # children per taker order
    excitation_s: float = 3.0
    informed: float = 0.9  # log rate per bps of mispricing
    reach: float = 2.2  # mean depth beyond the touch
    impact: float = 0.45  # share of the reach that the touch keeps
    refill_s: float = 0.8
    touch_notional: float = 3_000.0  # mean size at a level, quote currency


def generate(
    path: Path,
    coin: Coin,
    *,
    minutes: float,
    seed: int,
    start_ns: int = START_NS,
    price: float | None = None,
    market: Market | None = None,
) -> Path:
    """Write a tape of `minutes` of made-up market. Same arguments, same bytes. Raises DataError."""
    details: dict[str, Any] = {"seed": seed, "minutes": minutes, "block_ns": BLOCK_NS}
    quality = Quality(rows_read={"generated": 0}, rows_kept={"generated": 0})
    with TapeWriter(path, coin, "generated", details) as writer:
        for part in events(coin, minutes=minutes, seed=seed, start_ns=start_ns, price=price, market=market):
            writer.append(part)
        for kind in (quality.rows_read, quality.rows_kept):
            kind["generated"] = writer.count
        writer.quality = quality.as_dict()
    return writer.path


def events(
    coin: Coin,
    *,
    minutes: float,
    seed: int,
    start_ns: int = START_NS,
    price: float | None = None,
    market: Market | None = None,
) -> Iterator[Events]:
    """The same as arrays of events, some thousand blocks at a time. Raises DataError for an unusable price."""
    price = PRICES.get(coin.name.rpartition(":")[2], 40.0) if price is None else price
    unit = 10.0 ** -(6 - coin.sz_decimals)
    if not price > 10 * unit or abs(math.log10(price) - round(math.log10(price))) < 0.04:
        raise DataError(f"generated price {price:g}: choose one that is 10 % away from a power of ten")
    tick = int(tick_of(np.array([round(price / unit)]), coin.sz_decimals)[0])
    blocks = math.ceil(minutes * 60e9 / BLOCK_NS)
    world = _World(np.random.default_rng(np.random.SeedSequence(seed)), market or Market(), coin, price, tick, start_ns)
    floor_ns = 0
    for first in range(0, blocks, CHUNK_BLOCKS):
        part = world.blocks(min(CHUNK_BLOCKS, blocks - first))
        raise_receipts(part, floor_ns)
        floor_ns = int(part["recv_ns"][-1]) if len(part) else floor_ns
        yield part


def _holds_level(px: int) -> bool:
    """Whether other makers rest at a price: two of three do, always the same ones."""
    return px * 2_654_435_761 % 4_294_967_296 > 1_431_655_765


class _World:
    """The market's state from block to block. Prices in ticks."""

    def __init__(
        self, chance: np.random.Generator, market: Market, coin: Coin, price: float, tick: int, start_ns: int
    ) -> None:
        self.chance = chance
        self.market = market
        self.tick = tick
        unit = 10.0 ** -(6 - coin.sz_decimals)
        self.bps = price / unit / tick / 1e4  # ticks per bp
        self.latent = self.makers = price / unit / tick
        self.log_sigma = 0.0
        self.heat = [0.0, 0.0]  # excitation of sellers, buyers
        self.shift = [0.0, 0.0]  # how far bid, ask stand back after a sweep, ticks
        self.now_ns = start_ns
        self.number = 0
        self.trade_id = 0
        self.last_touch: tuple[int, int, int, int] | None = None
        self.mean_qty = max(market.touch_notional / price * 10**coin.sz_decimals, 4.0)
        self.sizes: dict[int, float] = {}  # log size by price, kept while near the touch
        self.rows: list[tuple[int, ...]] = []

    def blocks(self, count: int) -> Events:
        """The next `count` blocks as events, receive times not yet in order."""
        m, dt = self.market, BLOCK_NS / 1e9
        normal = self.chance.standard_normal((count, 4))
        uniform = self.chance.random((count, 8))
        delays = 80e6 + 90e6 * np.exp(0.6 * self.chance.standard_normal(count))
        forget, follow = dt / m.sigma_memory_s, 1.0 - math.exp(-dt / m.maker_lag_s)
        cool, refill = math.exp(-dt / m.excitation_s), math.exp(-dt / m.refill_s)
        self.rows = []
        for i in range(count):
            self.now_ns += BLOCK_NS
            self.number += 1
            recv_ns = self.now_ns + int(delays[i])
            self.log_sigma += -forget * self.log_sigma + m.sigma_spread * math.sqrt(2 * forget) * normal[i, 0]
            move = m.sigma * math.exp(self.log_sigma) * math.sqrt(dt) * normal[i, 1]
            if uniform[i, 0] < m.jumps_per_s * dt:
                move += m.jump_bps * (1.0 if uniform[i, 1] < 0.5 else -1.0) * -math.log(1.0 - uniform[i, 2])
            self.latent += move * self.bps
            self.makers += follow * (self.latent - self.makers) + 0.05 * self.bps * normal[i, 2]
            gap_bps = (self.latent - self.makers) / self.bps
            for s, side in ((0, -1), (1, 1)):
                self.heat[s] *= cool
                self.shift[s] *= refill
                rate = (m.taker_rate + self.heat[s]) * math.exp(min(max(m.informed * side * gap_bps, -2.0), 2.0))
                if uniform[i, 3 + s] < rate * dt and self.last_touch is not None:
                    self.heat[s] += m.excitation / m.excitation_s
                    px, qty = self.last_touch[2 * s], self.last_touch[2 * s + 1]
                    self._sweep(side, px, qty, -m.reach * math.log(1.0 - uniform[i, 5 + s]), recv_ns)
            self._show(gap_bps, normal[i, 3], recv_ns)
        made = np.zeros(len(self.rows), EVENT_DTYPE)
        if self.rows:
            columns = list(zip(*self.rows, strict=True))
            for name, column in zip(
                ("exch_ns", "recv_ns", "px", "qty", "aux", "kind", "side", "bits"), columns, strict=True
            ):
                made[name] = column
        self.rows = []
        return made

    def _touch(self) -> tuple[int, int]:
        half = self.market.half_spread * self.bps
        bid = math.floor(self.makers - half - self.shift[0])
        ask = math.ceil(self.makers + half + self.shift[1])
        return bid, max(ask, bid + 1)

    def _qty(self, px: int) -> int:
        """Size at a price: lognormal, drifting while it is looked at."""
        level = self.sizes.get(px)
        if level is None:
            level = self.sizes[px] = float(self.chance.standard_normal()) * 0.6
        return max(int(self.mean_qty * math.exp(level - 0.18)), 1)

    def _sweep(self, side: int, touch: int, touch_qty: int, reach_bps: float, recv_ns: int) -> None:
        """A taker goes through the book, from the touch as last shown, as far as it reaches."""
        reach = int(reach_bps * self.bps)
        for step in range(reach + 1):
            px = touch + side * step
            if step > 0 and not _holds_level(px):
                continue
            qty = self._qty(px) if step > 0 else touch_qty
            if step == reach:
                qty = max(int(qty * self.chance.random()), 1)
            self.trade_id += 1
            self._row(layout.TRADE, recv_ns, px, qty, side, aux=self.trade_id)
        s = 1 if side > 0 else 0
        self.shift[s] = max(self.shift[s], float(reach + 1))
        self.makers += side * self.market.impact * reach

    def _show(self, gap_bps: float, noise: float, recv_ns: int) -> None:
        """Touch when it changed, a book of 20 levels each seventh block, context each 43rd (3 s)."""
        bid, ask = self._touch()
        lean = math.tanh(0.5 * gap_bps + 0.4 * noise)
        quantities = (int(self._qty(bid) * (1.0 + 0.6 * lean)), int(self._qty(ask) * (1.0 - 0.6 * lean)))
        bid_qty, ask_qty = max(quantities[0], 1), max(quantities[1], 1)
        now = (bid, bid_qty, ask, ask_qty)
        if now != self.last_touch:
            rises = self.last_touch is not None and bid >= self.last_touch[2]  # must not cross the old ask in between
            pair = [(bid, bid_qty, 1), (ask, ask_qty, -1)]
            first, second = pair[::-1] if rises else pair
            self._row(layout.BBO, recv_ns, first[0], first[1], first[2], bits=layout.BIT_MORE)
            self._row(layout.BBO, recv_ns, second[0], second[1], second[2])
            self.last_touch = now
        if self.number % 7 == 0:
            self._row(layout.SNAPSHOT_BEGIN, recv_ns, 0, 0, 0)
            for touch, touch_qty, side in ((bid, bid_qty, 1), (ask, ask_qty, -1)):
                self._row(layout.BOOK_LEVEL, recv_ns, touch, touch_qty, side)
                px = touch
                for _ in range(1, LEVELS):
                    px -= side
                    while not _holds_level(px):
                        px -= side
                    self._row(layout.BOOK_LEVEL, recv_ns, px, self._qty(px), side)
            self._row(layout.SNAPSHOT_END, recv_ns, 0, 0, 0)
            self._drift(bid, ask)
        if self.number % 43 == 1:
            oracle = round(self.latent * self.tick)
            rate = 12_500_000  # 1e-12 per hour: 0.00125 %
            self._row(layout.CONTEXT, recv_ns, oracle, round(self.makers * self.tick), 0, aux=rate, scale=1)

    def _drift(self, bid: int, ask: int) -> None:
        """Sizes near the touch change a little, those far away are forgotten."""
        far = 60 + ask - bid
        self.sizes = {px: 0.97 * level for px, level in self.sizes.items() if bid - far < px < ask + far}
        near = list(self.sizes)
        for px, step in zip(near, self.chance.standard_normal(len(near)), strict=True):
            self.sizes[px] += 0.15 * float(step)

    def _row(
        self, kind: int, recv_ns: int, px: int, qty: int, side: int, *, aux: int = 0, bits: int = 0, scale: int = 0
    ) -> None:
        self.rows.append((self.now_ns, recv_ns, px * (scale or self.tick), qty, aux, kind, side, bits))
