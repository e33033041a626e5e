"""What the models have learned and earned, from one session to the next.

Scorecards, e-processes, influence and posteriors go on; so do the estimators of the market, which forget by themselves.
Predictions still open at the end are not carried: their outcomes were not seen.
"""

import hashlib
from typing import Any

import numpy as np

from touchstone.config import Config
from touchstone.core import state
from touchstone.core.records import MODEL_VERSION

_TIME_BYTES = 8
CARRIED = ("models", "volatility", "intensity", "microprice", "regime", "changepoint")


def key(config: Config, source: str) -> str:
    """Tells evidence that may be carried from evidence that may not: market, model version, settings, layout.

    source: where the market comes from, so that what was learned on paper stays with paper.
    """
    settings = (config.models.model_dump_json(), config.evaluation.model_dump_json())
    return _digest([source, _version(), *settings, *_layout()])


def version() -> str:
    """Tells models that may be held against each other from those of another version or layout."""
    return _digest([_version(), *_layout()])


def market(source: str) -> str:
    """Tells a market from others, whatever the models."""
    return _digest([source])


def _version() -> str:
    return f"version {int(MODEL_VERSION)}"


def _layout() -> list[str]:
    return [f"{name} {state.STATE[name].descr!r}" for name in CARRIED]


def _digest(parts: list[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def pack(the_state: Any) -> bytes:
    """The parts that are carried, as bytes."""
    parts = [np.ascontiguousarray(the_state[name]).tobytes() for name in CARRIED]
    return b"".join([int(the_state.now_ns).to_bytes(_TIME_BYTES, "little"), *parts])


def left_ns(content: bytes) -> int:
    """Time of the state that was packed."""
    return int.from_bytes(content[:_TIME_BYTES], "little")


def unpack(the_state: Any, content: bytes, now_ns: int) -> bool:
    """Into a state that has been reset; False (and nothing done) where it does not fit or is of a later time."""
    at = _TIME_BYTES
    if len(content) != at + sum(state.STATE[name].itemsize for name in CARRIED):
        return False
    if left_ns(content) > now_ns:
        return False
    for name in CARRIED:
        size = state.STATE[name].itemsize
        the_state[name] = np.frombuffer(content, state.STATE[name], 1, at)[0]
        at += size
    return True
