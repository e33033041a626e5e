"""The hourly funding of all positions."""

from typing import TYPE_CHECKING

from touchstone.local import clearing, prices
from touchstone.local.wire import NO_HASH, money, rate
from touchstone.venues.hyperliquid.shapes import Funding, FundingEntry
from touchstone.venues.hyperliquid.stream import UserEvent

if TYPE_CHECKING:
    from touchstone.local.engine import Engine


def pay_hour(exchange: "Engine") -> None:
    """Settle the hour of every coin. The market's own account gets what the traders together have paid."""
    journal, now_ms = exchange.journal, exchange.now_ms
    for coin in exchange.coins.values():
        samples = coin.premium_samples
        settled = prices.settle_hour(coin, now_ms)
        text = rate(settled)
        totals = exchange.totals[coin.dex]
        for trader in exchange.traders.values():
            account = trader.accounts.get(coin.dex)
            position = account.positions.get(coin) if account else None
            if account is None or position is None or position.szi == 0:
                continue
            received = clearing.fund(account, position, settled)
            totals.house -= received
            usdc, szi = money(received), coin.sz_text(position.szi)
            delta = Funding(
                coin=coin.name, usdc=usdc, szi=szi, funding_rate=text, n_samples=samples, type="funding"
            )
            trader.fundings.append(FundingEntry(time=now_ms, hash=NO_HASH, delta=delta))
            told = Funding(time=now_ms, coin=coin.name, usdc=usdc, szi=szi, funding_rate=text, n_samples=samples)
            journal.event(trader, UserEvent(funding=told))
            exchange.trading.touched[account] = None
