"""Oracle, mark, premium and funding rate of a coin (hyperliquid.md 15 and 16).

The oracle is what the coin costs elsewhere, taken every 3 s unless it is stale. The validators' mark is the median of
oracle + 150 s average of (mid - oracle), of the book (bid, ask, last trade), and of the perps elsewhere, for which the
oracle's source stands. A deployer's mark is the median of what the deployer sends, which is the oracle, and of the
book; it moves at most 1 % per update, stays below ten times the day's open, and follows the book alone once the oracle
is silent for 10 s.
"""

import math
from statistics import median

from touchstone.local.coin import Coin
from touchstone.local.markets.market import BookSide
from touchstone.local.spec import MICRO
from touchstone.local.wire import rate
from touchstone.venues.hyperliquid.info import FundingRate

UPDATE_MS = 3_000
SAMPLE_MS = 5_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
SILENT_MS = 10_000
BASIS_MEMORY_MS = 150_000
RATE_UNITS = 10**10
CLAMP = 5_000_000  # 0.05 %, in 1e-10
MOST_PER_HOUR = 400_000_000  # 4 %
MOST_OF_OPEN = 10
INTEREST_OVER_CAP = 10


def update(coin: Coin, now_ms: int) -> None:
    """Oracle and mark of now; both stay unknown until there is a price."""
    touch = coin.market.touch()
    if not coin.oracle_is_stale:
        coin.oracle_px = coin.market.oracle() or touch.mid2 // 2 or coin.oracle_px
        coin.oracle_ms = now_ms
    local = [float(px) for px in (touch.bid, touch.ask, coin.last_px) if px]
    book_px = median(local) if local else None
    if coin.oracle_px == 0:
        return
    wanted = _deployers_mark(coin, book_px, now_ms) if coin.dex else _validators_mark(coin, book_px, touch.mid2, now_ms)
    day = now_ms // DAY_MS
    if coin.day != day:
        coin.day = day
        coin.day_open_px = coin.mark_px or wanted
    coin.mark_px = max(wanted, 1)


def _validators_mark(coin: Coin, book_px: float | None, mid2: int, now_ms: int) -> int:
    if mid2:
        keep = math.exp(-(now_ms - coin.basis_ms) / BASIS_MEMORY_MS) if coin.basis_ms else 0.0
        passed = (now_ms - coin.basis_ms) if coin.basis_ms else UPDATE_MS
        coin.basis = coin.basis * keep + (mid2 / 2 - coin.oracle_px) * passed
        coin.basis_weight = coin.basis_weight * keep + passed
        coin.basis_ms = now_ms
    basis = coin.basis / coin.basis_weight if coin.basis_weight else 0.0
    prices = [coin.oracle_px + basis, float(coin.oracle_px)]
    if book_px is not None:
        prices.append(book_px)
    return round(median(prices))


def _deployers_mark(coin: Coin, book_px: float | None, now_ms: int) -> int:
    if now_ms - coin.oracle_ms >= SILENT_MS:
        wanted = book_px if book_px is not None else float(coin.mark_px)
    else:
        wanted = median([float(coin.oracle_px)] + ([book_px] if book_px is not None else []))
    before = coin.mark_px
    if before == 0:
        return round(wanted)
    step = before // 100
    px = min(max(round(wanted), before - step), before + step)
    if coin.day_open_px:
        px = min(px, MOST_OF_OPEN * coin.day_open_px)
    cap = coin.spec.open_interest_cap
    if cap is not None and coin.open_interest * px > INTEREST_OVER_CAP * round(cap * MICRO):
        return before
    return px


def impact(side: BookSide, notional: int) -> float | None:
    """Average price at which `notional` micro trades against a side, or all that is shown of it; None if empty."""
    left, size = notional, 0.0
    paid = 0
    for px, qty, _ in side:
        part = min(px * qty, left)
        size += part / px
        paid += part
        left -= part
        if left <= 0:
            break
    return paid / size if size else None


def impacts(coin: Coin) -> tuple[float, float] | None:
    """Impact bid and ask of the coin's notional; None on a one-sided book."""
    bids, asks = coin.market.depth()
    notional = round(coin.spec.impact_notional * MICRO)
    bid, ask = impact(bids, notional), impact(asks, notional)
    return (bid, ask) if bid is not None and ask is not None else None


def sample_premium(coin: Coin) -> None:
    """One sample of the premium, for the funding of this hour; none on a one-sided book."""
    found = impacts(coin)
    oracle = coin.oracle_px
    coin.premium = None
    if found is None or oracle == 0:
        return
    bid, ask = found
    if coin.dex:
        premium = 0.5 * (bid + ask) / oracle - 1.0
    else:
        premium = (max(bid - oracle, 0.0) - max(oracle - ask, 0.0)) / oracle
    coin.premium = round(premium * RATE_UNITS)
    coin.premium_sum += coin.premium
    coin.premium_samples += 1


def mean_premium(coin: Coin) -> int:
    """Of the samples of this hour, 1e-10; 0 where there is none."""
    return round(coin.premium_sum / coin.premium_samples) if coin.premium_samples else 0


def funding_rate(coin: Coin) -> int:
    """Hourly rate as it stands, 1e-10: F = P + clamp(interest - P, +-0.05 %) per 8 h, an eighth of it, at most 4 %."""
    premium = round(mean_premium(coin) * coin.spec.funding_multiplier)
    interest = round(coin.spec.interest_rate * RATE_UNITS)
    per_8h = premium + min(max(interest - premium, -CLAMP), CLAMP)
    return min(max(round(per_8h / 8), -MOST_PER_HOUR), MOST_PER_HOUR)


def settle_hour(coin: Coin, now_ms: int) -> int:
    """The hour is over: its rate, written down; the next hour's samples begin."""
    settled = funding_rate(coin)
    premium = rate(mean_premium(coin))
    coin.fundings.append(FundingRate(coin=coin.name, funding_rate=rate(settled), time=now_ms, premium=premium))
    coin.premium_sum = 0
    coin.premium_samples = 0
    coin.hour_interest = coin.open_interest
    return settled
