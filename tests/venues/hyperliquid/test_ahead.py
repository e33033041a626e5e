"""Prepared signatures are signatures: the libraries of others recover the key from them, and nothing is used twice."""

import os
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.ahead import ORDER, AheadSigner
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.signing import Signer, recover, recover_l1

SECRET = "0x0123456789012345678901234567890123456789012345678901234567890123"


def ready(n: int, most: int = 64) -> AheadSigner:
    signer = AheadSigner(SECRET, is_mainnet=True, most=most)
    for _ in range(n):
        signer.prepare()
    return signer


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=8))
def test_other_libraries_recover_the_address(digests: list[bytes]) -> None:
    from eth_keys.datatypes import Signature as Theirs

    signer = ready(len(digests))
    for digest in digests:
        signature = signer.sign(digest)
        r, s = int(signature.r, 16), int(signature.s, 16)
        theirs = Theirs(vrs=(signature.v - 27, r, s)).recover_public_key_from_msg_hash(digest)
        assert theirs.to_address() == signer.address == recover(digest, signature)
        assert 0 < s <= ORDER // 2, "the lower of two values of s (EIP-2)"
        assert not signature.r.startswith("0x0"), "without leading zeros, as the official client writes them"
        assert not signature.s.startswith("0x0")
    assert (signer.n_ready, signer.n_unprepared) == (0, 0)


def test_an_action_is_signed_for_its_network() -> None:
    signer, action = ready(1), actions.CancelOrders([actions.Cancel(0, 7)])
    signature = signer.sign_l1(action, 1, None, 2)
    found = recover_l1(action, 1, signature, None, 2)
    assert found["a"] == signer.address
    assert found["b"] != signer.address


def test_no_number_is_used_twice() -> None:
    signer, digest = ready(64), secrets.token_bytes(32)
    assert len({signer.sign(digest).r for _ in range(64)}) == 64


def test_unprepared_it_signs_as_any_other() -> None:
    signer, digest = ready(1), secrets.token_bytes(32)
    plain = Signer(SECRET, is_mainnet=True).sign(digest)
    assert signer.sign(digest) != plain
    assert signer.sign(digest) == plain
    assert signer.n_unprepared == 1


def test_it_prepares_no_more_than_it_has_room_for() -> None:
    signer = AheadSigner(SECRET, is_mainnet=True, most=2)
    assert [signer.prepare() for _ in range(3)] == [True, False, False]
    assert signer.n_ready == 2


def test_what_is_no_digest_is_refused_and_uses_nothing() -> None:
    signer = ready(1)
    with pytest.raises(WireError, match="31 bytes"):
        signer.sign(bytes(31))
    assert signer.n_ready == 1


@pytest.mark.filterwarnings("ignore:This process")  # the child does nothing but count
def test_a_fork_takes_none_with_it() -> None:
    """Two processes that signed by the same number would betray the key."""
    signer = ready(8)
    child = os.fork()
    if child == 0:
        os._exit(signer.n_ready)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert signer.n_ready == 8


def test_nothing_of_it_is_shown() -> None:
    signer = ready(3)
    shown = f"{vars(signer)!r} {signer._store.parts!r}"
    assert SECRET[2:] not in shown
    assert not any(str(part.inverse) in shown or str(part.share) in shown for part in signer._store.parts)
