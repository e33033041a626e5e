"""The watchdog: a process of its own, with an agent key of its own, that cancels all orders when the trader dies.

`python -m touchstone.live.watchdog` reads its orders (`Orders`, one line of JSON, the key among them) from standard
input, says `watching` on standard output, and then hears the trader's heartbeat on the same pipe. The pipe ends with
the trader, however that dies: then, or when nothing came for `heartbeat_s`, it cancels every open order of the account
on the dex, confirms and exits. It leads a session of its own, so no signal to the trader's reaches it, and it ends only
when told to or when the work is done. It loads no compiler.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from touchstone.clients.errors import ClientError
from touchstone.clients.hyperliquid import Client, Network
from touchstone.clients.hyperliquid.account import signs
from touchstone.live.cancel import NotCancelledError, cancel_all, read_assets
from touchstone.live.desk import Desk, clock
from touchstone.live.keys import Secret
from touchstone.redact import redact

BEAT, END = b".", b"q"
WATCHING = "watching"
STOPPED, FIRED, GAVE_UP, USELESS = 0, 10, 11, 12  # exit codes
PERSISTS_S = 3_600.0  # how long it tries to reach the exchange


class Orders(msgspec.Struct):
    """What a watchdog is told, once. `desk` and `trader` tell whether another session has taken the account over."""

    key: str
    network: Literal["local", "testnet", "mainnet"]
    url: str
    account: str
    vault: str | None
    dex: str
    heartbeat_s: float
    desk: str
    trader: int  # process id
    log: str

    def __repr__(self) -> str:
        return f"Orders({self.account})"  # never the key


class Watchdog:
    """Listens, and acts; a trader that was only silent is watched on."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._network = Network(orders.network, orders.url, is_mainnet=orders.network == "mainnet")
        self._signer = Secret(orders.key).signer(is_mainnet=self._network.is_mainnet)
        orders.key = ""
        self._desk = Desk(Path(orders.desk))

    async def watch(self) -> int:
        """Until the trader ends; the exit code."""
        orders = self._orders
        client = Client(
            self._network, account=orders.account, signer=self._signer, now_ms=_now_ms, say=self.log, vault=orders.vault
        )
        try:
            await self._check_key(client)
            assets = await read_assets(client, orders.dex)
            self.log(f"watching process {orders.trader}: {orders.account}, dex {orders.dex!r}")
            with contextlib.suppress(OSError):  # a trader that has died meanwhile is heard of below
                sys.stdout.write(f"{WATCHING}\n")
                sys.stdout.flush()
            reader = await _pipe()
            while True:
                cause = await self._listen(reader)
                if cause is None:
                    self.log("told to stop")
                    return STOPPED
                self.log(f"{cause}: cancelling every order")
                word = asyncio.create_task(reader.read(4_096))
                done = await cancel_all(
                    client, orders.dex, bound_s=PERSISTS_S, assets=assets,
                    is_ours=partial(self._is_needed, word),
                )  # fmt: skip
                if not _is_spoken(word):
                    word.cancel()
                    break
                self.log(f"process {orders.trader} is back: its orders are its own again")
                if END in word.result():
                    return STOPPED
            for reason, n in done.reasons.items():
                self.log(f"{n} x {reason}")
            if not self._is_ours():
                self.log("another session trades the account now and is the owner of its orders")
            self.log(f"{done.n_orders} orders cancelled, {'none left' if done.is_none_left else 'NOT CONFIRMED'}")
            return FIRED if done.is_none_left else GAVE_UP
        finally:
            await client.stop()

    async def _check_key(self, client: Client) -> None:
        """Raises NotCancelledError where the key could cancel nothing: better known now than then."""
        if (await signs(client)).role == "stranger":
            raise NotCancelledError(f"{self._signer.address} is no approved agent of {client.account}: approve it")

    async def _listen(self, reader: asyncio.StreamReader) -> str | None:
        """Why to act; None where told to stop."""
        while True:
            try:
                heard = await asyncio.wait_for(reader.read(4_096), self._orders.heartbeat_s)
            except TimeoutError:
                return f"process {self._orders.trader} was silent for {self._orders.heartbeat_s:g} s"
            if not heard:
                return f"process {self._orders.trader} died"
            if END in heard:
                return None

    def _is_needed(self, word: "asyncio.Task[bytes]") -> bool:
        return self._is_ours() and not _is_spoken(word)

    def _is_ours(self) -> bool:
        holder = self._desk.holder()
        return holder is None or holder.pid in (0, self._orders.trader)

    def log(self, line: str) -> None:
        """One line in the session's watchdog.log; where that cannot be written there is nobody to tell."""
        with contextlib.suppress(OSError), Path(self._orders.log).open("a", encoding="utf-8") as file:
            file.write(f"{clock(time.time_ns())} {redact(line)}\n")


async def _pipe() -> asyncio.StreamReader:
    """Standard input, on which the trader is heard."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    return reader


def _is_spoken(word: "asyncio.Task[bytes]") -> bool:
    """Whether the trader, silent before, has said something; the end of the pipe is no word."""
    return word.done() and bool(word.result())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _read_line() -> bytes:
    """The first line of standard input and not a byte more: what follows is the heartbeat."""
    found = bytearray()
    while not found.endswith(b"\n") and (byte := os.read(0, 1)):
        found += byte
    return bytes(found)


def main() -> int:
    """The process."""
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(name, signal.SIG_IGN)
    try:
        watchdog = Watchdog(msgspec.json.decode(_read_line(), type=Orders))
    except Exception as error:  # the trader reads why
        sys.stdout.write(f"{type(error).__name__}: {redact(str(error))}\n")
        return USELESS
    try:
        return asyncio.run(watchdog.watch())
    except ClientError as error:
        watchdog.log(f"gave up: {error}")
        with contextlib.suppress(OSError):
            sys.stdout.write(f"{redact(str(error))}\n")
        return GAVE_UP


if __name__ == "__main__":
    sys.exit(main())
