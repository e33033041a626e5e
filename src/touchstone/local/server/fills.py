"""Fills merged as `aggregateByTime` asks: the parts of one order in one block become one fill."""

from decimal import Decimal

from msgspec.structs import replace

from touchstone.venues.hyperliquid.numbers import canonical
from touchstone.venues.hyperliquid.shapes import Fill


def merged(fills: list[Fill]) -> list[Fill]:
    """Neighbours of one order, side, time and role as one: sizes, fees and PnL add up, the price is their average."""
    result: list[Fill] = []
    for fill in fills:
        if result and _same(result[-1], fill):
            result[-1] = _sum(result[-1], fill)
        else:
            result.append(fill)
    return result


def _same(a: Fill, b: Fill) -> bool:
    return (a.oid, a.time, a.crossed, a.side) == (b.oid, b.time, b.crossed, b.side)


def _sum(a: Fill, b: Fill) -> Fill:
    """Of two parts; the position before is that of the part that came first, farther from where they lead."""
    sz_a, sz_b = Decimal(a.sz), Decimal(b.sz)
    px = (Decimal(a.px) * sz_a + Decimal(b.px) * sz_b) / (sz_a + sz_b)
    sign = 1 if a.side == "B" else -1
    first = a if sign * (Decimal(b.start_position) - Decimal(a.start_position)) >= 0 else b
    return replace(
        first,
        px=canonical(f"{px:.8f}", "price"),
        sz=str(sz_a + sz_b),
        fee=str(Decimal(a.fee) + Decimal(b.fee)),
        closed_pnl=str(Decimal(a.closed_pnl) + Decimal(b.closed_pnl)),
    )
