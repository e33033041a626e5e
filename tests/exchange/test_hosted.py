"""The market for a host is the reactive market: same blocks without the host's orders; with them it asks first.

Run as a program this file prints the digest of a short session, so that compiled and plain mode can be compared.
"""

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np

from touchstone.backtest import scenario as scenarios
from touchstone.core import actions
from touchstone.core.actions import ACTION
from touchstone.exchange import engine, guests, hosted, market, orderbook, rules, venue
from touchstone.exchange.venue import VENUE

NO_VENUES = np.zeros(0, VENUE)
DONE, ASKS = int(hosted.DONE), int(hosted.ASKS)
PX = 400_000  # 40.00 with szDecimals 2


def start(seed: int, noise_per_h: float = 20_000.0) -> tuple[Any, Any, Any]:
    """(worlds, hosts, params) of a busy normal market."""
    given = scenarios.load("normal")
    given = given.model_copy(update={"noise": given.noise.model_copy(update={"per_h": noise_per_h})})
    params: Any = np.zeros(1, market.WORLD_PARAMS)
    params[0] = scenarios.world_params(given, 2, 10.0)
    worlds, hosts = np.zeros(1, market.WORLD), np.zeros(1, hosted.HOST)
    hosted.reset(worlds, hosts, params, np.int64(seed))
    return worlds, hosts, params


def block(worlds: Any, hosts: Any, *, grants: bool = True) -> list[tuple[int, ...]]:
    """One block; its trades. Orders of the host that would trade are granted, or cancelled."""
    hosted.open_block(worlds)
    hosted.begin_agents(worlds, hosts)
    return finish(worlds, hosts, hosted.agents_take, grants)


def finish(worlds: Any, hosts: Any, go: Any, grants: bool) -> list[tuple[int, ...]]:
    while (why := int(go(worlds, hosts))) != DONE:
        if why == ASKS and grants:
            hosted.grant(worlds)
        elif why == ASKS:
            hosted.cancel(worlds, worlds[0].book.asked)
    rows: list[tuple[int, ...]] = hosts["trades"][0, : hosts["n_trades"][0]].tolist()
    hosts["n_trades"] = 0
    hosted.close_block(worlds, NO_VENUES)
    return rows


def test_without_orders_of_the_host_it_is_the_reactive_market() -> None:
    worlds, hosts, params = start(4)
    plain: Any = np.zeros(1, market.WORLD)
    market.reset(plain[0], params[0], np.int64(4))
    plain[0].feed.is_on = 0
    n = sum(len(block(worlds, hosts)) for _ in range(2_000))
    market.run(plain[0], NO_VENUES, np.int64(2_000))
    assert n == plain[0].n_trades > 500
    for name in ("order", "qty", "best", "position", "cash", "n_orders"):
        assert worlds[0].book[name].tobytes() == plain[0].book[name].tobytes(), name
    for name in ("maker", "noise", "informed", "latent", "seen", "volume"):
        assert worlds[0][name].tobytes() == plain[0][name].tobytes(), name


def test_an_order_of_the_host_trades_only_if_granted() -> None:
    for grants in (True, False):
        worlds, hosts, _ = start(1, noise_per_h=0.0)
        block(worlds, hosts)
        ask = int(worlds[0].book.best_px[1])
        k = hosted.place(worlds, 1, ask - 10, 500, 77)
        assert k >= 0
        hosted.open_block(worlds)
        hosted.begin_take(worlds, hosts, 1, ask, 600)
        rows = finish(worlds, hosts, hosted.go_on, grants)
        ours = [row for row in rows if row[1] == 77 and row[0] == int(hosted.RESTING)]
        assert [(row[2], row[3], row[4], row[5], row[6]) for row in ours] == (
            [(int(hosted.TAKING), 1, ask - 10, 500, 0)] if grants else []
        )
        assert int(worlds[0].book.position.sum()) == 0


def test_an_add_that_would_trade_is_told_so() -> None:
    worlds, hosts, _ = start(1, noise_per_h=0.0)
    block(worlds, hosts)
    bid, ask = (int(px) for px in worlds[0].book.best_px)
    assert hosted.place(worlds, 0, ask, 5, 1) == int(hosted.CROSSES)
    assert hosted.crosses(worlds, 1, bid)
    assert not hosted.crosses(worlds, 1, ask)
    bid_px, qty, n, *_ = hosted.touch(worlds)
    hosted.place(worlds, 0, bid, 5, 1)
    assert hosted.touch(worlds)[:3] == (bid_px, qty + 5, n + 1)
    depths = np.zeros(1, hosted.DEPTH)
    hosted.depth(worlds, depths)
    assert depths["level"][0, 0, 0].tolist() == (bid_px, qty + 5, n + 1)


def test_a_side_can_be_cleared_of_agents() -> None:
    worlds, hosts, _ = start(1)
    block(worlds, hosts)
    bid = int(worlds[0].book.best_px[0])
    hosted.place(worlds, 0, bid, 5, 1)
    hosted.clear_side(worlds, 0)
    assert hosted.touch(worlds)[:3] == (bid, 5, 1)
    assert worlds[0].book.n_orders[0] == 1


def test_an_account_of_the_reactive_market_takes_and_rests_with_good_till_cancel() -> None:
    world, venues = calm_market()
    market.run(world[0], venues, np.int64(3))
    ask = int(world[0].book.best_px[1])
    shown = int(orderbook.qty_at(world[0].book, np.int64(1), np.int64(world[0].book.best[1])))
    action: Any = np.zeros(1, ACTION)[0]
    action.kind, action.cloid, action.side, action.px, action.qty = actions.PLACE, 5, 1, ask, shown + 70
    action.bits = actions.BIT_GTC
    engine.send(venues[0], action, np.int64(world[0].now_ns))
    market.run(world[0], venues, np.int64(3))
    account, orders = venues[0].account, venues[0].orders
    assert account.position > 0
    assert account.position + orders.open_qty[0] == shown + 70
    assert int(world[0].book.best_px[0]) == ask


def calm_market() -> tuple[Any, Any]:
    """World and one account; nobody takes. Its rules are Hyperliquid's, its requests arrive at once."""
    given = scenarios.load("normal")
    given = given.model_copy(update={"noise": given.noise.model_copy(update={"per_h": 0.0}), "informed": []})
    world, venues = np.zeros(1, market.WORLD), np.zeros(1, VENUE)
    market.reset(world[0], scenarios.world_params(given, 2, 10.0), np.int64(1))
    world[0].feed.is_on = 0
    venue.reset(venues[0], rules.hyperliquid_params(2, order_latency=0, cancel_latency=0, response_ns=0))
    return world, venues


def digest() -> str:
    """Of 40 blocks with orders of the host on both sides."""
    worlds, hosts, _ = start(3, noise_per_h=60_000.0)
    for n in range(40):
        block(worlds, hosts, grants=n % 3 > 0)
        bid, _, _, ask, _, _ = hosted.touch(worlds)
        hosted.place(worlds, 0, bid, 100 + n, n)
        hosted.place(worlds, 1, ask, 100 + n, 1_000 + n)
        if n % 10 == 9:
            hosted.open_block(worlds)
            hosted.begin_take(worlds, hosts, -1, bid - 50, 2_000)
            finish(worlds, hosts, hosted.go_on, True)
    return hashlib.sha256(worlds.tobytes() + hosts.tobytes()).hexdigest()


def test_plain_python_gives_the_same_bytes() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run([sys.executable, __file__], capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == digest()


def test_nothing_is_compiled_twice() -> None:
    digest()
    modules = (hosted, guests, orderbook)
    found = [(m, name, f) for m in modules for name, f in vars(m).items() if hasattr(f, "signatures")]
    assert {f"{m.__name__}.{name}": len(f.signatures) for m, name, f in found if len(f.signatures) > 1} == {}


if __name__ == "__main__":
    print(digest())
