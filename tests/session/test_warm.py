"""Compiling ahead: another process beside, and what becomes of its compiled code."""

import os
import time
from pathlib import Path

import pytest

from touchstone.session import warm

CHILD = """
import os, pathlib, sys
folder = pathlib.Path(os.environ["TOUCHSTONE_CACHE_DIR"]) / "version" / "core"
assert (folder / "ours.nbi").read_text() == "ours"
for name in ("ours", "theirs"):
    (folder / f"{name}.1.nbc").unlink(missing_ok=True)
    (folder / f"{name}.nbi").unlink(missing_ok=True)
    (folder / f"{name}.1.nbc").write_text("theirs")
    (folder / f"{name}.nbi").write_text("theirs")
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one function, and a module `other` that compiles this one and another."""
    (tmp_path / "other.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    folder = tmp_path / "cache" / "version"
    (folder / "core").mkdir(parents=True)
    (folder / "core" / "ours.1.nbc").write_text("ours")
    (folder / "core" / "ours.nbi").write_text("ours")
    monkeypatch.setattr(warm, "CACHE_DIR", folder)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    return folder


@pytest.mark.parametrize("status", ["0", "1"])
def test_what_a_process_beside_compiles_is_kept_and_what_is_here_stays(cache: Path, status: str) -> None:
    """Also of a process that fails later: what it leaves undone is compiled when it is needed."""
    with warm.beside("other", status):
        pass
    texts = {file.name: file.read_text() for file in (cache / "core").iterdir()}
    assert texts == {"ours.nbi": "ours", "ours.1.nbc": "ours", "theirs.nbi": "theirs", "theirs.1.nbc": "theirs"}
    assert [folder.name for folder in cache.parent.iterdir()] == ["version"]


def test_one_processor_does_it_alone(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one processor would take longer than one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    with warm.beside("other", "0"):
        pass
    assert not (cache / "core" / "theirs.nbi").exists()


def test_an_interrupted_start_leaves_no_process_and_no_folder(cache: Path, tmp_path: Path) -> None:
    """Ctrl-C while it compiles."""
    (tmp_path / "other.py").write_text("import time\ntime.sleep(600)\n")
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), warm.beside("other"):
        raise KeyboardInterrupt
    assert time.monotonic() - began < 60
    assert [folder.name for folder in cache.parent.iterdir()] == ["version"]
