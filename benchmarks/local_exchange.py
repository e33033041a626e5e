"""What an order action costs in the local exchange below its sockets: ten market makers and ten takers on one coin.

`python -m benchmarks.local_exchange`
"""

import gc
import random
import time

from touchstone.local import spec as specs
from touchstone.local.exchange import LocalExchange
from touchstone.venues.hyperliquid import actions as wire

HYPE = 110_000
SECONDS = 60
PER_S = 2_000
MICRO = 1_000_000


def order(is_buy: bool, px: float, size: float, tif: str) -> wire.Order:
    return wire.Order(HYPE, is_buy, f"{px:.3f}", f"{size:.2f}", False, wire.OrderType(limit=wire.Limit(tif)))


def action(draw: random.Random, exchange: LocalExchange, user: str) -> wire.L1:
    """One request: a quote, a replacement, a cancel, now and then an order that takes."""
    coin = exchange.by_asset[HYPE]
    mid = coin.mark_px / 10**coin.px_decimals
    live = list(exchange.traders[user].orders)
    dice = draw.random()
    side = draw.random() < 0.5
    away = mid * (1 + (-1 if side else 1) * draw.uniform(0.0005, 0.01))
    if len(live) > 10 or (live and dice < 0.3):
        return wire.CancelOrders([wire.Cancel(HYPE, live[0])])
    if live and dice < 0.6:
        return wire.ModifyOrders([wire.Replacement(draw.choice(live), order(side, away, 1.0, "Alo"))])
    if dice < 0.65:
        return wire.PlaceOrders([order(side, mid * (1.01 if side else 0.99), 2.0, "Ioc")], "na")
    return wire.PlaceOrders([order(side, away, 1.0, "Alo")], "na")


def main() -> None:
    """A minute at 2,000 actions per second; processor time of each block, submission included."""
    draw = random.Random(1)
    exchange = LocalExchange(specs.usual(), seed=1, start_ms=1_760_000_000_000)
    users = [f"0x{n + 1:040x}" for n in range(20)]
    for user in users:
        exchange.deposit(user, "hyna", 1_000_000 * MICRO)
    gc.collect()
    gc.disable()  # as the server does: the exchange makes no cycles
    per_block = PER_S * exchange.block_ms // 1000
    blocks, n_fills = [], 0
    for number in range(SECONDS * 1000 // exchange.block_ms):
        wanted = [(user, action(draw, exchange, user)) for user in (draw.choice(users) for _ in range(per_block))]
        started = time.thread_time()
        for user, made in wanted:
            exchange.submit(user, made, exchange.now_ms * MICRO + 1)
        [report] = exchange.advance(exchange.now_ms + exchange.block_ms)
        if number:  # the first one may compile
            blocks.append(time.thread_time() - started)
        n_fills += sum(len(fills) for fills in report.fills.values())
    blocks.sort()
    n = per_block * len(blocks)
    print(f"{n:,} actions, {n_fills:,} fills, three coins: {sum(blocks) / n * 1e6:.1f} us per action")
    p50, p99, worst = (blocks[min(int(len(blocks) * q), len(blocks) - 1)] * 1e3 for q in (0.5, 0.99, 1.0))
    print(f"a block ({exchange.block_ms} ms, {per_block} actions): p50 {p50:.2f} ms, p99 {p99:.2f}, worst {worst:.2f}")


if __name__ == "__main__":
    main()
