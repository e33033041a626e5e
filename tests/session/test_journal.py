"""The journal gives back what was appended, up to where a crash ended it, and notices every other damage."""

import os
import resource
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone.session import journal as journals
from touchstone.session.journal import ACTIONS, EVENTS, Journal, JournalError, read

from .conftest import COIN, actions, events

Appended = list[tuple[int, bytes]]


def written(folder: Path, segment_bytes: int = journals.SEGMENT_BYTES) -> Appended:
    """A journal of blocks of both kinds and several sizes."""
    made: Appended = []
    with Journal(folder, COIN, "core", segment_bytes=segment_bytes) as journal:
        for n in range(12):
            fed, wanted = events(100 * n, n % 5 + 1), actions(n, n % 3)
            journal.append(fed)
            made.append((EVENTS, fed.tobytes()))
            journal.append_actions(wanted)
            if len(wanted):
                made.append((ACTIONS, wanted.tobytes()))
            if journal.is_full:
                journal.new_segment()
    return made


@cache
def kept(segment_bytes: int) -> tuple[Appended, dict[str, bytes]]:
    """What `written` appends, and its segments by name: made once, for tests that spoil many copies."""
    with tempfile.TemporaryDirectory() as name:
        made = written(Path(name), segment_bytes)
        return made, {path.name: path.read_bytes() for path in segments(Path(name))}


def copied(folder: Path, segment_bytes: int) -> Appended:
    """A copy of it."""
    made, files = kept(segment_bytes)
    (folder / "events").mkdir()
    for name, content in files.items():
        (folder / "events" / name).write_bytes(content)
    return made


def found(folder: Path) -> tuple[Appended, journals.Reader]:
    reader = read(folder)
    return [(block.kind, block.payload) for block in reader], reader


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "events").glob("*.log"))


def test_round_trip_over_segments(tmp_path: Path) -> None:
    made = written(tmp_path, segment_bytes=500)
    blocks, reader = found(tmp_path)
    assert blocks == made
    assert len(segments(tmp_path)) > 3
    assert (reader.torn_bytes, reader.n_blocks) == (0, len(made))
    assert reader.n_events == sum(len(payload) // 48 for kind, payload in made if kind == EVENTS)
    assert reader.n_actions == sum(len(payload) // 48 for kind, payload in made if kind == ACTIONS)
    assert reader.meta is not None
    assert (reader.meta.coin, reader.meta.sz_decimals, reader.meta.core) == ("hyna:HYPE", 2, "core")


def test_rows_come_back_as_records(journal: Journal, tmp_path: Path) -> None:
    journal.append(events(5, 3))
    journal.append_actions(actions(9, 2))
    journal.close()
    first, second = read(tmp_path)
    assert first.rows()["px"].tolist() == [5 * 7919, 6 * 7919, 7 * 7919]
    assert second.rows()["cloid"].tolist() == [9, 10]


def test_what_was_flushed_survives_the_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from conftest import COIN, events\n"
        "from pathlib import Path\n"
        "from touchstone.session.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), COIN, 'core')\n"
        "journal.append(events(0, 3)); journal.flush(); journal.append(events(3, 1))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)], check=False)
    assert done.returncode == -9
    blocks, reader = found(tmp_path)
    assert [payload for _, payload in blocks] == [events(0, 3).tobytes()]
    assert reader.torn_bytes == 0


@settings(max_examples=300)
@given(data=st.data())
def test_any_truncation_leaves_a_prefix(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = copied(folder, data.draw(st.sampled_from([900, 1 << 20])))
        last = segments(folder)[-1]
        starts = [block.offset for block in read(folder) if block.segment == last]
        size = last.stat().st_size
        kept = data.draw(st.integers(0, size))
        os.truncate(last, kept)
        blocks, reader = found(folder)
        whole = [end for end in [*starts, size] if end <= kept]
        assert blocks == made[: len(made) - len(starts) + max(len(whole) - 1, 0)]
        assert reader.torn_bytes == kept - max(whole, default=0)
        with last.open("ab") as file:  # what a file system may show after the machine went down
            file.write(b"\0" * data.draw(st.sampled_from([1, 300])))
        again, reader = found(folder)
        assert again == made[: len(again)]
        assert len(again) >= len(blocks)


@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = copied(folder, data.draw(st.sampled_from([900, 1 << 20])))
        path = data.draw(st.sampled_from(segments(folder)))
        raw = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        blocks, reader, error = looked_at(folder)
        if error is not None:
            assert path.name in error
            return
        # Only the payload of the very last block may pass for one that a crash cut off; it is counted.
        assert path == segments(folder)[-1]
        assert reader is not None
        assert reader.torn_bytes > 0
        assert blocks in (made[:-1], made), "made: where the segment held only its head"


def looked_at(folder: Path) -> tuple[Appended, journals.Reader | None, str | None]:
    """Blocks and reader, or the error."""
    try:
        return *found(folder), None
    except JournalError as error:
        return [], None, str(error)


def test_damage_names_file_and_offset(tmp_path: Path) -> None:
    written(tmp_path)
    path = segments(tmp_path)[0]
    raw = bytearray(path.read_bytes())
    second = next(iter([block.offset for block in read(tmp_path)][1:]))
    raw[second + journals.BLOCK_BYTES + 3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(JournalError, match=rf"0000\.log: damaged at offset {second}: block 1 does not match"):
        found(tmp_path)


def test_a_lost_segment_is_noticed(tmp_path: Path) -> None:
    written(tmp_path, segment_bytes=500)
    segments(tmp_path)[1].unlink()
    with pytest.raises(JournalError, match=r"0002\.log: is segment 2 .* expected segment 1"):
        found(tmp_path)


def test_a_segment_cut_off_before_the_last_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, segment_bytes=500)
    path = segments(tmp_path)[1]
    os.truncate(path, path.stat().st_size - 5)
    with pytest.raises(JournalError, match=r"0001\.log: ends in the middle of the block at offset \d+, but"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"TOUCHST\n" + b"x" * 100, "not a segment"), (b"TOUCHJL\n\x09" + b"\0\0\0" + b"x" * 40, "version 9")],
)
def test_what_is_no_journal(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "0000.log").write_bytes(content)
    with pytest.raises(JournalError, match=words):
        found(tmp_path)


def test_no_journal_at_all(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        read(tmp_path)


def test_a_session_folder_is_used_once(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with pytest.raises(JournalError, match="has a journal already"):
        Journal(tmp_path, COIN, "core")


# ------------------------------------------------------------ a full disk


def test_a_full_disk_is_an_error_before_anything_follows(journal: Journal, tmp_path: Path) -> None:
    """The size of files is limited here, so that the system itself refuses, in the middle of a block."""
    journal.append(events(0, 4))
    journal.flush()
    size = journal.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        journal.append(events(4, 50))
        with pytest.raises(JournalError, match=r"0000\.log: cannot be written .*nothing is sent"):
            journal.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    for act in (lambda: journal.append(events(60, 1)), journal.flush, lambda: journal.append_actions(actions(1, 1))):
        with pytest.raises(JournalError, match="cannot be written"):
            act()
    journal.close()
    blocks, reader = found(tmp_path)
    assert [payload for _, payload in blocks] == [events(0, 4).tobytes()]
    assert reader.torn_bytes == 100


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_write_that_comes_short_goes_on(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    write = os.write

    def short(file: int, data: Any) -> int:
        return write(file, bytes(data)[: max(len(data) // calls, 1)])

    monkeypatch.setattr(os, "write", short)
    journal.append(events(0, 40))
    journal.flush()
    assert [payload for _, payload in found(tmp_path)[0]] == [events(0, 40).tobytes()]


def test_a_disk_that_fails_to_keep_is_an_error(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(JournalError, match="cannot be written to disk"):
        journal.sync()


def test_a_journal_is_followed_while_it_is_written(tmp_path: Path) -> None:
    """Block by block, over new segments, past a block of which only a part is there yet."""
    journal = Journal(tmp_path, COIN, "core", segment_bytes=1_000)
    made: list[bytes] = []
    missing: list[bytes] = []
    rounds = iter(range(9))

    def may_come() -> bool:
        """All was read: more comes, in every third round but for its last bytes, which come in the next."""
        n = next(rounds)
        if missing:
            with journal.path.open("ab") as file:
                file.write(missing.pop())
            return True
        if journal.is_full:
            journal.new_segment()
        for rows in (events(100 * n, 9), events(100 * n + 50, 3)):
            made.append(rows.tobytes())
            journal.append(rows)
        journal.flush()
        if n % 3 == 0:
            content = journal.path.read_bytes()
            missing.append(content[-20:])
            os.truncate(journal.path, len(content) - 20)
        return n < 8

    came = [block.payload for block in read(tmp_path).follow(may_come)]
    journal.close()
    assert came == made
    assert len(made) == 12
    assert len(segments(tmp_path)) > 1
    assert came == [block.payload for block in read(tmp_path)]
