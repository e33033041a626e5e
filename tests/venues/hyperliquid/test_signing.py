"""Signatures against published vectors, and against two clients that others wrote: the official SDK and ccxt."""

import random
from decimal import Decimal
from typing import Any

import coincurve
import msgspec
import pytest
from Crypto.Hash import keccak

from touchstone.venues.hyperliquid import actions, user_actions
from touchstone.venues.hyperliquid.actions import Signature, decode_action
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.numbers import parse, render
from touchstone.venues.hyperliquid.signing import (
    Signer,
    action_hash,
    agent_digest,
    domain_separator,
    keccak256,
    recover,
    recover_l1,
    user_digest,
)

NONCE = 1_700_000_000_000
SECRET = "0x0123456789012345678901234567890123456789012345678901234567890123"  # published with the SDK's tests
ADDRESS = "0x14791697260e4c9a71f18484c9f997b308e59325"
SOURCES = {"mainnet": "a", "testnet": "b"}


def same(ours: Signature, theirs: dict[str, Any]) -> bool:
    return (int(ours.r, 16), int(ours.s, 16), ours.v) == (int(theirs["r"], 16), int(theirs["s"], 16), theirs["v"])


def given(signature: dict[str, Any]) -> Signature:
    return msgspec.convert(signature, Signature)


def test_a_published_vector_everywhere() -> None:
    """SDK tests/signing_test.py: order_gtc_cloid and the transfer of USDC."""
    order = {"a": 1, "b": True, "p": "100", "s": "100", "r": False, "t": {"limit": {"tif": "Gtc"}}}
    order |= {"c": f"0x{1:032x}"}
    action = decode_action(msgspec.json.encode({"type": "order", "orders": [order], "grouping": "na"}))
    signature = Signer(SECRET, is_mainnet=True).sign_l1(action, 0)
    assert signature == Signature(
        "0x41ae18e8239a56cacbc5dad94d45d0b747e5da11ad564077fcac71277a946e3",
        "0x3c61f667e747404fe7eea8f90ab0e76cc12ce60270438b2058324681a00116da",
        27,
    )
    assert recover_l1(action, 0, signature)["a"] == ADDRESS
    send = user_actions.UsdSend("0x5e9ee1089755c3435139848e47e6635505d5a13a", "1", 1687816341423,
                                signature_chain_id="0x66eee", hyperliquid_chain="Testnet")  # fmt: skip
    signature = Signer(SECRET, is_mainnet=False).sign_user(send)
    assert signature.r == "0x637b37dd731507cdd24f46532ca8ba6eec616952c56218baeff04144e4a77073"
    assert recover(user_digest(send), signature) == ADDRESS


def test_all_vectors_of_l1_actions(vectors: dict[str, Any]) -> None:
    checked = 0
    for vector in [*vectors["l1"], *vectors["hash_only"], *vectors["derived"]]:
        if "action" not in vector:
            continue
        hashed = action_hash(vector["action"], vector["nonce"], vector["vaultAddress"], vector.get("expiresAfter"))
        assert "0x" + hashed.hex() == vector["connectionId"], vector["name"]
        if "msgpack_hex" in vector:
            assert msgspec.msgpack.encode(vector["action"]).hex() == vector["msgpack_hex"], vector["name"]
        checked += 1
    assert checked == 41


def test_all_signatures_of_l1_vectors_by_our_key_and_recovered(vectors: dict[str, Any]) -> None:
    checked = 0
    for vector in [*vectors["l1"], *vectors["derived"]]:
        if "connectionId" not in vector:
            continue
        key = vectors["keys"][vector["key"]]
        for network in SOURCES.keys() & vector.keys():
            signer = Signer(key["private_key"], is_mainnet=network == "mainnet")
            digest = agent_digest(bytes.fromhex(vector["connectionId"][2:]), signer.source)
            assert same(signer.sign(digest), vector[network]), vector["name"]
            assert recover(digest, given(vector[network])) == key["address"] == signer.address
            checked += 1
    assert checked >= 70


def test_typed_actions_hash_as_their_vectors(vectors: dict[str, Any]) -> None:
    """Also where decimals were hashed with trailing zeros: the venue's canonical form then hashes differently."""
    differ = []
    for vector in [*vectors["l1"], *vectors["hash_only"], *vectors["derived"]]:
        if "action" not in vector or vector["action"]["type"] == "dummy":
            continue
        action = decode_action(msgspec.json.encode(vector["action"]))
        hashed = action_hash(action, vector["nonce"], vector["vaultAddress"], vector.get("expiresAfter"))
        if "0x" + hashed.hex() != vector["connectionId"]:
            differ.append(vector["name"])
    assert differ == ["rust_order_ioc", "rust_order_ioc_cloid", "rust_trigger_tp", "rust_trigger_sl"]


def test_all_vectors_of_user_actions(vectors: dict[str, Any]) -> None:
    types = {kind.SIGNS.split("(")[0]: kind for kind in user_actions.UserAction.__subclasses__()}
    checked = 0
    for vector in [*vectors["user_signed"], *vectors["derived"]]:
        if "primaryType" not in vector:
            continue
        kind = types[vector["primaryType"].split(":")[1]]
        told = {"type": kind.__struct_config__.tag, "signatureChainId": vector["signatureChainId"]}
        action = msgspec.convert(vector["message"] | told, kind)
        key = vectors["keys"][vector["key"]]
        signer = Signer(key["private_key"], is_mainnet=vector["network"] == "mainnet")
        assert same(signer.sign_user(action), vector["signature"]), vector["name"]
        assert recover(user_digest(action), given(vector["signature"])) == key["address"]
        checked += 1
    assert checked == 15


def test_the_steps_of_a_hash_and_of_several_signers(vectors: dict[str, Any]) -> None:
    chain = vectors["hash_only"][0]
    assert "0x" + domain_separator("Exchange", 1337).hex() == chain["domain_separator"]
    assert "0x" + agent_digest(bytes.fromhex(chain["connectionId"][2:]), "b").hex() == chain["signing_hash"]

    vector = vectors["multisig"][0]
    signer = Signer(vectors["keys"][vector["key"]]["private_key"], is_mainnet=True)
    action, nonce = vector["action"], vector["nonce"]
    inner = [vector["multiSigUser"], vector["outerSigner"], action["payload"]["action"]]
    assert same(signer.sign_l1(inner, nonce), vector["inner_signature"])
    outer = action_hash({key: value for key, value in action.items() if key != "type"}, nonce)
    envelope = user_actions.SendMultiSig(
        "0x" + outer.hex(), nonce, signature_chain_id="0x66eee", hyperliquid_chain="Mainnet"
    )
    assert same(signer.sign_user(envelope), vector["outer_signature"])
    typed = decode_action(msgspec.json.encode(action))
    assert isinstance(typed, user_actions.MultiSig)
    assert msgspec.to_builtins(typed) == action


def test_number_vectors(vectors: dict[str, Any]) -> None:
    for entry in vectors["number_formatting"]["float_to_wire"]:
        assert render(parse(f"{float(entry['input']):.8f}", 8), 8) == entry["wire"]
    for entry in vectors["number_formatting"]["float_to_int_for_hashing"]:
        text = f"{Decimal(repr(entry['input'])):f}"
        if "error" in entry:
            with pytest.raises(WireError):
                parse(text, 8)
        else:
            assert parse(text, 8) == entry["int"]


# The official SDK on random actions.


class Sdk:
    """The official client without its network: what it would post, at a time that we choose."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_mainnet: bool, vault: str | None = None) -> None:
        from eth_account import Account
        from hyperliquid import exchange
        from hyperliquid.utils.constants import MAINNET_API_URL

        coins = [{"name": name, "szDecimals": decimals} for name, decimals in (("BTC", 5), ("ETH", 4), ("HYPE", 2))]
        self.client = exchange.Exchange(
            Account.from_key(SECRET),
            MAINNET_API_URL if is_mainnet else "http://localhost:3001",
            meta={"universe": coins},
            spot_meta={"universe": [], "tokens": []},
            vault_address=vault,
        )
        self.posted: list[dict[str, Any]] = []
        monkeypatch.setattr(self.client, "post", self._post)
        monkeypatch.setattr(exchange, "get_timestamp_ms", lambda: NONCE + len(self.posted))

    def _post(self, _path: str, payload: dict[str, Any]) -> dict[str, str]:
        self.posted.append(payload)
        return {"status": "ok"}


def random_calls(client: Any, chance: random.Random, n: int) -> None:
    """Calls of every method that a market maker uses, with random arguments."""
    from hyperliquid.utils.types import Cloid

    def cloid() -> Any:
        return Cloid.from_int(chance.getrandbits(128))

    def order() -> dict[str, Any]:
        kind: dict[str, Any] = {"limit": {"tif": chance.choice(["Alo", "Ioc", "Gtc"])}}
        if chance.random() < 0.2:
            trigger = {"isMarket": chance.random() < 0.5, "triggerPx": round(chance.uniform(0.01, 9e4), 2)}
            kind = {"trigger": trigger | {"tpsl": chance.choice(["tp", "sl"])}}
        made = {
            "coin": chance.choice(["BTC", "ETH", "HYPE"]),
            "is_buy": chance.random() < 0.5,
            "sz": round(chance.uniform(0, 10 ** chance.randint(-3, 6)), chance.randint(0, 5)),
            "limit_px": round(chance.uniform(0, 10 ** chance.randint(-3, 6)), chance.randint(0, 6)),
            "order_type": kind,
            "reduce_only": chance.random() < 0.5,
        }
        return made | ({"cloid": cloid()} if chance.random() < 0.5 else {})

    def target() -> Any:
        return cloid() if chance.random() < 0.5 else chance.getrandbits(40)

    def account() -> str:
        return f"0x{chance.getrandbits(160):040x}"

    def some(make: Any) -> list[Any]:
        return [make() for _ in range(chance.randint(1, 4))]

    builder = {"b": "0x1719884EB866CB12B2287399B15F7DB5E7D775EA", "f": 10}
    token = "PURR:0xc4bf3f870c0e9465323c0b6ed28096c2"
    calls = [
        lambda: client.bulk_orders(some(order), chance.choice([None, dict(builder)])),
        lambda: client.bulk_cancel(some(lambda: {"coin": "ETH", "oid": chance.getrandbits(40)})),
        lambda: client.bulk_cancel_by_cloid(some(lambda: {"coin": "HYPE", "cloid": cloid()})),
        lambda: client.bulk_modify_orders_new(some(lambda: {"oid": target(), "order": order()})),
        lambda: client.schedule_cancel(chance.choice([None, NONCE + 5000])),
        lambda: client.update_leverage(chance.randint(1, 50), "BTC", chance.random() < 0.5),
        lambda: client.update_isolated_margin(round(chance.uniform(-1e4, 1e4), 2), "BTC"),
        lambda: client.set_referrer("EXAMPLE"),
        lambda: client.create_sub_account("maker"),
        lambda: client.sub_account_transfer(account(), chance.random() < 0.5, chance.getrandbits(30)),
        lambda: client.vault_usd_transfer(account(), chance.random() < 0.5, chance.getrandbits(30)),
        lambda: client.usd_class_transfer(round(chance.uniform(0, 1e4), 2), chance.random() < 0.5),
        lambda: client.usd_transfer(round(chance.uniform(0, 1e4), 2), account()),
        lambda: client.spot_transfer(round(chance.uniform(0, 1e4), 2), account(), token),
        lambda: client.send_asset(account(), "", "hyna", "USDE:0x00000000000000000000000000000000", 12.5),
        lambda: client.withdraw_from_bridge(round(chance.uniform(0, 1e4), 2), account()),
        lambda: client.approve_agent(chance.choice([None, "maker"])),
        lambda: client.approve_builder_fee(account(), "0.001%"),
        lambda: client.user_dex_abstraction(account(), chance.random() < 0.5),
        lambda: client.user_set_abstraction(account(), "unifiedAccount"),
        lambda: client.token_delegate(account(), chance.getrandbits(40), chance.random() < 0.5),
        lambda: client.agent_enable_dex_abstraction(),
        lambda: client.agent_set_abstraction("u"),
        lambda: client.noop(NONCE + 77),
    ]
    for i in range(n):
        calls[i % len(calls)]()


# The SDK names its vault in the body of these and signs without it.
SIGNED_WITHOUT_VAULT = {"setReferrer", "createSubAccount", "subAccountTransfer", "vaultTransfer"}


@pytest.mark.parametrize("is_mainnet", [True, False])
@pytest.mark.parametrize("vault", [None, "0x1719884eb866cb12b2287399b15f7db5e7d775ea"])
def test_the_sdk_is_understood_and_signs_as_we_do(
    monkeypatch: pytest.MonkeyPatch, is_mainnet: bool, vault: str | None
) -> None:
    sdk = Sdk(monkeypatch, is_mainnet=is_mainnet, vault=vault)
    sdk.client.set_expires_after(None if vault is None else NONCE + 60_000)
    random_calls(sdk.client, random.Random(7), 96)
    signer = Signer(SECRET, is_mainnet=is_mainnet)
    kinds = set()
    for payload in sdk.posted:
        request = actions.decode_request(msgspec.json.encode(payload))
        action = decode_action(request.action)
        kinds.add(type(action))
        if isinstance(action, user_actions.UserAction):
            assert recover(user_digest(action), request.signature) == ADDRESS
            ours = signer.sign_user(action)
        else:
            kind = action.__struct_config__.tag
            told = (None if kind in SIGNED_WITHOUT_VAULT else request.vault_address, request.expires_after)
            signers = recover_l1(action, request.nonce, request.signature, *told)
            assert signers["a" if is_mainnet else "b"] == ADDRESS, payload
            assert signers["b" if is_mainnet else "a"] != ADDRESS
            ours = signer.sign_l1(action, request.nonce, *told)
        assert msgspec.to_builtins(ours) == payload["signature"]
    assert len(sdk.posted) == 96
    assert len(kinds) == 24


def test_one_of_several_signs_a_user_action_as_the_sdk_does() -> None:
    from eth_account import Account
    from hyperliquid.utils import signing as sdk

    send = user_actions.UsdSend(
        "0x5e9ee1089755c3435139848e47e6635505d5a13a", "1", NONCE,
        signature_chain_id="0x66eee", hyperliquid_chain="Mainnet",
    )  # fmt: skip
    whom = ("0x1234567890123456789012345678901234567890", ADDRESS)
    theirs = sdk.sign_multi_sig_user_signed_action_payload(
        Account.from_key(SECRET), msgspec.to_builtins(send), True, sdk.USD_SEND_SIGN_TYPES,
        "HyperliquidTransaction:UsdSend", *whom,
    )  # fmt: skip
    digest = user_digest(send, inner=whom)
    assert same(Signer(SECRET, is_mainnet=True).sign(digest), theirs)
    assert digest != user_digest(send)


def test_ccxt_signs_as_we_do() -> None:
    ccxt = pytest.importorskip("ccxt")
    client = ccxt.hyperliquid({"privateKey": SECRET, "walletAddress": ADDRESS})
    chance, signer = random.Random(3), Signer(SECRET, is_mainnet=True)
    for _ in range(20):
        order = actions.Order(
            chance.randrange(200_000), chance.random() < 0.5, f"{chance.uniform(1, 1e4):.3f}", "1.25", False,
            actions.OrderType(limit=actions.Limit("Alo")), f"0x{chance.getrandbits(128):032x}",
        )  # fmt: skip
        action = actions.PlaceOrders([order], "na")
        vault = chance.choice([None, "1719884eb866cb12b2287399b15f7db5e7d775ea"])  # ccxt writes it without 0x
        theirs = client.sign_l1_action(msgspec.to_builtins(action), NONCE, vault)
        assert same(signer.sign_l1(action, NONCE, vault), theirs)


# What a server must refuse or bear.


@pytest.mark.parametrize(
    "signature",
    [
        Signature("0x", "0x1", 27), Signature("1", "0x1", 27), Signature("0x1", "0x1", 29), Signature("0x0", "0x1", 27),
        Signature("0x" + "f" * 64, "0x1", 27), Signature("0x" + "1" * 65, "0x1", 27),
    ],
)  # fmt: skip
def test_a_malformed_signature_is_told_in_the_words_of_the_venue(signature: Signature) -> None:
    with pytest.raises(WireError, match=r"Unable to recover signer\."):
        recover(bytes(32), signature)


def test_anything_changed_gives_another_address() -> None:
    signer, action = Signer(SECRET, is_mainnet=True), actions.CancelOrders([actions.Cancel(0, 7)])
    signature = signer.sign_l1(action, NONCE)
    vault = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
    assert recover_l1(action, NONCE, signature, sources=("a",)) == {"a": ADDRESS}
    other = actions.CancelOrders([actions.Cancel(0, 8)])
    for changed in [(other, NONCE), (action, NONCE + 1), (action, NONCE, vault), (action, NONCE, None, NONCE)]:
        what, nonce, *rest = changed
        assert recover_l1(what, nonce, signature, *rest)["a"] != ADDRESS


def test_a_secret_is_never_shown() -> None:
    for secret in ("0x12", SECRET + "0", "0x" + "f" * 64, "0x" + "0" * 64):
        with pytest.raises(WireError, match="private key") as caught:
            Signer(secret, is_mainnet=True)
        assert secret[4:] not in str(caught.value) or secret == "0x12"
    assert SECRET[2:] not in repr(vars(Signer(SECRET, is_mainnet=True)))


def test_numbers_out_of_range_are_refused() -> None:
    for nonce in (-1, 1 << 64):
        with pytest.raises(WireError, match="nonce"):
            action_hash({"type": "noop"}, nonce)
    with pytest.raises(WireError, match="vaultAddress"):
        action_hash({"type": "noop"}, 1, "0x12")


def test_our_use_of_the_libraries() -> None:
    """Keccak against the yellow paper and another library; coincurve hashes nothing on its own."""
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    for size in (1, 135, 136, 137, 1000):
        assert keccak.new(digest_bits=256, data=b"a" * size).digest() == keccak256(b"a" * size)
    digest = keccak256(b"a")
    key = coincurve.PrivateKey(bytes.fromhex(SECRET[2:]))
    compact = key.sign_recoverable(digest, hasher=None)
    assert recover(digest, Signature("0x" + compact[:32].hex(), "0x" + compact[32:64].hex(), compact[64])) == ADDRESS
