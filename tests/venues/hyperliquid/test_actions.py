"""Actions: what clients send in any form becomes one canonical form; what is wrong is told."""

import json
import random
from typing import Any

import msgspec
import pytest

from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.actions import address, cloid, decode_action, decode_request
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.signing import Signer, recover_l1

VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
CLOID = "0x0000000000000000000000000000abcd"
ORDER = {"a": 140002, "b": True, "p": "38.1", "s": "2", "r": False, "t": {"limit": {"tif": "Alo"}}, "c": CLOID}
TRIGGER = {"a": 1, "b": False, "p": "100", "s": "1", "r": True,
           "t": {"trigger": {"isMarket": True, "triggerPx": "103", "tpsl": "sl"}}}  # fmt: skip
CANCEL = {"a": 0, "o": 7}

# Every action in its canonical form: what is decoded is written again in just these bytes.
CANONICAL: list[dict[str, Any]] = [
    {"type": "order", "orders": [ORDER, TRIGGER], "grouping": "na"},
    {"type": "order", "orders": [ORDER], "grouping": {"p": 1000}, "builder": {"b": VAULT, "f": 10}},
    {"type": "cancel", "cancels": [{"a": 0, "o": 12345678901}]},
    {"type": "cancel", "cancels": [CANCEL], "f": True},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}]},
    {"type": "modify", "oid": 7, "order": ORDER},
    {"type": "modify", "oid": CLOID, "order": ORDER, "a": True},
    {"type": "batchModify", "modifies": [{"oid": 7, "order": ORDER}, {"oid": CLOID, "order": TRIGGER}]},
    {"type": "scheduleCancel"},
    {"type": "scheduleCancel", "time": 1700000005000},
    {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": 30, "t": True}},
    {"type": "twapCancel", "a": 0, "t": 5},
    {"type": "updateLeverage", "asset": 140002, "isCross": False, "leverage": 3},
    {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": -1500000},
    {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "2.5"},
    {"type": "noop"},
    {"type": "reserveRequestWeight", "weight": 100},
    {"type": "reserveRequestWeight", "weight": 100, "destination": VAULT},
    {"type": "setReferrer", "code": "X"},
    {"type": "registerReferrer", "code": "X"},
    {"type": "agentEnableDexAbstraction"},
    {"type": "agentSetAbstraction", "abstraction": "u"},
    {"type": "agentSendAsset", "destination": VAULT, "sourceDex": "", "destinationDex": "hyna", "token": "USDE:0x0",
     "amount": "1.5", "fromSubAccount": "", "nonce": 1},
    {"type": "createSubAccount", "name": "maker"},
    {"type": "subAccountTransfer", "subAccountUser": VAULT, "isDeposit": True, "usd": 10},
    {"type": "subAccountSpotTransfer", "subAccountUser": VAULT, "isDeposit": False, "token": "T", "amount": "1"},
    {"type": "vaultTransfer", "vaultAddress": VAULT, "isDeposit": True, "usd": 5000000},
    {"type": "hip3LiquidatorTransfer", "dex": "hyna", "ntl": 1000000000, "isDeposit": True},
    {"type": "gossipPriorityBid", "slotId": 0, "ip": "192.0.2.1", "maxGas": 5},
    {"type": "claimRewards"},
    {"type": "evmUserModify", "usingBigBlocks": True},
    {"type": "perpDeploy", "haltTrading": {"coin": "hyna:HYPE", "isHalted": True}},
]  # fmt: skip


@pytest.mark.parametrize("action", CANONICAL, ids=lambda action: action["type"])
def test_the_canonical_form_is_written_again_as_it_is(action: dict[str, Any]) -> None:
    import msgpack

    read = decode_action(json.dumps(action))
    assert json.loads(msgspec.json.encode(read)) == action
    assert list(msgspec.to_builtins(read)) == list(action)  # the order of keys is hashed
    assert actions.pack(read) == msgpack.packb(action)


def disordered(value: Any, chance: random.Random) -> Any:
    """The same action as a careless client would send it."""
    if isinstance(value, dict):
        items = [(key, disordered(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items) | ({} if "a" in value else {"unheardOf": 1})
    if isinstance(value, list):
        return [disordered(item, chance) for item in value]
    if isinstance(value, str) and value.startswith("0x") and len(value) > 20:
        return "0x" + value[2:].upper()
    return value


@pytest.mark.parametrize("action", CANONICAL, ids=lambda action: action["type"])
def test_order_of_keys_case_and_unknown_keys_do_not_matter(action: dict[str, Any]) -> None:
    chance, signer = random.Random(5), Signer("0x" + "11" * 32, is_mainnet=False)
    canonical = actions.pack(decode_action(json.dumps(action)))
    signature = signer.sign_l1(action, 5)
    for _ in range(5):
        sent = disordered({key: item for key, item in action.items() if key != "haltTrading"}, chance)
        sent |= {"haltTrading": action["haltTrading"]} if "haltTrading" in action else {}
        read = decode_action(json.dumps(sent))
        assert actions.pack(read) == canonical
        assert recover_l1(read, 5, signature)["b"] == signer.address


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"type": "order", "orders": [ORDER | {"p": "38.100", "s": "2.0"}], "grouping": "na", "builder": None},
         {"type": "order", "orders": [ORDER], "grouping": "na"}),
        ({"type": "order", "orders": [TRIGGER | {"c": None}], "grouping": "na"},
         {"type": "order", "orders": [TRIGGER], "grouping": "na"}),
        ({"type": "cancel", "cancels": [CANCEL], "f": False}, {"type": "cancel", "cancels": [CANCEL]}),
        ({"type": "cancel", "cancels": [CANCEL], "f": None}, {"type": "cancel", "cancels": [CANCEL]}),
        ({"type": "modify", "oid": 7, "order": ORDER, "a": False}, {"type": "modify", "oid": 7, "order": ORDER}),
        ({"type": "scheduleCancel", "time": None}, {"type": "scheduleCancel"}),
    ],
)  # fmt: skip
def test_what_is_null_false_or_padded_is_left_out(sent: dict[str, Any], meant: dict[str, Any]) -> None:
    assert msgspec.to_builtins(decode_action(json.dumps(sent))) == meant


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ({"type": "unheardOf"}, "unheardOf"),
        ({"type": "order", "grouping": "na"}, "orders"),
        ({"type": "order", "orders": [ORDER | {"p": "1e5"}], "grouping": "na"}, "1e5.*plain decimal"),
        ({"type": "order", "orders": [ORDER | {"p": 38.1}], "grouping": "na"}, r"orders\[0\]\.p"),
        ({"type": "order", "orders": [ORDER | {"t": {}}], "grouping": "na"}, "exactly one"),
        ({"type": "order", "orders": [ORDER | {"c": "0x12"}], "grouping": "na"}, "cloid.*32 hexadecimal"),
        ({"type": "modify", "oid": "7", "order": ORDER}, "cloid"),
        ({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": "3"}, "leverage"),
        ([], "action"),
    ],
)
def test_what_is_wrong_is_named(action: object, told: str) -> None:
    with pytest.raises(WireError, match=told):
        decode_action(json.dumps(action))


@pytest.mark.parametrize("vault", [VAULT, VAULT[2:], VAULT[2:].upper(), "0x" + VAULT[2:].upper()])
def test_a_request_names_its_vault_in_any_form(vault: str) -> None:
    body = {"signature": {"r": "0x1", "s": "0x2", "v": 27}, "nonce": 5, "action": {"type": "noop"}, "isFrontend": True}
    request = decode_request(json.dumps(body | {"vaultAddress": vault, "expiresAfter": None}))
    assert (request.vault_address, request.expires_after, request.nonce) == (VAULT, None, 5)
    assert isinstance(decode_action(request.action), actions.Noop)
    assert decode_request(json.dumps(body)).vault_address is None
    assert decode_request(json.dumps(body | {"vaultAddress": None})).vault_address is None


def test_a_request_that_is_none_is_refused() -> None:
    for body in ("{", "[]", '{"action":{}}', '{"action":{},"nonce":"1","signature":{"r":"","s":"","v":0}}'):
        with pytest.raises(WireError, match="request"):
            decode_request(body)


def test_hexadecimal_text() -> None:
    assert address("0X" + "AB" * 20) == "0x" + "ab" * 20
    assert cloid("AB" * 16) == "0x" + "ab" * 16
    for wrong in ("", "0x", "0x" + "ab" * 19, "0x" + "zz" * 20, "0x" + "ab" * 21):
        with pytest.raises(WireError, match="40 hexadecimal"):
            address(wrong)


def test_no_other_action_has_so_many_fields_that_its_header_grows() -> None:
    """msgspec chooses the width of the header by the fields that an object may have: 16 and more take three bytes."""
    long = [kind for kind in actions.L1Action.__subclasses__() if len(kind.__struct_fields__) + 1 > 15]
    assert long == [actions.PerpDeploy]
