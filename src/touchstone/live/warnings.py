"""Warnings that say what they mean: a line for the log that a person can act on."""

from typing import Literal


def quota_warning(position: float, headroom_share: float, reduces: Literal["bids", "asks"]) -> str:
    """The line when inventory forcing begins: position in units of the coin, share of the allowance left (0 to 1).

    The fields keep their names, so that what looked for them in a log still finds them.
    """
    return (
        f"request quota low with a position: only what reduces it is quoted position={position:g} "
        f"headroom_pct={100.0 * headroom_share:.1f} reduce_side={reduces} (normal: the rest is kept for getting out; "
        "it ends when trades have earned requests or the position is small. Later: lower [quota] headroom_trigger or "
        "raise position_threshold; rarer: raise [quoting] keep_tolerance_bps or requote_interval_ms. "
        "docs/operations.md, The request quota)"
    )
