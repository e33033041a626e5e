"""A listed coin: its market, prices, open interest, and what of its past is kept."""

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING

from touchstone.local.candles import Candles
from touchstone.local.spec import MICRO, CoinSpec, Kept
from touchstone.venues.hyperliquid.info import FundingRate
from touchstone.venues.hyperliquid.numbers import PERP_DECIMALS, render, render_response
from touchstone.venues.hyperliquid.shapes import Trade

if TYPE_CHECKING:
    from touchstone.local.markets.market import Market

HOURS_OF_DAY = 24
FIRST_LEVERAGE = 20


class Coin:
    """Prices in price units (10^-(6-szDecimals)), sizes in size units, money in micro, rates in 1e-10; 0: not known."""

    def __init__(self, spec: CoinSpec, dex: str, asset: int, fee_factor: Fraction, kept: Kept) -> None:
        self.spec = spec
        self.name = spec.name
        self.dex = dex
        self.asset = asset
        self.sz_decimals = spec.sz_decimals
        self.px_decimals = PERP_DECIMALS - spec.sz_decimals
        self.only_isolated = spec.only_isolated or spec.strict_isolated
        self.first_leverage = min(FIRST_LEVERAGE, spec.max_leverage)
        tiers = [(0, spec.max_leverage), *((round(low * MICRO), most) for low, most in spec.margin_tiers)]
        self.tiers: list[tuple[int, int]] = tiers  # (lower bound of notional, most leverage)
        self.fee_factor = fee_factor
        self.market: Market
        self.is_halted = False
        self.oracle_is_stale = False
        self.oracle_px = 0
        self.oracle_ms = 0
        self.mark_px = 0
        self.last_px = 0  # of a trade
        self.day_open_px = 0
        self.day = -1
        self.basis = 0.0  # moving average of mid - oracle: numerator and denominator
        self.basis_weight = 0.0
        self.basis_ms = 0
        self.premium: int | None = None  # newest sample, 1e-10
        self.premium_sum = 0
        self.premium_samples = 0
        self.longs = 0  # sum of the traders' positions, per side, size units
        self.shorts = 0
        self.hour_interest = 0  # open interest at the start of the hour
        self.bbo_shown: tuple[int, ...] = ()
        self.book_shown_ms = 0
        self.trades: deque[Trade] = deque(maxlen=kept.trades_per_coin)
        self.n_trades = 0
        self.fundings: deque[FundingRate] = deque(maxlen=kept.fundings_per_coin)
        self.candles = Candles(self, kept.candles_per_interval)
        self.hours: deque[tuple[int, int, int, int]] = deque(maxlen=HOURS_OF_DAY)  # (hour, notional, size, last price)

    def px_text(self, px: int) -> str:
        return render_response(px, self.px_decimals)

    def sz_text(self, qty: int) -> str:
        return render_response(qty, self.sz_decimals)

    def half_text(self, px2: int) -> str:
        """Of twice a price: a mid may lie between two ticks."""
        return render_response(5 * px2, self.px_decimals + 1)

    def px_plain(self, px: int) -> str:
        return render(px, self.px_decimals)

    def sz_plain(self, qty: int) -> str:
        return render(qty, self.sz_decimals)

    @property
    def open_interest(self) -> int:
        """Size units; the market itself, agents or recording, is the other side of what the traders have in net."""
        return max(self.longs, self.shorts)

    @property
    def is_capped(self) -> bool:
        """Whether open interest has reached its cap."""
        cap = self.spec.open_interest_cap
        return cap is not None and self.open_interest * self.mark_px >= round(cap * MICRO)

    def count_trade(self, px: int, qty: int, now_ms: int) -> None:
        """A public trade, for prices and volume."""
        self.last_px = px
        self.n_trades += 1
        hour = now_ms // 3_600_000
        if self.hours and self.hours[-1][0] == hour:
            _, notional, size, _ = self.hours.pop()
            self.hours.append((hour, notional + px * qty, size + qty, px))
        else:
            self.hours.append((hour, px * qty, qty, px))
        self.candles.add(px, qty, now_ms)

    def day_volume(self, now_ms: int) -> tuple[int, int]:
        """(notional, size) of the last 24 hours, by whole hours."""
        first = now_ms // 3_600_000 - HOURS_OF_DAY + 1
        recent = [row for row in self.hours if row[0] >= first]
        return sum(row[1] for row in recent), sum(row[2] for row in recent)
