"""Margin of accounts: what is free, isolated positions, margin at the match, transfers."""

import pytest

from touchstone.venues.hyperliquid import actions as wire
from touchstone.venues.hyperliquid.user_actions import SendAsset, UsdClassTransfer, UsdSend

from .conftest import BTC, ETH, HYPE, MICRO, Desk, imbalance, order

CHAIN = {"signature_chain_id": "0x66eee", "hyperliquid_chain": "Testnet"}


def mark(patch: pytest.MonkeyPatch, desk: Desk, coin: str, px: float) -> None:
    """Set the mark by hand, and keep it there."""
    patch.setattr("touchstone.local.prices.update", lambda coin, now_ms: None)
    the_coin = desk.exchange.coins[coin]
    the_coin.mark_px = round(px * 10**the_coin.px_decimals)


def trade(desk: Desk, buyer: str, seller: str, asset: int, size: str, px: str) -> None:
    assert isinstance(desk.one(seller, asset, f"-{size}", px), int)
    assert desk.one(buyer, asset, size, px, "Ioc")[0] == size


def test_account_value_is_raw_usd_and_positions_at_mark(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    trade(desk, a, b, BTC, "0.1", "100100")
    for user, raw in ((a, -10.0 - 4.5045), (b, 20_010.0 - 1.5015)):  # 10,000 -+ 10,010 less 4.5 and 1.5 bp
        state = desk.exchange.clearinghouse_state(user)
        summary = state.cross_margin_summary
        size = float(state.asset_positions[0].position.szi)
        mark_px = float(desk.exchange.asset_context("BTC").mark_px)
        assert float(summary.total_raw_usd) == pytest.approx(raw, abs=1e-9)
        assert float(summary.account_value) == pytest.approx(raw + size * mark_px, abs=1e-9)
        assert float(summary.total_margin_used) == pytest.approx(0.1 * mark_px / 20, abs=2e-6)
        assert state.asset_positions[0].position.entry_px == "100100.0"


def test_orders_of_one_side_share_margin_with_the_position_and_not_with_the_other_side(desk: Desk) -> None:
    a, b = desk.user(1, 1_000.0), desk.user(2)
    desk.send(a, wire.UpdateLeverage(BTC, True, 10))
    trade(desk, a, b, BTC, "0.05", "100000")  # needs 500 of 1000
    insufficient = "Insufficient margin to place order. asset=0"
    assert desk.one(a, BTC, "0.06", "99500") == insufficient
    assert isinstance(desk.one(a, BTC, "-0.05", "100500"), int)  # closes
    assert isinstance(desk.one(a, BTC, "-0.08", "100600"), int)  # 0.13 - 0.05 to the short side: 800
    assert desk.one(a, BTC, "-0.03", "100700") == insufficient
    assert isinstance(desk.one(a, BTC, "0.03", "99500"), int)
    assert desk.one(a, ETH, "1", "3990") == "Insufficient margin to place order. asset=1"


def test_a_resting_order_is_cancelled_where_margin_no_longer_bears_its_match(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = desk.user(1, 1_000.0), desk.user(2), desk.user(3)
    desk.send(a, wire.UpdateLeverage(BTC, True, 40))
    oid = desk.one(a, BTC, "0.3", "99900")  # 750 of 1000
    trade(desk, a, b, BTC, "0.05", "100000")
    mark(monkeypatch, desk, "BTC", 97_500.0)  # the fill would lose 480 at once, and need 487 of the 751 that are left
    assert isinstance(desk.one(c, BTC, "0.2", "99900"), int)
    assert desk.one(b, BTC, "-0.2", "99900", "Ioc") == ("0.2", "99900")
    assert desk.statuses(a) == [(oid, "marginCanceled")]
    assert desk.report.user_events[a][0].non_user_cancel[0].oid == oid
    assert [f.sz for f in desk.report.fills[c]] == ["0.2"]


def test_an_isolated_position_has_its_margin_aside(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    desk.send(a, wire.UpdateLeverage(HYPE, False, 5))
    trade(desk, a, b, HYPE, "10", "40")
    state = desk.exchange.clearinghouse_state(a, "hyna")
    [held] = state.asset_positions
    assert (held.position.leverage.type, held.position.leverage.value) == ("isolated", 5)
    assert held.position.leverage.raw_usd == "-320.0"  # 80 of margin less 400
    assert state.cross_margin_summary.total_raw_usd == "9919.64"  # 10,000 - 80 - 9 bp
    mark_px = float(desk.exchange.asset_context("hyna:HYPE").mark_px)
    assert float(held.position.margin_used) == pytest.approx(10 * mark_px - 320.0)
    trade(desk, b, a, HYPE, "10", "40")
    state = desk.exchange.clearinghouse_state(a, "hyna")
    assert state.asset_positions == []
    assert state.cross_margin_summary.account_value == "9999.52"  # fees of 0.36 and, as maker, 0.12


def test_margin_goes_in_and_out_of_an_isolated_position(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    trade(desk, a, b, HYPE, "10", "40")
    assert desk.send(a, wire.UpdateIsolatedMargin(HYPE, True, 100 * MICRO)).response.type == "default"
    [held] = desk.exchange.clearinghouse_state(a, "hyna").asset_positions
    assert held.position.leverage.raw_usd == "-260.0"
    assert "remove" in desk.refusal(a, wire.UpdateIsolatedMargin(HYPE, True, -101 * MICRO))
    assert desk.send(a, wire.UpdateIsolatedMargin(HYPE, True, -99 * MICRO)).response.type == "default"
    assert "add" in desk.refusal(a, wire.UpdateIsolatedMargin(HYPE, True, 10_000 * MICRO))
    assert desk.send(a, wire.TopUpIsolatedOnlyMargin(HYPE, "2")).response.type == "default"
    [held] = desk.exchange.clearinghouse_state(a, "hyna").asset_positions
    assert float(held.position.margin_used) == pytest.approx(float(held.position.position_value) / 2, abs=1e-5)
    assert imbalance(desk.exchange) == {"": (0, 0), "hyna": (0, 0)}


def test_the_exchange_says_what_could_be_traded(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    desk.send(a, wire.UpdateLeverage(BTC, True, 10))
    data = desk.exchange.active_asset_data(a, "BTC")
    assert (data.leverage.type, data.leverage.value) == ("cross", 10)
    most = data.max_trade_szs[0]
    assert data.available_to_trade == ("10000.0", "10000.0")
    assert isinstance(desk.one(a, BTC, most, "100000"), int)
    assert desk.exchange.active_asset_data(b, "hyna:HYPE").leverage.type == "isolated"


def test_collateral_moves_between_dexs_of_one_token_only(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)

    def send(source: str, to: str, token: str, amount: str, whom: str = b) -> SendAsset:
        return SendAsset(
            destination=whom, source_dex=source, destination_dex=to, token=token, amount=amount,
            from_sub_account="", nonce=1, **CHAIN,
        )  # fmt: skip

    assert desk.refusal(a, send("", "hyna", "USDC:0x1", "10")) == "Invalid send"
    assert desk.refusal(a, send("", "nowhere", "USDC:0x1", "10")) == "Invalid send"
    assert "Insufficient" in desk.refusal(a, send("hyna", "spot", "USDE:0x1", "10001"))
    desk.send(a, send("hyna", "spot", "USDE:0x1", "1000.5", a))
    assert [(x.coin, x.total) for x in desk.exchange.spot_state(a).balances] == [("USDE", "1000.5")]
    desk.send(a, send("spot", "hyna", "USDE:0x1", "0.5"))
    assert desk.exchange.clearinghouse_state(b, "hyna").withdrawable == "10000.5"
    desk.send(a, UsdClassTransfer(amount="25", to_perp=False, nonce=1, **CHAIN))
    desk.send(a, UsdSend(destination=b, amount="100", time=1, **CHAIN))
    assert desk.exchange.clearinghouse_state(a).withdrawable == "9875.0"
    assert desk.exchange.clearinghouse_state(b).withdrawable == "10100.0"
    kinds = [entry.delta["type"] for entry in desk.exchange.user_ledger(a, 0)]
    assert kinds == ["deposit", "deposit", "send", "send", "accountClassTransfer", "internalTransfer"]
    assert imbalance(desk.exchange) == {"": (0, 0), "hyna": (0, 0)}


def test_what_positions_need_cannot_be_withdrawn(desk: Desk) -> None:
    a, b = desk.user(1), desk.user(2)
    trade(desk, a, b, BTC, "1", "100000")  # a tenth of the notional is 10,000, more than the margin
    assert desk.exchange.clearinghouse_state(a).withdrawable == "0.0"
    assert "Insufficient" in desk.refusal(a, UsdSend(destination=b, amount="1", time=1, **CHAIN))


def test_a_builder_gets_what_the_order_says(desk: Desk) -> None:
    a, b, builder = desk.user(1), desk.user(2), "0x" + "b" * 40
    desk.one(b, BTC, "-0.1", "100000")
    desk.send(a, wire.PlaceOrders([order(BTC, "0.1", "100000", "Ioc")], "na", wire.Builder(builder, 10)))
    [fill] = desk.report.fills[a]
    assert (fill.fee, fill.builder_fee) == ("5.5", "1.0")  # 4.5 bp and 1 bp of 10,000
    assert desk.exchange.clearinghouse_state(builder).withdrawable == "1.0"
    assert imbalance(desk.exchange) == {"": (0, 0), "hyna": (0, 0)}
