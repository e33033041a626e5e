"""What the exchange keeps: orders, positions, accounts, traders. Money in micro, prices and sizes in the coin's units.

An account is a trader's money on one dex. Its `raw` is cash the way the venue means it (totalRawUsd): what was paid in,
less what positions cost; value = raw + sum of position x mark, exactly. An isolated position has a `raw` of its own.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from touchstone.local.coin import Coin
    from touchstone.local.spec import DexSpec, Kept
    from touchstone.venues.hyperliquid.shapes import Fill, FundingEntry, LedgerEntry

OPEN = "open"


class Order:
    """An order of a trader, live or past. `side` +1 buys; `left` rests or is still to trade; status as on the wire."""

    __slots__ = (
        "account", "builder", "builder_rate", "cloid", "coin", "left", "oid", "position", "px", "qty", "reduce_only",
        "shrunk", "side", "status", "status_ms", "ticket", "tif", "time_ms", "traded", "trader", "value",
    )  # fmt: skip

    def __init__(
        self, oid: int, account: "Account", coin: "Coin", side: int, px: int, qty: int, tif: str, reduce_only: bool,
        cloid: str | None, time_ms: int,
    ) -> None:  # fmt: skip
        self.oid = oid
        self.trader = account.trader
        self.account = account
        self.position = account.position(coin)
        self.coin = coin
        self.side = side
        self.px = px
        self.qty = qty
        self.left = qty
        self.shrunk = 0  # taken off a reduce-only order that the position no longer covers
        self.tif = tif
        self.reduce_only = reduce_only
        self.cloid = cloid
        self.time_ms = time_ms
        self.status = OPEN
        self.status_ms = time_ms
        self.ticket = -1  # its number in the market's book, -1 while it does not rest
        self.traded = 0
        self.value = 0  # of what it traded, micro
        self.builder: Account | None = None
        self.builder_rate = 0  # 1e-5 of notional

    @property
    def rests(self) -> bool:
        return self.ticket >= 0


class Position:
    """One coin of an account: also its leverage and open orders, so it exists while flat."""

    __slots__ = (
        "buys", "coin", "cooldown_ms", "entry", "funding_all", "funding_change", "funding_open", "is_isolated",
        "leverage", "raw", "reduce_only", "sells", "szi",
    )  # fmt: skip

    def __init__(self, coin: "Coin") -> None:
        self.coin = coin
        self.szi = 0
        self.entry = 0  # what the position cost, micro, >= 0
        self.raw = 0  # isolated: its own cash
        self.leverage = coin.first_leverage
        self.is_isolated = coin.only_isolated
        self.buys = 0  # size resting in orders that may add, per side
        self.sells = 0
        self.reduce_only: list[Order] = []  # resting, oldest first
        self.funding_all = 0  # paid (+), micro
        self.funding_open = 0
        self.funding_change = 0
        self.cooldown_ms = 0  # no liquidation before


class Account:
    """A trader's money and positions on one dex."""

    __slots__ = ("dex", "positions", "raw", "trader")

    def __init__(self, trader: "Trader", dex: "DexSpec") -> None:
        self.trader = trader
        self.dex = dex
        self.raw = 0
        self.positions: dict[Coin, Position] = {}

    def position(self, coin: "Coin") -> Position:
        """The position in a coin, flat at first."""
        found = self.positions.get(coin)
        if found is None:
            found = self.positions[coin] = Position(coin)
        return found


class Trader:
    """One address on all dexs: accounts, orders, history, volume."""

    __slots__ = (
        "accounts",
        "cloids",
        "fills",
        "fundings",
        "known",
        "ledger",
        "n_orders",
        "orders",
        "past",
        "rate_day",
        "rates",
        "schedule_fires",
        "schedule_ms",
        "spot",
        "user",
        "volume",
        "volume_by_day",
    )  # fmt: skip

    def __init__(self, user: str, kept: "Kept") -> None:
        self.user = user
        self.accounts: dict[str, Account] = {}
        self.spot: dict[str, int] = {}  # by token, micro
        self.orders: dict[int, Order] = {}  # live, by oid
        self.known: dict[int, Order] = {}  # live and remembered, by oid
        self.cloids: dict[str, Order] = {}
        self.past: deque[Order] = deque()  # the oldest first
        self.fills: deque[Fill] = deque(maxlen=kept.fills_per_user)
        self.fundings: deque[FundingEntry] = deque(maxlen=kept.payments_per_user)
        self.ledger: deque[LedgerEntry] = deque(maxlen=kept.payments_per_user)
        self.volume = 0  # notional traded, micro
        self.volume_by_day: dict[int, list[int]] = {}  # day: [taken, made]
        self.rates: Any = None  # fees of the day, see fees.py
        self.rate_day = -1
        self.schedule_ms: int | None = None
        self.schedule_fires = (-1, 0)  # day, scheduled cancels that fired on it
        self.n_orders = 0  # ever sent

    def account(self, dex: "DexSpec") -> Account:
        """The account on a dex, empty at first."""
        found = self.accounts.get(dex.name)
        if found is None:
            found = self.accounts[dex.name] = Account(self, dex)
        return found
