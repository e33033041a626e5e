"""Writes down what happens in a block: ids, order updates, fills, trades; remembers within bounds, counts the rest."""

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import UNSET

from touchstone.local.records import Order, Trader
from touchstone.local.reports import BlockReport
from touchstone.local.spec import Kept
from touchstone.venues.hyperliquid.shapes import Fill, OpenOrder, OrderUpdate, Trade
from touchstone.venues.hyperliquid.stream import NonUserCancel, UserEvent

if TYPE_CHECKING:
    from touchstone.local.coin import Coin

_FIRST_OID = 1_000_000_000
_TID_BITS = 50


class Journal:
    """`block` is the report of the block at work."""

    def __init__(self, kept: Kept, seed: int) -> None:
        self.kept = kept
        self.block = BlockReport(0)  # between blocks: what the next one will tell
        self.forgotten: Counter[str] = Counter()
        self.action_hash = ""  # of the action at work
        self.n_trades = 0
        self._key = f"{seed}:".encode()
        self._oid = _FIRST_OID
        self._n_hashes = 0

    def next_block(self, now_ms: int) -> BlockReport:
        """The block at now_ms begins; it also tells what happened since the last."""
        self.block.time_ms = now_ms
        return self.block

    def end_block(self) -> BlockReport:
        """The report of the block that is over."""
        over, self.block = self.block, BlockReport(0)
        return over

    def next_oid(self) -> int:
        """Rising over all users and coins."""
        self._oid += 1
        return self._oid

    def new_hash(self) -> str:
        """The hash of the next action, 0x and 64 digits."""
        self._n_hashes += 1
        self.action_hash = "0x" + hashlib.blake2b(b"%b%d" % (self._key, self._n_hashes), digest_size=32).hexdigest()
        return self.action_hash

    def next_tid(self, buyer: str, seller: str) -> int:
        """50 bits, of both sides of a trade."""
        self.n_trades += 1
        digest = hashlib.blake2b(b"%b%b %b %d" % (self._key, buyer.encode(), seller.encode(), self.n_trades))
        return int.from_bytes(digest.digest()[:8], "little") & ((1 << _TID_BITS) - 1)

    def order(self, order: Order, status: str, now_ms: int) -> None:
        """The order has a new status: told to its user, and remembered."""
        order.status = status
        order.status_ms = now_ms
        self.tell(order)
        trader = order.trader
        if status == "open":
            trader.orders[order.oid] = order
            return
        trader.orders.pop(order.oid, None)
        past = trader.past
        past.append(order)
        if len(past) > self.kept.orders_per_user:
            oldest = past.popleft()
            del trader.known[oldest.oid]
            if oldest.cloid is not None and trader.cloids.get(oldest.cloid) is oldest:
                del trader.cloids[oldest.cloid]
            self.forgotten["orders"] += 1

    def know(self, order: Order) -> None:
        """A new order, whatever becomes of it."""
        order.trader.known[order.oid] = order
        if order.cloid is not None:
            order.trader.cloids[order.cloid] = order
        order.trader.n_orders += 1

    def tell(self, order: Order) -> None:
        """Write an order update."""
        update = OrderUpdate(order=shown(order), status=order.status, status_timestamp=order.status_ms)
        updates = self.block.order_updates
        user = order.trader.user
        if user in updates:
            updates[user].append(update)
        else:
            updates[user] = [update]

    def not_by_user(self, order: Order) -> None:
        """The venue has cancelled an order."""
        event = NonUserCancel(coin=order.coin.name, oid=order.oid)
        self.event(order.trader, UserEvent(non_user_cancel=[event]))

    def event(self, trader: Trader, event: UserEvent) -> None:
        self.block.user_events.setdefault(trader.user, []).append(event)

    def fill(self, trader: Trader, fill: Fill) -> None:
        if len(trader.fills) == trader.fills.maxlen:
            self.forgotten["fills"] += 1
        trader.fills.append(fill)
        self.block.fills.setdefault(trader.user, []).append(fill)

    def trade(self, coin: "Coin", trade: Trade) -> None:
        if len(coin.trades) == coin.trades.maxlen:
            self.forgotten["trades"] += 1
        coin.trades.append(trade)
        self.block.trades.setdefault(coin.name, []).append(trade)

    def changed(self, trader: Trader, dex: str) -> None:
        """The state of an account has changed."""
        self.block.accounts_changed.setdefault(trader.user, set()).add(dex)


def shown(order: Order) -> OpenOrder:
    """An order as `openOrders` and `orderUpdates` show it."""
    coin = order.coin
    made = OpenOrder(
        coin=coin.name,
        side="B" if order.side > 0 else "A",
        limit_px=coin.px_text(order.px),
        sz=coin.sz_text(order.left),
        oid=order.oid,
        timestamp=order.time_ms,
        orig_sz=coin.sz_text(order.qty),
        cloid=UNSET if order.cloid is None else order.cloid,
    )
    if order.reduce_only:
        made.reduce_only = True
    return made
