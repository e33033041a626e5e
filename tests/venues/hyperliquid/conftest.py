"""Where recorded fixtures and published signing vectors are, if they are here."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def shared() -> Path:
    given = os.environ.get("TOUCHSTONE_DATA")
    return Path(given).parent if given else Path(__file__).parents[4] / "shared"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real Hyperliquid recordings."""
    folder = shared() / "data" / "hyperliquid"
    if not folder.is_dir():
        pytest.skip("no real recordings here (set TOUCHSTONE_DATA to their folder)")
    return folder


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Known answers of signing: those of the public clients, and some computed with the official one."""
    path = shared() / "knowledge" / "hyperliquid-signing-vectors.json"
    if not path.is_file():
        pytest.skip("no signing vectors here (they are beside the folder that TOUCHSTONE_DATA names)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found
