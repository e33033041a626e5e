"""Fees: tiers by the volume of 14 days, factors of builder dexs (hyperliquid.md 14).

A rate is in 1e-9 of notional; a fee in micro is cut towards zero, as the venue's are.
"""

from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from touchstone.local.coin import Coin
from touchstone.local.records import Trader
from touchstone.local.spec import MICRO, DexSpec
from touchstone.local.wire import money
from touchstone.venues.hyperliquid.info import (
    DailyVolume,
    FeeSchedule,
    FeeTiers,
    MakerTier,
    StakingDiscount,
    UserFees,
    VipTier,
)
from touchstone.venues.hyperliquid.numbers import render_response

DAY_MS = 86_400_000
WINDOW_DAYS = 14
RATE = 10**9


class Tier(NamedTuple):
    """From this volume (collateral) on; rates in 1e-9."""

    volume: int
    taker: int
    maker: int
    spot_taker: int
    spot_maker: int


TIERS = (
    Tier(0, 450_000, 150_000, 700_000, 400_000),
    Tier(5_000_000, 400_000, 120_000, 600_000, 300_000),
    Tier(25_000_000, 350_000, 80_000, 500_000, 200_000),
    Tier(100_000_000, 300_000, 40_000, 400_000, 100_000),
    Tier(500_000_000, 280_000, 0, 350_000, 0),
    Tier(2_000_000_000, 260_000, 0, 300_000, 0),
    Tier(7_000_000_000, 240_000, 0, 250_000, 0),
)
_MAKER_TIERS = (("0.005", "-0.00001"), ("0.015", "-0.00002"), ("0.03", "-0.00003"))
_STAKING = (("0.0", "0.0"), ("0.0001", "0.05"), ("0.001", "0.1"), ("0.01", "0.15"), ("0.1", "0.2"), ("1.0", "0.3"),
            ("5.0", "0.4"))  # fmt: skip


def factor(dex: DexSpec, growth_mode: bool) -> Fraction:
    """What a builder dex multiplies the validators' rates by."""
    if not dex.name:
        return Fraction(1)
    scale = Fraction(str(dex.deployer_fee_scale))
    made = 1 + scale if scale < 1 else 2 * scale
    return made / 10 if growth_mode else made


def tier_of(trader: Trader, now_ms: int) -> Tier:
    """Tier of today, by the volume of the 14 days before; assessed once a day."""
    day = now_ms // DAY_MS
    if trader.rate_day != day:
        recent = sum(sum(v) for d, v in trader.volume_by_day.items() if day - WINDOW_DAYS <= d < day)
        trader.rates = next(tier for tier in reversed(TIERS) if recent > tier.volume * MICRO or tier.volume == 0)
        trader.rate_day = day
    tier: Tier = trader.rates
    return tier


def rate(trader: Trader, coin: Coin, is_taker: bool, now_ms: int) -> int:
    """Rate of a fill, 1e-9."""
    tier = tier_of(trader, now_ms)
    given = tier.taker if is_taker else tier.maker
    return given * coin.fee_factor.numerator // coin.fee_factor.denominator


def count_volume(trader: Trader, notional: int, is_taker: bool, now_ms: int) -> None:
    """A fill of `notional` micro."""
    trader.volume += notional
    by_day = trader.volume_by_day
    day = now_ms // DAY_MS
    if day not in by_day:
        by_day[day] = [0, 0]
        for old in [d for d in by_day if d < day - WINDOW_DAYS]:
            del by_day[old]
    by_day[day][0 if is_taker else 1] += notional


def user_fees(trader: Trader | None, now_ms: int, exchange_volume: int) -> UserFees:
    """The answer to `userFees`: rates of the validators' dex, as the venue gives them."""
    tier = tier_of(trader, now_ms) if trader else TIERS[0]
    days = []
    for day, (taken, made) in sorted(trader.volume_by_day.items()) if trader else ():
        date = _date(day)
        days.append(DailyVolume(date=date, user_cross=money(taken), user_add=money(made), exchange="0.0"))
    if days:
        days[-1].exchange = money(exchange_volume)
    return UserFees(
        daily_user_vlm=days,
        fee_schedule=_SCHEDULE,
        user_cross_rate=_text(tier.taker),
        user_add_rate=_text(tier.maker),
        user_spot_cross_rate=_text(tier.spot_taker),
        user_spot_add_rate=_text(tier.spot_maker),
        active_referral_discount="0.0",
        trial=None,
        fee_trial_reward="0.0",
        next_trial_available_timestamp=None,
        staking_link=None,
        active_staking_discount=StakingDiscount(bps_of_max_supply="0.0", discount="0.0"),
    )


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")


def _text(units: int) -> str:
    return render_response(units, 9)


_SCHEDULE = FeeSchedule(
    cross=_text(TIERS[0].taker),
    add=_text(TIERS[0].maker),
    spot_cross=_text(TIERS[0].spot_taker),
    spot_add=_text(TIERS[0].spot_maker),
    tiers=FeeTiers(
        vip=[
            VipTier(
                ntl_cutoff=f"{t.volume}.0", cross=_text(t.taker), add=_text(t.maker), spot_cross=_text(t.spot_taker),
                spot_add=_text(t.spot_maker),
            )
            for t in TIERS[1:]
        ],
        mm=[MakerTier(maker_fraction_cutoff=cutoff, add=add) for cutoff, add in _MAKER_TIERS],
    ),
    referral_discount="0.04",
    staking_discount_tiers=[StakingDiscount(bps_of_max_supply=b, discount=d) for b, d in _STAKING],
)  # fmt: skip
