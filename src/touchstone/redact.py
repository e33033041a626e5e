"""Text for people with anything in it that could be a private key taken out."""

import re

HIDDEN = "<64 hex digits, hidden>"
_KEY = re.compile(r"(?<![0-9a-zA-Z])(?:0[xX])?[0-9a-fA-F]{64}(?![0-9a-zA-Z])")
_NUMBER = re.compile(r"(?<![0-9])[0-9]{70,78}(?![0-9])")  # the same as a decimal number


def redact(text: str) -> str:
    """`text` with each run of exactly 64 hexadecimal digits hidden: a key, or a hash that looks like one."""
    return _NUMBER.sub(HIDDEN, _KEY.sub(HIDDEN, text))


def looks_like_key(text: str) -> bool:
    """Whether all of `text` could be a private key."""
    return _KEY.fullmatch(text.strip()) is not None
