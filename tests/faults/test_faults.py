"""Whole sessions under every fault of the local exchange: afterwards trader, journal and exchange agree.

Each fault is switched on while a session trades, until it is seen to have happened, and off again; then the session
must quote again. Faults of a kind share one session.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.conformance.conftest import Running
from tests.faults.agreement import disagreements
from tests.faults.traders import COIN, COMPILE_S, DEX, TraderProcess

SEEN_WITHIN_S = 45.0
LEAST_S = 1.0  # that a fault lasts: twenty seconds of the exchange's time
ASSET = 110_000
OTHER = 1  # demo account of somebody else

TAIL = {"median_ms": 15, "spread": 0.5, "tail_chance": 0.05, "tail_ms": 250}


@dataclass
class Seen:
    """What happened since a fault was switched on."""

    venue: Running
    trader: TraderProcess
    counts: dict[str, int] = field(default_factory=dict)  # of the exchange's faults
    heard: dict[str, int] = field(default_factory=dict)  # records in the journal
    status: dict[str, Any] = field(default_factory=dict)

    def _now(self) -> tuple[dict[str, int], dict[str, int]]:
        return self.venue.admin("state")["counts"], self.trader.heard()

    def begin(self) -> None:
        self._counts_before, self._heard_before = self._now()

    def look(self) -> None:
        counts, heard = self._now()
        self.counts = {name: n - self._counts_before.get(name, 0) for name, n in counts.items()}
        self.heard = {name: n - self._heard_before.get(name, 0) for name, n in heard.items()}
        self.status = self.trader.status() or {}

    def happened(self, *names: str) -> bool:
        """Faults that the exchange counts."""
        return all(self.counts.get(name, 0) > 0 for name in names)

    def told(self, name: str, least: int = 1) -> bool:
        """Records that the trader heard."""
        return self.heard.get(name, 0) >= least

    def is_pulled(self, reason: str) -> bool:
        """Whether the trader has no orders, for this reason."""
        return bool(self.status) and self.status["risk"]["reason"] == reason and self.status["orders"] == 0


@dataclass(frozen=True)
class Fault:
    """A plan for /admin/faults, and how to see that it has happened to this session."""

    plan: Mapping[str, Any]
    is_seen: Callable[[Seen], bool]


def takers_are_refused(seen: Seen) -> bool:
    """Somebody else's order that would take is; the session, whose orders only make, trades on."""
    other = seen.venue.trader(OTHER)
    answer = other.order(ASSET, "B", other.away(COIN, 1.01), "1", tif="Ioc")
    return "post-only" in str(answer).lower() and seen.told("ORDER_RESTING 0", 5)


def oracle_stands_still(seen: Seen) -> bool:
    prices = set()
    for _ in range(4):
        meta, contexts = seen.venue.info("metaAndAssetCtxs", dex=DEX)
        prices.add(contexts[[asset["name"] for asset in meta["universe"]].index(COIN)]["oraclePx"])
        time.sleep(0.4)
    return len(prices) == 1 and seen.told("ORDER_RESTING 0", 5)


BREAKS = {"disconnect_chance": 0.7}
FAULTS: dict[str, dict[str, Fault]] = {
    "messages": {
        "inbound latency": Fault({"inbound": TAIL}, lambda seen: seen.happened("tail latency")),
        "outbound latency": Fault({"outbound": TAIL}, lambda seen: seen.happened("tail latency")),
        "private delay": Fault(
            {"private_delay": {"median_ms": 200, "spread": 0.7, "tail_chance": 0.2, "tail_ms": 200}},
            lambda seen: seen.happened("tail latency"),
        ),
        "private duplicate": Fault({"private_duplicate_chance": 0.5}, lambda seen: seen.happened("duplicated")),
        "private reorder": Fault({"private_reorder_chance": 0.5}, lambda seen: seen.happened("reordered")),
        "event before response": Fault(
            {"event_before_response": True}, lambda seen: seen.told("ORDER_RESTING 0", 20)
        ),
    },
    "connections": {
        "disconnects": Fault(
            BREAKS,
            lambda seen: seen.happened("drawn disconnect") and seen.told("FEED_DOWN 0") and seen.told("FEED_UP 0"),
        ),
        "lost response": Fault({"lost_response_chance": 0.1}, lambda seen: seen.counts.get("lost response", 0) >= 3),
        "silence": Fault({"silent": True}, lambda seen: seen.happened("silent") and seen.told("FEED_DOWN 0")),
    },
    "requests": {
        "429": Fault({"too_many_requests_chance": 0.4} | BREAKS, lambda seen: seen.happened("429", "drawn disconnect")),
        "500": Fault({"server_error_chance": 0.4} | BREAKS, lambda seen: seen.happened("500", "drawn disconnect")),
        "502": Fault({"bad_gateway_chance": 0.4} | BREAKS, lambda seen: seen.happened("502", "drawn disconnect")),
    },
    "venue": {
        "address limit": Fault({"address_limit": True}, lambda seen: seen.told("ORDER_REJECTED 11")),
        "post only": Fault({"post_only": True}, takers_are_refused),
        "a modify only cancels": Fault(
            {"modify_cancels_only": True},
            lambda seen: seen.told("ORDER_REJECTED 15") and seen.told("ORDER_CANCELLED 0"),
        ),
        "halted coin": Fault({"halted": [COIN]}, lambda seen: seen.told("ORDER_REJECTED 15")),
        "no bids": Fault({"no_bids": [COIN]}, lambda seen: seen.is_pulled("blind_book")),
        "no asks": Fault({"no_asks": [COIN]}, lambda seen: seen.is_pulled("blind_book")),
        "stale oracle": Fault({"stale_oracle": [COIN]}, oracle_stands_still),
    },
    "clock": {
        "ahead": Fault({"clock_skew_ms": 45_000}, lambda seen: seen.is_pulled("feed_lag")),
        "behind": Fault({"clock_skew_ms": -45_000}, lambda seen: seen.is_pulled("feed_lag")),
    },
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_session_survives(exchange: Running, trader: TraderProcess, kind: str) -> None:
    trader.start()
    trader.until_quoting(COMPILE_S)
    for name, fault in FAULTS[kind].items():
        befalls(exchange, trader, name, fault)
    trader.until(lambda told: told["fills"] > 0 and told["orders"] > 0, "it has fills and orders")
    assert trader.terminate() == 0, trader.words()
    assert disagreements(trader) == []


def befalls(exchange: Running, trader: TraderProcess, name: str, fault: Fault) -> None:
    """The fault, until it is seen; afterwards the trader quotes again."""
    seen = Seen(exchange, trader)
    seen.begin()
    begin_s = time.monotonic()
    with exchange.faults(**fault.plan):
        while time.monotonic() - begin_s < LEAST_S or not fault.is_seen(seen):
            assert time.monotonic() - begin_s < SEEN_WITHIN_S, (name, seen.counts, seen.heard, trader.words())
            time.sleep(0.2)
            seen.look()
    trader.until_quoting()
