"""Actions, one function each: from the decoded action of a trader to the reply of /engine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from touchstone.local import margin, refusals, rules, transfers
from touchstone.local.records import Account, Order, Position, Trader
from touchstone.local.reports import Ticket
from touchstone.local.spec import MICRO
from touchstone.venues.hyperliquid import actions, errors, user_actions
from touchstone.venues.hyperliquid.errors import Refusal
from touchstone.venues.hyperliquid.numbers import NumberError, parse, render
from touchstone.venues.hyperliquid.replies import (
    DEFAULT,
    Refused,
    Reply,
    Status,
    cancels_reply,
    orders_reply,
)

if TYPE_CHECKING:
    from touchstone.local.engine import Engine

RANK_ADD, RANK_CANCEL, RANK_TAKE = 0, 1, 2
DAY_MS = 86_400_000
SCHEDULE_AHEAD_MS = 5_000
SCHEDULE_FIRES = 10
SUB_ACCOUNT_VOLUME = 100_000
WEIGHT_PRICE = 500  # micro for a request beyond the limit


def rank_of(action: Any) -> int:
    """Class of an action in its block: what only adds, cancels, what may take."""
    if isinstance(action, (actions.CancelOrders, actions.CancelByCloid)):
        return RANK_CANCEL
    if isinstance(action, actions.PlaceOrders):
        orders = action.orders
    elif isinstance(action, actions.ModifyOrder):
        orders = [action.order]
    elif isinstance(action, actions.ModifyOrders):
        orders = [each.order for each in action.modifies]
    else:
        return RANK_ADD
    only_adds = all(order.type.limit is None or order.type.limit.tif == rules.ALO for order in orders)
    return RANK_ADD if only_adds else RANK_TAKE


def refused(refusal: Refusal, asset: int | None = None, **values: object) -> Refused:
    """The whole action is refused."""
    return Refused(refusal.render(asset, **values))


def execute(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    """Carry an action out in the block at engine.now_ms."""
    flags = ticket.flags
    if flags.expires_after is not None and engine.now_ms > flags.expires_after:
        return refused(errors.EXPIRED)
    engine.journal.new_hash()
    handler = _HANDLERS.get(type(ticket.action))
    if handler is None:
        tag = type(ticket.action).__struct_config__.tag
        return refused(refusals.NOT_SUPPORTED, type=tag)
    return handler(engine, trader, ticket)


# ---------------------------------------------------------------- orders


def _place(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.PlaceOrders = ticket.action
    if len(action.orders) > rules.MOST_ACTIONS:
        return refused(errors.BATCH_SIZE)
    if engine.is_post_only and rank_of(action) == RANK_TAKE:
        return refused(errors.POST_ONLY_WINDOW)
    if not action.orders:
        return orders_reply([Status(error=refusals.EMPTY_BATCH.render())])
    if action.grouping in ("normalTpsl", "positionTpsl") and all(order.type.trigger is None for order in action.orders):
        return refused(errors.TRIGGER_COUNT)
    made: list[Order] = []
    for wire in action.orders:
        order = _read(engine, trader, wire)
        if isinstance(order, Refusal):
            return orders_reply([Status(error=order.render())])
        made.append(order)
    if action.builder is not None and not 0 <= action.builder.fee <= rules.MOST_BUILDER_FEE:
        return refused(errors.BUILDER_FEE)
    if action.builder is not None and action.builder.fee > 0:
        for order in made:
            dex = engine.dexs[order.coin.dex]
            order.builder = engine.trader(action.builder.address).account(dex)
            order.builder_rate = action.builder.fee
    return orders_reply([engine.trading.place(order) for order in made])


def _read(engine: "Engine", trader: Trader, wire: actions.Order) -> Order | Refusal:
    """An order in the engine's units; a refusal of the whole payload where that cannot be."""
    coin = engine.by_asset.get(wire.asset)
    if coin is None:
        return refusals.UNKNOWN_ASSET
    if wire.type.limit is None:
        return refusals.TRIGGERS
    tif = rules.TIFS.get(wire.type.limit.tif)
    if tif is None:
        return refusals.INVALID_TIF
    numbers = rules.read_numbers(wire, coin)
    if isinstance(numbers, Refusal):
        return numbers
    px, qty = numbers
    account = trader.account(engine.dexs[coin.dex])
    side = 1 if wire.is_buy else -1
    oid, now_ms = engine.journal.next_oid(), engine.now_ms
    return Order(oid, account, coin, side, px, qty, tif, wire.reduce_only, wire.cloid, now_ms)


def _cancel(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.CancelOrders = ticket.action
    if len(action.cancels) > rules.MOST_ACTIONS:
        return refused(errors.BATCH_SIZE)
    if not action.cancels:
        return cancels_reply([Status(error=refusals.EMPTY_BATCH.render())])
    return cancels_reply(
        [_cancel_one(engine, trader.orders.get(cancel.oid), cancel.asset) for cancel in action.cancels]
    )


def _cancel_by_cloid(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.CancelByCloid = ticket.action
    if len(action.cancels) > rules.MOST_ACTIONS:
        return refused(errors.BATCH_SIZE)
    if not action.cancels:
        return cancels_reply([Status(error=refusals.EMPTY_BATCH.render())])
    return cancels_reply(
        [_cancel_one(engine, trader.cloids.get(cancel.cloid), cancel.asset) for cancel in action.cancels]
    )


def _cancel_one(engine: "Engine", order: Order | None, asset: int) -> Status | str:
    if order is None or not order.rests or order.coin.asset != asset:
        return Status(error=errors.NOT_OPEN.render(asset))
    engine.trading.cancel(order)
    return "success"


def _modify(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.ModifyOrder = ticket.action
    if engine.is_post_only and rank_of(action) == RANK_TAKE:
        return refused(errors.POST_ONLY_WINDOW)
    status = _replace(engine, trader, ticket, action.oid, action.order, bool(action.always_place), None)
    return Refused(status.error) if isinstance(status.error, str) else DEFAULT


def _modify_all(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.ModifyOrders = ticket.action
    if len(action.modifies) > rules.MOST_ACTIONS:
        return refused(errors.BATCH_SIZE)
    if engine.is_post_only and rank_of(action) == RANK_TAKE:
        return refused(errors.POST_ONLY_WINDOW)
    if not action.modifies:
        return orders_reply([Status(error=refusals.EMPTY_BATCH.render())])
    always = bool(action.always_place)
    return orders_reply(
        [_replace(engine, trader, ticket, m.oid, m.order, always, m.order.asset) for m in action.modifies]
    )


def _replace(
    engine: "Engine", trader: Trader, ticket: Ticket, oid: int | str, wire: actions.Order, always: bool,
    asset: int | None,
) -> Status:  # fmt: skip
    """Cancel, then place: the old order is gone even where the new one is refused.

    Unless it is always placed, a GTC order becomes one that only adds, and an IOC order cannot replace.
    """
    target = trader.cloids.get(oid) if isinstance(oid, str) else trader.orders.get(oid)
    is_gone = target is None or not target.rests
    if is_gone and not always:
        return Status(error=errors.MODIFY_GONE.render(asset))
    order = _read(engine, trader, wire)
    if isinstance(order, Refusal):
        return Status(error=order.render())
    trading = engine.trading
    if target is not None and not is_gone:
        trading.cancel(target, is_told=False)
    if not always and order.tif == rules.GTC:
        order.tif = rules.ALO
    if ticket.flags.fails_to_replace or (not always and order.tif == rules.IOC):
        order.trader.n_orders += 1
        inner = refusals.FAULT if ticket.flags.fails_to_replace else errors.IOC
        status = Status(error=inner.render(order.coin.asset))
    else:
        status = trading.place(order)
    if target is not None and not is_gone:
        engine.journal.order(target, "canceled", engine.now_ms)  # the new order is told first, as on the venue
    if isinstance(status.error, str):
        return Status(error=errors.MODIFY_REFUSED.render(inner=status.error))
    return status


# ---------------------------------------------------------------- leverage and margin


def _position(engine: "Engine", trader: Trader, asset: int) -> tuple[Account, Position] | Refused:
    coin = engine.by_asset.get(asset)
    if coin is None:
        return refused(refusals.UNKNOWN_ASSET)
    account = trader.account(engine.dexs[coin.dex])
    return account, account.position(coin)


def _leverage(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.UpdateLeverage = ticket.action
    found = _position(engine, trader, action.asset)
    if isinstance(found, Refused):
        return found
    account, position = found
    coin = position.coin
    if not 1 <= action.leverage <= coin.spec.max_leverage:
        return refused(refusals.LEVERAGE_VALUE)
    if action.is_cross and coin.only_isolated:
        return refused(refusals.CROSS_NOT_ALLOWED)
    if action.is_cross == position.is_isolated and position.szi:
        return refused(errors.LEVERAGE_SWITCH)
    before = position.leverage, position.is_isolated
    free = margin.free(account)
    position.leverage, position.is_isolated = action.leverage, not action.is_cross
    if margin.free(account) < min(free, 0):
        position.leverage, position.is_isolated = before
        return refused(errors.MARGIN)
    engine.journal.changed(trader, coin.dex)
    return DEFAULT


def _isolated_margin(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    action: actions.UpdateIsolatedMargin = ticket.action
    found = _position(engine, trader, action.asset)
    if isinstance(found, Refused):
        return found
    return _move_margin(engine, *found, action.ntli)


def _top_up(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    """Add what brings an isolated position down to a leverage."""
    action: actions.TopUpIsolatedOnlyMargin = ticket.action
    found = _position(engine, trader, action.asset)
    if isinstance(found, Refused):
        return found
    account, position = found
    try:
        leverage = parse(action.leverage, 6)
    except NumberError:
        leverage = 0
    if leverage <= 0:
        return refused(refusals.LEVERAGE_VALUE)
    notional = abs(position.szi) * position.coin.mark_px
    wanted = margin.up(notional * MICRO, leverage)
    return _move_margin(engine, account, position, max(wanted - margin.isolated_value(position), 0))


def _move_margin(engine: "Engine", account: Account, position: Position, micro: int) -> Reply:
    if not position.is_isolated or position.szi == 0:
        return refused(errors.NOT_ISOLATED)
    if micro > 0 and margin.free(account) < micro:
        return refused(refusals.MARGIN_ADDITION)
    if micro < 0:
        size = abs(position.szi)
        least = max(margin.need(position, size), margin.up(size * position.coin.mark_px, 10))
        if position.coin.spec.strict_isolated or margin.isolated_value(position) + micro < least:
            return refused(refusals.MARGIN_REMOVAL)
    account.raw -= micro
    position.raw += micro
    engine.journal.changed(account.trader, position.coin.dex)
    return DEFAULT


# ---------------------------------------------------------------- the rest


def _schedule(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    """Arm, move or clear the cancel of all orders."""
    action: actions.ScheduleCancel = ticket.action
    required = round(engine.spec.schedule_cancel_volume * MICRO)
    if trader.volume < required:
        return refused(errors.SCHEDULE_VOLUME, volume=render(trader.volume, 6))
    if action.time is not None:
        if action.time < engine.now_ms + SCHEDULE_AHEAD_MS:
            return refused(refusals.SCHEDULE_TIME)
        day, fires = trader.schedule_fires
        if day == engine.now_ms // DAY_MS and fires >= SCHEDULE_FIRES:
            return refused(refusals.SCHEDULE_COUNT)
    trader.schedule_ms = action.time
    engine.scheduled[trader] = None
    return DEFAULT


def _noop(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    return DEFAULT


def _reserve(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    """Pay for requests beyond the limit; whose limit it raises is the server's business."""
    action: actions.ReserveRequestWeight = ticket.action
    account = trader.account(engine.spec.dexs[0])
    price = action.weight * WEIGHT_PRICE
    if action.weight <= 0 or margin.withdrawable(account) < price:
        return refused(refusals.INSUFFICIENT_BALANCE)
    account.raw -= price
    engine.totals[""].fees += price
    return DEFAULT


def _class_transfer(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    return transfers.class_transfer(engine, trader, ticket.action)


def _usd_send(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    return transfers.usd_send(engine, trader, ticket.action)


def _send_asset(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    return transfers.send_asset(engine, trader, ticket.action)


def _sub_account(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    """There are none, but who has not traded enough hears so first."""
    if trader.volume < SUB_ACCOUNT_VOLUME * MICRO:
        return refused(errors.SUB_ACCOUNT_VOLUME, required=f"{SUB_ACCOUNT_VOLUME}.")
    return refused(refusals.NOT_SUPPORTED, type="createSubAccount")


def _referrer(engine: "Engine", trader: Trader, ticket: Ticket) -> Reply:
    return refused(errors.UNKNOWN_REFERRAL)


Handler = Callable[["Engine", Trader, Ticket], Reply]
_HANDLERS: dict[type, Handler] = {
    actions.PlaceOrders: _place,
    actions.CancelOrders: _cancel,
    actions.CancelByCloid: _cancel_by_cloid,
    actions.ModifyOrder: _modify,
    actions.ModifyOrders: _modify_all,
    actions.UpdateLeverage: _leverage,
    actions.UpdateIsolatedMargin: _isolated_margin,
    actions.TopUpIsolatedOnlyMargin: _top_up,
    actions.ScheduleCancel: _schedule,
    actions.Noop: _noop,
    actions.ReserveRequestWeight: _reserve,
    actions.SetReferrer: _referrer,
    actions.CreateSubAccount: _sub_account,
    actions.AgentSendAsset: _send_asset,
    user_actions.SendAsset: _send_asset,
    user_actions.UsdSend: _usd_send,
    user_actions.UsdClassTransfer: _class_transfer,
}

