"""Requests as bytes: read again they are what was meant, and the official SDK signs the same things alike."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.clients.hyperliquid import MAINNET, TESTNET, Network
from touchstone.clients.hyperliquid.requests import Requests, post_frame
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.decoding import decode_client_frame
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.numbers import render
from touchstone.venues.hyperliquid.signing import Signer, recover_l1
from touchstone.venues.hyperliquid.stream import Post

SECRET = "0x0123456789012345678901234567890123456789012345678901234567890123"
NOW = 1_790_000_000_000
VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"


def random_order(chance: random.Random) -> actions.Order:
    kind = actions.OrderType(limit=actions.Limit(chance.choice(["Alo", "Ioc", "Gtc"])))
    if chance.random() < 0.2:
        px = render(chance.randrange(1, 10**9), chance.randint(0, 6))
        kind = actions.OrderType(trigger=actions.Trigger(chance.random() < 0.5, px, chance.choice(["tp", "sl"])))
    return actions.Order(
        chance.choice([0, 159, 10_107, 110_000, 140_002, 2**32]),
        chance.random() < 0.5,
        render(chance.randrange(1, 10 ** chance.randint(1, 12)), chance.randint(0, 6)),
        render(chance.randrange(1, 10 ** chance.randint(1, 12)), chance.randint(0, 5)),
        chance.random() < 0.5,
        kind,
        random_cloid(chance) if chance.random() < 0.7 else None,
    )


def random_cloid(chance: random.Random) -> str:
    return f"0x{chance.getrandbits(128):032x}"


def random_target(chance: random.Random) -> int | str:
    return random_cloid(chance) if chance.random() < 0.5 else chance.getrandbits(chance.randint(1, 45))


def random_action(chance: random.Random) -> actions.L1Action:
    """Of each kind that a market maker sends; batches of up to 40, so that both lengths of an array's header occur."""
    n = chance.choice([1, 2, 15, 16, 40])
    fast = True if chance.random() < 0.5 else None
    match chance.randrange(7):
        case 0:
            return actions.PlaceOrders([random_order(chance) for _ in range(n)], "na")
        case 1:
            found = [actions.Replacement(random_target(chance), random_order(chance)) for _ in range(n)]
            return actions.ModifyOrders(found, fast)
        case 2:
            cloids = [actions.CloidCancel(chance.randrange(200_000), random_cloid(chance)) for _ in range(n)]
            return actions.CancelByCloid(cloids, fast)
        case 3:
            return actions.CancelOrders([actions.Cancel(chance.randrange(200_000), chance.getrandbits(40))] * n, fast)
        case 4:
            return actions.ScheduleCancel(chance.choice([None, NOW + chance.randrange(10**6)]))
        case 5:
            return actions.UpdateLeverage(chance.randrange(200_000), chance.random() < 0.5, chance.randint(1, 50))
    return actions.Noop()


@pytest.mark.parametrize("network", [MAINNET, TESTNET, Network.local("http://127.0.0.1:1")])
@pytest.mark.parametrize("vault", [None, VAULT])
@pytest.mark.parametrize("expires_ms", [None, NOW + 5_000])
def test_the_official_sdk_signs_random_actions_alike(
    network: Network, vault: str | None, expires_ms: int | None
) -> None:
    from eth_account import Account
    from hyperliquid.utils.signing import sign_l1_action

    chance = random.Random(f"{network} {vault} {expires_ms}")
    wallet = Account.from_key(SECRET)
    signer = Signer(SECRET, is_mainnet=network.is_mainnet)
    requests = Requests(signer, NonceCounter(), lambda: NOW, vault)
    for i in range(40):
        action = random_action(chance)
        written: dict[str, Any] = msgspec.json.decode(requests.write(action, expires_ms))
        theirs = sign_l1_action(wallet, written["action"], vault, NOW + i, expires_ms, network.is_mainnet)
        assert written["signature"] == theirs, action
        assert written["nonce"] == NOW + i
        assert written.get("vaultAddress") == vault
        assert written.get("expiresAfter") == expires_ms


@given(st.integers(0, 2**32), st.booleans())
def test_what_is_written_is_read_again(seed: int, is_mainnet: bool) -> None:
    chance = random.Random(seed)
    action = random_action(chance)
    vault = chance.choice([None, VAULT.upper().replace("X", "x")])
    expires_ms = chance.choice([None, NOW])
    signer = Signer(SECRET, is_mainnet=is_mainnet)
    frame = post_frame(17, Requests(signer, NonceCounter(), lambda: NOW, vault).write(action, expires_ms))
    post = decode_client_frame(frame)
    assert isinstance(post, Post)
    assert (post.id, post.request.type) == (17, "action")
    request = actions.decode_request(post.request.payload)
    assert actions.decode_action(request.action) == action
    assert (request.nonce, request.expires_after) == (NOW, expires_ms)
    assert request.vault_address == (None if vault is None else VAULT)
    signers = recover_l1(action, NOW, request.signature, request.vault_address, expires_ms)
    assert signers[signer.source] == signer.address


def test_no_builder_is_ever_attached() -> None:
    requests = Requests(Signer(SECRET, is_mainnet=True), NonceCounter(), lambda: NOW, None)
    order = random_order(random.Random(1))
    written = msgspec.json.decode(requests.write(actions.PlaceOrders([order], "na"), None))
    assert set(written["action"]) == {"type", "orders", "grouping"}
    assert set(written) == {"action", "nonce", "signature"}


def test_networks() -> None:
    assert MAINNET.ws_url == "wss://api.hyperliquid.xyz/ws"
    assert TESTNET.ws_url == "wss://api.hyperliquid-testnet.xyz/ws"
    local = Network.local("http://127.0.0.1:3001/")
    assert (local.url, local.ws_url, local.is_mainnet) == ("http://127.0.0.1:3001", "ws://127.0.0.1:3001/ws", False)
    assert [network.is_mainnet for network in (MAINNET, TESTNET)] == [True, False]
