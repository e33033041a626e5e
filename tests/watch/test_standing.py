"""How a session stands, from its folder alone."""

from pathlib import Path

import pytest

from touchstone.watch.standing import STATUS, NoSessionError, Reader, newest, sessions_of

from .conftest import Write, a_result


def test_a_session_runs_is_silent_and_ends(write: Write) -> None:
    assert Reader(write()).read().phase == "running"
    silent = Reader(write(age_s=60.0)).read()
    assert silent.phase == "silent"
    assert silent.silent_s == pytest.approx(60.0, abs=2.0)
    ended = Reader(write(final=a_result() | {"fills": 22})).read()
    assert ended.phase == "ended"
    assert not ended.is_live
    assert ended.result["fills"] == 22  # its own, not that of the last moment


def test_half_a_file_leaves_what_was_known(write: Write) -> None:
    reader = Reader(write())
    assert reader.read().result["fills"] == 21
    (reader.folder / STATUS).write_text('{"wall_ns": 1, "sta')
    assert reader.read().result["fills"] == 21


def test_reading_writes_nothing(write: Write) -> None:
    folder = write()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    Reader(folder).read()
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_no_session_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(NoSessionError, match=str(tmp_path)):
        Reader(tmp_path).read()
    with pytest.raises(NoSessionError, match="touchstone run"):
        newest(tmp_path / "sessions")


def test_the_newest_session_comes_first(tmp_path: Path) -> None:
    for name in ("2026-01-01", "2026-01-02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").write_text("")
    (tmp_path / "2026-01-01" / STATUS).write_text("{}")  # written last
    assert [folder.name for folder in sessions_of(tmp_path)] == ["2026-01-01", "2026-01-02"]
