"""The operator's commands: through a running session where there is one, else straight to the exchange."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.live.hygiene import leaks_in, leaks_under
from tests.live.trading import COIN, open_orders, open_position, position, rest

from touchstone import TouchstoneError
from touchstone.cli.main import main
from touchstone.live import keys
from touchstone.live.control import Control
from touchstone.live.desk import Desk, Kill
from touchstone.venues.hyperliquid.demo import demo_address, demo_key

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, JSON document and messages of a command line."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, Any, str]:
        code = main([*arguments, "--json"])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else None, captured.err

    return go


def desk_of(number: int) -> Desk:
    return Desk.of(Path("sessions"), "local", demo_address(number))


class Session:
    """A running session's end of the channel."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {"flat": True}
        self.refusal = ""
        self.takes_s = 0.0
        self.ends_at_kill = False
        self.end: Callable[[], None] = lambda: None

    async def handle(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.heard.append((command, arguments))
        await asyncio.sleep(self.takes_s)
        if self.refusal:
            raise TouchstoneError(self.refusal)
        if command == "kill" and self.ends_at_kill:
            self.end()
        return {"command": command} | self.answer


@contextmanager
def session_of(number: int, *, listens: bool = True) -> Iterator[Session]:
    """A session that trades demo account `number`, in a thread."""
    session, ended, begun = Session(), asyncio.Event(), threading.Event()
    desk = desk_of(number)
    loop = asyncio.new_event_loop()

    async def live() -> None:
        with desk.lock(now_ns=time.time_ns(), session=Path("sessions/now")):
            control = Control(desk.folder, session)
            if listens:
                await control.start()
            begun.set()
            await ended.wait()
            await asyncio.sleep(0.2)  # while which the answer is sent
            await control.stop()
            if session.ends_at_kill:
                desk.kill(Kill(time.time_ns(), "operator", "sessions/now", "news"))

    session.end = ended.set
    thread = threading.Thread(target=lambda: loop.run_until_complete(live()))
    thread.start()
    assert begun.wait(5)
    try:
        yield session
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(5)
        loop.close()


# With a session.


@pytest.mark.parametrize("command", ["status", "pause", "resume", "reduce-only", "flatten", "clear"])
def test_a_command_goes_to_the_session(run: Run, command: str) -> None:
    with session_of(1) as session:
        code, document, _ = run(command)
    assert code == 0
    assert document["command"] == command.replace("-", "_")
    assert [heard for heard, _ in session.heard] == [command.replace("-", "_")]


def test_a_kill_is_over_when_the_session_is_and_the_exchange_shows_no_order(run: Run, venue: Any) -> None:
    rest(venue.trader(37), 1)
    with session_of(37) as session:
        session.ends_at_kill = True
        code, document, _ = run("kill", "--note", "news", "--url", venue.url)
    assert session.heard == [("kill", {"note": "news"})]
    assert document["session_ended"] is True
    assert document["killed"].startswith("killed by operator")
    assert (code, document["no_order_left"]) == (1, False)  # this session pulled nothing
    assert len(open_orders(venue, 37)) == 1


def test_a_killed_session_that_does_not_end_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchstone.cli.operator.ENDS_S", 0.3)
    with session_of(1):
        code, document, messages = run("kill")
    assert (code, document["session_ended"], document["killed"], document["no_order_left"]) == (1, False, False, None)
    assert "open orders and position were not asked for" in messages


def test_status_tells_of_desk_and_session(run: Run) -> None:
    desk_of(1).kill(Kill(time.time_ns(), "drawdown", "s", "x"))
    with session_of(1) as session:
        session.answer = {"position": "0.42"}
        _, document, _ = run("status")
    assert document["position"] == "0.42"
    assert "killed by drawdown" in document["killed"]
    assert str(os.getpid()) in document["session"]
    assert document["last"] == "sessions/now"


def test_a_refusal_is_told(run: Run) -> None:
    with session_of(1) as session:
        session.refusal = "the position is not known yet"
        code, document, messages = run("flatten")
    assert (code, document) == (1, None)
    assert messages == "error: the position is not known yet\n"


def test_a_flattening_that_did_not_end_flat_is_exit_code_1(run: Run) -> None:
    with session_of(1) as session:
        session.answer = {"flat": False}
        assert run("flatten")[0] == 1


def test_of_two_accounts_the_one_with_a_session_is_meant(run: Run) -> None:
    desk_of(2).set_last_session(COIN, Path("old"))
    desk_of(3).set_last_session(COIN, Path("old"))
    code, _, messages = run("status")
    assert code == 2
    assert "--address" in messages
    assert demo_address(2) in messages
    with session_of(2):
        assert run("status")[1]["account"] == demo_address(2)
    assert run("status", "--address", demo_address(3))[1]["account"] == demo_address(3)


@pytest.mark.parametrize("command", ["pause", "resume", "reduce-only"])
def test_what_only_a_session_can_do_needs_one(run: Run, command: str) -> None:
    code, _, messages = run(command)
    assert code == 1
    assert "no session of the account runs on local" in messages


# Without one.


def test_status_without_a_session_asks_the_exchange(run: Run, venue: Any) -> None:
    trader = venue.trader(36)
    open_position(trader, "1.5")
    rest(trader, 2)
    arguments = ("status", "--address", demo_address(36))
    code, document, _ = run(*arguments, "--url", venue.url)
    assert (code, document["session"], document["open_orders"], document["position"]) == (0, None, 2, 1.5)
    code, document, messages = run(*arguments)
    assert (code, document["open_orders"], document["position"]) == (0, None, None)
    assert "--url" in messages


def test_kill_cancels_everything_latches_and_clear_takes_it_back(run: Run, venue: Any) -> None:
    rest(venue.trader(38), 4)
    os.environ[keys.KEY] = demo_key(38)
    code, document, _ = run("kill", "--url", venue.url, "--note", "news")
    assert code == 0
    assert document["orders_cancelled"] == 4
    assert document["no_order_left"] is True
    assert document["position"] == 0.0
    assert open_orders(venue, 38) == []
    kill = desk_of(38).killed()
    assert kill is not None
    assert (kill.rule, kill.note) == ("operator", "news")
    code, document, _ = run("clear", "--note", "over")
    assert (code, document["account"]) == (0, demo_address(38))
    assert desk_of(38).killed() is None
    assert run("clear")[1]["cleared"] == "nothing: it was not killed"
    assert leaks_under(Path(), demo_key(38)) == []


def test_kill_latches_even_where_it_cannot_cancel(run: Run, impatient: None) -> None:
    arguments = ("kill", "--url", "http://127.0.0.1:9", "--address", demo_address(1))
    code, _, messages = run(*arguments)
    assert code == 2
    assert "no key" in messages
    assert desk_of(1).killed() is not None
    desk_of(1).clear(1)
    os.environ[keys.KEY] = demo_key(1)
    code, _, messages = run(*arguments)
    assert code == 3
    assert desk_of(1).killed() is not None
    assert leaks_in(messages, demo_key(1)) == []


def test_a_session_that_hangs_is_bypassed(run: Run, venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchstone.cli.operator.PATIENCE_S", 0.3)
    monkeypatch.setattr("touchstone.cli.operator._asked.__defaults__", (0.3,))
    rest(venue.trader(39), 2)
    os.environ[keys.KEY] = demo_key(39)
    with session_of(39) as session:
        session.takes_s = 2.0
        code, document, messages = run("kill", "--url", venue.url)
    assert code == 0
    assert document["orders_cancelled"] == 2
    assert "did not answer `kill` within 0.3 s" in messages
    assert f"process {os.getpid()}" in messages
    assert desk_of(39).killed() is not None


def test_flatten_closes_the_position(run: Run, venue: Any, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[live]\nflatten_maker_s = 0.0\nflatten_taker_s = 5.0\nflatten_cap_bps = 150.0\n")
    trader = venue.trader(40)
    open_position(trader, "1.0")
    rest(trader)
    os.environ[keys.KEY] = demo_key(40)
    code, document, _ = run("flatten", "--url", venue.url, "--config", "c.toml")
    assert code == 0
    assert document["flat"] is True
    assert (document["position_before"], document["position_after"], document["orders_cancelled"]) == (1.0, 0.0, 1)
    assert position(venue, 40) == 0.0


def test_flatten_leaves_an_account_alone_that_a_session_trades(run: Run, venue: Any) -> None:
    os.environ[keys.KEY] = demo_key(40)
    with session_of(40, listens=False):
        code, _, messages = run("flatten", "--url", venue.url)
    assert code == 2
    assert "is traded by process" in messages


def test_doctor_tells_by_its_exit_code(run: Run, venue: Any, impatient: None) -> None:
    os.environ[keys.KEY] = demo_key(1)
    code, document, _ = run("doctor", "--url", venue.url)
    assert (code, document["worst"]) == (0, "warn")
    code, document, _ = run("doctor", "--url", venue.url, "--address", demo_address(1))  # there is no key any more
    assert (code, document["worst"]) == (1, "bad")
    os.environ[keys.KEY] = demo_key(1)
    code, document, _ = run("doctor", "--url", "http://127.0.0.1:9")
    assert (code, document["unreachable"]) == (3, True)
    code, _, messages = run("doctor")
    assert code == 2
    assert "--url" in messages


def test_doctor_prints_a_table(venue: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    os.environ[keys.KEY] = demo_key(1)
    assert main(["doctor", "--url", venue.url]) == 0
    text = capsys.readouterr().out
    for word in ("quota", "dead man", "kill latch", "DO:"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 100
    assert leaks_in(text, demo_key(1)) == []
