"""Liquidation (hyperliquid.md 13): by mark, to the market first, to the backstop below two thirds of maintenance.

Cross positions stand and fall together, an isolated one alone. Orders go first; then the position is sold to the market
whole, or a fifth of it where it is large, with 30 s until the next part. Where little is left the backstop takes
positions over at mark, with what cash there is or is lacking: nobody else pays. There is no auto-deleveraging.
"""

from typing import TYPE_CHECKING

from touchstone.local import clearing, margin
from touchstone.local.records import Account, Order, Position
from touchstone.local.rules import IOC
from touchstone.local.spec import MICRO
from touchstone.local.wire import NO_HASH, money
from touchstone.venues.hyperliquid.numbers import tick_at
from touchstone.venues.hyperliquid.shapes import Fill, LedgerEntry, Liquidation
from touchstone.venues.hyperliquid.stream import LiquidationEvent, UserEvent

if TYPE_CHECKING:
    from touchstone.local.engine import Engine

COOLDOWN_MS = 30_000
PARTS = 5  # of a large position
MARKET, BACKSTOP = "market", "backstop"


def backstop_of(dex_index: int) -> str:
    """Address of the backstop of a dex."""
    return f"0x4{dex_index:039x}"


def check(engine: "Engine") -> None:
    """Liquidate among the accounts that this block has touched, and among those that this touches in turn."""
    touched = engine.trading.touched
    seen = 0
    while seen < len(touched):
        for account in list(touched)[seen:]:
            seen += 1
            if account.trader.user not in engine.backstops:
                _check_account(engine, account)


def _check_account(engine: "Engine", account: Account) -> None:
    for position in list(account.positions.values()):
        if position.szi and position.is_isolated:
            _check(engine, account, [position], margin.isolated_value(position), margin.maintenance(position))
    cross = [p for p in account.positions.values() if p.szi and not p.is_isolated]
    if cross:
        _check(engine, account, cross, margin.value(account), margin.cross_maintenance(account))
    elif account.raw < 0:
        _cover(engine, account)


def _check(engine: "Engine", account: Account, positions: list[Position], value: int, needed: int) -> None:
    if value >= needed or any(position.coin.is_halted for position in positions):
        return
    trading, is_isolated = engine.trading, positions[0].is_isolated
    is_lost = 3 * value < 2 * needed
    ready = [p for p in positions if p.cooldown_ms <= engine.now_ms]
    if not ready and not is_lost:
        return
    for order in list(account.trader.orders.values()):
        if order.account is account and (not is_isolated or order.position is positions[0]):
            trading.cancel(order, "liquidatedCanceled")
    _tell(engine, account, positions, value, is_lost)
    if is_lost:
        _take_over(engine, account, positions, value)
        return
    cash = account.raw
    for position in sorted(ready, key=lambda p: -abs(p.szi) * p.coin.mark_px):
        _sell(engine, account, position)
    if is_isolated and positions[0].szi == 0 and account.raw < cash:
        _give(engine, account, cash - account.raw)  # no more is lost than the position's own margin
    elif not is_isolated and not any(p.szi for p in positions) and account.raw < 0:
        _cover(engine, account)


def _sell(engine: "Engine", account: Account, position: Position) -> None:
    """A market order of the position, or of a fifth of a large one."""
    coin, trading = position.coin, engine.trading
    qty = abs(position.szi)
    if qty * coin.mark_px > round(engine.spec.partial_liquidation_above * MICRO):
        qty = margin.up(qty, PARTS)
        position.cooldown_ms = engine.now_ms + COOLDOWN_MS
    side = -1 if position.szi > 0 else 1
    px = coin.mark_px * (5 + 4 * side) // 5  # any price, within what the venue takes for one
    px += side * (-side * px % tick_at(px, coin.sz_decimals))
    order = Order(engine.journal.next_oid(), account, coin, side, px, qty, IOC, True, None, engine.now_ms)
    engine.journal.know(order)
    told = Liquidation(mark_px=coin.px_text(coin.mark_px), method=MARKET, liquidated_user=account.trader.user)
    trading.liquidation = (account.trader, told)
    trading.liquidated_dir = _direction(position)
    coin.market.take(order, qty)
    trading.liquidation = None
    engine.journal.order(order, "filled" if order.left == 0 else "canceled", engine.now_ms)


def _take_over(engine: "Engine", account: Account, positions: list[Position], value: int) -> None:
    """The backstop gets positions at mark and their value, be it negative."""
    backstop = engine.trader(backstop_of(engine.dex_index[account.dex.name]))
    to = backstop.account(account.dex)
    for position in positions:
        _hand_over(engine, account, position, to)
    _give(engine, account, -value)


def _hand_over(engine: "Engine", account: Account, position: Position, to: Account) -> None:
    """A trade at mark between the two, without fee; both see it as a liquidation fill."""
    coin, journal, now_ms = position.coin, engine.journal, engine.now_ms
    side = -1 if position.szi > 0 else 1
    px, qty = coin.mark_px, abs(position.szi)
    told = Liquidation(mark_px=coin.px_text(px), method=BACKSTOP, liquidated_user=account.trader.user)
    direction = _direction(position)
    taken = to.position(coin)
    if taken.szi == 0:
        taken.is_isolated = False
    oids = journal.next_oid(), journal.next_oid()
    tid = journal.next_tid(str(oids[0]), str(oids[1]))
    for one, where, way, oid in ((account, position, side, oids[0]), (to, taken, -side, oids[1])):
        booked = clearing.book(one, where, way, px, qty, 0)
        fill = Fill(
            coin=coin.name, px=coin.px_text(px), sz=coin.sz_text(qty), side="B" if way > 0 else "A", time=now_ms,
            start_position=coin.sz_text(booked.start), dir=direction if one is account else booked.dir,
            closed_pnl=money(booked.closed_pnl), hash=NO_HASH, oid=oid, crossed=one is account, fee="0.0", tid=tid,
            fee_token=engine.trading.tokens[coin.dex], liquidation=told,
        )  # fmt: skip
        journal.fill(one.trader, fill)
        engine.trading.touched[one] = None


def _cover(engine: "Engine", account: Account) -> None:
    """The backstop pays what an account without cross positions owes."""
    _give(engine, account, -account.raw)


def _give(engine: "Engine", account: Account, micro: int) -> None:
    """From the backstop's cash to an account's; negative: the other way."""
    backstop = engine.trader(backstop_of(engine.dex_index[account.dex.name])).account(account.dex)
    backstop.raw -= micro
    account.raw += micro


def _tell(engine: "Engine", account: Account, positions: list[Position], value: int, is_lost: bool) -> None:
    engine.n_liquidations += 1
    notional = sum(abs(p.szi) * p.coin.mark_px for p in positions)
    user = account.trader.user
    event = LiquidationEvent(
        lid=engine.n_liquidations,
        liquidator=backstop_of(engine.dex_index[account.dex.name]) if is_lost else user,
        liquidated_user=user,
        liquidated_ntl_pos=money(notional),
        liquidated_account_value=money(value),
    )
    engine.journal.event(account.trader, UserEvent(liquidation=event))
    delta = {
        "type": "liquidation",
        "liquidatedNtlPos": money(notional),
        "accountValue": money(value),
        "leverageType": "Isolated" if positions[0].is_isolated else "Cross",
        "liquidatedPositions": [{"coin": p.coin.name, "szi": p.coin.sz_text(p.szi)} for p in positions],
    }
    account.trader.ledger.append(LedgerEntry(time=engine.now_ms, hash=NO_HASH, delta=delta))


def _direction(position: Position) -> str:
    kind = "Isolated" if position.is_isolated else "Cross"
    return f"Liquidated {kind} {'Long' if position.szi > 0 else 'Short'}"

