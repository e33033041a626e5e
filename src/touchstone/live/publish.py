"""What a session tells those who only look: `status.json` in its folder, written anew twice a second of the wall.

The trading loop pays for a look, not for a disk: a thread writes the file, and what takes longer than the rest (one
scorecard is summed up in half a millisecond) is taken in turn, one part a look. Readers never meet the trader: they
find a whole file, or the one before.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec

from touchstone.config import Config
from touchstone.core.targets import TARGET_NAMES
from touchstone.live import depth
from touchstone.live.session import Session
from touchstone.live.status import status
from touchstone.session import result
from touchstone.session.models import model_now

FILE = "status.json"
EVERY_S = 0.5  # of the wall


class Publisher:
    """Looks at a session and writes what it sees. counts: of its alerts, by name; fixed: what never changes."""

    def __init__(
        self, session: Session, config: Config, counts: dict[str, int], folder: Path, fixed: dict[str, Any]
    ) -> None:
        self._session = session
        self._config = config
        self._counts = counts
        self._path = folder / FILE
        self._fixed = fixed
        self._slow: dict[str, Any] = {}
        self.models: dict[str, Any] = {}
        self._turns = cycle(self._parts())
        self.n_lost = 0  # files that could not be written
        for part in self._parts():
            part()

    def _parts(self) -> Iterator[Callable[[], None]]:
        """What is looked at in turn: each model, and the sums over the session."""
        for target in range(len(TARGET_NAMES)):
            yield lambda target=target: self._look_at_model(target)  # type: ignore[misc]
        yield self._look_at_sums

    def _look_at_model(self, target: int) -> None:
        self.models[TARGET_NAMES[target]] = model_now(self._session.trader.state, target)

    def _look_at_sums(self) -> None:
        state = self._session.trader.state
        self._slow["markouts"] = result.markouts(state)
        self._slow["not_quoting_s"] = result.not_quoting(state)

    async def look(self) -> dict[str, Any]:
        """The document: `status` as `touchstone status` shows it, `book`, `orders`, and `result` so far.

        Between its parts the loop goes on, so that a message waits for one part at most.
        """
        session, trader = self._session, self._session.trader
        state = trader.state
        next(self._turns)()
        await asyncio.sleep(0)
        standing = status(session, self.models)
        await asyncio.sleep(0)
        shown = depth.book(state)
        await asyncio.sleep(0)
        ours = depth.orders(state, trader.live_orders())
        await asyncio.sleep(0)
        so_far: dict[str, Any] = {}
        for part in result.so_far(trader, self._config):
            so_far |= part
            await asyncio.sleep(0)
        return self._fixed | {
            "wall_ns": time.time_ns(),
            "status": standing,
            "book": shown,
            "orders": ours,
            "lost": self.n_lost,  # files that could not be written before this one
            "result": so_far | self._slow | {"models": self.models, "alerts": dict(self._counts)},
        }

    async def publish(self) -> None:
        """Until cancelled."""
        while True:
            content = msgspec.json.encode(await self.look())
            await asyncio.to_thread(self._write, content)
            await asyncio.sleep(EVERY_S)

    def _write(self, content: bytes) -> None:
        """No fsync: the next one comes soon, and what counts is the journal. A full disk loses it and stops nothing."""
        aside = self._path.with_name(f".{FILE}.part")
        try:
            aside.write_bytes(content)
            aside.replace(self._path)
        except OSError:
            self.n_lost += 1
