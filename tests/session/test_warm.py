"""Compiling ahead: another process beside."""

import os
import time
from pathlib import Path

import pytest

from touchstone.session import warm

CHILD = "import pathlib, sys\npathlib.Path(sys.argv[1]).write_text('compiled')\nsys.exit(int(sys.argv[2]))\n"


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `other`, to be run beside, on a machine with two processors."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (tmp_path / "other.py").write_text(CHILD)
    return tmp_path / "other.py"


@pytest.mark.parametrize("status", ["0", "1"])
def test_a_process_beside_is_waited_for(other: Path, tmp_path: Path, status: str) -> None:
    """Also one that fails: what it leaves undone is compiled when it is needed."""
    with warm.beside("other", str(tmp_path / "done"), status):
        pass
    assert (tmp_path / "done").read_text() == "compiled"


def test_one_processor_does_it_alone(other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one processor would take longer than one."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with warm.beside("other", str(tmp_path / "done"), "0"):
        pass
    assert not (tmp_path / "done").exists()


def test_an_interrupted_start_leaves_no_process(other: Path) -> None:
    """Ctrl-C while it compiles."""
    other.write_text("import time\ntime.sleep(600)\n")
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), warm.beside("other"):
        raise KeyboardInterrupt
    assert time.monotonic() - began < 60
