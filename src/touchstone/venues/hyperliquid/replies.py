"""Answers of /exchange, also the payload of a WebSocket post. HTTP 200 for success and refusal alike."""

import msgspec
from msgspec import UNSET

from touchstone.venues.hyperliquid.shapes import Maybe, Shape


class Resting(Shape):
    oid: int
    cloid: str | Maybe | None = UNSET


class Filled(Shape):
    """Also of an IOC order that filled in part: total_sz is then below its size."""

    total_sz: str
    avg_px: str
    oid: int
    cloid: str | Maybe | None = UNSET


class Running(Shape):
    twap_id: int


class Status(Shape):
    """What became of one order of a batch: exactly one of these."""

    resting: Resting | Maybe = UNSET
    filled: Filled | Maybe = UNSET
    error: str | Maybe = UNSET
    running: Running | Maybe = UNSET  # a TWAP


class Data(Shape):
    """`statuses` of a batch; `status` of a TWAP. Text is `success`, `waitingForFill` or `waitingForTrigger`."""

    statuses: list[Status | str] | Maybe = UNSET
    status: Status | str | Maybe = UNSET


class Response(Shape):
    """`type` is order (also for batchModify), cancel, default, twapOrder, twapCancel, createSubAccount ..."""

    type: str
    data: Data | str | Maybe = UNSET


class Accepted(Shape, tag_field="status", tag="ok"):
    """The action was carried out; single orders of it may still have been refused."""

    response: Response


class Refused(Shape, tag_field="status", tag="err"):
    """The whole action was refused; `response` is why (see errors.py)."""

    response: str


Reply = Accepted | Refused
DEFAULT = Accepted(Response("default"))


def statuses(reply: Reply, n: int) -> list[Status | str]:
    """One status for each of the `n` parts of a batch: an error of the whole, or a single one, stands for all."""
    if isinstance(reply, Refused):
        return [Status(error=reply.response)] * n
    data = reply.response.data
    if isinstance(data, Data) and isinstance(data.statuses, list):
        return data.statuses * n if len(data.statuses) == 1 else data.statuses
    return ["success"] * n


def orders_reply(parts: list[Status | str]) -> Accepted:
    """Answer to `order` and `batchModify`."""
    return Accepted(Response("order", Data(statuses=parts)))


def cancels_reply(parts: list[Status | str]) -> Accepted:
    """Answer to `cancel` and `cancelByCloid`."""
    return Accepted(Response("cancel", Data(statuses=parts)))


def encode(reply: Reply) -> bytes:
    """JSON as the venue writes it."""
    return msgspec.json.encode(reply)
