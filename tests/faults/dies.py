"""`python dies.py POINT N run ...`: the command line, which dies (SIGKILL) at POINT, the N-th time.

The points are the instants at which a crash could leave journal, database and exchange apart.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from touchstone.cli.main import main
from touchstone.live.desk import Desk
from touchstone.live.outbox import Outbox
from touchstone.live.recovery import Recovery
from touchstone.session import store
from touchstone.session.journal import Journal
from touchstone.session.store import SessionStore

SMALL_SEGMENT = 1 << 17


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, n: int, act: Callable[..., None] = lambda *given: die()) -> None:
    """Act at the n-th call of a method, before it."""
    real, count = getattr(owner, name), 0

    def called(*given: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == n:
            act(*given)
        return real(*given, **named)

    setattr(owner, name, called)


def after(owner: Any, name: str, n: int) -> None:
    """Die when the n-th call of a method returns."""
    real, count = getattr(owner, name), 0

    def called(*given: Any, **named: Any) -> Any:
        nonlocal count
        found = real(*given, **named)
        count += 1
        if count == n:
            die()
        return found

    setattr(owner, name, called)


def events_only(journal: Any, *_: Any) -> None:
    """The events are in the file, what the core wants of them is not."""
    journal.flush()
    die()


def torn(journal: Any) -> None:
    """Half of what was to be written is."""
    os.write(journal._file, journal._buffer[: len(journal._buffer) // 2])
    die()


def small_segments() -> None:
    defaults = Journal.__init__.__kwdefaults__
    assert defaults is not None
    defaults["segment_bytes"] = SMALL_SEGMENT


def filled(_: Any, table: str, rows: Any) -> None:
    if table == "fills":
        die()


POINTS: dict[str, Callable[[int], None]] = {
    "journaled, not sent": lambda n: before(Outbox, "send", n),
    "sent": lambda n: after(Outbox, "send", n),
    "events journaled, actions not": lambda n: before(Journal, "append_actions", n, events_only),
    "a block torn": lambda n: before(Journal, "flush", n, torn),
    "a fill on its way to the database": lambda n: [before(SessionStore, "take", at, filled) for at in range(n, 500)],
    "a segment without its state": lambda n: (small_segments(), after(Journal, "new_segment", n)),
    "in the middle of reconciling": lambda n: after(Recovery, "catch_up", n),
    "before the session is known": lambda n: before(Desk, "set_last_session", n),
    "all orders gone, no result": lambda n: before(SessionStore, "finish", n),
    "a final state, no result": lambda n: before(store, "_write_whole", n),
}  # fmt: skip

if __name__ == "__main__":
    point, number, *arguments = sys.argv[1:]
    POINTS[point](int(number))
    sys.exit(main(arguments))
