"""How a session stands, from its folder alone: running, silent or ended, with one result for every reader.

A running session writes `status.json` twice a second, an ended one leaves `result.json`; the keys of the result are the
same (docs/json.md), so terminal, JSON, report, dashboard and metrics show the same numbers. Nothing is written here.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from touchstone import TouchstoneError

STATUS, RESULT, CONFIG = "status.json", "result.json", "config.toml"
SILENT_S = 5.0  # a running session that wrote nothing for so long hangs or is dead
STARTS_S = 300.0  # longest from a session's folder to its first word: it may have to compile
NS = 1_000_000_000

Phase = Literal["starting", "running", "silent", "ended"]


class NoSessionError(TouchstoneError):
    """There is no session to look at; the message says where it was looked for."""

    exit_code = 2


@dataclass(frozen=True)
class Standing:
    """A session at one time. result: keys of docs/json.md, as far as they are known; told: those of status.json."""

    folder: Path
    phase: Phase
    silent_s: float  # since it last wrote, by the wall
    result: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> dict[str, Any]:
        """As `touchstone status` shows it; empty for a session that never wrote it (a backtest, an older one)."""
        found: dict[str, Any] = self.told.get("status") or {}
        return found

    @property
    def is_live(self) -> bool:
        """Whether it trades now, as far as can be seen."""
        return self.phase in ("running", "silent")

    @property
    def desk(self) -> Path | None:
        """Folder of the account's desk, where commands go."""
        return Path(self.told["desk"]) if self.told.get("desk") else None


class Reader:
    """Reads the standing of one folder; a file that has not changed is not read again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {}

    def read(self) -> Standing:
        """The standing now. Raises NoSessionError where the folder holds no session."""
        told, result = self._file(STATUS), self._file(RESULT)
        if result is not None:
            return Standing(self.folder, "ended", 0.0, result, told or {})
        if told is None:
            if not (self.folder / CONFIG).exists():
                raise NoSessionError(f"{self.folder}: no session ({CONFIG} is missing)")
            quiet_s = time.time() - _written_ns(self.folder) / NS
            return Standing(self.folder, "starting" if quiet_s < STARTS_S else "silent", quiet_s)
        silent_s = max((time.time_ns() - int(told["wall_ns"])) / NS, 0.0)
        phase: Phase = "running" if silent_s < SILENT_S else "silent"
        return Standing(self.folder, phase, silent_s, told["result"], told)

    def _file(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if name in self._kept and self._kept[name][0] == stamp:
                return self._kept[name][1]
            document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError):  # half a file, of another program: what was known stays
            return self._kept[name][1] if name in self._kept else None
        self._kept[name] = (stamp, document)
        return document


def newest(sessions: Path) -> Path:
    """Folder of the session under `sessions` that wrote last. Raises NoSessionError."""
    found = sessions_of(sessions)
    if not found:
        raise NoSessionError(f"no session in {sessions}; start one with `touchstone run`, or name its folder")
    return found[0]


def sessions_of(sessions: Path) -> list[Path]:
    """Folders of sessions, that which wrote last first."""
    folders = [path.parent for path in sessions.glob(f"*/{CONFIG}")] if sessions.is_dir() else []
    return sorted(folders, key=_written_ns, reverse=True)


def _written_ns(folder: Path) -> int:
    """When something was last written there; 0 where nothing was."""
    times = [(folder / name).stat().st_mtime_ns for name in (STATUS, RESULT, CONFIG) if (folder / name).exists()]
    return max(times, default=0)
