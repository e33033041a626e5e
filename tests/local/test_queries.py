"""Answers to /info: each has the shape that the venue's type says, and says what is so."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from touchstone.local import spec as specs
from touchstone.local.candles import bounds
from touchstone.local.exchange import LocalExchange
from touchstone.venues.hyperliquid import actions as wire
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.shapes import Bbo, Trade

from .conftest import BTC, HYPE, MICRO, START_MS, Desk, mirror_spec, order
from .test_margin import trade


@pytest.fixture
def busy(desk: Desk) -> tuple[Desk, str]:
    """A user with positions, orders, fills, funding."""
    a, b = desk.user(1), desk.user(2)
    trade(desk, a, b, HYPE, "10", "40")
    trade(desk, a, b, BTC, "0.1", "100000")
    desk.exchange._hour -= 1
    desk.blocks()
    desk.place(a, order(HYPE, "1", "39.9"), order(BTC, "-0.01", "100500", cloid="0x" + "c" * 32))
    desk.one(a, HYPE, "1", "41")  # refused
    return desk, a


def test_every_answer_has_the_wires_shape(busy: tuple[Desk, str]) -> None:
    desk, user = busy
    exchange = desk.exchange
    now = exchange.now_ms
    oid = exchange.open_orders(user)[0].oid
    answers: dict[str, list[Any]] = {
        "allMids": [exchange.all_mids(), exchange.all_mids("hyna")],
        "l2Book": [exchange.l2_book("BTC"), exchange.l2_book("BTC", 5, 2), exchange.l2_book("nothing")],
        "meta": [exchange.meta(), exchange.meta("hyna")],
        "metaAndAssetCtxs": [(exchange.meta(dex), exchange.asset_contexts(dex)) for dex in ("", "hyna")],
        "allPerpMetas": [exchange.all_metas()],
        "perpDexs": [exchange.perp_dexs()],
        "perpDexLimits": [exchange.perp_dex_limits("hyna"), exchange.perp_dex_limits("")],
        "perpDexStatus": [exchange.perp_dex_status("hyna")],
        "perpsAtOpenInterestCap": [exchange.perps_at_open_interest_cap("hyna")],
        "marginTable": [exchange.margin_table(10), exchange.margin_table(52)],
        "maxMarketOrderNtls": [exchange.max_market_order_ntls()],
        "predictedFundings": [exchange.predicted_fundings()],
        "fundingHistory": [exchange.funding_history("BTC", 0)],
        "recentTrades": [exchange.recent_trades("BTC")],
        "candleSnapshot": [exchange.candles("BTC", interval, 0, now) for interval in ("1m", "1w", "1M")],
        "exchangeStatus": [exchange.exchange_status()],
        "spotMeta": [exchange.spot_meta()],
        "spotMetaAndAssetCtxs": [(exchange.spot_meta(), exchange.spot_contexts())],
        "clearinghouseState": [exchange.clearinghouse_state(user, dex) for dex in ("", "hyna")],
        "spotClearinghouseState": [exchange.spot_state(user)],
        "openOrders": [exchange.open_orders(user)],
        "frontendOpenOrders": [exchange.frontend_open_orders(user)],
        "orderStatus": [exchange.order_status(user, oid), exchange.order_status(user, 1)],
        "historicalOrders": [exchange.historical_orders(user)],
        "userFills": [exchange.user_fills(user), exchange.user_fills(user, True)],
        "userFillsByTime": [exchange.user_fills_by_time(user, 0, now)],
        "userFunding": [exchange.user_funding(user, 0)],
        "userNonFundingLedgerUpdates": [exchange.user_ledger(user, 0)],
        "userRateLimit": [exchange.user_rate_limit(user, 12)],
        "userFees": [exchange.user_fees(user)],
        "activeAssetData": [exchange.active_asset_data(user, "BTC"), exchange.active_asset_data(user, "hyna:HYPE")],
    }
    for kind, made in answers.items():
        for answer in made:
            raw = msgspec.json.encode(answer)
            assert msgspec.json.encode(Decoder(strict=True).info(kind, raw)) == raw, kind


def test_an_address_that_was_never_here_has_empty_answers(desk: Desk) -> None:
    exchange, nobody = desk.exchange, "0x" + "7" * 40
    assert not exchange.has_account(nobody)
    assert exchange.clearinghouse_state(nobody, "hyna").asset_positions == []
    assert exchange.clearinghouse_state(nobody).withdrawable == "0.0"
    assert exchange.open_orders(nobody) == exchange.user_fills(nobody) == exchange.historical_orders(nobody) == []
    assert exchange.order_status(nobody, 5).status == "unknownOid"
    assert exchange.user_rate_limit(nobody).n_requests_cap == 10_000
    assert not exchange.has_account(nobody)  # asking does not make one


def test_assets_have_the_venues_numbers(desk: Desk) -> None:
    assert {asset: coin.name for asset, coin in desk.exchange.by_asset.items()} == {
        0: "BTC", 1: "ETH", 110_000: "hyna:HYPE",
    }  # fmt: skip
    assert desk.exchange.perp_dexs()[0] is None
    meta = desk.exchange.meta("hyna")
    assert (meta.universe[0].name, meta.universe[0].only_isolated, meta.collateral_token) == ("hyna:HYPE", True, 235)


def test_order_status_keeps_the_size_of_the_opening(busy: tuple[Desk, str]) -> None:
    desk, user = busy
    other = desk.user(3)
    [resting] = desk.exchange.open_orders(user, "hyna")
    desk.one(other, HYPE, "-0.5", "39.9", "Ioc")
    assert desk.exchange.open_orders(user, "hyna")[0].sz == "0.5"
    assert desk.exchange.order_status(user, resting.oid).order.order.sz == "1.0"
    desk.one(other, HYPE, "-0.5", "39.9", "Ioc")
    status = desk.exchange.order_status(user, resting.oid)
    assert (status.order.status, status.order.order.sz) == ("filled", "0.0")


def test_history_is_newest_first_and_knows_refused_orders(busy: tuple[Desk, str]) -> None:
    desk, user = busy
    history = desk.exchange.historical_orders(user)
    assert history[0].status == "badAloPxRejected"
    assert [past.order.oid for past in history] == sorted((past.order.oid for past in history), reverse=True)
    fills = desk.exchange.user_fills(user)
    assert [fill.time for fill in fills] == sorted((fill.time for fill in fills), reverse=True)
    assert desk.exchange.user_fills_by_time(user, 0)[0] == fills[-1]
    assert desk.exchange.user_fills_by_time(user, 0, is_reversed=True)[0] == fills[0]


def test_fills_of_one_order_in_one_block_can_be_put_together(desk: Desk) -> None:
    maker, taker = desk.user(1), desk.user(2)
    desk.place(maker, order(HYPE, "-3", "40.1"), order(HYPE, "-1", "40.2"))
    desk.one(taker, HYPE, "4", "40.2", "Ioc")
    single = desk.exchange.user_fills(taker)
    [whole] = desk.exchange.user_fills(taker, aggregate_by_time=True)
    assert (whole.sz, whole.px) == ("4.0", "40.125")
    assert float(whole.fee) == pytest.approx(sum(float(fill.fee) for fill in single))
    assert len(desk.exchange.user_fills(maker, aggregate_by_time=True)) == 2


def test_joined_levels_are_rounded_away_from_the_touch(desk: Desk) -> None:
    user = desk.user(1)
    desk.place(user, *[order(HYPE, "1", px) for px in ("39.987", "39.981", "39.96")], order(HYPE, "-1", "40.011"))
    book = desk.exchange.l2_book("hyna:HYPE", 4)
    assert [(level.px, level.sz, level.n) for level in book.levels[0][:2]] == [("39.98", "2.0", 2), ("39.96", "1.0", 1)]
    assert book.levels[1][0].px == "40.02"
    for figures, mantissa in ((1, None), (6, None), (4, 2), (5, 3)):
        with pytest.raises(ValueError, match=r"nSigFigs|mantissa"):
            desk.exchange.l2_book("BTC", figures, mantissa)


def test_candles_add_up_and_begin_where_the_calendar_says(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    for px in ("40", "40.2", "39.9"):
        trade(desk, a, b, HYPE, "1", px)
    now = desk.exchange.now_ms
    [candle] = desk.exchange.candles("hyna:HYPE", "1d", 0, now)
    assert (candle.open, candle.high, candle.low, candle.close) == ("40.0", "40.2", "39.9", "39.9")
    assert (candle.volume, candle.n_trades) == ("3.0", 3)
    assert candle.close_time - candle.open_time == 86_400_000 - 1
    assert bounds("1w", 1_760_000_000_000)[0] == 1_759_708_800_000  # Monday, 6 October 2025
    assert bounds("1M", 1_760_000_000_000) == (1_759_276_800_000, 1_761_955_199_999)  # October
    assert desk.exchange.candles("hyna:HYPE", "7m", 0, now) == []


def test_blocks_tell_touches_books_and_contexts(desk: Desk) -> None:
    user = desk.user(1)
    desk.one(user, HYPE, "1", "39.9")
    assert desk.report.bbo["hyna:HYPE"].bbo[0].px == "39.9"
    reports = desk.blocks(100)
    assert [r.bbo for r in reports if r.bbo] == []  # nothing moves
    due = [r.time_ms for r in reports if "BTC" in r.book_due]
    assert min(after - before for before, after in pairwise(due)) >= 500
    assert len(due) >= 12
    assert sum("BTC" in r.ctx_changed for r in reports) in (2, 3)  # each 3 s


def test_a_mirror_shows_what_it_mirrors_and_its_guests_trade() -> None:
    """A second local exchange mirrors the first one."""
    first = LocalExchange(specs.usual(), seed=3, start_ms=START_MS)
    desk = Desk(mirror_spec())
    user = desk.user(1)
    for coin in ("BTC", "hyna:HYPE"):
        desk.exchange.mirror(coin, first.l2_book(coin))
    seen = 0
    for _ in range(800):
        [report] = first.advance(first.now_ms + first.block_ms)
        for coin in ("BTC", "hyna:HYPE"):
            if coin in report.bbo:
                desk.exchange.mirror(coin, report.bbo[coin])
            if coin in report.trades:
                desk.exchange.mirror(coin, report.trades[coin])
            if coin in report.book_due:
                desk.exchange.mirror(coin, first.l2_book(coin))
        ours = desk.blocks()[-1]
        for coin, told in report.bbo.items():
            if coin in desk.exchange.coins:
                assert prices_of(ours.bbo.get(coin, desk.exchange.bbo(coin))) == prices_of(told)
                seen += 1
        assert {t.tid for ts in ours.trades.values() for t in ts} == {
            t.tid for name, ts in report.trades.items() if name != "ETH" for t in ts
        }
    assert seen > 100
    ask = first.bbo("BTC").bbo[1]
    assert desk.one(user, BTC, "0.001", ask.px.removesuffix(".0"), "Ioc") == ("0.001", ask.px.removesuffix(".0"))
    assert [f.px for f in desk.report.fills[user]] == [ask.px]
    assert desk.report.trades == {}  # a guest's trade is nobody else's business


def prices_of(bbo: Bbo) -> tuple[Any, Any]:
    return tuple((level.px, level.sz) if level else None for level in bbo.bbo)  # type: ignore[return-value]


def test_a_guests_resting_order_fills_when_the_feed_trades_through_it(mirror: Desk) -> None:
    user = mirror.user(1)
    oid = mirror.one(user, HYPE, "5", "40.0")
    through = Trade(coin="hyna:HYPE", side="A", px="39.99", sz="1.0", time=mirror.exchange.now_ms, hash="0x0", tid=9)
    mirror.exchange.mirror("hyna:HYPE", [through])
    mirror.blocks()
    assert mirror.statuses(user) == [(oid, "filled")]
    assert mirror.size(user, "hyna:HYPE") == "5.0"


def test_a_guests_order_is_cancelled_where_margin_does_not_bear_its_fill(mirror: Desk) -> None:
    user = mirror.user(1, 1_000.0)
    mirror.send(user, wire.UpdateLeverage(BTC, True, 40))
    first = mirror.one(user, BTC, "0.3", "99900")  # 749 of 1000
    mirror.one(user, BTC, "0.05", "100100", "Ioc")
    mirror.show("BTC", 99_400.0)  # both at once: the ask comes down to where the order rests
    now_ms = mirror.exchange.now_ms
    through = Trade(coin="BTC", side="A", px="99300.0", sz="1.0", time=now_ms, hash="0x0", tid=1)
    mirror.exchange.mirror("BTC", [through])
    mirror.exchange.coins["BTC"].mark_px = 980_000
    mirror.exchange._next_update_ms = mirror.exchange.now_ms + 10_000
    mirror.blocks()
    assert mirror.statuses(user)[0] == (first, "marginCanceled")


def test_guests_reduce_only_orders_shrink_at_their_venue(mirror: Desk) -> None:
    user = mirror.user(1)
    mirror.one(user, HYPE, "5", "40.1", "Ioc")
    oid = mirror.one(user, HYPE, "-9", "40.4", reduce_only=True)
    assert mirror.exchange.open_orders(user, "hyna")[0].sz == "5.0"
    mirror.one(user, HYPE, "-2", "39.9", "Ioc")
    assert mirror.exchange.open_orders(user, "hyna")[0].sz == "3.0"
    mirror.one(user, HYPE, "-3", "39.9", "Ioc")
    assert (oid, "reduceOnlyCanceled") in mirror.statuses(user)


def test_money_is_counted_in_whole_micro(desk: Desk) -> None:
    user = desk.user(1)
    desk.exchange.deposit(user, "", 1)
    assert desk.exchange.clearinghouse_state(user).withdrawable == "10000.000001"
    assert desk.exchange.traders[user].account(desk.exchange.dexs[""]).raw == 10_000 * MICRO + 1
