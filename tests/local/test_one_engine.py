"""One engine: the orders of a backtest, sent to the local exchange at the same times over the same tape, fill alike."""

from pathlib import Path
from typing import Any

import numpy as np

from touchstone import config
from touchstone.backtest.replay import Replay
from touchstone.core import actions as core_actions
from touchstone.core import events
from touchstone.data.catalogue import import_path
from touchstone.data.generate import generate
from touchstone.data.tape import Tape, open_tape
from touchstone.data.units import coin_of
from touchstone.exchange import latency
from touchstone.local.exchange import LocalExchange
from touchstone.local.spec import CoinSpec, DexSpec, ExchangeSpec, Recorded
from touchstone.venues.hyperliquid import actions as wire
from touchstone.venues.hyperliquid.numbers import render

from .conftest import EVEN, MICRO, imbalance

USER = "0x" + "1" * 40
BLOCK_MS = 70


def spec_of(tape: Tape, name: str) -> ExchangeSpec:
    """The coin of a tape, on the validators' dex or on hyna."""
    coin = CoinSpec(name=name, sz_decimals=tape.meta.sz_decimals, max_leverage=10, market=Recorded(tape))
    if ":" in name:
        return ExchangeSpec(
            dexs=(DexSpec(name="", coins=()), DexSpec(name="hyna", collateral="USDE", collateral_index=235,
                                                      coins=(coin,)))
        )  # fmt: skip
    return ExchangeSpec(dexs=(DexSpec(name="", coins=(coin,)),))


class Keep:
    """Orders and events of a run."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Any]] = {"orders": [], "events": []}

    def take(self, table: str, rows: Any) -> None:
        if table in self.rows:
            self.rows[table].append(np.array(rows))

    def all(self, table: str) -> Any:
        return np.concatenate(self.rows[table])


def arrivals(replay: Replay, orders: Any) -> list[int]:
    """When each order of a backtest reached its exchange, ns: its latencies are a hash of seed and number."""
    params, at = replay.venue[0].params, []
    for number, action in enumerate(orders, 1):
        is_cancel = action["kind"] in (core_actions.CANCEL, core_actions.CANCEL_ALL)
        way = params.cancel_latency if is_cancel else params.order_latency
        delay = latency.draw_ns(way, np.int64(params.seed), np.int64(number))
        at.append(int(action["decided_ns"]) + int(delay))
    return at


def cloid(number: Any) -> str:
    return f"0x{int(number):032x}"


def wire_action(action: Any, asset: int, sz_decimals: int) -> Any:
    """The core's action as the wire has it."""
    kind, bits = int(action["kind"]), int(action["bits"])
    if kind == core_actions.CANCEL:
        return wire.CancelByCloid([wire.CloidCancel(asset, cloid(action["cloid"]))])
    tif = "Ioc" if bits & int(core_actions.BIT_IOC) else "Alo"
    order = wire.Order(
        asset, bool(action["side"] > 0), render(int(action["px"]), 6 - sz_decimals),
        render(int(action["qty"]), sz_decimals), bool(bits & int(core_actions.BIT_REDUCE_ONLY)),
        wire.OrderType(limit=wire.Limit(tif)), cloid(action["cloid"]),
    )  # fmt: skip
    if kind == core_actions.AMEND:
        return wire.ModifyOrders([wire.Replacement(cloid(action["target"]), order)])
    return wire.PlaceOrders([order], "na")


def same_fills(tape: Tape, name: str, settings: config.Config) -> int:
    """Number of fills, which were the same."""
    replay, keep = Replay(settings, tape.meta.sz_decimals), Keep()
    replay.sinks.append(keep)
    replay.run(tape)
    orders = keep.all("orders")
    heard = keep.all("events")
    theirs = heard[heard["kind"] == events.FILL]

    exchange = LocalExchange(spec_of(tape, name), seed=1, start_ms=tape.meta.first_exch_ns // 1_000_000)
    exchange.deposit(USER, exchange.coins[name].dex, 10**6 * MICRO)
    asset = exchange.coins[name].asset
    times = arrivals(replay, orders)
    for at, action in sorted(zip(times, orders, strict=True), key=lambda pair: pair[0]):
        exchange.advance(at // 1_000_000 - BLOCK_MS)
        exchange.submit(USER, wire_action(action, asset, tape.meta.sz_decimals), at)
    exchange.advance(tape.meta.last_exch_ns // 1_000_000)
    coin, made = exchange.coins[name], exchange.traders[USER].fills
    ours = [(fill.time, fill.cloid, fill.side, fill.px, fill.sz) for fill in made]
    expected = [
        (int(row["exch_ns"]) // 1_000_000, cloid(row["aux"]), "B" if row["side"] > 0 else "A",
         coin.px_text(int(row["px"])), coin.sz_text(int(row["qty"])))
        for row in theirs
    ]  # fmt: skip
    assert [fill[1:] for fill in ours[: len(expected)]] == [fill[1:] for fill in expected]
    assert all(0 <= fill[0] - row[0] < BLOCK_MS for fill, row in zip(ours, expected, strict=False))
    assert len(ours) >= len(theirs)  # the backtest does not hear of what fills in the last blocks
    assert {d: i for d, i in imbalance(exchange).items() if i != (0, 0)} == {}
    return len(theirs)


def test_a_generated_tape(tmp_path: Path) -> None:
    tape = open_tape(generate(tmp_path / "market.tape", coin_of("hyna:HYPE"), minutes=6, seed=5))
    assert same_fills(tape, "hyna:HYPE", config.load(None)) > 20


def test_a_recording(recordings: Path, tmp_path: Path) -> None:
    path, _ = import_path(recordings / "2025-09-04_l2_bbo_trades", coin="SOL", out=tmp_path / "sol.tape")
    tape = open_tape(path)
    assert same_fills(tape, "SOL", config.Config(market=config.Market(coin="SOL"))) >= 10


def test_the_touch_seen_is_the_touch_recorded(recordings: Path, tmp_path: Path) -> None:
    """SOL of 2025-09-04: at each block what the recording's newest touch or book says is best, on both sides."""
    path, _ = import_path(recordings / "2025-09-04_l2_bbo_trades", coin="SOL", out=tmp_path / "sol.tape")
    tape = open_tape(path)
    exchange = LocalExchange(spec_of(tape, "SOL"), seed=1, start_ms=tape.meta.first_exch_ns // 1_000_000)
    rows = tape.load()
    px, is_first = {1: 0, -1: 0}, {1: False, -1: False}
    at, compared = 0, 0
    coin = exchange.coins["SOL"]
    for report in exchange.advance(tape.meta.last_exch_ns // 1_000_000):
        end = int(np.searchsorted(rows["exch_ns"], report.time_ms * 1_000_000, "right"))
        for kind, side, price in zip(*(rows[name][at:end].tolist() for name in ("kind", "side", "px")), strict=True):
            if kind == events.SNAPSHOT_BEGIN:
                is_first = {1: True, -1: True}
            elif kind == events.BBO or (kind == events.BOOK_LEVEL and is_first[side]):
                px[side], is_first[side] = price, False
        at = end
        bbo = report.bbo.get("SOL")
        if bbo and bbo.bbo[0] and bbo.bbo[1]:
            assert (bbo.bbo[0].px, bbo.bbo[1].px) == (coin.px_text(px[1]), coin.px_text(px[-1]))
            compared += 1
    assert compared > 10_000


def test_a_guest_shares_the_tape_with_another_and_neither_moves_it(tmp_path: Path) -> None:
    tape = open_tape(generate(tmp_path / "market.tape", coin_of("hyna:HYPE"), minutes=2, seed=5))
    other = "0x" + "2" * 40

    def run(users: list[str]) -> tuple[list[Any], list[Any]]:
        exchange = LocalExchange(spec_of(tape, "hyna:HYPE"), seed=1, start_ms=tape.meta.first_exch_ns // 1_000_000)
        for user in users:
            exchange.deposit(user, "hyna", 10**5 * MICRO)
            for px, side in (("39.9", True), ("40.1", False)):
                kind = wire.OrderType(limit=wire.Limit("Gtc"))
                order = wire.Order(110_000, side, px, "500", False, kind)
                exchange.submit(user, wire.PlaceOrders([order], "na"), (exchange.now_ms + 1) * 1_000_000)
        reports = exchange.advance(exchange.now_ms + 110_000)
        assert imbalance(exchange)["hyna"] == EVEN["hyna"]
        fills = [(f.px, f.sz, f.side, f.time) for f in exchange.traders[users[0]].fills]
        return fills, [report.bbo for report in reports]

    alone, together = run([USER]), run([USER, other])
    assert alone[0]
    assert alone == together
