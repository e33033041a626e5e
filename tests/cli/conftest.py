"""The exchange and the keys of the trading shell's tests, for the commands that act on it."""

from tests.live.conftest import child, impatient, key, keystore, no_secrets_in_the_environment, venue

__all__ = ["child", "impatient", "key", "keystore", "no_secrets_in_the_environment", "venue"]
