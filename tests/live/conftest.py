"""A key that tests may know, and keystores that open quickly."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from touchstone.live import keys

TEST_KEY = "0x" + "5e" + "c0ffee7a57ed" * 5 + "01"  # of nobody
FAST_SCRYPT = 2


@pytest.fixture
def key() -> str:
    return TEST_KEY


@pytest.fixture(autouse=True)
def no_secrets_in_the_environment() -> Iterator[None]:
    """Reading a secret takes it out of the environment, so a test must not find one, nor leave one."""
    kept = {name: os.environ.pop(name) for name in keys.SECRET_VARIABLES if name in os.environ}
    yield
    for name in keys.SECRET_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(kept)


@pytest.fixture
def keystore(tmp_path: Path, key: str) -> Path:
    """Keystore of the key, for testnet; its password is `a password`."""
    path = tmp_path / "agent.json"
    keys.write_keystore(path, keys.Secret(key), keys.Secret("a password"), network="testnet", scrypt_n=FAST_SCRYPT)
    return path
