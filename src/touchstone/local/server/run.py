"""Serving until a signal: what the command does once it knows which exchange."""

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import TextIO

from touchstone.local.exchange import LocalExchange
from touchstone.local.server.mirror import mirror
from touchstone.local.server.server import Server
from touchstone.local.server.settings import ServerSettings
from touchstone.venues.hyperliquid.demo import demo_address, demo_key

SHOWN = 3  # demo accounts whose keys are printed; the others follow (docs/local-exchange.md)


def serve(
    exchange: LocalExchange,
    settings: ServerSettings,
    *,
    port: int,
    speed: float,
    keeps_time: bool,
    mirrored_url: str | None,
    is_child: bool,
    say: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM. `tell` gets the URL line and the token line, `say` the rest.

    is_child: also until standard input closes, which the death of its starter does.
    """
    server = Server(exchange, settings, speed=speed, keeps_time=keeps_time)
    asyncio.run(_serve(server, port, mirrored_url, is_child, say, tell))


async def _serve(
    server: Server,
    port: int,
    mirrored_url: str | None,
    is_child: bool,
    say: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    await server.start(port)
    tell(f"exchange {server.url}")
    tell(f"admin token {server.token}")
    for number in range(1, min(SHOWN, server.settings.accounts.n) + 1):
        say(f"demo account {number}: {demo_address(number)} key {demo_key(number)} (public: never use it elsewhere)")
    tasks = [asyncio.create_task(ended.wait()), asyncio.create_task(server.failed())]
    if is_child:
        tasks.append(asyncio.create_task(_closed(sys.stdin)))
    if mirrored_url is not None:
        tasks.append(asyncio.create_task(mirror(server.exchange, mirrored_url, say)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.stop()
    say(f"exchange ended after {server.blocks.n_blocks:,} blocks")


async def _closed(stream: TextIO) -> None:
    """Wait until a pipe is closed at its other end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stream)
    while await reader.read(1 << 12):
        pass
