"""A local exchange in a process of its own, started as a user starts it, for clients that others wrote."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from touchstone.venues.hyperliquid.actions import decode_action
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.signing import Signer
from touchstone.venues.hyperliquid.user_actions import UserAction

START_S = 180.0  # compiling included

# All clients of the tests have one address, so the limits of an address are wide; tests of limits set their own.
WIDE = """
[limits]
ip_weight_per_minute = 1000000
connections = 200
new_connections_per_minute = 100000
users = 100
messages_per_minute = 1000000
"""


class Running:
    """A server process: its URL, its operator's endpoint."""

    def __init__(self, process: subprocess.Popen[str], url: str, token: str) -> None:
        self.process = process
        self.url = url
        self.token = token
        self.ws_url = "ws" + url.removeprefix("http")

    def admin(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Answer of the operator's endpoint."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/admin/{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    @contextmanager
    def faults(self, **plan: Any) -> Iterator[None]:
        """Faults that are on inside the block."""
        self.admin("faults", plan)
        try:
            yield
        finally:
            self.admin("faults", method="DELETE")

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and body of a plain request; text where it is not JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status, raw = response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, raw = error.code, error.read()
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw.decode(errors="replace")

    def trader(self, number: int) -> "Trader":
        """A client of a demo account."""
        return Trader(self, number)

    def info(self, kind: str, **parameters: Any) -> Any:
        """Answer to an info request."""
        status, body = self.post("info", {"type": kind, **parameters})
        assert status == 200, body
        return body


class Trader:
    """The smallest client: signs what it is given, as it is given."""

    def __init__(self, venue: Running, number: int) -> None:
        self.venue = venue
        self.user = demo_address(number)
        self.signer = Signer(demo_key(number), is_mainnet=False)
        self._nonces = NonceCounter()

    def envelope(
        self, action: dict[str, Any], nonce: int | None = None, vault: str | None = None, expires: int | None = None
    ) -> dict[str, Any]:
        """The signed request."""
        nonce = self._nonces.next(int(1e3 * time.time())) if nonce is None else nonce
        canonical = decode_action(json.dumps(action))
        if isinstance(canonical, UserAction):
            signature = self.signer.sign_user(canonical)
        else:
            signature = self.signer.sign_l1(canonical, nonce, vault, expires)
        signed = {"r": signature.r, "s": signature.s, "v": signature.v}
        return {"action": action, "nonce": nonce, "signature": signed, "vaultAddress": vault, "expiresAfter": expires}

    def act(self, action: dict[str, Any], **more: Any) -> Any:
        """Answer of /exchange."""
        status, body = self.venue.post("exchange", self.envelope(action, **more))
        assert status == 200, body
        return body

    def order(self, asset: int, side: str, px: str, sz: str, tif: str = "Alo", **more: Any) -> Any:
        """Status of one order, or the text of a whole refusal."""
        order = {"a": asset, "b": side == "B", "p": px, "s": sz, "r": False, "t": {"limit": {"tif": tif}}} | more
        return self.first(self.act({"type": "order", "orders": [order], "grouping": "na"}))

    def cancel(self, asset: int, oid: int) -> Any:
        """Status of one cancel."""
        return self.first(self.act({"type": "cancel", "cancels": [{"a": asset, "o": oid}]}))

    @staticmethod
    def first(answer: Any) -> Any:
        """The only status of an answer."""
        return answer["response"] if answer["status"] == "err" else answer["response"]["data"]["statuses"][0]

    def isolate(self, asset: int, leverage: int = 5) -> None:
        """Set isolated leverage."""
        answer = self.act({"type": "updateLeverage", "asset": asset, "isCross": False, "leverage": leverage})
        assert answer["status"] == "ok", answer

    def touch(self, coin: str) -> tuple[str, str]:
        """Best bid and ask."""
        bids, asks = self.venue.info("l2Book", coin=coin)["levels"]
        return bids[0]["px"], asks[0]["px"]

    def away(self, coin: str, share: float) -> str:
        """A price this share from the bid, to five figures: below one a bid that rests."""
        return five_figures(float(self.touch(coin)[0]) * share)

    def away_from_oracle(self, coin: str, share: float) -> str:
        """A price this share from the oracle's, to five figures."""
        meta, contexts = self.venue.info("metaAndAssetCtxs", dex=coin.partition(":")[0] if ":" in coin else "")
        index = [asset["name"] for asset in meta["universe"]].index(coin)
        return five_figures(float(contexts[index]["oraclePx"]) * share)


def five_figures(price: float) -> str:
    """A price as the venue takes it."""
    return f"{Decimal(f'{price:.5g}'):f}"


class Wire:
    """A WebSocket of the venue."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def send(self, frame: Any) -> None:
        """One frame; text is sent as it is."""
        await self.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def subscribe(self, **subscription: Any) -> None:
        """Subscribe, without waiting."""
        await self.send({"method": "subscribe", "subscription": subscription})

    async def next(self, channel: str, seconds: float = 5.0) -> Any:
        """Data of the next frame on a channel; those on others are kept in `seen`."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise ConnectionError(f"{message.type}: waiting for {channel}")
                frame = json.loads(message.data)
                self.seen.append(frame)
                if frame["channel"] == channel:
                    return frame.get("data")

    async def ended(self, seconds: float = 5.0) -> aiohttp.WSMessage:
        """The message with which the connection ends."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.socket.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return message


@asynccontextmanager
async def _wire(venue: Running, path: str = "/ws") -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url + path) as socket:
        yield Wire(socket)


@pytest.fixture(scope="session")
def wire() -> Any:
    """`async with wire(venue) as socket`."""
    return _wire


@contextmanager
def running(folder: Path, *arguments: str, config: str = WIDE) -> Iterator[Running]:
    """A server with these arguments and this configuration, ended in order."""
    file = folder / "exchange.toml"
    file.write_text(config)
    command = [sys.executable, "-m", "touchstone", "exchange", "--config", str(file), *arguments]
    source = str(Path(__file__).parents[2] / "src")
    log = (folder / "log").open("w+")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | {"PYTHONPATH": source}
    )
    try:
        assert process.stdout is not None
        url, token = process.stdout.readline().split(), process.stdout.readline().split()
        if not token:
            log.seek(0)
            pytest.fail(f"the exchange did not start: {log.read()[-2_000:]}")
        yield Running(process, url[-1], token[-1])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise
        finally:
            process.stdout and process.stdout.close()
            log.close()
        assert code == 0, (folder / "log").read_text()[-2_000:]


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The usual exchange, shared by the tests of clients."""
    with running(tmp_path_factory.mktemp("venue"), "--market", "normal") as found:
        yield found


@pytest.fixture(scope="session")
def run_exchange() -> Any:
    """`with run_exchange(folder, *arguments, config=...) as venue`: an exchange of the test's own."""
    return running
