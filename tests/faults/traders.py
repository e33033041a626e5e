"""A trader as a process: `touchstone run` at a local exchange that runs already, in a working folder of its own."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.live.hygiene import descendants

from touchstone.core import events
from touchstone.live import control
from touchstone.live.desk import Desk
from touchstone.session import journal
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.signing import Signer

KINDS = {
    int(getattr(events, name)): name
    for name in ("ORDER_RESTING", "ORDER_REJECTED", "ORDER_CANCELLED", "CANCEL_REJECTED", "FEED_DOWN", "FEED_UP")
}
COIN, DEX = "hyna:HYPE", "hyna"
SPEED = 20.0
SOURCE = str(Path(__file__).parents[2] / "src")
PATIENCE_S = 90.0  # of the wall, for anything that a session is to do; a first one may have to compile before
COMPILE_S = 400.0

# Quotes at the touch, so that a short session has fills; the limits are wide, and what is late at twenty times the
# wall's speed is not stale at once.
SETTINGS = """
[capital]
capital = 20000.0
max_position_fraction = 1.0
[quoting]
rule = "ticks"
half_spread_ticks = 1.0
skew_ticks_per_lot = 0.05
levels = 2
order_notional = 60.0
[risk]
max_open_notional_fraction = 2.0
burst_fills = 100
burst_notional_fraction = 5.0
max_loss_fraction = 1.0
max_drawdown_fraction = 1.0
price_jump_bps = 1000.0
price_jump_least_bps = 500.0
max_order_rate_per_s = 60
stale_after_s = 20.0
max_feed_lag_s = 20.0
[live]
uncovered_notional = 100000.0
"""


def approve(trader: "TraderProcess", key: str, name: str) -> None:
    """The trader's account approves an agent."""
    nonce = time.time_ns() // 1_000_000
    action = {
        "type": "approveAgent", "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", "nonce": nonce,
        "agentAddress": Signer(key, is_mainnet=False).address, "agentName": name,
    }  # fmt: skip
    answer = trader.venue.trader(trader.number).act(action, nonce=nonce)
    assert answer["status"] == "ok", answer


class TraderProcess:
    """Sessions of one demo account in one folder, one after the other; each is started by the same command."""

    def __init__(
        self,
        venue: Any,
        folder: Path,
        number: int,
        *,
        speed: float = SPEED,
        settings: str = SETTINGS,
        environment: Mapping[str, str] | None = None,
        also: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        dashboard: bool = False,
    ) -> None:
        """`environment` replaces the key that is given by default, `also` comes with it."""
        self.venue = venue
        self.folder = folder
        self.user = demo_address(number)
        self.desk = Desk.of(folder / "sessions", "local", self.user)
        (folder / "config.toml").write_text(settings)
        self.command = [
            sys.executable, "-m", "touchstone", "run", "--url", venue.url, "--speed", f"{speed:g}",
            "--config", "config.toml", "--json", *([] if dashboard else ["--no-dashboard"]), *arguments,
        ]  # fmt: skip
        self.number = number
        own = {"TOUCHSTONE_KEY": demo_key(number)} if environment is None else environment
        self.key = {**own, **(also or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.n_started = 0

    # Life.

    def start(self, **popen: Any) -> None:
        """Start the session, or go on with it."""
        self.n_started += 1
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_KEY")}
        with (self.folder / "out.json").open("wb") as out, (self.folder / "err.txt").open("ab") as err:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder,
                env=kept | {"PYTHONPATH": SOURCE} | self.key, **popen,
            )  # fmt: skip

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self, seconds: float = PATIENCE_S) -> int:
        """End it in order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Wait for its end; its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {seconds:g} s\n{self.words()}") from None

    def close(self) -> None:
        """Leave nothing behind, its watchdog included."""
        if self.is_running:
            watchdogs = list(descendants(self.process.pid))
            self.kill()
            for pid in watchdogs:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # What it says.

    def words(self, last: int = 40) -> str:
        """The last of what it said to people."""
        return "\n".join((self.folder / "err.txt").read_text().splitlines()[-last:])

    def status(self) -> dict[str, Any] | None:
        """How the session stands by its own word; None while it does not answer."""
        try:
            told: dict[str, Any] = control.ask(self.desk.folder, "status", timeout_s=10.0)
        except control.ControlError:
            return None
        return told

    def until(self, holds: Callable[[dict[str, Any]], bool], what: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until its status satisfies a condition."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.is_running:
                raise AssertionError(f"it ended ({self.process.returncode}) before {what}\n{self.words()}")
            told = self.status()
            if told is not None and holds(told):
                return told
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds:g} s: {what}; it stands at {self.status()}\n{self.words()}")

    def until_quoting(self, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until it is connected and has orders out."""
        return self.until(lambda told: told["connected"] and told["orders"] > 0, "it quotes", seconds)

    @property
    def session(self) -> Path:
        """Folder of its last session."""
        found = self.desk.last_session(COIN)
        assert found is not None, self.words()
        return found

    def result(self) -> dict[str, Any]:
        """What it printed at its end."""
        found: dict[str, Any] = json.loads((self.folder / "out.json").read_text())
        return found

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the session's database."""
        database = sqlite3.connect(f"file:{self.session / 'session.db'}?mode=ro", uri=True)
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()

    def heard(self) -> dict[str, int]:
        """How many records of each kind its journal has: `ORDER_REJECTED 11` is one with code 11."""
        found: Counter[str] = Counter()
        for block in journal.read(self.session):
            if block.kind == journal.EVENTS:
                rows = block.rows()
                found += Counter(zip(rows["kind"].tolist(), rows["code"].tolist(), strict=True))
        return {f"{KINDS[kind]} {code}": n for (kind, code), n in found.items() if kind in KINDS}
