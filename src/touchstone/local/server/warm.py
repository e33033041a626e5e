"""Compilation ahead: a throw-away exchange of the same markets sees an order of each kind before the port is open.

Otherwise the first order of a client would wait for the compiler, and all blocks with it.
"""

from dataclasses import replace

from touchstone.core.conventions import MS
from touchstone.local.exchange import LocalExchange
from touchstone.local.spec import ExchangeSpec, Mirror
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.shapes import AssetCtx, Bbo, Book, Level, Trade

USER = "0x" + "f" * 40
BLOCKS = 30
SZ, BID, ASK, FAR = "10", "100", "101", "80"


def warm(spec: ExchangeSpec, *, start_ms: int) -> None:
    """Compile what these markets need."""
    exchange = LocalExchange(_first_coins(spec), seed=0, start_ms=start_ms)
    for coin in exchange.coins.values():
        if isinstance(coin.spec.market, Mirror):
            _feed(exchange, coin.name)
        exchange.deposit(USER, coin.dex, 10**12)
    _run(exchange, BLOCKS)
    for coin in exchange.coins.values():
        touch = coin.market.touch()
        near = coin.px_plain(touch.ask or coin.mark_px) if touch.ask or coin.mark_px else ASK
        far = coin.px_plain(touch.bid * 9 // 10) if touch.bid else FAR
        _do(exchange, actions.UpdateLeverage(coin.asset, False, 1))
        for tif, px, is_buy in (("Alo", far, True), ("Gtc", near, True), ("Ioc", far, False), ("Ioc", near, True)):
            order = actions.Order(coin.asset, is_buy, px, SZ, False, actions.OrderType(actions.Limit(tif)))
            _do(exchange, actions.PlaceOrders([order], "na"))
        closing = actions.Order(coin.asset, False, far, "1", True, actions.OrderType(actions.Limit("Gtc")))
        _do(exchange, actions.PlaceOrders([closing], "na"))
        for order_id in list(exchange.trader(USER).orders):
            _do(exchange, actions.CancelOrders([actions.Cancel(coin.asset, order_id)]))
        exchange.l2_book(coin.name, 5, 2)
        exchange.empty_side(coin.name, 1)
        exchange.empty_side(coin.name, -1)
        _run(exchange, 2)


def _first_coins(spec: ExchangeSpec) -> ExchangeSpec:
    """One coin of each kind of market is enough: code is compiled per kind."""
    seen: set[type] = set()
    dexs = []
    for dex in spec.dexs:
        coins = []
        for coin in dex.coins:
            if type(coin.market) not in seen:
                seen.add(type(coin.market))
                coins.append(coin)
        dexs.append(replace(dex, coins=tuple(coins)))
    return replace(spec, dexs=tuple(dexs))


def _do(exchange: LocalExchange, action: actions.Action) -> None:
    exchange.submit(USER, action, exchange.now_ms * MS)
    _run(exchange, 2)


def _run(exchange: LocalExchange, blocks: int) -> None:
    exchange.advance(exchange.now_ms + blocks * exchange.block_ms)


def _feed(exchange: LocalExchange, coin: str) -> None:
    """What a mirrored venue sends."""
    now_ms = exchange.now_ms
    bid, ask = Level(BID, SZ, 1), Level(ASK, SZ, 1)
    context = AssetCtx("0.0", "0.0", BID, "0.0", BID, BID, None, None, None)
    exchange.mirror(coin, context)
    exchange.mirror(coin, Book(coin, now_ms, ([bid], [ask])))
    exchange.mirror(coin, Bbo(coin, now_ms, (bid, ask)))
    exchange.mirror(coin, [Trade(coin, "B", ASK, "1", now_ms, "0x0", 1)])
