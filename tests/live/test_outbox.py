"""What the core wants on the wire, and what the exchange's answers mean to the core."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from touchstone.clients.hyperliquid import Market, NotSentError, UnknownOutcomeError
from touchstone.core import actions, events
from touchstone.data.layout import EVENT_DTYPE
from touchstone.live.clock import Clock
from touchstone.live.outbox import Outbox
from touchstone.venues.hyperliquid.actions import CancelByCloid, L1Action, ModifyOrders, PlaceOrders
from touchstone.venues.hyperliquid.replies import Accepted, Data, Refused, Reply, Response, Resting, Status

MARKET = Market(
    coin="HYPE", dex="", dex_index=0, asset=159, sz_decimals=2, max_leverage=10, only_isolated=False,
    margin_mode="normal", collateral="USDC", growth_mode=False, deployer_fee_scale=None, maker_fee_bps=1.5,
    taker_fee_bps=4.5, is_delisted=False,
)  # fmt: skip
TAG = 0xABCDEF
pytestmark = pytest.mark.asyncio
FIELDS = EVENT_DTYPE.names
PLACE, AMEND, CANCEL = (int(kind) for kind in (actions.PLACE, actions.AMEND, actions.CANCEL))
ALO, IOC, REDUCE = int(actions.BIT_ALO), int(actions.BIT_IOC), int(actions.BIT_REDUCE_ONLY)


class Desk:
    """An outbox whose requests the test answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[L1Action, asyncio.Future[Reply]]] = []
        self.heard: list[dict[str, int]] = []
        self.doubted: list[int] = []
        self.outbox = Outbox(
            self, MARKET, Clock(), cloid_tag=TAG, expires_after_ms=5_000, hear=self._hear, doubt=self._doubt
        )

    def send(self, action: L1Action, *, expires_ms: int | None = None) -> "asyncio.Future[Reply]":
        assert (expires_ms is None) == isinstance(action, CancelByCloid)  # a late cancel does no harm, a lost one does
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.requests.append((action, future))
        return future

    async def answer(self, reply: Reply | Exception, number: int = -1) -> None:
        future = self.requests[number][1]
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)
        await asyncio.sleep(0)

    def told(self) -> list[tuple[int, int, int]]:
        """(kind, cloid, code) of what the core was told."""
        return [(row["kind"], row["aux"], row["code"]) for row in self.heard]

    def _hear(self, rows: list[tuple[int, ...]]) -> None:
        self.heard += [dict(zip(FIELDS, row, strict=True)) for row in rows]

    def _doubt(self, cloids: Sequence[int]) -> None:
        self.doubted += cloids


def wanted(kind: int, cloid: int, *, target: int = 0, side: int = 1, px: int = 400_400, bits: int = ALO) -> Any:
    """An action of the core: 1.25 at 40.04."""
    return (1, cloid, target, px, 125, 0, kind, side, bits)


def wire(number: int) -> str:
    return f"0x{TAG:016x}{number:016x}"


def accepted(*parts: Status | str) -> Accepted:
    return Accepted(Response("order", Data(statuses=list(parts))))


async def test_cancels_go_before_amends_before_adds_before_takes_each_in_one_request() -> None:
    desk = Desk()
    desk.outbox.send(
        [
            wanted(PLACE, 10), wanted(PLACE, 11, side=-1, bits=IOC | REDUCE), wanted(AMEND, 12, target=2),
            wanted(CANCEL, 3), wanted(PLACE, 13, side=-1), wanted(CANCEL, 4),
        ]
    )  # fmt: skip
    cancels, amends, adds, takes = [action for action, _ in desk.requests]
    assert isinstance(cancels, CancelByCloid)
    assert [(part.asset, part.cloid) for part in cancels.cancels] == [(159, wire(3)), (159, wire(4))]
    assert isinstance(amends, ModifyOrders)
    assert [(part.oid, part.order.cloid) for part in amends.modifies] == [(wire(2), wire(12))]
    assert isinstance(adds, PlaceOrders)
    assert [(o.cloid, o.is_buy, o.px, o.sz, o.type.limit.tif) for o in adds.orders if o.type.limit] == [
        (wire(10), True, "40.04", "1.25", "Alo"), (wire(13), False, "40.04", "1.25", "Alo"),
    ]  # fmt: skip
    assert isinstance(takes, PlaceOrders)
    assert [(o.cloid, o.reduce_only, o.type.limit.tif) for o in takes.orders if o.type.limit] == [
        (wire(11), True, "Ioc")
    ]
    assert adds.builder is None


async def test_what_was_done_is_left_to_the_order_updates() -> None:
    desk = Desk()
    desk.outbox.send([wanted(PLACE, 1)])
    await desk.answer(accepted(Status(resting=Resting(7))))
    assert desk.told() == []
    assert desk.outbox.in_flight == 0


async def test_a_refused_part_is_told_with_its_reason() -> None:
    desk = Desk()
    desk.outbox.send([wanted(PLACE, 1), wanted(PLACE, 2)])
    text = "Post only order would have immediately matched, bbo was 40.0@40.03. asset=159"
    await desk.answer(accepted(Status(resting=Resting(7)), Status(error=text)))
    assert desk.told() == [(events.ORDER_REJECTED, 2, events.REJECT_BAD_ALO_PX)]
    assert desk.heard[0]["px"] == 400_300  # the ask that the bid would have met


async def test_an_amend_of_an_order_that_is_gone_gives_no_order() -> None:
    desk = Desk()
    desk.outbox.send([wanted(AMEND, 5, target=4)])
    await desk.answer(accepted(Status(error="Cannot modify canceled or filled order")))
    assert desk.told() == [(events.ORDER_REJECTED, 5, events.REJECT_AMEND_TARGET_GONE)]


async def test_a_cancel_that_came_too_late_says_so_and_nothing_more() -> None:
    desk = Desk()
    desk.outbox.send([wanted(CANCEL, 4)])
    await desk.answer(accepted(Status(error="Order was never placed, already canceled, or filled. asset=159")))
    assert desk.told() == [(events.CANCEL_REJECTED, 4, 0)]


@pytest.mark.parametrize(
    "failure",
    [
        NotSentError("no connection"),
        Refused(
            "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.0. "
            "Place taker orders to free up 1 request per USDC traded."
        ),
    ],
)
async def test_what_was_not_carried_out_at_all_leaves_the_old_orders_resting(failure: Any) -> None:
    desk = Desk()
    desk.outbox.send([wanted(AMEND, 5, target=4), wanted(CANCEL, 3)])
    await desk.answer(failure, 0)
    await desk.answer(failure, 1)
    code = events.REJECT_NOT_SENT if isinstance(failure, Exception) else events.REJECT_RATE_LIMIT
    assert desk.told() == [
        (events.CANCEL_REJECTED, 3, code),
        (events.ORDER_REJECTED, 5, code),
        (events.CANCEL_REJECTED, 4, code),
    ]


async def test_nobody_guesses_what_became_of_an_action_without_an_answer() -> None:
    desk = Desk()
    desk.outbox.send([wanted(AMEND, 5, target=4)])
    await desk.answer(UnknownOutcomeError("no answer"))
    assert desk.told() == []
    assert desk.doubted == [5, 4]


async def test_an_answer_with_another_number_of_parts_is_no_answer() -> None:
    desk = Desk()
    desk.outbox.send([wanted(PLACE, 1), wanted(PLACE, 2), wanted(PLACE, 3)])
    await desk.answer(accepted(Status(resting=Resting(7)), Status(resting=Resting(8))))
    assert desk.told() == []
    assert desk.doubted == [1, 2, 3]


async def test_one_refusal_for_a_batch_is_for_each_of_its_orders() -> None:
    desk = Desk()
    desk.outbox.send([wanted(PLACE, 1), wanted(PLACE, 2)])
    await desk.answer(accepted(Status(error="Order has invalid price.")))
    assert desk.told() == [(events.ORDER_REJECTED, n, events.REJECT_TICK) for n in (1, 2)]
