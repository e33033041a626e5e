"""A market maker for Hyperliquid perpetuals that measures itself."""

__version__ = "0.1.0"


class TouchstoneError(Exception):
    """A failure to tell the user in one sentence: what, the value, the remedy. `exit_code` is the command's."""

    exit_code = 1
