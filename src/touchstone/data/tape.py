"""The market data file: one header page with JSON metadata, then 48-byte event records, memory-mappable.

The header takes HEADER_BYTES: magic, version, sizes, checksums, event count, JSON. Events are in exchange order with
non-decreasing receive time. A tape is written under a temporary name and renamed when complete.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec
import numpy as np

from touchstone.data.errors import DataError
from touchstone.data.layout import EVENT_DTYPE, Events, count_kinds, same_layout
from touchstone.data.units import Coin

SUFFIX = ".tape"
MAGIC = b"TOUCHST\n"
VERSION = 1
HEADER_BYTES = 16384
RECORD_BYTES = EVENT_DTYPE.itemsize
_HEAD = struct.Struct("<8sIIIIIIQ")  # magic, version, header bytes, record bytes, JSON bytes, JSON crc, payload crc, n


class TapeMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What a tape says about itself. Times in ns since the epoch, 0 in an empty tape."""

    coin: str
    dex: str
    sz_decimals: int
    collateral: str
    source: str  # "hyperliquid", "generated", "bench", ...
    created_by: str
    event_count: int
    first_exch_ns: int
    last_exch_ns: int
    first_recv_ns: int
    last_recv_ns: int
    kinds: dict[str, int]
    quality: dict[str, Any]
    details: dict[str, Any]  # of the source: files, seed, parameters


def created_by() -> str:
    """Program and version, for the metadata."""
    try:
        return f"touchstone {version('touchstone')}"
    except PackageNotFoundError:
        return "touchstone (not installed)"


class TapeWriter:
    """Writes a tape piece by piece; as a context manager it renames on success and removes the piece on failure.

    Set `quality` and `details` at any time before the end.
    """

    def __init__(self, path: Path, coin: Coin, source: str, details: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.coin = coin
        self.source = source
        self.details: dict[str, Any] = details or {}
        self.quality: dict[str, Any] = {}
        self.count = 0
        self._kinds: dict[str, int] = {}
        self._crc = 0
        self._first = (0, 0)
        self._last = (0, 0)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._file: BinaryIO = self._temporary.open("wb")
        self._file.write(b"\0" * HEADER_BYTES)

    def append(self, events: Events) -> None:
        """Add events (any array with the event layout). Raises DataError if receive time goes back."""
        if not same_layout(events.dtype):
            raise DataError(f"{self.path}: cannot write records of dtype {events.dtype}; convert to EVENT_DTYPE")
        if len(events) == 0:
            return
        recv = events["recv_ns"]
        if recv[0] < self._last[1] or bool((recv[1:] < recv[:-1]).any()):
            at = 0 if recv[0] < self._last[1] else int(np.argmax(recv[1:] < recv[:-1])) + 1
            raise DataError(
                f"{self.path}: receive time goes back at event {self.count + at} (to {int(recv[at])} ns); "
                "order the events and raise receive times first"
            )
        payload = np.ascontiguousarray(events).view(np.uint8).data
        self._file.write(payload)
        self._crc = zlib.crc32(payload, self._crc)
        if self.count == 0:
            self._first = (int(events["exch_ns"][0]), int(recv[0]))
        self._last = (int(events["exch_ns"][-1]), int(recv[-1]))
        self.count += len(events)
        for kind, n in count_kinds(events).items():
            self._kinds[kind] = self._kinds.get(kind, 0) + n

    def close(self) -> Path:
        """Write the header, flush to disk, rename. Returns the tape's path."""
        meta = TapeMeta(
            coin=self.coin.name,
            dex=self.coin.dex,
            sz_decimals=self.coin.sz_decimals,
            collateral=self.coin.collateral,
            source=self.source,
            created_by=created_by(),
            event_count=self.count,
            first_exch_ns=self._first[0],
            last_exch_ns=self._last[0],
            first_recv_ns=self._first[1],
            last_recv_ns=self._last[1],
            kinds=self._kinds,
            quality=self.quality,
            details=self.details,
        )
        text = msgspec.json.encode(meta)
        if len(text) > HEADER_BYTES - _HEAD.size:
            raise DataError(f"{self.path}: metadata takes {len(text)} bytes of {HEADER_BYTES}; shorten `details`")
        head = _HEAD.pack(
            MAGIC, VERSION, HEADER_BYTES, RECORD_BYTES, len(text), zlib.crc32(text), self._crc, self.count
        )
        self._file.seek(0)
        self._file.write(head + text)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self.path)
        return self.path

    def abort(self) -> None:
        """Forget the tape."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise


class Tape:
    """A tape opened for reading: `meta`, and `events`, a read-only memory map.

    Compiled code needs a writable array of its own dtype object, so hand it `rows()`, `chunks()` or `load()`, never
    `events`.
    """

    def __init__(self, path: Path, meta: TapeMeta, events: Events) -> None:
        self.path = path
        self.meta = meta
        self.events = events
        self._rows: Any = None

    def __len__(self) -> int:
        return self.meta.event_count

    @property
    def coin(self) -> Coin:
        return Coin(self.meta.coin, self.meta.sz_decimals, self.meta.collateral)

    def chunks(self, rows: int = 1 << 16, start: int = 0, stop: int | None = None) -> Iterator[Any]:
        """Events start..stop, copied `rows` at a time into ONE reused writable buffer of `core.events.EVENT`."""
        from touchstone.core.events import EVENT

        end = len(self) if stop is None else min(stop, len(self))
        buffer = np.zeros(max(min(rows, end - start), 0), EVENT)
        to = buffer.view(np.uint8).reshape(-1, RECORD_BYTES)
        raw = self.events.view(np.uint8).reshape(-1, RECORD_BYTES)
        for at in range(start, end, max(len(buffer), 1)):
            n = min(len(buffer), end - at)
            to[:n] = raw[at : at + n]
            yield buffer[:n]

    def rows(self) -> Any:
        """All events as an array of `core.events.EVENT` that compiled code takes, without a copy of the file.

        It is mapped once, copy-on-write: writable for the compiler's sake, but nothing written reaches the file, and
        nobody may write, for every caller has the same array.
        """
        from touchstone.core.events import EVENT

        if not self.meta.event_count:
            return np.zeros(0, EVENT)
        if self._rows is None:
            self._rows = np.memmap(self.path, EVENT, "c", HEADER_BYTES, (self.meta.event_count,)).view(np.ndarray)
        return self._rows

    def load(self, start: int = 0, stop: int | None = None) -> Any:
        """Events start..stop as one writable array of `core.events.EVENT`."""
        end = len(self) if stop is None else min(stop, len(self))
        for chunk in self.chunks(max(end - start, 1), start, end):
            return chunk
        from touchstone.core.events import EVENT

        return np.zeros(0, EVENT)


def open_tape(path: Path | str, verify: bool = True) -> Tape:
    """Open and check a tape; `verify` also reads it whole for its checksum. Raises DataError."""
    path = Path(path)
    meta, crc = _read_header(path)
    events: Any = np.zeros(0, EVENT_DTYPE)
    if meta.event_count:
        events = np.memmap(path, EVENT_DTYPE, "r", HEADER_BYTES, (meta.event_count,))
    if verify:
        found = 0
        raw = events.view(np.uint8)
        for at in range(0, raw.size, 1 << 24):
            found = zlib.crc32(raw[at : at + (1 << 24)].data, found)
        if found != crc:
            raise DataError(
                f"{path}: events are damaged (checksum {found:#010x}, header says {crc:#010x}); "
                "make the tape again from its source"
            )
    return Tape(path, meta, events)


def is_tape(path: Path) -> bool:
    """Whether a file starts as a tape does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _read_header(path: Path) -> tuple[TapeMeta, int]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; make a tape with `touchstone import` or `touchstone record`")
    with path.open("rb") as file:
        page = file.read(HEADER_BYTES)
    if not page.startswith(MAGIC):
        raise DataError(
            f"{path}: not a tape (starts with {page[:8]!r}, expected {MAGIC!r}); "
            "recordings go through `touchstone import`"
        )
    if len(page) < HEADER_BYTES:
        raise DataError(f"{path}: header cut off at {len(page)} of {HEADER_BYTES} bytes; make the tape again")
    _, found, header_bytes, record_bytes, json_bytes, json_crc, crc, count = _HEAD.unpack_from(page)
    if (found, header_bytes, record_bytes) != (VERSION, HEADER_BYTES, RECORD_BYTES):
        raise DataError(
            f"{path}: tape version {found} with {record_bytes}-byte records, this program reads version {VERSION} with "
            f"{RECORD_BYTES}-byte records; make the tape again from its source"
        )
    text = page[_HEAD.size : _HEAD.size + json_bytes]
    if zlib.crc32(text) != json_crc:
        raise DataError(f"{path}: header is damaged (checksum of its metadata differs); make the tape again")
    try:
        meta = msgspec.json.decode(text, type=TapeMeta)
    except msgspec.MsgspecError as error:
        raise DataError(f"{path}: metadata not understood ({error}); make the tape again") from error
    size, expected = path.stat().st_size, HEADER_BYTES + count * RECORD_BYTES
    if meta.event_count != count or size != expected:
        raise DataError(
            f"{path}: {size} bytes, but {count} events need {expected}; the file is cut off or was appended to: "
            "make the tape again"
        )
    return meta, crc
