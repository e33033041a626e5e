"""Ids, rules and fees as read; fees against what the exchange really charges."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from touchstone.clients.hyperliquid import DelistedCoinError, UnknownCoinError, account, read_fees, read_market
from touchstone.clients.hyperliquid.metadata import rates
from touchstone.venues.hyperliquid.info import UserFees
from touchstone.venues.hyperliquid.replies import Status

HYPE = "hyna:HYPE"


@pytest.mark.asyncio
async def test_a_coin_of_a_builder_and_one_of_the_validators(trade: Any) -> None:
    trader = await trade(starts=False)
    hype = await read_market(trader.client, HYPE)
    assert await read_fees(trader.client, hype) == (hype.maker_fee_bps, hype.taker_fee_bps)
    assert (hype.dex, hype.dex_index, hype.asset, hype.sz_decimals) == ("hyna", 1, 110_000, 2)
    assert (hype.collateral, hype.max_leverage, hype.only_isolated) == ("USDE", 10, True)
    assert (hype.deployer_fee_scale, hype.growth_mode, hype.is_delisted) == (1.0, False, False)
    assert (hype.maker_fee_bps, hype.taker_fee_bps) == (3.0, 9.0)  # twice the validators' at a scale of one
    btc = await read_market(trader.client, "BTC")
    assert (btc.dex, btc.dex_index, btc.asset, btc.sz_decimals, btc.collateral) == ("", 0, 0, 5, "USDC")
    assert (btc.maker_fee_bps, btc.taker_fee_bps, btc.deployer_fee_scale) == (1.5, 4.5, None)
    assert (btc.only_isolated, btc.margin_mode) == (False, "normal")


def charged_bps(fill: Any) -> float:
    return 1e4 * float(fill.fee) / (float(fill.px) * float(fill.sz))


@pytest.mark.asyncio
@pytest.mark.parametrize(("scale", "growth_mode"), [(1.0, False), (0.5, False), (2.0, True)])
async def test_fees_are_those_of_real_fills(
    serve: Any, trade: Any, faults: Any, scale: float, growth_mode: bool
) -> None:
    from touchstone.local.spec import usual

    given = usual()
    hyna = given.dexs[1]
    coins = tuple(replace(coin, growth_mode=growth_mode) for coin in hyna.coins)
    dexs = (replace(given.dexs[0], coins=given.dexs[0].coins[:1]), replace(hyna, coins=coins, deployer_fee_scale=scale))
    server = await serve(given=replace(given, dexs=dexs))
    maker, taker = await trade(server), await trade(server, number=2)
    market = await read_market(maker.client, HYPE)
    assert (market.deployer_fee_scale, market.growth_mode) == (scale, growth_mode)
    await maker.isolate()
    await taker.isolate()
    faults(server, no_bids=(HYPE,))  # so that ours is the best
    await maker.place(maker.order(True, 0.999, "40"))
    (status,) = await taker.place(taker.order(False, 0.99, "30", "Ioc"))
    assert isinstance(status, Status)
    assert status.filled
    (made,) = await account.fills_since(maker.client, market, 0)
    (took,) = await account.fills_since(taker.client, market, 0)
    assert (made.crossed, took.crossed) == (False, True)
    assert made.fee_token == took.fee_token == market.collateral
    assert charged_bps(made) == pytest.approx(market.maker_fee_bps, abs=1e-4)  # fees are cut to micro-units
    assert charged_bps(took) == pytest.approx(market.taker_fee_bps, abs=1e-4)


def user_fees(maker: str, taker: str, referral: str = "0") -> UserFees:
    text = {
        "dailyUserVlm": [], "userCrossRate": taker, "userAddRate": maker, "userSpotCrossRate": "0.0007",
        "userSpotAddRate": "0.0004", "activeReferralDiscount": referral,
        "feeSchedule": {
            "cross": "0.00045", "add": "0.00015", "spotCross": "0.0007", "spotAdd": "0.0004",
            "tiers": {"vip": [], "mm": []}, "referralDiscount": "0.04", "stakingDiscountTiers": [],
        },
    }  # fmt: skip
    return msgspec.convert(text, UserFees)


def test_factors_of_the_documentation() -> None:
    """1 + s below a scale of 1, 2 s from there; a tenth in growth mode; a rebate knows growth alone; referral last."""
    usual = user_fees("0.00015", "0.00045")
    bp = Fraction(1, 10_000)
    assert rates(usual, None, growth_mode=False) == (bp * 3 / 2, bp * 9 / 2)
    assert rates(usual, Fraction(0), growth_mode=False) == (bp * 3 / 2, bp * 9 / 2)
    assert rates(usual, Fraction("0.5"), growth_mode=False) == (bp * 9 / 4, bp * 27 / 4)
    assert rates(usual, Fraction(1), growth_mode=False) == (3 * bp, 9 * bp)
    assert rates(usual, Fraction(3), growth_mode=True) == (bp * 9 / 10, bp * 27 / 10)
    assert rates(user_fees("-0.00003", "0.00024", "0.04"), Fraction(1), growth_mode=True) == (
        -bp * 3 / 100, bp * Fraction("2.4") * 2 / 10 * Fraction("0.96"),
    )  # fmt: skip


@pytest.mark.asyncio
async def test_coins_that_cannot_be_traded_are_named(trade: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trader = await trade(starts=False)
    with pytest.raises(UnknownCoinError, match="hyna:hype is not listed: did you mean hyna:HYPE"):
        await read_market(trader.client, "hyna:hype")
    with pytest.raises(UnknownCoinError, match="DOGE is not listed: there are BTC"):
        await read_market(trader.client, "DOGE")
    with pytest.raises(UnknownCoinError, match="no dex 'xyz', only hyna"):
        await read_market(trader.client, "xyz:GOLD")
    meta = trader.server.exchange.meta

    def delisted(dex: str = "") -> Any:
        given = meta(dex)
        for asset in given.universe:
            asset.is_delisted = True
        return given

    monkeypatch.setattr(trader.server.exchange, "meta", delisted)
    with pytest.raises(DelistedCoinError, match="hyna:HYPE is delisted on local"):
        await read_market(trader.client, HYPE)
    assert (await read_market(trader.client, HYPE, allow_delisted=True)).is_delisted
