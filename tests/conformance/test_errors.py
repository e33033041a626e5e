"""Each refusal of hyperliquid.md 6 that the local exchange serves, provoked by a real request, word for word."""

import json
import time
from typing import Any

import pytest

from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.signing import Signer

HYPE, ASSET, BTC = "hyna:HYPE", 110_000, 0
NOBODY = "0x" + "77" * 20
NO_ONE = "0x" + "0" * 40
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def trader(venue: Any) -> Any:
    found = venue.trader(7)
    found.isolate(ASSET)
    return found


def now_ms() -> int:
    return int(1e3 * time.time())


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", **fields}


# Of one order.


def test_price_and_size(venue: Any, trader: Any) -> None:
    cases = {
        ("30.1234567", "1"): "Order has invalid price.",
        ("30.1234", "1"): "Price must be divisible by tick size. asset=110000",
        ("0", "1"): "Order has invalid price.",
        (trader.away(HYPE, 0.97), "0.001"): "Order has invalid size.",
        (trader.away(HYPE, 0.97), "0"): "Order has zero size.",
        (trader.away(HYPE, 0.97), "0.2"): "Order must have minimum value of $10. asset=110000",
        ("0.4", "1000"): "Order price cannot be more than 95% away from the reference price",
    }
    for (price, size), text in cases.items():
        answer = trader.order(ASSET, "B", price, size)
        got = answer if isinstance(answer, str) else answer["error"]
        assert got.startswith(text.removesuffix(" asset=110000")), (price, size)
        if text.endswith("asset=110000"):
            assert got == text


def test_what_the_book_and_the_position_refuse(venue: Any, trader: Any) -> None:
    far = trader.away(HYPE, 0.97)
    assert trader.order(ASSET, "B", trader.away(HYPE, 1.02), "1")["error"].startswith(
        "Post only order would have immediately matched, bbo was "
    )
    assert trader.order(ASSET, "B", far, "1", "Ioc")["error"] == (
        "Order could not immediately match against any resting orders. asset=110000"
    )
    assert trader.order(ASSET, "B", far, "1", r=True)["error"] == (
        "Reduce only order would increase position. asset=110000"
    )
    assert trader.order(ASSET, "B", far, "1000000")["error"] == "Insufficient margin to place order. asset=110000"
    assert trader.cancel(ASSET, 1)["error"] == "Order was never placed, already canceled, or filled. asset=110000"


def test_a_refused_order_is_in_the_history(venue: Any, trader: Any) -> None:
    trader.order(ASSET, "B", trader.away(HYPE, 1.02), "1")
    newest = max(venue.info("historicalOrders", user=trader.user), key=lambda past: past["order"]["oid"])
    assert newest["status"] == "badAloPxRejected"


# Of a whole action.


def test_modify_of_what_is_gone(trader: Any) -> None:
    order = {"a": ASSET, "b": True, "p": trader.away(HYPE, 0.97), "s": "1", "r": False, "t": {"limit": {"tif": "Alo"}}}
    answer = trader.act({"type": "modify", "oid": 1, "order": order})
    assert answer == {"status": "err", "response": "Cannot modify canceled or filled order"}
    oid = trader.order(ASSET, "B", trader.away(HYPE, 0.97), "1")["resting"]["oid"]
    crossing = order | {"p": trader.away(HYPE, 1.02)}
    answer = trader.act({"type": "modify", "oid": oid, "order": crossing})
    assert answer["response"].startswith(
        "Error placing new order during modify: Post only order would have immediately matched, bbo was "
    )
    assert trader.cancel(ASSET, oid)["error"].startswith("Order was never placed, already canceled, or filled.")


def test_leverage_and_margin(trader: Any) -> None:
    cross = {"type": "updateLeverage", "asset": ASSET, "isCross": True, "leverage": 3}
    assert trader.act(cross)["status"] == "err"
    margin = {"type": "updateIsolatedMargin", "asset": BTC, "isBuy": True, "ntli": 1_000_000}
    assert trader.act({"type": "updateLeverage", "asset": BTC, "isCross": True, "leverage": 10})["status"] == "ok"
    assert trader.order(BTC, "B", trader.away("BTC", 1.02), "0.001", "Ioc")["filled"]
    assert trader.act(margin)["response"] == "Position does not use isolated margin."
    switch = {"type": "updateLeverage", "asset": BTC, "isCross": False, "leverage": 10}
    assert trader.act(switch)["response"] == "Cannot switch leverage type with open position."
    assert trader.order(BTC, "A", trader.away("BTC", 0.98), "0.001", "Ioc", r=True)["filled"]


def test_batches(trader: Any) -> None:
    cancels = [{"a": ASSET, "o": number} for number in range(1, 202)]
    answer = trader.act({"type": "cancel", "cancels": cancels})
    assert answer == {"status": "err", "response": "Signed action over weight limit of 200."}
    assert len(trader.act({"type": "cancel", "cancels": cancels[:200]})["response"]["data"]["statuses"]) == 200
    empty = trader.act({"type": "order", "orders": [], "grouping": "na"})
    assert "error" in trader.first(empty)


def test_signers(venue: Any, trader: Any) -> None:
    envelope = trader.envelope({"type": "noop"})
    forged = envelope | {"nonce": envelope["nonce"] + 1}
    text = venue.post("exchange", forged)[1]["response"]
    assert text.startswith("User or API Wallet 0x")
    assert text.endswith(" does not exist.")
    broken = envelope | {"signature": {"r": "0x0", "s": "0x1", "v": 27}}
    assert venue.post("exchange", broken)[1]["response"] == "Unable to recover signer."
    stranger = venue.trader(1)
    stranger.signer = Signer(demo_key(999), is_mainnet=False)
    send = typed("usdSend", destination=NOBODY, amount="1", time=now_ms())
    text = stranger.act(send, nonce=send["time"])["response"]
    assert text == f"Must deposit before performing actions. User: {demo_address(999)}"


def test_nonces_and_expiry(venue: Any, trader: Any) -> None:
    envelope = trader.envelope({"type": "noop"})
    assert venue.post("exchange", envelope)[1] == {"status": "ok", "response": {"type": "default"}}
    assert venue.post("exchange", envelope)[1]["response"] == f"Invalid nonce: duplicate nonce {envelope['nonce']}"
    low = trader.act({"type": "noop"}, nonce=now_ms() - 3 * DAY_MS)["response"]
    assert low.startswith(f"Invalid nonce: nonce too low {low.split()[5]} < ")
    assert trader.act({"type": "noop"}, nonce=now_ms() + 2 * DAY_MS)["response"].startswith("Invalid nonce: ")
    used = venue.info("userRateLimit", user=trader.user)["nRequestsUsed"]
    assert trader.act({"type": "noop"}, expires=now_ms() - 1_000)["response"] == "Action already expired"
    assert venue.info("userRateLimit", user=trader.user)["nRequestsUsed"] == used + 5


def test_vaults_referrers_builders(trader: Any) -> None:
    assert trader.act({"type": "noop"}, vault=NOBODY)["response"] == f"Vault not registered: {NOBODY}"
    assert trader.act({"type": "setReferrer", "code": "NOBODYS"})["response"] == "Referral code not registered"
    order = {"a": ASSET, "b": True, "p": trader.away(HYPE, 0.97), "s": "1", "r": False, "t": {"limit": {"tif": "Alo"}}}
    action = {"type": "order", "orders": [order], "grouping": "na", "builder": {"b": NOBODY, "f": 10}}
    assert trader.act(action)["response"] == "Builder fee has not been approved"
    approval = typed("approveBuilderFee", maxFeeRate="0.01%", builder=NOBODY, nonce=now_ms())
    assert trader.act(approval, nonce=approval["nonce"])["status"] == "ok"
    oid = trader.first(trader.act(action))["resting"]["oid"]
    assert trader.cancel(ASSET, oid) == "success"


def test_volume_gates(trader: Any) -> None:
    text = trader.act({"type": "scheduleCancel", "time": now_ms() + 10_000})["response"]
    assert text.startswith(
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $"
    )
    text = trader.act({"type": "createSubAccount", "name": "sub"})["response"]
    assert text.startswith("Cannot create sub-accounts until enough volume traded. Required: $100000")


def test_agents(venue: Any) -> None:
    master = venue.trader(8)

    def approve(agent: str, name: str = "") -> str:
        nonce = now_ms()
        time.sleep(0.002)
        return str(master.act(typed("approveAgent", agentAddress=agent, agentName=name, nonce=nonce), nonce=nonce))

    for number, name in enumerate("abc"):
        assert "'ok'" in approve(demo_address(900 + number), name)
    assert "Too many extra agents for cumulative volume traded. Current limit is 3" in approve(demo_address(910), "d")
    assert "'ok'" in approve(demo_address(911), "a")
    assert "Extra agent already used." in approve(demo_address(900), "a")
    assert "Agent valid_until already expired." in approve(demo_address(912), f"a valid_until {now_ms() - 5_000}")
    agent = venue.trader(8)
    agent.signer = Signer(demo_key(911), is_mainnet=False)
    send = {
        "type": "agentSendAsset", "destination": NOBODY, "sourceDex": "", "destinationDex": "hyna", "token": "USDC",
        "amount": "1", "fromSubAccount": "", "nonce": now_ms(),
    }  # fmt: skip
    answer = agent.act(send, nonce=send["nonce"])
    assert answer["response"] == "Agent can only send asset to same user or their sub-accounts."
    assert "'ok'" in approve(NO_ONE, "a")
    assert agent.act({"type": "noop"})["response"] == f"User or API Wallet {demo_address(911)} does not exist."


def test_what_is_not_served_says_so(trader: Any) -> None:
    twap = {"a": ASSET, "b": True, "s": "10", "r": False, "m": 30, "t": False}
    answer = trader.act({"type": "twapOrder", "twap": twap})
    assert answer == {"status": "err", "response": "twapOrder is not served by the local exchange"}


# Of the HTTP request.


def test_http(venue: Any) -> None:
    unreadable = "Failed to deserialize the JSON body into the target type"
    assert venue.post("info", {"type": "nonsense"}) == (422, unreadable)
    assert venue.post("info", {"type": "l2Book"}) == (422, unreadable)
    assert venue.post("info", {"type": "openOrders", "user": "0x12"}) == (422, unreadable)
    assert venue.post("exchange", {"action": {"type": "noop"}}) == (422, unreadable)
    assert venue.post("exchange", {"action": {"type": "no"}, "nonce": 1, "signature": {}}) == (422, unreadable)
    assert venue.post("info", b"{")[0] == 400
    assert venue.post("info", {"type": "l2Book", "coin": HYPE, "nSigFigs": 9}) == (500, None)
    assert venue.post("info", {"type": "l2Book", "coin": "NONE"}) == (200, None)


def test_another_content_type(venue: Any) -> None:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(f"{venue.url}/info", json.dumps({"type": "meta"}).encode())
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    assert caught.value.code == 415
