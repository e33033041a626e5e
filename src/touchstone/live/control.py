"""The operator's channel into a running session: a Unix socket at the account's desk, one JSON object a line.

    {"command": "kill", "arguments": {"note": ".."}}  ->  {"ok": true, "answer": {..}} or {"ok": false, "error": ".."}

What is garbage, unknown or fails is answered with an error; it never reaches the session. Who may open the folder of
the desk (its owner) may command.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from touchstone import TouchstoneError

COMMANDS = ("status", "pause", "resume", "reduce_only", "flatten", "kill", "clear")
SOCKET = "control.sock"
LONGEST_LINE = 1 << 16  # bytes, of a request; an answer may be longer
LONGEST_ANSWER = 1 << 22
MOST_CONNECTIONS = 8
IDLE_S = 60.0  # a connection that says nothing for so long is closed
TURNED_AWAY_S = 1.0
LONGEST_PATH = 100  # bytes; the system's limit is 108 with its end, 104 on others


class ControlError(TouchstoneError):
    """The session refused a command; the text is its own."""


class NotRunningError(ControlError):
    """No session listens at this desk."""


class SilentError(ControlError):
    """The session is there, but hangs or has ended in the middle."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    command: str
    arguments: dict[str, Any] = {}


class Answer(msgspec.Struct, omit_defaults=True):
    ok: bool
    answer: dict[str, Any] | None = None
    error: str | None = None


class Handler(Protocol):
    """The trading shell. May raise TouchstoneError to refuse."""

    async def handle(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]: ...


class Control:
    """The session's side: serves commands until stopped. `say` hears of what the handler failed at."""

    def __init__(self, folder: Path, handler: Handler, say: Callable[[str], None] = lambda line: None) -> None:
        self.n_commands = 0
        self.n_errors = 0  # answered with an error
        self._folder = folder
        self._handler = handler
        self._say = say
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. The caller holds the desk's lock, so a socket that is there was left by a dead session."""
        (self._folder / SOCKET).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short(self._folder) as path:
                listener.bind(path)
            (self._folder / SOCKET).chmod(0o600)
            self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LONGEST_LINE)
        except OSError as error:
            listener.close()
            raise ControlError(f"cannot listen at {self._folder / SOCKET}: {error.strerror}") from error

    async def stop(self) -> None:
        """End every connection and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        (self._folder / SOCKET).unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._connections) >= MOST_CONNECTIONS:
                await asyncio.wait_for(self._line(reader, writer), TURNED_AWAY_S)
                await self._answer(writer, Answer(False, error=f"more than {MOST_CONNECTIONS} operators at once"))
                return
            self._connections.add(task)
            while line := await asyncio.wait_for(self._line(reader, writer), IDLE_S):
                await self._answer(writer, await self._carry_out(line))
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the operator has gone, or the session ends
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The next line; empty at the end. What is too long for a command ends the connection."""
        try:
            return await reader.readline()
        except ValueError:  # the reader's word for a line over its limit
            await self._answer(writer, Answer(False, error=f"a line of more than {LONGEST_LINE} bytes"))
            return b""

    async def _carry_out(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, RecursionError) as error:
            return Answer(False, error=f"not a command: {error}; commands are {', '.join(COMMANDS)}")
        if request.command not in COMMANDS:
            return Answer(False, error=f"unknown command {request.command[:40]!r}; there are {', '.join(COMMANDS)}")
        self.n_commands += 1
        try:
            return Answer(True, answer=await self._handler.handle(request.command, request.arguments))
        except TouchstoneError as error:
            return Answer(False, error=str(error))
        except Exception as error:  # whatever it was: the session goes on, and says so
            self._say(f"command {request.command} failed: {type(error).__name__}: {error}")
            return Answer(False, error=f"the session failed at it: {type(error).__name__}: {error}")

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self.n_errors += not answer.ok
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()


def ask(folder: Path, command: str, arguments: dict[str, Any] | None = None, *, timeout_s: float = 10.0) -> Any:
    """The operator's side: the session's answer to a command (a dict).

    Raises NotRunningError where no session listens, SilentError where none answers, ControlError where it refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout_s)
        try:
            with _short(folder) as path:
                line.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunningError(f"no session runs at {folder}") from None
        except OSError as error:
            raise SilentError(f"cannot reach the session at {folder}: {error.strerror or 'no answer'}") from None
        try:
            line.sendall(msgspec.json.encode(Request(command, arguments or {})) + b"\n")
            answer = msgspec.json.decode(_read_line(line), type=Answer)
        except TimeoutError:
            raise SilentError(f"the session did not answer `{command}` within {timeout_s:g} s") from None
        except (OSError, msgspec.DecodeError) as error:
            raise SilentError(f"the session ended before it answered `{command}` ({error})") from None
    if not answer.ok:
        raise ControlError(answer.error or "refused without a reason")
    return answer.answer or {}


def _read_line(line: socket.socket) -> bytes:
    found = bytearray()
    while not found.endswith(b"\n") and len(found) < LONGEST_ANSWER and (part := line.recv(1 << 16)):
        found += part
    return bytes(found)


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """Path of the socket, of a length that the system takes. Raises ControlError."""
    path = str(folder / SOCKET)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
    elif sys.platform == "linux":
        handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{handle}/{SOCKET}"
        finally:
            os.close(handle)
    else:
        raise ControlError(f"{path}: longer than {LONGEST_PATH} bytes; set [live] sessions to a shorter folder")
