"""`touchstone replay`: prove that a session's journal gives the same orders and records again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter, validators

from touchstone.cli import output

if TYPE_CHECKING:
    from touchstone.session.replay import Difference, Replayed

Json = Annotated[bool, Parameter(name="--json", negative=())]
Existing = Annotated[Path, Parameter(validator=validators.Path(exists=True, file_okay=False))]


def replay(session: Existing, *, json: Json = False) -> int:
    """Feed a session's journal to the core again, and compare all that it did and wrote, byte for byte.

    Exit code 0: the same; 1: not, and the first difference is named; 2: the session cannot be replayed.

    Parameters
    ----------
    session
        Folder of a session, finished or killed.
    json
        Print what was compared as JSON.
    """
    from touchstone.session.replay import is_compiled
    from touchstone.session.replay import replay as replayed

    if not is_compiled():
        output.say("compiling the core: once per version, about a minute")
    with output.progress(f"replaying {session}") as progress:
        made = replayed(session, progress)
    if json:
        output.print_json(msgspec.to_builtins(made))
    else:
        _show(made)
    return output.OK if made.same else output.PROBLEM


def _show(made: "Replayed") -> None:
    console = output.stdout()
    rows = sum(made.rows.values())
    kind = "finished" if made.is_finished else "did not end by itself"
    lines = [
        f"session {made.session} ({made.coin}, {kind}): {made.events:,} events in {made.seconds:.1f} s",
        f"compared: {made.actions:,} actions, {rows:,} rows, {made.checkpoints} states",
    ]
    if made.core != made.core_here:
        lines.append(f"the session was made by core {made.core}, this is core {made.core_here}: another version")
    if made.torn_bytes:
        lines.append(f"the last {made.torn_bytes:,} bytes of the journal were torn by a crash and are left out")
    if ahead := sum(made.rows_ahead.values()):
        lines.append(f"{ahead:,} rows more were made than the database of the killed session has")
    if made.actions_ahead:
        lines.append(f"{made.actions_ahead:,} actions wanted just before a crash are not in the journal: never sent")
    if made.not_compared:
        lines.append(f"not compared, for the core does not write it: {', '.join(made.not_compared)}")
    lines.append("the same, byte for byte" if made.difference is None else _first(made.difference))
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _first(found: "Difference") -> str:
    when = datetime.fromtimestamp(found.event_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    note = f" ({found.note})" if found.note else ""
    return (
        f"DIFFERENT, first at {found.table} row {found.row}, {found.column}: recorded {found.recorded!r}, replayed "
        f"{found.replayed!r}{note}; event of {when}Z ({found.event_ns} ns)"
    )
