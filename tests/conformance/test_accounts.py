"""Money moved by its owner, the dead man's switch, sub-accounts, caps: what needs an exchange of its own or volume."""

import time
from pathlib import Path
from typing import Any

import pytest

HYPE, ASSET, BTC = "hyna:HYPE", 110_000, 0


def now_ms() -> int:
    return int(1e3 * time.time())


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", **fields}


def sent(trader: Any, action: dict[str, Any]) -> Any:
    return trader.act(action, nonce=action.get("nonce") or action.get("time"))


def value(venue: Any, user: str, dex: str = "") -> float:
    return float(venue.info("clearinghouseState", user=user, dex=dex)["marginSummary"]["accountValue"])


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory, run_exchange: Any) -> Any:
    """An exchange whose accounts can trade a million in a few orders."""
    config = "[accounts]\nn = 6\ndeposit = 20000000.0\n[limits]\nip_weight_per_minute = 1000000"
    with run_exchange(tmp_path_factory.mktemp("rich"), config=config) as found:
        yield found


def churn(venue: Any, notional: float) -> Any:
    """Two accounts trade with each other at the touch until each has this volume; the first is returned."""
    maker, taker = venue.trader(1), venue.trader(2)
    size = f"{notional / 4 / float(maker.touch('BTC')[0]):.3f}"
    while float(venue.info("userRateLimit", user=maker.user)["cumVlm"]) < notional:
        side = "B" if float(venue.info("userRateLimit", user=maker.user)["nRequestsUsed"]) % 2 else "A"
        px = maker.touch("BTC")[0 if side == "B" else 1]
        if "resting" in maker.order(BTC, side, f"{float(px):.0f}", size, "Gtc"):
            taker.order(BTC, "A" if side == "B" else "B", maker.away("BTC", 0.99 if side == "B" else 1.01), size, "Ioc")
        for order in venue.info("openOrders", user=maker.user):
            maker.cancel(BTC, order["oid"])
    return maker


def test_collateral_moves_between_dexs_users_and_spot(rich: Any) -> None:
    one, two = rich.trader(3), rich.trader(4)
    before = value(rich, one.user), value(rich, two.user)
    assert sent(one, typed("usdSend", destination=two.user, amount="100.5", time=now_ms()))["status"] == "ok"
    assert (value(rich, one.user), value(rich, two.user)) == (before[0] - 100.5, before[1] + 100.5)
    assert sent(one, typed("usdClassTransfer", amount="50", toPerp=False, nonce=now_ms()))["status"] == "ok"
    (balance,) = rich.info("spotClearinghouseState", user=one.user)["balances"]
    assert (balance["coin"], balance["total"]) == ("USDC", "50.0")
    wrong = typed(
        "sendAsset", destination=one.user, sourceDex="", destinationDex="hyna", token="USDC", amount="1",
        fromSubAccount="", nonce=now_ms(),
    )  # fmt: skip
    assert sent(one, wrong)["response"] == "Invalid send"  # hyna's collateral is USDE
    kinds = [entry["delta"]["type"] for entry in rich.info("userNonFundingLedgerUpdates", user=one.user, startTime=0)]
    assert {"deposit", "internalTransfer", "accountClassTransfer"} <= set(kinds)


def test_volume_opens_the_dead_mans_switch_and_sub_accounts(rich: Any) -> None:
    trader = churn(rich, 1_000_000.0)
    oid = trader.order(BTC, "B", trader.away("BTC", 0.9), "0.01")["resting"]["oid"]
    early = trader.act({"type": "scheduleCancel", "time": now_ms() + 1_000})
    assert early["status"] == "err"
    assert trader.act({"type": "scheduleCancel", "time": now_ms() + 5_500})["status"] == "ok"
    created = trader.act({"type": "createSubAccount", "name": "second"})
    sub = created["response"]["data"]
    transfer = {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 1_000_000_000}
    assert trader.act(transfer)["status"] == "ok"
    assert value(rich, sub) == 1_000.0
    px = trader.away("BTC", 0.9)
    order = {"a": BTC, "b": True, "p": px, "s": "0.001", "r": False, "t": {"limit": {"tif": "Alo"}}}
    answer = trader.act({"type": "order", "orders": [order], "grouping": "na"}, vault=sub)
    assert "resting" in trader.first(answer)
    assert [entry["oid"] for entry in rich.info("openOrders", user=sub)] == [trader.first(answer)["resting"]["oid"]]
    (listed,) = rich.info("subAccounts", user=trader.user)
    assert (listed["name"], listed["subAccountUser"]) == ("second", sub)
    assert rich.info("userRole", user=sub) == {"role": "subAccount", "data": {"master": trader.user}}
    stranger = rich.trader(5)
    assert stranger.act({"type": "noop"}, vault=sub)["response"] == f"Vault not registered: {sub}"
    limit = rich.info("userRateLimit", user=trader.user)
    assert limit["nRequestsCap"] == 10_000 + int(float(limit["cumVlm"]))
    deadline = time.monotonic() + 10
    while rich.info("orderStatus", user=trader.user, oid=oid)["order"]["status"] == "open":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert rich.info("orderStatus", user=trader.user, oid=oid)["order"]["status"] == "scheduledCancel"


def crossed(venue: Any, asset: int, coin: str, size: str) -> None:
    """Account 1 buys this much from account 2 at the touch."""
    buyer, seller = venue.trader(1), venue.trader(2)
    while True:
        bid, _ = buyer.touch(coin)
        if "resting" in buyer.order(asset, "B", bid, size):
            break
    seller.order(asset, "A", buyer.away(coin, 0.97), size, "Ioc")
    for order in venue.info("openOrders", user=buyer.user, dex=coin.partition(":")[0] if ":" in coin else ""):
        buyer.cancel(asset, order["oid"])


def test_open_interest_at_its_cap_and_growing_too_quickly(run_exchange: Any, tmp_path: Path) -> None:
    config = """
[accounts]
deposit = 20000000.0
[coins."hyna:HYPE"]
open_interest_cap = 2000000.0
open_interest_growth = 4000000.0
"""
    with run_exchange(tmp_path, "--coin", HYPE, config=config) as venue:
        buyer, other = venue.trader(1), venue.trader(3)
        for trader in (buyer, venue.trader(2), other):
            trader.isolate(ASSET, 10)
        quick = other.order(ASSET, "B", other.away(HYPE, 0.97), "200000")
        assert quick["error"] == "Order would increase open interest too quickly asset=110000"
        crossed(venue, ASSET, HYPE, "60000")
        assert venue.info("perpsAtOpenInterestCap", dex="hyna") == [HYPE]
        capped = "Order would increase open interest while open interest is capped asset=110000"
        assert other.order(ASSET, "B", other.away(HYPE, 1.02), "10", "Ioc")["error"] == capped
        assert buyer.order(ASSET, "A", other.away(HYPE, 0.97), "90000", "Ioc")["error"] == capped  # a flip
        statuses = {past["status"] for past in venue.info("historicalOrders", user=buyer.user)}
        assert "positionFlipAtOpenInterestCapRejected" in statuses
        with venue.faults(no_bids=[HYPE]):
            time.sleep(0.5)
            aggressive = other.order(ASSET, "A", other.away_from_oracle(HYPE, 0.98), "10", "Alo")
        assert aggressive["error"] == (
            "Order rejected due to price more aggressive than oracle while at open interest cap asset=110000"
        )


def test_a_position_beyond_its_margin_tier_and_too_many_orders(rich: Any) -> None:
    trader = rich.trader(5)
    assert trader.act({"type": "updateLeverage", "asset": BTC, "isCross": True, "leverage": 40})["status"] == "ok"
    tier = trader.order(BTC, "B", trader.away("BTC", 0.97), "2000")
    assert tier["error"] == "Order would cause position to exceed margin tier limit at current leverage asset=0"
    px = trader.away("BTC", 0.9)
    order = {"a": BTC, "b": True, "p": px, "s": "0.001", "r": False, "t": {"limit": {"tif": "Alo"}}}
    for _ in range(5):
        placed = trader.act({"type": "order", "orders": [order] * 200, "grouping": "na"})
        assert all("resting" in status for status in placed["response"]["data"]["statuses"])
    assert "error" in trader.order(BTC, "B", px, "0.001")
    newest = max(rich.info("historicalOrders", user=trader.user), key=lambda past: past["order"]["oid"])
    assert newest["status"] == "tooManyOpenOrdersRejected"
    for _ in range(5):
        oids = [entry["oid"] for entry in rich.info("openOrders", user=trader.user)[:200]]
        trader.act({"type": "cancel", "cancels": [{"a": BTC, "o": oid} for oid in oids]})
    assert rich.info("openOrders", user=trader.user) == []


def test_requests_are_bought(rich: Any) -> None:
    trader = rich.trader(6)
    before = value(rich, trader.user)
    assert trader.act({"type": "reserveRequestWeight", "weight": 2_000})["status"] == "ok"
    assert before - value(rich, trader.user) == pytest.approx(1.0)
    assert rich.info("userRateLimit", user=trader.user)["nRequestsSurplus"] == 1_999


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    from touchstone.cli.main import main

    assert main(["exchange", "--market", "nonsense"]) == 2
    assert main(["exchange", "--market", "mirror", "http://127.0.0.1:1"]) == 2
    assert main(["exchange", "--coin", "DOGE"]) == 2
    file = tmp_path / "wrong.toml"
    file.write_text("[limits]\nconnections = 0\nnonsense = 1")
    assert main(["exchange", "--config", str(file)]) == 2
