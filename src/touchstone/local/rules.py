"""What the exchange refuses, in the order in which it looks; wording and statuses: venues/hyperliquid/errors.py."""

from typing import Any

from touchstone.local import margin, refusals
from touchstone.local.coin import Coin
from touchstone.local.records import Order
from touchstone.local.spec import MICRO
from touchstone.venues.hyperliquid import actions, errors
from touchstone.venues.hyperliquid.errors import Refusal
from touchstone.venues.hyperliquid.numbers import NumberError, parse, tick_at

ALO, IOC, GTC = "Alo", "Ioc", "Gtc"
TIFS = {"Alo": ALO, "Ioc": IOC, "Gtc": GTC, "FrontendMarket": IOC}
MIN_NOTIONAL = 10 * MICRO
MOST_NOTIONAL = 10**11 * MICRO  # of one order: the engine counts in 64 bits
MOST_BUILDER_FEE = 100  # 0.1 %, in tenths of a basis point
MOST_ACTIONS = 200
OPEN_ORDERS = 1_000
OPEN_ORDERS_CAP = 5_000
VOLUME_PER_ORDER = 5_000_000 * MICRO


class Refused:
    """A refusal with its values; `status` replaces the refusal's own."""

    __slots__ = ("refusal", "status", "values")

    def __init__(self, refusal: Refusal, status: str | None = None, **values: Any) -> None:
        self.refusal = refusal
        self.status = status
        self.values = values


def read_numbers(wire: actions.Order, coin: Coin) -> tuple[int, int] | Refusal:
    """(price, size) in units; a refusal of the whole payload where they cannot be meant."""
    try:
        px = parse(wire.px, coin.px_decimals)
    except NumberError:
        return errors.INVALID_PRICE
    try:
        qty = parse(wire.sz, coin.sz_decimals)
    except NumberError:
        return errors.INVALID_SIZE
    if px <= 0:
        return errors.INVALID_PRICE
    if qty == 0:
        return errors.ZERO_SIZE
    if qty < 0 or px * qty > MOST_NOTIONAL:
        return errors.INVALID_SIZE
    reference = coin.mark_px
    if reference and abs(px - reference) * 20 > reference * 19:
        return errors.REFERENCE_BAND
    return px, qty


def refusal(order: Order, now_ms: int) -> Refused | None:
    """Why a new order is refused, before it meets the book."""
    coin, px, qty = order.coin, order.px, order.qty
    if coin.is_halted or coin.mark_px == 0:
        return Refused(refusals.HALTED)
    if px % tick_at(px, coin.sz_decimals):
        return Refused(errors.TICK)
    oracle = coin.oracle_px
    if oracle and abs(px - oracle) * 20 > oracle * 19:
        return Refused(errors.ORACLE_BAND)
    reducing = max(-order.side * order.position.szi, 0)
    if order.reduce_only:
        if reducing == 0:
            return Refused(errors.REDUCE_ONLY)
        if qty < reducing and px * qty < MIN_NOTIONAL:
            return Refused(errors.MIN_NOTIONAL)
    elif px * qty < MIN_NOTIONAL:
        return Refused(errors.MIN_NOTIONAL)
    if _has_too_many(order):
        return Refused(refusals.OPEN_ORDERS)
    if order.reduce_only:
        return None
    return _open_interest(order) or _margin(order)


def _has_too_many(order: Order) -> bool:
    """Against the limit of open orders; from the 1000th on reduce-only orders are refused."""
    trader = order.trader
    n = len(trader.orders)
    if n < OPEN_ORDERS:
        return False
    return order.reduce_only or n >= min(OPEN_ORDERS + trader.volume // VOLUME_PER_ORDER, OPEN_ORDERS_CAP)


def _open_interest(order: Order) -> Refused | None:
    """At the cap: nothing that adds at once, and no resting price that is more aggressive than the oracle."""
    coin = order.coin
    before = order.position.szi
    after = before + order.side * order.qty
    growth = coin.spec.open_interest_growth
    if growth is not None and abs(after) > abs(before):
        grown = (coin.open_interest + order.qty - coin.hour_interest) * coin.mark_px
        if grown > round(growth * MICRO):
            return Refused(errors.OPEN_INTEREST_SPEED)
    if not coin.is_capped or (abs(after) <= abs(before) and after * before >= 0):
        return None
    if order.tif != ALO and coin.market.crosses(order):
        flips = "positionFlipAtOpenInterestCapRejected" if after * before < 0 else None
        return Refused(errors.OPEN_INTEREST_CAP, flips)
    if order.side * (order.px - coin.oracle_px) > 0:
        return Refused(errors.OPEN_INTEREST_PRICE)
    return None


def _margin(order: Order) -> Refused | None:
    """As if the order rested: within its tier, and covered by what is free."""
    account, position, coin = order.account, order.position, order.coin
    buys, sells = position.buys, position.sells
    before = margin.exposure(position)
    if order.side > 0:
        position.buys = buys + order.qty
    else:
        position.sells = sells + order.qty
    after = margin.exposure(position)
    refused = None
    if after > before:
        if position.leverage > margin.most_leverage(coin, after * coin.mark_px):
            refused = Refused(errors.MARGIN_TIER)
        elif margin.free(account) < 0:
            refused = Refused(errors.MARGIN)
    position.buys, position.sells = buys, sells
    return refused


def not_placed(order: Order, is_crossing: bool) -> Refused:
    """Why the book did not take an order that adds liquidity."""
    if not is_crossing:
        return Refused(refusals.OPEN_ORDERS)
    touch = order.coin.market.touch()
    text = order.coin.px_plain
    return Refused(errors.POST_ONLY, bid=text(touch.bid), ask=text(touch.ask))
