"""Mark, premium, funding, fees: the formulas of hyperliquid.md 14 to 16."""

import math
from itertools import pairwise

import pytest

from touchstone.local import prices
from touchstone.venues.hyperliquid import actions as wire

from .conftest import BTC, EVEN, HYPE, MICRO, Desk, imbalance, quiet_spec

HOUR_MS = 3_600_000


def test_the_validators_mark_is_a_median_of_three(mirror: Desk) -> None:
    """Oracle with the average basis, the book, the perps elsewhere (here the oracle)."""
    coin = mirror.exchange.coins["BTC"]
    mirror.show("BTC", 101_000.0)
    mirror.seconds(3)
    coin.market._house[0].oracle_px = 1_000_000  # type: ignore[attr-defined]
    mirror.seconds(3)
    assert coin.oracle_px == 1_000_000
    steps = 2  # samples of a basis of 0, then one of 1,000
    basis = 10_000 * 3_000 / (3_000 + 3_000 * steps * math.exp(-3_000 / 150_000))
    assert coin.mark_px == pytest.approx(1_000_000 + basis, rel=2e-3)
    assert 1_000_000 < coin.mark_px < 1_010_000


def test_a_deployers_mark_moves_one_percent_at_most(mirror: Desk) -> None:
    marks = []
    mirror.show("hyna:HYPE", 44.0)
    for _ in range(12):
        mirror.seconds(3)
        marks.append(mirror.exchange.coins["hyna:HYPE"].mark_px)
    for before, after in pairwise(marks):
        assert after - before <= before // 100
    assert marks[0] == 404_000
    assert marks[-1] == pytest.approx(440_000, rel=1e-3)


def test_a_silent_oracle_leaves_the_local_price(mirror: Desk) -> None:
    mirror.exchange.set_oracle_stale("hyna:HYPE", True)
    mirror.show("hyna:HYPE", 40.2)
    mirror.seconds(6)
    coin = mirror.exchange.coins["hyna:HYPE"]
    assert (coin.oracle_px, coin.mark_px) == (400_000, 401_000)  # median of oracle and book
    mirror.seconds(6)
    assert (coin.oracle_px, coin.mark_px) == (400_000, 402_000)


def test_funding_is_the_clamped_premium(mirror: Desk) -> None:
    """F = P + clamp(0.01 % - P, +-0.05 %), an eighth of it an hour; P = 0 gives the baseline 0.00125 %."""
    coin = mirror.exchange.coins["BTC"]
    for premium_bps, per_8h_bps in ((0.0, 1.0), (3.0, 1.0), (6.0, 1.0), (10.0, 5.0), (-10.0, -5.0)):
        coin.premium_sum, coin.premium_samples = round(premium_bps * 1e6), 1
        assert prices.funding_rate(coin) == round(per_8h_bps * 1e6 / 8)
    coin.premium_sum, coin.premium_samples = 10**10, 1  # 100 %
    assert prices.funding_rate(coin) == 400_000_000  # 4 % an hour at most


def test_premiums_of_the_two_kinds_of_dex(mirror: Desk) -> None:
    mirror.show("BTC", 100_000.0, 0.0002)
    mirror.show("hyna:HYPE", 40.0, 0.0002)
    mirror.seconds(5)
    for coin in mirror.exchange.coins.values():
        assert coin.premium == 0  # oracle within the impact prices; the mean of these at the oracle
        coin.oracle_px = coin.oracle_px * 999 // 1000
        prices.sample_premium(coin)
    btc, hype = (mirror.exchange.coins[name] for name in ("BTC", "hyna:HYPE"))
    assert btc.premium == pytest.approx(((100_000 * 0.9998) / 99_900 - 1) * 1e10, abs=2e5)  # impact bid over oracle
    assert hype.premium == pytest.approx((40.0 / 39.96 - 1) * 1e10, abs=2e5)  # mean of the impact prices over oracle


def test_impact_prices_average_what_trades() -> None:
    side = [(400_000, 1_000, 1), (401_000, 10_000, 1)]  # 400 and 4010 of notional
    assert prices.impact(side, 400 * MICRO) == 400_000
    mean = prices.impact(side, 1_000 * MICRO)
    assert mean == pytest.approx(1_000 * MICRO / (1_000 + 600 * MICRO / 401_000))
    assert prices.impact([], MICRO) is None


def test_funding_is_paid_each_hour_on_the_oracle_price(mirror: Desk) -> None:
    long, short = mirror.user(1), mirror.user(2)
    mirror.one(long, BTC, "0.05", "100100", "Ioc")
    mirror.one(short, BTC, "-0.02", "99900", "Ioc")
    mirror.exchange._hour -= 1  # the hour ends with the next block
    coin = mirror.exchange.coins["BTC"]
    coin.premium_sum, coin.premium_samples = 8_000_000, 2  # 4 bps on average: the rate is 1 bp per 8 h
    mirror.blocks()
    [paid] = mirror.exchange.user_funding(long, 0)
    [received] = mirror.exchange.user_funding(short, 0)
    assert (paid.delta.funding_rate, paid.delta.usdc, paid.delta.szi) == ("0.0000125", "-0.0625", "0.05")
    assert (received.delta.usdc, received.delta.n_samples) == ("0.025", 2)
    [entry] = mirror.exchange.funding_history("BTC", 0)
    assert (entry.funding_rate, entry.premium) == ("0.0000125", "0.0004")
    assert mirror.report.user_events[long][0].funding.usdc == "-0.0625"
    [held] = mirror.exchange.clearinghouse_state(long).asset_positions
    assert held.position.cum_funding.all_time == "0.0625"  # positive: paid
    assert imbalance(mirror.exchange) == EVEN


def test_fees_of_both_kinds_of_dex(mirror: Desk) -> None:
    user = mirror.user(1)
    mirror.one(user, BTC, "0.1", "100100", "Ioc")
    [fill] = mirror.report.fills[user]
    assert (fill.px, fill.fee, fill.fee_token) == ("100050.0", "4.50225", "USDC")  # 4.5 bp
    mirror.one(user, HYPE, "10", "40.1", "Ioc")
    [fill] = mirror.report.fills[user]
    assert (fill.px, fill.fee, fill.fee_token) == ("40.02", "0.36018", "USDE")  # 9 bp: a scale of 1 doubles


@pytest.mark.parametrize(("scale", "growth", "taker"), [(0.5, False, 675_000), (2.0, False, 1_800_000),
                                                        (1.0, True, 90_000)])  # fmt: skip
def test_the_deployers_factor(scale: float, growth: bool, taker: int) -> None:
    from dataclasses import replace

    from touchstone.local import fees

    spec = quiet_spec(growth_mode=growth)
    dex = replace(spec.dexs[1], deployer_fee_scale=scale)
    factor = fees.factor(dex, growth)
    assert 450_000 * factor == taker


def test_tiers_follow_the_volume_of_the_days_before(desk: Desk) -> None:
    user = desk.user(1)
    trader = desk.exchange.traders[user]
    today = desk.exchange.now_ms // 86_400_000
    trader.volume_by_day = {today - 15: [10**15, 0], today - 1: [20_000_000 * MICRO, 6_000_000 * MICRO]}
    rates = desk.exchange.user_fees(user)
    assert (rates.user_cross_rate, rates.user_add_rate) == ("0.00035", "0.00008")
    desk.send(user, wire.Noop())
    assert rates.fee_schedule.tiers.vip[0].ntl_cutoff == "5000000.0"
