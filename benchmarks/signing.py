"""Signing against the official SDK (with coincurve), interleaved: the signature alone, and an action to request bytes.

Ours twice: as the SDK makes it (RFC 6979), and with its greater part prepared ahead, as a session trades.

`python -m benchmarks.signing`
"""

import json
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import msgspec

from touchstone.clients.hyperliquid.requests import Requests, post_frame
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.ahead import AheadSigner
from touchstone.venues.hyperliquid.nonces import NonceCounter
from touchstone.venues.hyperliquid.signing import Signer

SECRET = "0x0123456789012345678901234567890123456789012345678901234567890123"
NOW_MS = 1_790_000_000_000
ROUNDS, PER_ROUND = 200, 15
WANTED = 10.0  # times faster


def order(number: int) -> actions.Order:
    """A quote with a client id, as the trader sends it."""
    kind = actions.OrderType(limit=actions.Limit("Alo"))
    return actions.Order(140_002, number % 2 == 0, f"38.{number:03d}", "1.25", False, kind, f"0x{number:032x}")


def interleaved(calls: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Microseconds of each call, the median of a round, in turns: the machine's moods befall all alike."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            taken = []
            for _ in range(PER_ROUND):
                begin = time.perf_counter_ns()
                call()
                taken.append(time.perf_counter_ns() - begin)
            found[name].append(statistics.median(taken) / 1e3)
    return found


def compare(what: str, theirs: Callable[[], object], ours: Callable[[], object]) -> float:
    """Print medians and the median of the rounds' ratios; the ratio."""
    found = interleaved({"sdk": theirs, "ours": ours})
    ratios = sorted(a / b for a, b in zip(found["sdk"], found["ours"], strict=True))
    ratio = statistics.median(ratios)
    low, high = ratios[len(ratios) // 20], ratios[-len(ratios) // 20]
    medians = {name: statistics.median(times) for name, times in found.items()}
    print(
        f"{what}: SDK {medians['sdk']:.0f} us, ours {medians['ours']:.1f} us,"
        f" {ratio:.1f} times faster (90 % of rounds {low:.1f} to {high:.1f})"
    )
    return ratio


def report() -> dict[str, float]:
    """Print and return the ratios, by what was compared."""
    from eth_account import Account
    from eth_keys.backends import CoinCurveECCBackend, get_backend
    from hyperliquid.utils import signing as sdk

    assert isinstance(get_backend(), CoinCurveECCBackend), "the SDK must sign with coincurve, or this is no contest"
    wallet = Account.from_key(SECRET)
    signer = Signer(SECRET, is_mainnet=True)
    ahead = AheadSigner(SECRET, is_mainnet=True, most=6 * ROUNDS * PER_ROUND)
    while ahead.prepare():
        pass
    requests = Requests(ahead, NonceCounter(), lambda: NOW_MS, None)
    print(f"hyperliquid-python-sdk {version('hyperliquid-python-sdk')}, eth-account {version('eth-account')}")
    ratios = {}
    for n in (1, 2, 8):
        typed = actions.PlaceOrders([order(number) for number in range(n)], "na")
        plain = json.loads(msgspec.json.encode(typed))

        def theirs(plain: object = plain) -> bytes:
            signature = sdk.sign_l1_action(wallet, plain, None, NOW_MS, None, True)
            payload = {
                "action": plain, "nonce": NOW_MS, "signature": signature, "vaultAddress": None, "expiresAfter": None,
            }  # fmt: skip
            body = {"method": "post", "id": 1, "request": {"type": "action", "payload": payload}}
            return json.dumps(body).encode()

        for how, made in (("at once", signer), ("prepared", ahead)):
            ratios[f"sign {n} {how}"] = compare(
                f"signature of {n} orders, {how}",
                lambda plain=plain: sdk.sign_l1_action(wallet, plain, None, NOW_MS, None, True),
                lambda typed=typed, made=made: made.sign_l1(typed, NOW_MS),
            )
        ratios[f"frame {n}"] = compare(
            f"{n} orders to the bytes of a post", theirs, lambda typed=typed: post_frame(1, requests.write(typed, None))
        )
    return ratios


def main() -> None:
    """Print; fail where the signature is not as much faster as wanted."""
    ratios = report()
    slow = {what: ratio for what, ratio in ratios.items() if what.endswith("prepared") and ratio < WANTED}
    if slow:
        raise SystemExit(f"less than {WANTED:g} times faster: {slow}")


if __name__ == "__main__":
    main()
