"""After a session: do trader, journal and exchange tell the same story?"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
from tests.faults.traders import COIN, DEX, TraderProcess

from touchstone.core import events
from touchstone.core.state import STATE
from touchstone.core.trading import orders as table
from touchstone.data.account_rows import wire_cloid
from touchstone.insight.readings.folder import load_result
from touchstone.live.resume import read_about
from touchstone.session import journal
from touchstone.session.replay import replay

MS = 1_000_000
MICRO = 1_000_000
ORPHAN_BOUND_S = 60.0  # of the exchange's time: an order rests no longer than this after the trader thinks it gone


def disagreements(trader: TraderProcess) -> list[str]:
    """Everything in which they differ, in words; empty where all is well. For a session that has ended in order."""
    result = load_result(trader.session)
    state: Any = np.frombuffer((trader.session / "state" / "final.bin").read_bytes(), STATE)[0]
    return [
        *(f"problem: {problem}" for problem in result["problems"]),
        *_orders_left(trader, state),
        *_fills(trader, state),
        *_position(trader, state),
        *orders_without_journal(trader),
        *_orphans(trader),
        *_replayed(trader),
    ]


def _orders_left(trader: TraderProcess, state: Any) -> Iterable[str]:
    for order in trader.venue.info("frontendOpenOrders", user=trader.user, dex=DEX):
        yield f"the exchange still has order {order['oid']} ({order.get('cloid')})"
    if n_live := int(state["orders"]["n_live"]):
        found = state["orders"]["slot"][state["orders"]["live"][:n_live]]
        told = [(int(order["cloid"]), table.STATE_NAMES[int(order["state"])]) for order in found]
        yield f"the trader still believes in orders {told}"


def _fills(trader: TraderProcess, state: Any) -> Iterable[str]:
    """Every fill of the exchange once: trade id, price, size, side, fee."""
    decimals = int(state["params"]["sz_decimals"])
    theirs = [
        (
            fill["tid"], 1 if fill["side"] == "B" else -1, _scaled(fill["px"], 6 - decimals),
            _scaled(fill["sz"], decimals), _scaled(fill["fee"], 6),
        )
        for fill in trader.venue.info("userFillsByTime", user=trader.user, startTime=0)
        if fill["coin"] == COIN
    ]  # fmt: skip
    n_fills = int(state["profit"]["n_fills"])
    ours = trader.rows("SELECT trade_id, side, px, qty, fee_micro FROM fills") if n_fills else []
    if n_fills != len(ours):
        yield f"the core counts {n_fills} fills, the database has {len(ours)}"
    for fill, count in (Counter(ours) - Counter(theirs)).items():
        yield f"{count} x the trader has a fill that the exchange has not (or has once): {fill}"
    for fill, count in (Counter(theirs) - Counter(ours)).items():
        yield f"{count} x the exchange has a fill that the trader has not: {fill}"


def _position(trader: TraderProcess, state: Any) -> Iterable[str]:
    decimals = int(state["params"]["sz_decimals"])
    account = trader.venue.info("clearinghouseState", user=trader.user, dex=DEX)
    held = [entry["position"] for entry in account["assetPositions"] if entry["position"]["coin"] == COIN]
    theirs = _scaled(held[0]["szi"], decimals) if held else 0
    ours = int(state["profit"]["position"])
    if ours != theirs:
        yield f"position {ours} by the trader, {theirs} by the exchange"


def orders_without_journal(trader: TraderProcess) -> Iterable[str]:
    """Orders at the exchange that were not journaled before they were sent."""
    wanted, _ = _journaled(trader)
    for number, entry in _theirs(trader):
        if number not in wanted:
            yield f"order {number} is at the exchange and not in the journal: {entry}"


def _orphans(trader: TraderProcess) -> Iterable[str]:
    """Orders that rested on after the trader had called them gone."""
    _, ended_ns = _journaled(trader)
    for number, entry in _theirs(trader):
        if number in ended_ns:
            orphaned_s = (entry["statusTimestamp"] * MS - ended_ns[number]) / 1e9
            if orphaned_s > ORPHAN_BOUND_S:
                yield f"order {number} rested {orphaned_s:.1f} s after the trader called it gone ({entry['status']})"


def _theirs(trader: TraderProcess) -> Iterable[tuple[int, dict[str, Any]]]:
    """(cloid, entry) of the session's orders by the exchange's word, the latest 2,000."""
    prefix = wire_cloid(read_about(trader.session).cloid_tag, 1)[:18]
    for entry in trader.venue.info("historicalOrders", user=trader.user):
        cloid = entry["order"].get("cloid") or ""
        if entry["order"]["coin"] == COIN and cloid.startswith(prefix):
            yield int(cloid[18:], 16), entry


def _journaled(trader: TraderProcess) -> tuple[set[int], dict[int, int]]:
    """Cloids of all orders that the core wanted, and when it heard of the end of each (filled ones left out)."""
    wanted: set[int] = set()
    ended_ns: dict[int, int] = {}
    for block in journal.read(trader.session):
        rows = block.rows()
        if block.kind == journal.ACTIONS:
            wanted |= set(rows["cloid"].tolist())
            continue
        ends = rows[np.isin(rows["kind"], (events.ORDER_CANCELLED, events.ORDER_REJECTED))]
        for cloid, recv_ns in zip(ends["aux"].tolist(), ends["recv_ns"].tolist(), strict=True):
            ended_ns.setdefault(cloid, recv_ns)
    return wanted, ended_ns


def _scaled(text: str, decimals: int) -> int:
    scaled = Decimal(text).scaleb(decimals)
    assert scaled == scaled.to_integral_value(), text
    return int(scaled)


def _replayed(trader: TraderProcess) -> Iterable[str]:
    """The core, fed the journal, does and writes the same, byte for byte."""
    found = replay(trader.session)
    if not found.same:
        yield f"the replay differs: {found.difference}"
    if not found.is_finished:
        yield "the session has no final state"
