"""Who cancels our orders when this process dies: the exchange (`scheduleCancel`), a watchdog process, or nobody.

The exchange's own switch also covers the death of the machine and of the line, but wants 1,000,000 of volume first.
Every arming of it is charged to the account's request quota.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from touchstone import TouchstoneError, config
from touchstone.clients.errors import ClientError
from touchstone.clients.hyperliquid import Client
from touchstone.live import watchdog
from touchstone.live.cancel import Sleep
from touchstone.live.keys import Key, child_environment
from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.actions import ScheduleCancel
from touchstone.venues.hyperliquid.replies import Accepted, Refused

Kind = Literal["schedule", "watchdog", "none"]

SCHEDULE_VOLUME = 1_000_000  # that the venue wants an account to have traded
BEATS = 5  # in the time after which the watchdog acts
START_S = 30.0  # for a watchdog to be ready
STOP_S = 5.0
RETRY_S = 5.0
WHY_NOT_HOST = "if this machine or its line died, resting orders would stay"


class DeadManError(TouchstoneError):
    """Nothing of the kind that was asked for would cancel our orders; the text says why and what to do."""

    exit_code = 2


class Cover(Protocol):
    """What cancels our orders when we die."""

    kind: Kind
    n_requests: int  # so far, each charged to the account's quota

    async def stop(self) -> None:
        """A clean end: our orders are gone already, nothing is to be cancelled."""


class Uncovered:
    """Nobody cancels."""

    kind: Kind = "none"
    n_requests = 0

    async def stop(self) -> None:
        """Nothing to end."""


class ScheduledCancel:
    """The exchange's switch: armed `after_s` ahead, again each half of that, cleared at the end."""

    kind: Kind = "schedule"

    def __init__(
        self,
        client: Client,
        *,
        after_s: float,
        now_ms: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.n_requests = 0
        self.problems: Counter[str] = Counter()
        self._client = client
        self._after_s = after_s
        self._now_ms = now_ms
        self._sleep = sleep
        self._say = say
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str | None:
        """Arm it and keep it armed; or why the exchange refuses, in its words."""
        refusal = await self._arm(self._now_ms() + round(1e3 * self._after_s))
        if refusal is None:
            self._task = asyncio.create_task(self._keep())
        return refusal

    async def stop(self) -> None:
        """Clear it. Where that fails it fires once, on no order of ours."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if refusal := await self._arm(None):
            self._say(f"the scheduled cancel could not be cleared and will fire: {refusal}")

    async def _keep(self) -> None:
        pause_s = self._after_s / 2.0
        while True:
            await self._sleep(pause_s)
            refusal = await self._arm(self._now_ms() + round(1e3 * self._after_s))
            pause_s = self._after_s / 2.0 if refusal is None else RETRY_S
            if refusal is not None:
                self.problems[refusal] += 1
                if self.problems[refusal] == 1:
                    self._say(f"the scheduled cancel was not armed again, trying each {RETRY_S:g} s: {refusal}")

    async def _arm(self, time_ms: int | None) -> str | None:
        try:
            reply = await self._client.send(ScheduleCancel(time_ms))
        except ClientError as error:
            return str(error)
        if isinstance(reply, Accepted):
            self.n_requests += 1
            return None
        assert isinstance(reply, Refused)
        return reply.response


class WatchdogProcess:
    """Our end of the watchdog: starts it, beats its pipe, starts another where it ended unasked."""

    kind: Kind = "watchdog"
    n_requests = 0  # unless it acts, which the trader does not live to see

    def __init__(
        self,
        client: Client,
        key: Key,
        *,
        dex: str,
        desk: Path,
        session: Path,
        heartbeat_s: float,
        vault: str | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.n_started = 0
        self._client = client
        self._key = key
        self._dex = dex
        self._desk = desk
        self._log = session / "watchdog.log"
        self._heartbeat_s = heartbeat_s
        self._vault = vault
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> str | None:
        """Start it and wait until it watches; or why it does not."""
        problem = await self._launch()
        if problem is None:
            self._task = asyncio.create_task(self._beat())
        return problem

    async def stop(self) -> None:
        """Tell it that all is well and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None:
            await self._end(self._process)

    async def _launch(self) -> str | None:
        command = [sys.executable, "-m", watchdog.__name__]
        with self._log.open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=child_environment(), start_new_session=True,
            )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        network = self._client.network
        process.stdin.write(
            msgspec.json.encode(
                watchdog.Orders(
                    key=self._key.secret.reveal(), network=network.name, url=network.url, account=self._client.account,
                    vault=self._vault, dex=self._dex, heartbeat_s=self._heartbeat_s, desk=str(self._desk.resolve()),
                    trader=os.getpid(), log=str(self._log.resolve()),
                )
            )
            + b"\n"
        )  # fmt: skip
        word = b"it did not answer"
        with suppress(TimeoutError, OSError):
            word = await asyncio.wait_for(process.stdout.readline(), START_S)
        if word.strip() != watchdog.WATCHING.encode():
            await self._end(process)
            return f"the watchdog does not watch: {word.decode(errors='replace').strip() or 'it ended'}"
        self.n_started += 1
        return None

    async def _beat(self) -> None:
        """A beat each fifth of the time it waits for; another watchdog where this one has ended."""
        told = None
        while True:
            process = self._process
            assert process is not None
            assert process.stdin is not None
            if process.returncode is None:
                with suppress(OSError, RuntimeError):
                    process.stdin.write(watchdog.BEAT)
            else:
                if told is None:
                    self._say(f"the watchdog ended with code {process.returncode} ({self._log.name}): starting another")
                problem = await self._launch()
                if problem not in (None, told):
                    self._say(f"{problem}; trying again")
                told = problem
            await asyncio.sleep(self._heartbeat_s / BEATS)

    @staticmethod
    async def _end(process: asyncio.subprocess.Process) -> None:
        with suppress(OSError, RuntimeError):
            assert process.stdin is not None
            process.stdin.write(watchdog.END)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def cover(
    settings: config.Live,
    client: Client,
    *,
    watchdog_key: Key | None,
    dex: str,
    desk: Path,
    session: Path,
    now_ms: Callable[[], int],
    vault: str | None = None,
    sleep: Sleep = asyncio.sleep,
    say: Callable[[str], None] = lambda line: None,
) -> Cover:
    """The cover that the settings ask for and the account can have, started. `watchdog_key` must not be the trader's.

    Raises DeadManError where one that was asked for by name cannot be had; with `auto` the next is taken, and said.
    """
    if settings.dead_man in ("auto", "schedule"):
        scheduled = ScheduledCancel(client, after_s=settings.dead_man_s, now_ms=now_ms, sleep=sleep, say=say)
        refusal = await scheduled.start()
        if refusal is None:
            return scheduled
        if settings.dead_man == "schedule":
            raise DeadManError(f"[live] dead_man = 'schedule': the exchange refuses: {refusal}; use 'watchdog'")
        if not is_volume_missing(refusal):
            say(f"no scheduled cancel: {refusal}")
    if settings.dead_man in ("auto", "watchdog"):
        problem: str | None = "there is no key for it ([account] watchdog_keystore or TOUCHSTONE_WATCHDOG_KEY)"
        if watchdog_key is not None:
            process = WatchdogProcess(
                client, watchdog_key, dex=dex, desk=desk, session=session, heartbeat_s=settings.heartbeat_s,
                vault=vault, say=say,
            )  # fmt: skip
            problem = await process.start()
            if problem is None:
                say(f"watchdog: process {process.pid}; {WHY_NOT_HOST}")
                return process
        if settings.dead_man == "watchdog":
            raise DeadManError(f"[live] dead_man = 'watchdog': {problem}")
        say(f"no watchdog: {problem}")
    say(f"nothing cancels our orders if this process dies; they are kept under {settings.uncovered_notional:g}")
    return Uncovered()


def is_volume_missing(refusal: str) -> bool:
    """Whether the exchange refuses a scheduled cancel for the account has traded too little."""
    found = errors.recognise(refusal)
    return found is not None and found.refusal is errors.SCHEDULE_VOLUME


def resting_cap(settings: config.Live, kind: Kind) -> float | None:
    """Most that resting orders may be worth, units of collateral; None where the exchange would cancel them."""
    return None if kind == "schedule" else settings.uncovered_notional
