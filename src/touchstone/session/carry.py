"""What the models have learned and earned, from one session to the next.

Scorecards, e-processes, influence and posteriors go on; so do the estimators of the market, which forget by themselves.
Predictions still open at the end are not carried: their outcomes were not seen.
"""

import hashlib
from typing import Any

import numpy as np

from touchstone.config import Config
from touchstone.core import state
from touchstone.core.calibration.ledger import MODEL_VERSION

CARRIED = ("models", "volatility", "intensity", "microprice")


def key(config: Config) -> str:
    """Tells evidence that may be carried from evidence that may not: model version, settings of models, layout."""
    parts = [f"version {int(MODEL_VERSION)}", config.models.model_dump_json(), config.evaluation.model_dump_json()]
    parts += [f"{name} {state.STATE[name].descr!r}" for name in CARRIED]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def pack(the_state: Any) -> bytes:
    """The parts that are carried, as bytes."""
    return b"".join(np.ascontiguousarray(the_state[name]).tobytes() for name in CARRIED)


def unpack(the_state: Any, content: bytes) -> bool:
    """Into a state that has been reset; False (and nothing done) where the content does not fit."""
    if len(content) != sum(state.STATE[name].itemsize for name in CARRIED):
        return False
    at = 0
    for name in CARRIED:
        size = state.STATE[name].itemsize
        the_state[name] = np.frombuffer(content, state.STATE[name], 1, at)[0]
        at += size
    return True
