"""The file of `touchstone exchange --config`: checked, and documented as it is."""

from pathlib import Path

import pytest

from touchstone.config import ConfigError
from touchstone.local.server import settings

ROOT = Path(__file__).parents[3]


def written(folder: Path, text: str) -> Path:
    path = folder / "exchange.toml"
    path.write_text(text)
    return path


def test_a_file_holds_what_differs_from_the_defaults(tmp_path: Path) -> None:
    text = """
[limits]
users = 3
[faults]
halted = ["BTC"]
[faults.inbound]
median_ms = 20
[coins.BTC]
open_interest_cap = 1e6
"""
    found = settings.load(written(tmp_path, text))
    assert (found.limits.users, found.limits.connections) == (3, 10)
    assert (found.faults.halted, found.faults.inbound.median_ms) == (("BTC",), 20.0)
    assert found.coins["BTC"].open_interest_cap == 1e6
    assert settings.load(None) == settings.ServerSettings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[limits]\nnonsense = 1", "limits.nonsense"),
        ("[limits]\nusers = 0", "limits.users"),
        ("[faults]\nlost_response_chance = 1.5", "faults.lost_response_chance"),
        ("[faults]\nclock_skew_ms = 90000", "faults.clock_skew_ms"),
        ("networks = 'moon'", "networks"),
        ("[limits", "exchange.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        settings.load(written(tmp_path, text))


def test_the_reference_is_current() -> None:
    assert (ROOT / "docs/exchange-settings.md").read_text() == settings.reference()
