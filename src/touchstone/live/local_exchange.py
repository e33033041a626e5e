"""A local exchange as a process of its own, for sessions that need none of the real ones."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from touchstone import TouchstoneError

READY_S = 300.0  # it may have to compile
STOP_S = 10.0
LIMITS = "[limits]\nip_weight_per_minute = {weight}\nmessages_per_minute = {messages}\n"
WEIGHT_PER_MINUTE, MESSAGES_PER_MINUTE = 1_200, 2_000  # of the venue


class LocalExchangeError(TouchstoneError):
    """The local exchange did not start; the message has its last words."""

    exit_code = 3


@dataclass
class LocalExchange:
    """A running `touchstone exchange`."""

    url: str
    admin_token: str
    speed: float
    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, arguments: Sequence[str], *, speed: float, seed: int, say: Callable[[str], None]) -> Self:
        """Start it on a free port of loopback. The limits per minute of the wall grow with the speed."""
        with tempfile.TemporaryDirectory(prefix="touchstone-") as folder:
            limits = Path(folder) / "exchange.toml"
            factor = max(speed, 1.0)
            limits.write_text(
                LIMITS.format(weight=round(WEIGHT_PER_MINUTE * factor), messages=round(MESSAGES_PER_MINUTE * factor))
            )
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "touchstone", "exchange", *arguments),
                *("--speed", f"{speed:g}", "--seed", str(seed), "--config", str(limits), "--child"),
                stdin=asyncio.subprocess.PIPE,  # closes when we die, however we do
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # an interrupt from the terminal is for the trader: it cancels first
            )
            try:
                url, token = await asyncio.wait_for(cls._read(process), READY_S)
            except (TimeoutError, LocalExchangeError, asyncio.CancelledError):
                await _end(process)
                raise
        say(f"local exchange at {url}, {speed:g} times the wall's time")
        return cls(url, token, speed, process)

    @staticmethod
    async def _read(process: asyncio.subprocess.Process) -> tuple[str, str]:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for word in ("exchange ", "admin token "):
            line = (await process.stdout.readline()).decode().strip()
            if not line.startswith(word):
                last = (await process.stderr.read()).decode().strip().splitlines()[-3:]
                raise LocalExchangeError(f"the local exchange did not start: {' / '.join(last) or 'it said nothing'}")
            lines.append(line.removeprefix(word))
        asyncio.get_running_loop().create_task(_swallow(process.stderr))
        return lines[0], lines[1]

    async def stop(self) -> None:
        """End it, and wait until it is gone."""
        await _end(self.process)


async def _swallow(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
