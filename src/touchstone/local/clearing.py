"""Clearing: what fills, fees, funding and transfers do to accounts, exact to the last micro.

Nothing is made and nothing is lost: what a trader pays in cash for a position another account gets, be it a trader's,
the market's own (`house`: agents or a recording), the fee account's or the backstop's. So
sum of all cash = deposits - withdrawals, and sum of all positions = 0, at any time.
"""

from touchstone.local import margin
from touchstone.local.coin import Coin
from touchstone.local.records import Account, Position

RATE_UNITS = 10**10


class Totals:
    """Money of a dex that is not a trader's, micro."""

    def __init__(self) -> None:
        self.deposits = 0  # less withdrawals and transfers to elsewhere
        self.house = 0  # cash of the other side of the traders
        self.house_szi: dict[Coin, int] = {}
        self.fees = 0


class Booked:
    """What a fill did, for the report of it."""

    __slots__ = ("closed_pnl", "dir", "start")

    def __init__(self, start: int, closed_pnl: int, dir: str) -> None:
        self.start = start
        self.closed_pnl = closed_pnl
        self.dir = dir


def book(account: Account, position: Position, side: int, px: int, qty: int, fee: int) -> Booked:
    """A fill: side +1 bought. The fee is taken too; give it to somebody."""
    start = position.szi
    closing = min(qty, abs(start)) if start * side < 0 else 0
    opening = qty - closing
    closed_pnl = _close(account, position, side, px, closing) if closing else 0
    if opening:
        _open(account, position, side, px, opening)
    _count_interest(position.coin, start, position.szi)
    if position.is_isolated and position.szi and account.raw < fee:
        position.raw -= fee
    else:
        account.raw -= fee
    return Booked(start, closed_pnl, _direction(start, closing, opening, side))


def _close(account: Account, position: Position, side: int, px: int, qty: int) -> int:
    """Reduce; returns the profit on what was closed. An isolated position sets its share of margin free."""
    before = abs(position.szi)
    cost = position.entry * qty // before
    value = margin.isolated_value(position)
    position.szi += side * qty
    position.entry -= cost
    if position.is_isolated:
        position.raw -= side * px * qty
        left = abs(position.szi)
        freed = position.raw if left == 0 else margin.isolated_value(position) - value * left // before
        if left == 0 or freed > 0:
            position.raw -= freed
            account.raw += freed
    else:
        account.raw -= side * px * qty
    if position.szi == 0:
        position.funding_open = 0
    position.funding_change = 0
    return -side * (px * qty - cost)


def _open(account: Account, position: Position, side: int, px: int, qty: int) -> None:
    """Add to the position. An isolated one gets its margin from the account, as far as there is some."""
    position.szi += side * qty
    position.entry += px * qty
    position.funding_change = 0
    if not position.is_isolated:
        account.raw -= side * px * qty
        return
    given = min(margin.up(px * qty, position.leverage), max(account.raw, 0))
    account.raw -= given
    position.raw += given - side * px * qty


def _count_interest(coin: Coin, before: int, after: int) -> None:
    coin.longs += max(after, 0) - max(before, 0)
    coin.shorts += max(-after, 0) - max(-before, 0)


def _direction(start: int, closing: int, opening: int, side: int) -> str:
    if closing and opening:
        return "Long > Short" if start > 0 else "Short > Long"
    if closing:
        return "Close Long" if start > 0 else "Close Short"
    return "Open Long" if side > 0 else "Open Short"


def fund(account: Account, position: Position, rate: int) -> int:
    """One hour of funding at the oracle price, rate in 1e-10; what was received (+) or paid (-), cut towards zero."""
    owed = position.szi * position.coin.oracle_px * rate
    received = -(owed // RATE_UNITS) if owed >= 0 else -owed // RATE_UNITS
    if position.is_isolated:
        position.raw += received
    else:
        account.raw += received
    position.funding_all -= received
    position.funding_open -= received
    position.funding_change -= received
    return received
