"""From the bytes of an l2Book to the bytes of two signed orders, against the way of the official SDK, interleaved.

`python -m benchmarks.live_path`: ours is the trader as it trades: scanner, core with all its models, outbox, signature,
post frame; with and without its journal on a file. The SDK's way reads the JSON, quotes around the mid in plain Python,
signs and dumps.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from touchstone import config
from touchstone.clients.hyperliquid import Market
from touchstone.clients.hyperliquid.requests import Requests, post_frame
from touchstone.core import actions, events, state
from touchstone.core.conventions import MS, NS
from touchstone.core.jit import source_hash
from touchstone.data.units import Coin
from touchstone.live import rows as make
from touchstone.live.clock import Clock
from touchstone.live.fast_frames import FastFrames
from touchstone.live.outbox import Outbox
from touchstone.live.trader import Trader
from touchstone.session.journal import Journal
from touchstone.venues.hyperliquid.ahead import AheadSigner
from touchstone.venues.hyperliquid.nonces import NonceCounter

CANCEL = int(actions.CANCEL)
SECRET = "0x0123456789012345678901234567890123456789012345678901234567890123"
COIN, DECIMALS, ASSET = "HYPE", 2, 159
ROUNDS, PER_ROUND = 75, 20
SETTINGS = """
[quoting]
levels = 1
rule = "ticks"
half_spread_ticks = 30.0
keep_tolerance_bps = 0.0
requote_interval_ms = 1
"""
START_NS = 1_790_000_000 * NS
LEVELS = 20
WANTED_RATIO, WANTED_US = 8.0, 40.0
MARKET = Market(
    coin=COIN, dex="", dex_index=0, asset=ASSET, sz_decimals=DECIMALS, max_leverage=10, only_isolated=False,
    margin_mode="normal", collateral="USDC", growth_mode=False, deployer_fee_scale=None, maker_fee_bps=1.5,
    taker_fee_bps=4.5, is_delisted=False,
)  # fmt: skip


class Nowhere:
    """A journal that keeps nothing."""

    def append(self, rows: Any) -> None: ...

    def append_actions(self, rows: Any) -> None: ...

    def flush(self) -> None: ...


class Wire:
    """A client without a socket: the bytes that would go on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.signer = AheadSigner(SECRET, is_mainnet=True, most=config.Live().signatures_ahead)
        self._requests = Requests(self.signer, NonceCounter(), lambda: START_NS // MS, None)
        self._loop = loop
        self.sent: list[bytes] = []

    def send(self, action: Any, *, expires_ms: int | None = None) -> Any:
        """Sign, and keep the bytes."""
        self.sent.append(post_frame(1, self._requests.write(action, expires_ms)))
        return self._loop.create_future()


class StoppedClock(Clock):
    """Time as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.at_ns = START_NS

    def now_ns(self) -> int:
        return self.at_ns


class Ours:
    """Our way, with an exchange that acknowledges everything between the measured calls."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Any) -> None:
        settings = config.parse(SETTINGS)
        self.wire, self.clock = Wire(loop), StoppedClock()
        self.frames = FastFrames(DECIMALS, COIN)
        self.trader = Trader(settings, DECIMALS, journal=journal, send=self._send)
        self.outbox = Outbox(
            self.wire, MARKET, self.clock, cloid_tag=1, expires_after_ms=5_000,
            hear=lambda _: None, doubt=lambda _: None,
        )  # fmt: skip
        self.wanted: list[Any] = []
        self.steps_s: list[float] = []
        state.reset(self.trader.state, np.int64(0), np.int64(0))

    def _send(self, wanted: Any) -> None:
        self.outbox.send(wanted)
        self.wanted += wanted

    def take(self, frame: bytes) -> None:
        """What is measured: a message's bytes in, orders' bytes out."""
        trader = self.trader
        trader.feed(self.frames.take(frame, self.clock.now_ns(), trader.buffer, 0))

    def measured(self, frame: bytes) -> float | None:
        """Microseconds that a book took to two orders; None where it moved other than two."""
        self.clock.at_ns += 100 * MS
        self.trader.tick(self.clock.at_ns)  # the timers are not part of it
        self.answer()
        self.wire.sent.clear()
        while self.wire.signer.prepare():  # as a session does between messages
            pass
        started = time.perf_counter_ns()
        self.take(frame)
        elapsed = time.perf_counter_ns() - started
        orders = sum(sent.count(b'"c":"0x') for sent in self.wire.sent)
        self.answer()
        return elapsed / 1e3 if orders == 2 else None

    def answer(self) -> None:
        """The exchange does as it was told, until nothing more is wanted."""
        while self.wanted:
            told = []
            for _, cloid, target, px, qty, _, kind, side, _ in self.wanted:
                now_ns = self.clock.now_ns()
                if target or kind == CANCEL:
                    told.append(make.cancelled(target or cloid, events.CANCELLED_BY_US, 0, now_ns, now_ns))
                if kind != CANCEL:
                    resting = events.ORDER_RESTING
                    told.append(make.row(resting, now_ns, exch_ns=now_ns, px=px, qty=qty, aux=cloid, side=side))
            self.wanted.clear()
            self.trader.take_rows(told)
        self.trader.drain()


def book(number: int, time_ms: int) -> bytes:
    """A book of twenty levels a side; the mid steps up and down by 10 bps, so that both quotes move."""
    mid = 40_000 + 40 * (number % 2) + number % 7
    sides = []
    for side in (-1, 1):
        prices = [(mid + side * (1 + level)) / 1000 for level in range(LEVELS)]
        sides.append([{"px": f"{px:.3f}", "sz": f"{10 + i}.25", "n": 3} for i, px in enumerate(prices)])
    data = {"coin": COIN, "time": time_ms, "levels": sides}
    return msgspec.json.encode({"channel": "l2Book", "data": data})


def sdk_way() -> Callable[[bytes], bytes]:
    """The official SDK's functions, as its examples put them together."""
    from eth_account import Account
    from hyperliquid.utils import signing as sdk

    wallet = Account.from_key(SECRET)

    def quote(frame: bytes) -> bytes:
        levels = json.loads(frame)["data"]["levels"]
        bid, ask = float(levels[0][0]["px"]), float(levels[1][0]["px"])
        mid = (bid + ask) / 2
        orders = []
        for is_buy, px in ((True, mid * (1 - 8e-4)), (False, mid * (1 + 8e-4))):
            request = {
                "coin": COIN, "is_buy": is_buy, "sz": 1.25, "limit_px": round(float(f"{px:.5g}"), 4),
                "order_type": {"limit": {"tif": "Alo"}}, "reduce_only": False,
            }  # fmt: skip
            orders.append(sdk.order_request_to_order_wire(request, ASSET))
        action, nonce = sdk.order_wires_to_order_action(orders), START_NS // MS
        signature = sdk.sign_l1_action(wallet, action, None, nonce, nonce + 5_000, True)
        payload = {
            "action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": nonce,
        }  # fmt: skip
        return json.dumps({"method": "post", "id": 1, "request": {"type": "action", "payload": payload}}).encode()

    return quote


def warm_up(path: Ours) -> int:
    """A minute of books and trades until it quotes; the number of books used."""
    for number in range(800):
        path.clock.at_ns += 100 * MS
        path.take(book(number, path.clock.at_ns // MS))
        path.answer()
        px = 40_000 + 40 * (number % 2) + (-1) ** number * (5 + number % 40)
        now_ns, side = path.clock.at_ns, 1 - 2 * (number % 2)
        path.trader.take_rows(
            [make.row(events.TRADE, now_ns, exch_ns=now_ns, px=px, qty=100, aux=number + 1, side=side)]
        )
        path.answer()
    return 800


def report() -> dict[str, float]:
    """Print and return medians and ratio."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), Coin(COIN, DECIMALS), source_hash())
        bare, journaled, sdk = Ours(loop, Nowhere()), Ours(loop, journal), sdk_way()
        warm_up(bare)
        begin = warm_up(journaled)
        times: dict[str, list[float]] = {"sdk": [], "bare": [], "journaled": []}
        number = begin
        for _ in range(ROUNDS):
            frames = [book(number + i, (bare.clock.at_ns + (i + 1) * 100 * MS) // MS) for i in range(PER_ROUND)]
            number += PER_ROUND
            times["bare"] += [one for frame in frames if (one := bare.measured(frame)) is not None]
            times["journaled"] += [one for frame in frames if (one := journaled.measured(frame)) is not None]
            for frame in frames:
                started = time.perf_counter_ns()
                sdk(frame)
                times["sdk"].append((time.perf_counter_ns() - started) / 1e3)
        journal.close()
    medians = {name: statistics.median(values) for name, values in times.items() if values}
    for name, values in times.items():
        p99 = sorted(values)[int(0.99 * len(values))] if values else float("nan")
        print(f"{name}: n {len(values)}, median {medians.get(name, float('nan')):.1f} us, p99 {p99:.1f} us")
    ratio = medians["sdk"] / medians["bare"]
    print(f"{ratio:.1f} times faster than the SDK's way (wanted {WANTED_RATIO:g}; median at most {WANTED_US:g} us)")
    return medians | {"ratio": ratio}


if __name__ == "__main__":
    report()
