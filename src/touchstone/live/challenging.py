"""The process of a challenger: `python -m touchstone.live.challenging SESSION`, started beside it (challenger.py).

It follows the session's journal, trades nothing and meets nobody: what it needs lies in SESSION/challenger/, and what
it finds goes there. It ends when standard input does (with the trader, however that ends), at the end of what was
journaled by then.
"""

import contextlib
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
SETTINGS, EVIDENCE, COMPARISON, STANDING = "config.toml", "evidence.bin", "comparison.bin", "standing.json"
NICENESS = 10  # the trader comes first, then the dashboard
LOOK_S = 0.25  # of the wall, between two looks at the end of the journal
TOLD_S = 2.0  # of the wall, between two words of how it stands


class Process:
    """One challenger, from the folder of its session."""

    def __init__(self, folder: Path) -> None:
        """Raises ChallengeError, ConfigError."""
        self._folder = folder / FOLDER
        settings, changed = config.load(folder / "config.toml"), config.load(self._folder / SETTINGS)
        self._targets = concerned(changes(settings.models, changed.models))
        comparison = Comparison(_read(self._folder / COMPARISON))
        self._challenger = Challenger(folder, settings, changed, comparison, _read(self._folder / EVIDENCE))
        self._told_s = 0.0

    def run(self) -> None:
        """Until the trader has ended, and to the end of its journal; then what was learned is left in the folder."""
        self._challenger.run(self._may_come, lambda done, total: self._tell_sometimes())
        write_whole(self._folder / EVIDENCE, self._challenger.evidence())
        write_whole(self._folder / COMPARISON, self._challenger.comparison.pack())
        self._tell(is_finished=True)

    def _may_come(self) -> bool:
        self._tell_sometimes()
        readable, _, _ = select.select([sys.stdin], [], [], LOOK_S)
        return not readable or bool(os.read(sys.stdin.fileno(), 1))

    def _tell_sometimes(self) -> None:
        if time.monotonic() - self._told_s >= TOLD_S:
            self._challenger.catch_up()
            self._tell(is_finished=False)
            self._told_s = time.monotonic()

    def _tell(self, *, is_finished: bool) -> None:
        document: dict[str, Any] = self._challenger.comparison.summary(self._targets) | {
            "time_ns": self._challenger.now_ns,
            "events": self._challenger.n_events,
            "goes_on": self._challenger.goes_on,
            "finished": is_finished,
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
    Process(Path(sys.argv[1])).run()
