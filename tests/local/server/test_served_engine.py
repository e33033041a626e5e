"""The sockets add nothing to the engine: what was submitted through them, submitted again without, fills alike."""

import json
import random
import time
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import pytest

from touchstone.local.exchange import LocalExchange
from touchstone.local.server.server import MICRO, Server
from touchstone.local.server.settings import Limits, ServerSettings
from touchstone.local.spec import usual
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.signing import Signer

COIN, ASSET = "BTC", 0
SEED = 5
USERS = (1, 2)


def fresh(start_ms: int) -> LocalExchange:
    spec = usual()
    dexs = (replace(spec.dexs[0], coins=spec.dexs[0].coins[:1]),)
    return LocalExchange(replace(spec, dexs=dexs), seed=SEED, start_ms=start_ms)


class Recorder:
    """Notes what a server submits, and when."""

    def __init__(self, exchange: LocalExchange) -> None:
        self.submitted: list[tuple[int, str, bytes, int, dict[str, Any]]] = []
        self._exchange, self._submit = exchange, exchange.submit
        exchange.submit = self.submit  # type: ignore[method-assign]

    def submit(self, user: str, action: Any, arrival_ns: int, **flags: Any) -> Any:
        entry = (self._exchange.now_ms, user, msgspec.json.encode(action), arrival_ns, flags)
        self.submitted.append(entry)
        return self._submit(user, action, arrival_ns, **flags)


async def traded(server: Server) -> None:
    """Two accounts place, take and cancel, in blocks as they come."""
    rng = random.Random(1)
    nonces = NonceCounter()
    async with aiohttp.ClientSession() as session:
        for _ in range(60):
            signer = Signer(demo_key(rng.choice(USERS)), is_mainnet=False)
            mid = float(server.exchange.all_mids()[COIN])
            px = f"{mid * rng.uniform(0.999, 1.001):.0f}"
            tif = rng.choice(("Alo", "Ioc", "Gtc"))
            order = actions.Order(ASSET, rng.random() < 0.5, px, "0.01", False, actions.OrderType(actions.Limit(tif)))
            action: Any = actions.PlaceOrders([order], "na")
            orders = server.exchange.open_orders(signer.address)
            if orders and rng.random() < 0.4:
                action = actions.CancelOrders([actions.Cancel(ASSET, orders[0].oid)])
            nonce = nonces.next(int(1e3 * time.time()))
            body = {"action": action, "nonce": nonce, "signature": signer.sign_l1(action, nonce)}
            headers = {"Content-Type": "application/json"}
            data = msgspec.json.encode(body)
            async with session.post(f"{server.url}/exchange", data=data, headers=headers) as response:
                assert json.loads(await response.read())["status"] == "ok"


@pytest.mark.asyncio
async def test_submissions_replayed_without_sockets_give_the_same_orders_and_fills() -> None:
    served = fresh(int(1e3 * time.time()))
    begin_ms = served.now_ms
    recorder = Recorder(served)
    server = Server(served, ServerSettings(limits=Limits(ip_weight_per_minute=1_000_000)))
    await server.start()
    try:
        await traded(server)
    finally:
        await server.stop()

    again = fresh(begin_ms)
    assert again.now_ms == begin_ms
    for number in range(1, server.settings.accounts.n + 1):
        again.deposit(demo_address(number), "", round(server.settings.accounts.deposit * MICRO))
    for now_ms, user, raw, arrival_ns, flags in recorder.submitted:
        again.advance(now_ms)
        again.submit(user, actions.decode_action(raw), arrival_ns, **flags)
    again.advance(served.now_ms)

    assert len(recorder.submitted) == 60
    for user in map(demo_address, USERS):
        assert len(served.user_fills(user)) > 3
        assert again.user_fills(user) == served.user_fills(user)
        assert again.historical_orders(user) == served.historical_orders(user)
        assert again.clearinghouse_state(user) == served.clearinghouse_state(user)
    assert again.l2_book(COIN) == served.l2_book(COIN)
