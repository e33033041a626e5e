"""Margin: what an account is worth, what its positions and orders need, what is free (hyperliquid.md 13).

Everything at mark, in micro; needs are rounded up. An order needs margin as far as it could make the position larger:
per coin the largest of |position|, position + buys, -position + sells, over leverage.
"""

from touchstone.local.coin import Coin
from touchstone.local.records import Account, Position


def up(part: int, whole: int) -> int:
    """part / whole, rounded up."""
    return -(-part // whole)


def value(account: Account) -> int:
    """Cross value: cash and the positions that are not isolated."""
    total = account.raw
    for coin, position in account.positions.items():
        if position.szi and not position.is_isolated:
            total += position.szi * coin.mark_px
    return total


def isolated_value(position: Position) -> int:
    """Cash and position of an isolated position."""
    return position.raw + position.szi * position.coin.mark_px


def total_value(account: Account) -> int:
    """Cross and isolated."""
    isolated = sum(isolated_value(p) for p in account.positions.values() if p.is_isolated and p.szi)
    return value(account) + isolated


def exposure(position: Position) -> int:
    """Size that margin is needed for, with resting orders."""
    szi = position.szi
    return max(szi + position.buys, position.sells - szi, szi, -szi)


def need(position: Position, qty: int) -> int:
    """Initial margin of a size."""
    return up(qty * position.coin.mark_px, position.leverage)


def used(account: Account, with_orders: bool = True) -> int:
    """Margin that the cross value has to bear: cross positions, and what resting orders would need beyond positions."""
    total = 0
    for position in account.positions.values():
        qty = exposure(position) if with_orders else abs(position.szi)
        if position.is_isolated:
            qty -= abs(position.szi)
        if qty:
            total += need(position, qty)
    return total


def free(account: Account) -> int:
    """Cross value less margin; negative where there is too little."""
    return value(account) - used(account)


def covers_fill(account: Account, position: Position, side: int, px: int, qty: int) -> bool:
    """Whether the account could bear a fill of a resting order; what does not add to the position always can be."""
    after = position.szi + side * qty
    if abs(after) <= abs(position.szi):
        return True
    mark = position.coin.mark_px
    left = value(account) - used(account, with_orders=False)
    if position.is_isolated:
        opening = qty if position.szi * side >= 0 else abs(after)
        return left >= up(opening * px, position.leverage)
    loss = side * qty * (px - mark)
    return left - loss >= need(position, abs(after)) - need(position, abs(position.szi))


def most_position(account: Account, position: Position, bid_px: int, ask_px: int) -> tuple[int, int]:
    """Largest long and short that fills of resting orders may make of a position, at mark.

    bid_px, ask_px: the account's best resting prices, 0 = none; what a fill at a price beyond mark loses counts.
    """
    mark, held = position.coin.mark_px, abs(position.szi)
    if mark == 0:
        return 0, 0
    left = max(value(account) - used(account, with_orders=False), 0)
    leverage = position.leverage
    most = []
    for side, px in ((1, bid_px or mark), (-1, ask_px or mark)):
        adds = held if position.szi * side > 0 else 0
        if position.is_isolated:
            most.append(adds + left * leverage // px)
            continue
        loss = max(side * (px - mark), 0)
        freed = 0 if adds else need(position, held) - loss * held
        most.append(adds + max(left + freed, 0) * leverage // (mark + loss * leverage))
    return most[0], most[1]


def maintenance_of(coin: Coin, notional: int) -> int:
    """Half the initial margin at the most leverage of each tier that the notional reaches into."""
    total = 0
    for number, (low, leverage) in enumerate(coin.tiers):
        high = coin.tiers[number + 1][0] if number + 1 < len(coin.tiers) else notional
        if notional > low:
            total += up(min(notional, high) - low, 2 * leverage)
    return total


def maintenance(position: Position) -> int:
    """Maintenance margin of a position."""
    return maintenance_of(position.coin, abs(position.szi) * position.coin.mark_px)


def cross_maintenance(account: Account) -> int:
    """Of all cross positions."""
    return sum(maintenance(p) for p in account.positions.values() if p.szi and not p.is_isolated)


def most_leverage(coin: Coin, notional: int) -> int:
    """The most leverage that a position of this notional may have."""
    return next(leverage for low, leverage in reversed(coin.tiers) if notional > low or low == 0)


def withdrawable(account: Account) -> int:
    """What may leave: value less the larger of initial margin and a tenth of all notional, of the cross part."""
    notional = sum(abs(p.szi) * c.mark_px for c, p in account.positions.items() if p.szi and not p.is_isolated)
    return max(value(account) - max(used(account), up(notional, 10)), 0)


def liquidation_px(account: Account, position: Position) -> int | None:
    """Mark at which the position would be liquidated, all else the same; None where no price would."""
    coin = position.coin
    szi = position.szi
    if szi == 0:
        return None
    notional = abs(szi) * coin.mark_px
    if position.is_isolated:
        spare = isolated_value(position) - maintenance(position)
    else:
        spare = value(account) - cross_maintenance(account)
    leverage = most_leverage(coin, notional)
    # px - side x spare / size / (1 - l x side), with l = 1 / (2 x leverage)
    side = 1 if szi > 0 else -1
    px = coin.mark_px - side * spare * 2 * leverage // (abs(szi) * (2 * leverage - side))
    return px if px > 0 else None
