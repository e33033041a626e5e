"""What the venue allows an address (IP), and how long a client waits (hyperliquid.md 12)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The venue's limits of one IP, and the client's own times in s. Other processes on the same IP need their share."""

    weight_per_minute: int = 1_200
    weight_kept_for_actions: int = 200  # info requests leave so much of it
    messages_per_minute: int = 2_000
    posts_in_flight: int = 100
    connects_per_minute: int = 30
    ping_s: float = 5.0  # a connection that said nothing for so long is asked
    silence_s: float = 15.0  # and is given up after so long
    post_s: float = 10.0  # an action unanswered for so long has an unknown outcome
    info_s: float = 10.0  # one try of an info request
    info_tries: int = 6
    start_s: float = 30.0  # in which `start` must have brought the connection up
    first_pause_s: float = 0.25  # before a reconnect or another try; doubles, jittered
    longest_pause_s: float = 20.0
