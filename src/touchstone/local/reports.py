"""What comes out of a block, and of an action."""

from dataclasses import dataclass, field
from typing import Any

from touchstone.venues.hyperliquid.replies import Reply
from touchstone.venues.hyperliquid.shapes import Bbo, Fill, OrderUpdate, Trade
from touchstone.venues.hyperliquid.stream import UserEvent


class Ticket:
    """An action on its way. `reply` is None until it was executed, then the body of /exchange."""

    __slots__ = ("action", "arrival_ns", "block_ms", "flags", "number", "rank", "reply", "user")

    def __init__(self, user: str, action: Any, arrival_ns: int, rank: int, number: int, flags: "Flags") -> None:
        self.user = user
        self.action = action
        self.arrival_ns = arrival_ns
        self.rank = rank
        self.number = number
        self.flags = flags
        self.reply: Reply | None = None
        self.block_ms: int | None = None  # the block that executed it


@dataclass(frozen=True, slots=True)
class Flags:
    """What an action carries besides itself."""

    expires_after: int | None = None  # ms; refused in a later block
    fails_to_replace: bool = False  # fault: a modify cancels, but cannot place


@dataclass(slots=True)
class BlockReport:
    """What happened in a block, in the shapes of the wire; users by lower-case address."""

    time_ms: int
    trades: dict[str, list[Trade]] = field(default_factory=dict)  # by coin
    bbo: dict[str, Bbo] = field(default_factory=dict)  # by coin, where it changed
    book_due: list[str] = field(default_factory=list)  # coins whose l2Book is due
    order_updates: dict[str, list[OrderUpdate]] = field(default_factory=dict)  # in the order of execution
    fills: dict[str, list[Fill]] = field(default_factory=dict)
    user_events: dict[str, list[UserEvent]] = field(default_factory=dict)  # all but fills
    ctx_changed: list[str] = field(default_factory=list)  # coins whose context changed
    accounts_changed: dict[str, set[str]] = field(default_factory=dict)  # user: dexs whose clearinghouse state changed
    executed: list[Ticket] = field(default_factory=list)
