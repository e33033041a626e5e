"""The process of a challenger: `python -m touchstone.live.challenging SESSION`, started beside it (challenger.py).

It follows the session's journal, trades nothing and meets nobody: what it needs lies in SESSION/challenger/, and what
it finds goes there. It ends when standard input does (with the trader, however that ends), at the end of what was
journaled by then.
"""

import contextlib
import fcntl
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from touchstone import config
from touchstone.live.desk import write_whole
from touchstone.session.challenge import Comparison, concerned
from touchstone.session.challenger import Challenger, changes

FOLDER = "challenger"
SETTINGS, GIVEN_EVIDENCE, GIVEN_COMPARISON = "config.toml", "evidence.given", "comparison.given"  # read
EVIDENCE, COMPARISON, STANDING, LOCK = "evidence.bin", "comparison.bin", "standing.json", "lock"  # written
NICENESS = 5  # the trader comes first
LOOK_S = 0.25  # of the wall, between two looks at the end of the journal
ENDS_S = 20.0  # of the wall, after the trader's end: where the end of the journal is farther, it is not waited for
TOLD_S = 2.0  # of the wall, between two words of how it stands


class Process:
    """One challenger, from the folder of its session."""

    def __init__(self, folder: Path) -> None:
        """Raises ChallengeError, ConfigError."""
        self._folder = folder / FOLDER
        settings, changed = config.load(folder / "config.toml"), config.load(self._folder / SETTINGS)
        self._targets = concerned(changes(settings.models, changed.models))
        comparison = Comparison(_read(self._folder / GIVEN_COMPARISON))
        self._challenger = Challenger(folder, settings, changed, comparison, _read(self._folder / GIVEN_EVIDENCE))
        self._told_s = 0.0
        self._ended_s = 0.0  # when the trader was found to have ended

    def run(self) -> None:
        """Until the trader has ended, and to the end of its journal; then what was learned is left in the folder."""
        self._challenger.run(self._may_come, stops=self._is_too_late)
        write_whole(self._folder / EVIDENCE, self._challenger.evidence())
        write_whole(self._folder / COMPARISON, self._challenger.comparison.pack())
        self._tell(is_finished=True)

    def _may_come(self) -> bool:
        """At the end of what there is: whether the trader goes on."""
        self._tell_sometimes()
        return not self._has_ended(LOOK_S)

    def _is_too_late(self) -> bool:
        """Behind each block: whether the trader has ended, and long ago."""
        if self._tell_sometimes() and self._has_ended(0.0) and self._ended_s == 0.0:
            self._ended_s = time.monotonic()
        return self._ended_s > 0.0 and time.monotonic() - self._ended_s > ENDS_S

    def _has_ended(self, within_s: float) -> bool:
        readable, _, _ = select.select([sys.stdin], [], [], within_s)
        return bool(readable) and not os.read(sys.stdin.fileno(), 1)

    def _tell_sometimes(self) -> bool:
        if time.monotonic() - self._told_s < TOLD_S:
            return False
        self._challenger.catch_up()
        self._tell(is_finished=False)
        self._told_s = time.monotonic()
        return True

    def _tell(self, *, is_finished: bool) -> None:
        document: dict[str, Any] = self._challenger.comparison.summary(self._targets) | {
            "pid": os.getpid(),
            "time_ns": self._challenger.now_ns,
            "events": self._challenger.n_events,
            "goes_on": self._challenger.goes_on,
            "finished": is_finished,
            "behind": self._challenger.is_behind,
        }
        aside = self._folder / f".{STANDING}.part"
        aside.write_bytes(msgspec.json.encode(document))
        aside.replace(self._folder / STANDING)


def _read(path: Path) -> bytes | None:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return None


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    session = Path(sys.argv[1])
    with (session / FOLDER / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # that of a trader that was killed may not have come to its end yet
        Process(session).run()
