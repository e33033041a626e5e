"""A trader that only lives to die: `python -m tests.live.mortal URL NUMBER FOLDER HEARTBEAT_S`.

Holds the lock of its account, starts a watchdog with the key in TOUCHSTONE_WATCHDOG_KEY, rests orders, says so, waits
until standard input ends, and then ends in order.
"""

import asyncio
import sys
import time
from pathlib import Path

from tests.live.trading import client_of

from touchstone.live import keys
from touchstone.live.deadman import WatchdogProcess
from touchstone.live.desk import Desk
from touchstone.venues.hyperliquid.actions import Limit, Order, OrderType, PlaceOrders
from touchstone.venues.hyperliquid.demo import demo_address


class Venue:
    def __init__(self, url: str) -> None:
        self.url = url


async def main(url: str, number: int, folder: Path, heartbeat_s: float) -> None:
    desk = Desk.of(folder / "sessions", "local", demo_address(number))
    key = keys.load("", "local", variable=keys.WATCHDOG_KEY)
    with desk.lock(now_ns=time.time_ns(), session=folder):
        async with client_of(Venue(url), number) as client:
            watchdog = WatchdogProcess(
                client, key, dex="hyna", desk=desk.folder, session=folder, heartbeat_s=heartbeat_s,
                say=lambda line: print(line, file=sys.stderr, flush=True),
            )  # fmt: skip
            if problem := await watchdog.start():
                print(f"problem {problem}", flush=True)
                return
            order = Order(110_000, True, "35", "1", False, OrderType(limit=Limit("Gtc")))
            await client.send(PlaceOrders([order] * 3, "na"))
            print(f"ready {watchdog.pid}", flush=True)
            await asyncio.to_thread(sys.stdin.read)
            await watchdog.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])))
