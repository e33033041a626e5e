"""Order actions per second that a local exchange takes without missing a block: `python -m benchmarks.exchange_load`.

The server runs in a process of its own, ten clients in this one: each with its account and WebSocket, following its
order updates and the touch, placing a post-only order away from the market and cancelling it by its cloid, at a fixed
rate, whatever the answers take.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import msgspec
import numpy as np
from cyclopts import App, Parameter

from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.demo import demo_key
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.signing import Signer

CONFIG = """
[limits]
ip_weight_per_minute = 1000000000
connections = 1000
messages_per_minute = 1000000000
posts_in_flight = 100000
requests_in_flight = 100000
request_buffer = 1000000000
"""
COIN, ASSET = "BTC", 0
WARM_S = 2.0

app = App(help=__doc__, help_format="plaintext")


class Client:
    """One account that places and cancels; times of answers are kept."""

    def __init__(self, number: int, px: str) -> None:
        self.signer = Signer(demo_key(number), is_mainnet=False)
        self.px = px
        self.sent_s: dict[int, float] = {}
        self.taken_s: list[float] = []
        self.refused: list[str] = []
        self.n = 0
        self.n_updates = 0
        self._nonces = NonceCounter()
        self._cloid = ""

    def next_request(self) -> bytes:
        """A post: an order, then its cancel, and so on."""
        self.n += 1
        action: Any
        if self.n % 2:
            self._cloid = f"0x{self.n:032x}"
            kind = actions.OrderType(limit=actions.Limit("Alo"))
            action = actions.PlaceOrders([actions.Order(ASSET, True, self.px, "0.001", False, kind, self._cloid)], "na")
        else:
            action = actions.CancelByCloid([actions.CloidCancel(ASSET, self._cloid)])
        nonce = self._nonces.next(int(1e3 * time.time()))
        payload = {"action": action, "nonce": nonce, "signature": self.signer.sign_l1(action, nonce)}
        self.sent_s[self.n] = time.monotonic()
        return msgspec.json.encode(
            {"method": "post", "id": self.n, "request": {"type": "action", "payload": payload}}
        )

    def answered(self, frame: dict[str, Any]) -> None:
        """One answer."""
        if frame["channel"] == "orderUpdates":
            self.n_updates += len(frame["data"])
        elif frame["channel"] == "error":
            self.refused.append(json.dumps(frame)[:200])
        if frame["channel"] != "post":
            return
        data = frame["data"]
        self.taken_s.append(time.monotonic() - self.sent_s.pop(data["id"]))
        text = json.dumps(data["response"]["payload"])
        if '"status": "ok"' not in text or '"error"' in text:
            self.refused.append(text[:200])


async def _run(client: Client, url: str, per_s: float, seconds: float) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws{url.removeprefix('http')}/ws") as socket:
        for subscription in ({"type": "orderUpdates", "user": client.signer.address}, {"type": "bbo", "coin": COIN}):
            await socket.send_json({"method": "subscribe", "subscription": subscription})
        reader = asyncio.create_task(_read(client, socket))
        begin = time.monotonic()
        for number in range(round(per_s * seconds)):
            wait_s = begin + number / per_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await socket.send_frame(client.next_request(), aiohttp.WSMsgType.TEXT)
        await asyncio.sleep(1.0)
        reader.cancel()


async def _read(client: Client, socket: aiohttp.ClientWebSocketResponse) -> None:
    async for message in socket:
        client.answered(json.loads(message.data))


async def _load(url: str, token: str, n_clients: int, per_s: float, seconds: float) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/info", json={"type": "allMids"}) as response:
            mid = float((await response.json())[COIN])
        clients = [Client(number, f"{float(f'{mid * 0.9:.3g}'):.0f}") for number in range(1, n_clients + 1)]
        begin = time.monotonic()
        await asyncio.gather(*(_run(client, url, per_s / n_clients, seconds) for client in clients))
        took_s = time.monotonic() - begin - 1.0
        async with session.get(f"{url}/admin/state", headers={"Authorization": f"Bearer {token}"}) as response:
            state = await response.json()
    taken = np.array([each for client in clients for each in client.taken_s])
    return {
        "actions": sum(client.n for client in clients),
        "per_s": round(sum(client.n for client in clients) / took_s, 1),
        "order_updates": sum(client.n_updates for client in clients),
        "unanswered": sum(len(client.sent_s) for client in clients),
        "refused": sum(len(client.refused) for client in clients),
        "first_refusals": [text for client in clients for text in client.refused[:1]][:3],
        "answer_ms": {f"p{q}": round(1e3 * float(np.percentile(taken, q)), 1) for q in (50, 99, 100)},
        "block_loop": state["block_loop"],
    }


@contextmanager
def serving() -> Iterator[tuple[str, str, int]]:
    """URL, token and process id of a server, ended in order."""
    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder:
        config = Path(folder) / "exchange.toml"
        config.write_text(CONFIG)
        command = [sys.executable, "-m", "touchstone", "exchange", "--config", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().split()[-1] for _ in range(2)]
            yield lines[0], lines[1], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


def measure(n_clients: int, per_s: float, seconds: float) -> dict[str, Any]:
    """Figures of one run against a server of its own."""
    with serving() as (url, token, pid):
        time.sleep(WARM_S)
        before_s, begin = _cpu_s(pid), time.monotonic()
        result = asyncio.run(_load(url, token, n_clients, per_s, seconds))
        share = (_cpu_s(pid) - before_s) / (time.monotonic() - begin)
    return result | {"server_cpu_share_of_a_core": round(share, 3), "load_average": round(os.getloadavg()[0], 2)}


def _cpu_s(pid: int) -> float:
    """Processor time of a process, Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@app.default
def main(
    *,
    clients: int = 10,
    per_s: Annotated[float, Parameter(name="--per-s")] = 2_000.0,
    seconds: float = 30.0,
) -> None:
    """Measure and print.

    Parameters
    ----------
    clients
        Clients, each with an account and a connection.
    per_s
        Order actions per second of all together.
    seconds
        How long.
    """
    print(msgspec.json.format(msgspec.json.encode(measure(clients, per_s, seconds)), indent=2).decode())


if __name__ == "__main__":
    app()
