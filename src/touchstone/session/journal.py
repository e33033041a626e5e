"""The journal of a session: everything that the core was fed, and every action that it wanted, in this order.

A segment is events/NNNN.log: a header, then blocks. Numbers are little-endian.

    header   magic, version, bytes of JSON, checksum of JSON, checksum of these 20 bytes, JSON (JournalMeta)
    block    payload bytes u4, kind u4, number u8, checksum of the payload u4, checksum of these 20 bytes u4, payload

A payload is whole 48-byte records, events or actions. Blocks are numbered through the session, so that a lost segment
shows. What a crash leaves behind is a block that stops in the middle, or zeros: that is cut off and counted. Anything
else that does not match its checksum is an error that names the place.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec
import numpy as np

from touchstone import TouchstoneError
from touchstone.data.layout import EVENT_DTYPE
from touchstone.data.tape import created_by
from touchstone.data.units import Coin

FOLDER = "events"
SUFFIX = ".log"
EVENTS, ACTIONS = 1, 2
RECORD_BYTES = EVENT_DTYPE.itemsize  # of an action too
SEGMENT_BYTES = 64 << 20
BUFFER_BYTES = 1 << 18  # written by itself when so much has gathered

_MAGIC = b"TOUCHJL\n"
_VERSION = 1
_HEAD = struct.Struct("<8sIII")
_BLOCK = struct.Struct("<IIQI")
_CHECK = struct.Struct("<I")
HEAD_BYTES, BLOCK_BYTES = _HEAD.size + _CHECK.size, _BLOCK.size + _CHECK.size


class JournalError(TouchstoneError):
    """The journal cannot be written or read; names the file and, where there is one, the offset."""

    exit_code = 2


class JournalMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What a segment says about itself."""

    coin: str
    sz_decimals: int
    collateral: str
    core: str  # hash of the compiled sources, and of what compiled them
    created_by: str
    segment: int
    first_block: int
    goes_on: bool = False  # begun behind a crash: what the core wanted last may not be in the segment before


class Journal:
    """Writes a journal; a context manager. What it holds may be relied upon, and acted upon, once `flush` returns.

    Any failure to write raises JournalError, and the journal then takes nothing more.
    """

    def __init__(
        self, session: Path, coin: Coin, core: str, *, segment_bytes: int = SEGMENT_BYTES, goes_on: bool = False
    ) -> None:
        """`goes_on`: behind what a session left that did not end by itself; what it left torn is taken away."""
        self._folder = Path(session) / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        if not goes_on and any(self._folder.glob(f"*{SUFFIX}")):
            raise JournalError(f"{self._folder}: has a journal already; a session has a folder of its own")
        self._coin = coin
        self._core = core
        self._segment_bytes = segment_bytes
        self._buffer = bytearray()
        self._file = -1
        self._failed: str | None = None
        self.segment = -1
        self.n_blocks = 0
        self._written = 0  # bytes of the segment, the buffered ones included
        if goes_on:
            self.segment, self.n_blocks = _mend(session)
        self._begin_segment(goes_on)

    @property
    def path(self) -> Path:
        """The segment that is being written."""
        return self._folder / f"{self.segment:04d}{SUFFIX}"

    @property
    def is_full(self) -> bool:
        """Whether the next segment is due. The caller begins it when the core stands behind the last record."""
        return self._written >= self._segment_bytes

    def append(self, events: Any) -> None:
        """What the core is fed (an array of the event layout, or its bytes); before it is."""
        self._append(EVENTS, events)

    def append_actions(self, actions: Any) -> None:
        """What the core wanted after the events before; an array of the layout of actions, or its bytes."""
        self._append(ACTIONS, actions)

    def _append(self, kind: int, rows: Any) -> None:
        if self._failed:
            raise JournalError(self._failed)
        if len(rows) == 0:
            return
        payload = rows if isinstance(rows, bytes) else rows.tobytes()
        self._buffer += _sealed(_BLOCK.pack(len(payload), kind, self.n_blocks, zlib.crc32(payload))) + payload
        self._written += BLOCK_BYTES + len(payload)
        self.n_blocks += 1
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything appended to the system: it survives the end of this process, not that of the machine."""
        if self._failed:
            raise JournalError(self._failed)
        try:
            left = memoryview(self._buffer)
            while left:
                left = left[os.write(self._file, left) :]
            left.release()
        except OSError as error:
            self._fail("written", error)
        self._buffer = bytearray()

    def sync(self) -> None:
        """Also onto the disk: it survives the machine."""
        self.flush()
        try:
            os.fdatasync(self._file)
        except OSError as error:
            self._fail("written to disk", error)

    def new_segment(self) -> int:
        """Close the segment and begin the next; returns its number, for the checkpoint of the state it starts from."""
        self.close()
        self._begin_segment()
        return self.segment

    def _begin_segment(self, goes_on: bool = False) -> None:
        self.segment += 1
        meta = JournalMeta(
            coin=self._coin.name, sz_decimals=self._coin.sz_decimals, collateral=self._coin.collateral, core=self._core,
            created_by=created_by(), segment=self.segment, first_block=self.n_blocks, goes_on=goes_on,
        )  # fmt: skip
        text = msgspec.json.encode(meta)
        self._buffer += _sealed(_HEAD.pack(_MAGIC, _VERSION, len(text), zlib.crc32(text))) + text
        self._written = len(self._buffer)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            self._fail("created", error)
        self.sync()

    def close(self) -> None:
        """Write what is left, onto the disk, and close the segment."""
        if self._file < 0:
            return
        if not self._failed:
            self.sync()
        os.close(self._file)
        self._file = -1

    def _fail(self, what: str, error: OSError) -> None:
        self._failed = (
            f"{self.path}: cannot be {what} ({error.strerror}); free space or mend the disk: nothing is sent that is "
            "not in the journal"
        )
        raise JournalError(self._failed) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Block:
    """Records that were appended together; `offset` is where the block begins in its segment."""

    kind: int  # EVENTS | ACTIONS
    number: int
    payload: bytes
    segment: Path
    offset: int
    meta: JournalMeta  # of the segment

    def __len__(self) -> int:
        return len(self.payload) // RECORD_BYTES

    def rows(self) -> Any:
        """The records as an array: of `layout.EVENT_DTYPE`, or of `core.actions.ACTION`."""
        if self.kind == EVENTS:
            return np.frombuffer(self.payload, EVENT_DTYPE)
        from touchstone.core.actions import ACTION

        return np.frombuffer(self.payload, ACTION)


class Reader:
    """Goes through a journal block by block; `torn_bytes` is known at the end. Raises JournalError where damaged."""

    def __init__(self, session: Path) -> None:
        self._paths = sorted((Path(session) / FOLDER).glob(f"*{SUFFIX}"))
        if not self._paths:
            raise JournalError(f"{Path(session) / FOLDER}: no journal ({SUFFIX} files); give the folder of a session")
        self.torn_bytes = 0
        self.n_blocks = 0
        self.n_events = 0
        self.n_actions = 0
        with self._paths[0].open("rb") as file:
            self.meta = self._meta(file, self._paths[0])

    @property
    def total_bytes(self) -> int:
        """Size of all segments."""
        return sum(path.stat().st_size for path in self._paths)

    def __iter__(self) -> Iterator[Block]:
        if self.meta is None:
            return
        for number, path in enumerate(self._paths):
            with path.open("rb") as file:
                meta = self._meta(file, path)
                if meta is None:
                    return
                self._check(meta, number, path)
                yield from self._blocks(file, path, meta)

    def follow(self, may_come: Callable[[], bool]) -> Iterator[Block]:
        """The blocks as they are written.

        At the end of what there is `may_come` is asked (it may sleep) whether to look again; what is there when it says
        no is still given.
        """
        number, offset, is_last_look = 0, 0, False
        while True:
            self._paths = sorted(self._paths[0].parent.glob(f"*{SUFFIX}"))
            self.torn_bytes, came, path = 0, 0, self._paths[number]
            has_ended = number + 1 < len(self._paths)  # seen before it is read to its end: nothing is added any more
            with path.open("rb") as file:
                if (meta := self._meta(file, path)) is not None:
                    if offset == 0:
                        self._check(meta, number, path)
                    file.seek(max(offset, file.tell()))
                    for block in self._blocks(file, path, meta):
                        came, offset = came + 1, file.tell()
                        yield block
            if has_ended:
                number, offset = number + 1, 0
            elif came == 0 and is_last_look:
                return
            elif came == 0:
                is_last_look = not may_come()

    def _check(self, meta: JournalMeta, number: int, path: Path) -> None:
        if (meta.segment, meta.first_block) != (number, self.n_blocks):
            raise JournalError(
                f"{path}: is segment {meta.segment} from block {meta.first_block}, expected segment {number} "
                f"from block {self.n_blocks}; a segment before it is missing or incomplete"
            )

    def _meta(self, file: BinaryIO, path: Path) -> JournalMeta | None:
        """The header of a segment; None of one that a crash left without."""
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or (not _is_sealed(head) and _is_zero_to_the_end(file)):
            self._cut_off(path, 0)
            return None
        magic, version, size, crc = _HEAD.unpack_from(head)
        if magic != _MAGIC:
            raise JournalError(f"{path}: not a segment of a journal (starts with {magic!r})")
        if version != _VERSION:
            raise JournalError(f"{path}: journal of version {version}, this program reads {_VERSION}; use that one")
        text = file.read(size) if _is_sealed(head) else b""
        is_whole = zlib.crc32(text) == crc
        if _is_sealed(head) and not is_whole and _is_zero_to_the_end(file):
            self._cut_off(path, 0)
            return None
        if not is_whole or not _is_sealed(head):
            raise JournalError(f"{path}: damaged at offset 0: the header does not match its checksum")
        return msgspec.json.decode(text, type=JournalMeta)

    def _blocks(self, file: BinaryIO, path: Path, meta: JournalMeta) -> Iterator[Block]:
        size = path.stat().st_size
        offset = file.tell()
        while offset < size:
            block = self._block(file, path, offset, meta)
            if block is None:
                self._cut_off(path, offset)
                return
            offset += BLOCK_BYTES + len(block.payload)
            self.n_blocks += 1
            if block.kind == EVENTS:
                self.n_events += len(block)
            else:
                self.n_actions += len(block)
            yield block

    def _block(self, file: BinaryIO, path: Path, offset: int, meta: JournalMeta) -> Block | None:
        """The block at an offset; None where a crash cut it off."""
        head = file.read(BLOCK_BYTES)
        if len(head) < BLOCK_BYTES:
            return None
        n_bytes, kind, number, crc = _BLOCK.unpack_from(head)
        if not _is_sealed(head):
            if _is_zero_to_the_end(file):
                return None
            raise JournalError(f"{path}: damaged at offset {offset}: the head of a block does not match its checksum")
        if kind not in (EVENTS, ACTIONS) or number != self.n_blocks or n_bytes % RECORD_BYTES:
            raise JournalError(
                f"{path}: block at offset {offset} is number {number} of kind {kind} with {n_bytes} bytes; expected "
                f"number {self.n_blocks} of kind {EVENTS} or {ACTIONS}, whole records of {RECORD_BYTES} bytes"
            )
        payload = file.read(n_bytes)
        if len(payload) < n_bytes:
            return None
        if zlib.crc32(payload) != crc:
            if _is_zero_to_the_end(file):
                return None  # the last one: the machine went down before all of it was on the disk
            raise JournalError(f"{path}: damaged at offset {offset}: block {number} does not match its checksum")
        return Block(kind, number, payload, path, offset, meta)

    def _cut_off(self, path: Path, offset: int) -> None:
        """Count what is left of a segment that a crash ended; only the last can be one."""
        if path != self._paths[-1]:
            follows = self._paths[-1].name
            raise JournalError(f"{path}: ends in the middle of the block at offset {offset}, but {follows} follows")
        self.torn_bytes = path.stat().st_size - offset


def _mend(session: Path) -> tuple[int, int]:
    """Take away what a crash tore; returns the last segment that is left and how many blocks there are."""
    found = Reader(session)
    for _ in found:
        pass
    last = sorted((Path(session) / FOLDER).glob(f"*{SUFFIX}"))[-1]
    whole = last.stat().st_size - found.torn_bytes
    if whole == 0:  # it had not even a header
        last.unlink()
    else:
        os.truncate(last, whole)
    return int(last.stem) - (whole == 0), found.n_blocks


def read(session: Path) -> Reader:
    """The blocks of a session's journal in order. Raises JournalError, also while it is read, where it is damaged."""
    return Reader(session)


def _sealed(head: bytes) -> bytes:
    return head + _CHECK.pack(zlib.crc32(head))


def _is_sealed(head: bytes) -> bool:
    check: int = _CHECK.unpack_from(head, len(head) - _CHECK.size)[0]
    return check == zlib.crc32(head[: -_CHECK.size])


def _is_zero_to_the_end(file: BinaryIO) -> bool:
    """Whether nothing or zeros follow: what a file system shows of a file whose data were not yet on the disk."""
    return all(not piece.strip(b"\0") for piece in iter(lambda: file.read(1 << 20), b""))
