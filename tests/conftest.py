"""What all tests share: where compiled code and real recordings are kept, and how property tests search."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings


def begin_with(compiled: Path, own: Path) -> None:
    """Copy the newest compiled code into a worker's own folder, unless it has that already."""
    versions = [folder for folder in compiled.iterdir() if folder.is_dir()] if compiled.is_dir() else []
    newest = max(versions, key=lambda folder: folder.stat().st_mtime, default=None)
    if newest is not None and not (own / newest.name).exists():
        shutil.copytree(newest, own / f"{newest.name}.part", dirs_exist_ok=True)
        (own / f"{newest.name}.part").rename(own / newest.name)


# Numba's cache is not safe for two processes that write it at once: each xdist worker has a folder of its own.
# It must be named before anything imports numba.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "touchstone"
    os.environ["TOUCHSTONE_CACHE_DIR"] = str(caches / f"compiled-tests-{worker}")
    begin_with(caches / "compiled", caches / f"compiled-tests-{worker}")

# The same examples each time, and no deadline: a first example may have to wait for the compiler.
settings.register_profile("touchstone", deadline=None, derandomize=True, max_examples=50, database=None)
settings.load_profile("touchstone")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real Hyperliquid recordings."""
    given = os.environ.get("TOUCHSTONE_DATA")
    root = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    folder = root / "hyperliquid"
    if not folder.is_dir():
        pytest.skip("no real recordings here (set TOUCHSTONE_DATA to their folder)")
    return folder
