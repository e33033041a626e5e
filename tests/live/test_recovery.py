"""The exchange is the authority: what it says after a gap or a doubt reaches the core once, and nothing is assumed."""

import asyncio
import time
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.live.test_trader import Recorded

from touchstone import config
from touchstone.clients.hyperliquid import Market
from touchstone.core.trading import orders
from touchstone.data.frames import Frames
from touchstone.live import rows as make
from touchstone.live.clock import Clock
from touchstone.live.outbox import Outbox
from touchstone.live.recovery import PositionError, Recovery
from touchstone.live.trader import ROOM, Trader
from touchstone.venues.hyperliquid.actions import CancelOrders, L1Action
from touchstone.venues.hyperliquid.decoding import Decoder
from touchstone.venues.hyperliquid.replies import Accepted, Data, Reply, Response

COIN = "HYPE"
MARKET = Market(
    coin=COIN, dex="", dex_index=0, asset=159, sz_decimals=2, max_leverage=10, only_isolated=False,
    margin_mode="normal", collateral="USDC", growth_mode=False, deployer_fee_scale=None, maker_fee_bps=1.5,
    taker_fee_bps=4.5, is_delisted=False,
)  # fmt: skip
TAG = 0xABCDEF
EXPIRES_MS = 5_000
SPEED = 100.0  # so that ten seconds pass in a tenth
MS = 1_000_000
pytestmark = pytest.mark.asyncio


def wire(number: int) -> str:
    return f"0x{TAG:016x}{number:016x}"


class Exchange:
    """What an exchange says, as the test has it; notes what it is asked and sent."""

    account = "0x" + "11" * 20

    def __init__(self, now_ms: Any) -> None:
        self.now_ms = now_ms
        self.open: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self.became: dict[str, dict[str, Any]] = {}  # of orders that do not rest, by cloid
        self.position = 0.0
        self.asked: list[str] = []
        self.sent: list[L1Action] = []
        self._decoder = Decoder()

    async def info(self, kind: str, **parameters: Any) -> Any:
        self.asked.append(f"{kind} {parameters.get('oid', '')}".strip())
        return self._decoder.info(kind, msgspec.json.encode(self._answer(kind, parameters)))

    def _answer(self, kind: str, parameters: dict[str, Any]) -> Any:
        match kind:
            case "frontendOpenOrders":
                return self.open
            case "userFillsByTime":
                return [fill for fill in self.fills if fill["time"] >= parameters["start_time"]][:2_000]
            case "userFunding":
                return []
            case "orderStatus":
                found = self.became.get(parameters["oid"])
                return {"status": "order", "order": found} if found else {"status": "unknownOid"}
            case "userRateLimit":
                return {"cumVlm": "0.0", "nRequestsUsed": 10, "nRequestsCap": 10_000}
        leverage = {"type": "cross", "value": 5}
        held = {"type": "oneWay", "position": {"coin": COIN, "szi": str(self.position), "leverage": leverage}}
        return {
            "assetPositions": [held] if self.position else [], "crossMarginSummary": {"accountValue": "1000.0"},
            "marginSummary": {"accountValue": "1000.0"}, "withdrawable": "900.0", "time": self.now_ms(),
        }  # fmt: skip

    def send(self, action: L1Action, *, expires_ms: int | None = None) -> "asyncio.Future[Reply]":
        self.sent.append(action)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        future.set_result(Accepted(Response("cancel", Data(statuses=["success"]))))
        return future

    def order(self, cloid: str | None, oid: int) -> dict[str, Any]:
        return {
            "coin": COIN, "side": "B", "limitPx": "40.0", "sz": "1.0", "oid": oid, "timestamp": self.now_ms(),
            "triggerCondition": "N/A", "isTrigger": False, "triggerPx": "0.0", "children": [], "isPositionTpsl": False,
            "reduceOnly": False, "orderType": "Limit", "origSz": "1.0", "tif": "Alo", "cloid": cloid,
        }  # fmt: skip

    def past(self, cloid: str, status: str) -> None:
        self.became[cloid] = {
            "order": self.order(cloid, 77), "status": status, "statusTimestamp": self.now_ms(),
        }  # fmt: skip

    def fill(self, cloid: str | None, tid: int, size: str = "0.1") -> None:
        self.position = round(self.position + float(size), 2)
        self.fills.append({
            "coin": COIN, "px": "40.0", "sz": size, "side": "B", "time": self.now_ms(), "startPosition": "0.0",
            "dir": "Open Long", "closedPnl": "0.0", "hash": "0x0", "oid": 77, "crossed": False, "fee": "0.0006",
            "tid": tid, "feeToken": "USDC", "cloid": cloid,
        })  # fmt: skip


class Desk:
    """A recovery between an exchange and a core."""

    def __init__(self) -> None:
        self.clock = Clock(speed=SPEED)
        self.exchange: Any = Exchange(self.clock.now_ms)
        self.log: list[str] = []
        self.trader = Trader(config.Config(), 2, journal=Recorded(self.log), send=lambda _: None)
        self.trader.reset()
        self.frames = Frames(2, COIN, cloid_tag=TAG)
        self.outbox = Outbox(
            self.exchange, MARKET, self.clock, cloid_tag=TAG, expires_after_ms=EXPIRES_MS,
            hear=self.trader.take_rows, doubt=lambda _: None,
        )  # fmt: skip
        self.said: list[str] = []
        self.recovery = Recovery(
            self.exchange, MARKET, self.frames.account, self.trader, self.outbox, self.clock,
            expires_after_ms=EXPIRES_MS, say=self.said.append,
        )  # fmt: skip

    def order(self, state: Any = orders.SENT) -> int:
        """An order of the core, sent now; its cloid."""
        table, now_ns = self.trader.state.orders, np.int64(self.clock.now_ns())
        zero = np.int64(0)
        i = orders.add(table, zero, np.int64(400_000), np.int64(100), now_ns, zero, zero)
        table.slot[i].state = state
        table.slot[i].was_acknowledged = int(state != orders.SENT)
        return int(table.slot[i].cloid)

    def state(self, cloid: int) -> str:
        order = self.trader.order_of(cloid)
        assert order is not None
        return orders.STATE_NAMES[int(order.state)]

    def rests(self, cloid: int) -> bool:
        """Whether the core knows that it rests; it may want it cancelled again, for it sees no market here."""
        order = self.trader.order_of(cloid)
        return order is not None and bool(orders.is_live(order)) and bool(order.was_acknowledged)

    @property
    def position(self) -> int:
        return int(self.trader.state.profit.position)

    @property
    def asked(self) -> int:
        return sum(each.startswith("orderStatus") for each in self.exchange.asked)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_an_order_in_doubt_that_rests_is_resting(desk: Desk) -> None:
    cloid = desk.order()
    desk.exchange.past(wire(cloid), "open")
    await desk.recovery.settle([cloid])
    assert desk.rests(cloid)
    assert desk.exchange.asked == [f"orderStatus {wire(cloid)}"]


async def test_unknown_is_believed_only_when_it_can_no_longer_arrive(desk: Desk) -> None:
    cloid = desk.order()
    sent_ns = desk.clock.now_ns()
    await desk.recovery.settle([cloid])
    assert desk.clock.now_ns() - sent_ns >= 2 * EXPIRES_MS * MS
    assert desk.asked >= 2
    assert desk.state(cloid) == "done"
    assert int(desk.trader.state.orders.n_rejected) == 1


async def test_an_order_that_arrives_late_is_not_given_up(desk: Desk) -> None:
    cloid = desk.order()
    settling = asyncio.create_task(desk.recovery.settle([cloid]))
    while desk.asked < 1:
        await asyncio.sleep(0.001)
    assert desk.state(cloid) == "sent"  # nothing is assumed meanwhile
    desk.exchange.past(wire(cloid), "open")
    await settling
    assert desk.rests(cloid)


async def test_without_an_expiry_it_takes_longer_to_be_believed() -> None:
    desk = Desk()
    desk.recovery = Recovery(
        desk.exchange, MARKET, desk.frames.account, desk.trader, desk.outbox, desk.clock, expires_after_ms=0,
        say=desk.said.append,
    )  # fmt: skip
    cloid, began_ns = desk.order(), desk.clock.now_ns()
    await desk.recovery.settle([cloid])
    assert desk.clock.now_ns() - began_ns >= 60_000 * MS
    assert desk.state(cloid) == "done"


@pytest.mark.parametrize("state", [orders.CANCEL_SENT, orders.AMEND_SENT])
async def test_a_cancel_or_amend_that_got_lost_may_be_asked_for_again(desk: Desk, state: Any) -> None:
    cloid = desk.order(state)
    desk.exchange.past(wire(cloid), "open")
    await desk.recovery.settle([cloid])
    assert desk.state(cloid) == "resting"


@pytest.mark.parametrize("status", ["canceled", "reduceOnlyCanceled", "badAloPxRejected", "somethingNew"])
async def test_an_order_in_doubt_that_is_gone_is_done(desk: Desk, status: str) -> None:
    cloid = desk.order()
    desk.exchange.past(wire(cloid), status)
    await desk.recovery.settle([cloid])
    assert desk.state(cloid) == ("done" if status != "somethingNew" else desk.state(cloid))


async def test_an_order_called_filled_is_filled_by_its_fills(desk: Desk) -> None:
    cloid = desk.order()
    desk.exchange.past(wire(cloid), "filled")
    settling = asyncio.create_task(desk.recovery.settle([cloid]))
    await asyncio.sleep(0.05)
    assert desk.state(cloid) != "done"  # the word alone moves no position
    desk.exchange.fill(wire(cloid), 1, "1.0")
    await settling
    assert (desk.state(cloid), desk.position) == ("done", 100)


async def test_fills_of_a_gap_count_once_however_often_they_are_told(desk: Desk) -> None:
    cloid = desk.order(orders.RESTING)
    for tid in (5, 6, 7):
        desk.exchange.fill(wire(cloid), tid)
    desk.exchange.open = [desk.exchange.order(wire(cloid), 77)]
    for _ in range(3):
        await desk.recovery.reconcile()
    assert desk.position == 30
    assert int(desk.trader.state.profit.n_fills) == 3


async def test_more_fills_than_the_buffer_holds(desk: Desk) -> None:
    for tid in range(1, ROOM // 2 + 100):
        desk.exchange.fill(None, tid, "0.01")
        desk.exchange.fills[-1]["time"] = desk.exchange.now_ms() - 60_000 + 5 * tid
    await desk.recovery.catch_up()
    assert desk.position == ROOM // 2 + 99


async def test_strangers_are_cancelled_and_our_own_stay(desk: Desk) -> None:
    ours, ended = desk.order(orders.RESTING), desk.order(orders.RESTING)
    desk.trader.take_rows([make.cancelled(ended, 0, 100, desk.clock.now_ns(), desk.clock.now_ns())])
    exchange = desk.exchange
    exchange.open = [
        exchange.order(wire(ours), 1), exchange.order(wire(ended), 2), exchange.order(None, 3),
        exchange.order("0x" + "0" * 31 + "1", 4),
    ]  # fmt: skip
    await desk.recovery.reconcile()
    (cancels,) = exchange.sent
    assert isinstance(cancels, CancelOrders)
    assert [cancel.oid for cancel in cancels.cancels] == [2, 3, 4]
    assert desk.rests(ours)
    assert desk.recovery.counts["orphans_cancelled"] == 3


async def test_orders_that_no_longer_rest_are_asked_for_one_by_one(desk: Desk) -> None:
    gone = [desk.order(orders.RESTING) for _ in range(3)]
    for cloid in gone:
        desk.exchange.past(wire(cloid), "canceled")
    await desk.recovery.reconcile()
    assert [desk.state(cloid) for cloid in gone] == ["done"] * 3
    assert desk.asked == 3


async def test_a_position_that_its_fills_do_not_explain_is_an_error(desk: Desk) -> None:
    desk.exchange.position = 2.0
    with pytest.raises(PositionError, match="200 by the exchange, 0 by its fills"):
        await desk.recovery.reconcile()
    assert desk.recovery.counts["position_differs"] == 1
    desk.exchange.fill(None, 9, "0.5")  # of somebody at the same account; still not all
    desk.exchange.position = 0.5
    await desk.recovery.reconcile()
    assert desk.position == 50


async def test_what_waits_for_too_long_is_overdue(desk: Desk) -> None:
    old = desk.order(orders.CANCEL_SENT)
    desk.order(orders.RESTING)
    time.sleep(0.02)  # two seconds of the exchange's
    desk.order(orders.SENT)
    assert desk.recovery.overdue(1_000 * MS) == [old]
