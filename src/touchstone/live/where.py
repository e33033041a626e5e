"""Which exchange a session trades on."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Where:
    """The exchange that is traded on: one of our own (`starts`), else that of the settings."""

    starts: Sequence[str] | None = None  # arguments of `touchstone exchange`
    speed: float = 1.0  # of the exchange's time against the wall's
    seed: int = 0
    mirrors: str | None = None  # URL of the exchange that an own one mirrors
    shows_own_orders: bool = True  # whether its book holds our orders: not where it plays a recording or mirrors a feed
    password_fd: int | None = None
