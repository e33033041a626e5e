"""Reading what the venue sends: strict first, and where something is unknown, tolerant and counted.

A message that fits its type costs nothing extra. Where the venue added a key, a channel or a status, the message is
read without it and the addition is counted under its path; where it cannot be read even so, WireError says why.
"""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import inspect

from touchstone.venues.hyperliquid import statuses
from touchstone.venues.hyperliquid.errors import WireError
from touchstone.venues.hyperliquid.info import RESPONSES, OrderStatus
from touchstone.venues.hyperliquid.replies import Reply
from touchstone.venues.hyperliquid.shapes import OrderUpdate, PastOrder
from touchstone.venues.hyperliquid.stream import (
    ClientFrame,
    OrderUpdatesFrame,
    ServerFrame,
    UnknownFrame,
    UserPastOrdersFrame,
)

Bytes = bytes | str | msgspec.Raw


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


@cache
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


_FRAME: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_CLIENT_FRAME: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_CHANNELS = {frame.__struct_config__.tag for frame in get_args(ServerFrame)}


class Decoder:
    """Decodes messages of the venue; `unknown` counts what was not known, by path.

    With `strict` an unknown thing raises WireError that lists all of the message instead.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.unknown: Counter[str] = Counter()

    def info(self, kind: str, raw: Bytes) -> Any:
        """Response to an /info request of type `kind`; one without a known type is plain JSON, counted."""
        if kind not in RESPONSES:
            self._count([f"info type {kind}"])
            return self._decode(Any, raw, kind)
        return self._decode(RESPONSES[kind], raw, kind)

    def reply(self, raw: Bytes) -> Reply:
        """Answer of /exchange."""
        reply: Reply = self._decode(Reply, raw, "exchange")
        return reply

    def frame(self, raw: Bytes) -> ServerFrame | UnknownFrame:
        """WebSocket frame of the venue."""
        try:
            frame = _FRAME.decode(raw)
        except msgspec.DecodeError:
            return self._unusual_frame(raw)
        if isinstance(frame, (OrderUpdatesFrame, UserPastOrdersFrame)):
            self._count_statuses(frame)
        return frame

    def _unusual_frame(self, raw: Bytes) -> ServerFrame | UnknownFrame:
        try:
            value = json.loads(bytes(raw) if isinstance(raw, msgspec.Raw) else raw)
        except ValueError:
            self._count(["text that is not JSON"])
            text = raw if isinstance(raw, str) else bytes(raw).decode(errors="replace")
            return UnknownFrame("", text)
        channel = value.get("channel") if isinstance(value, dict) else None
        if channel not in _CHANNELS:
            self._count([f"channel {channel}"])
            return UnknownFrame(str(channel or ""), value.get("data") if channel else value)
        frame: ServerFrame = self._decode(ServerFrame, raw, str(channel))
        return frame

    def _decode(self, kind: Any, raw: Bytes, name: str) -> Any:
        decoder = _decoder(kind)
        try:
            value = decoder.decode(raw)
        except msgspec.ValidationError:
            value = self._without_unknown(kind, raw, name)
        except msgspec.DecodeError as error:
            raise WireError(f"{name}: {error}") from error
        self._count_statuses(value)
        return value

    def _without_unknown(self, kind: Any, raw: Bytes, name: str) -> Any:
        unknown: list[str] = []
        known = _prune(msgspec.json.decode(raw), _type_info(kind), name, unknown)
        try:
            value = _decoder(kind).decode(msgspec.json.encode(known))
        except msgspec.DecodeError as error:
            raise WireError(f"{name}: {error}") from error
        self._count(unknown)
        return value

    def _count_statuses(self, value: object) -> None:
        unknown = [f"status {status}" for status in _statuses(value) if status not in statuses.KNOWN]
        if unknown:
            self._count(unknown)

    def _count(self, unknown: list[str]) -> None:
        if self.strict and unknown:
            raise WireError(f"not known: {', '.join(sorted(set(unknown)))}")
        self.unknown.update(unknown)


def decode_client_frame(raw: Bytes) -> ClientFrame:
    """WebSocket frame of a client. Raises WireError."""
    try:
        return _CLIENT_FRAME.decode(raw)
    except msgspec.DecodeError as error:
        raise WireError(f"client frame: {error}") from error


def _statuses(value: object) -> Iterator[str]:
    """Order statuses in a decoded message."""
    if isinstance(value, (OrderUpdate, PastOrder)):
        yield value.status
    elif isinstance(value, OrderStatus) and value.order:
        yield value.order.status
    elif isinstance(value, OrderUpdatesFrame):
        yield from (update.status for update in value.data)
    elif isinstance(value, UserPastOrdersFrame):
        yield from (past.status for past in value.data.order_history)
    elif isinstance(value, list) and value and isinstance(value[0], PastOrder):
        yield from (past.status for past in value)


def _prune(value: Any, info: inspect.Type, path: str, unknown: list[str]) -> Any:
    """`value` (plain JSON) without the keys that its type does not know; their paths are appended to `unknown`."""
    if isinstance(info, inspect.UnionType):
        return _prune_union(value, info, path, unknown)
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        return _prune_object(value, info, path, unknown)
    if isinstance(info, inspect.DictType) and isinstance(value, dict):
        return {key: _prune(item, info.value_type, f"{path}.*", unknown) for key, item in value.items()}
    if isinstance(info, inspect.ListType) and isinstance(value, list):
        return [_prune(item, info.item_type, f"{path}[]", unknown) for item in value]
    if isinstance(info, inspect.TupleType) and isinstance(value, list) and len(value) == len(info.item_types):
        return [_prune(item, of, f"{path}[]", unknown) for item, of in zip(value, info.item_types, strict=True)]
    return value


def _prune_union(value: Any, info: inspect.UnionType, path: str, unknown: list[str]) -> Any:
    objects, arrays = (inspect.StructType, inspect.DictType), (inspect.ListType, inspect.TupleType)
    wanted = objects if isinstance(value, dict) else arrays
    for option in info.types:
        if isinstance(option, inspect.StructType) and option.tag_field is not None and isinstance(value, dict):
            if value.get(option.tag_field) == option.tag:
                return _prune(value, option, path, unknown)
        elif isinstance(option, wanted):
            return _prune(value, option, path, unknown)
    return value


def _prune_object(value: dict[str, Any], info: inspect.StructType, path: str, unknown: list[str]) -> dict[str, Any]:
    fields = {entry.encode_name: entry.type for entry in info.fields}
    known: dict[str, Any] = {}
    for key, item in value.items():
        if key in fields:
            known[key] = _prune(item, fields[key], f"{path}.{key}", unknown)
        elif key == info.tag_field:
            known[key] = item
        elif getattr(info.cls.__struct_config__, "forbid_unknown_fields", False):
            unknown.append(f"{path}.{key}")
    return known
