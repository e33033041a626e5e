"""What an operator does to a running session, by the commands; and a session on paper."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults.agreement import disagreements
from tests.faults.traders import COIN, DEX, SOURCE, TraderProcess

from touchstone.live import control

DIES = str(Path(__file__).with_name("dies.py"))


def command(trader: TraderProcess, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the operator, in the trader's folder."""
    return subprocess.run(
        [sys.executable, "-m", "touchstone", *words, "--config", "config.toml"], cwd=trader.folder, text=True,
        capture_output=True, timeout=60, env={"PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin"}, check=False,
    )  # fmt: skip


def open_orders(trader: TraderProcess) -> list[Any]:
    found: list[Any] = trader.venue.info("frontendOpenOrders", user=trader.user, dex=DEX)
    return found


def test_pause_reduce_only_resume_and_the_end(trader: TraderProcess) -> None:
    trader.start()
    trader.until_quoting()
    assert command(trader, "status").returncode == 0
    assert command(trader, "pause").returncode == 0
    trader.until(lambda told: told["orders"] == 0 and told["risk"]["reason"] == "operator_halt", "it is pulled")
    assert open_orders(trader) == []
    assert command(trader, "resume").returncode == 0
    trader.until_quoting()
    assert command(trader, "reduce-only").returncode == 0
    trader.until(lambda told: told["risk"]["state"] == "reduce_only", "it only reduces")
    with pytest.raises(control.ControlError, match="nothing to clear"):
        control.ask(trader.desk.folder, "clear")
    assert command(trader, "resume").returncode == 0
    assert trader.terminate() == 0, trader.words()
    assert trader.result()["live"]["ended"] == "SIGTERM received"
    assert disagreements(trader) == []


def test_a_kill_is_latched_until_it_is_cleared(trader: TraderProcess) -> None:
    trader.start()
    trader.until_quoting()
    killed = command(trader, "kill", "--note", "drill")
    assert killed.returncode == 0, killed.stderr
    assert trader.wait() == 4, trader.words()
    assert open_orders(trader) == []
    assert disagreements(trader) == []
    trader.start()
    assert trader.wait() == 4
    assert "touchstone clear" in trader.words()
    assert command(trader, "clear", "--note", "drill over").returncode == 0
    trader.start()
    trader.until_quoting()
    assert trader.terminate() == 0, trader.words()


def test_a_killed_session_that_died_goes_on_once_its_kill_is_cleared(trader: TraderProcess) -> None:
    plain = trader.command
    trader.command = [sys.executable, DIES, "all orders gone, no result", "1", *plain[3:]]
    trader.start()
    trader.until_quoting()
    command(trader, "kill", "--note", "drill")
    assert trader.wait() == -signal.SIGKILL, trader.words()
    trader.command = plain
    trader.start()
    assert trader.wait() == 4, "the kill outlives the crash"
    assert command(trader, "clear").returncode == 0
    trader.start()
    trader.until_quoting()
    assert "going on with" in trader.words()
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []


def test_flattening_in_a_session_leaves_no_order_and_no_position(trader: TraderProcess) -> None:
    trader.start()
    trader.until(lambda told: told["position"] != 0, "it holds a position")
    done = command(trader, "flatten")
    assert done.returncode == 0, done.stdout + done.stderr
    trader.until(lambda told: told["position"] == 0 and told["orders"] == 0, "it is flat")
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []  # its fills too: counted, and no alarm


def test_one_session_an_account(trader: TraderProcess) -> None:
    trader.start()
    trader.until_quoting()
    second = subprocess.run(
        trader.command, cwd=trader.folder, capture_output=True, text=True, timeout=180, check=False,
        env={"PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin", **trader.key},
    )  # fmt: skip
    assert second.returncode == 2
    assert f"process {trader.process.pid}" in second.stderr
    assert trader.terminate() == 0, trader.words()


def test_paper_trades_on_a_mirror_and_sends_the_network_nothing(traders: Callable[..., TraderProcess]) -> None:
    trader = traders(speed=1.0, arguments=("--paper", "--minutes", "0.5"))
    trader.start()
    assert trader.wait(240.0) == 0, trader.words()
    result = trader.result()
    assert result["problems"] == []
    assert result["coin"] == COIN
    assert result["events"] > 100
    assert result["live"]["connection_losses"] == 0
    assert trader.venue.info("historicalOrders", user=trader.user) == []
