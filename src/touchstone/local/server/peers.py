"""Limits of a client address (IP): request weight, connections, subscriptions, messages. Times in s, passed in."""

from collections import Counter, deque
from http import HTTPStatus

from touchstone.local.server.refusals import NotServed, too_many
from touchstone.local.server.settings import Limits

MINUTE_S = 60.0
MOST_PEERS = 4_096


class Minute:
    """Sum over the last minute. Bounded: what is over the limit is not kept."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, int]] = deque()
        self.total = 0

    def take(self, amount: int, limit: int, now_s: float) -> bool:
        """Add `amount` unless that exceeds `limit`."""
        while self._taken and self._taken[0][0] <= now_s - MINUTE_S:
            self.total -= self._taken.popleft()[1]
        if self.total + amount > limit:
            return False
        if amount:
            self._taken.append((now_s, amount))
            self.total += amount
        return True

    def add(self, amount: int, now_s: float) -> None:
        """Add what is known only afterwards, whatever the limit."""
        self.take(amount, 1 << 62, now_s)


class Peer:
    """One client address."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.weight = Minute()
        self.messages = Minute()
        self.connects = Minute()
        self.connections = 0
        self.subscriptions = 0
        self.users: Counter[str] = Counter()
        self.posts = 0
        self.requests = 0

    def spend(self, weight: int, now_s: float) -> None:
        """Raises NotServed (429) over the weight per minute."""
        if not self.weight.take(weight, self.limits.ip_weight_per_minute, now_s):
            raise too_many()

    def connect(self, now_s: float) -> None:
        """One more connection. Raises NotServed (429)."""
        if self.connections >= self.limits.connections:
            raise NotServed(HTTPStatus.TOO_MANY_REQUESTS, "Too many websocket connections")
        if not self.connects.take(1, self.limits.new_connections_per_minute, now_s):
            raise NotServed(HTTPStatus.TOO_MANY_REQUESTS, "Too many new websocket connections")
        self.connections += 1

    @property
    def is_idle(self) -> bool:
        return not (self.connections or self.requests)


class Peers:
    """Client addresses by text; idle ones are forgotten when there are too many."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._peers: dict[str, Peer] = {}

    def of(self, ip: str) -> Peer:
        """The peer of an address."""
        peer = self._peers.get(ip)
        if peer is None:
            if len(self._peers) >= MOST_PEERS:
                self._peers = {known: old for known, old in self._peers.items() if not old.is_idle}
            peer = self._peers[ip] = Peer(self.limits)
        return peer

    def __len__(self) -> int:
        return len(self._peers)
