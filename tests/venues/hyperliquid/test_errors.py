"""Refusals: what is written is recognised, real texts of the wire are, and no text is taken for another."""

import re

import pytest

from touchstone.venues.hyperliquid import errors
from touchstone.venues.hyperliquid.errors import REFUSALS, Refusal, recognise
from touchstone.venues.hyperliquid.statuses import CANCELED, KNOWN, LIVE, REJECTED, is_final, is_rejection

VALUES = {
    "bid": "0.56057", "ask": "0.56086", "address": "0x" + "ab" * 20, "quote_token": "USDC", "minutes": "3",
    "minimum": "100", "used": "10002", "cap": "10001", "volume": "1.5", "inner": "Insufficient margin to place order.",
    "required": "100000", "nonce": "12", "bound": "13", "limit": "10", "subscription": '{"type":"l2Book"}',
    "frame": "{", "id": "7",
}  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("asset", [None, 140002])
def test_what_is_written_is_recognised(refusal: Refusal, asset: int | None) -> None:
    wanted = {name: VALUES[name] for name in re.findall(r"\{(\w+)\}", refusal.text)}
    found = recognise(refusal.render(asset, **wanted))
    assert found is not None
    assert (found.refusal.name, found.values, found.asset) == (refusal.name, wanted, asset)


def test_a_value_that_is_missing_is_told() -> None:
    with pytest.raises(KeyError, match="bid"):
        errors.POST_ONLY.render()


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [  # as captured from the venue
        ("Order must have minimum value of $10. asset=3", "min_notional", {}),
        ("Order must have minimum value of 10 USDC. asset=10107", "min_notional_spot", {"quote_token": "USDC"}),
        (
            "Post only order would have immediately matched, bbo was 0.56057@0.56086. asset=31",
            "post_only",
            {"bid": "0.56057", "ask": "0.56086"},
        ),
        ("L1 error: User or API Wallet 0x12 does not exist.", "unknown_signer", {"address": "0x12"}),
        ("Order price cannot be more than 80% away from the reference price", "reference_band", {}),
        ("Price too far from oracle asset=0", "oracle_band", {}),
        ("Invalid nonce: nonce too low 5 < 9", "nonce_too_low", {"nonce": "5", "bound": "9"}),
        (
            "Too many cumulative requests sent (10002 > 10001) for cumulative volume traded $1.5. "
            "Place taker orders to free up 1 request per USDC traded.",
            "address_limit",
            {"used": "10002", "cap": "10001", "volume": "1.5"},
        ),
        (
            "Error placing new order during modify: Insufficient margin to place order. asset=1",
            "modify_refused",
            {"inner": "Insufficient margin to place order."},
        ),
    ],
)
def test_real_texts(text: str, name: str, values: dict[str, str]) -> None:
    found = recognise(text)
    assert found is not None
    assert (found.refusal.name, found.values) == (name, values)


def test_a_new_text_is_not_guessed() -> None:
    assert recognise("Trading is halted asset=1") is None
    assert recognise("") is None


def test_each_status_of_a_refusal_is_a_rejection() -> None:
    named = {refusal.status for refusal in REFUSALS.values() if refusal.status}
    assert named <= REJECTED
    assert len(named) == 14


def test_statuses_fall_into_open_and_final() -> None:
    assert (len(LIVE), len(CANCELED), len(REJECTED), len(KNOWN)) == (2, 12, 17, 32)  # hyperliquid.md 7.2
    assert {status for status in KNOWN if is_final(status)} == KNOWN - LIVE
    assert {status for status in KNOWN if is_rejection(status)} == REJECTED
    assert not any(is_rejection(status) for status in CANCELED)
    assert is_final("somethingNewCanceled")
    assert is_final("somethingNewRejected")
    assert is_rejection("somethingNewRejected")
    assert not is_final("resting")
