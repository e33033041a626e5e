"""Where the published signing vectors are, if they are here."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Known answers of signing."""
    given = os.environ.get("TOUCHSTONE_DATA")
    root = Path(given).parent if given else Path(__file__).parents[4] / "shared"
    path = root / "knowledge" / "hyperliquid-signing-vectors.json"
    if not path.is_file():
        pytest.skip("no signing vectors here (they are beside the folder that TOUCHSTONE_DATA names)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found
