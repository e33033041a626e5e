"""Which settings two configurations do not share, and the hash that tells configurations apart."""

import hashlib
from typing import Any

from touchstone.config import Config

NOT_OF_TRADING = ("account", "live")  # where and for whom, not how


def differences(a: Config, b: Config) -> list[dict[str, Any]]:
    """Settings in which B is not A: `setting` as `[section] key`, value under `a` and `b`."""
    found = []
    left, right = a.model_dump(), b.model_dump()
    for section, values in left.items():
        if isinstance(values, dict):
            found += [
                {"setting": f"[{section}] {key}", "a": value, "b": right[section][key]}
                for key, value in values.items()
                if value != right[section][key]
            ]
    return found


def told(value: Any) -> str:
    """A setting's value as people read it."""
    return "(empty)" if value in ("", None) else str(value)


def settings_hash(config: Config) -> str:
    """Hash of how it trades: every setting but seed, account and place."""
    text = config.model_dump_json(exclude={"seed", *NOT_OF_TRADING})
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
