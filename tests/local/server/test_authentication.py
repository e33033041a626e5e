"""Who may act for whom: signatures of both networks, agents, sub-accounts, nonces, expiry, and the venue's words."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from touchstone.local.server.authentication import Authenticator, Sender, StaleAction
from touchstone.local.server.directory import Directory
from touchstone.local.server.refusals import ActionRefused
from touchstone.venues.hyperliquid import user_actions
from touchstone.venues.hyperliquid.actions import decode_action, decode_request
from touchstone.venues.hyperliquid.demo import demo_address, demo_key
from touchstone.venues.hyperliquid.signing import Signer

NOW = 1_760_000_000_000
MASTER, AGENT, STRANGER = demo_address(1), demo_address(2), demo_address(3)
NOT_CANONICAL = ("rust_order_ioc", "rust_order_ioc_cloid", "rust_trigger_tp", "rust_trigger_sl")  # hashed with zeros
CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}


def directory() -> Directory:
    return Directory(lambda user: user == MASTER)


def signed(
    action: dict[str, Any],
    *,
    key: int = 1,
    nonce: int = NOW,
    mainnet: bool = False,
    vault: str | None = None,
    expires_after: int | None = None,
) -> dict[str, Any]:
    """The envelope as the official client sends it."""
    signer = Signer(demo_key(key), is_mainnet=mainnet)
    canonical = decode_action(msgspec.json.encode(action))
    signature = (
        signer.sign_l1(canonical, nonce, vault, expires_after)
        if "signatureChainId" not in action
        else signer.sign_user(canonical)  # type: ignore[arg-type]
    )
    return {
        "action": action,
        "nonce": nonce,
        "signature": msgspec.to_builtins(signature),
        "vaultAddress": vault,
        "expiresAfter": expires_after,
    }


def identify(authenticator: Authenticator, envelope: dict[str, Any], now: int = NOW) -> Sender:
    request = decode_request(msgspec.json.encode(envelope))
    sender = authenticator.identify(request, decode_action(request.action), now)
    authenticator.use_nonce(sender, request.nonce, now)
    return sender


def refusal(authenticator: Authenticator, envelope: dict[str, Any], now: int = NOW) -> str:
    with pytest.raises(ActionRefused) as caught:
        identify(authenticator, envelope, now)
    return caught.value.text


@pytest.mark.parametrize("mainnet", [True, False])
def test_a_key_acts_for_its_account_on_either_network(mainnet: bool) -> None:
    sender = identify(Authenticator(directory()), signed(CANCEL, mainnet=mainnet))
    assert sender == Sender(MASTER, MASTER, MASTER)


@pytest.mark.parametrize(("networks", "mainnet"), [("testnet", True), ("mainnet", False)])
def test_a_strict_exchange_takes_one_network_only(networks: Any, mainnet: bool) -> None:
    text = refusal(Authenticator(directory(), networks), signed(CANCEL, mainnet=mainnet))
    assert text.startswith("User or API Wallet 0x")


def test_what_was_signed_is_the_canonical_form() -> None:
    """Keys in another order, padded decimals, upper-case hex: the venue hashes what it would have written itself."""
    order = {"a": 0, "b": True, "p": "100", "s": "1", "r": False, "t": {"limit": {"tif": "Alo"}}, "c": "0x" + "ab" * 16}
    envelope = signed({"type": "order", "orders": [order], "grouping": "na"})
    padded = order | {"p": "100.00", "s": "1.0", "c": "0x" + "AB" * 16}
    envelope["action"] = {"grouping": "na", "orders": [dict(reversed(padded.items()))], "type": "order"}
    assert identify(Authenticator(directory()), envelope).user == MASTER


def test_another_action_than_the_signed_one_comes_from_nobody() -> None:
    envelope = signed(CANCEL)
    envelope["action"] = {"type": "cancel", "cancels": [{"a": 0, "o": 2}]}
    text = refusal(Authenticator(directory()), envelope)
    assert text.startswith("User or API Wallet 0x")
    assert text.endswith(" does not exist.")
    assert MASTER not in text


def test_a_malformed_signature() -> None:
    envelope = signed(CANCEL)
    envelope["signature"]["r"] = "0x0"
    assert refusal(Authenticator(directory()), envelope) == "Unable to recover signer."


def test_an_unfunded_key_is_told_its_own_address() -> None:
    text = refusal(Authenticator(directory(), "testnet"), signed(CANCEL, key=3))
    assert text == f"User or API Wallet {STRANGER} does not exist."


# Agents.


def with_agent(name: str = "") -> Directory:
    known = directory()
    known.agents.approve(MASTER, AGENT, name, NOW)
    return known


def test_an_agent_acts_for_its_master() -> None:
    assert identify(Authenticator(with_agent()), signed(CANCEL, key=2)) == Sender(AGENT, MASTER, MASTER)


def test_an_agent_signs_no_transfers() -> None:
    transfer = {
        "type": "usdSend", "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", "destination": STRANGER,
        "amount": "1", "time": NOW,
    }  # fmt: skip
    text = refusal(Authenticator(with_agent()), signed(transfer, key=2))
    assert text == f"Must deposit before performing actions. User: {AGENT}"


def test_a_revoked_or_replaced_or_expired_agent_is_nobody() -> None:
    unknown = f"User or API Wallet {AGENT} does not exist."
    revoked, replaced, expired = with_agent("bot"), with_agent("bot"), directory()
    revoked.agents.approve(MASTER, "0x" + "0" * 40, "bot", NOW + 1)
    replaced.agents.approve(MASTER, STRANGER, "bot", NOW + 1)
    expired.agents.approve(MASTER, AGENT, f"bot valid_until {NOW + 10}", NOW)
    assert identify(Authenticator(expired, "testnet"), signed(CANCEL, key=2), NOW + 9).user == MASTER
    for known in (revoked, replaced, expired):
        assert refusal(Authenticator(known, "testnet"), signed(CANCEL, key=2), NOW + 11) == unknown


def test_limits_of_agents() -> None:
    agents = directory().agents

    def approve(number: int, name: str, now: int = NOW) -> str | None:
        try:
            agents.approve(MASTER, demo_address(number), name, now)
        except ActionRefused as refused:
            return refused.text
        return None

    assert [approve(10, ""), approve(11, "a"), approve(12, "b"), approve(13, "c")] == [None] * 4
    assert approve(14, "d") == "Too many extra agents for cumulative volume traded. Current limit is 3"
    assert approve(14, "c") is None  # in place of the former one
    assert approve(13, "c") == "Extra agent already used."
    assert approve(15, f"a valid_until {NOW}") == "Agent valid_until already expired."
    agents.approve(MASTER, "0x" + "0" * 40, "a", NOW)
    assert approve(16, "e") == "User has pending agent removal"
    assert approve(16, "e", NOW + 1_000) is None
    assert [agent.name for agent in agents.named(MASTER, NOW)] == ["b", "c", "e"]
    day = 86_400_000
    assert [agent.valid_until for agent in agents.named(MASTER, NOW)][:1] == [NOW + 90 * day]


def test_a_limit_lies_180_days_ahead_at_most() -> None:
    agents = directory().agents
    agents.approve(MASTER, AGENT, f"x valid_until {NOW * 2}", NOW)
    assert agents.named(MASTER, NOW)[0].valid_until == NOW + 180 * 86_400_000


# For whom, when, and once.


def test_a_vault_that_is_not_ones_own() -> None:
    envelope = signed(CANCEL, vault=STRANGER)
    assert refusal(Authenticator(directory()), envelope) == f"Vault not registered: {STRANGER}"


def test_a_sub_account_is_acted_for_by_its_master_and_the_masters_agent() -> None:
    known = with_agent()
    sub = known.create_sub_account(MASTER, "sub", Decimal(100_000))
    assert identify(Authenticator(known), signed(CANCEL, vault=sub)) == Sender(MASTER, MASTER, sub)
    # ccxt writes the address without 0x
    envelope = signed(CANCEL, key=2, vault=sub)
    envelope["vaultAddress"] = sub[2:]
    assert identify(Authenticator(known), envelope) == Sender(AGENT, MASTER, sub)


def test_a_sub_account_needs_volume() -> None:
    with pytest.raises(ActionRefused, match=r"^Cannot create sub-accounts until enough volume"):
        directory().create_sub_account(MASTER, "sub", Decimal(99_999))


def test_an_expired_action_is_stale_and_keeps_its_nonce() -> None:
    authenticator = Authenticator(directory())
    envelope = signed(CANCEL, expires_after=NOW + 5)
    with pytest.raises(StaleAction, match=r"^Action already expired$"):
        identify(authenticator, envelope, NOW + 6)
    assert identify(authenticator, envelope, NOW + 5).user == MASTER


def test_nonces_are_per_key_and_used_once() -> None:
    authenticator = Authenticator(with_agent())
    identify(authenticator, signed(CANCEL))
    identify(authenticator, signed(CANCEL, key=2))
    assert refusal(authenticator, signed(CANCEL)) == f"Invalid nonce: duplicate nonce {NOW}"
    low = NOW - 2 * 86_400_000
    assert refusal(authenticator, signed(CANCEL, nonce=low)) == f"Invalid nonce: nonce too low {low} < {low}"
    high = NOW + 86_400_000
    assert refusal(authenticator, signed(CANCEL, nonce=high)).startswith("Invalid nonce: nonce too high")


def test_the_nonce_inside_a_user_action_is_the_one_outside() -> None:
    transfer = {
        "type": "usdClassTransfer", "signatureChainId": "0x66eee", "hyperliquidChain": "Mainnet", "amount": "1",
        "toPerp": True, "nonce": NOW,
    }  # fmt: skip
    envelope = signed(transfer)
    assert identify(Authenticator(directory()), envelope).user == MASTER
    envelope["nonce"] = NOW + 1
    assert "Invalid nonce" in refusal(Authenticator(directory()), envelope)


def test_the_published_vectors_verify(vectors: dict[str, Any]) -> None:
    """Each signature of the public clients is accepted from its signer, through the server's own path."""
    checked = 0
    for vector in [*vectors["l1"], *vectors["derived"]]:
        if "action" not in vector or vector["action"]["type"] == "dummy" or vector["name"] in NOT_CANONICAL:
            continue
        key = vectors["keys"][vector["key"]]["address"]
        vault = vector["vaultAddress"]
        for network in {"mainnet", "testnet"} & vector.keys():
            known = Directory(key.__eq__)
            known._masters[vault] = key  # the vault of a vector is a sub-account here
            envelope = {name: vector.get(name) for name in ("action", "nonce", "vaultAddress", "expiresAfter")}
            request = decode_request(msgspec.json.encode(envelope | {"signature": vector[network]}))
            sender = Authenticator(known, network).identify(request, decode_action(request.action), 0)  # type: ignore[arg-type]
            assert sender == Sender(key, key, vault or key), vector["name"]
            checked += 1
    for vector in [*vectors["user_signed"], *vectors["derived"]]:
        if "primaryType" not in vector:
            continue
        key = vectors["keys"][vector["key"]]["address"]
        message = vector["message"]
        name = vector["primaryType"].split(":")[1]
        kind = next(k for k in user_actions.UserAction.__subclasses__() if k.SIGNS.startswith(f"{name}("))
        action = message | {"type": kind.__struct_config__.tag, "signatureChainId": vector["signatureChainId"]}
        nonce = message.get("nonce") or message.get("time")
        envelope = {"action": action, "nonce": nonce, "signature": vector["signature"]}
        request = decode_request(msgspec.json.encode(envelope))
        if kind is user_actions.SendMultiSig:
            continue  # signed by the last of several, never sent by itself
        assert Authenticator(Directory(key.__eq__)).identify(request, decode_action(request.action), 0).user == key
        checked += 1
    assert checked >= 70
