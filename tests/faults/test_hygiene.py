"""No byte of a key in anything that a session writes, says or shows of itself."""

import os
import secrets
from collections.abc import Callable
from typing import Any

from tests.faults.traders import COMPILE_S, SETTINGS, TraderProcess, approve
from tests.live.conftest import FAST_SCRYPT
from tests.live.hygiene import descendants, leaks_in, leaks_of_processes, leaks_under

from touchstone.live import keys


def agent_key() -> str:
    """A fresh key, so that nothing else can hold it."""
    return "0x" + secrets.token_hex(32)


def shown_by(trader: TraderProcess, key: str) -> list[str]:
    """Leaks in the arguments of the session and in all that its children show, and in its folder."""
    pid = trader.process.pid
    arguments = [f"arguments: {form}" for form in leaks_in(_arguments(pid), key)]
    return arguments + leaks_of_processes(descendants(pid), key) + leaks_under(trader.folder, key)


def _arguments(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
        return file.read()


def traded(trader: TraderProcess, key: str, **popen: Any) -> list[str]:
    """A whole session: killed, gone on with, ended. What it leaks."""
    trader.start(**popen)
    trader.until_quoting(COMPILE_S)
    found = shown_by(trader, key)
    assert trader.terminate() == 0, trader.words()
    return found + leaks_under(trader.folder, key)


def test_key_from_the_environment(traders: Callable[..., TraderProcess]) -> None:
    key, watchdog_key = agent_key(), agent_key()
    given = {keys.KEY: key, keys.WATCHDOG_KEY: watchdog_key, "TOUCHSTONE_DEBUG": "1"}
    trader = traders(environment=given)
    approve(trader, key, "trader")
    approve(trader, watchdog_key, "watchdog")
    assert traded(trader, key) == []
    assert leaks_under(trader.folder, watchdog_key) == []
    trader.command[trader.command.index("--url") + 1] = "http://127.0.0.1:9"  # nobody is there: the exception tells
    trader.start()
    assert trader.wait() == 3, trader.words()
    assert "Traceback" in trader.words(400)
    assert leaks_under(trader.folder, key) == []
    trader.command[-1:] = ["--seed", key]  # a user's mistake
    trader.start()
    assert trader.wait() == 2, trader.words()
    assert leaks_under(trader.folder, key) == []


def test_key_from_a_keystore(traders: Callable[..., TraderProcess]) -> None:
    key, password = agent_key(), secrets.token_hex(16)
    reading, writing = os.pipe()
    trader = traders(
        environment={}, arguments=("--password-fd", str(reading)),
        settings=SETTINGS + '[account]\nkeystore = "agent.json"\n',
    )  # fmt: skip
    keys.write_keystore(
        trader.folder / "agent.json", keys.Secret(key), keys.Secret(password), network="local", scrypt_n=FAST_SCRYPT
    )
    approve(trader, key, "trader")
    os.write(writing, password.encode() + b"\n")
    os.close(writing)
    leaks = traded(trader, key, pass_fds=(reading,))
    os.close(reading)
    assert leaks == []
    assert not [path for path in trader.folder.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
