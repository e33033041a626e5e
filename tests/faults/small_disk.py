"""`python small_disk.py WHAT BYTES run ...`: the command line, on a disk that is full after so many bytes.

`journal`: only the session's journal finds it full. `files`: once the session has begun no file at all may grow beyond
that size.
"""

import errno
import os
import resource
import sys
from typing import Any

from touchstone.cli.main import main
from touchstone.live.desk import Desk
from touchstone.session import journal


class FullDisk:
    """The os of the journal: a write beyond what is left is cut short, the next one fails."""

    def __init__(self, left: int) -> None:
        self._left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, handle: int, content: Any) -> int:
        if self._left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(handle, content[: self._left])
        self._left -= written
        return written


if __name__ == "__main__":
    what, size, *arguments = sys.argv[1:]
    if what == "journal":
        journal.os = FullDisk(int(size))  # type: ignore[assignment]
    else:
        real = Desk.set_last_session

        def then_full(*given: Any) -> None:
            real(*given)
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))

        Desk.set_last_session = then_full  # type: ignore[method-assign]
    sys.exit(main(arguments))
