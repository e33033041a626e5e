"""The operator's channel: commands reach the session, nothing else does, and nothing disturbs it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone import TouchstoneError
from touchstone.live import control
from touchstone.live.control import COMMANDS, Control, ControlError, NotRunningError, ask


class Session:
    """A trading shell that remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.fails: Exception | None = None
        self.takes_s = 0.0

    async def handle(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.heard.append((command, arguments))
        await asyncio.sleep(self.takes_s)
        if self.fails:
            raise self.fails
        return {"position": "0.42", "done": command}


@asynccontextmanager
async def running(folder: Path, session: Session, say: Callable[[str], None] = print) -> AsyncIterator[Control]:
    served = Control(folder, session, say)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


def run(folder: Path, session: Session, operator: Callable[[], Any], said: list[str] | None = None) -> Any:
    """What `operator` returns, in a thread beside the session."""

    async def both() -> Any:
        async with running(folder, session, (said if said is not None else []).append):
            return await asyncio.to_thread(operator)

    return asyncio.run(both())


def raw(folder: Path, content: bytes, *, close: bool = True) -> bytes:
    """All that comes back for these bytes."""
    with socket.socket(socket.AF_UNIX) as line, control._short(folder) as path:
        line.settimeout(5)
        line.connect(path)
        line.sendall(content)
        if close:
            line.shutdown(socket.SHUT_WR)
        found = b""
        while part := line.recv(1 << 16):
            found += part
        return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reaches_the_session_and_its_answer_comes_back(tmp_path: Path, command: str) -> None:
    session = Session()
    answer = run(tmp_path, session, lambda: ask(tmp_path, command, {"note": "x"}))
    assert answer == {"position": "0.42", "done": command}
    assert session.heard == [(command, {"note": "x"})]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_any_length_will_do(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["f" * 60] * 4)
    deep.mkdir(parents=True)
    assert run(deep, Session(), lambda: ask(deep, "status"))["done"] == "status"


def test_without_a_session_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="no session runs"):
        ask(tmp_path, "status")
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / control.SOCKET))
    left.close()  # what a killed session leaves
    with pytest.raises(NotRunningError):
        ask(tmp_path, "status")
    assert run(tmp_path, Session(), lambda: ask(tmp_path, "status"))["done"] == "status"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"bogus\n", "not a command"),
        (b'{"command": "sell"}\n', "unknown command 'sell'"),
        (b'{"command": "kill", "now": true}\n', "not a command"),
        (b'{"command": 7}\n', "not a command"),
        (b'{"command": "kill", "arguments": []}\n', "not a command"),
        (b"[" * 60_000 + b"\n", "not a command"),
        (b"\xff\xfe\n", "not a command"),
        (b"x" * (1 << 17), "more than 65536 bytes"),
        (b"no end", "not a command"),
    ],
)
def test_garbage_is_answered_and_never_reaches_the_session(tmp_path: Path, content: bytes, words: str) -> None:
    session = Session()
    answer = run(tmp_path, session, lambda: (raw(tmp_path, content), ask(tmp_path, "status")))
    assert words in msgspec.json.decode(answer[0].splitlines()[0])["error"]
    assert session.heard == [("status", {})]


@given(st.binary(max_size=300))
@settings(max_examples=30)
def test_no_bytes_disturb_the_session(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("desk")
    session = Session()
    answers, status = run(folder, session, lambda: (raw(folder, content), ask(folder, "status")))
    assert all(not msgspec.json.decode(line)["ok"] for line in answers.splitlines())
    assert status["done"] == "status"
    assert session.heard == [("status", {})]


def test_several_commands_on_one_line_of_talk(tmp_path: Path) -> None:
    session = Session()
    content = b'{"command": "pause"}\n{"command": "nonsense"}\n{"command": "resume"}\n'
    answers = run(tmp_path, session, lambda: raw(tmp_path, content)).splitlines()
    assert [msgspec.json.decode(line)["ok"] for line in answers] == [True, False, True]
    assert [command for command, _ in session.heard] == ["pause", "resume"]


def test_a_refusal_is_the_sessions_own_words(tmp_path: Path) -> None:
    session = Session()
    session.fails = TouchstoneError("nothing to clear")
    with pytest.raises(ControlError, match=r"^nothing to clear$"):
        run(tmp_path, session, lambda: ask(tmp_path, "clear"))


def test_a_fault_of_the_session_is_told_and_said(tmp_path: Path) -> None:
    session, said = Session(), []
    session.fails = ZeroDivisionError("oh")
    with pytest.raises(ControlError, match="ZeroDivisionError: oh"):
        run(tmp_path, session, lambda: ask(tmp_path, "kill"), said)
    assert said == ["command kill failed: ZeroDivisionError: oh"]


def test_a_session_that_hangs_is_told(tmp_path: Path) -> None:
    session = Session()
    session.takes_s = 30.0
    with pytest.raises(ControlError, match=r"did not answer `kill` within 0\.2 s"):
        run(tmp_path, session, lambda: ask(tmp_path, "kill", timeout_s=0.2))


def test_an_operator_who_goes_away_does_not_undo_the_command(tmp_path: Path) -> None:
    session = Session()
    session.takes_s = 0.2

    async def scene() -> None:
        async with running(tmp_path, session) as served:
            _, writer = await asyncio.open_unix_connection(str(tmp_path / control.SOCKET))
            writer.write(b'{"command": "kill"}\n')
            await writer.drain()
            writer.close()
            await asyncio.sleep(0.5)
            assert served.n_commands == 1

    asyncio.run(scene())
    assert session.heard == [("kill", {})]


def test_too_many_operators_are_turned_away(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, Session()):
            idle = [await asyncio.open_unix_connection(str(tmp_path / control.SOCKET)) for _ in range(8)]
            await asyncio.sleep(0.05)
            with pytest.raises(ControlError, match="more than 8 operators"):
                await asyncio.to_thread(ask, tmp_path, "status")
            idle[0][1].close()
            await asyncio.sleep(0.05)
            assert (await asyncio.to_thread(ask, tmp_path, "status"))["done"] == "status"
            for _, writer in idle:
                writer.close()

    asyncio.run(scene())


def test_only_the_owner_may_open_the_socket(tmp_path: Path) -> None:
    assert run(tmp_path, Session(), lambda: (tmp_path / control.SOCKET).stat().st_mode & 0o077) == 0
