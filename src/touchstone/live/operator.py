"""The operator's commands to a running session, and what each of them does. Every one is journaled as an event."""

from collections.abc import Awaitable, Callable
from typing import Any

from touchstone import TouchstoneError
from touchstone.core import events
from touchstone.live.session import Session
from touchstone.live.status import status

EVENT_OF = {
    "pause": events.COMMAND_HALT,
    "resume": events.COMMAND_RESUME,
    "reduce_only": events.COMMAND_REDUCE_ONLY,
}


class CommandError(TouchstoneError):
    """The session does not do that now; the message says why."""

    exit_code = 2


class Operator:
    """Handles commands for control.Control. `flatten` pulls all orders and closes the position by another way out."""

    def __init__(self, session: Session, flatten: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._session = session
        self._flatten = flatten

    async def handle(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command. Raises CommandError for one that makes no sense now."""
        session = self._session
        note = str(arguments.get("note", ""))
        if command == "status":
            return status(session)
        session.say(f"operator: {command}{f' ({note})' if note else ''}")
        if command in EVENT_OF:
            session.command(EVENT_OF[command])
            return status(session)
        if command == "kill":
            session.command(events.COMMAND_KILL)
            session.end(f"killed by the operator{f': {note}' if note else ''}", by_risk=True)
            return {"killed": True}
        if command == "flatten":
            session.command(events.COMMAND_HALT)
            return await self._flatten()
        raise CommandError(f"{command}: a running session is not killed; there is nothing to clear")
