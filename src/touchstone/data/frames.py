"""A venue's frames to rows of the event record: what a live session and a mirrored market are fed with.

No clock: the receive time is handed in. Nothing unknown is fatal: what is not known is counted, what cannot be read is
counted, said once of each kind, and dropped.
"""

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

from touchstone.data.account_rows import AccountRows
from touchstone.data.errors import DataError
from touchstone.data.layout import Row
from touchstone.data.market_rows import MarketRows
from touchstone.venues.hyperliquid import stream
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.shapes import ClearinghouseState

ENOUGH_ROWS = 8192  # room for the largest frame: a snapshot of 2,000 fills takes 4,000 rows
_RECORD = struct.Struct("<qqqqqiBbH")


def write(rows: list[Row], out: Any, at: int) -> int:
    """Write rows into an EVENT array from `at` on; returns the new count. Raises DataError where there is no room."""
    if at + len(rows) > len(out):
        raise DataError(f"{len(rows)} rows do not fit: {len(out) - at} of {len(out)} are free; drain the buffer first")
    target = memoryview(out.view("u1"))
    size = _RECORD.size
    for number, row in enumerate(rows, at):
        _RECORD.pack_into(target, number * size, *row)
    return at + len(rows)


class Frames:
    """One coin's frames, public and of one account.

    `market` and `account` make the rows, and can be asked for rows of what came by REST. `counts` says by reason what
    was left out, cut or not ours; `unknown` by path what the venue added (keys, channels, statuses).
    """

    def __init__(
        self, sz_decimals: int, coin: str, *, cloid_tag: int = 0, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.coin = coin
        self.dex = coin.partition(":")[0] if ":" in coin else ""
        self.counts: Counter[str] = Counter()
        self.market = MarketRows(sz_decimals, self.counts)
        self.account = AccountRows(sz_decimals, coin, cloid_tag, self.counts)
        self._decoder = Decoder()
        self.unknown = self._decoder.unknown
        self._say = say
        self._makers: dict[type, Callable[[Any, int], list[Row]]] = {
            stream.BookFrame: self._book,
            stream.BboFrame: self._bbo,
            stream.TradesFrame: self._trades,
            stream.AssetCtxFrame: self._context,
            stream.OrderUpdatesFrame: self._orders,
            stream.UserFillsFrame: lambda data, recv_ns: self.account.fills(data.fills, data.user, recv_ns),
            stream.UserFrame: self._user,
            stream.ClearinghouseStateFrame: lambda data, recv_ns: self._state(
                data.dex, data.clearinghouse_state, recv_ns
            ),
            stream.AllDexsClearinghouseStateFrame: self._states,
        }

    def take(self, frame: bytes | memoryview, recv_ns: int, out: Any, at: int) -> int:
        """Write a frame's rows into an EVENT array from `at` on; returns the new count, `at` where it gives none.

        `out` should have ENOUGH_ROWS left; DataError where it has not enough.
        """
        return write(self.rows(frame, recv_ns), out, at)

    def rows(self, frame: bytes | memoryview, recv_ns: int) -> list[Row]:
        """The rows of a frame."""
        try:
            found: Any = self._decoder.frame(bytes(frame))
            make = self._makers.get(type(found))
            return [] if make is None else make(found.data, recv_ns)
        except (WireError, ValueError) as error:
            self._drop(error)
            return []

    def restart(self) -> None:
        """The connection is new: subscriptions begin with a state, and with old trades."""
        self.market.restart()

    def _book(self, data: Any, recv_ns: int) -> list[Row]:
        return self.market.book(data, recv_ns) if self._is_ours(data.coin) else []

    def _bbo(self, data: Any, recv_ns: int) -> list[Row]:
        return self.market.bbo(data, recv_ns) if self._is_ours(data.coin) else []

    def _trades(self, data: Any, recv_ns: int) -> list[Row]:
        return self.market.trades([trade for trade in data if self._is_ours(trade.coin)], recv_ns)

    def _context(self, data: Any, recv_ns: int) -> list[Row]:
        return self.market.context(data.ctx, recv_ns) if self._is_ours(data.coin) else []

    def _orders(self, data: Any, recv_ns: int) -> list[Row]:
        rows: list[Row] = []
        for update in data:
            if self._is_ours(update.order.coin):
                rows += self.account.order(update.order, update.status, update.status_timestamp, recv_ns)
        return rows

    def _user(self, event: stream.UserEvent, recv_ns: int) -> list[Row]:
        """Of these only funding: fills come on `userFills`, and orderUpdates say of each cancel whose it was."""
        if event.non_user_cancel:
            self.counts["non_user_cancel"] += 1
        if event.liquidation:
            self.counts["liquidation"] += 1
        return self.account.funding(event.funding, recv_ns) if event.funding else []

    def _states(self, data: Any, recv_ns: int) -> list[Row]:
        for dex, state in data.clearinghouse_states:
            if dex == self.dex:
                return self.account.state(state, recv_ns)
        return []

    def _state(self, dex: str, state: ClearinghouseState, recv_ns: int) -> list[Row]:
        if dex != self.dex:
            self.counts["other_dex"] += 1
            return []
        return self.account.state(state, recv_ns)

    def _is_ours(self, coin: str) -> bool:
        if coin == self.coin:
            return True
        self.counts["other_coin"] += 1
        return False

    def _drop(self, error: Exception) -> None:
        reason = getattr(error, "reason", None) or f"bad_{getattr(error, 'rule', 'frame')}"
        if reason not in self.counts:
            self._say(f"a frame of {self.coin} was dropped ({reason}): {error}; further ones are only counted")
        self.counts[reason] += 1
