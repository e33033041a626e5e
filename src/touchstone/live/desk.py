"""The desk of an account: the folder that outlives its sessions. Who trades it, whether it is killed, what it learned.

    sessions/accounts/<network>-<address>/
        lock            held (flock) by the one session that trades the account; who that is
        killed.json     the kill latch: while it exists, in whatever state, no session starts
        desk.log        what happened here, one JSON object a line: sessions, kills, clears
        last/<coin>     name of the coin's last session
        evidence/       what the models of a coin have earned: <coin>-<key>.bin; whose they are and what came of
                        challengers beside them: .json, .comparison (challenger.py)
        control.sock    the running session's channel (control.py)

No clock is read here: times are handed in, ns.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from touchstone import TouchstoneError

NS = 1_000_000_000


class DeskError(TouchstoneError):
    """The account cannot be traded now; the text says why and what to do."""

    exit_code = 2


class LockedError(DeskError):
    """Another session trades the account."""


class KilledError(DeskError):
    """Trading of the account was killed and nobody has cleared it."""

    exit_code = 4


class Holder(msgspec.Struct, frozen=True):
    """The process that trades the account; `session` is its folder."""

    pid: int = 0
    since_ns: int = 0
    session: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} since {clock(self.since_ns)} ({self.session})" if self.pid else "a process"


class Kill(msgspec.Struct, frozen=True):
    """Why trading is killed. An unreadable latch is one too, without its reason."""

    when_ns: int = 0
    rule: str = "unknown"  # name of a breaker, or `operator`
    session: str = ""
    note: str = ""

    def __str__(self) -> str:
        when = f" at {clock(self.when_ns)}" if self.when_ns else ""
        return f"killed by {self.rule}{when}{f' ({self.note})' if self.note else ''}"


def clock(t_ns: int) -> str:
    """A time for people, UTC."""
    return datetime.fromtimestamp(t_ns / NS, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def accounts(sessions: Path) -> Path:
    """Where the desks are."""
    return sessions / "accounts"


def desks_of(sessions: Path, network: str) -> list[Path]:
    """Folders of all accounts that were traded on a network from here."""
    return sorted(accounts(sessions).glob(f"{network}-0x*"))


class Desk:
    """The folder of one account on one network, made by what first writes there; only its owner may look into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network, _, self.address = folder.name.partition("-")

    @classmethod
    def of(cls, sessions: Path, network: str, address: str) -> "Desk":
        """Desk of an account (address in any case)."""
        return cls(accounts(sessions) / f"{network}-{address.lower()}")

    # The lock.

    @contextmanager
    def lock(self, *, now_ns: int, session: Path) -> Iterator[None]:
        """Be the one session of the account. Raises LockedError that names the other one."""
        self._made()
        with (self.folder / "lock").open("a+b") as file:
            if not _try_lock(file):
                raise LockedError(
                    f"account {self.address} on {self.network} is traded by {_read_holder(file.name)}; one session an "
                    "account: end that one (Ctrl-C or SIGTERM; `touchstone kill` stops its trading)"
                )
            file.truncate(0)
            file.write(msgspec.json.encode(Holder(os.getpid(), now_ns, str(session))))
            file.flush()
            self.note("session", now_ns, session=str(session), pid=os.getpid())
            yield
            file.truncate(0)  # the lock itself goes with the file, also where this line is not reached

    def holder(self) -> Holder | None:
        """Who holds the lock; None where nobody does."""
        try:
            file = (self.folder / "lock").open("rb")
        except FileNotFoundError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read_holder(file.name)
            return None

    # The kill latch.

    @property
    def _latch(self) -> Path:
        return self.folder / "killed.json"

    def killed(self) -> Kill | None:
        """Why trading is killed; None where it is not."""
        try:
            return msgspec.json.decode(self._latch.read_bytes(), type=Kill)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, OSError):  # in doubt it is killed
            return Kill(note=f"{self._latch} cannot be read")

    def kill(self, kill: Kill) -> None:
        """Latch: from now on, across restarts, no session starts. The first reason stays; each is in the log.

        On a full disk the latch is there without its reason. Raises DeskError where it cannot be there at all.
        """
        self._made()
        self.note("killed", kill.when_ns, rule=kill.rule, session=kill.session, note=kill.note)
        if self._latch.exists():
            return
        try:
            write_whole(self._latch, msgspec.json.encode(kill), even_empty=True)
        except OSError as error:
            raise DeskError(f"the kill cannot be latched in {self._latch}: {error.strerror}") from error

    def clear(self, now_ns: int, note: str = "") -> Kill | None:
        """Take the latch away and return what it said; None where there was none."""
        kill = self.killed()
        if kill is not None:
            self.note("cleared", now_ns, rule=kill.rule, killed_ns=kill.when_ns, session=kill.session, note=note)
            self._latch.unlink()
            _sync_folder(self.folder)
        return kill

    def n_cleared(self, session: Path) -> int:
        """Kills by a session (its folder) that the operator has cleared."""
        name = str(session.resolve())
        return sum(line.get("what") == "cleared" and line.get("session") == name for line in self.history())

    def refuse_killed(self) -> None:
        """Raises KilledError where trading is killed."""
        if kill := self.killed():
            raise KilledError(
                f"account {self.address} on {self.network} is {kill}; find out why ({kill.session or 'desk.log'}), "
                f"then: touchstone clear"
            )

    # What sessions leave for the next.

    def note(self, what: str, now_ns: int, **details: Any) -> None:
        """One line of desk.log. A full disk loses it and stops nothing."""
        line = json.dumps({"time": clock(now_ns), "what": what, **details}) + "\n"
        with suppress(OSError), (self.folder / "desk.log").open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def history(self) -> list[Mapping[str, Any]]:
        """Lines of desk.log, oldest first; one that was cut off by a full disk is left out."""
        found = []
        with suppress(FileNotFoundError):
            for line in (self.folder / "desk.log").read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):
                    found.append(json.loads(line))
        return found

    def last_session(self, coin: str) -> Path | None:
        """Folder of the coin's last session, as it was given; None where there was none."""
        with suppress(FileNotFoundError):
            return Path((self.folder / "last" / _file_name(coin)).read_text(encoding="utf-8").strip())
        return None

    def set_last_session(self, coin: str, session: Path) -> None:
        """Remember the folder of the session that begins."""
        write_whole(self._made("last") / _file_name(coin), f"{session}\n".encode())

    def evidence(self, coin: str, key: str) -> Path:
        """Where the evidence of a coin's models is kept; `key` tells which layout it has. Write it by `write_whole`."""
        return self._made("evidence") / f"{_file_name(coin)}-{_file_name(key)}.bin"

    def _made(self, name: str = "") -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def write_whole(path: Path, content: bytes, *, even_empty: bool = False) -> None:
    """Write a file so that after a crash it is there whole or as it was before. Raises OSError.

    With `even_empty` a file that exists counts, so where the disk is full it is put there with what could be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb", buffering=0) as file, suppress(*([OSError] if even_empty else [])):
            file.write(content)
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _try_lock(file: BinaryIO) -> bool:
    """Take the lock, not put off by one who only looks (`holder` has it for an instant)."""
    for _ in range(5):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError as error:
            raise DeskError(
                f"{file.name} cannot be locked: {error.strerror}; keep [live] sessions on a local disk"
            ) from error
        else:
            return True
    return False


def _read_holder(path: str) -> Holder:
    """Who holds a lock that is held: unknown for the instant in which it is being written."""
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(Path(path).read_bytes(), type=Holder)
    return Holder()


def _file_name(text: str) -> str:
    """A coin or a key as part of a file name: `hyna:HYPE` is hyna-HYPE."""
    return re.sub(r"[^\w@#.]", "-", text)
