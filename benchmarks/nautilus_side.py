"""nautilus_trader's side of the duel, run in its own environment: `python nautilus_side.py PACKED META EVENTS REPEATS`.

The first EVENTS rows of the shared tape as one OrderBookDeltas per packet, the plain strategy (one quote a side each
100 ms, requoted when its price changes) with an order list of its own. Prints one JSON line per run. Its fills differ
by design: it has no queue, a maker order fills when a trade or the book goes through.
"""

import gc
import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import ETH, USDC
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, BookAction, BookType, OmsType, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("BENCH")
INSTRUMENT = InstrumentId(Symbol("ETH-PERP"), VENUE)
STEP_NS, TICK, HALF_TICKS, SKEW_TICKS = 100_000_000, 0.1, 3.0, 0.35
BUY_TRADE, FILLER = 2, 7


class Fixed(Strategy):
    """One bid and one ask around a skewed mid, post only."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig(strategy_id="FIXED-1"))
        self.resting = {OrderSide.BUY: None, OrderSide.SELL: None}
        self.position = 0.0
        self.n_fills = 0
        self.n_orders = 0

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(INSTRUMENT)
        self.size = self.instrument.make_qty(1.0)
        self.subscribe_order_book_deltas(INSTRUMENT, BookType.L2_MBP)
        self.clock.set_timer_ns("step", STEP_NS, 0, 0, self.on_step)

    def on_step(self, _event) -> None:
        book = self.cache.order_book(INSTRUMENT)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None:
            return
        best_bid, best_ask = round(float(bid) / TICK), round(float(ask) / TICK)
        reservation = (best_bid + best_ask) / 2.0 - SKEW_TICKS * self.position
        self.quote(OrderSide.BUY, min(round(reservation - HALF_TICKS), best_bid))
        self.quote(OrderSide.SELL, max(round(reservation + HALF_TICKS), best_ask))

    def quote(self, side, tick) -> None:
        order = self.resting[side]
        if order is not None and not order.is_closed:
            if round(float(order.price) / TICK) == tick or order.is_pending_cancel:
                return
            self.cancel_order(order)
        order = self.order_factory.limit(
            INSTRUMENT, side, self.size, self.instrument.make_price(tick * TICK), post_only=True
        )
        self.resting[side] = order
        self.n_orders += 1
        self.submit_order(order)

    def on_order_filled(self, event) -> None:
        self.n_fills += 1
        self.position += float(event.last_qty) * (1 if event.order_side == OrderSide.BUY else -1)


def load(packed: str, meta: str, count: int) -> list:
    """The rows as nautilus's objects."""
    rows = np.load(packed, mmap_mode="r")[:count].astype(np.int64)
    base = json.loads(Path(meta).read_text())["base_exch_ts"]
    exch = base + np.cumsum(rows[:, 0])
    made, packet = [], []
    ends = np.append(np.diff(exch) > 0, True)
    for i, (_, latency, code, lots) in enumerate(rows.tolist()):
        kind, at, heard = code & 7, int(exch[i]), int(exch[i]) + latency
        price, size = Price(round((code >> 3) * TICK, 1), 1), Quantity(lots / 1000.0, 3)
        if kind >= BUY_TRADE and kind != FILLER:
            side = AggressorSide.BUYER if kind == BUY_TRADE else AggressorSide.SELLER
            made.append(TradeTick(INSTRUMENT, price, size, side, TradeId(str(i)), at, heard))
        elif kind != FILLER:
            action = BookAction.UPDATE if lots else BookAction.DELETE
            order = BookOrder(OrderSide.BUY if kind == 0 else OrderSide.SELL, price, size, 0)
            packet.append((action, order, i, at, heard))
        if ends[i] and packet:
            last = len(packet) - 1
            flags = [RecordFlag.F_LAST if n == last else 0 for n in range(len(packet))]
            deltas = [
                OrderBookDelta(INSTRUMENT, action, order, flag, sequence, ts, heard_ns)
                for flag, (action, order, sequence, ts, heard_ns) in zip(flags, packet, strict=True)
            ]
            made.append(OrderBookDeltas(INSTRUMENT, deltas))
            packet = []
    return made


def instrument() -> CryptoPerpetual:
    """The perp of the shared benchmark."""
    return CryptoPerpetual(
        instrument_id=INSTRUMENT,
        raw_symbol=Symbol("ETH-PERP"),
        base_currency=ETH,
        quote_currency=USDC,
        settlement_currency=USDC,
        is_inverse=False,
        price_precision=1,
        size_precision=3,
        price_increment=Price(TICK, 1),
        size_increment=Quantity(0.001, 3),
        margin_init=Decimal("0.1"),
        margin_maint=Decimal("0.05"),
        maker_fee=Decimal("0.00015"),
        taker_fee=Decimal("0.00045"),
        ts_event=0,
        ts_init=0,
    )


def run(data: list) -> dict:
    """CPU seconds of `run()` alone, orders and fills."""
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True))
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USDC,
        starting_balances=[Money(1_000_000, USDC)],
        book_type=BookType.L2_MBP,
        latency_model=LatencyModel(base_latency_nanos=10_000_000),
    )
    engine.add_instrument(instrument())
    strategy = Fixed()
    engine.add_strategy(strategy)
    engine.add_data(data)
    gc.collect()
    started = time.process_time()
    engine.run()
    spent = time.process_time() - started
    found = {"cpu_s": spent, "orders": strategy.n_orders, "fills": strategy.n_fills}
    engine.dispose()
    return found


def main() -> None:
    packed, meta, count, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    data = load(packed, meta, count)
    for _ in range(repeats):
        print(json.dumps(run(data)), flush=True)


if __name__ == "__main__":
    main()
