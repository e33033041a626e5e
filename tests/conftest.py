"""What all tests share: where real recordings are kept, and how property tests search."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
